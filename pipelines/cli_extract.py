"""The commands `extract`, `verify` and `audit`: what leaves the house, and proof of it.

Belongs here: their options turned into calls, and their output. Does not belong here: how
extracts are made (publishing/extracts), handed over (publishing/delivery) or logged
(publishing/audit.py).
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from rich.console import Console

from pipelines.cli import errors, print_json
from pipelines.gap import number
from publishing.extracts.issuing import issue
from publishing.extracts.making import ExtractReport
from warehouse.errors import UsageError
from warehouse.home import Home
from warehouse.settings import load_settings


def extract(
    home: Home,
    period: str,
    everyone: bool,
    addressee: int | None,
    region: str | None,
    settings_file: Path | None,
    as_json: bool,
) -> int:
    """Make the extracts of a month; see `cakupan extract --help`.

    Raises:
        UsageError: both or neither of `--all` and `--addressee`, or no such addressee.
        GateBlocked: the month has no publication with a release.
    """
    if everyone == (addressee is not None):
        raise UsageError("give either --all or --addressee N (1 to 26)")
    console = errors()
    report = issue(
        home,
        load_settings(home, settings_file),
        period,
        addressees=None if addressee is None else [addressee],
        region=region,
        log=lambda message: console.print(message, markup=False, highlight=False),
    )
    if as_json:
        print_json({"status": "done", **asdict(report), "written": len(report.written)})
    else:
        _show(report)
    return 0


def _show(report: ExtractReport) -> None:
    console = Console()
    lines = [
        f"Ekstrak publikasi {report.publication}: {number(report.made)} folder dibuat, "
        f"{number(report.kept)} tetap, {number(report.files)} berkas, "
        f"{report.seconds:.1f} detik",
        f"Tempat: {report.folder}",
    ]
    if report.lists:
        lines.append(f"Daftar terenkripsi: {number(report.lists)} berkas")
    lines += [f"Ditahan: {number(n)} daftar ({why})" for why, n in report.withheld.items()]
    if report.absent:
        lines.append(f"Belum ada dalam publikasi: {', '.join(report.absent)}")
    for line in lines:
        console.print(line, markup=False, highlight=False, soft_wrap=True)
