"""What lies on disk is encrypted where a key is set, and nothing opens it without that key."""

from __future__ import annotations

import json
import os
from pathlib import Path

import duckdb
import pyrage
import pytest
from typer.testing import CliRunner

from pipelines.cli import app
from warehouse import at_rest
from warehouse.connection import connect
from warehouse.errors import UsageError
from warehouse.home import Home
from warehouse.settings import EncryptionSettings, EngineSettings, Settings

KEY = "k3y-ZQXSECRETDATABASEKEY-0123456789abcdef"
CANARY = "ZQXNAMA TERSEMBUNYI"


@pytest.fixture
def keyed(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv(at_rest.DATABASE_KEY, KEY)
    return KEY


def _fill(home: Home, settings: Settings | None = None) -> None:
    con = connect(home, settings)
    con.execute(
        "CREATE TABLE landing.t AS SELECT $1 || range AS full_name FROM range(5000)", [CANARY]
    )
    con.execute("COMMENT ON TABLE landing.t IS 'ID: daftar'")
    con.close()


def test_database_with_a_key_holds_nothing_in_clear(home: Home, keyed: str) -> None:
    con = connect(home)
    con.execute(
        "CREATE TABLE landing.t AS SELECT $1 || range AS full_name FROM range(500)", [CANARY]
    )
    con.execute("CHECKPOINT")
    con.execute("SET wal_autocheckpoint = '1TB'")
    con.execute("INSERT INTO landing.t SELECT $1 || range FROM range(500, 600)", [CANARY])
    wal = home.restricted_db.with_name("restricted.duckdb.wal")
    # The database and its log are looked at while the log has rows that the file has not.
    assert wal.stat().st_size > 0
    for file in (home.restricted_db, wal):
        assert b"ZQXNAMA" not in file.read_bytes()
        assert file.stat().st_mode & 0o077 == 0
    assert at_rest.state_of(home.restricted_db) == "encrypted"
    assert con.execute("SELECT current_database(), count(*) FROM landing.t").fetchone() == (
        "restricted",
        600,
    )
    told = con.execute("SELECT * FROM duckdb_settings()").fetchall()
    told += con.execute("SELECT * FROM duckdb_databases()").fetchall()
    told += con.execute("SELECT * FROM duckdb_variables()").fetchall()
    assert KEY not in str(told)
    con.close()
    with connect(home, read_only=True) as reader:
        assert reader.execute("SELECT count(*) FROM landing.t").fetchone() == (600,)
        with pytest.raises(duckdb.Error):
            reader.execute("CREATE TABLE landing.u (x INTEGER)")


def test_query_log_has_no_key(home: Home, keyed: str, tmp_path: Path) -> None:
    _fill(home)
    con = duckdb.connect()
    at_rest.load_cryptography(con)
    con.execute("CALL enable_logging(level = 'TRACE')")
    at_rest.attach(con, home.restricted_db, KEY)
    lines = con.execute("SELECT message FROM duckdb_logs").fetchall()
    con.close()
    assert any("ENCRYPTION_KEY ?" in line for (line,) in lines)
    assert KEY not in str(lines)


def test_spill_is_encrypted_and_owner_only(home: Home, keyed: str) -> None:
    con = connect(home, Settings(engine=EngineSettings(memory_limit="60MB", threads=1)))
    con.execute(
        "CREATE TEMP TABLE big AS SELECT $1 || (range * 7919 % 999983) AS n, "
        "sha256(range::VARCHAR) AS h FROM range(900000)",
        [CANARY],
    )
    spilled = [path for path in (home.tmp / "spill").rglob("*") if path.is_file()]
    assert spilled
    assert sum(path.stat().st_size for path in spilled) > 1_000_000
    for path in (home.tmp / "spill", *spilled):
        assert path.stat().st_mode & 0o077 == 0
        assert path.is_dir() or b"ZQXNAMA" not in path.read_bytes()
    con.close()


def test_without_a_key_the_file_stays_shut(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(at_rest.DATABASE_KEY, KEY)
    _fill(home)
    monkeypatch.setenv(at_rest.DATABASE_KEY, "x" * 40)
    with pytest.raises(UsageError, match="does not open") as wrong:
        connect(home)
    monkeypatch.delenv(at_rest.DATABASE_KEY)
    with pytest.raises(UsageError, match="no key is set"):
        connect(home)
    monkeypatch.setenv(at_rest.DATABASE_KEY, "too short")
    with pytest.raises(UsageError, match="fewer than 32") as short:
        connect(home)
    assert "x" * 40 not in str(wrong.value)
    assert "too short" not in str(short.value)


def test_a_key_is_refused_for_a_clear_file_and_without_cryptography(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    _fill(home)
    monkeypatch.setenv(at_rest.DATABASE_KEY, KEY)
    with pytest.raises(UsageError, match="cakupan encrypt"):
        connect(home)
    monkeypatch.setattr(at_rest, "_PACKAGE", "no_such_package")
    new = Home(home.path / "new")
    with pytest.raises(UsageError, match=r"cakupan\[encryption\]"):
        connect(new)
    assert not new.restricted_db.exists()


def test_key_files_are_owner_only(home: Home, tmp_path: Path) -> None:
    file = tmp_path / "database.key"
    settings = Settings(encryption=EncryptionSettings(database_key=file))
    with pytest.raises(UsageError, match="does not exist"):
        connect(home, settings)
    file.write_text(KEY + "\n", "utf-8")
    file.chmod(0o644)
    with pytest.raises(UsageError, match="can be read by others"):
        connect(home, settings)
    file.chmod(0o600)
    connect(home, settings).close()
    assert at_rest.state_of(home.restricted_db) == "encrypted"


def test_a_home_is_converted_and_back(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    _fill(home)
    kept = home.deliveries / "farmers" / "2026-10" / "v1"
    kept.mkdir(parents=True)
    (kept / "a.csv").write_text(f"nama\n{CANARY}\n", "utf-8")
    (kept / "delivery.json").write_text("{}", "utf-8")
    identity = str(pyrage.x25519.Identity.generate())

    def call(*arguments: str) -> dict[str, object]:
        answer = CliRunner().invoke(app, [*arguments, "--home", str(home.path), "--json"])
        assert KEY not in answer.output
        assert identity not in answer.output
        return {"code": answer.exit_code, **json.loads(answer.stdout)}

    assert call("encrypt")["code"] == 2
    monkeypatch.setenv(at_rest.DATABASE_KEY, KEY)
    monkeypatch.setenv(at_rest.DELIVERIES_KEY, identity)
    before = {f["name"]: f for f in call("doctor")["findings"]}["encryption"]  # type: ignore[index, attr-defined]
    assert (before["state"], "cakupan encrypt" in before["message"]) == ("fail", True)
    assert call("encrypt") == {
        "code": 0, "status": "done", "encrypted": True, "tables": 1, "files": 1,
    }  # fmt: skip
    assert call("encrypt")["files"] == 0
    after = {f["name"]: f for f in call("doctor")["findings"]}["encryption"]  # type: ignore[index, attr-defined]
    assert after["state"] == "ok"
    for path in (p for p in home.path.rglob("*") if p.is_file()):
        assert b"ZQXNAMA" not in path.read_bytes(), path
    clear = at_rest.opened(home, kept, "a.csv", home.tmp)
    assert (CANARY in clear.read_text("utf-8"), clear.stat().st_mode & 0o077) == (True, 0)
    clear.unlink()
    monkeypatch.setenv(at_rest.DELIVERIES_KEY, str(pyrage.x25519.Identity.generate()))
    with pytest.raises(UsageError, match="does not open"):
        at_rest.opened(home, kept, "a.csv", home.tmp)
    assert not any(home.tmp.glob("clear-*"))
    monkeypatch.setenv(at_rest.DELIVERIES_KEY, identity)
    assert call("decrypt")["tables"] == 1
    monkeypatch.delenv(at_rest.DATABASE_KEY)
    with connect(home) as con:
        row = con.execute(
            "SELECT count(*), any_value(comment) FROM landing.t, duckdb_tables() "
            "WHERE table_name = 't'"
        ).fetchone()
    assert row == (5000, "ID: daftar")
    assert (kept / "a.csv").read_text("utf-8").endswith(f"{CANARY}\n")


def test_identity_is_checked_and_never_told(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(at_rest.DELIVERIES_KEY, "AGE-SECRET-KEY-1ZQXBROKEN")
    with pytest.raises(UsageError, match="no identity of age") as told:
        at_rest.deliveries_identity(home)
    assert "ZQXBROKEN" not in str(told.value)
    assert os.environ[at_rest.DELIVERIES_KEY]
