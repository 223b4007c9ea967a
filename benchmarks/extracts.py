"""Measure a list of persons and check every workbook of a publication's extracts.

    python benchmarks/extracts.py list [--rows 1000000] [--keep DIR]
    python benchmarks/extracts.py workbooks HOME/extracts/2026-10-1

`list` makes a restricted warehouse with exactly so many invented people, each with a NIK of their
own, none of them covered. In a process of its own the list `uncovered_population` is then written
and encrypted as an extract writes it, decrypted with the recipient's key, and both formats are
compared with the warehouse, every row and column. Wall time by step and the largest resident set
of that process go to standard output and to benchmarks/results/extracts.json.

`workbooks` opens every workbook of a folder with openpyxl and with calamine, compares each data
sheet cell by cell with the Parquet file beside it, and looks into the files for formulas.
"""

from __future__ import annotations

import argparse
import json
import re
import resource
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import openpyxl
import pyarrow.parquet as pq
import pyrage
import python_calamine

from publishing.extracts.contracts import load_extract_contracts
from publishing.extracts.lists import ListWriter
from publishing.extracts.recipients import Directory
from publishing.extracts.wording import words
from publishing.extracts.workbook import sheet_names
from publishing.pseudonyms import Pseudonyms
from publishing.spreadsheets import SUPPRESSED
from sources.contracts import load_contracts, load_dataset_table
from warehouse.connection import connect
from warehouse.home import Home
from warehouse.reference import load_reference
from warehouse.settings import ExtractSettings, Settings
from warehouse.storage import literal
from warehouse.tables import create_tables

RESULTS = Path(__file__).parent / "results" / "extracts.json"
PERIOD = "2026-10"
BPJS = 23
LIST = "uncovered_population"
_SAMPLE = 997
_SCALE = 1024**2 if sys.platform == "darwin" else 1024
_FORMULA = re.compile(rb"<f[ >/]")

PEOPLE = """
CREATE TEMP TABLE humans AS
SELECT
    -- Kecamatan 90 to 99 are nobody's; day, month, year and number make each one distinct.
    regency || (90 + i // 514 % 10)::VARCHAR
        || lpad((1 + i // 5140 % 28 + CASE WHEN i % 2 = 0 THEN 40 ELSE 0 END)::VARCHAR, 2, '0')
        || lpad((1 + i // 143920 % 12)::VARCHAR, 2, '0')
        || lpad((60 + i // 1727040 % 40)::VARCHAR, 2, '0')
        || lpad((1 + i // 69081600)::VARCHAR, 4, '0') AS nik,
    CASE i % 1000
        WHEN 7 THEN '=HYPERLINK("http://contoh.invalid","' || i || '")'
        WHEN 8 THEN 'O''NEIL, "' || i || '"'
        WHEN 9 THEN '-' || i
        ELSE 'ORANG KARANGAN ' || i
    END AS full_name,
    regency AS region_code,
    substr('ABCDEFGHIJKLMNOPQ', 1 + (i % 17)::INTEGER, 1) AS sector_code,
    i % 5 = 0 AS once
FROM (
    SELECT i, regencies[1 + i % len(regencies)] AS regency
    FROM range(getvariable('rows')) AS t (i)
    CROSS JOIN (SELECT list(regency_code ORDER BY regency_code) AS regencies
                FROM reference.regencies WHERE valid_to IS NULL)
);
CREATE TABLE spine.persons AS
SELECT '2026-10' AS period, md5_number_lower(nik) AS person_key, * EXCLUDE (once) FROM humans;
CREATE TABLE spine.workers AS
SELECT '2026-10' AS period, md5_number_lower(nik) AS person_key, region_code AS domicile,
    sector_code, 'BPU' AS segment, true AS eligible, once::BIGINT * 900000 AS inactive_ppm,
    0::BIGINT AS active_high_ppm
FROM humans;
"""

EXPECTED = """
SELECT nik, full_name, region_code, sector_code, 'BPU' AS segment,
    CASE WHEN inactive_ppm > 0 THEN 'inactive' ELSE 'unregistered' END AS cover_state
FROM spine.workers JOIN spine.persons USING (period, person_key, sector_code)
"""


