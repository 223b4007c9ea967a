"""Faults 1 to 14, 24, 26 and 27 of text files: what is refused, what is set aside, what reads."""

from __future__ import annotations

import gzip

import pytest

from sources.files.scan import MAX_FIELD_BYTES, MAX_RECORD_BYTES
from warehouse.errors import DataRefused

HEADER = "kpj,full_name,segment\n"
GOOD = HEADER + "K1,BUDI,PU\nK2,SITI AMINAH,BPU\n"
ROWS = [("K1", "BUDI", "PU"), ("K2", "SITI AMINAH", "BPU")]


def refusal(desk, content, name="peserta.csv"):
    with pytest.raises(DataRefused) as caught:
        desk.deliver(content, name)
    assert desk.ledger()[-1][1:] == ("rejected", caught.value.code)
    assert desk.left_over() == []
    return caught.value


def test_plain_file_lands_as_text_with_row_numbers(desk):
    report = desk.deliver(GOOD)
    assert (report.rows, report.rejected_rows) == (2, 0)
    assert desk.rows(
        "kpj, full_name, segment, file, row_number, period, delivery_version, nik"
    ) == [
        ("K1", "BUDI", "PU", "peserta.csv", 1, "2026-10", 1, None),
        ("K2", "SITI AMINAH", "BPU", "peserta.csv", 2, "2026-10", 1, None),
    ]
    assert desk.left_over() == []


@pytest.mark.parametrize("content", [b"", gzip.compress(b""), b"\n\n", b"\xef\xbb\xbf"])
def test_01_empty_file_is_refused_and_prior_data_stay(desk, content):
    desk.deliver(GOOD)
    assert refusal(desk, content).code == "EMPTY_FILE"
    assert desk.rows() == ROWS


@pytest.mark.parametrize("content", [HEADER, HEADER.rstrip()])
def test_02_header_only_is_refused_unless_the_contract_allows_it(desk, content):
    assert refusal(desk, content).code == "HEADER_ONLY"
    desk.contract_with(allow_empty=True)
    assert desk.land().rows == 0
    assert desk.ledger() == [(1, "accepted", None)]


def test_02_one_of_several_files_may_have_no_rows(desk):
    desk.drop("a.csv", HEADER)
    assert desk.deliver(GOOD, "b.csv").rows == 2


@pytest.mark.parametrize(
    ("encoded", "encoding"),
    [
        (b"\xef\xbb\xbf" + GOOD.encode(), "utf-8-sig"),
        (b"\xff\xfe" + GOOD.encode("utf-16-le"), "utf-16-le"),
        (b"\xfe\xff" + GOOD.encode("utf-16-be"), "utf-16-be"),
        (GOOD.encode("utf-16-le"), "utf-16-le"),
        (GOOD.encode("utf-16-be"), "utf-16-be"),
    ],
)
def test_03_04_byte_order_marks_and_utf16(desk, encoded, encoding):
    assert desk.deliver(encoded).files[0].encoding == encoding
    assert desk.rows() == ROWS


CP1252 = HEADER.encode() + b"K1,RENE\xc9 \x93DE\x94,PU\nK2,\x80 SITI,PU\n"


def test_05_declared_encoding_is_read_right(desk):
    desk.contract_with(encoding="cp1252")
    desk.deliver(CP1252)
    assert desk.rows("full_name") == [("RENEÉ “DE”",), ("€ SITI",)]


def test_05_undeclared_encoding_of_most_rows_is_refused(desk):
    error = refusal(desk, CP1252)
    assert error.code == "BAD_ENCODING"
    assert "RENE" not in str(error)


def test_05_bytes_that_the_declared_encoding_lacks_cost_their_row(desk):
    desk.contract_with(encoding="cp1252")
    desk.deliver(HEADER.encode() + b"K1,BUDI,PU\nK2,S\x81TI,PU\nK3,ANI,PU\n")
    assert desk.quarantined() == [(2, ["BAD_ENCODING"])]
    assert desk.rows("kpj") == [("K1",), ("K3",)]


def test_06_badly_encoded_rows_only_are_set_aside(desk):
    content = HEADER.encode() + "K1,RENÉ,PU\n".encode() + b"K2,REN\xc9,PU\nK3,ANI,PU\n"
    report = desk.deliver(content)
    assert (report.rows, report.rejected_rows) == (3, 1)
    assert desk.quarantined() == [(2, ["BAD_ENCODING"])]
    assert desk.rows("kpj, full_name") == [("K1", "RENÉ"), ("K3", "ANI")]


@pytest.mark.parametrize("byte", ["\0", "\x01", "\x1b", "\x7f"])
def test_07_control_characters_cost_their_row(desk, byte):
    report = desk.deliver(HEADER + f"K1,BU{byte}DI,PU\nK2,SITI,PU\n")
    assert (report.rows, report.rejected_rows) == (2, 1)
    assert desk.quarantined() == [(1, ["CONTROL_CHARACTERS"])]
    raw = desk.con.execute("SELECT raw FROM quarantine.rows").fetchone()[0]
    assert raw == f"K1,BU\\x{ord(byte):02x}DI,PU"


