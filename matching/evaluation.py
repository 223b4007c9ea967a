"""How good the links of persons are, where the truth is known.

Belongs here: precision, recall and blocking recall against labelled records. Does not
belong here: estimates without labels (quality.linkage_quality), or the linking itself.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb

from matching.blocking import RULES, find_candidates
from matching.exact import add_work_region, aside_sql
from matching.keys import REGISTER, ensure_register, prepare_records
from warehouse.errors import UsageError
from warehouse.storage import literal, text_key


def measures(right: int, wrong: int, missed: int) -> dict[str, float]:
    """Give precision, recall and F1 of links by their counts."""
    precision = right / (right + wrong) if right + wrong else 1.0
    recall = right / (right + missed) if right + missed else 1.0
    both = precision + recall
    return {
        "precision": precision,
        "recall": recall,
        "f1": 2 * precision * recall / both if both else 0.0,
    }


def compare_with_truth(
    con: duckdb.DuckDBPyConnection,
    period: str,
    truth_parquet: Path,
    *,
    with_blocking: bool = True,
) -> dict[str, dict[str, Any]]:
    """Compare `linkage.person_links` of a period with a labelled file.

    A link counts where its status is `linked`; one in review counts as not made. A labelled
    person who is not on the spine (a child, or not in the register) counts as nobody.

    Args:
        con: the restricted warehouse; the period has been linked.
        period: the month of the run.
        truth_parquet: `period, dataset, record_id, nik` (NULL where the person is not in the
            register).
        with_blocking: block the records without an identifier link once more, and measure how
            many of their persons are among the candidates.

    Returns:
        By dataset, and for `ALL`: counts (`records`, `right`, `wrong`, `missed`, `review`),
        `precision`, `recall`, `f1`, the same by tier under `tiers` (there `recall` is the
        tier's share of all records with a person), `best_f1` over all thresholds, and
        `blocking_recall` of the records that were not linked by identifier.

    Raises:
        UsageError: the file is missing or no link of the period is labelled.
    """
    people = _judge(con, period, truth_parquet)
    result = _by_dataset(con)
    if not people or not result["ALL"]["records"]:
        raise UsageError(f"no link of {period} stands in {truth_parquet.name}: link it first")
    if with_blocking:
        for dataset, (inside, known) in _blocking(con).items():
            result[dataset]["blocking_recall"] = inside / known if known else 1.0
    con.execute("DROP TABLE match_judged")
    return result


def _judge(con: duckdb.DuckDBPyConnection, period: str, truth_parquet: Path) -> int:
    """Make `match_judged`, the period's links beside their labels; give the people to link to."""
    if not truth_parquet.exists():
        raise UsageError(f"truth file {truth_parquet} does not exist")
    people = ensure_register(con, period)
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE match_judged AS
        SELECT l.*, r.person_key AS true_key
        FROM linkage.person_links AS l
        JOIN (SELECT dataset, record_id, {text_key("nik")} AS true_key
            FROM read_parquet({literal(str(truth_parquet))}) WHERE period = {literal(period)}) AS t
            USING (dataset, record_id)
        LEFT JOIN {REGISTER} AS r ON r.person_key = t.true_key
        WHERE l.period = {literal(period)}
        """
    )
    return people


def _by_dataset(con: duckdb.DuckDBPyConnection) -> dict[str, dict[str, Any]]:
    rows = con.execute(
        """
        SELECT coalesce(dataset, 'ALL'), coalesce(tier, 'all'), count(*) AS records,
            count(*) FILTER (status = 'linked' AND person_key = true_key),
            count(*) FILTER (status = 'linked' AND person_key IS DISTINCT FROM true_key),
            count(*) FILTER (true_key IS NOT NULL
                AND NOT (status = 'linked' AND person_key IS NOT DISTINCT FROM true_key)),
            count(*) FILTER (status = 'review')
        FROM (SELECT *, coalesce(tier, 'none') AS any_tier FROM match_judged)
        GROUP BY GROUPING SETS ((), (dataset), (dataset, tier), (tier))
        HAVING grouping(tier) = 1 OR tier IS NOT NULL
        ORDER BY 1, 2
        """
    ).fetchall()
    result: dict[str, dict[str, Any]] = {}
    for dataset, tier, records, right, wrong, missed, review in rows:
        if tier == "all":
            result[dataset] = {
                "records": records, "right": right, "wrong": wrong, "missed": missed,
                "review": review, **measures(right, wrong, missed), "tiers": {},
            }  # fmt: skip
    for dataset, tier, _, right, wrong, _, _ in rows:
        if tier != "all" and dataset in result:
            whole = result[dataset]["right"] + result[dataset]["missed"]
            result[dataset]["tiers"][tier] = {
                "right": right,
                "wrong": wrong,
                **measures(right, wrong, whole - right),
            }
    for dataset, best in con.execute(
        """
        WITH ranked AS (
            SELECT coalesce(dataset, 'ALL') AS dataset, coalesce(best_candidate_ppm, 0) AS ppm,
                count(*) FILTER (best_candidate_key = true_key) AS right_links,
                count(*) FILTER (best_candidate_key IS NOT NULL
                    AND best_candidate_key IS DISTINCT FROM true_key) AS wrong_links,
                count(*) FILTER (true_key IS NOT NULL) AS persons
            FROM match_judged GROUP BY GROUPING SETS ((dataset, best_candidate_ppm),
                (best_candidate_ppm))
        ),
        summed AS (
            SELECT dataset, sum(right_links) OVER up AS r, sum(wrong_links) OVER up AS w,
                sum(persons) OVER (PARTITION BY dataset) AS p
            FROM ranked WINDOW up AS (PARTITION BY dataset ORDER BY ppm DESC)
        )
        SELECT dataset, max(2 * r / greatest(r + w + p, 1)) FROM summed GROUP BY dataset
        """
    ).fetchall():
        result[dataset]["best_f1"] = float(best)
    return result


def _residual(con: duckdb.DuckDBPyConnection) -> None:
    """Make `match_again`, the labelled records without an identifier link, and `match_keys`."""
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE match_again AS
        SELECT row_number() OVER (ORDER BY j.dataset, j.record_id) AS id, j.dataset, j.record_id,
            j.true_key,
            try_cast(r.nik AS BIGINT) AS nik, full_name, sex, birth_date, birth_place, mother_name,
            region_code, {aside_sql(con)}, NULL::UBIGINT AS nik_key, false AS conflict
        FROM match_judged AS j JOIN in_person_records AS r USING (dataset, record_id)
        WHERE j.true_key IS NOT NULL AND j.tier IS DISTINCT FROM 'identifier'
        """
    )
    add_work_region(con, "match_again")
    prepare_records(con, "match_again", "match_keys")
    # The NIK itself is a key too: a record whose NIK is right is compared with its owner.
    con.execute(
        f"UPDATE match_keys SET nik_key = r.person_key FROM {REGISTER} AS r"
        " WHERE r.nik = match_keys.nik AND match_keys.nik_aside IS NULL"
    )


