"""The store of kept deliveries: immutable folders in the home, one per version.

Belongs here: versions, the copy, and the record beside it. Does not belong here: where a
delivery comes from (deliveries, databases) or what becomes of its rows (landing).
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import duckdb
import pyrage

from sources import ledger
from sources.contracts import Contract
from sources.ledger import Kept, KeptFile, SourceKind
from warehouse import at_rest
from warehouse.connection import check_period
from warehouse.home import Home

RECORD = "delivery.json"
"""Name of the record beside the kept files; a delivered file of that name is refused."""
_BLOCK = 1 << 20


def content_hash(file_hashes: Sequence[str]) -> str:
    """Identify the content of several files, whatever their names and order."""
    return hashlib.sha256("\n".join(sorted(file_hashes)).encode()).hexdigest()


def keep_content(
    con: duckdb.DuckDBPyConnection,
    home: Home,
    contract: Contract,
    period: str,
    files: tuple[KeptFile, ...],
    content: str,
    source_kind: SourceKind,
    fill: Callable[[Path], None],
) -> Kept:
    """Give content its version, copying it unless it is kept already.

    Args:
        con: the warehouse.
        home: receives the folder.
        contract: the dataset's.
        period: month `YYYY-MM`.
        files: what `fill` puts into the folder.
        content: identifies the content.
        source_kind: where it came from.
        fill: writes the files into the (temporary) folder it is given.
    """
    parent = home.deliveries / contract.key / check_period(period)
    entries = ledger.entries(con, contract.key, period)
    accepted = [entry for entry in entries if entry.state == "accepted"]
    if accepted and accepted[-1].content_sha256 == content:
        folder = parent / f"v{accepted[-1].version}"
        version = accepted[-1].version
        return Kept(contract.key, period, version, False, folder, files, content, source_kind)
    versions = _kept_versions(parent)
    latest = max([*versions, *(entry.version for entry in entries)], default=0)
    settled = {entry.version for entry in accepted}
    if latest in versions and latest not in settled:
        # Kept by a run that was killed, or refused before: the same content takes its place
        # again, so that neither reruns nor repeated refusals count versions up.
        known = read_kept(parent / f"v{latest}")
        if known is not None and (known.content_sha256, known.files) == (content, files):
            return known
    kept = Kept(
        contract.key, period, latest + 1, True, parent / f"v{latest + 1}", files, content,
        source_kind,
    )  # fmt: skip
    _write(kept, fill, at_rest.deliveries_identity(home))
    return kept


def _write(
    kept: Kept, fill: Callable[[Path], None], identity: pyrage.x25519.Identity | None
) -> None:
    parent = kept.folder.parent
    parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    parent.parent.chmod(0o700)
    for left in parent.glob(".incoming-*"):  # of a run that was killed
        shutil.rmtree(left)
    folder = Path(tempfile.mkdtemp(prefix=".incoming-", dir=parent))
    try:
        fill(folder)
        record = {
            "dataset": kept.dataset,
            "period": kept.period,
            "version": kept.version,
            "source_kind": kept.source_kind,
            "content_sha256": kept.content_sha256,
            "files": [vars(file) for file in kept.files],
        }
        (folder / RECORD).write_text(json.dumps(record, indent=1), encoding="utf-8")
        at_rest.seal_folder(folder, [file.name for file in kept.files], identity)
        for path in folder.iterdir():
            path.chmod(0o400)
        folder.rename(kept.folder)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _kept_versions(parent: Path) -> list[int]:
    names = [p.name for p in parent.iterdir()] if parent.is_dir() else []
    return sorted(int(name[1:]) for name in names if re.fullmatch(r"v\d+", name))


def read_kept(folder: Path) -> Kept | None:
    """Read the record of a kept delivery, or None where the folder has none."""
    try:
        record = json.loads((folder / RECORD).read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return Kept(
        record["dataset"],
        record["period"],
        record["version"],
        True,
        folder,
        tuple(KeptFile(**file) for file in record["files"]),
        record["content_sha256"],
        record["source_kind"],
    )


def kept_deliveries(home: Home) -> list[Kept]:
    """List every kept delivery, oldest version first: what a lost warehouse is rebuilt from."""
    found = [read_kept(folder) for folder in home.deliveries.glob("*/*/v*")]
    return sorted((kept for kept in found if kept), key=lambda k: (k.dataset, k.period, k.version))


def copy_file(source: Path, target: Path | None) -> tuple[str, int]:
    """Read a file, never through a link, and write it where a target is given.

    Returns:
        Its sha256 and size.
    """
    digest, size = hashlib.sha256(), 0
    with os.fdopen(os.open(source, os.O_RDONLY | os.O_NOFOLLOW), "rb") as stream:
        out = target.open("xb") if target else None
        try:
            while block := stream.read(_BLOCK):
                digest.update(block)
                size += len(block)
                if out:
                    out.write(block)
        finally:
            if out:
                out.close()
    return digest.hexdigest(), size
