"""What must hold between the tables of employers before anything is published."""

from __future__ import annotations

import duckdb
import pytest
from compliance_world import PERIOD, compute
from test_compliance_oracle import random_world

from expectations import cross

Con = duckdb.DuckDBPyConnection

BREACHES = {
    "employers_once": "INSERT INTO coverage.employer_compliance "
    f"FROM coverage.employer_compliance WHERE period = '{PERIOD}' LIMIT 1",
    "employers_unnamed": "UPDATE coverage.employer_compliance SET natural_person = true",
    "flags_nested": "UPDATE coverage.employer_compliance SET flags_without_tax = ['PWBD'] "
    "WHERE len(flags) = 0",
    "contributions_add_up": "DELETE FROM coverage.employer_contributions "
    "WHERE contribution_programme = 'JKM'",
    "compliance_from_employers": "DELETE FROM coverage.compliance_by_sector_region WHERE pwbd > 0",
    "employer_records_balance": "UPDATE quality.employer_records SET records = records + 1",
    "certificates_balance": "UPDATE coverage.construction_cover SET projects = projects + 1",
}


def unexpected(con: Con) -> dict[str, int]:
    checks = [check for check in cross.suite({}, PERIOD) if check.name in BREACHES]
    figures = cross.compute(con, checks)
    assert set(figures) == set(BREACHES)
    assert all(found.evaluated > 0 for found in figures.values())
    return {name: found.unexpected for name, found in figures.items()}


@pytest.fixture(scope="module")
def computed(warehouse: Con) -> Con:
    build = random_world(5)
    build.project(region_code="3171", contract_value=5_000_000, certificate_number="J-1")
    compute(warehouse, build.world)
    return warehouse


def test_what_was_computed_holds_together(computed: Con) -> None:
    assert unexpected(computed) == dict.fromkeys(BREACHES, 0)


@pytest.mark.parametrize("name", BREACHES)
def test_a_breach_is_found(computed: Con, name: str) -> None:
    computed.execute("BEGIN TRANSACTION")
    try:
        computed.execute(BREACHES[name])
        assert unexpected(computed)[name] > 0
    finally:
        computed.execute("ROLLBACK")
