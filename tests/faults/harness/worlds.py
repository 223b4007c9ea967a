"""A tiny world with all lists, and a home that has lived one month of it.

Belongs here: making and copying them. Does not belong here: what is done to them.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from harness.children import call
from sources.world import generate

PEOPLE, SEED = 1_000, 15
FIRST, SECOND = "2026-10", "2026-11"
# Two threads for each child; the programs that attack a release have tests of their own.
SETTINGS = "publication: {program_seconds: 0}\nengine: {threads: 2, memory_limit: 1GB}\n"


@dataclass(frozen=True)
class World:
    """Deliveries of two months and the settings that go with them.

    Attributes:
        path: the folder of the world.
    """

    path: Path

    @property
    def inbox(self) -> Path:
        """The file drops."""
        return self.path / "inbox"

    @property
    def settings(self) -> Path:
        """The settings file."""
        return self.path / "settings.yaml"

    def run(self, home: Path, period: str = SECOND, *more: object) -> list[object]:
        """Give the arguments that run a month on a home."""
        return [
            "run", "--home", home, "--inbox", self.inbox, "--period", period,
            "--settings", self.settings, "--json", *more,
        ]  # fmt: skip


def make_world(path: Path) -> World:
    """Make the world, two datasets of it in a database."""
    generate(
        path, people=PEOPLE, seed=SEED, period=SECOND, months=2,
        databases=("siinas_companies", "siinas_workers"),
    )  # fmt: skip
    with (path / "settings.yaml").open("a", encoding="utf-8") as file:
        file.write(SETTINGS)
    return World(path)


def lived_home(world: World, home: Path, scratch: Path) -> Path:
    """Run the first month on a new home."""
    ended = call(scratch, world.run(home, FIRST))
    assert ended.code == 0, ended.err
    return home


def copy_home(home: Path, target: Path) -> Path:
    """Copy a home that nobody writes to."""
    shutil.copytree(home, target, symlinks=True)
    return target
