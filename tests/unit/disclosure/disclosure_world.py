"""Small worlds with exact tables, and a reader with patience: one linear program for each cell.

The program knows nothing of how suppression works or is proven: it has every released figure,
every sum that holds between the tables, and solves for the least and the most that each
withheld figure may be.
"""

from __future__ import annotations

from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import scipy.sparse as sp
from scipy.optimize import linprog

from publishing.disclosure.attacker import read_told
from publishing.disclosure.frame import Frame, read_frame
from publishing.disclosure.rules import FUNCTIONALS, TOLD, sensitive
from warehouse.tables import table_specs

PERIOD = "2026-10"
SECTORS = ("A", "C", "F", "G")
COLUMNS = ("domicile", "workplace", "sector_code", "segment", "sex", "age_band", "a", "i")
GRAINS = {
    "coverage_by_sector_region": ("province_code", "regency_code", "sector_code"),
    "coverage_by_regency": ("province_code", "regency_code"),
    "coverage_by_province": ("province_code",),
    "coverage_by_sector": ("sector_code",),
    "coverage_national": (),
    "coverage_by_segment": ("province_code", "segment", "sex", "age_band"),
}

Person = tuple[str, str, str, str, str, str, float, float]
"""Domicile, workplace, sector, segment, sex, age band, active and inactive share of one person."""


def people(seed: int, provinces: int = 3, regencies: int = 3, mean: float = 14.0) -> list[Person]:
    """Draw people whose places and sectors are as uneven as real ones."""
    rng = np.random.default_rng(seed)
    places = [f"{31 + p}{1 + r:02}" for p in range(provinces) for r in range(regencies)]
    weight = rng.gamma(0.6, size=(len(places), len(SECTORS)))
    counts = rng.poisson(mean * weight / weight.mean())
    found: list[Person] = []
    for place, row in zip(places, counts, strict=True):
        for sector, count in zip(SECTORS, row, strict=True):
            for _ in range(int(count)):
                work = place if rng.random() < 0.8 else str(rng.choice(places))
                share = float(rng.choice([0.0, 1.0, 0.4], p=[0.6, 0.38, 0.02]))
                lapsed = (1.0 - share) * float(rng.random() < 0.3)
                kind = (
                    str(rng.choice(["PU", "BPU"])),
                    str(rng.choice(["L", "P"])),
                    str(rng.choice(["15-24", "25-34"])),
                )
                found.append((place, work, sector, *kind, share, lapsed))
    return found


def write_exact(file: Path, persons: list[Person], period: str = PERIOD) -> None:
    """Write the exact tables of a published warehouse."""
    with duckdb.connect(str(file)) as con:
        for schema in ("coverage", "quality", "reference"):
            con.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
        for spec in table_specs().values():
            con.execute(spec.ddl())
        columns = dict(zip(COLUMNS, map(list, zip(*persons, strict=True)), strict=True))
        con.register("drawn", pa.table(columns))
        con.execute(
            "CREATE TEMP TABLE person AS SELECT * REPLACE (a::DECIMAL(18,6) AS a, "
            "i::DECIMAL(18,6) AS i) FROM drawn"
        )
        for table, keys in GRAINS.items():
            names = {
                "province_code": "province",
                "regency_code": "regency",
                "sector_code": "sector",
            }
            said = [f"'nama ' || {key} AS {names[key]}" for key in keys if key in names]
            con.execute(f"""
                INSERT INTO coverage.{table} BY NAME
                SELECT {"".join(f"{name}, " for name in said)} * EXCLUDE (a, i),
                    a AS active, i AS inactive, workers - a - i AS unregistered,
                    workers - a AS gap, (a / workers)::DOUBLE AS coverage_rate,
                    a AS active_low, a AS active_high, workers - a AS gap_low,
                    workers - a AS gap_high, (a / workers)::DOUBLE AS coverage_low,
                    (a / workers)::DOUBLE AS coverage_high
                FROM (
                    SELECT {"".join(f"{key}, " for key in keys)} '{period}' AS period, basis,
                        'eligible' AS denominator_id,
                        count(*) AS workers, sum(a) AS a, sum(i) AS i
                    FROM (
                        SELECT *, basis, left(region, 2) AS province_code, region AS regency_code
                        FROM (SELECT *, 'domicile' AS basis, domicile AS region FROM person
                              UNION ALL SELECT *, 'workplace', workplace FROM person)
                    )
                    GROUP BY ALL
                )
            """)


def open_frame(exact: Path, release: Path | None = None, period: str = PERIOD):
    """Read the exact rows, and what a release tells of them."""
    with duckdb.connect() as con:
        con.execute(f"ATTACH '{exact}' AS e (READ_ONLY)")
        frame = read_frame(con, "e.coverage", period)
        if release is None:
            return frame, None
        con.execute(f"ATTACH '{release}' AS r (READ_ONLY)")
        return frame, read_told(con, "r.release", period, frame)


def narrowest(frame: Frame, told: np.ndarray) -> list[tuple[float, str]]:
    """Solve for the range of every withheld count of 1 to 9, narrowest first."""
    size = len(frame.grain)
    margins = frame.margins
    equal = [sp.kron(sp.identity(3), margins, format="csr")]
    known = TOLD[told].T
    for figure, shares in enumerate(FUNCTIONALS):
        rows = np.flatnonzero(known[figure])
        pick = sp.csr_matrix(
            (np.ones(len(rows)), (np.arange(len(rows)), rows)), shape=(len(rows), size)
        )
        equal.append(sp.kron(shares[None, :], pick, format="csr"))
    matrix = sp.vstack(equal, format="csr")
    truth = frame.counts.parts.ravel()
    right = matrix @ truth
    found = []
    for figure, row in zip(*np.nonzero(sensitive(frame.counts) & ~known), strict=True):
        goal = np.zeros(3 * size)
        for part in range(3):
            goal[part * size + row] = FUNCTIONALS[figure, part]
        ends = []
        for sign in (1.0, -1.0):
            solved = linprog(sign * goal, A_eq=matrix, b_eq=right, bounds=(0, None))
            # Without a bound above there is no end to the range.
            ends.append(float(goal @ solved.x) if solved.x is not None else np.inf)
        found.append((ends[1] - ends[0], frame.name(int(row))))
    return sorted(found)
