"""Assignment: which unit of records joins which, at most one, and never by a chain.

Belongs here: the choice among scored candidates. Does not belong here: the scores
(employer_model.py).

Units are taken class by class, the highest rank first (taxpayers, then NIB, then AHU, then
bare records by register). A unit joins a cluster by its likeness to the units that stand in
it by rank alone, or it begins a cluster. Its candidates compete: probabilities are shared
out over all clusters it might belong to and the chance that it belongs to none, so that one
of many like-named cooperatives is nobody's rather than the first one's.

Whoever joins must also agree with the unit that began the cluster: in name, so that no chain of
likenesses leads from one company to another, and in every number that a business has once.
"""

from __future__ import annotations

from collections.abc import Callable

import duckdb

from matching.employer_candidates import slip_sql
from matching.employer_likeness import EXACT, SUBSET, compare_cores
from warehouse.storage import count, scalar

# Joins are accepted from this probability (in millionths) up.
ACCEPT_PPM = 900_000
# Odds beyond 2^40 are as good as certain; more would only overflow.
MOST_BITS = 40
# What a business has once: a cluster holds one value of each, but for slips of the hand.
ONCE = ("npwp_root", "nib", "nik_koperasi")
_UNIT = "unit_id, once_mask, " + ", ".join(ONCE)


def assign(con: duckdb.DuckDBPyConnection, log: Callable[[str], None]) -> int:
    """Make emp_clusters(unit_id, cluster, ppm, best_ppm, reason).

    `cluster` is the unit_id of the unit that began it. `ppm` is NULL for that unit.

    Args:
        con: the warehouse; emp_units and emp_scored stand.
        log: told how many units joined.

    Returns:
        The number of units that joined another.
    """
    con.execute(
        """
        CREATE OR REPLACE TEMP TABLE emp_clusters AS
        SELECT unit_id, unit_id AS cluster, NULL::INTEGER AS ppm, 0::INTEGER AS best_ppm,
            'no_candidate' AS reason
        FROM emp_units WHERE false
        """
    )
    con.execute(
        "CREATE OR REPLACE TEMP TABLE emp_masks AS "
        f"SELECT {_UNIT.replace('unit_id, once_mask', 'unit_id AS cluster, once_mask AS mask')} "
        "FROM emp_units WHERE false"
    )
    con.execute(
        "CREATE OR REPLACE TEMP TABLE emp_losers(unit_id INTEGER, ppm INTEGER, reason VARCHAR)"
    )
    classes = [
        row[0] for row in con.execute("SELECT DISTINCT class FROM emp_units ORDER BY 1").fetchall()
    ]
    for rank in classes:
        _join_class(con, rank)
    joined = count(con, "emp_clusters", "ppm IS NOT NULL")
    log(f"employers: {joined} units joined another by the model")
    return joined


