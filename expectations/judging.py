"""Great Expectations judges: from computed figures to verdicts and validation results.

Belongs here: everything that imports Great Expectations. It is imported inside functions,
because the import takes seconds and most commands never need it. Does not belong here:
computing (compiling.py, runner.py).

The figures go to Great Expectations as a frame with a row per check and bound, of which it
expects the larger side not to be less than the smaller. Left at that, its results would tell of
elements in a made-up column; so they are rebuilt with the true table, column and counts.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from expectations.checks import Check, CheckResult
from expectations.compiling import TABLE_LEVEL
from warehouse.errors import CakupanError

VERDICT_FORMAT = {"result_format": "COMPLETE", "unexpected_index_column_names": ["check"]}
"""Tells which checks are broken. What is validated are figures, so no value is personal."""


@dataclass(frozen=True)
class Figures:
    """What was computed for one check.

    Attributes:
        evaluated: values looked at.
        unexpected: those that break the check.
        rows: rows that there are, those without a value too.
    """

    evaluated: int
    unexpected: int
    rows: int


def judge(checks: Sequence[Check], figures: Mapping[str, Figures]) -> list[CheckResult]:
    """Let Great Expectations judge computed figures.

    Args:
        checks: the checks.
        figures: by check name; a check without figures could not be computed, as when its
            column is missing, and fails.

    Returns:
        A result per check, in their order.
    """
    if not checks:
        return []
    successes = _validate(checks, {name: _metric(checks, name, figures) for name in figures})
    results = []
    for check in checks:
        found = figures.get(check.name, Figures(0, 0, 0))
        share = found.unexpected / found.evaluated if found.evaluated else 0.0
        observed = "not computed"
        if check.name in figures:
            whole_table = check.expectation in TABLE_LEVEL
            observed = str(found.evaluated) if whole_table else f"{1 - share:.6f}"
        results.append(
            CheckResult(
                name=check.name,
                table=check.table,
                expectation=check.expectation,
                column=check.subject or check.column or "",
                severity=check.severity,
                success=successes[check.name],
                rows=found.rows,
                evaluated=found.evaluated,
                unexpected=found.unexpected,
                unexpected_share=share,
                observed=observed,
                id=check.id,
                en=check.en,
            )
        )
    return results


def suite_json(name: str, checks: Sequence[Check]) -> dict[str, Any]:
    """Give a suite as Great Expectations writes it, for documents and comparison."""
    gx = _great_expectations()
    suite = gx.ExpectationSuite(name=name, expectations=[_configuration(c) for c in checks])
    document: dict[str, Any] = suite.to_json_dict()
    return document


def validation_json(
    name: str, checks: Sequence[Check], results: Sequence[CheckResult]
) -> dict[str, Any]:
    """Give a validation as Great Expectations writes it, with the true columns and counts."""
    _great_expectations()
    from great_expectations.core import (  # noqa: PLC0415
        ExpectationSuiteValidationResult,
        ExpectationValidationResult,
    )
    from great_expectations.expectations.expectation_configuration import (  # noqa: PLC0415
        ExpectationConfiguration,
    )

    rebuilt = []
    for check, result in zip(checks, results, strict=True):
        percent = 100 * result.unexpected_share
        details: dict[str, Any] = {"observed_value": result.evaluated}
        if check.expectation not in TABLE_LEVEL:
            details = {
                "element_count": result.rows,
                "missing_count": result.rows - result.evaluated,
                "unexpected_count": result.unexpected,
                "unexpected_percent": percent,
                "partial_unexpected_list": [],
            }
        rebuilt.append(
            ExpectationValidationResult(
                success=result.success,
                expectation_config=ExpectationConfiguration(**_configuration(check)),
                result=details,
                exception_info={
                    "raised_exception": result.observed == "not computed",
                    "exception_traceback": None,
                    "exception_message": None,
                },
            )
        )
    good = sum(result.success for result in results)
    document: dict[str, Any] = ExpectationSuiteValidationResult(
        success=good == len(results),
        results=rebuilt,
        suite_name=name,
        statistics={
            "evaluated_expectations": len(results),
            "successful_expectations": good,
            "unsuccessful_expectations": len(results) - good,
            "success_percent": 100 * good / len(results) if results else None,
        },
    ).to_json_dict()
    return document


def _metric(checks: Sequence[Check], name: str, figures: Mapping[str, Figures]) -> float:
    """Give the figure that is judged: the table's row count, or the share of good values."""
    check = next(check for check in checks if check.name == name)
    found = figures[name]
    if check.expectation in TABLE_LEVEL:
        return float(found.evaluated)
    if found.evaluated == 0 or found.evaluated < check.min_evaluated:
        return 1.0
    return (found.evaluated - found.unexpected) / found.evaluated


def _validate(checks: Sequence[Check], metrics: Mapping[str, float]) -> dict[str, bool]:
    """Give the verdict on each check; one without a figure fails."""
    gx = _great_expectations()
    import pandas as pd  # noqa: PLC0415

    rows: list[tuple[str, float, float]] = []
    for check in checks:
        least: float | None = check.mostly
        most: float | None = None
        if check.expectation in TABLE_LEVEL:
            least, most = check.kwargs.get("min_value"), check.kwargs.get("max_value")
        if check.name in metrics and least is not None:
            rows.append((check.name, metrics[check.name], float(least)))
        if check.name in metrics and most is not None:
            rows.append((check.name, float(most), metrics[check.name]))
    frame = pd.DataFrame(rows, columns=["check", "larger", "smaller"])
    batch = _metrics_of_a_process().get_batch(batch_parameters={"dataframe": frame})
    # One expectation for all checks: a graph of metrics for each took 20 ms of computing time.
    verdict = batch.validate(
        gx.expectations.ExpectColumnPairValuesAToBeGreaterThanB(
            column_A="larger", column_B="smaller", or_equal=True
        ),
        result_format=VERDICT_FORMAT,
    )
    broken = {entry["check"] for entry in verdict.result.get("unexpected_index_list") or ()}
    if not verdict.success and not broken:
        raise CakupanError(
            "Great Expectations gave no verdict on the checks; see its version against "
            "requirements.lock, then run again"
        )
    return {check.name: check.name in metrics and check.name not in broken for check in checks}


@cache
def _metrics_of_a_process() -> Any:
    """Give the batch definition that frames of figures are validated by, made once."""
    context = _great_expectations().get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False, "metric_calculations": False}
    asset = context.data_sources.add_pandas("metrics").add_dataframe_asset("metrics")
    return asset.add_batch_definition_whole_dataframe("all")


def _configuration(check: Check) -> dict[str, Any]:
    return {
        "type": check.expectation,
        "kwargs": check.arguments,
        "severity": check.severity,
        "meta": {"name": check.name, "table": check.table, "id": check.id, "en": check.en},
    }


def _great_expectations() -> Any:
    """Import Great Expectations, without its analytics and its chatter."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    import great_expectations as gx  # noqa: PLC0415
    import great_expectations.expectations  # noqa: PLC0415

    logging.getLogger("great_expectations").setLevel(logging.ERROR)
    return gx
