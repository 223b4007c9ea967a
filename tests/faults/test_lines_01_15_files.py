"""Faults 1 to 15: what is wrong with a delivered text file as a file."""

from __future__ import annotations

import json
import tracemalloc
from dataclasses import replace

import pytest
from arrivals import COLUMNS, HEADER, csv, packed, parquet, row

from sources.files.scan import MAX_FIELD_BYTES, MAX_RECORD_BYTES

TWO = csv(row(1), row(2))
KEYS = [("K1",), ("K2",)]


@pytest.mark.fault(1, "zero bytes")
@pytest.mark.parametrize(
    "content", [b"", packed(b""), b"\n\r\n", b"\xef\xbb\xbf"], ids=["plain", "gzip", "blank", "bom"]
)
def test_01_zero_bytes_are_refused_and_prior_rows_stay(counter, shown, content) -> None:
    counter.take(TWO)
    error = counter.refuse(content)
    assert error.code == "EMPTY_FILE"
    assert "peserta.csv" in str(error)
    assert counter.rows("record_id") == KEYS
    shown("refused by name, the rows delivered before stay in force", refused=error.code)


@pytest.mark.fault(2, "header only")
def test_02_a_header_alone_is_refused(counter, shown) -> None:
    counter.take(TWO)
    error = counter.refuse(HEADER)
    assert error.code == "HEADER_ONLY"
    assert counter.rows("record_id") == KEYS
    shown("refused; nobody loses cover by it", refused=error.code)


@pytest.mark.fault(2, "header only, allowed")
def test_02_a_header_alone_is_no_rows_where_the_contract_allows_it(counter, shown) -> None:
    counter.agree(allow_empty=True)
    report = counter.take(HEADER)
    assert report.delivered == 0
    shown("where the contract allows it, accepted as 0 rows", report)


@pytest.mark.fault(3, "UTF-8 with byte order mark")
def test_03_a_byte_order_mark_leaves_the_header_clean(counter, shown) -> None:
    report = counter.take(b"\xef\xbb\xbf" + TWO.encode())
    assert counter.rows("record_id, full_name") == [("K1", "WARGA 1"), ("K2", "WARGA 2")]
    shown("read, the first column by its name", report)


@pytest.mark.fault(4, "UTF-16")
@pytest.mark.parametrize("order", ["le", "be"])
@pytest.mark.parametrize("mark", [True, False])
def test_04_utf16_is_detected(counter, shown, order, mark) -> None:
    content = (("\ufeff" if mark else "") + csv(row(1, full_name="RENÉ"))).encode(f"utf-16-{order}")
    report = counter.take(content)
    assert counter.rows("full_name") == [("RENÉ",)]
    shown("read in either byte order, with and without mark", report)


CP1252 = csv(row(1, full_name="RENÉ “DE” €"), row(2)).encode("cp1252")


@pytest.mark.fault(5, "cp1252, declared")
def test_05_the_declared_encoding_is_read_right(counter, shown) -> None:
    counter.agree(encoding="cp1252")
    report = counter.take(CP1252)
    assert counter.rows("full_name") == [("RENÉ “DE” €",), ("WARGA 2",)]
    shown("declared: é, curly quotes and 0x80 read right", report)


@pytest.mark.fault(5, "cp1252, not declared")
def test_05_an_undeclared_encoding_is_refused(counter, shown) -> None:
    error = counter.refuse(csv(*(row(n, full_name="RENÉ") for n in range(1, 9))).encode("cp1252"))
    assert error.code == "BAD_ENCODING"
    assert "REN" not in str(error)
    shown("not declared: the file is refused where most rows need it", refused=error.code)


@pytest.mark.fault(5, "byte that cp1252 lacks")
def test_05_a_byte_the_declared_encoding_lacks_costs_its_row(counter, shown) -> None:
    counter.agree(encoding="cp1252")
    report = counter.take(csv(row(1), row(2), row(3)).encode().replace(b"WARGA 2", b"WAR\x81GA 2"))
    assert counter.quarantined() == [(2, ["BAD_ENCODING"])]
    shown("a byte that cp1252 lacks costs its row, which is quarantined", report)


