"""Issuing a month's extracts: made, with their lists, and every one of them in the audit log.

Belongs here: the order of the steps behind `cakupan extract`. Does not belong here: the steps.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import duckdb

from publishing.audit import AuditLog
from publishing.extracts.contracts import ExtractContract
from publishing.extracts.folder import MANIFEST
from publishing.extracts.lists import NO_DATA, NO_KEY, ListWriter, list_state
from publishing.extracts.making import (
    ExtractReport,
    ListMaker,
    ListsOf,
    Log,
    extracts_root,
    find_release,
    make_extracts,
    only_maker,
    the_signer,
)
from publishing.extracts.notes import Delivered
from publishing.extracts.recipients import Recipient, check_recipients
from warehouse.connection import connect
from warehouse.errors import CakupanError
from warehouse.home import Home
from warehouse.settings import Settings


def issue(
    home: Home,
    settings: Settings,
    period: str,
    *,
    addressees: Sequence[int] | None = None,
    region: str | None = None,
    con: duckdb.DuckDBPyConnection | None = None,
    log: Log | None = None,
) -> ExtractReport:
    """Make the extracts of a month's latest publication and log each of them.

    Lists of employers and persons are made for the recipients whose key is set; every other
    list is withheld, and the extract says so.

    Args:
        home: the home.
        settings: keys, secret and processes.
        period: the month.
        addressees: numbers of the addressees; all of them where left out.
        region: one province or regency, for one addressee that has regions.
        con: the restricted warehouse, where this process has it open; else it is opened.
        log: told what is done.

    Returns:
        What was made.

    Raises:
        UsageError: as `make_extracts`; keys are set and no secret for pseudonyms is; or the
            settings name a recipient that there is not.
        GateBlocked: as `make_extracts`.
        CakupanError: a run holds the restricted warehouse, another process makes extracts of this
            home, or the audit log cannot be written.
    """
    audit = AuditLog(home, the_signer(home, settings))
    publication = find_release(home, period)
    check_recipients(settings, period)
    root = extracts_root(home) / publication.name
    with ExitStack() as stack:
        stack.enter_context(only_maker(home))
        _forget_unlogged(root, audit)
        writer: ListWriter | None = None
        maker: ListMaker = _withhold
        if settings.extracts.recipient_keys and home.restricted_db.exists():
            if con is None:
                con = stack.enter_context(_restricted(home, settings))
            writer = stack.enter_context(ListWriter(con, home, settings, period))
            maker = writer.make
        elif settings.extracts.recipient_keys:
            maker = _without_data
        report = make_extracts(
            home,
            settings,
            period,
            addressees=addressees,
            region=region,
            lists=maker,
            list_state=list_state(settings),
            delivered=delivered_last(audit, period),
            log=log,
        )
        entries: list[dict[str, Any]] = []
        indexes = writer.indexes if writer else {}
        for path in report.written:
            entries += _entries(path, indexes, audit)
        audit.add(entries)
    return report


def delivered_last(audit: AuditLog, period: str) -> dict[str, Delivered]:
    """Give, by recipient, the extract of the period that was delivered last."""
    return {
        entry["recipient"]: Delivered(entry["publication"], entry["manifest_sha256"])
        for entry in audit.entries("delivery.sent")
        if entry["period"] == period
    }


def _entries(
    folder: Path, indexes: Mapping[str, list[tuple[str, Path]]], audit: AuditLog
) -> list[dict[str, Any]]:
    """Tell one extract as entries of the log: the whole, then each of its lists."""
    content = (folder / MANIFEST).read_bytes()
    manifest, sha256 = json.loads(content), hashlib.sha256(content).hexdigest()
    recipient, contract = manifest["recipient"], manifest["contract"]
    common = {
        "recipient": recipient["key"],
        "title": recipient["title"],
        "period": manifest["period"],
        "publication": manifest["publication"],
        "manifest_sha256": sha256,
    }
    made = {
        "action": "extract.made",
        **common,
        "agency": recipient["agency"],
        "contract": f"{contract['name']} {contract['version']}",
        "level": contract["level"],
        "purpose": contract["purpose"],
        "legal_basis": contract["legal_basis"],
        "replaces": manifest["replaces"],
        "replaces_manifest_sha256": manifest["replaces_manifest_sha256"],
        "fields": manifest["fields"],
        "rows": {f["table"]: f["rows"] for f in manifest["files"] if f["table"]},
    }
    lists = []
    listed = dict(indexes.get(recipient["key"], ()))
    for table in sorted({f["table"] for f in manifest["files"] if f["encrypted"]}):
        entry = {
            "action": "extract.list",
            **common,
            "table": table,
            "fields": manifest["fields"][table],
            "rows": next(f["rows"] for f in manifest["files"] if f["table"] == table),
            "purpose": contract["purpose"],
        }
        if table in listed:
            entry |= audit.keep_index(listed[table], _index_name(sha256, table))
        lists.append(entry)
    return [made, *lists]


def _forget_unlogged(root: Path, audit: AuditLog) -> None:
    """Have every folder made anew whose making a killed run did not come to log.

    What it kept of who is in the folder's lists goes too, and nothing else of that kind: any
    other that no entry names stays for `cakupan verify` to tell.
    """
    manifests = [*root.glob(f"*/{MANIFEST}"), *root.glob(f"*/*/{MANIFEST}")]
    if manifests:
        logged = {entry["manifest_sha256"] for entry in audit.entries("extract.made")}
        for path in manifests:
            sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
            if sha256 not in logged:
                for index in audit.indexes.glob(f"{_index_name(sha256, '*')}.parquet"):
                    index.unlink()
                path.unlink()


def _index_name(manifest_sha256: str, table: str) -> str:
    return f"{manifest_sha256[:16]}-{table}"


def _withheld(
    wanted: Sequence[tuple[ExtractContract, Recipient]], reason: str
) -> Mapping[str, ListsOf]:
    return {
        recipient.key: ListsOf(withheld=tuple((table.name, reason) for table in contract.lists))
        for contract, recipient in wanted
    }


def _withhold(wanted: Sequence[tuple[ExtractContract, Recipient]]) -> Mapping[str, ListsOf]:
    return _withheld(wanted, NO_KEY)


def _without_data(wanted: Sequence[tuple[ExtractContract, Recipient]]) -> Mapping[str, ListsOf]:
    return _withheld(wanted, NO_DATA)


def _restricted(home: Home, settings: Settings) -> duckdb.DuckDBPyConnection:
    try:
        return connect(home, settings, read_only=True)
    except duckdb.IOException:
        pass  # told below, without DuckDB's text
    raise CakupanError(
        f"the restricted warehouse of {home.path} is held by a run: make the extracts when it has "
        "ended, or without extracts.recipient_keys, which makes no lists"
    )
