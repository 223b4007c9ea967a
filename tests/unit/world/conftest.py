from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest
from python_calamine import CalamineWorkbook

from sources.world import WorldSummary, generate

PERIOD = "2026-10"


@dataclass
class Made:
    """A world on disk, with its deliveries as views `<key>` (all text)."""

    summary: WorldSummary
    con: duckdb.DuckDBPyConnection

    @property
    def out(self) -> Path:
        return self.summary.out

    def files(self, key: str, period: str = PERIOD) -> list[Path]:
        folder = self.out / "inbox" / key / period
        return sorted(path for path in folder.iterdir() if path.name != "manifest.json")

    def load(self, key: str, period: str = PERIOD) -> str:
        """Make the view or table of one delivery and give its quoted name."""
        name = f'"{key} {period}"'
        paths = self.files(key, period)
        if paths[0].suffix == ".parquet":
            source = f"read_parquet({[str(path) for path in paths]})"
        elif paths[0].suffix == ".xlsx":
            rows = [
                dict(zip(sheet[0], line, strict=True))
                for path in paths
                for sheet in [CalamineWorkbook.from_path(path).get_sheet_by_index(0).to_python()]
                for line in sheet[1:]
            ]
            header = CalamineWorkbook.from_path(paths[0]).get_sheet_by_index(0).to_python()[0]
            columns = ", ".join(f'"{column}" VARCHAR' for column in header)
            self.con.execute(f"CREATE OR REPLACE TABLE {name} ({columns})")
            marks = ", ".join("?" for _ in header)
            if rows:
                self.con.executemany(
                    f"INSERT INTO {name} VALUES ({marks})",
                    [[row[column] or None for column in header] for row in rows],
                )
            return name
        else:
            source = f"read_csv({[str(path) for path in paths]}, all_varchar = true)"
        self.con.execute(
            f"CREATE OR REPLACE VIEW {name} AS SELECT COLUMNS(*)::VARCHAR FROM {source}"
        )
        return name

    def one(self, sql: str) -> Any:
        row = self.con.execute(sql).fetchone()
        assert row is not None
        return row[0] if len(row) == 1 else row

    def truth(self, name: str) -> str:
        return f"read_parquet('{self.out / 'truth' / name}.parquet')"


def _make(out: Path, **options: Any) -> Made:
    options = {"people": 2000, "seed": 11, "period": PERIOD} | options
    return Made(generate(out, **options), duckdb.connect())


@pytest.fixture
def make_world(tmp_path: Path) -> Iterator[Callable[..., Made]]:
    made: list[Made] = []

    def make(name: str = "world", **options: Any) -> Made:
        made.append(_make(tmp_path / name, **options))
        return made[-1]

    yield make
    for world in made:
        world.con.close()


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    """A world of one month, large enough for its shares to be near the nation's."""
    out = tmp_path_factory.mktemp("world")
    made = _make(out, people=50_000, seed=3)
    yield made
    made.con.close()
    shutil.rmtree(out, ignore_errors=True)


@pytest.fixture(scope="session")
def months(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    """The same small people over three months, two lists in a database."""
    out = tmp_path_factory.mktemp("months")
    made = _make(out, people=8_000, seed=5, months=3, databases=("farmers", "bpjs_employers"))
    yield made
    made.con.close()
    shutil.rmtree(out, ignore_errors=True)
