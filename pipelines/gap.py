"""The gap table that a run ends with, read from what it published.

Belongs here: the national and provincial rows, and numbers as they are written in
Indonesia. Does not belong here: any computing of coverage.
"""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

from warehouse.home import Home
from warehouse.publication.folders import WAREHOUSE_FILE

_COLUMNS = (
    "workers, active, inactive, unregistered, gap, coverage_rate, coverage_low, coverage_high"
)
_QUERY = f"""
    SELECT true AS national, 'INDONESIA' AS place, {_COLUMNS}
    FROM coverage.coverage_national
    WHERE period = $period AND basis = 'domicile' AND denominator_id = 'eligible'
    UNION ALL
    SELECT false, province, {_COLUMNS}
    FROM coverage.coverage_by_province
    WHERE period = $period AND basis = 'domicile' AND denominator_id = 'eligible'
    ORDER BY national DESC, gap DESC, place
"""


@dataclass(frozen=True)
class GapRow:
    """One row of the table; persons, and rates from 0 to 1 (None where nobody works)."""

    national: bool
    place: str
    workers: float
    active: float
    inactive: float
    unregistered: float
    gap: float
    coverage_rate: float | None
    coverage_low: float | None
    coverage_high: float | None


def gap_rows(home: Home, period: str) -> list[GapRow]:
    """Read the rows of a month from the current publication, the largest gap first."""
    file = home.published / "current" / WAREHOUSE_FILE
    with duckdb.connect(str(file), read_only=True) as con:
        rows = con.execute(_QUERY, {"period": period}).fetchall()
    return [
        GapRow(
            bool(national),
            str(place),
            *(float(value) for value in values[:5]),
            *(None if value is None else float(value) for value in values[5:]),
        )
        for national, place, *values in rows
    ]


def number(value: float, places: int = 0) -> str:
    """Write a number as in Indonesia: dots between thousands, a comma before decimals."""
    return f"{value:,.{places}f}".translate(str.maketrans(",.", ".,"))


def percent(rate: float | None) -> str:
    """Write a rate from 0 to 1 as a percentage with one decimal."""
    return "–" if rate is None else f"{number(rate * 100, 1)}%"


def interval(low: float | None, high: float | None) -> str:
    """Write an interval of two rates."""
    if low is None or high is None:
        return "–"
    return f"{number(low * 100, 1)}–{percent(high)}"
