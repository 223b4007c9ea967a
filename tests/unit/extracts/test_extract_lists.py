"""A list goes to one key, holds what its contract says, and leaves nothing in clear."""

from __future__ import annotations

import io
import json
import shutil
import threading
from pathlib import Path

import duckdb
import openpyxl
import pyrage
import pytest
from list_world import HOSTILE, PERIOD, decrypted_rows, fill_restricted

from publishing.audit import AuditLog
from publishing.encryption import EncryptedFile, read_keys
from publishing.extracts.contracts import load_extract_contracts
from publishing.extracts.issuing import issue
from publishing.extracts.lists import ListWriter
from publishing.extracts.recipients import Directory
from publishing.pseudonyms import AUDIT, Pseudonyms
from warehouse.connection import connect
from warehouse.errors import CakupanError, UsageError
from warehouse.home import Home
from warehouse.settings import ExtractSettings, Settings

SECRET = "rahasia-uji-yang-cukup-panjang-0123456789"


@pytest.fixture(scope="session")
def identity() -> pyrage.x25519.Identity:
    return pyrage.x25519.Identity.generate()


@pytest.fixture(autouse=True)
def secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAKUPAN_PSEUDONYM_SECRET", SECRET)


@pytest.fixture(scope="session")
def filled_once(tmp_path_factory: pytest.TempPathFactory, published_once: Path) -> Path:
    home = Home(tmp_path_factory.mktemp("filled") / "home")
    shutil.copytree(published_once, home.path)
    fill_restricted(home.ensure())
    return home.path


@pytest.fixture
def filled(tmp_path: Path, filled_once: Path) -> Home:
    """A home with a publication and a restricted warehouse."""
    shutil.copytree(filled_once, tmp_path / "home")
    return Home(tmp_path / "home").ensure()


def with_keys(identity: pyrage.x25519.Identity, *recipients: str) -> Settings:
    keys = {recipient: (str(identity.to_public()),) for recipient in recipients}
    return Settings(extracts=ExtractSettings(processes=1, recipient_keys=keys))


def issued(home: Home, settings: Settings, number: int, region: str | None = None) -> Path:
    report = issue(home, settings, PERIOD, addressees=[number], region=region)
    return report.folder / load_extract_contracts()[number].folder / (region or "")


def opened(folder: Path, name: str, identity: pyrage.x25519.Identity) -> list[dict[str, object]]:
    content = (folder / f"{name}.parquet.age").read_bytes()
    return decrypted_rows(pyrage.decrypt(content, [identity]))


def test_a_provider_gets_the_uncovered_of_its_own_list(filled: Home, identity) -> None:
    folder = issued(filled, with_keys(identity, "13"), 13)
    found = opened(folder, "uncovered_workers", identity)
    # Linked, eligible, and not even possibly active.
    expected = {f"F{n}" for n in range(1000) if n % 3 and n % 10 != 7 and (n % 50 != 1 or n == 1)}
    assert {row["record_id"] for row in found} == expected
    assert list(found[0]) == [
        "pseudonym", "dataset", "record_id", "full_name", "region_code", "cover_state",
    ]  # fmt: skip
    states = {row["record_id"]: row["cover_state"] for row in found}
    assert (states["F5"], states["F2"]) == ("inactive", "unregistered")


def test_another_provider_gets_none_of_them(filled: Home, identity) -> None:
    folder = issued(filled, with_keys(identity, "14"), 14)
    assert opened(folder, "uncovered_workers", identity) == []


def test_pseudonyms_are_of_one_recipient_alone(filled: Home, identity) -> None:
    settings = with_keys(identity, "13", "23")
    mine = opened(issued(filled, settings, 13), "uncovered_workers", identity)
    other = opened(issued(filled, settings, 23), "uncovered_population", identity)
    assert not {r["pseudonym"] for r in mine} & {r["pseudonym"] for r in other}
    by_nik = {row["nik"]: row["pseudonym"] for row in other}
    nik, pseudonym = next(iter(by_nik.items()))
    assert pseudonym == Pseudonyms(SECRET.encode()).of("23", nik)
    again = opened(issued(filled, settings, 13), "uncovered_workers", identity)
    assert {r["pseudonym"] for r in again} == {r["pseudonym"] for r in mine}


def test_the_population_register_gets_the_records_whose_nik_failed(filled: Home, identity) -> None:
    found = opened(issued(filled, with_keys(identity, "04"), 4), "failed_identifiers", identity)
    assert {row["record_id"] for row in found} == {f"F{n}" for n in range(1000) if n % 10 == 7}
    assert {row["reason_id"] for row in found} == {"NIK tidak 16 digit"}
    assert len({row["pseudonym"] for row in found}) == len(found)


