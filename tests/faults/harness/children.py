"""Running the command line in processes that can be killed, without paying for imports each time.

Belongs here: a warmed-up process that forks one child for each command, and what became of it.
Does not belong here: where children are killed (`points.py`), and what is asked of them.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from multiprocessing import forkserver
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

_WARM = ["harness.points", "harness.warm"]
_OWN = [str(Path(__file__).parents[1]), str(Path(__file__).parents[3])]
LONGEST = 900.0
"""Seconds after which a child that has not ended is taken for hung; many on a busy machine."""


@dataclass
class Ended:
    """How a child ended.

    Attributes:
        code: its exit code, negative for the signal that ended it.
        out: what it wrote on standard output.
        err: and on standard error.
        seconds: how long it took.
    """

    code: int
    out: str
    err: str
    seconds: float

    @property
    def killed(self) -> bool:
        """It was ended by SIGKILL."""
        return self.code == -signal.SIGKILL


@dataclass
class Child:
    """A command that runs in a process of its own.

    Attributes:
        process: the process.
        folder: where its output goes.
        begun: when it was started.
    """

    process: BaseProcess
    folder: Path
    begun: float = field(default_factory=time.monotonic)

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self.process.pid is not None
        return self.process.pid

    def kill(self, number: int = signal.SIGKILL) -> None:
        """Send it a signal."""
        os.kill(self.pid, number)

    def wait(self, seconds: float = LONGEST) -> Ended:
        """Wait for its end."""
        self.process.join(seconds)
        assert not self.process.is_alive(), f"still running after {seconds} s: {self.folder}"
        code = self.process.exitcode
        assert code is not None
        return Ended(
            code,
            (self.folder / "out").read_text("utf-8"),
            (self.folder / "err").read_text("utf-8"),
            time.monotonic() - self.begun,
        )


def _context() -> Any:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_WARM)
    # The server that forks the children finds modules by its environment alone, and says
    # nothing of what it does not find.
    known = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join([*_OWN, known or ""])
    try:
        forkserver.ensure_running()
    finally:
        if known is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = known
    return context


def start(
    folder: Path,
    arguments: Sequence[object],
    *,
    home: Path | None = None,
    plan: dict[str, Any] | None = None,
    trace: Path | None = None,
    environment: dict[str, str] | None = None,
    before: Callable[[], None] | None = None,
) -> Child:
    """Start a command of `cakupan`.

    Args:
        folder: receives `out`, `err` and, where it is killed at a point, `killed`.
        arguments: of the command line.
        home: points are counted below it; none where left out.
        plan: where to be killed, as `points.Points` has it.
        trace: receives all points.
        environment: variables it gets beside those of this process.
        before: called in the child first; a function of a module.
    """
    folder.mkdir(parents=True, exist_ok=True)
    process = _context().Process(
        target=_run,
        args=(
            [str(argument) for argument in arguments], str(folder), str(home) if home else None,
            plan, str(trace) if trace else None, environment or {}, before,
        ),
    )  # fmt: skip
    process.start()
    return Child(process, folder)


def call(folder: Path, arguments: Sequence[object], **more: Any) -> Ended:
    """Run a command of `cakupan` to its end; see `start`."""
    return start(folder, arguments, **more).wait()


def _run(
    arguments: list[str],
    folder: str,
    home: str | None,
    plan: dict[str, Any] | None,
    trace: str | None,
    environment: dict[str, str],
    before: Callable[[], None] | None,
) -> None:
    for name, number in (("out", 1), ("err", 2)):
        descriptor = os.open(Path(folder) / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(descriptor, number)
        os.close(descriptor)
    # As a shell starts it: nothing of the process that was forked decides over signals.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    sys.stdin = Path(os.devnull).open()  # noqa: SIM115
    os.environ.update(environment)
    if before is not None:
        before()
    if home is not None and (plan is not None or trace is not None):
        from harness.points import Points

        Points(home, plan or {}, trace, str(Path(folder) / "killed")).install()
    from pipelines.cli import app

    app(arguments, prog_name="cakupan")
