"""Nothing released gives back a count of fewer than ten people."""

from __future__ import annotations

from pathlib import Path

import duckdb
import numpy as np
import pytest
from disclosure_world import PERIOD, Person, narrowest, open_frame, people, write_exact

from publishing.disclosure import make_release
from publishing.disclosure.attacker import attack
from publishing.disclosure.frame import SECTOR_REGION
from publishing.disclosure.release import gate
from publishing.disclosure.rules import FULL, WIDTH, Counts, first_levels
from publishing.disclosure.suppression import protect
from warehouse.errors import GateBlocked


def released(folder: Path, persons: list[Person], **more) -> tuple[Path, Path]:
    exact, release = folder / "cakupan.duckdb", folder / "release.duckdb"
    write_exact(exact, persons)
    make_release(exact, release, PERIOD, **more)
    return exact, release


def crowd(place: str, sector: str, active: int, inactive: int, unregistered: int) -> list[Person]:
    """People of one place and sector, spread evenly over segments, sexes and ages."""
    kinds = [(s, x, a) for s in ("PU", "BPU") for x in ("L", "P") for a in ("15-24", "25-34")]
    shares = [(1.0, 0.0)] * active + [(0.0, 1.0)] * inactive + [(0.0, 0.0)] * unregistered
    return [
        (place, place, sector, *kinds[n % len(kinds)], one, lapsed)
        for n, (one, lapsed) in enumerate(shares)
    ]


def plain_world() -> list[Person]:
    """Two provinces of three regencies and three sectors, 400 workers in each cell."""
    return [
        person
        for place in ("3101", "3102", "3103", "3201", "3202", "3203")
        for sector in "ACG"
        for person in crowd(place, sector, 160, 80, 160)
    ]


def query(file: Path, sql: str) -> list[tuple]:
    with duckdb.connect() as con:
        con.execute(f"ATTACH '{file}' AS told (READ_ONLY)")
        con.execute("USE told")
        return con.execute(sql).fetchall()


def test_where_all_counts_are_large_all_are_told(tmp_path: Path) -> None:
    exact, release = released(tmp_path, plain_world())
    assert query(release, "SELECT count(*) FROM release.coverage_by_sector_region "
                          "WHERE suppressed") == [(0,)]  # fmt: skip
    same = query(
        release,
        f"ATTACH '{exact}' AS e (READ_ONLY); SELECT count(*) FROM ("
        "SELECT regency_code, sector_code, basis, workers, active, inactive, unregistered, gap "
        "FROM release.coverage_by_sector_region INTERSECT "
        "SELECT regency_code, sector_code, basis, workers, active, inactive, unregistered, gap "
        "FROM e.coverage.coverage_by_sector_region)",
    )
    assert same == [(36,)]


def test_one_small_cell_takes_three_others_with_it_and_no_total(tmp_path: Path) -> None:
    # Three workers of sector F in one regency, none of them anywhere else in its province.
    world = plain_world() + crowd("3101", "F", 60, 30, 60) + crowd("3201", "F", 160, 80, 160)
    world += crowd("3103", "F", 160, 80, 160) + crowd("3102", "F", 1, 1, 1)
    exact, release = released(tmp_path, world)
    withheld = query(
        release,
        "SELECT regency_code, sector_code FROM release.coverage_by_sector_region "
        "WHERE workers IS NULL AND basis = 'domicile' AND province_code = '31' ORDER BY ALL",
    )
    # A rectangle: the small cell, one in its regency, one in its sector, and their corner.
    # The cheapest partner in sector F is the smaller of the two others.
    assert ("3102", "F") in withheld
    assert ("3101", "F") in withheld
    assert len(withheld) == 4
    assert len({place for place, _ in withheld}) == len({sector for _, sector in withheld}) == 2
    for table in ("regency", "province", "sector", "province_sector"):
        sql = f"SELECT count(*) FROM release.coverage_by_{table} WHERE workers IS NULL"
        there = "" if table == "sector" else " AND province_code = '31'"
        assert query(release, sql + there) == [(0,)], table
    frame, told = open_frame(exact, release)
    assert narrowest(frame, told)[0][0] >= WIDTH


