"""Faults 33 to 35: a real PostgreSQL cut off, locked, closed to us, or changed meanwhile."""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from arrivals import Counter
from harness.cutting import Wire

from sources import databases
from sources.databases import fetch
from sources.landing import land
from warehouse.errors import SourceDown
from warehouse.settings import DatabaseSource

ROWS = 2_000
SECRET = "rahasia-sekali"
NAME = "WARGA RAHASIA"


@dataclass
class Server:
    """A running PostgreSQL with one table, and a wire to it that can be cut."""

    uri: str
    folder: Path
    wire: Wire

    def query(self, sql: str) -> None:
        with psycopg.connect(self.uri, autocommit=True) as con:
            con.execute(sql)

    def url(self, user: str = "reader", more: str = "") -> str:
        return f"postgresql://{user}:{SECRET}@127.0.0.1:{self.wire.port}/postgres?{more}"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    import pgserver

    # Not below pytest's folder: another session of pytest closes that to the server's user.
    folder = Path(tempfile.mkdtemp(prefix="faults-postgres-"))
    # A home has made this process write for its owner alone; the server runs as another user.
    mask = os.umask(0o022)
    running = pgserver.get_server(folder, cleanup_mode="delete")
    os.umask(mask)
    uri = running.get_uri()
    socket_file = next(Path(uri.partition("host=")[2]).glob(".s.PGSQL.*[0-9]"))
    with Wire(str(socket_file)) as wire:
        made = Server(uri, folder, wire)
        made.query(
            "CREATE TABLE participants AS SELECT 'K' || i AS kpj, "
            f"'{NAME} ' || i AS full_name, 'PU' AS segment, 3171920101900000 + i AS nik, "
            f"5000000.00::numeric(18,2) AS reported_wage FROM generate_series(1, {ROWS}) AS i"
        )
        made.query(f"CREATE ROLE reader LOGIN PASSWORD '{SECRET}'")
        made.query("GRANT SELECT ON participants TO reader")
        made.query(f"CREATE ROLE outsider LOGIN PASSWORD '{SECRET}'")
        made.query("CREATE ROLE locked_out LOGIN PASSWORD 'another one'")
        rules = folder / "pg_hba.conf"
        rules.write_text("local all locked_out scram-sha-256\n" + rules.read_text("utf-8"), "utf-8")
        made.query("SELECT pg_reload_conf()")
        yield made
    running.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def source(server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[DatabaseSource]:
    monkeypatch.setenv("REGISTER_URL", server.url(more="sslmode=disable"))
    yield DatabaseSource(
        url_env="REGISTER_URL", table="public.participants", batch_rows=100, attempts=3,
        backoff_seconds=0.01, lock_timeout_seconds=1,
    )  # fmt: skip
    server.wire.cut_after, server.wire.cuts = None, 1_000


def _nothing_taken(counter: Counter) -> bool:
    kept = list(counter.home.deliveries.rglob("*.parquet"))
    left = [path for path in counter.home.tmp.iterdir() if path.name != "spill"]
    return not kept and not left and counter.everything() == {}


def _refused(counter: Counter, source: DatabaseSource) -> str:
    with pytest.raises(SourceDown) as caught:
        fetch(counter.con, counter.home, counter.contract, source, "2026-10")
    told = str(caught.value)
    for secret in (SECRET, NAME, "reader", "outsider", "locked_out"):
        assert secret not in told
    assert counter.contract.key in told
    assert caught.value.__cause__ is None
    assert caught.value.exit_code == 5
    assert _nothing_taken(counter)
    return told


def _changed(source: DatabaseSource, **changes: object) -> DatabaseSource:
    return DatabaseSource.model_validate({**source.model_dump(), **changes})


@pytest.fixture
def whole_bytes(counter: Counter, server: Server, source: DatabaseSource) -> int:
    """How many bytes the server sends for everything."""
    before = len(server.wire.passed)
    fetch(counter.con, counter.home, counter.contract, source, "2026-10")
    counter.clear()
    return server.wire.passed[before]


@pytest.mark.parametrize("percent", [10, 50, 99])
@pytest.mark.fault(33, "the wire is cut at every try")
def test_33_a_wire_that_is_cut_leaves_nothing(
    counter: Counter, server: Server, source: DatabaseSource, whole_bytes: int, percent: int, shown
) -> None:
    before = len(server.wire.passed)
    server.wire.cut_after = whole_bytes * percent // 100
    told = _refused(counter, source)
    assert "broke off" in told
    tries = server.wire.passed[before:]
    assert len(tries) == 3
    assert all(0 < sent <= server.wire.cut_after for sent in tries)
    shown(
        f"cut after {percent}% of the bytes at each of 3 tries: the source is told to be down "
        "(exit code 5), no row is taken"
    )


@pytest.mark.parametrize("percent", [10, 50, 99])
@pytest.mark.fault(33, "the wire is cut once")
def test_33_a_wire_that_is_cut_once_costs_a_try(
    counter: Counter, server: Server, source: DatabaseSource, whole_bytes: int, percent: int, shown
) -> None:
    before = len(server.wire.passed)
    server.wire.cut_after, server.wire.cuts = whole_bytes * percent // 100, before + 1
    told: list[str] = []
    kept = fetch(counter.con, counter.home, counter.contract, source, "2026-10", told.append)
    report = land(counter.con, counter.home, counter.contract, kept)
    assert any("try 2 of 3" in line for line in told)
    assert len(server.wire.passed) == before + 2
    assert len({key for (key,) in counter.landed("kpj")}) == ROWS
    shown(
        f"cut once after {percent}%: the second try reads every row, once",
        delivered=report.rows,
        accepted=len(counter.landed("kpj")),
    )


@pytest.mark.fault(33, "the server ends the session")
def test_33_a_session_that_the_server_ends_is_read_again(
    counter: Counter, server: Server, source: DatabaseSource, monkeypatch, shown
) -> None:
    real, tries = databases._partitions, []

    def ended_once(result, batch_rows):
        tries.append(1)
        for number, rows in enumerate(real(result, batch_rows)):
            if number == 2 and len(tries) == 1:
                server.query(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename='reader'"
                )
            yield rows

    monkeypatch.setattr(databases, "_partitions", ended_once)
    kept = fetch(counter.con, counter.home, counter.contract, source, "2026-10")
    report = land(counter.con, counter.home, counter.contract, kept)
    assert len(tries) == 2
    shown(
        "pg_terminate_backend in mid-read: read again from the beginning",
        delivered=report.rows,
        accepted=len(counter.landed("kpj")),
    )
    assert report.rows == ROWS


@pytest.mark.fault(34, "the table is locked")
def test_34_a_locked_table_is_given_up_in_time(
    counter: Counter, server: Server, source: DatabaseSource, shown
) -> None:
    with psycopg.connect(server.uri) as holder:
        holder.execute("LOCK TABLE participants IN ACCESS EXCLUSIVE MODE")
        began = time.monotonic()
        told = _refused(counter, _changed(source, attempts=2))
        took = time.monotonic() - began
    assert "did not answer in time" in told
    assert "locks" in told
    assert 1.5 < took < 10
    shown("a lock that another holds is waited for as long as the settings say, then told")


@pytest.mark.fault(34, "the table is locked for a moment")
def test_34_a_lock_that_goes_away_costs_a_try(
    counter: Counter, server: Server, source: DatabaseSource, shown
) -> None:
    def hold() -> None:
        with psycopg.connect(server.uri) as holder:
            holder.execute("LOCK TABLE participants IN ACCESS EXCLUSIVE MODE")
            held.set()
            time.sleep(1.3)

    held = threading.Event()
    threading.Thread(target=hold).start()
    held.wait()
    kept = fetch(counter.con, counter.home, counter.contract, source, "2026-10")
    assert kept.files[0].expected_rows == ROWS
    shown("a lock that is let go is waited for")


@pytest.mark.fault(34, "the query is too slow for the server")
def test_34_a_statement_that_times_out_is_told(
    counter: Counter, server: Server, source: DatabaseSource, monkeypatch, shown
) -> None:
    url = server.url(more="sslmode=disable&options=-c%20statement_timeout%3D100")
    monkeypatch.setenv("REGISTER_URL", url)
    query = "SELECT kpj, full_name, segment FROM participants, pg_sleep(5) AS slept"
    told = _refused(counter, _changed(source, table=None, query=query, attempts=2))
    assert "did not answer in time" in told
    shown("a statement timeout is told as such")


_REFUSALS: dict[str, tuple[str, Callable[[Server], str], dict[str, object]]] = {
    "wrong password": (
        "check the user and password",
        lambda server: server.url("locked_out", "sslmode=disable"),
        {},
    ),
    "a server without TLS": (
        "TLS settings",
        lambda server: server.url(more="sslmode=require"),
        {},
    ),
    "no grant": (
        "grant the account SELECT",
        lambda server: server.url("outsider", "sslmode=disable"),
        {},
    ),
    "no such table": (
        "`table`",
        lambda server: server.url(more="sslmode=disable"),
        {"table": "public.nowhere"},
    ),
    "nobody listens": (
        "check that it runs",
        lambda _server: f"postgresql://reader:{SECRET}@127.0.0.1:1/postgres",
        {"attempts": 2},
    ),
}


@pytest.mark.parametrize("what", _REFUSALS)
@pytest.mark.fault(34, "refusals")
def test_34_each_refusal_says_what_to_do(
    counter: Counter, server: Server, source: DatabaseSource, monkeypatch, what: str, shown
) -> None:
    advice, url, changes = _REFUSALS[what]
    monkeypatch.setenv("REGISTER_URL", url(server))
    told = _refused(counter, _changed(source, **changes))
    assert advice in told, told
    shown(f"{what}: told with what to do, without user, password or row")


@pytest.mark.fault(35, "rows change while they are read")
def test_35_what_changes_while_it_is_read_is_of_one_snapshot(
    counter: Counter, server: Server, source: DatabaseSource, monkeypatch, shown
) -> None:
    real = databases._partitions

    def meanwhile(result, batch_rows):
        for number, rows in enumerate(real(result, batch_rows)):
            if number == 1:
                server.query("UPDATE participants SET segment = 'BPU'")
                server.query("DELETE FROM participants WHERE right(kpj, 1) = '7'")
                server.query("INSERT INTO participants SELECT 'NEW' || kpj FROM participants")
            yield rows

    server.query("CREATE TABLE kept AS TABLE participants")
    monkeypatch.setattr(databases, "_partitions", meanwhile)
    try:
        kept = fetch(counter.con, counter.home, counter.contract, source, "2026-10")
    finally:
        server.query("TRUNCATE participants")
        server.query("INSERT INTO participants TABLE kept")
        server.query("DROP TABLE kept")
    report = land(counter.con, counter.home, counter.contract, kept)
    seen = counter.landed("segment")
    assert seen == [("PU",)] * ROWS
    shown(
        "updates, deletes and inserts in mid-read are not seen: the rows are of one moment",
        delivered=report.rows,
        accepted=len(seen),
    )
