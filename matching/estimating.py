"""Estimating the model of persons: u from people who are two, m by expectation-maximisation.

Belongs here: the estimators. Does not belong here: which pairs they see (training), or what
is done with the parameters (model).

u comes from pairs of register people, who are known to be two people. m starts from the
records that their NIK linked; it and the share of records that have a person at all come
from expectation-maximisation over the candidate pairs of a sample, where a record's
candidates compete: it has one true person or none. All sums run over sorted arrays, so a
seed and the same data give the same model, bit for bit.
"""

from __future__ import annotations

import duckdb
import numpy as np

from matching.comparison import FIELDS, LEVELS, NIK_CONTEXTS, NIK_HOMES, NIK_STEPS
from matching.keys import NIK_KINDS, common_values
from matching.model import RARITY, START_M

# What START_M counts for, as if seen so many times.
PRIOR = 50.0
# Weight of what the records show that their NIK linked, in records of the residual.
KNOWN = 300.0
# Before any is seen: how the NIKs of two people compare, by birth date (differs, near, same)
# and home (another, the same).
START_U_NIK: dict[tuple[int, int], tuple[float, ...]] = {
    (0, 0): (0.99997, 1e-6, 2e-5, 1e-5),
    (0, 2): (0.997, 1e-4, 2e-3, 3e-4),
    (1, 0): (0.988, 1e-4, 1e-2, 2e-3),
    (1, 2): (0.80, 1e-3, 0.12, 0.08),
    (2, 0): (0.95, 5e-4, 0.04, 0.01),
    (2, 2): (0.50, 0.05, 0.15, 0.30),
}
# Levels that sum to one, by field: all of them but "missing", unless told here.
SETS: dict[str, tuple[slice, ...]] = {
    "place": (slice(1, 4), slice(4, 7)),
    "origin": (slice(1, 4), slice(4, 7)),
}
# A level of "same NIK" has no chance of its own (`owner_bits`): its weight alone counts.
_OWNED = 0.5


def owner_bits(people: int, owner_odds: float, found: float) -> float:
    """Give the weight of an equal NIK that name or birth date speak against.

    A NIK stands once in the register. How often the person named is not its owner is known
    from all records whose NIK is in the register: the weight makes these the odds before
    any other field is looked at.

    Args:
        people: people in the register.
        owner_odds: records that are of their NIK's owner to one that is not.
        found: share of such records that have a person in the register.

    Returns:
        Bits.
    """
    return float(np.log2(people * owner_odds * (1 - found) / found))


def estimate_u(
    con: duckdb.DuckDBPyConnection, random_pairs: str, alike: str, neighbours: str, people: int
) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """Estimate how two different people agree.

    Args:
        con: the warehouse.
        random_pairs: levels of random pairs of two register people.
        alike: levels of pairs with the same or a near birth date, and of the same birth place.
        neighbours: levels of pairs of people who live in one regency.
        people: people in the register.

    Returns:
        u by field and level, and the mean commonness by field and level.
    """
    u: dict[str, list[float]] = {}
    common: dict[str, list[float]] = {}
    for name in FIELDS:
        size = len(LEVELS[name])
        counts = np.zeros(size)
        for level, n in con.execute(
            f"SELECT {name}, count(*) FROM {random_pairs} WHERE {name} > 0 GROUP BY 1"
        ).fetchall():
            counts[level] = n
        common[name] = [1.0] * size
        total = max(counts.sum(), 1.0)
        u[name] = [float(max(n, 0.5) / (total + 1)) for n in counts]
    # Agreement on a value by chance: the sum of squared shares, exact where a sample is not.
    usual = common_values(con)
    exact = {"name": (6, 7), "birth": (5, 6), "place": (3,), "mother": (4,)}
    for name, levels in exact.items():
        for level in RARITY[name]:
            common[name][level] = max(usual[name], 1.0)
        for level in levels:
            u[name][level] = usual[name] / people
    for level in (4, 3):
        seen = con.execute(
            f"SELECT exp(sum(floor(ln(greatest(name_f, 1)) * 1e6)::BIGINT) / 1e6 / count(*))"
            f" FROM {random_pairs} WHERE name = {level}"
        ).fetchone()
        if seen and seen[0]:
            common["name"][level] = max(float(seen[0]), 1.0)
    # What neighbours agree in, by chance.
    for name, starts in (("place", (0.4, 0.02, 0.58)), ("origin", (0.5, 0.3, 0.2))):
        near = dict(
            con.execute(
                f"SELECT {name}, count(*) FROM {neighbours} WHERE {name} >= 4 GROUP BY 1"
            ).fetchall()
        )
        base = sum(near.values())
        for level, start in zip((4, 5, 6), starts, strict=True):
            u[name][level] = (near.get(level, 0) + 5 * start) / (base + 5)
    # Whether a stranger lives where the employer is, or where the record says to live: alike.
    u["work"] = list(u["region"])
    together = min(usual["place"] / people, 0.5)
    _estimate_nik(con, random_pairs, alike, people, together, u["nik"])
    return u, common


