"""The commands `sample` and `contracts`: what needs no run.

Belongs here: their options turned into calls, and their output. Does not belong here: the
synthetic world (sources/world) and the rules of contracts (sources/contracts.py).
"""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

from pipelines.cli import errors, print_json
from pipelines.gap import number
from sources.catalogue import catalogue
from sources.clauses import clauses_page
from sources.contracts import Contract, load_contracts, read_contract
from warehouse.connection import check_period
from warehouse.errors import UsageError
from warehouse.home import Home


def sample(
    out: Path,
    people: int,
    seed: int,
    period: str,
    months: int,
    error_rates: Path | None,
    databases: tuple[str, ...],
    datasets: tuple[str, ...],
    as_json: bool,
) -> int:
    """Make a synthetic world; see `cakupan sample --help`.

    Raises:
        UsageError: the period, a dataset or the file of error rates is not valid.
    """
    from sources.world import generate  # noqa: PLC0415

    check_period(period)
    console = errors()
    made = generate(
        out.expanduser().resolve(),
        people=people,
        seed=seed,
        period=period,
        months=months,
        error_rates=error_rates,
        log=lambda message: console.print(message, markup=False, highlight=False),
        databases=databases,
        datasets=datasets,
    )
    if as_json:
        print_json(asdict(made))
        return 0
    table = Table("Dataset", "Baris", "Berkas", box=box.SIMPLE_HEAD)
    for key, rows in made.rows.items():
        files = "basis data" if key in made.databases else number(sum(made.files[key].values()))
        table.add_row(key, number(sum(rows.values())), files)
    console = Console()
    console.print(table)
    for line in (
        f"Dunia contoh sintetis: {number(made.people)} penduduk, {', '.join(made.periods)}",
        f"Kiriman  : {made.out / 'inbox'}",
        f"Kebenaran: {made.out / 'truth'}",
    ):
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    return 0


def contracts_list(home: Home, as_json: bool) -> int:
    """List the datasets of the project and of a home."""
    contracts = load_contracts([home.contracts]).values()
    if as_json:
        print_json({"contracts": [_summary(contract) for contract in contracts]})
        return 0
    table = Table("Dataset", "Isi", "Jenis", "Penyedia", "Klausul")
    for c in contracts:
        table.add_row(c.key, c.title, c.kind, c.provider, ", ".join(c.clauses))
    Console().print(table)
    return 0


def contracts_show(home: Home, key: str, as_json: bool) -> int:
    """Show one dataset with its columns.

    Raises:
        UsageError: there is no such dataset.
    """
    contracts = load_contracts([home.contracts])
    if key not in contracts:
        raise UsageError(f"there is no dataset {key!r}; `cakupan contracts list` names all of them")
    contract = contracts[key]
    if as_json:
        print_json({**_summary(contract), "columns": _columns(contract)})
        return 0
    console = Console()
    for line in (
        f"{contract.key} {contract.version}: {contract.title}",
        f"{contract.provider}; klausul {', '.join(contract.clauses) or '–'}",
        contract.purpose,
        f"berlaku {contract.max_age_months} bulan; {contract.file}",
    ):
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    table = Table("Kolom", "Tipe", "Wajib", "Data pribadi", "Arti", "Tajuk lain")
    for column in contract.columns:
        mark = "kunci" if column.is_key else "nama" if column.is_name else ""
        table.add_row(
            column.name,
            column.sql_type,
            mark or ("tajuk" if column.required else ""),
            "" if column.pii == "none" else column.pii,
            column.meaning.id,
            ", ".join(column.headers[1:]),
        )
    console.print(table)
    return 0


def contracts_page(home: Home) -> int:
    """Write the page of datasets; see `cakupan contracts page --help`."""
    sys.stdout.write(catalogue(load_contracts([home.contracts])))
    return 0


def contracts_clauses(home: Home) -> int:
    """Write the page of clauses; see `cakupan contracts clauses --help`."""
    sys.stdout.write(clauses_page(load_contracts([home.contracts])))
    return 0


def contracts_validate(file: Path, as_json: bool) -> int:
    """Check a contract file.

    Raises:
        UsageError: the file is missing or is no valid contract.
    """
    if not file.is_file():
        raise UsageError(f"there is no file {file}")
    contract = read_contract(file)
    if as_json:
        print_json({"valid": True, **_summary(contract)})
    else:
        Console().print(
            f"{file} is valid: {contract.key} {contract.version}, {contract.kind}, "
            f"{len(contract.columns)} columns",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )
    return 0


def _summary(contract: Contract) -> dict[str, object]:
    return {
        "key": contract.key,
        "title": contract.title,
        "version": contract.version,
        "kind": contract.kind,
        "provider": contract.provider,
        "clauses": list(contract.clauses),
        "owner": contract.owner,
        "sector": contract.sector,
        "max_age_months": contract.max_age_months,
        "file": contract.file,
    }


def _columns(contract: Contract) -> list[dict[str, object]]:
    return [
        {
            "name": column.name,
            "type": column.sql_type,
            "required": column.required,
            "key": column.is_key,
            "personal_data": column.pii,
            "id": column.meaning.id,
            "en": column.meaning.en,
            "headers": list(column.headers),
        }
        for column in contract.columns
    ]
