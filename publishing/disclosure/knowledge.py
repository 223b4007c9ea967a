"""What is told of each row of the coverage tables, as a linear system.

Belongs here: reading a released file, and nothing but it, and the sums that a reader knows of
some of its rows. Does not belong here: which rows make a system and the search (reader.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import duckdb
import numpy as np
import scipy.sparse as sp

from publishing.disclosure.frame import KEYS, TABLES
from publishing.disclosure.linear import Program, Rows
from publishing.disclosure.rules import FUNCTIONALS, Floats, Ints
from warehouse.storage import literal

FIGURES = ("workers", "active", "inactive", "unregistered", "gap", "active_low", "gap_low")
_READ = (*FIGURES, "active_high", "gap_high", "coverage_rate", "coverage_low", "coverage_high")
_W, _A, _I, _U, _G, _AL, _GL = range(len(FIGURES))
_PARTS = (_A, _I, _U, _AL, _GL)
MANY = len(_PARTS)

Key = tuple[int | str, ...]
Target = tuple[Key, int]
"""A row and the number of one of rules.FIGURES."""

Trial = tuple[Ints, Floats]
"""Rows, and by how much their active, inactive and unregistered may rise: worth trying."""


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


class System:
    """One linear system over some of the rows."""

    def __init__(self, told: Told, rows: Sequence[int]):
        self.told = told
        self.rows = np.asarray(rows, dtype=np.int64)
        self.at = {int(row): number for number, row in enumerate(self.rows)}
        self.constraints = Rows()
        figures = told.figures[:, self.rows]
        self.low = [np.nan_to_num(figures[list(_PARTS)], nan=0.0).T.ravel()]
        self.high = [np.nan_to_num(figures[list(_PARTS)], nan=np.inf).T.ravel()]
        self.width = MANY * len(self.rows)
        self.excess: list[int] = []
        for number, figure in enumerate(figures.T):
            self._own(MANY * number, figure)

    def _own(self, first: int, figure: Floats) -> None:
        parts = np.arange(first, first + MANY)
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
                np.concatenate([MANY * rows + part, [off[-1], over, under]]),
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
            for part in range(MANY):
                column = MANY * self.at[row] + part
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

    def near(self, hint: Floats) -> Floats:
        """Give values of all variables that are worth trying, NaN where there are none."""
        values = np.full(self.width, np.nan)
        values[: MANY * len(self.rows)] = hint[:, self.rows].T.ravel()
        return values

    def moves(self, moves: Sequence[Trial]) -> sp.csr_matrix:
        """Give movements of active, inactive and unregistered as movements of all variables.

        The lower bound moves with active, the least gap with the gap.
        """
        place: list[Ints] = []
        column: list[Ints] = []
        share: list[Floats] = []
        for number, (rows, parts) in enumerate(moves):
            first = MANY * np.array([self.at[int(row)] for row in rows])
            by = np.vstack([parts, parts[0], parts[1] + parts[2]])
            used = np.abs(by) > 0
            place.append(np.full(int(used.sum()), number))
            column.append((first[None, :] + np.arange(MANY)[:, None])[used])
            share.append(by[used])
        if not place:
            return sp.csr_matrix((0, self.width))
        return sp.csr_matrix(
            (np.concatenate(share), (np.concatenate(place), np.concatenate(column))),
            shape=(len(moves), self.width),
        )

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
            first = MANY * self.at[self.told.place[key]]
            goals.add(np.arange(first, first + 3), FUNCTIONALS[figure], 0.0, 0.0)
        return goals.matrix(self.width)
