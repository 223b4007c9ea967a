"""Fault 36 in what leaves the house: extracts that are killed while made, and while delivered."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

# The small publication and the persons of its lists are those of the tests of extracts.
sys.path.append(str(Path(__file__).parents[1] / "unit" / "extracts"))

from harness import handing


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> handing.Start:
    return handing.make_start(tmp_path_factory.mktemp("begun"))


@pytest.fixture(scope="module")
def whole(begun: handing.Start, tmp_path_factory: pytest.TempPathFactory) -> handing.Undisturbed:
    return handing.undisturbed(begun, tmp_path_factory.mktemp("whole"))


@pytest.mark.fault(36, "killed while extracts are made and delivered")
def test_36_a_killed_handing_over_is_whole_and_once_in_the_end(
    begun: handing.Start, whole: handing.Undisturbed, tmp_path: Path, shown
) -> None:
    made, sent = whole.points["extract"], whole.points["deliver"]
    plans = {
        # Between the folder's name and the log's entry: it is made anew, what was kept of who
        # is in its lists goes.
        "extract": [handing.at(made, "open", "audit/audit.new")],
        # With half of the files at the target, and with all of them and no manifest yet.
        "deliver": [
            handing.at(sent, "open", ".csv.part"),
            handing.at(sent, "open", "manifest.json"),
        ],
    }
    case = handing.kill_and_go_on(begun, whole, plans, tmp_path)
    assert case.wrong == []
    assert len(case.kills) == 3
    assert case.files > 100
    shown(
        "killed before the log has its entry, with half of the files sent and before the manifest "
        "is: no folder looks whole that is not, nothing in clear lies about, and the restart "
        "leaves one extract, sent once and logged"
    )
