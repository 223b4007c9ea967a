"""Specifications of the published tables: each table once, in a YAML file beside this one.

Belongs here: reading the specifications, and the DDL and comments that follow from them.
Does not belong here: how the tables are filled (warehouse/sql), or what their columns mean
(warehouse/columns.yaml).

A specification file maps a table name to:

    schema: coverage              # coverage, quality or reference
    grain: [period, ...]          # the columns that identify a row
    columns: [workers, ...]       # the others, in order
    id: ...                       # what the table shows, in Indonesian
    en: ...                       # the same in English
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import duckdb

from warehouse.columns import ColumnMeaning, meaning
from warehouse.documents import load_yaml
from warehouse.storage import literal, quote, transaction


@dataclass(frozen=True)
class TableSpec:
    """One published table.

    Attributes:
        name: table name, unique among all specifications.
        schema: `coverage`, `quality` or `reference`.
        grain: names of the columns that identify a row.
        columns: names of the other columns, in their order.
        id: what the table shows, in Indonesian.
        en: what the table shows, in English.
    """

    name: str
    schema: str
    grain: tuple[str, ...]
    columns: tuple[str, ...]
    id: str
    en: str

    @property
    def qualified(self) -> str:
        """`schema.table`."""
        return f"{self.schema}.{self.name}"

    @property
    def meanings(self) -> tuple[ColumnMeaning, ...]:
        """Every column of the table, grain first, with its meaning."""
        return tuple(meaning(name) for name in (*self.grain, *self.columns))

    @property
    def comment(self) -> str:
        """The table's comment in both languages."""
        return f"ID: {self.id} | EN: {self.en}"

    def ddl(self, qualified: str | None = None) -> str:
        """Give `CREATE TABLE IF NOT EXISTS` with the canonical types."""
        columns = ", ".join(f"{quote(c.name)} {c.sql_type}" for c in self.meanings)
        return f"CREATE TABLE IF NOT EXISTS {qualified or self.qualified} ({columns})"

    def comments(self, qualified: str | None = None) -> str:
        """Give the `COMMENT ON` statements of table and columns."""
        target = qualified or self.qualified
        statements = [f"COMMENT ON TABLE {target} IS {literal(self.comment)}"]
        statements += [
            f"COMMENT ON COLUMN {target}.{quote(c.name)} IS {literal(c.comment)}"
            for c in self.meanings
        ]
        return ";\n".join(statements)


@cache
def table_specs() -> dict[str, TableSpec]:
    """Read every specification.

    Returns:
        Specifications by table name.

    Raises:
        ValueError: a table is specified twice or repeats a column.
        KeyError: a table names a column that the dictionary does not have.
    """
    specs: dict[str, TableSpec] = {}
    for file in sorted(files("warehouse.tables").iterdir(), key=lambda entry: entry.name):
        if not file.name.endswith(".yaml"):
            continue
        for name, raw in (load_yaml(file.read_text(encoding="utf-8")) or {}).items():
            if name in specs:
                raise ValueError(f"{file.name}: table {name} is specified a second time")
            spec = TableSpec(
                name=name,
                schema=raw["schema"],
                grain=tuple(raw["grain"]),
                columns=tuple(raw["columns"]),
                id=raw["id"],
                en=raw["en"],
            )
            names = [column.name for column in spec.meanings]
            if len(set(names)) != len(names):
                raise ValueError(f"{file.name}: table {name} repeats a column")
            specs[name] = spec
    return specs


def create_tables(con: duckdb.DuckDBPyConnection) -> None:
    """Create every specified table or column that is missing, and set the comments."""
    # In one transaction: hundreds of comments, each waiting for the disk, take a second.
    with transaction(con):
        standing = {
            (f"{schema}.{table}", column)
            for schema, table, column in con.execute(
                "SELECT schema_name, table_name, column_name FROM duckdb_columns() "
                "WHERE database_name = current_database()"
            ).fetchall()
        }
        tables = {table for table, _ in standing}
        for spec in table_specs().values():
            con.execute(spec.ddl())
            # A home that an earlier version made: its rows know nothing of a later column.
            for column in spec.meanings if spec.qualified in tables else ():
                if (spec.qualified, column.name) not in standing:
                    con.execute(
                        f"ALTER TABLE {spec.qualified} "
                        f"ADD COLUMN {quote(column.name)} {column.sql_type}"
                    )
            con.execute(spec.comments())
