"""What changed between months: parts that add up, causes, and independence of the order of runs."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations
from typing import Any

import duckdb
import pytest

from warehouse import change
from warehouse.connection import SCHEMAS
from warehouse.publication.content import Target, _keep_published
from warehouse.reference import load_reference
from warehouse.settings import Settings
from warehouse.storage import scalar
from warehouse.tables import create_tables, table_specs

MONTHS = ("2026-01", "2026-02", "2026-03", "2027-01")
M = 1_000_000

# period, person, domicile, workplace, sector, eligible, active_ppm
WORKERS = [
    # 1 stays and is covered later; 2 lapses by half a link; 3 moves home and sector.
    ("2026-01", 1, "3171", "3171", "G", True, 0), ("2026-02", 1, "3171", "3171", "G", True, M),
    ("2026-01", 2, "3171", "3173", "C", True, M),
    ("2026-02", 2, "3171", "3173", "C", True, 400_000),
    ("2026-01", 3, "3171", "3171", "G", True, M), ("2026-02", 3, "3273", "3273", "A", True, M),
    # 4 enters by turning 15, 5 enters covered; 6 dies, 7 turns 65, 8 leaves.
    ("2026-02", 4, "3273", "3273", "A", True, 0), ("2026-02", 5, "3273", "3171", "G", True, M),
    ("2026-01", 6, "3273", "3273", "A", True, M), ("2026-01", 7, "3273", "3273", "A", True, 0),
    ("2026-01", 8, "3273", "3273", "A", True, 0),
    # 9 becomes a civil servant: leaves the eligible ones alone.
    ("2026-01", 9, "3171", "3171", "P", True, 0), ("2026-02", 9, "3171", "3171", "P", False, 0),
    ("2026-03", 1, "3171", "3171", "G", True, M), ("2027-01", 1, "3171", "3171", "G", True, 0),
]  # fmt: skip
PERSONS = [
    ("2026-02", 4, "2011-02-10", "hidup"), ("2026-02", 5, "1990-01-01", "hidup"),
    ("2026-02", 6, "1980-05-05", "meninggal"), ("2026-02", 7, "1961-02-20", "hidup"),
    ("2026-02", 8, "1985-01-01", "hidup"),
]  # fmt: skip
# period, dataset, record, status, person, ppm
LINKS = [
    # 1's card is new. 2's card lies in both months, and reaches him with less.
    ("2026-02", "cards", "c1", "linked", 1, M),
    ("2026-01", "cards", "c2", "linked", 2, M), ("2026-02", "cards", "c2", "linked", 2, 400_000),
    # 8 worked by a list that did not come in February.
    ("2026-01", "farmers", "f8", "linked", 8, M),
]  # fmt: skip
IN_FORCE = [
    ("2026-01", "cards", "current"), ("2026-02", "cards", "current"),
    ("2026-01", "farmers", "current"), ("2026-02", "farmers", "missing"),
]  # fmt: skip


@pytest.fixture(scope="module")
def empty() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as con:
        for schema in SCHEMAS:
            con.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
        load_reference(con)
        create_tables(con)
        con.execute("""
            CREATE TABLE spine.workers (period VARCHAR, person_key UBIGINT, domicile VARCHAR,
                workplace VARCHAR, sector_code VARCHAR, eligible BOOLEAN, active_ppm BIGINT);
            CREATE TABLE spine.persons (period VARCHAR, person_key UBIGINT, birth_date DATE,
                life_status VARCHAR);
            CREATE TABLE linkage.person_links (period VARCHAR, dataset VARCHAR, record_id VARCHAR,
                status VARCHAR, person_key UBIGINT, probability_ppm INTEGER);
            CREATE TABLE landing.in_force (period VARCHAR, dataset VARCHAR, state VARCHAR);
            CREATE TABLE IF NOT EXISTS reference.datasets (dataset VARCHAR, kind VARCHAR);
            INSERT INTO reference.datasets BY NAME
                SELECT 'cards' AS dataset, 'membership' AS kind;
            INSERT INTO reference.datasets BY NAME SELECT 'farmers' AS dataset, 'roster' AS kind
        """)
        con.executemany("INSERT INTO spine.persons VALUES (?, ?, ?, ?)", PERSONS)
        con.executemany("INSERT INTO linkage.person_links VALUES (?, ?, ?, ?, ?, ?)", LINKS)
        con.executemany("INSERT INTO landing.in_force VALUES (?, ?, ?)", IN_FORCE)
        yield con


@pytest.fixture
def con(empty: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    empty.execute("DELETE FROM spine.workers")
    for table in change.TABLES:
        empty.execute(f"DELETE FROM {table_specs()[table].qualified}")
    return empty


def _add(con: duckdb.DuckDBPyConnection, *periods: str) -> None:
    for period in periods:
        rows = [row for row in WORKERS if row[0] == period]
        con.executemany("INSERT INTO spine.workers VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
        change.run(con, Settings(), period)


def _country(con: duckdb.DuckDBPyConnection, denominator: str, *columns: str) -> tuple[Any, ...]:
    sums = ", ".join(f"sum({column})::DOUBLE" for column in columns)
    return con.execute(
        f"SELECT {sums} FROM coverage.coverage_change WHERE period = '2026-02' "
        "AND previous_period = '2026-01' AND basis = 'workplace' AND denominator_id = ?",
        [denominator],
    ).fetchall()[0]


def test_every_change_of_a_person_is_told_as_what_it_is(con: duckdb.DuckDBPyConnection) -> None:
    _add(con, "2026-01", "2026-02")
    columns = (
        "workers_before", "workers", "entered_work", "left_work", "moved_in", "moved_out",
        "entered_by_age", "left_by_age", "left_by_death",
    )  # fmt: skip
    assert _country(con, "eligible", *columns) == (7, 5, 2, 4, 1, 1, 1, 1, 1)
    assert _country(con, "employed", *columns) == (7, 6, 2, 3, 1, 1, 1, 1, 1)
    columns = (
        "active_before", "active", "newly_covered", "newly_lapsed", "entered_active",
        "left_active", "moved_in_active", "moved_out_active", "gap_before", "gap",
    )  # fmt: skip
    assert _country(con, "eligible", *columns) == (3, 3.4, 1, 0.6, 1, 1, 1, 1, 4, 1.6)


def test_before_and_all_that_came_and_went_make_now_in_every_cell(
    con: duckdb.DuckDBPyConnection,
) -> None:
    _add(con, *MONTHS)
    cells, unequal = con.execute("""
        SELECT count(*), count(*) FILTER (NOT (
            workers = workers_before + entered_work - left_work + moved_in - moved_out
            AND active = active_before + newly_covered - newly_lapsed + entered_active
                - left_active + moved_in_active - moved_out_active
            AND gap = workers - active AND gap_before = workers_before - active_before))
        FROM coverage.coverage_change
    """).fetchall()[0]
    assert cells > 20
    assert unequal == 0


def test_causes_are_told_and_add_up(con: duckdb.DuckDBPyConnection) -> None:
    _add(con, "2026-01", "2026-02")
    causes = dict(
        con.execute("""
            SELECT cause, (sum(workers_change)::BIGINT, sum(gap_change)::DOUBLE)
            FROM quality.change_causes WHERE basis = 'domicile' AND denominator_id = 'eligible'
            GROUP BY cause
        """).fetchall()
    )
    assert causes["deliveries"] == (-1, -1.0)
    assert causes["links"] == (0, pytest.approx(0.6))
    total = scalar(
        con,
        """
        SELECT sum(gap - gap_before)::DOUBLE FROM coverage.coverage_change
        WHERE basis = 'domicile' AND denominator_id = 'eligible'""",
    )
    assert sum(gap for _, gap in causes.values()) == pytest.approx(total)


def test_who_lapses_because_the_list_of_cards_did_not_come_lapses_by_delivery(
    con: duckdb.DuckDBPyConnection,
) -> None:
    con.execute("BEGIN")
    con.execute("UPDATE landing.in_force SET state = 'carried' "
                "WHERE period = '2026-02' AND dataset = 'cards'")  # fmt: skip
    con.execute("COMMIT")
    try:
        _add(con, "2026-01", "2026-02")
    finally:
        con.execute("UPDATE landing.in_force SET state = 'current' "
                    "WHERE period = '2026-02' AND dataset = 'cards'")  # fmt: skip
    found = con.execute("""
        SELECT cause, sum(newly_lapsed)::DOUBLE FROM quality.change_causes
        WHERE basis = 'domicile' AND denominator_id = 'eligible' GROUP BY cause
        HAVING sum(newly_lapsed) > 0
    """).fetchall()
    assert found == [("deliveries", pytest.approx(0.6))]


def test_months_may_be_run_in_any_order(con: duckdb.DuckDBPyConnection) -> None:
    seen = set()
    for order in list(permutations(MONTHS))[::5]:
        con.execute("DELETE FROM spine.workers; DELETE FROM coverage.coverage_change")
        _add(con, *order)
        rows = con.execute("FROM coverage.coverage_change ORDER BY ALL").fetchall()
        seen.add(tuple(rows))
    assert len(seen) == 1
    compared = {row[:2] for row in next(iter(seen))}
    assert compared == {
        ("2026-02", "2026-01"), ("2026-03", "2026-02"), ("2027-01", "2026-01"),
    }  # fmt: skip


def test_a_month_without_an_earlier_one_changes_from_nothing(
    con: duckdb.DuckDBPyConnection,
) -> None:
    _add(con, "2026-03")
    assert scalar(con, "SELECT count(*) FROM coverage.coverage_change") == 0


def test_a_comparison_with_an_unpublished_version_is_left_out(
    con: duckdb.DuckDBPyConnection,
) -> None:
    """The month that is compared with was run again since it was published."""
    _add(con, *MONTHS)
    con.execute("ATTACH ':memory:' AS made; CREATE SCHEMA made.coverage; "
                "CREATE TABLE made.coverage.coverage_change AS FROM coverage.coverage_change; "
                "CREATE TABLE made.coverage.coverage_national AS "
                "SELECT period, basis, denominator_id, sum(workers) AS workers, "
                "sum(active) AS active FROM (FROM coverage.coverage_change "
                "SELECT DISTINCT ON (period, basis, denominator_id, regency_code, sector_code) "
                "period, basis, denominator_id, workers, active WHERE workers > 0) GROUP BY ALL "
                "UNION ALL SELECT previous_period, basis, denominator_id, sum(workers_before), "
                "sum(active_before) FROM coverage.coverage_change "
                "WHERE period = '2026-02' GROUP BY ALL")  # fmt: skip
    try:
        target, spec = Target(con, "made"), table_specs()["coverage_change"]
        _keep_published(target, spec)
        pairs = "SELECT DISTINCT period, previous_period FROM made.coverage.coverage_change"
        assert len(con.execute(pairs).fetchall()) == 3
        con.execute("UPDATE made.coverage.coverage_national SET active = active + 1 "
                    "WHERE period = '2026-02' AND basis = 'workplace'")  # fmt: skip
        _keep_published(target, spec)
        assert con.execute(pairs).fetchall() == [("2027-01", "2026-01")]
    finally:
        con.execute("DETACH made")
