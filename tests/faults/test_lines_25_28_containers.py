"""Faults 25 to 28: workbooks, wrong extensions, unsafe and damaged containers."""

from __future__ import annotations

import datetime as dt
import hashlib
import io
import json

import msoffcrypto.format.ooxml
import pytest
from arrivals import COLUMNS, GOOD_NIK, book, csv, packed, parquet, row, zipped
from openpyxl.utils.datetime import CALENDAR_MAC_1904

ROW = ["K1", "WARGA 1", "PU", GOOD_NIK, "P", "1990-03-12", "5000000"]
OTHER = ["K2", *ROW[1:]]
PARTS = {"[Content_Types].xml": b"<Types/>", "xl/workbook.xml": b"<workbook/>"}


@pytest.mark.fault(25, "numeric NIK")
def test_25_numeric_niks_cost_those_rows_their_nik(counter, shown) -> None:
    numeric = [*OTHER[:3], int(GOOD_NIK), *OTHER[4:]]
    report = counter.take(book(COLUMNS, ROW, numeric))
    assert counter.rows("nik, nik_reason") == [(GOOD_NIK, None), (None, "NIK_PRECISION_LOST")]
    shown("a NIK in a numeric cell is set aside, the record goes on", report)


@pytest.mark.fault(25, "merged header")
def test_25_a_header_below_a_title_over_two_merged_rows(counter, shown) -> None:
    def merge(_book, sheet) -> None:
        sheet.merge_cells("A1:G1")
        sheet.merge_cells("B2:C2")

    top = [["PESERTA 2026"], ["kpj", "ORANG", None, *COLUMNS[3:]], [None, "full_name", "segment"]]
    report = counter.take(book(*top, ROW, edit=merge))
    assert counter.rows("record_id, full_name, segment, nik") == [tuple(ROW[:4])]
    shown("a header below a title, over merged cells, is found", report)


@pytest.mark.fault(25, "hidden sheet")
def test_25_a_hidden_sheet_is_not_read(counter, shown) -> None:
    def hide(workbook, sheet) -> None:
        sheet.sheet_state = "hidden"
        visible = workbook.create_sheet("Tampil")
        visible.append(COLUMNS)
        visible.append(OTHER)

    report = counter.take(book(COLUMNS, ROW, edit=hide))
    assert counter.rows("record_id") == [("K2",)]
    shown("the first visible sheet with data is read", report)


@pytest.mark.fault(25, "formula without value")
def test_25_a_formula_without_cached_value_is_an_empty_cell(counter, shown) -> None:
    report = counter.take(book(COLUMNS, [*ROW[:6], "=1+1"]))
    assert counter.rows("reported_wage") == [(None,)]
    shown("a formula without stored value is a missing cell", report)


@pytest.mark.fault(25, "date system 1904")
def test_25_the_date_system_of_1904_is_followed(counter, shown) -> None:
    def old(workbook, _sheet) -> None:
        workbook.epoch = CALENDAR_MAC_1904

    report = counter.take(book(COLUMNS, [*ROW[:5], dt.date(1990, 3, 12), 5_000_000], edit=old))
    assert counter.rows("birth_date::VARCHAR, reported_wage") == [("1990-03-12", 5_000_000)]
    shown("dates of the 1904 system are read right", report)


@pytest.mark.fault(25, "password")
def test_25_a_password_is_named(counter, shown) -> None:
    target = io.BytesIO()
    msoffcrypto.format.ooxml.OOXMLFile(io.BytesIO(book(COLUMNS, ROW))).encrypt("rahasia", target)
    error = counter.refuse(target.getvalue(), "a.xlsx")
    assert error.code == "PASSWORD_PROTECTED"
    shown("a workbook with a password is refused by that name", refused=error.code)


@pytest.mark.fault(26, "wrong extension")
@pytest.mark.parametrize(
    ("content", "name"),
    [
        (book(COLUMNS, ROW), "peserta.csv"),
        (packed(csv(row(1))), "peserta.xlsx"),
        (csv(row(1)), "peserta.parquet"),
        (parquet(**{name: [cell] for name, cell in zip(COLUMNS, ROW, strict=True)}), "a.csv"),
    ],
    ids=["xlsx as csv", "gzip as xlsx", "csv as parquet", "parquet as csv"],
)
def test_26_the_first_bytes_tell_the_format(counter, shown, content, name) -> None:
    report = counter.take(content, name)
    assert counter.rows("record_id, full_name") == [("K1", "WARGA 1")]
    shown("XLSX, gzip, CSV and Parquet are read under any name", report)


