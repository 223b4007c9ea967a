"""The person spine: the register's persons, to whom every other person record is linked.

Belongs here: one asset. Does not belong here: who belongs on the spine (matching/persons).
"""

from collections.abc import Mapping

import dagster as dg

from assets.conformed import conformed_key
from assets.metadata import rows_metadata
from assets.stage import POOL, Stage, guarded
from matching.spine import build_spine
from sources.contracts import Contract
from warehouse.errors import DataRefused
from warehouse.storage import count, literal

PERSONS_KEY = dg.AssetKey(["spine", "persons"])


def build(
    contracts: Mapping[str, Contract], partitions: dg.PartitionsDefinition
) -> list[dg.AssetsDefinition]:
    """Give the asset of the person spine."""
    registers = [c.key for c in contracts.values() if c.kind == "population"]

    @dg.asset(
        key=PERSONS_KEY,
        deps=[conformed_key(key) for key in registers],
        group_name="spine",
        owners=["team:data-engineering"],
        kinds={"duckdb"},
        partitions_def=partitions,
        pool=POOL,
        description=(
            "One row per person of the population register in the period; children under 15 "
            "are counted and left out."
        ),
        metadata={"dagster/table_name": "spine.persons"},
    )
    def spine_persons(
        context: dg.AssetExecutionContext, warehouse: dg.ResourceParam[Stage]
    ) -> dg.MaterializeResult:
        @guarded
        def body() -> dg.MaterializeResult:
            return _build(warehouse, context.partition_key, registers)

        return body()

    return [spine_persons]


def _build(stage: Stage, period: str, registers: list[str]) -> dg.MaterializeResult:
    con = stage.con
    stage.with_inputs(period)
    if count(con, "in_population") == 0:
        raise DataRefused(
            f"there is no population register for {period}: neither {' nor '.join(registers)} "
            "has a delivery that is in force and has rows. Every person record is linked to "
            f"it, so deliver it (inbox/{registers[0]}/{period}/) and run again",
            code="NO_REGISTER",
        )
    counts = build_spine(con, period)
    return dg.MaterializeResult(
        metadata={
            **counts,
            **rows_metadata(
                total=count(con, "spine.persons"),
                of_partition=count(con, "spine.persons", f"period = {literal(period)}"),
            ),
        }
    )
