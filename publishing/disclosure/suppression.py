"""What else must be withheld, so that nothing told gives back a count of 1 to 9.

Belongs here: choosing further cells, coarse tables before fine ones and few workers before
many, until every withheld count keeps its range. Does not belong here: thresholds (rules.py)
and the proof (lattice.py).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from publishing.disclosure import frame as grains
from publishing.disclosure.frame import Frame
from publishing.disclosure.lattice import Lattice, Shifts, Target
from publishing.disclosure.networks import PROBLEM_LEVEL
from publishing.disclosure.rules import NOTHING, WIDTH, Floats, Ints, first_levels

_WEIGHT = {
    grains.NATIONAL: np.inf,
    grains.SECTOR: 1000.0,
    grains.PROVINCE: 1000.0,
    grains.PROVINCE_SECTOR: 20.0,
    grains.SEGMENT: 1.0,
    grains.REGENCY: 30.0,
    grains.SECTOR_REGION: 1.0,
}
"""What a row of each grain is worth: totals are told before what they are made of."""

_DEPTH = (3.0, 2.0, 1.0)
"""Withholding everything, all but the workers, or only the parts of the gap."""

_ROUNDS = 12

_REPAIRS = 4

_BATCH = 6
"""So many times cells are chosen before the ranges are looked at anew."""


@dataclass
class Protected:
    """What is told after control.

    Attributes:
        levels: of each row.
        first: of each row by itself, before anything was withheld for the sake of others.
        withheld: grains that were withheld whole for want of anything better, by their name.
    """

    levels: Ints
    first: Ints
    withheld: list[str]


def protect(
    frame: Frame, floor: Ints | None = None, log: Callable[[str], None] | None = None
) -> Protected:
    """Find what may be told of each row.

    Args:
        frame: the period's rows.
        floor: what readers know of rows from earlier publications of the same period.
        log: told what had to be withheld whole.

    Returns:
        The levels. Whether they are safe, the attacker says.
    """
    first = first_levels(frame.counts)
    lattice = Lattice(frame, first.copy(), floor)
    lattice.close()
    work = _Work(lattice, log or (lambda _: None))
    for _ in range(_REPAIRS):
        work.country()
        shifts = lattice.shifts()
        blocks = sorted(number for number in lattice.networks if number >= 0)
        stuck = [row for block in blocks for row in work.block(block, shifts)]
        if not stuck:
            break
        # What a province's own cells cannot keep, its totals must.
        totals = np.where(
            lattice.column[stuck] >= 0, lattice.column[stuck], lattice.province[stuck]
        )
        lattice.levels[np.unique(totals)] = NOTHING
        lattice.close()
    return Protected(lattice.levels, first, work.withheld)


class _Work:
    def __init__(self, lattice: Lattice, log: Callable[[str], None]):
        self.lattice = lattice
        self.log = log
        self.withheld: list[str] = []
        frame = lattice.frame
        worth = np.array([_WEIGHT[int(grain)] for grain in frame.grain])
        self.cost: Floats = worth * (1.0 + np.sqrt(frame.counts.workers) / 4.0)

    def country(self) -> None:
        """Protect the country's and the provinces' rows."""
        for number, steps in (
            (-1, (grains.PROVINCE_SECTOR, None, grains.PROVINCE, grains.SECTOR)),
            (-2, (grains.SEGMENT, grains.PROVINCE)),
        ):
            for grain in steps:
                stuck = self._network(number, None)
                if not stuck:
                    break
                self._give_up(grain, stuck)
        for number in (-1, -2):
            self._network(number, None)

    def _give_up(self, grain: int | None, stuck: list[int]) -> None:
        """Withhold a grain in the provinces where something cannot be protected."""
        frame = self.lattice.frame
        blocks = {int(frame.block[row]) for row in stuck if frame.block[row] >= 0}
        rows = frame.rows(grains.PROVINCE_SECTOR if grain is None else grain)
        if grain is None:
            grain, blocks = grains.PROVINCE_SECTOR, set()
        if blocks and grain != grains.SECTOR:
            rows = rows[np.isin(frame.block[rows], list(blocks))]
        self.lattice.levels[rows] = NOTHING
        self.lattice.close()
        self._tell(grain, f"{len(blocks) or 'all'} provinces and bases")

    def _tell(self, grain: int, where: str) -> None:
        text = f"{grains.TABLES[grain]} in {where}"
        self.withheld.append(text)
        self.log(f"{text} is withheld: a count under ten could not be kept otherwise")

    def block(self, number: int, shifts: Shifts) -> list[int]:
        """Protect the regencies of one province on one basis.

        Returns:
            Rows with a count that cannot be protected within the province.
        """
        lattice, frame = self.lattice, self.lattice.frame
        for grain in (grains.SECTOR_REGION, grains.REGENCY, None):
            stuck = self._network(number, shifts)
            if not stuck or grain is None:
                return stuck
            rows = frame.rows(grain)
            rows = rows[frame.block[rows] == number]
            lattice.levels[rows] = NOTHING
            lattice.close()
            row = int(rows[0])
            self._tell(
                grain, f"province {frame.codes['province_code'][row]} {frame.codes['basis'][row]}"
            )
        return []

    def _network(self, number: int, shifts: Shifts | None) -> list[int]:
        """Withhold more in one network until every count keeps its range.

        Returns:
            Rows with a count that does not.
        """
        lattice = self.lattice
        todo: list[Target] = []
        for _ in range(_ROUNDS):
            # What keeps its range keeps it whatever else is withheld later.
            lattice.look(number)
            todo = [
                target
                for target in lattice.targets(number)
                if lattice.range(number, target, shifts) < WIDTH
            ]
            if not todo:
                return []
            changed, since = False, 0
            for target in todo:
                if lattice.range(number, target, shifts) >= WIDTH:
                    continue
                if self._withhold(number, target, shifts):
                    changed, since = True, since + 1
                if since >= _BATCH:
                    lattice.close()
                    since = 0
            lattice.close()
            if not changed:
                break
        return sorted({row for _, row, _ in todo})

    def _withhold(self, number: int, target: Target, shifts: Shifts | None) -> bool:
        """Withhold the cheapest cells that let a figure move, or more of its own row."""
        lattice = self.lattice
        edge, row, problems = target
        network = lattice.networks[number]
        best: tuple[float, Ints, int] | None = None
        for problem in problems:
            level = PROBLEM_LEVEL[problem]
            if lattice.told[row] > level:
                continue
            lift = lattice.lift(number, edge, row, problem)
            cost = self.cost[network.row] * _DEPTH[level]
            cost[(network.row < 0) | (lattice.floor[network.row] > level)] = np.inf
            flow = lattice.flow(number, problem, lattice.ways(row, problem, shifts))
            lacking = WIDTH - lattice.width(number, edge, row, problem, shifts)
            found = flow.cheapest(edge, (WIDTH, lacking, lacking / 2, lacking / 4), cost, lift)
            if found is not None:
                price = float(cost[found].sum())
                if best is None or price < best[0]:
                    best = (price, network.row[found], level)
        own = int(lattice.levels[row])
        deeper = self.cost[row] * _DEPTH[own - 1] if own > NOTHING else np.inf
        if best is not None and best[0] <= 4 * deeper:
            for other in best[1]:
                lattice.levels[other] = min(int(lattice.levels[other]), best[2])
            return True
        if own > NOTHING and lattice.floor[row] < own:
            lattice.levels[row] = own - 1
            return True
        return False
