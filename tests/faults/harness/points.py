"""Points of a run at which it can be killed, counted inside the process that runs.

Belongs here: noticing every statement to DuckDB and every change of a file, in order, and ending
the process there with SIGKILL. Does not belong here: which points (`kill.py`).

Nothing of the program is replaced by something else: each statement and each change of a file is
done as always, only counted first.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

import duckdb

_CHANGES = {
    "os.rename": "rename",
    "os.remove": "unlink",
    "os.mkdir": "mkdir",
    "os.rmdir": "rmdir",
    "os.symlink": "symlink",
    "os.chmod": "chmod",
    "os.truncate": "truncate",
}
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


class Points:
    """Counts what the process does to the home, and kills it where the plan says.

    Args:
        home: changes of files outside of it are not counted.
        plan: `step` and `nth` (a step of the run, `start` before the first, and the number of
            the point within it), `when` (`before`, `during` or `after` it) and, for `during`,
            `seconds` after its beginning; empty where nothing is to happen. A step that ends
            before it reaches that number is killed at the first point behind it.
        trace: file that every point is written to as a line of JSON; None for none.
        told: file that gets the one line of the point where it was killed.
    """

    def __init__(
        self, home: str, plan: dict[str, Any], trace: str | None, told: str | None
    ) -> None:
        self.home = home.rstrip("/") + "/"
        self.plan = plan
        self.told = told
        self.number = 0
        self.nth = 0
        self.step = "start"
        self.passed = False
        self.busy = False
        self.trace = Path(trace).open("a", encoding="utf-8") if trace else None  # noqa: SIM115

    def install(self) -> None:
        """Begin to count."""
        import pipelines.runner

        gather = pipelines.runner.gather

        def noticing(outcome: Any, event: Any) -> None:
            if event.event_type_value == "STEP_START":
                self.passed = self.passed or self.step == self.plan.get("step")
                self.step, self.nth = str(event.step_key), 0
            gather(outcome, event)

        pipelines.runner.gather = noticing
        sys.addaudithook(self._audit)
        fsync, execute = os.fsync, duckdb.DuckDBPyConnection.execute

        def counted_fsync(descriptor: Any) -> None:
            self.around("fsync", "", lambda: fsync(descriptor))

        def counted_execute(con: Any, query: Any, *arguments: Any, **named: Any) -> Any:
            kind = "commit" if str(query).startswith("COMMIT") else "statement"
            what = " ".join(str(query).split())[:80]
            return self.around(kind, what, lambda: execute(con, query, *arguments, **named))

        os.fsync = counted_fsync
        duckdb.DuckDBPyConnection.execute = counted_execute

    def around(self, kind: str, what: str, action: Any) -> Any:
        """Do something as one point, which has a duration."""
        here = self._count(kind, what)
        begun = time.perf_counter()
        result = action()
        self._note(here, kind, what, time.perf_counter() - begun)
        if self._due(here, "after"):
            self._end(here, kind, what)
        return result

    def _audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.busy:
            return
        kind = _CHANGES.get(event)
        if event == "open" and isinstance(arguments[2], int) and arguments[2] & _WRITING:
            kind = "open"
        if kind is None:
            return
        # Of a link its own place counts, not where it leads to.
        place = arguments[1 if event == "os.symlink" else 0]
        path = os.fsdecode(place) if isinstance(place, str | bytes) else ""
        relative = not path.startswith("/")
        if not relative and not path.startswith(self.home):
            return
        what = path.removeprefix(self.home)
        self._note(self._count(kind, what), kind, what, 0.0)

    def _count(self, kind: str, what: str) -> tuple[int, int]:
        self.number += 1
        self.nth += 1
        here = (self.number, self.nth)
        if self.passed or self._due(here, "before"):
            self._end(here, kind, what)
        if self._due(here, "during"):
            threading.Timer(float(self.plan["seconds"]), self._end, (here, kind, what)).start()
        return here

    def _due(self, here: tuple[int, int], when: str) -> bool:
        plan = self.plan
        return bool(plan) and (self.step, here[1], when) == (
            plan["step"], plan["nth"], plan["when"]
        )  # fmt: skip

    def _line(self, here: tuple[int, int], kind: str, what: str, **more: object) -> str:
        told = {"at": here[0], "step": self.step, "nth": here[1], "kind": kind, "what": what}
        return json.dumps(told | more) + "\n"

    def _note(self, here: tuple[int, int], kind: str, what: str, seconds: float) -> None:
        if self.trace is not None:
            self.trace.write(self._line(here, kind, what, seconds=seconds))
            self.trace.flush()

    def _end(self, here: tuple[int, int], kind: str, what: str) -> None:
        if self.told:
            self.busy = True
            Path(self.told).write_text(self._line(here, kind, what), "utf-8")
        os.kill(os.getpid(), signal.SIGKILL)
