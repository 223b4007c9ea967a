"""Writing deliveries as they really come: Parquet, CSV, compressed CSV and spreadsheets.

Belongs here: formats, file names, manifests, the source database. Does not belong here: what is
in the rows.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import xlsxwriter

from warehouse.storage import literal, quote

XLSX_ROWS = 20_000
"""A spreadsheet with more rows than this comes as CSV instead."""
ROW_GROUP = 122_880
BATCH = 20_000


@dataclass(frozen=True)
class Format:
    """How a dataset is delivered.

    Attributes:
        suffix: `parquet`, `csv`, `csv.gz` or `xlsx`.
        stem: how its file names begin.
    """

    suffix: str
    stem: str


FORMATS = {
    "dukcapil_population": Format("parquet", "penduduk"),
    "bpjs_participants": Format("csv.gz", "peserta"),
    "bpjs_employers": Format("csv", "pemberi_kerja"),
    "djp_employers": Format("csv", "masterfile_badan"),
    "djp_withholding": Format("parquet", "bukti_potong_pph21"),
    "ahu_companies": Format("xlsx", "badan_hukum"),
    "siinas_companies": Format("xlsx", "perusahaan_industri"),
    "siinas_workers": Format("csv", "tenaga_kerja_industri"),
    "cooperatives": Format("xlsx", "koperasi"),
    "sme_businesses": Format("csv.gz", "sidt_umkm"),
    "farmers": Format("csv", "simluhtan_petani"),
    "fisheries_workers": Format("csv", "kusuka"),
    "transport_workers": Format("xlsx", "pengemudi"),
    "school_educators": Format("csv", "dapodik_ptk"),
    "kur_debtors": Format("csv.gz", "sikp_debitur"),
    "labour_permit_applicants": Format("xlsx", "pemohon_izin_ketenagakerjaan"),
    "migrant_workers": Format("csv", "siskop2mi_penempatan"),
    "vocational_trainees": Format("xlsx", "peserta_pelatihan"),
    "non_asn_staff": Format("xlsx", "pegawai_non_asn"),
    "mission_staff": Format("xlsx", "pegawai_perwakilan"),
    "madrasah_educators": Format("csv", "emis_pendidik"),
    "notaries_advocates": Format("xlsx", "notaris_advokat"),
    "construction_projects": Format("csv", "simpk_proyek"),
    "construction_workers": Format("csv", "simpk_pekerja"),
    "extension_workers": Format("xlsx", "penyuluh"),
    "soe_staff": Format("csv", "pegawai_bumn"),
    "regional_soe_staff": Format("xlsx", "pegawai_bumd"),
    "social_workers": Format("xlsx", "pendamping_sosial"),
    "village_facilitators": Format("xlsx", "pendamping_desa"),
    "oss_businesses": Format("parquet", "oss_nib"),
    "disaster_workers": Format("xlsx", "relawan_bencana"),
    "election_organisers": Format("csv", "badan_adhoc"),
    "one_stop_permit_applicants": Format("csv", "ptsp_pemohon"),
    "industrial_estate_tenants": Format("xlsx", "penghuni_kawasan"),
}
TEXT_SIDE = Format("csv", "daftar")


@dataclass(frozen=True)
class WrittenFile:
    """One file of a delivery: its name, its data rows, and the sha256 of its bytes."""

    name: str
    rows: int
    sha256: str


def write_delivery(
    con: duckdb.DuckDBPyConnection, key: str, folder: Path, note: dict[str, Any]
) -> list[WrittenFile]:
    """Write the table `delivery` into a folder, with its manifest.

    Args:
        con: the building database.
        key: the dataset.
        folder: `inbox/<key>/<period>`, made where missing.
        note: what the manifest says beside the files.

    Returns:
        The files, in order.
    """
    folder.mkdir(parents=True, exist_ok=True)
    form = FORMATS.get(key, TEXT_SIDE)
    parts = con.execute(
        "SELECT _part, count(*) FROM delivery GROUP BY _part ORDER BY _part NULLS LAST"
    ).fetchall()
    if not parts:
        parts = [("", 0)]
    suffix = form.suffix
    if suffix == "xlsx" and sum(rows for _, rows in parts) > XLSX_ROWS:
        suffix = "csv"
    written = []
    for part, rows in parts:
        name = f"{form.stem}_{part}.{suffix}" if part else f"{form.stem}.{suffix}"
        path = folder / name
        _write(con, f"_part IS NOT DISTINCT FROM {literal(part)}", suffix, path)
        written.append(WrittenFile(name, rows, file_sha256(path)))
    manifest = note | {"files": [vars(file) for file in written]}
    (folder / "manifest.json").write_text(
        json.dumps(manifest, ensure_ascii=False, indent=1) + "\n", encoding="utf-8"
    )
    return written


def file_sha256(path: Path) -> str:
    """Give the sha256 of a file in hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _rows(where: str) -> str:
    return f"(SELECT * EXCLUDE (_part, _order) FROM delivery WHERE {where} ORDER BY _order)"


