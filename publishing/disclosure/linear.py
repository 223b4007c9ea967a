"""A reader with a linear program: how far withheld figures can be apart, given all that is told.

Belongs here: one linear system, and the search for points in it that are far enough apart. Does
not belong here: what a released file says (reader.py), who is to be protected, and anything of
how the release was made: nothing here is used for making it.

A withheld figure is safe when two solutions of the system differ in it by the range asked for.
Solutions are the proof, so one that moves many figures at once proves many at once: a program
asks for as many as possible to have moved by the range, and only what never moves along with
others gets programs of its own, which are exact.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import numpy as np
import scipy.sparse as sp
from scipy.optimize import Bounds, LinearConstraint, milp

from publishing.disclosure.rules import Bools, Floats, Ints

_SHARES = (0.3, 0.6, 0.1)
"""Parts of the figures left that are asked to move at once, turn by turn."""

_UPWARDS = 0.75
_PATIENCE = 3
_NEAR = 1e-5
"""Persons. Solvers keep sums up to about a millionth."""
_NOTHING = 1e-9
_DEAR = 1e4
_FARTHEST = 4.0
_AT_ONCE = 64


@dataclass
class Rows:
    """Linear constraints while they are collected: least <= sum of shares <= most."""

    place: list[Ints] = field(default_factory=list)
    column: list[Ints] = field(default_factory=list)
    share: list[Floats] = field(default_factory=list)
    least: list[float] = field(default_factory=list)
    most: list[float] = field(default_factory=list)

    def add(self, columns: Ints, shares: Floats, least: float, most: float) -> None:
        """Add one constraint."""
        self.place.append(np.full(len(columns), len(self.least)))
        self.column.append(np.asarray(columns))
        self.share.append(np.asarray(shares, dtype=np.float64))
        self.least.append(least)
        self.most.append(most)

    def matrix(self, width: int) -> sp.csr_matrix:
        """Give the shares, one row for each constraint."""
        if not self.place:
            return sp.csr_matrix((0, width))
        return sp.csr_matrix(
            (
                np.concatenate(self.share),
                (np.concatenate(self.place), np.concatenate(self.column)),
            ),
            shape=(len(self.least), width),
        )


@dataclass
class Program:
    """All that a reader knows, as a linear system.

    Attributes:
        matrix: one row for each thing known.
        least, most: between which it lies.
        low, high: of each variable.
        excess: columns that let a sum be off; they are used as little as possible, and then
            kept at that. Figures rounded one by one may ask for more than rounding promises.
    """

    matrix: sp.csr_matrix
    least: Floats
    most: Floats
    low: Floats
    high: Floats
    excess: Ints

    def settle(self, near: Floats | None = None) -> Floats | None:
        """Find a solution with as little excess as there can be, and allow no more than that.

        Args:
            near: values that the solution should be close to, NaN where it does not matter.

        Returns:
            The solution; None where the system has none.
        """
        cost = np.zeros(len(self.low))
        cost[self.excess] = 1.0
        point = self.solve(cost) if near is None else self._close(_DEAR * cost, near)
        if point is not None:
            self.high[self.excess] = np.where(
                point[self.excess] > _NEAR, point[self.excess] + _NEAR, 0.0
            )
            point[self.excess] = np.minimum(point[self.excess], self.high[self.excess])
        return point

    def _close(self, cost: Floats, near: Floats) -> Floats | None:
        """Find a solution of least cost and distance."""
        free = np.flatnonzero(~np.isnan(near) & (self.low < self.high))
        many, width = len(free), len(self.low)
        pick = sp.csr_matrix((np.ones(many), (np.arange(many), free)), shape=(many, width))
        same = sp.identity(many)
        point = Program(
            sp.bmat([[self.matrix, None, None], [pick, -same, same]], format="csr"),
            np.concatenate([self.least, near[free]]),
            np.concatenate([self.most, near[free]]),
            np.concatenate([self.low, np.zeros(2 * many)]),
            np.concatenate([self.high, np.full(2 * many, np.inf)]),
            self.excess,
        ).solve(np.concatenate([cost, np.tile(1.0 / (1.0 + np.maximum(near[free], 0.0)), 2)]))
        return None if point is None else np.clip(point[:width], self.low, self.high)

    def holds(self, points: Floats) -> Bools:
        """Tell which points are solutions; one row for each.

        Args:
            points: values of all variables.
        """
        sums = (self.matrix @ points.T).T
        return np.asarray(
            (points >= self.low - _NEAR).all(axis=1)
            & (points <= self.high + _NEAR).all(axis=1)
            & (sums >= self.least - _NEAR).all(axis=1)
            & (sums <= self.most + _NEAR).all(axis=1)
        )

    def reach(self, point: Floats, moves: sp.csr_matrix) -> Floats:
        """Give how much of each move can be added to a solution without leaving the system.

        Args:
            point: a solution.
            moves: one row each.
        """
        share = np.full(moves.shape[0], _FARTHEST)
        for change, at, low, high in (
            (moves, point, self.low, self.high),
            (moves @ self.matrix.T, self.matrix @ point, self.least, self.most),
        ):
            each = sp.coo_matrix(change)
            kept = np.abs(each.data) > _NOTHING
            row, column, by = each.row[kept], each.col[kept], each.data[kept]
            left = np.where(by > 0, high[column] - at[column], at[column] - low[column])
            np.minimum.at(share, row, np.maximum(left, 0.0) / np.abs(by))
        return share

    def solve(self, cost: Floats, seconds: float = 60.0) -> Floats | None:
        """Find the solution of least cost; None where there is none in time."""
        found = milp(
            cost,
            bounds=Bounds(self.low, self.high),
            constraints=LinearConstraint(self.matrix, self.least, self.most),
            options={"time_limit": max(seconds, 0.1)},
        )
        return None if found.x is None else np.asarray(found.x)

    def spread(
        self, goals: sp.csr_matrix, rising: bool, ends: Floats, wide: float, seconds: float
    ) -> Floats | None:
        """Find a solution in which as many figures as possible lie `wide` beyond an end.

        Args:
            goals: the figures, as sums of variables.
            rising: above their ends or below.
            ends: of each figure.
            wide: how far.
            seconds: after which to give up.
        """
        many, width = goals.shape
        sign = 1.0 if rising else -1.0
        beside = Program(
            sp.bmat([[self.matrix, None], [sign * goals, -sp.identity(many)]], format="csr"),
            np.concatenate([self.least, sign * ends - _NEAR]),
            np.concatenate([self.most, np.full(many, np.inf)]),
            np.concatenate([self.low, np.zeros(many)]),
            np.concatenate([self.high, np.full(many, wide + _NEAR)]),
            self.excess,
        )
        cost = np.concatenate([np.zeros(width), -np.ones(many)])
        point = beside.solve(cost, seconds)
        return None if point is None else point[:width]


@dataclass
class Ranges:
    """What a reader can say of each figure.

    Attributes:
        least, most: seen among solutions; true ends where `narrow` is set.
        narrow: figures of which it is proven that they cannot lie `wide` apart.
        unproven: figures for which neither was found in time.
        points: solutions found on the way.
    """

    least: Floats
    most: Floats
    narrow: Bools
    unproven: Bools
    points: list[Floats]
    programs: int = 0


def start(
    program: Program,
    goals: sp.csr_matrix,
    near: Floats | None = None,
    moves: sp.csr_matrix | None = None,
) -> Ranges | None:
    """Begin a search with what may be tried, whoever found it: only solutions count.

    Args:
        program: what the reader knows.
        goals: the figures, one row each.
        near: values that the first solution should be close to.
        moves: what may lead from it to other solutions, one row each.

    Returns:
        The ranges seen; None where the system has no solution.
    """
    many = goals.shape[0]
    first = program.settle(near)
    if first is None:
        return None
    seen = goals @ first
    nothing = np.zeros(many, dtype=bool)
    found = Ranges(seen.copy(), seen.copy(), nothing, nothing.copy(), [first], 1)
    if moves is None or not moves.shape[0] or not program.holds(first[None, :])[0]:
        return found
    for sign in (1.0, -1.0):
        shares = program.reach(first, sign * moves)
        useful = np.flatnonzero(shares > _NOTHING)
        for at in range(0, len(useful), _AT_ONCE):
            some = useful[at : at + _AT_ONCE]
            points = first + sign * moves[some].toarray() * shares[some][:, None]
            points = points[program.holds(points)]
            if len(points):
                values = goals @ points.T
                np.minimum(found.least, values.min(axis=1), out=found.least)
                np.maximum(found.most, values.max(axis=1), out=found.most)
    return found


def ranges(
    program: Program,
    goals: sp.csr_matrix,
    wide: float,
    seconds: float,
    single: bool = True,
    begun: Ranges | None = None,
) -> Ranges:
    """Look for the range of every figure, as far as it is asked for.

    Args:
        program: what the reader knows; settled already where `begun` is given.
        goals: the figures, one row each.
        wide: the range that is enough.
        seconds: for the whole search.
        single: look at what never moves along with others by itself, to be sure of it.
        begun: what was found before.
    """
    until = time.monotonic() + seconds
    many = goals.shape[0]
    found = begun or start(program, goals)
    if found is None:
        nothing = np.zeros(many, dtype=bool)
        return Ranges(np.zeros(many), np.zeros(many), nothing, ~nothing, [])
    drawn = np.random.default_rng(20210325)
    idle, covered = 0, 0.0
    while idle < _PATIENCE:
        todo = np.flatnonzero(found.most - found.least < wide - _NEAR)
        if not len(todo) or time.monotonic() > until:
            break
        # What rises must come from somewhere: the others are free to give it.
        some = todo[drawn.random(len(todo)) < _SHARES[idle % len(_SHARES)]]
        if len(some):
            _look(program, goals, some, drawn.random() < _UPWARDS, wide, until, found)
        gained = _covered(found, wide)
        idle = idle + 1 if gained <= covered + wide / 4 else 0
        covered = gained
    rest = np.flatnonzero(found.most - found.least < wide - _NEAR)
    for one in rest if single else rest[:0]:
        for rising in (True, False):
            if found.most[one] - found.least[one] < wide - _NEAR and time.monotonic() <= until:
                sure = _look(program, goals, np.array([one]), rising, wide, until, found)
                found.unproven[one] |= not sure
        apart = found.most[one] - found.least[one] >= wide - _NEAR
        found.unproven[one] = not apart and (found.unproven[one] or time.monotonic() > until)
        found.narrow[one] = not apart and not found.unproven[one]
    return found


def _covered(found: Ranges, wide: float) -> float:
    return float(np.minimum(found.most - found.least, wide).sum())


def _look(
    program: Program,
    goals: sp.csr_matrix,
    todo: Ints,
    rising: bool,
    wide: float,
    until: float,
    found: Ranges,
) -> bool:
    ends = found.least[todo] if rising else found.most[todo]
    found.programs += 1
    point = program.spread(goals[todo], rising, ends, wide, until - time.monotonic())
    if point is None:
        return False
    seen = goals @ point
    found.least, found.most = np.minimum(found.least, seen), np.maximum(found.most, seen)
    found.points.append(point)
    return True
