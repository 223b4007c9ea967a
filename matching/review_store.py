"""The store of review decisions: what was decided, on which evidence, and what still stands.

Belongs here: the append-only table `linkage.decisions`, the hashes of evidence, and which
decisions stand for a month. Does not belong here: what a standing decision does to a link
(review), which pairs are asked about (review_queue), or samples (review_sample).

A row is never changed or removed: who thinks again adds a decision, who takes one back adds an
undo. Tables of this module name persons by key and never leave the restricted warehouse.
"""

from __future__ import annotations

import datetime as dt
import os
import pwd
from collections.abc import Iterable
from dataclasses import dataclass

import duckdb

from matching.exact import aside_sql
from matching.spine import adult_sql
from warehouse.errors import UsageError
from warehouse.storage import literal, scalar, text_key, transaction

VERDICTS = ("same", "different", "no_match", "unsure")
"""What may be decided of a record and the person shown with it."""

# Candidates known to a decision have at least this chance; one who was not known brings the
# decision back from `NEW_PPM` on. The gap keeps a retrained model from opening everything.
CLOSE_PPM = 10_000
NEW_PPM = 200_000
_CLOSE_PLACES = 6
# What the linking compares of a person. What else a row says, such as the last month paid,
# changes every month and says nothing of who it is.
_IDENTITY = (
    "nik", "full_name", "sex", "birth_date", "birth_place", "mother_name", "region_code",
)  # fmt: skip

_TABLES = {
    "decisions": "decision_id BIGINT, verdict VARCHAR, undoes BIGINT, period VARCHAR,"
    " dataset VARCHAR, record_id VARCHAR, person_key UBIGINT, record_hash UBIGINT,"
    " person_hash UBIGINT, rivals UBIGINT[], settles BOOLEAN, reviewer VARCHAR,"
    " entered_by VARCHAR, decided_at TIMESTAMP, note VARCHAR",
    "applied_decisions": "period VARCHAR, dataset VARCHAR, record_id VARCHAR,"
    " person_key UBIGINT, verdict VARCHAR, decision_id BIGINT",
    "close_candidates": "period VARCHAR, dataset VARCHAR, record_id VARCHAR,"
    " person_key UBIGINT, ppm INTEGER, place BIGINT",
}


@dataclass(frozen=True)
class Decision:
    """A decision to be added.

    Attributes:
        dataset: whose record.
        record_id: the record.
        person_key: the person shown with it; None where nobody was.
        verdict: one of `VERDICTS`.
        evidence: from `evidence`, of what the reviewer saw; None takes what stands now.
        note: the reviewer's own words; no names, as `status` may be shown to others.
        settles: it ends a contradiction: all earlier decisions on the record yield.
    """

    dataset: str
    record_id: str
    person_key: int | None
    verdict: str
    evidence: str | None = None
    note: str = ""
    settles: bool = False


def create_decisions(con: duckdb.DuckDBPyConnection) -> None:
    """Create the tables of decisions where they are missing."""
    con.execute("CREATE SCHEMA IF NOT EXISTS linkage")
    for name, columns in _TABLES.items():
        con.execute(f"CREATE TABLE IF NOT EXISTS linkage.{name}({columns})")


def has_decisions(con: duckdb.DuckDBPyConnection) -> bool:
    """Tell whether the warehouse has the tables of decisions; a read-only one may not."""
    return bool(
        scalar(
            con,
            "SELECT count(*) = 3 FROM duckdb_tables() WHERE schema_name = 'linkage'"
            " AND table_name IN ('decisions', 'applied_decisions', 'close_candidates')",
        )
    )


