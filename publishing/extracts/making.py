"""Making the extracts of a publication: which, from what, and by how many processes.

Belongs here: the plan, the work handed to processes, and what came of it. Does not belong
here: a single folder (folder.py), lists of employers or persons (lists.py), delivery.

Every table of counts is read once for all recipients that a process serves together; folders
that stand already and would become the same are left alone, so an interrupted run goes on.
"""

from __future__ import annotations

import datetime as dt
import fcntl
import hashlib
import json
import multiprocessing
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from importlib import metadata
from pathlib import Path

from publishing.extracts.contracts import ExtractContract, load_extract_contracts
from publishing.extracts.folder import (
    FORMAT,
    OWNER_ONLY,
    PUBLIC_KEY,
    MadeList,
    Sheet,
    is_made,
    remove_unfinished,
    write_folder,
)
from publishing.extracts.notes import Delivered, Facts
from publishing.extracts.reading import Release, of_recipient
from publishing.extracts.recipients import Directory, Recipient
from publishing.signing import Signer, house_signer
from warehouse.connection import check_period
from warehouse.errors import CakupanError, GateBlocked, UsageError
from warehouse.home import Home
from warehouse.publication.folders import MANIFEST_FILE, RELEASE_FILE, Folder, publications
from warehouse.settings import Settings

_GROUP = 40
"""Regions that one process serves together: few enough to share the work, enough to read each
table once for many."""

Log = Callable[[str], None]
Withheld = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class ListsOf:
    """The lists of one recipient: those made, and those withheld with the reason."""

    made: tuple[MadeList, ...] = ()
    withheld: Withheld = ()


ListMaker = Callable[[Sequence[tuple[ExtractContract, Recipient]]], Mapping[str, ListsOf]]
"""Makes the lists of the recipients whose folders are to be made; by recipient key."""


@dataclass(frozen=True)
class ExtractReport:
    """What was made.

    Attributes:
        folder: `extracts/<period>-<n>`.
        publication: `<period>-<n>`.
        made: folders written.
        kept: folders that stood already and were left.
        files: files written.
        rows: rows written, each table once.
        lists: lists of employers or persons among the files.
        withheld: lists that were not made, by reason.
        absent: tables that contracts name and the publication lacks.
        seconds: time it took.
        written: the folders that were written.
    """

    folder: Path
    publication: str
    made: int
    kept: int
    files: int
    rows: int
    lists: int
    withheld: Mapping[str, int]
    absent: tuple[str, ...]
    seconds: float
    written: tuple[Path, ...] = ()


@dataclass(frozen=True)
class _Work:
    """What one process does in one go: recipients of one contract."""

    contract: ExtractContract
    sheets: tuple[Sheet, ...]
    release: Path
    period: str
    signer: Signer


@dataclass
class _Done:
    folders: int = 0
    files: int = 0
    rows: int = 0
    lists: int = 0
    absent: set[str] = field(default_factory=set)


