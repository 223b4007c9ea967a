"""What goes wrong around an extract is told, and nothing half-sent looks whole or goes twice."""

from __future__ import annotations

import fcntl
import os
import resource
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyrage
import pytest
from extract_world import PERIOD
from typer.testing import CliRunner

from pipelines.cli import app
from publishing.audit import AuditLog
from publishing.delivery.retention import unlogged
from publishing.delivery.sending import deliver
from publishing.extracts.issuing import issue
from warehouse.errors import CakupanError, SourceDown, UsageError
from warehouse.home import Home
from warehouse.settings import DeliveryTarget, ExtractSettings, Settings


def settings(outbox: Path | None = None, **keys: tuple[str, ...]) -> Settings:
    targets = (DeliveryTarget(url=str(outbox), recipients=("16",)),) if outbox else ()
    return Settings(extracts=ExtractSettings(processes=1, targets=targets, recipient_keys=keys))


@pytest.fixture(scope="module")
def issued_16(tmp_path_factory: pytest.TempPathFactory, published_once: Path) -> Path:
    home = Home(tmp_path_factory.mktemp("sixteen") / "home")
    shutil.copytree(published_once, home.path)
    issue(home.ensure(), settings(), PERIOD, addressees=[16])
    return home.path


@pytest.fixture
def issued(tmp_path: Path, issued_16: Path) -> Home:
    """A home with the extract of one addressee."""
    shutil.copytree(issued_16, tmp_path / "home")
    return Home(tmp_path / "home").ensure()


@contextmanager
def full_after(size: int) -> Iterator[None]:
    """As on a disk that takes no more: every file ends after so many bytes."""
    kept = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, kept[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, kept)


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Hold a lock as another process would."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        yield
    finally:
        os.close(descriptor)


def test_a_target_that_is_full_gets_nothing_that_looks_whole(issued: Home, tmp_path: Path) -> None:
    outbox = tmp_path / "outbox"
    made = issued.path / "extracts" / f"{PERIOD}-1" / "16-komunikasi-dan-informatika"
    largest = max(path.stat().st_size for path in made.iterdir())
    with full_after(largest - 1), pytest.raises(SourceDown, match="broke off"):
        deliver(issued, settings(outbox), PERIOD)
    assert not list(outbox.rglob("manifest.json"))
    sizes = {path.name: path.stat().st_size for path in made.iterdir()}
    there = [path for path in outbox.rglob("*") if path.is_file()]
    assert all(path.stat().st_size == sizes.get(path.name, -1) or path.suffix == ".part"
               for path in there)  # fmt: skip
    assert deliver(issued, settings(outbox), PERIOD).sent == 1
    assert deliver(issued, settings(outbox), PERIOD).standing == 1
    (folder,) = (path.parent for path in outbox.rglob("manifest.json"))
    assert {path.name: path.stat().st_size for path in folder.iterdir()} == sizes


def test_a_second_maker_takes_nothing_that_waits_for_its_entry(
    issued: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    add, refused = AuditLog.add, []

    def add_while_another_comes(log: AuditLog, entries: Sequence[dict[str, Any]]) -> None:
        with monkeypatch.context() as patched:
            patched.setattr(AuditLog, "add", add)
            try:
                issue(issued, settings(), PERIOD, addressees=[15])
            except CakupanError as error:
                refused.append(str(error))
        add(log, entries)

    monkeypatch.setattr(AuditLog, "add", add_while_another_comes)
    made = issue(issued, settings(), PERIOD, addressees=[15])
    assert len(refused) == 1
    assert "makes extracts" in refused[0]
    assert all((folder / "manifest.json").is_file() for folder in made.written)
    assert unlogged(issued) == []


@pytest.mark.parametrize(
    ("lock", "act", "told"),
    [
        (".lock", lambda home: issue(home, settings(), PERIOD, addressees=[16]), "makes extracts"),
        (".sending", lambda home: deliver(home, settings(home.path / "out"), PERIOD), "delivers"),
    ],
)
def test_two_at_once_are_kept_apart(
    issued: Home, lock: str, act: Callable[[Home], object], told: str
) -> None:
    with held(issued.path / "extracts" / lock), pytest.raises(CakupanError, match=told):
        act(issued)
    assert not list((issued.path / "out").rglob("*"))
    act(issued)


def test_a_recipient_that_there_is_not_is_told_wherever_it_is_named(
    issued: Home, tmp_path: Path
) -> None:
    key = str(pyrage.x25519.Identity.generate().to_public())
    with pytest.raises(UsageError, match=r"recipient_keys names '3', which is no recipient"):
        issue(issued, settings(**{"3": (key,)}), PERIOD, addressees=[3])
    target = DeliveryTarget(url=str(tmp_path / "out"), recipients=("16", "27*"))
    wrong = Settings(extracts=ExtractSettings(processes=1, targets=(target,)))
    with pytest.raises(UsageError, match=r"extracts\.targets names '27\*'"):
        deliver(issued, wrong, PERIOD)
    call = ["--home", str(issued.path), "--period", PERIOD]
    done = CliRunner().invoke(app, ["deliver", *call, "--recipient", "24/99"])
    assert done.exit_code == 2
    assert "24/99" in done.output
    assert CliRunner().invoke(app, ["extract", *call, "--addressee", "27"]).exit_code == 2
    assert not (tmp_path / "out").exists()


def test_a_target_whose_package_is_missing_names_the_package(
    issued: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(*_: object, **__: object) -> None:
        raise ImportError("Install s3fs to access S3")

    monkeypatch.setattr("publishing.delivery.targets.url_to_fs", missing)
    target = DeliveryTarget(url="s3://ember/cakupan", recipients=("16",))
    with pytest.raises(UsageError, match="Install s3fs"):
        deliver(issued, Settings(extracts=ExtractSettings(targets=(target,))), PERIOD)
