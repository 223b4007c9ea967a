"""Which column of a file is which column of the contract.

Belongs here: matching header texts, and refusing a header that lacks or doubles a column.
Does not belong here: finding the header in a file.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from sources.contracts import Contract
from warehouse.errors import DataRefused

MAX_COLUMNS = 1_000
"""A register has some dozens; a table of a hundred thousand takes hours to plan."""

_BLANKS = re.compile(r"[\s\u00a0\ufeff\u200b]+")


@dataclass(frozen=True)
class Header:
    """A matched header.

    Attributes:
        positions: canonical column name to its place in the file, counted from 0.
        extra: header texts that the contract does not know, as delivered.
        width: number of columns in the file.
    """

    positions: dict[str, int]
    extra: tuple[str, ...]
    width: int


def normal(text: str) -> str:
    """Give a header text as it is compared: no case, no surrounding or doubled blanks."""
    return _BLANKS.sub(" ", text).strip().lower()


def matches(names: Sequence[str], contract: Contract) -> int:
    """Count the names that the contract knows."""
    known = {header for column in contract.columns for header in column.headers}
    return sum(normal(name) in known for name in names)


def match(names: Sequence[str], contract: Contract, file: str) -> Header:
    """Match header texts with the contract's columns.

    Raises:
        DataRefused: SCHEMA_DRIFT for a missing required or a doubled column. Nothing of a
            first line that matches no column is quoted: it may be a row of data.
    """
    if len(names) > MAX_COLUMNS:
        raise DataRefused(
            f"{file} has {len(names)} columns, more than {MAX_COLUMNS}: it is no table of "
            f"{contract.key}, or its delimiter is not the declared one; deliver the columns of "
            "the contract",
            code="SCHEMA_DRIFT",
        )
    canonical = {header: column.name for column in contract.columns for header in column.headers}
    positions: dict[str, int] = {}
    extra: list[str] = []
    seen: set[str] = set()
    twice: list[str] = []
    for place, text in enumerate(names):
        name = normal(text)
        column = canonical.get(name)
        if column is None:
            if name:
                extra.append(text.strip())
                twice += [text.strip()] if name in seen else []
        elif column in positions:
            twice.append(column)
        else:
            positions[column] = place
        seen.add(name)
    missing = [c.name for c in contract.columns if c.required and c.name not in positions]
    if not positions:
        raise DataRefused(
            f"{file}: no header: its first line names none of the columns of {contract.key}; "
            f"the first line must name at least {', '.join(missing)}",
            code="SCHEMA_DRIFT",
        )
    if missing:
        unknown = f"; columns the contract does not know: {_few(extra)}" if extra else ""
        raise DataRefused(
            f"{file}: required column missing: {', '.join(missing)}{unknown}. Deliver it under "
            f"that name, or add its header to the contract of {contract.key}",
            code="SCHEMA_DRIFT",
        )
    if twice:
        raise DataRefused(
            f"{file}: column delivered twice: {', '.join(dict.fromkeys(twice))}; keep one of each",
            code="SCHEMA_DRIFT",
        )
    return Header(positions, tuple(extra), len(names))


def _few(names: Sequence[str]) -> str:
    shown = ", ".join(name[:40] for name in names[:8])
    return shown + (f" and {len(names) - 8} more" if len(names) > 8 else "")
