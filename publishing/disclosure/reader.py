"""What a reader of the released coverage tables knows, as linear systems.

Belongs here: one system for the country and one for each province and basis, and the order in
which they are searched. Does not belong here: what is told of a row (knowledge.py), exact
figures (whoever asks says which cells to look for), programs (linear.py), and how releases are
made.

Five parts stand for a row, none of them negative: active A, inactive I, unregistered U, the
lower bound of active, and the least gap. The bounds are parts: the lower one of A, the least
gap of I + U. Counts of workers are whole and add up exactly. Other figures are rounded: a sum
of n of them may be off by half the root of n, at most two, which a reader may rely on.

The country's system holds the country, sectors, provinces and provinces' sectors on both bases.
A province's system holds everything below. Of its own totals it takes what the country's
solutions say, any mixture of them, which is less than a reader must allow for.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import scipy.sparse as sp

from publishing.disclosure import frame as grains
from publishing.disclosure.knowledge import MANY, Key, System, Target, Told, Trial, read
from publishing.disclosure.linear import Program, Ranges, ranges, start
from publishing.disclosure.rules import Floats

__all__ = ["Key", "Search", "Target", "Told", "Trial", "read", "search"]

_PARTS = (1, 2, 3)
"""Active, inactive and unregistered among knowledge.FIGURES."""

_MIXED = 40
_FAR = 2.0
_AT_ONCE = 64


@dataclass
class Search:
    """What a reader of the release can say.

    Attributes:
        searched: figures that were looked for.
        narrow: those of which the range is proven too small.
        unproven: those for which time ran out.
        programs: linear programs that were solved.
        faulty: systems that have no solution, so that nothing is proven of them.
    """

    searched: int
    narrow: list[Target]
    unproven: list[Target]
    programs: int
    faulty: list[str] = field(default_factory=list)

    def take(self, found: Ranges, targets: Sequence[Target]) -> None:
        """Add what was found of some figures."""
        self.narrow += [targets[int(one)] for one in np.flatnonzero(found.narrow)]
        self.unproven += [targets[int(one)] for one in np.flatnonzero(found.unproven)]
        self.programs += found.programs


def search(
    told: Told,
    targets: Sequence[Target],
    wide: float,
    seconds: float,
    hint: Floats | None = None,
    trials: Sequence[Trial] = (),
) -> Search:
    """Look for the range of withheld figures of the coverage tables.

    Args:
        told: what the reader knows.
        targets: the figures to look for.
        wide: the range that is enough, in persons.
        seconds: for the whole search; what is not reached is unproven.
        hint: values of A, I, U and the bounds of each row that are worth trying.
        trials: movements worth trying. Neither proves anything: what comes of them counts only
            where it solves the system of what is told.
    """
    until = time.monotonic() + seconds
    done = Search(len(targets), [], [], 0)
    blocks: dict[Home, dict[int, list[int]]] = {}
    upper: dict[int, list[int]] = {grain: [] for grain in _UPPER}
    home: list[Home | None] = []
    for row, key in enumerate(told.keys):
        if key[0] in upper:
            upper[int(key[0])].append(row)
        home.append(None if key[0] in upper else (str(key[1]), str(key[2])))
        if key[0] not in (grains.NATIONAL, grains.SECTOR):
            block = blocks.setdefault((str(key[1]), str(key[2])), {})
            block.setdefault(int(key[0]), []).append(row)
    wanted: dict[Home | None, list[Target]] = {}
    for target in targets:
        wanted.setdefault(home[told.place[target[0]]], []).append(target)
    tried, joint = _sorted(trials, home)
    country = _country(told, upper)
    known = country.program()
    goals = country.goals(wanted.get(None, []))
    begun = start(
        known, goals, None if hint is None else country.near(hint),
        country.moves(tried.get(None, [])),
    )  # fmt: skip
    if begun is None:
        done.faulty.append("the country's totals")
        return done
    base = begun.points[0]
    found = ranges(known, goals, wide, seconds / 2, begun=begun)
    done.take(found, wanted.get(None, []))
    only = base[None, : MANY * len(country.rows)].reshape(1, len(country.rows), MANY)
    left: dict[Home, list[Target]] = {}
    for name in sorted(name for name in wanted if name is not None):
        if time.monotonic() > until:
            done.unproven += wanted[name]
            continue
        system = _block(told, blocks[name], country, only)
        program, goals = system.program(), system.goals(wanted[name])
        each = start(
            program, goals,
            None if hint is None else system.near(hint), system.moves(tried.get(name, [])),
        )  # fmt: skip
        done.programs += 1
        if each is not None and joint.get(name):
            _both(country, known, base, system, program, goals, joint[name], each)
        far = np.zeros(len(wanted[name])) if each is None else each.most - each.least
        rest = [wanted[name][int(n)] for n in np.flatnonzero(far < wide - 1e-5)]
        if rest:
            left[name] = rest
    if left:
        _slowly(told, upper, blocks, left, country, found, wide, until, done)
    return done


Home = tuple[str, str]
"""Basis and province of what lies below a province's totals."""


