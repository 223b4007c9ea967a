"""What rows give back together: of three lists, and of a month published more than once.

Belongs here: finding, in the tables that stand alone, what a reader works out by subtracting
rows of one list from one another or a figure of an earlier publication of the month from the
one of now; and withholding it. Does not belong here: the coverage tables (revisions.py and the
attackers), and what a row, or two rows of one publication, may tell (tables.py, listings.py).

A difference is held to the thresholds of a table of its own: none, or at least ten people and
three employers, and of amounts none above half. What the finder names is withheld until it
names nothing; then it looks once more, at the written file.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb

from publishing.disclosure.firm_differences import figures_of, of_firms, of_projects, of_scenarios
from publishing.disclosure.leaks import Leak, Sides
from publishing.disclosure.list_differences import of_lists
from publishing.disclosure.listings import PARTS, WHOLE, withhold
from warehouse.storage import literal, quote

Earlier = Sequence[tuple[Path, Path]]
"""Exact and released file of each earlier publication of the month."""

_ROUNDS = 60


def find(
    con: duckdb.DuckDBPyConnection, schema: str, exact: str, period: str, earlier: Earlier
) -> list[Leak]:
    """Find rows that give a few people or employers back by a difference.

    Args:
        con: a connection that sees both; the earlier files are attached for the while.
        schema: the release.
        exact: the exact tables, which say what has changed since, and how many stand behind it.
        period: the month.
        earlier: earlier publications of the month.

    Returns:
        The rows of the release that have to tell less.
    """
    with _attached(con, earlier) as before:
        now = (schema, exact)
        leaks = of_lists(con, now, before, period)
        for then in before:
            leaks += of_firms(con, now, then, period)
            leaks += of_projects(con, now, then, period)
            leaks += of_scenarios(con, now, then, period)
    return sorted(set(leaks), key=lambda leak: (leak.table, leak.key, leak.gone))


def hold_back(
    con: duckdb.DuckDBPyConnection, schema: str, exact: str, period: str, earlier: Earlier
) -> int:
    """Withhold what `find` finds, until it finds nothing.

    Returns:
        How many times a row was made to tell less.
    """
    done = 0
    for _ in range(_ROUNDS):
        leaks = find(con, schema, exact, period, earlier)
        if not leaks:
            break
        for leak in leaks:
            done += 1
            key = dict(leak.key)
            if leak.table in (WHOLE, PARTS):
                row = (key["clause"], key["dataset"], key.get("group_code", ""),
                       key["province_code"])  # fmt: skip
                withhold(con, schema, period, row, list(leak.gone))
            else:
                _withhold_row(con, schema, period, leak)
    return done


def _withhold_row(con: duckdb.DuckDBPyConnection, schema: str, period: str, leak: Leak) -> None:
    figures = figures_of(con, schema, leak.table)
    where = " AND ".join(f"{quote(column)} = {literal(code)}" for column, code in leak.key)
    con.execute(
        f"UPDATE {schema}.{leak.table} SET {', '.join(f'{each} = NULL' for each in figures)}, "
        f"suppressed = true WHERE period = {literal(period)} AND {where}"
    )


@contextmanager
def _attached(con: duckdb.DuckDBPyConnection, earlier: Earlier) -> Iterator[list[Sides]]:
    """Attach earlier publications; give the released and the exact schema of each."""
    names: list[str] = []
    try:
        for number, files in enumerate(earlier):
            for kind, file in zip(("exact", "told"), files, strict=True):
                name = f"dis_{kind}_then_{number}"
                con.execute(f"ATTACH {literal(str(file))} AS {name} (READ_ONLY)")
                names.append(name)
        yield [
            (f"dis_told_then_{number}.release", f"dis_exact_then_{number}.coverage")
            for number in range(len(earlier))
        ]
    finally:
        for name in names:
            con.execute(f"DETACH {name}")
