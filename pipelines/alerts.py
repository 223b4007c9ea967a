"""Telling that a run failed, to the log and to the home's `alerts.jsonl`.

Belongs here: one line per failed run, without personal values. Does not belong here: where
alerts go from there; a deployment's own watcher reads the file.
"""

from __future__ import annotations

import datetime as dt
import json
import os
from collections.abc import Iterable
from pathlib import Path

from warehouse.home import Home


def alerts_file(home: Home) -> Path:
    """Give the file that alerts are appended to, one JSON object a line."""
    return home.path / "alerts.jsonl"


def alert(home: Home, *, run_id: str, job: str, period: str, messages: Iterable[str]) -> bool:
    """Append an alert for a failed run, unless it has one already.

    The command line and the failure sensor may both see the same run fail.

    Returns:
        Whether the alert was new.
    """
    path = alerts_file(home)
    if path.exists() and f'"run_id": "{run_id}"' in path.read_text(encoding="utf-8"):
        return False
    line = {
        "at": dt.datetime.now().astimezone().isoformat(timespec="seconds"),
        "run_id": run_id,
        "job": job,
        "period": period,
        "messages": list(messages),
    }
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    with os.fdopen(descriptor, "a", encoding="utf-8") as file:
        file.write(json.dumps(line, ensure_ascii=False) + "\n")
    return True
