"""Killing runs at points spread over every step, and seeing what restarts make of it.

Belongs here: choosing points, killing one home several times in a row, and comparing it with an
undisturbed one at the end. Does not belong here: how a process is killed (`points.py`).
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.children import call, start
from harness.content import content, damage, one_hash, remains
from harness.worlds import World, copy_home
from pipelines.locks import lock_holder
from warehouse.home import Home

_LASTING = ("statement", "commit", "fsync")
_MORE = {
    "publication__cakupan": 14, "linkage__person_links": 7, "employers": 5, "coverage": 4,
    "compliance": 3, "reference__codes": 2, "start": 2, "quality__expectation_results": 1,
}  # fmt: skip
"""Points beyond one for each step, where most is written."""


@dataclass(frozen=True)
class Undisturbed:
    """What comes of the month when nothing happens.

    Attributes:
        before: hash of what was published before it.
        after: hash of each table afterwards.
        points: all points of the run, in order.
        seconds: how long it took.
    """

    before: str
    after: dict[str, str]
    points: list[dict[str, Any]]
    seconds: float


@dataclass
class Case:
    """One home that was killed several times.

    Attributes:
        kills: where it was killed, in order.
        differing: tables that differ from the undisturbed home's at the end.
        wrong: anything else that was not as it should be.
    """

    kills: list[dict[str, Any]] = field(default_factory=list)
    differing: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    @property
    def survived(self) -> bool:
        """Whether nothing was lost."""
        return not self.differing and not self.wrong


def undisturbed(
    world: World, lived: Path, home: Path, scratch: Path, before: Callable[[], None] | None = None
) -> Undisturbed:
    """Run the second month on a copy of a home, and note every point of it."""
    copy_home(lived, home)
    trace = scratch / "trace.jsonl"
    scratch.mkdir(parents=True, exist_ok=True)
    ended = call(scratch, world.run(home), home=home, trace=trace, before=before)
    assert ended.code == 0, ended.err
    points = [json.loads(line) for line in trace.read_text("utf-8").splitlines()]
    return Undisturbed(one_hash(content(lived)), content(home), points, ended.seconds)


def choose(points: Sequence[dict[str, Any]], seed: int = 1) -> list[dict[str, Any]]:
    """Choose points: at least one in every step, all kinds of them, in order of the run."""
    chance = random.Random(seed)  # noqa: S311 - not for secrets
    by_step: dict[str, list[dict[str, Any]]] = {}
    for point in points:
        by_step.setdefault(point["step"], []).append(point)
    used: Counter[str] = Counter()
    chosen = []
    for step, all_of_it in by_step.items():
        left = list(all_of_it)
        for _ in range(1 + _MORE.get(step, 0)):
            # The kind that was chosen least so far, that rare ones get their turn.
            rarest = min({point["kind"] for point in left}, key=lambda kind: (used[kind], kind))
            point = chance.choice([point for point in left if point["kind"] == rarest])
            left.remove(point)
            used[rarest] += 1
            chosen.append(_plan(point, chance))
            if not left:
                break
    return sorted(chosen, key=lambda plan: int(plan["at"]))


def _plan(point: dict[str, Any], chance: random.Random) -> dict[str, Any]:
    plan = {name: point[name] for name in ("at", "step", "nth", "kind")} | {"when": "before"}
    if point["kind"] in _LASTING:
        plan["when"] = chance.choice(["before", "during", "during", "after"])
        plan["seconds"] = point["seconds"] * chance.random()
    return plan


def chains(plans: Sequence[dict[str, Any]], length: int) -> list[list[dict[str, Any]]]:
    """Deal points to homes, each with points from its beginning to its end."""
    homes = -(-len(plans) // length)
    return [list(plans[number::homes]) for number in range(homes)]


def kill_and_restart(
    world: World,
    lived: Path,
    plans: Sequence[dict[str, Any]],
    whole: Undisturbed,
    folder: Path,
    before: Callable[[], None] | None = None,
) -> Case:
    """Kill a home at one point after another, let it finish, and look at what came of it.

    Args:
        world: the deliveries.
        lived: the home it begins as.
        plans: where; one with `after_seconds` in place of a point is killed by the clock.
        whole: the undisturbed run.
        folder: scratch.
        before: called in each child first.
    """
    home = copy_home(lived, folder / "home")
    case = Case()
    wanted = one_hash(whole.after)
    for number, plan in enumerate(plans):
        scratch = folder / f"kill-{number}"
        where = {name: plan[name] for name in ("step", "kind", "when") if name in plan}
        if "after_seconds" in plan:
            child = start(scratch, world.run(home), before=before)
            child.process.join(plan["after_seconds"])
            if child.process.is_alive():
                child.kill()
            ended = child.wait()
            where = {"step": "any", "kind": "clock", "when": f"{plan['after_seconds']:.1f} s"}
        else:
            ended = call(scratch, world.run(home), home=home, plan=plan, before=before)
            told = scratch / "killed"
            if told.is_file():
                where["what"] = json.loads(told.read_text("utf-8"))["what"]
        if not ended.killed:
            case.wrong.append(f"{where} was not reached: the run ended with {ended.code}")
            break
        case.kills.append(where)
        case.wrong += damage(home)
        if one_hash(content(home)) not in (whole.before, wanted):
            case.wrong.append(f"{where}: what is published is neither the old nor the new")
        if (holder := lock_holder(Home(home))) is not None:
            case.wrong.append(f"{where}: the home is still held by {holder}")
    ended = call(folder / "last", world.run(home), before=before)
    if ended.code:
        case.wrong.append(f"the last restart ended with {ended.code}: {ended.err[-500:]}")
    found = content(home)
    case.differing = sorted(
        table for table in whole.after | found if whole.after.get(table) != found.get(table)
    )
    case.wrong += damage(home) + [f"left behind: {name}" for name in remains(home)]
    return case
