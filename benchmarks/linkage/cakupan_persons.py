"""One run of the project's own person linkage over a prepared world.

    python -m benchmarks.linkage.cakupan_persons SET OUT.parquet

Belongs here: the pipeline's linkage stage on its own, from the conformed tables to links. Does
not belong here: measuring it (run), or judging it (judge).

The warehouse is a fresh one on disk, as in the pipeline; reading the two tables and loading the
code lists is part of the run. Prints a JSON object with the candidates compared.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from matching.keys import PEOPLE
from matching.persons import link_period
from sources.contracts import load_contracts, load_dataset_table
from warehouse.connection import connect, set_parameters
from warehouse.home import Home
from warehouse.inputs import PERSON_COLUMNS
from warehouse.reference import load_reference
from warehouse.settings import Settings
from warehouse.storage import scalar

PERIOD = "2026-10"
DATASET = "bpjs_participants"


def link(source: Path, out: Path) -> dict[str, int]:
    """Link the members of a set to its register.

    Args:
        source: folder of the set.
        out: Parquet file to write: `left_id`, `right_id` (a NIK), `score`, `accepted`; one
            row for the best candidate of each record that has one.

    Returns:
        `candidates`: pairs compared, those that the identifier stage links included.
    """
    with tempfile.TemporaryDirectory(dir=out.parent) as folder:
        con = connect(Home(Path(folder)))
        load_reference(con, only=("name_titles", "name_variants"))
        load_dataset_table(con, {DATASET: load_contracts()[DATASET]})
        set_parameters(con, Settings(), PERIOD)
        left = {
            row[0]
            for row in con.execute(
                f"DESCRIBE SELECT * FROM read_parquet('{source}/left.parquet')"
            ).fetchall()
        }
        person = ", ".join(
            name if name in left else f"NULL::VARCHAR AS {name}" for name in PERSON_COLUMNS
        )
        con.execute(
            f"""
            CREATE TEMP VIEW in_population AS
            SELECT unique_id AS record_id, * EXCLUDE (unique_id), NULL::VARCHAR AS address,
                NULL::VARCHAR AS occupation, NULL::VARCHAR AS life_status
            FROM read_parquet('{source}/right.parquet');
            CREATE TEMP VIEW in_person_records AS
            SELECT '{DATASET}' AS dataset, 'membership' AS kind, unique_id AS record_id, {person},
                row_hash FROM read_parquet('{source}/left.parquet');
            """
        )
        counts = link_period(con, PERIOD)[DATASET]
        con.execute(
            f"""
            COPY (
                SELECT l.record_id AS left_id, p.record_id AS right_id,
                    coalesce(probability_ppm, best_candidate_ppm, 0)::DOUBLE / 1e6 AS score,
                    status = 'linked' AS accepted
                FROM (SELECT record_id, status, probability_ppm, best_candidate_ppm,
                        coalesce(person_key, best_candidate_key) AS key
                    FROM linkage.person_links) AS l
                JOIN (SELECT person_key AS key, lpad(nik::VARCHAR, 16, '0') AS record_id
                    FROM {PEOPLE}) AS p USING (key)
            ) TO '{out}' (FORMAT parquet)
            """
        )
        exact = int(
            scalar(con, "SELECT count(*) FROM linkage.person_links WHERE tier = 'identifier'")
        )
        con.close()
    return {"candidates": counts["pairs"] + exact, "review": counts["review"]}


if __name__ == "__main__":
    print(json.dumps(link(Path(sys.argv[1]), Path(sys.argv[2]))))
