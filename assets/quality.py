"""Quality: what is expected of each dataset and of the period as a whole, as asset checks.

Belongs here: turning expectations into Dagster's asset checks, and the asset of their
results. Does not belong here: the expectations and how they are judged (expectations/).

Each dataset has two checks, one for each severity, that list their expectations: an event
costs 28 ms, and one for each of a thousand expectations would double a small month. Every
single result is a row of `quality.expectation_results`, which is published.
"""

from collections.abc import Iterable, Sequence

import dagster as dg

from assets.metadata import markdown_table
from assets.stage import Stage
from assets.tables import month_rows, one_table
from expectations import cross, drift, runner
from expectations.checks import CheckResult
from sources.contracts import Contract
from warehouse import reconciliation
from warehouse.tables import table_specs

RESULTS_KEY = dg.AssetKey(["quality", "expectation_results"])
DRIFT_KEY = dg.AssetKey(["quality", "drift"])
RECONCILIATION_KEY = dg.AssetKey(["quality", reconciliation.CHECKS])

CRITICAL = "critical_expectations"
WARNING = "warning_expectations"
STAGES_AGREE = "stages_agree"
AS_BEFORE = "as_before"
RECONCILED = "reconciled"
_JUDGED = ("duckdb", "greatexpectations")
_SEVERITIES = {CRITICAL: "critical", WARNING: "warning"}


def dataset_checks(contract: Contract, key: dg.AssetKey) -> list[dg.AssetCheckSpec]:
    """Give the checks of a dataset's conformed table."""
    names = runner.check_names(contract)
    return [
        dg.AssetCheckSpec(
            CRITICAL,
            asset=key,
            blocking=True,
            description="What must hold, or nothing is made from this delivery. "
            f"All expectations: {', '.join(names)}.",
        ),
        dg.AssetCheckSpec(
            WARNING,
            asset=key,
            description="What should hold; where it does not, the figures rest on it all the same.",
        ),
    ]


def judge_dataset(stage: Stage, contract: Contract, period: str) -> list[dg.AssetCheckResult]:
    """Validate a conformed delivery, and tell it as the dataset's two checks.

    Args:
        stage: the open warehouse.
        contract: the dataset's.
        period: the delivery's month.
    """
    return _told(runner.validate(stage.con, contract, period))


def nothing_to_judge() -> list[dg.AssetCheckResult]:
    """Give the two checks of a dataset that has no delivery in force."""
    return _told([])


def build(
    upstream: Iterable[dg.AssetKey], partitions: dg.PartitionsDefinition
) -> list[dg.AssetsDefinition]:
    """Give the assets of the results and of the reconciliation, each with its blocking check.

    Args:
        upstream: all that must have been made before the stages are held together.
        partitions: the months.
    """
    found = list(upstream)
    specs = table_specs()
    return [
        one_table(
            specs["expectation_results"],
            _agree,
            deps=found,
            partitions=partitions,
            kinds=_JUDGED,
            check_specs=[
                dg.AssetCheckSpec(
                    STAGES_AGREE,
                    asset=RESULTS_KEY,
                    blocking=True,
                    description="No stage has lost, doubled or invented anything: "
                    f"{', '.join(cross.check_names())}.",
                )
            ],
        ),
        one_table(
            specs[reconciliation.CHECKS],
            _reconcile,
            deps=found,
            partitions=partitions,
            check_specs=[
                dg.AssetCheckSpec(
                    RECONCILED,
                    asset=RECONCILIATION_KEY,
                    blocking=True,
                    description="Every delivered row is accounted for, every roll-up equals its "
                    "parts, and no table has changed since it was written: by count and checksum.",
                )
            ],
        ),
        one_table(
            specs["drift"],
            _compare,
            deps=[key for key in found if key.path[0] == "conformed"],
            partitions=partitions,
            kinds=_JUDGED,
            check_specs=[
                dg.AssetCheckSpec(
                    AS_BEFORE,
                    asset=DRIFT_KEY,
                    description="Missing values, categories and distributions of each list are "
                    "much as in its delivery before.",
                )
            ],
        ),
    ]


def _compare(stage: Stage, period: str) -> dg.MaterializeResult:
    results = drift.validate_drift(stage.con, stage.contracts, stage.settings.gates, period)
    return dg.MaterializeResult(
        metadata=month_rows(stage, drift.TABLE, period),
        check_results=[_check(AS_BEFORE, results, dg.AssetCheckSeverity.WARN, drifts=True)],
    )


def _reconcile(stage: Stage, period: str) -> dg.MaterializeResult:
    stage.with_inputs(period)
    checks = reconciliation.reconcile(stage.con, period)
    failed = [check for check in checks if not check.passed]
    table = table_specs()[reconciliation.CHECKS].qualified
    counted: dict[str, list[int]] = {}
    for check in checks:
        of_step = counted.setdefault(check.step, [0, 0])
        of_step[0] += 1
        of_step[1] += not check.passed
    return dg.MaterializeResult(
        metadata={
            **month_rows(stage, table, period),
            "steps": markdown_table(
                ("step", "checks", "failed"), [(step, *n) for step, n in counted.items()]
            ),
        },
        check_results=[
            dg.AssetCheckResult(
                check_name=RECONCILED,
                passed=not failed,
                severity=dg.AssetCheckSeverity.ERROR,
                description=reconciliation.blocked(period, failed)
                if failed
                else f"{len(checks)} pemeriksaan sama di kedua sisi",
                metadata={"checks": len(checks), "failed": len(failed)},
            )
        ],
    )


def _agree(stage: Stage, period: str) -> dg.MaterializeResult:
    stage.with_inputs(period)
    results = cross.validate_period(stage.con, stage.contracts, period)
    return dg.MaterializeResult(
        metadata=month_rows(stage, runner.RESULTS_TABLE, period),
        check_results=[_check(STAGES_AGREE, results, dg.AssetCheckSeverity.ERROR)],
    )


def _told(results: Sequence[CheckResult]) -> list[dg.AssetCheckResult]:
    return [
        _check(
            name,
            [result for result in results if result.severity == severity],
            dg.AssetCheckSeverity.ERROR if name == CRITICAL else dg.AssetCheckSeverity.WARN,
        )
        for name, severity in _SEVERITIES.items()
    ]


def _check(
    name: str,
    results: Sequence[CheckResult],
    severity: dg.AssetCheckSeverity,
    drifts: bool = False,
) -> dg.AssetCheckResult:
    failed = [result for result in results if not result.success]
    told = "; ".join(
        f"{result.id} [{result.name}: {result.observed}]"
        if drifts
        else f"{result.id} [{result.name}: {result.unexpected} dari {result.evaluated}]"
        for result in failed
    )
    return dg.AssetCheckResult(
        check_name=name,
        passed=not failed,
        severity=severity,
        description=told or f"{len(results)} terpenuhi",
        metadata={
            "expectations": len(results),
            "failed": len(failed),
            "results": markdown_table(
                ("expectation", "holds", "evaluated", "unexpected", "observed"),
                [
                    (r.name, "yes" if r.success else "NO", r.evaluated, r.unexpected, r.observed)
                    # What failed comes first.
                    for r in sorted(results, key=lambda result: result.success)
                ],
            ),
        },
    )
