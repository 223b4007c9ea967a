"""Faults 33 to 35: databases that break off, refuse, or change while they are read."""

from __future__ import annotations

import datetime as dt
import sqlite3
import sys
import threading
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest
from sqlalchemy.dialects import mssql, mysql, oracle, postgresql

from sources import databases
from sources.databases import fetch, source_url, table_select
from sources.files.values import value_text
from sources.landing import land
from warehouse.errors import DataRefused, SourceDown, UsageError
from warehouse.settings import DatabaseSource

PERIOD = "2026-10"
TABLE = "participants"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    import pgserver

    running = pgserver.get_server(tmp_path_factory.mktemp("postgres"), cleanup_mode="delete")
    uri = running.get_uri()
    with psycopg.connect(uri, autocommit=True) as con:
        con.execute(
            f"CREATE TABLE {TABLE} (kpj text, full_name text, segment text, birth_date date, "
            "reported_wage numeric(18,2), programmes text[], nik bigint, hobi text)"
        )
        con.execute(
            f"INSERT INTO {TABLE} SELECT 'K' || i, 'ORANG ' || i, 'PU', DATE '1990-01-31', "
            "5000000.00, ARRAY['JKK','JKM'], 3171920101900000 + i, NULL "
            "FROM generate_series(1, 20000) AS i"
        )
        con.execute("CREATE ROLE outsider LOGIN PASSWORD 'rahasia-sekali'")
    yield uri
    running.cleanup()


@pytest.fixture
def source(server: str, monkeypatch: pytest.MonkeyPatch) -> DatabaseSource:
    monkeypatch.setenv("BPJS_URL", server)
    return DatabaseSource(
        url_env="BPJS_URL", table=f"public.{TABLE}", batch_rows=1000, attempts=2, backoff_seconds=0
    )


def changed(source: DatabaseSource, **changes: object) -> DatabaseSource:
    return DatabaseSource.model_validate({**source.model_dump(), **changes})


def nothing_taken(desk) -> bool:
    kept = list(desk.home.deliveries.rglob("*.parquet"))
    return not kept and desk.left_over() == []


def test_a_table_lands_as_text(desk, source):
    kept = fetch(desk.con, desk.home, desk.contract, source, PERIOD, desk.note)
    report = land(desk.con, desk.home, desk.contract, kept)
    assert (report.rows, report.rejected_rows) == (20000, 0)
    columns = "kpj, birth_date, reported_wage, programmes, nik"
    assert desk.rows(columns)[0] == (
        "K1", "1990-01-31", "5000000", "JKK,JKM", "3171920101900001",
    )  # fmt: skip
    assert desk.con.execute(
        "SELECT source_kind, state, rows, length(content_sha256) FROM landing.deliveries"
    ).fetchall() == [("database", "accepted", 20000, 64)]
    assert desk.left_over() == []


def test_the_same_content_in_another_order_is_no_new_version(desk, source, server):
    kept = fetch(desk.con, desk.home, desk.contract, source, PERIOD)
    land(desk.con, desk.home, desk.contract, kept)
    first = desk.rows("kpj, row_number")
    backwards = changed(
        source, table=None, query=f"SELECT * FROM {TABLE} ORDER BY reported_wage, kpj DESC"
    )
    again = fetch(desk.con, desk.home, desk.contract, backwards, PERIOD)
    assert (again.version, again.new) == (1, False)
    assert desk.rows("kpj, row_number") == first
    fewer = changed(source, table=None, query=f"SELECT * FROM {TABLE} WHERE kpj <> 'K7'")
    newer = fetch(desk.con, desk.home, desk.contract, fewer, PERIOD)
    assert (newer.version, newer.new) == (2, True)


def test_the_period_is_bound_in_a_query(desk, source):
    query = f"SELECT kpj, full_name || :period AS full_name, segment FROM {TABLE} WHERE kpj = 'K1'"
    kept = fetch(
        desk.con, desk.home, desk.contract, changed(source, table=None, query=query), PERIOD
    )
    land(desk.con, desk.home, desk.contract, kept)
    assert desk.rows("full_name") == [("ORANG 12026-10",)]


