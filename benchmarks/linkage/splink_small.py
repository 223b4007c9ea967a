"""How Splink is set up for the small public sets: FEBRL 1 to 4 and fake_1000.

Belongs here: the two set-ups of Splink for each of these sets. Does not belong here: running
them (splink_run).

`plain` follows the examples for these very sets in Splink's documentation (columns, ready-made
comparisons, rules), so it is what its authors chose for them. `same` gives it everything the
specifications for `cakupan link` compare, and rules of the same kinds.
"""

from __future__ import annotations

from pathlib import Path

import duckdb
import splink.comparison_level_library as cll
import splink.comparison_library as cl
from splink import block_on

from benchmarks.linkage.splink_world import SetUp

_BORN = "date_of_birth"


def load(con: duckdb.DuckDBPyConnection, source: Path, *, two: bool) -> None:
    """Make table `members`, and `register` where there are two tables."""
    for table, file in (("members", "left"), ("register", "right"))[: 2 if two else 1]:
        con.execute(f"CREATE TABLE {table} AS FROM read_parquet('{source}/{file}.parquet')")


def load_same(con: duckdb.DuckDBPyConnection, source: Path, *, two: bool) -> None:
    """Make the same tables with names put into one column besides, in order and sorted."""
    load(con, source, two=two)
    for table in ("members", "register")[: 2 if two else 1]:
        columns = {row[0] for row in con.execute(f"DESCRIBE {table}").fetchall()}
        first, last = (
            ("given_name", "surname") if "given_name" in columns else ("first_name", "surname")
        )
        both = f"lower(concat_ws(' ', {first}, {last}))"
        con.execute(
            f"""
            CREATE OR REPLACE TABLE {table} AS
            SELECT *, nullif({both}, '') AS whole,
                nullif(array_to_string(list_sort(string_split({both}, ' ')), ' '), '') AS sorted
            FROM {table}
            """
        )


def febrl(*, two: bool) -> SetUp:
    """Give the documentation's set-up for FEBRL 3 (one table) or FEBRL 4 (two)."""
    dates = cl.DateOfBirthComparison(
        _BORN, input_is_string=True, datetime_format="%Y%m%d", invalid_dates_as_null=True
    )
    if not two:
        return SetUp(
            comparisons=[
                cl.NameComparison("given_name"),
                cl.NameComparison("surname"),
                dates,
                cl.DamerauLevenshteinAtThresholds("soc_sec_id", [2]),
                cl.ExactMatch("street_number").configure(term_frequency_adjustments=True),
                cl.ExactMatch("postcode").configure(term_frequency_adjustments=True),
            ],
            blocking=[
                block_on(column)
                for column in ("soc_sec_id", "given_name", "surname", _BORN, "postcode")
            ],
            certain=[
                block_on("soc_sec_id"),
                block_on("given_name", "surname", _BORN),
                f"l.given_name = r.surname AND l.surname = r.given_name AND l.{_BORN} = r.{_BORN}",
            ],
            recall=0.9,
            training=[block_on(_BORN), block_on("postcode")],
            max_pairs=1e6,
        )
    return SetUp(
        comparisons=[
            cl.NameComparison("given_name").configure(term_frequency_adjustments=True),
            cl.NameComparison("surname").configure(term_frequency_adjustments=True),
            dates,
            cl.DamerauLevenshteinAtThresholds("soc_sec_id", [1, 2]),
            cl.ExactMatch("street_number").configure(term_frequency_adjustments=True),
            cl.DamerauLevenshteinAtThresholds("postcode", [1, 2]).configure(
                term_frequency_adjustments=True
            ),
        ],
        blocking=[
            block_on("given_name", "surname"),
            "l.given_name = r.surname AND l.surname = r.given_name",
            block_on(_BORN),
            block_on("soc_sec_id"),
            block_on("state", "address_1"),
            block_on("street_number", "address_1"),
            block_on("postcode"),
        ],
        certain=[block_on("soc_sec_id"), block_on("given_name", "surname", _BORN)],
        recall=0.8,
        training=[block_on(_BORN), block_on("postcode")],
        max_pairs=1e6,
    )


