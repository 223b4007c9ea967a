"""Levels: how two looks of employers stand to each other, field by field.

Belongs here: the comparison of profiles. Does not belong here: what a level is worth
(employer_model.py), or how alike two names are (employer_likeness.py).

Some levels tell for themselves how common what agrees is: a name in its region, an industry, an
address. Others stand apart by the name, because the field means something else there: being of
one region says little of two who were compared because they are (`bound_`), and one address or
owner is what the companies of a group have in common whose names share a word (`group_`).
"""

from __future__ import annotations

import duckdb

from matching.employer_candidates import slip_sql
from matching.employer_likeness import EXACT, NEAR, OVERLAP, SUBSET

FIELDS = ("name", "form", "region", "industry", "address", "owner", "number")
# Shared weight, in bits, from which the words two names share count as rare.
RARE_BITS = 14
# An industry is rare or common from these shares of the units.
RARE_INDUSTRY, COMMON_INDUSTRY = 0.002, 0.02
# An address of more units than these tells little: a market, an office tower, an estate.
FEW_AT_ADDRESS = 4
_GROUPS = ("bound_", "group_")


def group_of(level: str) -> str:
    """Give the prefix of a level that stands apart by the name; empty for the others."""
    return next((group for group in _GROUPS if level.startswith(group)), "")


