"""A small warehouse to conform into, and a way to land rows without files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pytest

from sources.conforming import ConformReport, conform
from sources.contracts import Contract, read_contract
from warehouse.connection import SCHEMAS
from warehouse.reference import load_reference
from warehouse.storage import quote

PERIOD = "2026-10"
_HEAD = """
apiVersion: v3.1.0
kind: DataContract
id: {key}
name: Uji
version: 1.0.0
status: active
customProperties:
  - {{property: entityKind, value: {kind}}}
  - {{property: owner, value: "team:test"}}
{custom}
schema:
  - name: {key}
    logicalType: object
    properties:
      - {{name: record_id, logicalType: string, primaryKey: true, required: true}}
      - {{name: full_name, logicalType: string, required: true}}
{columns}
"""


class Bench:
    """Lands rows as text and conforms them."""

    def __init__(self, con: duckdb.DuckDBPyConnection, folder: Path) -> None:
        self.con = con
        self.folder = folder

    def contract(
        self, *columns: str, kind: str = "roster", key: str = "uji", **custom: Any
    ) -> Contract:
        """Write a contract file with further columns and read it."""
        text = _HEAD.format(
            key=key,
            kind=kind,
            custom="\n".join(
                f"  - {{property: {name}, value: {value}}}" for name, value in custom.items()
            ),
            columns="\n".join(f"      - {column}" for column in columns),
        )
        path = self.folder / f"{key}.yaml"
        path.write_text(text, encoding="utf-8")
        return read_contract(path)

    def land(
        self,
        contract: Contract,
        rows: Sequence[dict[str, str | None]],
        version: int = 1,
        period: str = PERIOD,
        unread: int = 0,
    ) -> None:
        """Land rows; `file` in a row names its file, row numbers count within a file."""
        names = [column.name for column in contract.columns]
        columns = ", ".join(f"{quote(name)} VARCHAR" for name in names)
        self.con.execute(
            f"CREATE TABLE IF NOT EXISTS landing.{quote(contract.key)} ({columns}, period VARCHAR,"
            " delivery_version INTEGER, file VARCHAR, row_number BIGINT)"
        )
        numbers: dict[str, int] = {}
        landed = []
        for row in rows:
            file = row.get("file") or "a.csv"
            numbers[file] = numbers.get(file, 0) + 1
            landed.append(
                [*(row.get(name) for name in names), period, version, file, numbers[file]]
            )
        if landed:
            marks = ", ".join("?" * len(landed[0]))
            self.con.executemany(
                f"INSERT INTO landing.{quote(contract.key)} VALUES ({marks})", landed
            )
        self.con.execute(
            "INSERT INTO landing.deliveries VALUES (?, ?, ?, 'accepted', ?)",
            [contract.key, period, version, len(rows) + unread],
        )

    def conform(self, contract: Contract, rows: Sequence[dict[str, str | None]]) -> ConformReport:
        """Land and conform one delivery."""
        self.land(contract, rows)
        return conform(self.con, contract, PERIOD)

    def check_cells(
        self,
        column: str,
        cases: Sequence[tuple[str | None, Any, list[str]]],
        *columns: str,
        **custom: Any,
    ) -> None:
        """Conform one cell per case (text, canonical value, flags) and compare them all."""
        contract = self.contract(*columns, **custom)
        rows = [
            {"record_id": f"{number:03}", "full_name": "BUDI", column: case[0]}
            for number, case in enumerate(cases)
        ]
        self.conform(contract, rows)
        got = [(row[column], row["flags"]) for row in self.rows(contract)]
        assert dict(zip([case[0] for case in cases], got, strict=True)) == {
            text: (value, flags) for text, value, flags in cases
        }

    def rows(self, contract: Contract) -> list[dict[str, Any]]:
        """Give the conformed rows by record and version."""
        result = self.con.execute(
            f"SELECT * FROM conformed.{quote(contract.key)} ORDER BY record_id, delivery_version"
        )
        names = [entry[0] for entry in result.description]
        return [dict(zip(names, row, strict=True)) for row in result.fetchall()]

    def quarantined(self) -> dict[tuple[str, int], list[str]]:
        """Give the reasons of rows set aside here, by file and row number."""
        return {
            (file, number): codes
            for file, number, codes in self.con.execute(
                "SELECT file, row_number, reason_codes FROM quarantine.rows"
                " WHERE stage = 'conforming'"
            ).fetchall()
        }

    def reset(self) -> None:
        """Empty the schemas that deliveries go through."""
        for schema in ("landing", "quarantine", "conformed", "quality"):
            self.con.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE; CREATE SCHEMA {schema}")
        self.con.execute(
            "CREATE TABLE landing.deliveries(dataset VARCHAR, period VARCHAR, version INTEGER,"
            " state VARCHAR, rows BIGINT)"
        )


@pytest.fixture(scope="session")
def reference_warehouse() -> Iterator[duckdb.DuckDBPyConnection]:
    con = duckdb.connect(config={"threads": 2})
    for schema in SCHEMAS:
        con.execute(f"CREATE SCHEMA {schema}")
    load_reference(con)
    yield con
    con.close()


@pytest.fixture
def bench(reference_warehouse: duckdb.DuckDBPyConnection, tmp_path: Path) -> Bench:
    made = Bench(reference_warehouse, tmp_path)
    made.reset()
    return made
