"""The coverage tables of a period: running the SQL of `sql/coverage` and keeping what it makes.

Belongs here: the order of the SQL files, the relations they read under fixed names, and the
writing of every `out_*` view into its specified table. Does not belong here: any definition
(the SQL files have them, docs/definitions.md tells them), the inputs (warehouse/inputs.py)
and the employers' tables.

The SQL files talk to each other by TEMP tables `cov_*` and end in TEMP views `out_*`; both
are gone when a call returns. Relations that another caller may exchange:

    cov_person_links          as linkage.person_links, of the period alone
    cov_employer_spine        as spine.employers, of the period alone
    cov_employer_identifiers  as linkage.employer_identifiers, of the period alone
    cov_denominators          survey_period, province_code, regency_code, sector_code, employed

What each clause means of a list comes from warehouse/instruction.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import duckdb

from warehouse import computing, instruction
from warehouse.computing import Log
from warehouse.connection import SCHEMAS, check_period, set_parameters
from warehouse.errors import UsageError
from warehouse.settings import Settings
from warehouse.storage import count, literal, text_key
from warehouse.tables import TableSpec, table_specs

TABLES = (
    "coverage_by_sector_region",
    "coverage_by_regency",
    "coverage_by_province",
    "coverage_by_sector",
    "coverage_national",
    "coverage_by_segment",
    "gap_by_instruction",
    "gap_by_group",
    "sensitivity",
    "bridge",
    "linkage_quality",
    "linkage_sample",
    "unlinked_reasons",
    "source_records",
    "deliveries",
    "reconciliation",
    "quarantine_summary",
)
"""The published tables that this module fills; each comes from the view `out_<name>`."""

WORKERS = "spine.workers"
"""Restricted table of one row per worker and period, from `out_workers`: what later stages
compare from month to month. It names persons by key, so it is never published."""

_LINK_COLUMNS = {
    "dataset": "VARCHAR",
    "record_id": "VARCHAR",
    "status": "VARCHAR",
    "tier": "VARCHAR",
    "person_key": "UBIGINT",
    "probability_ppm": "INTEGER",
    "reason": "VARCHAR",
    "best_candidate_ppm": "INTEGER",
}
_DENOMINATOR_COLUMNS = (
    "survey_period",
    "province_code",
    "regency_code",
    "sector_code",
    "employed",
)
_RESTRICTED = {WORKERS: "out_workers"}
_STAGE = "coverage"
_step = partial(computing.step, _STAGE)
_OWN_OBJECT = re.compile(r"(cov|out)_\w+")


def run(
    con: duckdb.DuckDBPyConnection, settings: Settings, period: str, log: Log | None = None
) -> dict[str, int]:
    """Compute the coverage tables of a period and replace that period in the warehouse.

    Needs the input views (warehouse/inputs.py), the reference tables, and spine, links and
    employer identifiers of the period. All tables change together or not at all.

    Args:
        con: the warehouse.
        settings: parameters of the definitions.
        period: month `YYYY-MM`.
        log: told the name of each step as it ends.

    Returns:
        Rows written, by qualified table name.

    Raises:
        UsageError: the period is no month, or the file of denominators is no use.
        CakupanError: a step failed; the tables are as before.
        ValueError: a view does not have the columns of its table's specification.
    """
    links = f"SELECT * FROM linkage.person_links WHERE period = {literal(check_period(period))}"
    with _computed(con, settings, period, links, None, None, log):
        selections = {spec.qualified: computing.selection(con, spec) for spec in _specs()}
        _step(
            "writing the tables",
            partial(computing.write, con, period, _specs(), selections, _RESTRICTED),
        )
    return {
        table: count(con, table, f"period = {literal(period)}") for table in (*selections, WORKERS)
    }


def run_with_links(
    con: duckdb.DuckDBPyConnection,
    settings: Settings,
    period: str,
    links_relation: str,
    schema: str = "truth",
    employers_relation: str | None = None,
    identifiers_relation: str | None = None,
    log: Log | None = None,
) -> dict[str, int]:
    """Compute the same tables from other links, beside the warehouse's own.

    With perfect links (see `perfect_links_sql`) this gives the truth (docs/definitions.md): what
    the rules say of the same deliveries when every link is right.

    Args:
        con: the warehouse; its tables of the schemas coverage and quality stay as they are.
        settings: parameters of the definitions.
        period: month `YYYY-MM`.
        links_relation: name of a table or view, or a query in brackets, with at least the
            columns `dataset`, `record_id`, `status`, `person_key` of linkage.person_links.
            A left-out `tier` or `probability_ppm` is empty, so that the link is not certain.
        schema: a plain name; where the tables go, under their own names, replaced whole. It
            is made where missing; `temp` keeps them for this connection alone.
        employers_relation: other employers, shaped as spine.employers; all of its rows.
        identifiers_relation: what leads to them, shaped as linkage.employer_identifiers.
        log: told the name of each step as it ends.

    Returns:
        Rows written, by `schema.table`.

    Raises:
        UsageError: the schema is one of the warehouse's own, or as for `run`.
        CakupanError: a step failed.
        ValueError: as for `run`.
    """
    if schema in SCHEMAS:
        raise UsageError(f"schema {schema!r} holds the warehouse's own tables: name another")
    # Typed empty columns first: whatever the relation leaves out is NULL.
    typed = ", ".join(f"NULL::{kind} AS {name}" for name, kind in _LINK_COLUMNS.items())
    links = f"SELECT {typed} WHERE false UNION ALL BY NAME SELECT * FROM {links_relation}"
    with _computed(con, settings, period, links, employers_relation, identifiers_relation, log):
        _step(
            "writing the tables",
            partial(computing.write_beside, con, schema, _specs(), _RESTRICTED),
        )
    names = [f"{schema}.{name}" for name in (*TABLES, "workers")]
    return {name: count(con, name) for name in names}


def perfect_links_sql(truth_file: str | Path) -> str:
    """Give a relation of perfect links for `run_with_links` from a sample world's truth.

    Args:
        truth_file: Parquet file with `period`, `dataset`, `record_id` and `nik`, the NIK
            under which the population register has the person, NULL where it does not.

    Returns:
        A query in brackets. It joins the deliveries in force of `getvariable('period')`.
    """
    return f"""(
        SELECT
            t.dataset, t.record_id,
            CASE WHEN t.nik IS NULL THEN 'unlinked' ELSE 'linked' END AS status,
            CASE WHEN t.nik IS NOT NULL THEN 'identifier' END AS tier,
            {text_key("t.nik")} AS person_key,
            CASE WHEN t.nik IS NOT NULL THEN 1000000 END AS probability_ppm,
            CASE WHEN t.nik IS NULL THEN 'best_candidate_below_threshold' END AS reason
        FROM read_parquet({literal(str(truth_file))}) AS t
        JOIN landing.in_force AS f
            ON f.period = getvariable('period') AND f.dataset = t.dataset
            AND f.delivery_period = t.period
    )"""


def _specs() -> list[TableSpec]:
    """Give the specifications of the tables filled here, in the order of `TABLES`."""
    return [table_specs()[name] for name in TABLES]


@contextmanager
def _computed(
    con: duckdb.DuckDBPyConnection,
    settings: Settings,
    period: str,
    links: str,
    employers: str | None,
    identifiers: str | None,
    log: Log | None,
) -> Iterator[None]:
    """Make the `out_*` views for the time of the block, and clear everything away after it."""
    set_parameters(con, settings, period)
    of_period = "WHERE period = getvariable('period')"
    views = {
        "cov_person_links": links,
        "cov_employer_spine": f"SELECT * FROM {employers}"
        if employers
        else f"SELECT * FROM spine.employers {of_period}",
        "cov_employer_identifiers": f"SELECT * FROM {identifiers}"
        if identifiers
        else f"SELECT * FROM linkage.employer_identifiers {of_period}",
        "cov_denominators": _denominators(con, settings.coverage.denominators),
    }
    try:
        computing.make_views(con, _STAGE, views | instruction.views(con, period))
        computing.run_folder(con, _STAGE, "coverage", log)
        yield
    finally:
        computing.clear(con, _OWN_OBJECT)


def _denominators(con: duckdb.DuckDBPyConnection, path: Path | None) -> str:
    """Give the query of the survey's employed persons, from the reference table or a file."""
    columns = ", ".join(_DENOMINATOR_COLUMNS)
    if path is None:
        return f"SELECT {columns} FROM reference.sakernas"
    if not path.is_file():
        raise UsageError(f"coverage.denominators: file {path} does not exist")
    read = f"read_csv({literal(str(path))}, header = true, all_varchar = true)"
    fault, bad = "", None
    try:
        header = {row[0] for row in con.execute(f"DESCRIBE SELECT * FROM {read}").fetchall()}
        missing = [column for column in _DENOMINATOR_COLUMNS if column not in header]
        if missing:
            fault = f"column {', '.join(missing)} is missing"
        else:
            bad = con.execute(
                f"""
                SELECT min(line) FROM (
                    SELECT row_number() OVER () AS line, * FROM {read}
                )
                WHERE NOT coalesce(regexp_full_match(survey_period, '\\d{{4}}-\\d{{2}}'), false)
                   OR coalesce(try_cast(employed AS BIGINT), -1) < 0
                   OR NOT coalesce(regexp_full_match(nullif(province_code, ''), '\\d{{2}}'), true)
                   OR NOT coalesce(regexp_full_match(nullif(regency_code, ''), '\\d{{4}}'), true)
                """
            ).fetchone()
    except duckdb.Error as error:
        fault = f"it cannot be read as CSV ({type(error).__name__})"
    if bad and bad[0] is not None:
        fault = (
            f"data row {bad[0]} has a bad survey_period (YYYY-MM), province_code (2 digits), "
            "regency_code (4 digits) or employed (a whole number)"
        )
    if fault:
        raise UsageError(f"coverage.denominators: file {path}: {fault}")
    return f"""
        SELECT
            survey_period,
            nullif(province_code, '') AS province_code,
            nullif(regency_code, '') AS regency_code,
            nullif(sector_code, '') AS sector_code,
            employed::BIGINT AS employed
        FROM {read}
    """
