"""What tables of employers, projects and scenarios give back beside an earlier publication.

Belongs here: what has changed since, and how many stand behind it. Does not belong here: what
a row may tell by itself (tables.py), and withholding.
"""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from publishing.disclosure.checks import columns_of
from publishing.disclosure.leaks import SAME, Leak, Sides
from publishing.disclosure.rules import MAX_SHARE, MIN_EMPLOYERS, MIN_PERSONS
from publishing.disclosure.tables import standalone
from warehouse.storage import literal

FIRMS, SITES, SCENARIOS = "compliance_by_sector_region", "construction_cover", "sensitivity"
_COUNTED = (
    "flags", "flags_without_tax", "known_workers", "active_participants", "missing_workers",
    "missing_workers_without_tax", "underreported_workers", "estimated_contribution",
    "contribution_jkk", "contribution_jkm", "contribution_jht", "contribution_jp",
    "estimated_without_tax",
)  # fmt: skip
"""Of an employer, what a cell counts: it has changed where any of these has."""


def figures_of(con: duckdb.DuckDBPyConnection, schema: str, table: str) -> list[str]:
    """Give what a table of employers or scenarios tells beside keys and names."""
    entry = standalone()[table]
    if entry["kind"] == "scenarios":
        return ["workers", "active", "coverage_rate"]
    names = [entry["base"], *entry.get("employer_counts", []), *entry.get("person_counts", [])]
    told = columns_of(con, schema, table)
    return [name for name in (*names, *entry["magnitudes"]) if name in told]


def _found(
    con: duckdb.DuckDBPyConnection, table: str, keys: Sequence[str], source: str, condition: str
) -> list[Leak]:
    rows = con.execute(
        f"SELECT DISTINCT {', '.join(f'r.{key}' for key in keys)} FROM {source} "
        f"WHERE {condition} ORDER BY ALL"
    ).fetchall()
    return [Leak(table, tuple(zip(keys, row, strict=True))) for row in rows]


def _joined(
    con: duckdb.DuckDBPyConnection, table: str, keys: Sequence[str], now: Sides, then: Sides,
    period: str,
) -> tuple[str, list[str]]:  # fmt: skip
    """Give the rows told now (r) and then (b) with the exact ones (e, f), and the figures."""
    figures = [name for name in figures_of(con, now[0], table)
               if name in columns_of(con, then[0], table)]  # fmt: skip
    if not columns_of(con, then[1], table):
        return "", []
    source = f"(FROM {now[0]}.{table} WHERE period = {literal(period)}) AS r"
    for side, alias in ((then[0], "b"), (now[1], "e"), (then[1], "f")):
        on = " AND ".join(f"r.{key} = {alias}.{key}" for key in keys)
        source += f" JOIN (FROM {side}.{table} WHERE period = {literal(period)}) AS {alias} ON {on}"
    return source, figures


def _other(name: str) -> str:
    return f"coalesce(abs(r.{name} - b.{name}) > 1e-6, false)"


def of_firms(con: duckdb.DuckDBPyConnection, now: Sides, then: Sides, period: str) -> list[Leak]:
    """Find cells of employers whose change rests on too few of them."""
    keys = ("province_code", "regency_code", "sector_code")
    source, figures = _joined(con, FIRMS, keys, now, then, period)
    if not figures:
        return []
    entry = standalone()[FIRMS]
    few = [
        f"coalesce(abs(r.{name} - b.{name}) BETWEEN 1 AND {least - 1}, false)"
        for names, least in (
            ([entry["base"], *entry["employer_counts"]], MIN_EMPLOYERS),
            (entry["person_counts"], MIN_PERSONS),
        )
        for name in names
        if name in figures
    ]
    money = " OR ".join(_other(name) for name in figures if name in entry["magnitudes"])
    changed = " OR ".join(_other(name) for name in figures)
    source += f" LEFT JOIN {_changed(con, now[1], then[1], period)} AS g ON " + " AND ".join(
        f"r.{key} = g.{key}" for key in keys
    )
    return _found(
        con, FIRMS, keys, source,
        f"({changed}) AND (coalesce(g.firms, 0) < {MIN_EMPLOYERS} OR {' OR '.join(few)} "
        f"OR (({money or 'false'}) AND (coalesce(g.workers, 0) < {MIN_PERSONS} "
        f"OR coalesce(g.share, 1) > {MAX_SHARE})))",
    )  # fmt: skip


