"""Every table of random worlds, cell by cell, against the definitions in plain Python."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any, NamedTuple

import duckdb
import pytest
from coverage_oracle import Rules
from coverage_oracle_tables import Oracle
from coverage_world import World, connection, random_world

from warehouse import coverage
from warehouse.settings import CoverageSettings, Settings
from warehouse.tables import table_specs

MEASURES = (
    "workers, active, inactive, unregistered, gap, coverage_rate, active_low, active_high, "
    "gap_low, gap_high, coverage_low, coverage_high"
)
# Last days on and off 29 February, the end of a year, and other rules than the default ones.
CASES = (
    (11, "2027-02", Rules()),
    (12, "2024-02", Rules(arrears=6, pppk_is_civil=False)),
    (13, "2026-12", Rules(arrears=0, certain=995_000)),
    (14, "2025-06", Rules(min_register=1.7)),
    (15, "2028-03", Rules(min_register=0.1)),
)


class Case(NamedTuple):
    con: duckdb.DuckDBPyConnection
    oracle: Oracle
    world: World


def settings(rules: Rules) -> Settings:
    return Settings(
        coverage=CoverageSettings(
            arrears_months=rules.arrears,
            pppk_is_civil_servant=rules.pppk_is_civil,
            certain_ppm=rules.certain,
            sakernas_min_register=rules.min_register,
        )
    )


@pytest.fixture(scope="module", params=CASES, ids=lambda case: f"{case[0]}-{case[1]}")
def case(request: pytest.FixtureRequest) -> Iterator[Case]:
    seed, period, rules = request.param
    world = random_world(seed, period)
    con = connection(world)
    coverage.run(con, settings(rules), period)
    yield Case(con, Oracle(world, period, rules), world)
    con.close()


def exact(value: Any) -> Any:
    """Persons as whole millionths; other values as they are."""
    return int(value * 1_000_000) if isinstance(value, Decimal) else value


def table(con: duckdb.DuckDBPyConnection, name: str, columns: str) -> dict[tuple[Any, ...], Any]:
    """Read a table by its grain without the period; every grain stands once."""
    spec = table_specs()[name]
    grain = [column for column in spec.grain if column != "period"]
    rows = con.execute(f"SELECT {', '.join(grain)}, {columns} FROM {spec.qualified}").fetchall()
    found = {row[: len(grain)]: tuple(map(exact, row[len(grain) :])) for row in rows}
    assert len(found) == len(rows), f"{name} repeats a grain"
    return found


@pytest.mark.parametrize(
    "level", ["sector_region", "regency", "province", "sector", "national", "segment"]
)
def test_coverage_tables_are_the_definitions(case: Case, level: str) -> None:
    name = "coverage_national" if level == "national" else f"coverage_by_{level}"
    found = table(case.con, name, MEASURES)
    assert found == case.oracle.coverage(level)
    assert len(found) > 3


def test_clauses_are_the_definitions(case: Case) -> None:
    found = table(case.con, "gap_by_instruction", f"listed, linked, review, unlinked, "
                  f"{MEASURES.replace('workers', 'persons')}")  # fmt: skip
    assert found == case.oracle.gap_by_instruction()


def test_scenarios_are_whole_worlds_under_other_rules(case: Case) -> None:
    found = table(case.con, "sensitivity", "workers, active, coverage_rate")
    assert found == case.oracle.sensitivity()


def test_bridge_is_the_definitions(case: Case) -> None:
    found = table(case.con, "bridge", "participants")
    assert {grain: row[0] for grain, row in found.items()} == case.oracle.bridge()


def test_linkage_quality_is_the_definitions(case: Case) -> None:
    columns = (
        "records, linked, linked_identifier, linked_model, linked_decision, review, unlinked, "
        "never_compared, precision_estimate, precision_low, precision_high, recall_estimate, "
        "recall_low, recall_high"
    )
    found = table(case.con, "linkage_quality", columns)
    expected = case.oracle.linkage_quality()
    assert found.keys() == expected.keys()
    for grain, row in found.items():
        assert row[:8] == expected[grain][:8], grain
        # Sums of rounded millionths on one side, of fractions on the other.
        assert row[8:] == pytest.approx(expected[grain][8:], abs=1e-4), grain


def test_unlinked_reasons_are_counted(case: Case) -> None:
    found = table(case.con, "unlinked_reasons", "records")
    assert {grain: row[0] for grain, row in found.items()} == case.oracle.unlinked_reasons()


def test_workers_are_kept_with_sign_and_main_job(case: Case) -> None:
    rows = case.con.execute(
        "SELECT person_key, sign, domicile, workplace, sector_code, segment, sex, age_band, "
        "eligible, active_ppm, inactive_ppm, active_low_ppm > 0, active_high_ppm > 0 "
        "FROM spine.workers"
    ).fetchall()
    expected = [
        (w.key, w.sign, w.domicile, w.workplace, w.sector, w.segment, w.sex, w.band, w.eligible,
         w.active, w.inactive, w.low, w.high)
        for w in case.oracle.workers
    ]  # fmt: skip
    assert sorted(rows) == sorted(expected)
