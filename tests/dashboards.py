"""A page read without a browser: what it holds, and its scripts in an engine of their own."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from py_mini_racer import MiniRacer

from publishing.dashboard.making import scripts

_ISLAND = re.compile(r'<script type="application/json" id="([^"]+)">(.*?)</script>', re.S)


def page_islands(page: Path) -> dict[str, Any]:
    """Read what a page holds, by the id of its element."""
    return {name: json.loads(text) for name, text in _ISLAND.findall(page.read_text("utf-8"))}


def page_engine(islands: dict[str, Any]) -> Callable[[str], Any]:
    """Give what evaluates an expression beside the page's scripts, its data and figures.

    `figures` answers as on the page, and `at(hash)` gives the state of an address.
    """
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
        return json.loads(str(engine.eval(f"JSON.stringify({expression})")))

    return evaluate
