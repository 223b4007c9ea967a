"""Worlds and homes that whole-pipeline tests share; each is made once in a test session."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from driving import FIRST, SECOND, SHORTLY, SMALL_PEOPLE, Lived, cakupan, run


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two months of a small world: files, and two datasets in a database."""
    out = tmp_path_factory.mktemp("world")
    answer = cakupan(
        "sample", "--people", SMALL_PEOPLE, "--seed", 7, "--period", SECOND, "--months", 2,
        "--out", out, "--database", "siinas_companies", "--database", "siinas_workers",
    )  # fmt: skip
    assert answer.exit_code == 0, answer.err
    # The programs that attack a release have tests of their own; here they take a moment.
    with (out / "settings.yaml").open("a", encoding="utf-8") as file:
        file.write(SHORTLY)
    return out


@pytest.fixture(scope="session")
def lived(world: Path, tmp_path_factory: pytest.TempPathFactory) -> Lived:
    """A home with both months run. Tests must not change it; `a_copy` gives one to change."""
    home = tmp_path_factory.mktemp("lived")
    settings = ("--settings", world / "settings.yaml")
    first = run(home, world / "inbox", FIRST, *settings)
    second = run(home, world / "inbox", SECOND, *settings)
    return Lived(home, world, first, second)


@pytest.fixture
def a_copy(lived: Lived, tmp_path: Path) -> Lived:
    """A copy of the lived home, to be changed."""
    home = tmp_path / "home"
    shutil.copytree(lived.home, home, symlinks=True)
    return Lived(home, lived.world, lived.first, lived.second)
