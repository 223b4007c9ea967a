"""The quarantine workbook: for the data steward, what is wrong, in which file and row.

Belongs here: its sheets, in Indonesian. Does not belong here: reading the steward's corrections
back (sources/corrections.py), or what leaves the house: this file quotes delivered rows, so it
is restricted, its owner's alone, and no extract.
"""

from __future__ import annotations

import datetime as dt
import io
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from publishing.spreadsheets import MAX_ROWS, Workbook
from sources.contracts import Contract
from sources.corrections import CORRECTION_PREFIX, HEADINGS
from warehouse.connection import check_period, last_day
from warehouse.errors import CakupanError, UsageError

SUMMARY = "Ringkasan"
SHOWN = 5_000
"""Rows shown of each dataset where nothing else is asked for: more do not help a person, and
the workbook is built in memory, at some 2 kB a row."""

_BY_STAGE = {
    "reading": "Minta penyedia memperbaiki berkas, atau isi kolom perbaikan untuk seluruh baris",
    "conforming": "Perbaiki pada sumbernya lalu kirim ulang, atau isi kolom perbaikan",
}
_ADVICE = {
    "BAD_ENCODING": "Minta berkas dalam UTF-8, atau nyatakan pengodeannya dalam kontrak data",
    "CONTROL_CHARACTERS": "Minta penyedia mengekspor ulang; isinya tercampur data biner",
    "RAGGED_ROW": "Periksa pemisah kolom dan tanda kutip pada baris itu",
    "UNCLOSED_QUOTE": "Tutup tanda kutip pada baris itu, atau minta ekspor ulang",
    "FIELD_TOO_LONG": "Periksa apakah beberapa baris tergabung menjadi satu sel",
    "MISSING_KEY": "Isi nomor kunci catatan menurut sumbernya",
    "MISSING_NAME": "Isi nama menurut sumbernya",
    "SUPERSEDED": "Tidak perlu tindakan bila catatan yang dipakai sudah benar; jika tidak, "
    "minta penyedia menghapus yang salah",
    "NIK_NOT_UNIQUE": "Cocokkan kedua orang dengan data kependudukan dan perbaiki NIK yang salah",
    "NIK_PRECISION_LOST": "NIK rusak di lembar kerja dan tidak dapat dipulihkan: ambil dari "
    "sumber dan kirim sebagai teks",
    "NIK_WRONG_LENGTH": "Lengkapi NIK menjadi 16 digit menurut sumbernya",
    "NIK_BAD_CHARACTERS": "Ganti huruf atau tanda dalam NIK menurut sumbernya",
    "NIK_REPEATED_DIGIT": "NIK hanya pengisi: ambil NIK yang sebenarnya",
    "NIK_BAD_DATE": "Periksa salah ketik pada digit 7 sampai 12",
    "NIK_BAD_SERIAL": "Periksa empat digit terakhir NIK",
    "NPWP_INVALID": "Periksa NPWP menurut sumbernya",
    "NIB_INVALID": "Lengkapi NIB menjadi 13 digit",
    "NOTHING_TO_LINK_BY": "Tambahkan NIK, atau tanggal lahir dan nama lengkap",
}


@dataclass(frozen=True)
class Written:
    """What the workbook holds.

    Attributes:
        path: where it is.
        total: quarantined rows by dataset.
        shown: rows of them on its sheets.
    """

    path: Path
    total: dict[str, int]
    shown: dict[str, int]


def advice(code: str, stage: str) -> str:
    """Give what a steward can do about a reason, in Indonesian."""
    return _ADVICE.get(code) or _BY_STAGE.get(stage, "Periksa pada sumbernya")


def write(
    con: duckdb.DuckDBPyConnection,
    contracts: Mapping[str, Contract],
    period: str,
    path: Path,
    *,
    dataset: str = "",
    limit: int = SHOWN,
) -> Written:
    """Write the workbook of the deliveries of a month.

    Args:
        con: the restricted warehouse.
        contracts: datasets by key.
        period: the deliveries' month.
        path: a new file; mode 0600.
        dataset: one dataset alone; all where left out.
        limit: rows shown of each dataset; each sheet says how many there are.

    Raises:
        UsageError: nothing is in quarantine, the file exists, or the limit is out of range.
        CakupanError: it cannot be written.
    """
    check_period(period)
    if not 1 <= limit <= MAX_ROWS - 100:
        raise UsageError(f"--limit must lie between 1 and {MAX_ROWS - 100}")
    latest = """
        SELECT dataset, max(version) AS version FROM landing.deliveries
        WHERE period = $period AND state IN ('accepted', 'held') AND $dataset IN ('', dataset)
        GROUP BY dataset"""
    rows = f"""
        SELECT q.dataset, q.file, q.row_number, q.stage, q.reason_codes, q.raw
        FROM quarantine.rows AS q JOIN ({latest}) AS l
            ON l.dataset = q.dataset AND l.version = q.delivery_version
        WHERE q.period = $period"""
    facts = {"period": period, "dataset": dataset}
    total = {
        str(key): int(n)
        for key, n in con.execute(
            f"SELECT dataset, count(*) FROM ({rows}) GROUP BY dataset ORDER BY dataset", facts
        ).fetchall()
        if key in contracts
    }
    if not total:
        which = f" dari {dataset}" if dataset else ""
        raise UsageError(f"tidak ada baris{which} yang dikarantina pada kiriman {period}")
    words = dict(con.execute("SELECT reason_code, id FROM reference.reason_codes").fetchall())
    reasons = con.execute(
        f"""SELECT dataset, file, code, any_value(stage), count(*)
            FROM (SELECT *, unnest(list_distinct(reason_codes)) AS code FROM ({rows}))
            GROUP BY dataset, file, code ORDER BY dataset, file, count(*) DESC, code""",
        facts,
    ).fetchall()
    memory = io.BytesIO()
    book = Workbook(
        memory,
        title=f"Karantina kiriman {period}",
        author="Cakupan",
        made=dt.datetime.combine(last_day(period), dt.time()),
    )
    shown = {key: min(n, limit) for key, n in total.items()}
    _summary(book, period, [r for r in reasons if r[0] in total], words, total, shown)
    for key, rows_of in total.items():
        of_dataset = con.execute(
            f"SELECT file, row_number, stage, reason_codes, raw FROM ({rows}) "
            "WHERE dataset = $key ORDER BY reason_codes, file, row_number LIMIT $limit",
            facts | {"key": key, "limit": limit},
        ).fetchall()
        _sheet(book, contracts[key], of_dataset, words, rows_of)
    book.close()
    _save(path, memory.getvalue())
    return Written(path, total, shown)