def test_a_small_part_leaves_workers_and_coverage_told(tmp_path: Path) -> None:
    world = [p for p in plain_world() if not (p[0] == "3101" and p[2] == "A")]
    world += crowd("3101", "A", 160, 4, 236)
    _, release = released(tmp_path, world)
    row = query(
        release,
        "SELECT workers, active, gap, coverage_rate, inactive, unregistered, suppressed FROM "
        "release.coverage_by_sector_region WHERE regency_code = '3101' AND sector_code = 'A' "
        "AND basis = 'domicile'",
    )
    assert row == [(400, 160, 240, 0.4, None, None, True)]


@pytest.mark.parametrize("seed", range(3))
def test_a_patient_reader_narrows_nothing_down(tmp_path: Path, seed: int) -> None:
    exact, release = released(tmp_path, people(seed))
    frame, told = open_frame(exact, release)
    ranges = narrowest(frame, told)
    assert len(ranges) > 20
    assert ranges[0][0] >= WIDTH - 1e-6, ranges[:5]


def test_what_is_told_adds_up_and_is_never_small(tmp_path: Path) -> None:
    exact, release = released(tmp_path, people(7, mean=60))
    for table in ("national", "by_sector", "by_province", "by_regency", "by_sector_region",
                  "by_province_sector", "by_segment"):  # fmt: skip
        assert query(
            release,
            f"SELECT count(*) FROM release.coverage_{table} WHERE denominator_id <> 'eligible' "
            "OR least(workers, active, inactive, unregistered, gap, active_low, gap_low) < 10 "
            "OR workers <> active + gap OR gap <> inactive + unregistered "
            "OR active NOT BETWEEN active_low AND active_high "
            "OR suppressed <> (inactive IS NULL OR active IS NULL OR workers IS NULL) "
            "OR abs(coverage_rate - active / workers) > 1e-12",
        ) == [(0,)], table
    far = query(
        release,
        f"ATTACH '{exact}' AS e (READ_ONLY); SELECT coalesce(max(greatest("
        "abs(r.active - x.active), abs(r.inactive - x.inactive), "
        "abs(r.workers - x.workers))), 0)::DOUBLE FROM release.coverage_by_sector_region AS r "
        "JOIN e.coverage.coverage_by_sector_region AS x "
        "USING (period, basis, denominator_id, regency_code, sector_code)",
    )
    assert far[0][0] <= 0.5


def test_most_workers_are_told_where_cells_are_large(tmp_path: Path) -> None:
    persons = people(3, mean=150)
    exact = tmp_path / "cakupan.duckdb"
    write_exact(exact, persons)
    made = make_release(exact, tmp_path / "release.duckdb", PERIOD)
    assert made.workers["coverage_by_province"] == 1.0
    assert made.workers["coverage_by_regency"] > 0.9
    assert made.workers["coverage_by_sector_region"] > 0.6
    # What is withheld for the sake of others stays of the order of what is small itself.
    assert made.complementary <= 2 * made.primary


def test_the_same_tables_give_the_same_release(tmp_path: Path) -> None:
    exact, first = released(tmp_path, people(5))
    second = tmp_path / "again.duckdb"
    make_release(exact, second, PERIOD)
    one, two = (
        [query(file, f"FROM release.{table} ORDER BY ALL") for table in
         ("coverage_by_sector_region", "coverage_by_regency", "coverage_by_segment")]
        for file in (first, second)
    )  # fmt: skip
    assert one == two


