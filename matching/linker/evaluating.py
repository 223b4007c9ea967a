"""How good a linkage is where the truth is known.

Belongs here: precision, recall and F1 of the accepted links, the best F1 in hindsight, and how
many true pairs were compared at all. Does not belong here: estimates without labels.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb

from matching.evaluation import measures
from matching.linker.spec import Spec
from matching.linker.tables import read_file
from warehouse.errors import UsageError
from warehouse.storage import quote, scalar


def load_truth(
    con: duckdb.DuckDBPyConnection, spec: Spec, file: Path, *, dedupe: bool, swapped: bool
) -> int:
    """Read the true pairs into `lk_truth` (`id`, `person_key`), by row numbers.

    Args:
        con: the linkage's database with the raw tables.
        spec: whose identifiers they are.
        file: CSV or Parquet with `left_id`, `right_id`; in a dedupe in either order.
        dedupe: there is one table.
        swapped: the tables changed places.

    Returns:
        The number of true pairs.

    Raises:
        UsageError: the file has no such columns, or names identifiers that no table has.
    """
    columns = ["left_id", "right_id"]
    read_file(con, file, "TRUTH", "lk_labels", columns)
    left, right = reversed(columns) if swapped else columns
    side = "lk_raw_r" if dedupe else "lk_raw_l"
    ordered = (
        "least(l.lk_row, r.lk_row) AS id, greatest(l.lk_row, r.lk_row)::UBIGINT AS person_key"
        if dedupe
        else "l.lk_row AS id, r.lk_row::UBIGINT AS person_key"
    )
    # Compared as text: a label file may have been written by other hands.
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE lk_truth AS
        SELECT DISTINCT {ordered} FROM lk_labels AS t
        JOIN {side} AS l ON l.{quote(spec.left.id)}::VARCHAR = t.{left}::VARCHAR
        JOIN lk_raw_r AS r ON r.{quote(spec.right.id)}::VARCHAR = t.{right}::VARCHAR
        WHERE {"l.lk_row <> r.lk_row" if dedupe else "true"}
        """
    )
    pairs = int(scalar(con, "SELECT count(*) FROM lk_truth"))
    con.execute("DROP TABLE lk_labels")
    if not pairs:
        raise UsageError(
            f"TRUTH {file.name}: none of its pairs are of these tables; left_id and right_id are "
            "the values of the columns that the specification names as id"
        )
    con.execute("CREATE OR REPLACE TEMP TABLE lk_met(id BIGINT, person_key UBIGINT)")
    return pairs


def note_compared(con: duckdb.DuckDBPyConnection, pairs: str) -> None:
    """Note which true pairs are among pairs that are compared."""
    con.execute(
        f"INSERT INTO lk_met SELECT t.* FROM lk_truth AS t"
        f" SEMI JOIN {pairs} AS p ON p.id = t.id AND p.person_key = t.person_key"
    )


def evaluate(con: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    """Hold `lk_links` and `lk_ranked` against `lk_truth`.

    Returns:
        `true_pairs`, `links`, `precision`, `recall`, `f1` of the accepted links, `best_f1` with
        the `best_threshold` that somebody who knows the truth would choose (None where no
        threshold does better than what was decided), `blocking_ceiling`
        (share of the true pairs that were compared) and `review_true`, true pairs in review.
    """
    total = int(scalar(con, "SELECT count(*) FROM lk_truth"))
    links, right, review = con.execute(
        """
        SELECT count(*) FILTER (NOT review), count(t.id) FILTER (NOT review),
            count(t.id) FILTER (review)
        FROM lk_links AS l LEFT JOIN lk_truth AS t
            ON t.id = l.id AND t.person_key = l.person_key
        """
    ).fetchall()[0]
    best = con.execute(
        f"""
        WITH ranked AS (
            SELECT r.ppm, count(t.id) AS yes, count(*) AS n
            FROM lk_ranked AS r LEFT JOIN lk_truth AS t
                ON t.id = r.id AND t.person_key = r.person_key GROUP BY r.ppm),
        summed AS (SELECT ppm, sum(yes) OVER up AS yes, sum(n) OVER up AS n
            FROM ranked WINDOW up AS (ORDER BY ppm DESC))
        SELECT 2 * yes / (n + {total}), ppm / 1e6 FROM summed ORDER BY 1 DESC, 2 DESC LIMIT 1
        """
    ).fetchone()
    met = int(scalar(con, "SELECT count(*) FROM (SELECT DISTINCT * FROM lk_met)"))
    own = measures(right, links - right, total - right)
    # What was decided may be better than any threshold: groups and cardinality know more.
    known = best is not None and best[0] > own["f1"]
    return {
        "true_pairs": total,
        "links": links,
        **own,
        "best_f1": float(best[0]) if best and known else own["f1"],
        "best_threshold": float(best[1]) if best and known else None,
        "blocking_ceiling": met / total,
        "review_true": review,
    }
