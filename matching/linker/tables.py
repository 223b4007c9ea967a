"""Reading the two tables of a linkage, and refusing those that cannot be linked.

Belongs here: files, columns and identifiers. Does not belong here: what the values of
compared columns mean (standardise.py).
"""

from __future__ import annotations

from pathlib import Path

import duckdb

from matching.linker.spec import Spec
from warehouse.errors import DataRefused, UsageError
from warehouse.storage import literal, quote, scalar


def _source(file: Path, what: str) -> str:
    if not file.is_file():
        raise UsageError(f"{what}: there is no file {file}")
    if file.stat().st_size == 0:
        raise DataRefused(f"{what} {file.name}: the file is empty", code="EMPTY_FILE")
    with file.open("rb") as handle:
        parquet = handle.read(4) == b"PAR1"
    if parquet:
        return f"read_parquet({literal(str(file))})"
    if file.suffix.lower() in (".parquet", ".pq"):
        raise _unreadable(file, what)
    # Everything as text: 0012 is not 12, and what an identifier is, its column says.
    return f"read_csv({literal(str(file))}, all_varchar = true, header = true)"


def _unreadable(file: Path, what: str) -> DataRefused:
    return DataRefused(
        f"{what} {file.name}: cannot be read; give Parquet, or CSV in UTF-8 with a header line and "
        "as many cells in every line",
        code="UNREADABLE_FILE",
    )


def read_file(
    con: duckdb.DuckDBPyConnection,
    file: Path,
    what: str,
    target: str,
    columns: list[str],
    optional: frozenset[str] = frozenset(),
) -> int:
    """Read the columns of a CSV or Parquet file into a table, with a row number `id`.

    Args:
        con: the linkage's database.
        file: the file.
        what: what messages call it: LEFT, RIGHT, TRUTH.
        target: table to make.
        columns: those that are read; the first one orders the rows.
        optional: those of them that the file may lack; then they are NULL in all rows.

    Returns:
        The number of rows.

    Raises:
        UsageError: there is no such file, or a column is missing.
        DataRefused: the file is empty or cannot be read.
    """
    source = _source(file, what)
    try:
        known = [row[0] for row in con.execute(f"DESCRIBE FROM {source}").fetchall()]
    except duckdb.Error:
        known = None
    # DuckDB's text may quote a line of the file, so that it is not passed on.
    if known is None:
        raise _unreadable(file, what)
    missing = [name for name in dict.fromkeys(columns) if name not in (*known, *optional)]
    if missing:
        raise UsageError(
            f"{what} {file.name}: has no column {', '.join(map(repr, missing))}; its columns are "
            f"{', '.join(known)}"
        )
    chosen = ", ".join(
        quote(name) if name in known else f"NULL::VARCHAR AS {quote(name)}"
        for name in dict.fromkeys(columns)
    )
    failed = False
    try:
        con.execute(
            f"CREATE OR REPLACE TABLE {target} AS SELECT row_number() OVER"
            f" (ORDER BY {quote(columns[0])}) - 1 AS lk_row, {chosen} FROM {source}"
        )
    except duckdb.Error:
        failed = True
    if failed:
        raise _unreadable(file, what)
    rows = int(scalar(con, f"SELECT count(*) FROM {target}"))
    if not rows:
        raise DataRefused(f"{what} {file.name}: has a header but no rows", code="EMPTY_FILE")
    return rows


def read_tables(
    con: duckdb.DuckDBPyConnection, spec: Spec, left: Path, right: Path
) -> tuple[int, int]:
    """Read both tables into `lk_raw_l` and `lk_raw_r`; where they are one file, it is read once.

    Returns:
        The rows of both.

    Raises:
        UsageError: a file or column is missing, or an identifier is missing or stands twice.
        DataRefused: a file is empty or cannot be read.
    """
    sides = {"r": (right, "RIGHT", spec.right.id), "l": (left, "LEFT", spec.left.id)}
    if same_file(left, right):
        if spec.left.id != spec.right.id:
            raise UsageError(
                "a table linked with itself has one identifier: left.id and right.id differ"
            )
        if any(item.of("l") != item.of("r") for item in spec.compare):
            raise UsageError(
                "a table linked with itself is compared by the same columns on both sides"
            )
        del sides["l"]
    rows = {}
    for side, (file, what, key) in sides.items():
        columns = [key, *(column for item in spec.compare for column in item.of(side))]
        needed = {key, *(c for item in spec.compare if not item.optional for c in item.of(side))}
        optional = frozenset(columns) - needed
        rows[side] = read_file(con, file, what, f"lk_raw_{side}", columns, optional)
        _check_identifier(con, f"lk_raw_{side}", f"{what} {file.name}", key)
    return rows.get("l", rows["r"]), rows["r"]


def same_file(left: Path, right: Path) -> bool:
    """Tell whether a table is linked with itself."""
    return left.exists() and right.exists() and left.samefile(right)


def _check_identifier(con: duckdb.DuckDBPyConnection, table: str, where: str, column: str) -> None:
    key = quote(column)
    total, known, different = con.execute(
        f"SELECT count(*), count({key}), count(DISTINCT {key}) FROM {table}"
    ).fetchall()[0]
    if known < total:
        raise UsageError(
            f"{where}: {total - known} rows have no {column!r}; every row needs its identifier"
        )
    if different < known:
        raise UsageError(
            f"{where}: {column!r} does not tell rows apart: {known - different} rows repeat a "
            "value; name another column as id, or take the repeated rows out"
        )
