"""What is worth telling somebody: runs that failed, and warnings of runs that did not.

Belongs here: what an alert says, that each is told once, and the home's `alerts.jsonl`. Does not
belong here: how mail and webhooks carry it (alert_channels.py), or what calls this (runner.py,
sensors.py).

A failing alert never fails anything: whatever goes wrong with the file or a channel is a line of
the log at most.
"""

from __future__ import annotations

import datetime as dt
import fcntl
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pipelines.alert_channels import Channel, channels
from warehouse.home import Home
from warehouse.settings import AlertSettings

RUN_FAILED, RUN_STOPPED, LATE, TRIAL = "run_failed", "run_stopped", "late_delivery", "trial"
KINDS = (RUN_FAILED, RUN_STOPPED, LATE, TRIAL)
"""Kinds that are no check; a failed check is of the kind that its name says."""

ERROR, WARNING = "error", "warning"

_RUNS_KEPT = 500
_DIGITS = re.compile(r"\d{10,}")
_DAYS = re.compile(r"\b\d+ (hari|days?)\b")

Log = Callable[[str], None]


@dataclass(frozen=True)
class Item:
    """One thing that an alert tells.

    Attributes:
        kind: of `KINDS`, or the name of a check; the runbook has an entry for each.
        subject: step, asset or dataset that it is about.
        message: one sentence without any personal value.
        blocking: whether it stops what comes after it.
    """

    kind: str
    subject: str
    message: str
    blocking: bool = False

    @property
    def key(self) -> str:
        """Tell whether it is the same as that of an earlier run; days that pass do not count."""
        return f"{self.kind}|{self.subject}|{_DAYS.sub('', self.message)}"


@dataclass(frozen=True)
class Alert:
    """What is told at once.

    Attributes:
        identity: of this alert, for who must not act on it twice.
        at: when, with its offset.
        severity: `error` or `warning`.
        run_id: the Dagster run; empty where none is meant.
        job: the job.
        period: the month.
        items: what is told.
    """

    identity: str
    at: str
    severity: str
    run_id: str
    job: str
    period: str
    items: tuple[Item, ...]

    def facts(self, settings: AlertSettings) -> dict[str, Any]:
        """Give everything as plain values, with the runbook's entry of each item."""
        return {
            "id": self.identity,
            "at": self.at,
            "severity": self.severity,
            "run_id": self.run_id,
            "run_url": settings.run_url(self.run_id),
            "job": self.job,
            "period": self.period,
            "messages": [f"{item.subject}: {item.message}" for item in self.items],
            "items": [
                asdict(item) | {"runbook": settings.runbook_entry(item.kind)} for item in self.items
            ],
        }


def alerts_file(home: Home) -> Path:
    """Give the file that alerts are appended to, one JSON object a line."""
    return home.path / "alerts.jsonl"


def alert(
    home: Home,
    settings: AlertSettings,
    *,
    run_id: str,
    job: str,
    period: str,
    items: Iterable[Item],
    failed: bool,
    log: Log | None = None,
) -> bool:
    """Tell of a run what is new, to the home's file and to the channels of the settings.

    The command line and the sensors may both see the same run: it is told once. A warning that
    the month's run before gave in the same words is not told again; a failure always is.

    Args:
        home: the home.
        settings: where alerts go.
        run_id: the run; for alerts without one, a name that is the same for the same alert.
        job: its job.
        period: its month.
        items: what went wrong; none for a run that went well, so that what it mended is
            told when it comes back.
        failed: whether the run failed.
        log: told which channel failed, by the kind of its error.

    Returns:
        Whether something was told.
    """
    say = log or (lambda _message: None)
    found = [_masked(item) for item in items]
    try:
        told = _note(home, settings, run_id, job, period, found, failed=failed)
    except Exception as error:  # noqa: BLE001 - an alert that fails must not fail the run
        say(f"alerts: {alerts_file(home).name} could not be written ({type(error).__name__})")
        told = _alert(run_id, job, period, found, failed=failed) if found else None
    if told is None:
        return False
    if not told.run_id or told.severity == ERROR or settings.warnings:
        send(home, settings, told, say)
    return True


