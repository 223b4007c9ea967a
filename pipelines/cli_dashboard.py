"""The command `dashboard`: making the page of a publication, and opening it.

Belongs here: its declaration, call and output. Does not belong here: the page itself
(publishing/dashboard), which is loaded when the command is called.

`pipelines.cli` imports this module at its end, so that its command is known.
"""

from __future__ import annotations

import webbrowser
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console

from pipelines.cli import HomeOption, JsonOption, SettingsOption, app, ending, print_json
from pipelines.gap import number
from warehouse.connection import check_period
from warehouse.errors import GateBlocked
from warehouse.home import Home
from warehouse.publication import folders
from warehouse.settings import load_settings


@app.command()
@ending
def dashboard(
    period: Annotated[
        str | None,
        typer.Option("--period", help="The month, YYYY-MM; else the newest.", show_default=False),
    ] = None,
    show: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
    home: HomeOption = None,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> int | None:
    """Make the dashboard of a publication: one page that opens from disk, without network."""
    from publishing.dashboard.making import make_dashboards  # noqa: PLC0415

    place = Home.resolve(home)
    if period:
        check_period(period)
    else:
        published = folders.publications(place.published)
        if not published:
            raise GateBlocked("nothing is published yet: run a month first (cakupan run)")
        period = published[-1].period
    made = make_dashboards(place, load_settings(place, settings), period)
    if as_json:
        print_json({"status": "done", "pages": [asdict(one) for one in made]})
    else:
        for one in made:
            Console().print(
                f"Dasbor publikasi {one.publication}: {number(one.rows)} baris, "
                f"{number(one.bytes)} byte, {one.seconds:.1f} detik\nTempat: {one.path}",
                markup=False,
                highlight=False,
                soft_wrap=True,
            )
    if show:
        webbrowser.open(made[0].path.as_uri())
    return 0
