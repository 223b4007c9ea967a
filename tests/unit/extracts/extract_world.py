"""A small publication with a release, of invented counts, for the tests of the extracts."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb

from warehouse.home import Home
from warehouse.publication.folders import MANIFEST_FILE, RELEASE_FILE, WAREHOUSE_FILE
from warehouse.reference import load_reference

PERIOD = "2026-10"
FIGURES = """
    workers::BIGINT AS workers,
    CASE WHEN NOT suppressed THEN (workers * 35 / 100)::BIGINT END AS active,
    CASE WHEN NOT suppressed THEN (workers * 15 / 100)::BIGINT END AS inactive,
    CASE WHEN NOT suppressed
        THEN workers - (workers * 35 / 100)::BIGINT - (workers * 15 / 100)::BIGINT
    END::BIGINT AS unregistered,
    CASE WHEN NOT suppressed THEN workers - (workers * 35 / 100)::BIGINT END::BIGINT AS gap,
    CASE WHEN NOT suppressed AND workers > 0 THEN 0.35 END::DOUBLE AS coverage_rate,
    CASE WHEN NOT suppressed AND workers > 0 THEN 0.34 END::DOUBLE AS coverage_low,
    CASE WHEN NOT suppressed AND workers > 0 THEN 0.37 END::DOUBLE AS coverage_high,
    suppressed
"""
GRAINS = {
    "coverage_national": "",
    "coverage_by_province": "province_code, province",
    "coverage_by_regency": "province_code, province, regency_code, regency",
    "coverage_by_sector": "sector_code, sector",
    "coverage_by_province_sector": "province_code, province, sector_code, sector",
    "coverage_by_sector_region": "province_code, province, regency_code, regency, sector_code, "
    "sector",
}


def make_release(file: Path, periods: int = 3, regencies: int | None = None) -> None:
    """Write a release as publishing/disclosure does: whole numbers, hidden cells empty.

    Args:
        file: where.
        periods: months up to October 2026.
        regencies: how many regencies, spread over the country; all where left out.
    """
    with duckdb.connect(str(file)) as con:
        con.execute("CREATE SCHEMA reference")
        load_reference(con)
        keep = f"WHERE rank % {max(514 // regencies, 1)} = 0" if regencies else ""
        con.execute(f"""
            CREATE SCHEMA release.release;
            CREATE TEMP TABLE cells AS
            WITH places AS (
                SELECT *, row_number() OVER (ORDER BY regency_code) - 1 AS rank
                FROM reference.regencies WHERE valid_to IS NULL
            ),
            months AS (
                SELECT strftime(DATE '2026-10-01' - to_months(n::INTEGER), '%Y-%m') AS period, n
                FROM range({periods}) AS t (n)
            )
            SELECT
                period, basis, 'eligible' AS denominator_id,
                province_code, province, regency_code, regency, sector_code, sector,
                (hash(regency_code || sector_code) % 40000 + 10 * n)::BIGINT AS workers
            FROM (SELECT * FROM places {keep})
            JOIN reference.provinces AS p USING (province_code)
            CROSS JOIN reference.sectors
            CROSS JOIN months
            CROSS JOIN (VALUES ('domicile'), ('workplace')) AS b (basis)
            WHERE p.valid_to IS NULL;
        """)
        for table, grain in GRAINS.items():
            by = f"{grain}, " if grain else ""
            con.execute(f"""
                CREATE TABLE release.release.{table} AS
                SELECT * EXCLUDE (workers, suppressed), {FIGURES}
                FROM (
                    SELECT period, basis, denominator_id, {by} sum(workers) AS workers,
                        sum(workers) < 800 AS suppressed
                    FROM cells GROUP BY ALL
                )
            """)
        con.execute(f"""
            CREATE TABLE release.release.coverage_by_segment AS
            SELECT * EXCLUDE (workers, suppressed), {FIGURES}
            FROM (
                SELECT period, basis, denominator_id, province_code, province, segment, sex,
                    age_band, sum(workers) // 10 AS workers, sum(workers) < 800 AS suppressed
                FROM cells
                CROSS JOIN (VALUES ('PU'), ('BPU'), ('JAKON'), ('PMI')) AS s (segment)
                CROSS JOIN (VALUES ('L'), ('P')) AS k (sex)
                CROSS JOIN (VALUES ('15-24'), ('25-34'), ('35-44'), ('45-54'), ('55-64'))
                    AS a (age_band)
                GROUP BY ALL
            );
            CREATE TABLE release.release.gap_by_instruction AS
            SELECT * EXCLUDE (workers, suppressed), workers AS persons,
                {FIGURES.replace("workers::BIGINT AS workers,", "")}
            FROM (
                SELECT period, clause, dataset, province_code, province, sum(workers) AS listed,
                    sum(workers) AS linked, 0 AS review, 0 AS unlinked,
                    sum(workers)::BIGINT AS workers, false AS suppressed
                FROM cells
                CROSS JOIN (VALUES ('2.13.b', 'farmers'), ('2.8', 'school_educators'),
                    ('2.14', 'fisheries_workers')) AS d (clause, dataset)
                WHERE basis = 'domicile'
                GROUP BY ALL
            );
            CREATE TABLE release.release.sensitivity AS
            SELECT period, province_code, province, scenario, sum(workers)::BIGINT AS workers,
                (sum(workers) * 35 / 100)::BIGINT AS active, 0.35::DOUBLE AS coverage_rate,
                false AS suppressed
            FROM cells CROSS JOIN (VALUES ('arrears_0'), ('arrears_6')) AS s (scenario)
            GROUP BY ALL;
            DROP SCHEMA reference CASCADE;
        """)


def make_publication(home: Home, number: int = 1, regencies: int | None = 30) -> Path:
    """Put a publication of October 2026 with a release into a home."""
    folder = home.published / f"{PERIOD}-{number}"
    folder.mkdir(parents=True)
    make_release(folder / RELEASE_FILE, regencies=regencies)
    (folder / WAREHOUSE_FILE).touch()
    (folder / MANIFEST_FILE).write_text(json.dumps({"period": PERIOD, "sequence": number}), "utf-8")
    return folder
