"""Reading the two tables of a linkage, and refusing those that cannot be linked.

Belongs here: files, columns and identifiers. Does not belong here: what the values of
compared columns mean (standardise.py).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import duckdb

from matching.linker.spec import Spec
from warehouse.errors import DataRefused, UsageError
from warehouse.storage import literal, quote, scalar


@dataclass(frozen=True)
class Scan:
    """How the rows of a file are read anywhere, some at a time.

    Attributes:
        file: path of a Parquet file.
        numbers: path of a Parquet file: `lk_row`, the number of the row that stands at `lk_place`,
            by places.
        chosen: its columns, as SQL.
        rows: how many rows there are.
    """

    file: str
    numbers: str
    chosen: str
    rows: int

    def rows_sql(self, start: int, stop: int) -> str:
        """Give the query of the rows at places from `start` to before `stop`."""
        places = f">= {start} AND {{0}} < {stop}"
        return (
            f"SELECT lk_row, {self.chosen}"
            f" FROM (FROM read_parquet({literal(self.file)}, file_row_number = true)"
            f" WHERE file_row_number {places.format('file_row_number')})"
            f" JOIN (FROM read_parquet({literal(self.numbers)})"
            f" WHERE lk_place {places.format('lk_place')}) ON lk_place = file_row_number"
        )


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
    source, chosen = _described(con, file, what, columns, optional)
    return _number(con, target, columns[0], chosen, source, file, what)


def number_file(
    con: duckdb.DuckDBPyConnection,
    file: Path,
    what: str,
    target: str,
    columns: list[str],
    optional: frozenset[str],
    folder: Path,
) -> Scan:
    """Read of a file the identifiers alone, and where each row stands; check the rest of it.

    Args:
        con: the linkage's database.
        file: the file.
        what: what messages call it.
        target: table to make: `lk_row`, the identifier, and the row's place as `lk_place`.
        columns: as for `read_file`.
        optional: as for `read_file`.
        folder: where a CSV file is written as Parquet, which can be read from any row on, and the
            rows' numbers.

    Returns:
        How others read the rest.

    Raises:
        UsageError: as `read_file`.
        DataRefused: as `read_file`.
    """
    source, chosen = _described(con, file, what, columns, optional)
    path = file.resolve()
    if not source.startswith("read_parquet"):
        path = folder / f"{target}.parquet"
        if not _done(con, f"COPY (FROM {source}) TO {literal(str(path))} (FORMAT parquet)"):
            raise _unreadable(file, what)
    source = f"read_parquet({literal(str(path))}, file_row_number = true)"
    kept = f"{quote(columns[0])}, file_row_number AS lk_place"
    rows = _number(con, target, columns[0], kept, source, file, what)
    numbers = folder / f"{target}_numbers.parquet"
    con.execute(
        f"COPY (SELECT lk_place, lk_row FROM {target} ORDER BY lk_place)"
        f" TO {literal(str(numbers))} (FORMAT parquet)"
    )
    return Scan(str(path), str(numbers), chosen, rows)


def _described(
    con: duckdb.DuckDBPyConnection,
    file: Path,
    what: str,
    columns: list[str],
    optional: frozenset[str],
) -> tuple[str, str]:
    """Give what a file is read by, and its columns, as SQL."""
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
    return source, chosen


def _number(
    con: duckdb.DuckDBPyConnection,
    target: str,
    key: str,
    chosen: str,
    source: str,
    file: Path,
    what: str,
) -> int:
    """Make a table of a file's rows, with their number `lk_row` in the order of a column."""
    if not _done(
        con,
        f"CREATE OR REPLACE TABLE {target} AS SELECT row_number() OVER"
        f" (ORDER BY {quote(key)}) - 1 AS lk_row, {chosen} FROM {source}",
    ):
        raise _unreadable(file, what)
    rows = int(scalar(con, f"SELECT count(*) FROM {target}"))
    if not rows:
        raise DataRefused(f"{what} {file.name}: has a header but no rows", code="EMPTY_FILE")
    return rows


def _done(con: duckdb.DuckDBPyConnection, statement: str) -> bool:
    """Run a statement; tell whether it could be, without DuckDB's text."""
    try:
        con.execute(statement)
    except duckdb.Error:
        return False
    return True


def read_tables(
    con: duckdb.DuckDBPyConnection,
    spec: Spec,
    left: Path,
    right: Path,
    read: Callable[..., int] = read_file,
) -> tuple[int, int]:
    """Read both tables into `lk_raw_l` and `lk_raw_r`; where they are one file, it is read once.

    Args:
        con: the linkage's database.
        spec: names the columns.
        left: file of the left table.
        right: file of the right table.
        read: `read_file`, or what takes its place.

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
        rows[side] = read(con, file, what, f"lk_raw_{side}", columns, optional)
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
