"""Reading a dataset from a database: one snapshot, as text, kept like a file drop.

Belongs here: connecting, reading in batches, retries, the kept Parquet file. Does not belong
here: what its rows become (landing), or the meaning of driver errors (database_errors).
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import (
    ColumnClause,
    Connection,
    Engine,
    Select,
    TextClause,
    column,
    create_engine,
    select,
    text,
)
from sqlalchemy import table as named_table
from sqlalchemy.engine import URL, CursorResult, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from sources.contracts import Contract
from sources.database_errors import Fault, diagnose
from sources.deliveries import Log, silent
from sources.files import headers
from sources.files.values import value_text
from sources.keeping import copy_file, keep_content
from sources.ledger import Kept, KeptFile
from warehouse.connection import check_period
from warehouse.errors import SourceDown, UsageError
from warehouse.home import Home
from warehouse.settings import DatabaseSource
from warehouse.storage import literal, quote

FILE = "database.parquet"
MAX_BACKOFF_SECONDS = 300.0

DRIVERS = {
    "postgresql": "postgresql+psycopg",
    "mysql": "mysql+pymysql",
    "mariadb": "mariadb+pymysql",
    "oracle": "oracle+oracledb",
    "mssql": "mssql+pyodbc",
    "sqlite": "sqlite+pysqlite",
}
"""Driver of each database, where the URL names none."""
EXTRAS = {
    "postgresql": "postgresql",
    "mysql": "mysql",
    "mariadb": "mysql",
    "oracle": "oracle",
    "mssql": "sqlserver",
}
"""Optional extra of this package that brings the driver."""

_ISOLATION = {
    "postgresql": "REPEATABLE READ",
    "mysql": "REPEATABLE READ",
    "mariadb": "REPEATABLE READ",
    "mssql": "SNAPSHOT",
    "sqlite": "SERIALIZABLE",
}
"""Level at which one SELECT sees one snapshot; in Oracle every statement does."""
_LOCK_TIMEOUT = {
    "postgresql": "SET LOCAL lock_timeout = '{seconds}s'",
    "mysql": "SET SESSION lock_wait_timeout = {seconds}",
    "mariadb": "SET SESSION lock_wait_timeout = {seconds}",
}
"""How to say for how long a lock is waited for, where the default is to wait for very long."""
_SELECT_ONLY = re.compile(r"\s*(?:--[^\n]*\n\s*)*(SELECT|WITH)\b", re.IGNORECASE)
_WRITES = re.compile(
    r"\b(INSERT|UPDATE|DELETE|MERGE|DROP|ALTER|CREATE|TRUNCATE|GRANT|REVOKE|CALL|EXEC|EXECUTE|INTO)\b",
    re.IGNORECASE,
)
_QUOTED = re.compile(r"'(?:[^']|'')*'|\"[^\"]*\"|`[^`]*`|\[[^\]]*\]|--[^\n]*|/\*.*?\*/", re.DOTALL)


def fetch(
    con: duckdb.DuckDBPyConnection,
    home: Home,
    contract: Contract,
    source: DatabaseSource,
    period: str,
    log: Log | None = None,
) -> Kept:
    """Read a dataset from its database and keep it as a delivery of the period.

    Args:
        con: the warehouse.
        home: receives the delivery as one all-text Parquet file.
        contract: the dataset's.
        source: where and what to read, from the settings.
        period: month `YYYY-MM`; bound to `:period` in a query.
        log: is told of tries and rows.

    Returns:
        The kept delivery; `new` is False where the content is that in force.

    Raises:
        SourceDown: the database cannot be read, after all tries; nothing is kept.
        DataRefused: SCHEMA_DRIFT, a required column is missing.
        UsageError: URL, driver or query are wrong.
    """
    log = log or silent
    check_period(period)
    url = source_url(contract.key, source)
    statement = _checked_query(contract.key, source)
    engine = _engine(contract.key, url, source)
    work = Path(tempfile.mkdtemp(prefix="database-", dir=home.tmp))
    try:
        raw = _read_with_retries(engine, contract, source, statement, period, work, log)
        content, rows = _sort(con, raw, work / FILE, contract)
        sha256, size = copy_file(work / FILE, None)
        file = KeptFile(FILE, sha256, size, expected_rows=rows)

        def fill(folder: Path) -> None:
            copy_file(work / FILE, folder / FILE)

        kept = keep_content(con, home, contract, period, (file,), content, "database", fill)
    finally:
        engine.dispose()
        shutil.rmtree(work, ignore_errors=True)
    log(
        f"{contract.key} {period}: {rows} rows read from {place(url)}, "
        + (f"kept as v{kept.version}" if kept.new else f"unchanged since v{kept.version}")
    )
    return kept


def source_url(dataset: str, source: DatabaseSource) -> URL:
    """Build the URL of a source, with the driver this project uses.

    Raises:
        UsageError: the environment lacks it, it is no URL, names an unknown database, or
            stands in the settings with a password.
    """
    raw = source.url
    where = f"databases.{dataset}"
    if source.url_env is not None:
        raw = os.environ.get(source.url_env)
        if not raw:
            raise UsageError(f"{where}: the environment variable {source.url_env} is not set")
    url: URL | None = None
    try:
        url = make_url(raw or "")
    except (ArgumentError, ValueError):
        url = None
    if url is None:
        raise UsageError(f"{where}: not a database URL; write dialect://user@host:port/database")
    if source.url is not None and url.password:
        raise UsageError(
            f"{where}: the settings must hold no password; put the URL into an environment "
            "variable and name that in url_env"
        )
    if url.get_backend_name() not in DRIVERS:
        raise UsageError(
            f"{where}: {url.get_backend_name()!r} is none of {', '.join(sorted(DRIVERS))}"
        )
    if "+" not in url.drivername:
        url = url.set(drivername=DRIVERS[url.get_backend_name()])
    return url


def place(url: URL) -> str:
    """Name a database in messages: host and database, never user or password."""
    host = url.host or url.query.get("host") or "this machine"
    database = url.database or ""
    if url.get_backend_name() == "sqlite":
        database = Path(database.partition("?")[0]).name
    return f"{host if isinstance(host, str) else host[0]}/{database}"


def table_select(source_table: str, names: Sequence[str]) -> Select[Any]:
    """Give the SELECT of some columns of `table` or `schema.table`, quoted by the dialect."""
    schema, _, name = source_table.rpartition(".")
    clauses: list[ColumnClause[Any]] = [column(each) for each in names]
    return select(*clauses).select_from(named_table(name, *clauses, schema=schema or None))


def _checked_query(dataset: str, source: DatabaseSource) -> TextClause | None:
    if source.query is None:
        return None
    query = source.query.strip().removesuffix(";")
    bare = _QUOTED.sub(" ", query)
    if not _SELECT_ONLY.match(query) or ";" in bare or _WRITES.search(bare):
        raise UsageError(f"databases.{dataset}.query must be one SELECT that changes nothing")
    return text(query)


def _engine(dataset: str, url: URL, source: DatabaseSource) -> Engine:
    backend = url.get_backend_name()
    seconds = source.connect_timeout_seconds
    by_backend: dict[str, dict[str, Any]] = {
        # A wire that was cut without a word is noticed within a minute, not after hours.
        "postgresql": {
            "connect_timeout": seconds,
            "keepalives_idle": 30,
            "keepalives_interval": 10,
            "keepalives_count": 3,
        },
        "mysql": {"connect_timeout": seconds},
        "mariadb": {"connect_timeout": seconds},
        "oracle": {"tcp_connect_timeout": float(seconds)},
        "mssql": {"timeout": seconds},
        "sqlite": {"timeout": seconds, "uri": True},
    }
    arguments = by_backend[backend]
    if backend == "sqlite":
        # Opened read-only: SQLite would otherwise make a missing file.
        path = Path(url.database or "")
        if not path.is_file():
            raise SourceDown(
                f"{dataset}: the SQLite file {path.name} does not exist; check the URL"
            )
        url = url.set(database=f"file:{path.absolute()}", query={"mode": "ro", "uri": "true"})
    missing = False
    try:
        return create_engine(url, poolclass=NullPool, connect_args=arguments, hide_parameters=True)
    except (ImportError, NoSuchModuleError):
        missing = True
    if missing and backend in EXTRAS:
        raise UsageError(
            f"{dataset}: the driver for {backend} is not installed; "
            f"install the extra cakupan[{EXTRAS[backend]}]"
        )
    raise UsageError(f"{dataset}: the driver {url.drivername} is not known")


def _read_with_retries(
    engine: Engine,
    contract: Contract,
    source: DatabaseSource,
    statement: TextClause | None,
    period: str,
    work: Path,
    log: Log,
) -> Path:
    """Read everything, from the beginning at every try."""
    target = work / "read.parquet"
    fault: Fault | None = None
    for attempt in range(1, source.attempts + 1):
        try:
            _read(engine, contract, source, statement, period, target)
            return target
        except SQLAlchemyError as error:
            fault = diagnose(error)
        except OSError:  # a socket that broke below the driver
            fault = Fault("broke off", "check the network", again=True)
        target.unlink(missing_ok=True)
        if not fault.again:
            break
        if attempt < source.attempts:
            pause = min(source.backoff_seconds * 2 ** (attempt - 1), MAX_BACKOFF_SECONDS)
            log(
                f"{contract.key}: {place(engine.url)} {fault.what}; "
                f"try {attempt + 1} of {source.attempts} in {pause:.0f} s"
            )
            time.sleep(pause)
    if fault is None:
        raise AssertionError("a source allows at least one attempt")
    raise SourceDown(
        f"{contract.key}: the database {place(engine.url)} {fault.what}; {fault.advice}. "
        "Nothing was taken; what was in force stays"
    )


def _read(
    engine: Engine,
    contract: Contract,
    source: DatabaseSource,
    statement: TextClause | None,
    period: str,
    target: Path,
) -> None:
    """Read one snapshot into an all-text Parquet file with the contract's column names."""
    options: dict[str, Any] = {"stream_results": True, "yield_per": source.batch_rows}
    backend = engine.url.get_backend_name()
    if backend in _ISOLATION:
        options["isolation_level"] = _ISOLATION[backend]
    if backend == "postgresql":
        options["postgresql_readonly"] = True
    shown = f"{contract.key} in {place(engine.url)}"
    with engine.connect().execution_options(**options) as connection, connection.begin():
        if backend in _LOCK_TIMEOUT:
            # Else a table that somebody has locked would hold the whole run for ever.
            seconds = source.lock_timeout_seconds
            waiting = text(_LOCK_TIMEOUT[backend].format(seconds=seconds))
            plain = {"stream_results": False, "yield_per": None}
            connection.execute(waiting, execution_options=plain)
        if statement is None:
            names = _table_columns(connection, source.table or "")
            header = headers.match(names, contract, shown)
            chosen = [names[position] for position in header.positions.values()]
            result = connection.execute(table_select(source.table or "", chosen))
            positions = {name: place for place, name in enumerate(header.positions)}
        else:
            bound = {"period": period} if "period" in statement.compile().params else {}
            result = connection.execute(statement, bound)
            positions = headers.match(list(result.keys()), contract, shown).positions
        _write(result, positions, contract, source.batch_rows, target)


