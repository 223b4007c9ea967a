"""What Great Expectations 1.24 does that expectations/ relies on or works around."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SECRET = "RAHASIA"


@pytest.fixture(scope="module")
def gx():
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    import great_expectations
    import great_expectations.expectations

    assert great_expectations.__version__.startswith("1.24.")
    return great_expectations


def validated(gx, frame, *expectations, result_format="BASIC"):
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False, "metric_calculations": False}
    batch = (
        context.data_sources.add_pandas("frames")
        .add_dataframe_asset("frame")
        .add_batch_definition_whole_dataframe("all")
        .get_batch(batch_parameters={"dataframe": frame})
    )
    suite = gx.ExpectationSuite(name="suite", expectations=list(expectations))
    return batch.validate(suite, result_format=result_format)


def test_a_metrics_row_left_alone_tells_of_one_element_in_a_made_up_column(gx):
    import pandas as pd

    frame = pd.DataFrame({"nik_usable": [0.4]})
    check = gx.expectations.ExpectColumnValuesToBeBetween(column="nik_usable", min_value=0.7)
    result = validated(gx, frame, check).results[0]
    assert not result.success
    assert result.result["element_count"] == 1
    assert result.result["unexpected_percent"] == 100.0
    assert result.expectation_config.kwargs["column"] == "nik_usable"


def test_a_missing_metric_would_pass_so_it_is_left_out(gx):
    import pandas as pd

    frame = pd.DataFrame({"present": [1.0], "empty": [None]})
    checks = [
        gx.expectations.ExpectColumnValuesToBeBetween(column=name, min_value=0.7)
        for name in ("present", "empty", "absent")
    ]
    results = {
        result.expectation_config.kwargs["column"]: result
        for result in validated(gx, frame, *checks).results
    }
    assert results["present"].success
    assert results["empty"].success
    # A missing column is no exception but a failure that says so.
    assert not results["absent"].success
    told = results["absent"].exception_info
    assert any("absent" in str(entry["exception_message"]) for entry in told.values())


@pytest.mark.parametrize(
    ("result_format", "leaks"),
    [
        ("SUMMARY", True),
        ({"result_format": "COMPLETE", "partial_unexpected_count": 0}, True),
        ({"result_format": "BASIC", "partial_unexpected_count": 0}, False),
    ],
)
def test_only_basic_without_examples_leaks_no_value(gx, result_format, leaks):
    import pandas as pd

    frame = pd.DataFrame({"nik": [SECRET, "3171904101900001"]})
    check = gx.expectations.ExpectColumnValuesToMatchRegex(column="nik", regex="^[0-9]{16}$")
    result = validated(gx, frame, check, result_format=result_format)
    assert not result.success
    assert (SECRET in json.dumps(result.to_json_dict())) == leaks


def test_one_expectation_on_pairs_names_every_broken_check(gx):
    """The judge rests on this; what it is given are figures, so naming them leaks nothing."""
    import pandas as pd

    from expectations.judging import VERDICT_FORMAT

    frame = pd.DataFrame(
        [("equal", 0.7, 0.7), ("short", 0.4, 0.7), ("empty", None, 0.7), ("less", 1.0, 2.0)],
        columns=["check", "larger", "smaller"],
    )
    check = gx.expectations.ExpectColumnPairValuesAToBeGreaterThanB(
        column_A="larger", column_B="smaller", or_equal=True
    )
    result = validated(gx, frame, check, result_format=VERDICT_FORMAT).results[0]
    assert not result.success
    told = {entry["check"] for entry in result.result["unexpected_index_list"]}
    assert told == {"short", "empty", "less"}
    kept = validated(gx, frame[:1], check, result_format=VERDICT_FORMAT).results[0]
    assert kept.success
    assert not kept.result.get("unexpected_index_list")


def test_a_suite_survives_the_way_through_json(gx):
    entry = {
        "type": "expect_column_values_to_not_be_null",
        "kwargs": {"column": "nik", "mostly": 0.7},
        "severity": "warning",
        "meta": {"name": "nik_usable"},
    }
    suite = gx.ExpectationSuite(name="s", expectations=[entry])
    written = json.loads(json.dumps(suite.to_json_dict()))
    again = gx.ExpectationSuite(name="s", expectations=written["expectations"])
    assert again.expectations[0].mostly == 0.7
    assert again.to_json_dict()["expectations"] == written["expectations"]


def test_duckdb_is_not_reached_through_sqlalchemy():
    """GX loses DuckDB's results behind SQLAlchemy (its issue 11579), so nothing goes there."""
    for path in (ROOT / "expectations").glob("*.py"):
        imported = {
            name.split(".")[0]
            for node in ast.walk(ast.parse(path.read_text("utf-8")))
            if isinstance(node, ast.Import | ast.ImportFrom)
            for name in (
                [node.module or ""]
                if isinstance(node, ast.ImportFrom)
                else [alias.name for alias in node.names]
            )
        }
        assert not imported & {"sqlalchemy", "duckdb_engine"}, path.name


def test_expectations_are_imported_without_great_expectations():
    """The import takes seconds, and most commands never validate."""
    code = (
        "import sys; import expectations.runner, expectations.cross, expectations.suites; "
        "from sources.contracts import load_contracts; "
        "[expectations.suites.check_names(c) for c in load_contracts().values()]; "
        "expectations.cross.check_names(); "
        "print(sorted({'great_expectations', 'pandas'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
