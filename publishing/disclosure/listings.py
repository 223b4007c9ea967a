"""Rows about the same list: nothing told of one gives back a few people beside another.

Belongs here: what else is withheld in the tables of the instruction, where one list stands
under several clauses and is split into groups. Does not belong here: what a row may tell by
itself (tables.py), and the proof (checks.py).

Of a list in a province, the whole stands in `gap_by_instruction` and its groups in
`gap_by_group`. What two of its rows differ by, and what the groups told leave of the whole, may
be people who are in the one and not in the other: none of them, or ten and more.
"""

from __future__ import annotations

import duckdb

from publishing.disclosure.rules import MIN_PERSONS
from warehouse.storage import literal

WHOLE, PARTS = "gap_by_instruction", "gap_by_group"

_ROUNDS = 40

LEVELS = (
    (("persons",), ()),
    (("active", "gap", "active_low", "gap_low"),
     ("active_high", "gap_high", "coverage_rate", "coverage_low", "coverage_high")),
    (("inactive", "unregistered"), ()),
)  # fmt: skip
"""Figures that are told together, and what else goes with them; a level takes the next along."""

RECORDS = ((("listed",), ()), (("linked", "review", "unlinked"), ()))


def settle(con: duckdb.DuckDBPyConnection, schema: str, period: str) -> int:
    """Withhold what would give a few people back.

    Args:
        con: a connection that may write the release.
        schema: where its tables are.
        period: the month.

    Returns:
        How many times rows were withheld further.
    """
    done = 0
    for levels in (LEVELS, RECORDS):
        for depth, (names, _) in enumerate(levels):
            gone = [name for pair in levels[depth:] for each in pair for name in each]
            for _ in range(_ROUNDS):
                found = _pairs(con, schema, period, names) or _rest(con, schema, period, names)
                if not found:
                    break
                done += len(found)
                for clause, dataset, group_code, province in found:
                    withhold(con, schema, period, (clause, dataset, group_code, province), gone)
    return done


_Row = tuple[str, str, str, str]


def _told(schema: str, period: str, names: tuple[str, ...]) -> str:
    columns = f"clause, dataset, province_code, {', '.join(names)}"
    return f"""(
        SELECT '' AS group_code, {columns} FROM {schema}.{WHOLE} WHERE period = {literal(period)}
        UNION ALL BY NAME
        SELECT group_code, {columns} FROM {schema}.{PARTS} WHERE period = {literal(period)}
    )"""


def _pairs(
    con: duckdb.DuckDBPyConnection, schema: str, period: str, names: tuple[str, ...]
) -> list[_Row]:
    """Find rows that differ by few from another of the same list; groups go before wholes."""
    few = " OR ".join(f"abs(x.{name} - y.{name}) BETWEEN 1 AND {MIN_PERSONS - 1}" for name in names)
    return con.execute(f"""
        WITH told AS MATERIALIZED (FROM {_told(schema, period, names)})
        SELECT DISTINCT x.clause, x.dataset, x.group_code, x.province_code
        FROM told AS x JOIN told AS y USING (dataset, province_code)
        WHERE (x.group_code <> '', x.clause, x.group_code)
                > (y.group_code <> '', y.clause, y.group_code)
            AND NOT (x.clause = y.clause AND x.group_code <> '' AND y.group_code <> '')
            AND ({few})
        ORDER BY ALL
    """).fetchall()


def _rest(
    con: duckdb.DuckDBPyConnection, schema: str, period: str, names: tuple[str, ...]
) -> list[_Row]:
    """Find the smallest group told, where the groups told leave few of the whole."""
    few = " OR ".join(f"w.{name} - g.{name} BETWEEN 1 AND {MIN_PERSONS - 1}" for name in names)
    sums = ", ".join(f"sum({name}) AS {name}" for name in names)
    return con.execute(f"""
        WITH told AS MATERIALIZED (FROM {_told(schema, period, names)}),
        groups AS (
            SELECT clause, dataset, province_code, {sums},
                arg_min(group_code, ({names[0]}, group_code)) AS group_code
            FROM told WHERE group_code <> '' AND {names[0]} IS NOT NULL GROUP BY ALL
        )
        SELECT clause, dataset, g.group_code, province_code
        FROM (FROM told WHERE group_code = '') AS w
        JOIN groups AS g USING (clause, dataset, province_code)
        WHERE {few} ORDER BY ALL
    """).fetchall()


def withhold(
    con: duckdb.DuckDBPyConnection, schema: str, period: str, row: _Row, names: list[str]
) -> None:
    """Withhold figures of a row: clause, dataset, group (empty for the whole), province."""
    clause, dataset, group_code, province = row
    table = PARTS if group_code else WHOLE
    more = f"AND group_code = {literal(group_code)}" if group_code else ""
    con.execute(
        f"UPDATE {schema}.{table} SET {', '.join(f'{name} = NULL' for name in names)}, "
        f"suppressed = true WHERE period = ? AND clause = ? AND dataset = ? "
        f"AND province_code = ? {more}",
        [period, clause, dataset, province],
    )