@pytest.mark.parametrize("share", [0.0, 0.5, 0.95])
def test_33_a_connection_that_breaks_off_leaves_nothing(desk, source, server, monkeypatch, share):
    """The server ends our session after a share of the batches, at every try."""
    real, tries = databases._partitions, []

    def breaking(result, batch_rows):
        tries.append(1)
        for number, rows in enumerate(real(result, batch_rows)):
            if number == int(20 * share):
                with psycopg.connect(server, autocommit=True) as other:
                    other.execute(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                        "WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
                    )
            yield rows

    monkeypatch.setattr(databases, "_partitions", breaking)
    with pytest.raises(SourceDown) as caught:
        fetch(desk.con, desk.home, desk.contract, source, PERIOD, desk.note)
    assert len(tries) == 2
    assert "bpjs_participants" in str(caught.value)
    assert "ORANG" not in str(caught.value)
    assert nothing_taken(desk)
    monkeypatch.setattr(databases, "_partitions", real)
    assert fetch(desk.con, desk.home, desk.contract, source, PERIOD).files[0].expected_rows == 20000


def test_33_a_second_try_reads_everything_once(desk, source, server, monkeypatch):
    real, tries = databases._partitions, []

    def breaking_once(result, batch_rows):
        tries.append(1)
        for number, rows in enumerate(real(result, batch_rows)):
            if number == 3 and len(tries) == 1:
                with psycopg.connect(server, autocommit=True) as other:
                    other.execute(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                        "WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
                    )
            yield rows

    monkeypatch.setattr(databases, "_partitions", breaking_once)
    kept = fetch(desk.con, desk.home, desk.contract, source, PERIOD, desk.note)
    assert land(desk.con, desk.home, desk.contract, kept).rows == 20000
    assert any("try 2 of 2" in line for line in desk.log)


def test_34_each_refusal_says_what_to_do_and_no_secret(desk, source, server, monkeypatch):
    outsider = f"postgresql://outsider:rahasia-sekali@/postgres?{server.partition('?')[2]}"
    monkeypatch.setenv("OUTSIDER", outsider)
    monkeypatch.setenv("DOWN", "postgresql://u:rahasia-sekali@127.0.0.1:1/register")
    monkeypatch.setenv("NODB", server.replace("/postgres?", "/nowhere?"))
    cases = {
        "SELECT": changed(source, url_env="OUTSIDER"),
        "`table`": changed(source, table="public.nowhere"),
        "database name": changed(source, url_env="NODB"),
        "network": changed(source, url_env="DOWN"),
        "`query`": changed(source, table=None, query="SELECT kpj FROM participants WHERE ("),
    }
    for advice, case in cases.items():
        with pytest.raises(SourceDown) as caught:
            fetch(desk.con, desk.home, desk.contract, case, PERIOD)
        message = str(caught.value)
        assert advice in message, message
        assert "bpjs_participants" in message
        assert "rahasia" not in message
        assert "outsider" not in message
        assert caught.value.__cause__ is None
    assert nothing_taken(desk)


def test_34_a_wrong_password_is_not_tried_again(desk, source, monkeypatch):
    """A server that asks for a password, spoken to by the real driver."""
    import socket

    listener = socket.create_server(("127.0.0.1", 0))
    asked = []

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                while (head := connection.recv(8)) and head[4:] == b"\x04\xd2\x16\x2f":
                    connection.sendall(b"N")  # no TLS
                if head[4:] != b"\x00\x03\x00\x00":
                    continue
                asked.append(1)
                connection.recv(4096)
                body = b"SFATAL\0C28P01\0Mpassword authentication failed for user x\0\0"
                connection.sendall(b"E" + (len(body) + 4).to_bytes(4, "big") + body)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    port = listener.getsockname()[1]
    url = f"postgresql://petugas:rahasia-sekali@127.0.0.1:{port}/r?sslmode=disable"
    monkeypatch.setenv("WRONG", url)
    with pytest.raises(SourceDown, match="refused the login") as caught:
        fetch(desk.con, desk.home, desk.contract, changed(source, url_env="WRONG"), PERIOD)
    listener.close()
    assert len(asked) == 1
    assert "rahasia" not in str(caught.value)
    assert "petugas" not in str(caught.value)


