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
            active::BIGINT * 1000000 AS active_low_ppm, active::BIGINT * 1000000 AS active_high_ppm
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


def add_memberships(home: Home) -> None:
    """Give a filled home participations, and what the register knows of them.

    K<n> is a participation of the person n: n of 0 to 9 is active for certain, 10 and 11 lost
    their job, 12 rests on a link that is not certain. KX has a bad NIK and reached nobody, KY a
    good one and reached nobody, KZ a repaired one and is under review.
    """
    con = connect(home)
    con.execute("""
        INSERT INTO landing.in_force VALUES
            ('2026-10', 'bpjs_participants', '2026-10', 1, 0, 'current');
        CREATE TEMP TABLE cards AS
        SELECT 'K' || n AS record_id, nik, full_name, NULL::VARCHAR AS nik_reason,
            'linked' AS status, md5_number_lower(nik) AS person_key,
            CASE WHEN n = 0 THEN 'NPP1' END AS npp
        FROM (SELECT nik, full_name, try_cast(split_part(full_name, ' ', 2) AS INTEGER) AS n
              FROM spine.persons) WHERE n BETWEEN 0 AND 12
        UNION ALL VALUES
            ('KX', NULL, 'ORANG X', 'NIK_LENGTH', 'unlinked', NULL, 'NPP1'),
            ('KY', '3201900101900009', 'ORANG Y', NULL, 'unlinked', NULL, NULL),
            ('KZ', '3201900101900010', 'ORANG Z', 'NIK_REPAIRED', 'review', NULL, NULL);
        CREATE TABLE conformed.bpjs_participants AS
        SELECT '2026-10' AS period, 1 AS delivery_version, record_id, record_id AS kpj, full_name,
            nik, nik_reason, '3273' AS region_code, DATE '1990-01-02' AS birth_date,
            'PU' AS segment, npp, 9000000::BIGINT AS reported_wage, hash(record_id) AS row_hash
        FROM cards;
        INSERT INTO linkage.person_links
        SELECT '2026-10', 'bpjs_participants', record_id, status, person_key FROM cards;
        CREATE TABLE linkage.employer_identifiers AS
        SELECT '2026-10' AS period, 'npp' AS kind, 'NPP1' AS identifier,
            1::UBIGINT AS employer_key, '3174' AS region_code;
        UPDATE spine.workers SET active_low_ppm = 0, active_high_ppm = 0;
        UPDATE spine.workers SET active_low_ppm = 1000000, active_high_ppm = 1000000
        WHERE person_key IN (FROM cards SELECT person_key WHERE record_id NOT IN
            ('K10', 'K11', 'K12'));
        UPDATE spine.workers SET active_high_ppm = 700000
        WHERE person_key IN (FROM cards SELECT person_key WHERE record_id = 'K12');
        DELETE FROM spine.workers
        WHERE person_key IN (FROM cards SELECT person_key WHERE record_id = 'K11');
    """)
    con.close()


def decrypted_rows(content: bytes) -> list[dict[str, object]]:
    """Read a decrypted Parquet file."""
    relation = duckdb.from_arrow(_table(content))
    names = relation.columns
    return [dict(zip(names, row, strict=True)) for row in relation.fetchall()]


def _table(content: bytes) -> pa.Table:
    return pq.read_table(pa.BufferReader(content))
