"""One run of Splink over a prepared set.

    python -m benchmarks.linkage.splink_run SET OUT.parquet plain|same [--blocking]

Belongs here: training and predicting as Splink's documentation does it. Does not belong here:
the set-ups (splink_world, splink_small), measuring (run), or judging (judge).

The pairs that OUT gets are all those scored above a low weight; where members are linked to a
register, the best for each record, as only one can be true. What Splink accepts of its own is
a probability of at least one half (match weight 0), for it has no other default.
Prints a JSON object with the candidates compared; with `--blocking` also the share of the true
pairs among them, which takes time of its own.
"""

from __future__ import annotations

import argparse
import json
import logging
import time
from pathlib import Path
from typing import Any

import duckdb
from splink import DuckDBAPI, Linker, SettingsCreator

from benchmarks.linkage import splink_small, splink_world
from benchmarks.linkage.splink_world import SetUp

SEED = 2021
LEAST_WEIGHT = -10.0
OWN_PROBABILITY = 0.5


def prepare(con: duckdb.DuckDBPyConnection, source: Path, features: str) -> tuple[SetUp, bool]:
    """Load a set's tables and give its set-up, and whether it has two tables."""
    kind = json.loads((source / "set.json").read_text("utf-8"))["kind"]
    two = (source / "right.parquet").exists()
    same = features == "same"
    if kind == "world":
        (splink_world.load_same if same else splink_world.load_plain)(con, source)
        if not same:
            return splink_world.plain(), two
        people = con.execute("SELECT count(*) FROM register").fetchall()[0][0]
        return splink_world.same(people), two
    (splink_small.load_same if same else splink_small.load)(con, source, two=two)
    if kind == "febrl":
        return splink_small.febrl_same() if same else splink_small.febrl(two=two), two
    return splink_small.fake1000_same() if same else splink_small.fake1000(), two


def link(source: Path, out: Path, features: str, *, blocking: bool = False) -> dict[str, Any]:
    """Link or dedupe a set.

    Args:
        source: folder of the set.
        out: Parquet file to write: `left_id, right_id, score, accepted`.
        features: `plain` or `same`.
        blocking: tell the share of the true pairs that were candidates.

    Returns:
        `candidates`, `stages` (seconds of each), and `blocking_recall` where asked for.
    """
    stages: dict[str, float] = {}
    started = time.monotonic()

    def done(stage: str) -> None:
        nonlocal started
        stages[stage] = round(time.monotonic() - started, 2)
        started = time.monotonic()

    con = duckdb.connect()
    setup, two = prepare(con, source, features)
    done("load")
    api = DuckDBAPI(connection=con)
    # The order of the names decides which side is the left one of a pair.
    tables = [api.register("members", dataset_display_name="a_members")]
    if two:
        tables.append(api.register("register", dataset_display_name="b_register"))
    settings = SettingsCreator(
        link_type="link_only" if two else "dedupe_only",
        unique_id_column_name="unique_id",
        comparisons=setup.comparisons,
        blocking_rules_to_generate_predictions=setup.blocking,
        retain_matching_columns=False,
        retain_intermediate_calculation_columns=False,
    )
    linker = Linker(tables, settings, log_level=logging.WARNING)
    training = linker.training
    training.estimate_probability_two_random_records_match(setup.certain, recall=setup.recall)
    done("prior")
    training.estimate_u_using_random_sampling(max_pairs=setup.max_pairs, seed=SEED)
    done("u")
    for rule in setup.training:
        training.estimate_parameters_using_expectation_maximisation(
            rule, estimate_without_term_frequencies=True
        )
    done("m")
    blocked = linker.inference.compute_blocked_pairs_for_predict()
    answer: dict[str, Any] = {
        "candidates": con.execute(f"SELECT count(*) FROM {blocked.physical_name}").fetchall()[0][0]
    }
    done("blocking")
    scored = linker.inference.predict(threshold_match_weight=LEAST_WEIGHT)
    only_best = (
        "QUALIFY row_number() OVER"
        " (PARTITION BY unique_id_l ORDER BY match_weight DESC, unique_id_r) = 1"
    )
    con.execute(
        f"""
        COPY (SELECT unique_id_l AS left_id, unique_id_r AS right_id, match_weight AS score,
            match_probability >= {OWN_PROBABILITY} AS accepted
        FROM {scored.physical_name} {only_best if two else ""}) TO '{out}' (FORMAT parquet)
        """
    )
    done("predict")
    answer["stages"] = stages
    if blocking:
        answer["blocking_recall"] = _found(linker, con, source)
    return answer


def _found(linker: Linker, con: duckdb.DuckDBPyConnection, source: Path) -> float:
    """Give the share of the true pairs that Splink had among its candidates."""
    scored = linker.inference.predict()
    row = con.execute(
        f"""
        SELECT count(*) / (SELECT count(*) FROM read_parquet('{source}/truth.parquet'))
        FROM (SELECT least(left_id, right_id) AS a, greatest(left_id, right_id) AS b
            FROM read_parquet('{source}/truth.parquet'))
        SEMI JOIN (SELECT least(unique_id_l, unique_id_r) AS a,
            greatest(unique_id_l, unique_id_r) AS b FROM {scored.physical_name}) USING (a, b)
        """
    ).fetchall()
    return float(row[0][0])


def main() -> None:
    """Run once."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("source", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("features", choices=("plain", "same"))
    parser.add_argument("--blocking", action="store_true")
    options = parser.parse_args()
    print(
        json.dumps(link(options.source, options.out, options.features, blocking=options.blocking))
    )


if __name__ == "__main__":
    main()
