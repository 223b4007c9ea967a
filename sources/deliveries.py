"""Finding deliveries in an inbox, and keeping them exactly as they came.

Belongs here: what makes a delivery complete, its manifest, versions, and the immutable copy.
Does not belong here: opening the files (sources/files), their rows (sources/landing.py).
"""

from __future__ import annotations

import hashlib
import json
import re
import stat
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import duckdb

from sources import ledger
from sources.contracts import Contract
from sources.keeping import RECORD, content_hash, copy_file, keep_content
from sources.ledger import Kept, KeptFile
from warehouse.connection import check_period
from warehouse.errors import DataRefused, UsageError
from warehouse.home import Home

Log = Callable[[str], None]

MANIFEST = "manifest.json"
SUCCESS = "_SUCCESS"
MAX_MANIFEST_BYTES = 4 << 20
_TEMPORARY = re.compile(
    r"^(\.|_|~\$)|(\.(tmp|temp|part|partial|filepart|crdownload|swp|lock|writing)|~)$", re.I
)
_PERIOD_FOLDER = re.compile(r"\d{4}-\d{2}")


def silent(_message: str) -> None:
    """Log nothing."""


@dataclass(frozen=True)
class Promise:
    """What a manifest says of one file."""

    rows: int | None = None
    sha256: str | None = None


@dataclass(frozen=True)
class Found:
    """A complete delivery in the inbox.

    Attributes:
        dataset: contract key.
        period: month it is for.
        folder: where it lies.
        files: names of its data files, sorted.
        manifest: promise by file name, None where there is no manifest.
        problem: code and message where the delivery must be refused as it lies.
        warnings: what was left out, for the log.
    """

    dataset: str
    period: str
    folder: Path
    files: tuple[str, ...]
    manifest: Mapping[str, Promise] | None = None
    problem: tuple[str, str] | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Discovery:
    """What lies in an inbox for one period.

    Attributes:
        found: complete deliveries by dataset.
        waiting: dataset to why its delivery is not complete yet.
        unknown: folders that belong to no dataset.
    """

    found: dict[str, Found] = field(default_factory=dict)
    waiting: dict[str, str] = field(default_factory=dict)
    unknown: tuple[str, ...] = ()


def inbox_root(inbox: Path) -> Path:
    """Give the folder that holds the datasets: `inbox` itself or the `inbox/` within it."""
    return inbox / "inbox" if (inbox / "inbox").is_dir() else inbox


def periods(inbox: Path, contracts: Mapping[str, Contract]) -> dict[str, tuple[str, ...]]:
    """List the periods for which an inbox has folders, by dataset."""
    root = inbox_root(inbox)
    listed = {}
    for key in contracts:
        folder = root / key
        if folder.is_dir() and not folder.is_symlink():
            names = sorted(p.name for p in folder.iterdir() if _PERIOD_FOLDER.fullmatch(p.name))
            if names:
                listed[key] = tuple(names)
    return listed


def discover(
    inbox: Path, contracts: Mapping[str, Contract], period: str, settle_seconds: float = 0
) -> Discovery:
    """Find the deliveries of one period.

    Args:
        inbox: holds `<dataset>/<period>/` folders, or a folder `inbox` that does.
        contracts: the datasets known.
        period: month `YYYY-MM`.
        settle_seconds: a delivery without `_SUCCESS` and manifest is complete once its files
            have not changed for so long; 0 takes what lies there as complete.

    Returns:
        Complete deliveries, those still waited for, and folders of no known dataset.

    Raises:
        UsageError: the inbox does not exist, or the period is no month.
    """
    check_period(period)
    if not inbox.is_dir():
        raise UsageError(f"inbox {inbox} does not exist; make it, or name another with --inbox")
    result = Discovery()
    unknown = []
    for entry in sorted(inbox_root(inbox).iterdir()):
        if _TEMPORARY.search(entry.name) or not (entry.is_dir() or entry.is_symlink()):
            continue
        if entry.name not in contracts:
            unknown.append(entry.name)
            continue
        folder = entry / period
        if entry.is_symlink() or folder.is_symlink():
            result.found[entry.name] = _refused(
                entry.name, period, folder, f"{entry.name}/{period} is reached by a symbolic link"
            )
        elif folder.is_dir():
            _look(result, entry.name, period, folder, settle_seconds)
    return replace(result, unknown=tuple(unknown))


