"""The dictionary of a publication: what each column is, and what it comes from.

Belongs here: filling `reference.data_dictionary` and `reference.column_sources` from the
comments that the published tables carry, the column dictionary and the concepts. Does not
belong here: pages and workbooks made of them (publishing/dictionary), or the meanings
themselves (warehouse/columns.yaml, warehouse/concepts.yaml).
"""

from __future__ import annotations

import pyarrow as pa

from warehouse.concepts import concept_of, specification, unit_in_indonesian
from warehouse.publication.content import Target
from warehouse.storage import count, literal
from warehouse.tables import table_specs

_REFERENCE = "reference"


def write_dictionary(target: Target) -> dict[str, int]:
    """Write the dictionary and the sources of every published column.

    Args:
        target: the publication, with all its other tables and their comments.

    Returns:
        Rows by `schema.table`.

    Raises:
        KeyError: a published column belongs to no concept, or its unit has no translation.
    """
    specs = table_specs()
    for name in ("data_dictionary", "column_sources"):
        place = target.place(_REFERENCE, name)
        target.con.execute(specs[name].ddl(place))
        target.con.execute(specs[name].comments(place))
    return {
        "reference.data_dictionary": _write_columns(target),
        "reference.column_sources": _write_sources(target),
    }


def _columns(target: Target) -> list[tuple[str, str, str, str]]:
    """List schema, table, column and unit of all published columns, in a fixed order."""
    return target.con.execute(
        f"""
        SELECT schema_name, table_name, column_name,
            regexp_extract(comment, '\\[([^\\]]*)\\] \\| EN: ', 1)
        FROM duckdb_columns()
        WHERE database_name = {literal(target.database)}
        ORDER BY ALL
        """
    ).fetchall()


def _write_columns(target: Target) -> int:
    con, place = target.con, target.place(_REFERENCE, "data_dictionary")
    grain = ", ".join(
        f"({literal(s.schema)}, {literal(s.name)}, {literal(name)})"
        for s in table_specs().values()
        for name in s.grain
    )
    facts = []
    for schema, table, column, unit in _columns(target):
        concept = concept_of(specification(schema, table), column)
        values = (
            schema, table, column, concept.id, concept.en, concept.text_id, concept.text_en,
            concept.measure, concept.classification, unit_in_indonesian(unit),
        )  # fmt: skip
        facts.append(f"({', '.join(literal(value) for value in values)})")
    con.execute(
        f"""
        INSERT INTO {place} BY NAME
        SELECT
            c.schema_name AS table_schema, c.table_name, c.column_name,
            c.column_index AS column_position, c.data_type,
            (c.schema_name, c.table_name, c.column_name) IN ({grain}) AS in_grain,
            regexp_extract(c.comment, '\\[([^\\]]*)\\] \\| EN: ', 1) AS unit,
            regexp_replace(
                regexp_extract(c.comment, '^ID: (.*) \\| EN: ', 1), ' \\[[^\\]]*\\]$', ''
            ) AS meaning_id,
            regexp_replace(
                regexp_extract(c.comment, ' \\| EN: (.*)$', 1), ' \\[[^\\]]*\\]$', ''
            ) AS meaning_en,
            f.concept, f.concept_en, f.concept_text_id, f.concept_text_en,
            -- A text or a yes and no is no count, whatever the concept that it belongs to counts.
            CASE WHEN c.data_type IN ('VARCHAR', 'VARCHAR[]', 'BOOLEAN')
                AND f.measure IN ('jumlah', 'nilai', 'rasio') THEN 'kategori' ELSE f.measure END
                AS measure,
            f.classification, f.unit_id
        FROM duckdb_columns() AS c
        JOIN (VALUES {", ".join(facts)}) AS f(
            table_schema, table_name, column_name, concept, concept_en, concept_text_id,
            concept_text_en, measure, classification, unit_id
        )
        ON f.table_schema = c.schema_name AND f.table_name = c.table_name
            AND f.column_name = c.column_name
        WHERE c.database_name = {literal(target.database)}
        ORDER BY ALL
        """
    )
    return count(con, place)


def _write_sources(target: Target) -> int:
    con, place = target.con, target.place(_REFERENCE, "column_sources")
    names = ("table_schema", "table_name", "column_name", "lineage_kind", "lineage_column")
    rows: list[tuple[str, ...]] = []
    made_by: list[list[str]] = []
    for schema, table, column, _ in _columns(target):
        concept = concept_of(specification(schema, table), column)
        for source in concept.sources:
            kind, _, delivered = source.strip("<>").partition(".")
            rows.append((schema, table, column, kind, delivered))
            made_by.append(list(concept.made_by))
    # As a table: the same rows as one VALUES clause took DuckDB half a second to parse.
    columns: dict[str, pa.Array] = {
        name: pa.array([row[at] for row in rows], pa.string()) for at, name in enumerate(names)
    }
    columns["made_by"] = pa.array(made_by, pa.list_(pa.string()))
    con.register("dictionary_sources", pa.table(columns))
    try:
        con.execute(f"INSERT INTO {place} BY NAME SELECT * FROM dictionary_sources ORDER BY ALL")
    finally:
        con.unregister("dictionary_sources")
    return count(con, place)
