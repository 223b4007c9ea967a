"""Who works in the sample world, in which sector and on what terms.

Belongs here: employment, sector, formality, occupation, and the seats that employees hold.
Does not belong here: the firms behind the seats (firms).
"""

from __future__ import annotations

import datetime as dt

import duckdb
import numpy as np
import pyarrow as pa

from sources.world.draws import Draws, slot_table
from sources.world.materials import provinces, sectors
from sources.world.people import MOVES_YEARS

EMPLOYED_SHARE = 0.514
"""Employed over population (146.54 million of 284.97 million; BPS, August 2025)."""
FORMAL_SHARE = 0.422
"""Formal over employed (BPS, August 2025)."""
CIVIL_SHARE = {"O": 0.66, "P": 0.30, "Q": 0.28}
"""Civil servants, soldiers and police among the formal jobs of a sector (about 5.6 million)."""
LEAVERS = 0.035
"""Persons outside formal work who left a formal job within `MOVES_YEARS` years."""
SURE = 0.985
"""No group works more surely than this."""
SECOND_JOBS = 0.03
"""Employees with a second job at another employer."""


def make_work(con: duckdb.DuckDBPyConnection, d: Draws, people: int, last: dt.date) -> None:
    """Make the tables `work` (one row an employed person) and `seats` (one row a job).

    Args:
        con: the building database, with `people`.
        d: draws of the world.
        people: persons in the register.
        last: last day of the newest period.
    """
    _choose_employed(con, d, people, last)
    _choose_sectors(con, d)
    _choose_terms(con, d)
    _make_seats(con, d, last)


def _choose_employed(con: duckdb.DuckDBPyConnection, d: Draws, people: int, last: dt.date) -> None:
    """Make `workers`: employment by age and sex, scaled to the national share."""
    con.execute(f"""
        CREATE OR REPLACE TABLE chances AS
        SELECT i, in_register, sex, regency, province, full_years, died_on, CASE
            WHEN full_years < 15 THEN 0.0
            WHEN full_years < 20 THEN CASE sex WHEN 'L' THEN 0.24 ELSE 0.17 END
            WHEN full_years < 25 THEN CASE sex WHEN 'L' THEN 0.66 ELSE 0.45 END
            WHEN full_years < 35 THEN CASE sex WHEN 'L' THEN 0.90 ELSE 0.52 END
            WHEN full_years < 55 THEN CASE sex WHEN 'L' THEN 0.95 ELSE 0.60 END
            WHEN full_years < 65 THEN CASE sex WHEN 'L' THEN 0.84 ELSE 0.54 END
            ELSE CASE sex WHEN 'L' THEN 0.52 ELSE 0.30 END END AS chance
        FROM (SELECT *, date_sub('year', birth_date, DATE '{last}') AS full_years FROM people)
    """)
    # Those who died within the years that the world reaches back worked until then.
    rows = con.execute(
        "SELECT chance, count(*) FROM chances WHERE in_register AND died_on IS NULL GROUP BY 1 "
        "ORDER BY 1"
    ).fetchall()
    chances = np.array([float(row[0]) for row in rows])
    counts = np.array([row[1] for row in rows], dtype=float)
    low, high = 0.5, 2.0
    for _ in range(50):
        scale = (low + high) / 2
        employed = (np.minimum(chances * scale, SURE) * counts).sum()
        low, high = (scale, high) if employed < EMPLOYED_SHARE * people else (low, scale)
    con.execute(f"""
        CREATE OR REPLACE TABLE workers AS
        SELECT c.i, c.in_register, c.sex, c.full_years, c.died_on, c.regency, c.province, r.town,
            c.province || CASE WHEN r.town THEN 'T' ELSE 'D' END || c.sex AS grp
        FROM chances AS c JOIN regency AS r ON r.code = c.regency
        -- Whom the register lacks is known because of a job.
        WHERE {d.unit("c.i", "works")} < least({SURE}, c.chance * {high}) OR NOT c.in_register
    """)
    con.execute("DROP TABLE chances")


