"""Which pairs are links, which are for review, and which are neither.

Belongs here: cardinality, margins, ties, and the groups of a dedupe. Does not belong here:
scores (estimating.py), or how claims compete where a row has one owner
(`matching.assignment`, which is used here).
"""

from __future__ import annotations

import math

import duckdb

from matching import assignment
from matching.linker.estimating import LinkModel
from matching.linker.spec import Thresholds
from warehouse.storage import scalar

# Pairs that are less than this likely are not looked at in a group.
_LIKELY = 0.1
# Bits against a group for a pair of its rows that was never compared.
_UNSEEN = -4.0
# Records of a group are much alike, so that what they say is not independent: evidence grows
# with the number of pairs to this power less (1 the mean, 0 the sum).
_ALIKE = 0.75
_ROUNDS = 60


def decide_one(
    con: duckdb.DuckDBPyConnection,
    model: LinkModel,
    thresholds: Thresholds,
    cardinality: str,
) -> None:
    """Decide where a left row has at most one right row.

    Args:
        con: the linkage's database with `match_exact` and `lk_scored`.
        model: its prior.
        thresholds: what a claim needs.
        cardinality: `one_to_one` or `many_to_one`.

    Makes `lk_links` (`id`, `person_key`, `ppm`, `tier`, `review`) and `lk_ranked` (`id`,
    `person_key`, `ppm`), the best claim of every left row.
    """
    assignment.score_claims(con, "lk_scored", max(model.rows, 1), [model.found, model.found])
    limits = assignment.Thresholds(
        accept=round(thresholds.accept * 1e6), review=round(thresholds.review * 1e6)
    )
    assignment.assign(con, cardinality, limits)
    con.execute(
        """
        CREATE OR REPLACE TEMP TABLE lk_links AS
        SELECT id, person_key, ppm, tier, status = 'review' AS review
        FROM (SELECT id, person_key, ppm, tier, status FROM match_assigned
            UNION ALL SELECT id, person_key, ppm, tier, status FROM match_own)
        WHERE status <> 'unlinked';
        CREATE OR REPLACE TEMP TABLE lk_ranked AS
        SELECT id, person_key, ppm FROM match_claims WHERE place = 1
        UNION ALL SELECT id, person_key, ppm FROM match_exact;
        """
    )


def decide_many(
    con: duckdb.DuckDBPyConnection, model: LinkModel, thresholds: Thresholds, *, dedupe: bool
) -> None:
    """Decide every pair by itself; in a dedupe, what groups they make together.

    Args:
        con: the linkage's database with `match_exact` and `lk_scored` (`bits`, `conflict`).
        model: its prior.
        thresholds: what a pair needs.
        dedupe: there is one table: rows that are one thing make groups, and all pairs of a
            group are links.

    Makes `lk_links` and `lk_ranked`, as `decide_one` does.
    """
    prior = model.prior_bits
    accept = math.log2(thresholds.accept / (1 - thresholds.accept))
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE lk_pairs AS
        SELECT s.id, s.person_key, s.conflict, e.ppm AS exact_ppm,
            -- An identifier that is vouched for is certain.
            CASE WHEN e.ppm IS NOT NULL
                THEN greatest(bits, {20 - prior}) ELSE bits END AS bits
        FROM lk_scored AS s LEFT JOIN match_exact AS e USING (id, person_key)
        """
    )
    con.execute(
        "CREATE OR REPLACE TEMP TABLE lk_joined(id BIGINT, person_key UBIGINT, gain DOUBLE)"
    )
    if dedupe:
        _group(con, prior, accept)
    review = round(thresholds.review * 1e6)
    ceiling = round(thresholds.accept * 1e6) - 1
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE lk_judged AS
        SELECT coalesce(p.id, j.id) AS id, coalesce(p.person_key, j.person_key) AS person_key,
            p.exact_ppm, coalesce(p.conflict, false) AS conflict, j.id IS NOT NULL AS together,
            round(1e6 / (1 + pow(2, -greatest(-60, least(60,
                CASE WHEN j.id IS NOT NULL THEN greatest(coalesce(p.bits + {prior}, j.gain), j.gain)
                ELSE p.bits + {prior} END)))))::INTEGER AS ppm
        FROM lk_pairs AS p FULL JOIN lk_joined AS j
            ON j.id = p.id AND j.person_key = p.person_key;
        CREATE OR REPLACE TEMP TABLE lk_ranked AS
        SELECT id, person_key, coalesce(exact_ppm, ppm) AS ppm FROM lk_judged;
        CREATE OR REPLACE TEMP TABLE lk_links AS
        WITH told AS (
            SELECT *, exact_ppm IS NOT NULL OR ({"together" if dedupe else "true"}
                AND ppm > {ceiling} AND {"true" if dedupe else "NOT conflict"}) AS accepted
            FROM lk_judged)
        SELECT id, person_key,
            CASE WHEN accepted THEN coalesce(exact_ppm, ppm) ELSE least(ppm, {ceiling}) END AS ppm,
            CASE WHEN exact_ppm IS NOT NULL THEN 'identifier' ELSE 'model' END AS tier,
            NOT accepted AS review
        FROM told WHERE accepted OR ppm >= {review};
        DROP TABLE lk_judged; DROP TABLE lk_joined; DROP TABLE lk_pairs;
        """
    )


