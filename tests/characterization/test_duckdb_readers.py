"""What DuckDB's readers do, where this project relies on it or guards against it.

A newer DuckDB that fails one of these needs a look at sources/files before it is taken in.
"""

from __future__ import annotations

import duckdb
import pytest

from sources.contracts import load_contracts
from sources.files.delimited import stage
from sources.files.scan import MAX_RECORD_BYTES
from warehouse.storage import text_key

PINNED = (
    "auto_detect = false, header = false, columns = {'a': 'VARCHAR', 'b': 'VARCHAR'}, "
    "delim = ',', quote = '\"', escape = '\"', new_line = '\\n', nullstr = '', "
    "allow_quoted_nulls = true, strict_mode = true, null_padding = false, "
    f"encoding = 'utf-8', max_line_size = {2 * MAX_RECORD_BYTES}, parallel = false"
)


@pytest.fixture
def con():
    with duckdb.connect() as con:
        con.execute("SET preserve_insertion_order = true")
        yield con


def read(con, path, content: bytes, options=PINNED):
    path.write_bytes(content)
    return con.execute(f"FROM read_csv('{path}', {options})").fetchall()


def test_the_sniffer_loses_a_whole_column_of_identifiers(con, tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("nik,b\n3171920101900001,x\n3.17192E+15,y\n")
    kinds = dict(row[:2] for row in con.execute(f"DESCRIBE FROM read_csv('{path}')").fetchall())
    assert kinds["nik"] == "DOUBLE"


def test_the_sniffer_takes_empty_and_doubled_headers_without_an_error(con, tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("nik,nik\n1,2\n")
    assert len(con.execute(f"DESCRIBE FROM read_csv('{path}')").fetchall()) == 2
    path.write_text("nik,b\n")
    assert con.execute(f"FROM read_csv('{path}', header = true)").fetchall() == []


@pytest.mark.parametrize("content", [b"1,2\n3\n", b"1,2\n3,4,5\n", b"1,2\n\xff,4\n"])
def test_pinned_options_fail_on_ragged_rows_and_bad_bytes(con, tmp_path, content):
    with pytest.raises(duckdb.Error):
        read(con, tmp_path / "a.csv", content)


def test_pinned_options_keep_text_as_it_is(con, tmp_path):
    content = b'0012, x \n"a ""b"", c\nd",NULL\n,""\n3.1E+15,\'7\n'
    assert read(con, tmp_path / "a.csv", content) == [
        ("0012", " x "),
        ('a "b", c\nd', "NULL"),
        (None, None),
        ("3.1E+15", "'7"),
    ]


def test_an_error_of_the_reader_quotes_the_row(con, tmp_path):
    """Why its text is never shown."""
    with pytest.raises(duckdb.Error, match="RAHASIA"):
        read(con, tmp_path / "a.csv", b"1,2\nRAHASIA\n")


def test_row_numbers_follow_the_file(con, tmp_path):
    contract = load_contracts()["bpjs_participants"]
    path = tmp_path / "a.csv"
    body = "".join(f"{number},ORANG {number},PU\n" for number in range(1, 200_001))
    path.write_text("kpj,full_name,segment\n" + body)
    staged = stage(path, "a.csv", "csv", contract, tmp_path)
    con.execute("SET threads = 4")
    con.execute(f"CREATE TABLE landed AS {staged.query}")
    assert staged.regular
    assert con.execute(
        "SELECT count(*), count(*) FILTER (kpj::BIGINT = row_number) FROM landed"
    ).fetchone() == (200_000, 200_000)


def test_a_large_double_is_printed_as_if_it_had_all_its_digits(con):
    """Why staging prints it in exponent form itself."""
    text = con.execute("SELECT (9171920101900002.0::DOUBLE)::VARCHAR").fetchone()[0]
    assert text == "9171920101900002.0"
    shown = con.execute("SELECT format('{:.14E}', 9171920101900002.0::DOUBLE)").fetchone()[0]
    assert shown == "9.17192010190000E+15"


def test_rows_of_a_failed_transaction_are_gone(con, tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b"1,2\n" * 5000 + b"3\n")
    con.execute("CREATE TABLE t (a VARCHAR, b VARCHAR)")
    con.execute("BEGIN")
    with pytest.raises(duckdb.Error):
        con.execute(f"INSERT INTO t FROM read_csv('{path}', {PINNED})")
    con.execute("ROLLBACK")
    assert con.execute("SELECT count(*) FROM t").fetchone() == (0,)


@pytest.mark.parametrize("text", ["", "3273905203900001", "é" * 70, "x" * 5000, chr(31) * 3])
def test_the_key_of_a_text_is_the_lower_half_of_its_md5(con, text):
    # What homes hold was written with `md5_number_lower`.
    key, same = con.execute(
        f"SELECT typeof(k), k = md5_number_lower(t) FROM (SELECT t, {text_key('t')} AS k"
        " FROM (SELECT ?::VARCHAR AS t))",
        [text],
    ).fetchone()
    assert (key, same) == ("UBIGINT", True)
    assert con.execute(f"SELECT {text_key('NULL::VARCHAR')}").fetchone() == (None,)