def fill(home: Home, rows: int) -> None:
    """Make the restricted warehouse of the trial."""
    con = connect(home)
    load_reference(con)
    load_dataset_table(con, load_contracts())
    create_tables(con)
    con.execute(
        "CREATE TABLE landing.in_force (period VARCHAR, dataset VARCHAR, "
        "delivery_period VARCHAR, version INTEGER, age_months INTEGER, state VARCHAR)"
    )
    con.execute("SET VARIABLE rows = ?", [rows])
    con.execute(PEOPLE)
    counted = con.execute("SELECT count(*), count(DISTINCT nik) FROM spine.persons").fetchone()
    con.close()
    if counted != (rows, rows):
        raise SystemExit(f"the invented people are not {rows} distinct ones: {counted}")


@dataclass
class Clock:
    """Seconds and peak memory by step."""

    steps: dict[str, dict[str, float]]

    def __call__(self, name: str, action: Callable[[], Any]) -> Any:
        """Do a step and note what it took."""
        started = time.monotonic()
        value = action()
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / _SCALE
        self.steps[name] = {
            "seconds": round(time.monotonic() - started, 2), "peak_mb": round(peak),
        }  # fmt: skip
        return value


def trial(home: Home) -> dict[str, Any]:
    """Write, encrypt, decrypt and compare one list; runs in a process of its own."""
    identity = pyrage.x25519.Identity.generate()
    secret = home.path / "pseudonym.secret"
    secret.write_text("x" * 64)
    secret.chmod(0o600)
    settings = Settings(
        extracts=ExtractSettings(
            pseudonym_secret=secret,
            recipient_keys={str(BPJS): (str(identity.to_public()),)},
        )
    )
    contract = load_extract_contracts()[BPJS]
    table = next(table for table in contract.lists if table.name == LIST)
    (recipient,) = Directory(PERIOD).recipients(contract, None)
    clock, con = Clock({}), connect(home, settings, read_only=True)
    con.execute("SET memory_limit = '512MB'")
    started = time.monotonic()
    with ListWriter(con, home, settings, PERIOD) as writer:
        written = clock("written and encrypted", lambda: writer.write(contract, table, recipient))
        made = {made.entry.format: made.path for made in written.files}
        # The recipient's side: a folder of its own, with the secret key that only it has.
        clear = {form: home.path / f"clear.{form}" for form in made}

        def decrypt() -> None:
            for form, path in made.items():
                with path.open("rb") as source, clear[form].open("wb") as target:
                    pyrage.decrypt_io(source, target, [identity])

        clock("decrypted", decrypt)
        faults = clock("compared", lambda: list(differences(con, settings, clear)))
    con.close()
    total = time.monotonic() - started
    return {
        "rows": written.rows,
        "seconds": round(total, 1),
        "peak_mb": max(step["peak_mb"] for step in clock.steps.values()),
        "bytes": {form: path.stat().st_size for form, path in clear.items()},
        "steps": clock.steps,
        "faults": faults,
    }


def differences(
    con: duckdb.DuckDBPyConnection, settings: Settings, clear: dict[str, Path]
) -> Iterator[str]:
    """Give what differs between the decrypted files and the warehouse."""
    columns = "nik, full_name, region_code, sector_code, segment, cover_state"
    # CSV has an apostrophe before what a spreadsheet would take for a formula.
    armed = EXPECTED.replace(
        "full_name,", "regexp_replace(full_name, '^([=+@-])', '''\\1') AS full_name,", 1
    )
    sources = {
        "parquet": (f"read_parquet({literal(str(clear['parquet']))})", EXPECTED),
        "csv": (f"read_csv({literal(str(clear['csv']))}, all_varchar = true, header = true, "
                "nullstr = '')", armed),
    }  # fmt: skip
    for form, (source, expected) in sources.items():
        ways = ((f"FROM {source}", expected), (expected, f"FROM {source}"))
        for one, other in ways:
            count = con.execute(
                f"SELECT count(*) FROM ((SELECT {columns} FROM ({one})) EXCEPT ALL "
                f"(SELECT {columns} FROM ({other})))"
            ).fetchone()
            if count != (0,):
                yield f"{form}: {count} rows differ"
        distinct = con.execute(
            f"SELECT count(*) - count(DISTINCT pseudonym), count(*) FROM {source}"
        ).fetchone()
        if distinct is None or distinct[0]:
            yield f"{form}: pseudonyms repeat: {distinct}"
        names = Pseudonyms.load(settings)
        sample = con.execute(
            f"SELECT pseudonym, nik FROM {source} WHERE hash(nik) % {_SAMPLE} = 0"
        ).fetchall()
        if not sample or any(names.of(str(BPJS), nik) != made for made, nik in sample):
            yield f"{form}: a pseudonym is not that of its NIK"


