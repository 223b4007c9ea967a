"""One publication with a release, made once for all tests of the extracts."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from extract_world import make_publication

from warehouse.home import Home


@pytest.fixture(scope="session")
def published_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = Home(tmp_path_factory.mktemp("release") / "home").ensure()
    make_publication(home)
    return home.path


@pytest.fixture
def released(tmp_path: Path, published_once: Path) -> Home:
    """A home of its own with that publication."""
    shutil.copytree(published_once, tmp_path / "home")
    return Home(tmp_path / "home").ensure()
