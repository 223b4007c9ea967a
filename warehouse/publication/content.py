"""What a publication holds: which tables, copied from where, and how to tell it changed.

Belongs here: filling an attached, empty database; fingerprints; the data dictionary. Does
not belong here: folders and pointers, the personal-data check.
"""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

from warehouse.storage import count, literal, quote, scalar, transaction
from warehouse.tables import TableSpec, create_tables, table_specs

PUBLISHED_SCHEMAS = ("coverage", "quality", "reference")

REFERENCE_TABLES = (
    "provinces", "regencies", "region_codes", "sectors", "kbli_sections", "kbli_divisions",
    "contribution_rates", "contribution_discounts", "construction_rates", "jkk_rates",
    "jp_ceilings", "minimum_wages", "minimum_wage_obligations", "programme_obligations",
    "compliance_rules", "public_bodies",
    "occupations", "addressees", "addressee_agencies", "reason_codes", "sakernas", "datasets",
    "instruction_rules", "clauses",
)  # fmt: skip
"""Facts that go along as they are; tables that only linkage needs stay behind."""

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
        if spec.schema in ("coverage", "quality")
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
        for table in REFERENCE_TABLES:
            if _exists(con, str(scalar(con, "SELECT current_database()")), "reference", table):
                rows[f"reference.{table}"] = _copy_with_comments(target, table)
    return rows


def _fill_table(target: Target, spec: TableSpec, period: str, base: str | None) -> int:
    con, place = target.con, target.place(spec.schema, spec.name)
    con.execute(spec.ddl(place))
    order = ", ".join(quote(name) for name in spec.grain)
    parts = [f"SELECT * FROM {spec.qualified} WHERE period = {literal(period)}"]
    if base and _exists(con, base, spec.schema, spec.name):
        parts.append(
            f"SELECT * FROM {Target(con, base).place(spec.schema, spec.name)} "
            f"WHERE period <> {literal(period)}"
        )
    body = " UNION ALL BY NAME ".join(parts)
    con.execute(f"INSERT INTO {place} BY NAME SELECT * FROM ({body}) ORDER BY {order}")
    con.execute(spec.comments(place))
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


def write_dictionary(target: Target) -> int:
    """Write `reference.data_dictionary` from the comments that the tables carry.

    Returns:
        The number of columns described.
    """
    con, spec = target.con, table_specs()["data_dictionary"]
    place = target.place(spec.schema, spec.name)
    con.execute(spec.ddl(place))
    con.execute(spec.comments(place))
    grain = ", ".join(
        f"({literal(s.schema)}, {literal(s.name)}, {literal(name)})"
        for s in table_specs().values()
        for name in s.grain
    )
    con.execute(
        f"""
        INSERT INTO {place} BY NAME
        SELECT
            schema_name AS table_schema, table_name, column_name,
            column_index AS column_position, data_type,
            (schema_name, table_name, column_name) IN ({grain}) AS in_grain,
            regexp_extract(comment, '\\[([^\\]]*)\\] \\| EN: ', 1) AS unit,
            regexp_replace(
                regexp_extract(comment, '^ID: (.*) \\| EN: ', 1), ' \\[[^\\]]*\\]$', ''
            ) AS meaning_id,
            regexp_replace(
                regexp_extract(comment, ' \\| EN: (.*)$', 1), ' \\[[^\\]]*\\]$', ''
            ) AS meaning_en
        FROM duckdb_columns()
        WHERE database_name = {literal(target.database)}
        ORDER BY ALL
        """
    )
    return count(con, place)


def fingerprint(con: duckdb.DuckDBPyConnection, relation: str, where: str = "true") -> str:
    """Give a fingerprint of a table's rows that does not depend on their order."""
    rows, total = con.execute(
        f"SELECT count(*), coalesce(sum(md5_number_lower(t::VARCHAR)::HUGEINT), 0) "
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
