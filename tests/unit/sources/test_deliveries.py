"""Faults 12, 27 to 31: completeness, manifests, versions, and the immutable copy."""

from __future__ import annotations

import hashlib
import json
import os
import stat
import time
from dataclasses import replace

import pytest

from sources import deliveries, keeping
from sources.contracts import load_contracts
from sources.deliveries import discover, keep, periods
from sources.keeping import kept_deliveries
from sources.landing import create_landing_table, land, update_in_force
from warehouse.errors import DataRefused, UsageError

PERIOD = "2026-10"
HEADER = "kpj,full_name,segment\n"
ONE = HEADER + "K1,BUDI,PU\n"
TWO = HEADER + "K1,BUDI,PU\nK2,SITI,BPU\n"


def manifest(desk, **files: tuple[int | None, str | None]) -> None:
    entries = [
        {"name": name.replace("_csv", ".csv"), "rows": rows, "sha256": sha256}
        for name, (rows, sha256) in files.items()
    ]
    desk.drop("manifest.json", json.dumps({"files": entries}))


def sha(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()


def look(desk, settle=0.0):
    return discover(desk.home.inbox, load_contracts(), PERIOD, settle)


def test_what_lies_in_the_inbox_is_found(desk):
    desk.drop("b.csv", ONE)
    desk.drop("a.csv", ONE)
    for ignored in (".hidden", "~$a.xlsx", "c.csv.part", "d.tmp", "_SUCCESS"):
        desk.drop(ignored, "x")
    (desk.folder / "sub").mkdir()
    (desk.home.inbox / "lain").mkdir()
    seen = look(desk)
    assert seen.found["bpjs_participants"].files == ("a.csv", "b.csv")
    assert any("sub" in warning for warning in seen.found["bpjs_participants"].warnings)
    assert seen.unknown == ("lain",)
    assert periods(desk.home.inbox, load_contracts()) == {"bpjs_participants": (PERIOD,)}
    assert discover(desk.home.path, load_contracts(), PERIOD).found == seen.found
    assert discover(desk.home.inbox, load_contracts(), "2026-11").found == {}


def test_bad_inbox_and_period(desk):
    with pytest.raises(UsageError, match="inbox"):
        discover(desk.home.path / "none", load_contracts(), PERIOD)
    with pytest.raises(UsageError, match="month"):
        discover(desk.home.inbox, load_contracts(), "2026-13")


def test_31_a_growing_file_is_waited_for(desk):
    path = desk.drop("a.csv", ONE)
    assert look(desk, 60).found == {}
    assert "bpjs_participants" in look(desk, 60).waiting
    old = time.time() - 120
    os.utime(path, (old, old))
    assert look(desk, 60).waiting == {}
    desk.drop("b.csv.part", "x")
    assert look(desk, 60).found == {}
    assert "bpjs_participants" in look(desk).found


@pytest.mark.parametrize("marker", ["_SUCCESS", "manifest.json"])
def test_31_a_marker_says_that_it_is_complete(desk, marker):
    desk.drop("a.csv", ONE)
    desk.drop(marker, json.dumps({"files": [{"name": "a.csv", "rows": 1, "sha256": sha(ONE)}]}))
    assert "bpjs_participants" in look(desk, 3600).found


def test_31_a_manifest_whose_files_are_missing_is_waited_for(desk):
    desk.drop("a.csv", ONE)
    manifest(desk, a_csv=(1, None), b_csv=(1, None))
    assert "bpjs_participants" in look(desk, 60).waiting
    with pytest.raises(DataRefused, match=r"b\.csv") as caught:
        desk.keep()
    assert caught.value.code == "PARTIAL_FILE"
    assert desk.ledger() == [(1, "rejected", "PARTIAL_FILE")]


def test_31_a_file_that_changes_while_it_is_copied_is_refused(desk, monkeypatch):
    desk.drop("a.csv", ONE)
    real = keeping.copy_file

    def growing(source, target):
        result = real(source, target)
        desk.drop("a.csv", TWO)
        return result

    monkeypatch.setattr(deliveries, "copy_file", growing)
    with pytest.raises(DataRefused) as caught:
        desk.keep()
    assert caught.value.code == "PARTIAL_FILE"
    assert list(desk.home.deliveries.rglob("*.csv")) == []


def test_kept_files_are_whole_and_owner_only(desk):
    desk.drop("a.csv", ONE)
    kept = desk.keep()
    assert kept.folder == desk.home.deliveries / "bpjs_participants" / PERIOD / "v1"
    copy = kept.folder / "a.csv"
    assert copy.read_text() == ONE
    assert kept.files[0].sha256 == sha(ONE)
    assert stat.S_IMODE(copy.stat().st_mode) == 0o400
    for folder in (kept.folder, kept.folder.parent, kept.folder.parent.parent):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert [path.name for path in kept.folder.parent.iterdir()] == ["v1"]


def test_29_same_content_is_no_new_version_and_new_content_is(desk):
    desk.drop("a.csv", ONE)
    assert (desk.land().version, desk.keep().new) == (1, False)
    (desk.folder / "a.csv").rename(desk.folder / "b.csv")
    assert (desk.keep().version, desk.keep().new) == (1, False)
    desk.drop("b.csv", TWO)
    assert desk.land().version == 2
    assert desk.rows("kpj") == [("K1",), ("K2",)]
    desk.drop("b.csv", ONE)
    assert (desk.keep().version, desk.keep().new) == (3, True)


def test_a_killed_run_is_taken_up_again(desk):
    desk.drop("a.csv", ONE)
    first = desk.keep()
    (first.folder.parent / ".incoming-dead").mkdir()
    again = desk.keep()
    assert (again.version, again.new) == (1, True)
    land(desk.con, desk.home, desk.contract, again)
    land(desk.con, desk.home, desk.contract, again)
    assert desk.rows("kpj") == [("K1",)]
    assert desk.ledger() == [(1, "accepted", None)]
    assert [(kept.version, kept.files) for kept in kept_deliveries(desk.home)] == [(1, again.files)]


def test_a_refused_delivery_is_refused_again_under_its_version_and_prior_data_stay(desk):
    desk.deliver(ONE)
    desk.drop("peserta.csv", "kpj,nama\nK1,BUDI\n")
    for _ in range(2):
        with pytest.raises(DataRefused):
            desk.land()
    assert desk.ledger() == [(1, "accepted", None), (2, "rejected", "SCHEMA_DRIFT")]
    assert desk.rows("kpj") == [("K1",)]
    decided = update_in_force(desk.con, {desk.contract.key: desk.contract}, PERIOD)
    assert decided["bpjs_participants"].version == 1
    desk.drop("peserta.csv", ONE)
    assert desk.keep().new is False


def test_12_28_the_manifest_is_held_against_what_arrived(desk):
    desk.drop("a.csv", ONE)
    manifest(desk, a_csv=(1, sha(TWO)))
    with pytest.raises(DataRefused) as caught:
        desk.land()
    assert caught.value.code == "CORRUPT"
    manifest(desk, a_csv=(2, sha(ONE)))
    with pytest.raises(DataRefused, match="promises 2") as caught:
        desk.land()
    assert caught.value.code == "PARTIAL_FILE"
    assert desk.rows() == []
    manifest(desk, a_csv=(1, sha(ONE)))
    assert desk.land().rows == 1
    assert [state for _, state, _ in desk.ledger()] == ["rejected", "rejected", "accepted"]
    files = desk.con.execute(
        "SELECT file, sha256, rows FROM landing.delivery_files WHERE version = 3"
    ).fetchall()
    assert files == [("a.csv", sha(ONE), 1)]


def test_files_that_the_manifest_does_not_name_are_left_out_and_told(desk):
    desk.drop("a.csv", ONE)
    desk.drop("b.csv", TWO)
    manifest(desk, a_csv=(1, None))
    assert desk.land().rows == 1
    assert any("b.csv" in line for line in desk.log)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("{", "CORRUPT"),
        ("[]", "CORRUPT"),
        ('{"files": []}', "CORRUPT"),
        ('{"files": [{"name": "a.csv", "rows": "x"}]}', "CORRUPT"),
        ('{"files": [{"name": "../a.csv"}]}', "UNSAFE_ARCHIVE"),
    ],
)
def test_a_bad_manifest_is_refused(desk, text, code):
    desk.drop("a.csv", ONE)
    desk.drop("manifest.json", text)
    with pytest.raises(DataRefused, match=r"manifest\.json") as caught:
        desk.keep()
    assert caught.value.code == code
    assert desk.ledger() == [(1, "rejected", code)]


