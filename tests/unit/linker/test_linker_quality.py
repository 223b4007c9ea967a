"""`cakupan link` on labelled lists: how good its links are, and that they can be had again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb
import pytest
from linker_world import SPEC, one_list, two_lists
from typer.testing import CliRunner, Result

from matching.linker import blocking
from pipelines.cli import app


def call(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["link", *(str(argument) for argument in arguments)])


def told(*arguments: object) -> dict[str, Any]:
    result = call(*arguments, "--json")
    assert result.exit_code == 0, result.output
    answer: dict[str, Any] = json.loads(result.stdout)
    return answer


def links(file: Path) -> list[tuple[Any, ...]]:
    return duckdb.execute("FROM read_parquet(?) ORDER BY ALL", [str(file)]).fetchall()


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    file = tmp_path / "spec.yaml"
    file.write_text(SPEC, "utf-8")
    return file


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let tables of hundreds of rows be blocked by rules, as large ones are."""
    monkeypatch.setattr(blocking, "EVERYTHING", 50_000)


@pytest.mark.usefixtures("few")
def test_two_lists_are_linked_nearly_without_fault(tmp_path: Path, spec: Path) -> None:
    left, right, truth = two_lists(tmp_path, 600)
    out = tmp_path / "links.parquet"
    report = told(left, right, "--spec", spec, "--out", out, "--truth", truth)
    found = report["evaluation"]
    assert found["f1"] >= 0.99
    assert found["precision"] >= 0.995
    assert found["f1"] <= found["best_f1"]
    assert found["blocking_ceiling"] >= found["recall"]
    assert report["tiers"]["identifier"] > 110
    assert report["tiers"]["model"] > 110
    assert report["candidates_per_row"] < 250
    rows = links(out)
    accepted = [row for row in rows if not row[4]]
    assert len(accepted) == report["links"] == found["links"]
    assert len(rows) - len(accepted) == report["review"]
    # One to one: nobody stands twice among the accepted.
    assert len({row[0] for row in accepted}) == len({row[1] for row in accepted}) == len(accepted)
    assert all(row[2] >= 0.9 for row in accepted)
    assert all(row[2] < 0.9 for row in rows if row[4])
    assert {row[3] for row in rows} <= {"identifier", "model", "decision"}


@pytest.mark.usefixtures("few")
def test_duplicates_of_one_list_are_found(tmp_path: Path, spec: Path) -> None:
    table, truth = one_list(tmp_path, 300)
    spec.write_text(SPEC.replace("one_to_one", "many_to_many"), "utf-8")
    out = tmp_path / "links.parquet"
    found = told(table, table, "--spec", spec, "--out", out, "--truth", truth)["evaluation"]
    assert found["f1"] >= 0.98
    rows = links(out)
    assert all(row[0] < row[1] for row in rows)
    assert len({row[:2] for row in rows}) == len(rows)


def test_a_list_where_a_row_has_one_duplicate_at_most(tmp_path: Path, spec: Path) -> None:
    table, _ = one_list(tmp_path, 100)
    out = tmp_path / "links.parquet"
    told(table, table, "--spec", spec, "--out", out)
    ends = [end for row in links(out) if not row[4] for end in row[:2]]
    assert ends
    assert len(ends) == len(set(ends))


def test_blocking_can_be_told(tmp_path: Path, spec: Path) -> None:
    left, right, truth = two_lists(tmp_path, 160)
    spec.write_text(SPEC + "blocking:\n  - [born, person_name]\n  - card\n", "utf-8")
    report = told(left, right, "--spec", spec, "--out", tmp_path / "o.parquet", "--truth", truth)
    rules = {rule["rule"] for rule in report["blocking"]}
    assert rules == {"born & given+family first word", "born & given+family last word", "card"}
    assert report["evaluation"]["blocking_ceiling"] < 1
    assert report["evaluation"]["recall"] <= report["evaluation"]["blocking_ceiling"]


def test_the_same_files_give_the_same_links_and_people_read_of_them(
    tmp_path: Path, spec: Path
) -> None:
    left, right, truth = two_lists(tmp_path, 120)
    files = [tmp_path / name for name in ("one.parquet", "two.parquet")]
    told(left, right, "--spec", spec, "--out", files[0])
    result = call(left, right, "--spec", spec, "--out", files[1], "--truth", truth)
    assert result.exit_code == 0, result.output
    for word in ("Presisi", "F1", "perlu ditinjau", "Batas blocking"):
        assert word in result.stdout
    assert "link: standardised" in result.stderr
    assert links(files[0]) == links(files[1])
