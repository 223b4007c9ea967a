"""Ways through the country's network for what lies below a province's withheld totals.

Belongs here: how far such totals can move, and what in their province moves with them. Does not
belong here: the networks below them (lattice.py), and flows (networks.py).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from publishing.disclosure import frame as grains
from publishing.disclosure.frame import Frame
from publishing.disclosure.networks import PROBLEM_LEVEL, Flow, Network
from publishing.disclosure.rules import FULL, NOTHING, WIDTH, Floats, Ints

_MOVES = {
    "A": (("A", True), ("A-U", True)),
    "I": (("I", True), ("I-U", True)),
    "U": (("U", True), ("A-U", False), ("I-U", False)),
}
"""How a part of a total rises: by itself, or as another part falls or rises against it."""

_LARGE = 3 * WIDTH

Ways = tuple[tuple[int, int, float], ...]


class Shifts:
    """How far withheld totals of provinces can rise, and what in them makes up for it.

    Of the cells below such a total nothing is told, so that a part that rises can be carried
    by them whatever carries the part that falls. Each is found when it is asked for, at the
    levels that were in force when this was made.
    """

    def __init__(
        self,
        frame: Frame,
        told: Ints,
        networks: Mapping[int, Network],
        flows: Mapping[str, Flow],
        column: Ints,
        province: Ints,
    ):
        """Keep the country's flows as they are.

        Args:
            frame: the period's rows.
            told: what readers know of each.
            networks: the country's (-1), and one for each block.
            flows: the country's, by problem.
            column: row of the province's sector of each cell.
            province: row of the province of what lies below it.
        """
        self._frame, self._networks = frame, networks
        self._told = told.copy()
        self._flows = flows
        self._column, self._province = column, province
        self._edges = {int(row): edge for edge, row in enumerate(networks[-1].row)}
        self._found: dict[tuple[str, int], Ways] = {}
        self._country: dict[tuple[str, int], Floats | None] = {}

    def get(self, problem: str, row: int) -> Ways:
        """Give the ways that serve what lies below a total.

        Args:
            problem: what moves.
            row: of the total.
        """
        parts = self._frame.counts.parts[:, row]
        number = "AIU".find(problem)
        # Of larger totals, a part below can rise without the total.
        if number < 0 or self._told[row] >= FULL or not 0 < parts[number] < _LARGE:
            return ()
        key = (problem, row)
        if key not in self._found:
            self._found[key] = self._shift(row, problem)
        return self._found[key]

    def around(self, part: str, row: int) -> Floats | None:
        """Give a movement of the country in which a part of a total rises by the whole range.

        Args:
            part: A, I or U.
            row: of the total.
        """
        key = (part, row)
        if key not in self._country:
            flow, edge = self._flows[part], self._edges[row]
            far, moved = flow.most(edge, True, WIDTH - float(flow.up[edge]))
            self._country[key] = moved if far >= WIDTH else None
        return self._country[key]

    def demands(self, row: int, moved: Floats) -> Floats:
        """Give what a movement of the country asks of the nodes of a total's block."""
        block, ends, total = self._ends(row)
        found = np.zeros(block.nodes)
        for other, end in ends.items():
            found[end] = moved[self._edges[other]] * (-1.0 if other == total else 1.0)
        return found

    def _ends(self, row: int) -> tuple[Network, dict[int, int], int]:
        """Give the node of each total of a block, and the row of its province."""
        block = self._networks[int(self._frame.block[row])]
        cells = self._frame.grain[block.row] == grains.SECTOR_REGION
        node = dict(
            zip(self._column[block.row[cells]].tolist(), block.head[cells].tolist(), strict=True)
        )
        total = int(self._province[row]) if self._province[row] >= 0 else row
        node[total] = 0
        return block, node, total

    def _shift(self, row: int, part: str) -> Ways:
        best: tuple[float, Floats | None] = (0.0, None)
        edge, told = self._edges[row], int(self._told[row])
        for problem, rising in _MOVES[part]:
            if told <= PROBLEM_LEVEL[problem]:
                lift = 0.0
                if rising and "-" in problem and told == NOTHING:
                    lift = self._flows["U/2"].most(edge, True)[0]
                moved = self._flows[problem].most(edge, rising, lift)
                if moved[0] > best[0]:
                    best = moved
        return () if best[1] is None else self._beside(row, best[1])

    def _beside(self, row: int, moved: Floats) -> Ways:
        """Tell what a movement of the country changes in one province, in its block's nodes."""
        _, node, total = self._ends(row)
        found = []
        for other, end in node.items():
            far = abs(float(moved[self._edges[other]]))
            if other != row and far > 0:
                pair = (node[row], end) if row != total else (end, node[row])
                found.append((*pair, far))
        return tuple(found)
