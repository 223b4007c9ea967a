"""Addressees who put their extracts together learn no count that the release withholds."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from disclosure_world import PERIOD, people, write_exact

from publishing.disclosure import make_release
from publishing.disclosure.frame import KEYS, TABLES, Frame, read_frame
from publishing.disclosure.release import outsider
from publishing.extracts.making import make_extracts
from warehouse.errors import GateBlocked
from warehouse.home import Home
from warehouse.publication.folders import MANIFEST_FILE, RELEASE_FILE, WAREHOUSE_FILE
from warehouse.settings import ExtractSettings, Settings

TOGETHER = ((9, None), (24, "31"), (24, "32"))
"""A ministry with the sectors, and two governors with all of their provinces."""

PLAIN = ("province", "regency", "sector", "suppressed")


@pytest.fixture(scope="module")
def handed_out(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Path]]:
    """A publication, and the folders of three addressees."""
    home = Home(tmp_path_factory.mktemp("together") / "home").ensure()
    folder = home.published / f"{PERIOD}-1"
    folder.mkdir(parents=True)
    write_exact(folder / WAREHOUSE_FILE, people(2, provinces=2, regencies=2, mean=40))
    make_release(folder / WAREHOUSE_FILE, folder / RELEASE_FILE, PERIOD, program_seconds=0)
    (folder / MANIFEST_FILE).write_text(json.dumps({"period": PERIOD, "sequence": 1}), "utf-8")
    one = Settings(extracts=ExtractSettings(processes=1))
    written: list[Path] = []
    for number, region in TOGETHER:
        made = make_extracts(home, one, PERIOD, addressees=[number], region=region)
        written += made.written
    return folder, written


@pytest.fixture
def joined(
    handed_out: tuple[Path, list[Path]],
) -> Iterator[tuple[duckdb.DuckDBPyConnection, Frame]]:
    """What the three have together, in schema `joined`; what none of them has is empty."""
    folder, extracts = handed_out
    with duckdb.connect() as con:
        con.execute(f"ATTACH '{folder / WAREHOUSE_FILE}' AS e (READ_ONLY)")
        con.execute(f"ATTACH '{folder / RELEASE_FILE}' AS r (READ_ONLY)")
        con.execute("CREATE SCHEMA memory.joined")
        for grain, table in TABLES.items():
            keys = ", ".join(KEYS[grain])
            names = con.execute(f"DESCRIBE r.release.{table}").fetchall()
            told = [n for n, *_ in names if n not in (*KEYS[grain], *PLAIN, "period",
                                                      "denominator_id")]  # fmt: skip
            files = [str(each / f"{table}.parquet") for each in extracts
                     if (each / f"{table}.parquet").is_file()]  # fmt: skip
            most = ", ".join(f"max({name}) AS {name}" for name in told)
            none = ", ".join(f"NULL AS {name}" for name in told)
            con.execute(f"CREATE TABLE memory.joined.{table} AS FROM r.release.{table} LIMIT 0")
            got = "".join(f" UNION ALL BY NAME FROM read_parquet('{file}')" for file in files)
            con.execute(
                f"INSERT INTO memory.joined.{table} BY NAME SELECT period, {keys}, {most} FROM "
                f"(SELECT period, {keys}, {none} FROM r.release.{table}{got}) GROUP BY ALL"
            )
        yield con, read_frame(con, "e.coverage", PERIOD)


def test_extracts_tell_no_figure_that_the_release_does_not(joined) -> None:
    con, _ = joined
    some = 0
    for grain, table in TABLES.items():
        on = " AND ".join(f"j.{key} = r.{key}" for key in KEYS[grain])
        for name in ("workers", "active", "inactive", "unregistered", "gap", "coverage_rate"):
            told, other = con.execute(
                f"SELECT count(j.{name}), count(*) FILTER (j.{name} IS NOT NULL AND "
                f"j.{name} IS DISTINCT FROM r.{name}) "
                f"FROM memory.joined.{table} AS j LEFT JOIN r.release.{table} AS r ON {on}"
            ).fetchall()[0]
            assert other == 0, (table, name)
            some += told
    assert some > 100


def test_three_extracts_together_give_no_small_count_back(joined) -> None:
    con, frame = joined
    found = outsider(con, "memory.joined", "e.coverage", PERIOD, frame, (), 60)
    assert found["proven"] > 20


def test_one_figure_too_much_in_one_of_them_blocks(joined) -> None:
    con, frame = joined
    con.execute("""
        UPDATE memory.joined.coverage_by_sector_region AS j SET active = round(e.active)
        FROM e.coverage.coverage_by_sector_region AS e
        WHERE j.basis = e.basis AND j.regency_code = e.regency_code
            AND j.sector_code = e.sector_code AND e.active BETWEEN 1 AND 9
    """)
    with pytest.raises(GateBlocked):
        outsider(con, "memory.joined", "e.coverage", PERIOD, frame, (), 60)
