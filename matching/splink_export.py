"""The person model as settings of Splink, so that its charts and tools can be used on it.

Belongs here: the translation of levels, chances and rarity. Does not belong here: Splink,
which the project does not need (benchmarks/linkage/prove_splink_export.py holds the two
against each other), or any person.

Splink compares rows of the key tables (matching/keys.py): its columns `x_l` and `x_r` are
our `l.x` and `r.x`. Four columns more hold what rarity is counted by, `RARITY_KEYS`; they
are given on the register's side alone, with tables of term frequencies beside.

What has no counterpart in Splink:

* the levels of names that RapidFuzz measures (typo, part, similar, weak): stood in for by
  DuckDB's own functions;
* rarity of a name or mother's name that is like another and not the same, and of a name of
  which only a part agrees;
* the floor under the agreement on what everybody has, and the shares of a record that its
  candidates compete for: Splink scores each pair for itself, with one prior;
* blocking rules, the exact stage, and assignment.
"""

from __future__ import annotations

import re
from typing import Any

from matching.comparison import FIELDS, LEVELS, level_sql
from matching.keys import NIK_KINDS
from matching.model import RARITY, Model

# Columns that term frequencies are looked up by, and the key column each is a copy of.
RARITY_KEYS = {
    "name": ("name_key", "h_psorted"),
    "birth": ("birth_key", "born"),
    "place": ("place_key", "place"),
    "mother": ("mother_key", "mother_h"),
}
# Levels whose u is the mean share of people of one value: the base that Splink adjusts.
EXACT = {"name": (7, 6), "birth": (6, 5), "place": (3,), "mother": (4,)}

_FLAT = "replace({}.canon, ' ', '')"
_APART = (
    f"(1 - damerau_levenshtein({_FLAT.format('l')}, {_FLAT.format('r')})"
    f" / greatest(length({_FLAT.format('l')}), length({_FLAT.format('r')}), 1))"
)
_SHARED = "len(list_intersect(string_split(l.canon, ' '), string_split(r.canon, ' ')))"
_FEWER = "least(len(string_split(l.canon, ' ')), len(string_split(r.canon, ' ')))"
# Stands in for matching.comparison.name_levels.
_CLOSER = f"""
    CASE WHEN damerau_levenshtein({_FLAT.format("l")}, {_FLAT.format("r")}) = 1
            AND greatest(length({_FLAT.format("l")}), length({_FLAT.format("r")})) >= 4
            OR {_APART} >= 0.86 THEN 5
        WHEN {_SHARED} = {_FEWER} OR least(length({_FLAT.format("l")}),
                length({_FLAT.format("r")})) >= 5
            AND (contains({_FLAT.format("l")}, {_FLAT.format("r")})
                OR contains({_FLAT.format("r")}, {_FLAT.format("l")})) THEN 4
        WHEN {_APART} >= 0.74 THEN 3
        WHEN {_APART} >= 0.5 OR {_SHARED} > 0 THEN 2
        ELSE 1 END
"""


def splink_settings(model: Model, kind: str = NIK_KINDS[0]) -> dict[str, Any]:
    """Give the model as Splink's settings, ready for JSON.

    Args:
        model: the trained model.
        kind: whose prior: records with an NIK of this kind (`NIK_KINDS`).

    Returns:
        Settings of link type `link_only` for DuckDB, with no blocking rules.
    """
    found = model.found[NIK_KINDS.index(kind)]
    odds = found / (1 - found) / max(model.people, 1)
    return {
        "link_type": "link_only",
        "sql_dialect": "duckdb",
        "unique_id_column_name": "unique_id",
        "probability_two_random_records_match": odds / (1 + odds),
        "blocking_rules_to_generate_predictions": [],
        "comparisons": [_comparison(model, name) for name in FIELDS],
        "retain_matching_columns": False,
        "retain_intermediate_calculation_columns": True,
    }


def _comparison(model: Model, name: str) -> dict[str, Any]:
    level = _columns(level_sql(name))
    if name == "name":
        level = f"CASE WHEN ({level}) = -1 THEN ({_columns(_CLOSER)}) ELSE ({level}) END"
    missing = {
        "sql_condition": f"({level}) = 0",
        "label_for_charts": "missing",
        "is_null_level": True,
    }
    levels = [
        {
            "sql_condition": f"({level}) = {number}" if number > 1 else "ELSE",
            "label_for_charts": LEVELS[name][number],
            "m_probability": model.m[name][number],
            "u_probability": model.u[name][number],
            **_rarity(name, number),
        }
        for number in range(len(LEVELS[name]) - 1, 0, -1)
    ]
    return {"output_column_name": name, "comparison_levels": [missing, *levels]}


def _rarity(name: str, level: int) -> dict[str, Any]:
    if level not in EXACT.get(name, ()):
        return {}
    return {
        "tf_adjustment_column": RARITY_KEYS[name][0],
        "tf_adjustment_weight": RARITY[name][level],
        # The level's own u is the base: none of them is an equality of one column.
        "disable_tf_exact_match_detection": True,
    }


def _columns(sql: str) -> str:
    """Write `l.x` and `r.x` as Splink does, without comments and line breaks."""
    sql = re.sub(r"--[^\n]*", "", sql)
    sql = re.sub(r"\b([lr])\.(\w+)", r"\2_\1", sql)
    return re.sub(r"\s+", " ", sql).strip()