_STAGE = "CASE WHEN full_years >= 65 THEN 2 WHEN full_years >= 58 THEN 1 ELSE 0 END"


def _choose_sectors(con: duckdb.DuckDBPyConnection, d: Draws) -> None:
    """Give every worker a sector: regional tilts, raked to the national shares."""
    rows = con.execute("SELECT grp, count(*) FROM workers GROUP BY grp ORDER BY grp").fetchall()
    groups = [row[0] for row in rows]
    sizes = np.array([row[1] for row in rows], dtype=float)
    facts = {province.code: province for province in provinces()}
    table = np.ones((len(groups), len(sectors())))
    for column, sector in enumerate(sectors()):
        for line, group in enumerate(groups):
            province = facts[group[:2]]
            tilt = {"A": province.agri, "B": province.industry, "C": province.industry}
            cell = sector.share * tilt.get(sector.code, 1.0)
            cell *= sector.town if group[2] == "T" else 1.0
            table[line, column] = cell * (sector.women if group[3] == "P" else 1 - sector.women)
    shares = np.array([sector.share for sector in sectors()])
    targets = shares / shares.sum() * sizes.sum()
    table *= (sizes / table.sum(axis=1))[:, None]
    for _ in range(60):
        table *= targets / table.sum(axis=0)
        table *= (sizes / table.sum(axis=1))[:, None]
    slot_table(con, "sector_slots", [sector.code for sector in sectors()], table, groups)


def _choose_terms(con: duckdb.DuckDBPyConnection, d: Draws) -> None:
    """Make `work`: formality and class of employment, scaled to the national share."""
    con.execute(f"""
        CREATE OR REPLACE TABLE sectored AS
        SELECT w.*, s.value AS sector FROM workers AS w
        JOIN sector_slots AS s ON s.grp = w.grp AND s.slot = {d.group_slot("w.i", "sector")}
    """)
    rows = con.execute(
        f"SELECT sector, province, {_STAGE} AS stage, count(*) FROM sectored "
        "GROUP BY ALL ORDER BY ALL"
    ).fetchall()
    by_sector = {sector.code: sector.formal for sector in sectors()}
    by_province = {province.code: province.formal for province in provinces()}
    # Few hold a formal job beyond the age of retirement.
    stages = (1.0, 0.55, 0.2)
    base = np.array([by_sector[row[0]] * by_province[row[1]] * stages[row[2]] for row in rows])
    counts = np.array([row[3] for row in rows], dtype=float)
    # Public service is formal everywhere; elsewhere the shares are scaled until the total fits.
    floor = np.array([0.9 if row[0] in ("O", "D") and row[2] == 0 else 0.02 for row in rows])
    low, high = 0.1, 5.0
    for _ in range(50):
        scale = (low + high) / 2
        formal = (np.clip(base * scale, floor, 0.985) * counts).sum() / counts.sum()
        low, high = (scale, high) if formal < FORMAL_SHARE else (low, scale)
    shares = pa.table(
        {
            "sector": [row[0] for row in rows],
            "province": [row[1] for row in rows],
            "stage": [row[2] for row in rows],
            "formal": np.clip(base * high, floor, 0.985),
        }
    )
    con.register("formal_rows", shares)
    civil = " ".join(f"WHEN '{code}' THEN {share}" for code, share in CIVIL_SHARE.items())
    con.execute(f"""
        CREATE OR REPLACE TABLE work AS
        WITH drawn AS (
            SELECT s.*, {d.unit("s.i", "formal")} < f.formal OR NOT s.in_register AS is_formal,
                {d.unit("s.i", "class")} AS u, {d.unit("s.i", "civil")} AS v
            FROM (SELECT *, {_STAGE} AS stage FROM sectored) AS s
            JOIN formal_rows AS f USING (sector, province, stage)
        )
        SELECT i, in_register, sex, full_years, died_on, regency, province, sector,
            is_formal AS formal,
            CASE
                WHEN is_formal THEN CASE
                    WHEN v < CASE sector {civil} ELSE 0 END AND full_years < 60 AND in_register
                        THEN 'civil_servant'
                    WHEN u < 0.083 AND sector NOT IN ('O', 'P', 'D') AND in_register
                        THEN 'employer'
                    ELSE 'employee' END
                WHEN u < CASE sector WHEN 'F' THEN 0.62 WHEN 'A' THEN 0.16 ELSE 0.10 END
                    THEN 'casual'
                WHEN u > CASE sector WHEN 'A' THEN 0.68 WHEN 'G' THEN 0.78 WHEN 'I' THEN 0.78
                    ELSE 0.95 END THEN 'family'
                ELSE 'own_account' END AS terms
        FROM drawn
    """)
    con.unregister("formal_rows")
    for table in ("workers", "sectored"):
        con.execute(f"DROP TABLE {table}")


