"""The code location: everything Dagster knows of the project, put together.

Belongs here: putting assets, checks, jobs, schedules, sensors and the resource together for
one home. Does not belong here: any of them.

Loading it reads contracts and settings and opens nothing: no warehouse, no source.
"""

from pathlib import Path

import dagster as dg

from assets import (
    arrivals,
    change,
    compliance,
    conformed,
    coverage,
    dashboard,
    deliveries,
    employers,
    extracts,
    landing,
    linkage,
    publication,
    quality,
    report,
    spine,
)
from pipelines import approval, jobs, schedules, sensors
from pipelines.partitions import periods
from pipelines.resources import WarehouseResource
from sources.contracts import load_contracts
from warehouse.home import Home
from warehouse.settings import load_settings


def build(
    home: Home, include_period: str | None = None, settings_file: Path | None = None
) -> dg.Definitions:
    """Give the definitions of a home.

    Args:
        home: whose contracts and settings count.
        include_period: a month that can be run however far it is from today.
        settings_file: other settings than the home's.

    Raises:
        UsageError: a contract or the settings of the home are not valid.
    """
    contracts = load_contracts([home.contracts])
    settings = load_settings(home, settings_file)
    months = periods(include_period)
    assets = [
        *landing.build(contracts, months, tuple(settings.databases)),
        *arrivals.build(contracts, months),
        *conformed.build(contracts, months),
        *spine.build(contracts, months),
        *linkage.build(contracts, months),
        *employers.build(contracts, months),
        *coverage.build(months),
        *change.build(months),
        *compliance.build(contracts, months),
    ]
    assets += quality.build(_keys(assets), months)
    assets += publication.build(_keys(assets), months)
    assets += dashboard.build(months)
    assets += extracts.build(months)
    assets += report.build(months)
    return dg.Definitions(
        assets=[*deliveries.build(contracts, months), *assets],
        jobs=[*jobs.build(), approval.build()],
        schedules=schedules.build(),
        sensors=sensors.build(home, settings, contracts, months),
        resources={"warehouse": WarehouseResource(home=str(home.path))},
        # One process, one connection, one lock: seven trivial steps take a minute in
        # processes of their own and less than a second in one.
        executor=dg.in_process_executor,
    )


def _keys(assets: list[dg.AssetsDefinition]) -> list[dg.AssetKey]:
    return [key for asset in assets for key in asset.keys]


def __getattr__(name: str) -> dg.Definitions:
    """Build the location of this process's home when Dagster looks for it, and not before.

    A command builds that of the home it is given.
    """
    if name != "defs":
        raise AttributeError(f"module {__name__} has no attribute {name}")
    made = build(Home.resolve())
    globals()[name] = made
    return made


def __dir__() -> list[str]:
    return [*globals(), "defs"]
