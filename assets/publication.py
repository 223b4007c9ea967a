"""Publication: the tables of the period, proven and switched to, whole or not at all.

Belongs here: the asset of the publication, which makes both its files, and the asset that
shows what was released. Does not belong here: how a publication is written and checked
(warehouse/publication), what may be released (publishing/disclosure), or what must hold before
it (assets/quality.py).
"""

import json
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb

from assets.metadata import markdown_table
from assets.stage import POOL, Stage, guarded
from publishing.dictionary import write_dictionary_files
from publishing.disclosure import beside
from warehouse.publication import folders, publish

PUBLICATION_KEY = dg.AssetKey(["publication", "cakupan"])
RELEASE_KEY = dg.AssetKey(["publication", "release"])
GIVES_NOTHING_BACK = "gives_nothing_back"
_MOVED = """
    SELECT CASE comparison WHEN 'month' THEN previous_period ELSE publication_before END, period,
        workers, workers_change, active::DOUBLE, active_change::DOUBLE, gap::DOUBLE,
        gap_change::DOUBLE, gap_change_people::DOUBLE, gap_change_deliveries::DOUBLE,
        gap_change_links::DOUBLE, explanation, array_to_string(datasets_new, ', '),
        array_to_string(datasets_carried, ', '), array_to_string(datasets_missing, ', ')
    FROM quality.publication_change
    WHERE publication = ? AND area = 'national' AND basis = 'domicile'
        AND denominator_id = 'eligible'
    ORDER BY comparison, period DESC
"""


def build(
    upstream: Iterable[dg.AssetKey], partitions: dg.PartitionsDefinition
) -> list[dg.AssetsDefinition]:
    """Give the asset of the publication.

    Args:
        upstream: everything that must have been made; where any of it failed, nothing is
            published.
        partitions: the months.
    """

    @dg.asset(
        key=PUBLICATION_KEY,
        deps=list(upstream),
        group_name="publication",
        owners=["team:data-analysis"],
        kinds={"duckdb", "parquet"},
        partitions_def=partitions,
        pool=POOL,
        description=(
            "The published warehouse of the period: coverage, quality and reference tables for "
            "analysts, read-only, with no identity in it."
        ),
    )
    def publication(
        context: dg.AssetExecutionContext, warehouse: dg.ResourceParam[Stage]
    ) -> dg.MaterializeResult:
        @guarded
        def body() -> dg.MaterializeResult:
            return _publish(warehouse, context.partition_key)

        return body()

    @dg.asset(
        key=RELEASE_KEY,
        deps=[PUBLICATION_KEY],
        group_name="publication",
        owners=["team:data-analysis"],
        kinds={"duckdb"},
        partitions_def=partitions,
        pool=POOL,
        description=(
            "The same tables after disclosure control, for everything that leaves the house. "
            "Made and attacked with the publication, before either is switched to."
        ),
        metadata={"dagster/table_name": "release"},
        check_specs=[
            dg.AssetCheckSpec(
                GIVES_NOTHING_BACK,
                asset=RELEASE_KEY,
                blocking=True,
                description="No count of fewer than ten people can be worked out from the "
                "released tables, nor from them and earlier ones of the same month.",
            )
        ],
    )
    def release(
        context: dg.AssetExecutionContext, warehouse: dg.ResourceParam[Stage]
    ) -> dg.MaterializeResult:
        @guarded
        def body() -> dg.MaterializeResult:
            return _release(warehouse, context.partition_key)

        return body()

    return [publication, release]


def _publish(stage: Stage, period: str) -> dg.MaterializeResult:
    stage.of_period(period)
    made = publish(
        stage.con,
        stage.home,
        stage.settings,
        period,
        run_id=stage.run_id,
        reason=stage.reason,
        log=stage.log,
        beside=partial(
            _beside,
            program_seconds=stage.settings.publication.program_seconds,
            published=stage.home.published,
            storage_version=stage.settings.publication.storage_version,
            log=stage.log,
        ),
    )
    return dg.MaterializeResult(
        metadata={
            "path": dg.MetadataValue.path(str(made.path)),
            "number": made.number,
            "new": made.new,
            "changed": ", ".join(made.changed),
            "tables": len(made.rows),
            "rows": sum(made.rows.values()),
            "rows_by_table": markdown_table(("table", "rows"), sorted(made.rows.items())),
            "what_moved": what_moved(made.path),
        }
    )


def what_moved(publication: Path) -> dg.MetadataValue:
    """Show what moved in the country since the month before, and since the publication before.

    Args:
        publication: the publication's folder.
    """
    with duckdb.connect(str(publication / folders.WAREHOUSE_FILE), read_only=True) as con:
        rows = con.execute(_MOVED, [publication.resolve().name]).fetchall()
    return markdown_table(
        (
            "compared with", "month", "workers", "change", "active", "change", "gap", "change",
            "by people", "by deliveries", "by links", "explanation", "new", "carried", "missing",
        ),
        rows,
    )  # fmt: skip


def _beside(
    con: duckdb.DuckDBPyConnection,
    folder: Path,
    period: str,
    base: folders.Folder | None,
    **release: Any,
) -> dict[str, object]:
    """Make all that stands beside the exact tables, before anything is switched."""
    told = beside(con, folder, period, base, **release)
    write_dictionary_files(folder)
    return told


def _release(stage: Stage, period: str) -> dg.MaterializeResult:
    """Show what the publication's manifest tells of its release."""
    own = [each for each in folders.publications(stage.home.published) if each.period == period]
    path: Path = own[-1].path
    told = json.loads((path / folders.MANIFEST_FILE).read_text("utf-8")).get("release", {})
    plain = {name: value for name, value in told.items() if isinstance(value, int | float)}
    shares = [
        (table, told["share"][table], share, told["covered"][table])
        for table, share in told.get("workers", {}).items()
    ]
    return dg.MaterializeResult(
        metadata={
            "path": dg.MetadataValue.path(str(path / folders.RELEASE_FILE)),
            **plain,
            "told": markdown_table(
                ("table", "cells told", "workers told", "workers whose coverage is told"), shares
            ),
        },
        check_results=[
            dg.AssetCheckResult(
                check_name=GIVES_NOTHING_BACK,
                # A release that fails the attack is never switched to.
                passed=(path / folders.RELEASE_FILE).is_file() and bool(told),
                metadata={"searched": told.get("searched", 0)},
            )
        ],
    )