def list_benchmark(rows: int, folder: Path) -> dict[str, Any]:
    """Make the people, then the trial in a process of its own."""
    home = Home.resolve(folder / f"home-{rows}")
    if not home.restricted_db.exists():
        home.path.mkdir(parents=True, exist_ok=True)
        fill(home, rows)
    out = subprocess.run(
        [sys.executable, __file__, "trial", str(home.path)],
        check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    return dict(json.loads(out.splitlines()[-1]))


def check_workbook(path: Path) -> tuple[int, list[str]]:
    """Compare a workbook with the Parquet files beside it; give cells read and faults."""
    faults: list[str] = []
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            if name.startswith("xl/worksheets/") and _FORMULA.search(archive.read(name)):
                faults.append(f"{path}: {name} has a formula")
            if "externalLink" in name or "vbaProject" in name or "connections" in name:
                faults.append(f"{path}: holds {name}")
    manifest = json.loads((path.parent / "manifest.json").read_text("utf-8"))
    contract = load_extract_contracts()[manifest["recipient"]["addressee_id"]]
    given = [t for t in contract.aggregates if (path.parent / f"{t.name}.parquet").is_file()]
    names = sheet_names(given)
    other = python_calamine.CalamineWorkbook.from_path(str(path))
    book = openpyxl.load_workbook(path, read_only=True)
    cells = 0
    for table in given:
        data = pq.read_table(path.parent / f"{table.name}.parquet")
        expected = [_shown(table, data, row) for row in data.to_pylist()]
        by_openpyxl = [
            [_cell(value) for value in row]
            for row in book[names[table.name]].iter_rows(min_row=5, values_only=True)
        ]
        sheet = other.get_sheet_by_name(names[table.name])
        by_calamine = [[_cell(v) for v in row] for row in sheet.to_python()[4:]]
        width = len(table.columns)
        for reader, rows in (("openpyxl", by_openpyxl), ("calamine", by_calamine)):
            cut = [row[:width] for row in rows][: len(expected)]
            if len(rows) != len(expected) or cut != expected:
                faults.append(f"{path}: {table.name} is not what Parquet has, by {reader}")
        cells += 2 * width * len(expected)
    book.close()
    return cells, faults


def _shown(table: Any, data: Any, row: dict[str, Any]) -> list[Any]:
    """Give a row as its sheet shows it."""
    numbers = {"persons", "integer", "money", "rate", "number"}
    shown: list[Any] = []
    for column in table.columns:
        value = row[column.name]
        if value is None and column.kind in numbers:
            value = SUPPRESSED if row.get("suppressed") else "–"
        elif isinstance(value, bool):
            value = "ya" if value else ""
        elif isinstance(value, str):
            value = words(column.name).get(value, value)
        shown.append(_cell(value))
    return shown


def _cell(value: Any) -> Any:
    """Make what two readers give alike: numbers by value, nothing as an empty text."""
    if value is None:
        return ""
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        return round(float(value), 9)
    return str(value)


def check_workbooks(root: Path) -> dict[str, Any]:
    """Check every workbook under a folder."""
    started, cells, faults = time.monotonic(), 0, []
    paths = sorted(root.glob("**/*.xlsx"))
    for path in paths:
        read, found = check_workbook(path)
        cells += read
        faults += found
    return {
        "workbooks": len(paths),
        "cells": cells,
        "seconds": round(time.monotonic() - started, 1),
        "faults": faults,
    }


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    lists = commands.add_parser("list")
    lists.add_argument("--rows", type=int, default=1_000_000)
    lists.add_argument("--keep", type=Path, help="keep the warehouse here, and use it again")
    commands.add_parser("trial").add_argument("home", type=Path)
    commands.add_parser("workbooks").add_argument("folder", type=Path)
    given = parser.parse_args()
    if given.command == "trial":
        print(json.dumps(trial(Home.resolve(given.home))))
        return
    if given.command == "workbooks":
        result = check_workbooks(given.folder)
    elif given.keep:
        result = list_benchmark(given.rows, given.keep)
    else:
        with tempfile.TemporaryDirectory() as folder:
            result = list_benchmark(given.rows, Path(folder))
    print(json.dumps(result, indent=2))
    if given.command == "list":
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(json.dumps(result, indent=2) + "\n", "utf-8")
    if result["faults"]:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
