"""Whether a source database answers: a login and nothing more.

Belongs here: what `cakupan doctor` asks of a database. Does not belong here: reading one
(sources/databases.py).
"""

from __future__ import annotations

import socket
from pathlib import Path

from sqlalchemy import create_engine
from sqlalchemy.engine import URL
from sqlalchemy.exc import NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from sources.database_errors import diagnose
from sources.databases import place, source_url
from warehouse.errors import SourceDown, UsageError
from warehouse.settings import DatabaseSource

_PORTS = {"postgresql": 5432, "mysql": 3306, "mariadb": 3306, "oracle": 1521, "mssql": 1433}


def check_source(dataset: str, source: DatabaseSource) -> str:
    """Log in to a dataset's database and out again.

    Returns:
        Which database answered, without user or password.

    Raises:
        SourceDown: nobody answers, or the login fails.
        UsageError: the URL is not valid, or its driver is not installed.
    """
    url = source_url(dataset, source)
    backend = url.get_backend_name()
    if backend == "sqlite":
        if not Path(url.database or "").is_file():
            raise SourceDown(f"{dataset}: the file {place(url)} does not exist; check the URL")
        return place(url)
    _knock(dataset, url, source.connect_timeout_seconds)
    problem = ""
    try:
        with create_engine(url, poolclass=NullPool, hide_parameters=True).connect():
            return place(url)
    except SQLAlchemyError as error:
        fault = diagnose(error)
        problem = f"{fault.what}; {fault.advice}"
    except (ImportError, NoSuchModuleError):
        problem = ""
    if problem:
        raise SourceDown(f"{dataset}: {place(url)} {problem}")
    raise UsageError(f"{dataset}: the driver for {backend} is not installed; see docs/guides")


def _knock(dataset: str, url: URL, seconds: float) -> None:
    """Try the port first: drivers differ in how long they wait for a host that is gone."""
    port = url.port or _PORTS.get(url.get_backend_name())
    if not url.host or url.host.startswith("/") or port is None:
        return
    reached = True
    try:
        socket.create_connection((url.host, port), timeout=seconds).close()
    except OSError:
        reached = False
    if not reached:
        raise SourceDown(
            f"{dataset}: nobody answers at {place(url)}, port {port}, within {seconds:.0f} s; "
            "check host, port and network"
        )
