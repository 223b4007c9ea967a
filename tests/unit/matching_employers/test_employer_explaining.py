"""Explaining an employer: every record has its why, and whoever was kept apart is told."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import duckdb
import employer_world as world
import pytest
from typer.testing import CliRunner, Result

from matching.employer_levels import FIELDS, group_of
from matching.employer_model import expectations
from matching.employers import resolve_period
from matching.explaining_employers import Apart, EmployerExplanation, explain_employer
from pipelines import cli_explain_employer
from pipelines.cli import app
from warehouse.connection import connect
from warehouse.errors import UsageError
from warehouse.home import Home
from warehouse.tables import create_tables

PERIOD = "2026-10"
NPWP_A, NPWP_B, NIB_A = "0013456782013000", "0029876541027000", "9120001234567"
_BASE = {"region_code": "3171", "kbli": "46100", "sector_code": "G"}
ROWS = [
    _BASE | {"record_id": "tax", "dataset": "djp_employers", "npwp": NPWP_A,
             "address": "JL. SUDIRMAN NO. 12",
             "employer_name": "PT VALIYU SULANE"},
    _BASE | {"record_id": "permit", "dataset": "oss_businesses", "npwp": NPWP_A, "nib": NIB_A,
             "employer_name": "PT VALIYU SULANE"},
    _BASE | {"record_id": "card", "dataset": "bpjs_employers", "npp": "B1",
             "address": "JL SUDIRMAN 12",
             "employer_name": "VALIYU SULAME, PT"},
    _BASE | {"record_id": "child", "dataset": "djp_employers", "npwp": NPWP_B,
             "employer_name": "PT VALIYU SULANE LOGISTIK", "parent_npwp": NPWP_A},
    _BASE | {"record_id": "form", "dataset": "bpjs_employers", "npp": "B2",
             "employer_name": "CV VALIYU SULANE"},
    _BASE | {"record_id": "far", "dataset": "djp_employers", "npwp": "0045556667014000",
             "employer_name": "PT VALIYU SULANE", "region_code": "9171"},
]  # fmt: skip


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Give a home whose warehouse holds the rows resolved; the inputs stand as a plain table."""
    made = Home(tmp_path_factory.mktemp("home"))
    con = connect(made)
    world.load(con, world.table_of(*ROWS))
    resolve_period(con, "2026-09")
    resolve_period(con, PERIOD)
    con.execute("CREATE TABLE main.kept AS FROM in_employers; DROP VIEW in_employers")
    con.execute("ALTER TABLE main.kept RENAME TO in_employers")
    create_tables(con)
    con.execute(
        f"""
        CREATE TABLE spine.employer_keys AS
        SELECT period, employer_key, 'E' || md5(employer_key::VARCHAR) AS published_key
        FROM spine.employers WHERE period = '{PERIOD}'
        """
    )
    con.execute(
        f"""
        INSERT INTO coverage.employer_compliance BY NAME
        SELECT '{PERIOD}' AS period, 'E' || md5(employer_key::VARCHAR) AS employer_key,
            employer_name, ['PWBD'] AS flags
        FROM spine.employers WHERE period = '{PERIOD}' AND npwp_root = '{NPWP_A[:10]}'
        """
    )
    con.execute(
        f"""
        INSERT INTO coverage.employer_evidence BY NAME
        SELECT '{PERIOD}' AS period, 'E' || md5(employer_key::VARCHAR) AS employer_key,
            'PWBD' AS flag, 'djp_withholding' AS dataset, true AS rests_on_tax, 12 AS records
        FROM spine.employers WHERE period = '{PERIOD}' AND npwp_root = '{NPWP_A[:10]}'
        """
    )
    con.close()
    return made


@pytest.fixture(scope="module")
def con(home: Home) -> Iterator[duckdb.DuckDBPyConnection]:
    connection = connect(home, read_only=True)
    yield connection
    connection.close()


@pytest.fixture(scope="module")
def told(con: duckdb.DuckDBPyConnection) -> EmployerExplanation:
    return explain_employer(con, PERIOD, NPWP_A)


def _of(told: EmployerExplanation, name: str, region: str = "3171") -> Apart:
    return next(o for o in told.apart if (o.name, o.region_code) == (name, region))


def test_each_record_tells_why_it_belongs(told: EmployerExplanation) -> None:
    members = {member.record_id: member for member in told.members}
    assert set(members) == {"tax", "permit", "card"}
    assert members["permit"].tier == "identifier"
    assert members["permit"].identifier == "npwp"
    assert members["permit"].identifiers == {"npwp": NPWP_A, "nib": NIB_A}
    card = members["card"]
    assert (card.tier, card.reason) == ("model", "name_and_place")
    assert card.compared_with is not None
    assert card.compared_with[1] in {"tax", "permit"}
    assert next(f for f in card.fields if f.field == "name").level.startswith("near")
    assert card.total_bits is not None
    assert told.prior_bits is not None
    total = told.prior_bits + sum(f.bits for f in card.fields)
    assert total == pytest.approx(card.total_bits)


