"""The model of employers: what the agreement of two records is worth, learned and calibrated.

Belongs here: the comparison of profiles in levels, the learning of m and u, the probability.
Does not belong here: which pairs are compared (employer_candidates.py), who gets whom
(employer_assignment.py).

A Fellegi-Sunter model with labelled pairs at hand: records that one identifier brought
together show how true pairs look (m), records of two taxpayers that the blocking rules bring
together show how false ones do (u). The expectations of employer_model.yaml stand in where
there is little to learn from. The share of true pairs is then fitted to the pairs in hand by
expectation-maximisation, so that probabilities are calibrated to them. All samples are drawn by
hashes of names, so the same records give the same model.
"""

from __future__ import annotations

import math
from functools import cache
from importlib.resources import files
from typing import Any

import duckdb

from matching.employer_levels import FIELDS, compare_profiles, group_of
from matching.employer_likeness import compare_cores
from warehouse.documents import load_yaml

# Labelled pairs looked at, of each kind.
SAMPLE = 60_000
EM_ROUNDS = 50
LARGEST_UNIT = 20
# The most that a level may count for, in bits.
NAME_BITS, FIELD_BITS = 14.0, 6.0
# An address of few, or an industry of few, tells more than other fields may.
RARE_FIELD_BITS = 9.0
# What companies of one group have in common speaks for one company hardly at all. Identifiers
# cannot teach that: each labelled pair is one company, and few labelled rivals are of one group.
GROUP_BITS = 1.0


@cache
def expectations() -> dict[str, Any]:
    """Read `employer_model.yaml`."""
    text = files("matching").joinpath("employer_model.yaml").read_text(encoding="utf-8")
    loaded: dict[str, Any] = load_yaml(text)
    return loaded


def learn_and_score(con: duckdb.DuckDBPyConnection) -> dict[str, dict[str, float]]:
    """Make emp_scored(a, b, bits): pairs of units with their evidence in bits.

    Also makes emp_weights(field, level, m, u, bits).

    Args:
        con: the warehouse; emp_pairs, emp_rivals, emp_profiles, emp_members stand.

    Returns:
        The model: for each field the bits of each level, and under `prior` its odds in bits.
    """
    _true_pairs(con)
    con.execute(
        """
        CREATE OR REPLACE TEMP VIEW emp_core_asks AS
        SELECT p.core_id AS a, q.core_id AS b
        FROM (
            SELECT a, b FROM emp_pairs UNION ALL SELECT a, b FROM emp_rivals
            UNION ALL SELECT a, b FROM emp_mates
        ) AS x
        JOIN emp_profiles AS p ON p.profile_id = x.a JOIN emp_profiles AS q ON q.profile_id = x.b
        """
    )
    compare_cores(con, "emp_core_asks")
    con.execute("DROP VIEW emp_core_asks")
    for name in ("mates", "rivals", "pairs"):
        compare_profiles(con, f"emp_{name}", f"emp_{name}_levels")
    weights = _learn(con)
    prior = _fit_prior(con)
    con.execute(f"CREATE OR REPLACE TEMP TABLE emp_prior AS SELECT {prior!r}::DOUBLE AS bits")
    _score(con, prior)
    model: dict[str, dict[str, float]] = {field: {} for field in FIELDS}
    for field, level, bits in weights:
        model[field][level] = bits
    model["prior"] = {"bits": prior}
    return model


