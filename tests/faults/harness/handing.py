"""Killing `cakupan extract` and `cakupan deliver`, and seeing what restarts make of it.

Belongs here: a small home with lists of persons and a target, points to kill at, and what must
hold after each kill and at the end. Does not belong here: killing of runs (`kill.py`), and how a
process is killed (`points.py`).
"""

from __future__ import annotations

import hashlib
import json
import random
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyrage
from canary.searching import Search

from harness import elsewhere  # noqa: F401
from harness.children import Ended, call, start
from publishing.audit import AuditLog
from publishing.delivery.retention import still_there, unlogged
from publishing.extracts.folder import MANIFEST, check_folder
from publishing.extracts.making import the_signer
from publishing.signing import Signer
from warehouse.connection import connect
from warehouse.home import Home
from warehouse.settings import Settings

PERIOD = "2026-10"
ADDRESSEE = 13
"""The Ministry of Agriculture, which may be told of persons."""
COMMANDS = ("extract", "deliver")
NAMES = ("ORANG 501", "ORANG 502", "ORANG 503")
"""Of persons who are on the list that is made."""

_SECRET = {"CAKUPAN_PSEUDONYM_SECRET": "rahasia-uji-yang-cukup-panjang-0123456789"}
_BOUND = ("statement", "commit", "fsync")


@dataclass(frozen=True)
class Start:
    """What every home begins as.

    Attributes:
        home: a home with a publication and a restricted warehouse; copied, never changed.
        identity: the recipient's private key.
        niks: of the persons in it.
    """

    home: Path
    identity: pyrage.x25519.Identity
    niks: tuple[str, ...]


@dataclass
class Case:
    """One home that was killed, once or several times.

    Attributes:
        kills: where, in order.
        wrong: whatever was not as it should be.
        files: that were searched for what is secret, over all looks.
    """

    kills: list[dict[str, Any]] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    files: int = 0

    def killed(self, command: str) -> bool:
        """Whether a command has been killed before."""
        return any(kill["command"] == command for kill in self.kills)


@dataclass(frozen=True)
class Undisturbed:
    """What comes of it when nothing happens.

    Attributes:
        content: of every extract, what is in it.
        points: of each command, all points in order.
        seconds: of each command.
    """

    content: dict[str, str]
    points: dict[str, list[dict[str, Any]]]
    seconds: dict[str, float]


def make_start(folder: Path) -> Start:
    """Make a home of a few hundred farmers, a third of whom the ministry is told of."""
    from extract_world import make_publication
    from list_world import fill_restricted

    home = Home(folder / "home").ensure()
    make_publication(home, regencies=6)
    fill_restricted(home, 600)
    the_signer(home, Settings())
    with connect(home) as con:
        niks = con.execute("SELECT nik FROM spine.persons").fetchall()
    return Start(home.path, pyrage.x25519.Identity.generate(), tuple(nik for (nik,) in niks))


class Place:
    """A copy of the start with a target and a folder for temporary files.

    Args:
        begun: what it is a copy of.
        folder: receives it.
    """

    def __init__(self, begun: Start, folder: Path) -> None:
        self.begun, self.folder = begun, folder
        self.root, self.runs = folder / "place", 0
        self.home, self.target = Home(self.root / "home"), self.root / "target"
        shutil.copytree(begun.home, self.home.path, symlinks=True)
        for path in (self.target, self.root / "tmp"):
            path.mkdir()
        key = str(begun.identity.to_public())
        (folder / "settings.yaml").write_text(
            f"extracts:\n  processes: 1\n  recipient_keys: {{'{ADDRESSEE}': ['{key}']}}\n"
            f"  targets: [{{url: '{self.target}/{{key}}', recipients: ['*']}}]\n",
            "utf-8",
        )

    def _arguments(self, command: str) -> list[object]:
        own = ["--addressee", ADDRESSEE] if command == "extract" else []
        return [
            command, "--home", self.home.path, "--period", PERIOD, *own,
            "--settings", self.folder / "settings.yaml", "--json",
        ]  # fmt: skip

    def do(self, command: str, **more: Any) -> Ended:
        """Call a command; `plan` and `trace` as `children.start` has them."""
        self.runs += 1
        environment = {**_SECRET, "TMPDIR": str(self.root / "tmp")}
        scratch = self.folder / f"call-{self.runs}"
        after = more.pop("after_seconds", None)
        if after is None:
            return call(
                scratch, self._arguments(command), home=self.root, environment=environment, **more
            )
        child = start(scratch, self._arguments(command), environment=environment)
        child.process.join(after)
        if child.process.is_alive():
            child.kill()
        return child.wait()

    @property
    def _signer(self) -> Signer:
        return the_signer(self.home, Settings())

    @property
    def extracts(self) -> list[Path]:
        """All folders with a manifest and a name: one that is being made has neither for anyone."""
        found = (path.parent for path in (self.home.path / "extracts").rglob(MANIFEST))
        return sorted(folder for folder in found if not folder.name.startswith(".new-"))

    def content(self) -> dict[str, str]:
        """Give a hash of each file of each extract; of an encrypted one, of what is in it."""
        found = {}
        for folder in self.extracts:
            manifest = json.loads((folder / MANIFEST).read_bytes())
            for entry in manifest["files"]:
                raw = (folder / entry["name"]).read_bytes()
                if entry["encrypted"]:
                    raw = pyrage.decrypt(raw, [self.begun.identity])
                place = f"{folder.relative_to(self.home.path)}/{entry['name']}"
                found[place] = hashlib.sha256(raw).hexdigest()
        return found

    def look(self, case: Case) -> None:
        """See that nothing half-written looks whole, and that nothing secret lies about."""
        key = self._signer.public_pem
        for folder in [*self.extracts, *(p.parent for p in self.target.rglob(MANIFEST))]:
            case.wrong += check_folder(folder, key)
        case.wrong += AuditLog(self.home, self._signer).verify()
        search = Search(NAMES, self.begun.niks, ())
        restricted = [self.home.restricted_db, self.home.path / "restricted.duckdb.wal"]
        case.wrong += search.below(self.root, restricted)
        case.files += search.files

    def look_at_the_end(self, case: Case, whole: Undisturbed) -> None:
        """See that all is there as if nothing had happened: once, whole, and logged."""
        self.look(case)
        log = AuditLog(self.home, self._signer)
        if self.content() != whole.content:
            case.wrong.append("the extracts differ from undisturbed ones")
        case.wrong += unlogged(self.home) + still_there(self.home) + list(self._remains())
        manifests = {(folder / MANIFEST).read_bytes() for folder in self.extracts}
        arrived = [path.read_bytes() for path in self.target.rglob(MANIFEST)]
        if sorted(arrived) != sorted(manifests):
            case.wrong.append(f"{len(arrived)} extracts at the target of {len(manifests)}")
        for action in ("extract.made", "delivery.sent"):
            told = Counter(entry["manifest_sha256"] for entry in log.entries(action))
            wanted = {hashlib.sha256(manifest).hexdigest(): 1 for manifest in manifests}
            # A folder that was made anew has an entry of each making; it goes out once.
            if action == "extract.made":
                told = Counter({sha256: told[sha256] for sha256 in wanted})
            if told != wanted:
                case.wrong.append(f"{action} is in the log {sorted(told.values())} times")

    def _remains(self) -> Iterator[str]:
        for path in [*(self.home.path / "extracts").rglob("*"), *self.target.rglob("*")]:
            if path.name.startswith((".new-", ".old-")) or path.suffix == ".part":
                yield f"left behind: {path}"
            if path.parent.name == ".lists":
                yield f"left behind: {path}"
        yield from (f"left behind: {path}" for path in (self.root / "tmp").iterdir())
        if (self.home.path / "audit" / "audit.new").exists():
            yield "left behind: audit.new"


