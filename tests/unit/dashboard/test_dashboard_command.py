"""The command and the asset that make the page."""

from __future__ import annotations

import json
import webbrowser
from pathlib import Path

import duckdb
import pytest
from typer.testing import CliRunner

from assets import dashboard
from assets.stage import Stage
from pipelines.cli import app
from tests.releases import NAME, write_release
from warehouse.home import Home
from warehouse.settings import Settings


@pytest.fixture
def place(tmp_path: Path) -> Home:
    home = Home(tmp_path / "home").ensure()
    write_release(home.published)
    return home


def test_the_command_makes_the_newest_page_and_opens_it(
    place: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr(webbrowser, "open", opened.append)
    made = CliRunner().invoke(app, ["dashboard", "--home", str(place.path), "--open"])
    assert made.exit_code == 0, made.output
    page = place.published / NAME / "dasbor.html"
    assert page.is_file()
    assert f"Dasbor publikasi {NAME}" in made.output
    assert opened == [page.as_uri()]
    told = CliRunner().invoke(
        app, ["dashboard", "--home", str(place.path), "--period", "2026-10", "--json"]
    )
    assert json.loads(told.stdout)["pages"][0]["publication"] == NAME


def test_the_command_says_what_is_missing(tmp_path: Path) -> None:
    home = str(tmp_path / "empty")
    nothing = CliRunner().invoke(app, ["dashboard", "--home", home])
    assert nothing.exit_code == 4
    absent = CliRunner().invoke(app, ["dashboard", "--home", home, "--period", "2026-10"])
    assert absent.exit_code == 4
    wrong = CliRunner().invoke(app, ["dashboard", "--home", home, "--period", "October"])
    assert wrong.exit_code == 2


def test_the_asset_tells_what_was_made(place: Home) -> None:
    with duckdb.connect() as con:
        stage = Stage(con, place, Settings(), {}, place.inbox)
        told = dashboard._make(stage, "2026-10").metadata
    assert told
    assert told["publication"] == NAME
    assert told["months"] == "2026-10, 2026-09, 2026-08"
    assert told["pages"] == 1
