"""Fixtures of the pipeline's tests: few datasets, and rooms that only pretend to work."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import dagster as dg
import pytest
from pretending import Rooms

from assets import (
    arrivals,
    change,
    compliance,
    conformed,
    coverage,
    dashboard,
    employers,
    landing,
    linkage,
    publication,
    quality,
    spine,
)
from assets.stage import Stage
from sources.contracts import Contract, load_contracts
from warehouse.home import Home

FEW = ("bpjs_participants", "djp_withholding", "dukcapil_population")


@pytest.fixture(autouse=True)
def _environment() -> Iterator[None]:
    """Opening an instance sets variables for its child processes; put them back."""
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> dict[str, Contract]:
    """Three datasets instead of all."""
    contracts = load_contracts()
    chosen = {key: contracts[key] for key in FEW}
    for module in ("definitions", "resources"):
        monkeypatch.setattr(f"pipelines.{module}.load_contracts", lambda _dirs=(): chosen)
    return chosen


@pytest.fixture
def rooms(monkeypatch: pytest.MonkeyPatch, few: dict[str, Contract]) -> Rooms:
    """All stages pretend: the pipeline's own behaviour is what is looked at."""
    made = Rooms()

    def land(stage: Stage, contract: Contract, _period: str) -> dg.MaterializeResult:
        made.enter(f"landing/{contract.key}", stage)
        return dg.MaterializeResult(
            metadata={"dagster/partition_row_count": 7},
            check_results=[
                dg.AssetCheckResult(check_name=name, passed=True)
                for name in ("delivered", landing.VOLUME)
            ],
        )

    def conform(stage: Stage, contract: Contract, _period: str) -> dg.MaterializeResult:
        made.enter(f"conformed/{contract.key}", stage)
        return dg.MaterializeResult(
            metadata={"dagster/partition_row_count": 6},
            check_results=made.checks.pop(contract.key, None) or quality.nothing_to_judge(),
        )

    def agree(stage: Stage, _period: str) -> dg.MaterializeResult:
        made.enter("quality", stage)
        return dg.MaterializeResult(
            check_results=[dg.AssetCheckResult(check_name=quality.STAGES_AGREE, passed=True)]
        )

    def one(name: str) -> Callable[..., dg.MaterializeResult]:
        def act(stage: Stage, *_arguments: object) -> dg.MaterializeResult:
            made.enter(name, stage)
            return dg.MaterializeResult(metadata={"dagster/partition_row_count": 1})

        return act

    def many(name: str, keys: list[dg.AssetKey]) -> Callable[..., list[dg.MaterializeResult]]:
        def act(stage: Stage, *_arguments: object) -> list[dg.MaterializeResult]:
            made.enter(name, stage)
            return [dg.MaterializeResult(asset_key=key) for key in keys]

        return act

    monkeypatch.setattr(landing, "_land", land)
    monkeypatch.setattr(landing, "load_reference", lambda _con: {"provinces": 38})
    monkeypatch.setattr(conformed, "_conform", conform)
    monkeypatch.setattr(spine, "_build", one("spine"))
    monkeypatch.setattr(linkage, "_link", one("linkage"))
    monkeypatch.setattr(employers, "_resolve", many("employers", employers.EMPLOYER_KEYS))
    monkeypatch.setattr(coverage, "_compute", many("coverage", [*coverage.table_keys().values()]))
    tables = [*compliance.table_keys().values()]
    monkeypatch.setattr(compliance, "_compute", many("compliance", tables))
    monkeypatch.setattr(
        change,
        "_compute",
        lambda *_arguments: [
            dg.MaterializeResult(
                asset_key=change.CHANGE_KEY,
                check_results=[dg.AssetCheckResult(check_name=change.ADDS_UP, passed=True)],
            ),
            dg.MaterializeResult(asset_key=change.CAUSES_KEY),
        ],
    )
    monkeypatch.setattr(
        arrivals,
        "_overview",
        lambda *_arguments: dg.MaterializeResult(
            check_results=[dg.AssetCheckResult(check_name=arrivals.NOTHING_LATE, passed=True)]
        ),
    )
    monkeypatch.setattr(publication, "_publish", one("publication"))
    monkeypatch.setattr(dashboard, "_make", lambda *_arguments: dg.MaterializeResult())
    monkeypatch.setattr(
        publication,
        "_release",
        lambda *_arguments: dg.MaterializeResult(
            check_results=[
                dg.AssetCheckResult(check_name=publication.GIVES_NOTHING_BACK, passed=True)
            ]
        ),
    )
    monkeypatch.setattr(quality, "_agree", agree)
    monkeypatch.setattr(
        quality,
        "_compare",
        lambda *_arguments: dg.MaterializeResult(
            check_results=[dg.AssetCheckResult(check_name=quality.AS_BEFORE, passed=True)]
        ),
    )
    monkeypatch.setattr(
        quality,
        "_reconcile",
        lambda *_arguments: dg.MaterializeResult(
            check_results=[dg.AssetCheckResult(check_name=quality.RECONCILED, passed=True)]
        ),
    )
    return made


@pytest.fixture
def empty_home(tmp_path: Path) -> Home:
    """A home in which nothing has been made yet, not even its folders."""
    return Home(tmp_path / "home")
