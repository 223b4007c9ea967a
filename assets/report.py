"""The six-monthly report, from the latest publication of a month.

Belongs here: the asset. Does not belong here: what the report says and how it is set
(publishing/report), or when it is made (pipelines/schedules.py).
"""

import dagster as dg

from assets.publication import PUBLICATION_KEY, RELEASE_KEY
from assets.stage import POOL, Stage, guarded

GROUP = "report"
REPORT_KEY = dg.AssetKey([GROUP, "six_monthly"])


def build(partitions: dg.PartitionsDefinition) -> list[dg.AssetsDefinition]:
    """Give the asset of the report.

    Args:
        partitions: the months; the report closes with the month of its partition.
    """

    @dg.asset(
        key=REPORT_KEY,
        deps=[PUBLICATION_KEY, RELEASE_KEY],
        group_name=GROUP,
        owners=["team:data-analysis"],
        kinds={"pdf"},
        partitions_def=partitions,
        pool=POOL,
        description=(
            "The report to the President of clause 2.1.b, as PDF in Indonesian, from released "
            "figures alone."
        ),
    )
    def six_monthly(
        context: dg.AssetExecutionContext, warehouse: dg.ResourceParam[Stage]
    ) -> dg.MaterializeResult:
        @guarded
        def body() -> dg.MaterializeResult:
            return _report(warehouse, context.partition_key)

        return body()

    return [six_monthly]


def _report(stage: Stage, period: str) -> dg.MaterializeResult:
    # Typesetting is loaded where it is used, not when Dagster lists the assets.
    from publishing.report import make_report  # noqa: PLC0415

    made = make_report(stage.home.published, period)
    return dg.MaterializeResult(
        metadata={
            "path": dg.MetadataValue.path(str(made.path)),
            "publication": made.publication,
            "pages": made.pages,
            "bytes": made.bytes,
        }
    )
