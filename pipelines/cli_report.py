"""The command `report`: the six-monthly report as PDF.

Belongs here: the command's options, and what it prints. Does not belong here: the report
(publishing/report).
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from pipelines.cli import HomeOption, JsonOption, PeriodOption, app, ending, print_json
from warehouse.home import Home


@app.command()
@ending
def report(
    period: PeriodOption,
    home: HomeOption = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="PDF to write; else in the publication's folder.")
    ] = None,
    as_json: JsonOption = False,
) -> int | None:
    """Make the six-monthly report that closes with a month, from released figures alone."""
    from publishing.report import make_report  # noqa: PLC0415

    target = None if out is None else out.expanduser().resolve()
    made = make_report(Home.resolve(home).published, period, target)
    if as_json:
        print_json({"status": "done", **asdict(made), "path": str(made.path)})
    else:
        Console().print(
            f"Laporan {made.period}, {made.pages} halaman, publikasi {made.publication}: "
            f"{made.path}",
            markup=False, highlight=False, soft_wrap=True,
        )  # fmt: skip
    return 0
