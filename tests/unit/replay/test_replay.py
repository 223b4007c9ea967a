"""Quarantined rows come back after a fix, and a steward can correct them by hand."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest
import python_calamine as calamine
import xlsxwriter
from typer.testing import CliRunner

from pipelines.cli import app
from publishing.quarantine_workbook import advice, write
from sources import landing as reading
from sources.conforming import conform
from sources.contracts import Contract, load_contracts, load_dataset_table
from sources.deliveries import discover, keep
from sources.landing import create_landing_table, land, update_in_force
from sources.replay import replay
from warehouse.errors import CakupanError, DataRefused, UsageError
from warehouse.home import Home
from warehouse.reference import load_reference
from warehouse.storage import count
from warehouse.tables import create_tables

PERIOD = "2026-10"
KEY = "dukcapil_population"
HEADER = "nik,full_name,sex,birth_date,region_code\n"
GOOD, SHORT, FIXED = "3171905203900001", "31719052039000", "3171905203900003"

Deliver = Callable[[str], None]


@pytest.fixture
def contract() -> Contract:
    return load_contracts()[KEY]


@pytest.fixture
def deliver(home: Home, con: duckdb.DuckDBPyConnection, contract: Contract) -> Deliver:
    create_tables(con)
    load_reference(con)
    load_dataset_table(con, {KEY: contract})

    def act(lines: str) -> None:
        folder = home.inbox / KEY / PERIOD
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "penduduk.csv").write_text(HEADER + lines, encoding="utf-8")
        create_landing_table(con, contract)
        kept = keep(con, home, contract, discover(home.inbox, {KEY: contract}, PERIOD).found[KEY])
        land(con, home, contract, kept)
        update_in_force(con, {KEY: contract}, PERIOD)
        conform(con, contract, PERIOD)

    return act


LINES = (
    f"{GOOD},SITI,P,1990-03-12,3171\n{SHORT},=AMINAH,P,1990-03-12,3171\n3171901203900002,BUDI,L\n"
)


def reasons(con: duckdb.DuckDBPyConnection) -> list[tuple[int, list[str]]]:
    return con.execute(
        "SELECT row_number, reason_codes FROM quarantine.rows ORDER BY row_number"
    ).fetchall()


def test_a_correction_file_brings_rows_back_at_their_place(
    deliver: Deliver, con: duckdb.DuckDBPyConnection, home: Home, contract: Contract, tmp_path: Path
) -> None:
    deliver(LINES)
    assert reasons(con) == [(2, ["NIK_WRONG_LENGTH"]), (3, ["RAGGED_ROW"])]
    file = tmp_path / "koreksi.csv"
    file.write_text(
        f"file;row_number;nik;full_name;sex\npenduduk.csv;2;{FIXED};;\n"
        "penduduk.csv;3;3171901203900002;BUDI;L\n",
        encoding="utf-8",
    )
    report = replay(con, home, contract, PERIOD, file=file, by="Ibu Rini", reason="KTP dilihat")
    assert (report.delivered, report.accepted_before, report.accepted, report.corrected) == (
        3, 1, 3, 2,
    )  # fmt: skip
    assert (report.before, report.after) == ({"NIK_WRONG_LENGTH": 1, "RAGGED_ROW": 1}, {})
    assert report.periods == (PERIOD,)
    rows = con.execute(
        f"SELECT nik, full_name, file, row_number FROM conformed.{KEY} ORDER BY row_number"
    ).fetchall()
    assert rows[1:] == [
        (FIXED, "=AMINAH", "penduduk.csv", 2), ("3171901203900002", "BUDI", "penduduk.csv", 3),
    ]  # fmt: skip
    # What was delivered stays; the correction lies over it, with who and why.
    assert con.execute(f"SELECT nik FROM landing.{KEY} WHERE row_number = 2").fetchall() == [
        (SHORT,)
    ]
    kept = con.execute("SELECT DISTINCT entered_by, reason FROM quarantine.corrections").fetchall()
    assert kept == [("Ibu Rini", "KTP dilihat")]
    assert count(con, "quarantine.corrections", "raw LIKE '%BUDI%'") == 3
    # The ledger agrees, and conforming anew does not forget.
    assert con.execute("SELECT rows, rejected_rows FROM landing.deliveries").fetchall() == [(3, 0)]
    assert conform(con, contract, PERIOD).accepted == 3
    # A newer correction of a cell counts.
    with pytest.raises(UsageError, match="not in quarantine"):
        replay(con, home, contract, PERIOD, file=file, by="A", reason="B")
    assert count(con, "quarantine.corrections") == 4


def test_a_fixed_contract_brings_rows_back_without_corrections(
    deliver: Deliver, con: duckdb.DuckDBPyConnection, home: Home, contract: Contract
) -> None:
    deliver(f"{GOOD},BELUM DIISI,P,1990-03-12,3171\n{FIXED},SITI,P,1990-03-12,3171\n")
    columns = tuple(
        replace(c, null_texts=(*c.null_texts, "BELUM DIISI")) if c.is_name else c
        for c in contract.columns
    )
    strict = replace(contract, columns=columns)
    conform(con, strict, PERIOD)
    assert reasons(con) == [(1, ["MISSING_NAME"])]
    with pytest.raises(UsageError, match="reasons there are: MISSING_NAME"):
        replay(con, home, strict, PERIOD, reason_code="NIK_BAD_DATE")
    report = replay(con, home, contract, PERIOD, reason_code="MISSING_NAME")
    assert (report.before, report.after) == ({"MISSING_NAME": 1}, {"MISSING_NAME": 0})
    assert (report.accepted_before, report.accepted, report.read_again) == (1, 2, False)


def test_unreadable_rows_are_read_again_and_a_refusal_leaves_all_as_it_was(
    deliver: Deliver,
    con: duckdb.DuckDBPyConnection,
    home: Home,
    contract: Contract,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    deliver(LINES)
    assert replay(con, home, contract, PERIOD).read_again

    def refuse(*_arguments: object, **_named: object) -> None:
        raise DataRefused("penduduk.csv: refused", code="CORRUPT")

    before = con.execute("SELECT * EXCLUDE (received_at) FROM landing.deliveries").fetchall()
    with monkeypatch.context() as patched:
        patched.setattr(reading, "stage_file", refuse)
        with pytest.raises(DataRefused, match="stays accepted"):
            replay(con, home, contract, PERIOD)
    assert (
        before == con.execute("SELECT * EXCLUDE (received_at) FROM landing.deliveries").fetchall()
    )
    assert len(reasons(con)) == 2
    assert count(con, f"landing.{KEY}") == 2


def test_a_replay_that_ends_early_is_made_up_for_by_the_next_run(
    deliver: Deliver, con: duckdb.DuckDBPyConnection, home: Home, contract: Contract, tmp_path: Path
) -> None:
    deliver(LINES)
    con.execute("CREATE TABLE conformed.made (dataset VARCHAR, period VARCHAR)")
    con.execute("INSERT INTO conformed.made VALUES (?, ?)", [KEY, PERIOD])
    file = tmp_path / "koreksi.csv"
    file.write_text(f"file,row_number,nik\npenduduk.csv,2,{FIXED}\n", encoding="utf-8")
    replay(con, home, contract, PERIOD, file=file, by="A", reason="B")
    assert count(con, "conformed.made") == 0


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("file,row_number,nik\npenduduk.csv,9,3171905203900003\n", "line 2"),
        ("file,row_number,nik\npenduduk.csv,x,3171905203900003\n", "line 2"),
        ("file,row_number,nik\npenduduk.csv,2,\n", "corrects nothing"),
        ("a,b\n1,2\n", "headings"),
        ("", "headings"),
    ],
)
def test_a_correction_file_that_is_no_use_changes_nothing(
    deliver: Deliver,
    con: duckdb.DuckDBPyConnection,
    home: Home,
    contract: Contract,
    tmp_path: Path,
    text: str,
    told: str,
) -> None:
    deliver(LINES)
    file = tmp_path / "koreksi.csv"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=told) as refused:
        replay(con, home, contract, PERIOD, file=file, by="A", reason="B")
    assert FIXED not in str(refused.value)
    with pytest.raises(UsageError, match="--by and --reason"):
        replay(con, home, contract, PERIOD, file=file, by="A")
    with pytest.raises(UsageError, match="does not exist"):
        replay(con, home, contract, PERIOD, file=tmp_path / "x.csv", by="A", reason="B")
    assert len(reasons(con)) == 2
    with pytest.raises(UsageError, match="nothing to replay"):
        replay(con, home, contract, "2026-09")


def test_kept_files_that_are_gone_are_told(
    deliver: Deliver, con: duckdb.DuckDBPyConnection, home: Home, contract: Contract
) -> None:
    deliver(LINES)
    home.deliveries.joinpath(KEY, PERIOD, "v1").rename(home.path / "elsewhere")
    with pytest.raises(CakupanError, match="restore them from a backup"):
        replay(con, home, contract, PERIOD)


def test_the_workbook_says_what_is_wrong_and_comes_back_filled_in(
    deliver: Deliver, con: duckdb.DuckDBPyConnection, home: Home, contract: Contract, tmp_path: Path
) -> None:
    deliver(LINES)
    path = tmp_path / "karantina.xlsx"
    written = write(con, {KEY: contract}, PERIOD, path)
    assert (written.total, written.shown) == ({KEY: 2}, {KEY: 2})
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    book = calamine.CalamineWorkbook.from_path(str(path))
    assert book.sheet_names == ["Ringkasan", KEY]
    summary = book.get_sheet_by_name("Ringkasan").to_python()
    rows = {row[2]: row for row in summary if len(row) > 2 and row[2]}
    assert rows["NIK_WRONG_LENGTH"][0:2] == [KEY, "penduduk.csv"]
    assert rows["NIK_WRONG_LENGTH"][3] == "NIK tidak terdiri atas 16 digit"
    assert rows["NIK_WRONG_LENGTH"][4:6] == [1, advice("NIK_WRONG_LENGTH", "conforming")]
    cells = book.get_sheet_by_name(KEY).to_python()
    [at] = [i for i, row in enumerate(cells) if row[0] == "berkas"]
    line = next(row for row in cells[at + 1 :] if row[1] == 2)
    assert line[2] == "NIK tidak terdiri atas 16 digit"
    assert "full_name: =AMINAH" in line[4]
    with pytest.raises(UsageError, match="exists already"):
        write(con, {KEY: contract}, PERIOD, path)

    filled = tmp_path / "terisi.xlsx"
    heads = cells[at]
    column = heads.index("perbaikan nik")
    with xlsxwriter.Workbook(filled) as out:
        sheet = out.add_worksheet(KEY)
        for i, row in enumerate(cells[: at + 1]):
            for j, value in enumerate(row):
                sheet.write(i, j, value)
        sheet.write(at + 1, 0, "penduduk.csv")
        sheet.write_number(at + 1, 1, 2)
        sheet.write_string(at + 1, column, FIXED)
    report = replay(con, home, contract, PERIOD, file=filled, by="A", reason="KTP")
    assert (report.accepted_before, report.accepted) == (1, 2)
    other = tmp_path / "lain.xlsx"
    with xlsxwriter.Workbook(other) as out:
        out.add_worksheet("x")
    with pytest.raises(DataRefused, match="no sheet"):
        replay(con, home, contract, PERIOD, file=other, by="A", reason="KTP")


def test_a_large_quarantine_is_cut_and_says_so(
    deliver: Deliver, con: duckdb.DuckDBPyConnection, contract: Contract, tmp_path: Path
) -> None:
    deliver("".join(f"{n:015d},=WARGA {n},P,1990-03-12,3171\n" for n in range(40)))
    path = tmp_path / "karantina.xlsx"
    written = write(con, {KEY: contract}, PERIOD, path, limit=10)
    assert (written.total, written.shown) == ({KEY: 40}, {KEY: 10})
    book = calamine.CalamineWorkbook.from_path(str(path))
    for name in book.sheet_names:
        texts = [str(cell) for row in book.get_sheet_by_name(name).to_python() for cell in row]
        assert any("Ditampilkan 10 dari 40 baris" in text for text in texts)
    with pytest.raises(UsageError, match="--limit"):
        write(con, {KEY: contract}, PERIOD, tmp_path / "b.xlsx", limit=0)
    with pytest.raises(UsageError, match="tidak ada baris"):
        write(con, {KEY: contract}, "2026-09", tmp_path / "b.xlsx")
    (tmp_path / "berkas").write_text("x")
    with pytest.raises(CakupanError, match="cannot be written"):
        write(con, {KEY: contract}, PERIOD, tmp_path / "berkas" / "b.xlsx")


def test_from_the_console_each_use_is_logged(
    deliver: Deliver, con: duckdb.DuckDBPyConnection, home: Home, tmp_path: Path
) -> None:
    deliver(LINES)
    con.close()
    runner = CliRunner()
    at = ["--home", str(home.path), "--period", PERIOD]
    made = runner.invoke(app, ["quarantine", *at, "--json"])
    assert made.exit_code == 0, made.output
    assert (home.path / "quarantine" / f"karantina-{PERIOD}.xlsx").is_file()
    file = tmp_path / "koreksi.csv"
    file.write_text(f"file,row_number,nik\npenduduk.csv,2,{FIXED}\n", encoding="utf-8")
    answer = runner.invoke(
        app, ["replay", "--dataset", KEY, *at, "--corrections", str(file), "--reason", "KTP"]
    )
    assert answer.exit_code == 0, answer.output
    assert "NIK_WRONG_LENGTH: 1 -> 0 baris" in answer.stdout
    assert f"cakupan run --home {home.path} --period {PERIOD}" in answer.stdout
    assert FIXED not in answer.output
    log = [json.loads(line) for line in home.access_log.read_text().splitlines()]
    assert [line["action"] for line in log] == ["quarantine workbook", "replay"]
    again = runner.invoke(
        app, ["quarantine", *at, "--dataset", KEY, "--out", str(tmp_path / "k.xlsx")]
    )
    assert "1 dari 1 baris" in again.stdout
    assert runner.invoke(app, ["replay", "--dataset", "x", *at]).exit_code == 2
    lost = ["--home", str(tmp_path / "nowhere"), "--period", PERIOD]
    assert runner.invoke(app, ["quarantine", *lost]).exit_code == 2
