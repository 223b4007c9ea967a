"""Faults 44 to 46: keys that are missing or wrong, figures too small, and bytes that changed."""

from __future__ import annotations

import json
import shutil
from functools import partial
from pathlib import Path

import duckdb
import pytest
from harness import elsewhere  # noqa: F401
from harness.readers import tiny_tables

from publishing.audit import AuditLog
from publishing.extracts.folder import check_folder
from publishing.extracts.issuing import issue
from warehouse.connection import connect
from warehouse.errors import CakupanError, GateBlocked, UsageError
from warehouse.home import Home
from warehouse.publication import publish
from warehouse.settings import ExtractSettings, Settings

PERIOD = "2026-10"
SECRET = "CAKUPAN_PSEUDONYM_SECRET"
NIK = "3171905203900001"


@pytest.fixture(scope="module")
def filled_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from extract_world import make_publication
    from list_world import fill_restricted

    home = Home(tmp_path_factory.mktemp("trust") / "home").ensure()
    make_publication(home)
    fill_restricted(home)
    return home.path


@pytest.fixture
def filled(filled_once: Path, tmp_path: Path) -> Home:
    """A home with a publication, its release, and people in the restricted warehouse."""
    shutil.copytree(filled_once, tmp_path / "home", symlinks=True)
    return Home(tmp_path / "home")


def _settings(*keys: str) -> Settings:
    given = {"13": keys} if keys else {}
    return Settings(extracts=ExtractSettings(processes=1, recipient_keys=given))


def _in_clear(home: Home) -> list[Path]:
    """Files outside of the restricted warehouse that tell of a person."""
    found = []
    for path in home.path.rglob("*"):
        if path.is_file() and path != home.restricted_db and path.parent != home.path:
            content = path.read_bytes()
            if b"ORANG " in content or b"320190" in content:
                found.append(path)
    return found


_KEYS = {
    "no secret for pseudonyms": (None, True, "secret"),
    "a secret that is too short": ("pendek", True, "32 bytes"),
    "no key of the recipient": ("x" * 40, False, "no key is set"),
}


@pytest.mark.parametrize("what", _KEYS)
@pytest.mark.fault(44, "a key is missing")
def test_44_without_a_key_no_list_is_written(
    filled: Home, monkeypatch: pytest.MonkeyPatch, what: str, shown
) -> None:
    import pyrage

    from publishing.extracts.contracts import load_extract_contracts
    from publishing.extracts.lists import ListWriter
    from publishing.extracts.recipients import Directory

    secret, keyed, told = _KEYS[what]
    monkeypatch.delenv(SECRET, raising=False)
    if secret:
        monkeypatch.setenv(SECRET, secret)
    key = str(pyrage.x25519.Identity.generate().to_public())
    if keyed:
        with pytest.raises(UsageError, match=told) as caught:
            issue(filled, _settings(key), PERIOD, addressees=[13])
        assert not secret or secret not in str(caught.value)
    else:
        contract = load_extract_contracts()[13]
        (recipient,) = Directory(PERIOD).recipients(contract)
        with (
            connect(filled, read_only=True) as con,
            ListWriter(con, filled, Settings(), PERIOD) as writer,
            pytest.raises(UsageError, match=told),
        ):
            writer.write(contract, contract.lists[0], recipient)
    assert list((filled.path / "extracts").rglob("*.age")) == []
    assert _in_clear(filled) == []
    shown(f"{what}: refused, nothing is written, nothing lies in clear")


@pytest.mark.fault(44, "another key than the recipient's")
def test_44_another_key_opens_nothing_and_other_secrets_give_other_names(
    filled: Home, monkeypatch: pytest.MonkeyPatch, shown
) -> None:
    import pyrage

    from publishing.pseudonyms import AUDIT, Pseudonyms

    right, wrong = (pyrage.x25519.Identity.generate() for _ in range(2))
    monkeypatch.setenv(SECRET, "x" * 40)
    issue(filled, _settings(str(right.to_public())), PERIOD, addressees=[13])
    lists = list((filled.path / "extracts").rglob("*.age"))
    assert lists
    for path in lists:
        with pytest.raises(pyrage.DecryptError):
            pyrage.decrypt(path.read_bytes(), [wrong])
        assert pyrage.decrypt(path.read_bytes(), [right])
    assert _in_clear(filled) == []
    one = Pseudonyms.load(_settings()).of(AUDIT, NIK)
    monkeypatch.setenv(SECRET, "y" * 40)
    assert Pseudonyms.load(_settings()).of(AUDIT, NIK) != one
    shown("lists open with the recipient's key alone; pseudonyms of two secrets have no relation")