def _look(result: Discovery, dataset: str, period: str, folder: Path, settle: float) -> None:
    names: list[str] = []
    warnings: list[str] = []
    links: list[str] = []
    temporary = False
    marked = (folder / SUCCESS).is_file()
    for entry in sorted(folder.iterdir()):
        mode = entry.lstat().st_mode
        if entry.name in (SUCCESS, MANIFEST) and stat.S_ISREG(mode):
            continue
        if _TEMPORARY.search(entry.name):
            temporary = True
        elif stat.S_ISREG(mode):
            names.append(entry.name)
        elif stat.S_ISDIR(mode):
            warnings.append(f"{dataset}/{period}/{entry.name} is a folder and was left out")
        else:
            links.append(entry.name)
    unprintable = [name for name in names if not name.isprintable()]
    if unprintable:
        result.found[dataset] = Found(
            dataset, period, folder, (),
            problem=(
                "UNREADABLE_FILE",
                f"{dataset}/{period}: {len(unprintable)} file names hold control characters or "
                "are not UTF-8; rename the files",
            ),
        )  # fmt: skip
        return
    if links:
        result.found[dataset] = _refused(
            dataset, period, folder, f"{dataset}/{period}/{links[0]} is a link or a special file"
        )
        return
    has_manifest = (folder / MANIFEST).exists() or (folder / MANIFEST).is_symlink()
    if not names and not has_manifest:
        return
    manifest: Mapping[str, Promise] | None = None
    problem: tuple[str, str] | None = None
    if has_manifest:
        try:
            manifest = _manifest(folder / MANIFEST, f"{dataset}/{period}/{MANIFEST}")
        except DataRefused as refusal:
            problem = (refusal.code, str(refusal))
    if manifest is not None:
        missing = sorted(set(manifest) - set(names))
        if missing:
            problem = (
                "PARTIAL_FILE",
                f"{dataset}/{period}: the manifest names {_few(missing)}, which did not "
                "arrive; deliver it, or correct the manifest",
            )
        warnings += [
            f"{dataset}/{period}/{name} is not in the manifest and was left out"
            for name in sorted(set(names) - set(manifest))
        ]
        names = [name for name in names if name in manifest]
    complete = marked or (manifest is not None and problem is None)
    if settle > 0 and not complete:
        quiet = _seconds_unchanged(folder, [*names, MANIFEST])
        if temporary or quiet < settle:
            result.waiting[dataset] = (
                "a temporary file is still there" if temporary else "its files still change"
            )
            return
    result.found[dataset] = Found(
        dataset, period, folder, tuple(names), manifest, problem, tuple(warnings)
    )


def _few(names: Sequence[str]) -> str:
    shown = ", ".join(name[:80] for name in names[:5])
    return shown + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def _refused(dataset: str, period: str, folder: Path, what: str) -> Found:
    message = f"{what}, which may point anywhere, and was not read; deliver the files themselves"
    return Found(dataset, period, folder, (), problem=("UNSAFE_ARCHIVE", message))


def _seconds_unchanged(folder: Path, names: Sequence[str]) -> float:
    now = time.time()
    youngest = float("inf")
    for name in names:
        try:
            status = (folder / name).stat()
        except FileNotFoundError:
            continue
        # A time in the future says nothing; the change of the inode then does.
        changed = status.st_mtime if status.st_mtime <= now else status.st_ctime
        youngest = min(youngest, now - changed)
    return youngest


