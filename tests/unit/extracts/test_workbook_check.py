"""The check of every workbook that benchmarks/extracts.py makes finds what it looks for."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from extract_world import PERIOD

from benchmarks.extracts import check_workbook, check_workbooks
from publishing.extracts.making import make_extracts
from warehouse.home import Home
from warehouse.settings import ExtractSettings, Settings

ONE = Settings(extracts=ExtractSettings(processes=1))


@pytest.fixture
def folder(released: Home) -> Path:
    (made,) = make_extracts(released, ONE, PERIOD, addressees=[13]).written
    return made


def book(folder: Path) -> Path:
    (path,) = folder.glob("*.xlsx")
    return path


def rewrite(path: Path, change: Callable[[str, bytes], bytes]) -> None:
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, change(name, content))


def test_a_workbook_as_it_was_made_has_no_fault(folder: Path) -> None:
    found = check_workbooks(folder.parent)
    assert (found["workbooks"], found["faults"]) == (1, [])
    assert found["cells"] > 1000


def test_a_formula_is_found(folder: Path) -> None:
    path = book(folder)

    def plant(name: str, content: bytes) -> bytes:
        if not name.endswith("sheet1.xml"):
            return content
        return content.replace(b"</sheetData>", b"<f>1+1</f></sheetData>")

    rewrite(path, plant)
    with zipfile.ZipFile(path) as archive:
        assert b"<f>" in archive.read("xl/worksheets/sheet1.xml")
    # Both readers may refuse such a sheet; the look into the file comes first.
    assert any("has a formula" in fault for fault in check_workbook(path)[1])


def test_a_code_that_lost_its_zero_is_found(folder: Path) -> None:
    file = folder / "coverage_by_province_sector.parquet"
    data = pq.read_table(file)
    codes = ["7" + code[1:] for code in data.column("province_code").to_pylist()]
    at = data.column_names.index("province_code")
    pq.write_table(data.set_column(at, "province_code", pa.array(codes)), file)
    faults = check_workbook(book(folder))[1]
    assert len(faults) == 2
    assert all("coverage_by_province_sector is not what Parquet has" in f for f in faults)
