"""Values written out as SQL."""

from __future__ import annotations

import datetime as dt

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from warehouse.storage import constant, rows_sql

VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**62), 2**62),
    st.floats(allow_nan=False),
    st.dates(dt.date(1800, 1, 1), dt.date(2200, 1, 1)),
    # DuckDB takes no NUL in a query's text, nor half a surrogate pair.
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
)


@given(VALUES)
def test_a_constant_is_the_value(value: object) -> None:
    assert duckdb.sql(f"SELECT {constant(value)}").fetchall() == [(value,)]


@given(st.lists(st.text("ab', \n\"%;-é"), max_size=4))
def test_a_list_is_the_list(value: list[str]) -> None:
    assert duckdb.sql(f"SELECT {constant(value)}::VARCHAR[]").fetchall() == [(value,)]


def test_rows_keep_their_columns() -> None:
    rows = [("it's", 1, None), ("", 2, ["x"])]
    found = duckdb.sql(f'SELECT "b c", a, d FROM {rows_sql(rows, ["a", "b c", "d"])} ORDER BY 1')
    assert found.fetchall() == [(1, "it's", None), (2, "", ["x"])]


def test_what_has_no_literal_is_refused() -> None:
    with pytest.raises(TypeError, match="bytes"):
        constant(b"x")
