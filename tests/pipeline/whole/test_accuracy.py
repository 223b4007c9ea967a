"""What is published stays close to the truth of the sample world, and says how close.

Truth is what the definitions give under perfect linkage of the same deliveries.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from driving import FIRST, SHORTLY, cakupan, run

from benchmarks.compliance import compare, make_truth
from warehouse.connection import connect, set_parameters
from warehouse.coverage import perfect_links_sql, run_with_links
from warehouse.home import Home
from warehouse.inputs import create_inputs
from warehouse.settings import Settings

PEOPLE = 100_000
OF_INTEREST = "basis = 'domicile' AND denominator_id = 'eligible'"


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """The warehouse of a run over the demo world, with the truth in schema `truth`."""
    world: Path = tmp_path_factory.mktemp("accuracy-world")
    made = cakupan("sample", "--people", PEOPLE, "--period", FIRST, "--out", world)
    assert made.exit_code == 0, made.err
    home = Home(tmp_path_factory.mktemp("accuracy-home"))
    home.settings_file.write_text(SHORTLY, "utf-8")
    answer = run(home.path, world / "inbox", FIRST)
    assert answer.exit_code == 0, answer.err
    con = connect(home)
    set_parameters(con, Settings(), FIRST)
    create_inputs(con, FIRST)
    links = perfect_links_sql(world / "truth" / "person_records.parquet")
    run_with_links(con, Settings(), FIRST, links)
    con.execute(f"CREATE TEMP TABLE true_links AS FROM {links}")
    make_truth(con, world, FIRST)
    yield con
    con.close()


@pytest.mark.parametrize("basis", ["domicile", "workplace"])
def test_national_coverage_is_near_the_truth_and_bounds_hold_it(
    measured: duckdb.DuckDBPyConnection, basis: str
) -> None:
    row = measured.execute(
        f"""
        SELECT c.coverage_rate, c.coverage_low, c.coverage_high, t.coverage_rate
        FROM coverage.coverage_national AS c
        JOIN truth.coverage_national AS t USING (period, basis, denominator_id)
        WHERE denominator_id = 'eligible' AND basis = '{basis}'
        """
    ).fetchone()
    assert row is not None
    point, low, high, truth = row
    assert abs(point - truth) <= 0.003
    assert low <= truth <= high
    assert high - low <= 0.02


def test_cells_of_regency_and_sector_are_near_the_truth(
    measured: duckdb.DuckDBPyConnection,
) -> None:
    row = measured.execute(
        f"""
        SELECT count(*), avg(abs(coalesce(c.coverage_rate, 0) - t.coverage_rate))
        FROM truth.coverage_by_sector_region AS t
        LEFT JOIN coverage.coverage_by_sector_region AS c
            USING (period, basis, denominator_id, province_code, regency_code, sector_code)
        WHERE {OF_INTEREST} AND t.workers >= 30
        """
    ).fetchone()
    assert row is not None
    cells, error = row
    assert cells > 100
    assert error < 0.02


def test_workers_are_counted_where_the_truth_has_them(
    measured: duckdb.DuckDBPyConnection,
) -> None:
    row = measured.execute(
        f"""
        SELECT sum(c.workers), sum(t.workers), sum(abs(c.workers - t.workers))
        FROM truth.coverage_by_province AS t
        JOIN coverage.coverage_by_province AS c
            USING (period, basis, denominator_id, province_code)
        WHERE {OF_INTEREST}
        """
    ).fetchone()
    assert row is not None
    published, truth, apart = row
    assert abs(published - truth) / truth < 0.005
    assert apart / truth < 0.01


def test_the_estimated_quality_of_links_is_honest(measured: duckdb.DuckDBPyConnection) -> None:
    """Estimated precision is near the true share of right links, for every list of some size.

    In a list of fifty one wrong link is two in a hundred, so short lists are taken together.
    """
    rows = measured.execute("""
        WITH judged AS (
            SELECT
                l.dataset, l.person_key IS NOT DISTINCT FROM t.person_key AS is_right,
                q.precision_estimate, count(*) OVER (PARTITION BY l.dataset) AS size
            FROM linkage.person_links AS l
            JOIN true_links AS t USING (dataset, record_id)
            JOIN quality.linkage_quality AS q
                ON q.dataset = l.dataset AND q.dimension = 'all' AND q.period = l.period
            WHERE l.status = 'linked'
        )
        SELECT CASE WHEN size >= 500 THEN dataset ELSE 'short lists' END AS list,
            avg(is_right::INTEGER), avg(precision_estimate), count(*), count(DISTINCT dataset)
        FROM judged GROUP BY 1
    """).fetchall()
    assert len(rows) >= 8
    assert sum(row[4] for row in rows) >= 20
    for name, right, estimated, records, _ in rows:
        assert records >= 500, name
        assert right > 0.99, name
        assert abs(right - estimated) < 0.01, name


def test_flags_of_employers_are_those_under_perfect_links(
    measured: duckdb.DuckDBPyConnection,
) -> None:
    found = compare(measured, FIRST)
    for flag, (published, right, true, recalled) in found.items():
        assert min(published, true) > 40, flag
        assert right / published >= 0.97, flag
        assert recalled / true >= 0.97, flag


def test_what_is_not_collected_is_near_the_truth(measured: duckdb.DuckDBPyConnection) -> None:
    sums = [
        measured.execute(
            "SELECT sum(estimated_contribution), sum(missing_workers), "
            f"sum(underreported_workers) FROM {schema}.employer_compliance"
        ).fetchall()[0]
        for schema in ("coverage", "temp")
    ]
    for published, truth in zip(*sums, strict=True):
        assert abs(published - truth) / truth < 0.03