LINES = 'kpj,full_name,segment\nK1,"BUDI\nSANTOSO",PU\n\nK2,SITI,BPU\n'


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("last", [True, False])
def test_08_line_ends_make_no_difference(desk, end, last):
    content = LINES if last else LINES.rstrip("\n")
    report = desk.deliver(content.replace("\n", end))
    assert report.rows == 2
    assert desk.rows() == [("K1", "BUDI\nSANTOSO", "PU"), ("K2", "SITI", "BPU")]


def test_08_stray_carriage_return_costs_its_row_and_files_with_both_ends_read(desk):
    report = desk.deliver(HEADER + "K1,BU\rDI,PU\nK2,SITI,PU\rK3,ANI,PU\nK4,EKO,PU\n")
    assert report.rows == 4
    assert desk.quarantined() == [(1, ["CONTROL_CHARACTERS"])]
    assert desk.rows("kpj") == [("K2",), ("K3",), ("K4",)]


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_09_delimiters_are_recognised_by_the_header(desk, delimiter):
    header = "kpj,full_name,segment,reported_wage\n".replace(",", delimiter)
    desk.deliver(header + delimiter.join(["K1", "BUDI, S.H.", "PU", "1.234.567,89"]) + "\n")
    assert desk.rows("full_name, reported_wage") == [("BUDI, S.H.", "1.234.567,89")]


def test_09_the_declared_delimiter_is_kept_to(desk):
    desk.contract_with(delimiter=";")
    assert refusal(desk, GOOD).code == "SCHEMA_DRIFT"


@pytest.mark.parametrize(
    ("body", "lost", "kept"),
    [
        ('K1,"BUDI,PU\nK2,SITI,PU\nK3,ANI,PU\n', [1], ["K2", "K3"]),
        ('K1,BUDI,PU\nK2,"SITI,PU\nK3,"ANI",PU\nK4,EKO,PU\n', [2], ["K1", "K3", "K4"]),
        ('K1,"BUDI\nK2,"SITI",PU\n', [1], ["K2"]),
        ('K1,"BUDI,PU\nK2,SITI,PU\nK3,ANI",PU\n', [1], ["K2", "K3"]),
        ('K1,"BUDI" S.E.,PU\nK2,SITI,PU\n', [1], ["K2"]),
        ('"K1","BUDI,"PU"\n"K2","SITI","PU"\n', [1], ["K2"]),
    ],
)
def test_10_an_unclosed_quote_swallows_no_later_row(desk, body, lost, kept):
    report = desk.deliver(HEADER + body)
    assert report.rows == len(lost) + len(kept)
    assert desk.quarantined() == [(number, ["UNCLOSED_QUOTE"]) for number in lost]
    assert [row[0] for row in desk.rows("kpj")] == kept


def test_10_a_quote_within_a_field_is_only_a_character(desk):
    desk.deliver(HEADER + 'K1,BUDI "BOY" S,PU\nK2,SITI"5,PU\n')
    assert desk.rows("full_name") == [('BUDI "BOY" S',), ('SITI"5',)]


def test_11_ragged_rows_only_are_set_aside(desk):
    report = desk.deliver(HEADER + "K1,BUDI,PU\nK2,SITI\nK3,ANI,PU,extra\nK4,EKO,PU\n")
    assert (report.rows, report.rejected_rows) == (4, 2)
    assert desk.quarantined() == [(2, ["RAGGED_ROW"]), (3, ["RAGGED_ROW"])]
    assert desk.rows("kpj, row_number") == [("K1", 1), ("K4", 4)]


@pytest.mark.parametrize("tail", ["K3,AN", 'K3,"AN', 'K3,"ANI",'[:-1]])
def test_12_a_file_cut_off_in_its_last_line_is_refused(desk, tail):
    error = refusal(desk, GOOD + tail)
    assert error.code == "PARTIAL_FILE"
    assert "K3" not in str(error)
    assert desk.rows() == []


def test_12_a_last_line_without_line_end_is_a_row(desk):
    assert desk.deliver(GOOD.rstrip("\n")).rows == 2


def test_13_long_fields_and_rows_are_set_aside(desk):
    long_field = "A" * (MAX_FIELD_BYTES + 1)
    long_row = "B" * (MAX_RECORD_BYTES + 10)
    fits = "C" * MAX_FIELD_BYTES
    report = desk.deliver(
        HEADER + f"K1,{long_field},PU\nK2,{long_row},PU\nK3,{fits},PU\nK4,ANI,PU\n"
    )
    assert (report.rows, report.rejected_rows) == (4, 2)
    assert desk.quarantined() == [(1, ["FIELD_TOO_LONG"]), (2, ["FIELD_TOO_LONG"])]
    assert desk.rows("kpj, length(full_name)") == [("K3", MAX_FIELD_BYTES), ("K4", 3)]
    assert desk.con.execute("SELECT max(length(raw)) FROM quarantine.rows").fetchone() == (65536,)


