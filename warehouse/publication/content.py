"""What a publication holds: which tables, copied from where, and how to tell it changed.

Belongs here: filling an attached, empty database; fingerprints. Does not belong here: the
data dictionary (dictionary.py), folders and pointers, the personal-data check.
"""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

from warehouse.storage import count, literal, quote, scalar, text_key, transaction
from warehouse.tables import TableSpec, create_tables, table_specs

PUBLISHED_SCHEMAS = ("coverage", "quality", "reference")

REFERENCE_TABLES = (
    "provinces", "regencies", "region_codes", "sectors", "kbli_sections", "kbli_divisions",
    "contribution_rates", "contribution_discounts", "construction_rates", "jkk_rates",
    "jp_ceilings", "minimum_wages", "minimum_wage_obligations", "programme_obligations",
    "compliance_rules", "public_bodies",
    "occupations", "addressees", "addressee_agencies", "reason_codes", "sakernas", "datasets",
    "instruction_rules", "clauses", "dataset_columns",
)  # fmt: skip
"""Facts that go along as they are; tables that only linkage needs stay behind."""

MADE_INSIDE = ("coverage_trend", "publication_change")
"""Specified tables that a publication makes of its own months (changes.py)."""

_COMPARED = "previous_period"
"""Column of the earlier month, in tables that compare two."""

_VIEWS = {
    "regions": (
        "SELECT r.regency_code, r.regency, r.kind, r.province_code, p.province, "
        "r.bps_code, r.population, r.valid_from, r.valid_to, r.source "
        "FROM reference.regencies AS r LEFT JOIN reference.provinces AS p "
        "ON p.province_code = r.province_code AND p.valid_to IS NULL",
        "Kabupaten dan kota dengan provinsinya",
        "Regencies and cities with their province",
    ),
    "rates": (
        "SELECT * FROM reference.contribution_rates",
        "Tarif iuran menurut program dan segmen, dengan tanggal berlaku",
        "Contribution rates by programme and segment, with their dates",
    ),
    "lineage": (
        "SELECT s.table_schema, s.table_name, s.column_name, s.lineage_kind, s.lineage_column, "
        "d.dataset, d.provider, d.headers, s.made_by "
        "FROM reference.column_sources AS s LEFT JOIN ("
        "SELECT kind, dataset, provider, delivered_column, c.headers "
        "FROM reference.datasets JOIN reference.dataset_columns AS c USING (dataset)"
        ") AS d ON d.kind = s.lineage_kind AND d.delivered_column = s.lineage_column",
        "Asal setiap kolom terbitan: dari kolom kiriman mana, pada daftar mana",
        "Where each published column comes from: which delivered column of which dataset",
    ),
}


@dataclass(frozen=True)
class Target:
    """An attached database that is being filled.

    Attributes:
        con: the restricted warehouse.
        database: name of the attached database.
    """

    con: duckdb.DuckDBPyConnection
    database: str

    def place(self, schema: str, table: str) -> str:
        """Give the quoted three-part name of a table."""
        return f"{quote(self.database)}.{quote(schema)}.{quote(table)}"


def period_tables() -> list[TableSpec]:
    """List the specified tables whose rows belong to periods, in a fixed order."""
    return [
        spec
        for spec in sorted(table_specs().values(), key=lambda spec: spec.qualified)
        if spec.schema in ("coverage", "quality") and spec.name not in MADE_INSIDE
    ]


def fill(target: Target, period: str, base: str | None) -> dict[str, int]:
    """Fill the target: one period from the restricted warehouse, the others from `base`.

    Args:
        target: an attached, empty database.
        period: the month that is published.
        base: name of the attached earlier publication, if there is one.

    Returns:
        Rows by `schema.table`.
    """
    con = target.con
    # A table that no stage has filled yet is published empty, with its comments.
    create_tables(con)
    rows: dict[str, int] = {}
    with transaction(con):
        for schema in PUBLISHED_SCHEMAS:
            con.execute(f"CREATE SCHEMA {quote(target.database)}.{quote(schema)}")
        for spec in period_tables():
            rows[spec.qualified] = _fill_table(target, spec, period, base)
        for spec in period_tables():
            if _COMPARED in spec.grain:
                rows[spec.qualified] = _keep_published(target, spec)
        for table in REFERENCE_TABLES:
            if _exists(con, str(scalar(con, "SELECT current_database()")), "reference", table):
                rows[f"reference.{table}"] = _copy_with_comments(target, table)
    return rows


def _fill_table(target: Target, spec: TableSpec, period: str, base: str | None) -> int:
    con, place = target.con, target.place(spec.schema, spec.name)
    con.execute(spec.ddl(place))
    order = ", ".join(quote(name) for name in spec.grain)
    # A comparison belongs to both its months: it is made anew with either of them.
    months = ["period", *(name for name in spec.grain if name == _COMPARED)]
    own = " OR ".join(f"{month} = {literal(period)}" for month in months)
    parts = [f"SELECT * FROM {spec.qualified} WHERE {own}"]
    if base and _exists(con, base, spec.schema, spec.name):
        parts.append(
            f"SELECT * FROM {Target(con, base).place(spec.schema, spec.name)} WHERE NOT ({own})"
        )
    body = " UNION ALL BY NAME ".join(parts)
    con.execute(f"INSERT INTO {place} BY NAME SELECT * FROM ({body}) ORDER BY {order}")
    con.execute(spec.comments(place))
    return count(con, place)


