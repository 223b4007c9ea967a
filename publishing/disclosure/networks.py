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

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from scipy.sparse.csgraph import dijkstra, maximum_flow

from publishing.disclosure.rules import ACTIVE, NOTHING, WIDTH, WORKERS, Bools, Floats, Ints

SCALE = 1000
"""Flows are whole numbers of thousandths of a person, rounded down."""

_ENOUGH = 4 * WIDTH
"""No edge needs to carry more: four times what a figure must be able to move."""

_MOST = 2**30

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
        pattern: its arcs, once they were needed.
    """

    nodes: int
    tail: Ints
    head: Ints
    row: Ints
    pattern: _Pattern | None = None


@dataclass
class _Pattern:
    """A graph with an arc each way between nodes, in the order in which flows give them.

    Attributes:
        starts, ends: of the arcs of each node, and where each arc leads.
        place: where each arc stands that was asked for.
        arcs: number of each arc that was asked for, by its ends.
    """

    starts: Ints
    ends: Ints
    place: Ints
    arcs: dict[tuple[int, int], int]


def _pattern(source: Ints, target: Ints, nodes: int) -> _Pattern:
    kinds = np.unique(np.concatenate([source * nodes + target, target * nodes + source]))
    tails, heads = np.divmod(kinds, nodes)
    pairs = zip(source.tolist(), target.tolist(), strict=True)
    return _Pattern(
        np.searchsorted(tails, np.arange(nodes + 1)),
        heads,
        np.searchsorted(kinds, source * nodes + target),
        {pair: number for number, pair in enumerate(pairs)},
    )


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
        ends = np.array([(a, b) for a, b, _ in shifts], dtype=np.int64).reshape(-1, 2)
        size = np.array([persons for _, _, persons in shifts])
        source = np.concatenate([source, ends[:, 0]])
        target = np.concatenate([target, ends[:, 1]])
        self.capacity = np.concatenate([self.capacity, size])
        self.full = np.concatenate([self.full, size])
        self.count = count
        if shifts or network.pattern is None:
            made = _pattern(source, target, network.nodes)
            if not shifts:
                network.pattern = made
        else:
            made = network.pattern
        self._pattern = made
        self._ahead = made.place[:count]
        self._room = np.zeros(len(made.ends), dtype=np.int32)
        self._room[made.place] = np.floor(self.capacity * SCALE + 1e-6)

    def each(
        self, edges: Sequence[int], rising: bool, lifts: Sequence[float] | None = None
    ) -> tuple[Floats, Floats]:
        """Give how far each of some edges can rise or fall, the others making up for it.

        One flow finds all: the network stands in it once for each of the edges.

        Args:
            edges: numbers of the edges.
            rising: upwards or downwards.
            lifts: by how much more than its own capacity each edge itself may rise.

        Returns:
            Persons, and by how much every edge rises with it, one row for each that was asked.
        """
        asked = np.asarray(edges, dtype=np.int64)
        many, nodes = len(asked), self.network.nodes
        own = (self.up if rising else self.down)[asked] + (0.0 if lifts is None else lifts)
        own = np.where(self.is_open[asked], np.maximum(own, 0.0), 0.0)
        tail, head = self.network.tail[asked], self.network.head[asked]
        begin, end = (head, tail) if rising else (tail, head)
        made = self._pattern
        arcs, copy = len(made.ends), np.arange(many)
        room = np.tile(self._room, many)
        for place in (made.place[asked], made.place[asked + self.count]):
            room[copy * arcs + place] = 0
        heads = (made.ends[None, :] + copy[:, None] * nodes).ravel()
        after = np.concatenate([made.starts[begin + 1], made.starts[end + 1]])
        after += np.tile(copy * arcs, 2)
        source, sink = many * nodes, many * nodes + 1
        limit = np.floor(own * SCALE + 1e-6).astype(np.int32)
        # Of each copy an arc back to the source and one to the sink, last in their rows.
        heads = np.insert(heads, after, np.repeat([source, sink], many))
        room = np.insert(room, after, np.concatenate([np.zeros(many), np.full(many, _MOST)]))
        inside = np.insert(np.ones(many * arcs, dtype=bool), after, False)
        size = np.tile(np.diff(made.starts), many)
        for rows in (begin, end):
            size[copy * nodes + rows] += 1
        starts = np.concatenate([[0], np.cumsum(np.concatenate([size, [many, many]]))])
        graph = sp.csr_matrix(
            (
                np.concatenate([room, limit, np.zeros(many, dtype=np.int32)]).astype(np.int32),
                np.concatenate([heads, copy * nodes + begin, copy * nodes + end]).astype(np.int32),
                starts.astype(np.int32),
            ),
            shape=(sink + 1, sink + 1),
        )
        flow = maximum_flow(graph, source, sink).flow.data
        self._last = flow[: len(inside)][inside].reshape(many, arcs)
        far = flow[len(inside) : len(inside) + many] / SCALE
        moved = self._last[:, self._ahead] / SCALE
        moved[copy, asked] = far if rising else -far
        return far, moved

    def most(self, edge: int, rising: bool, lift: float = 0.0) -> tuple[float, Floats]:
        """Give how far one edge can rise or fall, and by how much every edge rises with it."""
        far, moved = self.each([edge], rising, [lift])
        return float(far[0]), moved[0]

    def cheapest(
        self, edge: int, needs: Sequence[float], cost: Floats, lift: float = 0.0
    ) -> Ints | None:
        """Find the cheapest edges that let an edge rise further, if they were withheld too.

        Args:
            edge: number of the edge.
            needs: persons that the way must carry, beyond what flows already; the first that
                any way can carry counts.
            cost: of each edge; infinite where it must stay.
            lift: by how much more than its own capacity the edge itself may rise.

        Returns:
            The edges on the way that are not withheld yet, or None where there is no way.
        """
        own = float(self.up[edge]) + lift
        # The way must carry what is asked beside all that can flow.
        self.each([edge], True, [_ENOUGH * len(self.up)])
        used = self._last[0][self._pattern.place] / SCALE
        for need in needs:
            found = self._way(edge, need, cost, used) if own >= need else None
            if found is not None and len(found):
                return found
        return None

    def _way(self, edge: int, need: float, cost: Floats, used: Floats) -> Ints | None:
        start, end = int(self.network.head[edge]), int(self.network.tail[edge])
        price = np.where(self.is_open, _FREE, cost)
        weights = np.full(len(self.full), _FREE)
        weights[: 2 * self.count] = np.concatenate([price, price])
        usable = (self.full - used >= need - 1e-3) & np.isfinite(weights)
        usable[[edge, edge + self.count]] = False
        made = self._pattern
        data = np.zeros(len(made.ends))
        data[made.place[usable]] = weights[usable]
        graph = sp.csr_matrix((data, made.ends.copy(), made.starts.copy()),
                              shape=(self.network.nodes, self.network.nodes))  # fmt: skip
        graph.eliminate_zeros()
        far, before = dijkstra(graph, indices=start, return_predecessors=True)
        if not np.isfinite(far[end]):
            return None
        found = set()
        node = end
        while node != start:
            previous = int(before[node])
            arc = made.arcs[previous, node]
            if arc < 2 * self.count and not self.is_open[arc % self.count]:
                found.add(arc % self.count)
            node = previous
        return np.array(sorted(found), dtype=np.int64)
