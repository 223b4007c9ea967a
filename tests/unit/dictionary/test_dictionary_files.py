"""The dictionary of a publication as page, workbook and data package."""

from __future__ import annotations

import hashlib
import html
import json
import re
from pathlib import Path

import duckdb
import pytest
from openpyxl import load_workbook

from publishing.dictionary import read_dictionary, write_dictionary_files
from sources.contracts import load_contracts, load_dataset_table
from warehouse.connection import connect
from warehouse.home import Home
from warehouse.publication import publish
from warehouse.reference import load_reference
from warehouse.settings import Settings
from warehouse.tables import create_tables, table_specs

PERIOD = "2026-10"
HOSTILE = "<script>alert(1)</script> & =cmd|' /C calc'!A1"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder of a publication with one row, and its dictionary written."""
    home = Home(tmp_path_factory.mktemp("dictionary") / "home").ensure()
    with connect(home) as con:
        load_reference(con)
        load_dataset_table(con, load_contracts())
        con.execute("UPDATE reference.datasets SET title = ? WHERE dataset = 'farmers'", [HOSTILE])
        create_tables(con)
        for table in ("coverage_national", "coverage_by_sector_region"):
            con.execute(
                f"INSERT INTO coverage.{table} (period, basis, denominator_id, workers, active, "
                "gap) VALUES (?, 'domicile', 'eligible', 10, 4, 6)",
                [PERIOD],
            )
        if "reconciliation_checks" in table_specs():
            con.execute(
                "INSERT INTO quality.reconciliation_checks (period, passed) VALUES (?, true)",
                [PERIOD],
            )
        done = publish(con, home, Settings(), PERIOD)
    counts = write_dictionary_files(done.path)
    assert counts["dictionary_tables"] > 40
    return done.path


def test_the_page_has_every_table_column_and_text(folder: Path) -> None:
    text = (folder / "kamus" / "kamus.html").read_text("utf-8")
    dictionary = read_dictionary(folder / "cakupan.duckdb")
    for table in dictionary.tables:
        assert f'id="{table.qualified}"' in text
        for column in table.columns:
            for said in (column.meaning_id, column.meaning_en):
                assert said, (table.qualified, column.name)
                assert (
                    str(html.escape(said)).replace("&#x27;", "&#39;").replace("&quot;", "&#34;")
                    in text
                ), said
    assert not re.search(r"(src|href)=\"https?:", text)


def test_a_text_of_a_contract_cannot_become_markup(folder: Path) -> None:
    text = (folder / "kamus" / "kamus.html").read_text("utf-8")
    assert "<script>alert(1)" not in text
    assert "&lt;script&gt;alert(1)" in text


def test_the_workbook_has_every_column_and_no_formula(folder: Path) -> None:
    book = load_workbook(folder / "kamus" / "kamus.xlsx")
    assert book.sheetnames == ["Tabel", "Kolom", "Konsep", "Asal", "Daftar"]
    dictionary = read_dictionary(folder / "cakupan.duckdb")
    columns = sum(len(table.columns) for table in dictionary.tables)
    cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row]
    assert not [cell for cell in cells if cell.data_type == "f"]
    names = [row[1] for row in book["Kolom"].iter_rows(min_row=5, values_only=True) if row[1]]
    assert len(names) == columns


def test_the_data_package_tells_files_hashes_keys_and_units(folder: Path) -> None:
    document = json.loads((folder / "datapackage.json").read_text("utf-8"))
    resources = {resource["name"]: resource for resource in document["resources"]}
    for resource in resources.values():
        content = (folder / resource["path"]).read_bytes()
        assert resource["bytes"] == len(content)
        assert resource["hash"] == "sha256:" + hashlib.sha256(content).hexdigest()
        with duckdb.connect() as con:
            found = [
                row[0]
                for row in con.execute(f"DESCRIBE FROM '{folder / resource['path']}'").fetchall()
            ]
        assert [field["name"] for field in resource["schema"]["fields"]] == found
        assert "any" not in {field["type"] for field in resource["schema"]["fields"]}
    national = resources["coverage-coverage-national"]
    assert national["schema"]["primaryKey"] == ["period", "basis", "denominator_id"]
    units = {field["name"]: field.get("satuan") for field in national["schema"]["fields"]}
    assert (units["workers"], units["coverage_rate"]) == ("orang", "pecahan 0 sampai 1")


def test_every_figure_is_traced_to_columns_that_are_delivered(folder: Path) -> None:
    dictionary = read_dictionary(folder / "cakupan.duckdb")
    gap = next(concept for concept in dictionary.concepts if concept.id == "Kesenjangan")
    paid = next(s for s in gap.sources if s.column == "last_paid_period")
    assert paid.datasets == ("bpjs_participants",)
    with duckdb.connect(str(folder / "cakupan.duckdb"), read_only=True) as con:
        untraced = con.execute(
            "SELECT table_schema, table_name, column_name FROM reference.data_dictionary "
            "EXCEPT SELECT table_schema, table_name, column_name FROM reference.lineage"
        ).fetchall()
        headers = con.execute(
            "SELECT DISTINCT headers FROM reference.lineage WHERE dataset = 'bpjs_participants' "
            "AND lineage_column = 'kpj'"
        ).fetchall()
        uncommented = con.execute(
            "SELECT table_name, column_name FROM duckdb_columns() "
            "WHERE NOT internal AND coalesce(comment, '') NOT SIMILAR TO 'ID: .+ \\| EN: .+'"
        ).fetchall()
    assert untraced == []
    assert "kpj" in headers[0][0]
    assert uncommented == []


def test_no_text_is_said_to_be_a_count(folder: Path) -> None:
    dictionary = read_dictionary(folder / "cakupan.duckdb")
    columns = {(t.qualified, c.name): c for t in dictionary.tables for c in t.columns}
    national = "coverage.coverage_national"
    assert columns[national, "workers"].measure == "jumlah"
    assert columns[national, "denominator_id"].measure == "kategori"
    for key, column in columns.items():
        if column.measure in {"jumlah", "nilai", "rasio"}:
            assert column.data_type not in {"VARCHAR", "VARCHAR[]", "BOOLEAN"}, key
    # A concept stands once, with the measure of what it counts.
    names = [concept.id for concept in dictionary.concepts]
    assert len(set(names)) == len(names)
    workers = columns[national, "workers"].concept
    assert next(c for c in dictionary.concepts if c.id == workers).measure == "jumlah"


def test_the_same_publication_gives_the_same_files(folder: Path) -> None:
    files = [folder / "kamus" / "kamus.html", folder / "kamus" / "kamus.xlsx"]
    before = [file.read_bytes() for file in [*files, folder / "datapackage.json"]]
    write_dictionary_files(folder)
    assert before == [file.read_bytes() for file in [*files, folder / "datapackage.json"]]
