"""One run of Splink over a set of employers or of pairs of names.

    python -m benchmarks.employers.splink_run SET OUT.parquet plain|same

Belongs here: the two set-ups, training and predicting as Splink's documentation does it. Does not
belong here: measuring (run), or judging (judge).

`plain` gets the columns as conformed: names in upper case without punctuation and legal form,
identifiers, region, industry, address, with ready-made comparisons. `same` gets what this project
makes of them: the core of the name and its sorted words, the family of legal forms, the taxpayer
without its branch, and rules of the same kinds, its rarest words among them. Splink accepts a
probability of at least one half (match weight 0), for it has no default of its own.

Of pairs only the names are compared, and only each pair's two.
"""

from __future__ import annotations

import argparse
import json
import logging
from pathlib import Path
from typing import Any

import duckdb
import splink.comparison_level_library as cll
import splink.comparison_library as cl
from splink import DuckDBAPI, Linker, SettingsCreator, block_on

SEED = 2021
LEAST_WEIGHT = -10.0
_CLEAN = (
    "trim(regexp_replace(regexp_replace(upper(employer_name), '[^A-Z0-9]+', ' ', 'g'),"
    " '(^| )(PT|P T|CV|C V|UD|TBK|PERSERO|KOPERASI|YAYASAN)( |$)', ' ', 'g'))"
)


def load_plain(con: duckdb.DuckDBPyConnection, source: str) -> None:
    """Make table `employers` with little more than what was delivered."""
    con.execute(
        f"""
        CREATE TABLE employers AS
        SELECT unique_id, nullif({_CLEAN}, '') AS name,
            nullif(left(npwp, 10), '') AS npwp, nib, nullif(region_code, '0000') AS region, kbli,
            nullif(trim(regexp_replace(upper(address), '[^A-Z0-9]+', ' ', 'g')), '') AS address,
            left(name, 6) AS beginning
        FROM {source}
        """
    )


def load_same(con: duckdb.DuckDBPyConnection, source: str) -> None:
    """Make table `employers` with this project's columns."""
    from matching.companies import TOKEN_BITS, parse_names  # noqa: PLC0415
    from warehouse.connection import SCHEMAS  # noqa: PLC0415
    from warehouse.reference import load_reference  # noqa: PLC0415
    from warehouse.tables import create_tables  # noqa: PLC0415

    for schema in SCHEMAS:
        con.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
    create_tables(con)
    load_reference(con)
    con.execute(f"CREATE TABLE given AS FROM {source}")
    parse_names(con, "given")
    con.execute(
        f"""
        CREATE TABLE employers AS
        SELECT g.unique_id, n.core AS name, c.sorted_key AS sorted, c.compact,
            coalesce(n.subtype, n.family) AS form,
            CASE WHEN regexp_matches(g.npwp, '^0{{16}}$') THEN NULL
                ELSE nullif(left(g.npwp, 10), '') END AS npwp, g.nib,
            nullif(g.region_code, '0000') AS region, g.kbli,
            nullif(trim(regexp_replace(upper(g.address), '[^A-Z0-9]+', ' ', 'g')), '') AS address,
            list_sort(list_transform(c.tokens,
                lambda t: (t % {TOKEN_BITS}) * 1000000000000 + t), 'DESC')[1] AS rarest,
            list_sort(list_transform(c.tokens,
                lambda t: (t % {TOKEN_BITS}) * 1000000000000 + t), 'DESC')[2] AS second
        FROM given AS g JOIN co_names AS n USING (employer_name)
        JOIN co_cores AS c USING (core_id)
        """
    )


def _names(*, same: bool) -> cl.CustomComparison:
    levels = [cll.NullLevel("name"), cll.ExactMatchLevel("name", term_frequency_adjustments=True)]
    if same:
        levels.append(cll.ExactMatchLevel("sorted", term_frequency_adjustments=True))
        levels.append(cll.ExactMatchLevel("compact"))
    levels += [cll.JaroWinklerLevel("name", at) for at in (0.96, 0.9, 0.8)]
    return cl.CustomComparison(
        output_column_name="name", comparison_levels=[*levels, cll.ElseLevel()]
    )


