"""What changed since the report before: months, causes, and where it moved most.

Belongs here: differences of figures that a release tells of two months, and the country's causes
and flows as far as they may be told. Does not belong here: which causes may be told
(publishing/changes.py), words and layout (change.typ).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb

from publishing.changes import national_changes

_MOST = 10
_OWN = "basis = 'domicile' AND denominator_id = 'eligible'"
_FIGURES = "workers, active, inactive, unregistered, gap, coverage_rate"

Rows = list[dict[str, Any]]


def read_movement(
    con: duckdb.DuckDBPyConnection, release: Path, warehouse: Path, period: str, before: str
) -> dict[str, Any]:
    """Read what changed within the half year.

    Args:
        con: with the release's schema in use.
        release: the file `release.duckdb`, for what may be told of causes.
        warehouse: the file `cakupan.duckdb`, for the country's causes and flows.
        period: the month that the report closes with.
        before: the month that the report before closed with.

    Returns:
        `since`: the country in the month compared with, `before` where the release holds it, else
        the first month after it; None where there is none. `months`: the country by month, with
        the change of the gap, causes and flows (None where they are not worked out), the first
        without them. `provinces`, `sectors`: those whose gap moved most, in persons.
    """
    months = _rows(
        con,
        f"SELECT period, {_FIGURES} FROM coverage_national WHERE {_OWN} "
        "AND period BETWEEN ? AND ? ORDER BY period",
        [before, period],
    )
    told = national_changes(release, warehouse)
    for at, month in enumerate(months):
        earlier = months[at - 1] if at else None
        own = told.get(month["period"]) if earlier else None
        month["first"] = earlier is None
        month["gap_change"] = (
            None
            if earlier is None or month["gap"] is None or earlier["gap"] is None
            else month["gap"] - earlier["gap"]
        )
        # Causes explain the step from the calendar month before, no longer one.
        explained = own is not None and earlier is not None and own["previous"] == earlier["period"]
        month["causes"] = own["causes"] if own and explained else None
        month["flows"] = own["flows"] if own and explained else None
    since = months[0] if len(months) > 1 else None
    return {
        "since": since,
        "months": months if since else [],
        "provinces": _most(con, "province", period, since),
        "sectors": _most(con, "sector", period, since),
    }


def _most(
    con: duckdb.DuckDBPyConnection, kind: str, period: str, since: dict[str, Any] | None
) -> Rows:
    if since is None:
        return []
    return _rows(
        con,
        f"""
        SELECT n.{kind} AS name, n.gap, b.gap AS gap_before, n.gap - b.gap AS gap_change,
            n.coverage_rate, b.coverage_rate AS rate_before
        FROM coverage_by_{kind} AS n
        JOIN coverage_by_{kind} AS b USING (basis, denominator_id, {kind}_code)
        WHERE {_OWN} AND n.period = ? AND b.period = ? AND n.gap <> b.gap
        ORDER BY abs(n.gap - b.gap) DESC, {kind}_code LIMIT {_MOST}
        """,
        [period, since["period"]],
    )


def _rows(con: duckdb.DuckDBPyConnection, sql: str, parameters: list[str]) -> Rows:
    return con.execute(sql, parameters).to_arrow_table().to_pylist()
