"""Reading CSV: header, delimiter, and the choice between the fast and the exact reader.

Belongs here: what is common to every delimited text file. Does not belong here: encodings
(text), the look at the whole file (scan), single records (records).

Nothing is left to DuckDB's sniffer: it would read a ragged or truncated file as one column,
skip a row for one byte, and take a doubled header, all without an error.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

from sources.contracts import Contract
from sources.files import headers
from sources.files.detection import Format
from sources.files.records import RecordReader
from sources.files.scan import MAX_RECORD_BYTES, Scan
from sources.files.staging import Staged, write_records, written_query
from sources.files.text import open_text
from warehouse.errors import DataRefused
from warehouse.storage import literal, quote

DELIMITERS = (",", ";", "\t", "|")


def stage(path: Path, name: str, form: Format, contract: Contract, work: Path) -> Staged:
    """Prepare a delimited text file for landing.

    Args:
        path: the kept file.
        name: its name in messages and in the landing table.
        form: `csv` or `csv.gz`.
        contract: the dataset's.
        work: folder for temporary files, removed by the caller.

    Returns:
        The rows as text.

    Raises:
        DataRefused: EMPTY_FILE, SCHEMA_DRIFT, BAD_ENCODING, PARTIAL_FILE, CORRUPT,
            UNSAFE_ARCHIVE or UNREADABLE_FILE.
    """
    text = open_text(path, name, form, contract.encoding)
    blocks = text.blocks
    first = _up_to_first_record(blocks)
    if not first.strip():
        raise DataRefused(f"{name} holds nothing but blank lines", code="EMPTY_FILE")
    names, delimiter, header_bytes = _header(first, name, contract)
    header = headers.match(names, contract, name)

    rows = work / "rows.csv"
    scan = Scan(delimiter, header.width)
    with rows.open("wb") as target:
        body = first[header_bytes:]
        while body:
            target.write(body)
            scan.feed(body)
            body = next(blocks, b"")
        scan.finish()
        if not scan.ends_with_newline and scan.regular:
            target.write(b"\n")

    columns = tuple(header.positions)
    if scan.regular and header.width > 1:
        return Staged(
            form,
            text.encoding,
            _regular_query(rows, delimiter, header),
            scan.records,
            columns,
            header.extra,
            regular=True,
        )
    written_to = work / "rows.parquet"
    with rows.open("rb") as stream:
        written = write_records(
            RecordReader(stream, delimiter, header.width), header.width, written_to
        )
    rows.unlink()
    if written.truncated:
        raise DataRefused(
            f"{name} is cut off: its last line (row {written.rows}) has fewer fields than the "
            "header and no line end; ask the provider to deliver it again",
            code="PARTIAL_FILE",
        )
    if 2 * written.badly_encoded > written.rows:
        raise DataRefused(
            f"{name}: {written.badly_encoded} of {written.rows} rows are not "
            f"{contract.encoding or 'UTF-8'}; declare the file's encoding in the contract of "
            f"{contract.key}, or ask for UTF-8",
            code="BAD_ENCODING",
        )
    query = written_query(written_to, header.positions)
    return Staged(form, text.encoding, query, written.rows, columns, header.extra)


def _up_to_first_record(blocks: Iterator[bytes]) -> bytes:
    """Read until the first record is surely in hand."""
    first = b""
    while len(first.lstrip()) <= MAX_RECORD_BYTES and (block := next(blocks, b"")):
        first += block
    return first


def _header(first: bytes, name: str, contract: Contract) -> tuple[list[str], str, int]:
    """Read the header under the delimiter that makes most sense of it.

    Returns:
        Its texts, the delimiter, and the number of bytes up to the first row.
    """
    best: tuple[int, int, list[str], str, int] | None = None
    for delimiter in (contract.delimiter,) if contract.delimiter else DELIMITERS:
        stream = io.BytesIO(first)
        reader = RecordReader(stream, delimiter)
        record = next(iter(reader), None)
        if record is None or record.reasons:
            if record and "BAD_ENCODING" in record.reasons:
                raise DataRefused(
                    f"{name}: the header is not {contract.encoding or 'UTF-8'}; declare the "
                    f"file's encoding in the contract of {contract.key}, or ask for UTF-8",
                    code="BAD_ENCODING",
                )
            continue
        score = headers.matches(record.fields, contract)
        found = (score, len(record.fields), record.fields, delimiter, stream.tell())
        if best is None or found[:2] > best[:2]:
            best = found
    if best is None:
        raise DataRefused(
            f"{name}: the first line cannot be read as a header; deliver CSV whose first line "
            "names the columns, without control characters or open quotes",
            code="SCHEMA_DRIFT",
        )
    return best[2], best[3], best[4]


def _regular_query(rows: Path, delimiter: str, header: headers.Header) -> str:
    """Give the DuckDB query over a regular file; nothing in it is sniffed."""
    columns = ", ".join(f"'c{place}': 'VARCHAR'" for place in range(header.width))
    chosen = "".join(f", c{place} AS {quote(n)}" for n, place in header.positions.items())
    return f"""
        SELECT row_number() OVER () AS row_number, NULL::VARCHAR[] AS reasons,
               NULL::VARCHAR AS raw{chosen}
        FROM read_csv({literal(str(rows))}, auto_detect = false, header = false, skip = 0,
            columns = {{{columns}}}, delim = {literal(delimiter)}, quote = '"', escape = '"',
            new_line = '\\n', comment = '', nullstr = '', allow_quoted_nulls = true,
            strict_mode = true, null_padding = false, ignore_errors = false, encoding = 'utf-8',
            compression = 'none', max_line_size = {2 * MAX_RECORD_BYTES},
            parallel = false)"""
