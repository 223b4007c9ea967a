"""Candidates: which units of employer records are worth comparing.

Belongs here: the blocking rules over profiles, their caps, and what a cap left out. Does not
belong here: what a comparison is worth (employer_model.py).

A rule gives every profile some keys; profiles that share a key are compared. Blocks larger
than the rule's cap are skipped and counted: their words are too common to tell anything, and
the narrower rules still reach most of their profiles.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import duckdb

from matching.companies import TOKEN_BITS
from warehouse.storage import count

# Pairs of two taxpayers that one rule gives the model to learn from, at most.
RIVALS = 30_000


@dataclass(frozen=True)
class Rule:
    """A blocking rule.

    Attributes:
        name: how the report calls it.
        keys: SQL expression of a list of texts, over profiles `p` and cores `c`; rare words
            first in `c.rarest`.
        cap: the largest block compared, in profiles.
        where: a further condition on the profiles that get keys.
    """

    name: str
    keys: str
    cap: int
    where: str = "true"


RULES = (
    Rule("name", "[c.sorted_key]", 30),
    Rule("spaceless_name", "[c.compact]", 30),
    Rule("name_region", "[p.region_code || c.sorted_key]", 120, "p.region_code IS NOT NULL"),
    Rule(
        "rare_word",
        "list_transform(c.rarest[1:2], lambda t: t::VARCHAR)",
        25,
        "NOT c.village",
    ),
    Rule(
        "rare_word_region",
        "list_transform(c.rarest[1:3], lambda t: p.region_code || t)",
        40,
        "p.region_code IS NOT NULL",
    ),
    Rule(
        "two_words_region",
        "list_transform([[1, 2], [1, 3], [2, 3]], "
        "lambda i: p.region_code || c.rarest[i[1]] || '-' || c.rarest[i[2]])",
        60,
        "p.region_code IS NOT NULL AND len(c.rarest) > 1",
    ),
    Rule(
        "consonants_region",
        "[p.region_code || left(c.compact, 1) || "
        "regexp_replace(substr(c.compact, 2), '[AEIOUH]', '', 'g')]",
        40,
        "p.region_code IS NOT NULL",
    ),
    Rule(
        "ends_region",
        "[p.region_code || '<' || left(c.compact, 6), p.region_code || '>' || right(c.compact, 7)]",
        30,
        "p.region_code IS NOT NULL AND length(c.compact) >= 7",
    ),
    # The region may be wrong in one register.
    Rule("name_industry", "[p.kbli || c.sorted_key]", 20, "p.kbli IS NOT NULL"),
    Rule("name_address", "[array_to_string(p.address, ' ') || c.sorted_key]", 20,
         "len(p.address) >= 2"),
    Rule("address_industry", "[p.kbli || array_to_string(p.address, ' ')]", 12,
         "len(p.address) >= 2 AND p.kbli IS NOT NULL AND NOT c.village"),
    # A number that a guard did not believe, because the names differ.
    Rule("borne_number", "p.borne", 8),
    Rule("address", "[p.region_code || array_to_string(p.address, ' ')]", 12,
         "len(p.address) >= 2 AND p.region_code IS NOT NULL"),
)  # fmt: skip


def slip_sql(left: str, right: str) -> str:
    """Give the SQL condition that one number may be the other one mistyped; NULL is not.

    Args:
        left: SQL expression of a number; `emp_slip` of 30_units.sql stands.
        right: SQL expression of the other.
    """
    return f"coalesce(emp_slip({left}, {right}), false)"


def make_candidates(con: duckdb.DuckDBPyConnection, period: str, log: Callable[[str], None]) -> int:
    """Make emp_pairs(a, b), profiles worth comparing, and emp_rivals(a, b), known to differ.

    `a` is of the unit of higher rank, `b` of one that may join it: a unit without a taxpayer
    number, or with one that may be misspelt. Rivals are a sample of pairs of two taxpayers
    that the same rules bring together; the model learns from them how false pairs look.

    Args:
        con: the warehouse; emp_profiles and co_cores stand.
        period: the month, for the report.
        log: told the figures of each rule.

    Returns:
        The number of pairs.
    """
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE emp_words AS
        SELECT core_id, village, compact, sorted_key, list_transform(
            list_reverse_sort(list_transform(
                tokens, lambda t: (t % {TOKEN_BITS}) * 1000000000000 + t)),
            lambda t: t % 1000000000000) AS rarest
        FROM co_cores
        """
    )
    con.execute("CREATE OR REPLACE TEMP TABLE emp_pairs_raw(a INTEGER, b INTEGER)")
    con.execute("CREATE OR REPLACE TEMP TABLE emp_rivals_raw(a INTEGER, b INTEGER)")
    for rule in RULES:
        _apply(con, period, rule, log)
    for name in ("emp_pairs", "emp_rivals"):
        con.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT DISTINCT a, b FROM {name}_raw")
        con.execute(f"DROP TABLE {name}_raw")
    con.execute("DROP TABLE emp_words")
    return count(con, "emp_pairs")


