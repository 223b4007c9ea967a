"""A month is delivered, corrected, and delivered again: what replaces what is said everywhere."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path

import pyrage
import pytest
import yaml
from driving import SECOND, Lived, cakupan, run


@pytest.fixture
def outbox(tmp_path: Path) -> Path:
    folder = tmp_path / "outbox"
    folder.mkdir()
    return folder


@pytest.fixture
def settings(a_copy: Lived, tmp_path: Path, outbox: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The world's settings, with a key for one addressee and a target for two."""
    monkeypatch.setenv("CAKUPAN_PSEUDONYM_SECRET", "rahasia" * 6)
    values = yaml.safe_load((a_copy.world / "settings.yaml").read_text("utf-8"))
    values["extracts"] = {
        "processes": 1,
        "recipient_keys": {"13": [str(pyrage.x25519.Identity.generate().to_public())]},
        "targets": [{"url": str(outbox), "recipients": ["13", "16"]}],
    }
    file = tmp_path / "settings.yaml"
    file.write_text(yaml.safe_dump(values), "utf-8")
    return file


def hand_over(home: Path, settings: Path) -> dict[str, int]:
    """Make the extracts of two addressees and deliver them, as an officer does."""
    where = ("--home", home, "--period", SECOND, "--settings", settings, "--json")
    for addressee in (13, 16):
        made = cakupan("extract", *where, "--addressee", addressee)
        assert made.exit_code == 0, made.err
    sent = cakupan("deliver", *where)
    assert sent.exit_code == 0, sent.err
    return {name: sent.json[name] for name in ("sent", "standing")}


def at_target(outbox: Path) -> dict[str, dict]:
    """Give the manifests at the target, by their fingerprint."""
    contents = [path.read_bytes() for path in outbox.rglob("manifest.json")]
    return {sha256(content).hexdigest(): json.loads(content) for content in contents}


def test_a_corrected_month_replaces_the_one_that_was_delivered(
    a_copy: Lived, settings: Path, outbox: Path, tmp_path: Path
) -> None:
    assert hand_over(a_copy.home, settings) == {"sent": 2, "standing": 0}
    assert hand_over(a_copy.home, settings) == {"sent": 0, "standing": 2}
    first = at_target(outbox)
    assert {told["publication"] for told in first.values()} == {f"{SECOND}-1"}
    assert {told["replaces"] for told in first.values()} == {None}

    # The provider found that a third of its list was of another year.
    (source,) = (a_copy.world / "inbox" / "farmers" / SECOND).glob("*.csv")
    lines = source.read_bytes().splitlines(keepends=True)
    drop = tmp_path / "inbox" / "farmers" / SECOND
    drop.mkdir(parents=True)
    (drop / source.name).write_bytes(b"".join(lines[: len(lines) * 2 // 3]))
    again = run(a_copy.home, tmp_path / "inbox", SECOND, "--settings", settings)
    assert again.exit_code == 0, again.err
    assert again.json["publication"]["new"] is True

    assert hand_over(a_copy.home, settings) == {"sent": 2, "standing": 0}
    assert hand_over(a_copy.home, settings) == {"sent": 0, "standing": 2}
    both = at_target(outbox)
    assert len(both) == 4
    assert all(both[key] == told for key, told in first.items())
    recipients = {key: told["recipient"]["key"] for key, told in both.items()}
    for told in (told for key, told in both.items() if key not in first):
        assert told["publication"] == f"{SECOND}-2"
        assert told["replaces"] == f"{SECOND}-1"
        assert told["replaces_manifest_sha256"] in first
        assert recipients[told["replaces_manifest_sha256"]] == told["recipient"]["key"]
    log = (a_copy.home / "audit" / "audit.jsonl").read_text("utf-8")
    receipts = [e for e in map(json.loads, log.splitlines()) if e["action"] == "delivery.sent"]
    assert [entry["replaces"] for entry in receipts] == [None] * 2 + [f"{SECOND}-1"] * 2
    assert len({(e["manifest_sha256"], e["target"]) for e in receipts}) == len(receipts)
    assert cakupan("verify", "--home", a_copy.home).exit_code == 0
