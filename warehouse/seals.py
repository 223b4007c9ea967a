"""Seals: what a table held when it was written, so that any later change is noticed.

Belongs here: counting rows and adding their checksum, keeping both beside the table's name, and
comparing. Does not belong here: which tables are sealed (the stages say so as they write) and
how stages are held against each other (reconciliation.py).

The checksum is the sum, as a 128-bit number, of a 64-bit hash of each row. A sum does not depend
on the order of rows; unlike an exclusive or, it does not cancel a row that stands twice; and it
adds up over parts, as counts do. DuckDB's own hash is ten times as fast as MD5, but it may
change between versions of the engine: a seal names its version, and one of another version is
compared by count alone and renewed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import duckdb

from warehouse.storage import constant, literal, quote, transaction

TABLE = "quality.seals"
"""Restricted; no table of a publication."""

# Tables of the stages that are held against their seals, beside those of coverage and quality.
STAGES = (
    "spine.persons",
    "spine.workers",
    "spine.employers",
    "linkage.person_links",
    "linkage.employer_links",
    "linkage.employer_identifiers",
)

_DDL = f"""
CREATE SCHEMA IF NOT EXISTS quality;
CREATE TABLE IF NOT EXISTS {TABLE} (
    place VARCHAR, dataset VARCHAR, period VARCHAR, version INTEGER, columns VARCHAR[],
    engine VARCHAR, rows BIGINT, checksum HUGEINT)
"""


@dataclass(frozen=True)
class Part:
    """The rows that one seal is about.

    Attributes:
        table: `schema.table`, quoted where it must be.
        period: the month of the rows.
        version: the delivery's version, where the rows are one delivery's.
        dataset: the dataset, where the table holds several.
    """

    table: str
    period: str
    version: int | None = None
    dataset: str | None = None

    @property
    def where(self) -> str:
        """The condition on the rows."""
        parts = [f"period = {literal(self.period)}"]
        if self.version is not None:
            parts.append(f"delivery_version = {self.version}")
        if self.dataset is not None:
            parts.append(f"dataset = {literal(self.dataset)}")
        return " AND ".join(parts)

    @property
    def key(self) -> tuple[str, str, str, int]:
        """What the seal is kept under."""
        return (self.table, self.dataset or "", self.period, self.version or 0)


@dataclass(frozen=True)
class Comparison:
    """Rows now, against their seal.

    Attributes:
        part: the rows.
        sealed: how many there were when they were written.
        found: how many there are.
        same: whether the checksums agree; None where there is no seal to compare with, or
            one that another version of the engine made.
    """

    part: Part
    sealed: int
    found: int
    same: bool | None


def seal(con: duckdb.DuckDBPyConnection, parts: Iterable[Part]) -> None:
    """Seal rows, in place of earlier seals of the same.

    To be called in the transaction that wrote them, or right after it.
    """
    con.execute(_DDL)
    for part in parts:
        columns = [str(row[0]) for row in con.execute(f"DESCRIBE {part.table}").fetchall()]
        rows, checksum = _content(con, part, columns)
        key = ", ".join(constant(value) for value in part.key)
        # The columns are kept, as a later contract may add one to the table.
        rest = ", ".join(constant(value) for value in (columns, duckdb.__version__, rows, checksum))
        con.execute(
            f"DELETE FROM {TABLE} WHERE (place, dataset, period, version) = ({key});"
            f"INSERT INTO {TABLE} VALUES ({key}, {rest})"
        )


def is_sealed(table: str) -> bool:
    """Tell whether the rows of a `schema.table` are sealed when they are written."""
    return table in STAGES or table.startswith(("coverage.", "quality."))


def compare(con: duckdb.DuckDBPyConnection, parts: Iterable[Part]) -> list[Comparison]:
    """Compare rows with their seals; where nothing can be compared, seal them as they are."""
    con.execute(_DDL)
    kept = {
        tuple(row[:4]): row[4:]
        for row in con.execute(
            f"SELECT place, dataset, period, version, columns, engine, rows, checksum FROM {TABLE}"
        ).fetchall()
    }
    results: list[Comparison] = []
    renew: list[Part] = []
    for part in parts:
        columns, engine, sealed, checksum = kept.get(part.key, (None, None, None, None))
        if columns is None:
            columns = [str(row[0]) for row in con.execute(f"DESCRIBE {part.table}").fetchall()]
        found, now = _content(con, part, columns)
        if sealed is None or (engine != duckdb.__version__ and found == sealed):
            renew.append(part)
        same = now == checksum if engine == duckdb.__version__ else None
        results.append(Comparison(part, found if sealed is None else int(sealed), found, same))
    if renew:
        with transaction(con):
            seal(con, renew)
    return results


def _content(con: duckdb.DuckDBPyConnection, part: Part, columns: list[str]) -> tuple[int, int]:
    hashed = ", ".join(quote(name) for name in columns)
    rows, checksum = con.execute(
        f"SELECT count(*), coalesce(sum(hash({hashed})::HUGEINT), 0) "
        f"FROM {part.table} WHERE {part.where}"
    ).fetchall()[0]
    return int(rows), int(checksum)
