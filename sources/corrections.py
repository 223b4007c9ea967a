"""A steward's corrections of quarantined rows: kept for good, applied where rows are judged.

Belongs here: the append-only table of corrections, reading a file of them, and laying them over
landed rows. Does not belong here: conforming (conforming/), and what is done before and after
(replay.py).

What was delivered stays as it was delivered; a correction lies over it, with who and why, and a
row keeps its file and row number. The newest correction of a cell counts. A row that no reader
could read has no landed text: with a correction it is landed from the correction alone, and its
raw text is kept beside that.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import python_calamine as calamine

from sources.contracts import Contract
from sources.files.archives import check_workbook
from warehouse.errors import DataRefused, UsageError
from warehouse.seals import Part, seal
from warehouse.storage import literal, quote, scalar

TABLE = "quarantine.corrections"
FILE, ROW = "file", "row_number"
HEADINGS = {FILE: "berkas", ROW: "baris"}
"""Headings of the place of a row in the workbook; a CSV may use the names themselves."""

CORRECTION_PREFIX = "perbaikan "
"""What stands before a column's name in the workbook; a CSV may leave it out."""

MAX_ROWS = 200_000
MAX_BYTES = 256 << 20

_DDL = f"""
CREATE TABLE IF NOT EXISTS {TABLE} (
    correction_id BIGINT, dataset VARCHAR, period VARCHAR, delivery_version INTEGER,
    file VARCHAR, row_number BIGINT, column_name VARCHAR, value VARCHAR, raw VARCHAR,
    reason VARCHAR, entered_by VARCHAR, entered_at TIMESTAMP)
"""


def create_corrections(con: duckdb.DuckDBPyConnection) -> None:
    """Create the table where it is missing."""
    con.execute(_DDL)


def add(
    con: duckdb.DuckDBPyConnection,
    contract: Contract,
    period: str,
    version: int,
    path: Path,
    *,
    by: str,
    reason: str,
) -> int:
    """Add the corrections of a file; all of them or none. The caller holds a transaction.

    Args:
        con: the restricted warehouse.
        contract: the dataset's.
        period: the delivery's month.
        version: the delivery's version.
        path: the quarantine workbook filled in, or a CSV with `file`, `row_number` and columns
            of the contract; an empty cell leaves the delivered value.
        by: who corrects.
        reason: why, and by what source.

    Returns:
        Rows with at least one corrected cell.

    Raises:
        UsageError: the file has no such columns, or names a row that is not in quarantine.
        DataRefused: it cannot be read.
    """
    create_corrections(con)
    cells = _cells(path, contract)
    if not cells:
        raise UsageError(
            f"{path} corrects nothing of {contract.key}: fill in a cell of a column "
            f"`{CORRECTION_PREFIX}...` (workbook), or of a column of the contract (CSV)"
        )
    columns = ("line", FILE, ROW, "column_name", "value")
    given = pa.table(
        {name: [cell[i] for cell in cells] for i, name in enumerate(columns)},
        schema=pa.schema(
            [("line", pa.int64()), (FILE, pa.string()), (ROW, pa.int64()),
             ("column_name", pa.string()), ("value", pa.string())]
        ),
    )  # fmt: skip
    con.register("given_corrections", given)
    try:
        aside = (
            "(FROM quarantine.rows WHERE dataset = $dataset AND period = $period "
            "AND delivery_version = $version)"
        )
        facts = {"dataset": contract.key, "period": period, "version": version}
        stranger = con.execute(
            f"SELECT min(line) FROM given_corrections ANTI JOIN {aside} USING (file, row_number)",
            facts,
        ).fetchall()[0][0]
        if stranger is not None:
            raise UsageError(
                f"{path} line {stranger}: that file and row are not in quarantine in "
                f"{contract.key} {period} v{version}; only quarantined rows can be corrected. "
                "Nothing was stored."
            )
        last = int(scalar(con, f"SELECT coalesce(max(correction_id), 0) FROM {TABLE}"))
        con.execute(
            f"""
            INSERT INTO {TABLE}
            SELECT {last} + row_number() OVER (ORDER BY g.line, g.column_name), $dataset, $period,
                $version, g.file, g.row_number, g.column_name, g.value, q.raw, $reason, $by,
                (now() AT TIME ZONE 'UTC')::TIMESTAMP
            FROM given_corrections AS g
            JOIN (SELECT file, row_number, any_value(raw) AS raw FROM {aside} GROUP BY ALL) AS q
                USING (file, row_number)""",
            facts | {"by": by, "reason": reason},
        )
    finally:
        con.unregister("given_corrections")
    return len({(cell[1], cell[2]) for cell in cells})


