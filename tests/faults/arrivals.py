"""A counter at which files are delivered: kept, landed and conformed as in a run.

Belongs here: short ways to make files and to see what became of their rows. Does not belong
here: what must become of them (the tests).
"""

from __future__ import annotations

import gzip
import io
import shutil
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import duckdb
import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sources.conforming import ConformReport, conform
from sources.contracts import Contract, load_contracts
from sources.deliveries import Found, discover, keep
from sources.landing import DeliveryReport, land
from warehouse.errors import DataRefused
from warehouse.home import Home
from warehouse.storage import quote

PERIOD = "2026-10"
HEADER = "kpj,full_name,segment,nik,sex,birth_date,reported_wage\n"
COLUMNS = HEADER.strip().split(",")
GOOD_NIK = "3171905203900001"
"""A woman born on 12 March 1990; of a district that does not exist."""

Content = bytes | str


def row(number: int, **cells: str) -> dict[str, str]:
    """Give one good row of participants, some cells changed."""
    return {
        "kpj": f"K{number}",
        "full_name": f"WARGA {number}",
        "segment": "PU",
        "nik": f"317190520390{number:04}",
        "sex": "P",
        "birth_date": "1990-03-12",
        "reported_wage": "5000000",
        **cells,
    }


def csv(*rows: Mapping[str, str], delimiter: str = ",", end: str = "\n") -> str:
    """Write rows as CSV, quoted where needed."""
    lines = [delimiter.join(COLUMNS)]
    for entry in rows:
        cells = [entry[name] for name in COLUMNS]
        odd = (delimiter, '"', "\n", "\r")
        quoted = [
            '"' + c.replace('"', '""') + '"' if any(o in c for o in odd) else c for c in cells
        ]
        lines.append(delimiter.join(quoted))
    return "".join(line + end for line in lines)


def book(*rows: Sequence[Any], edit: Any = None) -> bytes:
    """Write a workbook of one sheet."""
    workbook = openpyxl.Workbook()
    sheet = workbook.active
    for entry in rows:
        sheet.append(entry)
    if edit:
        edit(workbook, sheet)
    target = io.BytesIO()
    workbook.save(target)
    return target.getvalue()


def parquet(**columns: Any) -> bytes:
    """Write a Parquet file."""
    target = io.BytesIO()
    pq.write_table(pa.table(columns), target)
    return target.getvalue()


def zipped(entries: Mapping[str, bytes], edit: Any = None) -> bytes:
    """Write a zip archive."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, content in entries.items():
            info = zipfile.ZipInfo(name)
            info.compress_type = zipfile.ZIP_DEFLATED
            if edit:
                edit(info)
            archive.writestr(info, content)
    return target.getvalue()


def packed(content: Content) -> bytes:
    """Pack with gzip."""
    return gzip.compress(content.encode() if isinstance(content, str) else content)


@dataclass
class Counter:
    """One dataset's counter in a home of its own."""

    con: duckdb.DuckDBPyConnection
    home: Home
    contract: Contract
    period: str = PERIOD

    def clear(self) -> None:
        """Forget all deliveries."""
        for folder in (self.home.inbox, self.home.deliveries):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(mode=0o700)
        for schema, name in self.con.execute(
            "SELECT schema_name, table_name FROM duckdb_tables() WHERE database_name = "
            "current_database() AND schema_name IN ('landing', 'quarantine', 'conformed')"
        ).fetchall():
            self.con.execute(f"DROP TABLE {schema}.{quote(name)}")

    def agree(self, **changes: Any) -> None:
        """Change the contract."""
        self.contract = replace(self.contract, **changes)

    def use(self, key: str) -> None:
        """Take the deliveries of another dataset."""
        self.contract = load_contracts()[key]

    def drop(self, **files: Content) -> None:
        """Put files into the inbox in place of what lies there; `__` stands for a dot."""
        self.put({name.replace("__", "."): content for name, content in files.items()})

    def put(self, files: Mapping[str, Content]) -> None:
        """Put files into the inbox in place of what lies there."""
        folder = self.home.inbox / self.contract.key / self.period
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for name, content in files.items():
            (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)

    def found(self) -> Found:
        """Discover what lies in the inbox."""
        contracts = {self.contract.key: self.contract}
        return discover(self.home.inbox, contracts, self.period).found[self.contract.key]

    def land(self) -> DeliveryReport:
        """Keep and land what lies in the inbox."""
        kept = keep(self.con, self.home, self.contract, self.found())
        return land(self.con, self.home, self.contract, kept)

    def take(self, content: Content, name: str = "peserta.csv") -> ConformReport:
        """Deliver one file, land and conform it."""
        self.put({name: content})
        self.land()
        return conform(self.con, self.contract, self.period)

    def refuse(self, content: Content | None = None, name: str = "peserta.csv") -> DataRefused:
        """Deliver one file that must be refused as a whole, without a trace in the tables."""
        if content is not None:
            self.put({name: content})
        before = self.everything()
        with pytest.raises(DataRefused) as caught:
            self.land()
        assert self.everything() == before
        assert [path for path in self.home.tmp.iterdir() if path.name != "spill"] == []
        state = self.con.execute(
            "SELECT state, reason_code FROM landing.deliveries ORDER BY received_at DESC LIMIT 1"
        ).fetchone()
        assert state == ("rejected", caught.value.code)
        return caught.value

    def everything(self) -> dict[str, int]:
        """Count the rows of landing, quarantine and conformed tables, the ledger apart."""
        tables = self.con.execute(
            "SELECT schema_name, table_name FROM duckdb_tables() WHERE database_name = "
            "current_database() AND schema_name IN ('landing', 'quarantine', 'conformed') "
            "AND table_name NOT IN ('deliveries', 'delivery_files', 'in_force')"
        ).fetchall()
        counted = {}
        for schema, name in tables:
            found = self.con.execute(f"SELECT count(*) FROM {schema}.{quote(name)}").fetchone()
            if found and found[0]:
                counted[f"{schema}.{name}"] = int(found[0])
        return counted

    def rows(self, columns: str) -> list[tuple[Any, ...]]:
        """Give columns of the conformed rows, by file and row number."""
        return self.con.execute(
            f"SELECT {columns} FROM conformed.{quote(self.contract.key)} ORDER BY file, row_number"
        ).fetchall()

    def landed(self, columns: str) -> list[tuple[Any, ...]]:
        """Give columns of the landed rows, by file and row number."""
        return self.con.execute(
            f"SELECT {columns} FROM landing.{quote(self.contract.key)} ORDER BY file, row_number"
        ).fetchall()

    def quarantined(self) -> list[tuple[int, list[str]]]:
        """Give row number and reasons of the rows set aside."""
        return self.con.execute(
            "SELECT row_number, reason_codes FROM quarantine.rows ORDER BY file, row_number"
        ).fetchall()

    def reasons(self) -> dict[str, str | None]:
        """Give what is told of the NIK of each record."""
        return dict(self.rows("record_id, nik_reason"))

    def flags(self) -> dict[str, list[str]]:
        """Give the flags of each record that has any."""
        return {key: flags for key, flags in self.rows("record_id, flags") if flags}