def _write(con: duckdb.DuckDBPyConnection, where: str, suffix: str, path: Path) -> None:
    target = literal(str(path))
    if suffix == "parquet":
        copy_parquet(con, _rows(where), path)
    elif suffix == "xlsx":
        _write_xlsx(con, _rows(where), path)
    else:
        gzip = ", COMPRESSION gzip" if suffix.endswith(".gz") else ""
        con.execute(f"COPY {_rows(where)} TO {target} (FORMAT csv, HEADER{gzip})")


def copy_parquet(con: duckdb.DuckDBPyConnection, query: str, path: Path) -> None:
    """Write a query in parentheses to a Parquet file, in its order."""
    con.execute(
        f"COPY {query} TO {literal(str(path))} "
        f"(FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {ROW_GROUP})"
    )


def _write_xlsx(con: duckdb.DuckDBPyConnection, query: str, path: Path) -> None:
    """Write text cells only, so that no identifier loses a digit and nothing is a formula."""
    cursor = con.execute(f"SELECT COLUMNS(*)::VARCHAR FROM {query}")
    headers = [column[0] for column in cursor.description or ()]
    book = xlsxwriter.Workbook(
        str(path),
        {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False},
    )
    book.set_properties({"created": dt.datetime(2026, 1, 1, tzinfo=dt.UTC), "title": "SINTETIS"})
    sheet = book.add_worksheet("Data")
    sheet.write_row(0, 0, headers)
    line = 1
    # A spreadsheet library takes cells one by one; XLSX_ROWS bounds how many there are.
    while batch := cursor.fetchmany(BATCH):
        for row in batch:
            for column, value in enumerate(row):
                if value is not None:
                    sheet.write_string(line, column, value)
            line += 1
    book.close()


def write_table(
    con: duckdb.DuckDBPyConnection, key: str, database: Path, *, period: str | None
) -> int:
    """Write the table `delivery` as a table of the source database.

    Args:
        con: the building database.
        key: the dataset, and the table's name.
        database: the SQLite file, made where missing.
        period: month of the rows where the table holds several months, in a column `period`.

    Returns:
        The number of rows.
    """
    database.parent.mkdir(parents=True, exist_ok=True)
    extra = f"{literal(period)} AS period, " if period else ""
    cursor = con.execute(f"SELECT {extra}COLUMNS(*)::VARCHAR FROM {_rows('true')}")
    names = [column[0] for column in cursor.description or ()]
    with closing(sqlite3.connect(database)) as target, target:
        columns = ", ".join(f"{quote(name)} TEXT" for name in names)
        target.execute(f"CREATE TABLE IF NOT EXISTS {quote(key)} ({columns})")
        marks = ", ".join("?" for _ in names)
        target.executemany(f"INSERT INTO {quote(key)} VALUES ({marks})", _batches(cursor))
        row = target.execute(f"SELECT count(*) FROM {quote(key)}").fetchone()
    return int(row[0])


def _batches(cursor: duckdb.DuckDBPyConnection) -> Iterable[Sequence[Any]]:
    while batch := cursor.fetchmany(BATCH):
        yield from batch