def make_extracts(
    home: Home,
    settings: Settings,
    period: str,
    *,
    addressees: Sequence[int] | None = None,
    region: str | None = None,
    lists: ListMaker | None = None,
    list_state: Callable[[ExtractContract, Recipient], str] | None = None,
    delivered: Mapping[str, Delivered] | None = None,
    log: Log | None = None,
) -> ExtractReport:
    """Make the extracts of a period's latest publication; the caller is the `only_maker`.

    Args:
        home: whose publications are read and whose `extracts` folder is written.
        settings: signing key and number of processes.
        period: the month.
        addressees: numbers of the addressees; all of them where left out.
        region: one province or regency, for one addressee that has regions.
        lists: makes lists of employers or persons; none are made where left out.
        list_state: tells what the lists of a recipient depend on, so that unchanged folders
            are known without making them.
        delivered: by recipient key, the extract of the month that was delivered last; one that
            is made now takes its place.
        log: told what is done.

    Returns:
        What was made.

    Raises:
        UsageError: there is no such addressee or region, or the signing key is no use.
        GateBlocked: the period has no publication with a release, or the release and a
            contract do not fit.
    """
    started, say = time.monotonic(), log or (lambda _: None)
    publication = find_release(home, period)
    contracts = _chosen(addressees, region)
    signer = the_signer(home, settings)
    root = extracts_root(home) / publication.name
    root.mkdir(parents=True, exist_ok=True, mode=OWNER_ONLY)
    remove_unfinished(root)
    (root.parent / PUBLIC_KEY).write_bytes(signer.public_pem)
    planned = _plan(home, publication, contracts, region, signer, list_state, delivered or {})
    todo = [(c, s) for c, s in planned if not is_made(s)]
    say(f"{len(planned)} folders, {len(planned) - len(todo)} of them stand already")
    made_lists: Mapping[str, ListsOf] = {}
    if lists is not None and todo:
        made_lists = lists([(c, s.facts.recipient) for c, s in todo])
    works = _share(todo, made_lists, publication, period, signer)
    done = _run(works, settings.extracts.processes or os.cpu_count() or 1, say)
    withheld: dict[str, int] = {}
    for outcome in made_lists.values():
        for _name, reason in outcome.withheld:
            withheld[reason] = withheld.get(reason, 0) + 1
    return ExtractReport(
        folder=root,
        publication=publication.name,
        made=done.folders,
        kept=len(planned) - len(todo),
        files=done.files,
        rows=done.rows,
        lists=done.lists,
        withheld=withheld,
        absent=tuple(sorted(done.absent)),
        seconds=time.monotonic() - started,
        written=tuple(sheet.folder for _, sheet in todo),
    )


def extracts_root(home: Home) -> Path:
    """Give the folder of all extracts of a home."""
    return home.path / "extracts"


def the_signer(home: Home, settings: Settings) -> Signer:
    """Give the signer: the settings' key, or the home's own, made where there is none."""
    return house_signer(home.path, settings.extracts.signing_key)


def find_release(home: Home, period: str) -> Folder:
    """Give the latest publication of a period that has a release.

    Raises:
        GateBlocked: there is none.
    """
    check_period(period)
    found = [folder for folder in publications(home.published) if folder.period == period]
    released = [folder for folder in found if (folder.path / RELEASE_FILE).is_file()]
    if not released:
        what = "has no release (the tables after disclosure control)" if found else "is not there"
        raise GateBlocked(
            f"a publication of {period} {what} in {home.published}, and extracts are made from "
            f"releases alone: cakupan run --period {period}"
        )
    return released[-1]


def _chosen(addressees: Sequence[int] | None, region: str | None) -> list[ExtractContract]:
    contracts = load_extract_contracts()
    for number in addressees or ():
        if number not in contracts:
            raise UsageError(f"there is no addressee {number}: the instruction has 1 to 26")
    if region and (addressees is None or len(addressees) != 1):
        raise UsageError("--region goes with one --addressee, 24 (provinces) or 25 (regencies)")
    return [contracts[number] for number in addressees or contracts]


def _plan(
    home: Home,
    publication: Folder,
    contracts: Sequence[ExtractContract],
    region: str | None,
    signer: Signer,
    list_state: Callable[[ExtractContract, Recipient], str] | None,
    delivered: Mapping[str, Delivered],
) -> list[tuple[ExtractContract, Sheet]]:
    directory = Directory(publication.period)
    release = _release_sha256(publication)
    made = _published_at(publication)
    root = extracts_root(home) / publication.name
    planned = []
    for contract in contracts:
        for recipient in directory.recipients(contract, region):
            facts = Facts(
                recipient, contract, publication.period, publication.name,
                replaces=delivered.get(recipient.key),
            )  # fmt: skip
            told = list_state(contract, recipient) if list_state else ""
            state = hashlib.sha256(
                json.dumps(
                    [
                        FORMAT, release, contract.sha256, repr(recipient), told,
                        metadata.version("cakupan"), signer.fingerprint,
                    ]
                ).encode()
            ).hexdigest()  # fmt: skip
            folder = root / contract.folder / recipient.region_code
            planned.append((contract, Sheet(facts, folder, state, made)))
    return planned


