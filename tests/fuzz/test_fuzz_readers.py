"""Whatever the bytes: a file is refused by name, or every row is accounted for, twice alike."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path

import duckdb
import pytest
from arrivals import COLUMNS, PERIOD, Counter, book, csv, packed, parquet, row
from fuzzing import damage, tried
from hypothesis import given
from hypothesis import strategies as st

from sources.conforming import conform
from sources.deliveries import discover
from sources.files.reader import stage_file
from warehouse.errors import DataRefused

ROWS = [row(n) for n in range(1, 8)]
TEXT = csv(*ROWS, row(8, full_name='DIKUTIP, "S.E."')).encode()
CELLS = {name: [entry[name] for entry in ROWS] for name in COLUMNS}
WHOLE = {
    "csv": TEXT,
    "utf-16": TEXT.decode().encode("utf-16"),
    "gzip": packed(TEXT),
    "xlsx": book(COLUMNS, *([entry[name] for name in COLUMNS] for entry in ROWS)),
    "parquet": parquet(**CELLS),
}


def staged_twice(counter: Counter, content: bytes) -> tuple[str, int, int]:
    """Read a file as landing does; its outcome, good and bad rows."""
    outcomes = []
    for _ in range(2):
        folder = Path(tempfile.mkdtemp(dir=counter.home.tmp))
        try:
            file = folder / "file"
            file.write_bytes(content)
            work = folder / "work"
            work.mkdir()
            outcomes.append(_staged(counter, file, work))
        finally:
            shutil.rmtree(folder)
    assert outcomes[0] == outcomes[1]
    return outcomes[0][:3]


def _staged(counter: Counter, file: Path, work: Path) -> tuple[str, int, int, int]:
    try:
        staged = stage_file(counter.con, file, "file", counter.contract, work)
    except DataRefused as refusal:
        return refusal.code, 0, 0, 0
    columns = ", ".join(f'"{name}"' for name in staged.columns)
    try:
        good, bad, content = counter.con.execute(
            "SELECT count(*) FILTER (coalesce(len(reasons), 0) = 0), "
            "count(*) FILTER (len(reasons) > 0), "
            f"coalesce(sum(hash(row_number, {columns})::HUGEINT), 0) FROM ({staged.query})"
        ).fetchone()
    except duckdb.Error as error:
        # Landing refuses the file for it; a regular text file must not come so far.
        if staged.form != "parquet":
            raise AssertionError(f"{staged.form}: {type(error).__name__}") from error
        return "CORRUPT", 0, 0, 0
    assert good + bad == staged.rows
    return "taken", good, bad, content


@pytest.mark.parametrize("form", WHOLE)
def test_damaged_files_are_refused_or_accounted_for(fuzz_counter: Counter, form: str) -> None:
    assert staged_twice(fuzz_counter, WHOLE[form])[0] == "taken"

    @tried(60)
    @given(content=damage(WHOLE[form]))
    def holds(content: bytes) -> None:
        staged_twice(fuzz_counter, content)

    holds()


@tried(80)
@given(body=st.text(st.sampled_from(list('a1,;"\n\r\t\0é\x7f =|')), max_size=80))
def test_any_text_below_a_header_is_accounted_for(fuzz_counter: Counter, body: str) -> None:
    staged_twice(fuzz_counter, ("kpj,full_name,segment\n" + body).encode())


@tried(30)
@given(content=st.binary(max_size=200))
def test_any_bytes_are_refused_or_accounted_for(fuzz_counter: Counter, content: bytes) -> None:
    staged_twice(fuzz_counter, content)


ODD = st.one_of(
    st.sampled_from(
        ["", "NULL", "-", "3.17101E+15", "=1+1", "31/12/1990", "1990-02-30", "1.234,5", "L", "P"]
    ),
    st.text(st.characters(codec="utf-8"), max_size=12),
    st.text("0123456789.,-E+ '", max_size=20),
)
TABLE = st.lists(st.fixed_dictionaries(dict.fromkeys(COLUMNS, ODD)), min_size=1, max_size=30)


@tried(8)
@given(table=TABLE, content=st.none() | damage(TEXT))
def test_every_row_is_accepted_set_aside_or_a_duplicate(
    fuzz_counter: Counter, table: list[dict[str, str]], content: bytes | None
) -> None:
    """Through keeping, landing and conforming; the same delivery again gives the same rows."""
    fuzz_counter.clear()
    files = {"a.csv": csv(*table, *table[:3])} | ({"b.csv": content} if content else {})
    fuzz_counter.put(files)
    try:
        landed = fuzz_counter.land()
    except DataRefused:
        assert fuzz_counter.everything() == {}
        return
    contract, con = fuzz_counter.contract, fuzz_counter.con
    seen = []
    for _ in range(2):
        report = conform(con, contract, PERIOD)
        assert report.delivered == landed.rows
        assert report.delivered == report.accepted + report.quarantined + report.duplicates
        assert len(fuzz_counter.quarantined()) == report.quarantined
        seen.append((report, fuzz_counter.rows("*"), fuzz_counter.quarantined()))
    assert seen[0] == seen[1]


VALUE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner),
    max_leaves=8,
)
ENTRY = st.fixed_dictionaries(
    {}, optional={"name": st.sampled_from(["a.csv", "b.csv", "../a"]) | VALUE,
                  "rows": VALUE, "sha256": VALUE}
)  # fmt: skip
GOOD = json.dumps({"files": [{"name": "a.csv", "rows": 1, "sha256": "0" * 64}]}).encode()
MANIFEST = st.one_of(
    st.fixed_dictionaries({"files": st.lists(ENTRY, max_size=3)}).map(
        lambda document: json.dumps(document).encode()
    ),
    VALUE.map(lambda document: json.dumps(document).encode()),
    damage(GOOD),
)


@tried(120)
@given(content=MANIFEST)
def test_any_manifest_is_a_promise_or_a_refusal(fuzz_counter: Counter, content: bytes) -> None:
    fuzz_counter.put({"a.csv": TEXT, "manifest.json": content})
    contracts = {fuzz_counter.contract.key: fuzz_counter.contract}
    found = discover(fuzz_counter.home.inbox, contracts, PERIOD).found[fuzz_counter.contract.key]
    if found.problem:
        assert found.problem[0] in ("CORRUPT", "PARTIAL_FILE", "UNSAFE_ARCHIVE")
        assert len(found.problem[1]) < 700
    else:
        assert found.files == ("a.csv",)
        assert found.manifest is not None
