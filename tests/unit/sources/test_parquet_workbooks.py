"""Faults 15, 16 and 25 to 28: native types, workbooks, damaged and unsafe containers."""

from __future__ import annotations

import datetime as dt
import io
import zipfile
from decimal import Decimal

import msoffcrypto.format.ooxml
import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from openpyxl.utils.datetime import CALENDAR_MAC_1904

from sources.files import archives
from warehouse.errors import DataRefused

HEADER = ["kpj", "full_name", "segment", "nik", "birth_date", "reported_wage"]
COLUMNS = ", ".join(HEADER)


def book(*rows, edit=None, title="Data") -> bytes:
    workbook = openpyxl.Workbook()
    sheet = workbook.active
    sheet.title = title
    for row in rows:
        sheet.append(row)
    if edit:
        edit(workbook, sheet)
    target = io.BytesIO()
    workbook.save(target)
    return target.getvalue()


def parquet(**columns) -> bytes:
    target = io.BytesIO()
    pq.write_table(pa.table(columns), target)
    return target.getvalue()


def refusal(desk, content, name="peserta.xlsx"):
    with pytest.raises(DataRefused) as caught:
        desk.deliver(content, name)
    assert desk.left_over() == []
    return caught.value


TEXT = ("K1", "BUDI", "PU", "3171920101900001", "1990-01-31", "5000000")


def test_15_text_and_native_types_land_the_same(desk):
    csv = ",".join(HEADER) + "\n" + ",".join(TEXT) + "\n"
    as_text = parquet(**{name: [value] for name, value in zip(HEADER, TEXT, strict=True)})
    native = parquet(
        kpj=["K1"],
        full_name=pa.array(["BUDI"]).dictionary_encode(),
        segment=pa.array([b"PU"], pa.binary()),
        nik=pa.array([3171920101900001], pa.int64()),
        birth_date=pa.array([dt.date(1990, 1, 31)]),
        reported_wage=pa.array([Decimal("5000000.00")], pa.decimal128(18, 2)),
    )
    typed = book(HEADER, [*TEXT[:4], dt.date(1990, 1, 31), 5_000_000])
    for name, content in {"a": csv.encode(), "b": as_text, "c": native, "d": typed}.items():
        desk.drop(name, content)
    assert desk.land().rows == 4
    assert desk.rows(COLUMNS) == [TEXT] * 4
    formats = desk.con.execute("SELECT file, format FROM landing.delivery_files ORDER BY file")
    assert formats.fetchall() == [("a", "csv"), ("b", "parquet"), ("c", "parquet"), ("d", "xlsx")]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (pa.array([3171920101900001.0]), "3171920101900001"),
        (pa.array([9171920101900002.0]), "9.17192010190000E+15"),
        (pa.array([3171920101900001.0], pa.float32()), "3.17192005274829E+15"),
        (pa.array([5.0]), "5"),
        (pa.array([0.5]), "0.5"),
        (pa.array([float("nan")]), None),
        (pa.array([""]), None),
        (pa.array([True]), "true"),
        (pa.array([Decimal("1.50")]), "1.50"),
        (pa.array([dt.datetime.fromisoformat("1990-01-31")]), "1990-01-31"),
        (pa.array([dt.datetime.fromisoformat("1990-01-31T08:30:00")]), "1990-01-31 08:30:00"),
        (pa.array([dt.datetime.fromisoformat("1990-01-30T17:00:00+00:00")]), "1990-01-31"),
        (pa.array([["JKK", "JKM"]]), "JKK,JKM"),
        (pa.array([None], pa.int64()), None),
    ],
)
def test_15_parquet_types(desk, values, expected):
    desk.deliver(parquet(kpj=["K1"], full_name=["BUDI"], segment=["PU"], end_reason=values))
    assert desk.rows("end_reason") == [(expected,)]


def test_numbers_follow_the_contracts_notation(desk):
    desk.contract_with(decimal_comma=True)
    columns = {"kpj": ["K1"], "full_name": ["BUDI"], "segment": ["PU"]}
    desk.drop("a", parquet(**columns, reported_wage=[Decimal("1234.50")]))
    desk.drop("b", parquet(**columns, reported_wage=[1234.5]))
    desk.deliver(book(HEADER, ["K1", "BUDI", "PU", None, None, 1234.5]), "c")
    assert desk.rows("reported_wage") == [("1234,50",), ("1234,5",), ("1234,5",)]


def test_07_13_unreadable_rows_of_parquet_and_workbooks(desk):
    names = ["BUDI", "SI\x01TI", "A" * 70_000]
    desk.drop("a", parquet(kpj=["K1", "K2", "K3"], full_name=names, segment=["PU"] * 3))
    desk.deliver(book(HEADER, ["K4", "EKO"], ["K5", "ANI"]), "b")
    report = desk.con.execute(
        "SELECT sum(rows), sum(rejected_rows) FROM landing.delivery_files"
    ).fetchone()
    assert report == (5, 2)
    assert desk.quarantined() == [(2, ["CONTROL_CHARACTERS"]), (3, ["FIELD_TOO_LONG"])]
    assert desk.rows("kpj") == [("K1",), ("K4",), ("K5",)]


