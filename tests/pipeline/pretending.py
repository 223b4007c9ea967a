"""Rooms that only pretend to work, so that the pipeline's own behaviour can be looked at."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import dagster as dg
import duckdb

from assets.stage import Stage
from sources.contracts import load_contracts
from warehouse.home import Home
from warehouse.settings import Settings

Act = Callable[[Stage], None]


class Rooms:
    """Stands for the rooms: notes what is called, and fails where it is told to."""

    def __init__(self) -> None:
        self.called: list[str] = []
        self.acts: dict[str, Act] = {}
        self.checks: dict[str, list[dg.AssetCheckResult]] = {}

    def enter(self, name: str, stage: Stage) -> None:
        self.called.append(name)
        if name in self.acts:
            self.acts[name](stage)


def stage_of(
    home: Home,
    con: duckdb.DuckDBPyConnection,
    *,
    inbox: Path | None = None,
    databases: Mapping[str, object] | None = None,
) -> Stage:
    """A stage as the resource gives it at the start of a run."""
    settings = Settings().model_copy(update={"databases": databases or {}})
    return Stage(
        con=con,
        home=home,
        settings=settings,
        contracts=load_contracts(),
        inbox=inbox or home.inbox,
    )
