"""A row that is lost, doubled or changed is caught, whichever stage it happens in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pytest

from warehouse import reconciliation, seals
from warehouse.errors import CakupanError, GateBlocked, UsageError
from warehouse.reconciliation import Check
from warehouse.reconciliation_published import check_file
from warehouse.reconciliation_rollups import rollups
from warehouse.seals import Part
from warehouse.storage import replace_period
from warehouse.tables import TableSpec, create_tables, table_specs

PERIOD = "2026-10"


@contextmanager
def undone(con: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Put back whatever the block changes."""
    con.execute("BEGIN TRANSACTION")
    try:
        yield
    finally:
        con.execute("ROLLBACK")


@pytest.fixture(scope="package")
def whole(made: duckdb.DuckDBPyConnection) -> list[Check]:
    """The untouched month, reconciled: every seal is there from here on."""
    return reconciliation.reconcile(made, PERIOD)


def first(table: str) -> str:
    """Give the condition on one row of a table, always the same one."""
    return f"rowid = (SELECT min(rowid) FROM {table})"


def tampered(con: duckdb.DuckDBPyConnection, sql: str) -> list[Check]:
    with undone(con):
        con.execute(sql)
        return [check for check in reconciliation.compare(con, PERIOD) if not check.passed]


def doubled(table: str, where: str) -> str:
    return f"INSERT INTO {table} SELECT * FROM {table} WHERE {where}"


def test_an_untouched_month_agrees_everywhere(
    made: duckdb.DuckDBPyConnection, whole: list[Check]
) -> None:
    assert [str(check) for check in whole if not check.passed] == []
    steps = {check.step for check in whole}
    assert set(reconciliation.STEPS) <= steps
    assert {rollup.step for rollup in rollups()} <= steps | {"areas"}
    delivered = {c.dataset: c.left for c in whole if c.step == "delivered"}
    assert delivered == dict(
        made.execute("SELECT dataset, delivered FROM quality.reconciliation").fetchall()
    )
    written = made.execute(
        "SELECT count(*), count(*) FILTER (passed) FROM quality.reconciliation_checks"
    ).fetchall()
    assert written == [(len(whole), len(whole))]
    reconciliation.require(made, PERIOD)


LANDED, CONFORMED = "landing.djp_withholding", "conformed.djp_withholding"
LINKS, CELLS = "linkage.person_links", "coverage.coverage_by_sector_region"