@pytest.mark.fault(6, "mixed encodings")
def test_06_rows_of_another_encoding_are_set_aside(counter, shown) -> None:
    rows = csv(row(1, full_name="RENÉ"), row(2), row(3)).encode()
    report = counter.take(rows.replace(b"WARGA 2", "RENÉ".encode("cp1252")))
    assert counter.quarantined() == [(2, ["BAD_ENCODING"])]
    assert counter.rows("full_name") == [("RENÉ",), ("WARGA 3",)]
    shown("only the rows that are not UTF-8 are quarantined", report)


@pytest.mark.fault(7, "control characters")
@pytest.mark.parametrize("byte", ["\0", "\x01", "\x1b", "\x7f"], ids=repr)
def test_07_control_characters_cost_their_row(counter, shown, byte) -> None:
    report = counter.take(csv(row(1, full_name=f"WAR{byte}GA"), row(2)))
    assert counter.quarantined() == [(1, ["CONTROL_CHARACTERS"])]
    raw = counter.con.execute("SELECT raw FROM quarantine.rows").fetchone()[0]
    assert byte not in raw
    assert f"\\x{ord(byte):02x}" in raw
    shown("those rows are quarantined, their raw text with visible escapes", report)


@pytest.mark.fault(7, "control characters in Parquet")
def test_07_control_characters_in_parquet_cost_their_row(counter, shown) -> None:
    content = parquet(kpj=["K1", "K2"], full_name=["A\0B", "SITI"], segment=["PU", "PU"])
    report = counter.take(content)
    assert counter.quarantined() == [(1, ["CONTROL_CHARACTERS"])]
    shown("the same in Parquet", report)


@pytest.mark.fault(8, "line ends")
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["LF", "CRLF", "CR"])
def test_08_line_ends_make_no_difference(counter, shown, end) -> None:
    rows = [row(1, full_name="WARGA\nSATU"), row(2)]
    report = counter.take(csv(*rows).replace("\n", end))
    assert counter.rows("record_id, full_name, birth_date::VARCHAR") == [
        ("K1", "WARGA SATU", "1990-03-12"),
        ("K2", "WARGA 2", "1990-03-12"),
    ]
    shown("one table from LF, CRLF and CR, also with a line end within quotes", report)


@pytest.mark.fault(9, "delimiters and numbers")
@pytest.mark.parametrize("delimiter", [";", "\t", "|"], ids=["semicolon", "tab", "bar"])
def test_09_delimiters_and_indonesian_numbers(counter, shown, delimiter) -> None:
    counter.agree(decimal_comma=True)
    wages = ["1.234.567,89", "5.000", "Rp 4.500.000,-", "4500000"]
    rows = [row(n, reported_wage=wage) for n, wage in enumerate(wages, 1)]
    report = counter.take(csv(*rows, delimiter=delimiter))
    assert counter.rows("reported_wage") == [(1_234_568,), (5_000,), (4_500_000,), (4_500_000,)]
    shown("; | and tab found by the header; 1.234.567,89 is 1 234 568 rupiah", report)


@pytest.mark.fault(9, "a point for a comma")
def test_09_a_number_of_the_other_notation_is_missing_and_flagged(counter, shown) -> None:
    report = counter.take(csv(row(1, reported_wage="5.000"), row(2)))
    assert counter.rows("reported_wage") == [(None,), (5_000_000,)]
    assert counter.flags() == {"K1": ["BAD_NUMBER"]}
    shown("5.000 without declared notation is kept as missing and flagged, never 5", report)


@pytest.mark.fault(10, "unclosed quote")
@pytest.mark.parametrize("place", [1, 2, 4], ids=["first", "middle", "last"])
def test_10_an_unclosed_quote_swallows_no_later_row(counter, shown, place) -> None:
    content = csv(*(row(n) for n in (1, 2, 3, 4))).replace(f"WARGA {place}", f'"WARGA {place}')
    report = counter.take(content)
    assert counter.quarantined() == [(place, ["UNCLOSED_QUOTE"])]
    assert counter.rows("record_id") == [(f"K{n}",) for n in (1, 2, 3, 4) if n != place]
    shown("its row alone is quarantined, all later rows are read", report)


