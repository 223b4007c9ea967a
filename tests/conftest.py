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
ROOT = Path(__file__).parent
TOGETHER = ("faults", "pipeline/whole")
"""Folders whose tests share homes that take long to make, or what they saw."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the tests of a file, and of some folders, in one process where there are several."""
    for item in items:
        place = item.path.relative_to(ROOT).as_posix()
        group = next((each for each in TOGETHER if place.startswith(each + "/")), place)
        item.add_marker(pytest.mark.xdist_group(group))


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
