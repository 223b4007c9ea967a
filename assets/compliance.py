"""Compliance: which employers seem not to register, and what is not collected.

Belongs here: one multi-asset over the tables of employers, wages and construction, and what its
page shows. Does not belong here: any rule (warehouse/sql/compliance).
"""

from collections.abc import Iterator, Mapping

import dagster as dg

from assets.conformed import conformed_key
from assets.employers import EMPLOYER_KEYS
from assets.linkage import LINKS_KEY
from assets.metadata import definition_metadata, markdown_table, rows_metadata, table_columns
from assets.stage import POOL, Stage, guarded
from sources.contracts import Contract
from warehouse import compliance
from warehouse.storage import count
from warehouse.tables import table_specs

CELLS_KEY = dg.AssetKey(["coverage", "compliance_by_sector_region"])

_FLAGS = ("pwbd", "pds_tk", "pds_upah", "pds_program", "arrears")


def table_keys() -> dict[str, dg.AssetKey]:
    """Give the asset key of every table made here, by its qualified name."""
    specs = table_specs()
    keys = {
        specs[name].qualified: dg.AssetKey([specs[name].schema, name]) for name in compliance.TABLES
    }
    schema, name = compliance.KEYS.split(".")
    return {**keys, compliance.KEYS: dg.AssetKey([schema, name])}


def build(
    contracts: Mapping[str, Contract], partitions: dg.PartitionsDefinition
) -> list[dg.AssetsDefinition]:
    """Give the multi-asset of the compliance tables.

    Args:
        contracts: datasets by key; projects are read from their own lists.
        partitions: the months.
    """
    by_name = {spec.qualified: spec for spec in table_specs().values()}
    projects = [conformed_key(c.key) for c in contracts.values() if c.kind == "project"]
    specs = []
    for qualified, key in table_keys().items():
        spec = by_name.get(qualified)
        specs.append(
            dg.AssetSpec(
                key,
                deps=[LINKS_KEY, *EMPLOYER_KEYS, *projects],
                group_name=key.path[0],
                owners=["team:data-analysis"],
                kinds={"duckdb", "sql"},
                description=spec.comment
                if spec
                else "Leads a published employer key back to the employer; never published.",
                metadata=definition_metadata(qualified, table_columns(spec))
                if spec
                else {"dagster/table_name": qualified},
                partitions_def=partitions,
            )
        )

    @dg.multi_asset(name="compliance", specs=specs, pool=POOL)
    def compliance_tables(
        context: dg.AssetExecutionContext, warehouse: dg.ResourceParam[Stage]
    ) -> Iterator[dg.MaterializeResult]:
        period = context.partition_key

        @guarded
        def body() -> list[dg.MaterializeResult]:
            return _compute(warehouse, period)

        yield from body()

    return [compliance_tables]


def _compute(stage: Stage, period: str) -> list[dg.MaterializeResult]:
    con = stage.con
    stage.with_inputs(period)
    written = compliance.run(con, stage.settings, period, log=stage.log)
    extra = _extra(stage, period)
    return [
        dg.MaterializeResult(
            asset_key=key,
            metadata={
                **rows_metadata(total=count(con, table), of_partition=written[table]),
                **extra.get(key, {}),
            },
        )
        for table, key in table_keys().items()
    ]


def _extra(stage: Stage, period: str) -> Mapping[dg.AssetKey, Mapping[str, dg.MetadataValue]]:
    """Count employers by flag; totals of the country, so no employer can be told."""
    sums = ", ".join(f"coalesce(sum({flag}), 0)" for flag in _FLAGS)
    counts = stage.con.execute(
        f"SELECT {sums} FROM coverage.compliance_by_sector_region WHERE period = ?", [period]
    ).fetchall()[0]
    table = markdown_table(
        ("indication, to be verified", "employers"),
        [(flag.upper(), int(amount)) for flag, amount in zip(_FLAGS, counts, strict=True)],
    )
    return {CELLS_KEY: {"employers_by_flag": table}}
