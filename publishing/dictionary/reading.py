"""The dictionary as a published warehouse holds it.

Belongs here: reading tables, columns, concepts and lineage from one published file. Does not
belong here: how they are shown (page.py, workbook.py, package.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import duckdb

SCHEMAS = ("coverage", "quality", "reference")


@dataclass(frozen=True)
class Column:
    """One published column.

    Attributes:
        name: its name.
        data_type: its DuckDB type.
        in_grain: it helps to identify a row.
        unit: its unit in English, empty where there is none.
        unit_id: its unit in Indonesian.
        meaning_id: its definition in Indonesian.
        meaning_en: its definition in English.
        concept: the concept it belongs to, in Indonesian.
        measure: how it is measured.
        classification: the code list it follows, else empty.
    """

    name: str
    data_type: str
    in_grain: bool
    unit: str
    unit_id: str
    meaning_id: str
    meaning_en: str
    concept: str
    measure: str
    classification: str


@dataclass(frozen=True)
class Table:
    """One published table.

    Attributes:
        schema: its schema.
        name: its name.
        id: what it shows, in Indonesian.
        en: what it shows, in English.
        rows: rows in this publication.
        columns: its columns, in order.
    """

    schema: str
    name: str
    id: str
    en: str
    rows: int
    columns: tuple[Column, ...]

    @property
    def qualified(self) -> str:
        """`schema.table`."""
        return f"{self.schema}.{self.name}"


@dataclass(frozen=True)
class Source:
    """What one concept comes from, for one column of a kind of dataset.

    Attributes:
        kind: kind of dataset, `reference`, or what a run notes down.
        column: the delivered column; a reference table's name; empty for notes of a run.
        datasets: the datasets that deliver it.
    """

    kind: str
    column: str
    datasets: tuple[str, ...]


@dataclass(frozen=True)
class Concept:
    """One concept, with the way of its figures.

    Attributes:
        id: the concept in Indonesian.
        en: the concept in English.
        text_id: its definition in Indonesian.
        text_en: its definition in English.
        measure: how it is measured.
        classification: the code list it follows, else empty.
        made_by: the files that make its columns.
        sources: what it comes from.
    """

    id: str
    en: str
    text_id: str
    text_en: str
    measure: str
    classification: str
    made_by: tuple[str, ...]
    sources: tuple[Source, ...]


@dataclass(frozen=True)
class Dataset:
    """One dataset that is taken in.

    Attributes:
        key: its key.
        title: its title, in Indonesian.
        provider: who delivers it.
        kind: its kind.
        columns: delivered column, accepted headers, whether the header must be there.
    """

    key: str
    title: str
    provider: str
    kind: str
    columns: tuple[tuple[str, tuple[str, ...], bool], ...]


@dataclass(frozen=True)
class Dictionary:
    """All that a published warehouse says of itself.

    Attributes:
        publication: the publication's name.
        period: its month.
        code_version: version of the program that made it.
        published_at: when, as text in UTC to the second.
        tables: the tables, by schema and name.
        concepts: the concepts that the tables use.
        datasets: the datasets that they come from.
    """

    publication: str
    period: str
    code_version: str
    published_at: str
    tables: tuple[Table, ...]
    concepts: tuple[Concept, ...]
    datasets: tuple[Dataset, ...]


def read_dictionary(warehouse: Path) -> Dictionary:
    """Read the dictionary of a published warehouse.

    Args:
        warehouse: a publication's `cakupan.duckdb`; it is opened read-only.

    Raises:
        duckdb.Error: the file is not a publication of this version.
    """
    with duckdb.connect(str(warehouse), read_only=True) as con:
        publication, period, version, at = con.execute(
            "SELECT publication, period, code_version, strftime(published_at, '%Y-%m-%d %H:%M:%S') "
            "FROM reference.publication ORDER BY publication_sequence DESC LIMIT 1"
        ).fetchall()[0]
        return Dictionary(
            publication=publication,
            period=period,
            code_version=version,
            published_at=at,
            tables=_tables(con),
            concepts=_concepts(con),
            datasets=_datasets(con),
        )


def _tables(con: duckdb.DuckDBPyConnection) -> tuple[Table, ...]:
    columns: dict[tuple[str, str], list[Column]] = {}
    for schema, table, *rest in con.execute(
        "SELECT table_schema, table_name, column_name, data_type, in_grain, unit, unit_id, "
        "meaning_id, meaning_en, concept, measure, classification "
        "FROM reference.data_dictionary ORDER BY table_schema, table_name, column_position"
    ).fetchall():
        columns.setdefault((schema, table), []).append(Column(*rest))
    described = con.execute(
        "SELECT schema_name, table_name, regexp_extract(comment, '^ID: (.*) \\| EN: ', 1), "
        "regexp_extract(comment, ' \\| EN: (.*)$', 1), estimated_size "
        "FROM duckdb_tables() WHERE NOT internal ORDER BY 1, 2"
    ).fetchall()
    return tuple(
        Table(schema, name, text_id or "", text_en or "", rows, tuple(columns[schema, name]))
        for schema, name, text_id, text_en, rows in described
        if (schema, name) in columns
    )


def _concepts(con: duckdb.DuckDBPyConnection) -> tuple[Concept, ...]:
    # All columns of a concept have the same sources, so one column stands for it.
    sources: dict[str, dict[Source, None]] = {}
    made_by: dict[str, tuple[str, ...]] = {}
    for concept, kind, column, datasets, by in con.execute(
        """
        WITH one AS (
            SELECT concept, min((table_schema, table_name, column_name)) AS example
            FROM reference.data_dictionary GROUP BY concept
        )
        SELECT o.concept, l.lineage_kind, l.lineage_column,
            list(DISTINCT l.dataset ORDER BY l.dataset) FILTER (l.dataset IS NOT NULL),
            any_value(l.made_by)
        FROM one AS o JOIN reference.lineage AS l
        ON (l.table_schema, l.table_name, l.column_name) = o.example
        GROUP BY ALL ORDER BY 1, 2, 3
        """
    ).fetchall():
        sources.setdefault(concept, {})[Source(kind, column, tuple(datasets or ()))] = None
        made_by[concept] = tuple(by)
    return tuple(
        Concept(name, en, text_id, text_en, measure, code, made_by[name], tuple(sources[name]))
        for name, en, text_id, text_en, measure, code in con.execute(
            # Texts of a concept that is counted are told as categories: the concept is a count.
            "SELECT concept, concept_en, concept_text_id, concept_text_en, "
            "coalesce(min(measure) FILTER (measure <> 'kategori'), 'kategori') AS measure, "
            "classification FROM reference.data_dictionary GROUP BY ALL ORDER BY concept"
        ).fetchall()
    )


def _datasets(con: duckdb.DuckDBPyConnection) -> tuple[Dataset, ...]:
    columns: dict[str, list[tuple[str, tuple[str, ...], bool]]] = {}
    for dataset, column, headers, required in con.execute(
        "SELECT dataset, delivered_column, headers, header_required "
        "FROM reference.dataset_columns ORDER BY ALL"
    ).fetchall():
        columns.setdefault(dataset, []).append((column, tuple(headers), required))
    return tuple(
        Dataset(key, title, provider, kind, tuple(columns.get(key, ())))
        for key, title, provider, kind in con.execute(
            "SELECT dataset, title, provider, kind FROM reference.datasets ORDER BY dataset"
        ).fetchall()
    )
