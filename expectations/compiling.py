"""Suites as SQL: one aggregate query per table computes every check of it.

Belongs here: what each expectation type counts, as Great Expectations itself counts it on
pandas (a test holds the two against each other). Does not belong here: the verdict
(judging.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from expectations.checks import Check
from warehouse.storage import literal, quote

TABLE_LEVEL = ("expect_table_row_count_to_be_between",)
"""Types that judge one figure of the table instead of a share of its values."""


@dataclass(frozen=True)
class Measure:
    """SQL of one check over the relation `t`.

    Attributes:
        evaluated: aggregate: how many values are looked at. As with Great Expectations a
            missing value is neither good nor bad, but for the checks of missing values.
        unexpected: aggregate: how many of them break the check.
    """

    evaluated: str
    unexpected: str


def compile_query(checks: Sequence[Check], relation: str, columns: Mapping[str, str]) -> str:
    """Give the one query that computes the checks of a table.

    Args:
        checks: checks of one table, all on columns that it has.
        relation: table, view or bracketed query to look at.
        columns: the relation's column types by name.

    Returns:
        A query of one row: two columns `<i>_evaluated, <i>_unexpected` for each check, and
        `rows`, how many rows the relation has.
    """
    parts: list[str] = []
    for index, check in enumerate(checks):
        measure = measure_of(check, columns)
        parts.append(f"{measure.evaluated} AS {quote(f'{index}_evaluated')}")
        parts.append(f"{measure.unexpected} AS {quote(f'{index}_unexpected')}")
    return (
        f"WITH t AS (SELECT * FROM {relation}) SELECT {', '.join(parts)}, count(*) AS rows FROM t"
    )


def columns_needed(check: Check) -> tuple[str, ...]:
    """Give the columns without which a check cannot be computed."""
    pair = (check.kwargs.get("column_A"), check.kwargs.get("column_B"))
    return tuple(str(name) for name in (check.column, *pair) if name)


def measure_of(check: Check, columns: Mapping[str, str]) -> Measure:
    """Give the SQL of one check.

    Raises:
        ValueError: its expectation type is not one of those compiled here.
    """
    compiler = _COMPILERS.get(check.expectation)
    if compiler is None:
        raise ValueError(f"check {check.name}: {check.expectation} has no SQL in {__name__}")
    name = check.column or ""
    column = quote(name)
    if columns.get(name, "").endswith("[]"):
        # A list is judged as one text, as it would stand in a cell.
        column = f"array_to_string({column}, ',')"
    return compiler(column, check.kwargs)


def _row_count(column: str, kwargs: Mapping[str, Any]) -> Measure:
    del column
    low, high = kwargs.get("min_value"), kwargs.get("max_value")
    outside = _outside("count(*)", low, high)
    return Measure("count(*)", f"CASE WHEN {outside} THEN count(*) ELSE 0 END")


def _not_null(column: str, kwargs: Mapping[str, Any]) -> Measure:
    del kwargs
    return Measure("count(*)", f"count(*) - count({column})")


def _unique(column: str, kwargs: Mapping[str, Any]) -> Measure:
    del kwargs
    # Every row of a value that comes twice is unexpected, not only the second.
    repeated = (
        f"(SELECT coalesce(sum(n), 0)::BIGINT FROM (SELECT count(*) AS n FROM t"
        f" WHERE {column} IS NOT NULL GROUP BY {column} HAVING count(*) > 1))"
    )
    return Measure(f"count({column})", f"any_value({repeated})")


def _in_set(column: str, kwargs: Mapping[str, Any]) -> Measure:
    return _where(column, f"{column} NOT IN ({_values(kwargs['value_set'])})")


def _not_in_set(column: str, kwargs: Mapping[str, Any]) -> Measure:
    return _where(column, f"{column} IN ({_values(kwargs['value_set'])})")


def _match(column: str, kwargs: Mapping[str, Any]) -> Measure:
    return _where(column, f"NOT regexp_matches({column}, {literal(kwargs['regex'])})")


def _not_match(column: str, kwargs: Mapping[str, Any]) -> Measure:
    return _where(column, f"regexp_matches({column}, {literal(kwargs['regex'])})")


def _between(column: str, kwargs: Mapping[str, Any]) -> Measure:
    return _where(column, _outside(column, kwargs.get("min_value"), kwargs.get("max_value")))


def _pair_equal(column: str, kwargs: Mapping[str, Any]) -> Measure:
    del column
    first, second = quote(kwargs["column_A"]), quote(kwargs["column_B"])
    both = f"{first} IS NOT NULL AND {second} IS NOT NULL"
    return Measure(f"count(*) FILTER ({both})", f"count(*) FILTER ({first} <> {second})")


def _pair_greater(column: str, kwargs: Mapping[str, Any]) -> Measure:
    del column
    first, second = quote(kwargs["column_A"]), quote(kwargs["column_B"])
    bad = f"{first} < {second}" if kwargs.get("or_equal") else f"{first} <= {second}"
    both = f"{first} IS NOT NULL AND {second} IS NOT NULL"
    return Measure(f"count(*) FILTER ({both})", f"count(*) FILTER ({bad})")


_COMPILERS: dict[str, Callable[[str, Mapping[str, Any]], Measure]] = {
    "expect_table_row_count_to_be_between": _row_count,
    "expect_column_values_to_not_be_null": _not_null,
    "expect_column_values_to_be_unique": _unique,
    "expect_column_values_to_be_in_set": _in_set,
    "expect_column_values_to_not_be_in_set": _not_in_set,
    "expect_column_values_to_match_regex": _match,
    "expect_column_values_to_not_match_regex": _not_match,
    "expect_column_values_to_be_between": _between,
    "expect_column_pair_values_to_be_equal": _pair_equal,
    "expect_column_pair_values_a_to_be_greater_than_b": _pair_greater,
}


def _where(column: str, unexpected: str) -> Measure:
    return Measure(f"count({column})", f"count(*) FILTER ({unexpected})")


def _outside(value: str, low: object, high: object) -> str:
    bounds = [f"{value} < {_literal(low)}"] if low is not None else []
    bounds += [f"{value} > {_literal(high)}"] if high is not None else []
    return " OR ".join(bounds) or "false"


def _values(values: Sequence[object]) -> str:
    return ", ".join(_literal(value) for value in values)


def _literal(value: object) -> str:
    return str(value) if isinstance(value, int | float) else literal(str(value))