def _join_class(con: duckdb.DuckDBPyConnection, rank: int) -> None:
    """Let the units of one class join the clusters that stand, then one another."""
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE emp_turn AS SELECT {_UNIT} FROM emp_units "
        f"WHERE class = {rank}"
    )
    if not scalar(
        con, "SELECT count(*) FROM emp_scored AS s JOIN emp_turn AS t ON t.unit_id = s.b"
    ):
        _begin(con)
        return
    # Against clusters of higher ranks. A cluster stands for all its units: the best counts.
    _choose(
        con,
        """
        SELECT s.b AS unit_id, c.cluster, max(s.bits) AS bits, min(s.may) AS may,
            bool_or(s.a = c.cluster AND s.name NOT IN ('overlap', 'different')) AS direct
        FROM emp_scored AS s
        JOIN emp_turn AS t ON t.unit_id = s.b
        JOIN emp_clusters AS c ON c.unit_id = s.a
        GROUP BY s.b, c.cluster
        """,
    )
    # Among themselves: those without a higher partner lead, the others follow one leader.
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE emp_peers AS
        SELECT s.a, s.b, s.bits, s.may, s.name FROM emp_scored AS s
        JOIN emp_turn AS t ON t.unit_id = s.b
        JOIN emp_turn AS u ON u.unit_id = s.a
        WHERE s.may = 1 AND s.bits >= log2({ACCEPT_PPM} / (1000000.0 - {ACCEPT_PPM}))
          AND NOT EXISTS (FROM emp_clusters AS c WHERE c.unit_id IN (s.a, s.b) AND c.ppm > 0)
        """
    )
    con.execute(
        """
        CREATE OR REPLACE TEMP TABLE emp_followers AS
        SELECT DISTINCT b AS unit_id FROM emp_peers
        """
    )
    con.execute("DELETE FROM emp_turn WHERE unit_id IN (SELECT unit_id FROM emp_clusters)")
    con.execute(
        """
        CREATE OR REPLACE TEMP TABLE emp_held_back AS
        SELECT * FROM emp_turn WHERE unit_id IN (SELECT unit_id FROM emp_followers)
        """
    )
    con.execute("DELETE FROM emp_turn WHERE unit_id IN (SELECT unit_id FROM emp_followers)")
    _begin(con)
    con.execute("DROP TABLE emp_turn")
    con.execute("ALTER TABLE emp_held_back RENAME TO emp_turn")
    _choose(
        con,
        """
        SELECT p.b AS unit_id, c.cluster, max(p.bits) AS bits, min(p.may) AS may,
            bool_or(p.a = c.cluster AND p.name NOT IN ('overlap', 'different')) AS direct
        FROM emp_peers AS p
        JOIN emp_turn AS t ON t.unit_id = p.b
        JOIN emp_clusters AS c ON c.unit_id = p.a
        GROUP BY p.b, c.cluster
        """,
    )
    con.execute("DELETE FROM emp_turn WHERE unit_id IN (SELECT unit_id FROM emp_clusters)")
    _begin(con)


def _begin(con: duckdb.DuckDBPyConnection) -> None:
    """Let every unit still in turn begin a cluster of its own."""
    con.execute(
        """
        INSERT INTO emp_clusters
        SELECT t.unit_id, t.unit_id, NULL, coalesce(b.ppm, 0), coalesce(b.reason, 'no_candidate')
        FROM emp_turn AS t LEFT JOIN emp_losers AS b USING (unit_id)
        """
    )
    con.execute(f"INSERT INTO emp_masks SELECT {_UNIT} FROM emp_turn")


def _choose(con: duckdb.DuckDBPyConnection, claims: str) -> None:
    """Accept the best claim of each unit in turn, where it is good enough and free."""
    con.execute(f"CREATE OR REPLACE TEMP TABLE emp_claiming AS {claims}")
    _bar_chains(con)
    # With whom a number is compared: the cluster's, or that of who joins it first in this turn.
    ahead = ", ".join(
        f"coalesce(held_{n}, first_value({n}) OVER (PARTITION BY cluster, ppm >= {ACCEPT_PPM} "
        f"ORDER BY {n} IS NULL, free DESC, ppm DESC, unit_id)) AS ahead_{n}"
        for n in ONCE
    )
    agree = " AND ".join(
        f"({n} IS NULL OR ahead_{n} IS NULL OR {n} = ahead_{n} OR {slip_sql(n, f'ahead_{n}')})"
        if n != "npwp_root"
        else f"emp_one_taxpayer({n}, ahead_{n})"
        for n in ONCE
    )
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE emp_claimed AS
        WITH rated AS (
            SELECT c.*, m.mask, {", ".join(f"m.{n} AS held_{n}" for n in ONCE)},
                pow(2, least(bits, {MOST_BITS}))
                    / (1 + sum(pow(2, least(bits, {MOST_BITS}))) OVER (PARTITION BY c.unit_id))
                    AS probability
            FROM emp_claiming AS c JOIN emp_masks AS m USING (cluster)
        ),
        best AS (
            SELECT r.* EXCLUDE (mask, bits, may, probability), t.* EXCLUDE (unit_id),
                floor(1e6 * r.probability)::INTEGER AS ppm,
                r.may = 1 AND (r.mask & t.once_mask) = 0 AS free
            FROM rated AS r JOIN emp_turn AS t USING (unit_id)
            QUALIFY row_number() OVER (
                PARTITION BY r.unit_id ORDER BY r.probability DESC, r.cluster) = 1
        ),
        ahead AS (SELECT *, {ahead} FROM best)
        SELECT unit_id, cluster, ppm, once_mask, {", ".join(ONCE)}, free AND {agree} AS free,
            row_number() OVER (
                -- A register lists a business once: of two of its rows one may join.
                PARTITION BY cluster, CASE WHEN once_mask > 0 THEN once_mask ELSE -unit_id END
                ORDER BY free AND {agree} DESC, ppm DESC, unit_id) AS place
        FROM ahead
        """
    )
    con.execute(
        f"""
        INSERT INTO emp_losers
        SELECT unit_id, ppm, CASE WHEN ppm < {ACCEPT_PPM} THEN 'best_candidate_below_threshold'
            ELSE 'lost_to_better_claim' END
        FROM emp_claimed WHERE NOT (ppm >= {ACCEPT_PPM} AND free AND place = 1)
          AND unit_id NOT IN (SELECT unit_id FROM emp_losers)
        """
    )
    con.execute(
        f"""
        INSERT INTO emp_clusters
        SELECT unit_id, cluster, ppm, ppm, 'name_and_place' FROM emp_claimed
        WHERE ppm >= {ACCEPT_PPM} AND free AND place = 1
        """
    )
    numbers = ", ".join(f"{n} = coalesce(emp_masks.{n}, j.{n})" for n in ONCE)
    con.execute(
        f"""
        UPDATE emp_masks SET mask = emp_masks.mask | j.mask, {numbers} FROM (
            SELECT c.cluster, bit_or(x.once_mask) AS mask,
                {
            ", ".join(
                f"first(x.{n} ORDER BY x.ppm DESC, x.unit_id) FILTER (x.{n} IS NOT NULL) AS {n}"
                for n in ONCE
            )
        }
            FROM emp_clusters AS c JOIN emp_claimed AS x USING (unit_id)
            WHERE c.ppm IS NOT NULL GROUP BY c.cluster
        ) AS j WHERE emp_masks.cluster = j.cluster
        """
    )


