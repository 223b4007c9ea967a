"""Making a whole sample world: its deliveries, and the truth about them, kept apart.

Belongs here: the order of making, where files go, what is said about them. Does not belong
here: any choice about persons, employers or errors.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import yaml

from sources.contracts import Contract, load_contracts
from sources.world import (
    company_groups,
    files,
    firms,
    materials,
    memberships,
    monthly,
    people,
    pools,
    registers,
    rosters,
    truth,
    work,
)
from sources.world.delivery import can_make, make_delivery, make_truth_tables
from sources.world.draws import Draws
from sources.world.lists import Month
from sources.world.rates import ErrorRates, load_rates
from warehouse.connection import check_period, last_day
from warehouse.errors import UsageError

SMALLEST = 1_000
MEMORY = "4GB"
Log = Callable[[str], None]


@dataclass(frozen=True)
class WorldSummary:
    """What was made.

    Attributes:
        out: the folder.
        people: persons in the population register of the newest period.
        seed: seed of the world.
        periods: months delivered, oldest first.
        rows: rows delivered, by dataset and period.
        files: files delivered, by dataset and period; 0 for a database.
        databases: datasets that lie in the source database.
    """

    out: Path
    people: int
    seed: int
    periods: tuple[str, ...]
    rows: dict[str, dict[str, int]]
    files: dict[str, dict[str, int]]
    databases: tuple[str, ...]


def months_until(period: str, months: int) -> list[Month]:
    """Give `months` months in a row that end at `period`."""
    newest = last_day(period)
    number = newest.year * 12 + newest.month - 1
    names = [f"{n // 12:04d}-{n % 12 + 1:02d}" for n in range(number - months + 1, number + 1)]
    return [Month(name, last_day(name), newest) for name in names]


def generate(
    out: Path,
    *,
    people: int,
    seed: int,
    period: str,
    months: int = 1,
    error_rates: Path | None = None,
    log: Log | None = None,
    databases: Sequence[str] = (),
    datasets: Sequence[str] = (),
) -> WorldSummary:
    """Make a synthetic sample world.

    Args:
        out: folder to make it in; `inbox`, `truth` and `databases` in it are replaced.
        people: persons in the population register, at least 1,000.
        seed: the same seed, people, period and months give the same files.
        period: the newest month, `YYYY-MM`.
        months: consecutive months that end at `period`, 1 to 36, with the same people.
        error_rates: YAML of changed error rates (the shape of data/error_rates.yaml).
        log: told what is being made.
        databases: datasets that go into `databases/sources.sqlite` instead of the inbox.
        datasets: the only ones delivered; all where left out. What they say is the same.

    Returns:
        What was made.

    Raises:
        UsageError: a number out of range, a bad period or rates file, an unknown dataset.
    """
    check_period(period)
    if people < SMALLEST:
        raise UsageError(f"a sample world needs at least {SMALLEST} people, not {people}")
    if not 1 <= months <= 36:
        raise UsageError(f"a sample world has 1 to 36 months, not {months}")
    rates = load_rates(error_rates)
    contracts = {key: c for key, c in load_contracts().items() if can_make(c)}
    unknown = sorted({*databases, *datasets} - set(contracts))
    if unknown:
        raise UsageError(
            f"no sample dataset {', '.join(unknown)}; there are {', '.join(sorted(contracts))}"
        )
    if datasets:
        contracts = {key: c for key, c in contracts.items() if key in {*databases, *datasets}}
    out = Path(out).resolve()
    for folder in ("inbox", "truth", "databases", ".building"):
        shutil.rmtree(out / folder, ignore_errors=True)
    build = out / ".building"
    build.mkdir(parents=True)
    try:
        with duckdb.connect(
            str(build / "world.duckdb"),
            config={
                "memory_limit": MEMORY,
                "temp_directory": str(build / "spill"),
                "autoinstall_known_extensions": False,
            },
        ) as con:
            maker = _Maker(con, out, rates, contracts, tuple(databases), log or (lambda _: None))
            return maker.make(people, seed, period, months)
    finally:
        shutil.rmtree(build, ignore_errors=True)


@dataclass
class _Maker:
    con: duckdb.DuckDBPyConnection
    out: Path
    rates: ErrorRates
    contracts: dict[str, Contract]
    databases: tuple[str, ...]
    log: Log

    def make(self, count: int, seed: int, period: str, months: int) -> WorldSummary:
        con, draws, newest = self.con, Draws(seed), last_day(period)
        self.log(f"people: {count}")
        materials.load(con, draws)
        people.make_people(con, draws, count, newest)
        self.log("work and employers")
        work.make_work(con, draws, count, newest)
        firms.make_firms(con, draws, count)
        company_groups.make_groups(con, draws, count)
        self.log("memberships")
        memberships.make_memberships(con, draws, count, newest)
        registers.make_listing(con, draws)
        company_groups.make_company_people(con, draws, count)
        pools.make_pools(con, draws, newest)
        span = months_until(period, months)
        monthly.make_lives(con, draws, newest)
        monthly.set_month(con, draws, span[-1])
        shares = rosters.shares(con, self.contracts, count)
        make_truth_tables(con)
        rows: dict[str, dict[str, int]] = {key: {} for key in self.contracts}
        written: dict[str, dict[str, int]] = {key: {} for key in self.contracts}
        note = truth.note(count, seed, self.rates)
        for month in span:
            monthly.set_month(con, draws, month)
            monthly.note_month(con, draws, month)
            for key, contract in self.contracts.items():
                self.log(f"{month.period} {key}")
                rows[key][month.period] = make_delivery(
                    con, draws, self.rates, contract, month, shares.get(key, 1.0)
                )
                written[key][month.period] = self._hand_over(key, month, note, single=months == 1)
        self._write_settings(single=months == 1)
        self.log("truth")
        truth.write_truth(con, self.out, span[-1], count, seed, self.rates)
        return WorldSummary(
            self.out,
            count,
            seed,
            tuple(month.period for month in span),
            rows,
            written,
            self.databases,
        )

    def _hand_over(self, key: str, month: Month, note: dict[str, Any], *, single: bool) -> int:
        if key in self.databases:
            files.write_table(
                self.con, key, self._database, period=None if single else month.period
            )
            return 0
        folder = self.out / "inbox" / key / month.period
        stated = note | {"dataset": key, "period": month.period}
        return len(files.write_delivery(self.con, key, folder, stated))

    @property
    def _database(self) -> Path:
        return self.out / "databases" / "sources.sqlite"

    def _write_settings(self, *, single: bool) -> None:
        """Write the settings of this world: its source database and its denominators."""
        url = f"sqlite:///{self._database}"
        sections: dict[str, dict[str, str]] = {}
        for key in self.databases:
            if single:
                sections[key] = {"url": url, "table": key}
                continue
            names = ", ".join(column.name for column in self.contracts[key].columns)
            sections[key] = {
                "url": url,
                "query": f"SELECT {names} FROM {key} WHERE period = :period",
            }
        settings: dict[str, object] = {
            # The survey counts a country; this counts a world of its size.
            "coverage": {"denominators": str(self.out / "denominators.csv")}
        }
        if sections:
            settings["databases"] = sections
        (self.out / "settings.yaml").write_text(
            "# Dibuat bersama dunia contoh SINTETIS. Made with the SYNTHETIC sample world.\n"
            + yaml.safe_dump(settings, sort_keys=False),
            encoding="utf-8",
        )