def _summary(
    book: Workbook,
    period: str,
    reasons: list[tuple[Any, ...]],
    words: Mapping[str, str],
    total: Mapping[str, int],
    shown: Mapping[str, int],
) -> None:
    sheet = book.sheet(SUMMARY, landscape=True)
    columns = (("Daftar", 26), ("Berkas", 34), ("Kode alasan", 22), ("Alasan", 46), ("Baris", 10),
               ("Yang perlu dilakukan", 60))  # fmt: skip
    row = book.banner(
        sheet,
        f"Baris yang dikarantina pada kiriman {period}",
        "Rahasia: memuat data pribadi. Hanya untuk petugas data; jangan dikirim atau disalin.",
        len(columns),
    )
    for line in (
        "Baris dengan dua alasan dihitung pada keduanya. Nomor baris 1 adalah baris data pertama.",
        "Isi kolom `perbaikan ...` pada lembar daftar, lalu: cakupan replay --dataset DAFTAR "
        f'--period {period} --corrections BERKAS --by NAMA --reason "SUMBER PERBAIKAN"',
    ):
        book.text(sheet, row, 0, line)
        row += 1
    for key in total:
        if shown[key] < total[key]:
            book.text(sheet, row, 0, f"{key}: {_shown(shown[key], total[key])}", bold=True)
            row += 1
    row += 1
    for position, (heading, width) in enumerate(columns):
        book.text(sheet, row, position, heading, bold=True, bg_color="#E8F1F1")
        sheet.set_column(position, position, width)
    for key, file, code, stage, count in reasons:
        row += 1
        for position, text in enumerate((key, file, code, words.get(code, code))):
            book.text(sheet, row, position, str(text), text_wrap=True)
        sheet.write_number(row, 4, count, book.style(num_format="#,##0"))
        book.text(sheet, row, 5, advice(code, stage), text_wrap=True)


def _sheet(
    book: Workbook,
    contract: Contract,
    rows: list[tuple[Any, ...]],
    words: Mapping[str, str],
    total: int,
) -> None:
    # A sheet's name has at most 31 characters; sources/corrections.py finds it by the same.
    sheet = book.sheet(contract.key[:31], landscape=True)
    columns = [column.name for column in contract.columns]
    headings = [
        *HEADINGS.values(), "alasan", "yang perlu dilakukan", "isi asal",
        *(f"{CORRECTION_PREFIX}{name}" for name in columns),
    ]  # fmt: skip
    row = book.banner(sheet, contract.title, _shown(len(rows), total), len(headings))
    head = {"bold": True, "bg_color": "#E8F1F1", "text_wrap": True}
    for position, heading in enumerate(headings):
        book.text(sheet, row, position, heading, **head)
    sheet.set_column(0, 0, 30)
    sheet.set_column(1, 1, 9)
    sheet.set_column(2, 4, 44)
    sheet.set_column(5, len(headings) - 1, 22, book.style(num_format="@"))
    sheet.freeze_panes(row + 1, 2)
    for file, number, stage, codes, raw in rows:
        row += 1
        book.text(sheet, row, 0, file)
        sheet.write_number(row, 1, number)
        book.text(sheet, row, 2, "; ".join(words.get(code, code) for code in codes))
        book.text(sheet, row, 3, "; ".join(dict.fromkeys(advice(c, stage) for c in codes)))
        book.text(sheet, row, 4, _plain(raw))


def _plain(raw: str | None) -> str:
    """Give delivered text for reading: one `column: value` after the other."""
    try:
        fields = json.loads(raw or "")
    except ValueError:
        fields = None
    if not isinstance(fields, dict):
        return raw or ""
    return " | ".join(f"{name}: {value}" for name, value in fields.items() if value is not None)


def _shown(shown: int, total: int) -> str:
    if shown == total:
        return f"Semua {total} baris ditampilkan"
    return (
        f"Ditampilkan {shown} dari {total} baris, menurut alasan, berkas, dan nomor baris; "
        "selebihnya dengan --dataset dan --limit"
    )


def _save(path: Path, content: bytes) -> None:
    problem = ""
    if path.exists():
        raise UsageError(f"{path} exists already; name another file with --out")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with os.fdopen(os.open(path, flags, 0o600), "wb") as stream:
            os.fchmod(stream.fileno(), 0o600)
            stream.write(content)
    except OSError as error:
        problem = error.strerror or "cannot be written"
    if problem:
        raise CakupanError(f"the workbook {path} cannot be written ({problem})")
