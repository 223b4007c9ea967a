"""Compares what the published months say moved with what moved in the sample world.

Belongs here: flows of the whole country from month to month, published against true. Does not
belong here: how a month's coverage compares (tests/pipeline/whole/test_accuracy.py), and making
the months: `cakupan sample --months 13`, and `cakupan run` for each.

    .venv/bin/python benchmarks/months.py HOME WORLD

HOME holds the publications, WORLD is the folder that `cakupan sample` wrote.
"""

from __future__ import annotations

import sys
from pathlib import Path

import duckdb

from warehouse.storage import literal

FLOWS = (
    "workers", "entered_work", "left_work", "entered_by_age", "left_by_age", "left_by_death",
    "newly_covered", "newly_lapsed", "active",
)  # fmt: skip
BASIS = "basis = 'domicile' AND denominator_id = 'employed'"
"""Civil servants count here, as the truth's workers do."""


def flows(publication: Path, truth: Path) -> list[tuple[str, str, str, float, float, float]]:
    """Give every flow of the country between consecutive months, published and true.

    Args:
        publication: a folder with `cakupan.duckdb`.
        truth: the world's `months.parquet`.

    Returns:
        Month, month before, flow, persons published, persons true, and the first less the second.
    """
    sums = ", ".join(f"sum({name})::DOUBLE AS {name}" for name in FLOWS)
    with duckdb.connect() as con:
        con.execute(f"ATTACH {literal(str(publication / 'cakupan.duckdb'))} AS p (READ_ONLY)")
        con.execute(
            f"CREATE TABLE told AS SELECT period, previous_period, {sums} "
            f"FROM p.coverage.coverage_change WHERE {BASIS} "
            "AND previous_period = strftime(strptime(period || '-01', '%Y-%m-%d') "
            "- INTERVAL 1 MONTH, '%Y-%m') GROUP BY ALL"
        )
        con.execute(
            f"""
            CREATE TABLE truth AS
            WITH people AS (
                SELECT *, works AND working_age AND NOT dead AS worker
                FROM read_parquet({literal(str(truth))})
            ), pairs AS (
                SELECT coalesce(n.period, strftime(strptime(b.period || '-01', '%Y-%m-%d')
                        + INTERVAL 1 MONTH, '%Y-%m')) AS period,
                    coalesce(n.worker, false) AS now, coalesce(b.worker, false) AS past,
                    coalesce(n.active, false) AS active, coalesce(b.active, false) AS was_active,
                    coalesce(n.dead, false) AND NOT coalesce(b.dead, false) AS died,
                    n.working_age AND NOT b.working_age AS came_of_age,
                    b.working_age AND NOT n.working_age AS aged_out
                FROM people AS n FULL JOIN people AS b
                ON n.nik = b.nik AND n.period = strftime(
                    strptime(b.period || '-01', '%Y-%m-%d') + INTERVAL 1 MONTH, '%Y-%m')
            )
            SELECT period, count(*) FILTER (now)::DOUBLE AS workers,
                count(*) FILTER (now AND NOT past)::DOUBLE AS entered_work,
                count(*) FILTER (past AND NOT now)::DOUBLE AS left_work,
                count(*) FILTER (now AND NOT past AND came_of_age)::DOUBLE AS entered_by_age,
                count(*) FILTER (past AND NOT now AND aged_out)::DOUBLE AS left_by_age,
                count(*) FILTER (past AND NOT now AND died)::DOUBLE AS left_by_death,
                count(*) FILTER (now AND past AND active AND NOT was_active)::DOUBLE
                    AS newly_covered,
                count(*) FILTER (now AND past AND was_active AND NOT active)::DOUBLE
                    AS newly_lapsed,
                count(*) FILTER (now AND active)::DOUBLE AS active
            FROM pairs GROUP BY period
            """
        )
        both = " UNION ALL ".join(
            f"SELECT t.period, t.previous_period, {position} AS position, '{name}' AS flow, "
            f"t.{name} AS published, w.{name} AS true_count FROM told AS t JOIN truth AS w "
            "USING (period)"
            for position, name in enumerate(FLOWS)
        )
        return con.execute(
            f"SELECT period, previous_period, flow, published, true_count, "
            f"published - true_count FROM ({both}) ORDER BY period, position"
        ).fetchall()


def counted_before(restricted: Path, truth: Path) -> list[tuple[str, int]]:
    """Tell how many of those who truly began to work were counted as workers the month before.

    Args:
        restricted: the home's `restricted.duckdb`, not encrypted.
        truth: the world's `months.parquet`.

    Returns:
        The sign by which they were counted, or "not counted", and persons; the most first.
    """
    with duckdb.connect() as con:
        con.execute(f"ATTACH {literal(str(restricted))} AS r (READ_ONLY)")
        return con.execute(
            f"""
            WITH people AS (
                SELECT nik, period, works AND working_age AND NOT dead AS worker
                FROM read_parquet({literal(str(truth))})
            )
            SELECT coalesce(w.sign, 'not counted') AS sign, count(*) AS persons
            FROM people AS n JOIN people AS b
            ON b.nik = n.nik AND b.period = strftime(
                strptime(n.period || '-01', '%Y-%m-%d') - INTERVAL 1 MONTH, '%Y-%m')
            JOIN r.spine.persons AS p ON p.nik = b.nik AND p.period = b.period
            LEFT JOIN r.spine.workers AS w
            ON w.period = p.period AND w.person_key = p.person_key
            WHERE n.worker AND NOT b.worker
            GROUP BY ALL ORDER BY persons DESC, sign
            """
        ).fetchall()


def main(home: Path, world: Path) -> None:
    """Print the sums over all months, and the largest error of a month."""
    found = flows(home / "published" / "current", world / "truth" / "months.parquet")
    months = sorted({row[0] for row in found})
    print(f"{months[0]} to {months[-1]}, {len(months)} changes")
    print("| flow | published | true | largest error of a month |")
    print("|---|---:|---:|---:|")
    for name in FLOWS:
        own = [row for row in found if row[2] == name]
        if name in {"workers", "active"}:
            own_last = own[-1:]
            label = f"{name}, {months[-1]}"
        else:
            own_last, label = own, name
        worst = max(own, key=lambda row: abs(row[5]))
        print(
            f"| `{label}` | {sum(row[3] for row in own_last):,.0f} "
            f"| {sum(row[4] for row in own_last):,.0f} | {worst[5]:+.1f} ({worst[0]}) |"
        )
    told = counted_before(home / "restricted.duckdb", world / "truth" / "months.parquet")
    print("true entries by the sign that counted them before:", dict(told))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
