"""A page made of a small release, and its scripts in an engine without a browser."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from py_mini_racer import MiniRacer

from publishing.dashboard.making import make_dashboard, scripts
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
def islands(page: str) -> dict[str, Any]:
    """What the page holds, by the id of its element."""
    found = re.findall(r'<script type="application/json" id="([^"]+)">(.*?)</script>', page, re.S)
    return {name: json.loads(text) for name, text in found}


@pytest.fixture(scope="session")
def release(published: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as con:
        con.execute(f"ATTACH '{published / 'release.duckdb'}' AS made (READ_ONLY)")
        con.execute("USE made")
        yield con


@pytest.fixture(scope="session")
def run(islands: dict[str, Any]) -> Callable[[str], Any]:
    """Evaluate an expression beside the page's scripts, its data and figures."""
    engine = MiniRacer()
    # The parts that need a document only touch it when they are called.
    engine.eval(scripts().replace("Cakupan.page = (function", "Cakupan.unused = (function"))
    engine.eval(f"var islands = JSON.parse({json.dumps(json.dumps(islands))});")
    engine.eval(
        """
        var data = islands.data;
        var read = {};
        var tableOf = (name, period) => {
          const id = "t-" + name + "-" + period;
          if (!(id in read)) read[id] = islands[id] ? Cakupan.tables.read(islands[id]) : null;
          return read[id];
        };
        var figures = Cakupan.figures.create(data, tableOf);
        var known = { periods: data.periods, provinces: data.provinces.map((p) => p.code),
          regencies: Object.fromEntries(data.regencies.map((r) => [r.code, r.province])),
          sectors: data.sectors.map((s) => s.code) };
        var at = (hash) => Cakupan.address.parse(hash, known);
        """
    )

    def evaluate(expression: str) -> Any:
        return json.loads(engine.eval(f"JSON.stringify({expression})"))

    return evaluate
