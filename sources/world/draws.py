"""Chance in SQL: every draw is a hash of what is drawn for, so it needs no order and no state.

Belongs here: SQL expressions for draws, and tables that turn a draw into a category. Does not
belong here: what is drawn (the other modules of the sample world).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import duckdb
import numpy as np
import pyarrow as pa

from warehouse.storage import quote

SLOTS = 16384
"""Steps of a slot table: a category's share is exact to one part in this many."""
GROUP_SLOTS = 2048
"""The same for each group of a table with groups."""

_SPREAD = 1_048_573
_UNIT = "1.1102230246251565e-16"


class Draws:
    """Draws of one world; the same seed and the same tag always give the same ones.

    Attributes:
        seed: seed of the world.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def _number(self, tag: str) -> int:
        digest = hashlib.blake2b(f"{self.seed}|{tag}".encode(), digest_size=7).digest()
        return int.from_bytes(digest, "big")

    def bits(self, key: str, tag: str) -> str:
        """SQL of an evenly spread UBIGINT for the integer expression `key`."""
        return f"hash(({key})::BIGINT * {_SPREAD} + {self._number(tag)})"

    def unit(self, key: str, tag: str) -> str:
        """SQL of a DOUBLE in [0, 1) for the integer expression `key`."""
        return f"(({self.bits(key, tag)} >> 11) * {_UNIT})"

    def whole(self, key: str, tag: str, low: int, high: int) -> str:
        """SQL of an INTEGER from `low` to `high`, both included."""
        return f"({low} + ({self.bits(key, tag)} % {high - low + 1})::INTEGER)"

    def pick(self, key: str, tag: str, options: Sequence[str]) -> str:
        """SQL of one of a few texts, all equally likely."""
        listed = ", ".join("'" + option.replace("'", "''") + "'" for option in options)
        return f"[{listed}][1 + ({self.bits(key, tag)} % {len(options)})::INTEGER]"

    def slot(self, key: str, tag: str) -> str:
        """SQL of a slot number, to join with a slot table."""
        return f"({self.bits(key, tag)} % {SLOTS})::INTEGER"

    def group_slot(self, key: str, tag: str) -> str:
        """SQL of a slot number, to join with a slot table that has groups."""
        return f"({self.bits(key, tag)} % {GROUP_SLOTS})::INTEGER"

    def bell(self, key: str, tag: str) -> str:
        """SQL of a draw near the standard normal one (the sum of four even draws)."""
        parts = " + ".join(self.unit(key, f"{tag}/{part}") for part in range(4))
        return f"(({parts} - 2.0) * 1.7320508)"


def apportion(weights: np.ndarray, total: int) -> np.ndarray:
    """Share `total` out in whole numbers by `weights` (largest remainders, ties by position)."""
    ideal = weights / weights.sum() * total
    counts = np.floor(ideal).astype(np.int64)
    order = np.argsort(-(ideal - counts), kind="stable")
    counts[order[: total - int(counts.sum())]] += 1
    return counts


def slot_table(
    con: duckdb.DuckDBPyConnection,
    name: str,
    values: Sequence[object],
    weights: np.ndarray,
    groups: Sequence[object] | None = None,
) -> None:
    """Make the table `name` (grp, slot, value).

    It has `SLOTS` slots, or with groups `GROUP_SLOTS` for each of them.

    Args:
        con: the building database.
        name: the table, replaced where it exists.
        values: the categories.
        weights: one row of weights over `values` for each group.
        groups: key of each row of weights; one group 0 where left out.
    """
    keys = [0] if groups is None else list(groups)
    size = SLOTS if groups is None else GROUP_SLOTS
    counts = np.concatenate([apportion(row, size) for row in np.atleast_2d(weights)])
    chosen = np.repeat(np.tile(np.arange(len(values)), len(keys)), counts)
    arrow = pa.table(
        {
            "grp": pa.array(keys).take(pa.array(np.repeat(np.arange(len(keys)), size))),
            "slot": pa.array(np.tile(np.arange(size, dtype=np.int32), len(keys))),
            "value": pa.array(values).take(pa.array(chosen)),
        }
    )
    con.register("slot_rows", arrow)
    con.execute(f"CREATE OR REPLACE TABLE {quote(name)} AS SELECT * FROM slot_rows")
    con.unregister("slot_rows")
