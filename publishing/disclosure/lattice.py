"""The networks of one period: the country, the segments, and each province on each basis.

Belongs here: which cells are edges between which nodes, what may move in each network, and
what is proven of the withheld figures. Does not belong here: flows (networks.py), and which
cells to withhold (suppression.py).

Every network keeps what is not in it at its true values, which is more than a reader knows.
Where a total above a network is withheld itself, two rules make sure that its own movement can
be carried by the cells below, so that the networks may be looked at one by one:

    of a province and sector that is not told in full, nothing is told of its regencies;
    of a province that is not told in full, nothing is told of what lies below it.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import scipy.sparse as sp

from publishing.disclosure import frame as grains
from publishing.disclosure.frame import Frame
from publishing.disclosure.networks import (
    PROBLEM_LEVEL,
    SCALE,
    Flow,
    Network,
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

OPTIONS = {
    "workers": ("U", "A", "I"),
    "active": ("A", "A-U"),
    "inactive": ("I", "I-U"),
    "unregistered": ("U",),
    "gap": ("U", "I"),
}
"""The problems in which each figure moves where nothing is told of the row."""

_DOMICILE, _WORKPLACE = "domicile", "workplace"

Target = tuple[int, int, tuple[str, ...]]

_MOVES = {
    "A": (("A", True), ("A-U", True)),
    "I": (("I", True), ("I-U", True)),
    "U": (("U", True), ("A-U", False), ("I-U", False)),
}
"""How a part of a total rises: by itself, or as another part falls or rises against it."""

_LARGE = 3 * WIDTH

Ways = tuple[tuple[int, int, float], ...]

Shifts = dict[tuple[str, int], Ways]
"""Ways through the country's network, by part and row of the total that moves."""


