"""Faults 29 to 32: deliveries that come twice, late, half-written, or in an odd size."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from arrivals import Counter, csv, row
from harness.content import content
from harness.readers import set_workers, tiny_tables

from sources import volume
from sources.deliveries import discover, keep
from sources.landing import land, update_in_force
from warehouse.connection import connect
from warehouse.home import Home
from warehouse.publication import publish
from warehouse.settings import GateSettings, Settings


def _versions(counter: Counter) -> list[tuple[int, str]]:
    return counter.con.execute(
        "SELECT version, state FROM landing.deliveries ORDER BY version"
    ).fetchall()


@pytest.mark.fault(29, "the same file twice, and under another name")
def test_29_the_same_content_again_changes_nothing(counter: Counter, shown) -> None:
    rows = csv(*(row(n) for n in range(1, 21)))
    report = counter.take(rows)
    before = counter.everything()
    for name in ("peserta.csv", "peserta_final_2.csv"):
        counter.put({name: rows})
        kept = keep(counter.con, counter.home, counter.contract, counter.found())
        assert (kept.version, kept.new) == (1, False)
        assert _versions(counter) == [(1, "accepted")]
        assert counter.everything() == before
    shown("neither makes a version or a row", report)


@pytest.mark.fault(29, "the same name with new content")
def test_29_new_content_under_an_old_name_is_a_new_version(counter: Counter, shown) -> None:
    counter.take(csv(*(row(n) for n in range(1, 21))))
    report = counter.take(csv(*(row(n, segment="BPU") for n in range(1, 22))))
    assert _versions(counter) == [(1, "accepted"), (2, "accepted")]
    used = update_in_force(counter.con, {counter.contract.key: counter.contract}, counter.period)
    assert used[counter.contract.key].version == 2
    assert len({version for (version,) in counter.rows("delivery_version")}) == 1
    shown("version 2, which is in force; the first stays kept beside it", report)
    assert sorted(p.name for p in counter.home.deliveries.glob("*/*/*")) == ["v1", "v2"]


def _home(path: Path, *publications: tuple[str, int]) -> Home:
    home = Home(path).ensure()
    with connect(home) as con:
        for period, workers in publications:
            tiny_tables(con, workers, period)
            set_workers(con, workers, period)
            publish(con, home, Settings(), period)
    return home


@pytest.mark.fault(30, "months published late and out of order")
def test_30_months_in_any_order_give_the_tables_of_a_full_rebuild(tmp_path: Path, shown) -> None:
    # October late, then corrected when November is out already.
    late = _home(tmp_path / "late", ("2026-11", 30), ("2026-10", 10), ("2026-10", 12))
    rebuilt = _home(tmp_path / "rebuilt", ("2026-10", 12), ("2026-11", 30))
    assert content(late.path) == content(rebuilt.path)
    names = sorted(path.name for path in late.published.iterdir())
    assert names == ["2026-10-1", "2026-10-2", "2026-11-1", "2026-11-2", "2026-11-3", "current"]
    assert (late.published / "current").resolve().name == "2026-11-3"
    shown("every table is that of a full rebuild in order, and the newest month stays in force")


@pytest.mark.fault(30, "a delivery for a month gone by")
def test_30_a_late_delivery_counts_for_its_month_and_those_it_is_carried_to(
    counter: Counter, shown
) -> None:
    contracts = {counter.contract.key: counter.contract}
    report = counter.take(csv(*(row(n) for n in range(1, 21))))
    counter.period = "2026-09"
    late = counter.take(csv(*(row(n) for n in range(1, 20))))
    used = {
        period: update_in_force(counter.con, contracts, period)[counter.contract.key]
        for period in ("2026-08", "2026-09", "2026-10", "2026-11")
    }
    counter.period = "2026-10"
    assert [each.state for each in used.values()] == ["missing", "current", "current", "carried"]
    assert used["2026-10"].delivery_period == used["2026-11"].delivery_period == "2026-10"
    assert counter.con.execute(
        f"SELECT period, count(*) FROM conformed.{counter.contract.key} GROUP BY ALL ORDER BY ALL"
    ).fetchall() == [("2026-09", late.accepted), ("2026-10", report.accepted)]
    shown("it is in force for its own month; the rows of later months are untouched", late)


@pytest.mark.fault(31, "a file that still grows")
def test_31_a_growing_file_is_waited_for(counter: Counter, shown) -> None:
    contracts = {counter.contract.key: counter.contract}
    rows = csv(*(row(n) for n in range(1, 21)))
    half = len(rows) // 2
    counter.put({"peserta.csv": rows[:half]})
    file = counter.found().folder / "peserta.csv"

    def look():
        return discover(counter.home.inbox, contracts, counter.period, settle_seconds=60)

    for content_so_far in (rows[:half], rows):
        file.write_text(content_so_far, "utf-8")
        seen = look()
        assert seen.found == {}
        assert counter.contract.key in seen.waiting
    long_ago = time.time() - 61
    os.utime(file, (long_ago, long_ago))
    assert list(look().found) == [counter.contract.key]
    shown("waited for until it has not changed for a minute", counter.take(rows))


@pytest.mark.parametrize("sign", ["_SUCCESS", "manifest.json"])
@pytest.mark.fault(31, "a sign that the delivery is whole")
def test_31_a_sign_of_completeness_is_taken_at_once(counter: Counter, sign: str, shown) -> None:
    contracts = {counter.contract.key: counter.contract}
    rows = csv(*(row(n) for n in range(1, 21)))
    told = "" if sign == "_SUCCESS" else '{"files": [{"name": "peserta.csv", "rows": 20}]}'
    counter.put({"peserta.csv": rows, sign: told})
    seen = discover(counter.home.inbox, contracts, counter.period, settle_seconds=3600)
    assert list(seen.found) == [counter.contract.key]
    report = counter.land()
    assert report.rows == 20
    shown(f"{sign} ends the waiting", delivered=20, accepted=len(counter.landed("kpj")))


def _arrive(counter: Counter, rows: int) -> tuple[str, int]:
    """Deliver so many rows through the gate; give the state and the version in force."""
    counter.put({"peserta.csv": csv(*(row(n) for n in range(1, rows + 1)))})
    kept = keep(counter.con, counter.home, counter.contract, counter.found())
    gate = volume.gate_of(counter.home, GateSettings())
    land(counter.con, counter.home, counter.contract, kept, gate=gate)
    used = update_in_force(counter.con, {counter.contract.key: counter.contract}, counter.period)
    return volume.standing(counter.con, kept), used[counter.contract.key].version or 0


@pytest.mark.parametrize(("rows", "what"), [(690, "31% smaller"), (3001, "3 times larger")])
@pytest.mark.fault(32, "odd sizes")
def test_32_an_odd_size_is_held_until_somebody_decides(
    counter: Counter, rows: int, what: str, shown
) -> None:
    assert _arrive(counter, 1000) == ("accepted", 1)
    assert _arrive(counter, rows) == ("held", 1)
    assert _arrive(counter, rows) == ("held", 1)
    (waiting,) = volume.held(counter.con)
    assert (waiting.dataset, waiting.rows) == (counter.contract.key, rows)
    made = volume.decide(
        counter.con, counter.home, counter.contract.key, counter.period, approve=True,
        reason="dikonfirmasi penyedia", by="petugas",
    )  # fmt: skip
    assert (made.word, made.by, made.reason) == ("approved", "petugas", "dikonfirmasi penyedia")
    assert _arrive(counter, rows)[0] == "accepted"
    assert volume.held(counter.con) == []
    shown(f"{what}: held, the last one stays in force, until somebody approves it with a reason")


@pytest.mark.parametrize("rows", [750, 2900])
@pytest.mark.fault(32, "ordinary sizes")
def test_32_an_ordinary_change_passes(counter: Counter, rows: int, shown) -> None:
    assert _arrive(counter, 1000) == ("accepted", 1)
    assert _arrive(counter, rows) == ("accepted", 2)
    shown("a quarter fewer, or not quite three times as many, pass")
