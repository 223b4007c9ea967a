"""A page made of a small release, and its scripts in an engine without a browser."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from publishing.dashboard.making import make_dashboard
from tests.dashboards import page_engine, page_islands
from tests.releases import write_release
from warehouse.settings import DashboardSettings


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A publication's folder, its page made."""
    folder = write_release(tmp_path_factory.mktemp("published"))
    make_dashboard(folder, DashboardSettings(detail_months=2))
    return folder


@pytest.fixture(scope="session")
def page(published: Path) -> str:
    return (published / "dasbor.html").read_text("utf-8")


@pytest.fixture(scope="session")
def islands(published: Path) -> dict[str, Any]:
    """What the page holds, by the id of its element."""
    return page_islands(published / "dasbor.html")


@pytest.fixture(scope="session")
def release(published: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as con:
        con.execute(f"ATTACH '{published / 'release.duckdb'}' AS made (READ_ONLY)")
        con.execute("USE made")
        yield con


@pytest.fixture(scope="session")
def run(islands: dict[str, Any]) -> Callable[[str], Any]:
    """Evaluate an expression beside the page's scripts, its data and figures."""
    return page_engine(islands)