@pytest.mark.parametrize(
    ("sql", "dataset", "step"),
    [
        (f"DELETE FROM {LANDED} WHERE {first(LANDED)}", "djp_withholding", "delivered"),
        (doubled(LANDED, first(LANDED)), "djp_withholding", "delivered"),
        (f"UPDATE {LANDED} SET file = 'other.csv' WHERE {first(LANDED)}", "djp_withholding",
         "delivered"),
        (f"UPDATE {LANDED} SET full_name = 'X' WHERE {first(LANDED)}", "djp_withholding",
         "unchanged"),
        ("UPDATE landing.delivery_files SET rows = rows - 1 WHERE dataset = 'farmers'", "farmers",
         "ledger"),
        (f"DELETE FROM {CONFORMED} WHERE {first(CONFORMED)}", "djp_withholding", "conformed"),
        (doubled(CONFORMED, first(CONFORMED)), "djp_withholding", "conformed"),
        # One lost and another doubled leaves the count as it was; the checksum tells.
        (f"UPDATE {CONFORMED} SET row_number = 2 WHERE row_number = 3", "djp_withholding",
         "conformed"),
        (f"UPDATE {CONFORMED} SET full_name = 'X' WHERE {first(CONFORMED)}", "djp_withholding",
         "unchanged"),
        (f"DELETE FROM {CONFORMED} WHERE {first(CONFORMED)}", "djp_withholding", "linked"),
        (f"DELETE FROM quarantine.rows WHERE {first('quarantine.rows')}", "quarantine.rows",
         "conformed"),
        (doubled("quarantine.rows", first("quarantine.rows")), "quarantine.rows", "conformed"),
        (f"UPDATE quarantine.rows SET raw = '{{}}' WHERE {first('quarantine.rows')}",
         "quarantine.rows", "unchanged"),
        (f"DELETE FROM conformed.duplicates WHERE {first('conformed.duplicates')}",
         "conformed.duplicates", "conformed"),
        (doubled("conformed.duplicates", first("conformed.duplicates")), "conformed.duplicates",
         "conformed"),
        (f"UPDATE conformed.duplicates SET row_hash = 0 WHERE {first('conformed.duplicates')}",
         "conformed.duplicates", "unchanged"),
        ("UPDATE conformed.counts SET accepted = accepted - 1, duplicates = duplicates + 1 "
         "WHERE dataset = 'farmers'", "farmers", "counted"),
        (f"DELETE FROM {LINKS} WHERE dataset = 'farmers' AND rowid = (SELECT min(rowid) FROM "
         f"{LINKS} WHERE dataset = 'farmers')", "farmers", "linked"),
        (doubled(LINKS, f"rowid = (SELECT min(rowid) FROM {LINKS} WHERE dataset = 'farmers')"),
         "farmers", "linked"),
        (f"UPDATE {LINKS} SET status = 'review' WHERE status = 'linked' AND dataset = 'farmers'",
         "farmers", "published_links"),
        (f"UPDATE {LINKS} SET person_key = 1 WHERE {first(LINKS)}", "all", "persons_exist"),
        (f"UPDATE {LINKS} SET probability_ppm = 1 WHERE {first(LINKS)}", "all", "unchanged"),
        ("DELETE FROM linkage.employer_links WHERE dataset = 'bpjs_employers'", "bpjs_employers",
         "employers_linked"),
        ("UPDATE linkage.employer_links SET employer_key = 1 WHERE dataset = 'bpjs_employers'",
         "all", "employers_exist"),
        (f"DELETE FROM spine.persons WHERE {first('spine.persons')}", "all", "register"),
        (doubled("spine.persons", first("spine.persons")), "all", "register"),
        (f"UPDATE spine.persons SET sex = NULL WHERE {first('spine.persons')}", "all",
         "unchanged"),
        (f"DELETE FROM spine.workers WHERE {first('spine.workers')}", "all", "workers"),
        (doubled("spine.workers", first("spine.workers")), "all", "workers"),
        ("UPDATE spine.workers SET active_ppm = active_ppm + 1", "all", "one_state"),
        ("UPDATE quality.unlinked_reasons SET records = records + 1", "bpjs_participants",
         "unlinked_reasons"),
        ("UPDATE quality.reconciliation SET quarantined = quarantined + 1 "
         "WHERE dataset = 'farmers'", "farmers", "published_counts"),
        (f"DELETE FROM {CELLS} WHERE {first(CELLS)}", "all", "from_sector_region"),
        (f"UPDATE {CELLS} SET workers = workers + 1 WHERE {first(CELLS)}", "all", "states"),
    ],
)  # fmt: skip
def test_what_is_tampered_with_is_told_by_dataset_and_step(
    made: duckdb.DuckDBPyConnection, whole: list[Check], sql: str, dataset: str, step: str
) -> None:
    if "." in dataset:  # the first row's
        dataset = made.execute(f"SELECT dataset FROM {dataset} WHERE {first(dataset)}").fetchall()[
            0
        ][0]
    failed = tampered(made, sql)
    assert (dataset, step) in {(check.dataset, check.step) for check in failed}
    told = reconciliation.blocked(PERIOD, failed, shown=99)
    assert f"{dataset} [{step}]" in told
    assert "full_name" not in told


