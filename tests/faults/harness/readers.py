"""Publishing again and again while others read, in processes of their own.

Belongs here: a home with one regency, a loop that publishes it, and readers that open what is in
force as fast as they can. Does not belong here: how publications are written.
"""

from __future__ import annotations

import json
import multiprocessing
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from warehouse.connection import connect
from warehouse.home import Home
from warehouse.publication import publish
from warehouse.settings import PublicationSettings, Settings
from warehouse.tables import create_tables, table_specs

PERIOD = "2026-10"
_PAUSE = 0.02
"""Seconds between two reads, so that readers leave some of the machine to the publisher."""
_TOTALS = ("coverage_national", "coverage_by_sector_region")


@dataclass
class Reading:
    """What readers saw.

    Attributes:
        publications: made while they read.
        reads: how often a publication was opened, read and closed.
        distinct: how many different publications they saw.
        errors: kinds of errors, by reader.
        unequal: reads in which the totals of one publication did not agree.
        held: reads of one that was kept open all the time, and stayed as it was.
        seconds: how long it all took.
    """

    publications: int
    reads: int = 0
    distinct: int = 0
    errors: list[str] = field(default_factory=list)
    unequal: int = 0
    held: int = 0
    seconds: float = 0.0


def tiny_tables(con: duckdb.DuckDBPyConnection, workers: int, period: str = PERIOD) -> None:
    """Put one regency and sector with this many workers into the restricted warehouse."""
    create_tables(con)
    con.execute(
        "CREATE OR REPLACE TABLE reference.provinces AS SELECT '31' AS province_code, "
        "'DKI Jakarta' AS province, NULL::DATE AS valid_to"
    )
    con.execute(
        "CREATE OR REPLACE TABLE reference.regencies AS SELECT '3171' AS regency_code, "
        "'Jakarta Pusat' AS regency, 'kota' AS kind, '31' AS province_code, '3173' AS bps_code, "
        "1 AS population, NULL::DATE AS valid_from, NULL::DATE AS valid_to, 'x' AS source"
    )
    con.execute("CREATE OR REPLACE TABLE reference.contribution_rates AS SELECT 'JKM' AS programme")
    set_workers(con, workers, period)


def set_workers(con: duckdb.DuckDBPyConnection, workers: int, period: str = PERIOD) -> None:
    """Change how many workers there are."""
    for table in _TOTALS:
        spec = table_specs()[table]
        values = {
            "period": period, "basis": "domicile", "denominator_id": "eligible",
            "province_code": "31", "province": "DKI Jakarta", "regency_code": "3171",
            "regency": "Jakarta Pusat", "sector_code": "G", "sector": "Perdagangan",
            "workers": workers, "active": 4, "inactive": 1, "unregistered": workers - 5,
            "gap": workers - 4, "coverage_rate": 4 / workers,
        }  # fmt: skip
        names = [c.name for c in spec.meanings if c.name in values]
        con.execute(f"DELETE FROM {spec.qualified} WHERE period = ?", [period])
        con.execute(
            f"INSERT INTO {spec.qualified} ({', '.join(names)}) "
            f"VALUES ({', '.join('?' * len(names))})",
            [values[name] for name in names],
        )


def publish_with_readers(
    folder: Path, publications: int, readers: int, keep: int, tell: Callable[[str], None]
) -> Reading:
    """Publish one month again and again while processes read what is in force.

    Args:
        folder: scratch.
        publications: how many.
        readers: processes that open, read and close.
        keep: publications kept, so that files vanish under the readers.
        tell: told now and then how far it is.
    """
    home = Home(folder / "home").ensure()
    settings = Settings(publication=PublicationSettings(keep=keep))
    context = multiprocessing.get_context("spawn")
    stop = context.Event()
    seen = Reading(publications)
    began = time.monotonic()
    with connect(home, settings) as con:
        tiny_tables(con, 10)
        publish(con, home, settings, PERIOD)
        current = home.published / "current" / "cakupan.duckdb"
        files = [folder / f"reader-{number}.json" for number in range(readers + 1)]
        processes = [
            context.Process(target=_read, args=(current, file, stop, number == 0))
            for number, file in enumerate(files)
        ]
        for process in processes:
            process.start()
        try:
            while not all(file.exists() for file in files):
                time.sleep(0.05)
            for number in range(1, publications + 1):
                set_workers(con, 10 + number)
                made = publish(con, home, settings, PERIOD)
                assert made.new, f"publication {number} was taken for the one before"
                if number % 50 == 0:
                    tell(f"{number} publications, {time.monotonic() - began:.0f} s")
        finally:
            stop.set()
            for process in processes:
                process.join(60)
    distinct: set[int] = set()
    for file, process in zip(files, processes, strict=True):
        told = json.loads(file.read_text("utf-8"))
        if process.exitcode:
            seen.errors.append(f"a reader ended with {process.exitcode}")
        seen.errors += told["errors"]
        seen.unequal += told["unequal"]
        distinct |= set(told["seen"])
        if told["holds"]:
            seen.held = told["reads"]
        else:
            seen.reads += told["reads"]
    seen.distinct = len(distinct)
    seen.seconds = time.monotonic() - began
    return seen


def _read(current: Path, file: Path, stop: object, holds: bool) -> None:
    """Read until told to stop; one that holds keeps the first publication open."""
    told: dict[str, object] = {"holds": holds, "reads": 0, "unequal": 0, "errors": [], "seen": []}
    reads, unequal, errors, seen = 0, 0, [], set()
    kept = _open(current) if holds else None
    while True:
        over = stop.is_set()  # type: ignore[attr-defined]
        try:
            con = kept or _open(current)
            national, regions, publication = con.execute(
                "SELECT (SELECT sum(workers) FROM coverage.coverage_national), "
                "(SELECT sum(workers) FROM coverage.coverage_by_sector_region), "
                "(SELECT max(publication_sequence) FROM reference.publication)"
            ).fetchall()[0]
            unequal += national != regions
            seen.add(int(publication))
            reads += 1
            if kept is None:
                con.close()
        except Exception as error:  # noqa: BLE001 - any is counted, none is expected
            errors.append(f"{type(error).__name__}: {error}"[:300])
        if reads == 1 or over:
            told |= {"reads": reads, "unequal": unequal, "errors": errors, "seen": sorted(seen)}
            file.write_text(json.dumps(told), "utf-8")
        if over:
            break
        time.sleep(_PAUSE)


def _open(current: Path) -> duckdb.DuckDBPyConnection:
    return duckdb.connect(str(current), read_only=True, config={"threads": 1})
