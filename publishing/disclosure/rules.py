"""What may be told of a cell: the thresholds, and which figures of a row they withhold.

Belongs here: the numbers that docs/disclosure.md explains, and the rule for one row looked at
by itself. Does not belong here: what other rows give back (systems.py, attacker.py,
suppression.py).

A row counts people (W) in three parts, active (A), inactive (I) and unregistered (U), with
G = I + U = W - A. It is told up to a level, and what is beyond the level is withheld:

    FULL      all figures
    ACTIVE    W, A, G, the bounds and the rates; I and U are withheld
    WORKERS   W alone
    NOTHING   nothing
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

MIN_PERSONS = 10
"""Fewest persons that a published count may count."""

MIN_EMPLOYERS = 3
"""Fewest employers that a published count or magnitude may rest on."""

MAX_SHARE = 0.5
"""Largest part of a published magnitude that one employer may hold."""

WIDTH = 9.0
"""The range in which a withheld count of 1 to 9 must stay possible, in persons. From 0 to 9
is what the missing figure itself says; the released tables must not say more."""

SMALL = MIN_PERSONS - 0.5
"""Figures are rounded to whole numbers: from here on they read 10 or more."""

NOTHING, WORKERS, ACTIVE, FULL = 0, 1, 2, 3

FIGURES = ("workers", "active", "inactive", "unregistered", "gap")
"""The figures whose recovery is looked for, in the order of `FUNCTIONALS`."""

FUNCTIONALS: Floats = np.array(
    [[1, 1, 1], [1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 1, 1]], dtype=np.float64
)
"""Each figure as a sum of active, inactive and unregistered."""

TOLD: Bools = np.array(
    [
        [False, False, False, False, False],
        [True, False, False, False, False],
        [True, True, False, False, True],
        [True, True, True, True, True],
    ]
)
"""Which figures each level tells."""


@dataclass(frozen=True)
class Counts:
    """Exact figures of rows, one element for each row.

    Attributes:
        active: A, with uncertain links by their probability.
        inactive: I.
        unregistered: U.
        active_low: A by certain links alone.
        active_high: A if everything uncertain counts.
    """

    active: Floats
    inactive: Floats
    unregistered: Floats
    active_low: Floats
    active_high: Floats

    @property
    def gap(self) -> Floats:
        """G = I + U."""
        return self.inactive + self.unregistered

    @property
    def workers(self) -> Floats:
        """W = A + I + U."""
        return self.active + self.gap

    @property
    def parts(self) -> Floats:
        """A, I and U as three rows."""
        return np.vstack([self.active, self.inactive, self.unregistered])

    @property
    def figures(self) -> Floats:
        """The figures of `FIGURES`, one row for each."""
        return FUNCTIONALS @ self.parts

    def take(self, rows: Ints) -> Counts:
        """Give some of the rows."""
        return Counts(
            self.active[rows], self.inactive[rows], self.unregistered[rows],
            self.active_low[rows], self.active_high[rows],
        )  # fmt: skip


def rounded(counts: Counts) -> dict[str, Floats]:
    """Give the whole numbers that are told, by column.

    A row adds up exactly; a total may differ from its parts by half a person each.
    """
    workers = _whole(counts.workers)
    active = _whole(counts.active)
    low = np.minimum(_whole(counts.active_low), active)
    high = np.clip(_whole(counts.active_high), active, np.maximum(workers, active))
    gap = workers - active
    inactive = np.minimum(_whole(counts.inactive), gap)
    return {
        "workers": workers, "active": active, "inactive": inactive,
        "unregistered": gap - inactive, "gap": gap, "active_low": low, "active_high": high,
        "gap_low": workers - high, "gap_high": workers - low,
    }  # fmt: skip


def _whole(values: Floats) -> Floats:
    return np.floor(values + 0.5)


def first_levels(counts: Counts) -> Ints:
    """Give how much each row may tell by itself.

    A count below ten is withheld, and so is none: that nothing is told then never says that
    there is somebody. With A go G, both bounds and the rates, for each gives the others back.
    A figure must be ten both exactly and as it would be printed.
    """
    told = rounded(counts)
    of_active = np.minimum.reduce(
        [told[name] for name in ("active", "gap", "active_low", "gap_low")]
        + [counts.active, counts.gap, counts.active_low, counts.workers - counts.active_high]
    )
    of_split = np.minimum.reduce(
        [told["inactive"], told["unregistered"], counts.inactive, counts.unregistered]
    )
    levels = np.full(len(counts.active), FULL)
    levels[of_split < SMALL] = ACTIVE
    levels[of_active < SMALL] = WORKERS
    levels[told["workers"] < MIN_PERSONS] = NOTHING
    return levels


def sensitive(counts: Counts) -> Bools:
    """Tell which figures of each row count 1 to 9 persons; one row for each of `FIGURES`.

    A figure is a count of 1 to 9 from anything above none, since what is uncertain counts with
    its probability. A small bound makes its own figure sensitive.
    """
    figures = counts.figures
    found = (figures > 0) & (figures < SMALL)
    low, least = counts.active_low, counts.workers - counts.active_high
    found[FIGURES.index("active")] |= (low > 0) & (low < SMALL)
    found[FIGURES.index("gap")] |= (least > 0) & (least < SMALL)
    return found


def room(counts: Counts) -> Floats:
    """Give by how much A, I and U could each be smaller, whatever the others do.

    A reader knows that the lower bound and the least gap are not negative. Bounds are taken to
    keep their distance from A, which is less than a reader must allow for; what the least gap
    asks for is left in the larger of I and U.
    """
    inactive, unregistered = counts.inactive, counts.unregistered
    kept = np.maximum(counts.active_high - counts.active, 0.0)
    in_larger = np.minimum(kept, np.maximum(inactive, unregistered))
    rest = kept - in_larger
    larger = unregistered >= inactive
    return np.vstack(
        [
            np.maximum(counts.active_low, 0.0),
            np.maximum(inactive - np.where(larger, rest, in_larger), 0.0),
            np.maximum(unregistered - np.where(larger, in_larger, rest), 0.0),
        ]
    )
