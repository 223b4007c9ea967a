"""One extract on disk: its files, its manifest and its signature, whole or not there.

Belongs here: writing and checking the folder of one recipient. Does not belong here: which
folders are made and by how many processes (making.py), and how lists are made (lists.py).
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import shutil
import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
from xlsxwriter.exceptions import XlsxFileError

from publishing.extracts.notes import Facts, appendix
from publishing.extracts.workbook import write_workbook
from publishing.signing import Signer, fingerprint, is_signed
from publishing.spreadsheets import disarmed
from warehouse.errors import CakupanError

MANIFEST, SIGNATURE, APPENDIX = "manifest.json", "manifest.sig", "LAMPIRAN.md"
PUBLIC_KEY = "kunci-publik.pem"
FORMAT = 2
OWNER_ONLY = 0o700
_NEW, _OLD = ".new-", ".old-"


@dataclass(frozen=True)
class FileEntry:
    """One file of a manifest.

    Attributes:
        name: file name within the folder.
        table: table it holds, or empty.
        format: xlsx, csv, parquet or md.
        rows: rows of the table; None for files that are no table.
        bytes: size.
        sha256: of the file as it lies there, so of the encrypted one.
        level: `aggregate`, `employer` or `person`.
        encrypted: whether it is encrypted to the recipient's key.
    """

    name: str
    table: str
    format: str
    rows: int | None
    bytes: int
    sha256: str
    level: str = "aggregate"
    encrypted: bool = False


@dataclass(frozen=True)
class MadeList:
    """A list that lies encrypted in a staging folder, to be moved into an extract.

    Attributes:
        path: where it lies.
        entry: how the manifest names it.
    """

    path: Path
    entry: FileEntry


@dataclass(frozen=True)
class Sheet:
    """What one folder is made of.

    Attributes:
        facts: recipient, contract, publication.
        folder: where it goes.
        state: fingerprint of all that the content depends on; an equal one is not made again.
        made: when the publication was made.
        lists: lists that were made for it.
    """

    facts: Facts
    folder: Path
    state: str
    made: dt.datetime
    lists: tuple[MadeList, ...] = ()


def write_folder(sheet: Sheet, tables: dict[str, pa.Table], signer: Signer) -> list[FileEntry]:
    """Write the folder of one extract; one that is there already is replaced whole.

    Args:
        sheet: what it is.
        tables: rows by table, of this recipient alone.
        signer: signs the manifest.

    Returns:
        The files, as the manifest names them.

    Raises:
        CakupanError: the disk failed or is full; nothing of the folder is left, and one that was
            there before is as it was.
    """
    reason: str | None = ""
    try:
        return _write_folder(sheet, tables, signer)
    except OSError as error:
        reason = error.strerror or type(error).__name__
    except XlsxFileError as error:
        reason = str(getattr(error.__context__, "strerror", None) or type(error).__name__)
    raise CakupanError(
        f"the extract {sheet.folder} could not be written ({reason}); nothing of it was kept, and "
        "the others stay. Make room on the disk and run the command again: it goes on from there."
    )


def _write_folder(sheet: Sheet, tables: dict[str, pa.Table], signer: Signer) -> list[FileEntry]:
    facts, target = sheet.facts, sheet.folder
    target.parent.mkdir(parents=True, exist_ok=True, mode=OWNER_ONLY)
    new = target.parent / f"{_NEW}{uuid.uuid4().hex[:12]}"
    new.mkdir(mode=OWNER_ONLY)
    try:
        entries = _write_tables(new, tables)
        rows = {name: table.num_rows for name, table in tables.items()}
        parts = ("cakupan", facts.period, facts.contract.slug, facts.recipient.region_code)
        book = new / f"{'-'.join(part for part in parts if part)}.xlsx"
        write_workbook(book, facts, tables, sheet.made)
        entries.insert(0, _entry(book, "", "xlsx", sum(rows.values())))
        for made in sheet.lists:
            shutil.move(made.path, new / made.entry.name)
            entries.append(made.entry)
            rows[made.entry.table] = made.entry.rows or 0
        note = new / APPENDIX
        note.write_text(appendix(facts, rows), "utf-8")
        entries.append(_entry(note, "", "md", None))
        manifest = _manifest(sheet, entries, signer)
        content = (json.dumps(manifest, ensure_ascii=False, indent=2) + "\n").encode()
        (new / MANIFEST).write_bytes(content)
        (new / SIGNATURE).write_bytes(signer.sign(content))
        _switch(new, target)
    finally:
        shutil.rmtree(new, ignore_errors=True)
    return entries


def read_manifest(folder: Path) -> dict[str, Any] | None:
    """Read a folder's manifest; None where there is no readable one."""
    try:
        value = json.loads((folder / MANIFEST).read_bytes())
    except (OSError, ValueError):
        return None
    return value if isinstance(value, dict) else None