@pytest.mark.fault(11, "ragged rows")
def test_11_ragged_rows_only_are_set_aside(counter, shown) -> None:
    lines = csv(row(1), row(2), row(3), row(4)).splitlines()
    lines[2] += ",lebih"
    lines[3] = lines[3].rsplit(",", 1)[0]
    report = counter.take("\n".join(lines) + "\n")
    assert counter.quarantined() == [(2, ["RAGGED_ROW"]), (3, ["RAGGED_ROW"])]
    assert counter.rows("record_id, row_number") == [("K1", 1), ("K4", 4)]
    shown("rows with a field too many or too few are quarantined, the others keep place", report)


@pytest.mark.fault(12, "cut off")
@pytest.mark.parametrize("tail", ["K3,WAR", 'K3,"WAR'], ids=["plain", "in quotes"])
def test_12_a_file_cut_off_in_its_last_line_is_refused(counter, shown, tail) -> None:
    error = counter.refuse(TWO + tail)
    assert error.code == "PARTIAL_FILE"
    assert "WAR" not in str(error)
    shown("cut off within the last line: refused", refused=error.code)


@pytest.mark.fault(12, "gzip cut off")
def test_12_a_packed_file_cut_off_is_refused(counter, shown) -> None:
    error = counter.refuse(packed(csv(*(row(n) for n in range(1, 999))))[:-40])
    assert error.code == "PARTIAL_FILE"
    shown("packed and cut off: refused", refused=error.code)


@pytest.mark.fault(12, "count of the manifest")
def test_12_another_count_than_the_manifest_promises_is_refused(counter, shown) -> None:
    manifest = json.dumps({"files": [{"name": "peserta.csv", "rows": 3}]})
    counter.put({"peserta.csv": TWO, "manifest.json": manifest})
    error = counter.refuse()
    assert error.code == "PARTIAL_FILE"
    assert "2 rows" in str(error)
    assert "promises 3" in str(error)
    shown("another count than the manifest's: refused, both counts told", refused=error.code)


@pytest.mark.fault(12, "file of the manifest missing")
def test_12_a_file_that_the_manifest_names_and_is_missing(counter, shown) -> None:
    files = [{"name": "peserta.csv"}, {"name": "lagi.csv"}]
    counter.put({"peserta.csv": TWO, "manifest.json": json.dumps({"files": files})})
    error = counter.refuse()
    assert (error.code, "lagi.csv" in str(error)) == ("PARTIAL_FILE", True)
    shown("a file of the manifest that did not arrive: refused", refused=error.code)


@pytest.mark.fault(13, "long fields and rows")
def test_13_long_fields_and_rows_are_set_aside_in_bounded_memory(counter, shown) -> None:
    long_field, long_row = "A" * (MAX_FIELD_BYTES + 1), "B" * (MAX_RECORD_BYTES + 1)
    rows = [row(1, full_name=long_field), row(2, full_name=long_row), row(3)]
    report = counter.take(csv(*rows))
    assert counter.quarantined() == [(1, ["FIELD_TOO_LONG"]), (2, ["FIELD_TOO_LONG"])]
    assert counter.con.execute("SELECT max(length(raw)) FROM quarantine.rows").fetchone() == (
        65_536,
    )
    shown("a field over 64 KB and a row over 1 MB are quarantined, 64 KB of them kept", report)


@pytest.mark.fault(13, "endless row")
def test_13_an_endless_row_costs_no_memory(counter, shown) -> None:
    counter.put({"a.csv.gz": packed(csv(row(1, full_name="A" * (12 << 20)), row(2)))})
    tracemalloc.start()
    counter.land()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 40 << 20
    assert counter.quarantined() == [(1, ["FIELD_TOO_LONG"])]
    shown("a row of 12 MB is read in less than 40 MB", delivered=2, accepted=1, quarantined=1)