def _blocking(con: duckdb.DuckDBPyConnection) -> dict[str, tuple[int, int]]:
    """Block the records without an identifier link again and look for their persons."""
    _residual(con)
    find_candidates(con, "match_keys", "match_pairs")
    rows = con.execute(
        """
        SELECT coalesce(a.dataset, 'ALL'), count(p.id), count(*)
        FROM match_again AS a
        LEFT JOIN match_pairs AS p ON p.id = a.id AND p.person_key = a.true_key
        GROUP BY GROUPING SETS ((), (a.dataset))
        """
    ).fetchall()
    con.execute("DROP TABLE match_again; DROP TABLE match_keys; DROP TABLE match_pairs")
    return {dataset: (inside, known) for dataset, inside, known in rows}


def recall_by_rule(
    con: duckdb.DuckDBPyConnection, period: str, truth_parquet: Path
) -> dict[str, dict[str, int]]:
    """Measure every blocking rule by itself on labelled records.

    Args:
        con: the restricted warehouse; the period has been linked.
        period: the month of the run.
        truth_parquet: as for `compare_with_truth`.

    Returns:
        By rule, `owner` (who has the record's NIK) and `ALL`: `records` that were not linked
        by identifier and have a person, `found` whose person the rule gives, `alone` whose
        person no other rule gives (0 for `ALL`), and `pairs` that the rule gives.
    """
    _judge(con, period, truth_parquet)
    _residual(con)
    con.execute(
        "CREATE OR REPLACE TEMP TABLE match_by_rule(rule VARCHAR, id BIGINT, person_key UBIGINT);"
        "INSERT INTO match_by_rule SELECT 'owner', id, nik_key FROM match_keys"
        " WHERE nik_key IS NOT NULL;"
        "UPDATE match_keys SET nik_key = NULL"
    )
    for rule in RULES:
        find_candidates(con, "match_keys", "match_pairs", rules=(rule,))
        con.execute(f"INSERT INTO match_by_rule SELECT {literal(rule.name)}, * FROM match_pairs")
    rows = con.execute(
        """
        WITH told AS (
            SELECT b.rule, b.id, b.person_key, a.true_key IS NOT NULL AS right,
                count(*) OVER (PARTITION BY b.id, b.person_key) AS rules
            FROM match_by_rule AS b LEFT JOIN match_again AS a
                ON a.id = b.id AND a.true_key = b.person_key)
        SELECT rule, count(*) FILTER ("right"), count(*) FILTER ("right" AND rules = 1), count(*)
        FROM told GROUP BY rule
        UNION ALL
        SELECT 'ALL', count(DISTINCT id) FILTER ("right"), 0, count(DISTINCT (id, person_key))
        FROM told
        """
    ).fetchall()
    known = int(con.execute("SELECT count(*) FROM match_again").fetchall()[0][0])
    con.execute("DROP TABLE match_again; DROP TABLE match_keys; DROP TABLE match_pairs;"
                " DROP TABLE match_by_rule; DROP TABLE match_judged")  # fmt: skip
    nothing = dict.fromkeys(("owner", *(rule.name for rule in RULES)), (0, 0, 0))
    return {
        rule: {"records": known, "found": found, "alone": alone, "pairs": pairs}
        for rule, (found, alone, pairs) in (nothing | {row[0]: row[1:] for row in rows}).items()
    }


