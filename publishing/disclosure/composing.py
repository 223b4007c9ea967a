"""Movements of a province's cells together with a total of it that moves in the country.

Belongs here: what the cells of a province do when one of its sectors rises by the whole range,
one of them by all of it. Does not belong here: proofs: the attacker by linear programs tries
what is found here, and counts only what solves its own system.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import scipy.sparse as sp
from scipy.sparse.csgraph import maximum_flow

from publishing.disclosure.networks import SCALE, Flow
from publishing.disclosure.rules import WIDTH, Floats, Ints


def compose(flow: Flow, edges: Sequence[int], demands: Floats) -> Floats:
    """Let each of some edges rise by the whole range, while nodes take what they must.

    Args:
        flow: a province's network in one problem.
        edges: numbers of the edges.
        demands: by how much more must flow into each node than out of it, one row for each
            edge; each row adds up to none.

    Returns:
        By how much every edge rises, one row for each of `edges` for which there is a way:
        the others are NaN.
    """
    network, count = flow.network, flow.count
    asked, many, nodes = np.asarray(edges, dtype=np.int64), len(edges), flow.network.nodes
    copy = np.arange(many)
    need = np.round(demands * SCALE).astype(np.int64)
    size = round(WIDTH * SCALE)
    need[copy, network.head[asked]] -= size
    need[copy, network.tail[asked]] += size
    room = np.tile(np.floor(flow.capacity[: 2 * count] * SCALE + 1e-6), (many, 1))
    room[copy, asked] = room[copy, asked + count] = 0
    ends = (
        np.concatenate([network.tail, network.head]),
        np.concatenate([network.head, network.tail]),
    )
    shift = copy[:, None] * nodes
    source, sink = many * nodes, many * nodes + 1
    inner = np.arange(many * nodes)
    outer = np.full(many * nodes, source), np.full(many * nodes, sink)
    begin = np.concatenate([(ends[0] + shift).ravel(), outer[0], inner, inner, outer[1]])
    end = np.concatenate([(ends[1] + shift).ravel(), inner, outer[0], outer[1], inner])
    none = np.zeros(many * nodes)
    wanted = need.ravel()
    load = np.concatenate(
        [room.ravel(), np.maximum(-wanted, 0), none, np.maximum(wanted, 0), none]
    ).astype(np.int32)
    order = np.lexsort((end, begin))
    starts = np.searchsorted(begin[order], np.arange(sink + 2))
    graph = sp.csr_matrix(
        (load[order], end[order].astype(np.int32), starts.astype(np.int32)),
        shape=(sink + 1, sink + 1),
    )
    found = np.empty(len(order), dtype=np.int64)
    found[order] = maximum_flow(graph, source, sink).flow.data
    moved = found[: many * 2 * count].reshape(many, 2 * count)[:, :count] / SCALE
    moved[copy, asked] = WIDTH
    sent: Ints = found[many * 2 * count :][: many * nodes].reshape(many, nodes).sum(axis=1)
    moved[sent < np.maximum(need, 0).sum(axis=1)] = np.nan
    return np.asarray(moved, dtype=np.float64)
