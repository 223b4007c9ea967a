"""What a reader of the released coverage tables knows, as linear systems.

Belongs here: reading a released file, and nothing but it, into what is told of each cell; one
system for the country and one for each province and basis. Does not belong here: exact figures
(whoever asks says which cells to look for), the search (linear.py), and how releases are made.

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
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import duckdb
import numpy as np
import scipy.sparse as sp

from publishing.disclosure import frame as grains
from publishing.disclosure.frame import KEYS, TABLES
from publishing.disclosure.linear import Program, Ranges, Rows, ranges
from publishing.disclosure.rules import FUNCTIONALS, Floats
from warehouse.storage import literal

FIGURES = ("workers", "active", "inactive", "unregistered", "gap", "active_low", "gap_low")
_READ = (*FIGURES, "active_high", "gap_high", "coverage_rate", "coverage_low", "coverage_high")
_W, _A, _I, _U, _G, _AL, _GL = range(len(FIGURES))
_PARTS = (_A, _I, _U, _AL, _GL)
_MANY = len(_PARTS)
_MIXED = 40
_FAR = 2.0

Key = tuple[int | str, ...]
Target = tuple[Key, int]
"""A row and the number of one of rules.FIGURES."""


@dataclass
class Told:
    """What a released file says of each row; NaN where it says nothing.

    Attributes:
        keys: grain and codes of each row.
        figures: one row for each of `FIGURES`.
        place: row of each key.
    """

    keys: list[Key]
    figures: Floats
    place: dict[Key, int]

    def learn(self, earlier: Told, keys: Iterable[Key]) -> None:
        """Take over what an earlier release told of rows that have not changed since."""
        for key in keys:
            row, then = self.place.get(key), earlier.place.get(key)
            if row is not None and then is not None:
                now = self.figures[:, row]
                self.figures[:, row] = np.where(np.isnan(now), earlier.figures[:, then], now)


def read(con: duckdb.DuckDBPyConnection, schema: str, period: str) -> Told:
    """Read what a release tells, with what follows from its rates.

    Args:
        con: a connection that sees the release.
        schema: where its tables are.
        period: the month.
    """
    keys: list[Key] = []
    parts = []
    columns = ", ".join(f"coalesce({name}::DOUBLE, 'nan') AS {name}" for name in _READ)
    for grain, table in TABLES.items():
        found = con.execute(
            f"SELECT {', '.join(KEYS[grain])}, {columns} FROM {schema}.{table} "
            f"WHERE period = {literal(period)} ORDER BY ALL"
        ).fetchnumpy()
        codes = [found[name].tolist() for name in KEYS[grain]]
        keys += [(grain, *each) for each in zip(*codes, strict=True)]
        parts.append(np.vstack([np.asarray(found[name], dtype=np.float64) for name in _READ]))
    read_ = dict(zip(_READ, np.hstack(parts), strict=True))
    _infer(read_)
    return Told(keys, np.vstack([read_[name] for name in FIGURES]),
                {key: row for row, key in enumerate(keys)})  # fmt: skip


def _infer(told: dict[str, Floats]) -> None:
    """Work out what a row's own figures give of one another."""

    def fill(name: str, values: Floats) -> None:
        told[name] = np.where(np.isnan(told[name]), values, told[name])

    with np.errstate(divide="ignore", invalid="ignore"):
        for rate, part in (
            ("coverage_rate", "active"), ("coverage_low", "active_low"),
            ("coverage_high", "active_high"),
        ):  # fmt: skip
            usable = np.where(told[rate] > 0, told[rate], np.nan)
            fill(part, told[rate] * told["workers"])
            fill("workers", told[part] / usable)
    for _ in range(3):
        for whole, one, other in (
            ("workers", "active", "gap"), ("gap", "inactive", "unregistered"),
            ("workers", "active_low", "gap_high"), ("workers", "active_high", "gap_low"),
        ):  # fmt: skip
            fill(whole, told[one] + told[other])
            fill(one, told[whole] - told[other])
            fill(other, told[whole] - told[one])


