"""The attacker: what a reader of the released file can narrow down, and what blocks it.

Belongs here: reading a released file as a reader does, without knowing how it was made, and
the search for withheld counts that it gives back. Does not belong here: making it safe
(suppression.py), or any message with a figure in it.
"""

from __future__ import annotations

from dataclasses import dataclass

import duckdb
import numpy as np

from publishing.disclosure.frame import KEYS, TABLES, Frame
from publishing.disclosure.lattice import Lattice, Move
from publishing.disclosure.rules import (
    ACTIVE,
    FULL,
    MIN_PERSONS,
    NOTHING,
    TOLD,
    WIDTH,
    WORKERS,
    Bools,
    Ints,
)
from warehouse.storage import literal

_COUNTS = (
    "workers", "active", "inactive", "unregistered", "gap", "active_low", "active_high",
    "gap_low", "gap_high",
)  # fmt: skip
_OF_ACTIVE = ("active", "gap", "active_low", "active_high", "gap_low", "gap_high",
              "coverage_rate", "coverage_low", "coverage_high")  # fmt: skip
_OF_SPLIT = ("inactive", "unregistered")


@dataclass(frozen=True)
class Attack:
    """What the attacker found.

    Attributes:
        searched: withheld counts of 1 to 9 that were looked for.
        leaks: cells that are given back, by table and codes, without any figure.
        moves: movements that were found, which prove nothing of themselves: the other attacker
            may try them.
    """

    searched: int
    leaks: tuple[str, ...]
    moves: tuple[Move, ...] = ()


def attack(frame: Frame, told: Ints) -> Attack:
    """Look for every withheld count of 1 to 9.

    Args:
        frame: the exact rows.
        told: what a reader knows of each row, from this release and earlier ones.
    """
    lattice = Lattice(frame, told.copy())
    lattice.version = 1
    lattice.moves = []
    shown: Bools = np.asarray((lattice.sensitive & TOLD[told].T).any(axis=0))
    leaks = {int(row) for row in np.flatnonzero(shown)}
    shifts = lattice.shifts()
    searched = int(shown.sum())
    for number in lattice.networks:
        lattice.look(number)
        for target in list(lattice.targets(number)):
            searched += 1
            row = target[1]
            ways = shifts if number >= 0 else None
            if row not in leaks and lattice.range(number, target, ways) < WIDTH:
                leaks.add(row)
    together = [
        move
        for number in lattice.networks
        if number >= 0
        for move in lattice.compose(number, shifts)
    ]
    return Attack(
        searched, tuple(frame.name(row) for row in sorted(leaks)), (*lattice.moves, *together)
    )


def read_told(con: duckdb.DuckDBPyConnection, schema: str, period: str, frame: Frame) -> Ints:
    """Read what a release tells of each row.

    A row that the release does not have reads as none, which is what it says of an empty one.

    Args:
        con: a connection that sees the release.
        schema: where its tables are.
        period: the month.
        frame: the exact rows.
    """
    empty = frame.counts.workers == 0
    told = np.where(empty, FULL, NOTHING)
    for grain, table in TABLES.items():
        rows = frame.rows(grain)
        place = {tuple(frame.codes[key][row] for key in KEYS[grain]): row for row in rows}
        keys = ", ".join(KEYS[grain])
        found = con.execute(
            f"SELECT {keys}, CASE WHEN {_any(_OF_SPLIT)} THEN {FULL} "
            f"WHEN {_any(_OF_ACTIVE)} THEN {ACTIVE} "
            f"WHEN workers IS NOT NULL THEN {WORKERS} ELSE {NOTHING} END "
            f"FROM {schema}.{table} WHERE period = {literal(period)} ORDER BY ALL"
        ).fetchall()
        for *codes, level in found:
            row = place.get(tuple(codes))
            if row is not None:
                told[row] = level
    return told


def _any(columns: tuple[str, ...]) -> str:
    return f"coalesce({', '.join(f'{name}::DOUBLE' for name in columns)}) IS NOT NULL"


def shown_small(con: duckdb.DuckDBPyConnection, schema: str, period: str) -> list[str]:
    """Name cells that show a count below ten, which no row may."""
    found = []
    few = " OR ".join(f"{name} < {MIN_PERSONS}" for name in _COUNTS)
    for grain, table in TABLES.items():
        keys = " || ' ' || ".join(KEYS[grain])
        found += [
            f"{table}[{codes}]"
            for (codes,) in con.execute(
                f"SELECT {keys} FROM {schema}.{table} WHERE period = {literal(period)} "
                f"AND ({few}) ORDER BY ALL"
            ).fetchall()
        ]
    return found