def overlay_sql(
    con: duckdb.DuckDBPyConnection, contract: Contract, period: str, version: int
) -> str:
    """Give landed rows with corrections laid over them; empty where there are none.

    The query has the landing table's columns and `rowid`.
    """
    corrected = _corrected(con, contract, period, version)
    if not corrected:
        return ""
    columns = ", ".join(
        f"coalesce(c.{quote(column.name)}, l.{quote(column.name)}) AS {quote(column.name)}"
        if column.name in corrected
        else f"l.{quote(column.name)}"
        for column in contract.columns
    )
    return f"""(
        SELECT l.rowid AS rowid, l.period, l.delivery_version, l.file, l.row_number, {columns}
        FROM landing.{quote(contract.key)} AS l
        LEFT JOIN ({_pivot(contract, period, version, corrected)}) AS c USING (file, row_number)
        WHERE l.period = {literal(period)} AND l.delivery_version = {int(version)})"""


def land_unread(
    con: duckdb.DuckDBPyConnection, contract: Contract, period: str, version: int
) -> int:
    """Land rows that could not be read, from their corrections. The caller holds a transaction.

    Returns:
        The rows landed; they leave the quarantine of stage `reading`, and the ledger says so.
    """
    corrected = _corrected(con, contract, period, version)
    if not corrected:
        return 0
    where = (
        f"period = {literal(period)} AND delivery_version = {int(version)} "
        f"AND dataset = {literal(contract.key)} AND stage = 'reading'"
    )
    names = ", ".join(quote(name) for name in corrected)
    pivot = _pivot(contract, period, version, corrected)
    landed = int(
        scalar(
            con,
            f"""
            INSERT INTO landing.{quote(contract.key)} BY NAME
            SELECT {literal(period)} AS period, {int(version)}::INTEGER AS delivery_version,
                file, row_number, {names}
            FROM ({pivot}) SEMI JOIN (FROM quarantine.rows WHERE {where}) USING (file, row_number)
            """,
        )
    )
    if landed:
        con.execute(
            f"DELETE FROM quarantine.rows WHERE {where} "
            f"AND (file, row_number) IN (SELECT (file, row_number) FROM ({pivot}))"
        )
        identity = [contract.key, period, version]
        con.execute(
            "UPDATE landing.delivery_files AS f SET rejected_rows = (SELECT count(*) "
            f"FROM quarantine.rows AS q WHERE {where} AND q.file = f.file) "
            "WHERE dataset = ? AND period = ? AND version = ?",
            identity,
        )
        con.execute(
            "UPDATE landing.deliveries SET rejected_rows = (SELECT count(*) "
            f"FROM quarantine.rows WHERE {where}) "
            "WHERE dataset = ? AND period = ? AND version = ?",
            identity,
        )
        seal(con, [Part(f"landing.{quote(contract.key)}", period, version)])
    return landed


def _corrected(
    con: duckdb.DuckDBPyConnection, contract: Contract, period: str, version: int
) -> list[str]:
    """List the columns that any row of a delivery has a correction of."""
    create_corrections(con)
    found = con.execute(
        f"SELECT DISTINCT column_name FROM {TABLE} "
        "WHERE dataset = ? AND period = ? AND delivery_version = ? ORDER BY ALL",
        [contract.key, period, version],
    ).fetchall()
    # A column that a later contract no longer has stays in the table and counts no more.
    return [str(name) for (name,) in found if contract.column(str(name))]


