"""A labelled table of pairs of company names, by class: the same name, or another one.

company_pairs.csv has the class of difficulty, the two names (made up), the truth (`same`,
`different`, or `open` where no name can tell), and the exact level and form that the comparison
must give.
"""

from __future__ import annotations

import csv
from pathlib import Path

import duckdb
import pytest

from matching.companies import parse_names, standard_sql, words
from matching.employer_likeness import SUBSET, compare_cores
from matching.employers import create_employer_tables
from warehouse.connection import SCHEMAS
from warehouse.reference import load_reference
from warehouse.tables import create_tables

TABLE = Path(__file__).with_name("company_pairs.csv")
LEVELS = ("different", "overlap", "subset", "near", "exact")


def _read() -> list[dict[str, str]]:
    with TABLE.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


PAIRS = _read()
# Public companies whose many spellings are rules of their own.
PUBLIC = [
    ("PT PLN (PERSERO) UID JATENG", "PT PLN (PERSERO)", True),
    ("PT PLN UID JATIM", "PT PLN (PERSERO) UID JATENG", True),
    ("PT PERUSAHAAN LISTRIK NEGARA", "PT PLN (PERSERO)", True),
    ("PT PERKEBUNAN NUSANTARA III", "PTPN 3", True),
    ("PTPN IV", "PT PERKEBUNAN NUSANTARA IV (PERSERO)", True),
    ("PTPN III", "PTPN IV", False),
    ("PT PERKEBUNAN NUSANTARA XII", "PT PERKEBUNAN NUSANTARA XI", False),
]


@pytest.fixture(scope="module")
def compared() -> dict[tuple[str, str], tuple[str, str]]:
    """The level and the form of each pair; of a renamed company the better of its names."""
    con = duckdb.connect()
    for schema in SCHEMAS:
        con.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
    create_tables(con)
    load_reference(con)
    con.execute("CREATE TABLE pairs(x VARCHAR, y VARCHAR)")
    con.executemany(
        "INSERT INTO pairs VALUES (?, ?)",
        [(p["one"], p["other"]) for p in PAIRS] + [pair[:2] for pair in PUBLIC],
    )
    con.execute(
        "CREATE TABLE names AS SELECT unnest([x, y]) AS employer_name, "
        "NULL::VARCHAR AS legal_form FROM pairs"
    )
    parse_names(con, "names")
    con.execute(
        """
        CREATE TABLE looks AS
        SELECT x, y, unnest([n.core_id, n.former_id, n.core_id]) AS a,
            unnest([m.core_id, m.core_id, m.former_id]) AS b
        FROM pairs JOIN co_names AS n ON n.employer_name = x
        JOIN co_names AS m ON m.employer_name = y
        """
    )
    con.execute("DELETE FROM looks WHERE a IS NULL OR b IS NULL")
    compare_cores(con, "looks")
    con.execute("CREATE TABLE akin(one VARCHAR, other VARCHAR)")
    con.executemany("INSERT INTO akin VALUES (?, ?), (?, ?)",
                    [[*pair, *reversed(pair)] for pair in words()["akin"]])  # fmt: skip
    rows = con.execute(
        """
        SELECT x, y, max(CASE WHEN k.a = k.b THEN 4 ELSE coalesce(level, 0) END),
            any_value(CASE
                WHEN n.family IS NULL OR m.family IS NULL THEN 'missing'
                WHEN n.family = m.family AND n.subtype <> m.subtype THEN 'kind'
                WHEN n.family = m.family THEN 'same'
                WHEN (n.family, m.family) IN (SELECT (one, other) FROM akin) THEN 'akin'
                ELSE 'conflict' END)
        FROM looks AS k
        JOIN co_names AS n ON n.employer_name = x JOIN co_names AS m ON m.employer_name = y
        LEFT JOIN co_compared AS l ON l.a = least(k.a, k.b) AND l.b = greatest(k.a, k.b)
        GROUP BY x, y
        """
    ).fetchall()
    return {(x, y): (LEVELS[level], form) for x, y, level, form in rows}


def _one_name(level: str, form: str) -> bool:
    return LEVELS.index(level) >= SUBSET and form in ("same", "missing")


def test_the_table_is_large_enough_and_holds_each_pair_once():
    assert len(PAIRS) >= 200
    assert sum(pair["truth"] == "different" for pair in PAIRS) >= 70
    assert len({pair["class"] for pair in PAIRS}) >= 25
    assert len({(pair["one"], pair["other"]) for pair in PAIRS}) == len(PAIRS)


@pytest.mark.parametrize("pair", PAIRS, ids=lambda p: f"{p['class']}: {p['one']} / {p['other']}")
def test_pair_of_names(compared, pair):
    level, form = compared[pair["one"], pair["other"]]
    assert (level, form) == (pair["level"], pair["form"])
    if pair["truth"] != "open":
        assert _one_name(level, form) is (pair["truth"] == "same")


@pytest.mark.parametrize(("one", "other", "same"), PUBLIC)
def test_pair_of_names_of_public_companies(compared, one, other, same):
    assert _one_name(*compared[one, other]) is same


def test_standard_form_keeps_letters_and_digits_only():
    con = duckdb.connect()
    got = con.execute(f"SELECT {standard_sql('name')} FROM (SELECT 'P.T. Añeka & Co.' AS name)")
    assert got.fetchall() == [("PT ANEKA DAN CO",)]


def test_a_name_that_is_only_a_form_stays_a_name():
    con = duckdb.connect()
    con.execute("CREATE TABLE names AS SELECT 'KOPERASI' AS employer_name, NULL AS legal_form")
    assert parse_names(con, "names") == 1
    assert con.execute("SELECT core FROM co_names").fetchall() == [("KOPERASI",)]


def test_tables_are_made_once():
    con = duckdb.connect()
    create_employer_tables(con)
    create_employer_tables(con)
    assert con.execute("SELECT count(*) FROM spine.employers").fetchall() == [(0,)]