def _manifest(path: Path, name: str) -> dict[str, Promise]:
    """Read a manifest.

    Raises:
        DataRefused: CORRUPT, UNSAFE_ARCHIVE for a name that leaves the folder.
    """
    promises: dict[str, Promise] = {}
    try:
        if path.is_symlink() or path.stat().st_size > MAX_MANIFEST_BYTES:
            raise ValueError
        document: Any = json.loads(path.read_text("utf-8-sig"))
        for entry in document["files"]:
            if not str(entry["name"]).isprintable() or not entry["name"]:
                raise ValueError
            file, rows, sha256 = str(entry["name"]), entry.get("rows"), entry.get("sha256")
            if Path(file).name != file or "\\" in file or file in (".", ".."):
                raise DataRefused(
                    f"{name} names a file outside its folder; name files of that folder alone",
                    code="UNSAFE_ARCHIVE",
                )
            if file in promises:
                raise ValueError
            promises[file] = Promise(
                None if rows is None else int(rows), None if sha256 is None else str(sha256).lower()
            )
    except (
        ValueError, TypeError, KeyError, AttributeError, OSError, OverflowError, RecursionError,
    ):  # fmt: skip
        promises = {}
    if not promises:
        raise DataRefused(
            f'{name} is no manifest: write {{"files": [{{"name", "rows", "sha256"}}]}}',
            code="CORRUPT",
        )
    return promises


def keep(
    con: duckdb.DuckDBPyConnection,
    home: Home,
    contract: Contract,
    found: Found,
    log: Log | None = None,
) -> Kept:
    """Copy a delivery into the home, where nothing changes it any more.

    The same content as the delivery in force, under whatever names, is no new version.

    Args:
        con: the warehouse.
        home: receives `deliveries/<dataset>/<period>/v<n>/`, owner-only.
        contract: the dataset's.
        found: what `discover` found.
        log: is told of versions and of files left out.

    Returns:
        The kept delivery; where `new` is False there is nothing to land.

    Raises:
        DataRefused: PARTIAL_FILE, CORRUPT or UNSAFE_ARCHIVE. The ledger says so, and what
            was in force stays.
    """
    log = log or silent
    for warning in found.warnings:
        log(warning)
    files = []
    for name in found.files:
        sha256, size = copy_file(found.folder / name, None)
        promise = (found.manifest or {}).get(name, Promise())
        files.append(KeptFile(name, sha256, size, promise.rows, promise.sha256))
    content = content_hash([file.sha256 for file in files]) if files else _text_hash(found.problem)

    def fill(folder: Path) -> None:
        for file in files:
            if copy_file(found.folder / file.name, folder / file.name) != (file.sha256, file.bytes):
                raise DataRefused(
                    f"{contract.key}/{found.period}/{file.name} changed while it was copied; "
                    "run again once it is complete",
                    code="PARTIAL_FILE",
                )

    kept = keep_content(con, home, contract, found.period, tuple(files), content, "file", fill)
    problem = found.problem
    for file in kept.files:
        if file.name == RECORD:
            problem = ("UNREADABLE_FILE", f"{RECORD} is a name that is used here; rename the file")
        elif kept.new and file.expected_sha256 not in (None, file.sha256):
            problem = problem or (
                "CORRUPT",
                f"{contract.key}/{found.period}/{file.name}: its sha256 is not the manifest's; "
                "it was damaged or replaced on the way: deliver it again",
            )
    if problem and (kept.new or found.problem):
        ledger.enter_rejected(con, kept, *problem)
        raise DataRefused(problem[1], code=problem[0])
    log(
        f"{contract.key} {kept.period}: "
        + (f"kept as v{kept.version}" if kept.new else f"unchanged since v{kept.version}")
    )
    return kept


def _text_hash(problem: tuple[str, str] | None) -> str:
    return hashlib.sha256(repr(problem).encode()).hexdigest()
