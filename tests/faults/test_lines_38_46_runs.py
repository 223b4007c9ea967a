"""Faults 40 and 43: two runs at once, and a run history or a manifest that is lost."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from harness.children import call, start
from harness.content import content, damage, remains
from harness.fewer import leave_out
from harness.worlds import FIRST, World, copy_home

from pipelines.locks import lock_holder
from warehouse.home import Home


def _publish(world: World, home: Path, reason: str) -> list[object]:
    return [
        "publish", "--home", home, "--period", FIRST, "--reason", reason,
        "--settings", world.settings, "--json",
    ]  # fmt: skip


@pytest.mark.fault(40, "two commands on one home at the same time")
def test_40_the_second_of_two_runs_waits_for_the_first(
    small_world: World, one_month: Path, tmp_path: Path, shown
) -> None:
    home = copy_home(one_month, tmp_path / "home")
    both = [
        start(tmp_path / reason, _publish(small_world, home, reason), before=leave_out)
        for reason in ("satu", "dua")
    ]
    ended = [child.wait(600) for child in both]
    assert [each.code for each in ended] == [0, 0], [each.err for each in ended]
    published = [json.loads(each.out)["publication"] for each in ended]
    assert sorted(each["number"] for each in published) == [2, 3]
    assert content(home) == content(one_month)
    assert damage(home) == []
    assert remains(home) == []
    assert lock_holder(Home(home)) is None
    shown("both end well, one after the other: publications 2 and 3, no error of any lock")


@pytest.mark.parametrize(
    "what", ["run history lost", "run history damaged", "manifest lost", "manifest damaged"]
)
@pytest.mark.fault(43, "state that is no figure's source")
def test_43_lost_state_is_made_anew_with_the_same_tables(
    small_world: World, one_month: Path, tmp_path: Path, what: str, shown
) -> None:
    home = copy_home(one_month, tmp_path / "home")
    if what == "run history lost":
        shutil.rmtree(home / "dagster")
    elif what == "run history damaged":
        for path in (home / "dagster").rglob("*.db"):
            path.write_bytes(b"not a database" * 100)
    else:
        manifest = (home / "published" / "current").resolve() / "publication.json"
        manifest.unlink()
        if what == "manifest damaged":
            manifest.write_text('{"sequence":', "utf-8")
    ended = call(tmp_path / "run", _publish(small_world, home, what), before=leave_out)
    assert ended.code == 0, ended.err
    assert content(home) == content(one_month)
    assert (home / "published" / "current").resolve().name == f"{FIRST}-2"
    if "manifest" in what:
        # The folder without one stays where it is, and its number is not given again.
        shutil.rmtree(home / "published" / f"{FIRST}-1")
    assert damage(home) == []
    shown(f"{what}: published anew with the same tables")
