"""The inbox sensor, the month's deadline, the failure sensor, and the months themselves."""

from __future__ import annotations

import datetime as dt
import os
import time
from collections.abc import Callable

import dagster as dg
import pytest

from pipelines import definitions
from pipelines.inbox import look, remember, seen
from pipelines.instance import open_instance
from pipelines.locks import home_lock
from pipelines.partitions import periods, previous
from sources.contracts import load_contracts
from warehouse.errors import UsageError
from warehouse.home import Home

PERIOD = "2026-10"
OLD = time.time() - 3600

Drop = Callable[..., None]


@pytest.fixture
def drop(home: Home) -> Drop:
    def put(dataset: str, name: str = "a.csv", text: str = "nik\n", period: str = PERIOD) -> None:
        folder = home.inbox / dataset / period
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
        os.utime(folder / name, (OLD, OLD))

    return put


@pytest.fixture
def tick(home: Home, few: object) -> Callable[[], dg.SensorResult | dg.SkipReason]:
    sensor = definitions.build(home, include_period=PERIOD).resolve_sensor_def("inbox")

    def evaluate() -> dg.SensorResult | dg.SkipReason:
        with dg.DagsterInstance.ephemeral() as instance:
            return sensor(dg.build_sensor_context(instance=instance))

    return evaluate


def _reason(result: object) -> str:
    assert isinstance(result, dg.SkipReason), result
    return str(result.skip_message)


def test_an_empty_inbox_asks_for_nothing(tick: Callable[[], object]) -> None:
    assert "nothing new" in _reason(tick())


def test_a_settled_delivery_asks_for_its_month_once(
    home: Home, drop: Drop, tick: Callable[[], object]
) -> None:
    drop("dukcapil_population")
    first = tick()
    assert isinstance(first, dg.SensorResult)
    (request,) = first.run_requests or []
    assert request.partition_key == PERIOD
    assert request.run_key.startswith(PERIOD)
    again = tick()
    assert isinstance(again, dg.SensorResult)
    assert [r.run_key for r in again.run_requests or []] == [request.run_key]
    signature, _ = look(home.inbox, load_contracts(), PERIOD, 60)
    remember(home, PERIOD, signature)
    assert "nothing new" in _reason(tick())
    drop("djp_withholding")
    third = tick()
    assert isinstance(third, dg.SensorResult)
    assert [r.run_key for r in third.run_requests or []] != [request.run_key]


def test_a_growing_file_is_waited_for(drop: Drop, home: Home, tick: Callable[[], object]) -> None:
    drop("dukcapil_population")
    os.utime(home.inbox / "dukcapil_population" / PERIOD / "a.csv")
    assert "change" in _reason(tick())


def test_without_a_register_there_is_nothing_to_link_to(
    drop: Drop, tick: Callable[[], object]
) -> None:
    drop("djp_withholding")
    assert "register" in _reason(tick())


def test_a_held_home_is_left_alone(drop: Drop, home: Home, tick: Callable[[], object]) -> None:
    drop("dukcapil_population")
    with home_lock(home, "period 2026-09"):
        assert "period 2026-09" in _reason(tick())


def test_a_waiting_run_is_waited_for(home: Home, drop: Drop, few: object) -> None:
    drop("dukcapil_population")
    loaded = definitions.build(home, include_period=PERIOD)
    with dg.DagsterInstance.ephemeral() as instance:
        instance.create_run_for_job(loaded.resolve_job_def("period"))
        context = dg.build_sensor_context(instance=instance)
        assert "waiting or running" in _reason(loaded.resolve_sensor_def("inbox")(context))


def test_a_lost_memory_only_costs_a_run(home: Home) -> None:
    remember(home, PERIOD, "abc")
    assert seen(home) == {PERIOD: "abc"}
    (home.dagster / "inbox-seen.json").write_text("{broken")
    assert seen(home) == {}


@pytest.mark.parametrize(
    ("at", "period"),
    [
        (dt.datetime(2026, 11, 10, 0, 0, tzinfo=dt.UTC), "2026-10"),
        (dt.datetime(2027, 1, 10, 0, 0, tzinfo=dt.UTC), "2026-12"),
        # Still December in London, already January in Jakarta.
        (dt.datetime(2026, 12, 31, 20, 0, tzinfo=dt.UTC), "2026-12"),
    ],
)
def test_the_deadline_runs_the_month_before_in_jakarta(
    home: Home, few: object, at: dt.datetime, period: str
) -> None:
    schedule = definitions.build(home).resolve_schedule_def("month_close")
    request = schedule(dg.build_schedule_context(scheduled_execution_time=at))
    assert request.partition_key == period
    assert schedule.cron_schedule == "0 7 10 * *"


def test_months_reach_from_the_first_to_the_coming_one() -> None:
    keys = periods(now=dt.date(2026, 11, 23)).get_partition_keys(
        current_time=dt.datetime(2026, 11, 23, tzinfo=dt.UTC)
    )
    assert (keys[0], keys[-1]) == ("2021-01", "2026-12")


def test_the_first_month_can_be_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAKUPAN_FIRST_PERIOD", "2025-07")
    assert periods().get_partition_keys()[0] == "2025-07"
    monkeypatch.setenv("CAKUPAN_FIRST_PERIOD", "July")
    with pytest.raises(UsageError):
        periods()


@pytest.mark.parametrize("month", ["2019-03", "2035-01"])
def test_a_month_asked_for_is_there_whatever_the_clock_says(month: str) -> None:
    assert month in periods(month).get_partition_keys()


def test_the_month_before() -> None:
    assert previous("2026-01") == "2025-12"
    assert previous("2026-11", 12) == "2025-11"


def test_the_instance_is_quiet_private_and_keeps_the_operators_settings(home: Home) -> None:
    with open_instance(home) as instance:
        assert instance.telemetry_enabled is False
        assert instance.run_monitoring_enabled is True
        assert type(instance.compute_log_manager).__name__ == "NoOpComputeLogManager"
        pools = instance.get_concurrency_config().pool_config
        assert pools.default_pool_limit == 1
        assert pools.pool_granularity is not None
        assert pools.pool_granularity.value == "run"
    file = home.dagster / "dagster.yaml"
    file.write_text(file.read_text() + "# ours\n")
    with open_instance(home):
        pass
    assert file.read_text().endswith("# ours\n")


def test_a_damaged_history_is_put_aside_and_begun_anew(home: Home) -> None:
    with open_instance(home):
        pass
    for name in ("history/runs.db", "history/runs/index.db"):
        (home.dagster / name).write_bytes(b"this is no database" * 100)
    told: list[str] = []
    with open_instance(home, told.append) as instance:
        assert instance.get_runs_count() == 0
    assert (home.path / "dagster-damaged-1" / "history" / "runs.db").exists()
    assert "dagster-damaged-1" in told[0]