def _names(first: str) -> cl.CustomComparison:
    """Compare two names as one, whichever of them stands where."""
    return cl.CustomComparison(
        output_column_name="names",
        comparison_levels=[
            cll.NullLevel("whole"),
            cll.ExactMatchLevel("whole").configure(tf_adjustment_column="whole"),
            cll.ExactMatchLevel("sorted").configure(tf_adjustment_column="sorted"),
            cll.DamerauLevenshteinLevel("whole", 1),
            cll.JaroWinklerLevel("sorted", 0.94),
            cll.JaroWinklerLevel("whole", 0.9),
            cll.ExactMatchLevel("surname").configure(tf_adjustment_column="surname"),
            cll.ExactMatchLevel(first).configure(tf_adjustment_column=first),
            cll.JaroWinklerLevel("sorted", 0.8),
            cll.ElseLevel(),
        ],
    )


def febrl_same() -> SetUp:
    """Give the set-up with every column of `specs/febrl_*.yaml`."""
    return SetUp(
        comparisons=[
            _names("given_name"),
            cl.DamerauLevenshteinAtThresholds(_BORN, [1, 2]).configure(
                term_frequency_adjustments=True
            ),
            cl.DamerauLevenshteinAtThresholds("soc_sec_id", [1, 2]),
            cl.LevenshteinAtThresholds("street_number", 1).configure(
                term_frequency_adjustments=True
            ),
            cl.JaroWinklerAtThresholds("address_1", [0.94, 0.85]).configure(
                term_frequency_adjustments=True
            ),
            cl.JaroWinklerAtThresholds("suburb", [0.94, 0.85]).configure(
                term_frequency_adjustments=True
            ),
            cl.DamerauLevenshteinAtThresholds("postcode", [1, 2]).configure(
                term_frequency_adjustments=True
            ),
            cl.ExactMatch("state").configure(term_frequency_adjustments=True),
        ],
        blocking=[
            block_on("soc_sec_id"),
            block_on(_BORN),
            block_on("sorted"),
            block_on("surname", "postcode"),
            block_on("given_name", "postcode"),
            block_on("surname", "state"),
            block_on("given_name", "suburb"),
            block_on("surname", "street_number"),
            block_on("given_name", "street_number"),
            block_on("street_number", "address_1"),
            block_on("address_1", "postcode"),
            block_on("street_number", "postcode"),
            block_on("suburb", "street_number"),
            f"l.given_name = r.surname AND substr(l.{_BORN}, 1, 4) = substr(r.{_BORN}, 1, 4)",
            block_on("surname", f"substr({_BORN}, 1, 6)"),
            block_on("given_name", f"substr({_BORN}, 1, 6)"),
        ],
        certain=[block_on("soc_sec_id"), block_on("sorted", _BORN)],
        recall=0.9,
        training=[block_on(_BORN), block_on("postcode")],
        max_pairs=1e6,
    )


def fake1000() -> SetUp:
    """Give the set-up of the documentation's tutorial, with a rule for each of its columns."""
    return SetUp(
        comparisons=[
            cl.NameComparison("first_name"),
            cl.NameComparison("surname"),
            cl.DateOfBirthComparison("dob", input_is_string=True),
            cl.ExactMatch("city").configure(term_frequency_adjustments=True),
            cl.EmailComparison("email"),
        ],
        blocking=[
            block_on("first_name", "city"),
            block_on("surname"),
            block_on("dob"),
            block_on("email"),
        ],
        certain=[
            block_on("first_name", "dob"),
            "l.first_name = r.first_name AND levenshtein(l.surname, r.surname) <= 2",
            block_on("email"),
        ],
        recall=0.7,
        training=[block_on("first_name", "surname"), block_on("dob")],
        max_pairs=1e6,
    )


def fake1000_same() -> SetUp:
    """Give the set-up with names as one and looser rules; the set is small enough for them."""
    return SetUp(
        comparisons=[
            _names("first_name"),
            cl.DateOfBirthComparison("dob", input_is_string=True),
            cl.JaroWinklerAtThresholds("city", 0.85).configure(term_frequency_adjustments=True),
            cl.EmailComparison("email"),
        ],
        blocking=[
            block_on("first_name"),
            block_on("surname"),
            block_on("dob"),
            block_on("email"),
            block_on("sorted"),
            "l.first_name = r.surname",
            block_on("city", "substr(dob, 1, 7)"),
            block_on("city", "substr(email, 1, 3)"),
        ],
        certain=[
            block_on("sorted", "dob"),
            block_on("email"),
        ],
        recall=0.7,
        training=[block_on("email"), block_on("dob")],
        max_pairs=1e6,
    )
