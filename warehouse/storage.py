"""Writing tables of the restricted warehouse, one period at a time, whole or not at all.

Belongs here: the few ways a table may change. Does not belong here: what is written.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import duckdb


def quote(identifier: str) -> str:
    """Quote an SQL identifier."""
    return '"' + identifier.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Quote an SQL text literal."""
    return "'" + text.replace("'", "''") + "'"


def constant(value: object) -> str:
    """Write a value as an SQL literal.

    DuckDB loads pandas for the first parameter that is bound, which takes longer than linking
    ten thousand records. What every run does therefore writes its few small values out.

    Args:
        value: None, a bool, int, float, date, text, or a list of them.

    Raises:
        TypeError: it is none of these.
    """
    if value is None:
        return "NULL"
    if isinstance(value, bool | int | float):
        return str(value) if not isinstance(value, float) else f"'{value!r}'::DOUBLE"
    if isinstance(value, dt.date) and not isinstance(value, dt.datetime):
        return f"DATE '{value.isoformat()}'"
    if isinstance(value, str):
        return literal(value)
    if isinstance(value, list | tuple):
        return f"[{', '.join(constant(each) for each in value)}]"
    raise TypeError(f"a {type(value).__name__} has no SQL literal here")


def rows_sql(rows: Iterable[Sequence[object]], columns: Sequence[str]) -> str:
    """Give the relation of some rows of values, at least one, as a query's `FROM` takes it."""
    values = ", ".join(f"({', '.join(constant(value) for value in row)})" for row in rows)
    return f"(VALUES {values}) AS given({', '.join(quote(name) for name in columns)})"


def text_key(text: str) -> str:
    """Give the SQL expression of a text's key: the number that its MD5 begins with.

    The same as `md5_number_lower(text)`, which takes DuckDB 1.5 three times as long.

    Args:
        text: an SQL expression of a text.

    Returns:
        An expression of a UBIGINT, NULL where the text is.
    """
    return f"(md5_number({text}) >> 64)::UBIGINT"


@contextmanager
def transaction(con: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Run a block in one transaction; roll back where it raises."""
    con.execute("BEGIN TRANSACTION")
    try:
        yield
    except BaseException:
        con.execute("ROLLBACK")
        raise
    con.execute("COMMIT")


def scalar(con: duckdb.DuckDBPyConnection, sql: str, parameters: object = None) -> Any:
    """Run a query that gives one row and return its first value."""
    row = con.execute(sql, parameters).fetchone()
    if row is None:
        raise LookupError("the query gave no row")
    return row[0]


def count(con: duckdb.DuckDBPyConnection, relation: str, where: str = "true") -> int:
    """Count the rows of a table or view."""
    return int(scalar(con, f"SELECT count(*) FROM {relation} WHERE {where}"))


def set_comments(
    con: duckdb.DuckDBPyConnection,
    schema: str,
    table: str,
    comment: str,
    columns: Mapping[str, str],
) -> None:
    """Set the comments of a table and its columns where they are not what they should be.

    Together, and only what differs: each comment alone waits for the disk, and a dataset has
    some thirty.

    Args:
        con: the warehouse, with no transaction open.
        schema: the table's schema.
        table: the table's name; it must exist.
        comment: of the table.
        columns: comment by column name.
    """
    present = dict(
        con.execute(
            "SELECT column_name, comment FROM duckdb_columns() WHERE database_name = "
            "current_database() AND schema_name = $1 AND table_name = $2 "
            "UNION ALL SELECT '', comment FROM duckdb_tables() WHERE database_name = "
            "current_database() AND schema_name = $1 AND table_name = $2",
            [schema, table],
        ).fetchall()
    )
    target = f"{quote(schema)}.{quote(table)}"
    statements = [
        f"COMMENT ON COLUMN {target}.{quote(name)} IS {literal(text)}"
        for name, text in columns.items()
        if present.get(name) != text
    ]
    if present.get("") != comment:
        statements.append(f"COMMENT ON TABLE {target} IS {literal(comment)}")
    if statements:
        with transaction(con):
            con.execute(";\n".join(statements))


def replace_period(
    con: duckdb.DuckDBPyConnection,
    table: str,
    period: str,
    select_sql: str,
    *,
    where: str = "true",
) -> int:
    """Replace the rows of one period of a table by a query's rows, in one transaction.

    Args:
        con: the warehouse.
        table: `schema.table`; it must exist and have a column `period`.
        period: the month whose rows go.
        select_sql: gives the new rows; columns are matched by name.
        where: a further condition on the rows that go (such as one dataset's).

    Returns:
        The number of rows written.
    """
    # Seals are kept by what stands here.
    from warehouse import seals  # noqa: PLC0415

    with transaction(con):
        con.execute(f"DELETE FROM {table} WHERE period = {literal(period)} AND ({where})")
        con.execute(f"INSERT INTO {table} BY NAME {select_sql}")
        if seals.is_sealed(table):
            # Who replaces rows on purpose seals them anew; any other change is noticed.
            seals.seal(con, [seals.Part(table, period)])
        return count(con, table, f"period = {literal(period)} AND ({where})")


def run_sql_file(con: duckdb.DuckDBPyConnection, path: Path | Traversable) -> None:
    """Run every statement of an SQL file. Parameters come from `getvariable`."""
    con.execute(path.read_text(encoding="utf-8"))
