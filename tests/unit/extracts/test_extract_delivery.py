"""An extract is delivered once and whole, and everything about it can be proven later."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest
from extract_world import PERIOD, make_publication
from sftp_server import PASSWORD, USER, SftpServer
from typer.testing import CliRunner

from pipelines.cli import app
from publishing.audit import AuditLog
from publishing.delivery.retention import retire, still_there
from publishing.delivery.sending import deliver
from publishing.delivery.targets import Target
from publishing.extracts.folder import check_folder
from publishing.extracts.issuing import issue
from warehouse.errors import CakupanError, GateBlocked, SourceDown, UsageError
from warehouse.home import Home
from warehouse.settings import DeliveryTarget, ExtractSettings, Settings


def to(*targets: DeliveryTarget) -> Settings:
    return Settings(extracts=ExtractSettings(processes=1, targets=targets))


@pytest.fixture(scope="session")
def issued_once(tmp_path_factory: pytest.TempPathFactory, published_once: Path) -> Path:
    home = Home(tmp_path_factory.mktemp("issued") / "home")
    shutil.copytree(published_once, home.path)
    for number in (15, 16):
        issue(home.ensure(), to(), PERIOD, addressees=[number])
    return home.path


@pytest.fixture
def issued(tmp_path: Path, issued_once: Path) -> Home:
    """A home with the extracts of two addressees."""
    shutil.copytree(issued_once, tmp_path / "home")
    return Home(tmp_path / "home").ensure()


@pytest.fixture
def outbox(tmp_path: Path) -> Path:
    folder = tmp_path / "outbox"
    folder.mkdir()
    return folder


@pytest.fixture
def server(outbox: Path) -> Iterator[SftpServer]:
    served = SftpServer(outbox)
    yield served
    served.close()


def sftp(server: SftpServer, monkeypatch: pytest.MonkeyPatch, **options: str) -> Settings:
    monkeypatch.setenv("SANDI_PENERIMA", PASSWORD)
    return to(
        DeliveryTarget(
            url=f"sftp://127.0.0.1:{server.port}/",
            recipients=("16",),
            options={"username": USER, "host_key_sha256": server.fingerprint, **options},
            secrets={"password": "SANDI_PENERIMA"},
        )
    )


def arrived(outbox: Path) -> list[Path]:
    return sorted(path.parent for path in outbox.rglob("manifest.json"))


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_folder_receives_what_is_its_own_with_a_receipt(issued: Home, outbox: Path) -> None:
    settings = to(DeliveryTarget(url=str(outbox), recipients=("16",)))
    report = deliver(issued, settings, PERIOD)
    assert (report.sent, report.standing, report.without_target) == (1, 0, 1)
    (folder,) = arrived(outbox)
    made = issued.path / "extracts" / f"{PERIOD}-1" / "16-komunikasi-dan-informatika"
    assert files(folder) == files(made)
    (receipt,) = AuditLog(issued).entries("delivery.sent")
    assert receipt["recipient"] == "16"
    assert receipt["agency"] == "Kementerian Komunikasi dan Digital"
    assert set(receipt["files"]) == set(files(made)) - {"manifest.json", "manifest.sig"}


def test_nothing_is_sent_twice(issued: Home, outbox: Path) -> None:
    settings = to(DeliveryTarget(url=str(outbox), recipients=("*",)))
    assert deliver(issued, settings, PERIOD).sent == 2
    for path in outbox.rglob("*"):
        if path.is_file():
            os.utime(path, (0, 0))
    again = deliver(issued, settings, PERIOD)
    assert (again.sent, again.standing, again.files) == (0, 2, 0)
    assert {p.stat().st_mtime for p in outbox.rglob("*") if p.is_file()} == {0}


def test_a_delivery_that_broke_off_is_completed_by_the_next(
    issued: Home, outbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = to(DeliveryTarget(url=str(outbox), recipients=("16",)))
    real, sent = Target.put, []

    def breaks(self, source: Path, path: str) -> None:
        if len(sent) == 4:
            raise SourceDown("target broke off")
        sent.append(path)
        real(self, source, path)

    monkeypatch.setattr(Target, "put", breaks)
    with pytest.raises(SourceDown, match="1 of 1 deliveries failed"):
        deliver(issued, settings, PERIOD)
    assert arrived(outbox) == []
    assert [e["recipient"] for e in AuditLog(issued).entries("delivery.failed")] == ["16"]
    monkeypatch.setattr(Target, "put", real)
    report = deliver(issued, settings, PERIOD)
    (folder,) = arrived(outbox)
    assert report.files == len(files(folder)) - 4


def test_one_target_that_is_down_does_not_keep_others_waiting(
    issued: Home, outbox: Path, tmp_path: Path
) -> None:
    (tmp_path / "blocked").write_text("a file, not a folder", "utf-8")
    settings = to(
        DeliveryTarget(url=str(tmp_path / "blocked"), recipients=("15",)),
        DeliveryTarget(url=str(outbox), recipients=("16",)),
    )
    with pytest.raises(SourceDown, match="1 of 2 deliveries failed"):
        deliver(issued, settings, PERIOD)
    assert len(arrived(outbox)) == 1


def test_sftp_receives_the_same_files(
    issued: Home, outbox: Path, server: SftpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert deliver(issued, sftp(server, monkeypatch), PERIOD).sent == 1
    (folder,) = arrived(outbox)
    assert check_folder(folder, (issued.path / "extracts" / "kunci-publik.pem").read_bytes()) == []
    assert not list(outbox.rglob("*.part"))


def test_sftp_that_breaks_off_is_completed(
    issued: Home, outbox: Path, server: SftpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.fail_after = 30_000
    with pytest.raises(SourceDown, match="deliveries failed") as told:
        deliver(issued, sftp(server, monkeypatch), PERIOD)
    assert PASSWORD not in str(told.value)
    assert arrived(outbox) == []
    server.fail_after = None
    assert deliver(issued, sftp(server, monkeypatch), PERIOD).sent == 1
    (folder,) = arrived(outbox)
    assert check_folder(folder, (issued.path / "extracts" / "kunci-publik.pem").read_bytes()) == []


def test_another_server_in_the_place_of_the_right_one_gets_nothing(
    issued: Home, outbox: Path, server: SftpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = sftp(server, monkeypatch, host_key_sha256="SHA256:" + "A" * 43)
    with pytest.raises(SourceDown, match="nothing was sent"):
        deliver(issued, wrong, PERIOD)
    without = sftp(server, monkeypatch, host_key_sha256="")
    with pytest.raises(UsageError, match="host_key_sha256"):
        deliver(issued, without, PERIOD)
    monkeypatch.setenv("SANDI_PENERIMA", "salah")
    bad = sftp(server, monkeypatch)
    monkeypatch.setenv("SANDI_PENERIMA", "salah")
    with pytest.raises(SourceDown, match="AuthenticationException"):
        deliver(issued, bad, PERIOD)
    assert list(outbox.iterdir()) == []


def test_a_password_in_a_url_is_refused(issued: Home) -> None:
    settings = to(DeliveryTarget(url="sftp://a:sandi@contoh.invalid/x", recipients=("16",)))
    with pytest.raises(UsageError, match="holds a password") as told:
        deliver(issued, settings, PERIOD)
    assert "sandi@" not in str(told.value)


def test_an_extract_that_was_changed_is_not_delivered(issued: Home, outbox: Path) -> None:
    made = issued.path / "extracts" / f"{PERIOD}-1" / "16-komunikasi-dan-informatika"
    (made / "LAMPIRAN.md").write_text("lain", "utf-8")
    with pytest.raises(GateBlocked, match="not the file that was signed"):
        deliver(issued, to(DeliveryTarget(url=str(outbox), recipients=("16",))), PERIOD)
    assert list(outbox.iterdir()) == []


def test_a_correction_is_delivered_beside_what_it_replaces(issued: Home, outbox: Path) -> None:
    settings = to(DeliveryTarget(url=str(outbox), recipients=("16",)))
    deliver(issued, settings, PERIOD)
    make_publication(issued, number=2)
    issue(issued, settings, PERIOD, addressees=[16])
    deliver(issued, settings, PERIOD)
    manifests = [json.loads((f / "manifest.json").read_text("utf-8")) for f in arrived(outbox)]
    told = {m["publication"]: m["replaces"] for m in manifests}
    assert told == {f"{PERIOD}-1": None, f"{PERIOD}-2": f"{PERIOD}-1"}
    assert [e["replaces"] for e in AuditLog(issued).entries("delivery.sent")] == [
        None, f"{PERIOD}-1",
    ]  # fmt: skip


def test_an_extract_that_is_made_anew_names_the_one_that_was_delivered(
    issued: Home, outbox: Path
) -> None:
    """The same publication, another key: what is sent again says of which it takes the place."""
    settings = to(DeliveryTarget(url=str(outbox), recipients=("16",)))
    deliver(issued, settings, PERIOD)
    assert issue(issued, settings, PERIOD, addressees=[16]).kept == 1
    made = issued.path / "extracts" / f"{PERIOD}-1" / "16-komunikasi-dan-informatika"
    first = sha256((made / "manifest.json").read_bytes()).hexdigest()
    (made / "LAMPIRAN.md").unlink()
    for expected in (1, 0):
        assert issue(issued, settings, PERIOD, addressees=[16]).made == expected
    for expected in (1, 0):
        assert issue(issued, settings, PERIOD, addressees=[16]).made == 0
        assert deliver(issued, settings, PERIOD).sent == expected
    told = json.loads((made / "manifest.json").read_text("utf-8"))
    assert (told["replaces"], told["replaces_manifest_sha256"]) == (f"{PERIOD}-1", first)
    assert f"{PERIOD}-1-{first[:12]}" in (made / "LAMPIRAN.md").read_text("utf-8")
    assert sorted(path.parent.name for path in arrived(outbox)) == sorted(
        f"{PERIOD}-1-{sha256((f / 'manifest.json').read_bytes()).hexdigest()[:12]}"
        for f in arrived(outbox)
    )
    assert [e["replaces_manifest_sha256"] for e in AuditLog(issued).entries("delivery.sent")] == [
        None, first,
    ]  # fmt: skip


def test_extracts_go_when_their_time_is_over_and_that_is_proven(issued: Home) -> None:
    root = issued.path / "extracts"
    assert retire(issued, "2027-10") == 0
    # 15 has a list of persons and is kept for 12 months, 16 for 24.
    assert retire(issued, "2027-11") == 1
    assert not (root / f"{PERIOD}-1" / "15-bumn").exists()
    assert (root / f"{PERIOD}-1" / "16-komunikasi-dan-informatika").exists()
    (entry,) = AuditLog(issued).entries("retention.deleted")
    assert (entry["recipient"], entry["kept_months"]) == ("15", 12)
    assert "coverage_national.csv" in entry["files"]
    assert retire(issued, "2027-11") == 0
    assert still_there(issued) == []


def test_what_should_be_deleted_and_is_not_is_found(issued: Home, tmp_path: Path) -> None:
    folder = issued.path / "extracts" / f"{PERIOD}-1" / "15-bumn"
    folder.rename(tmp_path / "kept")
    (tmp_path / "kept").rename(folder)
    copy = files(folder)
    retire(issued, "2027-11")
    folder.mkdir(parents=True)
    for name, content in copy.items():
        (folder / name).write_bytes(content)
    assert len(still_there(issued)) == 1
    done = CliRunner().invoke(app, ["verify", "--home", str(issued.path)])
    assert done.exit_code == 4


@pytest.mark.parametrize(
    ("tamper", "told"),
    [
        (lambda lines: [lines[0].replace('"15"', '"17"'), *lines[1:]], "line 1: was changed"),
        (lambda lines: [lines[0], *lines[2:]], "is not what audit.head says"),
        (lambda lines: lines[1:], "line 1: does not follow"),
        (lambda lines: [*lines, lines[-1]], "line 3: does not follow"),
        (lambda lines: [lines[0], lines[1][:-9]], "line 2: is no entry"),
        (lambda lines: [lines[0].replace(",", ", ", 1), lines[1]], "line 1: was changed"),
    ],
)
def test_a_changed_log_is_found_at_its_line(issued: Home, outbox: Path, tamper, told: str) -> None:
    log = AuditLog(issued)
    assert log.verify() == []
    lines = log.path.read_text("utf-8").splitlines()
    assert len(lines) == 2
    log.path.write_text("\n".join(tamper(lines)) + "\n", "utf-8")
    (fault,) = log.verify()
    assert told in fault
    with pytest.raises(GateBlocked):
        deliver(issued, to(DeliveryTarget(url=str(outbox), recipients=("*",))), PERIOD)
    assert list(outbox.iterdir()) == []


def test_a_log_that_lost_its_end_takes_nothing_more(issued: Home) -> None:
    log = AuditLog(issued)
    lines = log.path.read_text("utf-8").splitlines()
    log.path.write_text(lines[0] + "\n", "utf-8")
    with pytest.raises(CakupanError, match=r"audit\.head"):
        log.add([{"action": "x"}])
    log.path.unlink()
    assert log.verify()


def test_the_log_is_for_its_owner_alone(issued: Home) -> None:
    log = AuditLog(issued)
    for path in (log.folder, log.path, log.head):
        assert path.stat().st_mode & 0o077 == 0


def test_the_commands_deliver_verify_and_retire(issued: Home, outbox: Path) -> None:
    (issued.path / "settings.yaml").write_text(
        f"extracts: {{targets: [{{url: '{outbox}', recipients: ['16']}}]}}", "utf-8"
    )
    where = ["--home", str(issued.path)]
    done = CliRunner().invoke(app, ["deliver", *where, "--period", PERIOD, "--json"])
    assert json.loads(done.stdout)["sent"] == 1
    done = CliRunner().invoke(app, ["verify", *where, "--json"])
    assert (done.exit_code, json.loads(done.stdout)["extracts"]) == (0, 2)
    (folder,) = arrived(outbox)
    (folder / "LAMPIRAN.md").write_text("lain", "utf-8")
    key = str(issued.path / "extracts" / "kunci-publik.pem")
    done = CliRunner().invoke(app, ["verify", *where, str(folder), "--public-key", key])
    assert done.exit_code == 4
    assert "not the file that was signed" in done.output
    done = CliRunner().invoke(app, ["audit", "retire", *where, "--as-of", "2027-11", "--json"])
    assert json.loads(done.stdout)["deleted"] == 1


def test_the_command_answers_who_received(issued: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAKUPAN_PSEUDONYM_SECRET", "x" * 40)
    where = ["--home", str(issued.path)]
    nik = "3201900101900001"
    told = CliRunner().invoke(app, ["audit", "pseudonym", *where, "--json"], input=f"{nik}\n")
    assert told.exit_code == 0
    assert nik not in told.output
    pseudonym = json.loads(told.stdout)["pseudonym"]
    assert "audit pseudonym" in issued.access_log.read_text("utf-8")
    assert nik not in issued.access_log.read_text("utf-8")
    done = CliRunner().invoke(app, ["audit", "who-received", *where, pseudonym, "--json"])
    assert json.loads(done.stdout)["received"] == []
    assert [e["pseudonym"] for e in AuditLog(issued).entries("audit.asked")] == [pseudonym]
    assert CliRunner().invoke(app, ["audit", "who-received", *where, nik]).exit_code == 2
