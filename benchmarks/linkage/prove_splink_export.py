"""Hold the exported model against the project's own scores, pair by pair, in Splink.

    python -m benchmarks.linkage.prove_splink_export prepare --home HOME --period P --out DIR
    python -m benchmarks.linkage.prove_splink_export prove DIR

Belongs here: the proof that Splink, given the settings of `cakupan model export`, scores the
pairs as the project does. Does not belong here: the export (matching/splink_export.py), or
how the two engines compare when each works in its own way (run.py).

`prepare` needs the project, `prove` needs Splink 5 and DuckDB alone, so the two may run in
different environments. DIR then holds keys of people: prepare refuses a home whose people
are not synthetic, as told by their NIKs (district numbers of 90 or more).
"""

from __future__ import annotations

import argparse
import json
import logging
from pathlib import Path
from typing import Any

RECORDS = 3_000
# Nearer than this, in bits, two scores are the same: the project rounds to four places.
SAME_BITS = 0.001


def prepare(home_path: Path, period: str, out: Path) -> dict[str, Any]:
    """Write keys, pairs, levels and scores of a sample of the records a NIK did not link.

    Args:
        home_path: a home of synthetic people whose period has been run.
        period: the month.
        out: folder to make: `settings.json`, `left.parquet`, `right.parquet`,
            `pairs.parquet`, `tf_*.parquet`.
    """
    from matching.blocking import find_candidates  # noqa: PLC0415
    from matching.comparison import FIELDS, compare  # noqa: PLC0415
    from matching.exact import split  # noqa: PLC0415
    from matching.explaining import register_stands  # noqa: PLC0415
    from matching.keys import REGISTER, prepare_records  # noqa: PLC0415
    from matching.model import Model  # noqa: PLC0415
    from matching.names import create_name_macros  # noqa: PLC0415
    from matching.splink_export import RARITY_KEYS, splink_settings  # noqa: PLC0415
    from warehouse.connection import connect, set_parameters  # noqa: PLC0415
    from warehouse.home import Home  # noqa: PLC0415
    from warehouse.inputs import create_inputs  # noqa: PLC0415
    from warehouse.settings import Settings  # noqa: PLC0415

    con = connect(Home.resolve(home_path), read_only=True)
    set_parameters(con, Settings(), period)
    if not register_stands(con, period):
        raise SystemExit(f"link {period} last in this home: its register's keys are not there")
    create_inputs(con, period)
    create_name_macros(con)
    real = con.execute("SELECT count(*) FROM in_population WHERE nik[5] <> '9'").fetchall()[0][0]
    if real:
        raise SystemExit("this home may hold people who are not synthetic: nothing is written")
    (text,) = con.execute(
        "SELECT parameters::VARCHAR FROM linkage.models WHERE model = 'persons' AND period = ?"
        " ORDER BY version DESC LIMIT 1",
        [period],
    ).fetchall()[0]
    model = Model.from_json(text)
    out.mkdir(parents=True, exist_ok=True)
    (out / "settings.json").write_text(json.dumps(splink_settings(model)), encoding="utf-8")

    split(con, "true")
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE few AS FROM match_rest ORDER BY hash(id), id LIMIT {RECORDS}"
    )
    prepare_records(con, "few", "few_keys")
    find_candidates(con, "few_keys", "few_pairs")
    compare(con, "few_pairs", "few_keys", REGISTER, "few_levels")
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE scored AS
        SELECT row_number() OVER (ORDER BY id, person_key) AS unique_id, id, person_key,
            {", ".join(FIELDS)}, {model.bits_sql()} AS bits,
            {", ".join(f"{model.field_sql(name)} AS {name}_bits" for name in FIELDS)}
        FROM few_levels
        """
    )
    keys = ", ".join(f"k.{source} AS {key}" for key, source in RARITY_KEYS.values())
    nothing = ", ".join(
        f"NULL::{'VARCHAR' if source == 'place' else 'UBIGINT' if source[-1:] != 'n' else 'BIGINT'}"
        f" AS {key}"
        for key, source in RARITY_KEYS.values()
    )
    wanted = (
        "k.nik, k.nik_birth, k.canon, k.h_flat, k.h_sorted, k.h_pflat, k.h_psorted, k.t_first,"
        " k.t_last, k.t_rare, k.born, k.sex, k.region, k.place, k.mother, k.mother_h,"
        " k.mother_first"
    )
    con.execute(
        f"""
        COPY (SELECT unique_id, unique_id AS pair_id, {wanted}, k.born_other, {nothing}
            FROM scored JOIN few_keys AS k USING (id)) TO '{out}/left.parquet';
        COPY (SELECT unique_id, unique_id AS pair_id, {wanted}, NULL::BIGINT AS born_other, {keys}
            FROM scored JOIN {REGISTER} AS k USING (person_key)) TO '{out}/right.parquet';
        COPY (SELECT * EXCLUDE (id, person_key) FROM scored) TO '{out}/pairs.parquet';
        """
    )
    for name, (key, source) in RARITY_KEYS.items():
        count = {"name": "name_f", "birth": "birth_n", "place": "place_n", "mother": "mother_n"}
        con.execute(
            f"COPY (SELECT {source} AS {key}, max({count[name]})::DOUBLE / {model.people}"
            f" AS tf_{key} FROM {REGISTER} WHERE {source} IS NOT NULL GROUP BY 1)"
            f" TO '{out}/tf_{key}.parquet'"
        )
    pairs = con.execute("SELECT count(*) FROM scored").fetchall()[0][0]
    con.close()
    return {"records": RECORDS, "pairs": pairs, "people": model.people}


def prove(source: Path) -> dict[str, Any]:
    """Score the pairs in Splink, and compare.

    Returns:
        Pairs, how many of them score the same to a thousandth of a bit, how far apart the rest
        is, the correlation, and how many stand on another side of 20 bits (about what makes a
        link); for all pairs, for those with a counterpart in every field, and for those whose
        name RapidFuzz may have measured. By field, how many pairs weigh differently.
    """
    import duckdb  # noqa: PLC0415
    from splink import DuckDBAPI, Linker  # noqa: PLC0415

    settings = json.loads((source / "settings.json").read_text("utf-8"))
    settings["blocking_rules_to_generate_predictions"] = ["l.pair_id = r.pair_id"]
    con = duckdb.connect()
    for table in ("left", "right"):
        con.execute(f"CREATE TABLE {table}_keys AS FROM '{source}/{table}.parquet'")
    api = DuckDBAPI(connection=con)
    tables = [
        api.register("left_keys", dataset_display_name="a_left"),
        api.register("right_keys", dataset_display_name="b_right"),
    ]
    linker = Linker(tables, settings, log_level=logging.ERROR)
    for file in sorted(source.glob("tf_*.parquet")):
        column = file.stem.removeprefix("tf_")
        con.execute(f"CREATE TABLE {file.stem}_given AS FROM '{file}'")
        linker.table_management.register_term_frequency_lookup(
            api.register(f"{file.stem}_given"), column
        )
    scored = linker.inference.predict()
    prior = settings["probability_two_random_records_match"]
    con.execute(
        f"""
        CREATE TABLE both_scores AS
        SELECT p.*, s.* EXCLUDE (unique_id_l, unique_id_r),
            s.match_weight - log2({prior!r} / (1 - {prior!r})) AS splink_bits
        FROM '{source}/pairs.parquet' AS p
        JOIN {scored.physical_name} AS s ON s.unique_id_l = p.unique_id
        """
    )
    names = [c["output_column_name"] for c in settings["comparisons"]]
    measured, like = "name BETWEEN 1 AND 5", "mother = 3"
    answer = _figures(con, "true")
    answer["where_all_has_a_counterpart"] = _figures(con, f"NOT ({measured}) AND NOT ({like})")
    answer["where_rapidfuzz_measured"] = _figures(con, measured)
    told = {row[0] for row in con.execute("DESCRIBE both_scores").fetchall()}
    for name in names:
        rarity = f" + mw_tf_adj_{name}" if f"mw_tf_adj_{name}" in told else ""
        answer.setdefault("pairs_apart_by_field", {})[name] = con.execute(
            f"SELECT count(*) FILTER (abs({name}_bits - (mw_{name}{rarity})) > {SAME_BITS})"
            " FROM both_scores"
        ).fetchall()[0][0]
    return answer


def _figures(con: Any, where: str) -> dict[str, Any]:
    columns = (
        "count(*) AS pairs",
        f"count(*) FILTER (abs(bits - splink_bits) <= {SAME_BITS}) AS same",
        "median(abs(bits - splink_bits)) AS median_apart",
        "max(abs(bits - splink_bits)) AS most_apart",
        "corr(bits, splink_bits) AS correlation",
        "count(*) FILTER ((bits > 20) <> (splink_bits > 20)) AS other_side_of_20_bits",
    )
    found = con.execute(f"SELECT {', '.join(columns)} FROM both_scores WHERE {where}")
    names = [column[0] for column in found.description]
    row = dict(zip(names, found.fetchall()[0], strict=True))
    return row | {"share_same": row["same"] / row["pairs"] if row["pairs"] else None}


def main() -> None:
    """Run one of the two steps and print what it found as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    steps = parser.add_subparsers(dest="step", required=True)
    first = steps.add_parser("prepare")
    first.add_argument("--home", type=Path, required=True)
    first.add_argument("--period", required=True)
    first.add_argument("--out", type=Path, required=True)
    second = steps.add_parser("prove")
    second.add_argument("folder", type=Path)
    args = parser.parse_args()
    if args.step == "prepare":
        answer = prepare(args.home, args.period, args.out)
    else:
        answer = prove(args.folder)
    print(json.dumps(answer, indent=2))


if __name__ == "__main__":
    main()
