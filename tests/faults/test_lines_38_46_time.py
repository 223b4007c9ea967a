"""Faults 41 and 42: readers that stay while others publish, and clocks that cannot be trusted."""

from __future__ import annotations

import datetime as dt
import re
import time
from pathlib import Path

import dagster as dg
import duckdb
import pytest
from harness.readers import PERIOD, publish_with_readers, set_workers, tiny_tables

from pipelines import schedules
from warehouse.connection import last_day, set_parameters
from warehouse.publication import publish
from warehouse.settings import PublicationSettings, Settings

ROOT = Path(__file__).parents[2]
ZONES = ("UTC", "Asia/Jakarta", "Asia/Makassar", "Asia/Jayapura")


@pytest.mark.fault(41, "readers open what is in force while it is replaced")
def test_41_readers_see_a_whole_publication_each_time(tmp_path: Path, shown) -> None:
    seen = publish_with_readers(tmp_path, publications=6, readers=2, keep=2, tell=print)
    assert seen.errors == []
    assert seen.unequal == 0
    assert seen.reads > 6
    assert seen.distinct > 1
    assert seen.held > 0
    shown("6 publications under 3 readers, 2 of them kept: no reader meets an error or a mixture")


@pytest.mark.fault(41, "a reader that keeps the old publication open")
def test_41_a_reader_keeps_its_snapshot_when_its_file_is_retired(home, con, shown) -> None:
    settings = Settings(publication=PublicationSettings(keep=1))
    tiny_tables(con, 10)
    first = publish(con, home, settings, PERIOD)
    with duckdb.connect(str(home.published / "current" / "cakupan.duckdb"), read_only=True) as old:
        for workers in (11, 12):
            set_workers(con, workers)
            publish(con, home, settings, PERIOD)
        assert not first.path.exists()
        ask = "SELECT sum(workers) FROM coverage.coverage_national"
        assert old.execute(ask).fetchone() == (10,)
        with duckdb.connect(
            str(home.published / "current" / "cakupan.duckdb"), read_only=True
        ) as new:
            assert new.execute(ask).fetchone() == (12,)
    shown("it reads what it opened, though two have followed and its folder is gone")


@pytest.fixture
def zone(monkeypatch: pytest.MonkeyPatch):
    def use(name: str) -> None:
        monkeypatch.setenv("TZ", name)
        time.tzset()

    yield use
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize("period", ["2026-12", "2024-02"])
@pytest.mark.fault(42, "midnight in four zones")
def test_42_the_day_of_a_month_is_the_same_in_every_zone(con, zone, period: str, shown) -> None:
    found = set()
    for name in ZONES:
        zone(name)
        set_parameters(con, Settings(), period)
        found |= set(con.execute("SELECT getvariable('as_of'), getvariable('period')").fetchall())
    assert found == {(last_day(period), period)}
    assert last_day(period) in (dt.date(2026, 12, 31), dt.date(2024, 2, 29))
    shown(f"{period} ends on {last_day(period)} in UTC, WIB, WITA and WIT")


@pytest.mark.fault(42, "no clock in any figure")
def test_42_no_figure_asks_the_clock(shown) -> None:
    asks = re.compile(
        r"\b(now|today|get_current_timestamp|current_localtimestamp)\s*\(|"
        r"\bcurrent_(date|timestamp|time)\b|\bdate\.today\(|\bdatetime\.now\(",
        re.IGNORECASE,
    )
    places = [
        *(ROOT / "warehouse" / "sql").rglob("*.sql"),
        *(ROOT / "matching").rglob("*.sql"),
        *(ROOT / "matching").rglob("*.py"),
        *(ROOT / "sources" / "conforming").rglob("*.py"),
        *(ROOT / "sources" / "conforming").rglob("*.sql"),
        *(ROOT / "sources" / "identifiers").rglob("*.py"),
    ]
    assert len(places) > 40
    asking = [
        f"{path.relative_to(ROOT)}: {line.strip()}"
        for path in places
        for line in path.read_text("utf-8").splitlines()
        if asks.search(line.split("--")[0].split("#")[0])
    ]
    # Who decided on a pair, and when, is written down; no figure depends on it.
    assert [line for line in asking if not line.startswith("matching/review_")] == []
    shown("neither SQL nor rules of linking and conforming read the clock")


@pytest.mark.parametrize(
    ("at", "month"),
    [
        (dt.datetime(2026, 12, 31, 16, 59, tzinfo=dt.UTC), "2026-11"),
        (dt.datetime(2026, 12, 31, 17, 0, tzinfo=dt.UTC), "2026-12"),
    ],
)
@pytest.mark.fault(42, "the turn of the year on a schedule")
def test_42_the_month_before_is_that_of_jakarta(zone, at: dt.datetime, month: str, shown) -> None:
    (close,) = [each for each in schedules.build() if each.name == "month_close"]
    for name in ZONES:
        zone(name)
        asked = close(dg.build_schedule_context(scheduled_execution_time=at))
        assert asked.partition_key == month
    shown(f"at {at:%H:%M} UTC on 31 December the month before is {month}, whatever the zone here")