def _keep_published(target: Target, spec: TableSpec) -> int:
    """Leave comparisons out that stand on another version of a month than the published one.

    The restricted warehouse may hold a month that was run again and not published since.

    Returns:
        The rows that are left.
    """
    con, place = target.con, target.place(spec.schema, spec.name)
    change, national = (
        target.place("coverage", name) for name in ("coverage_change", "coverage_national")
    )
    con.execute(f"""
        DELETE FROM {place} WHERE (period, {_COMPARED}) NOT IN (
            SELECT (c.period, c.{_COMPARED}) FROM (
                SELECT period, {_COMPARED}, basis, denominator_id, sum(workers) AS workers,
                    sum(workers_before) AS workers_before, sum(active) AS active,
                    sum(active_before) AS active_before
                FROM {change} GROUP BY ALL
            ) AS c
            LEFT JOIN {national} AS n USING (period, basis, denominator_id)
            LEFT JOIN {national} AS b ON b.period = c.{_COMPARED} AND b.basis = c.basis
                AND b.denominator_id = c.denominator_id
            GROUP BY c.period, c.{_COMPARED}
            HAVING bool_and(coalesce((c.workers, c.active, c.workers_before, c.active_before)
                = (n.workers, n.active, b.workers, b.active), false))
        )""")
    return count(con, place)


def _copy_with_comments(target: Target, table: str) -> int:
    con, place = target.con, target.place("reference", table)
    con.execute(f"CREATE TABLE {place} AS FROM reference.{quote(table)} ORDER BY ALL")
    for column, comment in con.execute(
        "SELECT column_name, comment FROM duckdb_columns() WHERE schema_name = 'reference' "
        "AND database_name = current_database() AND table_name = ? AND comment IS NOT NULL",
        [table],
    ).fetchall():
        con.execute(f"COMMENT ON COLUMN {place}.{quote(column)} IS {literal(comment)}")
    for (comment,) in con.execute(
        "SELECT comment FROM duckdb_tables() WHERE schema_name = 'reference' "
        "AND database_name = current_database() AND table_name = ? AND comment IS NOT NULL",
        [table],
    ).fetchall():
        con.execute(f"COMMENT ON TABLE {place} IS {literal(comment)}")
    return count(con, place)


def add_views(con: duckdb.DuckDBPyConnection) -> None:
    """Add the views of schema reference to a published database opened by itself."""
    for name, (select, text_id, text_en) in _VIEWS.items():
        con.execute(f"CREATE VIEW reference.{name} AS {select}")
        comment = f"ID: {text_id} | EN: {text_en}"
        con.execute(f"COMMENT ON VIEW reference.{name} IS {literal(comment)}")
        _comment_view(con, name)


def _comment_view(con: duckdb.DuckDBPyConnection, name: str) -> None:
    """Give a view's columns the comments of the tables' columns of the same name."""
    for column, comment in con.execute(
        "SELECT v.column_name, min(t.comment) FROM duckdb_columns() AS v "
        "JOIN duckdb_columns() AS t ON t.schema_name = 'reference' "
        "AND t.column_name = v.column_name AND t.comment IS NOT NULL "
        "WHERE v.schema_name = 'reference' AND v.table_name = ? "
        "GROUP BY v.column_name ORDER BY 1",
        [name],
    ).fetchall():
        con.execute(f"COMMENT ON COLUMN reference.{name}.{quote(column)} IS {literal(comment)}")


def fingerprint(con: duckdb.DuckDBPyConnection, relation: str, where: str = "true") -> str:
    """Give a fingerprint of a table's rows that does not depend on their order."""
    rows, total = con.execute(
        f"SELECT count(*), coalesce(sum({text_key('t::VARCHAR')}::HUGEINT), 0) "
        f"FROM {relation} AS t WHERE {where}"
    ).fetchall()[0]
    return f"{rows}-{total:x}"


def period_fingerprints(target: Target, period: str) -> dict[str, str]:
    """Give the fingerprint of each table's rows of one period, by `schema.table`."""
    con = target.con
    return {
        spec.qualified: fingerprint(
            con, target.place(spec.schema, spec.name), f"period = {literal(period)}"
        )
        for spec in period_tables()
        if _exists(con, target.database, spec.schema, spec.name)
    }


def _exists(con: duckdb.DuckDBPyConnection, database: str, schema: str, table: str) -> bool:
    return bool(
        scalar(
            con,
            "SELECT count(*) > 0 FROM duckdb_tables() "
            "WHERE database_name = ? AND schema_name = ? AND table_name = ?",
            [database, schema, table],
        )
    )
