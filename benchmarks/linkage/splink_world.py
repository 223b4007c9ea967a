"""How Splink is set up for the sample world: settings, rules and training.

Belongs here: the two set-ups of Splink for linking members to the register. Does not belong
here: running them (splink_run).

`plain` compares the conformed columns as they are, with the ready-made comparisons that
Splink's documentation recommends for names, dates and codes, and a handful of strict rules.
`same` gives it what the project's own linkage works with: the standardised columns of
`matching.keys`, levels that follow those of `matching.comparison` as far as SQL expresses
them, and the same kinds of blocking rules without their caps.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import splink.comparison_level_library as cll
import splink.comparison_library as cl
from splink import block_on
from splink.internals.blocking_rule_creator import BlockingRuleCreator
from splink.internals.comparison_creator import ComparisonCreator

PERIOD = "2026-10"


@dataclass(frozen=True)
class SetUp:
    """What Splink is told.

    Attributes:
        comparisons: of its model.
        blocking: rules that pairs to score meet one of.
        certain: rules that hardly ever hold for two people.
        recall: share of the true pairs that `certain` is taken to find.
        training: rules of the expectation-maximisation sessions.
        max_pairs: random pairs for u.
    """

    comparisons: list[ComparisonCreator]
    blocking: list[BlockingRuleCreator | str]
    certain: list[BlockingRuleCreator | str]
    recall: float
    training: list[BlockingRuleCreator | str] = field(default_factory=list)
    max_pairs: float = 1e7


def load_plain(con: duckdb.DuckDBPyConnection, source: Path) -> None:
    """Make tables `members` and `register` of the conformed columns."""
    columns = (
        "unique_id, nik, upper(full_name) AS full_name, sex, birth_date,"
        " upper(birth_place) AS birth_place, upper(mother_name) AS mother_name,"
        " nullif(region_code, '0000') AS region_code"
    )
    for table, file in (("members", "left"), ("register", "right")):
        con.execute(
            f"CREATE TABLE {table} AS SELECT {columns} FROM read_parquet('{source}/{file}.parquet')"
        )


def plain() -> SetUp:
    """Give the set-up with ready-made comparisons on the columns as they are."""
    return SetUp(
        comparisons=[
            cl.NameComparison("full_name"),
            cl.DateOfBirthComparison("birth_date", input_is_string=False),
            # DuckDB takes some hundred times as long over Damerau's distance.
            cl.LevenshteinAtThresholds("nik", [1, 2]),
            cl.ExactMatch("sex"),
            cl.ExactMatch("region_code").configure(term_frequency_adjustments=True),
            cl.JaroWinklerAtThresholds("birth_place", 0.9).configure(
                term_frequency_adjustments=True
            ),
            cl.NameComparison("mother_name"),
        ],
        blocking=[
            block_on("nik"),
            block_on("full_name", "birth_date"),
            block_on("full_name", "region_code"),
            block_on("birth_date", "mother_name"),
            block_on("birth_date", "region_code"),
            block_on("birth_date", "substr(full_name, 1, 4)"),
            block_on("mother_name", "substr(full_name, 1, 4)", "region_code"),
            block_on("full_name", "mother_name"),
        ],
        certain=[
            block_on("nik"),
            block_on("full_name", "birth_date", "birth_place"),
        ],
        recall=0.95,
        training=[block_on("birth_date", "region_code"), block_on("full_name", "region_code")],
    )


_KEYS = {
    "nik_region_date": "nik // 10000",
    "nik_date_serial": "nik % 10000000000",
    "nik_province": "nik // 100000000000000",
    "nik_region": "nik // 10000000000",
    "nik_year_serial": "nik % 1000000",
    "nik_region_day": "nik // 1000000",
    "nik_serial": "nik % 10000",
    "born_year": "born // 10000",
    "born_day": "born % 10000",
}


def load_same(con: duckdb.DuckDBPyConnection, source: Path) -> None:
    """Make tables `members` and `register` of the project's standardised columns.

    The project's own standardisation runs, in the same connection; it is part of the run.
    """
    # Only this set-up needs the project.
    from matching.keys import REGISTER, prepare_records, prepare_register  # noqa: PLC0415
    from warehouse.reference import load_reference  # noqa: PLC0415
    from warehouse.tables import create_tables  # noqa: PLC0415

    for schema in ("reference", "spine", "linkage", "coverage", "quality"):
        con.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
    create_tables(con)
    load_reference(con, only=("name_titles", "name_variants"))
    con.execute(
        f"""
        CREATE TABLE bench_population AS SELECT unique_id AS record_id, * EXCLUDE (unique_id)
            FROM read_parquet('{source}/right.parquet');
        CREATE TEMP VIEW in_population AS FROM bench_population;
        CREATE TEMP TABLE bench_members AS
        SELECT row_number() OVER () AS id, unique_id, try_cast(nik AS BIGINT) AS nik, full_name,
            sex, birth_date, birth_place, mother_name, region_code, nik_aside,
            NULL::UBIGINT AS nik_key,
            false AS conflict
        FROM read_parquet('{source}/left.parquet');
        """
    )
    prepare_register(con, PERIOD)
    prepare_records(con, "bench_members", "bench_keys")
    columns = (
        "nik, nik_birth, canon, h_flat, h_sorted, h_pflat, h_psorted, t_first, t_last, t_rare,"
        " born, sex, region, place, mother, mother_h, mother_first"
    )
    # Splink takes no expression with // in a rule, so that these are columns.
    keys = ", ".join(f"{expression} AS {name}" for name, expression in _KEYS.items())
    con.execute(
        f"""
        CREATE TABLE members AS SELECT m.unique_id, {columns}, {keys}, born_other
        FROM bench_keys JOIN (SELECT id, unique_id FROM bench_members) AS m USING (id);
        CREATE TABLE register AS SELECT lpad(nik::VARCHAR, 16, '0') AS unique_id, {columns},
            {keys}, NULL::BIGINT AS born_other FROM {REGISTER};
        DROP VIEW in_population; DROP TABLE bench_population; DROP TABLE bench_members;
        DROP TABLE bench_keys; DROP VIEW {REGISTER};
        """
    )


def _levels(name: str, *levels: object) -> cl.CustomComparison:
    return cl.CustomComparison(output_column_name=name, comparison_levels=list(levels))


def _custom(condition: str, label: str) -> cll.CustomLevel:
    return cll.CustomLevel(condition, label_for_charts=label)


_SHARED = " OR ".join(
    f"t_{side}_l IN (t_first_r, t_last_r, t_rare_r)" for side in ("first", "last")
)
_PARTS = " + ".join(
    f"(born_l // {by} % 100 = born_r // {by} % 100)::TINYINT" for by in (10000, 100, 1)
)
_APART = "hamming(lpad(nik_l::VARCHAR, 16, '0'), lpad(nik_r::VARCHAR, 16, '0'))"
_SWAPPED = (
    f"{_APART} = 2 AND try_cast(rtrim(abs(nik_l - nik_r)::VARCHAR, '0') AS BIGINT)"
    " IN (9, 18, 27, 36, 45, 54, 63, 72, 81)"
)


def same(people: int) -> SetUp:
    """Give the set-up with the project's columns, levels and kinds of rules.

    Args:
        people: people in the register.
    """
    return SetUp(
        comparisons=[
            _levels(
                "name",
                _custom("canon_l IS NULL OR canon_r IS NULL", "missing").configure(
                    is_null_level=True
                ),
                cll.ExactMatchLevel("h_sorted").configure(tf_adjustment_column="h_sorted"),
                cll.ExactMatchLevel("h_psorted").configure(tf_adjustment_column="h_psorted"),
                _custom("h_flat_l = h_flat_r OR h_pflat_l = h_pflat_r", "merged words"),
                # The edit distance would take Splink ten times as long for nearly the same pairs.
                cll.JaroWinklerLevel("canon", 0.94).configure(label_for_charts="typo"),
                _custom(
                    "starts_with(canon_l, canon_r) OR starts_with(canon_r, canon_l)"
                    " OR (t_first_l = t_first_r AND t_last_l = t_last_r)",
                    "part",
                ),
                _custom("jaro_winkler_similarity(canon_l, canon_r) >= 0.86", "similar"),
                _custom(f"{_SHARED} OR jaro_winkler_similarity(canon_l, canon_r) >= 0.74", "weak"),
                cll.ElseLevel(),
            ),
            _levels(
                "birth",
                _custom("born_l IS NULL OR born_r IS NULL", "missing").configure(
                    is_null_level=True
                ),
                cll.ExactMatchLevel("born").configure(tf_adjustment_column="born"),
                _custom("coalesce(born_other_l, born_other_r) IN (born_l, born_r)", "by NIK"),
                _custom(
                    "born_l // 10000 = born_r // 10000 AND born_l % 100 = born_r // 100 % 100"
                    " AND born_l // 100 % 100 = born_r % 100",
                    "day and month swapped",
                ),
                _custom(f"{_PARTS} = 2", "near"),
                _custom("born_l // 10000 = born_r // 10000", "year only"),
                cll.ElseLevel(),
            ),
            _levels(
                "number",
                cll.NullLevel("nik"),
                # A NIK stands once: among two people at random it is the same for none, and
                # its chance cannot be learned from a sample of them.
                cll.ExactMatchLevel("nik").configure(
                    u_probability=1 / people, fix_u_probability=True
                ),
                _custom(f"{_APART} = 1 OR {_SWAPPED}", "one slip"),
                _custom(f"{_APART} = 2", "two digits"),
                _custom("nik_l // 10000 = nik_r // 10000", "same region and date"),
                cll.ElseLevel(),
            ),
            cl.ExactMatch("sex"),
            _levels(
                "home",
                cll.NullLevel("region"),
                cll.ExactMatchLevel("region").configure(tf_adjustment_column="region"),
                _custom("region_l // 100 = region_r // 100", "same province"),
                cll.ElseLevel(),
            ),
            _levels(
                "birth_place",
                cll.NullLevel("place"),
                cll.ExactMatchLevel("place").configure(tf_adjustment_column="place"),
                cll.JaroWinklerLevel("place", 0.88),
                cll.ElseLevel(),
            ),
            _levels(
                "mothers_name",
                cll.NullLevel("mother"),
                cll.ExactMatchLevel("mother_h").configure(tf_adjustment_column="mother_h"),
                cll.JaroWinklerLevel("mother", 0.92),
                _custom(
                    "mother_first_l = mother_first_r"
                    " OR jaro_winkler_similarity(mother_l, mother_r) >= 0.82",
                    "part",
                ),
                cll.ElseLevel(),
            ),
        ],
        blocking=[
            block_on("nik"),
            block_on("nik_region_date"),
            block_on("nik_date_serial", "nik_province"),
            block_on("nik_region", "nik_year_serial"),
            block_on("nik_region_day", "nik_serial"),
            block_on("born", "t_first"),
            block_on("born", "t_last"),
            block_on("born", "t_rare"),
            block_on("born", "region"),
            block_on("born", "mother_h"),
            "l.born_other = r.born AND l.t_first = r.t_first",
            block_on("h_pflat", "born_year"),
            block_on("h_pflat", "born_day"),
            block_on("h_pflat", "region"),
            block_on("h_psorted", "place"),
            block_on("t_rare", "region", "born_year"),
            block_on("t_first", "t_last", "born_year", "place"),
            block_on("mother_h", "t_first", "place"),
            block_on("mother_h", "born_year", "place"),
            *(
                f"l.born IS NULL AND l.{one} = r.{one} AND l.{home} = r.{home}"
                for one in ("t_first", "t_last", "mother_h")
                for home in ("place", "region")
            ),
            "l.born IS NULL AND l.h_pflat = r.h_pflat",
        ],
        certain=[block_on("nik"), block_on("h_psorted", "born", "place")],
        recall=0.95,
        training=[block_on("born", "region"), block_on("h_psorted", "region")],
    )
