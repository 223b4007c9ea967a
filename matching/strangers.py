"""Strangers: how two different people of the register compare.

Belongs here: the pairs of two people that chance agreement (u) is learned from, and learning it
while other stages run. Does not belong here: the estimators themselves (estimating), or pairs of
a record and a person (training).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass

import duckdb

from matching.comparison import compare
from matching.estimating import estimate_u
from matching.keys import PEOPLE, REGISTER, STATED
from warehouse.connection import second
from warehouse.storage import scalar

# Register people that pairs of two people are drawn from, those of them that look for a
# partner, and the partners that each of these meets at random.
OTHERS = 200_000
FEW = 1_000
PARTNERS = 70
# Of those who share a month of birth, a place or a region, about so many are partners at most.
CROWD = 300


@dataclass(frozen=True)
class Strangers:
    """How two different people compare.

    Attributes:
        u: by field, the chance of each level.
        common: by field, the mean commonness at each level.
        random_pairs: pairs drawn at random.
        alike_pairs: pairs of like dates and places.
    """

    u: dict[str, list[float]]
    common: dict[str, list[float]]
    random_pairs: int
    alike_pairs: int


@contextmanager
def beside(con: duckdb.DuckDBPyConnection) -> Iterator[Callable[[], Strangers]]:
    """Compare strangers while the body runs, over a second connection.

    They need the register alone, and small statements after one another leave a core idle. So
    they go beside the stages that look for the records' candidates.

    Args:
        con: the restricted warehouse; the register is prepared, and what prepared it is
            committed.

    Yields:
        A function that waits for the result and gives it, or raises what went wrong. Where the
        body fails the comparison is broken off.
    """
    other = second(con)
    with ThreadPoolExecutor(1, "strangers") as pool:
        told = pool.submit(compare_strangers, other)
        try:
            yield told.result
        finally:
            # An interrupt between two statements is lost: until one is hit.
            while not told.done():
                other.interrupt()
                wait([told], timeout=0.02)
            other.close()


def compare_strangers(con: duckdb.DuckDBPyConnection) -> Strangers:
    """Compare pairs of two register people: at random, of like dates and places, neighbours.

    Args:
        con: a connection to the restricted warehouse; the register is prepared. Its temporary
            tables are made and dropped here.

    Returns:
        How they compare. The same register gives the same.
    """
    people = max(int(scalar(con, f"SELECT count(*) FROM {PEOPLE}")), 1)
    sample = min(people, OTHERS)
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE match_left AS
        SELECT person_key AS own, person_key AS id,
            hash(person_key, 1) % {sample} < {FEW} AS few, nik, nik_birth, birth, born, birth_n,
            sex, region, place, place_n, mother_h, h_pflat, h_psorted, t_first, t_last, t_rare,
            hash(person_key, 3) % {sample} < {PARTNERS} AS partner,
            NULL::BIGINT AS born_other, false AS nik_taken, NULL::SMALLINT AS work,
            left(lpad(nik::VARCHAR, 16, '0'), 6) AS nik_aside, NULL::INTEGER AS same_n
        FROM {STATED} WHERE hash(person_key, 2) % {people} < {OTHERS};
        -- Where everybody shares a value, few of them are partners.
        CREATE OR REPLACE TEMP TABLE match_few AS
        SELECT l.own, l.id, l.born, l.birth_n, l.place, l.region, month_n, crowd_n, near_n
        FROM match_left AS l
        LEFT JOIN (SELECT born // 100 AS month, count(*) // {CROWD} AS month_n
            FROM match_left GROUP BY 1) ON month = l.born // 100
        LEFT JOIN (SELECT place, count(*) // {CROWD} AS crowd_n
            FROM match_left GROUP BY 1) USING (place)
        LEFT JOIN (SELECT region, count(*) // {CROWD} AS near_n
            FROM match_left GROUP BY 1) USING (region)
        WHERE l.few;
        CREATE OR REPLACE TEMP VIEW match_right AS SELECT *, own AS person_key FROM match_left;
        -- Names are looked up for the few and their partners alone.
        CREATE OR REPLACE TEMP TABLE match_met AS
        SELECT * FROM {REGISTER}
        WHERE person_key IN (SELECT own FROM match_left WHERE few OR partner);
        CREATE OR REPLACE TEMP TABLE match_named AS
        SELECT l.* EXCLUDE (same_n), r.canon, r.h_flat, r.h_sorted, r.bits,
            r.name_n AS same_n, r.mother, r.mother_first
        FROM match_left AS l JOIN match_met AS r ON r.person_key = l.own WHERE few;
        CREATE OR REPLACE TEMP TABLE match_random_pairs AS
        SELECT a.id, b.own AS person_key FROM match_few AS a JOIN match_left AS b
            ON b.partner AND a.own <> b.own;
        """
    )
    compare(con, "match_random_pairs", "match_named", "match_met", "match_random", part=True)
    con.execute("DROP TABLE match_named; DROP TABLE match_met")
    thin = max(1, sample // 50_000)
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE match_random_pairs AS
        WITH pairs AS (
            SELECT a.id, b.own AS person_key FROM match_few AS a JOIN match_left AS b
                ON a.born = b.born AND a.own <> b.own
            WHERE a.birth_n < {max(people // 2000, 200)}
            UNION
            SELECT a.id, b.own FROM match_left AS a JOIN match_left AS b
                ON a.born = b.born AND a.place = b.place AND a.own <> b.own
            WHERE a.birth_n < {max(people // 2000, 200)}
            UNION
            SELECT a.id, b.own FROM match_few AS a JOIN match_left AS b
                ON a.born // 100 = b.born // 100 AND a.own <> b.own
            WHERE hash(a.own, b.own) % greatest({thin * 2}, a.month_n)::UBIGINT = 0
            UNION
            -- Of one birth place: those of near dates, and a few of the others.
            SELECT a.id, b.own FROM match_few AS a JOIN match_left AS b
                ON a.place = b.place AND a.own <> b.own
            WHERE hash(a.own, b.own) % greatest({thin * 10}, a.crowd_n)::UBIGINT = 0
                OR (a.born // 10000 = b.born // 10000)::TINYINT
                    + ((a.born // 100) % 100 = (b.born // 100) % 100)::TINYINT
                    + (a.born % 100 = b.born % 100)::TINYINT = 2
        )
        FROM pairs
        """
    )
    compare(con, "match_random_pairs", "match_left", "match_right", "match_twin", names=False)
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE match_random_pairs AS
        SELECT a.id, b.own AS person_key FROM match_few AS a JOIN match_left AS b
            ON a.region = b.region AND a.own <> b.own
        WHERE hash(a.own, b.own) % greatest({thin * 10}, a.near_n)::UBIGINT = 0
        """
    )
    compare(con, "match_random_pairs", "match_left", "match_right", "match_near", names=False)
    u, common = estimate_u(con, "match_random", "match_twin", "match_near", people)
    told = Strangers(
        u,
        common,
        int(scalar(con, "SELECT count(*) FROM match_random")),
        int(scalar(con, "SELECT count(*) FROM match_twin")),
    )
    con.execute(
        "DROP VIEW match_right; DROP TABLE match_left; DROP TABLE match_few;"
        " DROP TABLE match_random_pairs;"
        " DROP TABLE match_random; DROP TABLE match_twin; DROP TABLE match_near"
    )
    return told
