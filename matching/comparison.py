"""Comparison: how well two people agree, field by field, in levels.

Belongs here: the levels and how they are computed. Does not belong here: what a level is
worth (model) or who wins (assignment).

DuckDB computes what it has fast functions for; RapidFuzz measures the edit distance and the
token sets of the few names that are neither the same nor plainly different. Level 0 is
always "missing on a side" and is neutral: missing is never disagreement.
"""

from __future__ import annotations

import re

import duckdb
import numpy as np
from rapidfuzz import fuzz, process
from rapidfuzz.distance import OSA

from matching.keys import BASIS, PEOPLE, REGISTER, register_sql

# Fields in the order that patterns have, with the names of their levels.
LEVELS: dict[str, tuple[str, ...]] = {
    "name": ("missing", "different", "weak", "similar", "part", "typo", "sounds alike", "same"),
    "birth": ("missing", "different", "year only", "near", "day and month swapped", "by NIK",
              "same"),
    # What near-equal NIKs prove hangs on what else is known to agree: most serials are 0001,
    # and who is registered in one district shares the first six digits. So the levels are
    # read apart by birth date and by home (`NIK_CONTEXTS`), and nothing is counted twice.
    "nik": ("missing", *(
        f"{level}; {context}" for context in (
            f"{birth}, {home}"
            for birth in ("birth date differs", "near birth date", "same birth date")
            for home in ("home differs", "home unknown", "same home")
        ) for level in ("different", "same region and date", "two digits", "one slip", "same")
    )),
    "sex": ("missing", "different", "same"),
    "region": ("missing", "different", "same province", "same"),
    # Most live where they were born: apart for pairs that live in the same regency.
    "place": ("missing", "different", "similar", "same",
              "different; same region", "similar; same region", "same; same region"),
    "mother": ("missing", "different", "part", "typo", "same"),
    # Of records that state no home: the employer's region beside the person's.
    "work": ("missing", "different", "same province", "same"),
    # Of a NIK that lost its last digits: where it was first registered. Neighbours share it.
    "origin": ("missing", "different", "same regency", "same district",
               "different; same region", "same regency; same region",
               "same district; same region"),
}  # fmt: skip
FIELDS = tuple(LEVELS)
# Levels of a NIK within one context, and the contexts: three times the birth date's (0
# differs, 1 near, 2 same), plus the home's: 0 another, 1 unknown, 2 the same birth place or
# region.
NIK_STEPS = 5
NIK_HOMES = 3
NIK_CONTEXTS = 9

_BATCH = 100_000

# SQL of the name level over key rows `l` and `r`; -1 where `look_closer` must tell.
FIRST_LOOK = """
    CASE WHEN l.canon IS NULL OR r.canon IS NULL THEN 0
        WHEN l.h_flat = r.h_flat OR l.h_sorted = r.h_sorted THEN 7
        WHEN l.h_pflat = r.h_pflat OR l.h_psorted = r.h_psorted THEN 6
        -- An initial for a word: M. ALI, MUHAMMAD ALI; MARIA F. LESTARI, MARIA FRANSISKA LESTARI.
        WHEN left(l.canon, 1) = left(r.canon, 1) AND (
            regexp_matches(l.canon, '\\b[A-Z]\\b') AND regexp_matches(l.canon, '[A-Z]{3}')
                AND regexp_full_match(r.canon,
                    regexp_replace(l.canon, '\\b([A-Z])\\b', '\\1[A-Z]*', 'g'))
            OR regexp_matches(r.canon, '\\b[A-Z]\\b') AND regexp_matches(r.canon, '[A-Z]{3}')
                AND regexp_full_match(l.canon,
                    regexp_replace(r.canon, '\\b([A-Z])\\b', '\\1[A-Z]*', 'g')))
            THEN 4
        -- Left for a closer look; everything else is plainly different.
        WHEN jaro_winkler_similarity(l.canon, r.canon) >= 0.66
            OR l.t_first IN (r.t_first, r.t_last, r.t_rare)
            OR l.t_last IN (r.t_first, r.t_last, r.t_rare) OR l.t_rare = r.t_rare THEN -1
        ELSE 1 END::TINYINT
"""

_BIRTH = """
    CASE WHEN l.born IS NULL OR r.born IS NULL THEN 0
        WHEN l.born = r.born THEN 6
        WHEN l.born_other = r.born OR r.nik_birth IN (l.born, l.born_other) THEN 5
        WHEN l.born // 10000 = r.born // 10000 AND l.born % 100 = (r.born // 100) % 100
            AND (l.born // 100) % 100 = r.born % 100 THEN 4
        -- One of year, month and day differs.
        WHEN (l.born // 10000 = r.born // 10000)::TINYINT
            + ((l.born // 100) % 100 = (r.born // 100) % 100)::TINYINT
            + (l.born % 100 = r.born % 100)::TINYINT = 2 THEN 3
        WHEN l.born // 10000 = r.born // 10000 THEN 2
        ELSE 1 END::TINYINT
"""

