"""What the database of a linkage and Spark hand each other: Parquet in the linkage's folder.

Belongs here: writing and reading of tables by name. Does not belong here: what is in them.

So neither holds in memory what the other made, and every stage's result is computed once. The
machines of a cluster see the folder under the same path.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from matching.linker.spark.worker import Columns, received_sql, spark_schema
from warehouse.storage import literal

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

# A part of a file that one task reads: small enough that a few million rows keep every core busy.
PART_BYTES = "16m"


class Files:
    """Tables of one linkage, as folders of Parquet files.

    Args:
        con: the linkage's database.
        session: where Spark runs.
        folder: an empty folder.
    """

    def __init__(self, con: duckdb.DuckDBPyConnection, session: SparkSession, folder: Path) -> None:
        self._con, self.session, self._folder = con, session, folder.resolve()
        self._folder.mkdir(parents=True)
        session.conf.set("spark.sql.files.maxPartitionBytes", PART_BYTES)

    def path(self, name: str) -> str:
        """Give the pattern of a table's files, for DuckDB."""
        return f"{self._folder / name}/*.parquet"

    def keep(self, name: str, frame: DataFrame) -> DataFrame:
        """Write what Spark computes, and give it as a table to read."""
        frame.write.mode("overwrite").parquet(self._uri(name))
        return self.session.read.schema(frame.schema).parquet(self._uri(name))

    def send(self, name: str, query: str) -> DataFrame:
        """Write the rows of a query of the database, and give them to Spark."""
        target = self._folder / name
        target.mkdir(exist_ok=True)
        self._con.execute(
            f"COPY ({query}) TO {literal(str(target / 'part.parquet'))} (FORMAT parquet)"
        )
        return self.session.read.parquet(self._uri(name))

    def fetch(self, name: str, frame: DataFrame, columns: Columns, target: str) -> None:
        """Add the rows of a frame to a table of the database.

        Args:
            name: what the files are called.
            frame: with the columns, as they travel.
            columns: with the types that the table has.
            target: the table.
        """
        self.keep(name, frame)
        # Of no rows Spark may write no file.
        if any((self._folder / name).glob("*.parquet")):
            values = ", ".join(received_sql(column, kind) for column, kind in columns.items())
            self._con.execute(
                f"INSERT INTO {target} ({', '.join(columns)})"
                f" SELECT {values} FROM read_parquet({literal(self.path(name))})"
            )

    def _uri(self, name: str) -> str:
        return f"file://{self._folder / name}"


def mapped(frame: DataFrame, work: Callable[..., Any], columns: Columns) -> DataFrame:
    """Let workers turn batches of rows into others.

    Args:
        frame: the rows.
        work: one of `matching.linker.spark.worker`.
        columns: what it gives.
    """
    return frame.mapInArrow(work, spark_schema(columns))
