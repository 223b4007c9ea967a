"""Gathers what the fault tests saw; `CAKUPAN_RELIABILITY=write` puts it into docs/reliability.

A test is marked with the line of the list that it shows, and says what it saw:

    @pytest.mark.fault(17, "NIK written with dots")
    def test_17_dots(desk, shown):
        ...
        shown("16 digits with reason NIK_REPAIRED", desk.conform())
        shown("refused, prior data stay", refused="EMPTY_FILE")
        shown("...", delivered=3, accepted=2, quarantined=1)

It may say so several times; the rows of all add up. A marked test that says nothing fails.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import duckdb
import ledger
import pytest
from arrivals import PERIOD, Counter
from harness.fixtures import one_month, small_world, two_months  # noqa: F401

from sources.contracts import load_contracts
from warehouse.connection import SCHEMAS, set_parameters
from warehouse.home import Home
from warehouse.reference import load_reference
from warehouse.settings import Settings

_RECORDS = pytest.StashKey[list[ledger.Record]]()
_SEEN = pytest.StashKey[list[ledger.Record]]()
_PASSED = pytest.StashKey[bool]()
_COMPLETE = pytest.StashKey[bool]()
_FIGURES = ("delivered", "accepted", "quarantined", "duplicates")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put the tests of the page last, and note whether single tests were chosen."""
    items.sort(key=lambda item: item.path.name == "test_reliability_page.py")
    chosen = config.option.keyword or config.option.markexpr or any("::" in a for a in config.args)
    config.stash[_RECORDS] = []
    config.stash[_COMPLETE] = not chosen


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Take the records of a test that passed."""
    report = yield
    if report.when == "call" and report.passed:
        item.stash[_PASSED] = True
        item.config.stash[_RECORDS] += item.stash.get(_SEEN, [])
    return report


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Store what was seen, where asked and where nothing failed."""
    records = session.config.stash.get(_RECORDS, [])
    if records and exitstatus == 0 and os.environ.get("CAKUPAN_RELIABILITY") == "write":
        ledger.store(ledger.gather(records))


@pytest.fixture
def shown(request: pytest.FixtureRequest) -> Iterator[Callable[..., None]]:
    """Record what a test saw; see the head of this file."""
    marks = list(request.node.iter_markers("fault"))
    assert marks, "a test that shows a fault is marked with its number"
    test = f"{request.node.path.name}::{request.node.originalname}"
    seen: list[str] = []

    def record(result: str, report: Any = None, *, refused: str = "", **figures: int) -> None:
        if report is not None:
            figures = {name: int(getattr(report, name)) for name in _FIGURES}
        unknown = set(figures) - set(_FIGURES)
        assert not unknown, unknown
        for mark in marks:
            number, part = mark.args
            assert number in ledger.FAULTS, number
            made = ledger.Record(number, part, test, result, refused=refused, **figures)
            assert made.unaccounted == 0, made
            request.node.stash.setdefault(_SEEN, []).append(made)
        seen.append(result)

    yield record
    assert seen or not request.node.stash.get(_PASSED, False), "the test must say what it saw"


@pytest.fixture
def seen_now(request: pytest.FixtureRequest) -> list[ledger.Record]:
    """The records of all fault tests that passed so far in this session."""
    return request.config.stash[_RECORDS]


@pytest.fixture
def every_test_ran(request: pytest.FixtureRequest) -> bool:
    """Whether whole files ran in this one process, not tests chosen by name."""
    return request.config.stash[_COMPLETE]


@pytest.fixture(scope="session")
def _open_counter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Counter]:
    home = Home(tmp_path_factory.mktemp("counter") / "home").ensure()
    con = duckdb.connect(config={"threads": 2})  # in memory: no disk is tested here
    for schema in SCHEMAS:
        con.execute(f"CREATE SCHEMA {schema}")
    set_parameters(con, Settings(), PERIOD)
    load_reference(con)
    yield Counter(con, home, load_contracts()["bpjs_participants"])
    con.close()


@pytest.fixture
def counter(_open_counter: Counter) -> Counter:
    """A counter for participants at which nothing has been delivered yet."""
    _open_counter.use("bpjs_participants")
    _open_counter.clear()
    return _open_counter
