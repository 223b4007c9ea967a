"""The column dictionary: what each column name means, once, everywhere.

Belongs here: reading `columns*.yaml` and telling the SQL type of a kind. Does not belong
here: which table has which columns (contracts and table specifications say that).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Literal

from warehouse.documents import load_yaml

PiiClass = Literal["none", "general", "specific"]

SQL_TYPES: dict[str, str] = {
    "text": "VARCHAR",
    "name": "VARCHAR",
    "identifier": "VARCHAR",
    "nik": "VARCHAR",
    "npwp": "VARCHAR",
    "nib": "VARCHAR",
    "npp": "VARCHAR",
    "kpj": "VARCHAR",
    "ahu_number": "VARCHAR",
    "phone": "VARCHAR",
    "date": "DATE",
    "period": "VARCHAR",
    "money": "BIGINT",
    "integer": "BIGINT",
    "persons": "DECIMAL(18,6)",
    "rate": "DOUBLE",
    "number": "DOUBLE",
    "boolean": "BOOLEAN",
    "timestamp": "TIMESTAMP",
    "region": "VARCHAR",
    "code": "VARCHAR",
    "kbli": "VARCHAR",
    "kbli_vintage": "SMALLINT",
    "vocabulary": "VARCHAR",
    "list": "VARCHAR[]",
}
"""Canonical SQL type of each kind of column. Counts of persons are exact decimals because
they are sums of link probabilities in whole millionths."""


@dataclass(frozen=True)
class ColumnMeaning:
    """One entry of the dictionary.

    Attributes:
        name: the column's name in every table that has it.
        kind: how its values are read and stored, a key of `SQL_TYPES`.
        pii: class of personal data under UU 27/2022: none, general or specific.
        id: what it means, in Indonesian.
        en: what it means, in English.
        unit: unit of a number, empty where there is none.
    """

    name: str
    kind: str
    pii: PiiClass
    id: str
    en: str
    unit: str = ""

    @property
    def sql_type(self) -> str:
        """DuckDB type of the canonical column."""
        return SQL_TYPES[self.kind]

    @property
    def comment(self) -> str:
        """The comment that tables carry, in both languages."""
        unit = f" [{self.unit}]" if self.unit else ""
        return f"ID: {self.id}{unit} | EN: {self.en}{unit}"


def _entries() -> Iterator[tuple[str, dict[str, Any]]]:
    """Give the entries of `columns.yaml` and of the files that continue it."""
    for name in ("columns.yaml", "columns_compliance.yaml", "columns_change.yaml"):
        text = files("warehouse").joinpath(name).read_text(encoding="utf-8")
        yield from load_yaml(text).items()


@cache
def dictionary() -> dict[str, ColumnMeaning]:
    """Read the dictionary.

    Returns:
        Meanings by column name.

    Raises:
        ValueError: an entry stands twice, has an unknown kind or class, or lacks a text.
    """
    meanings: dict[str, ColumnMeaning] = {}
    for name, entry in _entries():
        if name in meanings:
            raise ValueError(f"columns.yaml: {name} is described a second time")
        meaning = ColumnMeaning(
            name=name,
            kind=entry["kind"],
            pii=entry.get("pii", "none"),
            id=entry["id"],
            en=entry["en"],
            unit=entry.get("unit", ""),
        )
        if meaning.kind not in SQL_TYPES:
            raise ValueError(f"columns.yaml: {name} has the unknown kind {meaning.kind!r}")
        if meaning.pii not in ("none", "general", "specific"):
            raise ValueError(f"columns.yaml: {name} has the unknown class {meaning.pii!r}")
        meanings[name] = meaning
    return meanings


def meaning(name: str) -> ColumnMeaning:
    """Look one column up.

    Raises:
        KeyError: the dictionary has no such column.
    """
    try:
        return dictionary()[name]
    except KeyError:
        raise KeyError(f"column {name!r} is not in warehouse/columns.yaml: add it there") from None
