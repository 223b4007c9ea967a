"""Landing: a kept delivery's rows, as text, in the warehouse; all of them or none.

Belongs here: the landing tables, filling them, and which delivery a period uses. Does not
belong here: reading formats (sources/files), making values canonical (sources/conforming.py).
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb

from sources import drift, ledger, volume
from sources.contracts import Contract
from sources.deliveries import Log, silent
from sources.files.parquet import corrupt
from sources.files.reader import stage_file
from sources.files.staging import Staged
from sources.ledger import FileReport, Kept, KeptFile, Verdict
from sources.volume import Gate
from warehouse import at_rest
from warehouse.connection import check_period
from warehouse.errors import DataRefused
from warehouse.home import Home
from warehouse.seals import Part, seal
from warehouse.storage import literal, quote, scalar, set_comments, transaction

OWN_COLUMNS = {
    "period": "VARCHAR",
    "delivery_version": "INTEGER",
    "file": "VARCHAR",
    "row_number": "BIGINT",
}
"""Columns that every landing table has beside its contract's."""


@dataclass(frozen=True)
class DeliveryReport:
    """What a delivery held.

    Attributes:
        dataset: contract key.
        period: month it was delivered for.
        version: its version.
        rows: rows delivered, unreadable ones included.
        rejected_rows: rows in quarantine because they could not be read.
        files: the same by file.
        warnings: columns left out, and the like.
    """

    dataset: str
    period: str
    version: int
    rows: int
    rejected_rows: int
    files: tuple[FileReport, ...] = ()
    warnings: tuple[str, ...] = ()


def table(contract: Contract) -> str:
    """Give the qualified name of a dataset's landing table."""
    return f"landing.{quote(contract.key)}"


def create_landing_table(con: duckdb.DuckDBPyConnection, contract: Contract) -> None:
    """Create a dataset's landing table, or add the columns a newer contract has."""
    ledger.create_ledger(con)
    target = table(contract)
    names = {column.name: "VARCHAR" for column in contract.columns} | OWN_COLUMNS
    columns = ", ".join(f"{quote(name)} {kind}" for name, kind in names.items())
    con.execute(f"CREATE TABLE IF NOT EXISTS {target} ({columns})")
    present = {row[0] for row in con.execute(f"DESCRIBE {target}").fetchall()}
    for name, kind in names.items():
        if name not in present:
            con.execute(f"ALTER TABLE {target} ADD COLUMN {quote(name)} {kind}")
    set_comments(
        con,
        "landing",
        contract.key,
        f"ID: {contract.title}",
        {column.name: column.comment for column in contract.columns},
    )


def land(
    con: duckdb.DuckDBPyConnection,
    home: Home,
    contract: Contract,
    kept: Kept,
    log: Log | None = None,
    gate: Gate | None = None,
) -> DeliveryReport:
    """Read every file of a kept delivery into its landing table, in one transaction.

    Args:
        con: the warehouse.
        home: for temporary files.
        contract: the dataset's.
        kept: what `sources.deliveries.keep` or `sources.databases.fetch` kept.
        log: is told of columns left out and of slower reading.
        gate: may hold the delivery (volume.py); it lands, and is not in force then.

    Returns:
        Counts; `rows` is what landed plus what went to quarantine, exactly.

    Raises:
        DataRefused: the delivery as a whole cannot be taken. The ledger says so, nothing of
            it lands, and earlier deliveries stay.
    """
    log = log or silent
    create_landing_table(con, contract)
    refusal: DataRefused | None = None
    reports: list[FileReport] = []
    warnings: list[str] = []
    work = Path(tempfile.mkdtemp(prefix="landing-", dir=home.tmp))
    ordered = bool(scalar(con, "SELECT current_setting('preserve_insertion_order')"))
    con.execute("SET preserve_insertion_order = true")  # row numbers follow the file
    try:
        with transaction(con):
            _clear(con, contract, kept)
            for file in kept.files:
                report, told = _land_file(con, home, contract, kept, file, work)
                reports.append(report)
                warnings += told
            _check_total(contract, kept, reports)
            if sum(report.rows or 0 for report in reports) >= drift.ENOUGH_VALUES:
                warnings += drift.check(con, contract, kept)
            verdict = Verdict(message="; ".join(warnings), reports=reports)
            held = gate(con, kept, sum(report.rows or 0 for report in reports)) if gate else None
            if held is not None:
                verdict = Verdict(volume.CODE, held.message, reports, held.state)
                warnings.append(held.message)
            ledger.enter(con, kept, verdict)
            seal(con, [Part(table(contract), kept.period, kept.version)])
    except DataRefused as error:
        refusal = error
    finally:
        con.execute(f"SET preserve_insertion_order = {str(ordered).lower()}")
        shutil.rmtree(work, ignore_errors=True)
    if refusal:
        ledger.enter_rejected(con, kept, refusal.code, str(refusal), reports)
        raise DataRefused(str(refusal), code=refusal.code)
    rows = sum(report.rows or 0 for report in reports)
    rejected = sum(report.rejected_rows or 0 for report in reports)
    for warning in warnings:
        log(warning)
    log(f"{contract.key} {kept.period} v{kept.version}: {rows} rows, {rejected} of them unreadable")
    return DeliveryReport(
        contract.key, kept.period, kept.version, rows, rejected, tuple(reports), tuple(warnings)
    )


