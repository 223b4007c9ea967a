"""Arrivals: an overview of the month, what is late and from whom, as a table and a check.

Belongs here: the asset that shows it after everything has landed. Does not belong here: how
lateness is counted (sources/arrivals.py).
"""

import datetime as dt
from collections.abc import Mapping, Sequence

import dagster as dg

from assets.landing import landing_key
from assets.metadata import markdown_table
from assets.stage import POOL, Stage, guarded
from sources.arrivals import ARRIVED, ZONE, Arrival, arrivals
from sources.contracts import Contract

ARRIVALS_KEY = dg.AssetKey(["landing", "arrivals"])
NOTHING_LATE = "nothing_late"


def build(
    contracts: Mapping[str, Contract], partitions: dg.PartitionsDefinition
) -> list[dg.AssetsDefinition]:
    """Give the asset of the overview.

    Args:
        contracts: datasets by key.
        partitions: the months.
    """

    @dg.asset(
        key=ARRIVALS_KEY,
        deps=[landing_key(key) for key in contracts],
        group_name="landing",
        owners=["team:data-engineering"],
        kinds={"duckdb"},
        partitions_def=partitions,
        pool=POOL,
        description=(
            "What of the month has arrived, what is late and from whom, and what stands in for "
            "it. `cakupan status` tells the same at any time."
        ),
        metadata={"dagster/table_name": "landing.deliveries"},
        check_specs=[
            dg.AssetCheckSpec(
                NOTHING_LATE,
                asset=ARRIVALS_KEY,
                description="Every dataset arrived by the day that its contract names, or that "
                "day has not come yet.",
            )
        ],
    )
    def arrivals_overview(
        context: dg.AssetExecutionContext, warehouse: dg.ResourceParam[Stage]
    ) -> dg.MaterializeResult:
        @guarded
        def body() -> dg.MaterializeResult:
            return _overview(warehouse, context.partition_key)

        return body()

    return [arrivals_overview]


def _overview(stage: Stage, period: str) -> dg.MaterializeResult:
    today = dt.datetime.now(ZONE).date()
    stage.in_force(period)
    found = arrivals(stage.con, stage.contracts, period, today)
    missing = [arrival for arrival in found if arrival.missing]
    return dg.MaterializeResult(
        metadata={
            "arrived": sum(arrival.state == ARRIVED for arrival in found),
            "missing": len(missing),
            "overview": table(found),
        },
        check_results=[judged(found, today)],
    )


def judged(found: Sequence[Arrival], today: dt.date) -> dg.AssetCheckResult:
    """Judge whether nothing is late on a day; the sensor of late deliveries does so without a run.

    Args:
        found: the datasets of a month.
        today: the day in Jakarta.
    """
    missing = [arrival for arrival in found if arrival.missing]
    return dg.AssetCheckResult(
        asset_key=ARRIVALS_KEY,
        check_name=NOTHING_LATE,
        passed=not missing,
        severity=dg.AssetCheckSeverity.WARN,
        description="; ".join(each.told for each in missing) or "tidak ada yang terlambat",
        metadata={
            "missing": len(missing),
            "counted_to": today.isoformat(),
            "overview": table(found),
        },
    )


def table(found: Sequence[Arrival]) -> dg.MetadataValue:
    """Give the overview as a table."""
    return markdown_table(
        ("dataset", "provider", "owner", "due", "state", "days late", "stands in", "refused for"),
        [
            (a.dataset, a.provider, a.owner, a.due.isoformat(), a.state, a.days_late,
             a.stands_in or "", a.reason or "")
            for a in found
        ],
    )  # fmt: skip
