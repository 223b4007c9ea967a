"""Which cells are edges between which nodes: the country, the segments, each province.

Belongs here: making networks of the rows of a period. Does not belong here: what may move in
them (lattice.py), and flows (networks.py).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from publishing.disclosure import frame as grains
from publishing.disclosure.frame import Frame
from publishing.disclosure.networks import Network
from publishing.disclosure.rules import Ints

DOMICILE, WORKPLACE = "domicile", "workplace"


class Wiring:
    """Makes the networks of a period."""

    def __init__(
        self,
        frame: Frame,
        place: Mapping[tuple[int | str, ...], int],
        twins: list[tuple[int, int]],
        column: Ints,
    ):
        """Keep what the networks are made of.

        Args:
            frame: the period's rows.
            place: row of each total.
            twins: rows that count the same people on both bases.
            column: row of the province's sector of each cell.
        """
        self.frame = frame
        self.place = place
        self.twins = twins
        self.column = column

    def networks(self) -> dict[int, Network]:
        """Give the segments' network (-2), the country's (-1), and one for each block."""
        made = {-2: self._segments(), -1: self._country()}
        for block in np.unique(self.frame.block[self.frame.block >= 0]):
            made[int(block)] = self._block(int(block))
        return made

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
                    tail.append(column(DOMICILE, sector))
                    head.append(column(WORKPLACE, sector))
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
        return 0 if basis == DOMICILE else 1

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
        start, end = ends if basis == DOMICILE else ends[::-1]
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
            row.append(int(next(r for r in national if codes["basis"][r] == DOMICILE)))
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
