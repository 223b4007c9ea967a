"""A restricted warehouse with a few farmers, for the tests of lists. All people are invented."""

from __future__ import annotations

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from sources.contracts import load_contracts, load_dataset_table
from warehouse.connection import connect
from warehouse.home import Home
from warehouse.tables import create_tables

PERIOD = "2026-10"
HOSTILE = '=HYPERLINK("http://contoh.invalid","SITI")'


def fill_restricted(home: Home, people: int = 1000) -> None:
    """Fill a home: every third farmer is covered, every tenth reached nobody by a bad NIK.

    Person n has the NIK 3201 9x ... of kecamatan 90, lives in 3201 or 3273, and is on the list
    of farmers as record F<n>.
    """
    con = connect(home)
    load_dataset_table(con, load_contracts())
    create_tables(con)
    con.execute("""
        CREATE TABLE landing.in_force (period VARCHAR, dataset VARCHAR, delivery_period VARCHAR,
            version INTEGER, age_months INTEGER, state VARCHAR);
        INSERT INTO landing.in_force VALUES
            ('2026-10', 'farmers', '2026-10', 1, 0, 'current'),
            ('2026-10', 'school_educators', '2026-10', 1, 0, 'current');
        CREATE TABLE reference.reason_codes AS SELECT 'NIK_LENGTH' AS reason_code,
            'NIK tidak 16 digit' AS id;
    """)
    con.execute("SET VARIABLE people = ?", [people])
    con.execute("SET VARIABLE hostile = ?", [HOSTILE])
    con.execute("""
        CREATE TEMP TABLE humans AS
        SELECT
            n, '320190' || lpad((n % 28 + 1)::VARCHAR, 2, '0') || '0190'
                || lpad((n // 28 + 1)::VARCHAR, 4, '0') AS nik,
            CASE n WHEN 1 THEN getvariable('hostile') ELSE 'ORANG ' || n END AS full_name,
            CASE WHEN n % 2 = 0 THEN '3201' ELSE '3273' END AS region_code,
            n % 3 = 0 AS active, n % 10 = 7 AS failed
        FROM range(getvariable('people')) AS t (n);
        CREATE TABLE spine.persons AS
        SELECT '2026-10' AS period, md5_number_lower(nik) AS person_key, nik, full_name,
            region_code FROM humans;
        CREATE TABLE spine.workers AS
        SELECT '2026-10' AS period, md5_number_lower(nik) AS person_key, region_code AS domicile,
            'A' AS sector_code, 'BPU' AS segment, n % 50 <> 1 OR n = 1 AS eligible,
            (n % 5 = 0 AND NOT active)::BIGINT * 900000 AS inactive_ppm,
            active::BIGINT * 1000000 AS active_high_ppm
        FROM humans;
        CREATE TABLE conformed.farmers AS
        SELECT '2026-10' AS period, 1 AS delivery_version, 'F' || n AS record_id, full_name,
            CASE WHEN NOT failed THEN nik END AS nik,
            CASE WHEN failed THEN 'NIK_LENGTH' END AS nik_reason, region_code,
            DATE '1990-01-02' AS birth_date, 5000000::BIGINT AS monthly_wage,
            n::UBIGINT AS row_hash
        FROM humans;
        CREATE TABLE conformed.school_educators AS
        SELECT * REPLACE ('T' || n AS record_id) FROM (
            SELECT * FROM conformed.farmers CROSS JOIN (SELECT 2 AS n) LIMIT 5);
        CREATE TABLE linkage.person_links AS
        SELECT '2026-10' AS period, 'farmers' AS dataset, 'F' || n AS record_id,
            CASE WHEN failed THEN 'unlinked' ELSE 'linked' END AS status,
            CASE WHEN NOT failed THEN md5_number_lower(nik) END AS person_key
        FROM humans;
        INSERT INTO coverage.employer_compliance (period, employer_key, employer_name,
            province_code, regency_code, sector_code, flags, flags_without_tax,
            evidence_sources, known_without_tax, missing_wage, verification)
        VALUES
            ('2026-10', 'a', 'PT TERBUKA', '32', '3201', 'C', ['PWBD', 'PDS_UPAH'], ['PWBD'],
             ['djp_withholding', 'oss_businesses'], true, 1000, 'unverified'),
            ('2026-10', 'b', 'PT PAJAK', '32', '3201', 'C', ['PWBD'], [],
             ['djp_withholding'], false, 0, 'unverified'),
            ('2026-10', 'c', 'PT JAUH', '31', '3171', 'G', ['ARREARS'], ['ARREARS'],
             ['bpjs_employers'], true, 0, 'unverified');
    """)
    con.close()


def decrypted_rows(content: bytes) -> list[dict[str, object]]:
    """Read a decrypted Parquet file."""
    relation = duckdb.from_arrow(_table(content))
    names = relation.columns
    return [dict(zip(names, row, strict=True)) for row in relation.fetchall()]


def _table(content: bytes) -> pa.Table:
    return pq.read_table(pa.BufferReader(content))
