"""The employer spine: businesses of all registers, each once, and what leads to them.

Belongs here: one multi-asset. Does not belong here: how businesses are resolved (matching/).
"""

from collections.abc import Iterator, Mapping

import dagster as dg

from assets.conformed import conformed_key
from assets.metadata import rows_metadata
from assets.stage import POOL, Stage, guarded
from matching.employers import resolve_period
from sources.contracts import Contract
from warehouse.storage import count, literal

TABLES = {
    ("spine", "employers"): "Businesses of the period, resolved from all registers, each once.",
    ("spine", "employer_key_changes"): "Keys of businesses that became part of another's, or that "
    "another came out of, by month.",
    ("linkage", "employer_links"): "Which business each record of a register belongs to.",
    ("linkage", "employer_identifiers"): "The identifiers that lead to a business, with the "
    "region of the branch or participation that carries them.",
}
EMPLOYER_KEYS = [dg.AssetKey(list(table)) for table in TABLES]


def build(
    contracts: Mapping[str, Contract], partitions: dg.PartitionsDefinition
) -> list[dg.AssetsDefinition]:
    """Give the multi-asset of the employer spine."""
    # Payrolls and rosters name employers that no register has.
    naming = [c.key for c in contracts.values() if c.kind in ("employer", "employment", "roster")]

    @dg.multi_asset(
        name="employers",
        specs=[
            dg.AssetSpec(
                dg.AssetKey([schema, table]),
                deps=[conformed_key(key) for key in naming],
                group_name=schema,
                owners=["team:data-engineering"],
                kinds={"duckdb"},
                description=description,
                metadata={"dagster/table_name": f"{schema}.{table}"},
                partitions_def=partitions,
            )
            for (schema, table), description in TABLES.items()
        ],
        pool=POOL,
    )
    def employers(
        context: dg.AssetExecutionContext, warehouse: dg.ResourceParam[Stage]
    ) -> Iterator[dg.MaterializeResult]:
        period = context.partition_key

        @guarded
        def body() -> list[dg.MaterializeResult]:
            return _resolve(warehouse, period)

        yield from body()

    return [employers]


def _resolve(stage: Stage, period: str) -> list[dg.MaterializeResult]:
    con = stage.con
    stage.with_inputs(period)
    counts = resolve_period(con, period, log=stage.log)
    return [
        dg.MaterializeResult(
            asset_key=[schema, table],
            metadata={
                **rows_metadata(
                    total=count(con, f"{schema}.{table}"),
                    of_partition=count(con, f"{schema}.{table}", f"period = {literal(period)}"),
                ),
                **(counts if table == "employer_links" else {}),
            },
        )
        for schema, table in TABLES
    ]
