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
import yaml

from matching.employer_candidates import slip_sql
from matching.employer_likeness import EXACT, NEAR, OVERLAP, SUBSET, compare_cores

FIELDS = ("name", "form", "region", "industry", "address", "number")
# Labelled pairs looked at, of each kind.
SAMPLE = 60_000
# Shared weight, in bits, from which the words two names share count as rare.
RARE_BITS = 14
EM_ROUNDS = 50
LARGEST_UNIT = 20
# The most that a level may count for, in bits.
NAME_BITS, FIELD_BITS = 14.0, 6.0
# How levels of the region are marked where the name itself is tied to a region.
BOUND = "bound_"


@cache
def expectations() -> dict[str, Any]:
    """Read `employer_model.yaml`."""
    text = files("matching").joinpath("employer_model.yaml").read_text(encoding="utf-8")
    loaded: dict[str, Any] = yaml.safe_load(text)
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
        _levels(con, f"emp_{name}", f"emp_{name}_levels")
    weights = _learn(con)
    prior = _fit_prior(con)
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


def _levels(con: duckdb.DuckDBPyConnection, pairs: str, target: str) -> None:
    """Compare pairs of profiles field by field."""
    weight = "pairs" if pairs == "emp_mates" else "1"
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE {target} AS
        WITH joined AS (
            SELECT x.a, x.b, x.pairs, p.unit_id AS unit_a, q.unit_id AS unit_b,
                CASE WHEN p.core_id = q.core_id THEN {EXACT} ELSE coalesce(l.level, 0) END AS level,
                coalesce(l.shared, c.weight) AS shared, c.village OR d.village AS village,
                -- A single word and its slip share none: the word itself is what agrees.
                least(c.weight, d.weight) AS weight,
                greatest(n.bearers, o.bearers) AS bearers,
                p.family AS fp, q.family AS fq, p.subtype AS sp, q.subtype AS sq,
                k.a IS NOT NULL AS akin,
                p.region_code AS rp, q.region_code AS rq, p.kbli AS kp, q.kbli AS kq,
                coalesce(p.kbli_vintage, 2020) = coalesce(q.kbli_vintage, 2020) AS one_vintage,
                p.sector_code AS sec_p, q.sector_code AS sec_q,
                p.division AS dp, q.division AS dq,
                p.address AS ap, q.address AS aq,
                CASE WHEN p.address IS NULL OR q.address IS NULL THEN NULL
                    ELSE len(list_intersect(p.address, q.address))
                        / greatest(len(p.address), len(q.address)) END AS shared_address,
                p.nib AS nib_p, q.nib AS nib_q, p.npwp_root AS root_p, q.npwp_root AS root_q
            FROM (SELECT a, b, {weight} AS pairs FROM {pairs}) AS x
            JOIN emp_profiles AS p ON p.profile_id = x.a
            JOIN emp_profiles AS q ON q.profile_id = x.b
            JOIN co_cores AS c ON c.core_id = p.core_id
            JOIN co_cores AS d ON d.core_id = q.core_id
            JOIN emp_bearers AS n ON n.core_id = p.core_id
            JOIN emp_bearers AS o ON o.core_id = q.core_id
            LEFT JOIN co_compared AS l
                ON l.a = least(p.core_id, q.core_id) AND l.b = greatest(p.core_id, q.core_id)
            LEFT JOIN emp_akin AS k ON k.a = p.family AND k.b = q.family
        )
        SELECT a, b, pairs, unit_a, unit_b,
            CASE
                WHEN level = {EXACT} AND village THEN 'exact_village'
                WHEN level = {EXACT} AND fp = 'PT' AND fq = 'PT' THEN CASE
                    WHEN bearers <= 3 THEN 'exact_pt_few' WHEN bearers <= 12 THEN 'exact_pt_some'
                    ELSE 'exact_pt_many' END
                WHEN level = {EXACT} THEN CASE
                    WHEN bearers <= 3 THEN 'exact_few' WHEN bearers <= 12 THEN 'exact_some'
                    WHEN bearers <= 60 THEN 'exact_many' ELSE 'exact_most' END
                WHEN level = {NEAR} THEN CASE
                    WHEN weight >= {RARE_BITS} THEN 'near_rare' ELSE 'near_common' END
                WHEN level = {SUBSET} THEN CASE
                    WHEN shared >= {RARE_BITS} THEN 'subset_rare' ELSE 'subset_common' END
                WHEN level = {OVERLAP} THEN 'overlap'
                ELSE 'different' END AS name,
            CASE
                WHEN fp IS NULL OR fq IS NULL THEN 'missing'
                WHEN fp = fq AND sp <> sq THEN 'kind'
                WHEN fp = fq THEN 'same'
                WHEN akin THEN 'akin' ELSE 'conflict' END AS form,
            -- Equal names are found wherever they are; other names mostly within a region, so
            -- that being of one region says less there.
            CASE WHEN level = {EXACT} AND bearers <= 12 AND NOT village THEN ''
                ELSE 'bound_' END || CASE
                WHEN rp IS NULL OR rq IS NULL THEN 'missing'
                WHEN rp = rq THEN 'same' WHEN left(rp, 2) = left(rq, 2) THEN 'province'
                ELSE 'other' END AS region,
            CASE
                WHEN (kp IS NULL AND sec_p IS NULL) OR (kq IS NULL AND sec_q IS NULL)
                    THEN 'missing'
                WHEN one_vintage AND kp = kq THEN 'class'
                WHEN one_vintage AND dp = dq THEN 'division'
                WHEN sec_p = sec_q THEN 'sector' ELSE 'other' END AS industry,
            CASE
                WHEN shared_address IS NULL THEN 'missing'
                WHEN shared_address >= 0.75 THEN 'same' WHEN shared_address >= 0.4 THEN 'alike'
                ELSE 'other' END AS address,
            CASE
                WHEN {slip_sql("nib_p", "nib_q")} OR {slip_sql("root_p", "root_q")} THEN 'slip'
                WHEN nib_p <> nib_q THEN 'other' ELSE 'missing' END AS number
        FROM joined
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
            # Levels of bound names are shares among bound names: how often names are equal
            # is the name's evidence, not the region's.
            bound = level.startswith(BOUND)
            mates, rivals = (
                sum(n for at, n in seen[name].items() if at.startswith(BOUND) == bound)
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
    kind = level.removeprefix(BOUND)
    if kind == "missing":
        return 0.0
    if kind in ("other", "conflict", "different"):
        bits = min(bits, 0.0)
    most = NAME_BITS if field == "name" else FIELD_BITS
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
            -- Two NIB need one name, and two legal forms are two businesses: 0 where every pair
            -- of looks fails so.
            max(CASE WHEN l.number = 'other' AND l.name NOT LIKE 'exact%' THEN 0
                WHEN l.form = 'conflict' THEN 0 ELSE 1 END) AS may
        FROM emp_pairs_levels AS l JOIN emp_patterns AS g ON {on}
        GROUP BY l.unit_a, l.unit_b
        HAVING max(g.bits) + {prior!r} > -5
        """
    )
