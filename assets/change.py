"""Change: what moved since the month before and the year before, and what explains it.

Belongs here: one multi-asset over the tables of change, the check that they add up, and what
their pages show. Does not belong here: any definition (warehouse/sql/change).
"""

from collections.abc import Iterator, Mapping

import dagster as dg

from assets.coverage import NATIONAL_KEY
from assets.metadata import definition_metadata, markdown_table, rows_metadata, table_columns
from assets.stage import POOL, Stage, guarded
from warehouse import change, coverage
from warehouse.storage import count
from warehouse.tables import table_specs

ADDS_UP = "change_adds_up"

_WORKERS_KEY = dg.AssetKey(coverage.WORKERS.split("."))

_OPEN = """
    SELECT count(*) FROM coverage.coverage_change AS c
    WHERE c.period = $1 AND NOT coalesce(
        workers = workers_before + entered_work - left_work + moved_in - moved_out
        AND active = active_before + newly_covered - newly_lapsed + entered_active - left_active
            + moved_in_active - moved_out_active
        AND gap = workers - active AND gap_before = workers_before - active_before, false)
"""
_OFF = """
    SELECT count(*) FROM (
        SELECT basis, denominator_id, regency_code, sector_code, workers, active
        FROM coverage.coverage_change
        WHERE period = $1 AND previous_period = $2 AND workers > 0
        EXCEPT
        SELECT basis, denominator_id, regency_code, sector_code, workers, active
        FROM coverage.coverage_by_sector_region WHERE period = $1
    )
"""
_NATIONAL = """
    SELECT previous_period, sum(workers_before)::BIGINT, sum(entered_work)::BIGINT,
        sum(left_work)::BIGINT, sum(workers)::BIGINT, sum(active_before)::DOUBLE,
        sum(newly_covered)::DOUBLE, sum(newly_lapsed)::DOUBLE,
        sum(entered_active - left_active)::DOUBLE, sum(active)::DOUBLE
    FROM coverage.coverage_change
    WHERE period = ? AND basis = 'domicile' AND denominator_id = 'eligible'
    GROUP BY previous_period ORDER BY previous_period DESC
"""
_CAUSES = """
    SELECT previous_period, cause, sum(workers_change)::BIGINT, sum(active_change)::DOUBLE,
        sum(gap_change)::DOUBLE
    FROM quality.change_causes
    WHERE period = ? AND basis = 'domicile' AND denominator_id = 'eligible'
    GROUP BY ALL ORDER BY previous_period DESC, cause
"""


def table_keys() -> dict[str, dg.AssetKey]:
    """Give the asset key of every table made here, by its qualified name."""
    specs = table_specs()
    return {
        specs[name].qualified: dg.AssetKey([specs[name].schema, name]) for name in change.TABLES
    }


CHANGE_KEY = dg.AssetKey(["coverage", "coverage_change"])
CAUSES_KEY = dg.AssetKey(["quality", "change_causes"])


def build(partitions: dg.PartitionsDefinition) -> list[dg.AssetsDefinition]:
    """Give the multi-asset of the tables of change."""
    by_name = {spec.qualified: spec for spec in table_specs().values()}
    specs = [
        dg.AssetSpec(
            key,
            deps=[NATIONAL_KEY, _WORKERS_KEY],
            group_name=key.path[0],
            owners=["team:data-analysis"],
            kinds={"duckdb", "sql"},
            description=by_name[qualified].comment,
            metadata=definition_metadata(qualified, table_columns(by_name[qualified])),
            partitions_def=partitions,
        )
        for qualified, key in table_keys().items()
    ]

    @dg.multi_asset(
        name="change",
        specs=specs,
        pool=POOL,
        check_specs=[
            dg.AssetCheckSpec(
                ADDS_UP,
                asset=CHANGE_KEY,
                blocking=True,
                description="In every cell, before plus all that came and less all that went is "
                "now, and now is what the coverage tables say.",
            )
        ],
    )
    def change_tables(
        context: dg.AssetExecutionContext, warehouse: dg.ResourceParam[Stage]
    ) -> Iterator[dg.MaterializeResult]:
        period = context.partition_key

        @guarded
        def body() -> list[dg.MaterializeResult]:
            return _compute(warehouse, period)

        yield from body()

    return [change_tables]


def _compute(stage: Stage, period: str) -> list[dg.MaterializeResult]:
    con = stage.con
    written = change.run(con, stage.settings, period, log=stage.log)
    shown = _shown(stage, period)
    return [
        dg.MaterializeResult(
            asset_key=key,
            metadata={
                **rows_metadata(total=count(con, table), of_partition=written[table]),
                **shown.get(key, {}),
            },
            check_results=[_check(stage, period)] if key == CHANGE_KEY else [],
        )
        for table, key in table_keys().items()
    ]


def _check(stage: Stage, period: str) -> dg.AssetCheckResult:
    con = stage.con
    compared = [before for now, before in change.pairs(con, period) if now == period]
    unequal = con.execute(_OPEN, [period]).fetchall()[0][0]
    for before in compared:
        unequal += con.execute(_OFF, [period, before]).fetchall()[0][0]
    return dg.AssetCheckResult(
        check_name=ADDS_UP,
        passed=unequal == 0,
        description=f"{unequal} sel tidak sama" if unequal else "semua sel sama",
        metadata={"cells_that_differ": unequal, "compared_with": ", ".join(compared) or "-"},
    )


def _shown(stage: Stage, period: str) -> Mapping[dg.AssetKey, Mapping[str, dg.MetadataValue]]:
    """Show the country's flows and their causes; totals of the country alone."""
    flows = stage.con.execute(_NATIONAL, [period]).fetchall()
    causes = stage.con.execute(_CAUSES, [period]).fetchall()
    return {
        CHANGE_KEY: {
            "flows": markdown_table(
                (
                    "compared with", "workers before", "entered", "left", "workers",
                    "active before", "newly covered", "newly lapsed", "active who came less left",
                    "active",
                ),
                flows,
            )
        },
        CAUSES_KEY: {
            "causes": markdown_table(
                ("compared with", "cause", "workers", "active", "gap"), causes
            )
        },
    }  # fmt: skip
