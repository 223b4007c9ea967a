"""How well two rows agree, comparison by comparison, in levels.

Belongs here: the levels of each kind and how they are computed. Does not belong here: what a
level is worth (estimating.py).

Level 0 is always "missing on a side" and neutral. The names' levels are those of
`matching.comparison`. What near-equal NIKs prove hangs on what else agrees, for birth date and
district stand in the number: their levels are read apart by date and by place.
"""

from __future__ import annotations

import re

import duckdb

from matching.comparison import FIRST_LOOK, LEVELS, look_closer
from matching.linker.spec import NAMES, Comparison, Spec

_NIK_STEPS = ("different", "same region and date", "two digits", "one slip", "same")
_NIK_CONTEXTS = (
    "elsewhere and on another date",
    "on the same date",
    "in the same place",
    "on the same date in the same place",
)
KIND_LEVELS: dict[str, tuple[str, ...]] = {
    "person_name": LEVELS["name"],
    "company_name": LEVELS["name"],
    "text": LEVELS["name"],
    "date": ("missing", "different", "within a year", "near", "day and month swapped", "one slip",
             "same", "within a month"),
    "nik": ("missing", *(f"{s}; {c}" for c in _NIK_CONTEXTS for s in _NIK_STEPS)),
    "npwp": ("missing", "different", "similar", "one slip", "same"),
    "identifier": ("missing", "different", "similar", "one slip", "same"),
    "place": ("missing", "different", "similar", "same"),
    "number": ("missing", "different", "close", "same"),
    "category": ("missing", "different", "same"),
    "mother_name": LEVELS["name"],
    "sex": ("missing", "different", "same"),
    "region": ("missing", "different", "same province", "same"),
}  # fmt: skip
NIK_STEPS = len(_NIK_STEPS)
# What tells where somebody is from: level 3 is "same".
HOMES = ("place", "region")

# Levels where the value is the same, and those whose weight rarity adds to, with the share of
# the rarity that counts.
SAME: dict[str, tuple[int, ...]] = {
    "person_name": (6, 7), "company_name": (6, 7), "text": (6, 7), "date": (6,), "place": (3,),
    "number": (3,), "category": (2,), "npwp": (4,), "identifier": (4,), "mother_name": (6, 7),
    "sex": (2,), "region": (3,),
    "nik": tuple(NIK_STEPS * (c + 1) for c in range(len(_NIK_CONTEXTS))),
}  # fmt: skip
RARITY: dict[str, dict[int, float]] = {
    **{kind: {7: 1.0, 6: 1.0, 5: 1.0, 4: 1.0, 3: 0.5} for kind in NAMES},
    "date": {6: 1.0},
    "place": {3: 1.0},
    "number": {3: 1.0},
    "category": {2: 1.0},
    "region": {3: 1.0},
    "sex": {}, "nik": {}, "npwp": {}, "identifier": {},
}  # fmt: skip


def _numbered(sql: str, i: int) -> str:
    """Turn `l.canon` into `l.f0_canon`."""
    return re.sub(r"\b([lr])\.(\w+)", rf"\1.f{i}_\2", sql)


def _slip_sql(left: str, right: str) -> str:
    """Give SQL of 4 (same), 3 (one slip), 2 (two signs differ) or 1 for two identifiers."""
    return f"""
        CASE WHEN {left} = {right} THEN 4
            WHEN length({left}) = length({right}) THEN CASE hamming({left}, {right})
                WHEN 1 THEN 3
                -- Two neighbours swapped: the same signs in another order.
                WHEN 2 THEN CASE WHEN list_sort(string_split({left}, ''))
                    = list_sort(string_split({right}, '')) THEN 3 ELSE 2 END
                ELSE CASE WHEN regexp_matches({left}, '[A-Z]') AND length({left}) >= 8
                    AND jaro_winkler_similarity({left}, {right}) >= 0.92 THEN 2 ELSE 1 END END
            WHEN abs(length({left}) - length({right})) = 1 AND length({left}) >= 4
                AND levenshtein({left}, {right}) = 1 THEN 3
            -- Words and addresses, of which more than a digit may differ.
            WHEN regexp_matches({left}, '[A-Z]') AND length({left}) >= 8
                AND jaro_winkler_similarity({left}, {right}) >= 0.92 THEN 2
            ELSE 1 END
    """