def test_13_an_endless_row_costs_no_memory(desk):
    import tracemalloc

    content = gzip.compress((HEADER + "K1," + "A" * (30 << 20) + ",PU\nK2,SITI,PU\n").encode())
    desk.drop("peserta.csv.gz", content + b"\0" * (1 << 20))  # within the ratio
    tracemalloc.start()
    report = desk.land()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (report.rows, report.rejected_rows) == (2, 1)
    assert peak < 60 << 20


def test_14_header_case_blanks_and_order_do_not_matter(desk):
    desk.deliver(" Segment ;FULL_NAME;\u00a0KPJ\nPU;BUDI;K1\n")
    assert desk.rows() == [("K1", "BUDI", "PU")]


def test_14_an_alias_of_the_contract_is_taken(desk):
    columns = tuple(
        type(c)(**{**vars(c), "headers": (*c.headers, "nama peserta")}) if c.is_name else c
        for c in desk.contract.columns
    )
    desk.contract_with(columns=columns)
    desk.deliver("kpj,Nama  Peserta,segment\nK1,BUDI,PU\n")
    assert desk.rows("full_name") == [("BUDI",)]


def test_14_unknown_columns_are_reported_and_kept_out(desk):
    report = desk.deliver("kpj,full_name,hobi,segment,,\nK1,BUDI,CATUR,PU,,\n")
    assert desk.rows() == [("K1", "BUDI", "PU")]
    assert len(report.warnings) == 1
    assert "'hobi'" in report.warnings[0]
    assert any("hobi" in line for line in desk.log)


@pytest.mark.parametrize(
    ("header", "named"),
    [
        ("kpj,nama,segment", "full_name"),
        ("kpj,full_name,segment,KPJ", "kpj"),
        ("kpj,full_name,segment,hobi,hobi", "hobi"),
    ],
)
def test_14_missing_and_doubled_columns_are_refused_by_name(desk, header, named):
    row = ",".join(["X"] * header.count(",") + ["Y"])
    error = refusal(desk, f"{header}\n{row}\n")
    assert error.code == "SCHEMA_DRIFT"
    assert named in str(error)
    assert "peserta.csv" in str(error)


def test_14_a_file_without_header_is_refused_without_quoting_it(desk):
    error = refusal(desk, "K1,BUDI,PU\nK2,SITI,PU\n")
    assert error.code == "SCHEMA_DRIFT"
    assert "BUDI" not in str(error)


def test_24_formulas_are_text(desk):
    desk.deliver(HEADER + "K1,=cmd|' /C calc'!A0,PU\n")
    assert desk.rows("full_name") == [("=cmd|' /C calc'!A0",)]


def test_26_the_name_of_a_file_says_nothing(desk):
    desk.deliver(gzip.compress(GOOD.encode()), "peserta.parquet")
    assert desk.rows() == ROWS
    assert desk.con.execute("SELECT format FROM landing.delivery_files").fetchone() == ("csv.gz",)


@pytest.mark.parametrize(
    "content",
    [b"<html><table><tr><td>kpj</td></tr></table></html>", b"%PDF-1.7", b"7z\xbc\xaf\x27\x1c...."],
)
def test_26_other_formats_are_named(desk, content):
    assert refusal(desk, content, "peserta.xls").code == "UNREADABLE_FILE"


def test_27_a_gzip_bomb_is_refused_before_it_fills_the_disk(desk):
    bomb = gzip.compress(HEADER.encode() + b"\0" * (40 << 20))
    assert refusal(desk, bomb).code == "UNSAFE_ARCHIVE"


def test_27_an_archive_within_an_archive_is_refused(desk):
    assert refusal(desk, gzip.compress(gzip.compress(GOOD.encode()))).code == "UNSAFE_ARCHIVE"


def test_gzip_cut_off_damaged_or_of_several_members(desk):
    packed = gzip.compress((GOOD * 1).encode() + b"K9,EKO,PU\n" * 1000)
    assert refusal(desk, packed[:-20]).code == "PARTIAL_FILE"
    damaged = bytearray(packed)
    damaged[-6] ^= 0xFF
    assert refusal(desk, bytes(damaged)).code == "CORRUPT"
    members = gzip.compress(GOOD.encode()) + gzip.compress(b"K3,ANI,PU\n") + b"\0" * 16
    assert desk.deliver(members).rows == 3


def test_a_text_null_is_kept_and_an_empty_cell_is_missing(desk):
    desk.deliver('kpj,full_name,segment,nik\nK1,NULL,PU,\nK2,NA,-,""\n')
    assert desk.rows("full_name, segment, nik") == [("NULL", "PU", None), ("NA", "-", None)]


def test_one_bad_file_of_several_lands_nothing(desk):
    desk.drop("a.csv", GOOD)
    assert refusal(desk, "kpj,full_name\nK3,ANI\n", "b.csv").code == "SCHEMA_DRIFT"
    assert desk.rows() == []
    assert desk.quarantined() == []
