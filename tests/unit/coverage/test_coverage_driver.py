"""The driver: what is written, compared, refused and cleared away, and what always holds."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from coverage_world import World, connection, random_world

from warehouse import computing, coverage
from warehouse.errors import CakupanError, UsageError
from warehouse.settings import CoverageSettings, Settings
from warehouse.storage import run_sql_file
from warehouse.tables import TableSpec, table_specs

PERIOD = "2026-11"
SPECS = [table_specs()[name] for name in coverage.TABLES]
LEVELS = (
    "coverage_by_regency",
    "coverage_by_province",
    "coverage_by_sector",
    "coverage_national",
)


@pytest.fixture(scope="module")
def world() -> World:
    world = random_world(21, PERIOD)
    world["landing.in_force"] = [
        {"period": PERIOD, "dataset": dataset, "delivery_period": month, "version": version,
         "age_months": age, "state": state}
        for dataset, month, version, age, state in (
            ("register", PERIOD, 1, 0, "current"),
            ("cards", PERIOD, 2, 0, "current"),
            ("kur", "2026-09", 1, 2, "carried"),
            ("sme", PERIOD, 1, 0, "current"),
            ("drivers", "2020-01", 1, 82, "stale"),
            ("farmers", None, None, None, "missing"),
        )
    ]  # fmt: skip
    world["landing.deliveries"] = [
        {"dataset": "cards", "period": PERIOD, "version": version, "source_kind": "file",
         "content_sha256": f"sha{version}", "files": 1, "bytes": 99, "rows": 1000 * version,
         "rejected_rows": version, "message": "from /somewhere",
         "received_at": dt.datetime(2026, 12, 1)}  # noqa: DTZ001 (stored without a zone)
        for version in (1, 2)
    ]  # fmt: skip
    world["conformed.counts"] = [
        {"dataset": dataset, "period": month, "delivery_version": version, "delivered": 10 + extra,
         "accepted": 7, "quarantined": 2, "duplicates": 1 + extra}
        for dataset, month, version, extra in (
            ("register", PERIOD, 1, 0), ("cards", PERIOD, 1, 5), ("cards", PERIOD, 2, 0),
            ("kur", "2026-09", 1, 0), ("kur", "2026-08", 1, 5), ("sme", PERIOD, 1, 0),
            ("drivers", "2020-01", 1, 0),
        )
    ]  # fmt: skip
    world["quarantine.rows"] = [
        {"dataset": dataset, "period": PERIOD, "delivery_version": version, "row_number": number,
         "stage": stage, "reason_codes": reasons, "raw": "3171;SITI"}
        for number, (dataset, version, stage, reasons) in enumerate((
            ("cards", 2, "reading", ["RAGGED_ROW"]),
            ("cards", 2, "conforming", ["BAD_DATE", "NO_NAME", "BAD_DATE"]),
            ("cards", 2, "conforming", ["BAD_DATE"]),
            ("cards", 1, "conforming", ["BAD_DATE"]),
            ("drivers", 1, "conforming", ["BAD_DATE"]),
        ))
    ]  # fmt: skip
    return world


@pytest.fixture(scope="module")
def warehouse(world: World) -> Iterator[duckdb.DuckDBPyConnection]:
    con = connection(world)
    coverage.run(con, Settings(), PERIOD)
    yield con
    con.close()


def content(con: duckdb.DuckDBPyConnection, spec: TableSpec, schema: str | None = None) -> Any:
    names = ", ".join(f'"{name}"' for name in (*spec.grain, *spec.columns))
    table = f"{schema or spec.schema}.{spec.name}"
    return con.execute(f"SELECT {names} FROM {table} ORDER BY ALL").fetchall()


def leftovers(con: duckdb.DuckDBPyConnection) -> set[str]:
    rows = con.execute(
        "SELECT table_name FROM duckdb_tables() WHERE temporary UNION ALL "
        "SELECT view_name FROM duckdb_views() WHERE temporary AND NOT internal UNION ALL "
        "SELECT function_name FROM duckdb_functions() WHERE database_name = 'temp' "
        "AND function_type = 'macro'"
    ).fetchall()
    return {name for (name,) in rows if not name.startswith("in_")}


def test_tables_are_written_with_comments_and_nothing_is_left_behind(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    for spec in SPECS:
        assert content(warehouse, spec), spec.qualified
    uncommented = warehouse.execute(
        "SELECT table_name FROM duckdb_columns() WHERE schema_name IN ('coverage', 'quality') "
        "AND table_name <> 'seals' AND comment IS NULL"
    ).fetchall()
    assert uncommented == []
    assert leftovers(warehouse) == set()


def test_no_published_table_names_a_person() -> None:
    for spec in SPECS:
        assert not {"person_key", "nik", "full_name", "raw", "message"} & {
            *spec.grain, *spec.columns
        }  # fmt: skip
    assert coverage.WORKERS not in {spec.qualified for spec in table_specs().values()}


@pytest.mark.parametrize("level", LEVELS)
def test_totals_equal_their_parts_exactly(warehouse: duckdb.DuckDBPyConnection, level: str) -> None:
    spec = table_specs()[level]
    grain = ", ".join(spec.grain)
    sums = ", ".join(
        f"sum({name})::DECIMAL(18, 6)"
        for name in ("workers", "active", "inactive", "unregistered", "gap", "active_low",
                     "active_high", "gap_low", "gap_high")
    )  # fmt: skip
    whole, parts = (
        warehouse.execute(
            f"SELECT {grain}, {sums} FROM {table} WHERE denominator_id <> 'sakernas' "
            f"GROUP BY {grain} ORDER BY ALL"
        ).fetchall()
        for table in (spec.qualified, "coverage.coverage_by_sector_region")
    )
    assert whole == parts != []


def test_segments_equal_their_provinces_exactly(warehouse: duckdb.DuckDBPyConnection) -> None:
    whole, parts = (
        warehouse.execute(
            "SELECT basis, denominator_id, province_code, sum(workers), "
            "sum(active)::DECIMAL(18, 6), sum(active_high)::DECIMAL(18, 6) "
            f"FROM coverage.{table} WHERE denominator_id <> 'sakernas' GROUP BY ALL ORDER BY ALL"
        ).fetchall()
        for table in ("coverage_by_province", "coverage_by_segment")
    )
    assert whole == parts != []


@pytest.mark.parametrize(
    "spec", [s for s in SPECS if "active_low" in s.columns], ids=lambda s: s.name
)
def test_figures_are_consistent(warehouse: duckdb.DuckDBPyConnection, spec: TableSpec) -> None:
    people = "persons" if spec.name.startswith("gap_by_") else "workers"
    survey = "denominator_id = 'sakernas'" if "denominator_id" in spec.grain else "false"
    assert warehouse.execute(
        f"""
        SELECT * FROM {spec.qualified}
        WHERE active + inactive + unregistered <> {people}
           OR gap <> inactive + unregistered
           OR NOT active_low <= active OR NOT active <= active_high
           OR gap_low <> {people} - active_high OR gap_high <> {people} - active_low
           OR (NOT ({survey}) AND (active_high > {people} OR unregistered < 0))
           OR (coverage_rate IS NULL) <> ({people} = 0)
        """
    ).fetchall() == []  # fmt: skip


def test_default_scenario_is_the_published_figure(warehouse: duckdb.DuckDBPyConnection) -> None:
    published = warehouse.execute(
        "SELECT province_code, workers, active FROM coverage.coverage_by_province "
        "WHERE basis = 'domicile' AND denominator_id = 'eligible' ORDER BY 1"
    ).fetchall()
    for scenario in ("arrears_3", "pppk_civil_servant"):
        assert published == warehouse.execute(
            "SELECT province_code, workers, active FROM coverage.sensitivity "
            "WHERE scenario = ? ORDER BY 1",
            [scenario],
        ).fetchall()  # fmt: skip


def test_order_of_the_rows_does_not_matter(
    world: World, warehouse: duckdb.DuckDBPyConnection
) -> None:
    pick = random.Random(5)  # noqa: S311
    with connection({name: pick.sample(rows, len(rows)) for name, rows in world.items()}) as other:
        other.execute("SET threads = 1")
        coverage.run(other, Settings(), PERIOD)
        for spec in SPECS:
            assert content(other, spec) == content(warehouse, spec), spec.name


def test_rows_are_reconciled(warehouse: duckdb.DuckDBPyConnection) -> None:
    linked = {
        dataset: tuple(counts)
        for dataset, *counts in warehouse.execute(
            "SELECT r.dataset, count(*) FILTER (l.status = 'linked'), "
            "count(*) FILTER (l.status = 'review'), count(*) FILTER (l.status = 'unlinked') "
            "FROM in_person_records AS r JOIN linkage.person_links AS l "
            f"ON l.dataset = r.dataset AND l.record_id = r.record_id AND l.period = '{PERIOD}' "
            "GROUP BY 1"
        ).fetchall()
    }
    nothing = (None, None, None)
    assert content(warehouse, table_specs()["reconciliation"]) == [
        (PERIOD, dataset, 10, 7, 2, 1, *links)
        for dataset, links in (
            ("cards", linked["cards"]), ("kur", linked["kur"]), ("register", nothing),
            ("sme", nothing),
        )
    ]  # fmt: skip
    assert content(warehouse, table_specs()["quarantine_summary"]) == [
        (PERIOD, "cards", "conforming", "BAD_DATE", 2),
        (PERIOD, "cards", "conforming", "NO_NAME", 1),
        (PERIOD, "cards", "reading", "RAGGED_ROW", 1),
    ]


def test_deliveries_tell_state_and_content(warehouse: duckdb.DuckDBPyConnection) -> None:
    rows = {row[1]: row[2:] for row in content(warehouse, table_specs()["deliveries"])}
    assert rows["cards"] == (PERIOD, 2, "current", 0, "file", "sha2", 1, 99, 2000, 2)
    assert rows["farmers"] == (None, None, "missing", *[None] * 7)
    assert set(rows) == {"register", "cards", "kur", "sme", "drivers", "farmers"}


def test_source_records_are_all_counted(world: World, warehouse: duckdb.DuckDBPyConnection) -> None:
    rows = content(warehouse, table_specs()["source_records"])
    assert all(row[3] == sum(row[4:]) for row in rows)
    cards = [row[3] for row in rows if row[1:3] == ("quality.bridge", "cards")]
    assert cards == [len(world["in_membership"])]
    assert {row[2] for row in rows if row[1] == "coverage.coverage_national"} == {
        row["dataset"] for kind in ("membership", "employment", "roster", "ownership")
        for row in world[f"in_{kind}"]
    }  # fmt: skip


def test_a_month_is_replaced_and_the_others_stay(world: World) -> None:
    with connection(world) as con:
        first = coverage.run(con, Settings(), PERIOD)
        for spec in SPECS:
            con.execute(
                f"INSERT INTO {spec.qualified} BY NAME SELECT * REPLACE ('2026-10' AS period) "
                f"FROM {spec.qualified}"
            )
        told: list[str] = []
        assert coverage.run(con, Settings(), PERIOD, told.append) == first
        assert told[0] == "00_parameters"
        for spec in SPECS:
            months = con.execute(
                f"SELECT period, count(*) FROM {spec.qualified} GROUP BY 1 ORDER BY 1"
            ).fetchall()
            assert months == [(m, first[spec.qualified]) for m in ("2026-10", PERIOD)]


def test_a_failing_step_changes_nothing_and_quotes_nothing(world: World) -> None:
    with connection(world) as con:
        coverage.run(con, Settings(), PERIOD)
        before = {spec.name: content(con, spec) for spec in SPECS}
        con.execute("UPDATE in_membership SET last_paid_period = 'SECRET' WHERE record_id = 'm0'")
        with pytest.raises(CakupanError, match="10_memberships") as caught:
            coverage.run(con, Settings(), PERIOD)
        assert "SECRET" not in str(caught.value)
        assert caught.value.__cause__ is caught.value.__context__ is None
        assert {spec.name: content(con, spec) for spec in SPECS} == before
        assert leftovers(con) == set()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("* EXCLUDE (sector)", r"missing in the view \['sector'\]"),
        ("*, 1 AS surprise", r"not specified \['surprise'\]"),
    ],
)
def test_a_view_must_have_the_specified_columns(
    world: World, monkeypatch: pytest.MonkeyPatch, change: str, message: str
) -> None:
    def changed(con: duckdb.DuckDBPyConnection, path: Path) -> None:
        run_sql_file(con, path)
        if path.name.startswith("50_"):
            con.execute(
                "CREATE TEMP TABLE cov_other AS SELECT * FROM out_coverage_by_sector; CREATE OR "
                f"REPLACE TEMP VIEW out_coverage_by_sector AS SELECT {change} FROM cov_other"
            )

    monkeypatch.setattr(computing, "run_sql_file", changed)
    with connection(world) as con:
        with pytest.raises(ValueError, match=message):
            coverage.run(con, Settings(), PERIOD)
        assert leftovers(con) == set()


def test_perfect_links_give_the_truth_beside_the_published(world: World, tmp_path: Path) -> None:
    with connection(world) as con:
        coverage.run(con, Settings(), PERIOD)
        before = {spec.name: content(con, spec) for spec in SPECS}
        con.execute(f"UPDATE spine.persons SET person_key = md5_number_lower('{'7' * 16}') "
                    f"WHERE person_key = (SELECT min(person_key) FROM spine.persons "
                    f"WHERE period = '{PERIOD}' AND life_status = 'hidup' AND "
                    "birth_date BETWEEN '1970-01-01' AND '2000-01-01')")  # fmt: skip
        con.execute("UPDATE in_membership SET last_paid_period = '2026-11', ended_on = NULL, "
                    "registered_on = NULL WHERE record_id = 'm1'")  # fmt: skip
        truth = tmp_path / "person_records.parquet"
        columns = {"period": [PERIOD, PERIOD, "2026-10"], "dataset": ["cards"] * 3,
                   "record_id": ["m1", "m2", "m3"], "nik": ["7" * 16, None, "7" * 16]}  # fmt: skip
        pq.write_table(pa.table(columns), truth)
        coverage.run_with_links(con, Settings(), PERIOD, coverage.perfect_links_sql(truth))
        assert con.execute(
            "SELECT active, active_low FROM truth.coverage_national "
            "WHERE basis = 'domicile' AND denominator_id = 'employed'"
        ).fetchall() == [(1, 1)]
        assert con.execute(
            "SELECT linked, unlinked - never_compared FROM truth.linkage_quality "
            "WHERE dataset = 'ALL' AND dimension = 'all'"
        ).fetchall() == [(1, 1)]
        assert {spec.name: content(con, spec) for spec in SPECS} == before
        assert leftovers(con) == set()


def test_the_same_links_give_the_same_tables_elsewhere(
    world: World, warehouse: duckdb.DuckDBPyConnection
) -> None:
    counts = coverage.run_with_links(
        warehouse, Settings(), PERIOD, f"(FROM linkage.person_links WHERE period = '{PERIOD}')",
        "temp", f"(FROM spine.employers WHERE period = '{PERIOD}')",
        f"(FROM linkage.employer_identifiers WHERE period = '{PERIOD}')",
    )  # fmt: skip
    for spec in SPECS:
        assert content(warehouse, spec, "temp") == content(warehouse, spec), spec.name
        assert counts[f"temp.{spec.name}"] == len(content(warehouse, spec))
        warehouse.execute(f"DROP TABLE temp.{spec.name}")
    assert counts["temp.workers"] > 0
    warehouse.execute("DROP TABLE temp.workers")


def test_other_employers_change_the_workplace(world: World) -> None:
    with connection(world) as con:
        coverage.run_with_links(
            con, Settings(), PERIOD, f"(FROM linkage.person_links WHERE period = '{PERIOD}')",
            employers_relation="(FROM spine.employers LIMIT 0)",
            identifiers_relation="(FROM linkage.employer_identifiers LIMIT 0)",
        )  # fmt: skip
        assert con.execute(
            "SELECT count(*) FROM truth.workers WHERE workplace <> domicile"
        ).fetchall() == [(0,)]


@pytest.mark.parametrize("schema", ["coverage", "quality", "spine"])
def test_other_links_never_overwrite_the_warehouse(
    warehouse: duckdb.DuckDBPyConnection, schema: str
) -> None:
    with pytest.raises(UsageError, match=schema):
        coverage.run_with_links(warehouse, Settings(), PERIOD, "linkage.person_links", schema)


HEADER = "survey_period,province_code,regency_code,sector_code,employed\n"


def with_denominators(path: Path) -> Settings:
    return Settings(coverage=CoverageSettings(denominators=path, sakernas_min_register=0))


def test_denominators_come_from_a_file(world: World, tmp_path: Path) -> None:
    path = tmp_path / "denominators.csv"
    path.write_text(f"{HEADER}2026-08,,,,500\n2026-08,31,,,200\n2026-08,,,A,99\n")
    with connection(world) as con:
        coverage.run(con, with_denominators(path), PERIOD)
        assert con.execute(
            "SELECT 'all', workers FROM coverage.coverage_national "
            "WHERE denominator_id = 'sakernas' UNION ALL SELECT province_code, workers "
            "FROM coverage.coverage_by_province WHERE denominator_id = 'sakernas' UNION ALL "
            "SELECT sector_code, workers FROM coverage.coverage_by_sector "
            "WHERE denominator_id = 'sakernas' ORDER BY 1"
        ).fetchall() == [("31", 200), ("A", 99), ("all", 500)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "does not exist"),
        ("survey_period,employed\n2026-08,5\n", "province_code, regency_code, sector_code is miss"),
        (f"{HEADER}2026-08,,,,500\n2026-8,,,,1\n", "data row 2 has a bad survey_period"),
        (f"{HEADER}2026-08,,,,many\n", "data row 1"),
        (f"{HEADER}2026-08,3,,,5\n", "data row 1"),
        (f"{HEADER}2026-08,,317,,5\n", "data row 1"),
        (f"{HEADER}2026-08,,,,\n", "data row 1"),
    ],
)
def test_denominators_of_no_use_are_refused(
    world: World, tmp_path: Path, text: str | None, message: str
) -> None:
    path = tmp_path / "denominators.csv"
    if text is not None:
        path.write_text(text)
    with connection({}) as con, pytest.raises(UsageError, match=message):
        coverage.run(con, with_denominators(path), PERIOD)