def compare_profiles(con: duckdb.DuckDBPyConnection, pairs: str, target: str) -> None:
    """Make `target(a, b, pairs, unit_a, unit_b, barred, <fields>)`: pairs of profiles in levels.

    `barred` pairs are two employers whatever else agrees: a parent and its subsidiary, or
    cooperatives named after a village that are not of one region, address and industry as far
    as these are told.

    Args:
        con: the warehouse; the tables of 40_profiles.sql and `co_compared` stand.
        pairs: relation with `a` and `b`, profiles (`emp_mates` with `pairs` too).
        target: the TEMP table made.
    """
    weight = "pairs" if pairs == "emp_mates" else "1"
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE {target} AS
        WITH joined AS (
            SELECT x.a, x.b, x.pairs, p.unit_id AS unit_a, q.unit_id AS unit_b,
                CASE WHEN p.core_id = q.core_id THEN {EXACT} ELSE coalesce(l.level, 0) END AS level,
                coalesce(l.shared, c.weight) AS shared, c.village OR d.village AS village,
                -- Common words one letter apart (PAK, UAK; PUTRA, PUTRI): the rest must tell.
                CASE WHEN coalesce(l.level, 0) < {NEAR} AND p.core_id <> q.core_id
                        AND length(c.compact) >= 8 AND NOT c.village AND NOT d.village
                        AND abs(length(c.compact) - length(d.compact)) <= 1
                        AND jaro_winkler_similarity(c.compact, d.compact) >= 0.9
                        AND NOT regexp_matches(c.compact || d.compact, '[0-9]')
                    THEN damerau_levenshtein(c.compact, d.compact) = 1
                    ELSE false END AS one_letter,
                -- A single word and its slip share none: the word itself is what agrees.
                least(c.weight, d.weight) AS weight,
                greatest(n.bearers, o.bearers) AS bearers,
                greatest(cp.crowd, cq.crowd) AS crowd,
                p.family AS fp, q.family AS fq, p.subtype AS sp, q.subtype AS sq,
                k.a IS NOT NULL AS akin,
                p.region_code AS rp, q.region_code AS rq, p.kbli AS kp, q.kbli AS kq,
                i.share AS industry_share,
                coalesce(p.kbli_vintage, 2020) = coalesce(q.kbli_vintage, 2020) AS one_vintage,
                p.sector_code AS sec_p, q.sector_code AS sec_q,
                p.division AS dp, q.division AS dq,
                CASE WHEN p.address IS NULL OR q.address IS NULL THEN NULL
                    ELSE len(list_intersect(p.address, q.address))
                        / greatest(len(p.address), len(q.address)) END AS shared_address,
                CASE WHEN p.region_code = q.region_code THEN greatest(ap.here, aq.here)
                    ELSE greatest(ap.anywhere, aq.anywhere) END AS at_address,
                p.owner AS owner_p, q.owner AS owner_q,
                p.nib AS nib_p, q.nib AS nib_q, p.npwp_root AS root_p, q.npwp_root AS root_q,
                p.nik_koperasi AS cooperative_p, q.nik_koperasi AS cooperative_q,
                list_has_any(p.borne, q.borne) AS borne_by_both,
                coalesce(p.parent_root = q.npwp_root, false)
                    OR coalesce(q.parent_root = p.npwp_root, false) AS parent
            FROM (SELECT a, b, {weight} AS pairs FROM {pairs}) AS x
            JOIN emp_profiles AS p ON p.profile_id = x.a
            JOIN emp_profiles AS q ON q.profile_id = x.b
            JOIN co_cores AS c ON c.core_id = p.core_id
            JOIN co_cores AS d ON d.core_id = q.core_id
            JOIN emp_bearers AS n ON n.core_id = p.core_id
            JOIN emp_bearers AS o ON o.core_id = q.core_id
            LEFT JOIN emp_crowds AS cp
                ON cp.compact = c.compact AND cp.region_code = p.region_code
            LEFT JOIN emp_crowds AS cq
                ON cq.compact = d.compact AND cq.region_code = q.region_code
            LEFT JOIN emp_industries AS i ON i.village = c.village AND i.kbli = p.kbli
            LEFT JOIN emp_addresses AS ap
                ON ap.address = p.address AND ap.region_code IS NOT DISTINCT FROM p.region_code
            LEFT JOIN emp_addresses AS aq
                ON aq.address = q.address AND aq.region_code IS NOT DISTINCT FROM q.region_code
            LEFT JOIN co_compared AS l
                ON l.a = least(p.core_id, q.core_id) AND l.b = greatest(p.core_id, q.core_id)
            LEFT JOIN emp_akin AS k ON k.a = p.family AND k.b = q.family
        ),
        levels AS (
            SELECT a, b, pairs, unit_a, unit_b, village, parent,
            CASE
                WHEN level = {EXACT} AND village THEN CASE
                    WHEN rp = rq AND coalesce(crowd, 1) <= 1 THEN 'village_here'
                    ELSE 'exact_village' END
                WHEN level = {EXACT} AND fp = 'PT' AND fq = 'PT' AND bearers <= 3
                    THEN 'exact_pt_few'
                WHEN level = {EXACT} AND bearers <= 3 THEN 'exact_few'
                -- A name of many that its region has once.
                WHEN level = {EXACT} AND rp = rq AND coalesce(crowd, 1) <= 1 THEN 'exact_here'
                WHEN level = {EXACT} AND rp = rq AND crowd <= 3 THEN 'exact_here_some'
                WHEN level = {EXACT} AND fp = 'PT' AND fq = 'PT' THEN CASE
                    WHEN bearers <= 12 THEN 'exact_pt_some' ELSE 'exact_pt_many' END
                WHEN level = {EXACT} THEN CASE
                    WHEN bearers <= 12 THEN 'exact_some'
                    WHEN bearers <= 60 THEN 'exact_many' ELSE 'exact_most' END
                WHEN level = {NEAR} THEN CASE
                    WHEN weight >= {RARE_BITS} THEN 'near_rare' ELSE 'near_common' END
                WHEN one_letter THEN 'one_letter'
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
            CASE
                WHEN name IN ('exact_here', 'exact_here_some', 'village_here') THEN 'within'
                ELSE CASE WHEN level = {EXACT} AND bearers <= 12 AND NOT village THEN ''
                    ELSE 'bound_' END || CASE
                    WHEN rp IS NULL OR rq IS NULL THEN 'missing'
                    WHEN rp = rq THEN 'same' WHEN left(rp, 2) = left(rq, 2) THEN 'province'
                    ELSE 'other' END END AS region,
            CASE
                WHEN (kp IS NULL AND sec_p IS NULL) OR (kq IS NULL AND sec_q IS NULL)
                    THEN 'missing'
                WHEN one_vintage AND kp = kq THEN CASE
                    WHEN industry_share <= {RARE_INDUSTRY} THEN 'class_rare'
                    WHEN industry_share <= {COMMON_INDUSTRY} THEN 'class'
                    ELSE 'class_common' END
                WHEN one_vintage AND dp = dq THEN 'division'
                WHEN sec_p = sec_q THEN 'sector' ELSE 'other' END AS industry,
            CASE WHEN level >= {NEAR} OR one_letter THEN '' ELSE 'group_' END || CASE
                WHEN shared_address IS NULL THEN 'missing'
                WHEN shared_address >= 0.75 THEN CASE
                    WHEN at_address <= {FEW_AT_ADDRESS} AND (level >= {NEAR} OR one_letter)
                        THEN 'same_rare'
                    ELSE 'same' END
                WHEN shared_address >= 0.4 THEN 'alike'
                ELSE 'other' END AS address,
            CASE WHEN level >= {NEAR} OR one_letter THEN '' ELSE 'group_' END || CASE
                WHEN owner_p IS NULL OR owner_q IS NULL THEN 'missing'
                WHEN owner_p = owner_q THEN 'same' ELSE 'other' END AS owner,
            CASE
                WHEN {slip_sql("nib_p", "nib_q")} OR {slip_sql("root_p", "root_q")} THEN 'slip'
                WHEN borne_by_both AND nib_p IS NOT DISTINCT FROM nib_q THEN 'same'
                WHEN nib_p <> nib_q OR cooperative_p <> cooperative_q THEN 'other'
                WHEN borne_by_both THEN 'same' ELSE 'missing' END AS number
            FROM joined
        )
        SELECT a, b, pairs, unit_a, unit_b,
            parent OR (village AND (region NOT IN ('within', 'bound_same')
                OR address = 'other' OR industry IN ('division', 'sector', 'other')
                -- Where a region has several of the name, the address must tell which.
                OR (region = 'bound_same' AND address NOT LIKE 'same%'))) AS barred,
            {", ".join(FIELDS)}
        FROM levels
        """
    )