def settings(features: str, *, names_only: bool) -> tuple[list[Any], list[Any]]:
    """Give comparisons and blocking rules of a set-up."""
    same = features == "same"
    comparisons: list[Any] = [_names(same=same)]
    if same:
        comparisons.append(cl.ExactMatch("form"))
    if names_only:
        return comparisons, [block_on("pair")]
    comparisons += [
        cl.LevenshteinAtThresholds("npwp", [1, 2]),
        cl.LevenshteinAtThresholds("nib", [1, 2]),
        cl.ExactMatch("region").configure(term_frequency_adjustments=True),
        cl.ExactMatch("kbli").configure(term_frequency_adjustments=True),
        cl.JaroWinklerAtThresholds("address", [0.9]).configure(term_frequency_adjustments=True),
    ]
    rules = [
        block_on("npwp"), block_on("nib"), block_on("name", "region"), block_on("name", "kbli"),
        block_on("address", "region"),
    ]  # fmt: skip
    if same:
        rules += [
            block_on("sorted", "region"), block_on("compact", "region"),
            block_on("rarest", "region"), block_on("rarest", "second"),
        ]  # fmt: skip
    else:
        rules += [block_on("beginning", "region")]
    return comparisons, rules


def link(source: Path, out: Path, features: str) -> dict[str, Any]:
    """Train, score and write `left_id, right_id, score, accepted`."""
    con = duckdb.connect()
    kind = json.loads((source / "set.json").read_text("utf-8"))["kind"]
    load = load_same if features == "same" else load_plain
    names_only = kind == "pairs"
    if names_only:
        # Both names of a pair in one table; a pair's number is its block.
        load(
            con,
            f"""(SELECT pair_id || side AS unique_id, name AS employer_name,
                NULL::VARCHAR AS legal_form, NULL::VARCHAR AS npwp, NULL::VARCHAR AS nib,
                NULL::VARCHAR AS region_code, NULL::VARCHAR AS kbli, NULL::VARCHAR AS address
            FROM (SELECT pair_id, unnest(['a', 'b']) AS side, unnest([one, other]) AS name
                FROM '{source}/pairs.parquet'))""",
        )
        con.execute("ALTER TABLE employers ADD COLUMN pair VARCHAR")
        con.execute("UPDATE employers SET pair = left(unique_id, -1)")
    else:
        load(con, f"'{source}/records.parquet'")
    comparisons, rules = settings(features, names_only=names_only)
    linker = Linker(
        DuckDBAPI(connection=con).register("employers"),
        SettingsCreator(
            link_type="dedupe_only",
            unique_id_column_name="unique_id",
            comparisons=comparisons,
            blocking_rules_to_generate_predictions=rules,
            probability_two_random_records_match=0.5 if names_only else None,
            retain_matching_columns=False,
            retain_intermediate_calculation_columns=False,
        ),
        log_level=logging.WARNING,
    )
    training = linker.training
    if not names_only:
        training.estimate_probability_two_random_records_match(
            [block_on("npwp"), block_on("nib")], recall=0.6
        )
    training.estimate_u_using_random_sampling(max_pairs=2e6 if names_only else 1e7, seed=SEED)
    sessions = [block_on("pair")] if names_only else [block_on("npwp"), block_on("name", "region")]
    for rule in sessions:
        training.estimate_parameters_using_expectation_maximisation(
            rule,
            estimate_without_term_frequencies=True,
            fix_probability_two_random_records_match=names_only,
        )
    scored = linker.inference.predict(threshold_match_weight=None if names_only else LEAST_WEIGHT)
    ids = (
        "left(unique_id_l, -1) AS left_id, left(unique_id_r, -1) AS right_id"
        if names_only
        else "unique_id_l AS left_id, unique_id_r AS right_id"
    )
    con.execute(
        f"""
        COPY (SELECT {ids}, match_weight AS score, match_probability >= 0.5 AS accepted
            FROM {scored.physical_name}) TO '{out}' (FORMAT parquet)
        """
    )
    rows = con.execute(f"SELECT count(*) FROM {scored.physical_name}").fetchall()
    return {"candidates": rows[0][0]}


def main() -> None:
    """Run once and print the counts as JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("source", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("features", choices=("plain", "same"))
    options = parser.parse_args()
    print(json.dumps(link(options.source, options.out, options.features)))


if __name__ == "__main__":
    main()
