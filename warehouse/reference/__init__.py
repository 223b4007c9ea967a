"""Reference tables: codes, rates, denominators and word lists, each row with its source.

Belongs here: the rows (`data/*.csv`), what their columns mean (`tables.yaml`), and loading
both into the schema `reference`. Does not belong here: `reference.datasets`, which follows
from the contracts, and any rule that uses a table.

Facts come from laws, decrees and published statistics named row by row in `source`; where a
row is an own mapping or an estimate, `source` says so and `confidence` is low.
"""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path

import duckdb

from warehouse.documents import load_yaml
from warehouse.errors import DataRefused, UsageError
from warehouse.storage import count, literal, quote, rows_sql, transaction

_SAKERNAS_REQUIRED = ("survey_period", "employed")


@dataclass(frozen=True)
class ReferenceColumn:
    """One column of a reference table.

    Attributes:
        name: column name.
        sql_type: DuckDB type; a list type is split from text by a semicolon.
        id: what it means, in Indonesian.
        en: what it means, in English.
    """

    name: str
    sql_type: str
    id: str
    en: str

    @property
    def cast(self) -> str:
        """SQL expression that turns the delivered text into the column's type."""
        column = quote(self.name)
        if self.sql_type == "VARCHAR[]":
            return f"coalesce(string_split({column}, ';'), []) AS {column}"
        return f"{column}::{self.sql_type} AS {column}"


@dataclass(frozen=True)
class ReferenceTable:
    """One table of the schema `reference`.

    Attributes:
        name: table name.
        id: what it holds, in Indonesian.
        en: what it holds, in English.
        columns: its columns in order.
    """

    name: str
    id: str
    en: str
    columns: tuple[ReferenceColumn, ...]

    @property
    def qualified(self) -> str:
        """`reference.name`."""
        return f"reference.{quote(self.name)}"

    @property
    def column_names(self) -> list[str]:
        """Names of the columns in order."""
        return [column.name for column in self.columns]

    def statements(self) -> list[str]:
        """Give the statements that make the table anew, empty and commented."""
        columns = ", ".join(f"{quote(c.name)} {c.sql_type}" for c in self.columns)
        return [
            f"CREATE OR REPLACE TABLE {self.qualified} ({columns})",
            f"COMMENT ON TABLE {self.qualified} IS {literal(f'ID: {self.id} | EN: {self.en}')}",
            *(
                f"COMMENT ON COLUMN {self.qualified}.{quote(c.name)} "
                f"IS {literal(f'ID: {c.id} | EN: {c.en}')}"
                for c in self.columns
            ),
        ]


@cache
def reference_tables() -> dict[str, ReferenceTable]:
    """Read what the reference tables are.

    Returns:
        Tables by name, in the order of `tables.yaml`.
    """
    text = files("warehouse.reference").joinpath("tables.yaml").read_text(encoding="utf-8")
    raw = load_yaml(text)
    common = raw.pop("_common")
    tables = {}
    for name, entry in raw.items():
        columns = tuple(
            ReferenceColumn(column, *(common[column] if meaning is None else meaning))
            for column, meaning in entry["columns"].items()
        )
        tables[name] = ReferenceTable(name, entry["id"], entry["en"], columns)
    return tables


def reference_rows(name: str) -> list[dict[str, str]]:
    """Read the shipped rows of one table as text, without a database.

    Args:
        name: table name.

    Returns:
        One dict a row, by column; an empty cell is an empty text.

    Raises:
        KeyError: there is no such table.
        ValueError: the file's header is not what `tables.yaml` says.
    """
    table = reference_tables()[name]
    path = files("warehouse.reference").joinpath("data", f"{name}.csv")
    with path.open(encoding="utf-8") as file:
        reader = csv.DictReader(file, strict=True)
        if list(reader.fieldnames or ()) != table.column_names:
            raise ValueError(f"reference/data/{name}.csv: its header differs from tables.yaml")
        return list(reader)


@cache
def nik_provinces() -> tuple[str, ...]:
    """Give the province codes that a NIK may begin with: today's and former ones.

    Returns:
        Two-digit codes in order, with 54 (Timor Timur), whose NIKs are still carried.
    """
    return tuple(sorted({row["code"][:2] for row in reference_rows("region_codes")}))


