"""Canaries: no planted NIK, name or secret is seen outside of the restricted store.

A sample of the cases runs here; `make soak` runs them all (canary.soak).
"""

from __future__ import annotations

import base64
import gzip
import pickle
import re
import sqlite3
import stat
from pathlib import Path

import duckdb
import pytest
from canary.planting import NAME, NIKS, PERIOD, SECRET
from canary.running import (
    DATABASE_KEY,
    JUDGE,
    READERS,
    REFUSING,
    STOPPED,
    Result,
    run_cases,
    undisturbed,
    waves,
)
from canary.searching import Search, forms
from harness.worlds import World

from warehouse import at_rest


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return undisturbed(tmp_path_factory.getbasetemp())[0]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Result:
    """A run that nothing disturbs, on an encrypted home, with lists, delivery and umask 000."""
    return undisturbed(tmp_path_factory.getbasetemp())[1]


@pytest.mark.parametrize(
    "written",
    [
        f"x {NIKS[0]} y".encode(),
        " ".join(NIKS[0]).encode(),
        f"{NIKS[0][:6]}.{NIKS[0][6:12]}.{NIKS[0][12:]}".encode(),
        f"nama={NAME.lower()}".encode(),
        NAME.encode("utf-16-le"),
        NIKS[1].encode("utf-16-be"),
        NAME.encode().hex().encode(),
        *(base64.b64encode(b"." * n + SECRET.encode() + b"..") for n in range(3)),
        pickle.dumps({"row": [NIKS[2], NAME]}),
        gzip.compress(NAME.encode(), mtime=0),
    ],
    ids=range(12),
)
def test_search_finds_a_canary_however_it_is_written(written: bytes) -> None:
    assert Search([NAME, SECRET], [], NIKS).hits(b"\x00\x01 before " + written + b" after") or (
        Search([NAME], [], NIKS).hits(written)
    )


def test_search_opens_containers(tmp_path: Path) -> None:
    import openpyxl

    book = openpyxl.Workbook()
    book.active["A1"] = NAME
    book.save(tmp_path / "a.xlsx")
    with duckdb.connect(str(tmp_path / "b.duckdb")) as con:
        con.execute("CREATE TABLE t AS SELECT $1 AS x FROM range(5000)", [NIKS[0]])
        con.execute(f"COPY t TO '{tmp_path}/c.parquet' (COMPRESSION zstd)")
    with sqlite3.connect(tmp_path / "d.db") as lite:
        lite.execute("CREATE TABLE t (x TEXT)")
        lite.execute("INSERT INTO t VALUES (?)", ["x" * 5000 + NAME + "y" * 9000])
    (tmp_path / f"{NAME}.txt").write_text("empty", "utf-8")
    found = Search([NAME], [NIKS[0]], []).below(tmp_path)
    assert {Path(hit.split(": ")[0]).suffix for hit in found} == {
        ".xlsx", ".duckdb", ".parquet", ".db", ".txt",
    }  # fmt: skip
    assert all(len(form) >= 8 for form in forms(NAME))


def test_a_whole_encrypted_run_shows_no_canary_and_no_secret(whole: Result) -> None:
    assert whole.codes == [0, 0, 0]
    assert whole.hits == []
    assert whole.files > 30
    assert list((whole.home / "extracts").rglob("*.xlsx"))
    # The restricted database too is closed to who has its file alone, and it holds no secret.
    file = whole.home / "restricted.duckdb"
    assert at_rest.state_of(file) == "encrypted"
    assert Search([NAME, SECRET], [], NIKS).hits(file.read_bytes()) == []
    with duckdb.connect() as con:
        at_rest.load_cryptography(con)
        at_rest.attach(con, file, DATABASE_KEY, read_only=True)
        held = con.execute("SELECT full_name, nik FROM restricted.spine.persons").fetchall()
        tables = con.execute(
            "SELECT schema_name, table_name FROM duckdb_tables() WHERE database_name = 'restricted'"
        ).fetchall()
        for schema, table in tables:
            rows = con.execute(f'SELECT * FROM restricted."{schema}"."{table}"').fetchall()
            assert SECRET not in str(rows), table
    # The canaries did go the whole way: else their absence elsewhere would say nothing.
    assert any(NAME in str(row) for row in held)


def _restricted_paths_are_closed(home: Path) -> int:
    checked = 0
    for path in home.rglob("*"):
        if not path.is_symlink() and "published" not in path.relative_to(home).parts:
            assert not stat.S_IMODE(path.stat().st_mode) & 0o077, path
            checked += 1
    return checked


def test_modes_are_owner_only_whatever_the_umask(whole: Result) -> None:
    # It ran with umask 000; the broken runs of the next test have 022.
    assert _restricted_paths_are_closed(whole.home) > 50
    published = whole.home / "published" / "current"
    for path in (whole.home / "published", *published.rglob("*")):
        mode = stat.S_IMODE(path.stat().st_mode)
        assert (mode & 0o044, mode & 0o022) == (0o044, 0), path


def test_what_breaks_shows_no_canary(whole: Result, world: World, tmp_path: Path) -> None:
    each = {case.name: case for case in waves(whole.statements, (0.5,))}
    published = next(case for name, case in each.items() if name.startswith("publication"))
    cases = [
        each["landing at 50%"], each["conformed at 50%"], published, READERS, JUDGE, REFUSING,
        STOPPED,
    ]  # fmt: skip
    results = run_cases(world, cases, tmp_path)
    for case, result in zip(cases, results, strict=True):
        assert result.codes[-1] != 0, result
        assert result.hits == [], (result.name, result.hits[:20])
        assert len(result.broken) == len(case.plan), (result.broken, case.plan)
        assert _restricted_paths_are_closed(result.home) > 10


def test_every_step_of_a_run_has_a_case(whole: Result) -> None:
    broken = {step for case in waves(whole.statements, (0.0, 1.0)) for step, _at, _ in case.plan}
    assert broken == set(whole.statements) - {"command"}
    assert {re.sub("__.*", "", step) for step in broken} >= {
        "landing", "conformed", "spine", "linkage", "employers", "coverage", "publication",
    }  # fmt: skip
    assert PERIOD
