"""Fixtures that every test may use: a fresh home and an open restricted warehouse."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from warehouse.connection import connect, set_parameters
from warehouse.home import Home
from warehouse.settings import Settings

PERIOD = "2026-10"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A home in a folder of its own."""
    return Home(tmp_path / "home").ensure()


@pytest.fixture
def con(home: Home) -> Iterator[duckdb.DuckDBPyConnection]:
    """The restricted warehouse of `home`, its parameters set for October 2026."""
    connection = connect(home)
    set_parameters(connection, Settings(), PERIOD)
    yield connection
    connection.close()
