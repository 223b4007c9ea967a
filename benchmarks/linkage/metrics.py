"""Measures of a linkage against the truth.

Belongs here: precision, recall and F1 at a threshold, the best F1 over all of them, and the
same after pairs were closed to groups. Does not belong here: who made the links (the
drivers), or how long it took (process).

Pairs may come as counts by score, so that a million of them are added up by the database and
not here. The score of a pair is anything that grows with how sure its tool is.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable
from itertools import groupby
from typing import Any, NamedTuple


class Measures(NamedTuple):
    """How good a set of links is; shares from 0 to 1."""

    precision: float
    recall: float
    f1: float


def measures(right: int, wrong: int, true_pairs: int) -> Measures:
    """Measure links by their counts.

    Args:
        right: links that are true.
        wrong: links that are not.
        true_pairs: pairs there are to find, found or not.

    Returns:
        Precision (1 where nothing was linked), recall (1 where there was nothing to find), F1.
    """
    linked = right + wrong
    precision = right / linked if linked else 1.0
    recall = right / true_pairs if true_pairs else 1.0
    return Measures(precision, recall, 2 * right / (linked + true_pairs) if linked else 0.0)


def best(counts: Iterable[tuple[float, int, int]], true_pairs: int) -> tuple[float, Measures]:
    """Find the threshold that somebody who knows the truth would choose.

    Args:
        counts: score, true pairs and false pairs of that score; in any order.
        true_pairs: pairs there are to find.

    Returns:
        The lowest score that is a link, and the measures; infinity where linking nothing is best.
    """
    threshold, top = float("inf"), measures(0, 0, true_pairs)
    right = wrong = 0
    ordered = sorted(counts, key=lambda row: -row[0])
    for score, rows in groupby(ordered, key=lambda row: row[0]):
        for _, more_right, more_wrong in rows:
            right += more_right
            wrong += more_wrong
        found = measures(right, wrong, true_pairs)
        if found.f1 > top.f1:
            threshold, top = score, found
    return threshold, top


class Groups:
    """Records in groups that grow as pairs are linked, and how many true pairs they hold."""

    def __init__(self, truth: Iterable[tuple[Hashable, Hashable]]) -> None:
        """Start with every record alone.

        Args:
            truth: pairs of records that are one; what follows from them is true as well.
        """
        parent: dict[Hashable, Hashable] = {}

        def root(record: Hashable) -> Hashable:
            while parent.setdefault(record, record) != record:
                record = parent[record]
            return record

        for left, right in truth:
            parent[root(left)] = root(right)
        self._entity = {record: root(record) for record in list(parent)}
        sizes: dict[Hashable, int] = defaultdict(int)
        for entity in self._entity.values():
            sizes[entity] += 1
        self.true_pairs = sum(n * (n - 1) // 2 for n in sizes.values())
        self.right = 0
        self.pairs = 0
        self._group: dict[Hashable, Hashable] = {}
        self._members: dict[Hashable, list[Hashable]] = {}
        self._entities: dict[Hashable, dict[Hashable, int]] = {}

    def _find(self, record: Hashable) -> Hashable:
        if record not in self._group:
            self._group[record] = record
            self._members[record] = [record]
            # A record of no true pair is a person of its own.
            self._entities[record] = {self._entity.get(record, ("alone", record)): 1}
        return self._group[record]

    def link(self, left: Hashable, right: Hashable) -> None:
        """Make one group of the groups of two records."""
        small, large = sorted(
            (self._find(left), self._find(right)), key=lambda group: len(self._members[group])
        )
        if small == large:
            return
        self.pairs += len(self._members[small]) * len(self._members[large])
        ours = self._entities[large]
        for entity, n in self._entities.pop(small).items():
            self.right += n * ours.get(entity, 0)
            ours[entity] = ours.get(entity, 0) + n
        for record in self._members[small]:
            self._group[record] = large
        self._members[large] += self._members.pop(small)

    def measures(self) -> Measures:
        """Measure all pairs within the groups."""
        return measures(self.right, self.pairs - self.right, self.true_pairs)


def best_groups(
    pairs: Iterable[tuple[float, Any, Any]], truth: Iterable[tuple[Any, Any]]
) -> tuple[float, Measures]:
    """Find the threshold at which the groups that the links make are best.

    Args:
        pairs: score and the two records; in any order.
        truth: pairs of records that are one.

    Returns:
        As `best`.
    """
    groups = Groups(truth)
    threshold, top = float("inf"), groups.measures()
    ordered = sorted(pairs, key=lambda row: -row[0])
    for score, rows in groupby(ordered, key=lambda row: row[0]):
        for _, left, right in rows:
            groups.link(left, right)
        found = groups.measures()
        if found.f1 > top.f1:
            threshold, top = score, found
    return threshold, top
