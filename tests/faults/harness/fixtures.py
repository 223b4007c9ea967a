"""Homes that several fault tests share; each is made once in a test session.

Belongs here: fixtures that run the pipeline. Does not belong here: tests, and homes to be changed,
which are copies of these.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from harness import kill
from harness.children import call
from harness.fewer import few_world, leave_out
from harness.worlds import FIRST, World


@pytest.fixture(scope="session")
def small_world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Two months of a few datasets."""
    return few_world(tmp_path_factory.mktemp("small") / "world")


@pytest.fixture(scope="session")
def one_month(small_world: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with the first month published; tests copy it."""
    folder = tmp_path_factory.mktemp("one-month")
    ended = call(folder / "run", small_world.run(folder / "home", FIRST), before=leave_out)
    assert ended.code == 0, ended.err
    return folder / "home"


@pytest.fixture(scope="session")
def two_months(
    small_world: World, one_month: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, kill.Undisturbed]:
    """A home with both months published and undisturbed, and the points of the second run."""
    folder = tmp_path_factory.mktemp("two-months")
    whole = kill.undisturbed(
        small_world, one_month, folder / "home", folder / "run", before=leave_out
    )
    return folder / "home", whole
