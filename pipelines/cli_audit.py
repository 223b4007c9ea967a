"""The commands `deliver`, `verify` and `audit`: handing over, and proof of what was handed over.

Belongs here: their declarations, calls and output. Does not belong here: delivery and the log
themselves (publishing/delivery, publishing/audit.py), which are loaded when they are called.

`pipelines.cli` imports this module at its end, so that its commands are known.
"""

from __future__ import annotations

import getpass
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from pipelines.cli import (
    HomeOption,
    JsonOption,
    PeriodOption,
    SettingsOption,
    app,
    ending,
    errors,
    print_json,
)
from warehouse.access import log_access
from warehouse.errors import GateBlocked, UsageError
from warehouse.home import Home
from warehouse.settings import load_settings

audit_app = typer.Typer(no_args_is_help=True, help="Who was given what, and what is kept.")
app.add_typer(audit_app, name="audit")

_NIK_LENGTH = 16


@app.command()
@ending
def deliver(
    period: PeriodOption,
    recipient: Annotated[
        list[str] | None,
        typer.Option("--recipient", help="Key such as 13 or 24/31; may be repeated."),
    ] = None,
    home: HomeOption = None,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> int | None:
    """Deliver the extracts of a month to the targets of the settings; each once."""
    from publishing.delivery.sending import deliver as send  # noqa: PLC0415

    place, console = Home.resolve(home), errors()
    report = send(
        place,
        load_settings(place, settings),
        period,
        recipients=recipient or None,
        log=lambda message: console.print(message, markup=False, highlight=False),
    )
    if as_json:
        print_json({"status": "done", **asdict(report)})
    else:
        _say(
            f"Ekstrak {report.publication}: {report.sent} dikirim ({report.files} berkas), "
            f"{report.standing} sudah diterima, {report.without_target} tanpa tujuan"
        )
    return 0


@app.command()
@ending
def verify(
    folder: Annotated[
        Path | None, typer.Argument(help="One extract; else the log and all extracts.")
    ] = None,
    public_key: Annotated[
        Path | None, typer.Option("--public-key", help="Key to check by; else the home's own.")
    ] = None,
    home: HomeOption = None,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> int | None:
    """Check the audit log and the signed extracts, or one extract that was received."""
    from publishing.audit import AuditLog  # noqa: PLC0415
    from publishing.delivery.retention import still_there  # noqa: PLC0415
    from publishing.extracts.folder import MANIFEST, check_folder  # noqa: PLC0415
    from publishing.extracts.making import extracts_root, the_signer  # noqa: PLC0415

    place = Home.resolve(home)
    if public_key and not public_key.is_file():
        raise UsageError(f"there is no file {public_key}")
    pem = (
        public_key.read_bytes()
        if public_key
        else the_signer(place, load_settings(place, settings)).public_pem
    )
    faults: list[str] = []
    entries = 0
    if folder:
        folders = [folder]
    else:
        root, log = extracts_root(place), AuditLog(place)
        folders = sorted(
            path.parent for path in [*root.glob(f"*/*/{MANIFEST}"), *root.glob(f"*/*/*/{MANIFEST}")]
        )
        faults += log.verify()
        if not faults:
            entries = sum(1 for _ in log.entries())
            faults += still_there(place)
    for one in folders:
        faults += check_folder(one, pem)
    if faults:
        told = "; ".join(faults[:5]) + (f"; and {len(faults) - 5} more" if len(faults) > 5 else "")
        raise GateBlocked(told)
    if as_json:
        print_json({"status": "done", "extracts": len(folders), "entries": entries})
    else:
        _say(f"{len(folders)} ekstrak dan {entries} catatan log utuh")
    return 0


@audit_app.command("who-received")
@ending
def who_received(
    pseudonym: Annotated[str, typer.Argument(help="Pseudonym of the person.")],
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> int | None:
    """Tell which extracts hold a person; the question is logged."""
    from publishing.audit import AuditLog  # noqa: PLC0415

    log = AuditLog(Home.resolve(home))
    found = log.who_received(pseudonym)
    log.add([{"action": "audit.asked", "pseudonym": pseudonym, "found": len(found)}])
    if as_json:
        print_json({"status": "done", "received": [asdict(entry) for entry in found]})
        return 0
    for entry in found:
        _say(
            f"{entry.at} {entry.title}: {entry.table}, publikasi {entry.publication}. "
            f"{entry.purpose} {'Dikirim: ' + '; '.join(entry.delivered) if entry.delivered else ''}"
        )
    if not found:
        _say("Tidak ada ekstrak yang memuat orang ini.")
    return 0


@audit_app.command("pseudonym")
@ending
def pseudonym(
    home: HomeOption = None, settings: SettingsOption = None, as_json: JsonOption = False
) -> int | None:
    """Tell the log's pseudonym of a NIK, which is asked for, never an argument; logged."""
    from publishing.pseudonyms import AUDIT, Pseudonyms  # noqa: PLC0415

    place = Home.resolve(home)
    names = Pseudonyms.load(load_settings(place, settings))
    # An argument would stay in the shell's history and show in the list of processes.
    told = getpass.getpass("NIK: ") if sys.stdin.isatty() else sys.stdin.readline()
    nik = told.strip()
    if len(nik) != _NIK_LENGTH or not nik.isdecimal():
        raise UsageError("a NIK has 16 digits; write it on standard input")
    made = names.of(AUDIT, nik)
    log_access(place, "audit pseudonym", period="-", dataset="-", record_id=made)
    if as_json:
        print_json({"status": "done", "pseudonym": made})
    else:
        _say(made)
    return 0


@audit_app.command("retire")
@ending
def retire(
    as_of: Annotated[str, typer.Option("--as-of", help="The month now, YYYY-MM.")],
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> int | None:
    """Delete the extracts whose contracts keep them no longer, with an entry for each."""
    from publishing.delivery.retention import retire as delete  # noqa: PLC0415

    deleted = delete(Home.resolve(home), as_of)
    if as_json:
        print_json({"status": "done", "deleted": deleted})
    else:
        _say(f"{deleted} ekstrak dihapus")
    return 0


def _say(text: str) -> None:
    Console().print(text, markup=False, highlight=False, soft_wrap=True)
