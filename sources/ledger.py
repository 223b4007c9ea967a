"""The record of what was delivered: accepted or rejected, which files, how many rows.

Belongs here: the tables `landing.deliveries`, `landing.delivery_files`, `landing.in_force`
and `quarantine.rows`, and how a delivery is entered. Does not belong here: the files
(deliveries) or their rows (landing).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import duckdb

from warehouse.storage import transaction

SourceKind = Literal["file", "database"]

_TABLES = """
CREATE TABLE IF NOT EXISTS landing.deliveries (
    dataset VARCHAR, period VARCHAR, version INTEGER, source_kind VARCHAR, state VARCHAR,
    reason_code VARCHAR, content_sha256 VARCHAR, files INTEGER, bytes BIGINT, rows BIGINT,
    rejected_rows BIGINT, message VARCHAR, received_at TIMESTAMP);
CREATE TABLE IF NOT EXISTS landing.delivery_files (
    dataset VARCHAR, period VARCHAR, version INTEGER, file VARCHAR, sha256 VARCHAR,
    bytes BIGINT, rows BIGINT, rejected_rows BIGINT, format VARCHAR, encoding VARCHAR);
CREATE TABLE IF NOT EXISTS landing.in_force (
    period VARCHAR, dataset VARCHAR, delivery_period VARCHAR, version INTEGER,
    age_months INTEGER, state VARCHAR);
CREATE TABLE IF NOT EXISTS quarantine.rows (
    period VARCHAR, dataset VARCHAR, delivery_version INTEGER, file VARCHAR,
    row_number BIGINT, stage VARCHAR, reason_codes VARCHAR[], raw VARCHAR);
COMMENT ON TABLE landing.deliveries IS
    'ID: Setiap kiriman, diterima atau ditolak | EN: Every delivery, accepted or rejected';
COMMENT ON COLUMN landing.deliveries.rows IS
    'ID: Semua baris yang dikirim | EN: All rows delivered, those that could not be read too';
COMMENT ON TABLE landing.delivery_files IS
    'ID: Berkas setiap kiriman | EN: The files of every delivery';
COMMENT ON TABLE landing.in_force IS
    'ID: Kiriman yang dipakai untuk periode | EN: Which delivery a run of the period uses';
COMMENT ON TABLE quarantine.rows IS
    'ID: Baris yang tidak diterima, dengan alasannya | EN: Rows not accepted, and why';
"""


@dataclass(frozen=True)
class KeptFile:
    """One file of a kept delivery.

    Attributes:
        name: its name as delivered.
        sha256: of its bytes, hexadecimal.
        bytes: its size.
        expected_rows: rows that the manifest promises, None without one.
        expected_sha256: what the manifest says its sha256 is, None without one.
    """

    name: str
    sha256: str
    bytes: int
    expected_rows: int | None = None
    expected_sha256: str | None = None


@dataclass(frozen=True)
class Kept:
    """A delivery in the home, immutable from now on.

    Attributes:
        dataset: contract key.
        period: the month it was delivered for.
        version: 1 for the first delivery of the period, then counting up.
        new: it has not been landed; False where the same content is in force already.
        folder: where its files are.
        files: its files, by name.
        content_sha256: identifies the content whatever the files are called.
        source_kind: `file` or `database`.
    """

    dataset: str
    period: str
    version: int
    new: bool
    folder: Path
    files: tuple[KeptFile, ...]
    content_sha256: str
    source_kind: SourceKind = "file"

    @property
    def bytes(self) -> int:
        """Size of all files."""
        return sum(file.bytes for file in self.files)


@dataclass(frozen=True)
class FileReport:
    """What one file held.

    Attributes:
        file: its name.
        form: format it was found to be, None where that was not reached.
        encoding: text encoding it came in.
        rows: rows, unreadable ones included.
        rejected_rows: those that went to quarantine.
    """

    file: str
    form: str | None = None
    encoding: str | None = None
    rows: int | None = None
    rejected_rows: int | None = None


@dataclass(frozen=True)
class Entry:
    """What the ledger says of a delivery.

    Attributes:
        version: its version within dataset and period.
        state: `accepted`, `held` or `rejected`.
        content_sha256: as in `Kept`.
        rows: rows delivered.
        rejected_rows: rows that could not be read.
    """

    version: int
    state: str
    content_sha256: str
    rows: int
    rejected_rows: int


@dataclass(frozen=True)
class Verdict:
    """Why a delivery was rejected or is held; the default says that it was accepted."""

    code: str | None = None
    message: str = ""
    reports: Sequence[FileReport] = field(default_factory=tuple)
    state: str = ""


def create_ledger(con: duckdb.DuckDBPyConnection) -> None:
    """Create the tables of this module where they are missing."""
    # To look is a tenth of what making sure costs, and every dataset asks several times.
    found = con.execute(
        "SELECT count(*) FROM duckdb_tables() WHERE database_name = current_database() AND "
        "comment IS NOT NULL AND (schema_name, table_name) IN (('landing', 'deliveries'), "
        "('landing', 'delivery_files'), ('landing', 'in_force'), ('quarantine', 'rows'))"
    ).fetchone()
    if found != (4,):
        con.execute(_TABLES)


def entries(con: duckdb.DuckDBPyConnection, dataset: str, period: str) -> list[Entry]:
    """Give the deliveries of a dataset for a period, the earliest first."""
    create_ledger(con)
    rows = con.execute(
        "SELECT version, state, content_sha256, coalesce(rows, 0), coalesce(rejected_rows, 0) "
        "FROM landing.deliveries WHERE dataset = ? AND period = ? ORDER BY version",
        [dataset, period],
    ).fetchall()
    return [Entry(*row) for row in rows]


def enter(con: duckdb.DuckDBPyConnection, kept: Kept, verdict: Verdict) -> None:
    """Enter a delivery, in place of what was said of the same version before.

    The caller may hold a transaction, so that rows and record appear together.
    """
    identity = [kept.dataset, kept.period, kept.version]
    for table in ("deliveries", "delivery_files"):
        con.execute(
            f"DELETE FROM landing.{table} WHERE dataset = ? AND period = ? AND version = ?",
            identity,
        )
    reports = {report.file: report for report in verdict.reports}
    rows = sum(report.rows or 0 for report in verdict.reports)
    rejected = sum(report.rejected_rows or 0 for report in verdict.reports)
    con.execute(
        "INSERT INTO landing.deliveries VALUES "
        "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, (now() AT TIME ZONE 'UTC')::TIMESTAMP)",
        [
            *identity,
            kept.source_kind,
            verdict.state or ("rejected" if verdict.code else "accepted"),
            verdict.code,
            kept.content_sha256,
            len(kept.files),
            kept.bytes,
            rows,
            rejected,
            verdict.message,
        ],
    )
    for file in kept.files:
        report = reports.get(file.name, FileReport(file.name))
        con.execute(
            "INSERT INTO landing.delivery_files VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                *identity,
                file.name,
                file.sha256,
                file.bytes,
                report.rows,
                report.rejected_rows,
                report.form,
                report.encoding,
            ],
        )


def enter_rejected(
    con: duckdb.DuckDBPyConnection,
    kept: Kept,
    code: str,
    message: str,
    reports: Sequence[FileReport] = (),
) -> None:
    """Enter a delivery as rejected, in a transaction of its own."""
    create_ledger(con)
    with transaction(con):
        enter(con, kept, Verdict(code, message, reports))