_NIK = """
    CASE WHEN nik_apart IS NULL THEN 0
        -- Digits that had to be read out of letters are not the NIK itself.
        WHEN nik_apart = 0 THEN CASE WHEN nik_aside IS NULL THEN 5 ELSE 4 END
        WHEN nik_apart = 1 THEN 4
        -- Two neighbours swapped: the numbers differ by 9 to 81 at some power of ten.
        WHEN nik_apart = 2 THEN CASE
            WHEN try_cast(rtrim(abs(nik_l - nik_r)::VARCHAR, '0') AS BIGINT)
                IN (9, 18, 27, 36, 45, 54, 63, 72, 81) THEN 4 ELSE 3 END
        -- Papua's regencies got new codes when its provinces were split, its people kept their
        -- NIKs: who writes the new code before an old NIK is no further off than two digits.
        WHEN nik_l % 1000000000000 = nik_r % 1000000000000 AND nik_l // 1000000000000000 = 9
            AND nik_r // 1000000000000000 = 9 THEN 3
        WHEN nik_l // 10000 = nik_r // 10000 THEN 2
        -- Whose NIK is a known other person's has it from that person, and not by a slip.
        WHEN nik_taken THEN 0
        ELSE 1 END::TINYINT
"""
_CONTEXT = """
    3 * CASE WHEN birth >= 5 THEN 2 WHEN birth >= 3 THEN 1 ELSE 0 END
        + CASE WHEN region = 3 OR place = 3 THEN 2 WHEN region = 0 AND place = 0 THEN 1 ELSE 0 END
"""
_SEX = """
    CASE WHEN l.sex IS NULL OR r.sex IS NULL THEN 0 WHEN l.sex = r.sex THEN 2 ELSE 1 END::TINYINT
"""
_REGION = """
    CASE WHEN l.region IS NULL OR r.region IS NULL THEN 0 WHEN l.region = r.region THEN 3
        WHEN l.region // 100 = r.region // 100 THEN 2 ELSE 1 END::TINYINT
"""
_PLACE = """
    CASE WHEN l.place IS NULL OR r.place IS NULL THEN 0 WHEN l.place = r.place THEN 3
        WHEN jaro_winkler_similarity(l.place, r.place) >= 0.88 THEN 2 ELSE 1 END::TINYINT
"""
# What goes in after the fields stand each for itself: who carries another's NIK mostly has
# it from the family, under one roof, so with the same NIK the same home proves nothing more.
_NIK_IN_CONTEXT = "(CASE WHEN nik > 0 THEN nik + {steps} * ({context}) ELSE 0 END)::TINYINT"
_REGION_BESIDE_NIK = "(CASE WHEN nik = 5 AND region >= 2 THEN 0 ELSE region END)::TINYINT"
_PLACE_BESIDE_NIK = (
    "(CASE WHEN nik = 5 AND place = 3 THEN 0"
    " WHEN place > 0 AND region = 3 THEN place + 3 ELSE place END)::TINYINT"
)
_MOTHER = """
    CASE WHEN l.mother_h IS NULL OR r.mother_h IS NULL THEN 0
        WHEN l.mother_h = r.mother_h THEN 4
        WHEN jaro_winkler_similarity(l.mother, r.mother) >= 0.92 THEN 3
        WHEN l.mother_first = r.mother_first
            OR jaro_winkler_similarity(l.mother, r.mother) >= 0.82 THEN 2
        ELSE 1 END::TINYINT
"""
# Digits that differ; where one is lost or doubled, those to put in or to take out.
_NIK_APART = (
    "CASE WHEN l.nik IS NOT NULL"
    " THEN hamming(lpad(l.nik::VARCHAR, 16, '0'), lpad(r.nik::VARCHAR, 16, '0'))"
    " WHEN length(l.nik_aside) >= 14"
    " THEN levenshtein(l.nik_aside, lpad(r.nik::VARCHAR, 16, '0')) END"
)
_WORK = """
    CASE WHEN l.region IS NOT NULL OR l.work IS NULL OR r.region IS NULL THEN 0
        WHEN l.work = r.region THEN 3 WHEN l.work // 100 = r.region // 100 THEN 2
        ELSE 1 END::TINYINT
"""
# Spreadsheets round the last digit that they show: it may be one too high.
_ORIGIN = """
    CASE WHEN r.nik IS NULL OR l.nik_aside IS NULL OR length(l.nik_aside) NOT BETWEEN 4 AND 13
            THEN 0
        WHEN try_cast(l.nik_aside AS BIGINT)
            - try_cast(left(lpad(r.nik::VARCHAR, 16, '0'), length(l.nik_aside)) AS BIGINT)
            IN (0, 1) THEN CASE WHEN length(l.nik_aside) >= 6 THEN 3 ELSE 2 END
        WHEN left(l.nik_aside, 4) = left(lpad(r.nik::VARCHAR, 16, '0'), 4) THEN 2
        ELSE 1 END::TINYINT
"""
_ORIGIN_BESIDE = "(CASE WHEN origin > 0 AND region = 3 THEN origin + 3 ELSE origin END)::TINYINT"


