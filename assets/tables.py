"""Tables as assets: how a specified table, or several of one stage, stand in Dagster.

Belongs here: keys, descriptions, columns and the guarded body that all assets of tables share.
Does not belong here: what any of them computes, or what its page shows beside its rows.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import dagster as dg

from assets.metadata import definition_metadata, rows_metadata, table_columns
from assets.stage import POOL, Stage, guarded
from warehouse.storage import count, literal
from warehouse.tables import TableSpec, table_specs

Shown = Mapping[dg.AssetKey, Mapping[str, dg.MetadataValue]]


def keys_of(names: Iterable[str], *unpublished: str) -> dict[str, dg.AssetKey]:
    """Give the asset key of every table of a stage, by its qualified name.

    Args:
        names: specified tables, by their name alone.
        unpublished: qualified names of tables that have no specification.
    """
    specs = table_specs()
    qualified = [specs[name].qualified for name in names]
    return {name: dg.AssetKey(name.split(".")) for name in (*qualified, *unpublished)}


def one_table(
    spec: TableSpec,
    body: Callable[[Stage, str], dg.MaterializeResult],
    *,
    deps: Iterable[dg.AssetKey],
    partitions: dg.PartitionsDefinition,
    check_specs: Sequence[dg.AssetCheckSpec] = (),
    kinds: Sequence[str] = ("duckdb",),
) -> dg.AssetsDefinition:
    """Give the asset of one specified table.

    Args:
        spec: the table's.
        body: makes it for a month, given the open warehouse.
        deps: what must have been made before.
        partitions: the months.
        check_specs: checks whose results the body gives.
        kinds: what it is made with, as Dagster shows it.
    """

    @dg.asset(
        key=dg.AssetKey([spec.schema, spec.name]),
        deps=list(deps),
        group_name=spec.schema,
        owners=["team:data-engineering"],
        kinds=set(kinds),
        partitions_def=partitions,
        pool=POOL,
        description=spec.comment,
        metadata=definition_metadata(spec.qualified, table_columns(spec)),
        check_specs=list(check_specs),
    )
    def table(
        context: dg.AssetExecutionContext, warehouse: dg.ResourceParam[Stage]
    ) -> dg.MaterializeResult:
        return guarded(body)(warehouse, context.partition_key)

    return table


def tables_of_stage(
    name: str,
    keys: Mapping[str, dg.AssetKey],
    body: Callable[[Stage, str], list[dg.MaterializeResult]],
    *,
    deps: Iterable[dg.AssetKey],
    partitions: dg.PartitionsDefinition,
    unpublished: str = "",
    check_specs: Sequence[dg.AssetCheckSpec] = (),
) -> dg.AssetsDefinition:
    """Give the multi-asset of the tables that one stage makes together.

    Args:
        name: of the stage.
        keys: from `keys_of`.
        body: makes all of them for a month, given the open warehouse.
        deps: what must have been made before.
        partitions: the months.
        unpublished: describes the tables that have no specification.
        check_specs: checks whose results the body gives.
    """
    upstream = list(deps)
    known = {spec.qualified: spec for spec in table_specs().values()}
    specs = []
    for qualified, key in keys.items():
        spec = known.get(qualified)
        specs.append(
            dg.AssetSpec(
                key,
                deps=upstream,
                group_name=key.path[0],
                owners=["team:data-analysis"],
                kinds={"duckdb", "sql"},
                description=spec.comment if spec else unpublished,
                metadata=definition_metadata(qualified, table_columns(spec))
                if spec
                else {"dagster/table_name": qualified},
                partitions_def=partitions,
            )
        )

    @dg.multi_asset(name=name, specs=specs, pool=POOL, check_specs=list(check_specs))
    def tables(
        context: dg.AssetExecutionContext, warehouse: dg.ResourceParam[Stage]
    ) -> Iterator[dg.MaterializeResult]:
        yield from guarded(body)(warehouse, context.partition_key)

    return tables


def table_results(
    stage: Stage,
    keys: Mapping[str, dg.AssetKey],
    written: Mapping[str, int],
    shown: Shown,
    checks: Mapping[dg.AssetKey, Sequence[dg.AssetCheckResult]] | None = None,
) -> list[dg.MaterializeResult]:
    """Tell how many rows each table of a stage has and got, and what else its page shows.

    Args:
        stage: the open warehouse.
        keys: from `keys_of`.
        written: rows of the month, by qualified name.
        shown: further metadata, by asset key.
        checks: results of checks, by asset key.
    """
    return [
        dg.MaterializeResult(
            asset_key=key,
            metadata={
                **rows_metadata(total=count(stage.con, table), of_partition=written[table]),
                **shown.get(key, {}),
            },
            check_results=list((checks or {}).get(key, ())),
        )
        for table, key in keys.items()
    ]


def month_rows(stage: Stage, table: str, period: str) -> dict[str, dg.MetadataValue]:
    """Tell how many rows a table has, and how many of a month."""
    return rows_metadata(
        total=count(stage.con, table),
        of_partition=count(stage.con, table, f"period = {literal(period)}"),
    )
