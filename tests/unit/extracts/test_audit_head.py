"""The head of the audit log is signed: an end that was cut off, added or put back is found."""

from __future__ import annotations

import errno
import hashlib
import json
import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pipelines.cli import app
from publishing.audit import AuditLog
from publishing.audit_head import Head
from publishing.delivery.retention import unlogged
from publishing.signing import make_signer
from warehouse.errors import CakupanError
from warehouse.home import Home


class Killed(BaseException):
    """Stands for a kill: nothing of the program catches it."""


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home").ensure()


@pytest.fixture
def log(home: Home) -> AuditLog:
    made = AuditLog(home)
    for number in range(4):
        made.add([{"action": "x", "number": number}])
    assert made.verify() == []
    return made


def lines(log: AuditLog) -> list[str]:
    return log.path.read_text("utf-8").splitlines(keepends=True)


def test_a_cut_log_with_a_head_to_match_lacks_the_signature(log: AuditLog) -> None:
    kept = lines(log)[:2]
    log.path.write_text("".join(kept), "utf-8")
    told = json.loads(kept[-1])
    rest = log.head.read_text("utf-8").split()[2:]
    log.head.write_text(" ".join([str(told["seq"]), told["hash"], *rest]) + "\n", "utf-8")
    (fault,) = log.verify()
    assert "is not signed with the key of this home" in fault
    with pytest.raises(CakupanError, match="not signed"):
        log.add([{"action": "x"}])


