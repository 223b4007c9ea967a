"""Measure the links of all lists of a sample world against its truth.

    python benchmarks/linkage/all_lists.py HOME WORLD [--period 2026-10]

HOME is a home in which `cakupan run` has run over the sample world WORLD. Prints, as Markdown, how
many records are linked right, what no method could know, and what each rule of blocking finds by
itself of the records that no NIK linked.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from matching.evaluation import compare_with_truth, recall_by_rule, unknowable
from warehouse.connection import connect, set_parameters
from warehouse.home import Home
from warehouse.inputs import create_inputs
from warehouse.settings import Settings


def main() -> None:
    """Measure one home."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("home", type=Path)
    parser.add_argument("world", type=Path)
    parser.add_argument("--period", default="2026-10")
    options = parser.parse_args()
    truth = options.world / "truth" / "person_records.parquet"
    with connect(Home(options.home)) as con:
        set_parameters(con, Settings(), options.period)
        create_inputs(con, options.period)
        found = compare_with_truth(con, options.period, truth)["ALL"]
        nobody = unknowable(con, options.period, truth)
        rules = recall_by_rule(con, options.period, truth)
    sure = found["tiers"]["identifier"]
    met = rules.pop("ALL")
    print("| records | right | wrong | missed | review | F1 | found by blocking |")
    print("|--:|--:|--:|--:|--:|--:|--:|")
    print(
        f"| {found['records']:,} | {found['right']:,} | {found['wrong']} | {found['missed']}"
        f" | {found['review']} | {found['f1']:.5f} | {found['blocking_recall']:.2%} |\n"
    )
    print(f"By identifier: {sure['right']:,} right, {sure['wrong']} wrong.")
    print(
        f"Of {nobody['residual']:,} records with a person that no NIK linked nobody can tell"
        f" {nobody['unknowable']}; guesses would have {nobody['by_luck']:.1f} of them right.\n"
    )
    print(f"Each rule by itself, of {met['records']:,} records (together {met['found']:,}):\n")
    print("| rule | found | by no other | pairs |\n|---|--:|--:|--:|")
    for rule, told in sorted(rules.items(), key=lambda item: -item[1]["found"]):
        print(f"| {rule} | {told['found']:,} | {told['alone']} | {told['pairs']:,} |")


if __name__ == "__main__":
    main()