def undisturbed(begun: Start, folder: Path) -> Undisturbed:
    """Make and deliver once, and note every point of both."""
    place = Place(begun, folder)
    points, seconds = {}, {}
    for command in COMMANDS:
        trace = folder / f"{command}.jsonl"
        ended = place.do(command, trace=trace)
        assert ended.code == 0, ended.err
        seconds[command] = ended.seconds
        points[command] = [json.loads(line) for line in trace.read_text("utf-8").splitlines()]
    case, whole = Case(), Undisturbed(place.content(), points, seconds)
    place.look_at_the_end(case, whole)
    assert case.wrong == [], case.wrong
    assert any(name.endswith(".age") for name in whole.content)
    return whole


def kill_and_go_on(
    begun: Start,
    whole: Undisturbed,
    plans: dict[str, Sequence[dict[str, Any]]],
    folder: Path,
) -> Case:
    """Kill each command at its points, one after another, then let it end, and look.

    Args:
        begun: what the home begins as.
        whole: the undisturbed one.
        plans: by command; one with `after_seconds` is killed by the clock, if it still runs.
        folder: scratch.
    """
    place, case = Place(begun, folder), Case()
    for command in COMMANDS:
        for plan in plans.get(command, ()):
            if "after_seconds" in plan:
                ended = place.do(command, after_seconds=plan["after_seconds"])
                where = {"kind": "clock", "what": f"{plan['after_seconds']:.2f} s"}
            else:
                ended = place.do(command, plan=plan)
                where = {name: plan[name] for name in ("kind", "when", "what")}
            if ended.killed:
                case.kills.append({"command": command, **where})
            elif ended.code or not ("after_seconds" in plan or case.killed(command)):
                # A restart has less to do, so that it may come to its end before a later point.
                case.wrong.append(f"{command} {where} was not reached: {ended.code} {ended.err}")
            place.look(case)
        ended = place.do(command)
        if ended.code:
            case.wrong.append(f"{command} ended with {ended.code} after all: {ended.err[-500:]}")
            return case
    again = place.do("deliver")
    if again.code or json.loads(again.out)["sent"]:
        case.wrong.append(f"another deliver was not at rest: {again.code} {again.out}")
    place.look_at_the_end(case, whole)
    return case


def at(points: Sequence[dict[str, Any]], kind: str, part: str, number: int = 0) -> dict[str, Any]:
    """Give the plan that kills before a point of a kind whose path has a part."""
    fitting = [p for p in points if p["kind"] == kind and part in p["what"]]
    return fitting[number] | {"when": "before"}


def spread(points: Sequence[dict[str, Any]], count: int, seed: int = 1) -> list[dict[str, Any]]:
    """Choose points evenly over a command, those that write before those that read."""
    chance = random.Random(seed)  # noqa: S311 - not for secrets
    changes = [p for p in points if p["kind"] not in ("statement", "open")]
    opened = [p for p in points if p["kind"] == "open"]
    asked = [p for p in points if p["kind"] == "statement"]
    parts = (changes, count // 2), (opened, count // 3), (asked, count - count // 2 - count // 3)
    chosen = [p for some, n in parts for p in chance.sample(some, min(n, len(some)))]
    plans = []
    for point in sorted(chosen, key=lambda p: int(p["at"])):
        plan = point | {"when": "before"}
        if point["kind"] in _BOUND:
            plan["when"] = chance.choice(["before", "during", "after"])
            plan["seconds"] = point["seconds"] * chance.random()
        plans.append(plan)
    return plans