def load_reference(
    con: duckdb.DuckDBPyConnection, *, only: Collection[str] | None = None
) -> dict[str, int]:
    """Make and fill the reference tables, all or none. May be repeated.

    Own denominators loaded by `load_sakernas` are replaced by the national ones: load them
    again afterwards.

    Args:
        con: the restricted warehouse, or any DuckDB connection.
        only: the tables wanted, where not all are.

    Returns:
        Number of rows by table.
    """
    con.execute("CREATE SCHEMA IF NOT EXISTS reference")
    counts = {}
    with transaction(con):
        for name, table in reference_tables().items():
            if only is not None and name not in only:
                continue
            for statement in table.statements():
                con.execute(statement)
            counts[name] = _insert(con, table, reference_rows(name))
    return counts


def load_sakernas(con: duckdb.DuckDBPyConnection, file: Path) -> int:
    """Replace the denominators by those of a CSV file, such as a sample world's.

    Args:
        con: a connection on which `load_reference` has run.
        file: UTF-8 CSV with the columns of `reference.sakernas`, in any order; `survey_period`
            and `employed` are required, a missing one of the others is empty.

    Returns:
        Number of rows loaded.

    Raises:
        UsageError: there is no such file.
        DataRefused: a column is unknown or missing, or a cell cannot be read.
    """
    table = reference_tables()["sakernas"]
    if not file.is_file():
        raise UsageError(f"denominators: there is no file {file}")
    try:
        with file.open(encoding="utf-8-sig", newline="") as handle:
            reader = csv.DictReader(handle, strict=True)
            header = list(reader.fieldnames or ())
            rows = list(reader)
    except (UnicodeDecodeError, csv.Error):
        header, rows = [], None
    if rows is None:
        raise DataRefused(f"{file.name}: not a UTF-8 CSV file", code="UNREADABLE_FILE")
    for name in header:
        if name not in table.column_names:
            raise DataRefused(
                f"{file.name}: unknown column {name!r}; the columns are "
                f"{', '.join(table.column_names)}",
                code="SCHEMA_DRIFT",
            )
    for name in _SAKERNAS_REQUIRED:
        if name not in header:
            raise DataRefused(f"{file.name}: the column {name} is missing", code="SCHEMA_DRIFT")
    _check_sakernas(file.name, rows)
    with transaction(con):
        con.execute(f"DELETE FROM {table.qualified}")
        return _insert(con, table, rows)


def _check_sakernas(file: str, rows: Iterable[dict[str, str]]) -> None:
    """Refuse the first row whose dimensions or figure make no sense."""
    provinces = {row["province_code"] for row in reference_rows("provinces")}
    regencies = {row["regency_code"] for row in reference_rows("regencies")}
    sectors = {row["sector_code"] for row in reference_rows("sectors")}
    seen = set()
    for number, row in enumerate(rows, start=1):
        if None in row or None in row.values():
            raise DataRefused(
                f"{file}, row {number}: another number of fields than the header",
                code="RAGGED_ROW",
            )
        period = row["survey_period"]
        if not (
            len(period) == 7
            and period[4] == "-"
            and (period[:4] + period[5:]).isascii()
            and (period[:4] + period[5:]).isdigit()
            and "01" <= period[5:] <= "12"
        ):
            raise DataRefused(
                f"{file}, row {number}: survey_period is not a month YYYY-MM", code="BAD_DATE"
            )
        employed = row["employed"]
        if not (employed.isascii() and employed.isdigit() and len(employed) <= 10):
            raise DataRefused(
                f"{file}, row {number}: employed is not a whole number of persons",
                code="BAD_NUMBER",
            )
        for column, known in (
            ("province_code", provinces),
            ("regency_code", regencies),
            ("sector_code", sectors),
        ):
            value = row.get(column, "")
            if value and value not in known:
                raise DataRefused(
                    f"{file}, row {number}: {column} {value!r} is unknown; see reference."
                    f"{'sectors' if column == 'sector_code' else 'regencies'}",
                    code="UNKNOWN_VALUE",
                )
        cell = (period, *(row.get(c, "") for c in ("province_code", "regency_code", "sector_code")))
        if cell in seen:
            raise DataRefused(f"{file}, row {number}: the cell is given twice", code="SUPERSEDED")
        seen.add(cell)


def _insert(
    con: duckdb.DuckDBPyConnection, table: ReferenceTable, rows: list[dict[str, str]]
) -> int:
    """Insert rows of text with the table's types; an empty text is NULL."""
    if rows:
        values = ([row.get(name) or None for name in table.column_names] for row in rows)
        casts = ", ".join(column.cast for column in table.columns)
        con.execute(
            f"INSERT INTO {table.qualified} BY NAME"
            f" SELECT {casts} FROM {rows_sql(values, table.column_names)}"
        )
    return count(con, table.qualified)
