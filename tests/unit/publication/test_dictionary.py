"""Every published column belongs to a concept and is traced to what is delivered."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from sources.contracts import load_contracts
from warehouse.columns import dictionary
from warehouse.concepts import MEASURES, concept_of, concepts, unit_in_indonesian
from warehouse.tables import create_tables, table_specs

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("table", sorted(table_specs()))
def test_every_published_column_has_a_concept_a_source_and_a_unit_in_indonesian(table) -> None:
    spec = table_specs()[table]
    for column in spec.meanings:
        concept = concept_of(spec, column.name)
        assert concept.sources
        assert concept.text_id
        assert concept.text_en
        assert bool(unit_in_indonesian(column.unit)) == bool(column.unit)


def test_every_source_is_a_column_that_a_contract_delivers_or_a_reference_table() -> None:
    delivered = {
        f"{contract.kind}.{column.name}"
        for contract in load_contracts().values()
        for column in contract.columns
    }
    for concept in concepts().values():
        for source in concept.sources:
            known = source in delivered or source.startswith(("reference.", "<"))
            assert known, (concept.key, source)


def test_every_concept_names_files_that_are_there_and_columns_that_are_described() -> None:
    for concept in concepts().values():
        assert concept.measure in MEASURES
        for file in concept.made_by:
            assert (ROOT / file).exists(), (concept.key, file)
        for column in concept.columns:
            assert column in dictionary(), (concept.key, column)


def test_a_column_without_a_concept_is_told_where_to_name_it() -> None:
    spec = table_specs()["coverage_national"]
    with pytest.raises(KeyError, match=r"concepts\.yaml"):
        concept_of(spec, "no_such_column")


def test_every_dataset_feeds_a_published_figure() -> None:
    used = {source for concept in concepts().values() for source in concept.sources}
    for contract in load_contracts().values():
        columns = {f"{contract.kind}.{column.name}" for column in contract.columns}
        assert columns & used, contract.key


def test_a_home_of_an_earlier_version_gets_the_columns_that_came_later(
    con: duckdb.DuckDBPyConnection,
) -> None:
    create_tables(con)
    con.execute("INSERT INTO coverage.coverage_national (period) VALUES ('2026-09')")
    con.execute("ALTER TABLE coverage.coverage_national DROP COLUMN gap_high")
    create_tables(con)
    row = con.execute("SELECT period, gap_high FROM coverage.coverage_national").fetchall()
    assert row == [("2026-09", None)]