def compare(
    con: duckdb.DuckDBPyConnection,
    pairs: str,
    left: str,
    right: str,
    target: str,
    *,
    names: bool = True,
    part: bool = False,
) -> None:
    """Compare pairs of keys into a temporary table of levels.

    Args:
        con: the warehouse.
        pairs: relation `id`, `person_key`.
        left: key table with `id`; the records.
        right: the register's key table with `person_key`.
        target: temporary table to make: `id`, `person_key`, one TINYINT per field of
            `LEVELS`, and the commonness of what agrees: `name_f` (register people of the
            same name, or the share that the shorter name's words suggest), `birth_f`,
            `place_f`, `mother_f`, all as counts of people.
        names: compare the names too; where only numbers and places are wanted, the names
            and mothers stay "missing", and neither side needs their columns.
        part: `right` holds some rows of the register.
    """
    name = FIRST_LOOK if names else "0::TINYINT"
    mother = _MOTHER if names else "0::TINYINT"
    texts = "l.canon AS name_l, r.canon AS name_r"
    commonness = "r.name_n, r.name_f AS whole_f, r.mother_n, least(l.bits, r.bits) AS bits"
    if not names:
        texts = re.sub(r"[lr]\.\w+", "NULL::VARCHAR", texts)
        commonness = (
            "NULL::INTEGER AS name_n, NULL::FLOAT AS whole_f, NULL::INTEGER AS mother_n,"
            " NULL::FLOAT AS bits"
        )
    if right == REGISTER:
        # Their rows are taken out first: else the names of everybody would be looked up.
        con.execute(
            f"CREATE OR REPLACE TEMP TABLE match_asked AS SELECT * FROM {PEOPLE}"
            f" WHERE person_key IN (SELECT person_key FROM {pairs})"
        )
    side = f"({register_sql('match_asked')})" if right == REGISTER else right
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE match_levels AS
        -- A name is kept only where it is still to be measured.
        SELECT * REPLACE (CASE WHEN name = -1 THEN name_l END AS name_l,
            CASE WHEN name = -1 THEN name_r END AS name_r)
        FROM (SELECT p.id, p.person_key, {texts}, {name} AS name,
            {_BIRTH} AS birth, l.nik AS nik_l, r.nik AS nik_r, {_NIK_APART} AS nik_apart,
            l.nik_taken,
            {_SEX} AS sex,
            {_REGION} AS region, {_PLACE} AS place, {_WORK} AS work, {_ORIGIN} AS origin,
            l.nik_aside,
            {mother} AS mother, l.same_n,
            r.birth_n, r.place_n, {commonness}
        FROM {pairs} AS p JOIN {left} AS l USING (id) JOIN {side} AS r USING (person_key))
        """
    )
    look_closer(con, "match_levels", "match_closer")
    people = f"(SELECT people FROM {BASIS})"
    if right != REGISTER and not part:
        people = f"(SELECT count(*) FROM {right})"
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE {target} AS
        SELECT id, person_key, coalesce(c.level, m.name)::TINYINT AS name, birth,
            {_NIK_IN_CONTEXT.format(steps=NIK_STEPS, context=_CONTEXT)} AS nik, sex,
            {_REGION_BESIDE_NIK} AS region, {_PLACE_BESIDE_NIK} AS place,
            mother, work, {_ORIGIN_BESIDE} AS origin, same_n,
            CASE WHEN coalesce(c.level, m.name) >= 6 THEN whole_f
                WHEN coalesce(c.level, m.name) = 4 THEN greatest(name_n, {people} * pow(2, -bits))
                ELSE name_n END::FLOAT AS name_f,
            birth_n::FLOAT AS birth_f, place_n::FLOAT AS place_f, mother_n::FLOAT AS mother_f
        FROM (SELECT *, {_NIK} AS nik FROM match_levels) AS m
        LEFT JOIN match_closer AS c ON c.name_l = m.name_l AND c.name_r = m.name_r;
        DROP TABLE match_levels; DROP TABLE match_closer; DROP TABLE IF EXISTS match_asked;
        """
    )