def _group(con: duckdb.DuckDBPyConnection, prior: float, accept: float) -> None:
    """Merge rows into groups, best first, while what speaks for a merge outweighs the prior.

    Two groups are one thing by the sum of the evidence between their rows: a row that agrees
    with one of a group and contradicts the others does not chain them together. In each round
    every two groups that are each other's best merge.
    """
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE lk_edges AS
        SELECT id AS a, person_key::BIGINT AS b,
            -- An identifier that the rest speaks against merges nobody by itself.
            CASE WHEN conflict THEN least(bits, {accept - prior - 0.01}) ELSE bits END AS bits
        FROM lk_pairs;
        CREATE OR REPLACE TEMP TABLE lk_member AS
        SELECT DISTINCT x AS id, x AS grp FROM (
            SELECT unnest([a, b]) AS x FROM lk_edges WHERE bits + {prior} > {accept});
        """
    )
    for _ in range(_ROUNDS):
        con.execute(
            f"""
            CREATE OR REPLACE TEMP TABLE lk_sizes AS
            SELECT grp, count(*) AS n FROM lk_member GROUP BY grp;
            CREATE OR REPLACE TEMP TABLE lk_between AS
            SELECT least(x, y) AS x, greatest(x, y) AS y,
                (sum(round(bits * 1e4)::BIGINT) / 1e4
                    + {_UNSEEN} * (any_value(n_x) * any_value(n_y) - count(*)))
                    / pow(any_value(n_x) * any_value(n_y), {_ALIKE}) + {prior} AS gain
            FROM (SELECT m.grp AS x, k.grp AS y, e.bits, s.n AS n_x, t.n AS n_y
                FROM lk_edges AS e JOIN lk_member AS m ON m.id = e.a
                JOIN lk_member AS k ON k.id = e.b JOIN lk_sizes AS s ON s.grp = m.grp
                JOIN lk_sizes AS t ON t.grp = k.grp WHERE m.grp <> k.grp)
            GROUP BY least(x, y), greatest(x, y) HAVING gain > {accept};
            CREATE OR REPLACE TEMP TABLE lk_merge AS
            WITH sides AS (SELECT x AS own, y AS other, gain FROM lk_between
                UNION ALL SELECT y, x, gain FROM lk_between),
            best AS (SELECT * FROM sides QUALIFY row_number() OVER (PARTITION BY own
                ORDER BY gain DESC, least(own, other), greatest(own, other)) = 1)
            SELECT p.own AS x, p.other AS y, p.gain FROM best AS p JOIN best AS q
                ON q.own = p.other AND q.other = p.own WHERE p.own < p.other;
            """
        )
        if not int(scalar(con, "SELECT count(*) FROM lk_merge")):
            break
        con.execute(
            """
            INSERT INTO lk_joined
            SELECT least(m.id, k.id), greatest(m.id, k.id), g.gain
            FROM lk_merge AS g JOIN lk_member AS m ON m.grp = g.x
            JOIN lk_member AS k ON k.grp = g.y;
            UPDATE lk_member SET grp = g.x FROM lk_merge AS g WHERE lk_member.grp = g.y;
            """
        )
    con.execute(
        "DROP TABLE lk_edges; DROP TABLE lk_member; DROP TABLE lk_sizes; DROP TABLE lk_between;"
        " DROP TABLE lk_merge"
    )


def keep_best(con: duckdb.DuckDBPyConnection) -> None:
    """Keep of `lk_links` of a dedupe each row's best link, where a row has one other at most."""
    con.execute(
        "CREATE OR REPLACE TEMP TABLE lk_kept AS FROM lk_links LIMIT 0;"
        "CREATE OR REPLACE TEMP TABLE lk_left AS FROM lk_links WHERE NOT review"
    )
    while int(scalar(con, "SELECT count(*) FROM lk_left")):
        con.execute(
            """
            CREATE OR REPLACE TEMP TABLE lk_round AS
            WITH sides AS (SELECT id AS own, id, person_key, ppm FROM lk_left
                UNION ALL SELECT person_key, id, person_key, ppm FROM lk_left),
            best AS (SELECT id, person_key FROM sides QUALIFY row_number() OVER (
                PARTITION BY own ORDER BY ppm DESC, id, person_key) = 1)
            SELECT id, person_key FROM best GROUP BY id, person_key HAVING count(*) = 2;
            INSERT INTO lk_kept SELECT l.* FROM lk_left AS l
            SEMI JOIN lk_round AS r ON r.id = l.id AND r.person_key = l.person_key;
            DELETE FROM lk_left WHERE id IN (SELECT id FROM lk_kept UNION ALL
                SELECT person_key FROM lk_kept) OR person_key IN (SELECT id FROM lk_kept
                UNION ALL SELECT person_key FROM lk_kept);
            """
        )
    con.execute(
        """
        INSERT INTO lk_kept SELECT * FROM lk_links WHERE review
            AND id NOT IN (SELECT id FROM lk_kept UNION ALL SELECT person_key FROM lk_kept)
            AND person_key NOT IN (SELECT id FROM lk_kept UNION ALL
                SELECT person_key FROM lk_kept);
        CREATE OR REPLACE TEMP TABLE lk_links AS FROM lk_kept;
        DROP TABLE lk_kept; DROP TABLE lk_left; DROP TABLE IF EXISTS lk_round;
        """
    )
