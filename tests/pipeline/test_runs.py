"""A run in this process: what it does, how it fails, and what it says of failures."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import dagster as dg
import duckdb
import pytest
from pretending import Rooms

from assets.stage import Stage, failure_of, guarded
from pipelines.instance import open_instance
from pipelines.locks import lock_holder
from pipelines.outcome import Outcome, StepFailure
from pipelines.runner import execute
from warehouse.errors import DataRefused, GateBlocked, SourceDown, UsageError
from warehouse.home import Home

PERIOD = "2026-10"
CANARY = "3171905203900001"


def _raise(error: Exception):
    def act(_stage: Stage) -> None:
        raise error

    return act


def _everything(home: Home) -> bytes:
    return b"".join(path.read_bytes() for path in home.path.rglob("*") if path.is_file())


def test_a_run_goes_through_every_stage_once_and_in_order(rooms: Rooms, empty_home: Home) -> None:
    outcome = execute(empty_home, "period", PERIOD)
    assert outcome.success, outcome.failures
    assert outcome.exit_code == 0
    stages = [name.split("/")[0] for name in rooms.called]
    assert len(rooms.called) == len(set(rooms.called)) == 13
    assert stages.index("spine") < stages.index("linkage") < stages.index("coverage")
    assert stages[-3:] == ["coverage", "quality", "publication"]
    assert outcome.made["landing/djp_withholding"]["dagster/partition_row_count"] == 7


def test_the_run_stands_in_the_history_of_the_home(rooms: Rooms, empty_home: Home) -> None:
    outcome = execute(empty_home, "period", PERIOD)
    with open_instance(empty_home) as instance:
        run = instance.get_run_by_id(outcome.run_id)
        assert run is not None
        assert run.status == dg.DagsterRunStatus.SUCCESS
        assert run.tags["dagster/partition"] == PERIOD
        key = dg.AssetKey(["publication", "cakupan"])
        event = instance.get_latest_materialization_event(key)
    assert event is not None
    assert event.run_id == outcome.run_id


def test_the_home_is_held_through_the_whole_run_and_free_after_it(
    rooms: Rooms, empty_home: Home
) -> None:
    seen = []
    for name in ("landing/dukcapil_population", "publication"):
        rooms.acts[name] = lambda stage: seen.append(lock_holder(stage.home))
    outcome = execute(empty_home, "period", PERIOD)
    assert [holder.run_id for holder in seen] == [outcome.run_id] * 2
    assert seen[0] == seen[1]
    assert lock_holder(empty_home) is None
    assert list((empty_home.dagster / "alive").iterdir()) == []


def test_one_connection_serves_the_whole_run(rooms: Rooms, empty_home: Home) -> None:
    def make(stage: Stage) -> None:
        stage.con.execute("CREATE TEMP TABLE mine AS SELECT 42 AS answer")

    def use(stage: Stage) -> None:
        assert stage.con.execute("FROM mine").fetchone() == (42,)

    rooms.acts |= {"landing/dukcapil_population": make, "publication": use}
    assert execute(empty_home, "period", PERIOD).success


def test_refused_data_stop_what_needs_them_and_nothing_is_published(
    rooms: Rooms, empty_home: Home
) -> None:
    message = "djp_withholding/2026-10: column full_name is missing"
    rooms.acts["landing/djp_withholding"] = _raise(DataRefused(message, code="SCHEMA_DRIFT"))
    outcome = execute(empty_home, "period", PERIOD)
    assert outcome.exit_code == 3
    assert outcome.failures == [
        StepFailure("landing__djp_withholding", message, "DataRefused", 3, "SCHEMA_DRIFT")
    ]
    assert "conformed/dukcapil_population" in rooms.called
    assert not {"linkage", "coverage", "publication"} & set(rooms.called)


def test_a_blocking_check_stops_the_run_and_tells_which(rooms: Rooms, empty_home: Home) -> None:
    rooms.checks["dukcapil_population"] = [
        dg.AssetCheckResult(
            check_name="critical_expectations",
            passed=False,
            severity=dg.AssetCheckSeverity.ERROR,
            description="NIK hanya sekali",
        ),
        dg.AssetCheckResult(check_name="warning_expectations", passed=True),
    ]
    outcome = execute(empty_home, "period", PERIOD)
    assert outcome.exit_code == 4
    (check,) = outcome.failed_checks
    assert (check.asset, check.blocking) == ("conformed/dukcapil_population", True)
    assert "NIK hanya sekali" in check.message
    assert "spine" not in rooms.called
    assert "publication" not in rooms.called


def test_a_warning_is_told_and_the_run_goes_on(rooms: Rooms, empty_home: Home) -> None:
    rooms.checks["dukcapil_population"] = [
        dg.AssetCheckResult(check_name="critical_expectations", passed=True),
        dg.AssetCheckResult(
            check_name="warning_expectations",
            passed=False,
            severity=dg.AssetCheckSeverity.WARN,
            description="sedikit",
        ),
    ]
    outcome = execute(empty_home, "period", PERIOD)
    assert outcome.exit_code == 0
    assert [(check.name, check.blocking) for check in outcome.failed_checks] == [
        ("warning_expectations", False)
    ]


def test_no_personal_value_leaves_with_an_error(rooms: Rooms, empty_home: Home) -> None:
    def quote_a_row(stage: Stage) -> None:
        try:
            stage.con.execute(f"SELECT CAST('{CANARY} SITI RAHAYU' AS INTEGER)")
        except duckdb.Error as error:
            raise RuntimeError(f"bad row {CANARY}") from error

    rooms.acts["spine"] = quote_a_row
    outcome = execute(empty_home, "period", PERIOD)
    assert outcome.exit_code == 1
    (failure,) = outcome.failures
    assert failure.error == "RuntimeError"
    assert "test_runs.py" in failure.message
    assert CANARY not in failure.message
    kept = _everything(empty_home)
    assert b"RuntimeError" in kept
    assert CANARY.encode() not in kept
    assert b"SITI RAHAYU" not in kept


def test_a_warehouse_that_cannot_be_opened_fails_the_run_without_its_text(
    rooms: Rooms, empty_home: Home
) -> None:
    empty_home.ensure().restricted_db.write_text(f"no database, but {CANARY}")
    empty_home.restricted_db.chmod(0o600)
    outcome = execute(empty_home, "period", PERIOD)
    assert outcome.exit_code == 1
    assert rooms.called == []
    assert outcome.failures[0].message
    assert CANARY not in outcome.failures[0].message
    assert lock_holder(empty_home) is None


def test_a_failed_run_leaves_one_alert(rooms: Rooms, empty_home: Home) -> None:
    rooms.acts["coverage"] = _raise(GateBlocked("the totals do not agree"))
    outcome = execute(empty_home, "period", PERIOD)
    (line,) = (empty_home.path / "alerts.jsonl").read_text("utf-8").splitlines()
    told = json.loads(line)
    assert told["run_id"] == outcome.run_id
    assert told["messages"] == ["coverage: the totals do not agree"]


def test_what_a_killed_run_left_in_tmp_is_cleared(rooms: Rooms, empty_home: Home) -> None:
    (empty_home.ensure().tmp / "landing-x").mkdir()
    (empty_home.tmp / "landing-x" / "half.csv").write_text("half")
    assert execute(empty_home, "period", PERIOD).success
    assert list(empty_home.tmp.iterdir()) == []


def test_bad_settings_are_the_callers_mistake(
    rooms: Rooms, empty_home: Home, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="does not exist"):
        execute(empty_home, "period", PERIOD, settings_file=tmp_path / "none.yaml")
    assert rooms.called == []


def test_only_a_source_that_is_down_is_tried_again() -> None:
    assert failure_of(SourceDown("away")).allow_retries is True
    assert failure_of(DataRefused("bad", code="X")).allow_retries is False
    assert failure_of(ValueError("bug")).allow_retries is False


def test_a_source_that_is_down_for_a_moment_costs_no_run(
    rooms: Rooms, empty_home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("assets.landing.RETRY", dg.RetryPolicy(max_retries=2, delay=0.01))
    tries = []

    def once_down(_stage: Stage) -> None:
        tries.append(1)
        if len(tries) == 1:
            raise SourceDown("siinas is away")

    rooms.acts["landing/djp_withholding"] = once_down
    outcome = execute(empty_home, "period", PERIOD)
    assert outcome.success
    assert len(tries) == 2


def test_the_guard_leaves_no_trace_of_the_first_error() -> None:
    @guarded
    def body() -> None:
        raise KeyError(CANARY)

    with pytest.raises(dg.Failure) as caught:
        body()
    assert caught.value.__context__ is None
    assert caught.value.__cause__ is None
    assert CANARY not in str(caught.value.description)


@pytest.mark.parametrize(
    ("codes", "expected"), [([4, 3], 3), ([5, 1], 5), ([5, 3], 3), ([1], 1), ([], 1)]
)
def test_the_exit_code_of_several_failures(codes: list[int], expected: int) -> None:
    failures = [StepFailure("s", "m", "E", code) for code in codes]
    assert Outcome("run", failures=failures).exit_code == expected


def test_a_run_told_to_stop_ends_clean(rooms: Rooms, empty_home: Home) -> None:
    rooms.acts["spine"] = lambda _stage: signal.raise_signal(signal.SIGTERM)
    outcome = execute(empty_home, "period", PERIOD)
    assert outcome.exit_code == 130
    assert outcome.failures[0].step == "spine__persons"
    assert "publication" not in rooms.called
    assert lock_holder(empty_home) is None
    assert list((empty_home.dagster / "alive").iterdir()) == []