@pytest.mark.parametrize("rollup", rollups(), ids=lambda r: f"{r.step}-{r.table or r.whole}")
def test_every_roll_up_notices_a_figure_that_is_off(
    made: duckdb.DuckDBPyConnection, whole: list[Check], rollup: object
) -> None:
    table = rollup.table or rollup.whole  # type: ignore[attr-defined]
    step = rollup.step  # type: ignore[attr-defined]
    column = {
        "dimensions_agree": "unlinked", "from_links": "linked", "bridge_provinces": "participants",
        "bridge_ends": "participants", "states": "inactive", "states_listed": "linked",
        "states_gap": "gap", "employers": "pds_tk", "contributions": "estimated_contribution",
        "employer_records": "with_employer", "certificates": "with_certificate",
        "areas": "wage_persons", "evidence": "", "from_coverage": "active",
    }.get(step, "active")  # fmt: skip
    one = {
        "bridge_ends": "area = 'national' AND step = 'active_here'",
        "bridge_provinces": "area = 'national' AND step = 'active_here'",
        "dimensions_agree": "dimension = 'all'", "from_links": "dimension = 'all'",
        "contributions": "estimated_contribution <> 0", "areas": "area = 'national'",
        "bases_agree": "basis = 'workplace'",
    }.get(step, "true")  # fmt: skip
    if step == "from_coverage":
        one = "scenario = 'pppk_civil_servant'"
    assert made.execute(f"SELECT count(*) FROM {table} WHERE {one}").fetchall()[0][0] > 0
    change = f"UPDATE {table} SET {column} = {column} + 1 WHERE {one}"
    if step == "evidence":
        change = f"DELETE FROM {table} WHERE certainty <> 'upper'"
    failed = tampered(made, change)
    assert step in {check.step for check in failed if check.table == table}


def test_every_table_of_the_month_is_sealed_against_any_change(
    made: duckdb.DuckDBPyConnection, whole: list[Check]
) -> None:
    sealed = {check.table for check in whole if check.step == "unchanged"}
    computed = {
        spec.qualified
        for spec in table_specs().values()
        if spec.qualified in sealed and spec.schema in ("coverage", "quality")
    }
    assert len(computed) >= 25
    looked_at = 0
    for table in (*sorted(computed), "spine.employers", "linkage.employer_identifiers"):
        if made.execute(f"SELECT count(*) FROM {table}").fetchall()[0][0] == 0:
            continue
        looked_at += 1
        kinds = {row[0]: row[1] for row in made.execute(f"DESCRIBE {table}").fetchall()}
        texts = [name for name, kind in kinds.items() if kind == "VARCHAR" and name != "period"]
        for sql in (
            f"DELETE FROM {table} WHERE {first(table)}",
            doubled(table, first(table)),
            f"UPDATE {table} SET {texts[-1]} = coalesce({texts[-1]}, '') || 'x' "
            f"WHERE {first(table)}",
        ):
            with undone(made):
                made.execute(sql)
                [found] = seals.compare(made, [Part(table, PERIOD)])
            assert found.same is False, sql
    assert looked_at >= 20


def test_a_failure_closes_the_gate_and_a_repair_opens_it(
    made: duckdb.DuckDBPyConnection, whole: list[Check]
) -> None:
    before = made.execute(f"SELECT reason FROM {LINKS} WHERE {first(LINKS)}").fetchall()[0]
    made.execute(f"UPDATE {LINKS} SET reason = 'x' WHERE {first(LINKS)}")
    try:
        reconciliation.reconcile(made, PERIOD)
        with pytest.raises(GateBlocked, match=r"all \[unchanged\] linkage.person_links") as gate:
            reconciliation.require(made, PERIOD)
        assert gate.value.exit_code == 4
    finally:
        made.execute(f"UPDATE {LINKS} SET reason = ? WHERE {first(LINKS)}", before)
        reconciliation.reconcile(made, PERIOD)
    reconciliation.require(made, PERIOD)


