"""What changed from month to month: running `sql/change` over the kept statuses of two months.

Belongs here: which months are compared with which, and the writing of their rows. Does not belong
here: any definition (the SQL has them, docs/definitions.md tells them), the statuses themselves
(warehouse/coverage.py keeps them in `spine.workers`), and what a publication makes of them
(warehouse/publication/changes.py).

A month is compared with the month before it and with the same month a year before. When a month
is run that later ones have been compared with already, those comparisons are made anew as well,
so that the tables do not depend on the order in which months were run.
"""

from __future__ import annotations

import re
from functools import partial

import duckdb

from warehouse import computing
from warehouse.computing import Log
from warehouse.connection import check_period, last_day, set_parameters
from warehouse.coverage import WORKERS
from warehouse.seals import Part, seal
from warehouse.settings import Settings
from warehouse.storage import count, literal, transaction
from warehouse.tables import TableSpec, table_specs

TABLES = ("coverage_change", "change_causes")
"""The published tables that this module fills; each comes from the view `out_<name>`."""

DISTANCES = (1, 12)
"""Months between a month and those that it is compared with."""

_STAGE = "change"
_step = partial(computing.step, _STAGE)
_OWN_OBJECT = re.compile(r"(cov|chg|out)_\w+")


def months_from(period: str, months: int) -> str:
    """Give the month so many months after `period`, before it where negative."""
    year, month = check_period(period).split("-")
    number = int(year) * 12 + int(month) - 1 + months
    return f"{number // 12:04d}-{number % 12 + 1:02d}"


def pairs(con: duckdb.DuckDBPyConnection, period: str) -> list[tuple[str, str]]:
    """List the comparisons that a month takes part in, as far as statuses are kept.

    Args:
        con: the warehouse.
        period: the month.

    Returns:
        Pairs of a month and the earlier one that it is compared with, `period` among the two.
    """
    kept = {str(row[0]) for row in con.execute(f"SELECT DISTINCT period FROM {WORKERS}").fetchall()}
    wished = [(period, months_from(period, -distance)) for distance in DISTANCES]
    wished += [(months_from(period, distance), period) for distance in DISTANCES]
    return [pair for pair in wished if kept.issuperset(pair)]


def run(
    con: duckdb.DuckDBPyConnection, settings: Settings, period: str, log: Log | None = None
) -> dict[str, int]:
    """Compute every comparison that a month takes part in, and replace them in the warehouse.

    Needs `spine.workers`, `spine.persons`, `linkage.person_links` and `landing.in_force` of the
    months compared. All comparisons change together or not at all.

    Args:
        con: the warehouse.
        settings: parameters of the definitions.
        period: month `YYYY-MM`.
        log: told which months are compared.

    Returns:
        Rows that compare `period` with an earlier month, by qualified table name.

    Raises:
        UsageError: the period is no month.
        CakupanError: a step failed; the tables are as before.
        ValueError: a view does not have the columns of its table's specification.
    """
    compared = pairs(con, check_period(period))
    own = f"period = {literal(period)} OR previous_period = {literal(period)}"
    try:
        with transaction(con):
            for spec in _specs():
                con.execute(spec.ddl())
                con.execute(f"DELETE FROM {spec.qualified} WHERE {own}")
            for now, before in compared:
                if log is not None:
                    log(f"{now} compared with {before}")
                _compare(con, settings, now, before)
            changed = sorted({period} | {now for now, _ in compared})
            seal(con, [Part(spec.qualified, month) for spec in _specs() for month in changed])
    finally:
        computing.clear(con, _OWN_OBJECT)
        set_parameters(con, settings, period)
    return {
        spec.qualified: count(con, spec.qualified, f"period = {literal(period)}")
        for spec in _specs()
    }


def _specs() -> list[TableSpec]:
    return [table_specs()[name] for name in TABLES]


def _compare(con: duckdb.DuckDBPyConnection, settings: Settings, now: str, before: str) -> None:
    """Append the rows of one comparison."""
    set_parameters(con, settings, now)
    con.execute("SET VARIABLE previous_period = ?::VARCHAR", [before])
    con.execute("SET VARIABLE previous_as_of = ?::DATE", [last_day(before)])
    computing.run_folder(con, _STAGE, "coverage", only=("00_parameters.sql",))
    computing.run_folder(con, _STAGE, "change")
    for spec in _specs():
        select = computing.selection(con, spec)
        _step(
            f"writing {spec.name}",
            partial(con.execute, f"INSERT INTO {spec.qualified} BY NAME {select}"),
        )
