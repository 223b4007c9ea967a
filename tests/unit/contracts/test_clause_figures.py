"""What the rules of clauses do to the gap tables: parts of lists, businesses, those outside."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from warehouse.instruction import views
from warehouse.storage import run_sql_file

ROOT = Path(__file__).parents[3]
SQL = ROOT / "warehouse" / "sql" / "coverage" / "58_instruction_records.sql"


@pytest.fixture
def con() -> duckdb.DuckDBPyConnection:
    """The relations that the SQL reads: two lists of people, a register of businesses."""
    con = duckdb.connect()
    con.execute("""
        CREATE SCHEMA reference; CREATE SCHEMA landing; CREATE SCHEMA conformed;
        CREATE SCHEMA linkage;
        SET VARIABLE period = '2026-10'; SET VARIABLE as_of = DATE '2026-10-31';
        CREATE TABLE reference.datasets AS FROM (VALUES
            ('organisers', 'roster', ['2.24.b', '2.25.b'], true),
            ('tenants', 'employer', ['2.10.b'], false)) AS t(dataset, kind, clauses, links_person);
        CREATE TABLE reference.instruction_rules AS FROM (VALUES
            ('2.24.b', 'organisers', 'in', 1, 'disebut', 'Dalam', '{}', 'r.term > 0',
                []::VARCHAR[]),
            ('2.24.b', 'organisers', 'out', 2, 'di_luar', 'Luar', '', 'true', []),
            ('2.25.b', 'organisers', 'semua', 1, 'disebut', 'Semua', '', 'true', []),
            ('2.10.b', 'tenants', 'semua', 1, 'disebut', 'Semua', '', 'true', []))
            AS t(clause, dataset, group_code, group_position, obligation, group_id, group_where,
                group_sql, group_reads);
        CREATE TABLE landing.in_force AS FROM (VALUES
            ('2026-10', 'organisers', '2026-09', 2, 'carried'))
            AS t(period, dataset, delivery_period, version, state);
        CREATE TABLE conformed.organisers AS FROM (VALUES
            ('2026-09', 2, 'A', 1), ('2026-09', 2, 'B', 0), ('2026-09', 1, 'old', 1))
            AS t(period, delivery_version, record_id, term);
        CREATE TABLE linkage.employer_links AS FROM (VALUES
            ('2026-10', 'tenants', 'T1', 7::UBIGINT))
            AS t(period, dataset, record_id, employer_key);
        CREATE TEMP TABLE in_employers AS FROM (VALUES ('tenants', 'T1', '3171'),
            ('tenants', 'T2', NULL)) AS t(dataset, record_id, region_code);
        CREATE TEMP TABLE in_roster AS FROM (VALUES ('organisers', 'A', '3171'),
            ('organisers', 'B', '3171')) AS t(dataset, record_id, region_code);
        CREATE TEMP TABLE in_ownership AS FROM in_roster WHERE false;
        CREATE TEMP TABLE in_employment AS FROM (VALUES
            ('payroll', 'P1', '3171', '0123456789012000', NULL::VARCHAR, NULL::DATE, NULL::DATE),
            ('payroll', 'P2', '3171', NULL, 'N7', NULL, DATE '2026-10-31'))
            AS t(dataset, record_id, region_code, employer_npwp, employer_nib, started_on,
                ended_on);
        CREATE TEMP TABLE cov_links AS FROM (VALUES
            ('payroll', 'P1', 'linked', 1::UBIGINT, true), ('payroll', 'P2', 'linked', 2, true),
            ('organisers', 'A', 'linked', 3, true)) AS t(dataset, record_id, status, person_key,
            accepted);
        CREATE TEMP TABLE cov_people AS FROM (VALUES (1::UBIGINT, '3201'), (3, '9501'))
            AS t(person_key, domicile);
        CREATE TEMP TABLE cov_employers AS FROM (VALUES ('npwp_root', '0123456789', 7::UBIGINT),
            ('nib', 'N7', 7), ('npp', 'X1', 7)) AS t(kind, identifier, employer_key);
        CREATE TEMP TABLE cov_memberships AS FROM (VALUES (4::UBIGINT, true, 'PU', 'active', 'X1'),
            (5, true, 'PU', 'inactive', 'X1'), (6, true, 'BPU', 'active', 'X1'))
            AS t(person_key, accepted, segment, state, npp);
        CREATE TEMP MACRO cov_region(code) AS
            CASE WHEN length(code) = 4 AND code <> '0000' THEN code END
    """)
    for name, query in views(con, "2026-10").items():
        con.execute(f"CREATE TEMP VIEW {name} AS {query}")
    run_sql_file(con, SQL)
    return con


def test_whom_a_clause_leaves_out_has_a_group_and_no_part_in_its_figures(con) -> None:
    assert con.execute(
        "SELECT clause, record_id, group_code FROM cov_named WHERE dataset = 'organisers' "
        "ORDER BY ALL NULLS FIRST"
    ).fetchall() == [
        ("2.24.b", "A", None), ("2.24.b", "A", "in"), ("2.24.b", "B", "out"),
        ("2.25.b", "A", None), ("2.25.b", "B", None),
    ]  # fmt: skip


def test_businesses_are_listed_where_they_lie_with_those_who_work_for_them(con) -> None:
    assert con.execute(
        "SELECT record_id, status, province_code FROM cov_records WHERE dataset = 'tenants' "
        "ORDER BY 1"
    ).fetchall() == [("T1", "linked", "31"), ("T2", "unlinked", "00")]
    # Open payroll and active wage cards: not the job that ended, the lapsed card, or own account.
    assert con.execute("SELECT person_key FROM cov_staff ORDER BY 1").fetchall() == [(1,), (4,)]
