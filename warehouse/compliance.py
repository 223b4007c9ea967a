"""The tables of employers, wages and construction of a period: running `sql/compliance`.

Belongs here: what the SQL reads under which name, the secret behind the published keys, and the
writing of every `out_*` view into its specified table. Does not belong here: any rule (the SQL
files and reference tables have them, docs/definitions.md tells them), the inputs
(warehouse/inputs.py) and the coverage tables (warehouse/coverage.py), whose memberships, links
and lookups the SQL uses.

Relations that another caller may exchange, as for coverage:

    cov_person_links          as linkage.person_links, of the period alone
    cov_employer_spine        as spine.employers, of the period alone
    cov_employer_links        as linkage.employer_links, of the period alone
    cov_employer_identifiers  as linkage.employer_identifiers, of the period alone
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import duckdb

from warehouse import computing
from warehouse.computing import Log
from warehouse.connection import SCHEMAS, check_period, set_parameters
from warehouse.errors import UsageError
from warehouse.identities import IDENTIFIER_PATTERN
from warehouse.settings import Settings
from warehouse.storage import count, literal, scalar
from warehouse.tables import TableSpec, table_specs

TABLES = (
    "employer_compliance",
    "employer_evidence",
    "employer_contributions",
    "compliance_by_sector_region",
    "wage_gap",
    "construction_cover",
    "employer_records",
)
"""The published tables that this module fills; each comes from the view `out_<name>`."""

KEYS = "spine.employer_keys"
"""Restricted table that leads a published key back to the employer: never published."""

KEY_HASHING = "spine.employer_key_hashing"
"""Restricted table of one row: what goes before an employer's key when it is hashed for
publication. Whoever loses it publishes other keys from then on."""

_RESTRICTED = {KEYS: "out_employer_keys"}
_STAGE = "compliance"
_OWN_OBJECT = re.compile(r"(cov|cpl|out)_\w+")
_LOOKUPS = ("00_parameters.sql", "10_memberships.sql", "15_lookups.sql")
"""Files of sql/coverage whose memberships, links and lookups compliance rests on as well."""


def run(
    con: duckdb.DuckDBPyConnection, settings: Settings, period: str, log: Log | None = None
) -> dict[str, int]:
    """Compute the compliance tables of a period and replace that period in the warehouse.

    Needs the input views (warehouse/inputs.py), the reference tables, and spine, links,
    employers, their links and identifiers of the period. All tables change together or not at
    all.

    Args:
        con: the warehouse.
        settings: parameters of the definitions.
        period: month `YYYY-MM`.
        log: told the name of each step as it ends.

    Returns:
        Rows written, by qualified table name.

    Raises:
        UsageError: the period is no month.
        CakupanError: a step failed; the tables are as before.
        ValueError: a view does not have the columns of its table's specification.
    """
    of_period = f"WHERE period = {literal(check_period(period))}"
    views = {
        "cov_person_links": f"SELECT * FROM linkage.person_links {of_period}",
        "cov_employer_spine": f"SELECT * FROM spine.employers {of_period}",
        "cov_employer_links": f"SELECT * FROM linkage.employer_links {of_period}",
        "cov_employer_identifiers": f"SELECT * FROM linkage.employer_identifiers {of_period}",
    }
    with _computed(con, settings, period, views, log):
        selections = {spec.qualified: computing.selection(con, spec) for spec in _specs()}
        computing.step(
            _STAGE,
            "writing the tables",
            partial(computing.write, con, period, _specs(), selections, _RESTRICTED),
        )
    return {
        table: count(con, table, f"period = {literal(period)}") for table in (*selections, KEYS)
    }


def run_with_links(
    con: duckdb.DuckDBPyConnection,
    settings: Settings,
    period: str,
    *,
    person_links: str,
    employers: str,
    employer_links: str,
    employer_identifiers: str,
    schema: str = "truth",
    log: Log | None = None,
) -> dict[str, int]:
    """Compute the same tables from other links, beside the warehouse's own.

    With perfect links of persons and employers this gives the truth: what the rules say of the
    same deliveries when every link is right.

    Args:
        con: the warehouse; its own tables stay as they are.
        settings: parameters of the definitions.
        period: month `YYYY-MM`.
        person_links: a table, view or query in brackets, shaped as linkage.person_links.
        employers: the same, shaped as spine.employers; all of its rows.
        employer_links: the same, shaped as linkage.employer_links.
        employer_identifiers: the same, shaped as linkage.employer_identifiers.
        schema: a plain name; where the tables go, under their own names, replaced whole.
            `temp` keeps them for this connection alone.
        log: told the name of each step as it ends.

    Returns:
        Rows written, by `schema.table`.

    Raises:
        UsageError: the schema is one of the warehouse's own, or the period is no month.
        CakupanError: a step failed.
        ValueError: as for `run`.
    """
    if schema in SCHEMAS:
        raise UsageError(f"schema {schema!r} holds the warehouse's own tables: name another")
    views = {
        "cov_person_links": f"SELECT * FROM {person_links}",
        "cov_employer_spine": f"SELECT * FROM {employers}",
        "cov_employer_links": f"SELECT * FROM {employer_links}",
        "cov_employer_identifiers": f"SELECT * FROM {employer_identifiers}",
    }
    with _computed(con, settings, period, views, log):
        computing.step(
            _STAGE,
            "writing the tables",
            partial(computing.write_beside, con, schema, _specs(), _RESTRICTED),
        )
    names = [f"{schema}.{name}" for name in (*TABLES, KEYS.rpartition(".")[2])]
    return {name: count(con, name) for name in names}


def _specs() -> list[TableSpec]:
    """Give the specifications of the tables filled here, in the order of `TABLES`."""
    return [table_specs()[name] for name in TABLES]


@contextmanager
def _computed(
    con: duckdb.DuckDBPyConnection,
    settings: Settings,
    period: str,
    views: dict[str, str],
    log: Log | None,
) -> Iterator[None]:
    """Make the `out_*` views for the time of the block, and clear everything away after it."""
    set_parameters(con, settings, period)
    con.execute("SET VARIABLE identifier_pattern = ?::VARCHAR", [IDENTIFIER_PATTERN])
    con.execute("SET VARIABLE employer_secret = ?::VARCHAR", [_secret(con)])
    try:
        computing.make_views(con, _STAGE, views)
        computing.run_folder(con, _STAGE, "coverage", only=_LOOKUPS)
        computing.run_folder(con, _STAGE, "compliance", log)
        yield
    finally:
        computing.clear(con, _OWN_OBJECT)
        con.execute("RESET VARIABLE employer_secret")


def _secret(con: duckdb.DuckDBPyConnection) -> str:
    """Give this warehouse's secret, drawn when it is first asked for."""
    con.execute(f"CREATE TABLE IF NOT EXISTS {KEY_HASHING} (secret VARCHAR)")
    if not count(con, KEY_HASHING):
        con.execute(f"INSERT INTO {KEY_HASHING} VALUES (?)", [secrets.token_hex(32)])
    return str(scalar(con, f"SELECT secret FROM {KEY_HASHING}"))
