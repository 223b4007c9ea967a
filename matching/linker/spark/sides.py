"""The two sides of a linkage in Spark: standardised by workers, counted by Spark.

Belongs here: the tables of both sides, and how common their values are. Does not belong here:
what a value becomes or what its commonness is taken to be (standardise.py), nor which rows are
compared (candidates.py).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import duckdb

from matching.linker.chance import Spread, spread_of
from matching.linker.spark.files import Files, mapped
from matching.linker.spark.worker import (
    TASK_ROWS,
    Columns,
    CountWords,
    MakeSide,
    side_columns,
)
from matching.linker.spec import IDENTIFIERS, NAMES, Spec
from matching.linker.standardise import SHARED, alone_sql, key_of, taken_sql
from matching.linker.tables import Scan

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


@dataclass(frozen=True)
class Side:
    """One side's rows: `matching.linker.standardise` tells of the columns."""

    frame: DataFrame
    columns: Columns


def make_sides(
    con: duckdb.DuckDBPyConnection, files: Files, spec: Spec, scans: dict[str, Scan]
) -> tuple[Side, Side, list[Spread]]:
    """Make both sides.

    Args:
        con: the linkage's database.
        files: where the tables are kept.
        spec: what is compared.
        scans: by side, how the rows of its file are read; only `r` where there is one table.

    Returns:
        The left and the right side, and how the values of the right are spread.
    """
    words = _tasks(files, scans["r"])
    counter = CountWords(spec, scans["r"])
    counted = mapped(words, counter, counter.columns).groupBy("item", "phonetic").agg({"n": "sum"})
    files.keep("words", counted.withColumnRenamed("sum(n)", "n"))
    right, spread = _counted(con, files, spec, _standardised(files, spec, "r", scans["r"]))
    if "l" not in scans:
        return right, right, spread
    return _without_fillers(files, spec, _standardised(files, spec, "l", scans["l"])), right, spread


def _tasks(files: Files, scan: Scan) -> DataFrame:
    tasks = math.ceil(scan.rows / TASK_ROWS)
    return files.session.range(0, tasks, 1, tasks)


def _standardised(files: Files, spec: Spec, side: str, scan: Scan) -> Side:
    columns = side_columns(spec, side, scan)
    work = MakeSide(spec, side, scan, files.path("words"), columns)
    return Side(files.keep(f"side_{side}", mapped(_tasks(files, scan), work, columns)), columns)


def _values(files: Files, side: Side, key: str, name: str) -> DataFrame:
    """Count the rows of each value of a column."""
    found = side.frame.where(f"{key} IS NOT NULL").groupBy(key).count()
    return files.keep(name, found.withColumnRenamed("count", "n"))


def _without_fillers(files: Files, spec: Spec, side: Side) -> Side:
    """Take out the identifiers that too many rows share."""
    frame = side.frame
    for i, item in enumerate(spec.compare):
        if item.kind in IDENTIFIERS:
            values = _values(files, side, f"f{i}", f"values_l{i}").where(f"n > {SHARED}")
            fillers = values.selectExpr(f"f{i}", "true AS filler")
            frame = frame.join(fillers, f"f{i}", "left").selectExpr(
                *(name for name in side.columns if name != f"f{i}"),
                f"CASE WHEN filler THEN NULL ELSE f{i} END AS f{i}",
            )
    return Side(files.keep("left", frame.select(*side.columns)), side.columns)


def _counted(
    con: duckdb.DuckDBPyConnection, files: Files, spec: Spec, side: Side
) -> tuple[Side, list[Spread]]:
    """Add to the right side how common each value is; take out fillers."""
    frame, columns, spread = side.frame, dict(side.columns), []
    for i, item in enumerate(spec.compare):
        key, n = key_of(spec, i), f"f{i}_n"
        values = _values(files, side, key, f"values_r{i}")
        if item.kind in IDENTIFIERS:
            values = values.where(f"n <= {SHARED}")
        squares, pairs, rows, once, twice = values.selectExpr(
            "sum(CAST(n AS DOUBLE) * n)",
            "sum(CAST(n AS DOUBLE) * (n - 1))",
            "sum(n)",
            "count_if(n = 1)",
            "count_if(n = 2)",
        ).first() or (None, None, None, 0, 0)
        spread.append(spread_of(squares, pairs, rows))
        kept = {name: name for name in columns}
        if item.kind in IDENTIFIERS:
            kept[key] = f"CASE WHEN n IS NOT NULL THEN {key} END AS {key}"
        kept[n], columns[n] = f"CAST(n AS INT) AS {n}", "INTEGER"
        if item.kind in NAMES:
            alone = float(
                con.execute(
                    f"SELECT {alone_sql(f'{once}::BIGINT', f'{twice}::BIGINT')}"
                ).fetchall()[0][0]
            )
            taken = taken_sql("n", f"CAST('{alone!r}' AS DOUBLE)")
            kept[f"f{i}_f"], columns[f"f{i}_f"] = f"{taken} AS f{i}_f", "FLOAT"
        frame = frame.join(values, key, "left").selectExpr(*kept.values())
    return Side(files.keep("right", frame.select(*columns)), columns), spread
