"""Linkage: which person each record of a person belongs to.

Belongs here: one asset and its summary. Does not belong here: how links are found
(matching/).
"""

from collections.abc import Mapping

import dagster as dg

from assets.conformed import conformed_key
from assets.linkage_charts import parameters, probabilities, reasons, weights
from assets.metadata import bar_chart, markdown_table, rows_metadata
from assets.spine import PERSONS_KEY
from assets.stage import POOL, Stage, guarded
from matching.model import load_version
from matching.persons import link_period
from sources.contracts import Contract
from warehouse.storage import count, literal

LINKS_KEY = dg.AssetKey(["linkage", "person_links"])

_SUMMARY = """
    SELECT dataset, status, coalesce(tier, 'none') AS tier, count(*) AS records
    FROM linkage.person_links WHERE period = ?
    GROUP BY ALL ORDER BY ALL
"""


def build(
    contracts: Mapping[str, Contract], partitions: dg.PartitionsDefinition
) -> list[dg.AssetsDefinition]:
    """Give the asset of the person links."""
    lists = [c.key for c in contracts.values() if c.links_person]

    @dg.asset(
        key=LINKS_KEY,
        deps=[PERSONS_KEY, *(conformed_key(key) for key in lists)],
        group_name="linkage",
        owners=["team:data-engineering"],
        kinds={"duckdb"},
        partitions_def=partitions,
        pool=POOL,
        description=(
            "One row per membership, employment, roster and ownership record of the period: "
            "linked to a person of the spine, in review, or unlinked with the reason."
        ),
        metadata={"dagster/table_name": "linkage.person_links"},
    )
    def person_links(
        context: dg.AssetExecutionContext, warehouse: dg.ResourceParam[Stage]
    ) -> dg.MaterializeResult:
        @guarded
        def body() -> dg.MaterializeResult:
            return _link(warehouse, context.partition_key)

        return body()

    return [person_links]


def _link(stage: Stage, period: str) -> dg.MaterializeResult:
    con = stage.con
    stage.with_inputs(period)
    link_period(con, period, log=stage.log, retrain=stage.retrain)
    [(version, residual, compared)] = con.execute(
        "SELECT model, residual, compared FROM linkage.person_runs WHERE period = ?", [period]
    ).fetchall()
    model = load_version(con, version)
    rows = con.execute(_SUMMARY, [period]).fetchall()
    chart = bar_chart(
        [
            {"dataset": dataset, "records": records, "tier": tier if status == "linked" else status}
            for dataset, status, tier, records in rows
        ],
        category="dataset",
        value="records",
        series="tier",
        title="Links by tier",
    )
    return dg.MaterializeResult(
        metadata={
            **rows_metadata(
                total=count(con, "linkage.person_links"),
                of_partition=count(con, "linkage.person_links", f"period = {literal(period)}"),
            ),
            "links": markdown_table(("dataset", "status", "tier", "records"), rows),
            "model_version": version,
            "records_without_nik_link": residual,
            "records_compared": compared,
            **({"tiers": chart} if chart is not None else {}),
            **reasons(con, period),
            **probabilities(con, period),
            **(weights(model) | parameters(model) if model is not None else {}),
        }
    )