def _clear(con: duckdb.DuckDBPyConnection, contract: Contract, kept: Kept) -> None:
    identity = [kept.period, kept.version]
    con.execute(
        f"DELETE FROM {table(contract)} WHERE period = ? AND delivery_version = ?", identity
    )
    con.execute(
        "DELETE FROM quarantine.rows WHERE period = ? AND delivery_version = ? "
        "AND dataset = ? AND stage = 'reading'",
        [*identity, contract.key],
    )


def _land_file(
    con: duckdb.DuckDBPyConnection,
    home: Home,
    contract: Contract,
    kept: Kept,
    file: KeptFile,
    work: Path,
) -> tuple[FileReport, list[str]]:
    folder = Path(tempfile.mkdtemp(dir=work))
    shown = f"{kept.dataset}/{kept.period}/{file.name}"
    path = at_rest.opened(home, kept.folder, file.name, work)
    staged = stage_file(con, path, shown, contract, folder)
    failed: type[duckdb.Error] | None = None
    landed = rejected = 0
    try:
        landed = _insert_rows(con, contract, kept, file, staged)
        if landed < staged.rows:
            rejected = _insert_rejected(con, contract, kept, file, staged)
    except duckdb.Error as error:
        # The text of the error may quote a row, so only its kind is kept.
        failed = type(error)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if path.parent == work:  # a sealed file's clear copy
            path.unlink(missing_ok=True)
    if failed is not None:
        if issubclass(failed, duckdb.OutOfMemoryException | duckdb.FatalException):
            raise failed(f"{shown}: the warehouse ran out of memory or disk while landing it")
        raise corrupt(shown) if staged.form == "parquet" else _unreadable(shown)
    if landed + rejected != staged.rows:
        raise _unreadable(shown, f"{landed + rejected} of {staged.rows} rows came through")
    if file.expected_rows is not None and file.expected_rows != staged.rows:
        raise DataRefused(
            f"{shown} has {staged.rows} rows, the manifest promises {file.expected_rows}: it was "
            "cut off, or the manifest is of another file; deliver both again",
            code="PARTIAL_FILE",
        )
    warnings = [
        f"{shown}: column {n[:60]!r} is not in the contract; not loaded" for n in staged.extra
    ]
    if rejected:
        warnings.append(f"{shown}: {rejected} of {staged.rows} rows cannot be read (quarantine)")
    return FileReport(file.name, staged.form, staged.encoding, staged.rows, rejected), warnings


def _identity(kept: Kept, file: KeptFile) -> str:
    return (
        f"{literal(kept.period)} AS period, {kept.version}::INTEGER AS delivery_version, "
        f"{literal(file.name)} AS file, row_number"
    )