def who() -> str:
    """Give the operating system's name of who runs the process."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())


def content_sql(aside: str = "") -> str:
    """Give the hash of what the linking compares of a row; md5, to stand for years."""
    columns = (*_IDENTITY, *([aside] if aside else []))
    parts = ", ".join(f"coalesce({name}::VARCHAR, chr(30))" for name in columns)
    return text_key(f"concat_ws(chr(31), {parts})")


def find_evidence(con: duckdb.DuckDBPyConnection, period: str, asked: str) -> None:
    """Compute what decisions on some pairs rest on.

    Args:
        con: the warehouse with the TEMP views of the period's inputs.
        period: the month.
        asked: temporary table with `dataset`, `record_id`, `person_key`.

    Makes temporary tables `review_evidence` (the pairs with `record_hash`, `person_hash` and
    `rivals`, the sorted hashes of the other close candidates) and `review_close` (`dataset`,
    `record_id`, `person_key`, `ppm`, `person_hash`).
    """
    aside = "nik_aside" if aside_sql(con) == "nik_aside" else ""
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE review_close AS
        SELECT c.dataset, c.record_id, c.person_key, c.ppm, NULL::UBIGINT AS person_hash
        FROM linkage.close_candidates AS c SEMI JOIN {asked} AS a
            ON a.dataset = c.dataset AND a.record_id = c.record_id
        WHERE c.period <= {literal(period)}
        QUALIFY c.period = max(c.period) OVER (PARTITION BY c.dataset, c.record_id);
        CREATE OR REPLACE TEMP TABLE review_people AS
        SELECT {text_key("nik")} AS person_key, {content_sql()} AS person_hash
        FROM in_population WHERE nik IS NOT NULL AND {adult_sql(period)}
            AND {text_key("nik")} IN (SELECT person_key FROM {asked}
                UNION SELECT person_key FROM review_close)
        QUALIFY row_number() OVER (PARTITION BY nik ORDER BY row_hash, record_id) = 1;
        UPDATE review_close SET person_hash = p.person_hash FROM review_people AS p
        WHERE p.person_key = review_close.person_key;
        CREATE OR REPLACE TEMP TABLE review_evidence AS
        WITH mine AS (
            SELECT dataset, record_id, {content_sql(aside)} AS record_hash
            FROM in_person_records AS r
            WHERE (dataset, record_id) IN (SELECT (dataset, record_id) FROM {asked})
        )
        SELECT a.dataset, a.record_id, a.person_key, m.record_hash, p.person_hash,
            coalesce(list_sort(list(c.person_hash) FILTER (c.person_hash IS NOT NULL)), [])
                AS rivals
        FROM (SELECT DISTINCT dataset, record_id, person_key FROM {asked}) AS a
        LEFT JOIN mine AS m ON m.dataset = a.dataset AND m.record_id = a.record_id
        LEFT JOIN review_people AS p ON p.person_key = a.person_key
        LEFT JOIN review_close AS c ON c.dataset = a.dataset AND c.record_id = a.record_id
            AND c.person_key IS DISTINCT FROM a.person_key
        GROUP BY ALL;
        DROP TABLE review_people;
        """
    )


EVIDENCE_SQL = (
    "left(md5(concat_ws('/', coalesce(record_hash, 0), coalesce(person_hash, 0),"
    " rivals::VARCHAR)), 16)"
)
"""What a reviewer's file carries of the evidence, over columns of `review_evidence`."""


def find_standing(con: duckdb.DuckDBPyConnection, period: str, dataset: str | None = None) -> None:
    """Find which decisions stand in a month.

    A decision yields to a later one of the same reviewer on the same pair, of `same` and
    `no_match` on the same record, and to one that settles. It stands while the record, the
    person, and for `same` and `no_match` the close candidates are as they were. Decisions
    that contradict each other do not stand: two persons for a record, a person both `same`
    and `different`, or two records of a list that names people once for one person.

    Args:
        con: the warehouse with the TEMP views of the period's inputs.
        period: the month.
        dataset: only of this dataset.

    Makes temporary table `review_standing`: the decisions that no later one replaced, with
    `state`: `stands`, `record_gone`, `record_changed`, `person_changed`, `candidate_new` or
    `contradicted`.
    """
    of_dataset = f"dataset = {literal(dataset)}" if dataset else "true"
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE review_said AS
        FROM linkage.decisions WHERE verdict <> 'undo' AND {of_dataset} AND decision_id NOT IN
            (SELECT undoes FROM linkage.decisions WHERE undoes IS NOT NULL);
        CREATE OR REPLACE TEMP TABLE review_active AS
        SELECT a.* FROM review_said AS a WHERE NOT EXISTS (
            SELECT 1 FROM review_said AS b
            WHERE b.dataset = a.dataset AND b.record_id = a.record_id
                AND b.decision_id > a.decision_id
                AND (b.settles OR b.reviewer = a.reviewer
                    AND (coalesce(b.person_key = a.person_key, false)
                        OR a.verdict IN ('same', 'no_match')
                        AND b.verdict IN ('same', 'no_match'))));
        """
    )
    find_evidence(con, period, "review_active")
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE review_standing AS
        WITH judged AS (
            SELECT a.*, CASE
                WHEN e.record_hash IS NULL THEN 'record_gone'
                WHEN e.record_hash <> a.record_hash THEN 'record_changed'
                WHEN e.person_hash IS DISTINCT FROM a.person_hash THEN 'person_changed'
                WHEN a.verdict IN ('same', 'no_match') AND EXISTS (
                    SELECT 1 FROM review_close AS c
                    WHERE c.dataset = a.dataset AND c.record_id = a.record_id
                        AND c.ppm >= {NEW_PPM} AND c.person_key IS DISTINCT FROM a.person_key
                        AND NOT list_contains(a.rivals, c.person_hash)) THEN 'candidate_new'
                ELSE 'stands' END AS state
            FROM review_active AS a LEFT JOIN review_evidence AS e
                ON e.dataset = a.dataset AND e.record_id = a.record_id
                AND e.person_key IS NOT DISTINCT FROM a.person_key
        ),
        of_record AS (
            SELECT dataset, record_id,
                coalesce(list(DISTINCT person_key) FILTER (verdict = 'same'), []) AS yes,
                coalesce(list(DISTINCT person_key) FILTER (verdict = 'different'), []) AS no,
                bool_or(verdict = 'no_match') AS nobody
            FROM judged WHERE state = 'stands' GROUP BY ALL
        ),
        shared AS (
            SELECT j.dataset, j.person_key FROM judged AS j JOIN reference.datasets AS d
                ON d.dataset = j.dataset AND d.cardinality = 'one_to_one'
            WHERE j.state = 'stands' AND j.verdict = 'same'
            GROUP BY ALL HAVING count(DISTINCT j.record_id) > 1
        )
        SELECT j.* REPLACE (CASE
            WHEN j.state = 'stands' AND (len(o.yes) > 1 OR len(o.yes) > 0 AND o.nobody
                OR list_has_any(o.yes, o.no)
                OR j.verdict = 'same' AND s.person_key IS NOT NULL) THEN 'contradicted'
            ELSE j.state END AS state)
        FROM judged AS j LEFT JOIN of_record AS o USING (dataset, record_id)
        LEFT JOIN shared AS s ON s.dataset = j.dataset AND s.person_key = j.person_key;
        DROP TABLE review_said; DROP TABLE review_active; DROP TABLE review_evidence;
        DROP TABLE review_close;
        """
    )


