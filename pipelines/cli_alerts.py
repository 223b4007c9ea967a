"""The command `alert-test`: whether alerts reach those whom the settings name.

Belongs here: its declaration, call and output. Does not belong here: sending (alert_channels.py).
"""

from __future__ import annotations

import typer

from pipelines.cli import HomeOption, JsonOption, SettingsOption, app, ending, print_json
from warehouse.errors import SourceDown, UsageError
from warehouse.home import Home
from warehouse.settings import load_settings


@app.command("alert-test")
@ending
def alert_test(
    home: HomeOption = None, settings: SettingsOption = None, as_json: JsonOption = False
) -> int | None:
    """Send a trial alert over every channel of the settings, and tell which took it."""
    from pipelines.alerts import send, trial  # noqa: PLC0415

    place = Home.resolve(home).ensure()
    chosen = load_settings(place, settings).alerts
    outcomes = send(place, chosen, trial(), lambda _message: None)
    if not outcomes:
        raise UsageError("the settings name neither alerts.mail nor alerts.webhooks")
    if as_json:
        print_json({"channels": outcomes})
    else:
        for name, outcome in outcomes.items():
            typer.echo(f"{name}: {outcome}")
    if any(outcome != "sent" for outcome in outcomes.values()):
        raise SourceDown("an alert did not reach every channel; see above")
    return 0
