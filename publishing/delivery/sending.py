"""Sending extracts: each once, whole, checked before and after, with a receipt.

Belongs here: which extracts go where, going on after a failure, and receipts. Does not belong
here: targets themselves (targets.py) and how extracts are made.

A file is at the target under its name only once it is whole, and the manifest goes last: a
folder there with a manifest is complete. The folder's name has the manifest's fingerprint, so
what lies there already is this very extract; a delivery that broke off goes on with what is
missing. A receipt in the audit log says that it is done and keeps it from being sent again.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from publishing.audit import AuditLog
from publishing.delivery.targets import Target, targets_of
from publishing.extracts.folder import MANIFEST, SIGNATURE, check_folder
from publishing.extracts.making import extracts_root, find_release, the_signer
from publishing.extracts.recipients import check_recipients
from warehouse.connection import check_period
from warehouse.errors import CakupanError, GateBlocked, SourceDown
from warehouse.home import OWNER_ONLY, Home
from warehouse.settings import DeliveryTarget, Settings

Log = Callable[[str], None]


@dataclass
class DeliveryReport:
    """What was delivered.

    Attributes:
        publication: `<period>-<n>`.
        sent: extracts delivered now.
        standing: extracts that had a receipt already.
        files: files sent now.
        without_target: recipients that no target of the settings fits.
        failed: recipient and what went wrong.
    """

    publication: str
    sent: int = 0
    standing: int = 0
    files: int = 0
    without_target: int = 0
    failed: list[tuple[str, str]] = field(default_factory=list)


def deliver(
    home: Home,
    settings: Settings,
    period: str,
    *,
    recipients: Sequence[str] | None = None,
    log: Log | None = None,
) -> DeliveryReport:
    """Deliver the extracts of a month's latest publication to their targets.

    Args:
        home: whose extracts are sent.
        settings: the targets.
        period: the month.
        recipients: keys such as `13` or `24/31`; all of them where left out.
        log: told what is done.

    Returns:
        What was delivered. A target that is down does not keep the others from theirs.

    Raises:
        UsageError: a target of the settings is no use, or there is no such recipient.
        GateBlocked: there are no extracts, or one is not as it was signed and logged.
        SourceDown: some target was down; the others have their extracts.
    """
    check_period(period)
    check_recipients(settings, period, recipients or ())
    with _lock(home):
        report = _deliver(home, settings, period, recipients, log or (lambda _: None))
    if report.failed:
        told = "; ".join(f"{key}: {why}" for key, why in report.failed[:5])
        raise SourceDown(
            f"{len(report.failed)} of {len(report.failed) + report.sent} deliveries failed; the "
            f"others are done, and the next run goes on with these. {told}"
        )
    return report


def _deliver(
    home: Home, settings: Settings, period: str, recipients: Sequence[str] | None, say: Log
) -> DeliveryReport:
    signer = the_signer(home, settings)
    audit = AuditLog(home, signer)
    if faults := audit.verify():
        raise GateBlocked(f"{faults[0]}; nothing is delivered before that is understood")
    publication = find_release(home, period).name
    root = extracts_root(home) / publication
    report = DeliveryReport(publication)
    receipts = {(e["manifest_sha256"], e["target"]) for e in audit.entries("delivery.sent")}
    logged = {e["manifest_sha256"] for e in audit.entries("extract.made")}
    public_pem = signer.public_pem
    folders = sorted(p.parent for p in [*root.glob(f"*/{MANIFEST}"), *root.glob(f"*/*/{MANIFEST}")])
    if not folders:
        raise GateBlocked(
            f"there are no extracts in {root}: cakupan extract --period {period} --all"
        )
    for folder in folders:
        content = (folder / MANIFEST).read_bytes()
        manifest = json.loads(content)
        key, sha256 = manifest["recipient"]["key"], hashlib.sha256(content).hexdigest()
        if recipients is not None and key not in recipients:
            continue
        targets = targets_of(settings, key)
        report.without_target += not targets
        for target in targets:
            if (sha256, target.url) in receipts:
                report.standing += 1
                continue
            faults = check_folder(folder, public_pem)
            if faults or sha256 not in logged:
                raise GateBlocked(
                    (faults or [f"{folder} is not in the audit log"])[0]
                    + "; nothing more is delivered. Make the extract anew."
                )
            done = _one(report, audit, folder, manifest, sha256, target)
            say(f"{key}: {target.url}{'' if done else ' failed'}")
    return report


def _one(
    report: DeliveryReport,
    audit: AuditLog,
    folder: Path,
    manifest: dict[str, Any],
    sha256: str,
    target: DeliveryTarget,
) -> bool:
    recipient = manifest["recipient"]
    common = {
        "recipient": recipient["key"],
        "title": recipient["title"],
        "period": manifest["period"],
        "publication": manifest["publication"],
        "manifest_sha256": sha256,
        "target": target.url,
    }
    try:
        remote, sent = _send(folder, manifest, sha256, Target(target, recipient["key"]))
    except SourceDown as error:
        report.failed.append((recipient["key"], str(error)))
        audit.add([{"action": "delivery.failed", **common, "reason": str(error)}])
        return False
    audit.add(
        [
            {
                "action": "delivery.sent",
                **common,
                "agency": recipient["agency"],
                "folder": remote,
                "replaces": manifest["replaces"],
                "replaces_manifest_sha256": manifest.get("replaces_manifest_sha256"),
                "files": {f["name"]: f["sha256"] for f in manifest["files"]},
            }
        ]
    )
    report.sent += 1
    report.files += sent
    return True


def _send(folder: Path, manifest: dict[str, Any], sha256: str, target: Target) -> tuple[str, int]:
    """Send what is not there yet; the manifest last. Gives the folder there, and files sent."""
    place = manifest["recipient"]["region_code"]
    name = manifest["contract"]["name"] + (f"-{place}" if place else "")
    remote = f"{manifest['publication']}-{sha256[:12]}/{name}"
    sent = 0
    for file in [*(entry["name"] for entry in manifest["files"]), SIGNATURE, MANIFEST]:
        source = folder / file
        if target.size(f"{remote}/{file}") != source.stat().st_size:
            target.put(source, f"{remote}/{file}")
            sent += 1
    if target.read(f"{remote}/{MANIFEST}") != (folder / MANIFEST).read_bytes():
        raise SourceDown(f"target {target.url} does not give back the manifest that was sent")
    return remote, sent


@contextmanager
def _lock(home: Home) -> Iterator[None]:
    """Keep two senders of one home apart, so that nothing goes out twice."""
    root = extracts_root(home)
    root.mkdir(parents=True, exist_ok=True, mode=OWNER_ONLY)
    descriptor = os.open(root / ".sending", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        held = False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            held = True
        if held:
            raise CakupanError(
                f"another process delivers extracts of {home.path}: wait for its end"
            )
        yield
    finally:
        os.close(descriptor)
