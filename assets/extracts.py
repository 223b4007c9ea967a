"""Extracts: what the addressees of the instruction may have, by group of addressees.

Belongs here: one multi-asset, an output for each group. Does not belong here: what is given to
whom (publishing/extracts/contracts), and delivery, which an officer starts.
"""

from collections.abc import Iterator
from functools import partial, update_wrapper

import dagster as dg

from assets.metadata import markdown_table
from assets.publication import PUBLICATION_KEY, RELEASE_KEY
from assets.stage import POOL, Stage, guarded
from publishing.extracts.contracts import load_extract_contracts
from publishing.extracts.issuing import issue

GROUP = "extracts"

SCOPES = {
    "national": ("none", "Extracts of the 24 addressees of the nation."),
    "provinces": ("province", "Extracts of the 38 governors, each of the own province."),
    "regencies": ("regency", "Extracts of the 514 regents and mayors, each of the own regency."),
}
"""Groups of addressees: the region scope of their contracts, and what is made."""


def extract_key(group: str) -> dg.AssetKey:
    """Give the asset key of a group of addressees."""
    return dg.AssetKey([GROUP, group])


def addressees(group: str) -> list[int]:
    """Give the numbers of a group's addressees."""
    scope, _ = SCOPES[group]
    return [n for n, c in load_extract_contracts().items() if c.region_scope == scope]


def build(partitions: dg.PartitionsDefinition) -> list[dg.AssetsDefinition]:
    """Give the multi-asset of the extracts; any of its groups can be made alone.

    Args:
        partitions: the months.
    """
    specs = [
        dg.AssetSpec(
            extract_key(group),
            deps=[PUBLICATION_KEY, RELEASE_KEY],
            group_name=GROUP,
            owners=["team:data-analysis"],
            kinds={"excel", "csv", "parquet"},
            description=text,
            metadata={"addressees": ", ".join(map(str, addressees(group)))},
            partitions_def=partitions,
        )
        for group, (_, text) in SCOPES.items()
    ]

    @dg.multi_asset(name=GROUP, specs=specs, pool=POOL, can_subset=True)
    def extracts(
        context: dg.AssetExecutionContext, warehouse: dg.ResourceParam[Stage]
    ) -> Iterator[dg.MaterializeResult]:
        for group in SCOPES:
            if extract_key(group) in context.selected_asset_keys:
                body = partial(_issue, warehouse, context.partition_key, group)
                yield guarded(update_wrapper(body, _issue))()

    return [extracts]


def _issue(stage: Stage, period: str, group: str) -> dg.MaterializeResult:
    made = issue(
        stage.home,
        stage.settings,
        period,
        addressees=addressees(group),
        con=stage.con,
        log=stage.log,
    )
    return dg.MaterializeResult(
        extract_key(group),
        metadata={
            "path": dg.MetadataValue.path(str(made.folder)),
            "publication": made.publication,
            "made": made.made,
            "kept": made.kept,
            "files": made.files,
            "dagster/partition_row_count": made.rows,
            "lists": made.lists,
            "absent_tables": ", ".join(made.absent),
            "withheld": markdown_table(("reason", "lists"), sorted(made.withheld.items())),
        },
    )