@pytest.mark.fault(26, "formats that are not read")
@pytest.mark.parametrize(
    "content",
    [
        b"<html><table><tr><td>kpj</td></tr></table></html>",
        b"\xef\xbb\xbf<?xml version='1.0'?><Workbook/>",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600,
        zipped({"peserta.csv": csv(row(1)).encode()}),
        b"%PDF-1.7",
    ],
    ids=["html", "xml", "old xls", "zip of csv", "pdf"],
)
def test_26_formats_that_are_not_read_are_named(counter, shown, content) -> None:
    error = counter.refuse(content, "peserta.xls")
    assert error.code == "UNREADABLE_FILE"
    assert "deliver" in str(error)
    shown("HTML, XML, old .xls, zip and PDF are refused by what they are", refused=error.code)


def _link(info) -> None:
    info.external_attr = 0o120777 << 16


UNSAFE = {
    "gzip bomb": packed(csv(row(1)).encode() + b"A" * (20 << 20)),
    "nested gzip": packed(packed(csv(row(1)))),
    "zip in gzip": packed(book(COLUMNS, ROW)),
    "huge sheet": zipped({**PARTS, "xl/worksheets/sheet1.xml": b" " * (20 << 20)}),
    "zip in workbook": zipped({**PARTS, "xl/embeddings/a.zip": b"PK\x03\x04"}),
    "path traversal": zipped({**PARTS, "../../etc/passwd": b"x"}),
    "absolute path": zipped({**PARTS, "/etc/passwd": b"x"}),
    "link": zipped(PARTS, edit=_link),
}


@pytest.mark.fault(27, "unsafe archives")
@pytest.mark.parametrize("content", UNSAFE.values(), ids=UNSAFE.keys())
def test_27_unsafe_archives_are_refused_before_unpacking(counter, shown, content) -> None:
    error = counter.refuse(content, "peserta.xlsx")
    assert error.code == "UNSAFE_ARCHIVE"
    shown("bombs, nested archives, paths out of the archive, links: refused", refused=error.code)


@pytest.mark.fault(28, "damaged Parquet")
@pytest.mark.parametrize("how", ["cut off", "footer", "page", "empty"])
def test_28_damaged_parquet_is_refused(counter, shown, how) -> None:
    whole = parquet(
        **{name: [f"{name}{n}" for n in range(3000)] for name in ("kpj", "full_name", "segment")}
    )
    damaged = bytearray(whole)
    if how == "cut off":
        damaged = damaged[: len(damaged) // 2]
    elif how == "footer":
        damaged[-40] ^= 0xFF
        damaged[-60] ^= 0xFF
    elif how == "page":
        damaged[20:220] = b"\xff" * 200
    else:
        damaged = bytearray(b"PAR1PAR1")
    error = counter.refuse(bytes(damaged), "a.parquet")
    assert error.code == "CORRUPT"
    assert "full_name1" not in str(error)
    shown("cut off, or flipped bits in footer or page: refused", refused=error.code)


@pytest.mark.fault(28, "sha256 of the manifest")
def test_28_another_sha256_than_the_manifest_says_is_refused(counter, shown) -> None:
    entry = {"name": "a.csv", "rows": 1, "sha256": hashlib.sha256(b"other").hexdigest()}
    counter.put({"a.csv": csv(row(1)), "manifest.json": json.dumps({"files": [entry]})})
    error = counter.refuse()
    assert error.code == "CORRUPT"
    entry["sha256"] = hashlib.sha256(csv(row(1)).encode()).hexdigest().upper()
    counter.put({"a.csv": csv(row(1)), "manifest.json": json.dumps({"files": [entry]})})
    assert counter.land().rows == 1
    shown("a wrong sha256 in the manifest: refused; with the right one taken", delivered=1,
          accepted=1, refused=error.code)  # fmt: skip