def _estimate_nik(
    con: duckdb.DuckDBPyConnection,
    random_pairs: str,
    alike: str,
    people: int,
    together: float,
    u: list[float],
) -> None:
    """Fill in how the NIKs of two people compare in each context, but for "same"."""
    # Same home is learned from people of one birth place: they are registered nearest.
    rows = con.execute(
        f"SELECT nik, count(*) FROM {random_pairs} WHERE nik BETWEEN 1 AND {NIK_STEPS} GROUP BY 1"
        f" UNION ALL SELECT nik, count(*) FROM {alike} WHERE nik > {NIK_STEPS}"
        f" AND ((nik - 1) // {NIK_STEPS} % {NIK_HOMES} = 0 OR place IN (3, 6)) GROUP BY 1"
    ).fetchall()
    counts = np.zeros((NIK_CONTEXTS, NIK_STEPS))
    for level, n in rows:
        counts[(level - 1) // NIK_STEPS, (level - 1) % NIK_STEPS] = n
    chances: dict[tuple[int, int], np.ndarray] = {}
    for (birth, home), start in START_U_NIK.items():
        seen = counts[birth * NIK_HOMES + home, : NIK_STEPS - 1]
        chance = (seen + 10 * np.array(start)) / (seen.sum() + 10)
        # Who agrees more in birth or home has no smaller chance of near-equal NIKs.
        for less in ((birth - 1, home), (birth, 0)):
            if less in chances:
                chance[1:] = np.maximum(chance[1:], chances[less][1:])
        chances[birth, home] = np.maximum(chance, 0.05 / people)
    for birth in range(3):
        # Where nothing is known of the home, two people seldom have the same.
        chances[birth, 1] = together * chances[birth, 2] + (1 - together) * chances[birth, 0]
        for home in range(NIK_HOMES):
            first = 1 + (birth * NIK_HOMES + home) * NIK_STEPS
            u[first : first + NIK_STEPS - 1] = [float(x) for x in chances[birth, home]]


def learn(
    record: np.ndarray,
    kind: np.ndarray,
    levels: dict[str, np.ndarray],
    rarity: np.ndarray,
    u: dict[str, list[float]],
    common: dict[str, list[float]],
    people: int,
    known: dict[str, np.ndarray],
    owner_odds: float,
    *,
    rounds: int = 40,
) -> tuple[dict[str, list[float]], list[float]]:
    """Learn m and the share of records that have a person, by expectation-maximisation.

    Args:
        record: number of the record of each candidate pair, ascending from 0 without gaps.
        kind: what the pair's record's NIK is worth, a number of `NIK_KINDS`.
        levels: the pairs' levels by field.
        rarity: bits that rarity adds to a pair's score beyond its levels.
        u: chances of the levels between two people; those of "same NIK" are set here.
        common: mean commonness by field and level.
        people: people in the register.
        known: by field, how often records that their NIK linked have each level.
        owner_odds: see `owner_bits`.
        rounds: how often expectation and maximisation alternate at most.

    Returns:
        m by field and level, and the share of the sample's records with a person, by kind.
    """
    start = np.flatnonzero(np.diff(record, prepend=-1))
    # A pair of one NIK is here because name or birth date differ: it teaches nothing of how
    # often they do. The records that their NIK linked, and not, tell that (`owner_odds`).
    fair = (levels["nik"] == 0) | (levels["nik"] % NIK_STEPS > 0)
    kinds = kind[start] if len(start) else np.zeros(0, np.int64)
    prior = {}
    for name in FIELDS:
        seen = known.get(name, np.zeros(len(LEVELS[name])))
        prior[name] = _shares(name, seen + 20 * np.array(START_M[name])) * min(
            PRIOR + seen.sum(), KNOWN
        )
    m = {name: _shares(name, prior[name]) for name in FIELDS}
    found = np.full(len(NIK_KINDS), 0.8)
    for _ in range(rounds):
        _own(m, u, common, people, owner_odds, float(found[-1]))
        bits = rarity.copy()
        for name in FIELDS:
            weights = np.log2(m[name] / np.maximum(np.array(u[name]), 1e-12))
            weights[0] = 0.0
            bits += weights[levels[name]]
        odds = np.exp2(np.minimum(bits, 60.0)) * (found[kind] / people)
        share = odds / (np.add.reduceat(odds, start) + 1 - found[kinds])[record]
        before = found
        there = np.bincount(kind, weights=share, minlength=len(NIK_KINDS))
        of_all = np.bincount(kinds, minlength=len(NIK_KINDS))
        found = np.clip((there + 0.8 * 5) / (of_all + 5), 0.01, 0.999)
        for name in FIELDS:
            seen = np.bincount(levels[name], weights=share * fair, minlength=len(LEVELS[name]))
            m[name] = _shares(name, seen + prior[name])
        if float(np.abs(found - before).max()) < 1e-6:
            break
    found = np.round(found, 6)
    _own(m, u, common, people, owner_odds, float(found[-1]))
    return {name: [float(x) for x in m[name]] for name in FIELDS}, [float(x) for x in found]


def _shares(name: str, seen: np.ndarray) -> np.ndarray:
    """Turn counts of levels into chances that sum to one."""
    m = seen.astype(float)
    m[0] = 0.0
    if name == "nik":
        # A slip of the pen knows nothing of where the person lives: one for several contexts.
        table = m[1:].reshape(NIK_CONTEXTS, NIK_STEPS)
        table[:, -1] = 0.0
        for rows in (slice(0, 2 * NIK_HOMES), slice(2 * NIK_HOMES, NIK_CONTEXTS)):
            table[rows] = table[rows].sum(axis=0) / max(table[rows].sum(), 1e-9)
        m[1:] = table.ravel()
    else:
        for part in SETS.get(name, (slice(1, None),)):
            m[part] /= max(m[part].sum(), 1e-9)
    return np.maximum(m, 1e-6)


def _own(
    m: dict[str, np.ndarray],
    u: dict[str, list[float]],
    common: dict[str, list[float]],
    people: int,
    owner_odds: float,
    found: float,
) -> None:
    """Set what an equal NIK weighs."""
    bits = owner_bits(people, owner_odds, found)
    for context in range(NIK_CONTEXTS):
        level = (context + 1) * NIK_STEPS
        # Who has the owner's NIK has the birth date in it: it is not counted a second time.
        once = float(np.log2(people / common["birth"][6])) if context >= 2 * NIK_HOMES else 0.0
        m["nik"][level] = _OWNED
        u["nik"][level] = float(_OWNED / 2 ** (bits - once))
