"""Running a job here and now, in this process, on the history of the home.

Belongs here: executing a job so that the UI shows the run. Does not belong here: what it did and
failed (outcome.py), what is printed (progress.py, cli_run.py), or what runs on its own
(schedules.py, sensors.py).
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from pathlib import Path

import dagster as dg

from assets.stage import stopped_by
from pipelines import definitions
from pipelines.alerts import alert
from pipelines.instance import open_instance
from pipelines.outcome import Outcome, gather, items_of
from pipelines.stopping import told_to_stop
from warehouse.connection import check_period
from warehouse.home import Home
from warehouse.settings import load_settings

Listener = Callable[[dg.DagsterEvent], None]


def execute(
    home: Home,
    job_name: str,
    period: str,
    *,
    inbox: Path | None = None,
    settings_file: Path | None = None,
    reason: str = "",
    retrain: bool | None = None,
    listener: Listener | None = None,
    plan: Callable[[list[str]], None] | None = None,
    log: Callable[[str], None] | None = None,
) -> Outcome:
    """Run a job for a month in this process.

    Args:
        home: the home.
        job_name: `period` or `publish`.
        period: the month.
        inbox: where file drops lie; the home's inbox where left out. What lies there is
            taken as complete.
        settings_file: other settings than the home's.
        reason: why the month is published again.
        retrain: train the model of persons anew or not; as the settings say where left out.
        listener: given every Dagster event as it happens, in this thread.
        plan: given the keys of the steps before the first begins.
        log: told what goes on outside of steps.

    Returns:
        What was done and what failed; data that are refused raise nothing here.

    Raises:
        UsageError: the period, the settings or a contract are not valid.
    """
    check_period(period)
    # Loaded here once before the run: a bad file is the caller's mistake, not the run's.
    loaded = definitions.build(home, include_period=period, settings_file=settings_file)
    alerts = load_settings(home, settings_file).alerts
    job = loaded.resolve_job_def(job_name)
    outcome = Outcome(run_id=str(uuid.uuid4()))
    config: dict[str, object] = {"home": str(home.path), "settle_seconds": 0, "reason": reason}
    if retrain is not None:
        config["retrain"] = retrain
    if inbox is not None:
        config["inbox"] = str(inbox)
    if settings_file is not None:
        config["settings_file"] = str(settings_file)

    def listen(entry: dg.EventLogEntry, _cursor: object = None) -> None:
        if entry.dagster_event is not None:
            gather(outcome, entry.dagster_event)
            if listener is not None:
                listener(entry.dagster_event)

    with open_instance(home, log) as instance:
        if plan is not None:
            plan([node.name for node in job.graph.nodes])
        instance.add_event_listener(outcome.run_id, listen)
        with told_to_stop() as asked, stopped_by(asked):
            result = job.execute_in_process(
                instance=instance,
                partition_key=period,
                run_id=outcome.run_id,
                raise_on_error=False,
                tags={"cakupan/by": "command line"},
                run_config={
                    "resources": {"warehouse": {"config": config}},
                    # The events are ours to show.
                    "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
                },
            )
        outcome.success = result.success
    alert(
        home,
        alerts,
        run_id=outcome.run_id,
        job=job_name,
        period=period,
        items=items_of(outcome),
        failed=not outcome.success,
        log=log,
    )
    return outcome
