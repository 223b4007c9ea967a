"""Faults 38 and 39: no room on the disk, and too little memory."""

from __future__ import annotations

import shutil
from pathlib import Path

import duckdb
import pytest
from arrivals import Counter, csv, row
from harness import elsewhere  # noqa: F401
from harness.content import content
from harness.readers import PERIOD, set_workers, tiny_tables
from harness.starving import files_no_larger_than

from assets.stage import scrubbed
from sources.landing import land
from warehouse.connection import connect
from warehouse.errors import CakupanError
from warehouse.home import Home
from warehouse.publication import publish
from warehouse.settings import EngineSettings, ExtractSettings, Settings


@pytest.mark.fault(38, "while a delivery is staged")
def test_38_a_delivery_that_finds_no_room_leaves_nothing(counter: Counter, shown) -> None:
    rows = csv(*(row(n) for n in range(1, 3001)))
    counter.put({"peserta.csv": rows})
    before = counter.everything()
    with files_no_larger_than(100_000), pytest.raises(OSError) as caught:  # noqa: PT011
        counter.land()
    assert "File too large" in scrubbed(caught.value)
    assert counter.everything() == before
    assert [p for p in counter.home.deliveries.rglob("*") if p.is_file()] == []
    assert [p for p in counter.home.tmp.iterdir() if p.name != "spill"] == []
    report = counter.take(rows)
    shown("nothing of it is kept; with room again it is taken whole", report)


@pytest.fixture
def published(tmp_path: Path) -> tuple[Home, duckdb.DuckDBPyConnection]:
    home = Home(tmp_path / "home").ensure()
    con = connect(home)
    tiny_tables(con, 10)
    publish(con, home, Settings(), PERIOD)
    yield home, con
    con.close()


@pytest.mark.fault(38, "while a publication is written")
def test_38_a_publication_that_finds_no_room_is_not_there(published, shown) -> None:
    home, con = published
    before = content(home.path)
    set_workers(con, 11)
    with files_no_larger_than(300_000), pytest.raises(CakupanError) as caught:
        publish(con, home, Settings(), PERIOD)
    assert "what was published before stays" in str(caught.value)
    assert "free space" in str(caught.value)
    assert content(home.path) == before
    assert sorted(p.name for p in home.published.iterdir()) == ["2026-10-1", "current"]
    made = publish(con, home, Settings(), PERIOD)
    assert (made.new, made.number) == (True, 2)
    shown("the old publication stays, the half-written one goes; with room again it is made")


@pytest.mark.fault(38, "in the restricted warehouse")
def test_38_a_warehouse_that_finds_no_room_keeps_what_it_had(tmp_path: Path, shown) -> None:
    home = Home(tmp_path / "home").ensure()
    with connect(home) as con:
        con.execute("CREATE TABLE landing.kept AS SELECT n FROM range(1000) AS t (n)")
    size = home.restricted_db.stat().st_size
    con = connect(home)
    with files_no_larger_than(size + 100_000):
        with pytest.raises(duckdb.Error) as caught:
            con.execute("CREATE TABLE landing.much AS SELECT uuid() AS t FROM range(500000)")
        told = scrubbed(caught.value)
    con.close()
    assert "duckdb" in told
    with connect(home) as again:
        assert again.execute("SELECT count(*), sum(n) FROM landing.kept").fetchall() == [
            (1000, 499500)
        ]
        tables = again.execute("SELECT table_name FROM duckdb_tables()").fetchall()
    assert ("much",) not in tables
    shown("the statement is undone; the warehouse opens with what it had")


@pytest.mark.fault(38, "in temporary files")
def test_38_spilling_that_finds_no_room_fails_cleanly(tmp_path: Path, shown) -> None:
    home = Home(tmp_path / "home").ensure()
    settings = Settings(engine=EngineSettings(memory_limit="60MB", threads=1))
    con = connect(home, settings)
    big = "SELECT count(*) FROM (SELECT uuid() AS u, n FROM range(3000000) AS t (n) ORDER BY u)"
    with files_no_larger_than(1_000_000), pytest.raises(duckdb.Error):
        con.execute(big)
    assert con.execute("SELECT 42").fetchone() == (42,)
    assert con.execute(big).fetchone() == (3_000_000,)
    con.close()
    left = [p for p in home.tmp.rglob("*") if p.is_file()]
    assert left == []
    shown("the statement fails, the connection goes on, no temporary file is left")


