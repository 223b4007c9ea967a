"""What must hold between the stages of a period, and that each breach is found."""

from __future__ import annotations

import duckdb
import pytest

from expectations import cross
from sources.contracts import load_contracts
from warehouse.connection import SCHEMAS
from warehouse.tables import create_tables, table_specs

PERIOD = "2026-10"
_MEASURES = {
    "workers": 4, "active": 2, "inactive": 1, "unregistered": 1, "gap": 2, "active_low": 1,
    "active_high": 3, "gap_low": 1, "gap_high": 3,
}  # fmt: skip


@pytest.fixture(scope="module")
def made():
    con = duckdb.connect(config={"threads": 2})
    for schema in SCHEMAS:
        con.execute(f"CREATE SCHEMA {schema}")
    create_tables(con)
    con.execute("""
        CREATE TABLE spine.persons AS
            SELECT '2026-10' AS period, i::UBIGINT AS person_key FROM range(5) t(i)
            UNION ALL SELECT '2026-09', 1::UBIGINT;
        CREATE TABLE spine.employers AS SELECT '2026-10' AS period, 7::UBIGINT AS employer_key;
        CREATE TABLE linkage.person_links AS
            SELECT * FROM (VALUES
                ('2026-10', 'farmers', '1', 'linked', 1::UBIGINT),
                ('2026-10', 'farmers', '2', 'review', 1::UBIGINT),
                ('2026-10', 'farmers', '3', 'unlinked', NULL),
                ('2026-10', 'djp_withholding', '1', 'linked', 1::UBIGINT),
                ('2026-10', 'djp_withholding', '2', 'linked', 1::UBIGINT),
                ('2026-09', 'farmers', '1', 'linked', 99::UBIGINT)
            ) AS l(period, dataset, record_id, status, person_key);
        CREATE TABLE landing.in_force AS
            SELECT * FROM (VALUES
                ('2026-10', 'farmers', '2026-09', 1, 'carried'),
                ('2026-10', 'djp_withholding', '2026-10', 2, 'current'),
                ('2026-10', 'transport_workers', NULL, NULL, 'missing')
            ) AS f(period, dataset, delivery_period, version, state);
        CREATE TABLE conformed.counts AS
            SELECT * FROM (VALUES
                ('2026-09', 'farmers', 1, 5, 3, 1, 1),
                ('2026-10', 'djp_withholding', 2, 2, 2, 0, 0),
                ('2026-10', 'djp_withholding', 1, 9, 1, 0, 0)
            ) AS c(period, dataset, delivery_version, delivered, accepted, quarantined, duplicates)
    """)
    for spec in table_specs().values():
        if spec.schema != "coverage" or "inactive" not in spec.columns:
            continue
        if "workers" not in spec.columns:
            continue
        values = {name: str(value) for name, value in _MEASURES.items()}
        values |= {"period": f"'{PERIOD}'", "basis": "'domicile'", "province_code": "'31'"}
        values |= {"regency_code": "'3171'", "sector_code": "'A'", "segment": "'PU'"}
        for denominator in ("eligible", "employed", "sakernas"):
            values["denominator_id"] = f"'{denominator}'"
            # The survey has totals of its own, at the levels where it is published.
            if denominator == "sakernas" and spec.name != "coverage_national":
                continue
            present = {n: v for n, v in values.items() if n in (*spec.grain, *spec.columns)}
            con.execute(
                f"INSERT INTO {spec.qualified} ({', '.join(present)})"
                f" VALUES ({', '.join(present.values())})"
            )
    _fill_compliance(con)
    yield con
    con.close()


