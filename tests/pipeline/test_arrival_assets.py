"""The assets of landing and conforming, with the real rooms and small files."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import dagster as dg
import duckdb
import pytest
from pretending import stage_of

from assets import conformed, landing, quality, spine
from assets.stage import Stage
from expectations.checks import CheckResult, Severity
from sources.contracts import Contract, load_contracts, load_dataset_table
from warehouse.errors import DataRefused
from warehouse.home import Home
from warehouse.reference import load_reference
from warehouse.settings import DatabaseSource
from warehouse.storage import count

PERIOD = "2026-10"
HEADER = "record_id,full_name,nik,birth_date\n"

Deliver = Callable[..., None]


@pytest.fixture
def farmers() -> Contract:
    return load_contracts()["farmers"]


@pytest.fixture
def stage(home: Home, con: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch) -> Stage:
    # Great Expectations takes seconds to load; the judging itself is tested in its room.
    monkeypatch.setattr(conformed, "judge_dataset", lambda *_all: quality.nothing_to_judge())
    load_reference(con)
    return stage_of(home, con)


@pytest.fixture
def deliver(home: Home) -> Deliver:
    def put(text: str, period: str = PERIOD, name: str = "tani.csv") -> None:
        folder = home.inbox / "farmers" / period
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)

    return put


def _land(stage: Stage, contract: Contract, period: str = PERIOD) -> dict[str, object]:
    """Land as a run of its own would."""
    made = landing._land(stage_of(stage.home, stage.con), contract, period)
    (check,) = [each for each in made.check_results if each.check_name == "delivered"]
    return {**made.metadata, "passed": check.passed, "told": check.description}


def _conform(stage: Stage, contract: Contract, period: str = PERIOD) -> dict[str, object]:
    made = conformed._conform(stage_of(stage.home, stage.con), contract, period)
    checks = {check.check_name: check.passed for check in made.check_results}
    return {**made.metadata, **checks}


def test_a_dataset_that_nobody_delivered_is_missing_and_no_failure(
    stage: Stage, farmers: Contract
) -> None:
    landed = _land(stage, farmers)
    assert (landed["state"], landed["passed"]) == ("missing", False)
    assert farmers.provider in str(landed["told"])
    made = _conform(stage, farmers)
    assert made["state"] == "missing"
    assert made["critical_expectations"] is True


def test_a_delivery_lands_once_and_again_only_when_it_changed(
    stage: Stage, farmers: Contract, deliver: Deliver
) -> None:
    deliver(HEADER + "1,SUPARMAN,,1990-01-01\n2,SITI,,1991-01-01\n")
    first = _land(stage, farmers)
    assert (first["state"], first["new"], first["delivered"]) == ("current", "true", 2)
    assert first["passed"] is True
    assert _land(stage, farmers)["new"] == "false"
    deliver(HEADER + "1,SUPARMAN,,1990-01-01\n")
    third = _land(stage, farmers)
    assert (third["new"], third["delivery_version"], third["delivered"]) == ("true", 2, 1)


def test_an_older_delivery_stands_in_and_then_grows_stale(
    stage: Stage, farmers: Contract, deliver: Deliver
) -> None:
    deliver(HEADER + "1,SUPARMAN,,1990-01-01\n", period="2026-08")
    _land(stage, farmers, "2026-08")
    carried = _land(stage, farmers)
    assert (carried["state"], carried["delivery_period"], carried["age_months"]) == (
        "carried", "2026-08", 2,
    )  # fmt: skip
    assert carried["passed"] is False
    assert _conform(stage, farmers)["accepted"] == 1
    assert _land(stage, farmers, "2028-08")["state"] == "stale"
    assert "accepted" not in _conform(stage, farmers, "2028-08")


def test_a_refused_delivery_raises_and_what_was_in_force_stays(
    stage: Stage, farmers: Contract, deliver: Deliver
) -> None:
    deliver(HEADER + "1,SUPARMAN,,1990-01-01\n")
    _land(stage, farmers)
    deliver("record_id,nik\n1,2\n")
    with pytest.raises(DataRefused, match="full_name") as refused:
        _land(stage, farmers)
    assert refused.value.code == "SCHEMA_DRIFT"
    assert count(stage.con, "landing.farmers", "full_name = 'SUPARMAN'") == 1


def test_an_unchanged_delivery_is_not_conformed_a_second_time(
    stage: Stage, farmers: Contract, deliver: Deliver, monkeypatch: pytest.MonkeyPatch
) -> None:
    deliver(HEADER + "1,SUPARMAN,,1990-01-01\n2,SITI,,1991-01-01\n")
    _land(stage, farmers)
    first = _conform(stage, farmers)
    assert (first["done"], first["accepted"], first["dagster/partition_row_count"].value) == (
        "now", 2, 2,
    )  # fmt: skip
    again = _conform(stage, farmers)
    assert (again["done"], again["accepted"]) == ("before", 2)
    monkeypatch.setattr("assets.fingerprints._code_hash", lambda: "another version of the rules")
    assert _conform(stage, farmers)["done"] == "now"


def test_a_database_goes_before_files(
    stage: Stage, farmers: Contract, deliver: Deliver, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def fetch(*arguments: object, **_named: object) -> None:
        asked.append(arguments[4])

    monkeypatch.setattr("sources.databases.fetch", fetch)
    source = object()
    own = stage_of(stage.home, stage.con, databases={"farmers": source})
    deliver(HEADER + "1,SUPARMAN,,1990-01-01\n")
    made = landing._land(own, farmers, PERIOD)
    assert asked == [PERIOD]
    assert made.metadata["state"] == "missing"


@pytest.mark.parametrize(
    ("reads", "state"),
    [
        ({"query": "SELECT record_id, full_name FROM tani WHERE bulan = :period"}, "carried"),
        ({"table": "tani"}, "refused"),
    ],
)
def test_a_database_silent_on_a_month_has_not_delivered_and_an_empty_table_is_refused(
    stage: Stage, farmers: Contract, tmp_path: Path, reads: dict[str, str], state: str
) -> None:
    with sqlite3.connect(tmp_path / "s.sqlite") as database:
        database.execute("CREATE TABLE tani (record_id TEXT, full_name TEXT, bulan TEXT)")
        database.execute("INSERT INTO tani VALUES ('1', 'SUPARMAN', '2026-09')")
    source = DatabaseSource.model_validate({"url": f"sqlite:///{tmp_path}/s.sqlite", **reads})
    databases = {"farmers": source}
    landing._land(stage_of(stage.home, stage.con, databases=databases), farmers, "2026-09")
    if state == "refused":
        with sqlite3.connect(tmp_path / "s.sqlite") as database:
            database.execute("DELETE FROM tani")
        with pytest.raises(DataRefused, match="no rows"):
            landing._land(stage_of(stage.home, stage.con, databases=databases), farmers, PERIOD)
        return
    made = landing._land(stage_of(stage.home, stage.con, databases=databases), farmers, PERIOD)
    assert made.metadata["state"] == state
    assert made.metadata["delivery_period"] == "2026-09"


def test_a_month_without_a_register_is_refused_by_name(stage: Stage) -> None:
    load_dataset_table(stage.con, stage.contracts)
    stage.in_force(PERIOD)
    with pytest.raises(DataRefused, match=r"inbox/dukcapil_population/2026-10/") as refused:
        spine._build(stage, PERIOD, ["dukcapil_population"])
    assert refused.value.code == "NO_REGISTER"


def test_failed_expectations_come_first_and_are_counted(farmers: Contract) -> None:
    def result(name: str, severity: Severity, success: bool) -> CheckResult:
        return CheckResult(
            name=name,
            table="conformed.farmers",
            expectation="expect_nothing",
            column="",
            severity=severity,
            success=success,
            rows=9,
            evaluated=9,
            unexpected=0 if success else 3,
            unexpected_share=0.0,
            observed="",
            id=name,
            en=name,
        )

    told = quality._told(
        [
            result("good", "critical", True),
            result("bad", "critical", False),
            result("odd", "warning", False),
        ]
    )
    critical, warning = told
    assert (critical.passed, critical.severity) == (False, dg.AssetCheckSeverity.ERROR)
    assert (warning.passed, warning.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert critical.metadata["failed"].value == 1
    assert critical.metadata["results"].value.splitlines()[2].startswith("| bad | NO | 9 | 3")
    assert "[bad: 3 dari 9]" in critical.description


def test_what_lies_elsewhere_is_read_from_there(
    stage: Stage, farmers: Contract, tmp_path: Path
) -> None:
    folder = tmp_path / "drop" / "inbox" / "farmers" / PERIOD
    folder.mkdir(parents=True)
    (folder / "a.csv").write_text(HEADER + "1,SUPARMAN,,1990-01-01\n")
    told: list[str] = []
    (tmp_path / "drop" / "inbox" / "no_dataset").mkdir()
    own = stage_of(stage.home, stage.con, inbox=tmp_path / "drop")
    own.log = told.append
    assert landing._land(own, farmers, PERIOD).metadata["delivered"] == 1
    assert any("no_dataset" in line for line in told)
