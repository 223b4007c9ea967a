"""Sensors: deliveries that arrive, and releases that are published.

Belongs here: what runs because of an event. Does not belong here: what runs at a time of day
(schedules.py), or who is told of what (alert_sensors.py).
"""

from collections.abc import Mapping
from pathlib import Path

import dagster as dg

from assets.publication import RELEASE_KEY
from pipelines import alert_sensors
from pipelines.inbox import look, periods_in, seen
from pipelines.jobs import EXTRACTS_JOB, PERIOD_JOB
from pipelines.locks import clear_dead_runs, lock_holder
from sources.contracts import Contract
from warehouse.home import Home
from warehouse.settings import Settings

_WAITING = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


def build(
    home: Home,
    settings: Settings,
    contracts: Mapping[str, Contract],
    partitions: dg.MonthlyPartitionsDefinition,
) -> list[dg.SensorDefinition]:
    """Give the sensors of a home."""

    @dg.sensor(
        name="inbox",
        job_name=PERIOD_JOB,
        minimum_interval_seconds=60,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=(
            "Runs a period when its inbox holds something that no run has taken in and that has "
            "been unchanged for the settle time. Waits while another run holds the home."
        ),
    )
    def inbox(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        clear_dead_runs(home, context.instance)
        holder = lock_holder(home)
        if holder is not None:
            return dg.SkipReason(f"the home is held by {holder}")
        if context.instance.get_runs_count(dg.RunsFilter(job_name=PERIOD_JOB, statuses=_WAITING)):
            return dg.SkipReason("a run of the period job is waiting or running")
        return _requests(home, settings, contracts, partitions)

    @dg.asset_sensor(
        asset_key=RELEASE_KEY,
        name="extracts_after_publication",
        job_name=EXTRACTS_JOB,
        # As with the schedule: somebody decides that extracts are made without being asked for.
        default_status=dg.DefaultSensorStatus.STOPPED,
        description="Makes the extracts of a month when a release of it has been published.",
    )
    def extracts_after_publication(
        context: dg.SensorEvaluationContext, event: dg.EventLogEntry
    ) -> dg.RunRequest | dg.SkipReason:
        made = event.asset_materialization
        if made is None or made.partition is None:
            return dg.SkipReason("the release names no month")
        # Dagster asks once for an event; a publication that stands already asks in vain.
        number = made.metadata.get("path")
        told = Path(str(number.value)).parent.name if number else event.run_id
        return dg.RunRequest(run_key=f"extracts-{told}", partition_key=made.partition)

    return [inbox, extracts_after_publication, *alert_sensors.build(home, settings)]


def _requests(
    home: Home,
    settings: Settings,
    contracts: Mapping[str, Contract],
    partitions: dg.MonthlyPartitionsDefinition,
) -> dg.SensorResult | dg.SkipReason:
    known, runnable = seen(home), set(partitions.get_partition_keys())
    registers = {key for key, contract in contracts.items() if contract.kind == "population"}
    requests, put_off = [], []
    for period in periods_in(home.inbox, contracts):
        signature, found = look(home.inbox, contracts, period, settings.arrival.settle_seconds)
        if not signature or known.get(period) == signature:
            put_off += [f"{period}/{name}: {why}" for name, why in found.waiting.items()]
        elif period not in runnable:
            put_off.append(f"{period}: not among the months that can be run")
        elif not _has_register(home, registers):
            put_off.append(f"{period}: no population register has arrived yet")
        else:
            key = f"{period}-{signature[:16]}"
            requests.append(dg.RunRequest(run_key=key, partition_key=period))
    if requests:
        return dg.SensorResult(run_requests=requests)
    return dg.SkipReason("; ".join(put_off) or "nothing new in the inbox")


def _has_register(home: Home, registers: set[str]) -> bool:
    """Tell whether any population register lies in the inbox or has been kept."""
    return any(
        folder.is_dir() and any(folder.iterdir())
        for key in registers
        for folder in (home.inbox / key, home.deliveries / key)
    )
