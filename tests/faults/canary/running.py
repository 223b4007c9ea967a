"""Running one case: a home of its own, a broken run, and the search of all that it left.

Belongs here: the cases, and how one is run and searched. Does not belong here: planting, breaking.
"""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import pyrage
from harness import children
from harness.worlds import World

from canary import breaking
from canary.planting import IN_DATABASE, NAME, NIKS, PERIOD, SECRET, planted_world
from canary.searching import Search

RESTRICTED = ("restricted.duckdb", "restricted.duckdb.wal", "deliveries", "inbox", "keys")
"""Where in a home canaries may be; `keys` are searched for canaries of persons all the same."""

RECIPIENT = str(pyrage.x25519.Identity.generate().to_public())
ENVIRONMENT = {
    "CAKUPAN_PSEUDONYM_SECRET": f"{SECRET}-pseudonym-0123456789abcdef0123",
    "SIINAS_URL": f"postgresql+psycopg://cakupan:{SECRET}-password@127.0.0.1:9/siinas",
    "TARGET_PASSWORD": f"{SECRET}-target",
}
DATABASE_KEY = f"{SECRET}-database-0123456789abcdef0123456789"


@dataclass(frozen=True)
class Case:
    """One way in which a run is broken.

    Attributes:
        name: what is broken.
        before: called in the child.
        plan: statements that fail, as `canary.breaking` has it.
        commands: `run`, then `extract` or `deliver`; the plan holds for all of them.
        environment: more of it.
        settings: more settings, as YAML.
        terminate: seconds after which SIGTERM comes; 0 for never.
        fails: whether the last command must fail.
    """

    name: str
    before: Callable[[], None] = breaking.break_steps
    plan: tuple[tuple[str, int, str], ...] = ()
    commands: tuple[str, ...] = ("run",)
    environment: dict[str, str] = field(default_factory=dict)
    settings: str = ""
    terminate: float = 0.0
    fails: bool = True


@dataclass
class Result:
    """What a case left behind.

    Attributes:
        name: of the case.
        codes: exit codes of its commands.
        broken: `step #statement error` of what failed on purpose.
        statements: of each step, how many it made.
        files: searched.
        bytes: searched, those of unpacked containers too.
        hits: where a canary was found.
        home: the home, for more questions.
    """

    name: str
    codes: list[int]
    broken: list[str]
    statements: dict[str, int]
    files: int
    bytes: int
    hits: list[str]
    home: Path

    def told(self) -> dict[str, Any]:
        """Give it for the file of results."""
        told = asdict(self)
        del told["home"], told["statements"]
        return told


@cache
def undisturbed(base: Path) -> tuple[World, Result]:
    """Make the world and run the undisturbed case, once in a session.

    Args:
        base: the session's folder for temporary files.
    """
    world = planted_world(base / "canary-world")
    return world, run_case(world, UNDISTURBED, base / "canary-whole")


LISTS = f"""
extracts:
  processes: 1
  recipient_keys: {{"13": ["{RECIPIENT}"]}}
  targets:
    - {{url: "TARGET/{{key}}", recipients: ["*"], secrets: {{}}}}
"""
REFUSED = f"""
databases:
  {IN_DATABASE}:
    {{url_env: SIINAS_URL, table: siinas_workers, attempts: 1, connect_timeout_seconds: 1}}
"""