def test_flags_that_rest_on_tax_data_go_to_two_addressees_alone(filled: Home, identity) -> None:
    settings = with_keys(identity, "03", "09", "25/3201")
    tax = opened(issued(filled, settings, 9), "employers_flagged", identity)
    assert {row["employer_name"]: row["flags"] for row in tax} == {
        "PT TERBUKA": "PWBD; PDS_UPAH", "PT PAJAK": "PWBD", "PT JAUH": "ARREARS",
    }  # fmt: skip
    line = opened(issued(filled, settings, 3), "employers_to_follow", identity)
    assert {row["employer_name"]: row["flags_without_tax"] for row in line} == {
        "PT TERBUKA": "PWBD", "PT JAUH": "ARREARS",
    }  # fmt: skip
    assert not {"flags", "missing_wage", "evidence_sources"} & set(line[0])
    regent = opened(issued(filled, settings, 25, "3201"), "employers_to_follow", identity)
    assert [row["employer_name"] for row in regent] == ["PT TERBUKA"]


def test_the_workbook_of_a_list_keeps_nik_and_name_as_text(filled: Home, identity) -> None:
    folder = issued(filled, with_keys(identity, "23"), 23)
    content = pyrage.decrypt((folder / "uncovered_population.xlsx.age").read_bytes(), [identity])
    sheet = openpyxl.load_workbook(io.BytesIO(content)).worksheets[0]
    cells = {row[1].value: row for row in sheet.iter_rows(min_row=5)}
    assert all(row[1].data_type == "s" and len(nik) == 16 for nik, row in cells.items())
    hostile = next(row for row in cells.values() if row[2].value == HOSTILE)
    assert hostile[2].data_type == "s"
    csv = pyrage.decrypt((folder / "uncovered_population.csv.age").read_bytes(), [identity])
    assert b"\"'=HYPERLINK" in csv


def test_a_list_without_a_key_is_withheld_and_the_extract_says_so(filled: Home, identity) -> None:
    folder = issued(filled, with_keys(identity, "13"), 14)
    assert list(folder.glob("*.age")) == []
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    assert [entry["list"] for entry in manifest["withheld"]] == ["uncovered_workers"]
    assert "kunci penerima" in (folder / "LAMPIRAN.md").read_text("utf-8")


def test_a_key_that_comes_later_has_the_extract_made_anew(filled: Home, identity) -> None:
    folder = issued(filled, Settings(extracts=ExtractSettings(processes=1)), 13)
    assert list(folder.glob("*.age")) == []
    issued(filled, with_keys(identity, "13"), 13)
    assert len(list(folder.glob("*.age"))) == 3


