"""The review queue: which pairs are asked about, in which order, and how it stands.

Belongs here: choosing and ordering pairs, counts, and how far reviewers agree. Does not belong
here: what a decision does (review), the store (review_store), or samples (review_sample).

The order is by what a decision would move in a published figure: `effect` (0 to 1, how much of
a person would change between active, unregistered and no worker) times `4 p (1 - p)`, the
doubt of the pair, 1 where it is even. Among equals the smaller cell of province and sector
comes first, whose rate one person moves more.
"""

from __future__ import annotations

from typing import Any

import duckdb

from matching.review_store import EVIDENCE_SQL, find_evidence, find_standing, has_decisions
from warehouse.errors import UsageError
from warehouse.storage import literal, scalar


def find_queue(
    con: duckdb.DuckDBPyConnection,
    period: str,
    dataset: str | None = None,
    reviewer: str | None = None,
    *,
    double: bool = False,
    unsure: bool = False,
) -> int:
    """Find the pairs to be decided.

    A pair leaves the queue with a decision that stands, and comes back with one that no longer
    does. What others decided is never part of it.

    Args:
        con: the warehouse with the TEMP views of the period's inputs.
        period: the month of the links.
        dataset: only of this dataset.
        reviewer: who asks; needed with `double`.
        double: ask a second time what another decided, blind: only what `reviewer` decided
            is left out.
        unsure: ask again what was left `unsure`.

    Returns:
        The number of pairs. Makes temporary table `review_queue`: `place`, `dataset`,
        `record_id`, `person_key`, `ppm`, `runner_up_ppm`, `reason`, `why` (`new`, `changed`,
        `contradicted`), `effect`, `priority`, `evidence`.

    Raises:
        UsageError: the period has no links, or was linked before there was a review.
    """
    if not has_decisions(con):
        raise UsageError(f"{period} was linked before there was a review: run the period again")
    of_links = f"period = {literal(period)}"
    if dataset:
        of_links += f" AND dataset = {literal(dataset)}"
    if not scalar(con, f"SELECT count(*) FROM linkage.person_links WHERE {of_links}"):
        raise UsageError(f"no such record has been linked for {period}: run the period first")
    find_standing(con, period, dataset)
    mine = f"AND reviewer = {literal(reviewer or '')}" if double else ""
    kept = "'same', 'no_match'" if unsure else "'same', 'no_match', 'unsure'"
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE review_open AS
        WITH links AS (FROM linkage.person_links WHERE {of_links}),
        stale AS (
            SELECT dataset, record_id, any_value(person_key ORDER BY decision_id) AS person_key,
                bool_or(state = 'contradicted') AS against
            FROM review_standing WHERE state NOT IN ('stands', 'record_gone') {mine}
            GROUP BY ALL
        )
        SELECT l.dataset, l.record_id, coalesce(l.person_key, l.best_candidate_key, s.person_key)
                AS person_key,
            coalesce(l.best_candidate_ppm, 500000) AS ppm, l.runner_up_ppm, l.reason,
            CASE WHEN s.against THEN 'contradicted' WHEN s.dataset IS NOT NULL THEN 'changed'
                ELSE 'new' END AS why
        FROM links AS l LEFT JOIN stale AS s USING (dataset, record_id)
        WHERE (l.status = 'review' OR s.dataset IS NOT NULL) AND NOT EXISTS (
            SELECT 1 FROM review_standing AS d
            WHERE d.dataset = l.dataset AND d.record_id = l.record_id
                AND d.state {"IN ('stands', 'contradicted')" if double else "= 'stands'"} {mine}
                AND (d.verdict IN ({kept}) OR d.verdict = 'different'
                    AND d.person_key IS NOT DISTINCT FROM
                        coalesce(l.person_key, l.best_candidate_key)));
        """
    )
    find_evidence(con, period, "review_open")
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE review_queue AS
        WITH told AS (
            SELECT o.*, {_effect(con, period)} AS effect, {EVIDENCE_SQL} AS evidence,
                {"cell.workers" if _joined(con, period) else "NULL"} AS cell
            FROM review_open AS o LEFT JOIN review_evidence AS e
                ON e.dataset = o.dataset AND e.record_id = o.record_id
                AND e.person_key IS NOT DISTINCT FROM o.person_key
            LEFT JOIN reference.datasets AS d ON d.dataset = o.dataset
            {_joined(con, period)}
        )
        SELECT row_number() OVER (ORDER BY priority DESC, cell NULLS LAST, dataset, record_id)
            AS place, * EXCLUDE (cell)
        FROM (SELECT *, round(effect * 4 * (ppm / 1e6) * (1 - ppm / 1e6), 6) AS priority
            FROM told);
        DROP TABLE review_open; DROP TABLE review_evidence; DROP TABLE review_close;
        DROP TABLE review_standing;
        """
    )
    return int(scalar(con, "SELECT count(*) FROM review_queue"))


def _has(con: duckdb.DuckDBPyConnection, table: str, period: str) -> bool:
    known = scalar(
        con,
        "SELECT count(*) FROM duckdb_tables() WHERE schema_name = 'spine' AND table_name = ?",
        [table],
    )
    return bool(
        known and scalar(con, f"SELECT count(*) FROM spine.{table} WHERE period = ?", [period])
    )


