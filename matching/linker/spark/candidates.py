"""Which rows are compared, found by Spark: the rules, caps and budgets of blocking.py.

Belongs here: keys counted and joined. Does not belong here: what the keys are and which rules
there are (blocking.py), nor the comparison (engine.py).

blocking.py goes from rule to rule and lets rows rest that have found enough. Here all rules are
looked up at once, and what a row would not have looked up is left out afterwards: the same pairs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from matching.linker.blocking import BUDGET, CAP, Common, Key, how_common
from matching.linker.spark.files import Files, mapped
from matching.linker.spark.sides import Side
from matching.linker.spark.worker import FindKeys

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame


def count_keys(right: Side, keys: list[Key], rows: int) -> dict[Key, Common]:
    """Tell how common the values of keys are among the right rows."""
    found = _keys(right, "r", [(key,) for key in keys]).groupBy("rule", "key").count()
    told = found.groupBy("rule").agg(
        *(
            _sql(text)
            for text in (
                "sum(CAST(count AS DOUBLE) * count)",
                f"coalesce(sum(CASE WHEN count <= {CAP} THEN count END), 0)",
                "sum(count)",
            )
        )
    )
    common = {row[0]: how_common(row[1], row[2], row[3], rows) for row in told.collect()}
    return {key: common.get(number, how_common(0.0, 0, 0, rows)) for number, key in enumerate(keys)}


def find_candidates(
    files: Files,
    name: str,
    left: DataFrame,
    sides: tuple[Side, Side],
    rules: list[tuple[Key, ...]],
    *,
    dedupe: bool,
) -> DataFrame:
    """Look up the keys of left rows.

    Args:
        files: where the result is kept.
        name: what it is called there.
        left: rows of the left side.
        sides: the left and the right.
        rules: from `matching.linker.blocking.choose_rules`.
        dedupe: there is one table.

    Returns:
        `id`, `rule`, `key`, `n` right rows that have the key, `person_key` (none where the key
        was skipped), and `first` where the pair was not found by an earlier rule.
    """
    asked = files.keep(f"{name}_asked", _keys(Side(left, sides[0].columns), "l", rules))
    wanted = asked.select("rule", "key").distinct()
    held = _keys(sides[1], "r", rules).withColumnRenamed("id", "person_key")
    held = files.keep(f"{name}_held", held.join(wanted, ["rule", "key"], "leftsemi"))
    counts = held.groupBy("rule", "key").count().withColumnRenamed("count", "n")
    known = files.keep(f"{name}_keys", asked.join(counts, ["rule", "key"]))
    # Keys that too many have go before the join: one that everybody has would make pairs of all.
    pairs = known.where(f"n <= {CAP}").join(held, ["rule", "key"])
    if dedupe:
        pairs = pairs.where("id < person_key")
    skipped = known.where(f"n > {CAP}").selectExpr("*", "CAST(NULL AS BIGINT) AS person_key")
    # A row that has found enough by the rules before looks no further.
    met = (
        pairs.unionByName(skipped)
        .selectExpr(
            "*",
            "person_key IS NOT NULL AND"
            " row_number() OVER (PARTITION BY id, person_key ORDER BY rule, key) = 1 AS first",
        )
        .selectExpr(
            "*",
            "coalesce(sum(CAST(first AS INT)) OVER (PARTITION BY id ORDER BY rule"
            " RANGE BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS before",
        )
        .where(f"before < {BUDGET}")
        .drop("before")
    )
    return files.keep(name, met)


def told_of(met: DataFrame) -> list[tuple[int, int, int, int]]:
    """Tell what each rule did: its number, pairs, keys skipped, and right rows under them."""
    told = met.groupBy("rule").agg(
        *(
            _sql(text)
            for text in (
                "count(person_key)",
                "count(DISTINCT CASE WHEN person_key IS NULL THEN key END)",
                "coalesce(sum(CASE WHEN person_key IS NULL THEN n END), 0)",
            )
        )
    )
    return [(row[0], row[1], row[2], row[3]) for row in told.collect()]


def every_pair(left: DataFrame, right: Side, *, dedupe: bool) -> DataFrame:
    """Give all pairs, for small tables."""
    others = right.frame.selectExpr("id AS person_key")
    pairs = left.select("id").crossJoin(others)
    return pairs.where("id < person_key") if dedupe else pairs


def _keys(side: Side, name: str, rules: list[tuple[Key, ...]]) -> DataFrame:
    """Give the keys of a side's rows: `rule`, `key`, `id`."""
    texts = " ".join(key.sql for rule in rules for key in rule)
    given = {column: side.columns[column] for column in side.columns if f"@{column}" in texts}
    given["id"] = "BIGINT"
    work = FindKeys(name, given, tuple(rules))
    return mapped(side.frame.select(*given), work, work.columns)


def _sql(text: str) -> Column:
    from pyspark.sql import functions  # noqa: PLC0415

    return functions.expr(text)
