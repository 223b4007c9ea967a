"""Reading Parquet: its native types become the text a CSV would hold.

Belongs here: Parquet files, whoever wrote them. Does not belong here: the rules of the
text (staging).
"""

from __future__ import annotations

from pathlib import Path

import duckdb

from sources.contracts import Contract
from sources.files import headers
from sources.files.archives import MAX_RATIO, RATIO_APPLIES_FROM
from sources.files.staging import Staged, checked_query, text_of
from warehouse.errors import DataRefused
from warehouse.storage import literal, quote, scalar


def stage(con: duckdb.DuckDBPyConnection, path: Path, name: str, contract: Contract) -> Staged:
    """Prepare a Parquet file for landing.

    Returns:
        The rows as text.

    Raises:
        DataRefused: CORRUPT, UNSAFE_ARCHIVE or SCHEMA_DRIFT.
    """
    source = literal(str(path))
    relation = (
        f"read_parquet({source}, file_row_number = true, binary_as_string = true, "
        "hive_partitioning = false)"
    )
    described: list[tuple[str, str]] = []
    rows: int | None = None
    try:
        described = [
            (str(row[0]), str(row[1]))
            for row in con.execute(f"DESCRIBE SELECT * FROM {relation}").fetchall()
        ]
        rows = int(scalar(con, f"SELECT num_rows FROM parquet_file_metadata({source})"))
    except duckdb.Error:
        rows = None
    if rows is None:
        raise corrupt(name)
    delivered = described[:-1]  # the last one is file_row_number
    header = headers.match([column for column, _ in delivered], contract, name)
    texts = {
        column: text_of(
            quote(delivered[place][0]), delivered[place][1], decimal_comma=contract.decimal_comma
        )
        for column, place in header.positions.items()
    }
    _check_size(con, path, name, relation, delivered, header)
    query = checked_query(texts, "file_row_number + 1", relation)
    return Staged("parquet", None, query, rows, tuple(texts), header.extra)


def _check_size(
    con: duckdb.DuckDBPyConnection,
    path: Path,
    name: str,
    relation: str,
    delivered: list[tuple[str, str]],
    header: headers.Header,
) -> None:
    """Refuse a small file that unfolds into a huge table: one value repeated costs no bytes.

    Raises:
        DataRefused: UNSAFE_ARCHIVE beyond the ratio that packed text may have, CORRUPT.
    """
    taken = [delivered[place] for place in header.positions.values()]
    sizes = [
        f"coalesce(sum(strlen({quote(column)})), 0)" if kind == "VARCHAR" else "count(*)"
        for column, kind in taken
    ]
    size: int | None = None
    try:
        size = int(scalar(con, f"SELECT {' + '.join(sizes)} FROM {relation}"))
    except duckdb.OutOfMemoryException:
        raise
    except duckdb.Error:
        size = None
    if size is None:
        raise corrupt(name)
    if size > RATIO_APPLIES_FROM and size > MAX_RATIO * path.stat().st_size:
        raise DataRefused(
            f"{name} unfolds to more than {MAX_RATIO} times its size and was not read; deliver "
            "a table of which every row has its own key",
            code="UNSAFE_ARCHIVE",
        )


def corrupt(name: str) -> DataRefused:
    """Give the refusal of a damaged Parquet file."""
    return DataRefused(
        f"{name}: the Parquet file is damaged; ask the provider to deliver it again",
        code="CORRUPT",
    )
