from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb
import pytest

from sources.contracts import Contract, load_contracts
from sources.deliveries import discover, keep
from sources.landing import DeliveryReport, land
from sources.ledger import Kept
from warehouse.connection import connect
from warehouse.home import Home
from warehouse.settings import EngineSettings, Settings

PERIOD = "2026-10"


@dataclass
class Desk:
    """A home with one dataset, and short ways to deliver to it."""

    home: Home
    con: duckdb.DuckDBPyConnection
    contract: Contract
    log: list[str]

    @property
    def folder(self) -> Path:
        folder = self.home.inbox / self.contract.key / PERIOD
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def contract_with(self, **changes: object) -> None:
        self.contract = replace(self.contract, **changes)

    def drop(self, name: str, content: bytes | str) -> Path:
        path = self.folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def keep(self) -> Kept:
        found = discover(self.home.inbox, {self.contract.key: self.contract}, PERIOD)
        return keep(self.con, self.home, self.contract, found.found[self.contract.key], self.note)

    def land(self) -> DeliveryReport:
        return land(self.con, self.home, self.contract, self.keep(), self.note)

    def deliver(self, content: bytes | str, name: str = "peserta.csv") -> DeliveryReport:
        self.drop(name, content)
        return self.land()

    def note(self, message: str) -> None:
        self.log.append(message)

    def rows(self, columns: str = "kpj, full_name, segment") -> list[tuple[str | None, ...]]:
        return self.con.execute(
            f'SELECT {columns} FROM landing."{self.contract.key}" '
            "WHERE delivery_version = (SELECT max(delivery_version) "
            f'FROM landing."{self.contract.key}") ORDER BY file, row_number'
        ).fetchall()

    def quarantined(self) -> list[tuple[int, list[str]]]:
        return self.con.execute(
            "SELECT row_number, reason_codes FROM quarantine.rows "
            "WHERE stage = 'reading' ORDER BY row_number"
        ).fetchall()

    def ledger(self) -> list[tuple[int, str, str | None]]:
        return self.con.execute(
            "SELECT version, state, reason_code FROM landing.deliveries ORDER BY version"
        ).fetchall()

    def left_over(self) -> list[Path]:
        return [path for path in self.home.tmp.iterdir() if path.name != "spill"]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    home = Home(tmp_path / "home")
    settings = Settings(engine=EngineSettings(memory_limit="1GB", threads=2))
    con = connect(home, settings)
    yield Desk(home, con, load_contracts()["bpjs_participants"], [])
    con.close()
