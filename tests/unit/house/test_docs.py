"""Documents say what the code says, and their links lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pipelines.cli import app
from sources.contracts import read_contract
from warehouse.settings import CoverageSettings

ROOT = Path(__file__).parents[3]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.mark.parametrize(("command", "name"), [("page", "datasets.md"), ("clauses", "clauses.md")])
def test_pages_of_the_contracts_are_up_to_date(command: str, name: str, tmp_path: Path) -> None:
    written = CliRunner().invoke(app, ["contracts", command, "--home", str(tmp_path)])
    assert written.exit_code == 0
    page = (ROOT / "docs" / name).read_text("utf-8")
    assert page == written.stdout, f"write it anew: cakupan contracts {command} > docs/{name}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text("utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), target


def test_the_example_contract_of_the_guide_is_valid(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "contracts.md").read_text("utf-8")
    file = tmp_path / "market_traders.yaml"
    file.write_text(text.split("```yaml")[1].split("```")[0], "utf-8")
    assert read_contract(file).sector == "G"


def test_the_definitions_name_every_parameter() -> None:
    text = (ROOT / "docs" / "definitions.md").read_text("utf-8")
    for name in CoverageSettings.model_fields:
        assert f"`{name}`" in text, name
