"""Holding the pairs that a tool gave against the truth.

    python -m benchmarks.linkage.judge PAIRS.parquet TRUTH.parquet [--groups]

Belongs here: from two files to measures. Does not belong here: the measures (metrics). A
process of its own, for the one that measures others must stay small.

PAIRS has `left_id, right_id, score, accepted`, or is what `cakupan link` writes (`probability`
and `review` for the last two); TRUTH has `left_id, right_id`. With `--groups` (a dedupe) pairs
have no order, and the groups that they make are measured too.
"""

from __future__ import annotations

import argparse
import json
import math
from typing import Any

import duckdb

from benchmarks.linkage.metrics import Groups, Measures, best, best_groups, measures


def _told(threshold: float | None, found: Measures) -> dict[str, Any]:
    known = threshold is not None and math.isfinite(threshold)
    return {"threshold": threshold if known else None, **found._asdict()}


def judge(pairs: str, truth: str, *, groups: bool = False) -> dict[str, Any]:
    """Measure the pairs of a tool.

    Args:
        pairs: Parquet file of pairs.
        truth: Parquet file of the true pairs.
        groups: pairs have no order, and groups are measured too.

    Returns:
        `own` and `best`, each with `threshold`, `precision`, `recall`, `f1`; with groups
        `own_groups` and `best_groups` as well; `links` accepted and `true_pairs`.
    """
    con = duckdb.connect()
    ordered = "least(left_id, right_id) AS a, greatest(left_id, right_id) AS b"
    ids = ordered if groups else "left_id AS a, right_id AS b"
    con.execute(
        f"CREATE TABLE truth AS SELECT DISTINCT {ids} FROM read_parquet($file)", {"file": truth}
    )
    columns = {
        row[0]
        for row in con.execute(
            "DESCRIBE SELECT * FROM read_parquet($file)", {"file": pairs}
        ).fetchall()
    }
    score, accepted = ("score", "accepted") if "score" in columns else ("probability", "NOT review")
    con.execute(
        f"""
        CREATE TABLE judged AS
        SELECT p.a, p.b, score, accepted, t.a IS NOT NULL AS is_true FROM (
            SELECT {ids}, max({score}) AS score, bool_or({accepted}) AS accepted
            FROM (SELECT * REPLACE (left_id::VARCHAR AS left_id, right_id::VARCHAR AS right_id)
                FROM read_parquet($file)) GROUP BY ALL) AS p
        LEFT JOIN truth AS t ON t.a = p.a AND t.b = p.b
        """,
        {"file": pairs},
    )
    true_pairs = con.execute("SELECT count(*) FROM truth").fetchall()[0][0]
    right, wrong = con.execute(
        "SELECT count(*) FILTER (is_true), count(*) FILTER (NOT is_true) FROM judged WHERE accepted"
    ).fetchall()[0]
    by_score = con.execute(
        "SELECT score, count(*) FILTER (is_true), count(*) FILTER (NOT is_true)"
        " FROM judged GROUP BY score"
    ).fetchall()
    result = {
        "links": right + wrong,
        "true_pairs": true_pairs,
        "own": _told(None, measures(right, wrong, true_pairs)),
        "best": _told(*best(by_score, true_pairs)),
    }
    if groups:
        known = con.execute("SELECT a, b FROM truth").fetchall()
        scored = con.execute("SELECT score, a, b, accepted FROM judged").fetchall()
        closed = Groups(known)
        for _, left, other, accepted in scored:
            if accepted:
                closed.link(left, other)
        result["own_groups"] = _told(None, closed.measures())
        result["best_groups"] = _told(*best_groups([row[:3] for row in scored], known))
    return result


def main() -> None:
    """Judge one file and print the measures as JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("pairs")
    parser.add_argument("truth")
    parser.add_argument("--groups", action="store_true")
    options = parser.parse_args()
    print(json.dumps(judge(options.pairs, options.truth, groups=options.groups)))


if __name__ == "__main__":
    main()