def _share(
    todo: Sequence[tuple[ExtractContract, Sheet]],
    made_lists: Mapping[str, ListsOf],
    publication: Folder,
    period: str,
    signer: Signer,
) -> list[_Work]:
    """Part the work: each contract's recipients in groups, the largest tables first."""
    by_contract: dict[int, list[Sheet]] = {}
    contracts: dict[int, ExtractContract] = {}
    for contract, sheet in todo:
        lists = made_lists.get(sheet.facts.recipient.key, ListsOf())
        facts = replace(sheet.facts, withheld=lists.withheld)
        contracts[contract.addressee_id] = contract
        by_contract.setdefault(contract.addressee_id, []).append(
            replace(sheet, facts=facts, lists=lists.made)
        )
    works = [
        _Work(
            contracts[number], tuple(sheets[at : at + _GROUP]), publication.path / RELEASE_FILE,
            period, signer,
        )
        for number, sheets in by_contract.items()
        for at in range(0, len(sheets), _GROUP)
    ]  # fmt: skip
    # What takes long begins first, so that no process is left with it at the end.
    return sorted(works, key=lambda w: (-len(w.contract.aggregates), -len(w.sheets)))


def _run(works: Sequence[_Work], processes: int, say: Log) -> _Done:
    total = _Done()
    todo = sum(len(work.sheets) for work in works)
    for done in _outcomes(works, min(processes, len(works))):
        total.folders += done.folders
        total.files += done.files
        total.rows += done.rows
        total.lists += done.lists
        total.absent |= done.absent
        say(f"{total.folders} of {todo} folders")
    return total


def _outcomes(works: Sequence[_Work], processes: int) -> Iterator[_Done]:
    if processes <= 1:
        yield from map(_make, works)
        return
    # Started anew, not forked: a fork of a process with threads (DuckDB, Arrow) may hang.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, mp_context=context) as pool:
        futures = [pool.submit(_make, work) for work in works]
        try:
            for future in as_completed(futures):
                yield future.result()
        finally:
            for future in futures:
                future.cancel()


def _make(work: _Work) -> _Done:
    """Make the folders of one work; runs in a process of its own."""
    done = _Done()
    regions = [s.facts.recipient.region_code for s in work.sheets if s.facts.recipient.region_code]
    with Release(work.release) as release:
        read = {
            table.name: release.read(work.contract, table, work.period, regions)
            for table in work.contract.aggregates
        }
    absent = tuple(name for name, table in read.items() if table is None)
    done.absent.update(absent)
    for sheet in work.sheets:
        tables = {
            table.name: of_recipient(rows, work.contract, table, sheet.facts.recipient)
            for table in work.contract.aggregates
            if (rows := read[table.name]) is not None
        }
        entries = write_folder(
            replace(sheet, facts=replace(sheet.facts, absent=absent)), tables, work.signer
        )
        done.folders += 1
        done.files += len(entries)
        done.lists += sum(entry.encrypted for entry in entries)
        done.rows += sum(table.num_rows for table in tables.values())
    return done


def _release_sha256(publication: Folder) -> str:
    with (publication.path / RELEASE_FILE).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _published_at(publication: Folder) -> dt.datetime:
    """Give when the publication was written; XLSX files carry it, so that they stay the same."""
    seconds = (publication.path / MANIFEST_FILE).stat().st_mtime
    return dt.datetime.fromtimestamp(seconds, dt.UTC).replace(tzinfo=None, microsecond=0)


@contextmanager
def only_maker(home: Home) -> Iterator[None]:
    """Keep two makers of one home apart, from what a killed one left to the audit log's entry.

    Raises:
        CakupanError: another process makes extracts of this home; a killed one leaves no lock.
    """
    root = extracts_root(home)
    root.mkdir(parents=True, exist_ok=True, mode=OWNER_ONLY)
    descriptor = os.open(root / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        held = False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            held = True
        if held:
            raise CakupanError(f"another process makes extracts of {home.path}: wait for its end")
        yield
    finally:
        os.close(descriptor)
