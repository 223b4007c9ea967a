"""What moved since the month before: what may be told of it, and what the page makes of it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from publishing.changes import SMALL, national_changes, tell_causes, tell_flows
from publishing.dashboard.making import make_dashboard
from tests.dashboards import page_engine, page_islands
from warehouse.settings import DashboardSettings

Run = Callable[[str], Any]


@pytest.mark.parametrize(
    ("exact", "change", "expected"),
    [
        ((-300.0, 120.0, 0.0), -180, (-300, 120, 0)),
        # As printed they add up: the largest takes what rounding leaves.
        ((-300.4, 120.3, 10.4), -171, (-301, 120, 10)),
        # One of a few people would follow from the other two.
        ((-300.0, 120.0, 4.0), -176, (None, None, None)),
        ((-300.0, 0.0, -0.2), -300, (None, None, None)),
        ((0.0, 0.0, 0.0), 0, (0, 0, 0)),
        # Causes of another version of the month do not belong to this difference.
        ((-300.0, 120.0, 0.0), -120, (None, None, None)),
    ],
)
def test_causes_are_told_together_or_not_at_all(
    exact: tuple[float, ...], change: int, expected: tuple[int | None, ...]
) -> None:
    names = ("people", "deliveries", "links")
    told = tell_causes(dict(zip(names, exact, strict=True)), change)
    assert tuple(told.values()) == expected
    if told["people"] is not None:
        assert sum(n for n in told.values() if n is not None) == change


people = st.one_of(
    st.just(0.0), st.floats(-20, 20), st.floats(-3e7, 3e7, allow_nan=False, width=64)
)


@given(people, people, people, st.integers(-1, 1))
def test_whatever_is_told_of_causes_adds_up_and_tells_of_nobody(
    one: float, two: float, three: float, rounding: int
) -> None:
    exact = {"people": one, "deliveries": two, "links": three}
    # Each released gap is rounded by itself: their difference is within one of the exact one.
    change = round(one + two + three) + rounding
    told = tell_causes(exact, change)
    assert list(told) == list(exact)
    if any(count is None for count in told.values()):
        assert set(told.values()) == {None}
        return
    whole = {name: count for name, count in told.items() if count is not None}
    assert sum(whole.values()) == change
    for name, count in whole.items():
        assert abs(count - exact[name]) <= 3
        assert count == 0 or abs(count) >= SMALL


flows = st.one_of(st.just(0.0), st.floats(0, 20), st.floats(0, 3e7, width=64))


@given(flows, flows, flows, flows, st.integers(-2, 2))
def test_whatever_is_told_of_flows_adds_up_and_tells_of_nobody(
    entered: float, left: float, covered: float, lapsed: float, rounding: int
) -> None:
    exact = {"entered_work": entered, "left_work": left, "newly_covered": covered}
    exact["newly_lapsed"] = lapsed
    change = round(entered - left) + rounding
    told = tell_flows(exact, change)
    for name, count in told.items():
        assert count is None or count == 0 or (count >= SMALL and abs(count - exact[name]) <= 0.5)
    # One of the two alone would give the other away.
    assert (told["entered_work"] is None) == (told["left_work"] is None)
    if told["entered_work"] is not None and told["left_work"] is not None:
        assert told["entered_work"] - told["left_work"] == change


@pytest.mark.parametrize(
    ("exact", "change", "expected"),
    [
        ((30.0, 20.0, 12.4, 0.0), 10, (30, 20, 12, 0)),
        # Who entered follows from who left and the workers of both months.
        ((30.0, 7.0, 12.0, 3.0), 23, (None, None, 12, None)),
        ((30.0, 20.0, 0.5, 9.5), 11, (None, None, None, 10)),
    ],
)
def test_flows_of_a_few_and_what_they_follow_from_are_withheld(
    exact: tuple[float, ...], change: int, expected: tuple[int | None, ...]
) -> None:
    names = ("entered_work", "left_work", "newly_covered", "newly_lapsed")
    assert tuple(tell_flows(dict(zip(names, exact, strict=True)), change).values()) == expected


def test_the_country_alone_is_told_and_adds_up_to_the_released_figures(
    published: Path, islands: dict[str, Any], release: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    told = national_changes(published / "release.duckdb", published / "cakupan.duckdb")
    assert islands["data"]["changes"] == told
    assert list(told) == ["2026-09", "2026-10"]
    gaps = [
        gap
        for (gap,) in release.execute(
            "SELECT gap FROM release.coverage_national WHERE basis = 'domicile' ORDER BY period"
        ).fetchall()
    ]
    assert told["2026-10"]["gap_change"] == gaps[2] - gaps[1]
    causes = told["2026-10"]["causes"]
    assert (causes["deliveries"], causes["links"]) == (320, -20)
    assert sum(causes.values()) == gaps[2] - gaps[1]
    assert set(told["2026-09"]["causes"].values()) == {None}
    flows = told["2026-10"]["flows"]
    assert (flows["left_work"], flows["newly_covered"], flows["newly_lapsed"]) == (5000, 701, None)

    assert national_changes(published / "release.duckdb", tmp_path / "none.duckdb") == {}
    with duckdb.connect(str(tmp_path / "old.duckdb")):
        pass
    assert national_changes(published / "release.duckdb", tmp_path / "old.duckdb") == {}
    # A month that is not told in full tells nothing of why it moved.
    partly = tmp_path / "release.duckdb"
    shutil.copy(published / "release.duckdb", partly)
    with duckdb.connect() as con:
        con.execute(f"ATTACH '{partly}' AS made")
        con.execute(
            "UPDATE made.release.coverage_national SET inactive = NULL WHERE period = '2026-09'"
        )
    assert national_changes(partly, published / "cakupan.duckdb") == {}


CHANGES = "Cakupan.changes.create(data, figures)"


def test_a_change_is_the_difference_of_what_both_months_tell(
    run: Run, release: duckdb.DuckDBPyConnection
) -> None:
    assert run(f"{CHANGES}.before(at(''))") == "2026-09"
    assert run(f"{CHANGES}.before(at('#bulan=2026-08'))") is None
    assert run(f"{CHANGES}.yearBefore(at(''))") is None
    longer = "Object.assign({}, data, {periods: ['2026-10', '2026-09', '2025-10']})"
    held = f"Cakupan.changes.create({longer}, figures)"
    assert run(f"{held}.yearBefore(at(''))") == "2025-10"
    names = ("workers", "active", "inactive", "unregistered", "gap", "coverage_rate")
    rows = release.execute(
        f"SELECT {', '.join(names)} FROM release.coverage_by_province WHERE province_code = '32' "
        "AND basis = 'domicile' AND period >= '2026-09' ORDER BY period"
    ).fetchall()
    found = run(f"{CHANGES}.compare(at('#provinsi=32'), '2026-09')")
    assert [one["name"] for one in found["rows"]] == list(names)
    assert [one["change"] for one in found["rows"]] == pytest.approx(
        [now - before for before, now in zip(*rows, strict=True)]
    )


def test_the_year_before_is_that_of_the_release(published: Path, tmp_path: Path) -> None:
    folder = tmp_path / published.resolve().name
    shutil.copytree(published, folder)
    names = ("workers", "active", "inactive", "unregistered", "gap", "coverage_rate")
    with duckdb.connect() as con:
        con.execute(f"ATTACH '{folder / 'release.duckdb'}' AS made")
        tables = con.execute(
            "SELECT DISTINCT table_name FROM duckdb_columns() "
            "WHERE database_name = 'made' AND column_name = 'period'"
        ).fetchall()
        for (table,) in tables:
            con.execute(
                f"UPDATE made.release.{table} SET period = '2025-10' WHERE period = '2026-08'"
            )
        past, now = con.execute(
            f"SELECT {', '.join(names)} FROM made.release.coverage_national "
            "WHERE basis = 'domicile' AND period IN ('2025-10', '2026-10') ORDER BY period"
        ).fetchall()
    make_dashboard(folder, DashboardSettings())
    own = page_engine(page_islands(folder / "dasbor.html"))
    assert own(f"{CHANGES}.yearBefore(at(''))") == "2025-10"
    assert own(f"{CHANGES}.yearBefore(at('#bulan=2026-09'))") is None
    found = own(f"{CHANGES}.compare(at(''), {CHANGES}.yearBefore(at('')))")
    assert [one["change"] for one in found["rows"]] == pytest.approx(
        [new - old for old, new in zip(past, now, strict=True)]
    )


def test_a_withheld_figure_and_a_sum_have_no_change(
    run: Run, release: duckdb.DuckDBPyConnection
) -> None:
    cell = release.execute(
        "SELECT n.province_code, n.sector_code FROM release.coverage_by_province_sector AS n "
        "JOIN release.coverage_by_province_sector AS b USING (basis, province_code, sector_code) "
        "WHERE n.basis = 'domicile' AND n.period = '2026-10' AND b.period = '2026-09' "
        "AND n.active IS NOT NULL AND b.active IS NULL ORDER BY ALL LIMIT 1"
    ).fetchall()[0]
    found = run(f"{CHANGES}.compare(at('#provinsi={cell[0]}&sektor={cell[1]}'), '2026-09')")
    assert {one["name"]: one["change"] for one in found["rows"]}["active"] is None
    segment = run(f"{CHANGES}.compare(at('#segmen=BPU'), '2026-09')")
    assert segment["partial"] is True
    changes = {one["name"]: one["change"] for one in segment["rows"]}
    assert changes.pop("coverage_rate") is not None
    assert set(changes.values()) == {None}
    # A month without the detail has nothing to compare with.
    detail = run(f"{CHANGES}.compare(at('#bulan=2026-09&kabupaten=3204&sektor=G'), '2026-08')")
    assert {one["before"] for one in detail["rows"]} == {None}


def test_what_moved_most_comes_first_whichever_way(
    run: Run, release: duckdb.DuckDBPyConnection
) -> None:
    expected = release.execute(
        "SELECT n.province_code, n.gap - b.gap AS moved FROM release.coverage_by_province AS n "
        "JOIN release.coverage_by_province AS b USING (basis, province_code) "
        "WHERE n.basis = 'domicile' AND n.period = '2026-10' AND b.period = '2026-09' "
        "AND moved <> 0 ORDER BY abs(moved) DESC, province_code LIMIT 5"
    ).fetchall()
    found = run(f"{CHANGES}.most((s) => figures.regions(s), at(''), '2026-09', 5)")
    assert [(one["code"], one["change"]) for one in found["rows"]] == expected
    assert found["told"] >= len(expected)
    none = {"told": 0, "rows": []}
    assert run(f"{CHANGES}.most((s) => figures.regions(s), at(''), null, 5)") == none


def test_nothing_moved_is_not_said_where_nothing_is_told(run: Run) -> None:
    def moved(now: str, before: str) -> Any:
        gap = f"s.bulan === '2026-10' ? {now} : {before}"
        listing = f"(s) => [{{code: '1', figure: {{gap: {gap}, partial: false}}}}]"
        return run(f"{CHANGES}.most({listing}, at(''), '2026-09', 5)")

    assert moved("20", "20") == {"told": 1, "rows": []}
    assert moved("20", "null") == {"told": 0, "rows": []}
    assert [one["change"] for one in moved("20", "35")["rows"]] == [-15]


def test_deliveries_in_another_state_are_named(run: Run) -> None:
    states = (
        "(name, month) => Cakupan.tables.read({n: 2, keys: {dataset: {d: ['a', 'b'], i: '0,1'}, "
        "delivery_state: {d: ['carried', 'current'], i: month === '2026-10' ? '0,1' : '1,1'}}, "
        "figures: {}})"
    )
    assert run(f"{CHANGES}.deliveries({states}, at(''), '2026-09')") == [
        {"dataset": "a", "now": "carried", "before": "current"}
    ]
    assert run(f"{CHANGES}.deliveries(tableOf, at(''), '2026-09')") == []
