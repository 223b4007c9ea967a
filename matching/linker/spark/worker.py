"""What a Spark worker does with a batch of rows: the linker's own SQL, in a database of its own.

Belongs here: functions for `mapInArrow`, and how columns travel between DuckDB and Spark. Does
not belong here: what a stage computes (standardise.py, comparing.py), or what Spark does itself:
joins and counts (sides.py, candidates.py).

Spark has no unsigned numbers: 64-bit hashes travel shifted, narrower ones in a wider type.
"""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import ClassVar

import duckdb
import pyarrow as pa

from matching.linker.blocking import Key, hash_sql
from matching.linker.chance import mates_sql
from matching.linker.comparing import compare_joined
from matching.linker.spec import NAMES, Spec
from matching.linker.standardise import count_side_words, counts_of, make_side
from matching.linker.tables import Scan
from matching.names import create_name_macros
from warehouse.reference import load_reference
from warehouse.storage import literal

# Rows that a task reads from a file, and rows of a batch.
TASK_ROWS = 200_000
BATCH_ROWS = 100_000

SPARK_TYPES = {
    "BIGINT": "bigint",
    "BOOLEAN": "boolean",
    "DOUBLE": "double",
    "FLOAT": "float",
    "INTEGER": "int",
    "TINYINT": "tinyint",
    "UBIGINT": "bigint",
    "UINTEGER": "bigint",
    "VARCHAR": "string",
}
_SHIFT = 2**63

Columns = dict[str, str]
"""Names of columns with their types in DuckDB."""


def spark_schema(columns: Columns) -> str:
    """Give the columns as Spark declares them."""
    return ", ".join(f"`{name}` {SPARK_TYPES[kind]}" for name, kind in columns.items())


def sent_sql(columns: Columns) -> str:
    """Give the select list of columns as they travel to Spark."""
    return ", ".join(
        f"({name}::HUGEINT - {_SHIFT})::BIGINT AS {name}"
        if kind == "UBIGINT"
        else f"{name}::BIGINT AS {name}"
        if kind == "UINTEGER"
        else name
        for name, kind in columns.items()
    )


def received_sql(name: str, kind: str) -> str:
    """Give SQL of a column that has come from Spark, by what it is called."""
    return f"({name}::HUGEINT + {_SHIFT})::UBIGINT" if kind == "UBIGINT" else f"{name}::{kind}"


def rows_from(relation: str, columns: Columns) -> str:
    """Give the query of columns that have come from Spark in a relation."""
    values = ", ".join(f"{received_sql(name, kind)} AS {name}" for name, kind in columns.items())
    return f"SELECT {values} FROM {relation}"


@functools.cache
def database() -> duckdb.DuckDBPyConnection:
    """Give this process's database, with the reference tables and the macros of names."""
    con = duckdb.connect(
        ":memory:",
        config={
            "threads": 1,
            "memory_limit": "2GB",
            "temp_directory": tempfile.mkdtemp(prefix="cakupan-worker-"),
            "preserve_insertion_order": False,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        },
    )
    load_reference(con)
    create_name_macros(con)
    return con


def _sent(con: duckdb.DuckDBPyConnection, query: str) -> Iterator[pa.RecordBatch]:
    yield from con.execute(query).to_arrow_reader(BATCH_ROWS)


def _batches(batches: Iterable[pa.RecordBatch]) -> Iterator[duckdb.DuckDBPyConnection]:
    """Give the database once for each batch that has rows, the batch as `lk_batch`."""
    con = database()
    for batch in batches:
        if batch.num_rows:
            con.register("lk_batch", pa.Table.from_batches([batch]))
            yield con
            con.unregister("lk_batch")


def _tasks(batches: Iterable[pa.RecordBatch], scan: Scan, side: str) -> Iterator[None]:
    """Make `lk_raw_<side>` of the rows of each task; tasks are numbered."""
    con = database()
    for batch in batches:
        for task in batch.column(0).to_pylist():
            rows = scan.rows_sql(task * TASK_ROWS, (task + 1) * TASK_ROWS)
            con.execute(f"CREATE OR REPLACE TABLE lk_raw_{side} AS {rows}")
            yield
    con.execute(f"DROP TABLE IF EXISTS lk_raw_{side}; DROP TABLE IF EXISTS lk_side")


