from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml
from python_calamine import CalamineWorkbook

from sources.world import WorldSummary, generate

PERIOD = "2026-10"
NIK_ERRORS = ("nik_missing", "nik_digit_wrong", "nik_digits_swapped", "nik_last_digit_zero",
              "nik_scientific", "nik_of_relative", "nik_marked")  # fmt: skip


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
    made = _make(out, people=6_000, seed=5, months=3, databases=("farmers", "bpjs_employers"))
    yield made
    made.con.close()
    shutil.rmtree(out, ignore_errors=True)


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    """A world that is hardly larger than the smallest. Tests must not change it."""
    made = _make(tmp_path_factory.mktemp("small") / "world", people=1500)
    yield made
    made.con.close()


@pytest.fixture(scope="session")
def rated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    """A small world with errors by a table of its own, one list in a database."""
    table = {error: {"membership": 0.0, "payroll": 0.0} for error in NIK_ERRORS}
    table["nik_missing"] = {"membership": 0.5, "payroll": 0.0}
    table["record_thin"] = {"membership": 0.0}
    table["birth_date_missing"] = {"membership": 1.0}
    table["row_duplicated"] = {"payroll": 1.0}
    folder = tmp_path_factory.mktemp("rated")
    path = folder / "rates.yaml"
    path.write_text(yaml.safe_dump(table), encoding="utf-8")
    made = _make(folder / "world", people=5000, error_rates=path, databases=("farmers",))
    yield made
    made.con.close()