def is_made(sheet: Sheet) -> bool:
    """Tell whether the folder stands complete, with this very state.

    One that is delivered takes the place of whatever it names; one that is not must name what
    the recipient has.
    """
    manifest = read_manifest(sheet.folder)
    if manifest is None or manifest.get("state") != sheet.state:
        return False
    has = sheet.facts.replaces
    if (
        has is not None
        and manifest.get("replaces_manifest_sha256") != has.manifest_sha256
        and _sha256(sheet.folder / MANIFEST) != has.manifest_sha256
    ):
        return False
    return (sheet.folder / SIGNATURE).is_file() and all(
        _size(sheet.folder / entry["name"]) == entry["bytes"] for entry in manifest["files"]
    )


def check_folder(folder: Path, public_pem: bytes) -> list[str]:
    """Check a folder against its manifest and signature.

    Returns:
        What is wrong, one sentence each; nothing where all is well.
    """
    try:
        content = (folder / MANIFEST).read_bytes()
        signature = (folder / SIGNATURE).read_bytes()
    except OSError:
        return [f"{folder}: {MANIFEST} or {SIGNATURE} is missing"]
    if not is_signed(content, signature, public_pem):
        return [
            f"{folder}: {MANIFEST} was changed after it was signed, or was signed with another "
            f"key than {fingerprint(public_pem)[:16]}…"
        ]
    manifest = json.loads(content)
    faults = []
    named = {MANIFEST, SIGNATURE}
    for entry in manifest["files"]:
        named.add(entry["name"])
        path = folder / entry["name"]
        if not path.is_file():
            faults.append(f"{path} is missing")
        elif _sha256(path) != entry["sha256"]:
            faults.append(f"{path} is not the file that was signed")
    strangers = sorted(p.name for p in folder.iterdir() if p.is_file() and p.name not in named)
    return faults + [f"{folder / name} is not in the manifest" for name in strangers]


def remove_unfinished(root: Path) -> None:
    """Delete folders that a killed run left half-written or half-replaced."""
    for path in [*root.glob(f"**/{_NEW}*"), *root.glob(f"**/{_OLD}*")]:
        shutil.rmtree(path, ignore_errors=True)


def file_entry(
    path: Path, table: str, form: str, rows: int, level: str, *, encrypted: bool
) -> FileEntry:
    """Describe a file that was written elsewhere."""
    return FileEntry(
        path.name, table, form, rows, path.stat().st_size, _sha256(path), level, encrypted
    )


def _write_tables(folder: Path, tables: dict[str, pa.Table]) -> list[FileEntry]:
    entries = []
    for name, table in tables.items():
        csv, parquet = folder / f"{name}.csv", folder / f"{name}.parquet"
        pa_csv.write_csv(disarmed(table), csv, pa_csv.WriteOptions(quoting_style="needed"))
        pq.write_table(table, parquet, compression="zstd")
        entries += [
            _entry(csv, name, "csv", table.num_rows),
            _entry(parquet, name, "parquet", table.num_rows),
        ]
    return entries


def _manifest(sheet: Sheet, entries: Sequence[FileEntry], signer: Signer) -> dict[str, Any]:
    facts = sheet.facts
    contract, recipient = facts.contract, facts.recipient
    return {
        "format": FORMAT,
        "recipient": {
            "key": recipient.key,
            "addressee_id": recipient.addressee_id,
            "title": recipient.title,
            "agency": recipient.agency,
            "partners": list(recipient.partners),
            "region_code": recipient.region_code,
        },
        "period": facts.period,
        "publication": facts.publication,
        "replaces": facts.replaces.publication if facts.replaces else None,
        "replaces_manifest_sha256": facts.replaces.manifest_sha256 if facts.replaces else None,
        "contract": {
            "name": contract.folder,
            "version": contract.version,
            "sha256": contract.sha256,
            "level": contract.level,
            "clauses": list(contract.clauses),
            "purpose": contract.purpose,
            "legal_basis": list(contract.legal_basis),
        },
        "absent_tables": list(facts.absent),
        "withheld": [{"list": name, "reason": reason} for name, reason in facts.withheld],
        "fields": {
            table.name: [column.name for column in table.columns]
            for table in contract.tables
            if any(entry.table == table.name for entry in entries)
        },
        "files": [asdict(entry) for entry in entries],
        "code_version": metadata.version("cakupan"),
        "public_key_sha256": signer.fingerprint,
        "state": sheet.state,
        "made_at": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
    }


def _switch(new: Path, target: Path) -> None:
    """Put the new folder in the old one's place; at no moment is a half-written one there."""
    old = target.parent / f"{_OLD}{uuid.uuid4().hex[:12]}"
    if target.exists():
        target.rename(old)
    new.rename(target)
    if old.exists():
        shutil.rmtree(old)


def _entry(path: Path, table: str, form: str, rows: int | None) -> FileEntry:
    return FileEntry(path.name, table, form, rows, path.stat().st_size, _sha256(path))


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else -1


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