def test_an_entry_added_with_a_right_hash_and_no_key_is_found(log: AuditLog) -> None:
    last = json.loads(lines(log)[-1])
    forged = {**last, "seq": 5, "prev": last["hash"]}
    del forged["hash"]
    text = json.dumps(forged, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    forged["hash"] = hashlib.sha256(text.encode()).hexdigest()
    whole = json.dumps(forged, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    log.path.write_text("".join(lines(log)) + whole + "\n", "utf-8")
    (fault,) = log.verify()
    assert "ends at entry 5" in fault


def test_a_head_that_is_gone_is_missed(log: AuditLog) -> None:
    log.head.unlink()
    assert "is missing" in log.verify()[0]
    with pytest.raises(CakupanError, match="missing"):
        log.add([{"action": "x"}])


def test_an_older_log_with_its_own_head_is_found_by_a_noted_entry(log: AuditLog) -> None:
    old_lines, old_head = lines(log), log.head.read_bytes()
    log.add([{"action": "x", "number": 4}])
    noted = log.end()
    assert log.verify(noted) == []
    log.path.write_text("".join(old_lines), "utf-8")
    log.head.write_bytes(old_head)
    assert log.verify() == []
    (fault,) = log.verify(noted)
    assert "no entry 5 with the hash that was noted" in fault
    log.path.unlink()
    log.head.unlink()
    assert log.verify(noted) == [f"{log.path} is missing"]


def test_what_lies_on_disk_and_not_in_the_log_is_found(home: Home, log: AuditLog) -> None:
    folder = home.path / "extracts" / "2026-10-1" / "16-x"
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_bytes(b"{}")
    log.indexes.mkdir()
    (log.indexes / "f-list.parquet").write_bytes(b"PAR1")
    found = unlogged(home)
    assert [str(folder) in found[0], "f-list.parquet" in found[1], len(found)] == [True, True, 2]
    log.add(
        [
            {"action": "extract.made", "manifest_sha256": hashlib.sha256(b"{}").hexdigest()},
            {"action": "extract.list", "index": "f-list.parquet"},
        ]
    )
    assert unlogged(home) == []


def kill_at_switch(monkeypatch: pytest.MonkeyPatch, log: AuditLog, entries: int) -> None:
    def killed(_: Head) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(Head, "switch", killed)
        with pytest.raises(Killed):
            log.add([{"action": "late", "number": n} for n in range(entries)])


def test_entries_of_a_killed_process_that_are_all_there_count(
    home: Home, log: AuditLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    kill_at_switch(monkeypatch, log, 3)
    # A machine that stopped may have made the file longer than what was written.
    os.truncate(log.path, log.path.stat().st_size + 64)
    assert AuditLog(home).verify() == []
    log.add([{"action": "x"}])
    assert [e["action"] for e in log.entries()] == ["x"] * 4 + ["late"] * 3 + ["x"]
    assert log.verify() == []
    assert not log.head.with_suffix(".new").exists()


@pytest.mark.parametrize("left", [0, 1, 40, 300])
def test_a_part_of_a_killed_process_s_entries_is_taken_back(
    home: Home, log: AuditLog, monkeypatch: pytest.MonkeyPatch, left: int
) -> None:
    size = log.path.stat().st_size
    kill_at_switch(monkeypatch, log, 3)
    os.truncate(log.path, size + left)
    log.add([{"action": "x"}])
    assert [e["action"] for e in AuditLog(home).entries()] == ["x"] * 5
    assert log.verify() == []


def test_the_first_entry_of_all_may_be_killed_too(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = AuditLog(home)
    kill_at_switch(monkeypatch, log, 1)
    os.truncate(log.path, 5)
    log.add([{"action": "x"}])
    assert [e["seq"] for e in log.entries()] == [1]
    assert log.verify() == []


def test_a_log_that_ends_in_no_entry_takes_nothing_more(log: AuditLog) -> None:
    log.path.write_text("".join(lines(log)) + "{}\n", "utf-8")
    with pytest.raises(CakupanError, match="is no entry"):
        log.add([{"action": "x"}])


def test_a_full_disk_leaves_the_log_as_it_was(
    log: AuditLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, write = log.path.read_bytes(), os.write
    calls = []

    def full(descriptor: int, content: bytes) -> int:
        calls.append(len(content))
        if len(calls) > 1:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(descriptor, bytes(content)[:50])

    with monkeypatch.context() as patched:
        patched.setattr("publishing.audit.os.write", full)
        with pytest.raises(CakupanError, match="No space left"):
            log.add([{"action": "x"}])
    assert (log.path.read_bytes(), log.verify()) == (before, [])
    log.add([{"action": "x"}])
    assert log.verify() == []


def test_another_key_is_sealed_with_an_entry_of_it(home: Home, log: AuditLog) -> None:
    other = AuditLog(home, make_signer(home.path / "keys" / "other.pem"))
    assert "is not signed" in other.verify()[0]
    other.seal()
    assert other.verify() == []
    (entry,) = other.entries("audit.sealed")
    assert "not signed with the key" in entry["head"]
    assert log.verify() != []


def test_a_broken_chain_is_not_sealed(log: AuditLog) -> None:
    log.path.write_text("".join(lines(log)[1:]), "utf-8")
    with pytest.raises(CakupanError, match="is not sealed"):
        log.seal()


def test_the_commands_note_and_seal(home: Home, log: AuditLog) -> None:
    where = ["--home", str(home.path)]

    def verify(*more: str) -> tuple[int, str]:
        done = CliRunner().invoke(app, ["verify", *where, *more])
        return done.exit_code, done.output

    told = json.loads(CliRunner().invoke(app, ["verify", *where, "--json"]).stdout)
    assert (told["entries"], told["last"]) == (4, ":".join(map(str, log.end())))
    assert verify("--noted", told["last"])[0] == 0
    assert verify("--noted", f"3:{'0' * 64}")[0] == 4
    assert verify("--noted", "3")[0] == 2
    assert told["last"] in verify()[1]
    log.head.write_text("4 0\n", "utf-8")
    assert verify()[0] == 4
    sealed = CliRunner().invoke(app, ["audit", "seal", *where, "--json"])
    assert json.loads(sealed.stdout)["last"].startswith("5:")
    assert CliRunner().invoke(app, ["audit", "seal", *where]).exit_code == 0
    assert verify()[0] == 0