def _sorted(
    trials: Sequence[Trial], home: Sequence[Home | None]
) -> tuple[dict[Home | None, list[Trial]], dict[Home, list[Trial]]]:
    """Give what may be tried to the systems that hold its rows.

    Returns:
        By system, the part of each that lies in it; by province and basis, what moves both its
        cells and totals of the country.
    """
    found: dict[Home | None, list[Trial]] = {}
    joint: dict[Home, list[Trial]] = {}
    for rows, parts in trials:
        homes = [home[int(row)] for row in rows]
        names = dict.fromkeys(homes)
        below = [one for one in names if one is not None]
        if len(below) == 1 and None in names:
            joint.setdefault(below[0], []).append((rows, parts))
            continue
        for one in names:
            mine = np.array([each == one for each in homes])
            found.setdefault(one, []).append((rows[mine], parts[:, mine]))
    return found, joint


def _both(
    country: System,
    known: Program,
    base: Floats,
    system: System,
    program: Program,
    goals: sp.csr_matrix,
    trials: Sequence[Trial],
    seen: Ranges,
) -> None:
    """Try what moves a province's cells with totals of the country, in both systems at once.

    Both hold the totals of the province and share nothing else: what solves both by the same
    share solves the country's system and the province's as one.
    """
    above = country.moves([_within(each, country) for each in trials])
    below = system.moves([_within(each, system) for each in trials])
    free = replace(program, low=program.low.copy(), high=program.high.copy())
    for row in system.rows[np.isin(system.rows, country.rows)]:
        first = MANY * system.at[int(row)]
        then = MANY * country.at[int(row)]
        free.low[first : first + MANY] = known.low[then : then + MANY]
        free.high[first : first + MANY] = known.high[then : then + MANY]
    point = seen.points[0]
    shares = np.minimum(known.reach(base, above), free.reach(point, below))
    for at in range(0, len(shares), _AT_ONCE):
        some = slice(at, at + _AT_ONCE)
        by = shares[some][:, None]
        points = point + below[some].toarray() * by
        sound = free.holds(points) & known.holds(base + above[some].toarray() * by)
        if sound.any():
            values = goals @ points[sound].T
            np.minimum(seen.least, values.min(axis=1), out=seen.least)
            np.maximum(seen.most, values.max(axis=1), out=seen.most)


def _within(trial: Trial, system: System) -> Trial:
    rows, parts = trial
    mine = np.array([int(row) in system.at for row in rows])
    return rows[mine], parts[:, mine]


def _slowly(
    told: Told,
    upper: dict[int, list[int]],
    blocks: dict[Home, dict[int, list[int]]],
    left: dict[Home, list[Target]],
    country: System,
    found: Ranges,
    wide: float,
    until: float,
    done: Search,
) -> None:
    """Look with programs for what nothing that was tried has proven."""
    moved = [
        (told.keys[row], part)
        for grain in (grains.PROVINCE, grains.PROVINCE_SECTOR)
        for row in upper[grain]
        for part in _PARTS
        if np.isnan(told.figures[part, row]) and told.keys[row][1:3] in left
    ]
    # What may move above a province must have moved for its cells to move with it.
    more = ranges(
        country.program(), country.goals(moved), _FAR * wide,
        (until - time.monotonic()) / 8, single=False,
    )  # fmt: skip
    done.programs += more.programs
    points = np.array(
        [point[: MANY * len(country.rows)] for point in (*found.points, *more.points)]
    ).reshape(-1, len(country.rows), MANY)
    for name, wanted in left.items():
        near = Search(0, [], [], 0)
        _run(_block(told, blocks[name], country, points), wanted, wide,
             until - time.monotonic(), near)  # fmt: skip
        done.programs += near.programs
        rest = [*near.narrow, *near.unproven]
        if rest:
            # The mixture is a part of what the country may do: with all of it, once more.
            _run(_joint(told, upper, blocks[name]), rest, wide, until - time.monotonic(), done)


