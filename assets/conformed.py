"""Conformed: deliveries in canonical columns and types, each row accepted or set aside.

Belongs here: one asset per dataset. Does not belong here: the rules of conforming
(sources/conforming.py) and what is expected of the result (assets/quality.py).
"""

from collections.abc import Mapping

import dagster as dg

from assets.landing import REFERENCE_KEY, landing_key, tags_of
from assets.metadata import (
    conformed_columns,
    counts_metadata,
    definition_metadata,
    rows_metadata,
)
from assets.stage import POOL, Stage, guarded
from sources.contracts import Contract
from warehouse.storage import count, literal, quote


def conformed_key(dataset: str) -> dg.AssetKey:
    """Give the asset key of a dataset in canonical form."""
    return dg.AssetKey(["conformed", dataset])


def build(
    contracts: Mapping[str, Contract], partitions: dg.PartitionsDefinition
) -> list[dg.AssetsDefinition]:
    """Give one asset per dataset."""
    return [_conformed(contract, partitions) for contract in contracts.values()]


def _conformed(contract: Contract, partitions: dg.PartitionsDefinition) -> dg.AssetsDefinition:
    @dg.asset(
        key=conformed_key(contract.key),
        deps=[landing_key(contract.key), REFERENCE_KEY],
        group_name="conformed",
        owners=[contract.owner],
        kinds={"duckdb"},
        tags=tags_of(contract),
        partitions_def=partitions,
        pool=POOL,
        code_version=contract.version,
        description=(
            f"{contract.title} in canonical columns and types: each delivered row is accepted, "
            "quarantined with its reasons, or an exact duplicate."
        ),
        metadata=definition_metadata(f"conformed.{contract.key}", conformed_columns(contract)),
    )
    def conformed(
        context: dg.AssetExecutionContext, warehouse: dg.ResourceParam[Stage]
    ) -> dg.MaterializeResult:
        @guarded
        def body() -> dg.MaterializeResult:
            return _conform(warehouse, contract, context.partition_key)

        return body()

    return conformed


def _conform(stage: Stage, contract: Contract, period: str) -> dg.MaterializeResult:
    """Conform the delivery in force, unless that has been done for this very version."""
    from sources.conforming import conform  # noqa: PLC0415

    con = stage.con
    stage.of_period(period)
    in_force = con.execute(
        "SELECT delivery_period, version, state, age_months FROM landing.in_force "
        "WHERE period = ? AND dataset = ?",
        [period, contract.key],
    ).fetchone()
    if in_force is None or in_force[0] is None:
        return dg.MaterializeResult(metadata={"state": "missing", **rows_metadata(of_partition=0)})
    delivery_period, version, state, age = in_force
    report = conform(con, contract, delivery_period)
    table = f"conformed.{quote(contract.key)}"
    return dg.MaterializeResult(
        metadata={
            **counts_metadata(
                {
                    "state": state,
                    "delivery_period": delivery_period,
                    "delivery_version": version,
                    "age_months": age,
                    "delivered": report.delivered,
                    "accepted": report.accepted,
                    "quarantined": report.quarantined,
                    "duplicates": report.duplicates,
                }
            ),
            **rows_metadata(
                total=count(con, table),
                of_partition=count(con, table, f"period = {literal(delivery_period)}"),
            ),
        }
    )