def _insert_rows(
    con: duckdb.DuckDBPyConnection, contract: Contract, kept: Kept, file: KeptFile, staged: Staged
) -> int:
    columns = ", ".join(quote(name) for name in staged.columns)
    where = "" if staged.regular else "WHERE coalesce(len(reasons), 0) = 0"
    return int(
        scalar(
            con,
            f"INSERT INTO {table(contract)} BY NAME "
            f"SELECT {columns}, {_identity(kept, file)} FROM ({staged.query}) {where}",
        )
    )


def _insert_rejected(
    con: duckdb.DuckDBPyConnection, contract: Contract, kept: Kept, file: KeptFile, staged: Staged
) -> int:
    return int(
        scalar(
            con,
            f"INSERT INTO quarantine.rows BY NAME SELECT {_identity(kept, file)}, "
            f"{literal(contract.key)} AS dataset, 'reading' AS stage, reasons AS reason_codes, raw "
            f"FROM ({staged.query}) WHERE len(reasons) > 0",
        )
    )


def _check_total(contract: Contract, kept: Kept, reports: list[FileReport]) -> None:
    """Refuse a delivery without any row, unless the contract allows it."""
    if contract.allow_empty or any(report.rows for report in reports):
        return
    raise DataRefused(
        f"{contract.key}/{kept.period}: a header and no rows. If there is truly nobody to report, "
        "set allowEmpty in the contract; else ask the provider to deliver it again",
        code="HEADER_ONLY",
    )


def _unreadable(shown: str, detail: str = "the reader gave up") -> DataRefused:
    return DataRefused(
        f"{shown} could not be read whole ({detail}); nothing of it was taken",
        code="UNREADABLE_FILE",
    )


@dataclass(frozen=True)
class InForce:
    """Which delivery of a dataset a run uses.

    Attributes:
        dataset: contract key.
        state: `current`, `carried` (from an earlier period), `stale` (too old, not used) or
            `missing`.
        delivery_period: the delivery's month, None where missing.
        version: the delivery's version, None where missing.
        age_months: months between that month and the run's.
    """

    dataset: str
    state: str
    delivery_period: str | None = None
    version: int | None = None
    age_months: int | None = None


def update_in_force(
    con: duckdb.DuckDBPyConnection, contracts: Mapping[str, Contract], period: str
) -> dict[str, InForce]:
    """Decide which delivery of each dataset a run of `period` uses, and record it.

    It is the latest accepted version of the latest period up to `period`.

    Returns:
        The decision by dataset.
    """
    check_period(period)
    ledger.create_ledger(con)
    latest = {
        dataset: (delivered, version)
        for dataset, delivered, version in con.execute(
            "SELECT dataset, max(period), arg_max(version, (period, version)) "
            "FROM landing.deliveries WHERE state = 'accepted' AND period <= ? GROUP BY dataset",
            [period],
        ).fetchall()
    }
    decided = {}
    for key, contract in contracts.items():
        decision = InForce(key, "missing")
        if key in latest:
            delivered, version = latest[key]
            age = _months(period) - _months(delivered)
            state = "current" if not age else "carried"
            state = "stale" if age > contract.max_age_months else state
            decision = replace(
                decision, state=state, delivery_period=delivered, version=version, age_months=age
            )
        decided[key] = decision
    with transaction(con):
        con.execute("DELETE FROM landing.in_force WHERE period = ?", [period])
        # In one statement: this is decided anew after each arrival.
        if decided:
            con.execute(
                "INSERT INTO landing.in_force VALUES "
                + ", ".join(["(?, ?, ?, ?, ?, ?)"] * len(decided)),
                [
                    value
                    for d in decided.values()
                    for value in (
                        period, d.dataset, d.delivery_period, d.version, d.age_months, d.state,
                    )
                ],
            )  # fmt: skip
    return decided


def _months(period: str) -> int:
    year, month = period.split("-")
    return 12 * int(year) + int(month)