def _table_columns(connection: Connection, source_table: str) -> list[str]:
    schema, _, name = source_table.rpartition(".")
    everything = select(text("*")).select_from(named_table(name, schema=schema or None))
    with connection.execute(everything.where(text("1 = 0"))) as result:
        return list(result.keys())


def _write(
    result: CursorResult[Any],
    positions: dict[str, int],
    contract: Contract,
    batch_rows: int,
    target: Path,
) -> None:
    schema = pa.schema([(name, pa.string()) for name in positions])
    with pq.ParquetWriter(target, schema, compression="zstd") as writer:
        for rows in _partitions(result, batch_rows):
            columns = list(zip(*rows, strict=True))
            arrays = [
                pa.array(_texts(columns[position], contract.decimal_comma), pa.string())
                for position in positions.values()
            ]
            writer.write_batch(pa.record_batch(arrays, schema=schema))


def _partitions(result: CursorResult[Any], batch_rows: int) -> Iterator[Sequence[Any]]:
    yield from result.partitions(batch_rows)


def _texts(values: Sequence[Any], decimal_comma: bool) -> list[str | None]:
    return [
        value if value is None or type(value) is str else value_text(value, decimal_comma)
        for value in values
    ]


def _sort(
    con: duckdb.DuckDBPyConnection, raw: Path, target: Path, contract: Contract
) -> tuple[str, int]:
    """Write the rows in the order of their content, and identify them whatever their order.

    A database gives rows in any order; sorted, the same rows have the same numbers and the
    same one of two with one key is the last.

    Returns:
        Content hash and number of rows.
    """
    source = f"read_parquet({literal(str(raw))})"
    names = [str(row[0]) for row in con.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()]
    order = ", ".join(
        f"{quote(name)} NULLS FIRST"
        for name in sorted(names, key=lambda n: n != contract.key_column.name)
    )
    con.execute(
        f"COPY (SELECT * FROM {source} ORDER BY {order}) TO {literal(str(target))} "
        "(FORMAT parquet, COMPRESSION zstd)"
    )
    # Length before each text keeps neighbouring cells apart; sums do not depend on order.
    cell = " || ".join(
        f"coalesce(length({quote(n)})::VARCHAR || ':' || {quote(n)}, '~')" for n in sorted(names)
    )
    counted = con.execute(f"""
        SELECT count(*), coalesce(sum(md5_number_lower(cell)), 0)::VARCHAR,
               coalesce(sum(md5_number_upper(cell)), 0)::VARCHAR
        FROM (SELECT {cell} AS cell FROM {source})""").fetchone()
    rows, low, high = counted or (0, "0", "0")
    identity = f"{','.join(sorted(names))}|{rows}|{low}|{high}"
    return hashlib.sha256(identity.encode()).hexdigest(), int(rows)
