"""Names: what titles cost, what spellings share, and a labelled table of pairs."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import labelled_pairs
import people_world as world
import pytest

from matching.names import create_name_macros, plain_sql, standardise_names

# `truth` is whether the two are one name; `told` what the name's level is to say of it:
# `for`, `against`, or `open` where the name alone cannot tell; `level` which one it is.
PAIRS = labelled_pairs.table("name_pairs")
FOR = {"part", "typo", "sounds alike", "same"}
AGAINST = {"weak", "different"}
CLASSES = {
    "mononym", "muhammad", "ahmad", "abdul", "siti", "nur", "dewi", "title", "patronymic", "bali",
    "marga", "sunda", "java", "bugis", "minang", "aceh", "old_spelling", "phonetic", "split",
    "order", "typo", "initial", "truncated", "dropped", "punctuation", "strangers", "nickname",
    "chinese", "dual_name",
}  # fmt: skip
# A nickname and the name taken beside a Chinese one are other words: no rule is made up for
# them, and such a pair is found by NIK, birth date and mother or not at all.
BY_DESIGN = {"nickname", "dual_name"}


@pytest.fixture(scope="module")
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    connection = duckdb.connect()
    world.create_reference(connection)
    for table in ("name_titles", "name_variants"):
        connection.execute(
            f"CREATE OR REPLACE TABLE reference.{table} AS"
            f" SELECT * FROM read_csv('{labelled_pairs.WORDS / f'{table}.csv'}', nullstr='')"
        )
    create_name_macros(connection)
    yield connection
    connection.close()


@pytest.fixture(scope="module")
def told(con: duckdb.DuckDBPyConnection) -> dict[tuple[str, str], str]:
    """Give the name level of every labelled pair."""
    pairs = [(pair["left"], pair["right"]) for pair in PAIRS]
    found = labelled_pairs.levels(con, [({"name": a}, {"name": b}) for a, b in pairs])
    return {pair: levels["name"] for pair, levels in zip(pairs, found, strict=True)}


def plain(con: duckdb.DuckDBPyConnection, name: str) -> str | None:
    con.execute("CREATE OR REPLACE TEMP TABLE one AS SELECT 1 AS id, ?::VARCHAR AS n", [name])
    row = con.execute(plain_sql(con, "one", "n")).fetchone()
    return row[1] if row else None


def test_the_table_is_large_enough_and_labelled() -> None:
    assert len(PAIRS) >= 300
    assert len({(pair["left"], pair["right"]) for pair in PAIRS}) == len(PAIRS)
    assert {pair["class"] for pair in PAIRS} == CLASSES
    assert {pair["truth"] for pair in PAIRS} == {"same", "different"}
    # Where the name alone cannot tell is the exception.
    assert sum(pair["told"] == "open" for pair in PAIRS) <= len(PAIRS) * 0.15


@pytest.mark.parametrize("pair", PAIRS, ids=lambda p: f"{p['left']}/{p['right']}")
def test_labelled_pair(pair: dict[str, str], told: dict[tuple[str, str], str]) -> None:
    level = told[pair["left"], pair["right"]]
    assert level == pair["level"]
    if pair["told"] == "open":
        # The other fields decide; the name's level is neither sure of one nor of the other.
        assert level in {"similar", "part", "typo"}
    elif pair["truth"] == "same" and pair["class"] not in BY_DESIGN:
        assert pair["told"] == "for"
        assert level in FOR
    else:
        assert pair["told"] == "against"
        assert level in AGAINST


@pytest.mark.parametrize("name", sorted(CLASSES - BY_DESIGN))
def test_a_class_is_told_right_or_left_open_never_wrong(
    name: str, told: dict[tuple[str, str], str]
) -> None:
    rows = [pair for pair in PAIRS if pair["class"] == name]
    for pair in rows:
        level = told[pair["left"], pair["right"]]
        if pair["truth"] == "same":
            assert level not in AGAINST, pair
        else:
            assert level not in {"same", "sounds alike"}, pair
    closed = [pair for pair in rows if pair["told"] != "open"]
    # The last word's initial may be anybody's: the name can seldom tell.
    assert len(closed) >= len(rows) * (0.3 if name == "initial" else 0.5)


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


def test_the_word_before_a_fathers_name_changes_nothing(con: duckdb.DuckDBPyConnection) -> None:
    con.execute(
        "CREATE OR REPLACE TEMP TABLE several AS FROM (VALUES (1, 'SYAHRUL BIN BAHTIAR'),"
        " (2, 'SYAHRUL BAHTIAR'), (3, 'BAHTIAR SYAHRUL')) AS t(id, n)"
    )
    standardise_names(con, "several", "n", "some_names")
    rows = con.execute(
        "SELECT canon, h_flat, h_sorted, h_pflat, h_psorted FROM some_names ORDER BY id"
    ).fetchall()
    assert rows[0] == rows[1]
    # In any order: all but what keeps the order.
    assert rows[2][2] == rows[0][2]
    assert rows[2][4] == rows[0][4]
