"""Two writers of one home are kept apart, whatever becomes of the first."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from pipelines import locks
from pipelines.locks import alive, clear_dead_runs, home_lock, lock_holder
from warehouse.errors import CakupanError
from warehouse.home import Home

ROOT = Path(__file__).parents[2]

_HOLD = """
import sys, time
from pathlib import Path
from pipelines.locks import alive, home_lock
from warehouse.home import Home

home = Home(Path(sys.argv[1]))
with alive(home, sys.argv[2]), home_lock(home, "period 2026-09", run_id=sys.argv[2]):
    print("held", flush=True)
    time.sleep(float(sys.argv[3]))
"""


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks, "POLL_SECONDS", 0.02)


def _holder(home: Home, run_id: str, seconds: float) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(home.path), run_id, str(seconds)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


@pytest.fixture
def held(home: Home) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the lock until it is told to end."""
    process = _holder(home, "run-of-another", 60)
    yield process
    process.kill()
    process.wait()


def test_the_second_waits_until_the_first_is_done(home: Home) -> None:
    first = _holder(home, "first", 0.6)
    told: list[str] = []
    started = time.monotonic()
    with home_lock(home, "period 2026-10", run_id="second", log=told.append):
        waited = time.monotonic() - started
    assert first.wait() == 0
    assert waited > 0.3
    assert len(told) == 1
    assert "period 2026-09" in told[0]
    assert f"process {first.pid}" in told[0]
    assert "run first" in told[0]


@pytest.mark.usefixtures("held")
def test_who_holds_it_can_be_asked_without_waiting(home: Home) -> None:
    holder = lock_holder(home)
    assert holder is not None
    assert (holder.what, holder.run_id) == ("period 2026-09", "run-of-another")


def test_a_killed_holder_leaves_the_home_free(home: Home, held: subprocess.Popen[str]) -> None:
    os.kill(held.pid, signal.SIGKILL)
    held.wait()
    with home_lock(home, "period 2026-10", timeout=5) as mine:
        assert lock_holder(home) == mine
    assert lock_holder(home) is None


@pytest.mark.usefixtures("held")
def test_waiting_may_have_an_end(home: Home) -> None:
    with pytest.raises(CakupanError, match="period 2026-09"), home_lock(home, "x", timeout=0.1):
        pytest.fail("the lock is another's")


def test_the_lock_is_given_back_when_the_work_fails(home: Home) -> None:
    with pytest.raises(ValueError, match="broken"), home_lock(home, "x"):
        raise ValueError("broken")
    assert lock_holder(home) is None


def test_a_free_home_has_no_holder_and_is_not_touched(empty_home: Home) -> None:
    assert lock_holder(empty_home) is None
    assert not empty_home.path.exists()


def _started_run(instance: dg.DagsterInstance) -> str:
    @dg.job
    def nothing() -> None:
        pass

    run = instance.create_run_for_job(nothing)
    instance.report_engine_event("started", run)
    instance.handle_new_event(_event(run.run_id, dg.DagsterEventType.RUN_START))
    return run.run_id


def _event(run_id: str, kind: dg.DagsterEventType) -> dg.EventLogEntry:
    event = dg.DagsterEvent(event_type_value=kind.value, job_name="nothing")
    return dg.EventLogEntry(
        error_info=None,
        level="INFO",
        user_message="",
        run_id=run_id,
        timestamp=time.time(),
        job_name="nothing",
        dagster_event=event,
    )


def test_runs_whose_process_is_gone_are_ended_and_living_ones_left(home: Home) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        dead, living = _started_run(instance), _started_run(instance)
        process = _holder(home, dead, 60)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        with alive(home, living):
            assert clear_dead_runs(home, instance) == [dead]
            assert clear_dead_runs(home, instance) == []
            statuses = {run.run_id: run.status for run in instance.get_runs()}
        assert statuses == {
            dead: dg.DagsterRunStatus.FAILURE,
            living: dg.DagsterRunStatus.STARTED,
        }
