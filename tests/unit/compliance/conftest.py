"""One warehouse for all compliance tests; each of them fills it anew."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest
from compliance_world import open_warehouse


@pytest.fixture(scope="session")
def warehouse() -> Iterator[duckdb.DuckDBPyConnection]:
    """A warehouse in memory with the real reference tables."""
    con = open_warehouse()
    yield con
    con.close()
