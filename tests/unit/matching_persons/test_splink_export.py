"""The model as Splink's settings: the structure, and that nothing is lost or made up."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import people_world as world
import pytest
from typer.testing import CliRunner

from matching import persons
from matching.blocking import find_candidates
from matching.comparison import FIELDS, LEVELS, compare, level_sql
from matching.exact import split
from matching.keys import NIK_KINDS, REGISTER, prepare_records
from matching.model import Model
from matching.splink_export import EXACT, splink_settings
from pipelines.cli import app
from warehouse.connection import connect
from warehouse.home import Home

PERIOD = "2026-10"


@pytest.fixture(scope="module")
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    connection = duckdb.connect(config={"threads": 1})
    world.make_world(connection, 4_000, {"cards": 2_500}, world.Rates.spoilt())
    yield connection
    connection.close()


@pytest.fixture(scope="module")
def model(con: duckdb.DuckDBPyConnection) -> Model:
    persons.prepare_register(con, PERIOD)
    return persons.train_model(con, PERIOD)


@pytest.fixture(scope="module")
def settings(model: Model) -> dict[str, Any]:
    return json.loads(json.dumps(splink_settings(model)))


def test_every_level_is_there_with_its_chances(model: Model, settings: dict[str, Any]) -> None:
    assert [c["output_column_name"] for c in settings["comparisons"]] == list(FIELDS)
    for comparison in settings["comparisons"]:
        name = comparison["output_column_name"]
        missing, *levels = comparison["comparison_levels"]
        assert missing["is_null_level"] is True
        assert "m_probability" not in missing
        assert levels[-1]["sql_condition"] == "ELSE"
        assert [level["label_for_charts"] for level in levels] == list(LEVELS[name][:0:-1])
        assert [level["m_probability"] for level in levels] == model.m[name][:0:-1]
        assert [level["u_probability"] for level in levels] == model.u[name][:0:-1]


def test_the_prior_is_the_models_odds(model: Model, settings: dict[str, Any]) -> None:
    for n, kind in enumerate(NIK_KINDS):
        chance = splink_settings(model, kind)["probability_two_random_records_match"]
        found = model.found[n]
        assert chance / (1 - chance) * model.people == pytest.approx(found / (1 - found))
    assert settings["link_type"] == "link_only"


def test_rarity_stands_where_the_base_is_the_mean_share(
    model: Model, settings: dict[str, Any]
) -> None:
    for comparison in settings["comparisons"]:
        name = comparison["output_column_name"]
        for number, level in enumerate(reversed(comparison["comparison_levels"][1:]), 1):
            assert ("tf_adjustment_column" in level) == (number in EXACT.get(name, ()))
            if "tf_adjustment_column" in level:
                base = model.common[name][number] / model.people
                assert level["u_probability"] == pytest.approx(base)


def test_the_conditions_give_our_own_levels(
    con: duckdb.DuckDBPyConnection, settings: dict[str, Any]
) -> None:
    split(con, "dataset = 'cards'")
    con.execute("CREATE OR REPLACE TEMP TABLE few AS FROM match_rest ORDER BY id LIMIT 300")
    prepare_records(con, "few", "few_keys")
    find_candidates(con, "few_keys", "few_pairs")
    compare(con, "few_pairs", "few_keys", REGISTER, "few_levels")
    sides = [
        ", ".join(f'{side}."{column}" AS "{column}_{side}"' for column in columns)
        for side, columns in (
            ("l", [row[0] for row in con.execute("DESCRIBE few_keys").fetchall()]),
            ("r", [row[0] for row in con.execute(f"DESCRIBE {REGISTER}").fetchall()]),
        )
    ]
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE few_rows AS SELECT {', '.join(sides)}, v.*"
        f" FROM few_levels AS v JOIN few_keys AS l USING (id) JOIN {REGISTER} AS r"
        " USING (person_key)"
    )
    looked = re.sub(r"\b([lr])\.(\w+)", r"\2_\1", level_sql("name"))
    for comparison in settings["comparisons"]:
        name = comparison["output_column_name"]
        cases = []
        for number, level in zip(
            (0, *range(len(LEVELS[name]) - 1, 0, -1)), comparison["comparison_levels"], strict=True
        ):
            condition = level["sql_condition"]
            cases.append(
                f"ELSE {number}" if condition == "ELSE" else f"WHEN {condition} THEN {number}"
            )
        differ, rows = con.execute(
            f"SELECT count(*) FILTER (CASE {' '.join(cases)} END <> {name}"
            # What RapidFuzz measures has a stand-in, which need not say the same.
            f" AND NOT ('{name}' = 'name' AND ({looked}) = -1)), count(*) FROM few_rows"
        ).fetchall()[0]
        assert rows > 200
        assert differ <= (rows * 0.02 if name == "name" else 0), name


def test_the_command_writes_the_file(model: Model, tmp_path: Path) -> None:
    home = Home(tmp_path)
    out = tmp_path / "model.json"
    arguments = ["model", "export", "--home", str(tmp_path), "--period", PERIOD, "--out", str(out)]
    assert CliRunner().invoke(app, arguments).exit_code == 2
    con = connect(home)
    con.execute(
        "CREATE TABLE linkage.models(model VARCHAR, period VARCHAR, version INTEGER,"
        " fingerprint VARCHAR, parameters JSON)"
    )
    con.execute(
        "INSERT INTO linkage.models VALUES ('persons', ?, 1, ?, ?)",
        [PERIOD, model.fingerprint, model.to_json()],
    )
    con.close()
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.stderr
    assert json.loads(out.read_text("utf-8")) == splink_settings(model)