@pytest.mark.fault(14, "order, case, blanks")
def test_14_order_case_and_blanks_of_the_header_do_not_matter(counter, shown) -> None:
    report = counter.take(" Segment ;FULL_NAME;\u00a0KPJ\nPU;WARGA;K1\n")
    assert counter.rows("record_id, full_name, segment") == [("K1", "WARGA", "PU")]
    shown("reordered columns are read by name", report)


@pytest.mark.fault(14, "known other name")
def test_14_a_name_that_the_contract_knows_is_taken(counter, shown) -> None:
    columns = tuple(
        replace(c, headers=(*c.headers, "nama peserta")) if c.is_name else c
        for c in counter.contract.columns
    )
    counter.agree(columns=columns)
    report = counter.take("kpj,Nama  Peserta,segment\nK1,WARGA,PU\n")
    assert counter.rows("full_name") == [("WARGA",)]
    shown("a name that the contract lists is taken", report)


@pytest.mark.fault(14, "missing, renamed, doubled")
@pytest.mark.parametrize(
    ("header", "told"),
    [
        ("kpj,segment,nik", "full_name"),
        ("kpj,nama_orang,segment", "nama_orang"),
        ("kpj,full_name,segment,KPJ", "kpj"),
    ],
    ids=["missing", "renamed", "doubled"],
)
def test_14_missing_renamed_and_doubled_columns_are_refused(counter, shown, header, told) -> None:
    error = counter.refuse(f"{header}\n{','.join('x' * (header.count(',') + 1))}\n")
    assert error.code == "SCHEMA_DRIFT"
    assert told in str(error)
    shown("missing, unknown and doubled ones are refused by name", refused=error.code)


@pytest.mark.fault(14, "new column")
def test_14_a_new_column_is_told_and_not_loaded(counter, shown) -> None:
    counter.put({"a.csv": "kpj,full_name,hobi,segment\nK1,WARGA,CATUR,PU\n"})
    report = counter.land()
    assert [("'hobi'" in warning) for warning in report.warnings] == [True]
    names = {entry[0] for entry in counter.con.execute(
        'DESCRIBE landing."bpjs_participants"').fetchall()}  # fmt: skip
    assert "hobi" not in names
    shown("a new one is told and not loaded", delivered=1, accepted=1)


MANY = [row(n) for n in range(1, 41)]


@pytest.mark.fault(15, "type of a column changes")
@pytest.mark.parametrize(
    ("column", "value", "was", "now"),
    [
        ("birth_date", "33022", "date", "whole number"),
        ("reported_wage", "lima juta", "whole number", "text"),
        ("sex", "1990-03-12", "text", "date"),
        ("nik", "WARGA", "whole number", "text"),
    ],
)
def test_15_a_changed_type_is_refused_by_a_report(counter, shown, column, value, was, now) -> None:
    counter.take(csv(*MANY))
    error = counter.refuse(csv(*(row(n, **{column: value}) for n in range(1, 41))))
    assert error.code == "SCHEMA_DRIFT"
    for told in (column, was, now, "100%", "0%", "2026-10 v1", "peserta.csv"):
        assert told in str(error)
    if value != "WARGA":
        assert value not in str(error)
    assert len(counter.rows("record_id")) == 40
    shown("refused, told from which type to which and in what share of rows", refused=error.code)


@pytest.mark.fault(15, "native and text types")
def test_15_native_and_text_types_are_one_type(counter, shown) -> None:
    counter.take(csv(*MANY))
    before = counter.rows(", ".join(COLUMNS))
    counter.period = "2026-11"
    cells = {name: [entry[name] for entry in MANY] for name in COLUMNS}
    cells["reported_wage"] = [int(wage) for wage in cells["reported_wage"]]
    cells["nik"] = [int(nik) for nik in cells["nik"]]
    try:
        report = counter.take(parquet(**cells))
    finally:
        counter.period = "2026-10"
    assert sorted(counter.rows(", ".join(COLUMNS))) == sorted(before * 2)
    shown("numbers for texts of digits are no change: the same rows", report)