@pytest.mark.fault(38, "while extracts are made")
def test_38_extracts_that_find_no_room_are_not_there(tmp_path: Path, shown) -> None:
    from extract_world import make_publication

    from publishing.extracts.issuing import issue

    home = Home(tmp_path / "home").ensure()
    make_publication(home)
    settings = Settings(extracts=ExtractSettings(processes=1))
    with files_no_larger_than(4_000), pytest.raises((CakupanError, OSError)):
        issue(home, settings, PERIOD, addressees=[16])
    named = list((home.path / "extracts").rglob("manifest.json"))
    assert named == []
    report = issue(home, settings, PERIOD, addressees=[16])
    assert report.made == 1
    left = [p for p in (home.path / "extracts").rglob(".*") if p.is_dir()]
    assert left == []
    shown("no extract with a manifest is there; with room again it is made")


@pytest.mark.fault(39, "a statement larger than memory")
def test_39_what_does_not_fit_into_memory_spills(tmp_path: Path, shown) -> None:
    home = Home(tmp_path / "home").ensure()
    settings = Settings(engine=EngineSettings(memory_limit="60MB", threads=1))
    with connect(home, settings) as con:
        con.execute(
            "CREATE TABLE landing.sorted AS SELECT md5(n::VARCHAR) AS u, n "
            "FROM range(1500000) AS t (n) ORDER BY u"
        )
        used = con.execute("SELECT sum(memory_usage_bytes) FROM duckdb_memory()").fetchone()
        assert con.execute("SELECT count(DISTINCT u) FROM landing.sorted").fetchone() == (1500000,)
    assert used is not None
    assert used[0] <= 60_000_000
    shown("a sort of 1.5 million rows is done in 60 MB, the rest of it on disk")


@pytest.mark.fault(39, "a statement that cannot spill")
def test_39_what_cannot_spill_fails_and_leaves_the_process_whole(
    counter: Counter, tmp_path: Path, shown
) -> None:
    home = Home(tmp_path / "home").ensure()
    settings = Settings(engine=EngineSettings(memory_limit="40MB", threads=1))
    con = connect(home, settings)
    with pytest.raises(duckdb.OutOfMemoryException) as caught:
        con.execute("SELECT length(string_agg(md5(n::VARCHAR), '')) FROM range(9000000) AS t (n)")
    told = scrubbed(caught.value)
    assert "OutOfMemoryException" in told
    assert "memory_limit" in told
    assert con.execute("SELECT 42").fetchone() == (42,)
    con.close()
    shown("a named failure that says which setting to raise; the process goes on")


@pytest.mark.fault(39, "a delivery in little memory")
def test_39_a_delivery_is_landed_in_little_memory(tmp_path: Path, shown) -> None:
    from sources.contracts import load_contracts
    from sources.deliveries import discover, keep

    home = Home(tmp_path / "home").ensure()
    contract = load_contracts()["bpjs_participants"]
    drop = home.inbox / contract.key / PERIOD
    drop.mkdir(parents=True)
    line = csv(row(1)).splitlines()
    with (drop / "peserta.csv").open("w", encoding="utf-8") as file:
        file.write(line[0] + "\n")
        for number in range(200):
            file.writelines(
                line[1].replace("K1,", f"K{number}-{n},", 1) + "\n" for n in range(1000)
            )
    settings = Settings(engine=EngineSettings(memory_limit="100MB", threads=1))
    with connect(home, settings) as con:
        found = discover(home.inbox, {contract.key: contract}, PERIOD).found[contract.key]
        report = land(con, home, contract, keep(con, home, contract, found))
        landed = con.execute(f"SELECT count(*) FROM landing.{contract.key}").fetchone()
    assert landed == (200_000,)
    shutil.rmtree(drop)
    shown("200,000 rows are landed with 100 MB", delivered=report.rows, accepted=landed[0])
