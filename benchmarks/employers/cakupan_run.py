"""One run of the project's own employer resolution, or of its comparison of names.

    python -m benchmarks.employers.cakupan_run SET OUT.parquet

Belongs here: the stage on its own. Does not belong here: measuring (run), or judging.

Records: the pipeline's resolution on a fresh warehouse on disk; OUT has every pair of records of
one employer, scored by the less sure of the two links. Pairs: the level of likeness of the two
names, less one where legal forms or kinds contradict; accepted are names that the labelled table
counts as one.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import duckdb

from matching.companies import parse_names
from matching.employer_likeness import SUBSET, compare_cores
from matching.employers import resolve_period
from warehouse.connection import SCHEMAS, connect
from warehouse.home import Home
from warehouse.reference import load_reference
from warehouse.tables import create_tables

PERIOD = "2026-10"


def records(source: Path, out: Path) -> dict[str, int]:
    """Resolve the records of a set."""
    with tempfile.TemporaryDirectory(dir=out.parent) as folder:
        con = connect(Home(Path(folder)))
        create_tables(con)
        load_reference(con)
        con.execute(
            "CREATE TEMP VIEW in_employers AS SELECT * EXCLUDE (unique_id) "
            f"FROM read_parquet('{source}/records.parquet')"
        )
        counts = resolve_period(con, PERIOD)
        candidates = con.execute(
            "SELECT pairs FROM linkage.employer_report WHERE stage = 'model'"
        ).fetchall()[0][0]
        con.execute(
            f"""
            COPY (
                SELECT x.dataset || ':' || x.record_id AS left_id,
                    y.dataset || ':' || y.record_id AS right_id,
                    least(x.probability_ppm, y.probability_ppm) AS score, true AS accepted
                FROM linkage.employer_links AS x JOIN linkage.employer_links AS y
                    ON x.employer_key = y.employer_key
                    AND (x.dataset, x.record_id) < (y.dataset, y.record_id)
            ) TO '{out}' (FORMAT parquet)
            """
        )
        con.close()
    return {"candidates": candidates, "employers": counts["employers"]}


def pairs(source: Path, out: Path) -> dict[str, int]:
    """Compare the names of a set of pairs."""
    con = duckdb.connect()
    for schema in SCHEMAS:
        con.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
    create_tables(con)
    load_reference(con)
    con.execute(f"CREATE TABLE p AS FROM read_parquet('{source}/pairs.parquet')")
    con.execute(
        "CREATE TABLE names AS SELECT unnest([one, other]) AS employer_name, "
        "NULL::VARCHAR AS legal_form FROM p"
    )
    parse_names(con, "names")
    con.execute(
        """
        CREATE TABLE looks AS
        SELECT pair_id, unnest([n.core_id, n.former_id, n.core_id]) AS a,
            unnest([m.core_id, m.core_id, m.former_id]) AS b,
            coalesce(n.family = m.family, true) AND coalesce(n.subtype = m.subtype, true) AS form
        FROM p JOIN co_names AS n ON n.employer_name = one
        JOIN co_names AS m ON m.employer_name = other
        """
    )
    con.execute("DELETE FROM looks WHERE a IS NULL OR b IS NULL")
    compare_cores(con, "looks")
    con.execute(
        f"""
        COPY (
            WITH judged AS (
                SELECT pair_id, bool_and(form) AS form,
                    max(CASE WHEN k.a = k.b THEN 4 ELSE coalesce(l.level, 0) END) AS level
                FROM looks AS k LEFT JOIN co_compared AS l
                    ON l.a = least(k.a, k.b) AND l.b = greatest(k.a, k.b)
                GROUP BY pair_id
            )
            SELECT pair_id AS left_id, pair_id AS right_id,
                level - CASE WHEN form THEN 0 ELSE 3.5::DOUBLE END AS score,
                level >= {SUBSET} AND form AS accepted FROM judged
        ) TO '{out}' (FORMAT parquet)
        """
    )
    return {"candidates": con.execute("SELECT count(*) FROM p").fetchall()[0][0]}


def main() -> None:
    """Run once and print the counts as JSON."""
    source, out = Path(sys.argv[1]), Path(sys.argv[2])
    kind = json.loads((source / "set.json").read_text("utf-8"))["kind"]
    print(json.dumps(records(source, out) if kind == "records" else pairs(source, out)))


if __name__ == "__main__":
    main()
