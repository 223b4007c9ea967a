"""Deliveries: what providers hand over, which no step of ours makes.

Belongs here: one external asset per dataset, whose freshness is the provider's, and the event by
which it counts as made. Does not belong here: taking a delivery in (landing.py), or how lateness
is counted and told (sources/arrivals.py, arrivals.py).
"""

import datetime as dt
from collections.abc import Mapping

import dagster as dg

from assets.metadata import tags_of
from sources.arrivals import ZONE
from sources.contracts import Contract
from warehouse.connection import last_day

GROUP = "deliveries"
_SHOWN = ("source_kind", "files", "bytes", "delivered", "unreadable")

Event = dg.AssetMaterialization | dg.AssetObservation


def delivery_key(dataset: str) -> dg.AssetKey:
    """Give the asset key of what a provider hands over."""
    return dg.AssetKey([GROUP, dataset])


def deadline(contract: Contract) -> dg.FreshnessPolicy:
    """Give the freshness of a dataset: handed over in the month by the day its contract names.

    The window opens with the month and closes with that day, as `sources.arrivals.due` counts.
    """
    return dg.FreshnessPolicy.cron(
        deadline_cron=f"59 23 {contract.due_day} * *",
        lower_bound_delta=dt.timedelta(days=contract.due_day),
        timezone=str(ZONE),
    )


def build(
    contracts: Mapping[str, Contract], partitions: dg.PartitionsDefinition
) -> list[dg.AssetSpec]:
    """Give what providers hand over, one asset per dataset.

    The landing asset is made in every run, whether something arrived or not, so that its
    freshness would be that of the schedule.

    Args:
        contracts: datasets by key.
        partitions: the months.
    """
    return [
        dg.AssetSpec(
            key=delivery_key(contract.key),
            group_name=GROUP,
            owners=[contract.owner],
            kinds={"file"},
            tags=tags_of(contract),
            partitions_def=partitions,
            freshness_policy=deadline(contract),
            description=(
                f"{contract.title}, handed over by {contract.provider} for a month. It counts as "
                "made when a delivery has been accepted, so that its freshness is the provider's: "
                f"due by the end of day {contract.due_day} of the month after. A month older than "
                "the one awaited now is only observed, and the awaited one stays awaited."
            ),
            metadata={"provider": contract.provider, "due_day": contract.due_day},
        )
        for contract in contracts.values()
    ]


def report(
    instance: dg.DagsterInstance,
    run_id: str,
    contract: Contract,
    period: str,
    landed: dg.MaterializeResult,
) -> None:
    """Tell the history of a delivery that it does not know yet.

    What it knows is asked of it, and not of this run: a delivery that waited for approval was
    landed by an earlier run, and a killed run may have landed one without telling.

    Args:
        instance: whose history is told.
        run_id: the run that landed.
        contract: the dataset's.
        period: the month of the run.
        landed: what landing told.
    """
    event = event_of(contract, period, landed, _today(), run_id)
    if event is not None and not _known(instance, event):
        instance.report_runless_asset_event(event)


def event_of(
    contract: Contract, period: str, landed: dg.MaterializeResult, today: dt.date, run_id: str = ""
) -> Event | None:
    """Give the event of a month's delivery, which the freshness of its dataset follows.

    Args:
        contract: the dataset's.
        period: the month of the run.
        landed: what landing told.
        today: the day in Jakarta.
        run_id: the run that landed.

    Returns:
        A materialization; only an observation where a later month is awaited already; None where
        the month has no accepted delivery of its own.
    """
    told = landed.metadata or {}
    if told.get("state") != "current":
        return None
    awaited = today.replace(day=1) - dt.timedelta(days=1)
    kind = dg.AssetMaterialization if last_day(period) >= awaited else dg.AssetObservation
    return kind(
        asset_key=delivery_key(contract.key),
        partition=period,
        metadata={
            "provider": contract.provider,
            "version": told["delivery_version"],
            **{name: told[name] for name in _SHOWN if name in told},
            **({"landed_by": dg.MetadataValue.dagster_run(run_id)} if run_id else {}),
        },
    )


def _today() -> dt.date:
    return dt.datetime.now(ZONE).date()


def _known(instance: dg.DagsterInstance, event: Event) -> bool:
    """Tell whether the month's latest event is of the same version."""
    fetch = (
        instance.fetch_materializations
        if isinstance(event, dg.AssetMaterialization)
        else instance.fetch_observations
    )
    of_month = dg.AssetRecordsFilter(event.asset_key, asset_partitions=[str(event.partition)])
    found = fetch(of_month, limit=1).records
    if not found:
        return False
    entry = found[0].event_log_entry
    last = entry.asset_materialization or entry.asset_observation
    return last is not None and last.metadata.get("version") == event.metadata["version"]
