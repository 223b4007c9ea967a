"""The specifications that are shipped link as the pipeline does, and say where they cannot."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb
import employer_world
import people_world
import pytest
import yaml
from typer.testing import CliRunner, Result

from matching import employers, persons
from matching.linker.spec import read_spec, shipped_specs
from matching.spine import adult_sql
from pipelines.cli import app
from warehouse.reference import load_reference

PERIOD = "2026-10"


def call(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["link", *(str(argument) for argument in arguments)])


def told(*arguments: object) -> dict[str, Any]:
    result = call(*arguments, "--json")
    assert result.exit_code == 0, result.output
    answer: dict[str, Any] = json.loads(result.stdout)
    return answer


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> tuple[duckdb.DuckDBPyConnection, Path]:
    """Link a small world as the pipeline does, and write its register and cards as files."""
    folder = tmp_path_factory.mktemp("people")
    con = duckdb.connect(config={"threads": 1})
    people_world.make_world(con, 1_500, {"cards": 800}, seed=11)
    load_reference(con)
    persons.link_period(con, PERIOD)
    columns = "nik, full_name, sex, birth_date, birth_place, mother_name, region_code, row_hash"
    con.execute(
        f"COPY (SELECT record_id, {columns} FROM in_person_records) TO '{folder}/cards.parquet';"
        f"COPY (SELECT record_id, {columns} FROM in_population WHERE nik IS NOT NULL AND"
        f" {adult_sql(PERIOD)}) TO '{folder}/register.parquet'"
    )
    return con, folder


def test_people_are_linked_as_in_the_pipeline(
    people: tuple[duckdb.DuckDBPyConnection, Path], tmp_path: Path
) -> None:
    con, folder = people
    out = tmp_path / "links.parquet"
    report = told(
        folder / "cards.parquet", folder / "register.parquet", "--spec", "persons", "--out", out
    )
    assert report["through"] == "persons"
    assert report["blocking"]
    assert {part["kind"] for part in report["parameters"]} >= {"nik", "person_name", "region"}
    both, ours, pipelines = con.execute(
        f"""
        WITH ours AS (SELECT left_id, right_id FROM '{out}' WHERE NOT review),
        pipelines AS (SELECT l.record_id AS left_id, p.record_id AS right_id
            FROM linkage.person_links AS l
            JOIN in_population AS p ON md5_number_lower(p.nik) = l.person_key
            WHERE l.status = 'linked')
        SELECT count(*) FILTER (o.left_id IS NOT NULL AND p.left_id IS NOT NULL),
            count(o.left_id), count(p.left_id)
        FROM ours AS o FULL JOIN pipelines AS p USING (left_id, right_id)
        """
    ).fetchall()[0]
    # They learn from samples drawn by the names of dataset and record, which differ.
    assert pipelines > 680
    assert both >= 0.999 * max(ours, pipelines)


def test_everybody_can_be_linked_to_and_a_list_may_lack_what_is_optional(
    people: tuple[duckdb.DuckDBPyConnection, Path], tmp_path: Path
) -> None:
    """Right rows without a NIK, or with one that stands twice, are found by the rest."""
    con, folder = people
    left, right = tmp_path / "left.csv", tmp_path / "right.parquet"
    con.execute(
        f"""
        COPY (SELECT record_id, nik, full_name, birth_date, mother_name
            FROM '{folder}/cards.parquet') TO '{left}';
        COPY (SELECT * EXCLUDE (nik, n), CASE n % 10 WHEN 0 THEN NULL
                WHEN 1 THEN '3201019001010001' ELSE nik END AS nik
            FROM (SELECT *, row_number() OVER (ORDER BY record_id) AS n
                FROM '{folder}/register.parquet')) TO '{right}'
        """
    )
    out = tmp_path / "links.parquet"
    told(left, right, "--spec", "persons", "--out", out)
    kept, spoilt = con.execute(
        f"SELECT count(*) FILTER (r.n % 10 > 1), count(*) FILTER (r.n % 10 <= 1) FROM '{out}' AS l"
        " JOIN (SELECT record_id, row_number() OVER (ORDER BY record_id) AS n FROM"
        f" '{folder}/register.parquet') AS r ON r.record_id = l.right_id WHERE NOT review"
    ).fetchall()[0]
    assert kept > 500
    assert spoilt > 0.15 * kept
    con.execute(f"COPY (SELECT record_id, nik FROM '{left}') TO '{tmp_path}/no.csv'")
    result = call(tmp_path / "no.csv", right, "--spec", "persons", "--out", out)
    assert result.exit_code == 2
    assert "has no column 'full_name'" in result.stderr


def test_employers_are_brought_together_as_in_the_pipeline(tmp_path: Path) -> None:
    con = duckdb.connect(config={"threads": 1})
    load_reference(con)
    table, _ = employer_world.make(100)
    employer_world.load(con, table)
    employers.resolve_period(con, PERIOD)
    records, out = tmp_path / "employers.parquet", tmp_path / "links.parquet"
    con.execute(f"COPY world TO '{records}'")
    report = told(records, records, "--spec", "employers", "--out", out)
    assert report["through"] == "employers"
    pairs = (
        "SELECT a.record_id AS left_id, b.record_id AS right_id FROM linkage.employer_links AS a"
        " JOIN linkage.employer_links AS b USING (employer_key) WHERE a.record_id < b.record_id"
    )
    expected = con.execute(f"{pairs} ORDER BY ALL").fetchall()
    found = con.execute(f"SELECT left_id, right_id FROM '{out}' ORDER BY ALL").fetchall()
    assert len(expected) > 170
    assert found == expected
    # Two registers apart, without the name of their register.
    for name in ("djp_employers", "bpjs_employers"):
        con.execute(
            f"COPY (SELECT record_id, employer_name, npwp, nib, region_code FROM world"
            f" WHERE dataset = '{name}') TO '{tmp_path}/{name}.parquet'"
        )
    told(tmp_path / "djp_employers.parquet", tmp_path / "bpjs_employers.parquet",
         "--spec", "employers", "--out", out)  # fmt: skip
    between = {
        pair[::-1] for pair in expected if pair[0].startswith("bpj") and pair[1].startswith("djp")
    }
    found = con.execute(f"SELECT left_id, right_id FROM '{out}'").fetchall()
    assert len(between & set(found)) >= 0.9 * len(between) > 15
    assert len(set(found) - between) <= 0.03 * len(found)


@pytest.mark.parametrize(
    ("name", "change", "says"),
    [
        ("persons", {"cardinality": "many_to_many"}, "cardinality is many_to_many"),
        ("persons", {"blocking": ["nik"]}, "rules of its own"),
        ("persons", {"compare": [{"column": "nik", "kind": "nik"}]}, "person_name and date"),
        ("employers", {"cardinality": "one_to_one"}, "cardinality is one_to_one"),
        ("employers", {"compare": [{"column": "nama", "kind": "company_name"}]}, "'nama'"),
        ("employers", {"compare": [{"column": "npwp", "kind": "npwp"}]}, "employer_name"),
    ],
)
def test_stages_that_cannot_link_a_specification_say_why(
    people: tuple[duckdb.DuckDBPyConnection, Path],
    tmp_path: Path,
    name: str,
    change: dict[str, Any],
    says: str,
) -> None:
    _, folder = people
    spec = tmp_path / "spec.yaml"
    spec.write_text(yaml.safe_dump(_raw(name) | change), "utf-8")
    result = call(folder / "cards.parquet", folder / "register.parquet", "--spec", spec,
                  "--out", tmp_path / "o.parquet")  # fmt: skip
    assert result.exit_code == 2
    assert f"stages: {name}" in result.stderr
    assert says in " ".join(result.stderr.split())


def _raw(name: str) -> dict[str, Any]:
    raw: dict[str, Any] = json.loads(read_spec(Path(name)).model_dump_json(exclude_unset=True))
    return raw


def test_shipped_specifications_have_names(tmp_path: Path) -> None:
    assert shipped_specs() == ("employers", "persons")
    result = call(tmp_path, tmp_path, "--spec", "people", "--out", tmp_path / "o.parquet")
    assert result.exit_code == 2
    assert "employers, persons" in " ".join(result.stderr.split())