def test_who_is_kept_apart_and_why(told: EmployerExplanation) -> None:
    form = _of(told, "CV VALIYU SULANE")
    assert form.why == "legal_form"
    assert next(f for f in form.fields if f.field == "form").bits < 0
    assert _of(told, "PT VALIYU SULANE", "9171").why == "two_taxpayers"
    assert told.employer_key not in {other.employer_key for other in told.apart}


def test_parent_subsidiaries_and_npps(
    con: duckdb.DuckDBPyConnection, told: EmployerExplanation
) -> None:
    assert told.parent is None
    assert [child["employer_name"] for child in told.subsidiaries] == ["PT VALIYU SULANE LOGISTIK"]
    child = explain_employer(con, PERIOD, NPWP_B)
    assert child.parent == {
        "employer_key": told.employer_key, "employer_name": "PT VALIYU SULANE"
    }  # fmt: skip
    assert told.npps == [{"npp": "B1", "region_code": "3171"}]
    assert told.changes == []


def test_what_its_flags_rest_on(told: EmployerExplanation, con: duckdb.DuckDBPyConnection) -> None:
    assert told.compliance is not None
    assert told.compliance["flags"] == ["PWBD"]
    assert [(row["dataset"], row["records"]) for row in told.flag_evidence] == [
        ("djp_withholding", 12)
    ]
    other = explain_employer(con, PERIOD, NPWP_B)
    assert (other.compliance, other.flag_evidence) == (None, [])


def test_the_key_leads_to_the_same_as_its_identifiers(
    told: EmployerExplanation, con: duckdb.DuckDBPyConnection
) -> None:
    for text in (str(told.employer_key), NIB_A, "b1", NPWP_A[:10]):
        assert explain_employer(con, PERIOD, text).employer_key == told.employer_key


def test_the_key_of_a_publication_leads_to_its_employer(
    con: duckdb.DuckDBPyConnection, told: EmployerExplanation
) -> None:
    rows = con.execute(
        "SELECT published_key FROM spine.employer_keys WHERE employer_key = ?",
        [told.employer_key],
    ).fetchall()
    assert explain_employer(con, PERIOD, rows[0][0]).employer_key == told.employer_key


def test_nobody_of_that_key(con: duckdb.DuckDBPyConnection) -> None:
    with pytest.raises(UsageError, match="no employer of 2026-10"):
        explain_employer(con, PERIOD, "123")


@pytest.fixture
def _plain_inputs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli_explain_employer, "create_inputs", lambda con, period: None)


def _call(home: Home, *arguments: object) -> Result:
    words = ["explain", "employer", *map(str, arguments), "--period", PERIOD, "--home", home.path]
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.mark.usefixtures("_plain_inputs")
def test_the_command_tells_and_is_logged(home: Home, told: EmployerExplanation) -> None:
    result = _call(home, told.employer_key)
    assert result.exit_code == 0, result.stderr
    for text in ("PT VALIYU SULANE LOGISTIK", "NPP B1", "bentuk badan hukumnya lain", "PWBD"):
        assert text in result.stdout
    line = json.loads(home.access_log.read_text("utf-8").splitlines()[-1])
    assert (line["action"], line["dataset"]) == ("explain employer", "employers")
    assert str(told.employer_key) not in json.dumps(line)


@pytest.mark.usefixtures("_plain_inputs")
def test_json_has_all_of_it_with_keys_as_text(home: Home, told: EmployerExplanation) -> None:
    answer = json.loads(_call(home, NPWP_A, "--json").stdout)
    assert answer["employer_key"] == str(told.employer_key)
    assert len(answer["members"]) == 3
    assert answer["subsidiaries"][0]["employer_key"].isdigit()


def test_without_a_log_nothing_is_shown(home: Home, tmp_path: Path) -> None:
    other = Home(tmp_path)
    other.ensure()
    other.restricted_db.write_bytes(home.restricted_db.read_bytes())
    other.access_log.mkdir()
    result = _call(other, NPWP_A)
    assert result.exit_code != 0
    assert "VALIYU" not in result.stdout
    assert "access log" in result.stderr


def test_every_level_has_a_name_in_indonesian() -> None:
    named = cli_explain_employer._LEVELS
    for name in FIELDS:
        for level in expectations()[name]:
            assert named[level.removeprefix(group_of(level))]
