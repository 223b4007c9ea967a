"""The register that comparisons were made with is set aside, wherever that broke off."""

from __future__ import annotations

import duckdb
import pytest

from matching.carried_people import create_state, set_aside

STATEMENTS = 4


class BreaksOff:
    """A connection that ends after so many changes."""

    def __init__(self, con: duckdb.DuckDBPyConnection, after: int) -> None:
        self.con, self.left = con, after

    def execute(self, query: str, *given: object) -> duckdb.DuckDBPyConnection:
        if query.split(maxsplit=1)[0] in ("DROP", "ALTER", "UPDATE"):
            if self.left == 0:
                raise InterruptedError
            self.left -= 1
        return self.con.execute(query, *given)


def _home(*, aside: bool) -> duckdb.DuckDBPyConnection:
    con = duckdb.connect()
    create_state(con)
    con.execute(
        f"""
        CREATE TABLE linkage.people AS SELECT 1 AS person_key;
        CREATE TABLE linkage.basis AS SELECT 1 AS one;
        CREATE TABLE linkage.carried_people AS SELECT 0 AS person_key;
        INSERT INTO linkage.carried VALUES ('way', '2026-10', {aside});
        """
    )
    return con


def _people(con: duckdb.DuckDBPyConnection, table: str) -> list[tuple[int]]:
    return con.execute(f"FROM linkage.{table}").fetchall()


@pytest.mark.parametrize("after", range(STATEMENTS + 1))
def test_what_broke_off_goes_on_from_there(after: int) -> None:
    con = _home(aside=False)
    broken = BreaksOff(con, after)
    if after < STATEMENTS:
        with pytest.raises(InterruptedError):
            set_aside(broken, "linkage.people", "linkage.basis")  # type: ignore[arg-type]
    set_aside(con, "linkage.people", "linkage.basis")
    assert _people(con, "carried_people") == [(1,)]
    assert con.execute("SELECT aside FROM linkage.carried").fetchall() == [(True,)]
    # No register stands until one is prepared.
    tables = {row[0] for row in con.execute("SELECT table_name FROM duckdb_tables()").fetchall()}
    assert tables == {"carried_people", "carried"}


def test_a_register_that_nothing_was_carried_with_leaves_the_people_set_aside() -> None:
    con = _home(aside=True)
    set_aside(con, "linkage.people", "linkage.basis")
    assert _people(con, "carried_people") == [(0,)]
    assert _people(con, "people") == [(1,)]


def test_a_state_of_before_is_taken_as_set_aside() -> None:
    con = duckdb.connect()
    con.execute("CREATE SCHEMA linkage")
    con.execute("CREATE TABLE linkage.carried AS SELECT 'way' AS way, '2026-10' AS period")
    create_state(con)
    assert con.execute("SELECT aside FROM linkage.carried").fetchall() == [(True,)]
