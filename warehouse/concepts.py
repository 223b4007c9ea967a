"""What the published columns are about, and which delivered columns they come from.

Belongs here: reading `concepts.yaml`, and telling concept, measure, classification and sources
of a published column. Does not belong here: what a single column means (warehouse/columns.py),
which dataset delivers a column (contracts; `reference.dataset_columns`), and how dictionary and
lineage are written into a publication (warehouse/publication/lineage.py).

The five fields konsep, definisi, klasifikasi, ukuran and satuan are those of statistical
metadata under Perpres 39/2019 on Satu Data Indonesia, article 5 and BPS regulation 5/2020.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from warehouse.documents import load_yaml
from warehouse.tables import TableSpec, table_specs

MEASURES = ("jumlah", "nilai", "rasio", "kode", "kategori", "tanggal")
REFERENCE = "acuan"
"""The concept of tables that hold facts from public sources as they are."""


@dataclass(frozen=True)
class Concept:
    """One concept of the dictionary.

    Attributes:
        key: its name in `concepts.yaml`.
        id: the concept in Indonesian.
        en: the concept in English.
        text_id: its definition in Indonesian.
        text_en: its definition in English.
        measure: how its columns are measured, one of `MEASURES`.
        classification: the code list or standard that its values follow, else empty.
        columns: the published columns that it covers.
        sources: what they come from: `kind.column` of the contracts, `reference.<table>`, or a
            name in angle brackets for what is noted down on the way.
        made_by: files that make the columns, from the project's root.
    """

    key: str
    id: str
    en: str
    text_id: str
    text_en: str
    measure: str
    classification: str
    columns: tuple[str, ...]
    sources: tuple[str, ...]
    made_by: tuple[str, ...]


@cache
def _document() -> dict[str, Any]:
    text = files("warehouse").joinpath("concepts.yaml").read_text(encoding="utf-8")
    document: dict[str, Any] = load_yaml(text)
    return document


@cache
def concepts() -> dict[str, Concept]:
    """Read the concepts.

    Returns:
        Concepts by key, in the order of the file.

    Raises:
        ValueError: a measure or a group of evidence is unknown, or a column stands in two
            concepts.
    """
    document = _document()
    evidence: dict[str, list[str]] = document["evidence"]
    found: dict[str, Concept] = {}
    taken: dict[str, str] = {}
    for key, entry in document["concepts"].items():
        if entry["measure"] not in MEASURES:
            raise ValueError(f"concepts.yaml: {key} has the unknown measure {entry['measure']!r}")
        sources: list[str] = []
        for name in entry["from"]:
            if name in evidence:
                sources += evidence[name]
            elif "." in name or name.startswith("<"):
                sources.append(name)
            else:
                raise ValueError(f"concepts.yaml: {key} names unknown evidence {name!r}")
        for column in entry["columns"]:
            if column in taken:
                raise ValueError(f"concepts.yaml: {column} stands in {taken[column]} and {key}")
            taken[column] = key
        found[key] = Concept(
            key=key,
            id=entry["id"],
            en=entry["en"],
            text_id=entry["text_id"],
            text_en=entry["text_en"],
            measure=entry["measure"],
            classification=entry.get("classification", ""),
            columns=tuple(entry["columns"]),
            sources=tuple(dict.fromkeys(sources)),
            made_by=tuple(entry["by"]),
        )
    return found


@cache
def _concept_by_column() -> dict[str, Concept]:
    return {column: c for c in concepts().values() for column in c.columns}


def concept_of(table: TableSpec | None, column: str) -> Concept:
    """Tell the concept of a published column.

    Args:
        table: the table's specification; None for a reference table of public facts.
        column: the column.

    Raises:
        KeyError: no concept covers the column.
    """
    if table is None:
        return concepts()[REFERENCE]
    try:
        return _concept_by_column()[column]
    except KeyError:
        raise KeyError(
            f"column {column!r} of {table.qualified} belongs to no concept: name it under one "
            "in warehouse/concepts.yaml"
        ) from None


def unit_in_indonesian(unit: str) -> str:
    """Translate a unit of the column dictionary; an empty one stays empty.

    Raises:
        KeyError: the unit has no translation in `concepts.yaml`.
    """
    return str(_document()["units"][unit]) if unit else ""


def specification(schema: str, table: str) -> TableSpec | None:
    """Look the specification of a published table up; None where it is a reference table."""
    spec = table_specs().get(table)
    return spec if spec is not None and spec.schema == schema else None