@dataclass(frozen=True)
class CountWords:
    """Counts the words of the right side's names, by task.

    Takes numbers of tasks, gives `item`, `phonetic` and `n`; the names in all as a row without
    a word.
    """

    spec: Spec
    scan: Scan
    columns: ClassVar[Columns] = {"item": "INTEGER", "phonetic": "VARCHAR", "n": "BIGINT"}

    def __call__(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Give the rows of some batches."""
        con = database()
        for _ in _tasks(batches, self.scan, "r"):
            count_side_words(con, self.spec)
            for i, item in enumerate(self.spec.compare):
                if item.kind in NAMES:
                    yield from _sent(
                        con,
                        f"SELECT {i}::INTEGER AS item, phonetic, n FROM {counts_of(i)} UNION ALL"
                        f" SELECT {i}, NULL, max(total) FROM {counts_of(i)} HAVING count(*) > 0",
                    )


@dataclass(frozen=True)
class MakeSide:
    """Gives the comparable forms of one side's rows; takes numbers of tasks.

    Attributes:
        spec: what is compared.
        side: `l` or `r`.
        scan: its rows.
        words: path of Parquet files of what `CountWords` counted, all tasks together.
        columns: what is given.
    """

    spec: Spec
    side: str
    scan: Scan
    words: str
    columns: Columns

    def __call__(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Give the rows of some batches."""
        con = database()
        load_words(con, self.spec, self.words)
        for _ in _tasks(batches, self.scan, self.side):
            make_side(con, self.spec, self.side, counted=True)
            yield from _sent(con, f"SELECT {sent_sql(self.columns)} FROM lk_side")


def load_words(con: duckdb.DuckDBPyConnection, spec: Spec, words: str | None) -> None:
    """Make the tables of how often words stand, of Parquet files; without any, empty ones."""
    for i, item in enumerate(spec.compare):
        if item.kind in NAMES:
            source = "(SELECT 0 AS item, '' AS phonetic, 0 AS n) WHERE false"
            if words is not None:
                source = f"read_parquet({literal(words)}) WHERE item = {i}"
            con.execute(
                f"CREATE OR REPLACE TEMP TABLE {counts_of(i)} AS"
                f" SELECT phonetic, n, (SELECT max(n) FROM (SELECT phonetic, n FROM {source})"
                f" WHERE phonetic IS NULL) AS total FROM (SELECT phonetic, n FROM {source})"
                " WHERE phonetic IS NOT NULL"
            )


def side_columns(spec: Spec, side: str, scan: Scan) -> Columns:
    """Give the columns of `lk_side`."""
    con = database()
    con.execute(f"CREATE OR REPLACE TABLE lk_raw_{side} AS {scan.rows_sql(0, 0)}")
    load_words(con, spec, None)
    make_side(con, spec, side, counted=True)
    columns = {row[0]: row[1] for row in con.execute("DESCRIBE lk_side").fetchall()}
    con.execute(f"DROP TABLE lk_raw_{side}; DROP TABLE lk_side")
    return columns


@dataclass(frozen=True)
class FindKeys:
    """Gives what rows are found by: `rule`, the number of the rule, `key` and the row's `id`.

    Attributes:
        side: `l` or `r`.
        given: columns of the side that it takes.
        rules: each some keys together.
    """

    side: str
    given: Columns
    rules: tuple[tuple[Key, ...], ...]
    columns: ClassVar[Columns] = {"rule": "INTEGER", "key": "UBIGINT", "id": "BIGINT"}

    def __call__(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Give the rows of some batches."""
        for con in _batches(batches):
            con.execute(
                f"CREATE OR REPLACE TEMP TABLE lk_keyed AS {rows_from('lk_batch', self.given)}"
            )
            for number, rule in enumerate(self.rules):
                key = hash_sql(rule, self.side)
                yield from _sent(
                    con,
                    f"SELECT {number}::INTEGER AS rule, {sent_sql({'key': 'UBIGINT'})}, id"
                    f" FROM (SELECT {key} AS key, {self.side}.id FROM lk_keyed AS {self.side})"
                    " WHERE key IS NOT NULL",
                )


@dataclass(frozen=True)
class CompareRows:
    """Compares pairs of rows: takes `id`, `person_key` and both rows as structs `l` and `r`.

    Attributes:
        spec: what is compared.
        left: columns of the left row.
        right: columns of the right row.
        rows: right rows in all.
        columns: what is given, of the levels or of the query.
        scored: query over the levels `lk_compared`; without one, these are given.
    """

    spec: Spec
    left: Columns
    right: Columns
    rows: int
    columns: Columns
    scored: str | None = None

    def __call__(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Give the rows of some batches."""
        sides = ", ".join(
            f"struct_pack({', '.join(self._fields(name, columns))}) AS {name}"
            for name, columns in (("l", self.left), ("r", self.right))
        )
        joined = f"(SELECT id, person_key::UBIGINT AS person_key, {sides} FROM lk_batch) AS p"
        for con in _batches(batches):
            compare_joined(con, self.spec, joined, "lk_compared", self.rows)
            query = self.scored or "FROM lk_compared"
            yield from _sent(
                con,
                f"SELECT {sent_sql(self.columns | {'person_key': 'BIGINT'})}"
                f" FROM (SELECT * REPLACE (person_key::BIGINT AS person_key) FROM ({query}))",
            )

    @staticmethod
    def _fields(side: str, columns: Columns) -> list[str]:
        return [
            f"{name} := {received_sql(f'{side}.{name}', kind)}" for name, kind in columns.items()
        ]


@dataclass(frozen=True)
class FindMates:
    """Gives of each batch the `id` of those rows that others are paired with who share columns.

    Attributes:
        way: the columns.
        given: the columns that it takes, `id` among them.
        rows: right rows in all.
    """

    way: tuple[str, ...]
    given: Columns
    rows: int
    columns: ClassVar[Columns] = {"id": "BIGINT"}

    def __call__(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Give the rows of some batches."""
        for con in _batches(batches):
            given = f"({rows_from('lk_batch', self.given)})"
            yield from _sent(con, f"SELECT id FROM ({mates_sql(self.way, self.rows, given)})")