@pytest.mark.parametrize("where", ["file", "period", "dataset", "manifest"])
def test_27_symbolic_links_are_refused(desk, tmp_path, where):
    outside = tmp_path / "outside"
    (outside / PERIOD).mkdir(parents=True)
    (outside / "a.csv").write_text(ONE)
    (outside / PERIOD / "a.csv").write_text(ONE)
    folder = desk.home.inbox / "bpjs_participants"
    if where == "dataset":
        folder.symlink_to(outside)
    else:
        folder.mkdir()
        if where == "period":
            (folder / PERIOD).symlink_to(outside / PERIOD)
        else:
            name = "a.csv" if where == "file" else "manifest.json"
            desk.drop("b.csv", TWO)
            (folder / PERIOD / name).symlink_to(outside / "a.csv")
    found = look(desk).found["bpjs_participants"]
    with pytest.raises(DataRefused) as caught:
        keep(desk.con, desk.home, desk.contract, found)
    assert caught.value.code == "UNSAFE_ARCHIVE"
    assert list(desk.home.deliveries.rglob("a.csv")) == []


def test_several_files_are_one_delivery(desk):
    desk.drop("a.csv", ONE)
    desk.drop("b.csv", HEADER + "K2,SITI,BPU\nK3,ANI\n")
    report = desk.land()
    assert (report.rows, report.rejected_rows) == (3, 1)
    assert desk.rows("file, row_number, kpj") == [("a.csv", 1, "K1"), ("b.csv", 1, "K2")]
    assert desk.con.execute(
        "SELECT files, rows, rejected_rows, bytes > 0 FROM landing.deliveries"
    ).fetchall() == [(2, 3, 1, True)]


