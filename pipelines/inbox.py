"""What lies in the inbox, as a signature, and which of it a run has taken in.

Belongs here: telling whether something new has arrived, without opening the warehouse. Does
not belong here: which delivery is complete or good (sources/deliveries.py).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from sources.contracts import Contract
from sources.deliveries import MANIFEST, Discovery, discover, periods
from warehouse.home import Home

_SEEN = "inbox-seen.json"


def periods_in(inbox: Path, contracts: Mapping[str, Contract]) -> list[str]:
    """Give the months for which any dataset has a folder in the inbox."""
    return sorted({month for months in periods(inbox, contracts).values() for month in months})


def look(
    inbox: Path, contracts: Mapping[str, Contract], period: str, settle_seconds: float
) -> tuple[str, Discovery]:
    """Look at what the inbox holds for a month.

    Returns:
        A signature of the complete deliveries, empty where there is none, and what was
        found. The signature rests on names, sizes and times of change: to read gigabytes at
        every look would cost more than a run that finds nothing new, which is all that a
        touched file leads to.
    """
    seen_now = discover(inbox, contracts, period, settle_seconds)
    digest = hashlib.sha256()
    for dataset, found in sorted(seen_now.found.items()):
        digest.update(f"{dataset}\0{found.problem}\n".encode())
        for name in (*found.files, MANIFEST):
            path = found.folder / name
            if path.is_file():
                status = path.stat()
                digest.update(f"{name}\0{status.st_size}\0{status.st_mtime_ns}\n".encode())
    return (digest.hexdigest() if seen_now.found else ""), seen_now


def seen(home: Home) -> dict[str, str]:
    """Give the signatures that runs have taken in, by month."""
    try:
        known = json.loads((home.dagster / _SEEN).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        # Lost or damaged: a run more, which finds nothing new.
        return {}
    return known if isinstance(known, dict) else {}


def remember(home: Home, period: str, signature: str) -> None:
    """Note that a run has taken in the inbox of a month as this signature tells it."""
    known = seen(home) | {period: signature}
    path = home.dagster / _SEEN
    draft = path.with_suffix(".new")
    draft.write_text(json.dumps(known, indent=1, sort_keys=True), encoding="utf-8")
    draft.replace(path)
