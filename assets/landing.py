"""Landing: what providers delivered for the period, as delivered.

Belongs here: one asset per dataset, and the code lists that later stages look up. Does not
belong here: reading files and databases (sources/), or any judgement on rows.
"""

from collections.abc import Mapping, Sequence

import dagster as dg

from assets.deliveries import delivery_key, report
from assets.metadata import (
    counts_metadata,
    definition_metadata,
    landing_columns,
    rows_metadata,
    tags_of,
)
from assets.stage import POOL, Stage, guarded
from sources import volume
from sources.contracts import Contract, load_dataset_table
from sources.deliveries import keep
from sources.landing import InForce, create_landing_table, land
from sources.ledger import Kept
from warehouse.errors import DataRefused
from warehouse.reference import load_reference
from warehouse.storage import count, quote
from warehouse.tables import create_tables

REFERENCE_KEY = dg.AssetKey(["reference", "codes"])


RETRY = dg.RetryPolicy(
    max_retries=2, delay=5, backoff=dg.Backoff.EXPONENTIAL, jitter=dg.Jitter.PLUS_MINUS
)
"""For sources that are down; the reader has tried several times in quick succession before."""


VOLUME = "volume"
_FACTS = ("source_kind", "files", "bytes", "delivered", "unreadable")


def landing_key(dataset: str) -> dg.AssetKey:
    """Give the asset key of a dataset as delivered."""
    return dg.AssetKey(["landing", dataset])


def build(
    contracts: Mapping[str, Contract],
    partitions: dg.PartitionsDefinition,
    databases: Sequence[str] = (),
) -> list[dg.AssetsDefinition]:
    """Give the landing assets, one per dataset, and the one of the code lists.

    Args:
        contracts: datasets by key.
        partitions: the months.
        databases: datasets that the deployment reads from a database.
    """
    return [
        _reference(),
        *(
            _landing(contract, partitions, contract.key in databases)
            for contract in contracts.values()
        ),
    ]


def _reference() -> dg.AssetsDefinition:
    @dg.asset(
        key=REFERENCE_KEY,
        group_name="landing",
        owners=["team:data-engineering"],
        kinds={"duckdb", "csv"},
        pool=POOL,
        description=(
            "Code lists, rates and denominators of `warehouse/reference`, and the table of "
            "datasets made from the contracts."
        ),
        metadata={"dagster/table_name": "reference"},
    )
    def reference_codes(
        context: dg.AssetExecutionContext, warehouse: dg.ResourceParam[Stage]
    ) -> dg.MaterializeResult:
        @guarded
        def body() -> dg.MaterializeResult:
            create_tables(warehouse.con)
            tables = load_reference(warehouse.con)
            datasets = load_dataset_table(warehouse.con, warehouse.contracts)
            return dg.MaterializeResult(metadata={**tables, "datasets": datasets})

        return body()

    return reference_codes


def _landing(
    contract: Contract, partitions: dg.PartitionsDefinition, from_database: bool
) -> dg.AssetsDefinition:
    key = landing_key(contract.key)
    table = f"landing.{contract.key}"

    @dg.asset(
        key=key,
        deps=[delivery_key(contract.key)],
        group_name="landing",
        owners=[contract.owner],
        kinds={"duckdb", "sql"} if from_database else {"duckdb", "csv", "parquet"},
        tags=tags_of(contract),
        partitions_def=partitions,
        pool=POOL,
        retry_policy=RETRY,
        code_version=contract.version,
        description=f"{contract.title}, as delivered by {contract.provider}. {contract.purpose}",
        metadata={
            **definition_metadata(table, landing_columns(contract)),
            "provider": contract.provider,
            "clauses": ", ".join(contract.clauses),
        },
        check_specs=[
            dg.AssetCheckSpec(
                "delivered",
                asset=key,
                description="The period has a delivery of its own, not one carried over.",
            ),
            dg.AssetCheckSpec(
                VOLUME,
                asset=key,
                blocking=True,
                description="No delivery of the period waits for approval because it is far "
                "smaller or larger than the last; blocks where nothing good is in force.",
            ),
        ],
    )
    def landing(
        context: dg.AssetExecutionContext, warehouse: dg.ResourceParam[Stage]
    ) -> dg.MaterializeResult:
        @guarded
        def body() -> dg.MaterializeResult:
            period = context.partition_key
            made = _land(warehouse, contract, period)
            report(context.instance, context.run.run_id, contract, period, made)
            return made

        return body()

    return landing


