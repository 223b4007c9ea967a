"""Faults 36 and 37: runs that are killed, told to stop, and begun again."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

import pytest
from harness import kill
from harness.children import call, start
from harness.content import content, damage, remains
from harness.fewer import leave_out
from harness.worlds import World, copy_home

from pipelines.locks import lock_holder
from warehouse.home import Home

PARTS = ("landing__", "conformed__", "linkage__", "coverage", "publication__cakupan")


def _sample(points: list[dict]) -> list[dict]:
    """One point in each of a few stages, of a different kind in each; `make soak` takes all."""
    chosen: list[dict] = []
    for part in PARTS:
        used = {plan["kind"] for plan in chosen}
        fitting = [p for p in kill.choose(points, seed=3) if p["step"].startswith(part)]
        chosen.append(next((p for p in fitting if p["kind"] not in used), fitting[-1]))
    return chosen


@pytest.mark.fault(36, "killed in five stages, one after another")
def test_36_a_home_that_was_killed_again_and_again_ends_like_one_that_was_not(
    small_world: World, one_month: Path, two_months, tmp_path: Path, shown
) -> None:
    _, whole = two_months
    plans = _sample(whole.points)
    case = kill.kill_and_restart(small_world, one_month, plans, whole, tmp_path, leave_out)
    assert case.wrong == []
    assert case.differing == []
    assert len(case.kills) == len(PARTS)
    shown(
        f"{len(PARTS)} kills at statements, commits and changes of files in as many stages: "
        "what was published stays whole after each, and the restart reaches the same tables"
    )


@pytest.mark.fault(36, "killed while it switches to the new publication")
def test_36_a_publication_is_there_whole_or_not_at_all(
    small_world: World, two_months, tmp_path: Path, shown
) -> None:
    finished, _ = two_months

    def publish(home: Path, *more: str) -> list[object]:
        return [
            "publish", "--home", home, "--period", "2026-11",
            "--settings", small_world.settings, *more,
        ]  # fmt: skip

    def anew(home: Path) -> list[object]:
        # With a reason there is a new publication, though nothing has changed.
        return publish(home, "--reason", "uji")

    looked, trace = copy_home(finished, tmp_path / "looked"), tmp_path / "trace"
    ended = call(tmp_path / "look", anew(looked), home=looked, trace=trace, before=leave_out)
    assert ended.code == 0, ended.err
    points = [json.loads(line) for line in trace.read_text("utf-8").splitlines()]
    switch = [
        p
        for p in points
        if p["kind"] in ("rename", "symlink") and p["what"].startswith("published/.new-")
    ]
    assert [p["kind"] for p in switch] == ["rename", "symlink", "rename"]
    for number, point in enumerate(switch):
        # Each on a home of its own: what a kill leaves behind moves the points of the next run.
        home = copy_home(finished, tmp_path / f"home-{number}")
        scratch, plan = tmp_path / f"kill-{number}", point | {"when": "before"}
        ended = call(scratch, anew(home), home=home, plan=plan, before=leave_out)
        assert ended.killed, (point, ended.err)
        assert json.loads((scratch / "killed").read_text("utf-8"))["kind"] == point["kind"]
        assert damage(home) == []
        assert content(home) == content(finished)
        ended = call(tmp_path / f"again-{number}", publish(home), before=leave_out)
        assert ended.code == 0, ended.err
        assert damage(home) == []
        assert remains(home) == []
        assert content(home) == content(finished)
        # Named once the first of the three has happened, and then in force by the restart.
        newest = "2026-11-1" if number == 0 else "2026-11-2"
        assert (home / "published" / "current").readlink() == Path(newest)
    shown(
        "killed before its folder is named, before the link to it is made, before that link takes "
        "its place: readers find a whole publication each time, and a restart that has nothing to "
        "publish sets the link that was not set"
    )


@pytest.mark.fault(37, "SIGTERM as a run begins, between its steps and in the middle")
@pytest.mark.parametrize("after", [0.0, 0.3, 3.5])
def test_37_a_run_told_to_stop_ends_clean(
    small_world: World, one_month: Path, tmp_path: Path, shown, after: float
) -> None:
    home = copy_home(one_month, tmp_path / "home")
    child = start(tmp_path / "run", small_world.run(home), before=leave_out)
    deadline = time.monotonic() + 60
    while lock_holder(Home(home)) is None and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(after)
    child.kill(signal.SIGTERM)
    ended = child.wait(60)
    assert ended.code == 130, ended.err
    assert json.loads(ended.out)["status"] == "failed"
    assert lock_holder(Home(home)) is None
    assert list((home / "dagster" / "alive").iterdir()) == []
    assert damage(home) == []
    assert content(home) == content(one_month)
    with pytest.raises(ProcessLookupError):
        os.kill(child.pid, 0)
    shown("ends with 130; the lock is free, no process is left, what was published stays")
