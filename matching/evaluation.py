"""How good the links of persons are, where the truth is known.

Belongs here: precision, recall and blocking recall against labelled records. Does not
belong here: estimates without labels (quality.linkage_quality), or the linking itself.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb

from matching.blocking import find_candidates
from matching.exact import add_work_region, aside_sql
from matching.keys import REGISTER, ensure_register, prepare_records
from warehouse.errors import UsageError
from warehouse.storage import literal


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
    if not truth_parquet.exists():
        raise UsageError(f"truth file {truth_parquet} does not exist")
    people = ensure_register(con, period)
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE match_judged AS
        SELECT l.*, r.person_key AS true_key
        FROM linkage.person_links AS l
        JOIN (SELECT dataset, record_id, md5_number_lower(nik) AS true_key
            FROM read_parquet({literal(str(truth_parquet))}) WHERE period = {literal(period)}) AS t
            USING (dataset, record_id)
        LEFT JOIN {REGISTER} AS r ON r.person_key = t.true_key
        WHERE l.period = {literal(period)}
        """
    )
    result = _by_dataset(con)
    if not people or not result["ALL"]["records"]:
        raise UsageError(f"no link of {period} stands in {truth_parquet.name}: link it first")
    if with_blocking:
        for dataset, (inside, known) in _blocking(con).items():
            result[dataset]["blocking_recall"] = inside / known if known else 1.0
    con.execute("DROP TABLE match_judged")
    return result


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


def _blocking(con: duckdb.DuckDBPyConnection) -> dict[str, tuple[int, int]]:
    """Block the records without an identifier link again and look for their persons."""
    aside = aside_sql(con)
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE match_again AS
        SELECT row_number() OVER (ORDER BY j.dataset, j.record_id) AS id, j.dataset, j.record_id,
            j.true_key,
            try_cast(r.nik AS BIGINT) AS nik, full_name, sex, birth_date, birth_place, mother_name,
            region_code, {aside}, NULL::UBIGINT AS nik_key, false AS conflict
        FROM match_judged AS j JOIN in_person_records AS r USING (dataset, record_id)
        WHERE j.true_key IS NOT NULL AND j.tier IS DISTINCT FROM 'identifier'
        """
    )
    add_work_region(con, "match_again")
    prepare_records(con, "match_again", "match_keys")
    # The NIK itself is a key too: a record whose NIK is right is compared with its owner.
    con.execute(
        f"UPDATE match_keys SET nik_key = r.person_key FROM {REGISTER} AS r"
        " WHERE r.nik = match_keys.nik"
    )
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
