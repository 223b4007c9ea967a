"""The networks of one period: the country, the segments, and each province on each basis.

Belongs here: what may move in each network, and what is proven of the withheld figures. Does not
belong here: which cells are edges between which nodes (wiring.py), flows (networks.py), and
which cells to withhold (suppression.py).

Every network keeps what is not in it at its true values, which is more than a reader knows.
Where a total above a network is withheld itself, two rules make sure that its own movement can
be carried by the cells below, so that the networks may be looked at one by one:

    of a province and sector that is not told in full, nothing is told of its regencies;
    of a province that is not told in full, nothing is told of what lies below it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from publishing.disclosure import frame as grains
from publishing.disclosure.composing import compose
from publishing.disclosure.frame import Frame
from publishing.disclosure.networks import (
    PROBLEM_LEVEL,
    Flow,
    capacities,
)
from publishing.disclosure.rules import (
    FIGURES,
    FULL,
    NOTHING,
    TOLD,
    WIDTH,
    WORKERS,
    Bools,
    Floats,
    Ints,
    sensitive,
)
from publishing.disclosure.shifting import Shifts, Ways
from publishing.disclosure.wiring import DOMICILE, WORKPLACE, Wiring

OPTIONS = {
    "workers": ("U", "A", "I"),
    "active": ("A", "A-U"),
    "inactive": ("I", "I-U"),
    "unregistered": ("U",),
    "gap": ("U", "I"),
}
"""The problems in which each figure moves where nothing is told of the row."""

Target = tuple[int, int, tuple[str, ...]]

_ARCS = 20_000
"""Arcs of one flow that looks for many counts: more share less of what others found."""


@dataclass(frozen=True)
class Move:
    """Other figures that agree with all that is told, by what they differ from the true ones.

    Attributes:
        network: number of the network that it was found in.
        rows: of the frame.
        parts: by how much A, I and U of each row rise (3 x rows).
    """

    network: int
    rows: Ints
    parts: Floats


class Lattice:
    """One period's networks at the levels that its rows are told.

    Attributes:
        frame: the period's rows.
        levels: what each row tells.
        floor: what each row has told before and therefore tells still.
        told: what readers know of each row: what is told now, or was before.
        moves: movements found, where they are kept.
    """

    def __init__(self, frame: Frame, levels: Ints, floor: Ints | None = None):
        """Build the networks.

        Args:
            frame: the period's rows.
            levels: what each row tells.
            floor: least that readers know of each row from earlier publications.
        """
        self.frame = frame
        self.levels = levels
        self.floor = np.full(len(levels), NOTHING) if floor is None else floor
        self.sensitive = sensitive(frame.counts)
        self.moves: list[Move] | None = None
        self.version = 0
        self.told = np.maximum(self.levels, self.floor)
        self._parents()
        self._counts: dict[int, list[tuple[int, int, tuple[int, ...]]]] = {}
        self._problems: dict[tuple[tuple[int, ...], int], tuple[tuple[str, ...], ...]] = {}
        self._widths: dict[tuple[int, int, str], tuple[int, float]] = {}
        self._flows: dict[tuple[int, str, Ways], tuple[int, Flow]] = {}
        bounded = np.isin(
            frame.grain, (grains.SECTOR_REGION, grains.SEGMENT, grains.PROVINCE_SECTOR)
        )
        self.up: dict[str, Floats] = {}
        self.down: dict[str, Floats] = {}
        for problem in PROBLEM_LEVEL:
            up, down = capacities(problem, frame.room)
            self.up[problem] = np.where(bounded, up, np.inf)
            self.down[problem] = np.where(bounded, down, np.inf)
        self.networks = Wiring(frame, self.place, self.twins, self.column).networks()

    # --- what is told -----------------------------------------------------------------------

    def _parents(self) -> None:
        """Find the total of each row, for the two rules."""
        frame = self.frame
        codes = frame.codes
        totals = (grains.PROVINCE, grains.PROVINCE_SECTOR, grains.SECTOR, grains.NATIONAL)
        place = {frame.key(int(row)): int(row) for row in frame.rows(*totals)}
        self.place = place
        size = len(frame.grain)
        self.column = np.full(size, -1)
        self.province = np.full(size, -1)
        for row in frame.rows(grains.SECTOR_REGION):
            self.column[row] = place[
                grains.PROVINCE_SECTOR, codes["basis"][row], codes["province_code"][row],
                codes["sector_code"][row],
            ]  # fmt: skip
        for row in frame.rows(grains.REGENCY, grains.SEGMENT, grains.PROVINCE_SECTOR):
            self.province[row] = place[
                grains.PROVINCE, codes["basis"][row], codes["province_code"][row]
            ]
        for row in frame.rows(grains.SECTOR_REGION):
            self.province[row] = self.province[self.column[row]]
        self.twins: list[tuple[int, int]] = []
        if frame.both_bases:
            for row in frame.rows(grains.NATIONAL, grains.SECTOR):
                if codes["basis"][row] == DOMICILE:
                    key = (int(frame.grain[row]), WORKPLACE, codes["sector_code"][row])
                    other = place[key if key[2] else key[:2]]
                    self.twins.append((int(row), other))

    def close(self) -> None:
        """Apply the rules that keep the networks apart, and tell both bases alike."""
        levels = self.levels
        for row, other in self.twins:
            levels[[row, other]] = min(levels[row], levels[other])
        below = self.province >= 0
        rows = np.flatnonzero(below)
        levels[rows[levels[self.province[rows]] < FULL]] = NOTHING
        rows = np.flatnonzero(self.column >= 0)
        levels[rows[levels[self.column[rows]] < FULL]] = NOTHING
        np.maximum(levels, self.floor, out=self.told)
        self.version += 1

    def lower(self, row: int, level: int) -> None:
        """Tell less of a row."""
        self.levels[row] = min(int(self.levels[row]), level)
        self.close()

    def movable(self) -> Bools:
        """Tell of which totals the cells below can carry a movement."""
        told = self.told
        size = len(told)
        blocked = np.zeros(size, dtype=bool)
        for parent in (self.column, self.province):
            rows = np.flatnonzero((parent >= 0) & (told > NOTHING))
            blocked[parent[rows]] = True
        return ~blocked

    # --- what is proven ---------------------------------------------------------------------

    def flow(self, number: int, problem: str, ways: Ways = ()) -> Flow:
        """Give a network's flow at the present levels."""
        key = (number, problem, ways)
        kept = self._flows.get(key)
        if kept is not None and kept[0] == self.version:
            return kept[1]
        network = self.networks[number]
        real = network.row >= 0
        row = np.where(real, network.row, 0)
        is_open = (self.told[row] <= PROBLEM_LEVEL[problem]) & self._movable_now()[row]
        made = Flow(
            network,
            np.where(real, self.up[problem][row], np.inf),
            np.where(real, self.down[problem][row], np.inf),
            is_open | ~real,
            ways,
        )
        self._flows[key] = (self.version, made)
        return made

    def _movable_now(self) -> Bools:
        kept = getattr(self, "_movable", None)
        if kept is None or kept[0] != self.version:
            self._movable = (self.version, self.movable())
        return self._movable[1]

    def targets(self, number: int) -> Iterator[Target]:
        """Give edge, row and problems of every count of 1 to 9 in a network."""
        network = self.networks[number]
        wanted: tuple[int, ...] = (grains.REGENCY, grains.SECTOR_REGION)
        if number == -2:
            wanted = (grains.SEGMENT,)
        elif number == -1:
            wanted = (grains.NATIONAL, grains.SECTOR, grains.PROVINCE, grains.PROVINCE_SECTOR)
        elif (self.frame.grain[network.row] == grains.REGENCY).sum() == 1:
            # A single regency is its province, of which the country's network has the proof.
            return
        counts = self._counts.get(number)
        if counts is None:
            small = self.sensitive[:, np.maximum(network.row, 0)]
            inside = (network.row >= 0) & np.isin(self.frame.grain[network.row], wanted)
            counts = self._counts[number] = [
                (int(edge), int(network.row[edge]), tuple(np.flatnonzero(small[:, edge]).tolist()))
                for edge in np.flatnonzero(inside & small.any(axis=0))
            ]
        for edge, row, figures in counts:
            key = (figures, int(self.told[row]))
            if key not in self._problems:
                self._problems[key] = tuple(
                    dict.fromkeys(self.problems(row, FIGURES[figure]) for figure in figures)
                )
            for problems in self._problems[key]:
                yield edge, row, problems

    def is_told(self, row: int, figure: str) -> bool:
        """Tell whether readers have a figure."""
        return bool(TOLD[self.told[row], FIGURES.index(figure)])

    def problems(self, row: int, figure: str) -> tuple[str, ...]:
        """Give the problems in which a withheld figure of a row moves."""
        if self.told[row] == NOTHING:
            return OPTIONS[figure]
        if self.told[row] > WORKERS or figure == "inactive":
            return ("I-U",)
        return ("A-U",)

    def lift(self, number: int, edge: int, row: int, problem: str) -> float:
        """Give by how much a row's unregistered can grow, where its workers are withheld."""
        if "-" not in problem or self.told[row] > NOTHING:
            return 0.0
        if self.flow(number, problem).up[edge] >= WIDTH:
            return 0.0
        key = (number, edge, "lift")
        kept = self._widths.get(key)
        if kept is None or kept[0] != self.version:
            kept = (self.version, self.flow(number, "U/2").most(edge, True)[0])
            self._widths[key] = kept
        return kept[1]

    def range(self, number: int, target: Target, shifts: Shifts | None = None) -> float:
        """Give the range of a figure, as far as it is looked for."""
        edge, row, problems = target
        best = 0.0
        for problem in problems:
            best = max(best, self.width(number, edge, row, problem, shifts))
            if best >= WIDTH:
                break
        return best

    def width(
        self, number: int, edge: int, row: int, problem: str, shifts: Shifts | None = None
    ) -> float:
        """Give the range of a row in a problem, as far as it is looked for.

        Args:
            number: of the network.
            edge: of the cell in it.
            row: of the cell in the frame.
            problem: what moves.
            shifts: ways through the country's network.
        """
        if self.told[row] > PROBLEM_LEVEL[problem]:
            return 0.0
        self._look(number, problem, [(edge, row)])
        found = self._widths[number, edge, problem][1]
        ways = self.ways(row, problem, shifts) if found < WIDTH else ()
        if not ways:
            return found
        key = (number, edge, f"{problem} around")
        kept = self._widths.get(key)
        if kept is None or (kept[0] != self.version and kept[1] < WIDTH):
            lift = self.lift(number, edge, row, problem)
            above, _ = self.flow(number, problem, ways).most(edge, True, lift)
            kept = self._widths[key] = (self.version, above)
        return max(found, kept[1])

    def look(self, number: int) -> None:
        """Look for the ranges of all counts of a network at once."""
        for turn in range(max(len(problems) for problems in OPTIONS.values())):
            wanted: dict[str, dict[tuple[int, int], None]] = {}
            for edge, row, problems in self.targets(number):
                if (
                    turn < len(problems)
                    and self.told[row] <= PROBLEM_LEVEL[problems[turn]]
                    and not any(self._is_wide(number, edge, problem) for problem in problems)
                ):
                    wanted.setdefault(problems[turn], {})[edge, row] = None
            for problem, pairs in wanted.items():
                self._look(number, problem, list(pairs))

    def _look(self, number: int, problem: str, pairs: list[tuple[int, int]]) -> None:
        """Find ranges within a network, as far as they are looked for."""
        flow = self.flow(number, problem)
        left = [
            (edge, row)
            for edge, row in pairs
            if (kept := self._widths.get((number, edge, problem))) is None
            or (kept[0] != self.version and kept[1] < WIDTH)
        ]
        step = max(1, _ARCS // (2 * len(flow.up)))
        while left:
            some, left = left[:step], left[step:]
            edges = [edge for edge, _ in some]
            lifts = [self.lift(number, edge, row, problem) for edge, row in some]
            far, moved = flow.each(edges, True, lifts)
            for each, lifted in zip(moved, zip(edges, lifts, strict=True), strict=True):
                self._moved(number, problem, each, lifted)
            # What lies below a total of the country's network needs it to rise by the range.
            short = [n for n in range(len(some)) if far[n] < WIDTH] if number != -1 else []
            if short:
                below, moved = flow.each([edges[n] for n in short], False)
                far[short] += below
                for each in moved:
                    self._moved(number, problem, each)
            for edge, width in zip(edges, far.tolist(), strict=True):
                if not self._is_wide(number, edge, problem):
                    self._widths[number, edge, problem] = (self.version, min(width, WIDTH))
            left = [pair for pair in left if not self._is_wide(number, pair[0], problem)]

    def _moved(
        self, number: int, problem: str, moved: Floats, lifted: tuple[int, float] = (-1, 0.0)
    ) -> None:
        """Take note of a movement, which proves every edge that it moves far enough."""
        edge, lift = lifted
        if lift == 0 or moved[edge] <= self.flow(number, problem).up[edge]:
            # What is lifted moves the others only with what lifts it, which they do not have.
            far = moved if number == -1 else np.abs(moved)
            for other in np.flatnonzero(far >= WIDTH - 1e-9):
                self._widths[(number, int(other), problem)] = (self.version, WIDTH)
        if self.moves is not None:
            self.moves.append(self._move(number, problem, moved, lifted))

    def _move(self, number: int, problem: str, moved: Floats, lifted: tuple[int, float]) -> Move:
        """Give a movement as what it changes in each row."""
        size = len(moved)
        parts = np.zeros((3, size))
        parts["AIU".index(problem[0])] = moved
        if "-" in problem:
            parts[2] = -moved
        edge, lift = lifted
        above = moved[edge] - self.flow(number, problem).up[edge] if lift else 0.0
        if above > 0:
            # The unregistered of the row grow first by what the active then take.
            _, other = self.flow(number, "U/2").most(edge, True)
            parts[2] += other * (above / lift)
        row = self.networks[number].row
        kept = (row >= 0) & (parts != 0).any(axis=0)
        rows, parts = row[kept], parts[:, kept]
        if number == -1:
            twin = dict(self.twins)
            same = np.array([twin.get(int(one), -1) for one in rows], dtype=np.int64)
            rows = np.concatenate([rows, same[same >= 0]])
            parts = np.hstack([parts, parts[:, same >= 0]])
        return Move(number, rows, parts)

    def compose(self, number: int, shifts: Shifts) -> list[Move]:
        """Give movements of counts that move only with a total above their network."""
        found = []
        wanted: dict[str, dict[tuple[int, int], None]] = {}
        for edge, row, problems in self.targets(number):
            if not any(self._is_wide(number, edge, problem) for problem in problems):
                for problem in problems:
                    if self.ways(row, problem, shifts):
                        wanted.setdefault(problem, {})[edge, row] = None
        for problem, pairs in wanted.items():
            flow = self.flow(number, problem)
            asked = []
            for edge, row in pairs:
                total = int(self.column[row] if self.column[row] >= 0 else self.province[row])
                moved = shifts.around(problem, total)
                if moved is not None and flow.is_open[edge]:
                    asked.append((edge, moved, shifts.demands(total, moved)))
            step = max(1, _ARCS // (2 * len(flow.up)))
            for some in (asked[at : at + step] for at in range(0, len(asked), step)):
                below = compose(flow, [each[0] for each in some], np.array([e[2] for e in some]))
                for (_, above, _), moved in zip(some, below, strict=True):
                    if not np.isnan(moved).any():
                        upper = self._move(-1, problem, above, (-1, 0.0))
                        lower = self._move(number, problem, moved, (-1, 0.0))
                        found.append(
                            Move(
                                number,
                                np.concatenate([upper.rows, lower.rows]),
                                np.hstack([upper.parts, lower.parts]),
                            )
                        )
        return found

    def _is_wide(self, number: int, edge: int, problem: str) -> bool:
        return self._widths.get((number, edge, problem), (0, 0.0))[1] >= WIDTH

    def ways(self, row: int, problem: str, shifts: Shifts | None) -> Ways:
        """Give the ways through the country's network that serve a row below it."""
        if shifts is None:
            return ()
        total = self.column[row] if self.column[row] >= 0 else self.province[row]
        return shifts.get(problem, int(total))

    def shifts(self) -> Shifts:
        """Give the ways through the country's network at the present levels."""
        flows = {problem: self.flow(-1, problem) for problem in PROBLEM_LEVEL}
        return Shifts(self.frame, self.told, self.networks, flows, self.column, self.province)
