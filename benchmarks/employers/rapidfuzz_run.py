"""One run of plain RapidFuzz: names whose token_set_ratio reaches a threshold are one.

    python -m benchmarks.employers.rapidfuzz_run SET OUT.parquet

Belongs here: what a short script would do. Does not belong here: rules of company names.

Names are put through `rapidfuzz.utils.default_process` (lower case, no punctuation) and nothing
else. Of a set of records all pairs of one region are compared, for all pairs of all would be too
many; records without a region meet nobody. Kept are pairs scored 60 and more; accepted from 90.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
from rapidfuzz import fuzz, process, utils

OWN, KEPT = 90, 60
CHUNK = 500


def pairs(con: duckdb.DuckDBPyConnection, source: Path) -> tuple[pa.Table, int]:
    """Score the pairs of a set of pairs."""
    ids, one, other = zip(
        *con.execute(f"SELECT pair_id, one, other FROM '{source}/pairs.parquet'").fetchall(),
        strict=True,
    )
    scores = process.cpdist(
        one, other, scorer=fuzz.token_set_ratio, processor=utils.default_process
    )
    return pa.table({"left_id": ids, "right_id": ids, "score": scores.astype("float64")}), len(ids)


def records(con: duckdb.DuckDBPyConnection, source: Path) -> tuple[pa.Table, int]:
    """Score all pairs of records of one region."""
    regions = con.execute(
        "SELECT list(unique_id ORDER BY unique_id), list(employer_name ORDER BY unique_id) "
        f"FROM '{source}/records.parquet' WHERE region_code <> '0000' GROUP BY region_code"
    ).fetchall()
    found: dict[str, list[np.ndarray]] = {"left_id": [], "right_id": [], "score": []}
    compared = 0
    for ids, names in regions:
        keys = np.array(ids)
        ready = [utils.default_process(name or "") for name in names]
        for start in range(0, len(ready), CHUNK):
            scores = process.cdist(
                ready[start : start + CHUNK], ready[start:], scorer=fuzz.token_set_ratio,
                score_cutoff=KEPT, dtype=np.uint8, workers=-1,
            )  # fmt: skip
            at, to = np.nonzero(scores)
            later = to > at
            at, to = at[later], to[later]
            compared += scores.size
            found["left_id"].append(keys[start + at])
            found["right_id"].append(keys[start + to])
            found["score"].append(scores[at, to].astype("float64"))
    return pa.table({name: np.concatenate(parts) for name, parts in found.items()}), compared


def main() -> None:
    """Run once and print the counts as JSON."""
    source, out = Path(sys.argv[1]), Path(sys.argv[2])
    con = duckdb.connect()
    kind = json.loads((source / "set.json").read_text("utf-8"))["kind"]
    scored, candidates = (records if kind == "records" else pairs)(con, source)
    con.register("scored", scored)
    con.execute(
        f"COPY (SELECT *, score >= {OWN} AS accepted FROM scored) TO '{out}' (FORMAT parquet)"
    )
    print(json.dumps({"candidates": candidates}))


if __name__ == "__main__":
    main()
