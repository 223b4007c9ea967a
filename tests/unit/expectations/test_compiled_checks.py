"""The compiled SQL counts what Great Expectations itself counts on the same small table."""

from __future__ import annotations

import datetime as dt
import os

import duckdb
import pytest

from expectations.checks import Check
from expectations.compiling import compile_query, measure_of

ROWS = [
    ("1", "3171904101900001", "L", dt.date(1990, 1, 1), dt.date(2020, 1, 1), 5, 5),
    ("2", "317190410190000", "P", dt.date(1890, 1, 1), dt.date(2021, 1, 1), 7, 8),
    ("2", None, None, None, None, None, 3),
    ("3", "3171904101900010", "X", dt.date(2030, 1, 1), dt.date(2019, 1, 1), -1, -1),
    ("4", "x\n3171904101900001", "L", dt.date(2000, 2, 29), dt.date(2000, 2, 29), 0, 0),
    (None, "", "", None, dt.date(2000, 1, 1), 12, 0),
]
COLUMNS = {
    "key": "VARCHAR",
    "nik": "VARCHAR",
    "sex": "VARCHAR",
    "born": "DATE",
    "ended": "DATE",
    "first": "BIGINT",
    "second": "BIGINT",
}
CASES = [
    ("expect_table_row_count_to_be_between", {"min_value": 1}),
    ("expect_table_row_count_to_be_between", {"min_value": 7}),
    ("expect_column_values_to_not_be_null", {"column": "nik"}),
    ("expect_column_values_to_be_unique", {"column": "key"}),
    ("expect_column_values_to_be_in_set", {"column": "sex", "value_set": ["L", "P"]}),
    ("expect_column_values_to_not_be_in_set", {"column": "sex", "value_set": ["X"]}),
    ("expect_column_values_to_match_regex", {"column": "nik", "regex": "^[0-9]{16}$"}),
    ("expect_column_values_to_not_match_regex", {"column": "nik", "regex": "0$"}),
    ("expect_column_values_to_be_between", {"column": "first", "min_value": 0}),
    ("expect_column_values_to_be_between", {"column": "first", "min_value": 0, "max_value": 6}),
    ("expect_column_pair_values_to_be_equal", {"column_A": "first", "column_B": "second"}),
    (
        "expect_column_pair_values_a_to_be_greater_than_b",
        {"column_A": "first", "column_B": "second", "or_equal": True},
    ),
    (
        "expect_column_pair_values_a_to_be_greater_than_b",
        {"column_A": "ended", "column_B": "born"},
    ),
]


@pytest.fixture(scope="module")
def table():
    con = duckdb.connect()
    columns = ", ".join(f'"{name}" {kind}' for name, kind in COLUMNS.items())
    con.execute(f"CREATE TABLE t ({columns})")
    con.executemany(f"INSERT INTO t VALUES ({', '.join('?' * len(COLUMNS))})", ROWS)
    yield con
    con.close()


def check(expectation, arguments, name="check"):
    kwargs = {key: value for key, value in arguments.items() if key != "column"}
    if expectation.startswith("expect_column_pair"):
        kwargs["ignore_row_if"] = "either_value_is_missing"
    return Check(name, "t", expectation, arguments.get("column"), "critical", "Uji", "Test", kwargs)


def test_every_shared_expectation_counts_as_great_expectations_does(table):
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    import great_expectations as gx
    import pandas as pd

    checks = [check(*case, name=str(number)) for number, case in enumerate(CASES)]
    figures = table.execute(compile_query(checks, "t", COLUMNS)).fetchone()
    frame = pd.DataFrame(ROWS, columns=list(COLUMNS))
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False, "metric_calculations": False}
    batch = (
        context.data_sources.add_pandas("p")
        .add_dataframe_asset("a")
        .add_batch_definition_whole_dataframe("w")
        .get_batch(batch_parameters={"dataframe": frame})
    )
    entries = [
        {"type": c.expectation, "kwargs": c.arguments, "meta": {"number": int(c.name)}}
        for c in checks
    ]
    validation = batch.validate(gx.ExpectationSuite(name="s", expectations=entries))
    seen = set()
    for result in validation.results:
        number = result.expectation_config.meta["number"]
        evaluated, unexpected = figures[2 * number], figures[2 * number + 1]
        name = CASES[number]
        if "row_count" in name[0]:
            assert evaluated == result.result["observed_value"], name
        else:
            missing = result.result.get("missing_count", 0)
            assert evaluated == result.result["element_count"] - missing, name
            assert unexpected == result.result["unexpected_count"], name
        assert (unexpected == 0) == result.success, name
        seen.add(number)
    assert seen == set(range(len(CASES)))


def test_the_whole_suite_of_a_table_is_one_query(table):
    checks = [check(*case, name=str(number)) for number, case in enumerate(CASES)]
    row = table.execute(compile_query(checks, "t", COLUMNS)).fetchall()
    assert len(row) == 1
    assert row[0][-1] == len(ROWS)


def test_an_empty_table_has_nothing_unexpected(table):
    checks = [check(*case, name=str(number)) for number, case in enumerate(CASES)]
    row = table.execute(compile_query(checks, "(SELECT * FROM t WHERE false)", COLUMNS)).fetchone()
    assert all((value or 0) == 0 for value in row)


def test_lists_are_judged_as_text(table):
    case = check(
        "expect_column_values_to_match_regex", {"column": "l", "regex": "^(A|B)(,(A|B))*$"}
    )
    relation = "(SELECT unnest([['A', 'B'], ['A'], ['C'], NULL]) AS l)"
    found = table.execute(compile_query([case], relation, {"l": "VARCHAR[]"})).fetchone()
    assert found == (3, 1, 4)


def test_an_expectation_without_sql_is_refused():
    with pytest.raises(ValueError, match="expect_column_to_exist has no SQL"):
        measure_of(check("expect_column_to_exist", {"column": "nik"}), COLUMNS)