def test_28_damaged_parquet_is_refused(desk):
    whole = parquet(
        kpj=[f"K{i}" for i in range(5000)], full_name=["X"] * 5000, segment=["PU"] * 5000
    )
    assert refusal(desk, whole[: len(whole) // 2], "a").code == "CORRUPT"
    assert refusal(desk, b"PAR1PAR1", "a").code == "CORRUPT"
    footer = bytearray(whole)
    footer[-30] ^= 0xFF
    footer[-60] ^= 0xFF
    assert refusal(desk, bytes(footer), "a").code == "CORRUPT"
    page = bytearray(whole)
    page[20:200] = b"\xff" * 180
    error = refusal(desk, bytes(page), "a")
    assert error.code == "CORRUPT"
    assert "K1" not in str(error)
    assert desk.rows() == []


def test_25_a_nik_in_a_numeric_cell_shows_that_digits_are_lost(desk):
    desk.deliver(book(HEADER, ["K1", "BUDI", "PU", 3171920101900001], ["K2", "ANI", "PU", 12345]))
    assert desk.rows("nik") == [("3.17192010190000E+15",), ("12345",)]


def test_25_a_header_below_titles_and_merged_over_two_rows(desk):
    def merge(_book, sheet):
        sheet.merge_cells("A1:F1")
        sheet.merge_cells("A2:A3")
        sheet.merge_cells("B2:C2")

    desk.deliver(
        book(
            ["DAFTAR PESERTA OKTOBER 2026"],
            ["kpj", "PESERTA", None, "nik"],
            [None, "full_name", "segment", None],
            ["K1", "BUDI", "PU", "3171920101900001"],
            edit=merge,
        )
    )
    assert desk.rows("kpj, full_name, segment, nik, row_number") == [
        ("K1", "BUDI", "PU", "3171920101900001", 1)
    ]


def test_25_hidden_sheets_are_not_read(desk):
    def hide(workbook, sheet):
        sheet.sheet_state = "hidden"
        shown = workbook.create_sheet("Tampil")
        shown.append(HEADER)
        shown.append(["K2", "ANI", "PU"])

    desk.deliver(book(HEADER, ["K1", "BUDI", "PU"], edit=hide))
    assert desk.rows("kpj") == [("K2",)]


def test_25_a_formula_without_value_is_empty_and_blank_rows_are_none(desk):
    report = desk.deliver(book(HEADER, ["K1", "BUDI", "PU", "=A1&B1"], [], ["K2", "ANI", "PU"]))
    assert report.rows == 2
    assert desk.rows("kpj, nik, row_number") == [("K1", None, 1), ("K2", None, 2)]


def test_25_the_date_system_of_1904(desk):
    def old(workbook, _sheet):
        workbook.epoch = CALENDAR_MAC_1904

    desk.deliver(book(HEADER, ["K1", "BUDI", "PU", None, dt.date(1990, 1, 31)], edit=old))
    assert desk.rows("birth_date") == [("1990-01-31",)]


def test_25_password_protected_workbooks_are_named(desk):
    target = io.BytesIO()
    msoffcrypto.format.ooxml.OOXMLFile(io.BytesIO(book(HEADER))).encrypt("rahasia", target)
    assert refusal(desk, target.getvalue()).code == "PASSWORD_PROTECTED"


def test_25_empty_workbooks(desk):
    assert refusal(desk, book()).code == "EMPTY_FILE"
    assert refusal(desk, book(HEADER)).code == "HEADER_ONLY"
    assert refusal(desk, book(["K1", "BUDI", "PU"])).code == "SCHEMA_DRIFT"


def test_26_a_csv_that_is_a_workbook_and_archives_that_are_none(desk):
    desk.deliver(book(HEADER, ["K1", "BUDI", "PU"]), "peserta.csv")
    assert desk.rows("kpj") == [("K1",)]
    assert refusal(desk, zipped({"peserta.csv": b"kpj\n"})).code == "UNREADABLE_FILE"
    assert (
        refusal(desk, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600).code == "UNREADABLE_FILE"
    )


def zipped(entries, edit=None) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            info = zipfile.ZipInfo(name)
            info.compress_type = zipfile.ZIP_DEFLATED
            if edit:
                edit(info)
            archive.writestr(info, content)
    return target.getvalue()


def link(info):
    info.external_attr = 0o120777 << 16


PARTS = {"[Content_Types].xml": b"<Types/>", "xl/workbook.xml": b"<workbook/>"}


@pytest.mark.parametrize(
    "content",
    [
        zipped({**PARTS, "xl/worksheets/sheet1.xml": b"\0" * (40 << 20)}),
        zipped({**PARTS, "../../etc/passwd": b"x"}),
        zipped({**PARTS, "/etc/passwd": b"x"}),
        zipped({**PARTS, "C:\\x": b"x"}),
        zipped({**PARTS, "inner.zip": b"PK\x03\x04"}),
        zipped(PARTS, edit=link),
    ],
    ids=["ratio", "parent", "absolute", "drive", "nested", "symlink"],
)
def test_27_unsafe_archives_are_refused_before_unpacking(desk, content):
    assert refusal(desk, content).code == "UNSAFE_ARCHIVE"


def test_27_too_many_entries_and_too_large_sheets(desk, monkeypatch):
    monkeypatch.setattr(archives, "MAX_WORKBOOK_ENTRIES", 3)
    assert refusal(desk, book(HEADER)).code == "UNSAFE_ARCHIVE"
    monkeypatch.undo()
    monkeypatch.setattr(archives, "MAX_WORKBOOK_BYTES", 2000)
    assert refusal(desk, book(HEADER)).code == "UNSAFE_ARCHIVE"


def test_28_damaged_workbooks_are_refused(desk):
    whole = book(HEADER, *[[f"K{i}", "BUDI", "PU"] for i in range(200)])
    assert refusal(desk, whole[: len(whole) // 2]).code == "CORRUPT"
    flipped = bytearray(whole)
    flipped[whole.index(b"xl/worksheets/sheet1.xml") + 60] ^= 0xFF
    assert refusal(desk, bytes(flipped)).code == "CORRUPT"
    assert refusal(desk, zipped(PARTS)).code == "CORRUPT"