def test_35_rows_changed_while_reading_are_of_one_snapshot(desk, source, server, monkeypatch):
    real = databases._partitions

    def changing(result, batch_rows):
        for number, rows in enumerate(real(result, batch_rows)):
            if number == 0:
                with psycopg.connect(server, autocommit=True) as other:
                    other.execute(f"UPDATE {TABLE} SET full_name = 'LAIN'")
            yield rows

    monkeypatch.setattr(databases, "_partitions", changing)
    try:
        kept = fetch(desk.con, desk.home, desk.contract, source, PERIOD)
        land(desk.con, desk.home, desk.contract, kept)
        assert desk.con.execute(
            "SELECT count(*) FROM landing.bpjs_participants WHERE full_name = 'LAIN'"
        ).fetchone() == (0,)
    finally:
        with psycopg.connect(server, autocommit=True) as con:
            con.execute(f"UPDATE {TABLE} SET full_name = 'ORANG ' || substr(kpj, 2)")


def test_a_missing_required_column_is_drift(desk, source):
    case = changed(source, table=None, query=f"SELECT kpj, segment FROM {TABLE}")
    with pytest.raises(DataRefused, match="full_name") as caught:
        fetch(desk.con, desk.home, desk.contract, case, PERIOD)
    assert caught.value.code == "SCHEMA_DRIFT"
    assert nothing_taken(desk)


@pytest.mark.parametrize(
    "query",
    [
        "DELETE FROM participants",
        "SELECT 1; DROP TABLE participants",
        "WITH gone AS (DELETE FROM participants RETURNING *) SELECT * FROM gone",
        "SELECT * INTO copy FROM participants",
    ],
)
def test_only_a_select_is_run(desk, source, query):
    with pytest.raises(UsageError, match="SELECT"):
        fetch(desk.con, desk.home, desk.contract, changed(source, table=None, query=query), PERIOD)


def sqlite_source(path: Path, **changes: object) -> DatabaseSource:
    return DatabaseSource.model_validate(
        {"url": f"sqlite:///{path}", "table": TABLE, "attempts": 1, **changes}
    )


def test_sqlite_is_read_and_never_made(desk, tmp_path):
    path = tmp_path / "register.sqlite"
    with sqlite3.connect(path) as con:
        con.execute(f'CREATE TABLE {TABLE} ("KPJ" TEXT, full_name TEXT, segment TEXT, nik INTEGER)')
        con.executemany(
            f"INSERT INTO {TABLE} VALUES (?, ?, 'PU', ?)",
            [("K2", "", 3171920101900002), ("K1", "BUDI", None)],
        )
    con.close()
    kept = fetch(desk.con, desk.home, desk.contract, sqlite_source(path), PERIOD)
    assert land(desk.con, desk.home, desk.contract, kept).rows == 2
    assert desk.rows("kpj, full_name, nik") == [
        ("K1", "BUDI", None),
        ("K2", None, "3171920101900002"),
    ]
    missing = tmp_path / "none.sqlite"
    with pytest.raises(SourceDown, match=r"none\.sqlite"):
        fetch(desk.con, desk.home, desk.contract, sqlite_source(missing), PERIOD)
    assert not missing.exists()
    with pytest.raises(SourceDown, match="no such table"):
        fetch(desk.con, desk.home, desk.contract, sqlite_source(path, table="lain"), PERIOD)


def test_an_empty_table_is_refused_like_a_header_without_rows(desk, tmp_path):
    path = tmp_path / "empty.sqlite"
    with sqlite3.connect(path) as con:
        con.execute(f"CREATE TABLE {TABLE} (kpj TEXT, full_name TEXT, segment TEXT)")
    con.close()
    kept = fetch(desk.con, desk.home, desk.contract, sqlite_source(path), PERIOD)
    with pytest.raises(DataRefused) as caught:
        land(desk.con, desk.home, desk.contract, kept)
    assert caught.value.code == "HEADER_ONLY"


@pytest.mark.parametrize(
    ("url", "driver"),
    [
        ("postgresql://u@h/d", "postgresql+psycopg"),
        ("mysql://u@h/d", "mysql+pymysql"),
        ("mariadb://u@h/d", "mariadb+pymysql"),
        ("oracle://u@h/?service_name=s", "oracle+oracledb"),
        ("mssql://u@h/d?driver=ODBC+Driver+18+for+SQL+Server", "mssql+pyodbc"),
        ("mysql+mysqldb://u@h/d", "mysql+mysqldb"),
    ],
)
def test_every_database_gets_its_driver(url, driver):
    assert source_url("x", DatabaseSource(url=url, table="t")).drivername == driver


