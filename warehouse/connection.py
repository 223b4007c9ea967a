"""Opening the restricted warehouse, with its schemas, limits and parameters.

Belongs here: how a connection is made and what every SQL stage may read from it. Does
not belong here: what the stages do.
"""

from __future__ import annotations

import calendar
import datetime as dt
import os
import re
from pathlib import Path

import duckdb

from warehouse import at_rest
from warehouse.errors import UsageError
from warehouse.home import OWNER_FILE, Home
from warehouse.settings import EngineSettings, Settings, load_settings
from warehouse.storage import constant, quote

SCHEMAS = (
    "landing",
    "quarantine",
    "conformed",
    "spine",
    "linkage",
    "coverage",
    "quality",
    "reference",
)
_PERIOD = re.compile(r"(?:19|20)\d{2}-(?:0[1-9]|1[0-2])")


def check_period(period: str) -> str:
    """Return `period` where it is a month `YYYY-MM`.

    Raises:
        UsageError: it is not.
    """
    if not _PERIOD.fullmatch(period):
        raise UsageError(f"period {period!r} is not a month: write YYYY-MM, such as 2026-10")
    return period


def last_day(period: str) -> dt.date:
    """Give the last day of a month `YYYY-MM`, the day that "as of P" means."""
    year, month = (int(part) for part in check_period(period).split("-"))
    return dt.date(year, month, calendar.monthrange(year, month)[1])


def connect(
    home: Home, settings: Settings | None = None, *, read_only: bool = False
) -> duckdb.DuckDBPyConnection:
    """Open the restricted warehouse.

    Args:
        home: whose `restricted.duckdb` is opened, made where missing.
        settings: engine limits; defaults where left out.
        read_only: open without the right to write; the file must exist then.

    Returns:
        A connection. One process holds one at a time; the run lock keeps processes apart.

    Raises:
        UsageError: the file is encrypted and the key is missing or another one, or a key is
            set and the file is not encrypted.
    """
    at_rest.remember(home, settings or load_settings(home))
    key = at_rest.database_key(settings or load_settings(home))
    engine = (settings or Settings()).engine
    home.ensure()
    file = home.restricted_db
    state = at_rest.state_of(file)
    if state == "encrypted" and key is None:
        raise at_rest.needs_key(file)
    con = _open(file, engine, home.tmp / "spill", key, read_only)
    # Where DuckDB takes the process for interactive it draws on standard output, which is
    # the command line's to answer on.
    con.execute("SET enable_progress_bar = false")
    if not read_only:
        for path in (file, file.with_name(file.name + ".wal")):
            if path.exists():
                path.chmod(OWNER_FILE)
        for schema in SCHEMAS:
            con.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
    return con


def _open(
    file: Path, engine: EngineSettings, spill: Path, key: str | None, read_only: bool
) -> duckdb.DuckDBPyConnection:
    """Open the file itself, or attach it to a database in memory where it is encrypted."""
    con = duckdb.connect(
        ":memory:" if key else str(file),
        read_only=read_only and not key,
        config={
            "memory_limit": engine.memory_limit,
            "threads": engine.threads or os.cpu_count() or 1,
            "temp_directory": str(spill),
            "preserve_insertion_order": False,
            # Rows go to the file as each group of them is full. Else those of a middling table
            # are all written at its end, by one core.
            "write_buffer_row_group_count": 1,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        },
    )
    if key is None:
        return con
    try:
        at_rest.load_cryptography(con)
        at_rest.attach(con, file, key, read_only=read_only)
        con.execute(f"USE {at_rest.NAME}")
    except BaseException:
        con.close()
        raise
    return con


def second(con: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """Give a second connection to the database that a connection uses, for work beside it.

    It sees what is committed, and has temporary tables and variables of its own.
    """
    name = str(con.execute("SELECT current_database()").fetchall()[0][0])
    other = con.cursor()
    other.execute(f"USE {quote(name)}")
    return other


def set_parameters(con: duckdb.DuckDBPyConnection, settings: Settings, period: str) -> None:
    """Set the variables that SQL stages read with `getvariable`.

    `period` (VARCHAR), `as_of` (DATE, its last day), the coverage settings by name, and those of
    compliance, their shares in whole millionths.
    """
    coverage, compliance = settings.coverage, settings.compliance
    variables: dict[str, tuple[object, str]] = {
        "period": (check_period(period), "VARCHAR"),
        "as_of": (last_day(period), "DATE"),
        "arrears_months": (coverage.arrears_months, "INTEGER"),
        "pppk_is_civil_servant": (coverage.pppk_is_civil_servant, "BOOLEAN"),
        "certain_ppm": (coverage.certain_ppm, "INTEGER"),
        "sakernas_min_register": (coverage.sakernas_min_register, "DOUBLE"),
        "tolerance_workers": (compliance.tolerance_workers, "BIGINT"),
        "tolerance_ppm": (round(compliance.tolerance_share * 1_000_000), "BIGINT"),
        "wage_tolerance_ppm": (round(compliance.wage_tolerance * 1_000_000), "BIGINT"),
    }
    for name, (value, kind) in variables.items():
        con.execute(f"SET VARIABLE {name} = {constant(value)}::{kind}")