def keep_close(con: duckdb.DuckDBPyConnection, period: str, dataset: str) -> None:
    """Keep the close candidates of a dataset's records, from `match_claims`.

    Of records that their NIK linked only those that somebody decided on are kept.
    """
    con.execute(
        f"""
        DELETE FROM linkage.close_candidates
        WHERE period = {literal(period)} AND dataset = {literal(dataset)};
        INSERT INTO linkage.close_candidates BY NAME
        SELECT {literal(period)} AS period, {literal(dataset)} AS dataset, r.record_id,
            c.person_key, c.ppm, c.place
        FROM match_claims AS c JOIN match_mine AS r USING (id)
        WHERE c.ppm >= {CLOSE_PPM} AND c.place <= {_CLOSE_PLACES}
        UNION ALL BY NAME
        SELECT {literal(period)} AS period, {literal(dataset)} AS dataset, record_id, person_key,
            ppm, 1 AS place
        FROM match_exact_mine WHERE record_id IN
            (SELECT record_id FROM linkage.decisions WHERE dataset = {literal(dataset)});
        """
    )


def decide(
    con: duckdb.DuckDBPyConnection,
    period: str,
    decisions: Iterable[Decision],
    reviewer: str | None = None,
) -> list[int]:
    """Add decisions, all or none.

    Args:
        con: the restricted warehouse, open to write, with the period's inputs.
        period: the month they are made in.
        decisions: at most some thousands.
        reviewer: who decided; the operating system's user where left out.

    Returns:
        Their numbers.

    Raises:
        UsageError: a decision is none, names no record or person of the month, was made on
            other evidence than stands now, or contradicts one of the same reviewer. All
            faults are told, each by the decision's place.
    """
    given = list(decisions)
    create_decisions(con)
    faults = check(con, period, given, reviewer)
    if faults:
        raise UsageError("; ".join(f"decision {place}: {what}" for place, what in faults))
    first = int(scalar(con, "SELECT coalesce(max(decision_id), 0) + 1 FROM linkage.decisions"))
    now = dt.datetime.now(dt.UTC).replace(tzinfo=None, microsecond=0)
    with transaction(con):
        con.execute(
            """
            INSERT INTO linkage.decisions BY NAME
            SELECT ? + a.place AS decision_id, a.verdict, NULL::BIGINT AS undoes, ? AS period,
                a.dataset, a.record_id, a.person_key, e.record_hash, e.person_hash, e.rivals,
                a.settles, ? AS reviewer, ? AS entered_by, ?::TIMESTAMP AS decided_at, a.note
            FROM review_asked AS a JOIN review_evidence AS e
                ON e.dataset = a.dataset AND e.record_id = a.record_id
                AND e.person_key IS NOT DISTINCT FROM a.person_key
            ORDER BY a.place
            """,
            [first, period, reviewer or who(), who(), now],
        )
    con.execute("DROP TABLE review_asked; DROP TABLE review_evidence; DROP TABLE review_close")
    return list(range(first, first + len(given)))


