"""What is late, from whom and by how much: by contract and month, whatever day it is."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from typer.testing import CliRunner

from assets.deliveries import deadline
from pipelines import overview as command
from pipelines.cli import app
from sources.arrivals import arrivals, due
from sources.contracts import load_contracts
from warehouse.home import Home

PERIOD = "2026-10"
KEYS = ("dukcapil_population", "bpjs_participants", "farmers", "djp_withholding")


@pytest.fixture(scope="module")
def contracts() -> dict:
    found = load_contracts()
    return {key: found[key] for key in KEYS}


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as con:
        con.execute("""
            CREATE SCHEMA landing;
            CREATE TABLE landing.deliveries (dataset VARCHAR, period VARCHAR, version INTEGER,
                state VARCHAR, reason_code VARCHAR, received_at TIMESTAMP);
            INSERT INTO landing.deliveries VALUES
                ('bpjs_participants', '2026-10', 1, 'accepted', NULL, '2026-11-09 16:59:00'),
                ('djp_withholding', '2026-10', 1, 'rejected', 'SCHEMA_DRIFT', '2026-11-05 00:00'),
                ('dukcapil_population', '2026-09', 1, 'accepted', NULL, '2026-10-02 00:00')
        """)
        yield con


def _by_key(con: duckdb.DuckDBPyConnection | None, contracts: dict, day: str) -> dict:
    found = arrivals(con, contracts, PERIOD, dt.date.fromisoformat(day))
    return {arrival.dataset: arrival for arrival in found}


def test_three_days_after_the_deadline_it_is_three_days_late(con, contracts) -> None:
    assert due(contracts["dukcapil_population"], PERIOD) == dt.date(2026, 11, 9)
    register = _by_key(con, contracts, "2026-11-12")["dukcapil_population"]
    assert (register.state, register.days_late, register.stands_in) == ("late", 3, "2026-09")
    assert register.missing
    assert "dukcapil_population 2026-10" in register.told
    assert "3 hari" in register.told
    assert "Dukcapil" in register.told


def test_before_the_deadline_it_is_awaited_and_not_late(con, contracts) -> None:
    register = _by_key(con, contracts, "2026-11-09")["dukcapil_population"]
    assert (register.state, register.days_late, register.missing) == ("awaited", 0, False)


def test_what_came_in_time_by_jakarta_is_not_late(con, contracts) -> None:
    """16:59 UTC on the ninth is one minute before midnight in Jakarta."""
    cards = _by_key(con, contracts, "2026-11-30")["bpjs_participants"]
    assert (cards.state, cards.days_late, cards.missing) == ("arrived", 0, False)
    con.execute("UPDATE landing.deliveries SET received_at = '2026-11-09 17:01:00'")
    assert _by_key(con, contracts, "2026-11-30")["bpjs_participants"].days_late == 1


def test_a_refused_delivery_says_why_and_is_missing_after_the_deadline(con, contracts) -> None:
    payroll = _by_key(con, contracts, "2026-11-20")["djp_withholding"]
    assert (payroll.state, payroll.reason, payroll.missing) == ("refused", "SCHEMA_DRIFT", True)


def test_the_latest_come_first_and_another_deadline_counts(con, contracts) -> None:
    other = contracts | {"farmers": dataclasses.replace(contracts["farmers"], due_day=2)}
    found = arrivals(con, other, PERIOD, dt.date(2026, 11, 12))
    assert found[0].dataset == "farmers"
    assert found[0].days_late == 10
    assert found[-1].dataset == "bpjs_participants"
    assert deadline(other["farmers"]).deadline_cron == "59 23 2 * *"


def test_a_home_without_any_run_misses_everything(tmp_path: Path) -> None:
    told = command.overview(Home(tmp_path), PERIOD, dt.date(2026, 11, 12))
    assert len(told["late"]) == len(load_contracts())
    assert told["lines"][-1] == "publikasi: belum ada"


def test_status_is_a_command(tmp_path: Path) -> None:
    home = ["--home", str(tmp_path), "--period", "2020-01"]
    plain = CliRunner().invoke(app, ["status", *home])
    assert plain.exit_code == 0
    assert "dukcapil_population 2020-01" in plain.stdout
    told = json.loads(CliRunner().invoke(app, ["status", *home, "--json"]).stdout)
    assert "dukcapil_population" in told["late"]
    assert CliRunner().invoke(app, ["status", "--period", "2020-13"]).exit_code == 2
