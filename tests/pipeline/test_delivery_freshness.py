"""Freshness is the provider's: a delivery counts as made when it has been accepted, and once."""

from __future__ import annotations

import asyncio
import dataclasses
import datetime as dt
from collections.abc import Iterator

import dagster as dg
import pytest
import yaml
from dagster import _daemon, _time
from dagster._core.definitions.freshness import FreshnessState
from dagster._core.definitions.freshness_evaluator import CronFreshnessPolicyEvaluator
from pretending import Rooms

from assets import deliveries, landing
from assets.deliveries import deadline, delivery_key, event_of
from assets.stage import Stage
from pipelines.instance import DAGSTER_YAML, open_instance
from pipelines.runner import execute
from sources.arrivals import ZONE, due
from sources.contracts import Contract, load_contracts
from warehouse.home import Home

PERIOD = "2026-10"
TODAY = dt.date(2026, 11, 20)
KEY = delivery_key("farmers")


@pytest.fixture
def farmers() -> Contract:
    return load_contracts()["farmers"]


def _landed(state: str = "current", version: int = 1) -> dg.MaterializeResult:
    return dg.MaterializeResult(
        metadata={"state": state, "delivery_version": version, "delivered": 7, "new": "true"}
    )


def test_only_a_delivery_of_the_month_itself_counts(farmers: Contract) -> None:
    event = event_of(farmers, PERIOD, _landed(), TODAY, run_id="r1")
    assert isinstance(event, dg.AssetMaterialization)
    assert (event.asset_key, event.partition) == (KEY, PERIOD)
    assert {name: value.value for name, value in event.metadata.items()} == {
        "provider": farmers.provider,
        "version": 1,
        "delivered": 7,
        "landed_by": "r1",
    }
    for state in ("carried", "stale", "missing"):
        assert event_of(farmers, PERIOD, _landed(state), TODAY) is None


def test_catching_up_on_an_old_month_does_not_make_the_awaited_one_fresh(
    farmers: Contract,
) -> None:
    old = event_of(farmers, "2026-09", _landed(), TODAY)
    assert isinstance(old, dg.AssetObservation)
    assert old.partition == "2026-09"
    # October is awaited until November is over.
    last = event_of(farmers, PERIOD, _landed(), dt.date(2026, 11, 30))
    assert isinstance(last, dg.AssetMaterialization)
    assert isinstance(
        event_of(farmers, PERIOD, _landed(), dt.date(2026, 12, 1)), dg.AssetObservation
    )


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        yield made


@pytest.mark.parametrize("period", [PERIOD, "2020-01"])
def test_a_delivery_is_told_once_a_version_also_after_a_killed_run(
    instance: dg.DagsterInstance, farmers: Contract, period: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliveries, "_today", lambda: TODAY)

    def told() -> list[object]:
        fetch = instance.fetch_materializations if period == PERIOD else instance.fetch_observations
        entries = [record.event_log_entry for record in fetch(KEY, limit=9).records]
        events = [entry.asset_materialization or entry.asset_observation for entry in entries]
        return [event.metadata["version"].value for event in events if event is not None]

    for state, version, expected in [
        ("missing", 0, []),
        ("current", 1, [1]),
        ("current", 1, [1]),
        ("current", 2, [2, 1]),
        ("carried", 2, [2, 1]),
    ]:
        deliveries.report(instance, "r", farmers, period, _landed(state, version))
        assert told() == expected
    # That of another month is another delivery.
    deliveries.report(instance, "r", farmers, "2026-11", _landed("current", 2))
    latest = instance.get_latest_materialization_event(KEY)
    assert latest is not None
    assert latest.asset_materialization is not None
    assert latest.asset_materialization.partition == "2026-11"


class _Node:
    """What the evaluator of Dagster reads of an asset."""

    key = KEY

    def __init__(self, policy: dg.FreshnessPolicy) -> None:
        self.freshness_policy_or_from_metadata = policy


@pytest.mark.parametrize(
    ("due_day", "made", "now", "state"),
    [
        (9, "2026-11-01T00:30", "2026-11-10T00:10", FreshnessState.PASS),
        (9, "2026-10-09T22:00", "2026-11-09T23:00", FreshnessState.PASS),
        (9, "2026-10-09T22:00", "2026-11-10T00:10", FreshnessState.FAIL),
        (9, "2026-11-13T08:00", "2026-11-14T08:00", FreshnessState.PASS),
        (2, "2026-10-02T22:00", "2026-11-03T00:10", FreshnessState.FAIL),
        (28, "2027-02-02T22:00", "2027-03-01T00:10", FreshnessState.PASS),
    ],
)
def test_dagster_finds_late_what_the_contract_calls_late(
    farmers: Contract,
    monkeypatch: pytest.MonkeyPatch,
    due_day: int,
    made: str,
    now: str,
    state: FreshnessState,
) -> None:
    from dagster._core.definitions import freshness_evaluator

    contract = dataclasses.replace(farmers, due_day=due_day)
    moments = [dt.datetime.fromisoformat(text).replace(tzinfo=ZONE) for text in (made, now)]

    class Record:
        class asset_entry:  # noqa: N801 - the name is Dagster's
            class last_materialization:  # noqa: N801
                timestamp = moments[0].timestamp()

        @staticmethod
        async def gen(_context: object, _key: dg.AssetKey) -> type:
            return Record

    monkeypatch.setattr(freshness_evaluator, "AssetRecord", Record)
    monkeypatch.setattr(freshness_evaluator, "get_current_datetime", lambda _zone: moments[1])
    found = CronFreshnessPolicyEvaluator().evaluate_freshness(
        context=None,  # type: ignore[arg-type]
        node=_Node(deadline(contract)),  # type: ignore[arg-type]
    )
    assert asyncio.run(found) == state
    if state == FreshnessState.FAIL:
        assert due(contract, PERIOD) < moments[1].date()


def test_the_daemon_of_a_home_evaluates_freshness(empty_home: Home) -> None:
    assert yaml.safe_load(DAGSTER_YAML)["freshness"] == {"enabled": True}
    with open_instance(empty_home) as opened:
        assert _daemon.freshness.FreshnessDaemon.daemon_type() in (
            opened.get_required_daemon_types()
        )


def test_a_run_tells_of_what_arrived_and_has_no_step_for_it(
    rooms: Rooms, empty_home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend = landing._land

    def land(stage: Stage, contract: Contract, period: str) -> dg.MaterializeResult:
        made = pretend(stage, contract, period)
        arrived = _landed("current" if contract.kind == "population" else "missing")
        return made._replace(metadata=arrived.metadata)

    monkeypatch.setattr(landing, "_land", land)
    period = f"{_time.get_current_datetime():%Y-%m}"
    outcome = execute(empty_home, "period", period)
    assert outcome.success
    with open_instance(empty_home) as opened:
        (told,) = [key for key in opened.all_asset_keys() if key.path[0] == "deliveries"]
        assert told == delivery_key("dukcapil_population")
        event = opened.get_latest_materialization_event(told)
    assert event is not None
    made = event.asset_materialization
    assert made is not None
    assert (made.partition, made.metadata["landed_by"].value) == (period, outcome.run_id)
