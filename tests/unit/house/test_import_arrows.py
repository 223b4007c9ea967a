"""The rooms of the house import only downwards (docs/architecture.md)."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
ROOMS = ("warehouse", "sources", "expectations", "matching", "publishing", "assets", "pipelines")

MAY_IMPORT: dict[str, set[str]] = {
    "warehouse": set(),
    "sources": {"warehouse"},
    "expectations": {"sources", "warehouse"},
    "matching": {"warehouse", "sources.identifiers"},
    "publishing": {"sources", "warehouse"},
    "assets": {"warehouse", "sources", "expectations", "matching", "publishing"},
    "pipelines": {"warehouse", "sources", "expectations", "matching", "publishing", "assets"},
}
NO_DAGSTER = {"warehouse", "sources", "expectations", "matching", "publishing"}


def imported(path: Path) -> set[str]:
    """Names that a module imports, `from a import b` as `a.b`."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return names


def modules() -> list[Path]:
    return sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))


def violations(room: str, names: set[str]) -> set[str]:
    allowed = MAY_IMPORT[room] | {room}
    return {
        name
        for name in names
        if name.split(".")[0] in ROOMS
        and not any(name == free or name.startswith(f"{free}.") for free in allowed)
    }


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_imports_only_what_its_room_may(path: Path) -> None:
    room = path.relative_to(ROOT).parts[0]
    names = imported(path)
    assert violations(room, names) == set()
    if room in NO_DAGSTER:
        assert not {name for name in names if name.split(".")[0].startswith("dagster")}


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_is_one_thing_and_says_what(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count("\n") <= 450
    if text.strip():
        assert ast.get_docstring(ast.parse(text)), "a module opens with what belongs in it"


def test_the_rule_itself_catches_a_wrong_way() -> None:
    assert violations("warehouse", {"sources.contracts.load_contracts"})
    assert violations("matching", {"sources.contracts.load_contracts"})
    assert not violations("matching", {"sources.identifiers.check_nik", "warehouse.storage.count"})
    assert violations("sources", {"assets"})
