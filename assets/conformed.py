"""Conformed: deliveries in canonical columns and types, each row accepted or set aside.

Belongs here: one asset per dataset. Does not belong here: the rules of conforming
(sources/conforming) and what is expected of the result
(assets/quality.py).
"""

from collections.abc import Mapping

import dagster as dg

from assets.fingerprints import is_made, note_made
from assets.landing import REFERENCE_KEY, landing_key
from assets.metadata import (
    conformed_columns,
    counts_metadata,
    definition_metadata,
    rows_metadata,
    tags_of,
)
from assets.quality import dataset_checks, judge_dataset, nothing_to_judge
from assets.stage import POOL, Stage, guarded
from sources.conforming import conform, create_conformed_table
from sources.contracts import Contract
from warehouse.storage import count, literal, quote

USED = ("current", "carried")
"""States of deliveries whose rows a period uses."""

_COUNTS = ("delivered", "accepted", "quarantined", "duplicates")


def conformed_key(dataset: str) -> dg.AssetKey:
    """Give the asset key of a dataset in canonical form."""
    return dg.AssetKey(["conformed", dataset])


def build(
    contracts: Mapping[str, Contract], partitions: dg.PartitionsDefinition
) -> list[dg.AssetsDefinition]:
    """Give one asset per dataset."""
    return [_conformed(contract, partitions) for contract in contracts.values()]


def _conformed(contract: Contract, partitions: dg.PartitionsDefinition) -> dg.AssetsDefinition:
    key = conformed_key(contract.key)

    @dg.asset(
        key=key,
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
        check_specs=dataset_checks(contract, key),
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
    """Conform the delivery in force, unless that has been done for this very one."""
    con = stage.con
    decided = stage.in_force(period)[contract.key]
    delivered, version = decided.delivery_period, decided.version
    facts: dict[str, int | str | None] = {
        "state": decided.state,
        "delivery_period": delivered,
        "delivery_version": version,
        "age_months": decided.age_months,
    }
    table = f"conformed.{quote(contract.key)}"
    create_conformed_table(con, contract)
    if delivered is None or version is None or decided.state not in USED:
        return dg.MaterializeResult(
            metadata={
                **counts_metadata(facts),
                **rows_metadata(total=count(con, table), of_partition=0),
            },
            check_results=nothing_to_judge(),
        )
    made = is_made(con, contract, delivered, version)
    if not made:
        conform(con, contract, delivered, version, log=stage.log)
        note_made(con, contract, delivered, version)
    counts = con.execute(
        "SELECT delivered, accepted, quarantined, duplicates FROM conformed.counts "
        "WHERE dataset = ? AND period = ? AND delivery_version = ?",
        [contract.key, delivered, version],
    ).fetchone() or (None,) * len(_COUNTS)
    return dg.MaterializeResult(
        metadata={
            **counts_metadata(facts),
            "done": "before" if made else "now",
            **counts_metadata(dict(zip(_COUNTS, counts, strict=True))),
            **rows_metadata(
                total=count(con, table),
                of_partition=count(con, table, f"period = {literal(delivered)}"),
            ),
        },
        check_results=judge_dataset(stage, contract, delivered),
    )
