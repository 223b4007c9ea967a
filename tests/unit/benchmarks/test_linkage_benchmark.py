"""The measures of the linkage benchmark, and how it measures a process."""

from __future__ import annotations

import itertools
import sys
from pathlib import Path

import duckdb
import pytest

from benchmarks.linkage.judge import judge
from benchmarks.linkage.metrics import Groups, best, best_groups, measures
from benchmarks.linkage.process import ChildFailed, run


def test_f1_counts_what_was_missed() -> None:
    found = measures(right=8, wrong=2, true_pairs=16)
    assert (found.precision, found.recall) == (0.8, 0.5)
    assert found.f1 == pytest.approx(2 * 0.8 * 0.5 / 1.3)
    assert measures(0, 0, 5).f1 == 0


def test_the_best_threshold_is_where_f1_is_highest() -> None:
    # In order of score: three right, one wrong, one right, three wrong.
    counts = [(0.2, 0, 3), (0.9, 3, 0), (0.5, 0, 1), (0.4, 1, 0)]
    threshold, found = best(counts, true_pairs=4)
    assert threshold == 0.4
    assert found == measures(4, 1, 4)


def test_pairs_of_one_score_are_taken_together() -> None:
    # A threshold cannot keep the right pair and leave the wrong ones of its score.
    threshold, found = best([(0.9, 1, 0), (0.5, 1, 0), (0.5, 0, 9)], true_pairs=2)
    assert (threshold, found) == (0.9, measures(1, 0, 2))
    assert best([(0.9, 0, 4)], true_pairs=2)[0] == float("inf")


def test_groups_count_the_pairs_that_follow() -> None:
    truth = [(1, 2), (2, 3), (7, 8)]
    groups = Groups(truth)
    assert groups.true_pairs == 4  # 1-3 follows from the first two
    groups.link(1, 2)
    groups.link(3, 2)
    groups.link(3, 1)
    assert groups.measures() == measures(3, 0, 4)
    groups.link(3, 9)  # 9 is nobody else: three wrong pairs
    assert groups.measures() == measures(3, 3, 4)


def test_groups_agree_with_counting_every_pair() -> None:
    truth = [(f"{person}a", f"{person}b") for person in range(12)]
    pairs = [(((7 * i) % 11) / 11, f"{i % 12}a", f"{(i * 5 + i // 12) % 12}b") for i in range(30)]
    threshold, found = best_groups(pairs, truth)
    best_f1 = 0.0
    for least in sorted({score for score, _, _ in pairs}):
        linked = Groups(truth)
        for score, left, right in pairs:
            if score >= least:
                linked.link(left, right)
        members: dict[object, list[str]] = {}
        for record, group in linked._group.items():
            members.setdefault(group, []).append(str(record))
        closed = {
            frozenset(pair)
            for group in members.values()
            for pair in itertools.combinations(group, 2)
        }
        right_pairs = len(closed & {frozenset(pair) for pair in truth})
        assert linked.measures() == measures(right_pairs, len(closed) - right_pairs, 12)
        best_f1 = max(best_f1, linked.measures().f1)
    assert found.f1 == best_f1
    assert threshold in {score for score, _, _ in pairs}


@pytest.mark.parametrize("columns", ["score, accepted", "probability, review"])
def test_a_dedupe_is_judged_in_either_order(tmp_path: Path, columns: str) -> None:
    con = duckdb.connect()
    pairs, truth = str(tmp_path / "pairs.parquet"), str(tmp_path / "truth.parquet")
    sure, unsure = ("true", "false") if "score" in columns else ("false", "true")
    con.execute(
        f"COPY (SELECT * FROM (VALUES ('b', 'a', 0.9, {sure}), ('c', 'd', 0.8, {unsure}),"
        f" ('a', 'e', 0.7, {unsure})) AS t(left_id, right_id, {columns})) TO '{pairs}'"
    )
    con.execute(
        f"COPY (SELECT * FROM (VALUES ('a', 'b'), ('d', 'c')) AS t(left_id, right_id)) TO '{truth}'"
    )
    told = judge(pairs, truth, groups=True)
    assert (told["links"], told["own"]["recall"], told["own"]["precision"]) == (1, 0.5, 1)
    assert (told["best"]["f1"], float(told["best"]["threshold"])) == (1, 0.8)
    assert told["own_groups"]["recall"] == 0.5
    assert judge(pairs, truth)["own"]["recall"] == 0


def test_a_child_is_measured_and_its_answer_read() -> None:
    held = "x = bytearray(80_000_000); print('log'); print('{\"n\": {\"a\": 1}}')"
    child = run([sys.executable, "-c", held])
    assert child.answer == {"n": {"a": 1}}
    # No upper bound: a child of a large process, such as a long test session, starts large.
    assert child.peak_gb > 0.07
    assert child.seconds > 0
    with pytest.raises(ChildFailed, match="gone wrong"):
        run([sys.executable, "-c", "raise SystemExit('gone wrong')"])