@pytest.mark.fault(45, "a NIK or a name in a public table")
def test_45_an_identity_in_a_public_table_blocks(home: Home, con, shown) -> None:
    tiny_tables(con, 10)
    publish(con, home, Settings(), PERIOD)
    for text in (f"Kota {NIK}", f"x {NIK[:6]} {NIK[6:12]} {NIK[12:]}"):
        tiny_tables(con, 11)
        con.execute("UPDATE coverage.coverage_by_sector_region SET regency = ?", [text])
        with pytest.raises(GateBlocked) as caught:
            publish(con, home, Settings(), PERIOD)
        assert NIK not in str(caught.value)
        assert sorted(p.name for p in home.published.iterdir()) == ["2026-10-1", "current"]
    shown("the publication is blocked without quoting it; the one before stays")


@pytest.mark.fault(45, "small cells left unsuppressed")
def test_45_a_release_with_small_cells_blocks(
    home: Home, con, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shown
) -> None:
    from disclosure_world import people, write_exact

    import publishing.disclosure.release as releasing
    from publishing.disclosure import beside
    from publishing.disclosure.suppression import Protected
    from warehouse.tables import table_specs

    exact = tmp_path / "exact.duckdb"
    write_exact(exact, people(1, provinces=1, regencies=2, mean=25))
    tiny_tables(con, 10)
    con.execute(f"ATTACH '{exact}' AS exact (READ_ONLY)")
    for name, spec in table_specs().items():
        if name.startswith("coverage_") and name != "coverage_change":
            con.execute(f"DELETE FROM {spec.qualified}")
            con.execute(f"INSERT INTO {spec.qualified} BY NAME FROM exact.{spec.qualified}")
    con.execute("DETACH exact")
    maker = partial(beside, published=home.published, storage_version="v1.2.0")
    first = publish(con, home, Settings(), PERIOD, beside=maker)
    careful = releasing.protect
    monkeypatch.setattr(
        releasing, "protect", lambda frame, *_: Protected(*(2 * [careful(frame).first]), [])
    )
    with pytest.raises(GateBlocked, match="coverage_by_"):
        publish(con, home, Settings(), PERIOD, reason="lagi", beside=maker)
    assert (home.published / "current").resolve() == first.path
    assert [p.name for p in home.published.iterdir() if p.name.startswith(".")] == []
    shown("a release that an outsider could solve for a small cell is not switched to")


@pytest.mark.fault(46, "a byte of the audit log")
def test_46_every_changed_byte_of_the_audit_log_is_found(filled: Home, shown) -> None:
    for number in (15, 16, 17):
        issue(filled, _settings(), PERIOD, addressees=[number])
    log = AuditLog(filled)
    assert log.verify() == []
    whole = log.path.read_bytes()
    starts = [0]
    for line in whole.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    places = list(range(0, len(whole), 97))
    for place in places:
        changed = bytearray(whole)
        changed[place] ^= 0x01
        log.path.write_bytes(changed)
        line = sum(1 for start in starts if start <= place)
        faults = log.verify()
        assert faults, place
        # A line end that becomes another byte joins two lines: found at the first of them.
        assert f"line {line}:" in faults[0], (place, faults)
    log.path.write_bytes(whole)
    assert log.verify() == []
    log.path.write_bytes(b"\n".join(whole.splitlines()[:-1]) + b"\n")
    with pytest.raises(CakupanError):
        log.add([{"action": "x"}])
    shown("a flipped bit in any place is found at its line; a log cut short takes nothing more")


@pytest.mark.fault(46, "a byte of a manifest or of what it names")
def test_46_every_changed_byte_of_a_manifest_is_found(filled: Home, shown) -> None:
    from publishing.extracts.making import the_signer

    issue(filled, _settings(), PERIOD, addressees=[16])
    (manifest,) = (filled.path / "extracts").rglob("manifest.json")
    key = the_signer(filled, _settings()).public_pem
    assert check_folder(manifest.parent, key) == []
    named = [entry["name"] for entry in json.loads(manifest.read_text("utf-8"))["files"]]
    for path in (manifest, manifest.parent / named[0], manifest.parent / named[-1]):
        whole = path.read_bytes()
        for place in range(0, len(whole), max(len(whole) // 12, 1)):
            changed = bytearray(whole)
            changed[place] ^= 0x01
            path.chmod(0o600)
            path.write_bytes(changed)
            assert check_folder(manifest.parent, key), (path.name, place)
        path.write_bytes(whole)
    assert check_folder(manifest.parent, key) == []
    shown("a flipped bit in the manifest or in a file that it names is found by the signature")


@pytest.mark.fault(46, "the manifest of a publication")
def test_46_a_publication_is_told_apart_from_its_manifest(home: Home, con, shown) -> None:
    from harness.content import damage

    tiny_tables(con, 10)
    made = publish(con, home, Settings(), PERIOD)
    assert damage(home.path) == []
    with duckdb.connect(str(made.warehouse)) as other:
        other.execute("UPDATE coverage.coverage_national SET workers = workers + 1")
    assert damage(home.path) == ["2026-10-1/cakupan.duckdb differs from its manifest"]
    shown("the manifest's sha256 tells a published file that was changed")
