"""Coverage: the tables that say who works, who is covered, and where the gap is.

Belongs here: one multi-asset over the published coverage and quality tables. Does not belong
here: any definition (warehouse/sql/coverage).
"""

from collections.abc import Iterator, Mapping

import dagster as dg

from assets.employers import EMPLOYER_KEYS
from assets.linkage import LINKS_KEY
from assets.metadata import bar_chart, definition_metadata, rows_metadata, table_columns
from assets.stage import POOL, Stage, guarded
from warehouse import coverage
from warehouse.storage import count
from warehouse.tables import table_specs

PROVINCE_KEY = dg.AssetKey(["coverage", "coverage_by_province"])
NATIONAL_KEY = dg.AssetKey(["coverage", "coverage_national"])

_BY_PROVINCE = """
    SELECT province, sum(active)::DOUBLE AS active, sum(gap)::DOUBLE AS gap
    FROM coverage.coverage_by_province
    WHERE period = ? AND basis = 'domicile' AND denominator_id = 'eligible'
    GROUP BY province ORDER BY gap DESC
"""


def table_keys() -> dict[str, dg.AssetKey]:
    """Give the asset key of every table made here, by its qualified name."""
    specs = table_specs()
    keys = {
        specs[name].qualified: dg.AssetKey([specs[name].schema, name]) for name in coverage.TABLES
    }
    schema, workers = coverage.WORKERS.split(".")
    return {**keys, coverage.WORKERS: dg.AssetKey([schema, workers])}


def build(partitions: dg.PartitionsDefinition) -> list[dg.AssetsDefinition]:
    """Give the multi-asset of the coverage and quality tables."""
    by_name = {spec.qualified: spec for spec in table_specs().values()}
    specs = []
    for qualified, key in table_keys().items():
        spec = by_name.get(qualified)
        specs.append(
            dg.AssetSpec(
                key,
                deps=[LINKS_KEY, *EMPLOYER_KEYS],
                group_name=key.path[0],
                owners=["team:data-analysis"],
                kinds={"duckdb", "sql"},
                description=spec.comment
                if spec
                else "One row per worker of the period, by person key; never published.",
                metadata=definition_metadata(qualified, table_columns(spec))
                if spec
                else {"dagster/table_name": qualified},
                partitions_def=partitions,
            )
        )

    @dg.multi_asset(name="coverage", specs=specs, pool=POOL)
    def coverage_tables(
        context: dg.AssetExecutionContext, warehouse: dg.ResourceParam[Stage]
    ) -> Iterator[dg.MaterializeResult]:
        period = context.partition_key

        @guarded
        def body() -> list[dg.MaterializeResult]:
            return _compute(warehouse, period)

        yield from body()

    return [coverage_tables]


def _compute(stage: Stage, period: str) -> list[dg.MaterializeResult]:
    con = stage.con
    stage.with_inputs(period)
    written = coverage.run(con, stage.settings, period, log=stage.log)
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
    rows = stage.con.execute(_BY_PROVINCE, [period]).fetchall()
    chart = bar_chart(
        [
            {"province": province, "workers": amount, "status": status}
            for province, active, gap in rows
            for status, amount in (("active", active), ("gap", gap))
        ],
        category="province",
        value="workers",
        series="status",
        title="Eligible workers by domicile: covered and gap",
    )
    return {PROVINCE_KEY: {"chart": chart}} if chart is not None else {}
