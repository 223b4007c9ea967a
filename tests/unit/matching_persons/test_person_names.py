"""Names: what titles cost, what spellings share, and a labelled table of pairs."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import duckdb
import people_world as world
import pytest

from matching.comparison import LEVELS, compare
from matching.names import create_name_macros, plain_sql, standardise_names

PAIRS = list(csv.DictReader((Path(__file__).parent / "name_pairs.csv").open(encoding="utf-8")))
WORDS = Path(__file__).parents[3] / "warehouse" / "reference" / "data"


@pytest.fixture(scope="module")
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    connection = duckdb.connect()
    world.create_reference(connection)
    for table in ("name_titles", "name_variants"):
        connection.execute(
            f"CREATE OR REPLACE TABLE reference.{table} AS"
            f" SELECT * FROM read_csv('{WORDS / f'{table}.csv'}', nullstr='')"
        )
    create_name_macros(connection)
    yield connection
    connection.close()


@pytest.fixture(scope="module")
def levels(con: duckdb.DuckDBPyConnection) -> dict[tuple[str, str], int]:
    """Give the name level of every labelled pair."""
    con.execute("CREATE OR REPLACE TEMP TABLE said(id BIGINT, a VARCHAR, b VARCHAR)")
    con.executemany(
        "INSERT INTO said VALUES (?, ?, ?)",
        [(n, pair["left"], pair["right"]) for n, pair in enumerate(PAIRS)],
    )
    standardise_names(con, "said", "b", "right_names")
    standardise_names(con, "said", "a", "left_names", token_counts="right_names_counts")
    nothing = (
        "NULL::BIGINT AS nik, NULL::BIGINT AS nik_birth, NULL::BIGINT AS birth,"
        " NULL::BIGINT AS born, NULL::BIGINT AS born_other, NULL::VARCHAR AS sex,"
        " NULL::SMALLINT AS region, NULL::VARCHAR AS place, NULL::VARCHAR AS mother,"
        " NULL::UBIGINT AS mother_h, NULL::UBIGINT AS mother_first, 1 AS name_n, 1 AS name_f,"
        " 1 AS birth_n, 1 AS place_n, 1 AS mother_n"
    )
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE l AS SELECT *, {nothing} FROM left_names;"
        f"CREATE OR REPLACE TEMP TABLE r AS"
        f" SELECT id AS person_key, * EXCLUDE (id), {nothing} FROM right_names;"
        "CREATE OR REPLACE TEMP TABLE p AS SELECT id, id AS person_key FROM said"
    )
    compare(con, "p", "l", "r", "judged")
    rows = con.execute("SELECT a, b, name FROM judged JOIN said USING (id)").fetchall()
    return {(a, b): level for a, b, level in rows}


def plain(con: duckdb.DuckDBPyConnection, name: str) -> str | None:
    con.execute("CREATE OR REPLACE TEMP TABLE one AS SELECT 1 AS id, ?::VARCHAR AS n", [name])
    row = con.execute(plain_sql(con, "one", "n")).fetchone()
    return row[1] if row else None


def test_the_table_is_large_enough_and_labelled() -> None:
    assert len(PAIRS) >= 120
    assert len({pair["class"] for pair in PAIRS}) >= 15
    assert {pair["expected"] for pair in PAIRS} == {"same", "different"}


@pytest.mark.parametrize("pair", PAIRS, ids=lambda p: f"{p['left']}/{p['right']}")
def test_labelled_pair(pair: dict[str, str], levels: dict[tuple[str, str], int]) -> None:
    level = levels[pair["left"], pair["right"]]
    told = LEVELS["name"][level]
    if pair["expected"] == "same":
        assert level >= LEVELS["name"].index("similar"), told
    else:
        # Alike names of two people may be similar, never a typo of each other.
        assert level <= LEVELS["name"].index("similar"), told


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("H. Moch. Saleh, S.H., M.M.", "MOCH SALEH"),
        ("IR SUTOMO", "IR SUTOMO"),  # without its dot it may be a name
        ("Ir. Sutomo", "SUTOMO"),
        ("Drs.H.Sutrisno", "SUTRISNO"),
        ("Hasan", "HASAN"),  # begins like a title
        ("S. Rohani", "S ROHANI"),  # an initial and a name, not the title SR
        ("Sr. Rohani", "ROHANI"),
        ("H.M. Saleh", "M SALEH"),
        ("HJ. H.", "HJ H"),  # nothing but titles: kept
        ("   ", None),
        ("1234", None),
    ],
)
def test_titles_go_only_where_they_are_titles(
    con: duckdb.DuckDBPyConnection, said: str, expected: str | None
) -> None:
    assert plain(con, said) == expected


def test_a_long_name_keeps_all_its_letters(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("CREATE OR REPLACE TEMP TABLE one AS SELECT 1 AS id, 'A B C DE FG HI JK' AS n")
    standardise_names(con, "one", "n", "long_name")
    row = con.execute("SELECT canon FROM long_name").fetchone()
    assert row is not None
    assert row[0].replace(" ", "") == "ABCDEFGHIJK"
