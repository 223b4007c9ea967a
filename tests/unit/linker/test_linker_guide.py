"""The examples of the guide run as they stand there."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import yaml
from typer.testing import CliRunner

from matching.linker.comparing import KIND_LEVELS
from matching.linker.spec import Spec
from pipelines.cli import app

GUIDE = (Path(__file__).parents[3] / "docs" / "guides" / "linking.md").read_text("utf-8")
EXAMPLES = [part.split("```")[0] for part in GUIDE.split("```yaml\n")[1:]]


def test_the_example_of_ten_lines_links(tmp_path: Path) -> None:
    assert len(EXAMPLES[0].strip().splitlines()) == 10
    spec = tmp_path / "spec.yaml"
    spec.write_text(EXAMPLES[0], "utf-8")
    con = duckdb.connect()
    con.execute(
        """
        CREATE TABLE register AS
        SELECT n, '32010' || (90000 + n % 10) // 10000 || strftime(born, '%d%m%y')
                || lpad((1 + n)::VARCHAR, 4, '0') AS nik,
            ['BUDI', 'SITI', 'AGUS', 'DEWI', 'RINA', 'JOKO'][1 + n % 6] || ' '
                || ['SANTOSO', 'LESTARI', 'WIBOWO', 'KUSUMA', 'HARYANTO'][1 + n % 5] || ' '
                || ['PUTRA', 'NINGSIH', 'ADI', 'SARI'][1 + n % 4] AS full_name,
            born AS birth_date, ['BOGOR', 'MEDAN', 'AMBON'][1 + n % 3] AS birth_place,
            ['SRI', 'TUTI', 'YANI'][1 + n % 3] || ' ' || ['WATI', 'ASIH'][1 + n % 2] AS mother_name,
            3201 + n % 7 AS region_code
        FROM (SELECT range AS n, DATE '1960-01-01' + (range * 53 % 14000)::INTEGER AS born
            FROM range(300));
        CREATE TABLE members AS
        SELECT 1000 + n AS kpj, CASE WHEN n % 3 > 0 THEN nik END AS nik,
            CASE WHEN n % 4 = 0 THEN replace(full_name, 'S', 'SS') ELSE full_name END AS nama,
            birth_date, birth_place, mother_name, region_code
        FROM register WHERE n < 200;
        """
    )
    for name, table in (("left", "members"), ("right", "register")):
        con.execute(f"COPY {table} TO '{tmp_path / name}.csv' (HEADER)")
    out = tmp_path / "links.parquet"
    result = CliRunner().invoke(
        app,
        ["link", str(tmp_path / "left.csv"), str(tmp_path / "right.csv"), "--spec", str(spec),
         "--out", str(out), "--json"],
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["links"] >= 195
    right, links = con.execute(
        f"SELECT count(*) FILTER (r.n + 1000 = l.left_id::BIGINT), count(*) FROM '{out}' AS l"
        " JOIN register AS r ON r.nik = l.right_id WHERE NOT review"
    ).fetchall()[0]
    assert right == links >= 195


def test_its_rules_fit_its_example() -> None:
    raw = yaml.safe_load(EXAMPLES[0])
    raw["compare"] = [item for item in raw["compare"] if item.get("column") != "mother_name"]
    spec = Spec.model_validate(raw | yaml.safe_load(EXAMPLES[1]))
    assert spec.rule(0) == (2, 1)
    assert spec.rule(1) == (0,)


def test_it_names_every_kind() -> None:
    for kind in KIND_LEVELS:
        assert f"`{kind}`" in GUIDE
