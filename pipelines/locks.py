"""Keeping two writers of one home apart, and noticing runs that died.

Belongs here: the operating-system lock that a run holds from its first to its last step,
the mark that every live run carries, and clearing up after runs that were killed. Does not
belong here: what runs do, and Dagster's own pools (`instance.py`), which only order the
queue: a killed run leaves its pool slot and its status behind, an operating-system lock
it cannot.
"""

from __future__ import annotations

import datetime as dt
import fcntl
import json
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from warehouse.errors import CakupanError
from warehouse.home import Home

if TYPE_CHECKING:
    from dagster import DagsterInstance

POLL_SECONDS = 0.5
REMIND_SECONDS = 30.0
_OWNER_ONLY = 0o600

Log = Callable[[str], None]


@dataclass(frozen=True)
class Holder:
    """Who holds the lock of a home.

    Attributes:
        pid: process id on `host`.
        host: machine the process runs on.
        run_id: its Dagster run, empty for a command that is no run.
        what: what it does, such as `period 2026-10`.
        since: when it took the lock, ISO 8601 with the offset.
    """

    pid: int
    host: str
    run_id: str
    what: str
    since: str

    def __str__(self) -> str:
        """Tell it as part of a sentence."""
        run = f", run {self.run_id}" if self.run_id else ""
        return f"{self.what} (process {self.pid} on {self.host}{run}, since {self.since})"


@contextmanager
def home_lock(
    home: Home,
    what: str,
    *,
    run_id: str = "",
    log: Log | None = None,
    timeout: float | None = None,
) -> Iterator[Holder]:
    """Hold the lock of a home for the time of the block; wait while another holds it.

    The lock is the kernel's (`flock`), so that it is free the moment its holder ends, in
    whatever way it ends. On a network file system it is only as good as that system's.

    Args:
        home: the home to lock; its folders are made.
        what: what the lock is for, told to those who wait.
        run_id: the Dagster run.
        log: told at once, and every 30 seconds, who is waited for.
        timeout: seconds to wait before giving up; None waits for as long as it takes.

    Raises:
        CakupanError: the time to wait is over.
    """
    home.ensure()
    with _open(home.lock_file) as file:
        _wait(file, home, log, timeout)
        holder = Holder(
            pid=os.getpid(),
            host=socket.gethostname(),
            run_id=run_id,
            what=what,
            since=dt.datetime.now().astimezone().isoformat(timespec="seconds"),
        )
        file.seek(0)
        file.truncate()
        json.dump(asdict(holder), file)
        file.flush()
        try:
            yield holder
        finally:
            # The file stays: removing it would let two waiters lock two different files.
            file.seek(0)
            file.truncate()
            file.flush()
            fcntl.flock(file, fcntl.LOCK_UN)


def lock_holder(home: Home) -> Holder | None:
    """Tell who holds the lock of a home now, or None where it is free.

    The answer may be old the next moment: it is for messages and for putting work off,
    never a licence to write.
    """
    if not home.lock_file.exists():
        return None
    with _open(home.lock_file) as file:
        if _try(file):
            fcntl.flock(file, fcntl.LOCK_UN)
            return None
        return _read(file)


def _wait(file: TextIO, home: Home, log: Log | None, timeout: float | None) -> None:
    started = time.monotonic()
    reminded = -REMIND_SECONDS
    while not _try(file):
        waited = time.monotonic() - started
        if timeout is not None and waited >= timeout:
            raise CakupanError(
                f"the home {home.path} is still held after {timeout:.0f} s by {_read(file)}; "
                "wait for it to end, or end it, and call again"
            )
        if log is not None and waited - reminded >= REMIND_SECONDS:
            log(f"waiting for the home {home.path}, held by {_read(file)}")
            reminded = waited
        time.sleep(POLL_SECONDS)


def _open(path: Path) -> TextIO:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _OWNER_ONLY)
    return os.fdopen(descriptor, "r+", encoding="utf-8")


def _try(file: TextIO) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _read(file: TextIO) -> Holder:
    file.seek(0)
    try:
        return Holder(**json.loads(file.read()))
    except (ValueError, TypeError):
        # Between taking the lock and writing its name the holder is nameless.
        return Holder(0, "this machine", "", "another run", "a moment ago")


@contextmanager
def alive(home: Home, run_id: str) -> Iterator[None]:
    """Mark a run as alive for the time of the block, waiting for the lock included."""
    folder = _marks(home)
    path = folder / run_id
    with _open(path) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


def clear_dead_runs(home: Home, instance: DagsterInstance) -> list[str]:
    """End, in Dagster's books, the runs whose process is gone, and free their pool slots.

    A killed run stays "started" for ever, and with a limit of one run it would keep the
    queue from starting any other.

    Returns:
        Ids of the runs that were found dead.
    """
    dead = []
    for path in sorted(_marks(home).iterdir()):
        with _open(path) as file:
            if not _try(file):
                continue
            run = instance.get_run_by_id(path.name)
            if run is not None and not run.is_finished:
                instance.report_run_failed(
                    run, "The process of this run ended before the run did (killed or crashed)."
                )
                dead.append(path.name)
            if instance.event_log_storage.supports_global_concurrency_limits:
                instance.event_log_storage.free_concurrency_slots_for_run(path.name)
            path.unlink(missing_ok=True)
    return dead


def _marks(home: Home) -> Path:
    folder = home.dagster / "alive"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder
