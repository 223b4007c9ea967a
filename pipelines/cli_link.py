"""The command `link`: any two tables, by a specification.

Belongs here: its options turned into a call, its progress and its output. Does not belong here:
the linkage (matching/linker).
"""

from __future__ import annotations

import threading
import time
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Self

from rich import box
from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table

from matching.linker.run import ENGINES, LinkReport, link
from matching.linker.spec import read_spec
from pipelines.cli import errors, print_json
from pipelines.gap import number
from warehouse.errors import UsageError

REMIND_SECONDS = 30.0


class LinkProgress:
    """Shows how far a linkage is: a bar on a terminal, and elsewhere signs of life.

    Args:
        console: where it is shown.
        remind_seconds: time between signs of life where there is no bar.
    """

    def __init__(self, console: Console, remind_seconds: float = REMIND_SECONDS) -> None:
        self._console = console
        self._remind_seconds = remind_seconds
        self._bar: Progress | None = None
        self._started = time.monotonic()
        self._last = "begun"
        self._done = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._bar = Progress(
                TextColumn("link"),
                BarColumn(bar_width=30),
                TaskProgressColumn(),
                TimeElapsedColumn(),
                console=self._console,
            )
            self._bar.start()
            self._bar.add_task("link", total=1.0)
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
        if self._bar is not None:
            self._bar.stop()
        if self._thread is not None:
            self._thread.join()

    def say(self, message: str) -> None:
        """Show what a stage did."""
        self._last = message
        self._console.print(f"link: {message}", markup=False, highlight=False, soft_wrap=True)

    def reached(self, share: float) -> None:
        """Move the bar to a share of the work, from 0 to 1."""
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[0], completed=share)

    def _remind(self) -> None:
        while not self._done.wait(self._remind_seconds):
            seconds = round(time.monotonic() - self._started)
            self._console.print(
                f"link: at work for {seconds} s; last: {self._last}",
                markup=False,
                highlight=False,
                soft_wrap=True,
            )


def command(
    left: Path,
    right: Path,
    spec: Path,
    out: Path,
    engine: str,
    truth: Path | None,
    as_json: bool,
) -> int:
    """Link two tables; see `cakupan link --help`.

    Raises:
        UsageError: the engine is not known, or the specification or an identifier is wrong.
        DataRefused: a file is empty or cannot be read.
    """
    if engine not in ENGINES:
        raise UsageError(f"--engine: {engine!r} is not one of {', '.join(ENGINES)}")
    told_spec = read_spec(spec.expanduser())
    with LinkProgress(errors()) as progress:
        report = link(
            left.expanduser(),
            right.expanduser(),
            told_spec,
            out.expanduser(),
            truth=truth.expanduser() if truth else None,
            log=progress.say,
            progress=progress.reached,
            on=engine,
        )
    if as_json:
        told = asdict(report) | {
            "candidates_per_row": round(report.candidates_per_row, 2),
            "out": str(out),
        }
        print_json({"status": "done", "exit_code": 0, **told, "errors": []})
        return 0
    _show(report, out)
    return 0


def _show(report: LinkReport, out: Path) -> None:
    console = Console()
    table = Table("Pasangan", "Jumlah", box=box.SIMPLE_HEAD)
    for tier, name in (("identifier", "tertaut oleh nomor identitas"), ("model", "oleh model")):
        table.add_row(name, number(report.tiers.get(tier, 0)))
    table.add_row("perlu ditinjau", number(report.review))
    console.print(table)
    lines = [
        f"Baris    : {number(report.left_rows)} × {number(report.right_rows)}",
        f"Kandidat : {number(report.candidates)} pasangan dibandingkan, "
        f"{number(report.candidates_per_row, 1)} per baris",
        f"Tautan   : {out}",
    ]
    skipped = [rule for rule in report.blocking if rule["capped_blocks"]]
    if skipped:
        lines.append(
            f"Dibatasi : {len(skipped)} dari {len(report.blocking)} aturan melewati nilai yang "
            "terlalu umum; rinciannya dengan --json"
        )
    found = report.evaluation
    if found:
        lines += [
            f"Presisi  : {number(100 * found['precision'], 2)}%",
            f"Perolehan: {number(100 * found['recall'], 2)}% (recall)",
            f"F1       : {number(found['f1'], 5)}",
            f"F1 terbaik atas semua ambang: {number(found['best_f1'], 5)}",
        ]
        if found["blocking_ceiling"] is not None:
            lines.append(
                f"Batas blocking: {number(100 * found['blocking_ceiling'], 2)}% dari pasangan "
                "benar dibandingkan"
            )
    for line in lines:
        console.print(line, markup=False, highlight=False, soft_wrap=True)
