"""What a check names when a row tells too much: its table, its codes, never a figure.

Belongs here: that alone. Does not belong here: the checks.
"""

from __future__ import annotations

from dataclasses import dataclass

SAME = 0.5
"""Persons. What has changed by less has changed in its probability; the rest is rounding."""

Sides = tuple[str, str]
"""The released and the exact schema of one publication."""


@dataclass(frozen=True)
class Leak:
    """A row that tells a few by a difference.

    Attributes:
        table: the released table.
        key: what names the row: column and code.
        gone: figures that have to go with it; all of the row where empty.
    """

    table: str
    key: tuple[tuple[str, str], ...]
    gone: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Table and codes, as messages name it."""
        return f"{self.table}[{' '.join(code for _, code in self.key)}]"
