"""Every check across stages, of reconciliation and every constraint fires when it is broken.

The checks are those that a real run made on a real home; each violation is planted in that home's
restricted warehouse, in a transaction that is rolled back.
"""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest
from canary.planting import DATASETS, PERIOD
from canary.running import DATABASE_KEY, undisturbed
from planted.record import Planted, store

from expectations import cross
from expectations.judging import judge
from sources.contracts import load_contracts
from warehouse import at_rest, reconciliation, reconciliation_rollups
from warehouse.connection import connect, set_parameters
from warehouse.home import Home
from warehouse.inputs import create_inputs
from warehouse.settings import EngineSettings, Settings
from warehouse.storage import literal

OF = f"period = '{PERIOD}'"


@pytest.fixture(scope="module")
def con(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    _world, whole = undisturbed(tmp_path_factory.getbasetemp())
    settings = Settings(engine=EngineSettings(threads=1))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(at_rest.DATABASE_KEY, DATABASE_KEY)
        con = connect(Home(whole.home), settings)
    set_parameters(con, settings, PERIOD)
    create_inputs(con, PERIOD)
    yield con
    con.close()


_ACROSS = {
    "person_key_unique": "INSERT INTO spine.persons FROM spine.persons",
    "employer_key_unique": "INSERT INTO spine.employers FROM spine.employers",
    "persons_present": "DELETE FROM spine.persons",
    "links_point_to_persons": f"UPDATE linkage.person_links SET person_key = 1 WHERE {OF}",
    "link_status_consistent": f"UPDATE linkage.person_links SET status = 'other' WHERE {OF}",
    "one_link_per_record": f"UPDATE linkage.person_links SET record_id = 'same' WHERE {OF}",
    "every_record_accounted": f"DELETE FROM linkage.person_links WHERE {OF}",
    "one_record_per_person": "UPDATE linkage.person_links SET status = 'linked', person_key = 1",
    "rows_balance": "UPDATE conformed.counts SET duplicates = duplicates + 1",
    "employers_once": "INSERT INTO coverage.employer_compliance FROM coverage.employer_compliance",
    "employers_unnamed": (
        "UPDATE coverage.employer_compliance SET employer_name = 'X', natural_person = true"
    ),
    "flags_nested": "UPDATE coverage.employer_compliance SET flags_certain = ['OTHER']",
    "contributions_add_up": (
        "UPDATE coverage.employer_compliance "
        "SET estimated_contribution = estimated_contribution + 1"
    ),
    "compliance_from_employers": (
        "UPDATE coverage.compliance_by_sector_region SET employers = employers + 1"
    ),
    "employer_records_balance": "UPDATE quality.employer_records SET records = records + 1",
    "certificates_balance": "INSERT INTO coverage.construction_cover (period, projects, "
    "with_certificate, without_certificate) VALUES ('" + PERIOD + "', 2, 0, 1)",
}
"""Violations of the checks that are written one by one; the others are of a pattern."""


def _across(name: str, table: str) -> str:
    if name in _ACROSS:
        return _ACROSS[name]
    if "_from_" in name or name.endswith("_workers"):
        return f"UPDATE {table} SET workers = workers + 1"
    if name.endswith("_gap"):
        return f"UPDATE {table} SET gap = gap + 1"
    if name.endswith("_active"):
        return f"UPDATE {table} SET active_low = active_high + 1"
    raise KeyError(name)


def test_every_check_across_stages_fires(con: duckdb.DuckDBPyConnection) -> None:
    contracts = {key: load_contracts()[key] for key in DATASETS}
    checks = cross.suite(contracts, PERIOD)
    assert {check.name for check in checks} == set(cross.check_names())
    good = judge(checks, cross.compute(con, checks))
    assert [result.name for result in good if not result.success] == []
    figures, how = {}, {}
    for check in checks:
        how[check.name] = _across(check.name, check.table)
        con.execute("BEGIN")
        con.execute(how[check.name])
        figures |= cross.compute(con, [check])
        con.execute("ROLLBACK")
    store(
        "across stages",
        [
            Planted("across stages", check.name, not result.success, how[check.name])
            for check, result in zip(checks, judge(checks, figures), strict=True)
        ],
    )


_ROW = "DELETE FROM {t} WHERE rowid = (SELECT min(rowid) FROM {t})"
_MORE = "UPDATE {t} SET {c} = {c} + 1"
_STEPS = {
    "ledger": _MORE.format(t="landing.deliveries", c="rows"),
    "delivered": "; ".join(_ROW.format(t=f"landing.{key}") for key in DATASETS),
    "conformed": "; ".join(_ROW.format(t=f"conformed.{key}") for key in DATASETS),
    "counted": _MORE.format(t="conformed.counts", c="accepted"),
    "linked": "DELETE FROM linkage.person_links",
    "employers_linked": "DELETE FROM linkage.employer_links",
    "register": _ROW.format(t="spine.persons"),
    "persons_exist": "UPDATE linkage.person_links SET person_key = 1",
    "employers_exist": "UPDATE linkage.employer_links SET employer_key = 1",
    "published_counts": _MORE.format(t="quality.reconciliation", c="accepted"),
    "published_links": _MORE.format(t="quality.reconciliation", c="linked"),
    "unlinked_reasons": "UPDATE quality.unlinked_reasons SET records = records + 1",
    "workers": _ROW.format(t="spine.workers"),
    "one_state": _MORE.format(t="spine.workers", c="inactive_ppm"),
    # Sums: a part or the whole is another than it was.
    "from_sector_region": _MORE.format(t="coverage.coverage_by_sector_region", c="workers"),
    "from_regency": _MORE.format(t="coverage.coverage_by_regency", c="workers"),
    "from_segment": _MORE.format(t="coverage.coverage_by_segment", c="active"),
    "from_province": _MORE.format(t="coverage.coverage_by_province", c="gap"),
    "from_sector": _MORE.format(t="coverage.coverage_by_sector", c="inactive"),
    "states": "; ".join(
        _MORE.format(t=f"coverage.{t}", c="unregistered")
        for t in (
            "coverage_by_sector_region",
            "coverage_by_segment",
            "gap_by_instruction",
            "gap_by_group",
        )
    ),
    "bases_agree": "UPDATE coverage.coverage_national SET active = active + 1 "
    "WHERE basis = 'workplace'",
    "states_listed": "; ".join(
        _MORE.format(t=f"coverage.{t}", c="review") for t in ("gap_by_instruction", "gap_by_group")
    ),
    "from_coverage": _MORE.format(t="coverage.sensitivity", c="active"),
    "bridge_provinces": "UPDATE quality.bridge SET participants = participants + 1 "
    "WHERE area = 'province'",
    "bridge_ends": "UPDATE quality.bridge SET participants = participants + 1 "
    "WHERE area = 'national'",
    "dimensions_agree": "UPDATE quality.linkage_quality SET linked = linked + 1 "
    "WHERE dimension <> 'all'",
    "from_links": "UPDATE quality.linkage_quality SET linked = linked + 1 WHERE dimension = 'all'",
    "employers": _MORE.format(t="coverage.compliance_by_sector_region", c="missing_workers"),
    "contributions": "UPDATE coverage.employer_contributions "
    "SET estimated_contribution = estimated_contribution + 1",
    "evidence": "DELETE FROM coverage.employer_evidence",
    "employer_records": _MORE.format(t="quality.employer_records", c="records"),
    "certificates": "INSERT INTO coverage.construction_cover (period, province_code, funding, "
    f"projects, with_certificate, without_certificate) VALUES ('{PERIOD}', '31', 'X', 2, 0, 1)",
    "areas": "UPDATE coverage.wage_gap SET wage_persons = wage_persons + 1 WHERE area = 'national'",
    "states_gap": _MORE.format(t="coverage.coverage_by_sector_region", c="gap"),
}
"""A violation for every step of reconciliation but `unchanged`."""


def _key(check: reconciliation.Check) -> str:
    return f"{check.step}: {check.dataset}, {check.table}"


def test_every_step_of_reconciliation_fires(con: duckdb.DuckDBPyConnection) -> None:
    good = {_key(check): check for check in reconciliation._balances(con, PERIOD)}
    assert [str(check) for check in good.values() if not check.passed] == []
    fired: dict[str, str] = {}
    for step, violation in _STEPS.items():
        con.execute("BEGIN")
        con.execute(violation)
        for check in reconciliation._balances(con, PERIOD):
            if check.step == step and not check.passed:
                fired[_key(check)] = violation
        con.execute("ROLLBACK")
    # What this world has no rows for is not among the good ones: it is known by its step.
    steps = {*reconciliation.STEPS, *(one.step for one in reconciliation_rollups.rollups())}
    assert steps - {reconciliation.UNCHANGED} == set(_STEPS)
    assert {key.split(":")[0] for key in fired} == set(_STEPS)
    planted = [
        Planted("reconciliation", key, key in fired, fired.get(key, ""))
        for key in sorted({*good, *fired})
    ]
    store("reconciliation", planted)


def test_every_seal_fires(con: duckdb.DuckDBPyConnection) -> None:
    good = {_key(check): check for check in reconciliation._unchanged(con, PERIOD)}
    assert [str(check) for check in good.values() if not check.passed] == []
    # Every table is only compared with its own seal, so that all can be changed at once.
    con.execute("BEGIN")
    for table in sorted({check.table for check in good.values()}):
        for row in _added(con, table):
            names = ", ".join(row)
            con.execute(f"INSERT INTO {table} ({names}) VALUES ({', '.join(row.values())})")
    fired = {_key(c) for c in reconciliation._unchanged(con, PERIOD) if not c.passed}
    con.execute("ROLLBACK")
    store("seal", [Planted("seal", key, key in fired, "a row was added") for key in sorted(good)])


def _added(con: duckdb.DuckDBPyConnection, table: str) -> Iterator[dict[str, str]]:
    """Give rows, empty but for what says of which delivery or month they are."""
    columns = {name for name, *_ in con.execute(f"DESCRIBE {table}").fetchall()}
    if "delivery_version" not in columns or table.startswith(("coverage.", "quality.")):
        yield {"period": literal(PERIOD)}
        return
    row = {"period": literal(PERIOD), "delivery_version": "1"}
    for dataset in DATASETS if "dataset" in columns else ("",):
        yield row | ({"dataset": literal(dataset)} if dataset else {})


def test_every_constraint_of_the_database_fires(con: duckdb.DuckDBPyConnection) -> None:
    found = con.execute(
        "SELECT schema_name || '.' || table_name, constraint_type, constraint_column_names "
        "FROM duckdb_constraints() WHERE database_name = 'restricted' ORDER BY ALL"
    ).fetchall()
    planted = []
    for table, kind, columns in found:
        listed = ", ".join(f'"{name}"' for name in columns)
        violation = {
            "NOT NULL": f"INSERT INTO {table} ({listed}) VALUES (NULL)",
            "PRIMARY KEY": f"INSERT INTO {table} SELECT * FROM {table} LIMIT 1",
            "UNIQUE": f"INSERT INTO {table} SELECT * FROM {table} LIMIT 1",
        }[kind]
        fired = False
        try:
            con.execute(violation)
        except duckdb.ConstraintException:
            fired = True
        planted.append(Planted("constraint", f"{table} {kind} ({listed})", fired, violation))
    store("constraint", planted)