def look_closer(con: duckdb.DuckDBPyConnection, levels: str, target: str) -> None:
    """Measure the names that the first look left open, a batch at a time.

    Args:
        con: the warehouse.
        levels: table with `name_l`, `name_r` and `name`, the level or -1.
        target: temporary table to make: `name_l`, `name_r`, `level`.
    """
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE match_unmeasured AS"
        f" SELECT DISTINCT name_l, name_r FROM {levels} WHERE name = -1"
    )
    names = con.execute("SELECT rowid AS n, * FROM match_unmeasured").fetchnumpy()
    left, right = names["name_l"], names["name_r"]
    measured = [
        name_levels(left[start : start + _BATCH].tolist(), right[start : start + _BATCH].tolist())
        for start in range(0, len(left), _BATCH)
    ]
    level = np.concatenate(measured) if measured else np.zeros(0, np.int8)
    # Only numbers go back: text would be looked through value by value.
    con.register("match_measured", {"n": np.asarray(names["n"]), "level": level})
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE {target} AS SELECT name_l, name_r, level"
        " FROM match_unmeasured AS u JOIN match_measured AS m ON m.n = u.rowid"
    )
    con.unregister("match_measured")
    con.execute("DROP TABLE match_unmeasured")


def name_levels(left: list[str], right: list[str]) -> np.ndarray:
    """Give the level of name pairs that are not the same: typo, part, similar, weak, different.

    Args:
        left: unified names, tokens separated by one space.
        right: as many names to compare with.

    Returns:
        One level of `LEVELS["name"]` per pair.
    """
    flat_l = [name.replace(" ", "") for name in left]
    flat_r = [name.replace(" ", "") for name in right]
    edits = process.cpdist(flat_l, flat_r, scorer=OSA.distance, workers=-1)
    sizes = [np.fromiter(map(len, flat), np.int64) for flat in (flat_l, flat_r)]
    longest, shortest = np.maximum(*sizes), np.minimum(*sizes)
    alike = 1 - edits / np.maximum(longest, 1)
    ordered = process.cpdist(left, right, scorer=fuzz.token_sort_ratio, workers=-1) / 100
    shared = process.cpdist(left, right, scorer=fuzz.token_set_ratio, workers=-1) / 100
    start = process.cpdist(flat_l, flat_r, scorer=fuzz.partial_ratio, workers=-1) / 100
    close = (edits == 1) & (longest >= 4) | (alike >= 0.86) | (ordered >= 0.93)
    # A word of four letters stands within many a name: LISA in ELISABETH.
    part = (shared >= 0.97) | (start >= 0.97) & (longest >= 8) & (shortest >= 5)
    similar = (alike >= 0.74) | (ordered >= 0.8) | (shared >= 0.88) | (start >= 0.88)
    weak = (alike >= 0.5) | (shared >= 0.6)
    return np.select([close, part, similar, weak], [5, 4, 3, 2], default=1).astype(np.int8)


def level_sql(name: str) -> str:
    """Give the SQL expression of a field's level, over rows `l` and `r` of the key tables.

    It is what `compare` computes, for those who compare elsewhere. The level of a name is -1
    where RapidFuzz looks closer (`name_levels`).
    """
    nik = (
        _NIK.replace("nik_l", "l.nik").replace("nik_r", "r.nik").replace("nik_taken", "l.nik_taken")
    )
    nik = nik.replace("nik_aside", "l.nik_aside")
    alone = {
        "birth": _BIRTH,
        "nik": nik.replace("nik_apart", f"({_NIK_APART})"),
        "region": _REGION,
        "place": _PLACE,
        "origin": _ORIGIN,
    }
    together = {
        "nik": _NIK_IN_CONTEXT.format(steps=NIK_STEPS, context=_CONTEXT),
        "region": _REGION_BESIDE_NIK,
        "place": _PLACE_BESIDE_NIK,
        "origin": _ORIGIN_BESIDE,
    }
    if name in together:
        return re.sub(
            rf"\b({'|'.join(alone)})\b", lambda field: f"({alone[field[1]]})", together[name]
        )
    return {"name": FIRST_LOOK, "birth": _BIRTH, "sex": _SEX, "mother": _MOTHER, "work": _WORK}[
        name
    ]
