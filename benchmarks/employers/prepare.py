"""The records and the labelled pairs that every tool is given, as Parquet files.

    python -m benchmarks.employers.prepare world --inbox INBOX --truth TRUTH.parquet --out DIR
    python -m benchmarks.employers.prepare registers COMPANIES --out DIR
    python -m benchmarks.employers.prepare pairs --out DIR
    python -m benchmarks.employers.prepare opensanctions CASES.csv --out DIR

Belongs here: where records, pairs and truth come from. Does not belong here: standardising,
which is part of what is measured.

A set of records gets `records.parquet` (`unique_id` and the columns of in_employers) and
`truth.parquet` (`left_id`, `right_id`); a set of pairs `pairs.parquet` (`pair_id, one, other`) and
the true ones, `left_id` = `right_id` = `pair_id`. `set.json` is written last.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
import tempfile
from pathlib import Path

import duckdb

PERIOD = "2026-10"
ROOT = Path(__file__).resolve().parents[2]
TESTS = ROOT / "tests" / "unit" / "matching_employers"
LABELLED = TESTS / "company_pairs.csv"
# What is an organisation in the public set; vessels and persons are not.
ORGANISATIONS = ("Company", "Organization", "LegalEntity")
_TRUE_PAIRS = """
    SELECT a.unique_id AS left_id, b.unique_id AS right_id
    FROM truth AS a JOIN truth AS b ON a.company_id = b.company_id AND a.unique_id < b.unique_id
"""


def _write(con: duckdb.DuckDBPyConnection, out: Path, kind: str, tables: dict[str, str]) -> None:
    out.mkdir(parents=True, exist_ok=True)
    rows = {}
    for name, query in tables.items():
        con.execute(f"COPY ({query}) TO '{out / name}.parquet' (FORMAT parquet)")
        rows[name] = con.execute(f"SELECT count(*) FROM '{out / name}.parquet'").fetchall()[0][0]
    (out / "set.json").write_text(json.dumps({"kind": kind, "rows": rows}), "utf-8")


def world(inbox: Path, truth: Path, out: Path) -> None:
    """Land and conform the registers of businesses of a sample world, as the pipeline does."""
    # Only this set needs the project itself.
    from sources.conforming import conform  # noqa: PLC0415
    from sources.contracts import load_contracts, load_dataset_table  # noqa: PLC0415
    from sources.deliveries import discover, keep  # noqa: PLC0415
    from sources.landing import land, update_in_force  # noqa: PLC0415
    from warehouse.connection import connect, set_parameters  # noqa: PLC0415
    from warehouse.home import Home  # noqa: PLC0415
    from warehouse.inputs import create_inputs  # noqa: PLC0415
    from warehouse.reference import load_reference  # noqa: PLC0415
    from warehouse.settings import Settings  # noqa: PLC0415
    from warehouse.tables import create_tables  # noqa: PLC0415

    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out) as folder:
        home = Home(Path(folder))
        con = connect(home)
        create_tables(con)
        load_reference(con)
        contracts = {key: c for key, c in load_contracts().items() if c.kind == "employer"}
        load_dataset_table(con, contracts)
        found = discover(inbox, contracts, PERIOD).found
        for key, contract in contracts.items():
            if key not in found:
                continue
            land(con, home, contract, keep(con, home, contract, found[key]))
            update_in_force(con, contracts, PERIOD)
            conform(con, contract, PERIOD)
        set_parameters(con, Settings(), PERIOD)
        create_inputs(con, PERIOD)
        con.execute(
            f"""
            CREATE TEMP TABLE truth AS
            SELECT DISTINCT e.dataset || ':' || e.record_id AS unique_id, t.company_id
            FROM in_employers AS e JOIN read_parquet('{truth}') AS t USING (dataset, record_id)
            WHERE t.period = '{PERIOD}'
            """
        )
        _write(
            con,
            out,
            "records",
            {
                "records": "SELECT dataset || ':' || record_id AS unique_id, * FROM in_employers "
                "ORDER BY unique_id",
                "truth": _TRUE_PAIRS,
            },
        )
        con.close()


def registers(companies: int, out: Path, seed: int) -> None:
    """Make the seven registers of the tests' own generator."""
    sys.path.insert(0, str(TESTS))
    import employer_world  # noqa: PLC0415

    records, answers = employer_world.make(companies, seed)
    con = duckdb.connect()
    con.register("records", records)
    con.register("answers", answers)
    con.execute(
        "CREATE TABLE truth AS SELECT dataset || ':' || record_id AS unique_id, company_id "
        "FROM answers"
    )
    _write(
        con,
        out,
        "records",
        {
            "records": "SELECT dataset || ':' || record_id AS unique_id, * FROM records",
            "truth": _TRUE_PAIRS,
        },
    )


def _pairs(rows: list[tuple[str, str, bool]], out: Path) -> None:
    con = duckdb.connect()
    con.execute("CREATE TABLE p(pair_id VARCHAR, one VARCHAR, other VARCHAR, same BOOLEAN)")
    con.executemany(
        "INSERT INTO p VALUES (?, ?, ?, ?)", [(f"p{n:05d}", *row) for n, row in enumerate(rows)]
    )
    _write(
        con,
        out,
        "pairs",
        {
            "pairs": "SELECT pair_id, one, other FROM p ORDER BY pair_id",
            "truth": "SELECT pair_id AS left_id, pair_id AS right_id FROM p WHERE same",
        },
    )


def pairs(out: Path) -> None:
    """Take the project's labelled pairs whose truth a name can tell."""
    with LABELLED.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["truth"] != "open"]
    _pairs([(row["one"], row["other"], row["truth"] == "same") for row in rows], out)


def opensanctions(cases: Path, out: Path) -> None:
    """Take the pairs of organisations of OpenSanctions' name-matching cases."""
    with cases.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["schema"] in ORGANISATIONS]
    _pairs([(row["name1"], row["name2"], row["is_match"] == "true") for row in rows], out)


def main() -> None:
    """Prepare one set."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    kinds = parser.add_subparsers(dest="kind", required=True)
    for name in ("world", "registers", "pairs", "opensanctions"):
        kind = kinds.add_parser(name)
        kind.add_argument("--out", type=Path, required=True)
        if name == "world":
            kind.add_argument("--inbox", type=Path, required=True)
            kind.add_argument("--truth", type=Path, required=True)
        elif name == "registers":
            kind.add_argument("companies", type=int)
            kind.add_argument("--seed", type=int, default=5)
        elif name == "opensanctions":
            kind.add_argument("cases", type=Path)
    options = parser.parse_args()
    if options.kind == "world":
        world(options.inbox, options.truth, options.out)
    elif options.kind == "registers":
        registers(options.companies, options.out, options.seed)
    elif options.kind == "pairs":
        pairs(options.out)
    else:
        opensanctions(options.cases, options.out)


if __name__ == "__main__":
    main()
