"""Inputs are put together from the deliveries in force, whatever columns they have."""

from __future__ import annotations

import duckdb
import pytest

from sources.contracts import load_contracts, load_dataset_table
from warehouse.inputs import VIEWS, create_inputs

NIK = "3171905203900001"


@pytest.fixture
def landed(con: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    load_dataset_table(con, load_contracts())
    con.execute("""
        CREATE TABLE landing.in_force (period VARCHAR, dataset VARCHAR, delivery_period VARCHAR,
            version INTEGER, age_months INTEGER, state VARCHAR);
        CREATE TABLE conformed.farmers (period VARCHAR, delivery_version INTEGER,
            record_id VARCHAR, full_name VARCHAR, nik VARCHAR, nik_reason VARCHAR,
            sector_code VARCHAR, row_hash UBIGINT);
        CREATE TABLE conformed.sme_businesses (period VARCHAR, delivery_version INTEGER,
            record_id VARCHAR, employer_name VARCHAR, owner_nik VARCHAR, owner_name VARCHAR,
            owner_nik_reason VARCHAR, region_code VARCHAR, sector_code VARCHAR, row_hash UBIGINT)
    """)
    return con


def in_force(con: duckdb.DuckDBPyConnection, dataset: str, month: str, state: str) -> None:
    con.execute(
        "INSERT INTO landing.in_force VALUES ('2026-10', ?, ?, 1, 0, ?)", [dataset, month, state]
    )


def test_without_deliveries_every_view_is_there_and_empty(landed) -> None:
    create_inputs(landed, "2026-10")
    for view in VIEWS:
        assert landed.execute(f"SELECT count(*) FROM {view}").fetchone() == (0,)


def test_only_the_delivery_in_force_is_read_and_missing_columns_are_null(landed) -> None:
    landed.execute(
        "INSERT INTO conformed.farmers VALUES "
        "('2026-09', 1, 'a', 'SUPARMAN', ?, NULL, 'A', 1), "
        "('2026-09', 2, 'b', 'OTHER VERSION', NULL, NULL, 'A', 2), "
        "('2026-10', 1, 'c', 'OTHER MONTH', NULL, NULL, 'A', 3)",
        [NIK],
    )
    in_force(landed, "farmers", "2026-09", "carried")
    create_inputs(landed, "2026-10")
    assert landed.execute(
        "SELECT dataset, record_id, full_name, nik, birth_date, employer_npwp FROM in_roster"
    ).fetchall() == [("farmers", "a", "SUPARMAN", NIK, None, None)]
    assert landed.execute("SELECT kind, record_id FROM in_person_records").fetchall() == [
        ("roster", "a")
    ]


def test_a_stale_delivery_counts_as_missing(landed) -> None:
    landed.execute(
        "INSERT INTO conformed.farmers VALUES ('2024-01', 1, 'a', 'X', NULL, NULL, 'A', 1)"
    )
    in_force(landed, "farmers", "2024-01", "stale")
    create_inputs(landed, "2026-10")
    assert landed.execute("SELECT count(*) FROM in_roster").fetchone() == (0,)


def test_a_business_is_an_employer_and_its_owner_a_person_where_named(landed) -> None:
    landed.execute(
        "INSERT INTO conformed.sme_businesses VALUES "
        "('2026-10', 1, 's1', 'WARUNG SARI', ?, 'SARI', 'NIK_REPAIRED', '3171', 'I', 1), "
        "('2026-10', 1, 's2', 'TOKO JAYA', NULL, NULL, NULL, '3171', 'G', 2)",
        [NIK],
    )
    in_force(landed, "sme_businesses", "2026-10", "current")
    create_inputs(landed, "2026-10")
    assert landed.execute(
        "SELECT record_id, nik, full_name, nik_reason, region_code, sector_code FROM in_ownership"
    ).fetchall() == [("s1", NIK, "SARI", "NIK_REPAIRED", "3171", "I")]
    assert landed.execute("SELECT record_id FROM in_employers ORDER BY 1").fetchall() == [
        ("s1",),
        ("s2",),
    ]


def test_projects_are_an_input_of_their_own(landed) -> None:
    landed.execute(
        "CREATE TABLE conformed.construction_projects (period VARCHAR, delivery_version INTEGER, "
        "record_id VARCHAR, project_name VARCHAR, contract_value BIGINT, funding VARCHAR, "
        "row_hash UBIGINT)"
    )
    landed.execute(
        "INSERT INTO conformed.construction_projects VALUES "
        "('2026-10', 1, 'p1', 'JALAN TOL', 5000000000, 'APBN', 1), "
        "('2026-10', 2, 'p2', 'LAIN', 1, 'APBD', 2)"
    )
    in_force(landed, "construction_projects", "2026-10", "current")
    create_inputs(landed, "2026-10")
    assert landed.execute(
        "SELECT dataset, record_id, contract_value, funding, certificate_number, starts_on "
        "FROM in_projects"
    ).fetchall() == [("construction_projects", "p1", 5_000_000_000, "APBN", None, None)]
