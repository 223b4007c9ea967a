"""What each clause of the instruction means of a list: its groups, and the businesses it names.

Belongs here: the views that turn `reference.instruction_rules` into groups of records. Does not
belong here: the rules (the contracts have them, sources/clause_rules.py reads them), or who of a
group is covered (warehouse/sql/coverage/60_instruction.sql).
"""

from __future__ import annotations

import duckdb

from warehouse.storage import literal, quote

_RULES = "reference.instruction_rules"
_NO_GROUPS = (
    "SELECT NULL::VARCHAR AS dataset, NULL::VARCHAR AS record_id, NULL::VARCHAR AS clause, "
)
_NO_GROUPS += "NULL::VARCHAR AS group_code WHERE false"


def views(con: duckdb.DuckDBPyConnection, period: str) -> dict[str, str]:
    """Give the views on groups, by name, in the order in which they must be made.

    Args:
        con: the warehouse; where it has no rules, every clause means the whole of its lists.
        period: the month of the run.

    Returns:
        Queries of `cov_rules` (dataset, clause, group_code, group_position, obligation,
        group_id, and whether it is `conditional`), `cov_in_force_<dataset>` as the rules need
        them, `cov_grouped` (dataset, record_id, clause, group_code: the records that a clause
        with conditions means) and `cov_listed_employers` (dataset, record_id, employer_key,
        region_code: what registers of businesses list).
    """
    found = {"cov_rules": _whole_lists()}
    standing = _tables(con)
    if ("reference", "instruction_rules") in standing:
        found["cov_rules"] = f"""
            SELECT dataset, clause, group_code, group_position, obligation, group_id,
                group_where <> '' OR count(*) OVER (PARTITION BY dataset, clause) > 1
                    AS conditional
            FROM {_RULES}"""
        found |= _groups(con, period, standing)
    else:
        found["cov_grouped"] = _NO_GROUPS
    found["cov_listed_employers"] = _employers(con, standing)
    return found


def _whole_lists() -> str:
    return """
        SELECT dataset, unnest(clauses) AS clause, 'semua' AS group_code, 1 AS group_position,
            'disebut' AS obligation, NULL::VARCHAR AS group_id, false AS conditional
        FROM reference.datasets"""


def _tables(con: duckdb.DuckDBPyConnection) -> set[tuple[str, str]]:
    rows = con.execute(
        "SELECT schema_name, table_name FROM duckdb_tables() UNION ALL "
        "SELECT schema_name, view_name FROM duckdb_views() WHERE NOT internal"
    ).fetchall()
    return {(schema, table) for schema, table in rows}


def _groups(
    con: duckdb.DuckDBPyConnection, period: str, standing: set[tuple[str, str]]
) -> dict[str, str]:
    """Give `cov_in_force_<dataset>` and `cov_grouped`."""
    deliveries = {
        dataset: (delivery_period, version)
        for dataset, delivery_period, version in con.execute(
            "SELECT dataset, delivery_period, version FROM landing.in_force "
            "WHERE period = ? AND state IN ('current', 'carried')",
            [period],
        ).fetchall()
    }
    rules: dict[tuple[str, str], list[tuple[str, str]]] = {}
    needed: set[str] = set()
    unreadable: set[tuple[str, str]] = set()
    for dataset, clause, group, sql, reads in con.execute(
        f"SELECT dataset, clause, group_code, group_sql, group_reads FROM {_RULES} "
        f"SEMI JOIN (SELECT dataset, clause FROM {_RULES} GROUP BY ALL "
        "HAVING count(*) > 1 OR bool_or(group_where <> '')) USING (dataset, clause) "
        "ORDER BY dataset, clause, group_position"
    ).fetchall():
        if ("conformed", dataset) not in standing:
            continue
        rules.setdefault((dataset, clause), []).append((group, sql))
        needed |= {dataset, *reads}
        unreadable |= {(dataset, group) for name in reads if ("conformed", name) not in standing}
    found = {}
    for dataset in sorted(needed):
        if ("conformed", dataset) in standing:
            where = "false"
            if dataset in deliveries:
                month, version = deliveries[dataset]
                where = f"period = {literal(month)} AND delivery_version = {int(version)}"
            found[f"cov_in_force_{dataset}"] = (
                f"SELECT * FROM conformed.{quote(dataset)} WHERE {where}"
            )
    parts = []
    for (dataset, clause), groups in rules.items():
        branches = " ".join(
            f"WHEN {'false' if (dataset, group) in unreadable else sql} THEN {literal(group)}"
            for group, sql in groups
        )
        parts.append(
            f"SELECT {literal(dataset)} AS dataset, record_id, {literal(clause)} AS clause, "
            f"CASE {branches} END AS group_code FROM cov_in_force_{dataset} AS r"
        )
    joined = " UNION ALL ".join(parts)
    found["cov_grouped"] = (
        f"SELECT * FROM ({joined}) WHERE group_code IS NOT NULL" if parts else _NO_GROUPS
    )
    return found


def _employers(con: duckdb.DuckDBPyConnection, standing: set[tuple[str, str]]) -> str:
    """Businesses of registers that name no owners, with the employer each of them reached."""
    views = {table for _, table in standing}
    if "in_employers" not in views or ("linkage", "employer_links") not in standing:
        return (
            "SELECT NULL::VARCHAR AS dataset, NULL::VARCHAR AS record_id, "
            "NULL::UBIGINT AS employer_key, NULL::VARCHAR AS region_code WHERE false"
        )
    return """
        SELECT e.dataset, e.record_id, l.employer_key, e.region_code
        FROM in_employers AS e
        LEFT JOIN linkage.employer_links AS l
            ON l.period = getvariable('period') AND l.dataset = e.dataset
            AND l.record_id = e.record_id
        WHERE e.dataset IN (
            SELECT dataset FROM reference.datasets WHERE kind = 'employer' AND NOT links_person)"""
