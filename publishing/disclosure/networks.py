"""Tables as networks: how far a withheld figure can move while all that is told stands.

Belongs here: one network of cells, and the flow through it. Does not belong here: which cells
make a network (lattice.py) and what should be withheld (suppression.py).

A cell is an edge from the node of its row to the node of its column; a total is an edge from
the root to a row or from a column on. What flows along an edge is what is added to the cell.
Sums hold where nothing is lost at a node, so another set of values that agrees with all told
totals is a circulation, and how far one cell can move is a maximal flow: a linear program that
needs no solver.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from scipy.sparse.csgraph import dijkstra, maximum_flow

from publishing.disclosure.rules import ACTIVE, NOTHING, WIDTH, WORKERS, Bools, Floats, Ints

SCALE = 1000
"""Flows are whole numbers of thousandths of a person, rounded down."""

_ENOUGH = 4 * WIDTH
"""No edge needs to carry more: four times what a figure must be able to move."""

_FREE = 1e-3

PROBLEM_LEVEL = {
    "A": NOTHING, "I": NOTHING, "U": NOTHING, "U/2": NOTHING, "A-U": WORKERS, "I-U": ACTIVE,
}  # fmt: skip
"""What moves: one part and with it the workers; or the active, or the inactive, against the
unregistered. A row takes part where it tells no more than this level. `U/2` is `U` with half
of the room, the other half being left for parts that move against the unregistered."""

_PART = {"A": 0, "I": 1, "U": 2}


def capacities(problem: str, room: Floats) -> tuple[Floats, Floats]:
    """Give by how much rows can rise and fall in a problem.

    Args:
        problem: a key of `PROBLEM_LEVEL`; of two parts the first rises as the second falls.
        room: by how much A, I and U could be smaller (3 x rows).
    """
    half = room[_PART["U"]] / 2
    falling = half if problem == "U/2" else room[_PART[problem[0]]]
    return half if "-" in problem else np.full(len(falling), np.inf), falling


@dataclass
class Network:
    """Edges between nodes.

    Attributes:
        nodes: how many nodes there are.
        tail: node that each edge leaves.
        head: node that each edge enters.
        row: row of the frame that each edge is; -1 for a sum that no table tells.
    """

    nodes: int
    tail: Ints
    head: Ints
    row: Ints


class Flow:
    """A network in one problem, at given levels."""

    def __init__(
        self,
        network: Network,
        up: Floats,
        down: Floats,
        is_open: Bools,
        shifts: tuple[tuple[int, int, float], ...] = (),
    ):
        """Prepare the graph.

        Args:
            network: nodes and edges.
            up: by how much each edge can rise.
            down: by how much each edge can fall.
            is_open: whether the edge's row is withheld in this problem.
            shifts: ways through the rest of the tables: from node, to node, persons.
        """
        self.network = network
        self.up = np.minimum(up, _ENOUGH)
        self.down = np.minimum(down, _ENOUGH)
        self.is_open = is_open
        count = len(network.tail)
        source = np.concatenate([network.tail, network.head])
        target = np.concatenate([network.head, network.tail])
        self.capacity = np.concatenate(
            [np.where(is_open, self.up, 0.0), np.where(is_open, self.down, 0.0)]
        )
        self.full = np.concatenate([self.up, self.down])
        if shifts:
            ends = np.array([(a, b) for a, b, _ in shifts])
            source = np.concatenate([source, ends[:, 0]])
            target = np.concatenate([target, ends[:, 1]])
            size = np.array([persons for _, _, persons in shifts])
            self.capacity = np.concatenate([self.capacity, size])
            self.full = np.concatenate([self.full, size])
        self.count = count
        ids = sp.csr_matrix(
            (np.arange(1, len(source) + 1), (source, target)), shape=(network.nodes, network.nodes)
        )
        ids.sort_indices()
        self._ids = ids
        self._arc = ids.data - 1
        self._data = np.floor(self.capacity[self._arc] * SCALE + 1e-6).astype(np.int32)
        place = np.empty(len(source), dtype=np.int64)
        place[self._arc] = np.arange(len(source))
        self._place = place

        self._sources = np.repeat(np.arange(network.nodes), np.diff(ids.indptr))
        self._bounded = False

    def _bounds(self) -> None:
        """Prepare what is sure without solving: ways over one other row and one column."""
        network = self.network
        size = (network.nodes, network.nodes)
        open_down = np.where(self.is_open, self.down, 0.0)
        passing = np.where(self.is_open & (self.up >= WIDTH), 1.0, 0.0)
        self._fall = np.zeros(size, dtype=np.float32)
        self._fall[network.tail, network.head] = open_down
        self._pass = np.zeros(size, dtype=np.float32)
        self._pass[network.tail, network.head] = passing
        # By how much node t falls towards the columns that node r can pass on to.
        self._reach = self._fall @ self._pass.T

    def sure(self, edge: int) -> float:
        """Give by how much an edge can rise for sure; it may be more."""
        if not self._bounded:
            self._bounds()
            self._bounded = True
        tail, head = int(self.network.tail[edge]), int(self.network.head[edge])
        fall = self._fall[:, head]
        way = self._reach[tail] - self._pass[:, head] * self._fall[tail, head]
        through = np.minimum(fall, way)
        through[tail] = 0.0
        best = float(through.max(initial=0.0))
        own = np.flatnonzero((self._fall[tail] > 0) & (np.arange(len(fall)) != head))
        others = np.flatnonzero(fall > 0)
        others = others[others != tail]
        if len(own) and len(others) and self._pass[np.ix_(others, own)].all():
            best = max(best, float(min(self._fall[tail, own].sum(), fall[others].sum())))
        return best

    def most(
        self, edge: int, rising: bool, lift: float = 0.0
    ) -> tuple[float, sp.csr_matrix | None]:
        """Give how far an edge can rise or fall, the others making up for it.

        Args:
            edge: number of the edge.
            rising: upwards or downwards.
            lift: by how much more than its own capacity the edge itself may rise.

        Returns:
            Persons, and the flow that makes up for it.
        """
        own = float(self.up[edge] + lift if rising else self.down[edge])
        if not self.is_open[edge] or own <= 0:
            return 0.0, None
        graph = self._without(edge)
        start, end = self._ends(edge, rising)
        flow = maximum_flow(graph, start, end)
        return min(own, flow.flow_value / SCALE), flow.flow

    def _ends(self, edge: int, rising: bool) -> tuple[int, int]:
        tail, head = int(self.network.tail[edge]), int(self.network.head[edge])
        return (head, tail) if rising else (tail, head)

    def _without(self, edge: int) -> sp.csr_matrix:
        data = self._data.copy()
        data[self._place[[edge, edge + self.count]]] = 0
        return sp.csr_matrix((data, self._ids.indices, self._ids.indptr), shape=self._ids.shape)

    def width(self, edge: int, lift: float = 0.0, rising_only: bool = False) -> float:
        """Give the range of an edge, as far as it is looked for."""
        if not self.is_open[edge]:
            return 0.0
        own = float(self.up[edge]) + lift
        if own >= WIDTH and self.sure(edge) >= WIDTH:
            return WIDTH
        above, _ = self.most(edge, True, lift)
        if above >= WIDTH or rising_only:
            return above
        below, _ = self.most(edge, False)
        return above + below

    def cheapest(self, edge: int, need: float, cost: Floats, lift: float = 0.0) -> Ints | None:
        """Find the cheapest edges that let an edge rise further, if they were withheld too.

        Args:
            edge: number of the edge.
            need: persons that the way must carry, beyond what flows already.
            cost: of each edge; infinite where it must stay.
            lift: by how much more than its own capacity the edge itself may rise.

        Returns:
            The edges on the way that are not withheld yet, or None where there is no way.
        """
        if float(self.up[edge]) + lift < need:
            return None
        start, end = self._ends(edge, True)
        flow = maximum_flow(self._without(edge), start, end).flow
        used = np.asarray(flow[self._sources, self._ids.indices]).ravel() / SCALE
        price = np.where(self.is_open, _FREE, cost)
        weights = np.full(len(self.full), _FREE)
        weights[: 2 * self.count] = np.concatenate([price, price])
        weights, full = weights[self._arc], self.full[self._arc] - used
        usable = (full >= need - 1e-3) & np.isfinite(weights)
        usable[self._place[[edge, edge + self.count]]] = False
        graph = sp.csr_matrix(
            (np.where(usable, weights, 0.0), self._ids.indices.copy(), self._ids.indptr.copy()),
            shape=self._ids.shape,
        )
        graph.eliminate_zeros()
        far, before = dijkstra(graph, indices=start, return_predecessors=True)
        if not np.isfinite(far[end]):
            return None
        found = set()
        node = end
        while node != start:
            previous = int(before[node])
            arc = int(self._ids[previous, node]) - 1
            if arc < 2 * self.count and not self.is_open[arc % self.count]:
                found.add(arc % self.count)
            node = previous
        return np.array(sorted(found), dtype=np.int64)
