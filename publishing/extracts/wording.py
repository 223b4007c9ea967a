"""How columns and codes are written for people: headings, words for codes, months.

Belongs here: reading `labels.yaml` and small Indonesian wordings. Does not belong here: what
a column means (warehouse/columns.yaml) but for the few that only extracts have.
"""

from __future__ import annotations

import datetime as dt
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from warehouse.columns import ColumnMeaning, dictionary

MONTHS = (
    "Januari", "Februari", "Maret", "April", "Mei", "Juni", "Juli", "Agustus", "September",
    "Oktober", "November", "Desember",
)  # fmt: skip


@cache
def _read() -> dict[str, dict[str, Any]]:
    text = files("publishing.extracts").joinpath("labels.yaml").read_text("utf-8")
    return dict(yaml.safe_load(text))


@cache
def meaning_of(name: str) -> ColumnMeaning:
    """Look a column up: the warehouse's dictionary first, then the extracts' own columns.

    Raises:
        KeyError: neither has it.
    """
    if name in dictionary():
        return dictionary()[name]
    own = _read()["own"][name]
    return ColumnMeaning(
        name=name,
        kind=own["kind"],
        pii=own.get("pii", "none"),
        id=own["id"],
        en=own["en"],
        unit=own.get("unit", ""),
    )


def label(column: ColumnMeaning) -> str:
    """Give the short heading of a column, in Indonesian."""
    read = _read()
    own = read["own"].get(column.name, {})
    return str(read["labels"].get(column.name) or own.get("label") or column.id)


def words(column: str) -> dict[str, str]:
    """Give the words for a column's codes; none where the codes are shown as they are."""
    return dict(_read()["values"].get(column, {}))


def month(period: str) -> str:
    """Write a period in words, such as `Oktober 2026`."""
    return f"{MONTHS[int(period[5:7]) - 1]} {period[:4]}"


def day(date: dt.date) -> str:
    """Write a date in words, such as `23 November 2026`."""
    return f"{date.day} {MONTHS[date.month - 1]} {date.year}"


def number(value: float, places: int = 0) -> str:
    """Write a number as in Indonesia: dots between thousands, a comma before decimals."""
    return f"{value:,.{places}f}".translate(str.maketrans(",.", ".,"))


def percent(rate: float | None) -> str:
    """Write a rate from 0 to 1 as a percentage with one decimal; a dash for none."""
    return "–" if rate is None else f"{number(rate * 100, 1)}%"
