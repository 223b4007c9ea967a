"""How two things agree by chance: what u is learned from.

Belongs here: pairs of right rows that are two things, and how the values of the right rows are
spread. Does not belong here: what agreement is worth (estimating.py).

Samples are chosen by the hash of a row's number, so that they are the same wherever they are
taken, and whichever rows stand beside them.
"""

from __future__ import annotations

import duckdb
import numpy as np

from matching.linker.comparing import HOMES, KIND_LEVELS, NIK_STEPS, RARITY, SAME, compare
from matching.linker.spec import IDENTIFIERS, Spec
from matching.linker.standardise import key_of

# Two rows at random: u of levels none was seen of.
FEW, OTHERS = 400, 400
# Rows of one value that a row is paired with to learn what rows that share it have in common.
MATES = 60

# Of the values of a comparison: how many rows have the value of a row, and how many others, both
# on the average over the rows that have one.
Spread = tuple[float, float]


def count_spread(con: duckdb.DuckDBPyConnection, spec: Spec) -> list[Spread]:
    """Tell by comparison how the values of `lk_r` are spread."""
    return [
        spread_of(
            *con.execute(
                f"SELECT sum(n::DOUBLE * n), sum(n::DOUBLE * (n - 1)), sum(n)"
                f" FROM (SELECT count(*) AS n FROM lk_r WHERE {key} IS NOT NULL GROUP BY {key})"
            ).fetchall()[0]
        )
        for key in (key_of(spec, i) for i in range(len(spec.compare)))
    ]


def spread_of(squares: float | None, pairs: float | None, rows: float | None) -> Spread:
    """Tell how values are spread: of the sums over them of n squared, n (n - 1) and n."""
    if not rows:
        return 1.0, 0.0
    return float(squares or 0) / float(rows), float(pairs or 0) / float(rows)