def _pivot(contract: Contract, period: str, version: int, columns: Iterable[str]) -> str:
    values = ", ".join(
        f"arg_max(value, correction_id) FILTER (column_name = {literal(name)}) AS {quote(name)}"
        for name in columns
    )
    return (
        f"SELECT file, row_number, {values} FROM {TABLE} WHERE dataset = {literal(contract.key)} "
        f"AND period = {literal(period)} AND delivery_version = {int(version)} "
        "GROUP BY file, row_number"
    )


_Cell = tuple[int, str, int, str, str]


def _cells(path: Path, contract: Contract) -> list[_Cell]:
    """Read the corrected cells: line, file, row, column, value."""
    if not path.is_file():
        raise UsageError(f"corrections file {path} does not exist")
    if path.stat().st_size > MAX_BYTES:
        raise UsageError(f"corrections file {path} is larger than {MAX_BYTES >> 20} MB; split it")
    workbook = path.suffix.lower() == ".xlsx"
    rows = _workbook(path, contract) if workbook else _csv(path)
    positions: dict[int, str] = {}
    found: list[_Cell] = []
    try:
        for line, row in rows:
            if not positions:
                positions = _header(row, contract, workbook)
                if not positions and not workbook:
                    break
                continue
            found += _of_row(path, line, row, positions)
            if line > MAX_ROWS:
                raise UsageError(f"{path} has more than {MAX_ROWS} rows; split it")
    except (UnicodeDecodeError, csv.Error):
        positions = {}
    if not positions:
        raise UsageError(
            f"{path} has no line of headings with `{HEADINGS[FILE]}` and `{HEADINGS[ROW]}` (or "
            f"`{FILE}` and `{ROW}`) for {contract.key}; write CSV in UTF-8, or fill in the "
            "workbook of `cakupan quarantine`"
        )
    return found


def _of_row(path: Path, line: int, row: list[str], positions: dict[int, str]) -> list[_Cell]:
    cells = {positions[i]: value.strip() for i, value in enumerate(row) if i in positions}
    file, number = cells.pop(FILE, ""), cells.pop(ROW, "")
    given = [(name, value) for name, value in cells.items() if value]
    if not given:
        return []
    number = re.sub(r"\.0$", "", number)
    if not file or not number.isdecimal():
        raise UsageError(f"{path} line {line}: file and row number must both be there")
    return [(line, file, int(number), name, value) for name, value in given]


def _header(row: list[str], contract: Contract, workbook: bool) -> dict[int, str]:
    """Find the columns by their headings; none where the line is no line of headings."""
    places = {HEADINGS[FILE]: FILE, FILE: FILE, HEADINGS[ROW]: ROW, ROW: ROW}
    found: dict[int, str] = {}
    for position, text in enumerate(row):
        name = text.strip().lower()
        if name in places:
            found[position] = places[name]
        elif name.startswith(CORRECTION_PREFIX) or not workbook:
            column = name.removeprefix(CORRECTION_PREFIX).strip()
            if contract.column(column):
                found[position] = column
    return found if {FILE, ROW} <= set(found.values()) else {}


def _csv(path: Path) -> Iterator[tuple[int, list[str]]]:
    with path.open(encoding="utf-8-sig", newline="") as stream:
        first = stream.readline()
        stream.seek(0)
        delimiter = ";" if first.count(";") > first.count(",") else ","
        yield from enumerate(csv.reader(stream, delimiter=delimiter), 1)


def _workbook(path: Path, contract: Contract) -> Iterator[tuple[int, list[str]]]:
    check_workbook(path, path.name)
    sheet: Any = None
    try:
        book = calamine.CalamineWorkbook.from_path(str(path))
        # A sheet's name has at most 31 characters.
        name = contract.key[:31]
        sheet = book.get_sheet_by_name(name) if name in book.sheet_names else None
    except calamine.CalamineError:
        sheet = None
    if sheet is None:
        raise DataRefused(
            f"{path.name} has no sheet {contract.key[:31]} that can be read; fill in the workbook "
            "of `cakupan quarantine`",
            code="UNREADABLE_FILE",
        )
    for line, row in enumerate(sheet.iter_rows(), 1):
        yield line, [_text(value) for value in row]


def _text(value: object) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return "" if value is None else str(value)
