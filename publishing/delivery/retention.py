"""Retention: extracts are deleted when their contract's time is over, and that is proven.

Belongs here: which extracts are too old, deleting them here, and the entry that says so. Does
not belong here: what recipients keep; their contract binds them.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

from publishing.audit import AuditLog
from publishing.extracts.contracts import load_extract_contracts
from publishing.extracts.folder import MANIFEST
from publishing.extracts.making import extracts_root
from publishing.signing import Signer
from warehouse.connection import check_period
from warehouse.home import Home


def retire(home: Home, as_of: str, signer: Signer | None = None) -> int:
    """Delete every extract whose contract keeps it no longer.

    The entry in the audit log is written before the files go, so that a crash leaves an entry
    without a deletion, which the next run completes, and never a deletion without an entry.

    Args:
        home: whose extracts are looked at.
        as_of: the month now, `YYYY-MM`; a parameter, not the clock.
        signer: signs the head of the audit log; the home's own key where left out.

    Returns:
        The number of extracts deleted.
    """
    check_period(as_of)
    root, audit = extracts_root(home), AuditLog(home, signer)
    months = {c.folder: c.retention_months for c in load_extract_contracts().values()}
    doomed = []
    for path in sorted([*root.glob(f"*/*/{MANIFEST}"), *root.glob(f"*/*/*/{MANIFEST}")]):
        content = path.read_bytes()
        manifest = json.loads(content)
        kept = months.get(manifest["contract"]["name"], min(months.values()))
        if _months(as_of) - _months(manifest["period"]) > kept:
            doomed.append((path.parent, manifest, hashlib.sha256(content).hexdigest(), kept))
    audit.add(
        [
            {
                "action": "retention.deleted",
                "recipient": manifest["recipient"]["key"],
                "period": manifest["period"],
                "publication": manifest["publication"],
                "manifest_sha256": sha256,
                "kept_months": kept,
                "files": {f["name"]: f["sha256"] for f in manifest["files"]},
            }
            for _, manifest, sha256, kept in doomed
        ]
    )
    for folder, *_ in doomed:
        _delete(folder, root)
    return len(doomed)


def still_there(home: Home) -> list[str]:
    """Give what is on disk though the log says that it was deleted; nothing if all is well."""
    deleted = {e["manifest_sha256"] for e in AuditLog(home).entries("retention.deleted")}
    root = extracts_root(home)
    return [
        f"{path.parent} is there, though the audit log says that it was deleted"
        for path in [*root.glob(f"*/*/{MANIFEST}"), *root.glob(f"*/*/*/{MANIFEST}")]
        if hashlib.sha256(path.read_bytes()).hexdigest() in deleted
    ]


def unlogged(home: Home) -> list[str]:
    """Give what is on disk and not in the audit log; nothing if all is well.

    An extract whose making was killed before its entry is among them: the next `cakupan extract`
    makes it anew. Everything else means that entries were taken away.
    """
    log, root = AuditLog(home), extracts_root(home)
    made = {e["manifest_sha256"] for e in log.entries("extract.made")}
    named = {e.get("index") for e in log.entries("extract.list")}
    indexes = sorted(log.indexes.glob("*.parquet")) if log.indexes.is_dir() else []
    folders = [
        path.parent
        for path in [*root.glob(f"*/*/{MANIFEST}"), *root.glob(f"*/*/*/{MANIFEST}")]
        if hashlib.sha256(path.read_bytes()).hexdigest() not in made
    ]
    return [
        f"{path} is not in the audit log: if `cakupan extract` was killed, run it again; if not, "
        "entries were taken away"
        for path in [*folders, *(index for index in indexes if index.name not in named)]
    ]


def _delete(folder: Path, root: Path) -> None:
    shutil.rmtree(folder)
    parent = folder.parent
    while parent != root and not any(parent.iterdir()):
        parent.rmdir()
        parent = parent.parent


def _months(period: str) -> int:
    year, month = period.split("-")
    return int(year) * 12 + int(month)
