"""Every check has an entry in the runbook, so that nobody stands before a red mark alone."""

from __future__ import annotations

from pathlib import Path

from pipelines import definitions
from warehouse.home import Home

RUNBOOK = Path(__file__).parents[3] / "docs" / "guides" / "runbook.md"


def test_every_check_and_the_failed_run_have_an_entry(tmp_path: Path) -> None:
    graph = definitions.build(Home(tmp_path)).resolve_asset_graph()
    names = {node.key.name for node in graph.asset_check_nodes}
    entries = {
        line.removeprefix("## ").strip()
        for line in RUNBOOK.read_text(encoding="utf-8").splitlines()
        if line.startswith("## ")
    }
    assert len(names) > 8
    assert names <= entries, names - entries
    assert "run_failed" in entries