def _date_levels_sql(a: str, b: str) -> str:
    return f"""
        CASE WHEN {a} = {b} THEN 6
            WHEN {a} // 10000 = {b} // 10000 AND {a} % 100 = ({b} // 100) % 100
                AND ({a} // 100) % 100 = {b} % 100 THEN 4
            WHEN hamming(lpad({a}::VARCHAR, 8, '0'), lpad({b}::VARCHAR, 8, '0')) = 1
                OR hamming(lpad({a}::VARCHAR, 8, '0'), lpad({b}::VARCHAR, 8, '0')) = 2
                AND try_cast(rtrim(abs({a} - {b})::VARCHAR, '0') AS BIGINT)
                    IN (9, 18, 27, 36, 45, 54, 63, 72, 81) THEN 5
            -- One of year, month and day differs.
            WHEN ({a} // 10000 = {b} // 10000)::TINYINT
                + (({a} // 100) % 100 = ({b} // 100) % 100)::TINYINT
                + ({a} % 100 = {b} % 100)::TINYINT = 2 THEN 3
            -- As many days as months of 30.4 and years of 365.25 days make.
            WHEN abs({_days_sql(a)} - {_days_sql(b)}) <= 31 THEN 7
            WHEN {a} // 10000 = {b} // 10000
                OR abs({_days_sql(a)} - {_days_sql(b)}) <= 366 THEN 2
            ELSE 1 END
    """


def _days_sql(date: str) -> str:
    return f"({date} // 10000 * 365.25 + {date} // 100 % 100 * 30.44 + {date} % 100)"


def _level_sql(item: Comparison, i: int) -> str:
    """Give SQL of a comparison's level; names have their first look, NIKs their plain steps."""
    if item.kind in NAMES:
        return _numbered(FIRST_LOOK, i)
    a, b = f"l.f{i}", f"r.f{i}"
    if item.kind == "date":
        level = _date_levels_sql(a, b)
    elif item.kind == "place":
        # Codes are the same or not; 3171 is no misspelt 3172.
        level = f"""CASE WHEN {a} = {b} THEN 3 WHEN NOT regexp_matches({a}, '[0-9]')
            AND jaro_winkler_similarity({a}, {b}) >= 0.88 THEN 2 ELSE 1 END"""
    elif item.kind == "number":
        level = f"""CASE WHEN {a} = {b} THEN 3
            WHEN abs({a} - {b}) <= 0.01 * greatest(abs({a}), abs({b})) THEN 2 ELSE 1 END"""
    elif item.kind == "region":
        level = f"CASE WHEN {a} = {b} THEN 3 WHEN left({a}, 2) = left({b}, 2) THEN 2 ELSE 1 END"
    elif item.kind in ("category", "sex"):
        level = f"CASE WHEN {a} = {b} THEN 2 ELSE 1 END"
    elif item.kind == "nik":
        level = f"""CASE {_slip_sql(a, b)} WHEN 4 THEN 5 WHEN 3 THEN 4 WHEN 2 THEN 3
            ELSE CASE WHEN left({a}, 12) = left({b}, 12) THEN 2 ELSE 1 END END"""
    else:
        level = _slip_sql(a, b)
    return f"(CASE WHEN {a} IS NULL OR {b} IS NULL THEN 0 ELSE {level} END)::TINYINT"


def _context_sql(spec: Spec) -> str:
    """Give SQL of the context that a NIK is read in: 1 for the date, 2 for a place."""
    kinds = [item.kind for item in spec.compare]
    dates = " OR ".join(f"f{i} BETWEEN 3 AND 6" for i, kind in enumerate(kinds) if kind == "date")
    places = " OR ".join(f"f{i} = 3" for i, kind in enumerate(kinds) if kind in HOMES)
    return f"(({dates or 'false'})::TINYINT + 2 * ({places or 'false'})::TINYINT)"


