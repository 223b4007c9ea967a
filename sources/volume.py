"""The volume gate: a delivery far smaller or larger than the last is held until somebody decides.

Belongs here: comparing a delivery's size with the last accepted one of its dataset, the log of
decisions, and carrying a decision out. Does not belong here: landing (landing.py), drift of
content (expectations/drift.py), and how a decision is asked for (pipelines).

A held delivery is landed and stands in the ledger with state `held`: it is never in force, and
the last good delivery stays so. Who decided, when and why stands in the home's
`approvals.jsonl`, only ever added to, by the content's hash: it outlives the run history and the
warehouse, and holds for the same content under whatever name or version.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import pwd
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import duckdb

from sources import ledger
from sources.ledger import Kept
from warehouse.errors import CakupanError, UsageError
from warehouse.home import Home
from warehouse.settings import GateSettings
from warehouse.storage import transaction

LOG_FILE = "approvals.jsonl"
CODE = "VOLUME_CHANGED"

Word = Literal["held", "approved", "rejected"]
Gate = Callable[[duckdb.DuckDBPyConnection, Kept, int], "Finding | None"]


@dataclass(frozen=True)
class Finding:
    """Why a delivery is not taken into force.

    Attributes:
        state: `held`, or `rejected` where somebody has decided so before.
        message: the sizes, and what to do.
    """

    state: str
    message: str


@dataclass(frozen=True)
class Held:
    """A delivery that waits for a decision.

    Attributes:
        dataset: contract key.
        period: its month.
        version: its version.
        rows: its rows.
        message: why it is held.
    """

    dataset: str
    period: str
    version: int
    rows: int
    message: str


@dataclass(frozen=True)
class Decision:
    """One line of the log.

    Attributes:
        at: when, UTC.
        user: the operating system's name of who ran the command.
        by: who decided, as given.
        word: `held`, `approved` or `rejected`.
        dataset: contract key.
        period: the delivery's month.
        version: the delivery's version.
        content_sha256: what was decided on.
        rows: its rows.
        reason: why.
    """

    at: str
    user: str
    by: str
    word: Word
    dataset: str
    period: str
    version: int
    content_sha256: str
    rows: int
    reason: str


def gate_of(home: Home, settings: GateSettings) -> Gate:
    """Give the gate of a home, to be asked within the transaction that lands a delivery."""

    def ask(con: duckdb.DuckDBPyConnection, kept: Kept, rows: int) -> Finding | None:
        said = last_word(home, kept.dataset, kept.period, kept.content_sha256)
        if said is not None and said.word == "approved":
            return None
        if said is not None and said.word == "rejected":
            return Finding("rejected", f"{_name(kept)} ditolak oleh {said.by}: {said.reason}")
        last = _last(con, kept)
        told = judged(settings, kept.dataset, rows, last[2]) if last else ""
        if last and told:
            message = _message(kept, rows, f"{last[0]} v{last[1]}", last[2], told)
        elif said is not None:
            # Held before, and the warehouse has forgotten what it was compared with.
            message = said.reason
        else:
            return None
        if said is None:
            _append(home, "held", kept.dataset, kept.period, kept.version,
                    kept.content_sha256, rows, message, by="cakupan")  # fmt: skip
        return Finding("held", message)

    return ask


def judged(settings: GateSettings, dataset: str, rows: int, last: int) -> str:
    """Tell what is odd about a size; empty where nothing is.

    Args:
        settings: the limits.
        dataset: whose limits count, where it has its own.
        rows: rows delivered now.
        last: rows of the last accepted delivery.
    """
    limits = settings.of(dataset)
    if abs(rows - last) < limits.least_change:
        return ""
    if rows <= last * limits.smaller:
        return f"turun {1 - rows / last:.0%}"
    if rows >= last * limits.larger:
        return f"{rows / last:.1f} kali lipat".replace(".", ",")
    return ""


def standing(con: duckdb.DuckDBPyConnection, kept: Kept) -> str:
    """Give the ledger's state of a kept delivery, empty where it has not been landed yet.

    Only of this very content: a refused delivery's number may be given to another.
    """
    ledger.create_ledger(con)
    row = con.execute(
        "SELECT state FROM landing.deliveries WHERE dataset = ? AND period = ? AND version = ? "
        "AND content_sha256 = ? AND (reason_code IS NULL OR reason_code = ?)",
        [kept.dataset, kept.period, kept.version, kept.content_sha256, CODE],
    ).fetchone()
    return str(row[0]) if row else ""


def held(con: duckdb.DuckDBPyConnection, dataset: str = "", period: str = "") -> list[Held]:
    """List deliveries that wait for a decision: held, and not followed by an accepted one."""
    ledger.create_ledger(con)
    rows = con.execute(
        """
        SELECT dataset, period, version, rows, message FROM landing.deliveries AS d
        WHERE state = 'held' AND $1 IN ('', dataset) AND $2 IN ('', period)
          AND NOT EXISTS (
            FROM landing.deliveries AS l WHERE l.dataset = d.dataset AND l.period = d.period
            AND l.version > d.version AND l.state = 'accepted')
        ORDER BY dataset, period, version""",
        [dataset, period],
    ).fetchall()
    return [Held(*row) for row in rows]


def decide(
    con: duckdb.DuckDBPyConnection,
    home: Home,
    dataset: str,
    period: str,
    *,
    approve: bool,
    reason: str,
    by: str = "",
    version: int | None = None,
) -> Decision:
    """Approve or reject a held delivery, and write down who, when and why.

    Args:
        con: the restricted warehouse; the caller holds the home's lock.
        home: whose log is added to.
        dataset: contract key.
        period: the delivery's month.
        approve: take it into force, or leave it out for good.
        reason: why; must not be empty.
        by: who decided; the operating system's user where empty.
        version: the delivery's version; the latest held one where left out.

    Raises:
        UsageError: there is no such held delivery, or no reason is given.
        CakupanError: the log cannot be written; nothing was decided.
    """
    if not reason.strip():
        raise UsageError("say why: --reason TEXT; it is kept with the decision")
    waiting = [each for each in held(con, dataset, period) if version in (None, each.version)]
    if not waiting:
        others = ", ".join(f"{h.dataset} {h.period} v{h.version}" for h in held(con)) or "none"
        raise UsageError(
            f"no delivery of {dataset} for {period} is held"
            f"{'' if version is None else f' as version {version}'}; held are: {others}"
        )
    chosen = waiting[-1]
    identity = [dataset, period, chosen.version]
    content = con.execute(
        "SELECT content_sha256 FROM landing.deliveries "
        "WHERE dataset = ? AND period = ? AND version = ?",
        identity,
    ).fetchall()[0][0]
    # The log first: where it cannot be written nothing changes, and where the process ends
    # between the two the next run finds the decision in the log and carries it out.
    decision = _append(home, "approved" if approve else "rejected", dataset, period,
                       chosen.version, content, chosen.rows, reason.strip(), by=by)  # fmt: skip
    _carry_out(con, decision)
    return decision


def settle(con: duckdb.DuckDBPyConnection, home: Home, kept: Kept) -> None:
    """Carry out a decision that stands in the log and not yet in the warehouse."""
    said = last_word(home, kept.dataset, kept.period, kept.content_sha256)
    if said is not None and said.word != "held" and standing(con, kept) == "held":
        _carry_out(con, said)


def decisions(home: Home) -> list[Decision]:
    """Read the log, the earliest line first.

    Raises:
        CakupanError: a line is damaged.
    """
    path = log_file(home)
    if not path.exists():
        return []
    found = []
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        fields: dict[str, Any] | None = None
        try:
            fields = json.loads(line)
            found.append(Decision(**fields))
        except (ValueError, TypeError):
            fields = None
        if fields is None:
            raise CakupanError(
                f"{path} line {number} is damaged: restore the file from a backup; it says which "
                "deliveries were approved"
            )
    return found


def last_word(home: Home, dataset: str, period: str, content: str) -> Decision | None:
    """Give the latest line about a content, None where there is none."""
    own = [
        d
        for d in decisions(home)
        if (d.dataset, d.period, d.content_sha256) == (dataset, period, content)
    ]
    return own[-1] if own else None


def log_file(home: Home) -> Path:
    """Give where decisions are written down."""
    return home.path / LOG_FILE


def _last(con: duckdb.DuckDBPyConnection, kept: Kept) -> tuple[str, int, int] | None:
    """Find the accepted delivery with rows to compare with: month, version, rows.

    The latest before this one; for a month that arrives before all others, the next after.
    """
    rows = con.execute(
        """
        SELECT period, version, rows FROM landing.deliveries
        WHERE dataset = $1 AND state = 'accepted' AND rows > 0 AND (period, version) <> ($2, $3)
        ORDER BY (period, version) > ($2, $3),
            CASE WHEN (period, version) < ($2, $3) THEN period END DESC,
            CASE WHEN (period, version) < ($2, $3) THEN version END DESC, period, version DESC
        LIMIT 1""",
        [kept.dataset, kept.period, kept.version],
    ).fetchall()
    return (str(rows[0][0]), int(rows[0][1]), int(rows[0][2])) if rows else None


def _carry_out(con: duckdb.DuckDBPyConnection, decision: Decision) -> None:
    approved = decision.word == "approved"
    with transaction(con):
        con.execute(
            "UPDATE landing.deliveries SET state = ?, reason_code = ?, message = ? "
            "WHERE dataset = ? AND period = ? AND version = ? AND state = 'held'",
            [
                "accepted" if approved else "rejected",
                None if approved else CODE,
                f"{'disetujui' if approved else 'ditolak'} oleh {decision.by}: {decision.reason}",
                decision.dataset, decision.period, decision.version,
            ],
        )  # fmt: skip


def _append(
    home: Home, word: Word, dataset: str, period: str, version: int, content: str, rows: int,
    reason: str, by: str,
) -> Decision:  # fmt: skip
    uid = os.getuid()
    try:
        user = pwd.getpwuid(uid).pw_name
    except KeyError:
        user = str(uid)
    decision = Decision(
        dt.datetime.now(dt.UTC).isoformat(timespec="seconds"), user, by.strip() or user, word,
        dataset, period, version, content, rows, reason,
    )  # fmt: skip
    path, problem = log_file(home), ""
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        descriptor = os.open(path, flags, 0o600)
        try:
            os.write(descriptor, (json.dumps(asdict(decision)) + "\n").encode())
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        problem = error.strerror or "it cannot be written"
    if problem:
        raise CakupanError(
            f"the log of decisions {path} cannot be written ({problem}); nothing was decided. "
            "Make it writable for the owner of the home"
        )
    return decision


def _name(kept: Kept) -> str:
    return f"{kept.dataset} {kept.period} v{kept.version}"


def _message(kept: Kept, rows: int, base: str, last: int, told: str) -> str:
    return (
        f"{_name(kept)} ditahan: {rows} baris, sedangkan kiriman terakhir yang diterima ({base}) "
        f"{last} baris ({told}). Kiriman terakhir itu tetap berlaku. Tanyakan kepada penyedia, "
        f'lalu: cakupan approve {kept.dataset} {kept.period} --reason "..." (atau --reject)'
    )
