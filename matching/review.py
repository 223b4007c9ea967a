"""Review: what standing decisions do to the links of a dataset.

Belongs here: decisions taking effect between scoring and assignment. Does not belong here:
which decisions stand (review_store), or which pairs are asked about (review_queue).

`same` links at the tier `decision` and beats every other claim on the person in a list that
names people once. `different` takes that candidate away: the others share the probability
anew, as if it had never been one. `no_match` leaves the record without anybody. `unsure`
changes nothing: the record stays as the model has it.
"""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from matching.assignment import score_claims
from matching.keys import PEOPLE
from matching.review_store import create_decisions, find_standing, has_decisions, keep_close
from warehouse.storage import literal, replace_period, scalar

DECIDED_PPM = 1_000_000
SAME = "decided_same"
REJECTED = "rejected_in_review"


def settle(
    con: duckdb.DuckDBPyConnection,
    period: str,
    dataset: str,
    people: int,
    found: Sequence[float],
) -> int:
    """Let the standing decisions of a dataset take effect on its claims, before assignment.

    Args:
        con: the warehouse with the period's inputs and the temporary tables `match_mine`,
            `match_exact_mine`, `match_scored_mine` and `match_claims`.
        period: the month.
        dataset: whose records.
        people: people in the register.
        found: shares that the claims were made with.

    Returns:
        The decisions that took effect; `linkage.applied_decisions` names them.

    Changes `match_claims`, and makes `match_exact_mine` anew where a decision is on one of its
    records, as a table; makes `match_rejected` (`id`, `person_key`,
    `ppm`: the best of the candidates taken from a record that has no other).
    """
    create_decisions(con)
    keep_close(con, period, dataset)
    con.execute(
        "CREATE OR REPLACE TEMP TABLE match_rejected(id BIGINT, person_key UBIGINT, ppm INTEGER)"
    )
    mine = f"dataset = {literal(dataset)}"
    if not scalar(con, f"SELECT count(*) FROM linkage.decisions WHERE {mine}"):
        con.execute(
            f"DELETE FROM linkage.applied_decisions WHERE period = {literal(period)} AND {mine}"
        )
        return 0
    find_standing(con, period, dataset)
    applied = replace_period(
        con,
        "linkage.applied_decisions",
        period,
        f"""
        SELECT {literal(period)} AS period, s.dataset, s.record_id, s.person_key, s.verdict,
            s.decision_id
        FROM review_standing AS s SEMI JOIN match_mine AS r USING (record_id)
        WHERE state = 'stands' AND verdict <> 'unsure' AND (verdict <> 'same'
            OR person_key IN (SELECT person_key FROM {PEOPLE}))
        """,
        where=mine,
    )
    if not applied:
        con.execute("DROP TABLE review_standing")
        return 0
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE match_decided AS
        SELECT DISTINCT r.id, r.record_id, a.person_key, a.verdict
        FROM linkage.applied_decisions AS a JOIN match_mine AS r USING (record_id)
        WHERE a.period = {literal(period)} AND a.{mine};
        -- Before anything goes: who would have been the best, for records left with nobody.
        CREATE OR REPLACE TEMP TABLE match_before AS
        SELECT id, person_key, ppm, place FROM match_claims
        WHERE id IN (SELECT id FROM match_decided)
        UNION ALL SELECT id, person_key, ppm, 0 FROM match_exact_mine
        WHERE id IN (SELECT id FROM match_decided);
        DELETE FROM match_claims WHERE id IN
            (SELECT id FROM match_decided WHERE verdict IN ('same', 'no_match'));
        CREATE OR REPLACE TEMP TABLE match_exact_kept AS FROM match_exact_mine AS e WHERE id NOT IN
            (SELECT id FROM match_decided AS d WHERE verdict IN ('same', 'no_match')
                OR verdict = 'different' AND d.person_key = e.person_key);
        DROP VIEW match_exact_mine;
        ALTER TABLE match_exact_kept RENAME TO match_exact_mine;
        INSERT INTO match_exact_mine BY NAME
        SELECT DISTINCT id, record_id, person_key, {DECIDED_PPM} AS ppm, 1000000 AS rank
        FROM match_decided WHERE verdict = 'same';
        CREATE OR REPLACE TEMP TABLE match_different AS
        SELECT id, person_key FROM match_decided AS d WHERE verdict = 'different'
            AND id NOT IN (SELECT id FROM match_decided WHERE verdict IN ('same', 'no_match'));
        """
    )
    reject(con, "match_scored_mine", people, found)
    con.execute(
        """
        INSERT INTO match_rejected
        SELECT id, person_key, ppm FROM (
            SELECT DISTINCT ON (d.id) d.id, b.person_key, b.ppm
            FROM match_decided AS d LEFT JOIN match_before AS b ON b.id = d.id
            WHERE d.id NOT IN (SELECT id FROM match_claims)
                AND d.id NOT IN (SELECT id FROM match_exact_mine)
            ORDER BY d.id, b.place, b.person_key);
        DROP TABLE match_decided; DROP TABLE match_before; DROP TABLE match_different;
        DROP TABLE review_standing;
        """
    )
    return applied


def reject(
    con: duckdb.DuckDBPyConnection, scored: str, people: int, found: Sequence[float]
) -> None:
    """Take the pairs of `match_different` from `match_claims`; the others share anew.

    The namesakes of a record are one fewer with each namesake taken away. Of a record that
    has no other candidate the claims just go.
    """
    if not scalar(con, "SELECT count(*) FROM match_different"):
        return
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE match_kept AS
        FROM match_claims WHERE id NOT IN (SELECT id FROM match_different);
        CREATE OR REPLACE TEMP TABLE match_again AS
        SELECT s.* REPLACE (s.namesakes - coalesce(g.gone, 0) AS namesakes)
        FROM {scored} AS s LEFT JOIN (
            SELECT id, count(namesakes) AS gone
            FROM {scored} JOIN match_different USING (id, person_key) GROUP BY id) AS g USING (id)
        WHERE s.id IN (SELECT id FROM match_different)
            AND (s.id, s.person_key) NOT IN (SELECT (id, person_key) FROM match_different);
        """
    )
    score_claims(con, "match_again", max(people, 1), found, settled=True)
    con.execute(
        "INSERT INTO match_claims BY NAME FROM match_kept; DROP TABLE match_kept;"
        " DROP TABLE match_again"
    )