def compare(
    con: duckdb.DuckDBPyConnection,
    spec: Spec,
    pairs: str,
    target: str,
    rows: int,
    *,
    left: str = "lk_l",
) -> None:
    """Compare pairs of rows into a temporary table of levels.

    Args:
        con: the linkage's database with `lk_l` and `lk_r`.
        spec: what is compared.
        pairs: relation `id`, `person_key`: rows of the left and of the right.
        target: temporary table to make: the pair, and for comparison i its level `f<i>` and
            `f<i>_c`, how many right rows have what agrees.
        rows: right rows in all.
        left: side table of the left rows; `lk_r` for pairs of two right rows.
    """
    joined = f"{pairs} AS p JOIN {left} AS l ON l.id = p.id JOIN lk_r AS r ON r.id = p.person_key"
    compare_joined(con, spec, joined, target, rows)


def compare_joined(
    con: duckdb.DuckDBPyConnection, spec: Spec, joined: str, target: str, rows: int
) -> None:
    """Compare pairs whose rows are at hand, as `compare` does.

    Args:
        con: any database.
        spec: what is compared.
        joined: what stands after FROM: `p.id` and `p.person_key`, with the columns of both
            sides by `l.` and `r.`.
        target: temporary table to make.
        rows: right rows in all.
    """
    levels, commons = [], []
    for i, item in enumerate(spec.compare):
        levels.append(f"{_level_sql(item, i)} AS f{i}")
        if item.kind in NAMES:
            levels += [
                f"l.f{i}_canon AS n{i}_l, r.f{i}_canon AS n{i}_r, r.f{i}_n AS n{i}_n",
                f"r.f{i}_f AS n{i}_f, least(l.f{i}_bits, r.f{i}_bits) AS n{i}_bits",
            ]
            if item.kind == "company_name":
                levels.append(f"l.f{i}_family <> r.f{i}_family AS n{i}_other")
        elif RARITY[item.kind]:
            commons.append(f"r.f{i}_n::FLOAT AS f{i}_c")
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE lk_levels AS
        SELECT p.id, p.person_key, {", ".join(levels + commons)}
        FROM {joined}
        """
    )
    closer, chosen = [], []
    for i, item in enumerate(spec.compare):
        if item.kind in NAMES:
            con.execute(
                f"CREATE OR REPLACE TEMP VIEW lk_open AS"
                f" SELECT n{i}_l AS name_l, n{i}_r AS name_r, f{i} AS name FROM lk_levels"
            )
            look_closer(con, "lk_open", f"lk_closer{i}")
            closer.append(
                f"LEFT JOIN lk_closer{i} AS c{i}"
                f" ON m.f{i} = -1 AND c{i}.name_l = m.n{i}_l AND c{i}.name_r = m.n{i}_r"
            )
            level = f"coalesce(c{i}.level, m.f{i})"
            if item.kind == "company_name":
                # PT X and CV X are two companies, however alike their names are.
                level = f"CASE WHEN n{i}_other AND {level} > 3 THEN 3 ELSE {level} END"
            chosen.append(f"({level})::TINYINT AS f{i}")
            chosen.append(
                f"(CASE WHEN {level} >= 6 THEN n{i}_f WHEN {level} = 4 THEN greatest(n{i}_n,"
                f" {rows} * pow(2, -n{i}_bits)) ELSE n{i}_n END)::FLOAT"
                f" AS f{i}_c"
            )
        else:
            chosen.append(f"m.f{i}")
            if RARITY[item.kind]:
                chosen.append(f"f{i}_c")
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE {target} AS SELECT m.id, m.person_key, {', '.join(chosen)}"
        f" FROM lk_levels AS m {' '.join(closer)}"
    )
    for i, item in enumerate(spec.compare):
        if item.kind == "nik":
            con.execute(
                f"UPDATE {target} SET f{i} = f{i} + {NIK_STEPS} * {_context_sql(spec)}"
                f" WHERE f{i} > 0"
            )
    con.execute("DROP VIEW IF EXISTS lk_open; DROP TABLE lk_levels")
    for i, item in enumerate(spec.compare):
        if item.kind in NAMES:
            con.execute(f"DROP TABLE lk_closer{i}")