def test_a_newer_contract_adds_its_columns(desk):
    shorter = replace(desk.contract, columns=desk.contract.columns[:3])
    create_landing_table(desk.con, shorter)
    desk.deliver(TWO)
    assert desk.rows("kpj, end_reason") == [("K1", None), ("K2", None)]
    comment = desk.con.execute(
        "SELECT comment FROM duckdb_columns() WHERE schema_name = 'landing' "
        "AND table_name = 'bpjs_participants' AND column_name = 'end_reason'"
    ).fetchone()[0]
    assert comment == desk.contract.column("end_reason").comment


def test_30_the_delivery_in_force(desk):
    contracts = load_contracts()
    desk.deliver(TWO)

    def state(period):
        decided = update_in_force(desk.con, contracts, period)["bpjs_participants"]
        recorded = desk.con.execute(
            "SELECT delivery_period, version, age_months, state FROM landing.in_force "
            "WHERE period = ? AND dataset = 'bpjs_participants'",
            [period],
        ).fetchall()
        assert recorded == [
            (decided.delivery_period, decided.version, decided.age_months, decided.state)
        ]
        return recorded[0]

    assert contracts["bpjs_participants"].max_age_months == 1
    assert state("2026-09") == (None, None, None, "missing")
    assert state(PERIOD) == (PERIOD, 1, 0, "current")
    assert state("2026-11") == (PERIOD, 1, 1, "carried")
    assert state("2027-01") == (PERIOD, 1, 3, "stale")
    desk.deliver(ONE)
    assert state(PERIOD) == (PERIOD, 2, 0, "current")
    rows = desk.con.execute("SELECT count(*) FROM landing.in_force WHERE period = ?", [PERIOD])
    assert rows.fetchone() == (len(contracts),)