def mark(con: duckdb.DuckDBPyConnection) -> None:
    """Name the links that decisions made, after assignment, and the records left with nobody.

    Makes view `match_told`: `match_own` with these names.
    """
    con.execute(
        f"""
        CREATE OR REPLACE TEMP VIEW match_told AS
        SELECT * REPLACE (CASE WHEN status = 'linked' AND ppm = {DECIDED_PPM} THEN 'decision'
                ELSE tier END AS tier,
            CASE WHEN status = 'linked' AND ppm = {DECIDED_PPM} THEN {literal(SAME)}
                ELSE reason END AS reason)
        FROM match_own;
        INSERT INTO match_assigned
        SELECT id, 'unlinked', NULL, NULL, NULL, {literal(REJECTED)} FROM match_rejected;
        """
    )


def rejections(
    con: duckdb.DuckDBPyConnection, period: str, dataset: str, record_id: str
) -> list[int]:
    """Give the persons taken from a record when it was linked, for explaining it."""
    if not has_decisions(con):
        return []
    rows = con.execute(
        "SELECT DISTINCT person_key FROM linkage.applied_decisions WHERE period = ?"
        " AND dataset = ? AND record_id = ? AND verdict = 'different' ORDER BY 1",
        [period, dataset, record_id],
    ).fetchall()
    return [int(row[0]) for row in rows]
