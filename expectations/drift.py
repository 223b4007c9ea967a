"""Drift: how far a list's content has moved from its delivery before; told, never blocking.

Belongs here: missing values, categories and distributions of a conformed delivery against those
of the month before, computed in DuckDB and judged by Great Expectations. Does not belong here:
types and formats that change (sources/drift.py), sizes (sources/volume.py), what must hold of
every delivery (suites.py).

Measures. `missing`: change of the share of empty cells. `categories` and `distribution`: the
population stability index, sum of (p - q) ln(p / q) over classes; below 0.1 little has moved,
above 0.25 much (N. Siddiqi, Credit Risk Scorecards, 2006, ch. 6). The classes of a
distribution are the tenths of the earlier delivery, of money and counts on a logarithmic scale
and of birth dates by year. Half a row is added to each class, so that an empty one does not
make the index infinite.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import duckdb

from expectations.checks import Check, CheckResult
from expectations.judging import Figures, judge
from expectations.runner import RESULTS_TABLE
from sources.contracts import Contract, ContractColumn
from warehouse.connection import check_period
from warehouse.errors import CakupanError
from warehouse.settings import GateSettings
from warehouse.storage import literal, quote, transaction
from warehouse.tables import table_specs

TABLE = "quality.drift"
MISSING, CATEGORIES, DISTRIBUTION = "missing", "categories", "distribution"
_TYPES = {
    MISSING: "expect_column_values_to_not_be_null",
    CATEGORIES: "expect_column_kl_divergence_to_be_less_than",
    DISTRIBUTION: "expect_column_quantile_values_to_be_between",
}
"""The expectation of Great Expectations that is nearest in meaning, for reports."""

_WORDS = {
    MISSING: ("bagian nilai kosong", "share of missing values"),
    CATEGORIES: ("susunan kategori", "shares of categories"),
    DISTRIBUTION: ("sebaran nilai", "distribution of values"),
}
_MILLION = 1_000_000


@dataclass(frozen=True)
class Drift:
    """One column of one delivery, against the delivery before.

    Attributes:
        dataset: contract key.
        column: the column.
        measure: `missing`, `categories` or `distribution`.
        base_period: month of the delivery compared with.
        base_rows: its rows.
        rows: rows of the delivery.
        value: change of a share, or the population stability index.
        limit: from which it is told.
    """

    dataset: str
    column: str
    measure: str
    base_period: str
    base_rows: int
    rows: int
    value: float
    limit: float

    @property
    def name(self) -> str:
        """Unique among all of a period."""
        return f"{self.dataset} {self.column} {self.measure}"


def validate_drift(
    con: duckdb.DuckDBPyConnection,
    contracts: Mapping[str, Contract],
    settings: GateSettings,
    period: str,
) -> list[CheckResult]:
    """Compare the month's deliveries with those before, and write down what has moved.

    Writes `quality.drift`, and the results among `quality.expectation_results`.

    Args:
        con: the restricted warehouse with the deliveries conformed.
        contracts: datasets by key.
        settings: limits, and below how many rows nothing is compared.
        period: month of the run; only deliveries of their own are compared.

    Returns:
        A result per column and measure, severity `warning`.

    Raises:
        UsageError: the period is no month.
        CakupanError: the database failed; no result was written.
    """
    check_period(period)
    fault = ""
    found: list[Drift] = []
    try:
        for dataset, version, base, base_version in _pairs(con, period):
            if dataset in contracts:
                found += _measured(
                    con, contracts[dataset], (period, version), (base, base_version), settings
                )
    except duckdb.Error as error:
        fault = type(error).__name__
    if fault:
        raise CakupanError(
            f"comparing the deliveries of {period} with those before failed ({fault}); no result "
            "was written. Run the period again."
        )
    results = _judged(found)
    _write(con, period, found, results)
    return results


def _pairs(con: duckdb.DuckDBPyConnection, period: str) -> list[tuple[str, int, str, int]]:
    """Give the conformed deliveries of the month, each with the latest of a month before."""
    return con.execute(
        """
        SELECT f.dataset, f.version, max(c.period), arg_max(c.delivery_version, (
            c.period, c.delivery_version))
        FROM landing.in_force AS f
        JOIN conformed.counts AS c ON c.dataset = f.dataset AND c.period < f.delivery_period
        JOIN landing.deliveries AS d ON d.dataset = c.dataset AND d.period = c.period
            AND d.version = c.delivery_version AND d.state = 'accepted'
        WHERE f.period = ? AND f.state = 'current'
        GROUP BY ALL ORDER BY f.dataset""",
        [period],
    ).fetchall()


def _measured(
    con: duckdb.DuckDBPyConnection,
    contract: Contract,
    new: tuple[str, int],
    base: tuple[str, int],
    settings: GateSettings,
) -> list[Drift]:
    table = f"conformed.{quote(contract.key)}"
    parts = [
        f"SELECT {flag} AS is_base, * FROM {table} "
        f"WHERE period = {literal(period)} AND delivery_version = {int(version)}"
        for flag, (period, version) in (("false", new), ("true", base))
    ]
    rows = f"({' UNION ALL '.join(parts)})"
    columns = [column for column in contract.columns if not column.is_key]
    missing = ", ".join(
        f"count(*) FILTER (is_base AND {quote(c.name)} IS NULL), "
        f"count(*) FILTER (NOT is_base AND {quote(c.name)} IS NULL)"
        for c in columns
    )
    before, now, *empty = con.execute(
        f"SELECT count(*) FILTER (is_base), count(*) FILTER (NOT is_base), {missing} FROM {rows}"
    ).fetchall()[0]
    if min(before, now) < settings.drift_rows:
        return []
    facts = (base[0], int(before), int(now))
    found = [
        Drift(contract.key, column.name, MISSING, *facts,
              abs(empty[2 * i + 1] / now - empty[2 * i] / before), settings.drift_missing)
        for i, column in enumerate(columns)
    ]  # fmt: skip
    classes = [(column, *form) for column in columns if (form := _classes(column))]
    if not classes:
        return found
    cells = " UNION ALL ".join(
        f"SELECT {literal(column.name)} AS column_name, {literal(measure)} AS measure, "
        f"({sql})::VARCHAR AS class, is_base, count(*) AS n FROM {rows} "
        f"WHERE {quote(column.name)} IS NOT NULL GROUP BY ALL"
        for column, measure, sql in classes
    )
    for column_name, measure, value in con.execute(_PSI.format(cells=cells)).fetchall():
        found.append(
            Drift(contract.key, column_name, measure, *facts, float(value), settings.drift_psi)
        )
    return found


_PSI = """
    WITH counted AS (
        SELECT
            column_name, measure, class,
            coalesce(sum(n) FILTER (is_base), 0) AS base,
            coalesce(sum(n) FILTER (NOT is_base), 0) AS new
        FROM ({cells}) GROUP BY ALL
    ),
    tenths AS (
        SELECT
            column_name, measure, base, new,
            CASE measure WHEN 'categories' THEN class ELSE least(9, 10 * (
                sum(base) OVER (
                    PARTITION BY column_name, measure ORDER BY try_cast(class AS BIGINT)
                ) - base
            ) // greatest(sum(base) OVER (PARTITION BY column_name, measure), 1))::VARCHAR
            END AS class
        FROM counted
    ),
    classes AS (
        SELECT column_name, measure, class, sum(base) + 0.5 AS base, sum(new) + 0.5 AS new
        FROM tenths GROUP BY ALL
    ),
    shares AS (
        SELECT
            column_name, measure, class,
            (base / sum(base) OVER whole)::DOUBLE AS q, (new / sum(new) OVER whole)::DOUBLE AS p
        FROM classes WINDOW whole AS (PARTITION BY column_name, measure)
    )
    -- Rounded, and added up in one order, so that the same deliveries give the same figure.
    SELECT column_name, measure, round(list_sum(list((p - q) * ln(p / q) ORDER BY class)), 6)
    FROM shares GROUP BY ALL ORDER BY ALL"""


def _classes(column: ContractColumn) -> tuple[str, str] | None:
    """Give what is measured of a column and the SQL of a value's class; None for neither."""
    name = quote(column.name)
    if column.kind in ("vocabulary", "boolean"):
        return CATEGORIES, name
    if column.kind == "region":
        return CATEGORIES, f"left({name}, 2)"
    if column.kind == "kbli":
        return CATEGORIES, f"left({name}, 2)"
    if column.kind in ("money", "integer"):
        return DISTRIBUTION, f"floor(16 * log2({name} + 1))::BIGINT"
    if column.name == "birth_date":
        return DISTRIBUTION, f"year({name})"
    return None


def _judged(found: list[Drift]) -> list[CheckResult]:
    """Let Great Expectations hold each figure, in millionths, against its limit."""
    checks = [
        Check(
            name=drift.name,
            table=f"conformed.{drift.dataset}",
            expectation=_TYPES[drift.measure],
            column=drift.column,
            severity="warning",
            id=f"{_WORDS[drift.measure][0]} {drift.column} serupa dengan {drift.base_period}",
            en=f"The {_WORDS[drift.measure][1]} of {drift.column} is as in {drift.base_period}",
            kwargs={"mostly": 1 - drift.limit},
            subject=f"{drift.column}: {drift.measure}",
        )
        for drift in found
    ]
    figures = {
        drift.name: Figures(_MILLION, round(drift.value * _MILLION), drift.rows) for drift in found
    }
    return [
        # The figure is no share of rows: what is told is the figure itself.
        replace(
            result,
            evaluated=drift.rows,
            unexpected=0,
            unexpected_share=0.0,
            observed=f"{drift.value:.6f}",
        )
        for drift, result in zip(found, judge(checks, figures), strict=True)
    ]


def _write(
    con: duckdb.DuckDBPyConnection, period: str, found: list[Drift], results: list[CheckResult]
) -> None:
    for name in ("drift", "expectation_results"):
        con.execute(table_specs()[name].ddl())
    drifts = [
        (period, d.dataset, d.column, d.measure, d.base_period, d.base_rows, d.rows, d.value,
         d.limit, r.success)
        for d, r in zip(found, results, strict=True)
    ]  # fmt: skip
    told = [
        (period, d.dataset, r.table, r.expectation, r.column, r.severity, r.success, r.evaluated,
         r.unexpected, r.unexpected_share, r.observed)
        for d, r in zip(found, results, strict=True)
    ]  # fmt: skip
    with transaction(con):
        con.execute(f"DELETE FROM {TABLE} WHERE period = ?", [period])
        con.execute(
            f"DELETE FROM {RESULTS_TABLE} WHERE period = ? "
            "AND regexp_matches(column_name, ': (missing|categories|distribution)$')",
            [period],
        )
        _insert(con, TABLE, "period, dataset, column_name, drift_measure, base_period, base_rows, "
                "rows, drift_value, drift_limit, passed", drifts)  # fmt: skip
        _insert(con, RESULTS_TABLE, "period, dataset, table_name, expectation, column_name, "
                "severity, success, evaluated, unexpected, unexpected_share, observed",
                told)  # fmt: skip


def _insert(
    con: duckdb.DuckDBPyConnection, table: str, columns: str, rows: Sequence[tuple[object, ...]]
) -> None:
    if rows:
        one = f"({', '.join('?' * len(rows[0]))})"
        con.execute(
            f"INSERT INTO {table} ({columns}) VALUES {', '.join([one] * len(rows))}",
            [value for row in rows for value in row],
        )
