"""Reading the tables of an extract from a release, cut to what a contract gives.

Belongs here: columns, rows and months of one table for one or many regions, as Arrow. Does
not belong here: writing, and lists of employers or persons (lists.py), which do not come from
the release.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from publishing.extracts.contracts import ExtractContract, ExtractTable
from publishing.extracts.recipients import Recipient
from warehouse.connection import check_period
from warehouse.errors import GateBlocked
from warehouse.storage import literal, quote

SCHEMA = "release"

_REGION_COLUMN = {"province": "province_code", "regency": "regency_code"}


class Release:
    """A release opened read-only, with what it holds.

    Use it as a context manager; each process has its own.
    """

    def __init__(self, file: Path, *, threads: int = 1) -> None:
        self.file = file
        self._con = duckdb.connect(
            str(file),
            read_only=True,
            config={"threads": threads, "memory_limit": "1GB", "autoload_known_extensions": False},
        )
        # The file is called release.duckdb, so a two-part name could mean its schema or itself.
        self._schema = f"{quote(file.stem)}.{SCHEMA}"
        self.tables: dict[str, dict[str, str]] = {}
        for table, column, kind in self._con.execute(
            "SELECT table_name, column_name, data_type FROM duckdb_columns() "
            "WHERE database_name = ? AND schema_name = ? ORDER BY column_index",
            [file.stem, SCHEMA],
        ).fetchall():
            self.tables.setdefault(table, {})[column] = kind

    def __enter__(self) -> Release:
        return self

    def __exit__(self, *_: object) -> None:
        self._con.close()

    def read(
        self,
        contract: ExtractContract,
        table: ExtractTable,
        period: str,
        regions: Sequence[str] = (),
    ) -> pa.Table | None:
        """Read a table's rows for some regions of a contract, or for the nation.

        Args:
            contract: says which sectors and clauses are the addressee's own.
            table: the table as the contract gives it.
            period: the last month.
            regions: codes of the regions that are served together.

        Returns:
            The rows in the order of the columns, or None where the release has no such table.

        Raises:
            GateBlocked: the release lacks a column that the contract names, or the contract
                narrows a table by a column that the table does not have.
        """
        has = self.tables.get(table.name)
        if has is None:
            return None
        missing = [column.name for column in table.columns if column.name not in has]
        if missing:
            raise GateBlocked(
                f"the release {self.file} has no column {missing[0]} in {table.name}, which the "
                f"contract of addressee {contract.addressee_id} names; nothing was made. Publish "
                "the month again with this version, or correct the contract and its version."
            )
        where = [f"period <= {literal(check_period(period))}"] if "period" in has else []
        if "period" in has:
            where.append(f"period > {literal(_months_before(period, table.months))}")
        for name in table.rows:
            column, values = self._filter(contract, table, name, regions, has)
            listed = ", ".join(literal(value) for value in values) or "NULL"
            where.append(f"{quote(column)} IN ({listed})")
        columns = ", ".join(_cast(column.name, has[column.name]) for column in table.columns)
        order = ", ".join(
            quote(column.name)
            for column in table.columns
            if column.kind not in ("persons", "rate", "boolean")
        )
        reader = self._con.execute(
            f"SELECT {columns} FROM {self._schema}.{quote(table.name)} "
            f"WHERE {' AND '.join(where) or 'true'} ORDER BY {order or 'ALL'}"
        )
        return reader.to_arrow_table()

    def _filter(
        self,
        contract: ExtractContract,
        table: ExtractTable,
        name: str,
        regions: Sequence[str],
        has: dict[str, str],
    ) -> tuple[str, Sequence[str]]:
        if name == "sector":
            column, values = "sector_code", list(contract.sectors)
        elif name == "clause":
            column, values = "clause", list(contract.clauses)
        elif name == "dataset":
            column, values = "dataset", list(contract.datasets)
        elif name == "region":
            column, values = _REGION_COLUMN[contract.region_scope], sorted(regions)
        else:
            column, values = "province_code", sorted({code[:2] for code in regions})
        if column not in has:
            raise GateBlocked(
                f"the contract of addressee {contract.addressee_id} narrows {table.name} by "
                f"{column}, which the release {self.file} does not have; nothing was made"
            )
        return column, values


def of_recipient(
    rows: pa.Table, contract: ExtractContract, table: ExtractTable, recipient: Recipient
) -> pa.Table:
    """Give the rows of one recipient from those of all that were read together."""
    if "region" in table.rows:
        column, code = _REGION_COLUMN[contract.region_scope], recipient.region_code
    elif "province" in table.rows:
        column, code = "province_code", recipient.province_code
    else:
        return rows
    return rows.filter(pc.equal(rows.column(column), code))


def _months_before(period: str, months: int) -> str:
    year, month = (int(part) for part in period.split("-"))
    number = year * 12 + month - 1 - months
    return f"{number // 12:04d}-{number % 12 + 1:02d}"


def _cast(column: str, kind: str) -> str:
    """Give a column in a type that every format can hold: lists become one text."""
    name = quote(column)
    if kind.endswith("[]"):
        return f"array_to_string({name}, '; ') AS {name}"
    if kind.startswith("DECIMAL"):
        return f"{name}::DOUBLE AS {name}"
    return name
