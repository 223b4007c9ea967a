"""A small release with all that the dashboard reads, made by SQL: three months, all provinces.

Its figures are drawn from hashes; counts below ten are withheld as a release withholds them,
without complementary suppression, which a page does not see.
"""

from __future__ import annotations

import json
from pathlib import Path

import duckdb

from warehouse.reference import reference_rows
from warehouse.tables import table_specs

MONTHS = ("2026-08", "2026-09", "2026-10")
NAME = "2026-10-1"

_TOLD = """
    CASE WHEN w >= 10 THEN w END AS workers,
    CASE WHEN a >= 10 AND w - a >= 10 THEN a END AS active,
    CASE WHEN a >= 10 AND i >= 10 AND w - a - i >= 10 THEN i END AS inactive,
    CASE WHEN a >= 10 AND i >= 10 AND w - a - i >= 10 THEN w - a - i END AS unregistered,
    CASE WHEN a >= 10 AND w - a >= 10 THEN w - a END AS gap,
    CASE WHEN a >= 10 AND w - a >= 10 THEN a - a // 50 END AS active_low,
    CASE WHEN a >= 10 AND w - a >= 10 THEN a + (w - a) // 20 END AS active_high
"""
_RATES = """
    *, workers - active_high AS gap_low, workers - active_low AS gap_high,
    active / workers AS coverage_rate, active_low / workers AS coverage_low,
    active_high / workers AS coverage_high, inactive IS NULL AS suppressed
"""


def write_release(folder: Path) -> Path:
    """Write a publication's folder with `release.duckdb`, `cakupan.duckdb` and its manifest.

    Args:
        folder: a `published` folder.
    """
    place = folder / NAME
    place.mkdir(parents=True)
    with duckdb.connect() as con:
        # By another name: that of the file is also that of its schema.
        con.execute(f"ATTACH '{place / 'release.duckdb'}' AS made")
        con.execute("USE made")
        con.execute("CREATE SCHEMA r")
        _cells(con)
        _coverage(con)
        _others(con)
        con.execute("DROP SCHEMA r CASCADE")
    with duckdb.connect(str(place / "cakupan.duckdb")) as con:
        con.execute("CREATE SCHEMA quality")
        spec = table_specs()["bridge"]
        con.execute(spec.ddl())
        con.execute(
            """
            INSERT INTO quality.bridge BY NAME
            SELECT p.period, 'national' AS area, '00' AS province_code, s.*, 'ALL' AS segment
            FROM (SELECT unnest(?) AS period) AS p,
                (VALUES (1, 'active_cards', 'Kartu aktif', 'Active cards', 90000.0),
                        (2, 'distinct_people', 'Orang', 'People', 89996.0),
                        (3, 'alive', 'Masih hidup', 'Alive', 88000.0),
                        (4, 'active_here', 'Aktif di sini', 'Active here', 87999.5))
                    AS s (step_no, step, step_id, step_en, participants)
            """,
            [list(MONTHS)],
        )
        _causes(con, place / "release.duckdb")
    (place / "publication.json").write_text(json.dumps({"sequence": 1}), "utf-8")
    return place


def _causes(con: duckdb.DuckDBPyConnection, release: Path) -> None:
    """Why figures moved: October in full, September with a cause of three people."""
    spec = table_specs()["change_causes"]
    con.execute(spec.ddl())
    con.execute(f"ATTACH '{release}' AS told (READ_ONLY)")
    con.execute(
        """
        INSERT INTO quality.change_causes BY NAME
        SELECT n.period, b.period AS previous_period, 'domicile' AS basis,
            'eligible' AS denominator_id, '32' AS province_code, 'Jawa Barat' AS province, c.cause,
            0 AS workers_change, 0 AS active_change,
            CASE c.cause WHEN 'people' THEN n.gap - b.gap - c.rest + 0.4
                WHEN 'links' THEN c.rest - 320.4 ELSE 320 END AS gap_change,
            CASE c.cause WHEN 'people' THEN 5000 + n.workers - b.workers ELSE 0 END AS entered_work,
            CASE c.cause WHEN 'people' THEN 5000 ELSE 0 END AS left_work,
            CASE c.cause WHEN 'people' THEN 700.6 ELSE 0 END AS newly_covered,
            CASE c.cause WHEN 'people' THEN 4 ELSE 0 END AS newly_lapsed
        FROM told.release.coverage_national AS n
        JOIN told.release.coverage_national AS b
        ON b.basis = n.basis AND right(n.period, 2)::INT = right(b.period, 2)::INT + 1,
            (SELECT cause, rest FROM (SELECT unnest(['people', 'deliveries', 'links']) AS cause),
                (SELECT unnest([300, 323]) AS rest)) AS c
        WHERE n.basis = 'domicile' AND (c.rest = 300) = (n.period = '2026-10')
        """
    )
    con.execute("DETACH told")