def test_writing_a_list_without_a_key_or_a_secret_is_refused(
    filled: Home, identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    contract = load_extract_contracts()[13]
    (recipient,) = Directory(PERIOD).recipients(contract)
    con = connect(filled, read_only=True)
    with ListWriter(con, filled, Settings(), PERIOD) as writer:
        with pytest.raises(UsageError, match="no key is set"):
            writer.write(contract, contract.lists[0], recipient)
        assert list(writer.staging.rglob("*")) == []
    con.close()
    monkeypatch.delenv("CAKUPAN_PSEUDONYM_SECRET")
    with pytest.raises(UsageError, match="secret for pseudonyms"):
        issue(filled, with_keys(identity, "13"), PERIOD, addressees=[13])
    assert list((filled.path / "extracts").rglob("*.age")) == []


@pytest.mark.parametrize("key", ["age1nokey", "AGE-SECRET-KEY-1QQQ"])
def test_a_bad_key_is_refused_without_being_told(filled: Home, key: str) -> None:
    settings = Settings(extracts=ExtractSettings(processes=1, recipient_keys={"13": (key,)}))
    with pytest.raises(UsageError, match="is no public key") as told:
        issue(filled, settings, PERIOD, addressees=[13])
    assert key not in str(told.value)


def test_nothing_in_clear_is_left_behind(filled: Home, identity) -> None:
    issued(filled, with_keys(identity, "13", "23"), 23)
    issued(filled, with_keys(identity, "13", "23"), 13)
    needles = [b"ORANG 2", b"HYPERLINK(", b"320190"]
    outside = [p for p in filled.path.rglob("*") if p.is_file() and p != filled.restricted_db]
    assert outside
    for path in outside:
        content = path.read_bytes()
        assert not any(needle in content for needle in needles), path
    assert not (filled.path / "extracts" / ".lists").exists() or not list(
        (filled.path / "extracts" / ".lists").iterdir()
    )


def test_what_a_killed_run_staged_is_cleared_away(filled: Home, identity) -> None:
    left = filled.path / "extracts" / ".lists" / "killed" / "13"
    left.mkdir(parents=True)
    (left / "uncovered_workers.csv.age").write_bytes(b"half")
    issue(filled, with_keys(identity, "13"), PERIOD, addressees=[13])
    assert list((filled.path / "extracts" / ".lists").iterdir()) == []


def test_a_failure_half_way_leaves_nothing(filled: Home, identity, monkeypatch) -> None:
    def broken(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("publishing.extracts.lists._workbook", broken)
    with pytest.raises(CakupanError, match="No space left"):
        issue(filled, with_keys(identity, "13"), PERIOD, addressees=[13])
    left = [p for p in (filled.path / "extracts").rglob("*") if p.is_file()]
    assert not [p for p in left if ".age" in p.name or p.suffix in (".csv", ".parquet")]


def test_what_the_database_says_of_a_row_is_not_told(
    filled: Home, identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        ListWriter, "_query", lambda *_: "SELECT CAST('ORANG RAHASIA' AS INTEGER) AS pseudonym"
    )
    with pytest.raises(CakupanError, match="ConversionException") as told:
        issue(filled, with_keys(identity, "13"), PERIOD, addressees=[13])
    assert "RAHASIA" not in str(told.value)
    assert told.value.__context__ is None


def write_much(file: EncryptedFile) -> None:
    with file:
        for _ in range(100):
            file.write(b"a" * 1_000_000)


def test_an_encryption_that_fails_tells_the_writer_and_leaves_no_file(
    tmp_path: Path, identity, monkeypatch
) -> None:
    def fails(source, *_: object) -> None:
        source.read(10)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("publishing.encryption.pyrage.encrypt_io", fails)
    path = tmp_path / "x.age"
    with pytest.raises(CakupanError, match="No space left"):
        write_much(EncryptedFile(path, read_keys([str(identity.to_public())], "13")))
    assert not path.exists()
    assert not [t for t in threading.enumerate() if t.name == "encryption"]


def test_who_received_a_person_is_answered_by_any_pseudonym(filled: Home, identity) -> None:
    settings = with_keys(identity, "13", "23")
    issue(filled, settings, PERIOD, addressees=[13])
    issue(filled, settings, PERIOD, addressees=[23])
    names, log = Pseudonyms(SECRET.encode()), AuditLog(filled)
    with duckdb.connect(str(filled.restricted_db), read_only=True) as con:
        niks = dict(con.execute("SELECT full_name, nik FROM spine.persons").fetchall())
    for pseudonym in (names.of(AUDIT, niks["ORANG 2"]), names.of("13", niks["ORANG 2"])):
        found = log.who_received(pseudonym)
        assert [(r.recipient, r.table) for r in found] == [
            ("13", "uncovered_workers"), ("23", "uncovered_population"),
        ]  # fmt: skip
        assert found[0].purpose.startswith("Mendorong perlindungan petani")
    assert log.who_received(names.of(AUDIT, niks["ORANG 3"])) == []
    with pytest.raises(UsageError, match="a pseudonym has 32"):
        log.who_received(niks["ORANG 2"])


def test_a_person_index_that_was_changed_is_not_believed(filled: Home, identity) -> None:
    issue(filled, with_keys(identity, "13"), PERIOD, addressees=[13])
    log = AuditLog(filled)
    (index,) = log.indexes.iterdir()
    index.write_bytes(index.read_bytes()[:-1])
    with pytest.raises(CakupanError, match="missing or was changed"):
        log.who_received("0" * 32)


def test_the_log_tells_fields_rows_and_purpose_of_each_extract(filled: Home, identity) -> None:
    issue(filled, with_keys(identity, "13"), PERIOD, addressees=[13])
    (made,) = AuditLog(filled).entries("extract.made")
    assert made["fields"]["uncovered_workers"][:2] == ["pseudonym", "dataset"]
    assert made["rows"]["coverage_national"] == 6
    assert made["legal_basis"][0].startswith("Inpres 2/2021")
    (listed,) = AuditLog(filled).entries("extract.list")
    assert listed["rows"] == made["rows"]["uncovered_workers"]
    issue(filled, with_keys(identity, "13"), PERIOD, addressees=[13])
    assert len(list(AuditLog(filled).entries("extract.made"))) == 1


def test_an_extract_whose_making_was_not_logged_is_made_anew(filled: Home, identity) -> None:
    folder = issued(filled, with_keys(identity, "13"), 13)
    log = AuditLog(filled)
    log.path.unlink()
    log.head.unlink()
    before = (folder / "manifest.json").read_bytes()
    issued(filled, with_keys(identity, "13"), 13)
    assert (folder / "manifest.json").read_bytes() != before
    assert len(list(log.entries("extract.made"))) == 1


def test_a_long_list_passes_in_batches_and_comes_back_whole(
    released: Home, identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    """docs/extracts.md states the figures of a list of millions; this has many batches."""
    monkeypatch.setattr("publishing.extracts.lists.BATCH", 2_048)
    monkeypatch.setattr("publishing.extracts.lists.XLSX_ROWS", 5_000)
    people = 20_000
    fill_restricted(released, people=people)
    folder = issued(released, with_keys(identity, "23"), 23)
    found = opened(folder, "uncovered_population", identity)
    expected = {f"ORANG {n}" for n in range(2, people) if n % 3 and n % 50 != 1} | {HOSTILE}
    assert {row["full_name"] for row in found} == expected
    assert len(found) == len(expected)
    # A workbook would hold it in memory whole.
    assert not (folder / "uncovered_population.xlsx.age").exists()
    csv = pyrage.decrypt((folder / "uncovered_population.csv.age").read_bytes(), [identity])
    assert csv.count(b"\n") == len(expected) + 1
