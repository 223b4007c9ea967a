"""Measure the flags of employer compliance against the truth of a sample world.

    python benchmarks/compliance.py HOME WORLD [--period 2026-10]

HOME is a home in which `cakupan run` has run over the sample world WORLD. Truth is what the same
rules say of the same deliveries when every person and employer link is right. A published flag
is right where the employer that it stands for has it in truth; a true flag is found where a
published employer of it has it. The answer is a Markdown table of precision and recall.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import duckdb

from matching.employers import OTHER_REGISTER, REGISTERS
from warehouse import compliance
from warehouse.connection import connect, set_parameters
from warehouse.coverage import perfect_links_sql
from warehouse.home import Home
from warehouse.inputs import create_inputs
from warehouse.settings import Settings
from warehouse.storage import literal

FLAGS = ("PWBD", "PDS_TK", "PDS_UPAH", "PDS_PROGRAM", "ARREARS")


def make_truth(con: duckdb.DuckDBPyConnection, world: Path, period: str) -> None:
    """Compute the compliance tables under perfect linkage into the TEMP schema.

    Args:
        con: the restricted warehouse of a run over the world, with its input views.
        world: folder of the sample world.
        period: the month.
    """
    ranks = " ".join(f"WHEN {literal(name)} THEN {entry[0]}" for name, entry in REGISTERS.items())
    truth = literal(str(world / "truth" / "employer_records.parquet"))
    con.execute(f"""
        CREATE OR REPLACE TEMP TABLE true_records AS
        SELECT e.*, t.company_id, md5_number_lower(t.company_id) AS employer_key,
            CASE WHEN e.npwp LIKE '0%' THEN left(e.npwp, 10) ELSE e.npwp END AS npwp_root,
            CASE e.dataset {ranks} ELSE {OTHER_REGISTER[0]} END AS precedence,
            coalesce(e.npwp LIKE '0%' AND right(e.npwp, 3) <> '000', false) AS branch
        FROM in_employers AS e
        JOIN landing.in_force AS f ON f.period = {literal(period)} AND f.dataset = e.dataset
        JOIN read_parquet({truth}) AS t
            ON t.period = f.delivery_period AND t.dataset = e.dataset
            AND t.record_id = e.record_id
    """)
    # The registers' words in their order, as the employer spine takes them.
    con.execute("""
        CREATE OR REPLACE TEMP TABLE true_employers AS
        SELECT employer_key, any_value(company_id) AS company_id,
            first(employer_name ORDER BY precedence, branch, record_id) AS employer_name,
            first(legal_form ORDER BY precedence, branch, record_id)
                FILTER (legal_form IS NOT NULL) AS legal_form,
            min(npwp_root) AS npwp_root,
            coalesce(first(region_code ORDER BY precedence, branch, dataset, record_id)
                FILTER (coalesce(region_code, '0000') <> '0000'), '0000') AS region_code,
            first({k: kbli, v: kbli_vintage, s: sector_code}
                ORDER BY precedence, branch, dataset, record_id)
                FILTER (kbli IS NOT NULL OR sector_code IS NOT NULL) AS industry,
            first(scale ORDER BY precedence, branch, dataset, record_id)
                FILTER (scale IS NOT NULL) AS scale,
            list_sort(list(DISTINCT dataset)) AS sources
        FROM true_records GROUP BY employer_key
    """)
    con.execute("""
        CREATE OR REPLACE TEMP TABLE true_spine AS
        SELECT * EXCLUDE (industry), industry.k AS kbli,
            coalesce(industry.v, 2020)::SMALLINT AS kbli_vintage, industry.s AS sector_code,
            true AS natural_person
        FROM true_employers
    """)
    con.execute("""
        CREATE OR REPLACE TEMP TABLE true_identifiers AS
        WITH borne AS (
            SELECT 'npwp' AS kind, npwp AS identifier, employer_key, region_code FROM true_records
            UNION ALL
            SELECT 'npwp_root', npwp_root, employer_key, region_code FROM true_records
            UNION ALL
            SELECT 'nib', nib, employer_key, region_code FROM true_records
            UNION ALL
            SELECT 'npp', npp, employer_key, region_code FROM true_records
        )
        SELECT kind, identifier, employer_key, max(region_code) AS region_code
        FROM borne WHERE identifier IS NOT NULL
        GROUP BY kind, identifier, employer_key
        QUALIFY row_number() OVER (
            PARTITION BY kind, identifier ORDER BY count(*) DESC, employer_key
        ) = 1
    """)
    con.execute("""
        CREATE OR REPLACE TEMP TABLE true_employer_links AS
        SELECT dataset, record_id, employer_key, 'identifier' AS tier,
            1000000 AS probability_ppm
        FROM true_records
    """)
    compliance.run_with_links(
        con,
        Settings(),
        period,
        person_links=perfect_links_sql(world / "truth" / "person_records.parquet"),
        employers="true_spine",
        employer_links="true_employer_links",
        employer_identifiers="true_identifiers",
        schema="temp",
    )


def compare(con: duckdb.DuckDBPyConnection, period: str) -> dict[str, tuple[int, int, int, int]]:
    """Compare the published flags with those of `make_truth`.

    Returns:
        By flag: published, of these right, true, of these found.
    """
    con.execute(f"""
        CREATE OR REPLACE TEMP TABLE stands_for AS
        SELECT l.employer_key AS published, t.employer_key AS truth, count(*) AS records
        FROM linkage.employer_links AS l
        JOIN true_records AS t USING (dataset, record_id)
        WHERE l.period = {literal(period)}
        GROUP BY l.employer_key, t.employer_key
        QUALIFY row_number() OVER (
            PARTITION BY l.employer_key ORDER BY count(*) DESC, t.employer_key
        ) = 1
    """)
    con.execute(f"""
        CREATE OR REPLACE TEMP TABLE said AS
        SELECT s.truth, k.employer_key AS published, unnest(c.flags) AS flag
        FROM coverage.employer_compliance AS c
        JOIN spine.employer_keys AS k
            ON k.period = c.period AND k.published_key = c.employer_key
        LEFT JOIN stands_for AS s ON s.published = k.employer_key
        WHERE c.period = {literal(period)}
    """)
    con.execute("""
        CREATE OR REPLACE TEMP TABLE true_flags AS
        SELECT k.employer_key AS truth, unnest(c.flags) AS flag
        FROM temp.employer_compliance AS c
        JOIN temp.employer_keys AS k ON k.published_key = c.employer_key
    """)
    found = {}
    for flag in FLAGS:
        row = con.execute(
            """
            SELECT
                (SELECT count(*) FROM said WHERE flag = $flag),
                (SELECT count(*) FROM said SEMI JOIN true_flags USING (truth, flag)
                 WHERE flag = $flag),
                (SELECT count(*) FROM true_flags WHERE flag = $flag),
                (SELECT count(*) FROM true_flags SEMI JOIN said USING (truth, flag)
                 WHERE flag = $flag)
            """,
            {"flag": flag},
        ).fetchall()[0]
        found[flag] = row
    return found


def main() -> None:
    """Run the measurement."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("home", type=Path)
    parser.add_argument("world", type=Path)
    parser.add_argument("--period", default="2026-10")
    options = parser.parse_args()
    with connect(Home.resolve(options.home)) as con:
        set_parameters(con, Settings(), options.period)
        create_inputs(con, options.period)
        make_truth(con, options.world, options.period)
        found = compare(con, options.period)
    print("| flag | published | precision | true | recall |")
    print("|---|--:|--:|--:|--:|")
    for flag, (published, right, true, recalled) in found.items():
        print(
            f"| {flag} | {published:,} | {right / max(published, 1):.4f} | {true:,} "
            f"| {recalled / max(true, 1):.4f} |"
        )


if __name__ == "__main__":
    main()
