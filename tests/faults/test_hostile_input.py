"""Input made to harm: refused by limits before it costs memory, and never executed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import hostile_files
import pytest
from arrivals import PERIOD, csv, row

from sources.contracts import load_contracts
from sources.deliveries import discover

ROOT = Path(__file__).parents[2]
MAY_GROW_MB = 120
"""Most that any one hostile file may add to the memory of the process that reads it."""

EVIL = "Robert'); DROP TABLE landing.deliveries; --"


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[str, int]]:
    """What became of every hostile file, in a process with 3 GB of address space."""
    folder = tmp_path_factory.mktemp("hostile")
    for name, (make, _codes) in hostile_files.HOSTILE.items():
        (folder / name).write_bytes(make())
    done = subprocess.run(
        [sys.executable, hostile_files.__file__, folder],
        cwd=ROOT, capture_output=True, text=True, timeout=120, check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


@pytest.mark.fault(27, "hostile files in little memory")
@pytest.mark.parametrize("name", hostile_files.HOSTILE)
def test_27_hostile_files_are_refused_before_they_cost_memory(outcomes, shown, name) -> None:
    code, grown = outcomes[name]
    assert code in hostile_files.HOSTILE[name][1], outcomes
    assert grown < MAY_GROW_MB, outcomes
    shown(
        f"{len(hostile_files.HOSTILE)} kinds of hostile files, sheets that span billions of cells "
        f"among them, are refused within {MAY_GROW_MB} MB",
        refused=code,
    )


@pytest.mark.fault(27, "links")
@pytest.mark.parametrize("what", ["file", "period", "dataset", "manifest"])
def test_27_links_in_the_inbox_are_not_followed(counter, shown, tmp_path, what) -> None:
    outside = tmp_path / "luar"
    outside.mkdir()
    (outside / "rahasia.csv").write_text(csv(row(1)), "utf-8")
    (outside / "manifest.json").write_text('{"files": [{"name": "a.csv"}]}', "utf-8")
    counter.put({"a.csv": csv(row(1))})
    folder = counter.home.inbox / counter.contract.key / PERIOD
    if what in ("file", "manifest"):
        link = folder / ("b.csv" if what == "file" else "manifest.json")
        link.symlink_to(outside / ("rahasia.csv" if what == "file" else "manifest.json"))
    else:
        link = folder if what == "period" else folder.parent
        (folder / "a.csv").unlink()
        folder.rmdir()
        if what == "dataset":
            folder.parent.rmdir()
        link.symlink_to(outside)
    error = counter.refuse()
    assert error.code == "UNSAFE_ARCHIVE" if what != "manifest" else error.code
    link.unlink()
    shown("a linked file, folder or manifest is refused, not followed", refused=error.code)


MANIFESTS = {
    "nested": "[" * 200_000,
    "nested objects": '{"files":' * 100_000,
    "huge": '{"files": [' + " " * (5 << 20) + "]}",
    "infinite rows": '{"files": [{"name": "peserta.csv", "rows": 1e999}]}',
    "endless number": '{"files": [{"name": "peserta.csv", "rows": ' + "9" * 6_000 + "}]}",
    "parent": '{"files": [{"name": "../../etc/passwd"}]}',
    "absolute": '{"files": [{"name": "/etc/passwd"}]}',
    "backslash": '{"files": [{"name": "..\\\\a.csv"}]}',
    "surrogate": '{"files": [{"name": "\\ud800.csv"}]}',
    "control": '{"files": [{"name": "a\\u0000.csv"}]}',
    "no name": '{"files": [{"name": ""}]}',
    "not text": b"\xff\xfe\xff",
    "twice": '{"files": [{"name": "peserta.csv"}, {"name": "peserta.csv"}]}',
}


@pytest.mark.fault(27, "hostile manifests")
@pytest.mark.parametrize("content", MANIFESTS.values(), ids=MANIFESTS.keys())
def test_27_hostile_manifests_are_refused(counter, shown, content) -> None:
    counter.put({"peserta.csv": csv(row(1)), "manifest.json": content})
    error = counter.refuse()
    assert error.code in ("CORRUPT", "UNSAFE_ARCHIVE")
    assert len(str(error)) < 500
    shown("manifests nested, huge or pointing elsewhere are refused", refused=error.code)


@pytest.mark.fault(27, "manifest with many names")
def test_27_a_refusal_does_not_repeat_a_whole_manifest(counter, shown) -> None:
    files = [{"name": f"{'x' * 200}{n}.csv"} for n in range(5_000)]
    counter.put({"peserta.csv": csv(row(1)), "manifest.json": json.dumps({"files": files})})
    error = counter.refuse()
    assert error.code == "PARTIAL_FILE"
    assert len(str(error)) < 1_000
    shown("a refusal names a few of many missing files", refused=error.code)


@pytest.mark.fault(24, "SQL in values and names")
def test_24_sql_in_values_and_file_names_is_only_text(counter, shown) -> None:
    report = counter.take(csv(row(1, full_name=EVIL, kpj=EVIL)), f"{EVIL.replace('/', '')}.csv")
    assert counter.rows("full_name, file") == [(EVIL, f"{EVIL}.csv")]
    assert counter.con.execute("SELECT count(*) FROM landing.deliveries").fetchone() == (1,)
    shown("SQL in values and file names is text", report)


@pytest.mark.fault(24, "SQL in headers")
def test_24_sql_in_the_header_of_any_format_is_only_text(counter, shown) -> None:
    from arrivals import book, parquet

    evil = 'x" FROM landing.deliveries; DROP TABLE landing.deliveries; --'
    header = ["kpj", "full_name", "segment", evil]
    columns = dict(zip(header, (["K3"], ["C"], ["PU"], ["x"]), strict=True))
    quoted = '"' + evil.replace('"', '""') + '"'
    counter.put(
        {
            "a.csv": f"kpj,full_name,segment,{quoted}\nK1,A,PU,x\n",
            "b.xlsx": book(header, ["K2", "B", "PU", "x"]),
            "c.parquet": parquet(**columns),
        }
    )
    assert counter.land().rows == 3
    assert counter.landed("kpj") == [("K1",), ("K2",), ("K3",)]
    assert counter.con.execute("SELECT count(*) FROM landing.deliveries").fetchone() == (1,)
    shown("SQL in headers is text, in CSV, XLSX and Parquet", delivered=3, accepted=3)


@pytest.mark.fault(24, "SQL in folder names")
def test_24_a_folder_with_sql_for_a_name_is_no_dataset(counter, shown) -> None:
    counter.put({"a.csv": csv(row(1))})
    for name in (EVIL, "..%2f..", 'bpjs_participants"; DROP'):
        (counter.home.inbox / name / PERIOD).mkdir(parents=True)
        (counter.home.inbox / name / PERIOD / "a.csv").write_text(csv(row(2)), "utf-8")
    found = discover(counter.home.inbox, load_contracts(), PERIOD)
    assert set(found.found) == {"bpjs_participants"}
    assert EVIL in found.unknown
    shown("a folder with SQL for a name is told as unknown, and not read")


@pytest.mark.fault(24, "file names with control characters")
@pytest.mark.parametrize("name", [b"a\nb.csv", b"\xff\xfe.csv", b"a\x1b[2J.csv"], ids=repr)
def test_24_file_names_that_are_no_text_are_refused(counter, shown, name) -> None:
    counter.put({"peserta.csv": csv(row(1))})
    folder = counter.home.inbox / counter.contract.key / PERIOD
    with open(os.fsencode(folder) + b"/" + name, "wb") as stream:  # noqa: PTH123
        stream.write(csv(row(2)).encode())
    error = counter.refuse()
    assert error.code == "UNREADABLE_FILE"
    assert str(error).isprintable()
    shown("file names with control characters or broken bytes are refused", refused=error.code)