def estimate_u(
    con: duckdb.DuckDBPyConnection, spec: Spec, rows: int, spread: list[Spread]
) -> tuple[list[np.ndarray], list[np.ndarray], list[np.ndarray]]:
    """Estimate how two right rows agree that are two things.

    Args:
        con: the linkage's database; of `lk_r` the rows of `sampled_sql` and
            `mates_sql` do.
        spec: what is compared.
        rows: right rows.
        spread: of `count_spread`.

    Returns:
        By comparison: u, the mean commonness, and the least that u can be.
    """
    # Of a small table every pair is taken, once.
    other = "<" if rows <= OTHERS else "<>"
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE lk_random AS
        SELECT a.id, b.id::UBIGINT AS person_key FROM lk_r AS a JOIN lk_r AS b ON a.id {other} b.id
        WHERE hash(a.id, 1) % {rows} < {FEW} AND hash(b.id, 2) % {rows} < {OTHERS}
        """
    )
    compare(con, spec, "lk_random", "lk_two", rows, left="lk_r")
    us, commons, leasts = [], [], []
    for i, item in enumerate(spec.compare):
        size = len(KIND_LEVELS[item.kind])
        counts, common = np.zeros(size), np.ones(size)
        for level, n in con.execute(
            f"SELECT f{i}, count(*) FROM lk_two WHERE f{i} > 0 GROUP BY 1"
        ).fetchall():
            counts[level] = n
        total = max(float(counts.sum()), 1.0)
        least = np.full(size, 0.5 / (total + 1))
        u = np.maximum(counts / (total + 1), least)
        squares, alike = spread[i]
        for level in SAME[item.kind]:
            if item.kind in IDENTIFIERS:
                least[level] = 0.05 / rows
                u[level] = max(alike / rows, least[level])
            else:
                common[level] = max(squares, 1.0)
                u[level] = least[level] = common[level] / rows
        for level in set(RARITY[item.kind]) - set(SAME[item.kind]):
            seen = con.execute(
                f"SELECT exp(sum(floor(ln(greatest(f{i}_c, 1)) * 1e6)::BIGINT) / 1e6 / count(*))"
                f" FROM lk_two WHERE f{i} = {level}"
            ).fetchone()
            if seen and seen[0]:
                common[level] = max(float(seen[0]), 1.0)
        if item.kind == "nik":
            _nik_contexts(con, spec, i, rows, u, least)
        us.append(np.minimum(u, 0.999))
        commons.append(common)
        leasts.append(least)
    con.execute("DROP TABLE lk_random; DROP TABLE lk_two")
    return us, commons, leasts


def shared_ways(spec: Spec) -> list[tuple[str, ...]]:
    """Give the columns that two rows may share and that stand in a NIK: a date, a place, both."""
    dates = [j for j, item in enumerate(spec.compare) if item.kind == "date"]
    places = [j for j, item in enumerate(spec.compare) if item.kind in HOMES]
    ways: list[tuple[str, ...]] = [(f"f{j}",) for j in (*dates[:1], *places)]
    return ways + [(f"f{dates[0]}", f"f{j}") for j in places if dates]


def mates_sql(way: tuple[str, ...], rows: int, relation: str = "lk_r") -> str:
    """Give the query of right rows that others are paired with who share some columns.

    Of a date and a place together few rows have the same, so all rows are looked through for
    them; of a value that very many have a few rows stand for all.

    Args:
        way: the columns.
        rows: right rows.
        relation: `id` and the columns, of all right rows or of a part of them: the rows that
            the query gives of the parts hold those that it gives of all.
    """
    shared = ", ".join(way)
    some = "true" if len(way) > 1 else f"hash(id, 2) % {rows} < {20 * OTHERS}"
    return (
        f"SELECT id, {shared} FROM {relation} WHERE {some}"
        f" QUALIFY row_number() OVER (PARTITION BY {shared} ORDER BY hash(id, 2), id) <= {MATES}"
    )


def looking_sql(row: str, rows: int) -> str:
    """Give the condition that a right row, by its number, looks for mates among so many."""
    return f"hash({row}, 1) % {rows} < {20 * FEW}"


def sampled_sql(rows: int, relation: str, row: str) -> str:
    """Give the query `id` of the right rows that samples take, all but the mates of two columns.

    Args:
        rows: right rows.
        relation: holds the numbers of all right rows.
        row: its column of them.
    """
    return (
        f"SELECT {row} AS id FROM {relation}"
        f" WHERE {looking_sql(row, rows)} OR hash({row}, 2) % {rows} < {20 * OTHERS}"
    )


def _nik_contexts(
    con: duckdb.DuckDBPyConnection, spec: Spec, i: int, rows: int, u: np.ndarray, least: np.ndarray
) -> None:
    """Estimate how NIKs of two people compare who share a birth date, a place, or both."""
    ways = shared_ways(spec)
    if not ways:
        return
    pairs = " UNION ".join(
        f"(SELECT a.id, b.id::UBIGINT AS person_key FROM lk_r AS a"
        f" JOIN ({mates_sql(way, rows)}) AS b USING ({', '.join(way)})"
        f" WHERE a.id <> b.id AND {looking_sql('a.id', rows)}"
        f" ORDER BY hash(a.id, b.id), a.id, b.id LIMIT 60000)"
        for way in ways
    )
    con.execute(f"CREATE OR REPLACE TEMP TABLE lk_near AS {pairs}")
    compare(con, spec, "lk_near", "lk_twins", rows, left="lk_r")
    counts = np.zeros(len(u))
    for level, n in con.execute(f"SELECT f{i}, count(*) FROM lk_twins GROUP BY 1").fetchall():
        counts[level] = n
    start = np.array([0.97, 0.01, 0.015, 0.005])
    for context in range((len(u) - 1) // NIK_STEPS):
        first = 1 + context * NIK_STEPS
        if context == 0:
            # Random pairs, nearly all of them neither of one date nor of one place.
            total = max(u[first : first + NIK_STEPS - 1].sum(), 1e-9)
            u[first : first + NIK_STEPS - 1] /= total
            continue
        seen = counts[first : first + NIK_STEPS - 1]
        chance = np.maximum((seen + 10 * start) / (seen.sum() + 10), 0.05 / rows)
        u[first : first + NIK_STEPS - 1] = least[first : first + NIK_STEPS - 1] = chance
    con.execute("DROP TABLE lk_near; DROP TABLE lk_twins")
