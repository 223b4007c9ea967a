"""A database with the reference tables, for every test of this folder that only reads."""

import duckdb
import pytest

from warehouse.reference import load_reference


@pytest.fixture(scope="session")
def con():
    with duckdb.connect() as connection:
        load_reference(connection)
        yield connection


@pytest.fixture(scope="session")
def one(con):
    """Ask for a single value."""
    return lambda sql: con.execute(sql).fetchone()[0]
