"""The audit log: who was given what, when and why, in a chain that shows every change.

Belongs here: adding entries, verifying the chain, and finding who received a person's data.
Does not belong here: what is given (extracts), and who looked at an identity in the restricted
warehouse (warehouse/access.py).

Each line is one JSON object with the hash of the line before it; a changed, removed or inserted
line breaks the chain there. `audit.head` (audit_head.py) repeats the last number and hash and is
signed, so that lines cut off at the end are found too; who keeps a copy of the head elsewhere can
prove that no older log with its older head was put back. The log names persons by pseudonym alone,
in files beside it.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import fcntl
import getpass
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import duckdb

from publishing.audit_head import End, Head
from publishing.signing import Signer, house_signer
from warehouse.errors import CakupanError, UsageError
from warehouse.home import OWNER_ONLY, Home
from warehouse.storage import literal

AUDIT_COLUMN = "audit_pseudonym"
_FIRST = "0" * 64
_MODE = 0o600
_PSEUDONYM = 32


@dataclass(frozen=True)
class Receipt:
    """One extract that holds a person.

    Attributes:
        at: when it was made (UTC).
        recipient: key of the recipient.
        title: the recipient's title.
        table: the list.
        publication: `<period>-<n>`.
        purpose: what the contract gives it for.
        delivered: where and when it was delivered; empty where it was not.
    """

    at: str
    recipient: str
    title: str
    table: str
    publication: str
    purpose: str
    delivered: tuple[str, ...]


class AuditLog:
    """The audit log of a home.

    Args:
        home: whose `audit` folder holds it; made owner-only where missing.
        signer: signs the head; the home's own key where left out.
    """

    def __init__(self, home: Home, signer: Signer | None = None) -> None:
        self.folder = home.path / "audit"
        self.path = self.folder / "audit.jsonl"
        self.head = self.folder / "audit.head"
        self.indexes = self.folder / "persons"
        self._home, self._given = home, signer
        self._head = Head(self.head, lambda: self._signer)

    @cached_property
    def _signer(self) -> Signer:
        return self._given or house_signer(self._home.path, None)

    def add(self, entries: Sequence[Mapping[str, Any]]) -> None:
        """Add entries, each with its `action`; they reach the disk before this returns.

        Raises:
            CakupanError: the log cannot be written or was changed; nothing may leave then.
        """
        if entries:
            self._locked(lambda descriptor: self._append(descriptor, entries))

    def seal(self) -> End:
        """Sign the head anew, after the key was changed or the head lost, with an entry of it.

        Returns:
            Number and hash of the last entry.

        Raises:
            CakupanError: the chain itself is broken; that cannot be sealed.
        """
        end, faults = self._chain()
        if faults:
            raise CakupanError(f"{faults[0]}; a broken chain is not sealed")

        def sign(descriptor: int) -> None:
            found = {"sealed": f"{end[0]}:{end[1]}", "head": self._head.fault() or "as it was"}
            self._head.prepare(end)
            self._head.switch()
            self._append(descriptor, [{"action": "audit.sealed", **found}])

        self._locked(sign)
        return self._last()

    def _locked(self, action: Callable[[int], None]) -> None:
        """Do something with the log open and to this process alone."""
        reason: str | None = ""
        try:
            self.folder.mkdir(mode=OWNER_ONLY, exist_ok=True)
            flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
            descriptor = os.open(self.path, flags, _MODE)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                action(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            reason = error.strerror or type(error).__name__
        else:
            return
        raise CakupanError(
            f"the audit log {self.path} cannot be written ({reason}); nothing leaves the house "
            "unlogged: make it writable for the owner of the home"
        )

    def _append(self, descriptor: int, entries: Sequence[Mapping[str, Any]]) -> None:
        self._recover(descriptor)
        number, before = self._last()
        if (number or self.head.exists()) and self._head.read() != (number, before):
            raise CakupanError(
                self._head.fault()
                or f"the audit log {self.path} does not end where {self.head.name} says; run "
                "`cakupan verify` and find out why before anything more leaves the house"
            )
        lines = []
        for entry in entries:
            number += 1
            line = {
                "seq": number,
                "at": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
                "user": getpass.getuser() if os.environ.get("USER") else str(os.getuid()),
                **entry,
                "prev": before,
            }
            before = _hash(line)
            lines.append(_text({**line, "hash": before}))
        size = os.fstat(descriptor).st_size
        self._head.prepare((number, before))
        try:
            _write(descriptor, ("\n".join(lines) + "\n").encode())
            os.fsync(descriptor)
        except OSError:
            # A full disk takes a part of the lines: none of them is left.
            os.ftruncate(descriptor, size)
            self._head.drop()
            raise
        self._head.switch()

    def _recover(self, descriptor: int) -> None:
        """Complete what a killed process was adding, or take it back where a part is missing."""
        coming, present = self._head.prepared(), self._head.read()
        if coming is None or (present is None and self.head.exists()):
            return
        at, ends = 0, present is None
        kept = 0
        with self.path.open("rb") as lines:
            for raw in lines:
                at += len(raw)
                end = _end(raw)
                if end == coming:
                    os.ftruncate(descriptor, at)
                    self._head.switch()
                    return
                if end is not None and end == present:
                    kept, ends = at, True
        if ends:
            os.ftruncate(descriptor, kept)
            self._head.drop()

    def entries(self, action: str | None = None) -> Iterator[dict[str, Any]]:
        """Give the entries in order, those of one action where it is named."""
        if self.path.exists():
            with self.path.open(encoding="utf-8") as lines:
                for line in lines:
                    entry = json.loads(line)
                    if action in (None, entry["action"]):
                        yield entry

    def verify(self, noted: End | None = None) -> list[str]:
        """Check the whole chain, and that its end is the one that was signed.

        Args:
            noted: number and hash of an entry as they were noted elsewhere; the log must still
                have it.

        Returns:
            What is wrong, naming the line; nothing where all is well.
        """
        if not self.path.exists():
            gone = self.head.exists() or noted is not None
            return [f"{self.path} is missing"] if gone else []
        if self._head.new.exists():
            with contextlib.suppress(CakupanError):
                self._locked(self._recover)
        end, faults = self._chain(noted)
        if faults or (end == (0, _FIRST) and not self.head.exists()):
            return faults
        if fault := self._head.fault():
            return [fault]
        if self._head.read() != end:
            return [f"{self.path} ends at entry {end[0]}, which is not what {self.head.name} says"]
        return []

    def end(self) -> End:
        """Give number and hash of the last entry, to be noted elsewhere."""
        return self._last() if self.path.exists() else (0, _FIRST)

    def _chain(self, noted: End | None = None) -> tuple[End, list[str]]:
        """Follow the chain: its last number and hash, and the first fault if there is one."""
        before, number = _FIRST, 0
        found = noted is None or noted == (0, _FIRST)
        with self.path.open("rb") as lines:
            for at, raw in enumerate(lines, start=1):
                fault = ""
                try:
                    line = json.loads(raw)
                    told = line.pop("hash")
                except (ValueError, KeyError, AttributeError):
                    return (number, before), [f"{self.path}, line {at}: is no entry of the log"]
                if line.get("prev") != before:
                    fault = "does not follow the line before it"
                elif line.get("seq") != number + 1:
                    fault = f"has the number {line.get('seq')} instead of {number + 1}"
                elif _hash(line) != told or _text({**line, "hash": told}) != raw.decode().rstrip(
                    "\n"
                ):
                    fault = "was changed after it was written"
                if fault:
                    return (number, before), [f"{self.path}, line {at}: {fault}"]
                before, number = told, number + 1
                found = found or noted == (number, before)
        if not found and noted:
            return (number, before), [
                f"{self.path} has no entry {noted[0]} with the hash that was noted: it is another "
                "log than the one of that day"
            ]
        return (number, before), []

    def keep_index(self, index: Path, name: str) -> dict[str, str]:
        """Keep the file that says which persons a list holds, by pseudonym.

        Args:
            index: Parquet file with the audit's and the recipient's pseudonyms.
            name: its name here, unique.

        Returns:
            What the entry of the list must carry: name and sha256.
        """
        self.indexes.mkdir(parents=True, mode=OWNER_ONLY, exist_ok=True)
        target = self.indexes / f"{name}.parquet"
        shutil.move(index, target)
        target.chmod(_MODE)
        with target.open("rb") as file:
            return {
                "index": target.name,
                "index_sha256": hashlib.file_digest(file, "sha256").hexdigest(),
            }

    def who_received(self, pseudonym: str) -> list[Receipt]:
        """Find every extract that holds a person.

        Args:
            pseudonym: the audit's, or that of any recipient.

        Raises:
            UsageError: it is no pseudonym.
            CakupanError: a file that says who is in a list is missing or was changed.
        """
        wanted = pseudonym.strip().lower()
        if len(wanted) != _PSEUDONYM or set(wanted) - set("0123456789abcdef"):
            raise UsageError(
                f"a pseudonym has {_PSEUDONYM} letters 0-9 and a-f; that of a person is told by "
                "`cakupan audit pseudonym`"
            )
        made = [entry for entry in self.entries("extract.list") if entry.get("index")]
        sent: dict[str, list[str]] = {}
        for entry in self.entries("delivery.sent"):
            sent.setdefault(entry["manifest_sha256"], []).append(f"{entry['target']} {entry['at']}")
        for entry in made:
            self._check_index(entry)
        with duckdb.connect() as con:
            persons = {wanted}
            for entry in made:
                persons |= {
                    key for (key,) in self._find(con, entry, "pseudonym", {wanted}, AUDIT_COLUMN)
                }
            found = [e for e in made if self._find(con, e, AUDIT_COLUMN, persons, "1")]
        return [
            Receipt(
                e["at"], e["recipient"], e["title"], e["table"], e["publication"], e["purpose"],
                tuple(sent.get(e["manifest_sha256"], ())),
            )
            for e in found
        ]  # fmt: skip

    def _find(
        self,
        con: duckdb.DuckDBPyConnection,
        entry: Mapping[str, Any],
        column: str,
        values: set[str],
        give: str,
    ) -> list[Any]:
        listed = ", ".join(literal(value) for value in sorted(values))
        return con.execute(
            f"SELECT {give} FROM read_parquet({literal(str(self.indexes / entry['index']))}) "
            f"WHERE {column} IN ({listed}) LIMIT 1"
        ).fetchall()

    def _check_index(self, entry: Mapping[str, Any]) -> None:
        path = self.indexes / entry["index"]
        if path.is_file():
            with path.open("rb") as file:
                if hashlib.file_digest(file, "sha256").hexdigest() == entry["index_sha256"]:
                    return
        raise CakupanError(
            f"{path} is missing or was changed, so nobody can say who was in the list of entry "
            f"{entry['seq']}: bring it back from a backup"
        )

    def _last(self) -> tuple[int, str]:
        size = self.path.stat().st_size
        with self.path.open("rb") as file:
            # A line holds one folder's files; this is far more than one line has.
            file.seek(max(size - (1 << 20), 0))
            lines = file.read().splitlines()
        if not lines:
            return 0, _FIRST
        last = _end(lines[-1])
        if last is None:
            raise CakupanError(
                f"the last line of {self.path} is no entry of the log: run `cakupan verify` and "
                "find out why before anything more leaves the house"
            )
        return last


def _text(value: Mapping[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _hash(line: Mapping[str, Any]) -> str:
    return hashlib.sha256(_text(line).encode()).hexdigest()


def _end(raw: bytes) -> End | None:
    with contextlib.suppress(ValueError, KeyError, TypeError):
        line = json.loads(raw)
        return int(line["seq"]), str(line["hash"])
    return None


def _write(descriptor: int, content: bytes) -> None:
    """Write all of it: a disk that fills up takes a part and tells no error at first."""
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]
