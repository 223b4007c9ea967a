"""Coverage: the tables that say who works, who is covered, and where the gap is.

Belongs here: one multi-asset over the published coverage and quality tables. Does not belong
here: any definition (warehouse/sql/coverage).
"""

import dagster as dg

from assets.employers import EMPLOYER_KEYS
from assets.linkage import LINKS_KEY
from assets.metadata import bar_chart
from assets.stage import Stage
from assets.tables import Shown, keys_of, table_results, tables_of_stage
from warehouse import coverage

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
    return keys_of(coverage.TABLES, coverage.WORKERS)


def build(partitions: dg.PartitionsDefinition) -> list[dg.AssetsDefinition]:
    """Give the multi-asset of the coverage and quality tables."""
    return [
        tables_of_stage(
            "coverage",
            table_keys(),
            _compute,
            deps=[LINKS_KEY, *EMPLOYER_KEYS],
            partitions=partitions,
            unpublished="One row per worker of the period, by person key; never published.",
        )
    ]


def _compute(stage: Stage, period: str) -> list[dg.MaterializeResult]:
    stage.with_inputs(period)
    written = coverage.run(stage.con, stage.settings, period, log=stage.log)
    return table_results(stage, table_keys(), written, _extra(stage, period))


def _extra(stage: Stage, period: str) -> Shown:
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
