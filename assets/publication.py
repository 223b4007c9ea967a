"""Publication: the tables of the period, proven and switched to, whole or not at all.

Belongs here: one asset. Does not belong here: how a publication is written and checked
(warehouse/publication), or what must hold before it (assets/quality.py).
"""

from collections.abc import Iterable

import dagster as dg

from assets.metadata import markdown_table
from assets.stage import POOL, Stage, guarded
from warehouse.publication import publish

PUBLICATION_KEY = dg.AssetKey(["publication", "cakupan"])


def build(
    upstream: Iterable[dg.AssetKey], partitions: dg.PartitionsDefinition
) -> list[dg.AssetsDefinition]:
    """Give the asset of the publication.

    Args:
        upstream: everything that must have been made; where any of it failed, nothing is
            published.
        partitions: the months.
    """

    @dg.asset(
        key=PUBLICATION_KEY,
        deps=list(upstream),
        group_name="publication",
        owners=["team:data-analysis"],
        kinds={"duckdb", "parquet"},
        partitions_def=partitions,
        pool=POOL,
        description=(
            "The published warehouse of the period: coverage, quality and reference tables for "
            "analysts, read-only, with no identity in it."
        ),
    )
    def publication(
        context: dg.AssetExecutionContext, warehouse: dg.ResourceParam[Stage]
    ) -> dg.MaterializeResult:
        @guarded
        def body() -> dg.MaterializeResult:
            return _publish(warehouse, context.partition_key)

        return body()

    return [publication]


def _publish(stage: Stage, period: str) -> dg.MaterializeResult:
    stage.of_period(period)
    made = publish(
        stage.con,
        stage.home,
        stage.settings,
        period,
        run_id=stage.run_id,
        reason=stage.reason,
        log=stage.log,
    )
    return dg.MaterializeResult(
        metadata={
            "path": dg.MetadataValue.path(str(made.path)),
            "number": made.number,
            "new": made.new,
            "changed": ", ".join(made.changed),
            "tables": len(made.rows),
            "rows": sum(made.rows.values()),
            "rows_by_table": markdown_table(("table", "rows"), sorted(made.rows.items())),
        }
    )