_LOWER = (grains.REGENCY, grains.SECTOR_REGION, grains.SEGMENT)
_UPPER = (grains.NATIONAL, grains.SECTOR, grains.PROVINCE, grains.PROVINCE_SECTOR)


def _run(
    system: System, targets: list[Target], wide: float, seconds: float, done: Search
) -> Ranges:
    found = ranges(system.program(), system.goals(targets), wide, seconds)
    done.take(found, targets)
    return found


def _country(told: Told, upper: dict[int, list[int]]) -> System:
    system = System(told, [row for rows in upper.values() for row in rows])
    _add_country(system, upper)
    return system


def _joint(told: Told, upper: dict[int, list[int]], block: dict[int, list[int]]) -> System:
    rows = [row for rows in upper.values() for row in rows]
    below = [row for grain in _LOWER for row in block.get(grain, [])]
    system = System(told, [*rows, *below])
    _add_country(system, upper)
    _add_block(system, block)
    return system


def _add_country(system: System, upper: dict[int, list[int]]) -> None:
    told, keys = system.told, system.told.keys
    for total, part, shared in (
        (grains.NATIONAL, grains.SECTOR, (1,)),
        (grains.NATIONAL, grains.PROVINCE, (1,)),
        (grains.SECTOR, grains.PROVINCE_SECTOR, (1, 3)),
        (grains.PROVINCE, grains.PROVINCE_SECTOR, (1, 2)),
    ):
        below = _grouped(told, upper[part], shared)
        for row in upper[total]:
            parts = below.get(tuple(keys[row][1:]), [])
            if parts:
                system.sums(parts, [row])
    # The same people on both bases.
    for rows in _grouped(told, [*upper[grains.NATIONAL], *upper[grains.SECTOR]], (0, 2)).values():
        if len(rows) == 2:
            system.sums(rows[:1], rows[1:], exact=True)


def _grouped(told: Told, rows: Sequence[int], shared: Sequence[int]) -> dict[Key, list[int]]:
    groups: dict[Key, list[int]] = {}
    for row in rows:
        key = told.keys[row]
        groups.setdefault(tuple(key[at] for at in shared if at < len(key)), []).append(row)
    return groups


def _block(told: Told, block: dict[int, list[int]], country: System, points: Floats) -> System:
    totals = [*block.get(grains.PROVINCE, []), *block.get(grains.PROVINCE_SECTOR, [])]
    below = [row for grain in _LOWER for row in block.get(grain, [])]
    system = System(told, [*totals, *below])
    system.mix(totals, _varied(points[:, [country.at[row] for row in totals]]))
    _add_block(system, block)
    return system


def _add_block(system: System, block: dict[int, list[int]]) -> None:
    told = system.told
    for row in block.get(grains.PROVINCE, []):
        for grain in (grains.REGENCY, grains.SEGMENT):
            if grain in block:
                system.sums(block[grain], [row])
    cells = block.get(grains.SECTOR_REGION, [])
    for total, shared in ((grains.PROVINCE_SECTOR, 4), (grains.REGENCY, 3)):
        parts = _grouped(told, cells, (shared,))
        for row in block.get(total, []):
            if (told.keys[row][3],) in parts:
                system.sums(parts[(told.keys[row][3],)], [row])


def _varied(points: Floats) -> Floats:
    """Choose solutions that differ most in these rows, and their mean."""
    flat = points.reshape(len(points), -1)
    ends = np.unique(np.concatenate([flat.argmax(axis=0), flat.argmin(axis=0)]))
    step = max(1, -(-len(ends) // _MIXED))
    return np.concatenate([points.mean(axis=0, keepdims=True), points[ends[::step]]])
