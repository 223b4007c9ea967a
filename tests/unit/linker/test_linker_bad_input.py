"""What `cakupan link` says of bad specifications and files, and what it survives."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pytest
from linker_world import COLUMNS, SPEC, two_lists, write
from typer.testing import CliRunner, Result

from pipelines.cli import app


def call(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["link", *(str(argument) for argument in arguments)])


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path, Path, Path]:
    left, right, _ = two_lists(tmp_path, 60)
    spec = tmp_path / "spec.yaml"
    spec.write_text(SPEC, "utf-8")
    return left, right, spec, tmp_path / "links.parquet"


@pytest.mark.parametrize(
    ("was", "now", "says"),
    [
        ("kind: date", "kind: dat", "compare[1].kind: 'dat' is not one of"),
        ("cardinality: one_to_one\n", "", "cardinality: is missing"),
        ("one_to_one", "one_to_lots", "cardinality: 'one_to_lots'"),
        ("left: {id: rec}", "left: {key: rec}", "left.id: is missing"),
        ("column: born", "colum: born", "compare[1].colum: is not known here"),
        ("{column: town,", "{left: town,", "compare[4]: `left` and `right` go together"),
        ("{column: town,", "{", "compare[4]: give one of"),
        ("{column: town, kind: place}", "{column: town, kind: place, format: '%Y'}", "format"),
        ("left: {id", "left: [id", "no valid YAML in line"),
        ("compare:", "blocking: [[town, shoe]]\ncompare:", "'shoe' is nothing that is compared"),
        ("compare:", "thresholds: {accept: 2}\ncompare:", "thresholds.accept"),
        ("compare:", "stages: people\ncompare:", "stages: 'people' is not one of"),
        ("compare:", "thresholds: {accept: 0.6, review: 0.7}\ncompare:", "thresholds: `review`"),
        ("[given, family]", "[]", "compare[0].columns"),
        ("kind: identifier", "kind: identifier, optional: perhaps", "compare[2].optional"),
        ("{column: born,", "just text\n  - {column: born,", "compare[1]: is no mapping"),
        ("right: {id: rec}", "left: {id: rec}", "line 2, column 1: the key 'left' stands twice"),
        (SPEC, "just words", "a specification has the keys"),
    ],
)
def test_a_bad_specification_is_told_with_its_place(
    files: tuple[Path, ...], was: str, now: str, says: str
) -> None:
    left, right, spec, out = files
    assert was in SPEC
    spec.write_text(SPEC.replace(was, now), "utf-8")
    result = call(left, right, "--spec", spec, "--out", out)
    assert result.exit_code == 2
    assert says in result.stderr
    assert not out.exists()


def test_a_kind_that_two_comparisons_have_names_neither(files: tuple[Path, ...]) -> None:
    left, right, spec, out = files
    more = "  - {column: street, kind: place}\nblocking: [[place]]\n"
    spec.write_text(SPEC + more, "utf-8")
    result = call(left, right, "--spec", spec, "--out", out)
    assert result.exit_code == 2
    assert "'place' is several comparisons" in result.stderr


def test_files_and_columns_that_are_not_there(files: tuple[Path, ...]) -> None:
    left, right, spec, out = files
    for arguments, says in [
        ((left.with_name("no.csv"), right), "there is no file"),
        ((left, right.with_name("no.csv")), "there is no file"),
    ]:
        result = call(*arguments, "--spec", spec, "--out", out)
        assert result.exit_code == 2
        assert says in result.stderr
    spec.write_text(SPEC.replace("column: town", "column: city"), "utf-8")
    result = call(left, right, "--spec", spec, "--out", out)
    assert result.exit_code == 2
    assert "has no column 'city'" in result.stderr
    assert call(left, right, "--spec", spec.with_name("no.yaml"), "--out", out).exit_code == 2
    spec.write_text(SPEC, "utf-8")
    assert call(left, right, "--spec", spec, "--out", out, "--engine", "abacus").exit_code == 2
    nowhere = out.parent / "none" / "links.parquet"
    assert call(left, right, "--spec", spec, "--out", nowhere).exit_code == 2


@pytest.mark.parametrize(
    ("keys", "says"),
    [(["1", "1", "2"], "1 rows repeat"), (["1", "", "2"], "1 rows have no 'rec'")],
)
def test_an_identifier_must_tell_rows_apart(
    files: tuple[Path, ...], keys: list[str], says: str
) -> None:
    left, right, spec, out = files
    write(right, COLUMNS, [[key, *["x"] * (len(COLUMNS) - 1)] for key in keys])
    result = call(left, right, "--spec", spec, "--out", out, "--json")
    assert result.exit_code == 2
    assert says in json.loads(result.stdout)["errors"][0]["message"]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "EMPTY_FILE"),
        (b"rec,given\n", "EMPTY_FILE"),
        (b"PAR1 and then nothing", "UNREADABLE_FILE"),
        (bytes(range(256)) * 20, "UNREADABLE_FILE"),
    ],
)
def test_files_without_rows_or_sense(files: tuple[Path, ...], content: bytes, code: str) -> None:
    left, right, spec, out = files
    if content.startswith(b"rec"):
        content = ",".join(COLUMNS).encode() + b"\n"
    right.write_bytes(content)
    result = call(left, right, "--spec", spec, "--out", out, "--json")
    assert result.exit_code == 3
    assert json.loads(result.stdout)["errors"][0]["reason_code"] == code
    assert not out.exists()


def test_a_table_with_itself_has_no_sides(files: tuple[Path, ...]) -> None:
    left, _, spec, out = files
    spec.write_text(SPEC.replace("one_to_one", "many_to_one"), "utf-8")
    result = call(left, left, "--spec", spec, "--out", out)
    assert result.exit_code == 2
    assert "linked with itself" in result.stderr


def test_a_truth_of_other_tables_is_refused(files: tuple[Path, ...]) -> None:
    left, right, spec, out = files
    truth = write(out.with_name("t.csv"), ["left_id", "right_id"], [["nobody", "neither"]])
    result = call(left, right, "--spec", spec, "--out", out, "--truth", truth)
    assert result.exit_code == 2
    assert "TRUTH" in result.stderr


@pytest.mark.parametrize("cardinality", ["one_to_one", "many_to_many"])
def test_columns_without_any_value_link_nobody(files: tuple[Path, ...], cardinality: str) -> None:
    left, right, spec, out = files
    for file in (left, right):
        write(file, COLUMNS, [[str(n), *[""] * (len(COLUMNS) - 1)] for n in range(50)])
    spec.write_text(SPEC.replace("one_to_one", cardinality), "utf-8")
    result = call(left, right, "--spec", spec, "--out", out)
    assert result.exit_code == 0, result.output
    assert duckdb.execute("SELECT count(*) FROM read_parquet(?)", [str(out)]).fetchone() == (0,)


@pytest.mark.parametrize("same_table", [False, True])
def test_one_block_that_holds_everybody_stays_bounded(tmp_path: Path, same_table: bool) -> None:
    """One name, date and town for all; on the right side a NIK each, of which none is like."""
    rows = 10_000
    for side in ("left", "right"):
        nik = "NULL::VARCHAR" if side == "left" else "'3201900101' || (700001 + range)"
        duckdb.execute(
            f"COPY (SELECT range AS id, {nik} AS nik, 'SITI AMINAH' AS name,"
            f" DATE '1970-01-01' AS born, 'JAKARTA' AS town FROM range({rows}))"
            f" TO '{tmp_path / side}.parquet'"
        )
    spec, out = tmp_path / "s.yaml", tmp_path / "o.parquet"
    spec.write_text(
        "left: {id: id}\nright: {id: id}\ncardinality: many_to_many\ncompare:\n"
        "  - {column: name, kind: person_name}\n  - {column: born, kind: date}\n"
        "  - {column: town, kind: place}\n  - {column: nik, kind: nik}\n",
        "utf-8",
    )
    left = tmp_path / "left.parquet"
    right = left if same_table else tmp_path / "right.parquet"
    result = call(left, right, "--spec", spec, "--out", out, "--json")
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert report["links"] == 0
    assert report["candidates"] == 0