class Lattice:
    """One period's networks at the levels that its rows are told.

    Attributes:
        frame: the period's rows.
        levels: what each row tells.
        floor: what each row has told before and therefore tells still.
        told: what readers know of each row: what is told now, or was before.
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
        self.version = 0
        self.told = np.maximum(self.levels, self.floor)
        self._parents()
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
        self.networks: dict[int, Network] = {-2: self._segments(), -1: self._country()}
        for block in np.unique(frame.block[frame.block >= 0]):
            self.networks[int(block)] = self._block(int(block))

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
                if codes["basis"][row] == _DOMICILE:
                    key = (int(frame.grain[row]), _WORKPLACE, codes["sector_code"][row])
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

    # --- networks ---------------------------------------------------------------------------

    def _nodes(self, rows: Ints, key: str) -> dict[tuple[str, str], int]:
        codes = self.frame.codes
        found = sorted({(codes["basis"][row], codes[key][row]) for row in rows})
        return {name: number for number, name in enumerate(found)}

    def _country(self) -> Network:
        """Provinces and sectors on both bases; the country's sectors are one on both."""
        frame, codes = self.frame, self.frame.codes
        cells = frame.rows(grains.PROVINCE_SECTOR)
        provinces = self._nodes(cells, "province_code")
        sectors = self._nodes(cells, "sector_code")
        first = 2 + len(provinces)
        tail, head, row = self._province_edges(provinces)

        def column(basis: str, sector: str) -> int:
            return first + sectors[basis, sector]

        for cell in cells:
            basis = codes["basis"][cell]
            ends = (
                2 + provinces[basis, codes["province_code"][cell]],
                column(basis, codes["sector_code"][cell]),
            )
            self._add(tail, head, row, ends, int(cell), basis)
        if frame.both_bases:
            for cell, _ in self.twins:
                if frame.grain[cell] == grains.SECTOR:
                    sector = codes["sector_code"][cell]
                    tail.append(column(_DOMICILE, sector))
                    head.append(column(_WORKPLACE, sector))
                    row.append(cell)
        else:
            for cell in frame.rows(grains.SECTOR):
                basis = codes["basis"][cell]
                ends = (column(basis, codes["sector_code"][cell]), self._root(basis))
                self._add(tail, head, row, ends, int(cell), basis)
        return Network(first + len(sectors), np.array(tail), np.array(head), np.array(row))

    def _segments(self) -> Network:
        """Provinces and segments by sex and age: no table tells their sums over provinces."""
        frame, codes = self.frame, self.frame.codes
        cells = frame.rows(grains.SEGMENT)
        provinces = self._nodes(cells, "province_code")
        kinds = sorted({self._kind(int(cell)) for cell in cells})
        first = 2 + len(provinces)
        number = {kind: first + place for place, kind in enumerate(kinds)}
        tail, head, row = self._province_edges(provinces)
        for cell in cells:
            tail.append(2 + provinces[codes["basis"][cell], codes["province_code"][cell]])
            head.append(number[self._kind(int(cell))])
            row.append(int(cell))
        for place in number.values():
            tail.append(place)
            head.append(1)
            row.append(-1)
        return Network(first + len(kinds), np.array(tail), np.array(head), np.array(row))

    def _kind(self, row: int) -> tuple[str, ...]:
        return tuple(self.frame.codes[key][row] for key in ("segment", "sex", "age_band"))

    def _root(self, basis: str) -> int:
        return 0 if basis == _DOMICILE else 1

    def _add(
        self,
        tail: list[int],
        head: list[int],
        row: list[int],
        ends: tuple[int, int],
        cell: int,
        basis: str,
    ) -> None:
        """Add an edge; on the other basis all run the other way, so that both can meet."""
        start, end = ends if basis == _DOMICILE else ends[::-1]
        tail.append(start)
        head.append(end)
        row.append(cell)

    def _province_edges(
        self, provinces: dict[tuple[str, str], int]
    ) -> tuple[list[int], list[int], list[int]]:
        frame, codes = self.frame, self.frame.codes
        tail: list[int] = []
        head: list[int] = []
        row: list[int] = []
        for (basis, province), number in provinces.items():
            cell = self.place[grains.PROVINCE, basis, province]
            self._add(tail, head, row, (self._root(basis), 2 + number), cell, basis)
        national = frame.rows(grains.NATIONAL)
        if frame.both_bases and len(national):
            tail.append(1)
            head.append(0)
            row.append(int(next(r for r in national if codes["basis"][r] == _DOMICILE)))
        return tail, head, row

    def _block(self, block: int) -> Network:
        """Regencies and sectors of one province on one basis."""
        frame, codes = self.frame, self.frame.codes
        inside = frame.block == block
        totals = np.flatnonzero(inside & (frame.grain == grains.REGENCY))
        cells = np.flatnonzero(inside & (frame.grain == grains.SECTOR_REGION))
        regencies = {codes["regency_code"][row]: 1 + n for n, row in enumerate(totals)}
        first = 1 + len(regencies)
        columns = sorted({int(self.column[row]) for row in cells})
        at = {column: first + n for n, column in enumerate(columns)}
        tail = [0] * len(totals) + [regencies[codes["regency_code"][row]] for row in cells]
        head = [regencies[codes["regency_code"][row]] for row in totals]
        head += [at[int(self.column[row])] for row in cells]
        return Network(
            first + len(columns), np.array(tail), np.array(head), np.concatenate([totals, cells])
        )

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
        for edge in np.flatnonzero(
            (network.row >= 0) & np.isin(self.frame.grain[network.row], wanted)
        ):
            row = int(network.row[edge])
            seen = set()
            for figure in np.flatnonzero(self.sensitive[:, row]):
                problems = self.problems(row, FIGURES[figure])
                if problems not in seen:
                    seen.add(problems)
                    yield int(edge), row, problems

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

    def lift(self, number: int, edge: int, row: int, problem: str, shifts: Shifts | None) -> float:
        """Give by how much a row's unregistered can grow, where its workers are withheld."""
        if "-" not in problem or self.told[row] > NOTHING:
            return 0.0
        return self.width(number, edge, row, "U/2", shifts)

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
        key = (number, edge, problem)
        kept = self._widths.get(key)
        if kept is not None and (kept[0] == self.version or kept[1] >= WIDTH):
            return kept[1]
        lift = self.lift(number, edge, row, problem, shifts)
        # What lies below a total of the country's network needs it to rise by the whole range.
        found = self.flow(number, problem).width(edge, lift, rising_only=number == -1)
        if found < WIDTH:
            ways = self.ways(row, problem, shifts)
            if ways:
                above, _ = self.flow(number, problem, ways).most(edge, True, lift)
                found = max(found, above)
        self._widths[key] = (self.version, found)
        return found

    def ways(self, row: int, problem: str, shifts: Shifts | None) -> Ways:
        """Give the ways through the country's network that serve a row below it."""
        if not shifts:
            return ()
        total = self.column[row] if self.column[row] >= 0 else self.province[row]
        return shifts.get((problem, int(total)), ())

    def shifts(self) -> Shifts:
        """Find how far withheld totals of provinces can rise, and what in them makes up for it.

        Of the cells below such a total nothing is told, so that a part that rises can be
        carried by them whatever carries the part that falls.
        """
        found: Shifts = {}
        network = self.networks[-1]
        edges = {int(row): edge for edge, row in enumerate(network.row)}
        rows = self.frame.rows(grains.PROVINCE_SECTOR, grains.PROVINCE)
        for row in rows[self.told[rows] < FULL]:
            parts = self.frame.counts.parts[:, row]
            for number, part in enumerate("AIU"):
                # Of larger totals, a part below can rise without the total.
                if 0 < parts[number] < _LARGE:
                    found[part, int(row)] = self._shift(edges, int(row), part)
        return found

    def _shift(self, edges: dict[int, int], row: int, part: str) -> Ways:
        best: tuple[float, sp.csr_matrix | None] = (0.0, None)
        for problem, rising in _MOVES[part]:
            if self.told[row] <= PROBLEM_LEVEL[problem]:
                lift = self.lift(-1, edges[row], row, problem, None)
                moved = self.flow(-1, problem).most(edges[row], rising, lift if rising else 0.0)
                if moved[0] > best[0]:
                    best = moved
        return () if best[1] is None else self._around(edges, row, best[1])

    def _around(self, edges: dict[int, int], row: int, flow: sp.csr_matrix) -> Ways:
        """Tell what a flow through the country moves in one province, in its block's nodes."""
        network, block = self.networks[-1], self.networks[int(self.frame.block[row])]
        cells = self.frame.grain[block.row] == grains.SECTOR_REGION
        node = dict(
            zip(self.column[block.row[cells]].tolist(), block.head[cells].tolist(), strict=True)
        )
        total = int(self.province[row]) if self.province[row] >= 0 else row
        node[total] = 0
        found = []
        for other, end in node.items():
            if other != row:
                edge = edges[other]
                moved = abs(float(flow[int(network.tail[edge]), int(network.head[edge])])) / SCALE
                if moved > 0:
                    pair = (node[row], end) if row != total else (end, node[row])
                    found.append((*pair, moved))
        return tuple(found)
