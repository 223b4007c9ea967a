"""Change: what moved since the month before and the year before, and what explains it.

Belongs here: one multi-asset over the tables of change, the check that they add up, and what
their pages show. Does not belong here: any definition (warehouse/sql/change).
"""

import dagster as dg

from assets.coverage import NATIONAL_KEY
from assets.metadata import markdown_table
from assets.stage import Stage
from assets.tables import Shown, keys_of, table_results, tables_of_stage
from warehouse import change, coverage

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


CHANGE_KEY = dg.AssetKey(["coverage", "coverage_change"])
CAUSES_KEY = dg.AssetKey(["quality", "change_causes"])


def table_keys() -> dict[str, dg.AssetKey]:
    """Give the asset key of every table made here, by its qualified name."""
    return keys_of(change.TABLES)


def build(partitions: dg.PartitionsDefinition) -> list[dg.AssetsDefinition]:
    """Give the multi-asset of the tables of change."""
    return [
        tables_of_stage(
            "change",
            table_keys(),
            _compute,
            deps=[NATIONAL_KEY, _WORKERS_KEY],
            partitions=partitions,
            check_specs=[
                dg.AssetCheckSpec(
                    ADDS_UP,
                    asset=CHANGE_KEY,
                    blocking=True,
                    description="In every cell, before plus all that came and less all that went "
                    "is now, and now is what the coverage tables say.",
                )
            ],
        )
    ]


def _compute(stage: Stage, period: str) -> list[dg.MaterializeResult]:
    written = change.run(stage.con, stage.settings, period, log=stage.log)
    checks = {CHANGE_KEY: [_check(stage, period)]}
    return table_results(stage, table_keys(), written, _shown(stage, period), checks)


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


def _shown(stage: Stage, period: str) -> Shown:
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
