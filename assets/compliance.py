"""Compliance: which employers seem not to register, and what is not collected.

Belongs here: one multi-asset over the tables of employers, wages and construction, and what its
page shows. Does not belong here: any rule (warehouse/sql/compliance).
"""

from collections.abc import Mapping

import dagster as dg

from assets.conformed import conformed_key
from assets.employers import EMPLOYER_KEYS
from assets.linkage import LINKS_KEY
from assets.metadata import markdown_table
from assets.stage import Stage
from assets.tables import Shown, keys_of, table_results, tables_of_stage
from sources.contracts import Contract
from warehouse import compliance

CELLS_KEY = dg.AssetKey(["coverage", "compliance_by_sector_region"])

_FLAGS = ("pwbd", "pds_tk", "pds_upah", "pds_program", "arrears")


def table_keys() -> dict[str, dg.AssetKey]:
    """Give the asset key of every table made here, by its qualified name."""
    return keys_of(compliance.TABLES, compliance.KEYS)


def build(
    contracts: Mapping[str, Contract], partitions: dg.PartitionsDefinition
) -> list[dg.AssetsDefinition]:
    """Give the multi-asset of the compliance tables.

    Args:
        contracts: datasets by key; projects are read from their own lists.
        partitions: the months.
    """
    projects = [conformed_key(c.key) for c in contracts.values() if c.kind == "project"]
    return [
        tables_of_stage(
            "compliance",
            table_keys(),
            _compute,
            deps=[LINKS_KEY, *EMPLOYER_KEYS, *projects],
            partitions=partitions,
            unpublished="Leads a published employer key back to the employer; never published.",
        )
    ]


def _compute(stage: Stage, period: str) -> list[dg.MaterializeResult]:
    stage.with_inputs(period)
    written = compliance.run(stage.con, stage.settings, period, log=stage.log)
    return table_results(stage, table_keys(), written, _extra(stage, period))


def _extra(stage: Stage, period: str) -> Shown:
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
