"""The commands `deliver`, `verify` and `audit`: handing over, and proof of what was handed over.

Belongs here: their declarations, calls and output. Does not belong here: delivery and the log
themselves (publishing/delivery, publishing/audit.py), which are loaded when they are called.

`pipelines.cli` imports this module at its end, so that its commands are known.
"""

from __future__ import annotations

import getpass
import re
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

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

if TYPE_CHECKING:
    from publishing.audit import AuditLog

audit_app = typer.Typer(no_args_is_help=True, help="Who was given what, and what is kept.")
app.add_typer(audit_app, name="audit")

_NIK_LENGTH = 16
_HASH = re.compile(r"[0-9a-f]{64}")


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
    noted: Annotated[
        str | None,
        typer.Option(help="NUMBER:HASH of an entry as noted elsewhere; the log must have it."),
    ] = None,
    home: HomeOption = None,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> int | None:
    """Check the audit log and the signed extracts, or one extract that was received."""
    from publishing.audit import AuditLog  # noqa: PLC0415
    from publishing.delivery.retention import still_there, unlogged  # noqa: PLC0415
    from publishing.extracts.folder import MANIFEST, check_folder  # noqa: PLC0415
    from publishing.extracts.making import extracts_root, the_signer  # noqa: PLC0415

    place = Home.resolve(home)
    if public_key and not public_key.is_file():
        raise UsageError(f"there is no file {public_key}")
    signer = None if public_key else the_signer(place, load_settings(place, settings))
    pem = public_key.read_bytes() if public_key else signer.public_pem if signer else b""
    faults: list[str] = []
    end = (0, "")
    if folder:
        folders = [folder]
    else:
        root, log = extracts_root(place), AuditLog(place, signer)
        folders = sorted(
            path.parent for path in [*root.glob(f"*/*/{MANIFEST}"), *root.glob(f"*/*/*/{MANIFEST}")]
        )
        faults += log.verify(_noted(noted))
        if not faults:
            end = log.end()
            faults += still_there(place) + unlogged(place)
    for one in folders:
        faults += check_folder(one, pem)
    if faults:
        listed = "; ".join(faults[:5]) + (
            f"; and {len(faults) - 5} more" if len(faults) > 5 else ""
        )
        raise GateBlocked(listed)
    if as_json:
        last = f"{end[0]}:{end[1]}" if end[0] else None
        told = {"extracts": len(folders), "entries": end[0], "last": last}
        print_json({"status": "done", **told})
    else:
        _say(f"{len(folders)} ekstrak dan {end[0]} catatan log utuh")
        if end[0]:
            _say(f"Catatan terakhir, untuk disimpan di tempat lain: {end[0]}:{end[1]}")
    return 0


@audit_app.command("who-received")
@ending
def who_received(
    pseudonym: Annotated[str, typer.Argument(help="Pseudonym of the person.")],
    home: HomeOption = None,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> int | None:
    """Tell which extracts hold a person; the question is logged."""
    log = _log(home, settings)
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
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> int | None:
    """Delete the extracts whose contracts keep them no longer, with an entry for each."""
    from publishing.delivery.retention import retire as delete  # noqa: PLC0415
    from publishing.extracts.making import the_signer  # noqa: PLC0415

    place = Home.resolve(home)
    deleted = delete(place, as_of, the_signer(place, load_settings(place, settings)))
    if as_json:
        print_json({"status": "done", "deleted": deleted})
    else:
        _say(f"{deleted} ekstrak dihapus")
    return 0


@audit_app.command("seal")
@ending
def seal(
    home: HomeOption = None, settings: SettingsOption = None, as_json: JsonOption = False
) -> int | None:
    """Sign the head of a whole log anew, after the signing key was changed; logged."""
    number, told = _log(home, settings).seal()
    if as_json:
        print_json({"status": "done", "last": f"{number}:{told}"})
    else:
        _say(f"Log ditandatangani kembali pada catatan {number}:{told}")
    return 0


def _log(home: Path | None, settings: Path | None) -> AuditLog:
    from publishing.audit import AuditLog  # noqa: PLC0415
    from publishing.extracts.making import the_signer  # noqa: PLC0415

    place = Home.resolve(home)
    return AuditLog(place, the_signer(place, load_settings(place, settings)))


def _noted(text: str | None) -> tuple[int, str] | None:
    """Read `NUMBER:HASH`."""
    if text is None:
        return None
    number, _, told = text.strip().partition(":")
    if not number.isdecimal() or not _HASH.fullmatch(told):
        raise UsageError("--noted takes NUMBER:HASH, as `cakupan verify` told it that day")
    return int(number), told


def _say(text: str) -> None:
    Console().print(text, markup=False, highlight=False, soft_wrap=True)
