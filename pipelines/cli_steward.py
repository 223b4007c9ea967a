"""The commands `replay`, `quarantine` and `approve`: what a data steward does.

Belongs here: their declarations, calls and output. Does not belong here: replaying
(sources/replay.py), the gate of volume (sources/volume.py), and the workbook
(publishing/quarantine_workbook.py), which are loaded when they are called.

`pipelines.cli` imports this module at its end, so that its commands are known.
"""

from __future__ import annotations

import getpass
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
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
from warehouse.connection import check_period
from warehouse.errors import UsageError
from warehouse.home import Home

if TYPE_CHECKING:
    import duckdb

    from sources.contracts import Contract

_EVERY_RECORD = "*"
"""What the access log is given where a command is about no single record."""

DatasetOption = Annotated[str, typer.Option("--dataset", help="Key of the dataset.")]


@app.command()
@ending
def replay(
    dataset: DatasetOption,
    period: PeriodOption,
    reason_code: Annotated[
        str, typer.Option("--reason-code", help="The reason whose rows are meant.")
    ] = "",
    corrections: Annotated[
        Path | None,
        typer.Option(
            "--corrections", help="The quarantine workbook filled in, or a CSV.", show_default=False
        ),
    ] = None,
    by: Annotated[str, typer.Option("--by", help="Who corrects; else the user.")] = "",
    reason: Annotated[
        str, typer.Option("--reason", help="Why, and by what source; needed with corrections.")
    ] = "",
    home: HomeOption = None,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> int | None:
    """Judge quarantined rows again after a fix. Each use is logged."""
    from assets.fingerprints import note_made  # noqa: PLC0415
    from sources.contracts import load_dataset_table  # noqa: PLC0415
    from sources.replay import replay as again  # noqa: PLC0415
    from warehouse.reference import load_reference  # noqa: PLC0415

    place = Home.resolve(home)
    with _opened(place, settings, f"replay {dataset} {period}") as (con, contracts):
        contract = _contract(contracts, dataset)
        check_period(period)
        log_access(place, "replay", period=period, dataset=dataset, record_id=_EVERY_RECORD)
        load_reference(con)
        load_dataset_table(con, contracts)
        report = again(
            con, place, contract, period, reason_code=reason_code, file=corrections,
            by=by or getpass.getuser(), reason=reason, log=_say,
        )  # fmt: skip
        note_made(con, contract, period, report.version)
    if as_json:
        print_json({"status": "done", "exit_code": 0, **asdict(report)})
        return 0
    console = Console()
    for line in (
        f"{dataset} {period} v{report.version}: {report.delivered} baris dikirim, diterima "
        f"{report.accepted_before} -> {report.accepted}"
        + (f", {report.corrected} baris dikoreksi" if report.corrected else ""),
        *(
            f"  {code}: {report.before.get(code, 0)} -> {report.after.get(code, 0)} baris"
            for code in dict.fromkeys([*report.before, *report.after])
        ),
        *(
            f"Jalankan lagi agar terbit: cakupan run --home {place.path} --period {month}"
            for month in report.periods
        ),
    ):
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    return 0


@app.command()
@ending
def quarantine(
    period: PeriodOption,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="New XLSX file; else in the home.", show_default=False),
    ] = None,
    dataset: Annotated[str, typer.Option("--dataset", help="One dataset alone.")] = "",
    limit: Annotated[int, typer.Option("--limit", help="Rows shown of each dataset.")] = 5_000,
    home: HomeOption = None,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> int | None:
    """Write the workbook of quarantined rows. It quotes them: each use is logged."""
    from publishing.quarantine_workbook import write  # noqa: PLC0415

    place = Home.resolve(home)
    with _opened(place, settings, f"quarantine {period}") as (con, contracts):
        if dataset:
            _contract(contracts, dataset)
        log_access(
            place, "quarantine workbook", period=check_period(period),
            dataset=dataset or _EVERY_RECORD, record_id=_EVERY_RECORD,
        )  # fmt: skip
        name = f"karantina-{period}{f'-{dataset}' if dataset else ''}.xlsx"
        path = out.expanduser().resolve() if out else place.path / "quarantine" / name
        written = write(con, contracts, period, path, dataset=dataset, limit=limit)
    if as_json:
        print_json({"status": "done", "exit_code": 0, **asdict(written)})
        return 0
    shown, total = sum(written.shown.values()), sum(written.total.values())
    for line in (
        f"{written.path}: {shown} dari {total} baris yang dikarantina, {len(written.total)} daftar",
        "Berkas ini memuat data pribadi: hanya untuk petugas data.",
    ):
        Console().print(line, markup=False, highlight=False, soft_wrap=True)
    return 0


@app.command()
@ending
def approve(
    dataset: Annotated[str, typer.Argument(help="Key of the dataset.")],
    period: Annotated[str, typer.Argument(help="The delivery's month, YYYY-MM.")],
    reason: Annotated[str, typer.Option("--reason", help="Why; kept with the decision.")],
    version: Annotated[
        int | None,
        typer.Option("--version", help="The delivery's version; else the latest held one."),
    ] = None,
    by: Annotated[str, typer.Option("--by", help="Who decided; else the user.")] = "",
    reject: Annotated[
        bool, typer.Option("--reject", help="Leave the delivery out for good.")
    ] = False,
    home: HomeOption = None,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> int | None:
    """Approve or reject a delivery that is held because of its size."""
    from sources.volume import decide  # noqa: PLC0415

    place = Home.resolve(home)
    with _opened(place, settings, f"approve {dataset} {period}") as (con, contracts):
        _contract(contracts, dataset)
        decision = decide(
            con, place, dataset, check_period(period),
            approve=not reject, reason=reason, by=by, version=version,
        )  # fmt: skip
    if as_json:
        print_json({"status": "done", "exit_code": 0, **asdict(decision)})
        return 0
    word = "ditolak dan tidak dipakai" if reject else "disetujui"
    for line in (
        f"{dataset} {period} v{decision.version} ({decision.rows} baris) {word} oleh "
        f"{decision.by}: {decision.reason}",
        *(() if reject else (f"Jalankan lagi: cakupan run --home {place.path} --period {period}",)),
    ):
        Console().print(line, markup=False, highlight=False, soft_wrap=True)
    return 0


@contextmanager
def _opened(
    home: Home, settings_file: Path | None, what: str
) -> Iterator[tuple[duckdb.DuckDBPyConnection, Mapping[str, Contract]]]:
    """Hold the home's lock and open the warehouse that must be there already."""
    from pipelines.locks import home_lock  # noqa: PLC0415
    from sources.contracts import load_contracts  # noqa: PLC0415
    from warehouse.connection import connect  # noqa: PLC0415
    from warehouse.settings import load_settings  # noqa: PLC0415

    if not home.restricted_db.exists():
        raise UsageError(f"the home {home.path} has no warehouse yet: run a period first")
    settings = load_settings(home, settings_file)
    contracts = load_contracts([home.contracts])
    with home_lock(home, what, log=_say):
        con = connect(home, settings)
        try:
            yield con, contracts
        finally:
            con.close()


def _contract(contracts: Mapping[str, Contract], dataset: str) -> Contract:
    if dataset not in contracts:
        raise UsageError(f"there is no dataset {dataset!r}; `cakupan contracts list` names them")
    return contracts[dataset]


def _say(message: str) -> None:
    errors().print(message, markup=False, highlight=False, soft_wrap=True)
