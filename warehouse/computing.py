"""Computing tables from SQL files: steps, checked selections, writing whole, clearing up.

Belongs here: what every stage does that runs SQL files over TEMP tables and ends in TEMP views
`out_*`, one for each specified table. Does not belong here: which files and tables (coverage.py,
compliance.py), or what any of them means (warehouse/sql).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import partial
from importlib.resources import files

import duckdb

from warehouse.errors import CakupanError
from warehouse.seals import Part, seal
from warehouse.storage import quote, run_sql_file, transaction
from warehouse.tables import TableSpec

Log = Callable[[str], None]


def step(stage: str, name: str, action: Callable[[], object]) -> None:
    """Run one step; DuckDB's own message may quote a row, so only its class is told.

    Raises:
        CakupanError: the step failed in the database.
    """
    fault = ""
    try:
        action()
    except duckdb.Error as error:
        fault = type(error).__name__
    if fault:
        raise CakupanError(
            f"{stage} step {name} failed ({fault}); no table was changed. "
            "Check that inputs, spine and links of the period were made by this version, "
            "then run the step in the DuckDB shell on the restricted home for the details."
        )


def run_folder(
    con: duckdb.DuckDBPyConnection,
    stage: str,
    folder: str,
    log: Log | None = None,
    only: Iterable[str] = (),
) -> None:
    """Run the SQL files of `warehouse/sql/<folder>` in order of their names.

    Args:
        con: the warehouse.
        stage: how the stage is called in errors.
        folder: name of the folder.
        log: told the name of each file as it ends.
        only: names of the files to run; all where empty.
    """
    wanted = set(only)
    place = files("warehouse").joinpath("sql", folder)
    for file in sorted(place.iterdir(), key=lambda entry: entry.name):
        if file.name.endswith(".sql") and (not wanted or file.name in wanted):
            step(stage, file.name, partial(run_sql_file, con, file))
            if log is not None:
                log(file.name.removesuffix(".sql"))


def make_views(con: duckdb.DuckDBPyConnection, stage: str, views: dict[str, str]) -> None:
    """Make TEMP views, by name and query."""
    for name, select in views.items():
        step(stage, name, partial(con.execute, f"CREATE OR REPLACE TEMP VIEW {name} AS {select}"))


def selection(con: duckdb.DuckDBPyConnection, spec: TableSpec) -> str:
    """Give the query that fills a table, once its view has exactly the specified columns.

    Raises:
        ValueError: the view has other columns.
    """
    view = f"out_{spec.name}"
    made = [row[0] for row in con.execute(f"DESCRIBE {view}").fetchall()]
    wanted = [*spec.grain, *spec.columns]
    missing = [name for name in wanted if name not in made]
    extra = [name for name in made if name not in wanted]
    if missing or extra:
        raise ValueError(
            f"{view} and the specification of {spec.qualified} differ: "
            f"missing in the view {missing or 'nothing'}, not specified {extra or 'nothing'}"
        )
    return f"SELECT {', '.join(quote(name) for name in wanted)} FROM {view}"


def write(
    con: duckdb.DuckDBPyConnection,
    period: str,
    specs: Iterable[TableSpec],
    selections: dict[str, str],
    restricted: dict[str, str],
) -> None:
    """Replace the period in every table, in one transaction.

    Args:
        con: the warehouse.
        period: the month.
        specs: specifications of the tables in `selections`.
        selections: query by qualified table name.
        restricted: view by the name of a table that has no specification.
    """
    with transaction(con):
        standing = {
            f"{schema}.{name}"
            for schema, name in con.execute(
                "SELECT schema_name, table_name FROM duckdb_tables()"
            ).fetchall()
        }
        for spec in specs:
            if spec.qualified not in standing:
                con.execute(spec.ddl())
                con.execute(spec.comments())
        for table, view in restricted.items():
            con.execute(f"CREATE TABLE IF NOT EXISTS {table} AS SELECT * FROM {view} LIMIT 0")
        whole = selections | {table: f"SELECT * FROM {view}" for table, view in restricted.items()}
        for table, select in whole.items():
            con.execute(f"DELETE FROM {table} WHERE period = ?", [period])
            con.execute(f"INSERT INTO {table} BY NAME {select}")
        seal(con, [Part(table, period) for table in whole])


def write_beside(
    con: duckdb.DuckDBPyConnection,
    schema: str,
    specs: Iterable[TableSpec],
    restricted: dict[str, str],
) -> None:
    """Write every table of the period anew into a schema of its own, under its plain name."""
    create = "CREATE OR REPLACE TABLE"
    if schema == "temp":
        create = "CREATE OR REPLACE TEMP TABLE"
    else:
        con.execute(f"CREATE SCHEMA IF NOT EXISTS {quote(schema)}")
    for spec in specs:
        select = selection(con, spec)
        typed = ", ".join(
            f"{quote(c.name)}::{c.sql_type} AS {quote(c.name)}" for c in spec.meanings
        )
        con.execute(f"{create} {quote(schema)}.{spec.name} AS SELECT {typed} FROM ({select})")
    for table, view in restricted.items():
        name = table.split(".")[-1]
        con.execute(f"{create} {quote(schema)}.{name} AS SELECT * FROM {view}")


def clear(con: duckdb.DuckDBPyConnection, own: re.Pattern[str]) -> None:
    """Drop every TEMP object whose whole name fits `own`."""
    for kind, query in (
        ("VIEW", "SELECT view_name FROM duckdb_views() WHERE temporary AND NOT internal"),
        ("TABLE", "SELECT table_name FROM duckdb_tables() WHERE temporary"),
        (
            "MACRO",
            "SELECT DISTINCT function_name FROM duckdb_functions() "
            "WHERE database_name = 'temp' AND function_type = 'macro' AND NOT internal",
        ),
    ):
        for (name,) in con.execute(query).fetchall():
            if own.fullmatch(name):
                con.execute(f"DROP {kind} IF EXISTS temp.{quote(name)}")
