"""A small world in which canaries stand in the deliveries of every kind and format.

Belongs here: the canaries and their planting. Does not belong here: breaking or searching.

Each file gets three more rows: a person whose NIK and name are canaries, a person with an unusable
NIK, and a row whose dates, amounts and codes are canaries, which no conversion can read and which
error texts would therefore quote.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import json
import sqlite3
from pathlib import Path

import duckdb
import openpyxl
from harness.worlds import World

from sources.contracts import Contract, ContractColumn, load_contracts
from sources.world import generate

PERIOD = "2026-10"
NAME = "ZQXKENARI"
"""Part of every planted name, address and unreadable value."""

SECRET = "ZQXRAHASIA"
"""Part of every planted secret."""

NIKS = ("3171994501909701", "3273990202889702", "3578994103779703")
IN_DATABASE = "siinas_workers"
DATASETS = (
    "bpjs_employers", "bpjs_participants", "djp_withholding", "dukcapil_population", "farmers",
    "sme_businesses", "transport_workers", IN_DATABASE,
)  # fmt: skip
"""One or more of each kind and format: CSV, gzip, Parquet, XLSX and a database."""

SETTINGS = "publication: {program_seconds: 0}\nengine: {threads: 1, memory_limit: 1GB}\n"


def leave_out() -> None:
    """Have this process know the planted datasets alone."""
    import pipelines.definitions
    import pipelines.resources

    def few(_directories: object = ()) -> dict[str, Contract]:
        known = load_contracts()
        return {key: known[key] for key in DATASETS}

    pipelines.definitions.load_contracts = few
    pipelines.resources.load_contracts = few


def planted_world(path: Path) -> World:
    """Make a world and plant canaries in each of its deliveries."""
    generate(path, people=1_000, seed=15, period=PERIOD, months=1, databases=(IN_DATABASE,))
    contracts = load_contracts()
    for key in DATASETS:
        if key != IN_DATABASE:
            _plant_files(path / "inbox" / key / PERIOD, contracts[key])
    for file in path.rglob("*.sqlite*"):
        _plant_database(file)
    with (path / "settings.yaml").open("a", encoding="utf-8") as file_:
        file_.write(SETTINGS)
    return World(path)


def values(contract: Contract, kind: int, like: dict[str, str]) -> dict[str, str]:
    """Give a planted row.

    Args:
        contract: the dataset's.
        kind: 0 a whole person, 1 one with an unusable NIK, 2 one that cannot be read.
        like: a delivered row, for all that no canary stands in.
    """
    row = dict(like)
    for column in contract.columns:
        if column.name in row:
            row[column.name] = _value(contract, column, kind, row[column.name])
    return row


def _value(contract: Contract, column: ContractColumn, kind: int, like: str) -> str:
    nik = NIKS[0] if kind == 0 else NIKS[kind] + ("9" if kind == 1 else "")
    if column.kind == "nik":
        return nik
    if column.is_key:
        return f"{NAME}-{kind}"
    if column.kind == "name":
        # A natural person's business: its name is that of the person.
        return f"UD {NAME} SARI{kind}" if contract.kind == "employer" else f"{NAME} SARI{kind}"
    if column.name in ("address", "mother_name", "birth_place"):
        return f"JALAN {NAME} {kind}"
    if column.name == "legal_form":
        return "UD"
    if kind == 2 and column.kind in ("date", "money", "integer", "vocabulary", "period", "kbli"):
        return f"{NAME}{nik}"
    return like


def _plant_files(folder: Path, contract: Contract) -> None:
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    for number, entry in enumerate(manifest["files"]):
        file = folder / entry["name"]
        if number == 0:
            entry["rows"] += _plant_file(file, contract)
            entry["sha256"] = hashlib.sha256(file.read_bytes()).hexdigest()
    (folder / "manifest.json").write_text(json.dumps(manifest), "utf-8")


def _plant_file(file: Path, contract: Contract) -> int:
    if file.suffix == ".parquet":
        return _plant_parquet(file, contract)
    if file.suffix == ".xlsx":
        book = openpyxl.load_workbook(file)
        sheet = book.worksheets[0]
        lines = [[str(cell or "") for cell in row] for row in sheet.values]
        header = next(i for i, line in enumerate(lines) if _known(line, contract))
        for row in _rows(lines[header], lines[header + 1], contract):
            sheet.append(row)
        book.save(file)
        return 3
    raw = file.read_bytes()
    packed = file.suffix == ".gz"
    encoding = contract.encoding or "utf-8"
    text = (gzip.decompress(raw) if packed else raw).decode(encoding)
    end = "\r\n" if "\r\n" in text else "\n"
    delimiter = contract.delimiter or csv.Sniffer().sniff(text.split("\n", 1)[0], ",;\t|").delimiter
    lines = list(csv.reader(text.splitlines()[:2], delimiter=delimiter))
    out = text if text.endswith("\n") else text + end
    for row in _rows(lines[0], lines[1], contract):
        out += delimiter.join(f'"{value}"' for value in row) + end
    file.write_bytes(gzip.compress(out.encode(encoding)) if packed else out.encode(encoding))
    return 3


def _known(line: list[str], contract: Contract) -> bool:
    headers = {header for column in contract.columns for header in column.headers}
    return sum(cell.strip().lower() in headers for cell in line) >= 3


def _rows(header: list[str], first: list[str], contract: Contract) -> list[list[str]]:
    names = {spelling: column.name for column in contract.columns for spelling in column.headers}
    canonical = [names.get(cell.strip().lower(), cell) for cell in header]
    like = dict(zip(canonical, first, strict=True))
    return [list(values(contract, kind, like).values()) for kind in range(3)]


def _plant_parquet(file: Path, contract: Contract) -> int:
    with duckdb.connect() as con:
        con.execute(f"CREATE TABLE t AS FROM '{file}'")
        types = {name: kind for name, kind, *_ in con.execute("DESCRIBE t").fetchall()}
        first = con.execute("SELECT * FROM t LIMIT 1").fetchone() or ()
        texts = ["" if value is None else str(value) for value in first]
        planted = 0
        for row in _rows(list(types), texts, contract):
            # A typed column takes no canary; its value is that of the row it was made like.
            given = [
                value if types[name] == "VARCHAR" else like
                for name, value, like in zip(types, row, first, strict=True)
            ]
            con.execute(f"INSERT INTO t VALUES ({', '.join('?' * len(given))})", given)
            planted += 1
        con.execute(f"COPY t TO '{file}' (FORMAT parquet)")
    return planted


def _plant_database(file: Path) -> None:
    contract = load_contracts()[IN_DATABASE]
    with sqlite3.connect(file) as con:
        tables = [n for (n,) in con.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            cursor = con.execute(f'SELECT * FROM "{table}" LIMIT 1')
            header = [d[0] for d in cursor.description]
            first = ["" if v is None else str(v) for v in cursor.fetchone() or [""] * len(header)]
            if not _known(header, contract):
                continue
            for row in _rows(header, first, contract):
                con.execute(f'INSERT INTO "{table}" VALUES ({", ".join("?" * len(row))})', row)
    con.close()
