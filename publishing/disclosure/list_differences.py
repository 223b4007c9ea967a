"""What rows of one list give back by subtraction, of one publication and of several.

Belongs here: the tables of the instruction, where clauses and groups name parts of one list.
Does not belong here: pairs of rows of one publication (listings.py), and withholding.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import duckdb

from publishing.disclosure.checks import columns_of, complete
from publishing.disclosure.leaks import SAME, Leak, Sides
from publishing.disclosure.listings import LEVELS, PARTS, RECORDS, WHOLE
from publishing.disclosure.rules import MIN_PERSONS
from warehouse.storage import literal

_GONE = {
    name: tuple(each for pair in levels[depth:] for group in pair for each in group)
    for levels in (LEVELS, RECORDS)
    for depth, pair in enumerate(levels)
    for group in pair
    for name in group
}
"""Figures of a list that go with one of them."""

_FIGURES = tuple(_GONE)
_COUNTS = {name for name in _FIGURES if not name.startswith("coverage_")}
_ALONG = ("listed", "persons", "active", "gap", "inactive", "unregistered")


@dataclass
class _Row:
    """A row of a list: what is told of it now, what is known, and what was told before."""

    clause: str
    group: str
    now: dict[str, float] = field(default_factory=dict)
    known: dict[str, float] = field(default_factory=dict)
    before: list[tuple[dict[str, float], bool]] = field(default_factory=list)


def of_lists(
    con: duckdb.DuckDBPyConnection, now: Sides, before: Sequence[Sides], period: str
) -> list[Leak]:
    """Find rows of lists that leave few of another, now or beside what was told before.

    Args:
        con: a connection that sees all of them.
        now: released and exact tables.
        before: those of earlier publications of the month.
        period: the month.

    Returns:
        The rows that have to tell less, and which of their figures.
    """
    schema, exact = now
    rows: dict[tuple[str, str], dict[tuple[str, str], _Row]] = {}
    for table in (WHOLE, PARTS):
        for place, key, told in _read(con, schema, table, period):
            row = rows.setdefault(place, {}).setdefault(key, _Row(*key))
            row.now, row.known = told, dict(told)
        for said, then in before:
            same = _same_rows(con, exact, then, table, period)
            for place, key, told in _read(con, said, table, period):
                row = rows.setdefault(place, {}).setdefault(key, _Row(*key))
                holds = (*place, *key) in same
                row.before.append((told, holds))
                if holds:
                    row.known = {**told, **row.known}
    leaks = []
    for (dataset, province), listed in rows.items():
        found = list(listed.values())
        for row, name in (*_since(found), *_together(found)):
            codes = {"clause": row.clause, "dataset": dataset, "group_code": row.group,
                     "province_code": province}  # fmt: skip
            named = tuple((column, code) for column, code in codes.items() if code)
            leaks.append(Leak(PARTS if row.group else WHOLE, named, _GONE[name]))
    return leaks


_Told = tuple[tuple[str, str], tuple[str, str], dict[str, float]]


def _read(con: duckdb.DuckDBPyConnection, schema: str, table: str, period: str) -> Iterator[_Told]:
    """Give list and province, clause and group, and what is told, with what follows from it."""
    there = columns_of(con, schema, table)
    if not there:
        return
    names = [name for name in _FIGURES if name in there]
    group = "group_code" if table == PARTS else "''"
    for dataset, province, clause, code, *values in con.execute(
        f"SELECT dataset, province_code, clause, {group}, {', '.join(names)} "
        f"FROM {schema}.{table} WHERE period = {literal(period)} ORDER BY ALL"
    ).fetchall():
        told = {n: float(v) for n, v in zip(names, values, strict=True) if v is not None}
        complete(told)
        yield (dataset, province), (clause, code), told


def _same_rows(
    con: duckdb.DuckDBPyConnection, exact: str, then: str, table: str, period: str
) -> set[tuple[str, ...]]:
    """Give the rows of a list whose exact figures are what they were."""
    both = columns_of(con, exact, table) & columns_of(con, then, table)
    if not both:
        return set()
    keys = ["dataset", "province_code", "clause"]
    keys += ["group_code"] if table == PARTS else []
    far = ", ".join(
        f"abs(n.{name}::DOUBLE - t.{name}::DOUBLE)" for name in _FIGURES
        if name in both and not name.startswith("coverage_")
    )  # fmt: skip
    rows = con.execute(
        f"SELECT {', '.join(f'n.{key}' for key in keys)} FROM {exact}.{table} AS n "
        f"JOIN {then}.{table} AS t USING (period, {', '.join(keys)}) "
        f"WHERE period = {literal(period)} AND greatest({far}) < {SAME}"
    ).fetchall()
    return {(*row, "") if len(row) == 3 else row for row in rows}


def _few(difference: float) -> bool:
    return 0.5 < abs(difference) < MIN_PERSONS - 0.5


def _since(rows: Sequence[_Row]) -> Iterator[tuple[_Row, str]]:
    """Find rows that differ by few from what was told before of the list."""
    for row, other in itertools.product(rows, rows):
        if row.clause == other.clause and row.group and other.group and row.group != other.group:
            continue
        for told, holds in other.before:
            if row is other and holds:
                continue
            for name in _COUNTS & row.now.keys() & told.keys():
                if _few(row.now[name] - told[name]):
                    yield row, name


def _together(rows: Sequence[_Row]) -> Iterator[tuple[_Row, str]]:
    """Find rows of which two or three others, taken from a further one, leave few.

    Clauses name parts of one list, and so do groups: whoever has all of them subtracts them.
    Whether they share people a reader may know, so they are taken for apart.
    """
    for whole in rows:
        others = [row for row in rows if row is not whole]
        for parts in itertools.chain(
            itertools.combinations(others, 2), itertools.combinations(others, 3)
        ):
            labels = {part.group or part.clause for part in parts}
            wholes = {part.clause for part in parts if not part.group}
            if len(labels) < len(parts) or any(p.group and p.clause in wholes for p in parts):
                continue
            for name in _ALONG:
                told = [row.known.get(name, 0.0) for row in (whole, *parts)]
                if min(told) < 0.5 or not 0.5 < told[0] - sum(told[1:]) < MIN_PERSONS - 0.5:
                    continue
                open_ = [row for row in parts if name in row.now] or [whole]
                if name in open_[0].now:
                    yield max(open_, key=lambda row: (row.group != "", row.clause, row.group)), name