class _System:
    """One linear system over some of the rows."""

    def __init__(self, told: Told, rows: Sequence[int]):
        self.told = told
        self.rows = np.asarray(rows, dtype=np.int64)
        self.at = {int(row): number for number, row in enumerate(self.rows)}
        self.constraints = Rows()
        figures = told.figures[:, self.rows]
        self.low = [np.nan_to_num(figures[list(_PARTS)], nan=0.0).T.ravel()]
        self.high = [np.nan_to_num(figures[list(_PARTS)], nan=np.inf).T.ravel()]
        self.width = _MANY * len(self.rows)
        self.excess: list[int] = []
        for number, figure in enumerate(figures.T):
            self._own(_MANY * number, figure)

    def _own(self, first: int, figure: Floats) -> None:
        parts = np.arange(first, first + _MANY)
        known = ~np.isnan(figure)
        add = self.constraints.add
        if known[_W] and not known[[_A, _I, _U]].all():
            add(parts[:3], np.ones(3), figure[_W], figure[_W])
        if known[_G] and not known[[_I, _U]].all():
            add(parts[1:3], np.ones(2), figure[_G], figure[_G])
        if not known[[_A, _AL]].all():
            add(parts[[3, 0]], np.array([1.0, -1.0]), -np.inf, 0.0)
        if not known[[_I, _U, _GL]].all():
            add(parts[[4, 1, 2]], np.array([1.0, -1.0, -1.0]), -np.inf, 0.0)

    def new(self, low: float, high: float) -> int:
        """Add a variable."""
        self.low.append(np.array([low]))
        self.high.append(np.array([high]))
        self.width += 1
        return self.width - 1

    def sums(self, plus: Sequence[int], minus: Sequence[int], exact: bool = False) -> None:
        """Say that rows add up to others, part by part, up to what rounding leaves open."""
        rows = np.array([self.at[row] for row in (*plus, *minus)])
        known = ~np.isnan(self.told.figures[:, [*plus, *minus]])
        if known[[_A, _I, _U, _AL, _GL]].all():
            return
        signs = np.concatenate([np.ones(len(plus)), -np.ones(len(minus))])
        off = []
        for part, figure in enumerate(_PARTS):
            loose = 0.0 if exact else min(2.0, 0.5 * float(np.sqrt(known[figure].sum())))
            off.append(self.new(-loose, loose))
            over, under = self.new(0.0, np.inf), self.new(0.0, np.inf)
            self.excess += [over, under]
            self.constraints.add(
                np.concatenate([_MANY * rows + part, [off[-1], over, under]]),
                np.concatenate([signs, [1.0, 1.0, -1.0]]), 0.0, 0.0,
            )  # fmt: skip
        self.constraints.add(np.array(off[:3]), np.ones(3), 0.0, 0.0)

    def mix(self, rows: Sequence[int], points: Floats) -> None:
        """Say that rows are a mixture of solutions (points x rows x parts)."""
        same = np.ptp(points, axis=0) < 1e-6
        mixed = not same.all()
        shares = np.array([self.new(0.0, 1.0) for _ in points if mixed], dtype=np.int64)
        low, high = np.concatenate(self.low), np.concatenate(self.high)
        for number, row in enumerate(rows):
            for part in range(_MANY):
                column = _MANY * self.at[row] + part
                if same[number, part]:
                    low[column] = high[column] = max(points[0, number, part], 0.0)
                    continue
                low[column], high[column] = 0.0, np.inf
                self.constraints.add(
                    np.concatenate([[column], shares]),
                    np.concatenate([[1.0], -points[:, number, part]]), 0.0, 0.0,
                )  # fmt: skip
        self.low, self.high = [low], [high]
        if mixed:
            self.constraints.add(shares, np.ones(len(shares)), 1.0, 1.0)

    def program(self) -> Program:
        """Give what is known as a program."""
        rows = self.constraints
        return Program(
            rows.matrix(self.width), np.array(rows.least), np.array(rows.most),
            np.concatenate(self.low), np.concatenate(self.high),
            np.array(self.excess, dtype=np.int64),
        )  # fmt: skip

    def goals(self, targets: Sequence[Target]) -> sp.csr_matrix:
        """Give figures as sums of variables."""
        goals = Rows()
        for key, figure in targets:
            first = _MANY * self.at[self.told.place[key]]
            goals.add(np.arange(first, first + 3), FUNCTIONALS[figure], 0.0, 0.0)
        return goals.matrix(self.width)


@dataclass
class Search:
    """What a reader of the release can say.

    Attributes:
        searched: figures that were looked for.
        narrow: those of which the range is proven too small.
        unproven: those for which time ran out.
        programs: linear programs that were solved.
    """

    searched: int
    narrow: list[Target]
    unproven: list[Target]
    programs: int