def _fill_compliance(con):
    """Put one employer, in arrears and nothing more, into the tables of employers."""
    sums = dict.fromkeys(
        ("known_workers", "active_participants", "missing_workers", "missing_workers_without_tax",
         "underreported_workers", "estimated_contribution", "contribution_jkk", "contribution_jkm",
         "contribution_jht", "contribution_jp", "estimated_without_tax"),
        0,
    )  # fmt: skip
    place = {"period": PERIOD, "province_code": "31", "regency_code": "3171", "sector_code": "C"}
    flags = {name: ["ARREARS"] for name in ("flags", "flags_certain", "flags_upper")}
    for table, row in (
        ("coverage.employer_compliance",
         place | sums | flags | {"employer_key": "E1", "flags_without_tax": []}),
        ("coverage.compliance_by_sector_region",
         place | sums | {"employers": 1, "pwbd": 0, "pds_tk": 0, "pds_upah": 0, "pds_program": 0,
                         "arrears": 1}),
        ("quality.employer_records",
         {"period": PERIOD, "records": 3, "with_employer": 1, "unknown_employer": 1,
          "without_identifier": 1}),
        ("coverage.construction_cover",
         {"period": PERIOD, "projects": 2, "with_certificate": 1, "without_certificate": 1,
          "contract_value": 5, "value_without_certificate": 2}),
    ):  # fmt: skip
        con.execute(
            f"INSERT INTO {table} ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})",
            list(row.values()),
        )


def broken(con):
    checks = cross.suite(load_contracts(), PERIOD)
    figures = cross.compute(con, checks)
    assert set(figures) == {check.name for check in checks}
    return {name for name, found in figures.items() if found.unexpected}


def test_a_consistent_period_passes_and_is_written_down(made):
    results = cross.validate_period(made, load_contracts(), PERIOD)
    assert [r.name for r in results] == list(cross.check_names())
    assert [r.name for r in results if not r.success] == []
    assert all(r.severity == "critical" and r.evaluated > 0 for r in results)
    written = made.execute(
        "SELECT count(*), count(DISTINCT (table_name, expectation, column_name)),"
        " any_value(dataset) FROM quality.expectation_results WHERE period = ?",
        [PERIOD],
    ).fetchone()
    assert written == (len(results), len(results), "all")


@pytest.mark.parametrize(
    ("breach", "names"),
    [
        ("INSERT INTO spine.persons VALUES ('2026-10', 1)", {"person_key_unique"}),
        ("INSERT INTO spine.employers VALUES ('2026-10', NULL)", {"employer_key_unique"}),
        ("DELETE FROM spine.persons WHERE period = '2026-10' AND person_key = 1",
         {"links_point_to_persons"}),
        ("DELETE FROM linkage.person_links WHERE status = 'unlinked'", {"every_record_accounted"}),
        ("UPDATE linkage.person_links SET person_key = 2 WHERE status = 'unlinked'",
         {"link_status_consistent"}),
        ("UPDATE linkage.person_links SET record_id = '1' WHERE record_id = '3'",
         {"one_link_per_record"}),
        # A farmer stands once in the list of farmers; a worker may have two employers.
        ("UPDATE linkage.person_links SET status = 'linked' WHERE status = 'review'",
         {"one_record_per_person"}),
        ("UPDATE conformed.counts SET delivered = 6 WHERE dataset = 'farmers'", {"rows_balance"}),
        ("DELETE FROM conformed.counts WHERE dataset = 'farmers'",
         {"rows_balance", "every_record_accounted"}),
        ("UPDATE coverage.coverage_national SET inactive = 3 WHERE denominator_id = 'sakernas'",
         {"coverage_national_workers"}),
        ("UPDATE coverage.coverage_by_sector SET gap = 9 WHERE denominator_id = 'eligible'",
         {"coverage_by_sector_gap", "coverage_by_sector_from_by_sector_region",
          "coverage_national_from_by_sector"}),
        ("UPDATE coverage.coverage_by_segment SET active_high = 1",
         {"coverage_by_segment_active", "coverage_by_province_from_by_segment"}),
        ("DELETE FROM coverage.coverage_by_regency WHERE denominator_id = 'employed'",
         {"coverage_by_regency_from_by_sector_region", "coverage_by_province_from_by_regency"}),
    ],
)  # fmt: skip
def test_each_breach_is_found(made, breach, names):
    made.execute("BEGIN")
    try:
        made.execute(breach)
        assert broken(made) == names
    finally:
        made.execute("ROLLBACK")


def test_missing_tables_fail_instead_of_passing(made):
    made.execute("BEGIN")
    made.execute("DROP TABLE linkage.person_links")
    checks = cross.suite(load_contracts(), PERIOD)
    found = cross.compute(made, checks)
    made.execute("ROLLBACK")
    assert {c.name for c in checks} - set(found) == {
        "links_point_to_persons",
        "link_status_consistent",
        "one_link_per_record",
        "every_record_accounted",
        "one_record_per_person",
    }