def run_case(world: World, case: Case, folder: Path) -> Result:
    """Run a case on a new home and search what it left."""
    for name in ("tmp", "cwd", "target"):
        (folder / name).mkdir(parents=True)
    home, notes = folder / "home", folder / "notes"
    settings = folder / "settings.yaml"
    text = world.settings.read_text("utf-8")
    if "databases:" in case.settings:
        text = text[: text.index("databases:")] + text[text.index("publication:") :]
    settings.write_text(text + case.settings.replace("TARGET", str(folder / "target")), "utf-8")
    environment = {
        **ENVIRONMENT,
        "TMPDIR": str(folder / "tmp"),
        breaking.FOLDER: str(folder / "cwd"),
        breaking.NOTES: str(notes),
        breaking.PLAN: json.dumps(case.plan),
        **case.environment,
    }
    codes = []
    for number, command in enumerate(case.commands):
        arguments = {
            "run": [*world.run(home, PERIOD)],
            "extract": ["extract", "--home", home, "--period", PERIOD, "--addressee", 13],
            "deliver": ["deliver", "--home", home, "--period", PERIOD],
        }[command]
        if "--settings" in arguments:
            arguments[arguments.index("--settings") + 1] = settings
        else:
            arguments += ["--settings", settings]
        child = children.start(
            folder / f"command-{number}", arguments, environment=environment, before=case.before
        )
        if case.terminate:
            _wait_for(notes, case.terminate)
            os.kill(child.pid, signal.SIGTERM)
        codes.append(child.wait().code)
    search = Search([NAME, SECRET], world_niks(world), NIKS)
    leave = [home / name for name in RESTRICTED] + [notes, settings]
    hits = search.below(folder, leave)
    noted = [json.loads(line) for line in notes.read_text("utf-8").splitlines()]
    return Result(
        case.name,
        codes,
        [f"{step} #{number} {kind}" for step, number, kind in noted if kind],
        {step: number for step, number, _kind in noted},
        search.files,
        search.bytes,
        hits,
        home,
    )


def _wait_for(notes: Path, seconds: float) -> None:
    """Wait until the run is in its steps, then a while more."""
    until = time.monotonic() + 60
    while time.monotonic() < until and not (notes.exists() and "conformed" in notes.read_text()):
        time.sleep(0.05)
    time.sleep(seconds)


def run_cases(world: World, cases: list[Case], folder: Path, at_once: int = 2) -> list[Result]:
    """Run cases, some at a time."""
    with ThreadPoolExecutor(at_once) as pool:
        return list(
            pool.map(lambda n: run_case(world, cases[n], folder / f"case-{n}"), range(len(cases)))
        )


@cache
def world_niks(world: World) -> tuple[str, ...]:
    """All NIKs of the world's people."""
    with duckdb.connect() as con:
        rows = con.execute(f"SELECT nik FROM '{world.path}/truth/people.parquet'").fetchall()
    return tuple(str(nik) for (nik,) in rows)


UNDISTURBED = Case(
    "undisturbed, encrypted, with lists and delivery",
    commands=("run", "extract", "deliver"),
    environment={"CAKUPAN_DATABASE_KEY": DATABASE_KEY, breaking.UMASK: "000"},
    settings=LISTS,
    fails=False,
)
JUDGE = Case("Great Expectations fails", before=breaking.break_judge)
READERS = Case("readers of every format fail", before=breaking.break_reader)
DRIVER = Case("the database driver fails", before=breaking.break_source)
REFUSING = Case("the source database refuses", settings=REFUSED)
STOPPED = Case("SIGTERM", terminate=0.5)
SENDING = Case(
    "delivery fails",
    before=breaking.break_sending,
    commands=("run", "extract", "deliver"),
    settings=LISTS,
)


TOGETHER = ("landing", "conformed")
LAST = "landing__arrivals"
"""Waits for every other landing, so it is broken alone."""


def waves(statements: dict[str, int], parts: tuple[float, ...]) -> list[Case]:
    """Give cases that together break every step of a run.

    Steps that do not wait for each other fail in the same run.

    Args:
        statements: of each step, how many it makes.
        parts: where in each step, 0 for its first statement and 1 for its last.
    """
    cases, kinds = [], list(breaking.ERRORS)
    groups: dict[str, list[str]] = {}
    for step in statements:
        stage = step.split("__")[0]
        groups.setdefault(stage if stage in TOGETHER and step != LAST else step, []).append(step)
    groups.pop("command", None)
    for part in parts:
        for name, steps in groups.items():
            plan = []
            for step in steps:
                at = 1 + round(part * (statements[step] - 1))
                plan.append((step, at, kinds[(len(cases) + len(plan)) % len(kinds)]))
            cases.append(Case(f"{name} at {part:.0%}", plan=tuple(plan)))
    return cases