def _land(stage: Stage, contract: Contract, period: str) -> dg.MaterializeResult:
    """Keep and land what has arrived for the period, and tell what the period will use."""
    con, key = stage.con, contract.key
    create_landing_table(con, contract)
    kept = _keep(stage, contract, period)
    gates = stage.settings.gates
    if kept is not None and volume.standing(con, kept) in ("held", "rejected"):
        # Landed before, and held: only a decision changes that.
        volume.settle(con, stage.home, kept)
        stage.arrived()
    elif kept is not None and kept.new:
        try:
            gate = volume.gate_of(stage.home, gates)
            land(con, stage.home, contract, kept, log=stage.log, gate=gate)
        except DataRefused as refusal:
            if not _is_silent(stage, contract, refusal):
                raise
            stage.log(f"{key} {period}: its database has no rows for the month")
        stage.arrived()
    decided = stage.in_force(period)[key]
    facts = con.execute(
        "SELECT source_kind, files, bytes, rows, rejected_rows FROM landing.deliveries "
        "WHERE dataset = ? AND period = ? AND version = ?",
        [key, decided.delivery_period, decided.version],
    ).fetchone() or (None,) * len(_FACTS)
    state = decided.state
    return dg.MaterializeResult(
        metadata={
            **counts_metadata(
                {
                    "state": state,
                    "new": str(kept is not None and kept.new).lower(),
                    "delivery_period": decided.delivery_period,
                    "delivery_version": decided.version,
                    "age_months": decided.age_months,
                    **dict(zip(_FACTS, facts, strict=True)),
                }
            ),
            **rows_metadata(total=count(con, f"landing.{quote(key)}"), of_partition=facts[3] or 0),
        },
        check_results=[
            dg.AssetCheckResult(
                check_name="delivered",
                passed=state == "current",
                severity=dg.AssetCheckSeverity.WARN,
                description=_told(contract, period, decided),
                metadata={"state": state},
            ),
            _volume(stage, contract, period, decided),
        ],
    )


def _volume(stage: Stage, contract: Contract, period: str, decided: InForce) -> dg.AssetCheckResult:
    """Tell what is held. The run goes on with the last good delivery where there is one."""
    waiting = volume.held(stage.con, contract.key, period)
    stands_in = decided.state in ("current", "carried")
    blocks = bool(waiting) and (stage.settings.gates.held_blocks or not stands_in)
    told = "; ".join(each.message for each in waiting)
    if waiting:
        told += (
            ". Periode ini tidak dipublikasikan sebelum ada keputusan"
            if blocks
            else f". Sementara itu dipakai kiriman {decided.delivery_period} v{decided.version}"
        )
        stage.log(told)
    return dg.AssetCheckResult(
        check_name=VOLUME,
        passed=not waiting,
        severity=dg.AssetCheckSeverity.ERROR if blocks else dg.AssetCheckSeverity.WARN,
        description=told or "tidak ada kiriman yang ditahan",
        metadata={
            "held": len(waiting),
            "held_rows": sum(each.rows for each in waiting),
            "delivery_period_in_force": decided.delivery_period or "none",
        },
    )


def _keep(stage: Stage, contract: Contract, period: str) -> Kept | None:
    """Keep the period's delivery as it came, or give None where there is none."""
    source = stage.settings.databases.get(contract.key)
    if source is not None:
        # Drivers are loaded by those alone who read a database.
        from sources.databases import fetch  # noqa: PLC0415

        return fetch(stage.con, stage.home, contract, source, period, log=stage.log)
    discovery = stage.discovery(period)
    found = discovery.found.get(contract.key)
    if found is None:
        if why := discovery.waiting.get(contract.key):
            stage.log(f"{contract.key} {period}: not taken yet, {why}")
        return None
    return keep(stage.con, stage.home, contract, found, log=stage.log)


def _is_silent(stage: Stage, contract: Contract, refusal: DataRefused) -> bool:
    """Tell whether a refusal means that a database has nothing for the month.

    A query that asks for one month and finds no row has been delivered nothing, as an empty
    folder of the inbox; the ledger says so. A whole table without rows is an accident.
    """
    source = stage.settings.databases.get(contract.key)
    asks_for_month = source is not None and ":period" in (source.query or "")
    return asks_for_month and refusal.code == "HEADER_ONLY"


def _told(contract: Contract, period: str, decided: InForce) -> str:
    if decided.state == "current":
        return f"delivered for {period}, version {decided.version}"
    missing = f"{contract.provider} has delivered nothing for {period}"
    if decided.state == "missing":
        return f"{missing}, nor before; the dataset counts as missing"
    age = f"that of {decided.delivery_period} is {decided.age_months} months old"
    if decided.state == "carried":
        return f"{missing}; {age} and stands in for it"
    return (
        f"{missing}; {age}, more than the {contract.max_age_months} that its contract allows, "
        "so that the dataset counts as missing"
    )
