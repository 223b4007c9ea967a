"""Sensors that tell: runs that fail or warn, and deliveries that are late.

Belongs here: when the daemon looks for what is worth telling. Does not belong here: what is told
and to whom (alerts.py, alert_channels.py).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import dagster as dg

from assets.arrivals import ARRIVALS_KEY, NOTHING_LATE, judged
from pipelines.alerts import LATE, RUN_FAILED, Item, alert
from pipelines.lateness import arrivals_of
from pipelines.locks import home_lock
from pipelines.outcome import items_of, outcome_of
from pipelines.partitions import previous
from sources.arrivals import ZONE, Arrival
from warehouse.errors import CakupanError
from warehouse.home import Home
from warehouse.settings import Settings

LATE_SECONDS = 3600
"""How often it is looked for late deliveries."""


def build(home: Home, settings: Settings) -> list[dg.SensorDefinition]:
    """Give the sensors of a home."""
    running = dg.DefaultSensorStatus.RUNNING

    @dg.run_failure_sensor(
        name="run_failure",
        default_status=running,
        description="Tells of a failed run, by `alerts.jsonl` of the home and the channels of the "
        "settings. Whoever started it: a run of the command line is told once.",
    )
    def run_failure(context: dg.RunFailureSensorContext) -> None:
        _tell(home, settings, context, context.failure_event.message or "the run failed")

    @dg.run_status_sensor(
        run_status=dg.DagsterRunStatus.SUCCESS,
        name="run_warnings",
        default_status=running,
        description="Tells of checks that did not pass in a run that went well: late or held "
        "deliveries, warnings, drift. What stood in the run before is not told again.",
    )
    def run_warnings(context: dg.RunStatusSensorContext) -> None:
        _tell(home, settings, context, "")

    @dg.sensor(
        name="late_deliveries",
        minimum_interval_seconds=LATE_SECONDS,
        default_status=running,
        description="Looks every hour which deliveries of the month before are late by their "
        "contracts, shows it on `landing/arrivals`, and tells of each once. Needs no run.",
    )
    def late_deliveries(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        return look_for_late(home, settings, dt.datetime.now(ZONE).date(), context.cursor)

    return [run_failure, run_warnings, late_deliveries]


def look_for_late(
    home: Home, settings: Settings, today: dt.date, cursor: str | None
) -> dg.SensorResult | dg.SkipReason:
    """Judge the deliveries of the month before `today`, and tell of those that became late.

    Args:
        home: the home.
        settings: where alerts go.
        today: the day in Jakarta.
        cursor: what was found the last time; the same is not written to the history again.

    Returns:
        The check of the arrivals as it stands today, or why it was not looked.
    """
    period = previous(f"{today:%Y-%m}")
    if not home.restricted_db.exists():
        return dg.SkipReason("the home has taken in nothing yet")
    try:
        # Reading keeps a run from opening the warehouse, so a run must not begin meanwhile.
        with home_lock(home, "late deliveries", timeout=0):
            found = arrivals_of(home, period, today)
    except CakupanError as error:
        return dg.SkipReason(str(error))
    late = [arrival for arrival in found if arrival.missing]
    seen = f"{period} {today} {','.join(sorted(a.dataset for a in late))}"
    if seen == cursor:
        return dg.SkipReason(f"{period}: {len(late)} deliveries are late, as at the last look")
    alert(
        home,
        settings.alerts,
        run_id=f"late {seen}",
        job="deliveries",
        period=period,
        items=_late_items(late),
        failed=False,
    )
    judgement = judged(found, today)
    evaluation = dg.AssetCheckEvaluation(
        asset_key=ARRIVALS_KEY,
        check_name=NOTHING_LATE,
        passed=judgement.passed,
        severity=judgement.severity,
        description=judgement.description,
        metadata=judgement.metadata,
        partition=period,
    )
    return dg.SensorResult(asset_events=[evaluation], cursor=seen)


def _late_items(late: Sequence[Arrival]) -> list[Item]:
    return [Item(LATE, arrival.dataset, arrival.told) for arrival in late]


def _tell(
    home: Home, settings: Settings, context: dg.RunStatusSensorContext, unexplained: str
) -> None:
    """Tell of a run by what stands of it in the history."""
    run = context.dagster_run
    outcome = outcome_of(context.instance, run)
    items = items_of(outcome)
    if unexplained and not outcome.failures:
        # Such as a process that was killed: the run ended before or between its steps.
        items.insert(0, Item(RUN_FAILED, "run", unexplained, blocking=True))
    told = alert(
        home,
        settings.alerts,
        run_id=run.run_id,
        job=run.job_name,
        period=run.tags.get("dagster/partition", ""),
        items=items,
        failed=bool(unexplained),
        log=context.log.warning,
    )
    for item in items if told else []:
        context.log.warning(f"run {run.run_id}: {item.subject}: {item.message}")
