"""Review by file: the queue as a spreadsheet for its owner, and the decisions that come back.

Belongs here: writing and reading these files. Does not belong here: whether a decision may be
made (review_store.check). A mother's name is never written: banks ask for it as a secret.
"""

from __future__ import annotations

import csv
import os
from pathlib import Path
from typing import Any

import duckdb

from matching.review_store import Decision
from warehouse.errors import CakupanError, DataRefused, UsageError
from warehouse.storage import text_key

_SHOWN = ("nik", "full_name", "sex", "birth_date", "birth_place", "region_code")
_KEYS = ("dataset", "record_id", "person_key", "evidence")
HEADER = (
    *_KEYS, "verdict", "note", "why", "reason", "probability", "priority",
    *(name for column in _SHOWN for name in (f"record_{column}", f"person_{column}")),
)  # fmt: skip
MAX_ROWS = 50_000
_MAX_BYTES = 64 << 20


def check_target(path: Path) -> Path:
    """Return where a file may be written.

    Raises:
        UsageError: it is neither .xlsx nor .csv, stands already, or has no folder.
    """
    if path.suffix.lower() not in {".xlsx", ".csv"}:
        raise UsageError(f"{path} is neither .xlsx nor .csv")
    if path.exists() or path.is_symlink():
        raise UsageError(f"{path} stands already: name a new file, or decisions may be lost")
    if not path.parent.is_dir():
        raise UsageError(f"there is no folder {path.parent}")
    return path


def export(con: duckdb.DuckDBPyConnection, table: str, target: Path, limit: int) -> int:
    """Write pairs with the values of both sides, for their owner alone (mode 0600).

    Args:
        con: the warehouse with the TEMP views of the period's inputs.
        table: temporary table `place`, `dataset`, `record_id`, `person_key`, `ppm`, `reason`,
            `why`, `priority`, `evidence`.
        target: a new .xlsx or .csv file.
        limit: rows at most.

    Returns:
        Rows written.

    Raises:
        UsageError: as `check_target`.
        CakupanError: the file cannot be written.
    """
    check_target(target)
    pairs = ", ".join(
        f"r.{name}::VARCHAR AS record_{name}, p.{name}::VARCHAR AS person_{name}" for name in _SHOWN
    )
    told = con.execute(
        f"""
        SELECT q.dataset, q.record_id, q.person_key::VARCHAR, q.evidence, '' AS verdict,
            '' AS note, q.why, q.reason, (q.ppm / 1e6)::VARCHAR AS probability,
            q.priority::VARCHAR, {pairs}
        FROM (FROM {table} ORDER BY place LIMIT {min(limit, MAX_ROWS)}) AS q
        JOIN in_person_records AS r ON r.dataset = q.dataset AND r.record_id = q.record_id
        LEFT JOIN (FROM in_population WHERE {text_key("nik")} IN
                (SELECT person_key FROM {table})
            QUALIFY row_number() OVER (PARTITION BY nik ORDER BY row_hash, record_id) = 1) AS p
            ON {text_key("p.nik")} = q.person_key
        ORDER BY q.place
        """
    ).fetchall()
    try:
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            if target.suffix.lower() == ".xlsx":
                _write_xlsx(file, told)
            else:
                _write_csv(file, told)
    except OSError as error:
        reason = error.strerror
    else:
        return len(told)
    raise CakupanError(f"{target} cannot be written ({reason})")


def _write_xlsx(file: Any, told: list[tuple[Any, ...]]) -> None:
    import xlsxwriter  # noqa: PLC0415 - only where asked for

    # As text throughout: long numbers keep their digits, and nothing is a formula.
    book = xlsxwriter.Workbook(file, {"in_memory": True})
    sheet = book.add_worksheet("review")
    for n, row in enumerate([HEADER, *told]):
        for place, value in enumerate(row):
            sheet.write_string(n, place, "" if value is None else str(value))
    sheet.freeze_panes(1, 0)
    book.close()


def _write_csv(file: Any, told: list[tuple[Any, ...]]) -> None:
    import io  # noqa: PLC0415

    with io.TextIOWrapper(file, encoding="utf-8-sig", newline="") as text:
        writer = csv.writer(text)
        writer.writerow(HEADER)
        for row in told:
            # A spreadsheet would run what looks like a formula.
            writer.writerow(
                ["'" + v if v and v[0] in "=+-@\t\r" else v for v in (x or "" for x in row)]
            )


def read(path: Path) -> tuple[list[Decision], list[int]]:
    """Read the decisions of a file; rows without a verdict were not decided and are passed over.

    Returns:
        The decisions, and for each the row of the file it stands in (the header is row 1).

    Raises:
        UsageError: there is no such file.
        DataRefused: it cannot be read, has no such columns, or a row names no record; every
            row at fault is told, without its values.
    """
    if not path.is_file():
        raise UsageError(f"there is no file {path}")
    if path.stat().st_size > _MAX_BYTES:
        raise DataRefused(f"{path.name} is larger than 64 MB", code="UNREADABLE_FILE")
    lines = _lines(path)
    header = [str(cell).strip().lower() for cell in lines[0]] if lines else []
    missing = [name for name in (*_KEYS, "verdict") if name not in header]
    if missing:
        raise DataRefused(
            f"{path.name}, row 1: there is no column {', '.join(missing)}: fill in the file "
            "that cakupan review export wrote",
            code="SCHEMA_DRIFT",
        )
    at = {name: header.index(name) for name in (*_KEYS, "verdict", "note") if name in header}
    decisions, places, faults = [], [], []
    for number, line in enumerate(lines[1:], start=2):
        cell = {
            name: str(line[n]).strip().removeprefix("'") if n < len(line) else ""
            for name, n in at.items()
        }
        if not cell["verdict"]:
            continue
        key = cell["person_key"]
        if not cell["dataset"] or not cell["record_id"]:
            faults.append(f"row {number}: dataset or record_id is empty")
        elif key and not (key.isascii() and key.isdigit() and int(key) < 1 << 64):
            faults.append(f"row {number}: person_key is no key; keep the column as text")
        else:
            decisions.append(
                Decision(
                    cell["dataset"],
                    cell["record_id"],
                    int(key) if key else None,
                    cell["verdict"].lower(),
                    cell["evidence"],
                    cell.get("note", ""),
                )
            )
            places.append(number)
    if faults:
        raise DataRefused(f"{path.name}: {'; '.join(faults[:20])}", code="SCHEMA_DRIFT")
    return decisions, places


def _lines(path: Path) -> list[list[Any]]:
    try:
        if path.suffix.lower() == ".xlsx":
            import python_calamine  # noqa: PLC0415 - only where asked for

            book = python_calamine.CalamineWorkbook.from_path(path)
            return book.get_sheet_by_index(0).to_python(skip_empty_area=False)
        with path.open(encoding="utf-8-sig", newline="") as file:
            return list(csv.reader(file, strict=True))
    except Exception:  # noqa: BLE001 - readers raise many kinds, and quote what they read
        kind = path.suffix or "a table"
    raise DataRefused(
        f"{path.name} cannot be read as {kind}: save it as .xlsx, or as .csv in UTF-8",
        code="UNREADABLE_FILE",
    )