def _meeting(rule: Rule, who: str, blocks: str) -> str:
    """Give the query of pairs of profiles (a before b) that meet in a block of a rule.

    The callers hold it as a materialized step: a planner that saw all the conditions at once
    may begin with every profile against every other.
    """
    return f"""
        SELECT x.profile_id AS a, y.profile_id AS b
        FROM emp_blocks AS k
        JOIN emp_keys AS y ON y.key = k.key
        JOIN emp_keys AS x ON x.key = k.key AND x.profile_id < y.profile_id
        WHERE k.size <= {rule.cap} AND {blocks} AND {who}
    """


def _apply(
    con: duckdb.DuckDBPyConnection, period: str, rule: Rule, log: Callable[[str], None]
) -> None:
    """Add one rule's pairs and its line in the report."""
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE emp_keys AS
        SELECT DISTINCT hash(key) AS key, profile_id, level >= 1 AS joins
        FROM (
            SELECT p.profile_id, p.level, unnest({rule.keys}) AS key
            FROM emp_profiles AS p JOIN emp_words AS c USING (core_id)
            WHERE {rule.where}
        ) WHERE key IS NOT NULL
        """
    )
    con.execute(
        """
        CREATE OR REPLACE TEMP TABLE emp_blocks AS
        SELECT key, count(*) AS size, count(*) FILTER (joins) AS joining
        FROM emp_keys GROUP BY key HAVING count(*) > 1
        """
    )
    before = count(con, "emp_pairs_raw")
    con.execute(
        f"""
        INSERT INTO emp_pairs_raw
        WITH met AS MATERIALIZED ({_meeting(rule, "y.joins", "k.joining > 0")}),
        half AS MATERIALIZED (
            SELECT m.a, m.b, p.unit_id, p.once_mask, p.npwp_root, p.family
            FROM met AS m JOIN emp_profiles AS p ON p.profile_id = m.a
        )
        SELECT p.a, p.b
        FROM half AS p JOIN emp_profiles AS q ON q.profile_id = p.b
        WHERE p.unit_id <> q.unit_id
          -- A register lists a business once.
          AND p.once_mask & q.once_mask = 0
          AND emp_one_taxpayer(p.npwp_root, q.npwp_root)
          AND (p.npwp_root IS NULL OR q.npwp_root IS NULL
               OR {slip_sql("p.npwp_root", "q.npwp_root")}
               OR (coalesce(p.family, 'UD') = 'UD' AND coalesce(q.family, 'UD') = 'UD'))
        """
    )
    # Every 8th block where there are many: enough to learn from, the same in every run.
    some = "(k.key % 8 = 0 OR (SELECT count(*) FROM emp_blocks) < 5000)"
    con.execute(
        f"""
        INSERT INTO emp_rivals_raw
        WITH met AS MATERIALIZED ({_meeting(rule, "NOT x.joins AND NOT y.joins", some)}),
        half AS MATERIALIZED (
            SELECT m.a, m.b, p.npwp_root
            FROM met AS m JOIN emp_profiles AS p ON p.profile_id = m.a
        )
        SELECT p.a, p.b
        FROM half AS p JOIN emp_profiles AS q ON q.profile_id = p.b
        WHERE p.npwp_root <> q.npwp_root
        ORDER BY hash(p.a, p.b), p.a, p.b
        LIMIT {RIVALS}
        """
    )
    pairs = count(con, "emp_pairs_raw") - before
    capped, left_out = con.execute(
        "SELECT count(*), coalesce(sum(size), 0) FROM emp_blocks WHERE size > ? AND joining > 0",
        [rule.cap],
    ).fetchall()[0]
    con.execute(
        "INSERT INTO emp_report VALUES (?, ?, ?, ?, ?, ?)",
        [period, f"block_{rule.name}", pairs, None, capped, left_out],
    )
    log(f"employers: {rule.name}: {pairs} pairs, {capped} blocks of common keys left out")
    con.execute("DROP TABLE emp_keys")
    con.execute("DROP TABLE emp_blocks")