def test_a_cell_told_by_mistake_is_found(tmp_path: Path) -> None:
    exact, release = released(
        tmp_path,
        plain_world() + crowd("3101", "F", 60, 30, 60) + crowd("3103", "F", 160, 80, 160)
        + crowd("3102", "F", 1, 1, 1) + crowd("3201", "F", 160, 80, 160),
    )  # fmt: skip
    with duckdb.connect() as con:
        con.execute(f"ATTACH '{exact}' AS e (READ_ONLY); ATTACH '{release}' AS told; USE told")
        con.execute(
            "UPDATE release.coverage_by_sector_region AS r SET workers = x.workers::BIGINT "
            "FROM e.coverage.coverage_by_sector_region AS x WHERE r.basis = x.basis "
            "AND r.regency_code = x.regency_code AND r.sector_code = x.sector_code "
            "AND r.sector_code = 'F' AND r.regency_code = '3101'"
        )
    frame, told = open_frame(exact, release)
    with duckdb.connect() as con:
        con.execute(f"ATTACH '{release}' AS told (READ_ONLY)")
        with pytest.raises(GateBlocked) as caught:
            gate(con, "told.release", PERIOD, frame, np.zeros(len(told), dtype=int))
    assert "coverage_by_sector_region[domicile 31 3102 F]" in str(caught.value)
    assert caught.value.exit_code == 4


def test_a_small_count_that_is_shown_is_found(tmp_path: Path) -> None:
    exact, release = released(tmp_path, people(2))
    with duckdb.connect() as con:
        con.execute(f"ATTACH '{release}' AS told; USE told")
        con.execute("UPDATE release.coverage_by_regency SET active = 0 WHERE regency_code = '3101'")
    frame, told = open_frame(exact, release)
    with duckdb.connect() as con:
        con.execute(f"ATTACH '{release}' AS told (READ_ONLY)")
        with pytest.raises(GateBlocked, match=r"coverage_by_regency\[domicile 31 3101\]"):
            gate(con, "told.release", PERIOD, frame, np.zeros(len(told), dtype=int))


def test_what_an_earlier_publication_told_stays_known(tmp_path: Path) -> None:
    exact = tmp_path / "cakupan.duckdb"
    write_exact(exact, plain_world() + crowd("3101", "F", 60, 30, 60)
                + crowd("3103", "F", 160, 80, 160) + crowd("3102", "F", 1, 1, 1)
                + crowd("3201", "F", 160, 80, 160))  # fmt: skip
    frame, _ = open_frame(exact)
    first = protect(frame)
    partner = next(row for row in frame.rows(SECTOR_REGION)
                   if frame.name(int(row)).endswith("[domicile 31 3101 F]"))  # fmt: skip
    assert first.levels[partner] < FULL
    floor = np.zeros(len(frame.grain), dtype=int)
    floor[partner] = FULL
    # The release of today is safe by itself, but not beside the one that told the partner.
    assert attack(frame, first.levels).leaks == ()
    assert attack(frame, np.maximum(first.levels, floor)).leaks
    second = protect(frame, floor)
    assert attack(frame, np.maximum(second.levels, floor)).leaks == ()


def test_a_revision_is_attacked_together_with_what_it_replaces(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    old.mkdir(), new.mkdir()
    world = people(9, mean=40)
    told = released(old, world)
    changed = [*world, *crowd("3101", "A", 1, 1, 2)]
    _, release = released(new, changed, earlier=[told])
    frame, now = open_frame(new / "cakupan.duckdb", release)
    then_frame, then = open_frame(*told)
    place = {frame.key(row): row for row in range(len(frame.grain))}
    known = now.copy()
    for row in range(len(then_frame.grain)):
        here = place[then_frame.key(row)]
        if np.array_equal(then_frame.counts.parts[:, row], frame.counts.parts[:, here]):
            known[here] = max(known[here], then[row])
    assert narrowest(frame, known)[0][0] >= WIDTH - 1e-6


def test_first_levels_are_those_of_the_rule() -> None:
    columns = np.array([
        # active, inactive, unregistered, low, high, level
        [0, 0, 0, 0, 0, 0], [3, 3, 3, 3, 3, 0], [4, 3, 3, 4, 4, 1], [12, 20, 20, 12, 12, 3],
        [12, 9, 20, 12, 12, 2], [0, 20, 20, 0, 0, 1], [12, 20, 20, 9, 12, 1],
        [12, 20, 20, 12, 45, 1], [9.5, 20, 20.5, 9.5, 9.5, 3], [9.4, 20, 20.6, 9.4, 9.4, 1],
    ], dtype=float).T  # fmt: skip
    assert first_levels(Counts(*columns[:5])).tolist() == columns[5].astype(int).tolist()