def test_replacing_a_month_seals_it_anew(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("CREATE TABLE spine.persons AS SELECT '2026-10' AS period, 1 AS person_key")
    part = Part("spine.persons", PERIOD)
    assert seals.compare(con, [part])[0].found == 1
    rows = "SELECT '2026-10' AS period, unnest([2, 3]) AS person_key"
    assert replace_period(con, "spine.persons", PERIOD, rows) == 2
    [found] = seals.compare(con, [part])
    assert (found.sealed, found.found, found.same) == (2, 2, True)
    con.execute("DELETE FROM spine.persons WHERE person_key = 2")
    assert seals.compare(con, [part])[0].same is False


def test_a_seal_of_another_engine_is_compared_by_count_and_renewed(
    con: duckdb.DuckDBPyConnection,
) -> None:
    con.execute("CREATE TABLE spine.some AS SELECT '2026-10' AS period, 1 AS n")
    part = Part("spine.some", PERIOD)
    seals.seal(con, [part])
    con.execute("UPDATE quality.seals SET engine = '0.1', checksum = 1")
    [old] = seals.compare(con, [part])
    assert (old.sealed, old.found, old.same) == (1, 1, None)
    [new] = seals.compare(con, [part])
    assert new.same is True
    # A newer contract may add a column: the seal looks at those it was made of.
    con.execute("ALTER TABLE spine.some ADD COLUMN later VARCHAR")
    assert seals.compare(con, [part])[0].same is True


def test_a_month_without_its_tables_is_told_and_bad_months_are_refused(
    con: duckdb.DuckDBPyConnection,
) -> None:
    with pytest.raises(CakupanError, match="run the period again"):
        reconciliation.reconcile(con, PERIOD)
    with pytest.raises(UsageError):
        reconciliation.reconcile(con, "2026-13")


@pytest.fixture
def file(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> Path:
    """A published file and its Parquet, as they were computed."""
    create_tables(con)
    spec = _spec()
    con.execute(
        f"INSERT INTO {spec.qualified} (period, dataset, delivered, accepted) VALUES "
        "('2026-10', 'farmers', 5, 4), ('2026-10', 'soe_staff', 3, 3), ('2026-09', 'x', 1, 1)"
    )
    _write(con, tmp_path, f"SELECT * FROM {spec.qualified}")
    return tmp_path / "cakupan.duckdb"


def _spec() -> TableSpec:
    return table_specs()["reconciliation"]


def _write(con: duckdb.DuckDBPyConnection, folder: Path, select: str, parquet: str = "") -> None:
    file = folder / "cakupan.duckdb"
    file.unlink(missing_ok=True)
    con.execute(f"ATTACH '{file}' AS out")
    con.execute("CREATE SCHEMA out.quality")
    con.execute(f"CREATE TABLE out.quality.reconciliation AS {select}")
    con.execute("DETACH out")
    (folder / "quality").mkdir(exist_ok=True)
    target = folder / "quality" / "reconciliation.parquet"
    con.execute(f"COPY ({parquet or select}) TO '{target}' (FORMAT parquet)")


@pytest.mark.parametrize(
    ("select", "told"),
    [
        ("SELECT * FROM {t} WHERE dataset <> 'farmers'", r"selisih -1"),
        ("SELECT * FROM {t} UNION ALL SELECT * FROM {t} WHERE dataset = 'farmers'", r"selisih \+1"),
        ("SELECT * REPLACE (accepted + (dataset = 'farmers')::INT AS accepted) FROM {t}", "isinya"),
    ],
)
def test_a_written_file_that_differs_from_what_was_computed_is_not_published(
    con: duckdb.DuckDBPyConnection, file: Path, select: str, told: str
) -> None:
    folder, spec = file.parent, _spec()
    assert check_file(con, file, folder, PERIOD, [spec]) == 1
    good, bad = f"SELECT * FROM {spec.qualified}", select.format(t=spec.qualified)
    for inside, beside, name in ((bad, good, "cakupan.duckdb"), (good, bad, "parquet")):
        _write(con, folder, inside, beside)
        with pytest.raises(GateBlocked, match=told) as gate:
            check_file(con, file, folder, PERIOD, [spec])
        assert "quality.reconciliation" in str(gate.value)
        assert name in str(gate.value)