def _effect(con: duckdb.DuckDBPyConnection, period: str) -> str:
    """Give the effect of a link; 1 where the coverage of the month is not computed."""
    if not (_has(con, "workers", period) and _has(con, "persons", period)):
        return "1.0"
    return """CASE
        WHEN w.person_key IS NOT NULL AND NOT w.eligible THEN 0.0
        -- Who surely is active by another card stays so.
        WHEN w.person_key IS NOT NULL AND d.kind = 'membership'
            THEN 1 - coalesce(w.active_low_ppm, 0) / 1e6
        -- A worker by another list already: at most the cell may change.
        WHEN w.person_key IS NOT NULL THEN 0.1
        WHEN s.person_key IS NULL OR coalesce(s.life_status, '') = 'meninggal'
            OR s.birth_date IS NULL
            OR date_diff('year', s.birth_date, getvariable('as_of')) > 65 THEN 0.0
        ELSE 1.0 END"""


def _joined(con: duckdb.DuckDBPyConnection, period: str) -> str:
    if not (_has(con, "workers", period) and _has(con, "persons", period)):
        return ""
    of = f"period = {literal(period)}"
    return f"""
        LEFT JOIN (FROM spine.workers WHERE {of}) AS w ON w.person_key = o.person_key
        LEFT JOIN (FROM spine.persons WHERE {of}) AS s ON s.person_key = o.person_key
        LEFT JOIN (SELECT left(workplace, 2) AS province, sector_code, count(*) AS workers
            FROM spine.workers WHERE {of} GROUP BY ALL) AS cell
            ON cell.province = left(w.workplace, 2) AND cell.sector_code = w.sector_code"""


def rows(con: duckdb.DuckDBPyConnection, limit: int | None = None) -> list[dict[str, Any]]:
    """Give the first rows of `review_queue`; they hold keys and no values of a person."""
    found = con.execute(
        f"SELECT * FROM review_queue ORDER BY place LIMIT {limit if limit else 'ALL'}"
    )
    names = [column[0] for column in found.description or []]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def status(con: duckdb.DuckDBPyConnection, period: str) -> dict[str, Any]:
    """Count queue and decisions, and measure how far reviewers agree.

    Returns:
        `queue` by why, `decisions` by verdict (undone ones too) with `undo`, `standing` by
        state, `pending` (stand, and wait for the next run), and `agreement`.
    """
    find_queue(con, period)
    queue = dict(con.execute("SELECT why, count(*) FROM review_queue GROUP BY 1").fetchall())
    find_standing(con, period)
    pending = scalar(
        con,
        "SELECT count(*) FROM review_standing WHERE state = 'stands' AND verdict <> 'unsure'"
        " AND decision_id NOT IN (SELECT decision_id FROM linkage.applied_decisions"
        f" WHERE period = {literal(period)})",
    )
    return {
        "period": period,
        "queue": queue,
        "decisions": dict(
            con.execute("SELECT verdict, count(*) FROM linkage.decisions GROUP BY 1").fetchall()
        ),
        "standing": dict(
            con.execute("SELECT state, count(*) FROM review_standing GROUP BY 1").fetchall()
        ),
        "pending": int(pending),
        "agreement": agreement(con),
    }


def agreement(con: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    """Give Cohen's kappa (1960) of the pairs that two reviewers decided on equal evidence.

    The first decision of each counts, of the first two reviewers; what settles a contradiction
    was not made blind and does not count.

    Returns:
        `pairs`, `agreed` (share) and `kappa`; None where there are no pairs, or where chance
        alone would always agree.
    """
    counts = con.execute(
        """
        WITH firsts AS (
            FROM linkage.decisions WHERE verdict <> 'undo' AND NOT settles AND decision_id NOT IN
                (SELECT undoes FROM linkage.decisions WHERE undoes IS NOT NULL)
            QUALIFY row_number() OVER (PARTITION BY reviewer, dataset, record_id, person_key
                ORDER BY decision_id) = 1
        ),
        placed AS (
            SELECT *, row_number() OVER (PARTITION BY dataset, record_id, person_key,
                record_hash, person_hash ORDER BY decision_id) AS n
            FROM firsts
        )
        SELECT a.verdict, b.verdict, count(*) FROM placed AS a JOIN placed AS b
            ON a.dataset = b.dataset AND a.record_id = b.record_id
            AND a.person_key IS NOT DISTINCT FROM b.person_key
            AND a.record_hash = b.record_hash
            AND a.person_hash IS NOT DISTINCT FROM b.person_hash
        WHERE a.n = 1 AND b.n = 2 GROUP BY 1, 2
        """
    ).fetchall()
    return kappa({(first, second): int(n) for first, second, n in counts})


def kappa(table: dict[tuple[str, str], int]) -> dict[str, Any]:
    """Compute agreement beyond chance from a table of two reviewers' verdicts."""
    pairs = sum(table.values())
    if not pairs:
        return {"pairs": 0, "agreed": None, "kappa": None}
    agreed = sum(n for (first, second), n in table.items() if first == second) / pairs
    verdicts = {verdict for pair in table for verdict in pair}
    chance = sum(
        sum(n for (first, _), n in table.items() if first == verdict)
        * sum(n for (_, second), n in table.items() if second == verdict)
        for verdict in verdicts
    ) / (pairs * pairs)
    return {
        "pairs": pairs,
        "agreed": round(agreed, 6),
        "kappa": None if chance == 1 else round((agreed - chance) / (1 - chance), 6),
    }