def _true_pairs(con: duckdb.DuckDBPyConnection) -> None:
    """Make emp_mates: pairs of records of one unit, as pairs of their looks, and how many."""
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE emp_mates AS
        WITH sampled AS (
            SELECT p.unit_id, p.profile_id, p.records FROM emp_profiles AS p
            JOIN emp_units AS u USING (unit_id)
            -- A unit of many branches would speak for all the others.
            WHERE u.records BETWEEN 2 AND {LARGEST_UNIT} AND hash(p.unit_id)
                % greatest(1, (SELECT count(*) // {SAMPLE} FROM emp_profiles)) = 0
        )
        SELECT x.profile_id AS a, y.profile_id AS b, CASE
            WHEN x.profile_id = y.profile_id THEN x.records * (x.records - 1) // 2
            ELSE x.records * y.records END AS pairs
        FROM sampled AS x JOIN sampled AS y
            ON x.unit_id = y.unit_id AND x.profile_id <= y.profile_id
        WHERE x.profile_id < y.profile_id OR x.records > 1
        """
    )


def _learn(con: duckdb.DuckDBPyConnection) -> list[tuple[str, str, float]]:
    """Make emp_weights from the labelled pairs and the expectations."""
    table = expectations()
    strength = float(table["weight"])
    con.execute(
        "CREATE OR REPLACE TEMP TABLE emp_weights"
        "(field VARCHAR, level VARCHAR, m DOUBLE, u DOUBLE, bits DOUBLE)"
    )
    weights: list[tuple[str, str, float]] = []
    for field in FIELDS:
        # Units are made by these numbers, so they cannot tell how true pairs differ in them.
        seen = {
            name: dict(
                con.execute(
                    f"SELECT {field}, sum(pairs) FROM emp_{name}_levels GROUP BY {field}"
                ).fetchall()
            )
            if field != "number"
            else {}
            for name in ("mates", "rivals")
        }
        for level, expected in table[field].items():
            # Levels are shares among pairs whose names stand in the same way to each other:
            # how often names are equal is the name's evidence, not the region's.
            group = group_of(level)
            mates, rivals = (
                sum(n for at, n in seen[name].items() if group_of(at) == group)
                for name in ("mates", "rivals")
            )
            m = (seen["mates"].get(level, 0) + strength * expected["m"]) / (mates + strength)
            u = (seen["rivals"].get(level, 0) + strength * expected["u"]) / (rivals + strength)
            bits = _bounded(field, level, math.log2(m / u))
            con.execute(
                "INSERT INTO emp_weights VALUES (?, ?, ?, ?, ?)", [field, level, m, u, bits]
            )
            weights.append((field, level, bits))
    return weights


def _bounded(field: str, level: str, bits: float) -> float:
    """Keep the evidence of one level within reason.

    Missing is no evidence, disagreement never speaks for a pair, and no field but the name
    decides alone: fields lean on one another more than the model knows.
    """
    kind = level.removeprefix(group_of(level))
    if kind in ("missing", "within"):
        return 0.0
    if kind in ("other", "conflict", "different", "far"):
        bits = min(bits, 0.0)
    most = NAME_BITS if field == "name" else FIELD_BITS
    if level in ("class_rare", "same_rare"):
        most = RARE_FIELD_BITS
    elif level.startswith("group_"):
        most = GROUP_BITS
    return max(-NAME_BITS, min(most, bits))


def _patterns(con: duckdb.DuckDBPyConnection) -> None:
    """Make emp_patterns: each combination of levels once, with its pairs and its bits."""
    joins = " ".join(
        f"JOIN emp_weights AS w_{f} ON w_{f}.field = '{f}' AND w_{f}.level = g.{f}" for f in FIELDS
    )
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE emp_patterns AS
        WITH g AS (
            SELECT {", ".join(FIELDS)}, count(*) AS pairs FROM emp_pairs_levels GROUP BY ALL
        )
        SELECT g.*, {" + ".join(f"w_{f}.bits" for f in FIELDS)} AS bits FROM g {joins}
        """
    )


def _fit_prior(con: duckdb.DuckDBPyConnection) -> float:
    """Fit the share of true pairs among the pairs in hand; gives its odds in bits."""
    _patterns(con)
    counts = con.execute("SELECT pairs, bits FROM emp_patterns ORDER BY ALL").fetchall()
    table = expectations()
    share, strength = float(table["prior"]), float(table["weight"])
    total = sum(pairs for pairs, _ in counts)
    for _ in range(EM_ROUNDS):
        odds = share / (1 - share)
        expected = sum(
            pairs * (1 - 1 / (1 + odds * 2 ** min(bits, 60.0))) for pairs, bits in counts
        )
        share = (expected + strength * float(table["prior"])) / (total + strength)
    return math.log2(share / (1 - share))


def _score(con: duckdb.DuckDBPyConnection, prior: float) -> None:
    """Make emp_scored: the best pair of profiles of each pair of units."""
    on = " AND ".join(f"l.{f} = g.{f}" for f in FIELDS)
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE emp_scored AS
        SELECT l.unit_a AS a, l.unit_b AS b, max(g.bits) + {prior!r} AS bits,
            -- Two numbers or two legal forms are two businesses: 0 where every pair of looks
            -- fails so.
            max(CASE WHEN l.number = 'other' OR l.form = 'conflict' OR l.barred THEN 0
                ELSE 1 END) AS may,
            arg_max(l.name, (g.bits, l.a, l.b)) AS name,
            arg_max({{a: l.a, b: l.b}}, (g.bits, l.a, l.b)) AS looks
        FROM emp_pairs_levels AS l JOIN emp_patterns AS g ON {on}
        GROUP BY l.unit_a, l.unit_b
        HAVING max(g.bits) + {prior!r} > -5
        """
    )