@pytest.mark.parametrize(
    ("dialect", "expected"),
    [
        (postgresql.dialect(), 'SELECT hr."Peserta"."order", hr."Peserta".nik FROM hr."Peserta"'),
        (mysql.dialect(), "SELECT hr.`Peserta`.`order`, hr.`Peserta`.nik FROM hr.`Peserta`"),
        (oracle.dialect(), 'SELECT hr."Peserta"."order", hr."Peserta".nik FROM hr."Peserta"'),
        (mssql.dialect(), "SELECT hr.[Peserta].[order], hr.[Peserta].nik FROM hr.[Peserta]"),
    ],
)
def test_tables_are_quoted_as_each_database_does(dialect, expected):
    compiled = str(table_select("hr.Peserta", ["order", "nik"]).compile(dialect=dialect))
    assert " ".join(compiled.split()) == expected


@pytest.mark.parametrize(
    ("dialect", "mark"),
    [
        (postgresql.dialect(paramstyle="pyformat"), "%(period)s"),
        (mysql.dialect(), "%s"),
        (oracle.dialect(), ":period"),
        (mssql.dialect(paramstyle="qmark"), "?"),
    ],
)
def test_the_period_is_a_parameter_in_every_database(dialect, mark):
    source = DatabaseSource(url="sqlite://", query="SELECT nik FROM p WHERE bulan = :period;")
    statement = databases._checked_query("x", source)
    assert statement is not None
    assert str(statement.compile(dialect=dialect)).endswith(f"bulan = {mark}")


@pytest.mark.parametrize(
    ("url", "extra"),
    [("mysql://u@h/d", "mysql"), ("oracle://u@h/d", "oracle"), ("mssql://u@h/d", "sqlserver")],
)
def test_a_missing_driver_is_named_with_its_extra(desk, monkeypatch, url, extra):
    for module in ("pymysql", "oracledb", "pyodbc"):
        monkeypatch.setitem(sys.modules, module, None)
    source = DatabaseSource(url=url, table="t")
    with pytest.raises(UsageError, match=rf"cakupan\[{extra}\]"):
        fetch(desk.con, desk.home, desk.contract, source, PERIOD)


def test_urls_that_must_not_be(monkeypatch):
    with pytest.raises(UsageError, match="password") as caught:
        source_url("x", DatabaseSource(url="postgresql://u:rahasia@h/d", table="t"))
    assert "rahasia" not in str(caught.value)
    monkeypatch.delenv("NOT_SET", raising=False)
    with pytest.raises(UsageError, match="NOT_SET"):
        source_url("x", DatabaseSource(url_env="NOT_SET", table="t"))
    monkeypatch.setenv("BAD", "rahasia")
    with pytest.raises(UsageError, match="not a database URL") as caught:
        source_url("x", DatabaseSource(url_env="BAD", table="t"))
    assert "rahasia" not in str(caught.value)
    with pytest.raises(UsageError, match="access"):
        source_url("x", DatabaseSource(url="access://u@h/d", table="t"))


WIB = dt.timezone(dt.timedelta(hours=7))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Decimal("5000000.00"), "5000000"),
        (Decimal("1E+3"), "1000"),
        (Decimal("0.50"), "0.50"),
        (3171920101900001, "3171920101900001"),
        (3171920101900001.0, "3.17192010190000E+15"),
        (float("nan"), None),
        (5.0, "5"),
        (True, "true"),
        (dt.date(1990, 1, 31), "1990-01-31"),
        (dt.datetime.fromisoformat("1990-01-31"), "1990-01-31"),
        (dt.datetime.fromisoformat("1990-01-31T08:30"), "1990-01-31 08:30:00"),
        (dt.datetime(1990, 1, 30, 17, tzinfo=dt.UTC), "1990-01-31"),
        (dt.datetime(1990, 1, 31, tzinfo=WIB), "1990-01-31"),
        (["JKK", "JKM"], "JKK,JKM"),
        (b"BUDI", "BUDI"),
        (memoryview(b"BUDI"), "BUDI"),
    ],
)
def test_driver_values_become_the_text_of_a_csv(value, expected):
    assert value_text(value) == expected


def test_numbers_follow_the_contracts_notation():
    assert value_text(Decimal("1234.5"), decimal_comma=True) == "1234,5"
    assert value_text(2.5, decimal_comma=True) == "2,5"
