"""The commands `run` and `publish`: a run here and now, and what it tells at its end.

Belongs here: progress, the gap table, and the JSON of a run. Does not belong here: running
(runner.py), and any figure that is not in the publication.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

from pipelines.cli import errors, print_json, tell
from pipelines.gap import GapRow, gap_rows, interval, number, percent
from pipelines.jobs import PERIOD_JOB, PUBLISH_JOB
from pipelines.outcome import Outcome
from pipelines.progress import RunProgress
from pipelines.runner import execute
from sources.deliveries import inbox_root
from warehouse.connection import check_period
from warehouse.errors import UsageError
from warehouse.home import Home


@dataclass(frozen=True)
class _Column:
    heading: str
    text: Callable[[GapRow], str]
    always: bool = True


_COLUMNS = [
    _Column("Pekerja", lambda row: number(row.workers)),
    _Column("Aktif", lambda row: number(row.active)),
    _Column("Tidak aktif", lambda row: number(row.inactive), always=False),
    _Column("Belum terdaftar", lambda row: number(row.unregistered), always=False),
    _Column("Kesenjangan", lambda row: number(row.gap)),
    _Column("Cakupan", lambda row: percent(row.coverage_rate)),
    _Column("Rentang", lambda row: interval(row.coverage_low, row.coverage_high)),
]
_WIDE = 124
"""Characters from which the gap is also shown by its two parts."""


def run(
    home: Home,
    period: str,
    inbox: Path | None,
    settings_file: Path | None,
    as_json: bool,
    retrain: bool | None = None,
) -> int:
    """Run a month; see `cakupan run --help`.

    Raises:
        UsageError: the period, inbox, settings or a contract are not valid.
    """
    check_period(period)
    if inbox is not None:
        inbox = inbox.expanduser().resolve()
        if not inbox.is_dir():
            raise UsageError(f"--inbox {inbox} is not a folder")
        inbox = inbox_root(inbox)
    return _execute(home, PERIOD_JOB, period, inbox, settings_file, "", as_json, retrain)


def publish(home: Home, period: str, reason: str, settings_file: Path | None, as_json: bool) -> int:
    """Publish a month again; see `cakupan publish --help`."""
    check_period(period)
    if not home.restricted_db.exists():
        raise UsageError(
            f"the home {home.path} has no warehouse yet: run the period first "
            f"(cakupan run --home {home.path} --period {period})"
        )
    return _execute(home, PUBLISH_JOB, period, None, settings_file, reason, as_json)


def _execute(
    home: Home,
    job: str,
    period: str,
    inbox: Path | None,
    settings_file: Path | None,
    reason: str,
    as_json: bool,
    retrain: bool | None = None,
) -> int:
    started = time.monotonic()
    if settings_file is not None:
        settings_file = settings_file.expanduser().resolve()
    with RunProgress(errors()) as progress:
        outcome = execute(
            home,
            job,
            period,
            inbox=inbox,
            settings_file=settings_file,
            reason=reason,
            retrain=retrain,
            listener=progress.listen,
            plan=progress.plan,
            log=progress.say,
        )
    seconds = time.monotonic() - started
    rows = gap_rows(home, period) if outcome.success else []
    for failure in outcome.failures:
        tell(f"{failure.step}: {failure.message}")
    for check in outcome.failed_checks:
        tell(
            f"{'pemeriksaan wajib' if check.blocking else 'peringatan'} {check.asset} "
            f"{check.name}: {check.message or 'tidak terpenuhi'}"
        )
    if as_json:
        print_json(_as_json(home, job, period, outcome, progress.seconds, seconds, rows))
    elif outcome.success:
        show(_console(), home, period, outcome, rows, seconds)
    else:
        tell(
            f"periode {period} tidak dipublikasikan; publikasi sebelumnya tetap berlaku "
            f"(run {outcome.run_id}, exit {outcome.exit_code})"
        )
    return outcome.exit_code


def show(
    console: Console,
    home: Home,
    period: str,
    outcome: Outcome,
    rows: list[GapRow],
    seconds: float,
) -> None:
    """Print the gap table and where things are."""
    columns = _COLUMNS if console.width >= _WIDE else [c for c in _COLUMNS if c.always]
    table = Table(
        title=f"Cakupan dan kesenjangan {period}: pekerja yang layak, menurut domisili",
        title_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
    )
    table.add_column("Wilayah", no_wrap=True)
    for column in columns:
        table.add_column(column.heading, justify="right", no_wrap=True)
    for row in rows:
        table.add_row(
            row.place,
            *(column.text(row) for column in columns),
            style="bold" if row.national else None,
        )
    console.print(table)
    made = outcome.publication
    state = "" if made.get("new", True) else " (tidak ada yang berubah)"
    told = outcome.release
    for line in (
        f"Gudang data terbitan: {made.get('path', home.published / 'current')}{state}",
        f"Rilis aman          : {_count(told, 'published')} dari {_count(told, 'cells')} baris "
        f"penuh, {_count(told, 'partly')} sebagian; {_count(told, 'searched')} angka kecil "
        "dilindungi",
        f"Gudang data terbatas: {home.restricted_db}",
        f"Riwayat dan katalog : cakupan ui --home {home.path}",
        f"Selesai dalam {number(seconds, 1)} detik (run {outcome.run_id})",
    ):
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def _count(told: dict[str, object], name: str) -> str:
    return number(float(str(told.get(name, 0))))


def _console() -> Console:
    """Give the console for results; a file or a pipe is as wide as the table."""
    return Console() if Console().is_terminal else Console(width=_WIDE)


def _as_json(
    home: Home,
    job: str,
    period: str,
    outcome: Outcome,
    stages: dict[str, float],
    seconds: float,
    rows: list[GapRow],
) -> dict[str, object]:
    return {
        "status": "done" if outcome.success else "failed",
        "exit_code": outcome.exit_code,
        "job": job,
        "period": period,
        "run_id": outcome.run_id,
        "home": str(home.path),
        "seconds": round(seconds, 3),
        "stage_seconds": stages,
        "publication": outcome.publication,
        "assets": outcome.made,
        "errors": [
            {
                "step": failure.step,
                "type": failure.error,
                "message": failure.message,
                "exit_code": failure.exit_code,
                "reason_code": failure.reason_code,
            }
            for failure in outcome.failures
        ],
        "failed_checks": [vars(check) for check in outcome.failed_checks],
        "gap": [vars(row) for row in rows],
    }
