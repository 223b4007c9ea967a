"""What lies in the inbox, as a signature, and which of it a run has taken in.

Belongs here: telling whether something new has arrived, without opening the warehouse. Does
not belong here: which delivery is complete or good (sources/deliveries.py).
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from pathlib import Path

from warehouse.home import Home

_PERIOD = re.compile(r"(?:19|20)\d{2}-(?:0[1-9]|1[0-2])")
_SEEN = "inbox-seen.json"


def resolve_inbox(folder: Path) -> Path:
    """Give the inbox of a folder that is one, or that holds one under the name `inbox`."""
    inner = folder / "inbox"
    return inner if inner.is_dir() else folder


def periods_in(inbox: Path, datasets: set[str]) -> list[str]:
    """Give the months for which any dataset has a folder in the inbox."""
    return sorted(
        {
            entry.name
            for dataset in datasets
            if (inbox / dataset).is_dir()
            for entry in (inbox / dataset).iterdir()
            if entry.is_dir() and _PERIOD.fullmatch(entry.name)
        }
    )


def signature(inbox: Path, datasets: set[str], period: str) -> str:
    """Give a signature of what the inbox holds for a month.

    It rests on names, sizes and times of change: to read gigabytes at every look would cost
    more than a run that finds nothing new, which is what a touched file leads to.

    Returns:
        A hex digest, empty where there is no file.
    """
    digest = hashlib.sha256()
    found = False
    for dataset in sorted(datasets):
        for path in _files(inbox / dataset / period):
            status = path.stat()
            digest.update(
                f"{dataset}/{path.name}\0{status.st_size}\0{status.st_mtime_ns}\n".encode()
            )
            found = True
    return digest.hexdigest() if found else ""


def settled(inbox: Path, datasets: set[str], period: str, settle_seconds: int) -> bool:
    """Tell whether nothing in a month's folders has changed within the settle time.

    A delivery that says itself that it is whole (`manifest.json`, `_SUCCESS`) need not wait.
    """
    now = time.time()
    for dataset in datasets:
        files = _files(inbox / dataset / period)
        if {path.name for path in files} & {"manifest.json", "_SUCCESS"}:
            continue
        if any(now - path.stat().st_mtime < settle_seconds for path in files):
            return False
    return True


def seen(home: Home) -> dict[str, str]:
    """Give the signatures that runs have taken in, by month."""
    try:
        known = json.loads((home.dagster / _SEEN).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        # Lost or damaged: a run more, which finds nothing new.
        return {}
    return known if isinstance(known, dict) else {}


def remember(home: Home, period: str, taken: str) -> None:
    """Note that a run takes in the inbox of a month as it is now."""
    known = seen(home) | {period: taken}
    path = home.dagster / _SEEN
    draft = path.with_suffix(".new")
    draft.write_text(json.dumps(known, indent=1, sort_keys=True), encoding="utf-8")
    draft.replace(path)


def _files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(
        entry for entry in folder.iterdir() if entry.is_file() and not entry.name.startswith(".")
    )