def check(
    con: duckdb.DuckDBPyConnection,
    period: str,
    given: list[Decision],
    reviewer: str | None = None,
) -> list[tuple[int, str]]:
    """Find what is wrong with decisions; places are from 1.

    Makes temporary tables `review_asked` and those of `find_evidence`.
    """
    con.execute(
        "CREATE OR REPLACE TEMP TABLE review_asked(place BIGINT, dataset VARCHAR,"
        " record_id VARCHAR, person_key UBIGINT, verdict VARCHAR, evidence VARCHAR,"
        " note VARCHAR, settles BOOLEAN)"
    )
    rows = [
        (n, d.dataset, d.record_id, d.person_key, d.verdict, d.evidence, d.note, d.settles)
        for n, d in enumerate(given)
    ]
    if rows:
        con.executemany("INSERT INTO review_asked VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)
    find_evidence(con, period, "review_asked")
    return [
        (int(place) + 1, str(fault))
        for place, fault in con.execute(
            f"""
            WITH said AS (
                FROM linkage.decisions WHERE verdict = 'same' AND reviewer = ?
                    AND decision_id NOT IN (SELECT undoes FROM linkage.decisions
                        WHERE undoes IS NOT NULL)
            ),
            told AS (
                SELECT a.*, CASE
                    WHEN a.verdict NOT IN {VERDICTS} THEN
                        'the verdict is not one of {", ".join(VERDICTS)}'
                    WHEN e.record_hash IS NULL THEN
                        'the dataset has no record of that key in this month'
                    WHEN a.person_key IS NULL AND a.verdict <> 'no_match' THEN
                        'no person is named: only no_match can do without'
                    WHEN a.person_key IS NOT NULL AND e.person_hash IS NULL THEN
                        'the register has no such person of 15 or older in this month'
                    WHEN a.evidence IS NOT NULL AND a.evidence <> {EVIDENCE_SQL} THEN
                        'the evidence changed since it was shown: look at it anew'
                    WHEN count(*) OVER (PARTITION BY a.dataset, a.record_id, a.person_key) > 1
                        OR a.verdict IN ('same', 'no_match') AND count(*) FILTER
                            (a.verdict IN ('same', 'no_match'))
                            OVER (PARTITION BY a.dataset, a.record_id) > 1 THEN
                        'it contradicts another decision given with it'
                    WHEN a.verdict = 'same' AND d.cardinality = 'one_to_one' AND (EXISTS (
                            SELECT 1 FROM said AS s WHERE s.dataset = a.dataset
                                AND s.person_key = a.person_key AND s.record_id <> a.record_id
                                AND s.decision_id IN (SELECT max(decision_id)
                                    FROM linkage.decisions AS l WHERE l.dataset = s.dataset
                                    AND l.record_id = s.record_id AND l.verdict <> 'undo'))
                        OR count(*) FILTER (a.verdict = 'same')
                            OVER (PARTITION BY a.dataset, a.person_key) > 1) THEN
                        'the list names a person once, and another record is that person by'
                        || ' a decision: undo that one first'
                    END AS fault
                FROM review_asked AS a LEFT JOIN review_evidence AS e
                    ON e.dataset = a.dataset AND e.record_id = a.record_id
                    AND e.person_key IS NOT DISTINCT FROM a.person_key
                LEFT JOIN reference.datasets AS d ON d.dataset = a.dataset
            )
            SELECT place, fault FROM told WHERE fault IS NOT NULL ORDER BY place
            """,
            [reviewer or who()],
        ).fetchall()
    ]


def undo(con: duckdb.DuckDBPyConnection, decision_id: int, reviewer: str | None = None) -> int:
    """Take a decision back by a further row.

    Returns:
        The number of the row.

    Raises:
        UsageError: there is no such decision, or it was taken back before.
    """
    create_decisions(con)
    row = con.execute(
        "SELECT verdict, (SELECT count(*) FROM linkage.decisions AS u WHERE u.undoes = ?)"
        " FROM linkage.decisions WHERE decision_id = ?",
        [decision_id, decision_id],
    ).fetchone()
    if row is None:
        raise UsageError(f"there is no decision {decision_id}: cakupan review list names them")
    if row[0] == "undo":
        raise UsageError(f"{decision_id} is an undo: decide the pair anew instead")
    if row[1]:
        raise UsageError(f"decision {decision_id} was taken back before")
    now = dt.datetime.now(dt.UTC).replace(tzinfo=None, microsecond=0)
    con.execute(
        "INSERT INTO linkage.decisions BY NAME SELECT"
        " (SELECT max(decision_id) + 1 FROM linkage.decisions) AS decision_id, 'undo' AS verdict,"
        " decision_id AS undoes, period, dataset, record_id, person_key, false AS settles,"
        " ? AS reviewer, ? AS entered_by, ?::TIMESTAMP AS decided_at"
        " FROM linkage.decisions WHERE decision_id = ?",
        [reviewer or who(), who(), now, decision_id],
    )
    return int(scalar(con, "SELECT max(decision_id) FROM linkage.decisions"))
