"""The command `doctor`: is this machine fit, is the home whole, do the sources answer.

Belongs here: checks that only look. Does not belong here: repairs, and anything that waits
for a running pipeline or opens the restricted warehouse while one holds it.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import stat
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from rich.console import Console
from rich.table import Table

from pipelines.cli import print_json
from pipelines.locks import lock_holder
from sources.contracts import load_contracts
from warehouse import at_rest
from warehouse.errors import CakupanError, UsageError
from warehouse.home import Home
from warehouse.publication.folders import publications
from warehouse.settings import DatabaseSource, Settings, load_settings

PACKAGES = ("duckdb", "dagster", "great-expectations", "sqlalchemy", "rapidfuzz", "pyarrow")
DRIVERS = {
    "postgresql": "psycopg",
    "mysql": "pymysql",
    "oracle": "oracledb",
    "mssql": "pyodbc",
    "sqlite": "sqlite3",
}
_LOW_DISK_BYTES = 5 * 1024**3
_MARKS = {"ok": "[green]baik[/]", "warn": "[yellow]perhatian[/]", "fail": "[red]rusak[/]"}


@dataclass(frozen=True)
class Finding:
    """One thing looked at.

    Attributes:
        name: what was looked at.
        state: `ok`, `warn` or `fail`.
        message: what was found, and what to do about it.
        exit_code: what a `fail` makes the command end with.
    """

    name: str
    state: str
    message: str
    exit_code: int = 1


def command(home: Home, settings_file: Path | None, as_json: bool) -> int:
    """Look at everything and tell it; see `cakupan doctor --help`.

    Returns:
        0 where nothing is broken, else the exit code of the first broken thing.
    """
    findings = list(examine(home, settings_file))
    code = next((found.exit_code for found in findings if found.state == "fail"), 0)
    if as_json:
        print_json(
            {
                "status": "done" if code == 0 else "failed",
                "exit_code": code,
                "home": str(home.path),
                "findings": [
                    {"name": f.name, "state": f.state, "message": f.message} for f in findings
                ],
            }
        )
        return code
    table = Table("Yang diperiksa", "Keadaan", "Temuan")
    for found in findings:
        table.add_row(found.name, _MARKS[found.state], found.message)
    Console().print(table)
    return code


def examine(home: Home, settings_file: Path | None = None) -> Iterator[Finding]:
    """Look at machine, home, contracts, sources and publications, one after the other."""
    yield from _machine()
    yield from _home(home)
    try:
        contracts = load_contracts([home.contracts])
        yield Finding("contracts", "ok", f"{len(contracts)} datasets")
    except UsageError as error:
        contracts = {}
        yield Finding("contracts", "fail", str(error), UsageError.exit_code)
    try:
        settings = load_settings(home, settings_file)
        yield Finding("settings", "ok", f"memory limit {settings.engine.memory_limit}")
    except UsageError as error:
        settings = Settings()
        yield Finding("settings", "fail", str(error), UsageError.exit_code)
    yield _encryption(home, settings)
    yield from _drivers()
    for dataset, source in settings.databases.items():
        name = f"source {dataset}"
        if contracts and dataset not in contracts:
            yield Finding(name, "fail", "there is no contract of this name", UsageError.exit_code)
        else:
            yield _source(name, dataset, source)
    yield from _held(home, settings)
    yield from _publication(home)


def _held(home: Home, settings: Settings) -> Iterator[Finding]:
    """Tell which deliveries wait for approval, unless a run has the warehouse now."""
    if not home.restricted_db.exists() or lock_holder(home):
        return
    import duckdb  # noqa: PLC0415

    from sources.volume import LOG_FILE, held  # noqa: PLC0415
    from warehouse.connection import connect  # noqa: PLC0415

    if not (home.path / LOG_FILE).exists():
        yield Finding("deliveries", "ok", "none is held")
        return
    try:
        con = connect(home, settings, read_only=True)
        try:
            waiting = held(con)
        finally:
            con.close()
    except (CakupanError, duckdb.Error) as error:
        kind = str(error) if isinstance(error, CakupanError) else type(error).__name__
        yield Finding("deliveries", "warn", f"the warehouse cannot be looked into: {kind}")
        return
    for each in waiting:
        yield Finding(f"held {each.dataset} {each.period}", "warn", each.message)
    if not waiting:
        yield Finding("deliveries", "ok", "none is held")


def _machine() -> Iterator[Finding]:
    fit = (3, 11) <= sys.version_info[:2] <= (3, 12)
    version = ".".join(map(str, sys.version_info[:3]))
    yield Finding(
        "python", "ok" if fit else "warn", version if fit else f"{version}: use 3.11 or 3.12"
    )
    for package in PACKAGES:
        try:
            yield Finding(package, "ok", metadata.version(package))
        except metadata.PackageNotFoundError:
            yield Finding(package, "fail", "is not installed: install the project anew")


def _home(home: Home) -> Iterator[Finding]:
    if not home.path.is_dir():
        yield Finding("home", "warn", f"{home.path} does not exist yet; the first run makes it")
        return
    if not os.access(home.path, os.W_OK | os.X_OK):
        yield Finding("home", "fail", f"{home.path} cannot be written to by this user")
        return
    yield Finding("home", "ok", str(home.path))
    yield _permissions(home)
    holder = lock_holder(home)
    yield Finding("lock", "ok", f"held by {holder}" if holder else "free")
    free = shutil.disk_usage(home.path).free
    state = "warn" if free < _LOW_DISK_BYTES else "ok"
    yield Finding("disk", state, f"{free / 1024**3:.1f} GB free")


def _permissions(home: Home) -> Finding:
    restricted = (home.inbox, home.deliveries, home.dagster, home.tmp, home.restricted_db)
    open_to_others = [
        path.name
        for path in restricted
        if path.exists() and stat.S_IMODE(path.stat().st_mode) & 0o077
    ]
    if open_to_others:
        names = " ".join(open_to_others)
        return Finding(
            "permissions",
            "fail",
            f"others can read {names}: run `chmod -R go-rwx` on them in {home.path}",
        )
    return Finding("permissions", "ok", "restricted folders and files are the owner's alone")


def _encryption(home: Home, settings: Settings) -> Finding:
    at_rest.remember(home, settings)
    state = at_rest.state_of(home.restricted_db)
    try:
        key, identity = at_rest.database_key(settings), at_rest.deliveries_identity(home)
    except UsageError as error:
        return Finding("encryption", "fail", str(error), UsageError.exit_code)
    sealed = sum(1 for _ in home.deliveries.glob(f"*/*/v*/*{at_rest.SEALED}"))
    clear = sum(1 for _ in home.deliveries.glob("*/*/v*/*")) - sealed
    clear -= sum(1 for _ in home.deliveries.glob("*/*/v*/delivery.json"))
    told = f"database {state}, kept files: {sealed} encrypted, {clear} clear"
    if state == "encrypted" and key is None:
        return Finding("encryption", "fail", f"{told}; no database key is set", 2)
    if (key and state == "clear") or (identity and clear):
        return Finding("encryption", "fail", f"{told}; a key is set: run `cakupan encrypt`", 2)
    if key is None or identity is None:
        told += "; without keys only the disk's own encryption protects them"
    return Finding("encryption", "ok", told)


def _drivers() -> Iterator[Finding]:
    found = [name for name, module in DRIVERS.items() if importlib.util.find_spec(module)]
    yield Finding("drivers", "ok", ", ".join(found) or "none; needed for databases only")


def _source(name: str, dataset: str, source: DatabaseSource) -> Finding:
    from pipelines.reachability import check_source  # noqa: PLC0415

    try:
        where = check_source(dataset, source)
    except CakupanError as error:
        return Finding(name, "fail", str(error), error.exit_code)
    return Finding(name, "ok", f"{where} answers")


def _publication(home: Home) -> Iterator[Finding]:
    made = publications(home.published)
    if not made:
        yield Finding("publication", "ok", "none yet")
        return
    pointer = home.published / "current"
    newest = made[-1]
    if pointer.exists() and pointer.resolve() == newest.path.resolve():
        yield Finding("publication", "ok", f"{newest.name}, of {len(made)}")
    else:
        yield Finding(
            "publication",
            "fail",
            f"`current` does not point at the newest publication {newest.name}: "
            f"run `cakupan publish --period {newest.period}`",
        )
