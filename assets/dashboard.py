"""The dashboard: one page beside each publication, made from its release.

Belongs here: the asset. Does not belong here: the page (publishing/dashboard).

It follows the publication instead of being made within it: a page that cannot be made, for want
of a boundary file or of disk, leaves the figures published, and is made again by itself.
"""

import dagster as dg

from assets.publication import PUBLICATION_KEY, RELEASE_KEY
from assets.stage import POOL, Stage, guarded
from publishing.dashboard import PAGE_FILE

DASHBOARD_KEY = dg.AssetKey(["publication", "dashboard"])


def build(partitions: dg.PartitionsDefinition) -> list[dg.AssetsDefinition]:
    """Give the asset of the dashboard.

    Args:
        partitions: the months.
    """

    @dg.asset(
        key=DASHBOARD_KEY,
        deps=[PUBLICATION_KEY, RELEASE_KEY],
        group_name="publication",
        owners=["team:data-analysis"],
        kinds={"html"},
        partitions_def=partitions,
        pool=POOL,
        metadata={"file": PAGE_FILE},
        description=(
            "One page that shows the publication to anybody, opened from disk without network: "
            "made from the release, in Bahasa Indonesia and English."
        ),
    )
    def dashboard(
        context: dg.AssetExecutionContext, warehouse: dg.ResourceParam[Stage]
    ) -> dg.MaterializeResult:
        @guarded
        def body() -> dg.MaterializeResult:
            return _make(warehouse, context.partition_key)

        return body()

    return [dashboard]


def _make(stage: Stage, period: str) -> dg.MaterializeResult:
    # Altair takes seconds to load, and a code location is loaded often.
    from publishing.dashboard.making import make_dashboards  # noqa: PLC0415

    made = make_dashboards(stage.home, stage.settings, period, stage.log)
    own = made[0]
    return dg.MaterializeResult(
        metadata={
            "path": dg.MetadataValue.path(str(own.path)),
            "publication": own.publication,
            "months": ", ".join(own.months),
            "rows": own.rows,
            "bytes": own.bytes,
            "seconds": own.seconds,
            "pages": len(made),
        }
    )
