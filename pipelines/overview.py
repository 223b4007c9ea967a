"""The command `status`: what of a month has arrived, what is late, and what it led to.

Belongs here: reading the home and telling. Does not belong here: how lateness is counted
(sources/arrivals.py).
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import typer

from pipelines.cli import HomeOption, JsonOption, PeriodOption, app, ending, print_json
from pipelines.lateness import arrivals_of
from sources.arrivals import ZONE
from warehouse.connection import check_period
from warehouse.home import Home
from warehouse.publication import folders


@app.command()
@ending
def status(
    period: PeriodOption, home: HomeOption = None, as_json: JsonOption = False
) -> int | None:
    """Tell what of a month has arrived, what is late and from whom, and what is published."""
    shown = overview(Home.resolve(home), period)
    if as_json:
        print_json(shown)
    else:
        for line in shown["lines"]:
            typer.echo(line)
    return 0


def overview(home: Home, period: str, today: dt.date | None = None) -> dict[str, Any]:
    """Tell the state of a month.

    Args:
        home: the home.
        period: the month.
        today: the day in Jakarta that lateness is counted to; today where left out.

    Returns:
        `datasets` (facts of each, the latest first), `publications` (their names) and `lines`
        to print.

    Raises:
        UsageError: the period is no month.
        CakupanError: a run holds the warehouse.
    """
    check_period(period)
    found = arrivals_of(home, period, today or dt.datetime.now(ZONE).date())
    made = [p.name for p in folders.publications(home.published) if p.period == period]
    missing = [a for a in found if a.missing]
    lines = [a.told for a in found if a.state != "arrived"]
    arrived = sum(a.state == "arrived" for a in found)
    lines.append(f"{period}: {arrived} dari {len(found)} daftar diterima, {len(missing)} terlambat")
    lines.append(f"publikasi: {', '.join(made) or 'belum ada'}")
    return {
        "datasets": [a.facts() for a in found],
        "late": [a.dataset for a in missing],
        "publications": made,
        "lines": lines,
    }