def _cells(con: duckdb.DuckDBPyConnection) -> None:
    # Two regencies of each province, and all of one.
    codes = [r["regency_code"] for r in reference_rows("regencies")]
    regions = [c for c in codes if c.startswith("32") or c[2:] in {"01", "02", "71"}] + ["0000"]
    sectors = [r["sector_code"] for r in reference_rows("sectors")] + ["X"]
    con.execute(
        """
        CREATE TABLE r.cells AS
        SELECT period, basis, left(regency_code, 2) AS province_code, regency_code, sector_code,
            w, (w * (10 + h2 % 60)) // 100 AS a, (w * (h2 % 20)) // 100 AS i
        FROM (
            SELECT *, (h % 97) * (h % 7) // 3 AS w, hash(regency_code, sector_code) % 997 AS h2
            FROM (SELECT unnest(?) AS period), (SELECT unnest(['domicile', 'workplace']) AS basis),
                (SELECT unnest(?) AS regency_code), (SELECT unnest(?) AS sector_code),
                LATERAL (SELECT (hash(period, regency_code, sector_code) % 9973)::BIGINT AS h)
        )
        """,
        [list(MONTHS), regions, sectors],
    )


def _coverage(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("CREATE SCHEMA release")
    levels = {
        "coverage_national": "",
        "coverage_by_province": "province_code,",
        "coverage_by_sector": "sector_code,",
        "coverage_by_province_sector": "province_code, sector_code,",
        "coverage_by_regency": "province_code, regency_code,",
        "coverage_by_sector_region": "province_code, regency_code, sector_code,",
    }
    for table, keys in levels.items():
        con.execute(
            f"""
            CREATE TABLE release.{table} AS SELECT {_RATES} FROM (
                SELECT period, basis, 'eligible' AS denominator_id, {keys} {_TOLD}
                FROM (SELECT period, basis, {keys} sum(w)::BIGINT AS w, sum(a)::BIGINT AS a,
                    sum(i)::BIGINT AS i FROM r.cells GROUP BY ALL))
            """
        )
    con.execute(
        f"""
        CREATE TABLE release.coverage_by_segment AS SELECT {_RATES} FROM (
            SELECT period, basis, 'eligible' AS denominator_id, province_code, segment, sex,
                age_band, {_TOLD}
            FROM (
                SELECT period, 'domicile' AS basis, province_code, segment, sex, age_band,
                    w, (w * 3) // 10 AS a, w // 10 AS i
                FROM (SELECT DISTINCT period, province_code FROM r.cells),
                    (SELECT unnest(['PU', 'BPU', 'JAKON', 'PMI']) AS segment),
                    (SELECT unnest(['L', 'P', 'X']) AS sex),
                    (SELECT unnest(['15-24', '25-34', '35-44', '45-54', '55-64']) AS age_band),
                    LATERAL (SELECT (hash(period, province_code, segment, sex, age_band) % 211)
                        ::BIGINT AS w)))
        """
    )


def _others(con: duckdb.DuckDBPyConnection) -> None:
    con.execute(
        f"""
        CREATE TABLE release.gap_by_instruction AS
        SELECT {_RATES.replace("workers", "persons")},
            CASE WHEN persons >= 40 THEN persons + 5 END AS listed,
            persons AS linked, 0 AS review, 5 AS unlinked
        FROM (SELECT period, clause, dataset, province_code,
                {_TOLD.replace("AS workers", "AS persons")}
            FROM (SELECT period, c.clause, c.dataset, province_code, w, (w * 4) // 10 AS a,
                    w // 8 AS i
                FROM (SELECT DISTINCT period, province_code FROM r.cells),
                    (VALUES ('2.2.a', 'kur_debtors'), ('2.10.c', 'siinas_workers'),
                        ('2.13.b', 'farmers')) AS c (clause, dataset),
                    LATERAL (SELECT (hash(period, province_code, clause) % 300)::BIGINT AS w)));
        CREATE TABLE release.compliance_by_sector_region AS
        SELECT period, province_code, regency_code, sector_code, w AS employers,
            CASE WHEN w > 20 THEN w // 4 END AS employers_flagged_without_tax,
            CASE WHEN w > 20 THEN a END AS active_participants,
            CASE WHEN w > 40 THEN w - a END AS missing_workers_without_tax,
            CASE WHEN w > 60 THEN w * 125000 END AS estimated_without_tax, w < 60 AS suppressed
        FROM r.cells WHERE basis = 'workplace' AND w > 0;
        CREATE TABLE release.gap_by_group AS
        SELECT * EXCLUDE (suppressed), suppressed
        FROM (SELECT g.*, c.group_code, c.obligation FROM release.gap_by_instruction AS g
            JOIN (VALUES ('kur_debtors', 'wajib', 'wajib'), ('kur_debtors', 'didorong', 'didorong'),
                ('farmers', 'semua', 'disebut')) AS c (dataset, group_code, obligation)
            USING (dataset));
        CREATE TABLE release.construction_cover AS
        SELECT period, province_code, funding, n AS projects,
            CASE WHEN n > 9 THEN n // 3 END AS with_certificate,
            CASE WHEN n > 9 THEN n - n // 3 END AS without_certificate,
            n * 1500000000 AS contract_value,
            CASE WHEN n > 9 THEN n * 600000000 END AS value_without_certificate,
            n <= 9 AS suppressed
        FROM (SELECT period, province_code, funding,
                nullif((hash(period, province_code, funding) % 40)::BIGINT // 4 * 4, 0) AS n
            FROM (SELECT DISTINCT period, province_code FROM r.cells),
                (SELECT unnest(['APBN', 'APBD', 'swasta']) AS funding));
        CREATE TABLE release.sensitivity AS
        SELECT period, province_code, scenario, w AS workers,
            CASE WHEN province_code <> '11' OR scenario = 'arrears_3' THEN a END AS active,
            a / w AS coverage_rate, false AS suppressed
        FROM (SELECT period, province_code, s.scenario, sum(w)::BIGINT AS w,
                sum(a * s.share // 100)::BIGINT AS a
            FROM r.cells, (VALUES ('arrears_0', 80), ('arrears_3', 100), ('arrears_6', 110),
                ('pppk_eligible', 98)) AS s (scenario, share)
            WHERE basis = 'domicile' GROUP BY ALL);
        CREATE TABLE release.deliveries AS
        SELECT period, dataset, period AS delivery_period, 1 AS delivery_version,
            'current' AS delivery_state, 0 AS age_months, 'file' AS source_kind,
            1000 AS delivered, 3 AS rejected_rows
        FROM (SELECT DISTINCT period FROM r.cells),
            (SELECT unnest(['farmers', 'kur_debtors', 'bpjs_employers']) AS dataset);
        CREATE TABLE release.reconciliation AS
        SELECT period, dataset, 1000 AS delivered, 980 AS accepted, 15 AS quarantined,
            5 AS duplicates, CASE WHEN dataset <> 'bpjs_employers' THEN 950 END AS linked,
            CASE WHEN dataset <> 'bpjs_employers' THEN 10 END AS review,
            CASE WHEN dataset <> 'bpjs_employers' THEN 20 END AS unlinked
        FROM release.deliveries;
        CREATE TABLE release.publication AS
        SELECT '{NAME}' AS publication, '2026-10' AS period, 1 AS publication_sequence,
            TIMESTAMP '2026-11-10 07:00:00' AS published_at, '0.1.0' AS code_version,
            '{{"arrears_months": 3}}' AS method_parameters;
        """
    )
