"""What every file reader gives: a query over the file's rows as text, and their number.

Belongs here: the shape of that query, the writer for readers that go through Python, and
the SQL that turns native types into text and finds rows that cannot be taken. Does not
belong here: any one format.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from sources.files.detection import Format
from sources.files.records import MAX_RAW_CHARACTERS, Record
from sources.files.scan import MAX_FIELD_BYTES, MAX_RECORD_BYTES
from warehouse.storage import literal, quote

BATCH_ROWS = 8_192
_EXACT_DOUBLE = 9_007_199_254_740_992  # 2^53: beyond it a DOUBLE skips whole numbers
_EXACT_FLOAT = 16_777_216  # 2^24, the same for FLOAT


@dataclass(frozen=True)
class Staged:
    """One file, ready to be landed.

    Attributes:
        form: its format.
        encoding: text encoding it came in, None where the format has none.
        query: gives `row_number`, `reasons` (list, empty or NULL for a good row), `raw`, and
            the canonical columns that the file has, as text.
        rows: rows in the file, unreadable ones included, counted apart from the query.
        columns: canonical names of the columns it has.
        extra: header texts the contract does not know.
        regular: no row can have a reason.
    """

    form: Format
    encoding: str | None
    query: str
    rows: int
    columns: tuple[str, ...]
    extra: tuple[str, ...]
    regular: bool = False


@dataclass(frozen=True)
class WrittenRecords:
    """Counts of `write_records`.

    Attributes:
        rows: records written, unreadable ones included.
        badly_encoded: those of them with BAD_ENCODING.
        truncated: whether the file ends within the last of them.
    """

    rows: int
    badly_encoded: int
    truncated: bool


def write_records(records: Iterable[Record], width: int, target: Path) -> WrittenRecords:
    """Write records into a temporary Parquet file, batch by batch.

    Its columns are `row_number`, `reasons`, `raw`, and `c0`, `c1`, ... as text.
    """
    schema = pa.schema(
        [("row_number", pa.int64()), ("reasons", pa.list_(pa.string())), ("raw", pa.string())]
        + [(f"c{place}", pa.string()) for place in range(width)]
    )
    blank = [None] * width
    rows = badly_encoded = 0
    truncated = False
    batch: list[Record] = []
    batch_bytes = 0
    with pq.ParquetWriter(target, schema, compression="lz4") as writer:

        def flush() -> None:
            first = rows - len(batch) + 1
            texts: list[Sequence[str | None]] = [r.fields or blank for r in batch]
            columns = list(zip(*texts, strict=True)) if batch else [() for _ in range(width)]
            arrays = [
                pa.array(range(first, rows + 1), pa.int64()),
                pa.array([r.reasons for r in batch], pa.list_(pa.string())),
                pa.array([r.raw for r in batch], pa.string()),
                *(pa.array(column, pa.string()) for column in columns),
            ]
            writer.write_batch(pa.record_batch(arrays, schema=schema))

        for record in records:
            rows += 1
            badly_encoded += "BAD_ENCODING" in record.reasons
            truncated = record.truncated
            batch.append(record)
            batch_bytes += len(record.raw or "") + sum(map(len, record.fields))
            if len(batch) >= BATCH_ROWS or batch_bytes > (32 << 20):
                flush()
                batch, batch_bytes = [], 0
        flush()
    return WrittenRecords(rows, badly_encoded, truncated)


def written_query(target: Path, positions: dict[str, int]) -> str:
    """Give the query of `Staged` over what `write_records` wrote."""
    columns = "".join(
        f", nullif(c{place}, '') AS {quote(name)}" for name, place in positions.items()
    )
    return f"SELECT row_number, reasons, raw{columns} FROM read_parquet({literal(str(target))})"


def text_of(column: str, sql_type: str, *, decimal_comma: bool) -> str:
    """Give the SQL that turns a native value into the text a CSV would hold.

    Args:
        column: quoted column name.
        sql_type: its DuckDB type.
        decimal_comma: whether numbers of this dataset are written with a decimal comma.

    Returns:
        SQL of type VARCHAR: dates ISO 8601, whole numbers without fraction, numbers that may
        have lost digits in exponent form, list elements joined by commas.
    """
    kind = sql_type.upper()
    if kind.endswith("]"):
        return f"array_to_string({column}::VARCHAR[], ',')"
    if kind in ("DOUBLE", "FLOAT"):
        exact = _EXACT_DOUBLE if kind == "DOUBLE" else _EXACT_FLOAT
        other = _number(f"{column}::VARCHAR", decimal_comma)
        # DuckDB would print a large one as 9171920101900002.0, like a number with all its digits.
        return (
            f"CASE WHEN isnan({column}) THEN NULL WHEN abs({column}) >= {exact} "
            f"THEN format('{{:.14E}}', {column}::DOUBLE) WHEN {column} = trunc({column}) "
            f"THEN {column}::BIGINT::VARCHAR ELSE {other} END"
        )
    if kind.startswith("DECIMAL"):
        return _number(f"regexp_replace({column}::VARCHAR, '\\.0+$', '')", decimal_comma)
    if kind == "TIMESTAMP WITH TIME ZONE":
        # Midnight in UTC or in one of Indonesia's three zones was a date.
        utc = f"make_timestamp(epoch_us({column}))"
        cases = " ".join(
            f"WHEN {_is_midnight(f'({utc} + INTERVAL {hours} HOUR)')} "
            f"THEN ({utc} + INTERVAL {hours} HOUR)::DATE::VARCHAR"
            for hours in (0, 7, 8, 9)
        )
        return f"CASE {cases} ELSE strftime({utc} + INTERVAL 7 HOUR, '%Y-%m-%d %H:%M:%S') END"
    if kind.startswith("TIMESTAMP"):
        plain = f"{column}::TIMESTAMP"
        return (
            f"CASE WHEN {_is_midnight(plain)} THEN {plain}::DATE::VARCHAR "
            f"ELSE strftime({plain}, '%Y-%m-%d %H:%M:%S') END"
        )
    return f"{column}::VARCHAR"


def _is_midnight(timestamp: str) -> str:
    return f"{timestamp} = date_trunc('day', {timestamp})"


def _number(text: str, decimal_comma: bool) -> str:
    return f"replace({text}, '.', ',')" if decimal_comma else text


def checked_query(columns: dict[str, str], row_number: str, relation: str) -> str:
    """Give the query of `Staged` over native columns, finding rows that cannot be taken.

    Args:
        columns: canonical name to the SQL of its text.
        row_number: SQL of the row number.
        relation: what follows FROM.
    """
    texts = ", ".join(f"nullif({sql}, '') AS {quote(name)}" for name, sql in columns.items())
    names = [quote(name) for name in columns]
    joined = f"concat_ws(chr(10), {', '.join(names)})"
    longest = f"greatest({', '.join(f'strlen({name})' for name in names)})"
    raw = ", ".join(f"{literal(name)}, {quote(name)}" for name in columns)
    return f"""
        SELECT row_number, list_filter([
                 CASE WHEN regexp_matches({joined}, '[\\x00-\\x08\\x0B\\x0C\\x0E-\\x1F\\x7F]')
                      THEN 'CONTROL_CHARACTERS' END,
                 CASE WHEN {longest} > {MAX_FIELD_BYTES} OR strlen({joined}) > {MAX_RECORD_BYTES}
                      THEN 'FIELD_TOO_LONG' END], lambda code : code IS NOT NULL) AS reasons,
               left(json_object({raw})::VARCHAR, {MAX_RAW_CHARACTERS}) AS raw, {", ".join(names)}
        FROM (SELECT {row_number} AS row_number, {texts} FROM {relation})"""