def send(home: Home, settings: AlertSettings, told: Alert, log: Log) -> dict[str, str]:
    """Send an alert over every channel; none of them can fail the caller.

    Returns:
        By channel `sent`, or the kind of the error; neither address nor secret is in it.
    """
    outcomes: dict[str, str] = {}
    try:
        open_channels: Sequence[Channel] = channels(settings)
        facts = told.facts(settings)
    except Exception as error:  # noqa: BLE001 - as above
        log(f"alerts: the settings cannot be used ({type(error).__name__})")
        return {"settings": type(error).__name__}
    for channel in open_channels:
        try:
            channel.send(facts)
            outcomes[channel.name] = "sent"
        except Exception as error:  # noqa: BLE001 - texts of libraries may hold an address
            outcomes[channel.name] = why = channel.why(error)
            log(f"alerts: {channel.name} could not be told ({why})")
    if outcomes:
        try:
            _append(
                home.path / "alerts-sent.jsonl", {"id": told.identity, "at": _now(), **outcomes}
            )
        except OSError as error:
            log(f"alerts: alerts-sent.jsonl could not be written ({type(error).__name__})")
    return outcomes


def trial() -> Alert:
    """Give an alert that asks for nothing, to try the channels with."""
    item = Item(TRIAL, "cakupan", "Ini percobaan; tidak ada yang perlu dilakukan.")
    return _alert("", "trial", "", [item], failed=False)


def _note(
    home: Home,
    settings: AlertSettings,
    run_id: str,
    job: str,
    period: str,
    items: Sequence[Item],
    *,
    failed: bool,
) -> Alert | None:
    """Write down what is new of a run, under a lock: its two observers may come at once."""
    with _locked(home):
        state = _state(home)
        if run_id in state["runs"]:
            return None
        state["runs"] = [*state["runs"], run_id][-_RUNS_KEPT:]
        scope = f"{job} {period}"
        before = set(state["standing"].get(scope, []))
        state["standing"][scope] = sorted({item.key for item in items})
        new = [item for item in items if failed or item.key not in before]
        told = _alert(run_id, job, period, new, failed=failed) if new else None
        if told is not None:
            _append(alerts_file(home), told.facts(settings))
        _keep_state(home, state)
        return told


def _alert(run_id: str, job: str, period: str, items: Sequence[Item], *, failed: bool) -> Alert:
    severity = ERROR if failed else WARNING
    identity = f"{run_id or 'none'}-{severity}-{_now()}"
    return Alert(identity, _now(), severity, run_id, job, period, tuple(items))


def _masked(item: Item) -> Item:
    """Take long numbers out: nothing should hold one, and what leaves the house must not."""
    return Item(item.kind, item.subject, _DIGITS.sub("[…]", item.message), item.blocking)


def _now() -> str:
    return dt.datetime.now().astimezone().isoformat(timespec="seconds")


def _append(path: Path, line: dict[str, Any]) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    with os.fdopen(descriptor, "a", encoding="utf-8") as file:
        file.write(json.dumps(line, ensure_ascii=False) + "\n")


def _state_file(home: Home) -> Path:
    return home.path / "alerts-state.json"


def _state(home: Home) -> dict[str, Any]:
    """Read which runs were looked at and what stands; a damaged file tells some things twice."""
    try:
        state = json.loads(_state_file(home).read_text(encoding="utf-8"))
        return {"runs": list(state["runs"]), "standing": dict(state["standing"])}
    except (OSError, ValueError, KeyError, TypeError):
        return {"runs": [], "standing": {}}


def _keep_state(home: Home, state: dict[str, Any]) -> None:
    path = _state_file(home)
    fresh = path.with_suffix(".new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(state, file, ensure_ascii=False)
    fresh.replace(path)


@contextmanager
def _locked(home: Home) -> Iterator[None]:
    descriptor = os.open(home.path / "alerts.lock", os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
