"""Assignment: who gets whom, once every candidate of every record has its score.

Belongs here: probabilities of competing candidates, cardinality, ties, and the reason each
record ends with. Does not belong here: scores (model) or storage (persons).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import duckdb
import numpy as np

from warehouse.storage import scalar


@dataclass(frozen=True)
class Thresholds:
    """What a claim needs, in millionths.

    Attributes:
        accept: a link from this probability on. As a record's candidates share one
            probability, it also is a margin of at least nine to one over the second best.
        review: a person looks at it from this probability on.
        exists: several candidates share so much that one of them surely is the person: a tie
            goes to review even where each alone is below `review`.
        tie: the best of a tie needs at least this.
        near_bits: two records that claim one person are a near-tie within so many bits.
    """

    accept: int = 900_000
    review: int = 500_000
    exists: int = 900_000
    tie: int = 300_000
    near_bits: float = 2.0


def score_claims(
    con: duckdb.DuckDBPyConnection,
    scored: str,
    people: int,
    found: Sequence[float],
    *,
    settled: bool = False,
) -> list[float]:
    """Turn scores into probabilities: a record has one true person among all, or none.

    Args:
        con: the warehouse.
        scored: table `id`, `person_key`, `bits` (log2 of the likelihood ratio), `conflict`,
            `kind` (what the record's NIK is worth, a number of `matching.keys.NIK_KINDS`),
            `namesakes` (register people of the same name, where the pair has the same name)
            and `far` (the score of one who agrees in nothing else). Those whom blocking did
            not compare, as their name is too common, still have their share.
        people: people in the register, any of whom it might be before a look at the record.
        found: share of records that have a person in the register, by kind; where there are
            enough records it is estimated anew for them.
        settled: take the shares as they are: they were estimated before, from all records.

    Returns:
        The shares used. Makes temporary table `match_claims` with `ppm`, `exists_ppm`
        (probability that any candidate is the person) and `place` (1 the best).
    """
    # Sums of whole numbers, so that the result does not depend on the order of rows.
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE match_sums AS
        WITH best AS (SELECT id, max(bits) AS most FROM {scored} GROUP BY id)
        SELECT id, most, any_value(kind) AS kind,
            coalesce(greatest(max(namesakes) - count(namesakes), 0) * pow(2, max(far) - most), 0)
                AS crowd,
            sum(round(pow(2, bits - most) * 1e12)::HUGEINT)::DOUBLE / 1e12 AS total
        FROM {scored} JOIN best USING (id) GROUP BY id, most
        """
    )
    shares = [
        # The odds of a NIK of another are set against the trained share: it stays.
        share if settled or kind == len(found) - 1 else _share_found(con, people, kind, share)
        for kind, share in enumerate(found)
    ]
    none = " ".join(
        f"WHEN {kind} THEN {(1 - share) / share * people!r}" for kind, share in enumerate(shares)
    )
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE match_claims AS
        SELECT id, person_key, bits, conflict,
            round(pow(2, bits - most) / (total + nobody) * 1e6)::INTEGER AS ppm,
            round(total / (total + nobody) * 1e6)::INTEGER AS exists_ppm,
            row_number() OVER (PARTITION BY id ORDER BY bits DESC, person_key) AS place
        FROM (SELECT s.* EXCLUDE (kind), most, total,
                CASE t.kind {none} END * pow(2, -most) + crowd AS nobody
            FROM {scored} AS s JOIN match_sums AS t USING (id));
        DROP TABLE match_sums;
        """
    )
    return shares


def _share_found(con: duckdb.DuckDBPyConnection, people: int, kind: int, found: float) -> float:
    """Estimate the share of a kind of records with a person in the register."""
    rows = con.execute(
        "SELECT round((most + log2(total)) * 4)::INTEGER AS quarter, count(*)"
        f" FROM match_sums WHERE kind = {kind} GROUP BY 1 ORDER BY 1"
    ).fetchall()
    # A few dozen records say little: they move the trained share in proportion.
    weight = 50.0
    if not rows:
        return found
    odds = np.exp2(np.clip(np.array([row[0] for row in rows]) / 4.0 - math.log2(people), -60, 60))
    counts = np.array([row[1] for row in rows], dtype=float)
    share = found
    for _ in range(30):
        there = share * odds / (1 - share + share * odds)
        share = float(
            np.clip(
                ((there * counts).sum() + found * weight) / (counts.sum() + weight), 0.01, 0.999
            )
        )
    return round(share, 6)


def assign(
    con: duckdb.DuckDBPyConnection,
    cardinality: str,
    thresholds: Thresholds | None = None,
    *,
    exact: str = "match_exact",
) -> None:
    """Decide every record that has candidates.

    Args:
        con: the warehouse with temporary table `match_claims`.
        cardinality: `one_to_one` where the list names a person at most once, else
            `many_to_one`.
        thresholds: what a claim needs.
        exact: relation of the records that their NIK linked (`id`, `record_id`, `person_key`,
            `ppm`, `rank`).

    Makes temporary table `match_assigned` (`id`, `status`, `tier`, `person_key`, `ppm`,
    `reason`) of the records that have claims, and view `match_own`, the same of those in
    `exact`, with `record_id`, and with their person as `owner` and its `owner_ppm` even where
    another record has the person.
    """
    t = thresholds or Thresholds()
    con.execute(
        "CREATE OR REPLACE TEMP TABLE match_assigned(id BIGINT, status VARCHAR, tier VARCHAR,"
        " person_key UBIGINT, ppm INTEGER, reason VARCHAR)"
    )
    if cardinality == "one_to_one":
        _assign_once(con, t, exact)
        return
    con.execute(
        f"""
        CREATE OR REPLACE TEMP VIEW match_own AS
        SELECT id, record_id, 'linked' AS status, 'identifier' AS tier, person_key, ppm,
            'nik_exact' AS reason, person_key AS owner, ppm AS owner_ppm
        FROM {exact};
        INSERT INTO match_assigned SELECT id, {_verdict(t)} FROM match_claims WHERE place = 1;
        """
    )


def _open_sql(t: Thresholds) -> str:
    """Give the condition that a claim is at least worth a look."""
    return f"(ppm >= {t.review} OR place = 1 AND ppm >= {t.tie} AND exists_ppm >= {t.exists})"


def _verdict(t: Thresholds) -> str:
    """Give status, tier, person, probability and reason of a record's best claim."""
    # A NIK that belongs to somebody else by name and birth date is looked at, never taken.
    accepted = f"ppm >= {t.accept} AND NOT conflict"
    return f"""
        CASE WHEN {accepted} THEN 'linked' WHEN {_open_sql(t)} THEN 'review' ELSE 'unlinked' END,
        CASE WHEN {_open_sql(t)} THEN 'model' END,
        CASE WHEN {_open_sql(t)} THEN person_key END,
        CASE WHEN {_open_sql(t)} THEN
            CASE WHEN conflict THEN least(ppm, {t.accept - 1}) ELSE ppm END END,
        CASE WHEN {accepted} THEN 'model'
            WHEN {_open_sql(t)} THEN CASE WHEN conflict THEN 'nik_conflict' ELSE
                CASE WHEN exists_ppm >= {t.exists} THEN 'near_tie' ELSE 'uncertain' END END
            ELSE 'best_candidate_below_threshold' END
    """


