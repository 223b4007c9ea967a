"""What a sample world leaves on disk: formats, manifests, databases, notes, repeatability."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
import yaml

from sources.contracts import load_contracts
from sources.world import generate
from warehouse.errors import UsageError
from warehouse.home import Home
from warehouse.settings import load_settings

PERIOD = "2026-10"
ALL = set(load_contracts())


def _hashes(out: Path) -> dict[str, str]:
    return {
        str(path.relative_to(out)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(out.rglob("*"))
        # A workbook holds the time it was written; the settings hold where the world lies.
        if path.is_file() and path.suffix != ".xlsx" and path.name != "settings.yaml"
    }


def test_every_dataset_is_delivered_with_the_contracts_columns(world) -> None:
    assert set(world.summary.rows) >= ALL
    for key in ALL:
        contract = load_contracts()[key]
        view = world.load(key)
        headers = {row[0] for row in world.con.execute(f"DESCRIBE {view}").fetchall()}
        assert headers <= {column.name for column in contract.columns}
        assert {column.name for column in contract.columns if column.required} <= headers


def test_formats_are_mixed_and_some_deliveries_have_several_files(world) -> None:
    names = [path.name for key in ALL for path in world.files(key)]
    assert {name.partition(".")[2] for name in names} == {"parquet", "csv", "csv.gz", "xlsx"}
    assert len(world.files("dukcapil_population")) > 1
    assert len(world.files("bpjs_participants")) > 1


def test_manifests_state_rows_hashes_and_that_all_is_made_up(world) -> None:
    for key in ALL:
        folder = world.out / "inbox" / key / PERIOD
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        assert manifest["synthetic"] is True
        assert "SINTETIS" in manifest["keterangan"]
        assert {entry["name"] for entry in manifest["files"]} == {
            path.name for path in world.files(key)
        }
        for entry in manifest["files"]:
            assert (
                entry["sha256"] == hashlib.sha256((folder / entry["name"]).read_bytes()).hexdigest()
            )
        rows = sum(entry["rows"] for entry in manifest["files"])
        assert rows == world.one(f"SELECT count(*) FROM {world.load(key)}")
        assert rows == world.summary.rows[key][PERIOD]


def test_the_world_says_on_its_face_that_it_is_synthetic(world) -> None:
    face = (world.out / "SINTETIS.md").read_text(encoding="utf-8")
    assert "SINTETIS" in face
    assert "SYNTHETIC" in face
    assert "seed: 3" in face
    assert "nik_missing" in face


def test_nothing_but_the_world_stays_behind(world) -> None:
    assert {path.name for path in world.out.iterdir()} == {
        "inbox",
        "truth",
        "SINTETIS.md",
        "denominators.csv",
        "settings.yaml",
    }
    # The pipeline, given these settings, measures this world by its own survey.
    settings = yaml.safe_load((world.out / "settings.yaml").read_text(encoding="utf-8"))
    assert Path(settings["coverage"]["denominators"]) == world.out / "denominators.csv"


def test_the_same_seed_gives_the_same_bytes(small, make_world: Callable) -> None:
    said: list[str] = []
    again = make_world("again", people=1500, log=said.append)
    before = _hashes(small.out)
    assert _hashes(again.out) == before
    for key in ("cooperatives", "transport_workers", "soe_staff", "construction_projects"):
        rows = [
            made.con.execute(f"SELECT * FROM {made.load(key)}").fetchall()
            for made in (small, again)
        ]
        assert rows[0] == rows[1]
    assert any("djp_withholding" in line for line in said)
    # Another seed is another world, and what lay in its folder is gone.
    (again.out / "inbox" / "left_over").mkdir()
    other = make_world("again", seed=22, people=1500)
    assert not (other.out / "inbox" / "left_over").exists()
    name = f"inbox/bpjs_participants/{PERIOD}/peserta_pu.csv.gz"
    assert _hashes(other.out)[name] != before[name]


def test_chosen_datasets_lie_in_a_database_that_the_settings_name(rated) -> None:
    assert not (rated.out / "inbox" / "farmers").exists()
    settings = load_settings(Home(rated.out))
    source = settings.databases["farmers"]
    assert source.table == "farmers"
    assert source.url is not None
    with closing(sqlite3.connect(source.url.removeprefix("sqlite:///"))) as database:
        rows = database.execute("SELECT count(*) FROM farmers").fetchone()[0]
        assert rows == rated.summary.rows["farmers"][PERIOD]
        nik = database.execute("SELECT nik FROM farmers WHERE length(nik) = 16").fetchone()[0]
    assert nik[4] == "9"


def test_several_months_in_a_database_are_told_apart_by_a_query(months) -> None:
    source = load_settings(Home(months.out)).databases["bpjs_employers"]
    assert source.query is not None
    assert ":period" in source.query
    assert source.url is not None
    with closing(sqlite3.connect(source.url.removeprefix("sqlite:///"))) as database:
        for period, rows in months.summary.rows["bpjs_employers"].items():
            found = database.execute(source.query, {"period": period}).fetchall()
            assert len(found) == rows


def test_chosen_datasets_alone_say_what_they_say_among_all(make_world, small) -> None:
    few = make_world(people=1500, datasets=("bpjs_participants",))
    assert [path.name for path in (few.out / "inbox").iterdir()] == ["bpjs_participants"]
    assert list(few.summary.rows) == ["bpjs_participants"]
    among = {key: value for key, value in _hashes(small.out).items() if "bpjs_participants" in key}
    assert among
    assert {key: _hashes(few.out)[key] for key in among} == among


@pytest.mark.parametrize(
    "options",
    [
        {"people": 10},
        {"months": 0},
        {"months": 99},
        {"period": "2026-13"},
        {"databases": ("no_such_list",)},
        {"datasets": ("no_such_list",)},
        {"error_rates": Path("/no/such/file.yaml")},
    ],
)
def test_a_wrong_call_is_refused_before_anything_is_made(tmp_path: Path, options: dict) -> None:
    call = {"people": 1000, "seed": 1, "period": PERIOD} | options
    with pytest.raises(UsageError):
        generate(tmp_path / "refused", **call)
    assert not (tmp_path / "refused").exists()


@pytest.mark.parametrize(
    "table",
    [
        {"no_such_class": {"roster": 0.1}},
        {"nik_missing": {"no_such_group": 0.1}},
        {"nik_missing": {"roster": 1.5}},
        {"nik_missing": {"roster": True}},
        {"nik_missing": 0.1},
        ["nik_missing"],
    ],
)
def test_a_bad_table_of_rates_is_refused(tmp_path: Path, table: object) -> None:
    path = tmp_path / "rates.yaml"
    path.write_text(yaml.safe_dump(table), encoding="utf-8")
    with pytest.raises(UsageError, match="rates"):
        generate(tmp_path / "w", people=1000, seed=1, period=PERIOD, error_rates=path)
