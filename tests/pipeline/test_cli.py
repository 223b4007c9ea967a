"""The command line: its answers, exit codes, and that `--json` is one object."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from pretending import Rooms
from typer.testing import CliRunner, Result

from pipelines import cli_run, doctor
from pipelines.cli import app
from pipelines.gap import GapRow, interval, number, percent
from pipelines.ui import commands
from sources.contracts import load_contracts
from warehouse.errors import DataRefused
from warehouse.home import Home

PERIOD = "2026-10"
ROW = GapRow(True, "Indonesia", 1000.0, 250.5, 49.5, 700.0, 749.5, 0.2505, 0.24, 0.26)


def call(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def answer(result: Result) -> Any:
    return json.loads(result.stdout)


@pytest.fixture
def _gap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli_run, "gap_rows", lambda _home, _period: [ROW])


@pytest.mark.usefixtures("_gap", "rooms")
def test_a_run_ends_with_the_gap_and_where_things_are(empty_home: Home) -> None:
    result = call("run", "--home", empty_home.path, "--period", PERIOD)
    assert result.exit_code == 0, result.stderr
    assert "Indonesia" in result.stdout
    assert "749" in result.stdout or "750" in result.stdout
    assert "25,1%" in result.stdout or "25,0%" in result.stdout
    assert str(empty_home.restricted_db) in result.stdout
    # Away from a terminal there is a line for each stage, with its rows.
    assert "penerimaan data (landing)" in result.stderr
    assert "21 baris" in result.stderr
    assert "\x1b" not in result.stdout + result.stderr


@pytest.mark.usefixtures("_gap", "rooms")
def test_json_is_one_object_on_standard_output(empty_home: Home) -> None:
    told = answer(call("run", "--home", empty_home.path, "--period", PERIOD, "--json"))
    assert told["status"] == "done"
    assert told["gap"][0]["gap"] == 749.5
    assert told["stage_seconds"].keys() >= {"landing", "coverage", "publication"}
    assert told["errors"] == []


def test_refused_data_end_with_3_and_say_what_to_do(rooms: Rooms, empty_home: Home) -> None:
    def refuse(_stage: object) -> None:
        raise DataRefused("dukcapil_population: deliver column nik", code="SCHEMA_DRIFT")

    rooms.acts["landing/dukcapil_population"] = refuse
    result = call("run", "--home", empty_home.path, "--period", PERIOD, "--json")
    assert result.exit_code == 3
    (error,) = answer(result)["errors"]
    assert error["reason_code"] == "SCHEMA_DRIFT"
    assert error["step"] == "landing__dukcapil_population"
    assert "deliver column nik" in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("run",),
        ("run", "--period", "2026-13"),
        ("run", "--period", "Oktober"),
        ("run", "--period", PERIOD, "--inbox", "/nowhere/at/all"),
        ("run", "--period", PERIOD, "--settings", "/nowhere.yaml"),
        ("publish", "--period", PERIOD),
        ("sample", "--period", PERIOD),
        ("sample", "--period", "x", "--out", "never-made"),
        ("contracts", "show", "unknown"),
        ("contracts", "validate", "/nowhere.yaml"),
        ("fly",),
    ],
)
def test_a_wrong_call_ends_with_2(
    arguments: tuple[str, ...], empty_home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CAKUPAN_HOME", str(empty_home.path))
    result = call(*arguments)
    assert result.exit_code == 2
    assert result.stderr.strip()
    assert "Traceback" not in result.stderr


def test_a_wrong_call_answers_in_json_too(empty_home: Home) -> None:
    result = call("run", "--home", empty_home.path, "--period", "2026-13", "--json")
    assert result.exit_code == 2
    told = answer(result)
    assert told["exit_code"] == 2
    assert "2026-13" in told["errors"][0]["message"]


def test_an_unforeseen_error_ends_with_1_and_quotes_nothing(
    empty_home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_arguments: object, **_named: object) -> None:
        raise RuntimeError("row 3171905203900001 SITI")

    monkeypatch.setattr(cli_run, "execute", broken)
    result = call("run", "--home", empty_home.path, "--period", PERIOD)
    assert result.exit_code == 1
    assert "RuntimeError" in result.stderr
    assert "3171905203900001" not in result.output
    assert "SITI" not in result.output


def test_contracts_are_listed_shown_and_checked() -> None:
    listed = answer(call("contracts", "list", "--json"))["contracts"]
    assert [entry["key"] for entry in listed] == list(load_contracts())
    shown = answer(call("contracts", "show", "farmers", "--json"))
    assert {column["name"] for column in shown["columns"]} >= {"record_id", "full_name", "nik"}
    assert "farmers" in call("contracts", "show", "farmers").stdout
    checked = call("contracts", "validate", shown["file"], "--json")
    assert checked.exit_code == 0
    assert answer(checked)["valid"] is True


def test_a_bad_contract_is_refused_by_its_place(tmp_path: Path) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text("kind: DataContract\napiVersion: v3.1.0\nid: Bad Name\n")
    result = call("contracts", "validate", file)
    assert result.exit_code == 2
    assert "bad.yaml" in result.stderr


def test_the_doctor_finds_a_good_home_good(home: Home) -> None:
    told = answer(call("doctor", "--home", home.path, "--json"))
    assert told["exit_code"] == 0
    states = {finding["name"]: finding["state"] for finding in told["findings"]}
    assert states["permissions"] == states["lock"] == states["contracts"] == "ok"


def test_the_doctor_sees_folders_that_others_can_read(home: Home) -> None:
    home.deliveries.chmod(0o755)
    result = call("doctor", "--home", home.path, "--json")
    assert result.exit_code == 1
    (bad,) = [f for f in answer(result)["findings"] if f["state"] == "fail"]
    assert bad["name"] == "permissions"
    assert "deliveries" in bad["message"]


def test_the_doctor_names_a_source_that_is_down(home: Home) -> None:
    home.settings_file.write_text(
        "databases:\n"
        "  siinas_workers:\n"
        "    url: postgresql+psycopg://reader@127.0.0.1:9/siinas\n"
        "    table: workers\n"
        "    connect_timeout_seconds: 1\n"
    )
    result = call("doctor", "--home", home.path, "--json")
    assert result.exit_code == 5
    (bad,) = [f for f in answer(result)["findings"] if f["state"] == "fail"]
    assert bad["name"] == "source siinas_workers"
    assert "127.0.0.1" in bad["message"]


def test_the_doctor_misses_what_is_not_installed(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "PACKAGES", ("duckdb", "no-such-package"))
    findings = {finding.name: finding.state for finding in doctor.examine(home)}
    assert (findings["duckdb"], findings["no-such-package"]) == ("ok", "fail")


def test_a_sample_world_is_made(tmp_path: Path) -> None:
    result = call(
        "sample", "--people", 1000, "--seed", 5, "--period", PERIOD, "--out", tmp_path, "--json"
    )
    assert result.exit_code == 0, result.stderr
    told = answer(result)
    assert told["people"] == 1000
    assert (tmp_path / "inbox" / "dukcapil_population" / PERIOD).is_dir()


def test_numbers_are_written_as_in_indonesia() -> None:
    assert number(1234567.4) == "1.234.567"
    assert number(1234.56, 1) == "1.234,6"
    assert percent(0.3123) == "31,2%"
    assert percent(None) == "–"
    assert interval(0.301, 0.325) == "30,1–32,5%"


def test_the_ui_listens_at_home_and_loads_the_code_location() -> None:
    for name, command in commands("127.0.0.1", 3001).items():
        assert Path(command[0]).is_file(), name
        assert Path(command[0]).parent == Path(sys.executable).parent
        assert "pipelines.definitions" in command
    assert commands("127.0.0.1", 3001)["webserver"][1:5] == ["-h", "127.0.0.1", "-p", "3001"]
