"""Reading XLSX workbooks: the first visible sheet with data, its cells as text.

Belongs here: sheets, headers over several rows, typed cells. Does not belong here: the
safety of the zip container (archives).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, islice
from pathlib import Path

import python_calamine as calamine

from sources.contracts import Contract
from sources.files import headers
from sources.files.archives import check_workbook
from sources.files.records import Record, visible
from sources.files.scan import CONTROL_BYTES, MAX_FIELD_BYTES, MAX_RECORD_BYTES
from sources.files.staging import Staged, write_records, written_query
from sources.files.values import Cell, cell_text
from warehouse.errors import DataRefused

HEADER_SEARCHED_ROWS = 20
_CONTROL = {chr(byte) for byte in CONTROL_BYTES}


def stage(path: Path, name: str, contract: Contract, work: Path) -> Staged:
    """Prepare a workbook for landing.

    Args:
        path: the kept file.
        name: its name in messages and in the landing table.
        contract: the dataset's.
        work: folder for temporary files, removed by the caller.

    Returns:
        The rows as text; wholly empty rows are no rows.

    Raises:
        DataRefused: UNSAFE_ARCHIVE, PASSWORD_PROTECTED, UNREADABLE_FILE, CORRUPT, EMPTY_FILE
            or SCHEMA_DRIFT.
    """
    check_workbook(path, name)
    cells = _first_sheet(path, name)
    top = [_texts(row, contract) for row in islice(cells, HEADER_SEARCHED_ROWS)]
    header, below = _header(top, name, contract)
    rest = chain(top[below:], (_texts(row, contract) for row in cells))
    written_to = work / "rows.parquet"
    written = write_records(_records(rest, header.width), header.width, written_to)
    query = written_query(written_to, header.positions)
    return Staged("xlsx", None, query, written.rows, tuple(header.positions), header.extra)


def _first_sheet(path: Path, name: str) -> Iterator[list[Cell]]:
    problem: DataRefused | None = None
    try:
        with path.open("rb") as stream:
            book = calamine.CalamineWorkbook.from_filelike(stream)
            for sheet in book.sheets_metadata:
                if (
                    sheet.visible is calamine.SheetVisibleEnum.Visible
                    and sheet.typ is calamine.SheetTypeEnum.WorkSheet
                ):
                    found = book.get_sheet_by_name(sheet.name)
                    if found.start is not None:
                        return iter(found.iter_rows())
        problem = DataRefused(f"{name}: no visible sheet holds any data", code="EMPTY_FILE")
    except calamine.PasswordError:
        problem = DataRefused(
            f"{name} is protected by a password; deliver it without one", code="PASSWORD_PROTECTED"
        )
    except (calamine.CalamineError, OSError, ValueError):
        problem = _corrupt(name)
    except BaseException as error:
        # The reader's own failure on a damaged file; no subclass of Exception, and not exported.
        if type(error).__name__ != "PanicException":
            raise
        problem = _corrupt(name)
    raise problem


def _corrupt(name: str) -> DataRefused:
    return DataRefused(
        f"{name}: the workbook is damaged; ask the provider to deliver it again", code="CORRUPT"
    )


def _header(top: Sequence[list[str]], name: str, contract: Contract) -> tuple[headers.Header, int]:
    """Find the header below titles, over one row or two merged ones.

    Returns:
        The matched header and the number of rows above the data.
    """
    candidates: list[tuple[int, int, int, list[str]]] = []
    for place, row in enumerate(top):
        candidates.append((headers.matches(row, contract), -place, place + 1, row))
        if place + 1 < len(top):
            merged = [low or high for high, low in zip(row, top[place + 1], strict=False)]
            score = headers.matches(merged, contract)
            # The lower row has titles only where columns are split; values would be data.
            lower = [text for text in top[place + 1] if text]
            if lower and headers.matches(lower, contract) == len(lower):
                candidates.append((score, -place, place + 2, merged))
    best = max(candidates, key=lambda candidate: candidate[:2], default=None)
    if best is None:
        raise DataRefused(f"{name}: no visible sheet holds any data", code="EMPTY_FILE")
    return headers.match(best[3], contract, name), best[2]


def _records(rows: Iterator[list[str]], width: int) -> Iterator[Record]:
    for row in rows:
        if not any(row):
            continue
        texts = [*row[:width], *[""] * (width - len(row))]
        reasons = []
        if any(not _CONTROL.isdisjoint(text) for text in texts):
            reasons.append("CONTROL_CHARACTERS")
        if sum(map(len, texts)) > MAX_FIELD_BYTES // 4:
            sizes = [len(text.encode()) for text in texts]
            if max(sizes) > MAX_FIELD_BYTES or sum(sizes) > MAX_RECORD_BYTES:
                reasons.append("FIELD_TOO_LONG")
        yield Record([], reasons, visible("\t".join(texts))) if reasons else Record(texts)


def _texts(row: Sequence[Cell], contract: Contract) -> list[str]:
    return [
        cell if isinstance(cell, str) else cell_text(cell, decimal_comma=contract.decimal_comma)
        for cell in row
    ]