def search(told: Told, targets: Sequence[Target], wide: float, seconds: float) -> Search:
    """Look for the range of withheld figures of the coverage tables.

    Args:
        told: what the reader knows.
        targets: the figures to look for.
        wide: the range that is enough, in persons.
        seconds: for the whole search; what is not reached is unproven.
    """
    until = time.monotonic() + seconds
    done = Search(len(targets), [], [], 0)
    blocks: dict[tuple[str, str], dict[int, list[int]]] = {}
    upper: dict[int, list[int]] = {grain: [] for grain in _UPPER}
    for row, key in enumerate(told.keys):
        if key[0] in upper:
            upper[int(key[0])].append(row)
        if key[0] not in (grains.NATIONAL, grains.SECTOR):
            block = blocks.setdefault((str(key[1]), str(key[2])), {})
            block.setdefault(int(key[0]), []).append(row)
    wanted: dict[tuple[str, str] | None, list[Target]] = {}
    for target in targets:
        key = target[0]
        home = None if key[0] in upper else (str(key[1]), str(key[2]))
        wanted.setdefault(home, []).append(target)
    country = _country(told, upper)
    found = _run(country, wanted.get(None, []), wide, seconds / 2, done)
    moved = [
        (told.keys[row], part)
        for grain in (grains.PROVINCE, grains.PROVINCE_SECTOR)
        for row in upper[grain]
        for part in (_A, _I, _U)
        if np.isnan(told.figures[part, row])
    ]
    # What may move above a province must have moved for its cells to move with it.
    more = ranges(country.program(), country.goals(moved), _FAR * wide, seconds / 8, single=False)
    found.points += more.points
    done.programs += more.programs
    if not found.points:
        done.unproven = list(targets)
        return done
    points = np.array([point[: _MANY * len(country.rows)] for point in found.points])
    points = points.reshape(len(points), len(country.rows), _MANY)
    for name, block in sorted(blocks.items()):
        if name not in wanted:
            continue
        left = until - time.monotonic()
        if left <= 0:
            done.unproven += wanted[name]
            continue
        near = Search(0, [], [], 0)
        _run(_block(told, block, country, points), wanted[name], wide, left, near)
        done.programs += near.programs
        rest = [*near.narrow, *near.unproven]
        if rest:
            # The mixture is a part of what the country may do: with all of it, once more.
            _run(_joint(told, upper, block), rest, wide, until - time.monotonic(), done)
    return done


_LOWER = (grains.REGENCY, grains.SECTOR_REGION, grains.SEGMENT)
_UPPER = (grains.NATIONAL, grains.SECTOR, grains.PROVINCE, grains.PROVINCE_SECTOR)


def _run(
    system: _System, targets: list[Target], wide: float, seconds: float, done: Search
) -> Ranges:
    found = ranges(system.program(), system.goals(targets), wide, seconds)
    done.narrow += [targets[one] for one in np.flatnonzero(found.narrow)]
    done.unproven += [targets[one] for one in np.flatnonzero(found.unproven)]
    done.programs += found.programs
    return found


def _country(told: Told, upper: dict[int, list[int]]) -> _System:
    system = _System(told, [row for rows in upper.values() for row in rows])
    _add_country(system, upper)
    return system


def _joint(told: Told, upper: dict[int, list[int]], block: dict[int, list[int]]) -> _System:
    rows = [row for rows in upper.values() for row in rows]
    below = [row for grain in _LOWER for row in block.get(grain, [])]
    system = _System(told, [*rows, *below])
    _add_country(system, upper)
    _add_block(system, block)
    return system


def _add_country(system: _System, upper: dict[int, list[int]]) -> None:
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


def _block(told: Told, block: dict[int, list[int]], country: _System, points: Floats) -> _System:
    totals = [*block.get(grains.PROVINCE, []), *block.get(grains.PROVINCE_SECTOR, [])]
    below = [row for grain in _LOWER for row in block.get(grain, [])]
    system = _System(told, [*totals, *below])
    system.mix(totals, _varied(points[:, [country.at[row] for row in totals]]))
    _add_block(system, block)
    return system


def _add_block(system: _System, block: dict[int, list[int]]) -> None:
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
