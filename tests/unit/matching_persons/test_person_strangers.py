"""Learning beside the stages: two connections, faults on either side, and nothing loaded early."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path

import duckdb
import people_world as world
import pytest

from matching import persons, strangers
from matching.keys import BASIS, PEOPLE, prepare_register
from warehouse.connection import second

PERIOD = "2026-10"


@pytest.fixture
def con() -> duckdb.DuckDBPyConnection:
    con = duckdb.connect(config={"threads": 1})
    world.make_world(con, 2_000, {"cards": 800})
    prepare_register(con, PERIOD)
    return con


def test_strangers_compare_alike_beside_and_alone(con: duckdb.DuckDBPyConnection) -> None:
    alone = strangers.compare_strangers(con)
    with strangers.beside(con) as told:
        # The first connection goes on with temporary tables of the same names.
        con.execute("CREATE TEMP TABLE match_left AS SELECT 1 AS id")
        assert told() == alone
    assert con.execute("FROM match_left").fetchall() == [(1,)]
    # Among so many pairs of two people hardly any has the same name.
    assert alone.u["name"][7] < 0.1 < alone.u["name"][1]
    assert alone.random_pairs > 10_000


def test_a_fault_of_the_comparison_reaches_who_asks(con: duckdb.DuckDBPyConnection) -> None:
    con.execute(f"DROP TABLE {BASIS}")
    with (
        pytest.raises(duckdb.CatalogException, match="register_basis"),
        strangers.beside(con) as told,
    ):
        told()
    assert con.execute(f"SELECT count(*) FROM {PEOPLE}").fetchall()[0][0] > 1_000


def test_a_fault_of_the_stages_ends_the_comparison(
    con: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = threading.Event()

    def endless(other: duckdb.DuckDBPyConnection) -> strangers.Strangers:
        running.set()
        # The first interrupt comes too early to stop anything.
        time.sleep(0.2)
        other.execute("SELECT count(*) FROM range(1_000_000) a, range(1_000_000) b WHERE a <> b")
        raise AssertionError("nobody waits so long")

    monkeypatch.setattr(strangers, "compare_strangers", endless)

    def body() -> None:
        with strangers.beside(con):
            assert running.wait(20)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        body()
    assert con.execute("SELECT 1").fetchall() == [(1,)]


def test_the_second_connection_uses_the_database_that_the_first_does(tmp_path: Path) -> None:
    # As where the warehouse is encrypted, and attached.
    first = duckdb.connect()
    first.execute(f"ATTACH '{tmp_path / 'a.duckdb'}' AS held; USE held; CREATE TABLE t AS SELECT 7")
    assert second(first).execute("FROM t").fetchall() == [(7,)]


def test_the_same_links_come_out_however_many_threads_there_are() -> None:
    found = []
    for threads in (1, 3):
        con = duckdb.connect(config={"threads": threads, "preserve_insertion_order": False})
        world.make_world(con, 3_000, {"cards": 1_500})
        persons.link_period(con, PERIOD)
        found.append(
            (
                con.execute("SELECT parameters FROM linkage.models").fetchall(),
                con.execute("FROM linkage.person_links ORDER BY ALL").fetchall(),
            )
        )
        con.close()
    assert found[0] == found[1]


_BARE = """
import sys
from matching.persons import link_period
from sources.contracts import load_contracts, load_dataset_table
from warehouse.connection import connect, set_parameters
from warehouse.home import Home
from warehouse.reference import load_reference
from warehouse.settings import Settings
from pathlib import Path

con = connect(Home(Path(sys.argv[1])))
load_reference(con)
load_dataset_table(con, load_contracts())
set_parameters(con, Settings(), "2026-10")
for name in ("in_population", "in_person_records"):
    con.execute(f"CREATE TEMP VIEW {name} AS FROM read_parquet('{sys.argv[1]}/{name}.parquet')")
counts = link_period(con, "2026-10")["cards"]
assert counts["linked"] > 200, counts
print([name for name in ("pandas", "pyarrow") if name in sys.modules])
"""


def test_linking_loads_no_library_that_it_does_not_use(tmp_path: Path) -> None:
    made = duckdb.connect()
    world.make_world(made, 1_000, {"cards": 300})
    for name in ("in_population", "in_person_records"):
        made.execute(f"COPY {name} TO '{tmp_path / name}.parquet' (FORMAT parquet)")
    # DuckDB loads pandas for the first parameter that is bound: a fifth of a second.
    done = subprocess.run(
        [sys.executable, "-c", _BARE, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[3],
        env={"PATH": "", "PYTHONPATH": str(Path(__file__).parents[3])},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split("\n")[0] == "[]"
