"""What is told, and that it is told once."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest

from pipelines import alerts
from pipelines.alerts import RUN_FAILED, Item, alert
from warehouse.home import Home
from warehouse.settings import AlertSettings

QUIET = AlertSettings()
LATE = Item("nothing_late", "landing/arrivals", "x 2026-10 terlambat 3 hari (batas 2026-11-09)")
DRIFT = Item("as_before", "quality/drift", "a list has moved")


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home").ensure()


def _tell(home: Home, run_id: str, *items: Item, failed: bool = False, **others: Any) -> bool:
    facts = {"job": "period", "period": "2026-10"} | others
    return alert(home, QUIET, run_id=run_id, items=items, failed=failed, **facts)


def _lines(home: Home) -> list[dict[str, Any]]:
    path = home.path / "alerts.jsonl"
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_a_run_is_told_once_whoever_sees_it(home: Home) -> None:
    down = Item(RUN_FAILED, "landing", "down")
    assert [_tell(home, "r1", down, failed=True) for _ in range(2)] == [True, False]
    assert _tell(home, "r2", down, failed=True) is True
    assert [line["run_id"] for line in _lines(home)] == ["r1", "r2"]
    assert _lines(home)[0]["messages"] == ["landing: down"]
    for name in ("alerts.jsonl", "alerts-state.json"):
        assert (home.path / name).stat().st_mode & 0o077 == 0


def test_two_observers_at_once_tell_once(home: Home) -> None:
    told: list[bool] = []
    threads = [
        threading.Thread(target=lambda: told.append(_tell(home, "r1", DRIFT))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(told) == [False] * 7 + [True]
    assert len(_lines(home)) == 1


def test_a_warning_that_stands_is_told_again_only_when_it_came_back(home: Home) -> None:
    assert _tell(home, "r1", DRIFT, LATE) is True
    later = Item(LATE.kind, LATE.subject, LATE.message.replace("3 hari", "4 hari"))
    assert _tell(home, "r2", DRIFT, later) is False
    assert _tell(home, "r3", LATE) is False
    assert _tell(home, "r4", DRIFT, LATE) is True
    assert [item["kind"] for item in _lines(home)[-1]["items"]] == ["as_before"]


def test_months_and_jobs_do_not_hide_each_other(home: Home) -> None:
    assert _tell(home, "r1", DRIFT) is True
    assert _tell(home, "r2", DRIFT, period="2026-11") is True
    assert _tell(home, "r3", DRIFT, job="publish") is True


def test_a_failed_run_tells_its_warnings_too(home: Home) -> None:
    _tell(home, "r1", DRIFT)
    assert _tell(home, "r2", Item(RUN_FAILED, "spine", "stopped"), DRIFT, failed=True) is True
    line = _lines(home)[-1]
    assert (line["severity"], len(line["items"])) == ("error", 2)


def test_nothing_wrong_is_nothing_told(home: Home) -> None:
    assert _tell(home, "r1") is False
    assert not (home.path / "alerts.jsonl").exists()


def test_a_damaged_state_loses_no_alert(home: Home) -> None:
    _tell(home, "r1", DRIFT)
    (home.path / "alerts-state.json").write_text("{]")
    assert _tell(home, "r2", DRIFT) is True


def test_a_file_that_cannot_be_written_fails_nothing(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    log: list[str] = []
    sent: list[object] = []
    monkeypatch.setattr(alerts, "send", lambda *arguments: sent.append(arguments))
    (home.path / "alerts.jsonl").mkdir()
    facts: dict[str, Any] = {"run_id": "r", "job": "period", "period": "2026-10"}
    assert alert(home, QUIET, items=[DRIFT], failed=False, log=log.append, **facts) is True
    assert log == ["alerts: alerts.jsonl could not be written (IsADirectoryError)"]
    assert len(sent) == 1


def test_a_link_to_the_run_where_the_ui_has_an_address() -> None:
    told = AlertSettings(ui_url="https://ui.example.go.id/", runbook="https://d/runbook/")
    assert told.run_url("r1") == "https://ui.example.go.id/runs/r1"
    assert told.run_url("") is None
    assert QUIET.run_url("r1") is None
    assert told.runbook_entry("volume") == "https://d/runbook/#volume"