def _assign_once(con: duckdb.DuckDBPyConnection, t: Thresholds, exact: str) -> None:
    """Assign where a register person may have one record of the list at most."""
    con.execute(
        f"""
        -- Rows that carry the person's own NIK are of that person whichever of them wins: the
        -- fullest agreement does, then the smallest record number.
        CREATE OR REPLACE TEMP TABLE match_winners AS
        SELECT *, row_number() OVER (PARTITION BY person_key
            ORDER BY ppm DESC, rank DESC, record_id) = 1 AS won FROM {exact};
        CREATE OR REPLACE TEMP VIEW match_own AS
        SELECT id, record_id, CASE WHEN won THEN 'linked' ELSE 'unlinked' END AS status,
            CASE WHEN won THEN 'identifier' END AS tier,
            CASE WHEN won THEN person_key END AS person_key, CASE WHEN won THEN ppm END AS ppm,
            CASE WHEN won THEN 'nik_exact' ELSE 'lost_to_better_claim' END AS reason,
            person_key AS owner, ppm AS owner_ppm
        FROM match_winners;
        CREATE OR REPLACE TEMP TABLE match_taken AS
        SELECT DISTINCT person_key FROM match_winners;
        CREATE OR REPLACE TEMP TABLE match_open AS
        SELECT * FROM match_claims WHERE {_open_sql(t)};
        """
    )
    # Each round every record claims its best person still free, and every person takes the
    # best of the records that claim it; at least one record is settled, so it ends.
    while int(scalar(con, "SELECT count(*) FROM match_open")):
        con.execute(
            f"""
            CREATE OR REPLACE TEMP TABLE match_round AS
            WITH asked AS (
                SELECT o.*, t.person_key IS NOT NULL AS taken
                FROM match_open AS o LEFT JOIN match_taken AS t USING (person_key)
                QUALIFY row_number() OVER (PARTITION BY id
                    ORDER BY t.person_key IS NOT NULL, bits DESC, person_key) = 1
            )
            SELECT *, row_number() OVER (PARTITION BY person_key
                    ORDER BY (ppm >= {t.accept} AND NOT conflict) DESC, bits DESC, id) AS n,
                max(bits) OVER (PARTITION BY person_key) - bits AS behind,
                count(*) FILTER (NOT conflict) OVER (PARTITION BY person_key
                    ORDER BY bits RANGE BETWEEN {t.near_bits} PRECEDING
                    AND {t.near_bits} FOLLOWING) AS close_by
            FROM asked;
            -- Every person this record could be is somebody else's.
            INSERT INTO match_assigned
            SELECT id, 'unlinked', NULL, NULL, NULL, 'lost_to_better_claim'
            FROM match_round WHERE taken;
            INSERT INTO match_assigned SELECT id, 'review', 'model', person_key,
                least(ppm, {t.accept - 1}), 'near_tie'
            FROM match_round WHERE NOT taken AND NOT conflict AND behind <= {t.near_bits}
                AND close_by > 1;
            INSERT INTO match_assigned SELECT id, {_verdict(t)} FROM match_round
            WHERE NOT taken AND n = 1 AND id NOT IN (SELECT id FROM match_assigned);
            INSERT INTO match_taken SELECT DISTINCT person_key FROM match_round WHERE NOT taken;
            DELETE FROM match_open WHERE id IN (SELECT id FROM match_assigned);
            """
        )
    con.execute(
        f"""
        INSERT INTO match_assigned SELECT id, {_verdict(t)} FROM match_claims
        WHERE place = 1 AND id NOT IN (SELECT id FROM match_assigned);
        DROP TABLE match_taken; DROP TABLE match_open; DROP TABLE IF EXISTS match_round;
        """
    )