def _bar_chains(con: duckdb.DuckDBPyConnection) -> None:
    """Forbid claims on a cluster whose beginner's names are all unlike the claimant's."""
    con.execute(
        """
        CREATE OR REPLACE TEMP TABLE emp_chained AS
        SELECT DISTINCT c.cluster, c.unit_id, p.core_id AS a, q.core_id AS b
        FROM emp_claiming AS c
        -- What a cluster is called: as its beginner, or as one of it was before.
        JOIN (
            SELECT unit_id AS cluster, core_id FROM emp_profiles
            UNION ALL
            SELECT d.cluster, f.core_id FROM emp_profiles AS f
            JOIN emp_clusters AS d USING (unit_id) WHERE f.former
        ) AS p USING (cluster)
        JOIN emp_profiles AS q ON q.unit_id = c.unit_id
        WHERE NOT c.direct
        """
    )
    if not count(con, "emp_chained"):
        return
    compare_cores(con, "emp_chained")
    con.execute(
        f"""
        UPDATE emp_claiming SET may = 0 FROM (
            SELECT x.cluster, x.unit_id FROM emp_chained AS x
            LEFT JOIN co_compared AS l ON l.a = least(x.a, x.b) AND l.b = greatest(x.a, x.b)
            GROUP BY x.cluster, x.unit_id
            HAVING max(CASE WHEN x.a = x.b THEN {EXACT} ELSE coalesce(l.level, 0) END) < {SUBSET}
        ) AS j
        WHERE emp_claiming.cluster = j.cluster AND emp_claiming.unit_id = j.unit_id
        """
    )