def unknowable(
    con: duckdb.DuckDBPyConnection, period: str, truth_parquet: Path
) -> dict[str, float]:
    """Count the labelled records whose person no method could tell from another.

    Such a record says nothing, or only what its person shares with another of the register:
    the name (titles off, spellings of one name one word), and what the record states of birth
    date, sex, birth place, mother and home, or else the employer's region. What it writes is
    not looked at, right or wrong: where two people are the same in all that it speaks of, no
    comparison can choose. A NIK tells the two apart unless it is another's or far from both.

    Args:
        con: the restricted warehouse; the period has been linked.
        period: the month of the run.
        truth_parquet: as for `compare_with_truth`.

    Returns:
        `persons`, labelled records with a person on the spine; `residual`, those not linked by
        identifier; `unknowable`, those nobody can tell; `by_luck`, how many of these a guess
        among the equal people would get right on average.
    """
    _judge(con, period, truth_parquet)
    _residual(con)
    equal = " AND ".join(
        f"(l.{stated} IS NULL OR r.{column} IS NOT DISTINCT FROM t.{column})"
        for stated, column in (
            ("birth", "born"), ("sex", "sex"), ("place", "place"), ("mother", "mother_h"),
            ("region", "region"),
        )
    )  # fmt: skip
    residual, nobody, luck = con.execute(
        f"""
        WITH asked AS (
            SELECT l.*, a.true_key FROM match_keys AS l JOIN match_again AS a USING (id)),
        whose AS (
            SELECT l.id, count(r.person_key) AS others
            FROM asked AS l JOIN {REGISTER} AS t ON t.person_key = l.true_key
            LEFT JOIN {REGISTER} AS r ON r.h_sorted = t.h_sorted AND r.person_key <> t.person_key
                AND l.canon IS NOT NULL AND {equal}
                AND (l.region IS NOT NULL OR l.work IS NULL OR r.region = t.region)
                AND (l.nik_aside IS NULL OR length(l.nik_aside) >= 14
                    OR r.nik // 10000000000 = t.nik // 10000000000)
            WHERE l.nik_front IS NULL OR l.nik_key IS NOT NULL AND l.nik_key <> l.true_key
                OR levenshtein(coalesce(l.nik::VARCHAR, l.nik_aside), t.nik::VARCHAR) > 4
            GROUP BY l.id)
        SELECT (SELECT count(*) FROM match_again),
            count(*) FILTER (others > 0) + (SELECT count(*) FROM match_keys WHERE coalesce(canon,
                sex, place, mother, birth::VARCHAR, nik_front::VARCHAR) IS NULL),
            coalesce(sum(1 / (others + 1)) FILTER (others > 0), 0)
        FROM whose
        """
    ).fetchall()[0]
    persons = con.execute("SELECT count(true_key) FROM match_judged").fetchall()[0][0]
    con.execute("DROP TABLE match_again; DROP TABLE match_keys; DROP TABLE match_judged")
    return {
        "persons": int(persons), "residual": int(residual), "unknowable": int(nobody),
        "by_luck": float(luck),
    }  # fmt: skip