def _make_seats(con: duckdb.DuckDBPyConnection, d: Draws, last: dt.date) -> None:
    """Make `seats`: current jobs, second jobs, and jobs left within the last years.

    A seat belongs to a stream (sector, and whether a public body employs), in which seats are
    numbered in the order of the regency where the work is done.
    """
    window = 365 * MOVES_YEARS
    con.execute(f"""
        CREATE OR REPLACE TABLE seats AS
        WITH held AS (
            SELECT i, i * 3 AS seat, regency, province, sector, full_years,
                terms = 'civil_servant' AS civil, 1 AS rank, died_on AS left_on
            FROM work WHERE terms IN ('employee', 'civil_servant')
            UNION ALL BY NAME
            SELECT i, i * 3 + 1 AS seat, regency, province, sector, full_years, false AS civil,
                2 AS rank, died_on AS left_on
            FROM work WHERE terms = 'employee' AND {d.unit("i", "second")} < {SECOND_JOBS}
            UNION ALL BY NAME
            SELECT p.i, p.i * 3 + 2 AS seat, p.regency, p.province, s.value AS sector,
                p.age AS full_years, false AS civil, 3 AS rank,
                DATE '{last}' - {d.whole("p.i", "left", 0, window)} AS left_on
            FROM people AS p
            LEFT JOIN work AS w ON w.i = p.i AND w.formal
            JOIN sector_slots AS s ON s.grp = p.province || 'T' || p.sex
                AND s.slot = {d.group_slot("p.i", "left sector")}
            WHERE p.age BETWEEN 18 AND 60 AND p.in_register AND p.died_on IS NULL AND (w.i IS NULL
                OR w.terms = 'employee') AND s.value NOT IN ('A', 'O')
                AND {d.unit("p.i", "leaver")} < {LEAVERS}
        ),
        placed AS (
            SELECT h.*, sector || CASE WHEN civil OR sector = 'O' THEN '+' ELSE '' END AS stream,
                CASE
                    WHEN civil OR {d.unit("seat", "place")} < 0.82 THEN h.regency
                    WHEN {d.unit("seat", "place")} < 0.94 THEN
                        -- Greater Jakarta works in the capital.
                        CASE WHEN h.province IN ('32', '36')
                            AND {d.unit("seat", "capital")} < 0.35 THEN capital.value
                        ELSE near.value END
                    ELSE far.value END AS work_regency
            FROM held AS h
            JOIN province_slots AS near
                ON near.grp = h.province AND near.slot = {d.group_slot("seat", "work near")}
            JOIN province_slots AS capital
                ON capital.grp = '31' AND capital.slot = {d.group_slot("seat", "work capital")}
            JOIN regency_slots AS far ON far.slot = {d.slot("seat", "work far")}
        )
        SELECT seat, i, rank, sector, stream, civil, work_regency, left_on, full_years,
            row_number() OVER (PARTITION BY stream
                ORDER BY work_regency, {d.bits("seat", "order")}) AS place,
            CASE WHEN rank = 3 THEN left_on - {d.whole("seat", "stay", 90, 2400)}
                ELSE DATE '{last}' - least(
                    (greatest(full_years - 17, 1) * 360)::INTEGER,
                    floor(-1500 * ln(1 - {d.unit("seat", "start")}))::INTEGER) END AS started_on
        FROM placed
    """)