def _changed(con: duckdb.DuckDBPyConnection, now: str, then: str, period: str) -> str:
    """Give, for each cell, how many employers have changed, and what stands behind the change."""
    table = "employer_compliance"
    there = columns_of(con, now, table) & columns_of(con, then, table)
    names = [name for name in _COUNTED if name in there]
    if not names:
        return (
            "(SELECT '' AS province_code, '' AS regency_code, '' AS sector_code, 0 AS firms, "
            "0 AS workers, 1.0 AS share)"
        )
    columns = f"province_code, regency_code, sector_code, employer_key, {', '.join(names)}"
    return f"""(
        SELECT province_code, regency_code, sector_code, count(*) AS firms,
            sum(workers) AS workers, max(amount) / nullif(sum(amount), 0) AS share
        FROM (
            SELECT province_code, regency_code, sector_code, employer_key,
                max(coalesce(missing_workers, 0) + coalesce(underreported_workers, 0)) AS workers,
                abs(sum(side * coalesce(estimated_contribution, 0)))::DOUBLE AS amount
            FROM (
                SELECT {columns}, 1 AS side FROM {now}.{table} WHERE period = {literal(period)}
                UNION ALL
                SELECT {columns}, -1 FROM {then}.{table} WHERE period = {literal(period)}
            )
            GROUP BY ALL
            HAVING count(*) = 1 OR count(DISTINCT hash({", ".join(names)})) > 1
        )
        GROUP BY ALL
    )"""


def of_projects(con: duckdb.DuckDBPyConnection, now: Sides, then: Sides, period: str) -> list[Leak]:
    """Find rows of projects whose change rests on too few contractors or projects."""
    keys = ("province_code", "funding")
    source, figures = _joined(con, SITES, keys, now, then, period)
    if not figures:
        return []
    changed = " OR ".join(_other(name) for name in figures)
    return _found(
        con, SITES, keys, source,
        f"({changed}) AND least(abs(e.contractors - f.contractors), abs(e.projects - f.projects)) "
        f"< {MIN_EMPLOYERS}",
    )  # fmt: skip


def of_scenarios(
    con: duckdb.DuckDBPyConnection, now: Sides, then: Sides, period: str
) -> list[Leak]:
    """Find scenarios that differ by few from what was told of them, or of one that still holds."""
    table, keys = "sensitivity", ("province_code", "scenario")
    if not all(columns_of(con, side, table) for side in (*now, *then)):
        return []

    def rows(schema: str) -> str:
        return (
            f"(SELECT province_code, scenario, workers, coalesce(active, round(coverage_rate * "
            f"workers)::BIGINT) AS active FROM {schema}.{table} WHERE period = {literal(period)} "
            "AND scenario <> 'certain_links')"
        )

    few = " OR ".join(
        f"abs(({one}) - ({other})) BETWEEN 1 AND {MIN_PERSONS - 1}"
        for one, other in (
            ("r.workers", "b.workers"),
            ("r.active", "b.active"),
            ("r.workers - r.active", "b.workers - b.active"),
        )
    )
    holds = (
        f"EXISTS (FROM {now[1]}.{table} AS e JOIN {then[1]}.{table} AS f "
        "USING (period, province_code, scenario) "
        f"WHERE period = {literal(period)} AND province_code = b.province_code "
        f"AND scenario = b.scenario AND abs(e.workers - f.workers)::DOUBLE < {SAME} "
        f"AND abs(e.active - f.active)::DOUBLE < {SAME})"
    )
    return _found(
        con, table, keys,
        f"{rows(now[0])} AS r JOIN {rows(then[0])} AS b ON r.province_code = b.province_code",
        f"(r.scenario = b.scenario) <> {holds} AND ({few})",
    )  # fmt: skip
