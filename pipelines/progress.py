"""Showing how far a run is: bars on a terminal, lines elsewhere.

Belongs here: turning Dagster's events into what a person reads while waiting, on standard
error. Does not belong here: results, which go to standard output (cli_run.py).
"""

from __future__ import annotations

import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterable
from types import TracebackType
from typing import Self

import dagster as dg
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)

STAGES = {
    "reference": "tabel rujukan",
    "landing": "penerimaan data",
    "conformed": "penyeragaman dan pemeriksaan",
    "spine": "induk penduduk",
    "linkage": "pemadanan orang",
    "employers": "pemadanan pemberi kerja",
    "coverage": "penghitungan cakupan",
    "compliance": "kepatuhan pemberi kerja",
    "quality": "pemeriksaan silang",
    "publication": "publikasi",
}
"""Stages in their order, with the words shown for them."""

REMIND_SECONDS = 30.0
_ENDS = {
    dg.DagsterEventType.STEP_SUCCESS,
    dg.DagsterEventType.STEP_FAILURE,
    dg.DagsterEventType.STEP_SKIPPED,
}


def stage_of(step: str) -> str:
    """Give the stage that a step belongs to: what stands before its first `__`."""
    return step.split("__", maxsplit=1)[0]


class RunProgress:
    """Shows the progress of one run; use it as a context manager.

    Args:
        console: where it is shown; bars where that is a terminal, lines elsewhere.
        remind_seconds: time between signs of life where there are only lines.
    """

    def __init__(self, console: Console, remind_seconds: float = REMIND_SECONDS) -> None:
        self._console = console
        self._remind_seconds = remind_seconds
        self._bars: Progress | None = None
        self._tasks: dict[str, TaskID] = {}
        self._left: Counter[str] = Counter()
        self._total: Counter[str] = Counter()
        self._rows: Counter[str] = Counter()
        self._bad: Counter[str] = Counter()
        self._seconds: defaultdict[str, float] = defaultdict(float)
        self._begun: dict[str, float] = {}
        self._started = time.monotonic()
        self._current = ""
        self._done = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._bars = Progress(
                TextColumn("{task.description:<28}"),
                BarColumn(bar_width=30),
                MofNCompleteColumn(),
                TextColumn("{task.fields[rows]:>14}"),
                TimeElapsedColumn(),
                console=self._console,
            )
            self._bars.start()
        else:
            self._thread = threading.Thread(target=self._remind, daemon=True)
            self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._done.set()
        if self._bars is not None:
            self._bars.stop()
        if self._thread is not None:
            self._thread.join()

    @property
    def seconds(self) -> dict[str, float]:
        """Seconds that each stage's steps took together."""
        return {stage: round(value, 3) for stage, value in self._seconds.items()}

    def plan(self, steps: Iterable[str]) -> None:
        """Take in which steps there will be."""
        self._total = Counter(stage_of(step) for step in steps)
        self._left = self._total.copy()
        order = list(STAGES)
        for stage in sorted(self._total, key=lambda s: order.index(s) if s in order else 99):
            if self._bars is not None:
                self._tasks[stage] = self._bars.add_task(
                    STAGES.get(stage, stage), total=self._total[stage], start=False, rows=""
                )

    def say(self, message: str) -> None:
        """Show a line."""
        self._console.print(message, markup=False, highlight=False, soft_wrap=True)

    def listen(self, event: dg.DagsterEvent) -> None:
        """Take in an event."""
        kind = event.event_type
        if kind == dg.DagsterEventType.ASSET_MATERIALIZATION:
            self._count(event)
        elif event.step_key is None:
            return
        elif kind == dg.DagsterEventType.STEP_START:
            self._begin(event.step_key)
        elif kind in _ENDS:
            self._end(event.step_key, failed=kind != dg.DagsterEventType.STEP_SUCCESS)

    def _count(self, event: dg.DagsterEvent) -> None:
        rows = event.materialization.metadata.get("dagster/partition_row_count")
        if rows is not None and event.step_key is not None:
            self._rows[stage_of(event.step_key)] += int(str(rows.value))

    def _begin(self, step: str) -> None:
        self._begun[step] = time.monotonic()
        self._current = step
        stage = stage_of(step)
        if self._bars is not None and stage in self._tasks:
            self._bars.start_task(self._tasks[stage])

    def _end(self, step: str, *, failed: bool) -> None:
        stage = stage_of(step)
        if step in self._begun:
            self._seconds[stage] += time.monotonic() - self._begun.pop(step)
        self._left[stage] -= 1
        self._bad[stage] += failed
        rows = _dotted(self._rows[stage]) if self._rows[stage] else ""
        if self._bars is not None:
            if stage in self._tasks:
                self._bars.update(self._tasks[stage], advance=1, rows=rows)
        elif self._left[stage] == 0:
            self.say(self._line(stage))

    def _line(self, stage: str) -> str:
        words = [f"{STAGES.get(stage, stage)} ({stage}): {self._seconds[stage]:.1f} s"]
        if self._total[stage] > 1:
            words.append(f"{self._total[stage]} langkah")
        if self._rows[stage]:
            words.append(f"{_dotted(self._rows[stage])} baris")
        if self._bad[stage]:
            words.append(f"{self._bad[stage]} gagal atau dilewati")
        return ", ".join(words)

    def _remind(self) -> None:
        while not self._done.wait(self._remind_seconds):
            elapsed = time.monotonic() - self._started
            self.say(f"... {self._current or 'bersiap'}, {elapsed:.0f} s")


def _dotted(number: int) -> str:
    return f"{number:,}".replace(",", ".")
