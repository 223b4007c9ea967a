"""A reader of the released file alone: what linear programs narrow down is found, and blocks."""

from __future__ import annotations

from pathlib import Path

import duckdb
import numpy as np
import pytest
import scipy.sparse as sp
from disclosure_world import PERIOD, people, write_exact

from publishing.disclosure import make_release, reader
from publishing.disclosure.frame import SECTOR_REGION, Frame, read_frame
from publishing.disclosure.linear import Program, ranges, start
from publishing.disclosure.release import outsider
from publishing.disclosure.rules import FIGURES, sensitive
from warehouse.errors import GateBlocked


def everything(frame: Frame) -> list[reader.Target]:
    return [
        (frame.key(int(row)), int(figure))
        for figure, row in zip(*np.nonzero(sensitive(frame.counts)), strict=True)
    ]


def made(folder: Path, seed: int, **more) -> tuple[Path, Path]:
    exact, release = folder / "cakupan.duckdb", folder / "release.duckdb"
    write_exact(exact, people(seed, **more))
    make_release(exact, release, PERIOD)
    return exact, release


def searched(exact: Path, release: Path) -> reader.Search:
    with duckdb.connect() as con:
        con.execute(f"ATTACH '{exact}' AS e (READ_ONLY)")
        con.execute(f"ATTACH '{release}' AS r (READ_ONLY)")
        frame = read_frame(con, "e.coverage", PERIOD)
        told = reader.read(con, "r.release", PERIOD)
    return reader.search(told, everything(frame), 9.0, 20.0)


def test_the_range_of_a_sum_is_found_and_no_more() -> None:
    # x + y = 12, z = 3 - w, all at least none: x and y may be 0 to 12, z and w 0 to 3.
    matrix = sp.csr_matrix([[1.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 1.0]])
    sums = np.array([12.0, 3.0])
    program = Program(matrix, sums, sums, np.zeros(4), np.full(4, np.inf), np.array([], dtype=int))
    found = ranges(program, sp.identity(4, format="csr"), 9.0, 10.0)
    assert found.narrow.tolist() == [False, False, True, True]
    assert not found.unproven.any()
    assert np.allclose((found.most - found.least)[2:], 3.0, atol=1e-3)


def test_what_is_tried_counts_only_where_it_solves_the_system() -> None:
    # x + y = 12 and z = 3 - w: from (6, 6, 1, 2), one move is sound and two are not.
    matrix = sp.csr_matrix([[1.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 1.0]])
    sums = np.array([12.0, 3.0])
    program = Program(matrix, sums, sums, np.zeros(4), np.full(4, np.inf), np.array([], dtype=int))
    moves = sp.csr_matrix([[6.0, -6.0, 0.0, 0.0], [0.0, 0.0, 9.0, 0.0], [0.0, 0.0, -9.0, 9.0]])
    begun = start(program, sp.identity(4, format="csr"), np.array([6.0, 6.0, 1.0, 2.0]), moves)
    assert begun is not None
    assert np.allclose(begun.points[0], [6.0, 6.0, 1.0, 2.0])
    assert np.allclose(begun.most - begun.least, [12.0, 12.0, 3.0, 3.0])


def test_a_system_without_a_solution_proves_nothing(tmp_path: Path) -> None:
    exact, release = made(tmp_path, 5, provinces=2, regencies=2, mean=40)
    with duckdb.connect() as con:
        con.execute(f"ATTACH '{exact}' AS e (READ_ONLY); ATTACH '{release}' AS r")
        frame = read_frame(con, "e.coverage", PERIOD)
        with pytest.raises(GateBlocked, match="not proven to be safe within 1e-06 seconds"):
            outsider(con, "r.release", "e.coverage", PERIOD, frame, seconds=1e-6)
        left_out = outsider(con, "r.release", "e.coverage", PERIOD, frame, seconds=0.0)
        assert left_out == {"programs": 0, "proven": 0}
        told = reader.read(con, "r.release", PERIOD)
        # More active than workers: no figures of the country agree with that.
        place = told.place[(0, "domicile")]
        told.figures[1, place] = told.figures[0, place] + 50
        told.figures[2:, place] = np.nan
        found = reader.search(told, everything(frame), 9.0, 20.0)
    assert found.faulty == ["the country's totals"]


def test_a_release_keeps_every_count_from_a_reader(tmp_path: Path) -> None:
    for seed in (3, 4):
        folder = tmp_path / str(seed)
        folder.mkdir()
        found = searched(*made(folder, seed, provinces=3, regencies=3, mean=20))
        assert found.searched > 10
        assert (found.narrow, found.unproven) == ([], [])


def test_one_withheld_cell_told_by_its_rate_is_found(tmp_path: Path) -> None:
    exact, release = made(tmp_path, 5, provinces=2, regencies=3, mean=40)
    with duckdb.connect() as con:
        con.execute(f"ATTACH '{release}' AS r; ATTACH '{exact}' AS e (READ_ONLY)")
        cell = con.execute(
            "SELECT basis, province_code, regency_code, sector_code FROM "
            "e.coverage.coverage_by_sector_region AS e JOIN r.release.coverage_by_sector_region "
            "AS r USING (basis, province_code, regency_code, sector_code) "
            "WHERE r.workers IS NOT NULL AND r.active IS NULL AND e.active BETWEEN 1 AND 9 "
            "ORDER BY ALL LIMIT 1"
        ).fetchall()[0]
        con.execute(
            "UPDATE r.release.coverage_by_sector_region AS r SET coverage_rate = e.coverage_rate "
            "FROM e.coverage.coverage_by_sector_region AS e WHERE (r.basis, r.regency_code, "
            "r.sector_code) = (e.basis, e.regency_code, e.sector_code) AND "
            "(r.basis, r.province_code, r.regency_code, r.sector_code) = (?, ?, ?, ?)",
            cell,
        )
    leaks = searched(exact, release).narrow
    assert ((SECTOR_REGION, *cell), FIGURES.index("active")) in leaks
