"""Publication folders: their names, the pointer to the one in force, and how long they stay.

Belongs here: `published/<period>-<n>/`, the link `published/current`, retention and the
remains of runs that were killed. Does not belong here: what is in a publication.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import uuid
from dataclasses import dataclass
from pathlib import Path

from warehouse.home import show

WAREHOUSE_FILE = "cakupan.duckdb"
RELEASE_FILE = "release.duckdb"
"""Where the tables after disclosure control will lie, beside the exact ones."""

MANIFEST_FILE = "publication.json"
_NAME = re.compile(r"(\d{4}-\d{2})-(\d+)")
_UNFINISHED = ".new-"
_DOOMED = ".old-"


@dataclass(frozen=True, order=True)
class Folder:
    """One publication on disk; the order of folders is that of period, then number."""

    period: str
    number: int
    path: Path

    @property
    def name(self) -> str:
        """`<period>-<n>`."""
        return f"{self.period}-{self.number}"

    @property
    def warehouse(self) -> Path:
        """The published database."""
        return self.path / WAREHOUSE_FILE

    @property
    def sequence(self) -> int:
        """How many publications were made before this one, of any period."""
        manifest = json.loads((self.path / MANIFEST_FILE).read_text("utf-8"))
        return int(manifest["sequence"])


def publications(published: Path) -> list[Folder]:
    """List complete publications, the lowest period and number first."""
    found = []
    for path in published.iterdir() if published.is_dir() else ():
        match = _NAME.fullmatch(path.name)
        if match and _has_manifest(path) and (path / WAREHOUSE_FILE).is_file():
            found.append(Folder(match[1], int(match[2]), path))
    return sorted(found)


def latest_made(published: Path) -> Folder | None:
    """Give the publication that was made last; it holds every period at its newest version."""
    return max(publications(published), key=lambda folder: folder.sequence, default=None)


def next_number(published: Path, period: str) -> int:
    """Give the number that the next publication of a period takes.

    One whose manifest was lost is no publication any more, but its folder still has its number.
    """
    names = [path.name for path in published.iterdir()] if published.is_dir() else []
    taken = [int(match[2]) for name in names if (match := _NAME.fullmatch(name))
             and match[1] == period]  # fmt: skip
    return 1 + max(taken, default=0)


def _has_manifest(path: Path) -> bool:
    try:
        return isinstance(json.loads((path / MANIFEST_FILE).read_text("utf-8"))["sequence"], int)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def unfinished(published: Path) -> Path:
    """Make an empty folder for a publication that is being written.

    Whatever an earlier run left behind goes first: the caller holds the run lock, so nobody
    is at work there.
    """
    published.mkdir(parents=True, exist_ok=True)
    discard_unfinished(published)
    folder = published / f"{_UNFINISHED}{uuid.uuid4().hex[:12]}"
    folder.mkdir()
    return folder


def discard_unfinished(published: Path) -> None:
    """Delete what is half-written or half-deleted."""
    for path in published.iterdir():
        if path.name.startswith((_UNFINISHED, _DOOMED)):
            _remove(path)


def finish(folder: Path, published: Path, period: str, number: int) -> Folder:
    """Give a written publication its name, and point `current` at the newest one."""
    for path in sorted(folder.rglob("*")):
        _sync(path)
    show(folder)
    target = published / f"{period}-{number}"
    folder.rename(target)
    point(published)
    return Folder(period, number, target)


def point(published: Path) -> None:
    """Point `current` at the newest publication, where it does not yet."""
    newest = publications(published)[-1]
    current = published / "current"
    if current.is_symlink() and current.readlink() == Path(newest.path.name):
        return
    link = published / f"{_UNFINISHED}{uuid.uuid4().hex[:12]}"
    link.symlink_to(newest.path.name)
    # A rename over the old link is atomic: readers see the old publication or the new one.
    link.replace(current)
    _sync(published)


def retire(published: Path, keep: int) -> list[str]:
    """Delete the oldest publications beyond `keep`, never the last of the newest period.

    Readers that hold a deleted file open are undisturbed.

    Returns:
        Names of the publications that went.
    """
    folders = sorted(publications(published), key=lambda folder: folder.sequence)
    current = (published / "current").resolve()
    gone = []
    for folder in folders[: max(len(folders) - keep, 0)]:
        if folder.path.resolve() != current:
            doomed = published / f"{_DOOMED}{folder.name}"
            folder.path.rename(doomed)
            _remove(doomed)
            gone.append(folder.name)
    return gone


def _remove(path: Path) -> None:
    if path.is_symlink() or path.is_file():
        path.unlink()
    else:
        shutil.rmtree(path)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
