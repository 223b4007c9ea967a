"""Puts what the fault tests deliver by within reach, and opens a warehouse in memory."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "faults"))

from arrivals import PERIOD, Counter

from sources.contracts import load_contracts
from warehouse.connection import SCHEMAS, set_parameters
from warehouse.home import Home
from warehouse.reference import load_reference
from warehouse.settings import Settings


@pytest.fixture(scope="session")
def fuzz_counter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Counter]:
    """One counter for all: each example clears it."""
    home = Home(tmp_path_factory.mktemp("fuzz") / "home").ensure()
    con = duckdb.connect(config={"threads": 2, "memory_limit": "1GB"})
    for schema in SCHEMAS:
        con.execute(f"CREATE SCHEMA {schema}")
    set_parameters(con, Settings(), PERIOD)
    load_reference(con)
    yield Counter(con, home, load_contracts()["bpjs_participants"])
    con.close()
