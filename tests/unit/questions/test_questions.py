"""The ready questions: each is one statement, documented, and of the tables as specified."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest
from typer.testing import CliRunner

from pipelines.cli import app
from publishing.questions import Question, answer, as_markdown, as_sql, find, questions
from warehouse.connection import connect
from warehouse.errors import UsageError
from warehouse.home import Home
from warehouse.publication.content import REFERENCE_TABLES, add_views
from warehouse.reference import load_reference
from warehouse.tables import create_tables

PAGE = Path(__file__).parents[3] / "docs" / "guides" / "questions.md"


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a warehouse with all tables as they are specified, and no rows."""
    home = Home(tmp_path_factory.mktemp("questions") / "home").ensure()
    with connect(home) as con:
        load_reference(con)
        create_tables(con)
        add_views(con)
    return home.restricted_db


def test_there_are_twenty_and_each_is_asked_in_both_languages() -> None:
    assert len(questions()) == 20
    assert len({q.key for q in questions()}) == 20
    for q in questions():
        assert q.id.endswith("?")
        assert q.en.endswith("?")


@pytest.mark.parametrize("question", questions(), ids=lambda q: q.key)
def test_each_runs_on_the_tables_as_they_are_specified(question: Question, empty: Path) -> None:
    assert answer(empty, question).num_rows == 0
    assert len(duckdb.extract_statements(question.sql)) == 1


def test_all_of_them_run_as_one_file(empty: Path) -> None:
    with duckdb.connect(str(empty), read_only=True) as con:
        assert len(con.extract_statements(as_sql())) == 20
        con.execute(as_sql())


def test_the_page_in_the_guides_is_what_the_questions_are() -> None:
    assert PAGE.read_text("utf-8") == as_markdown(), "cakupan ask --markdown > " + str(PAGE.name)


def test_a_question_is_found_by_number_and_key_and_else_refused() -> None:
    assert find("1") is find("national-gap")
    with pytest.raises(UsageError, match="1 to 20"):
        find("21")


def test_asking_a_home_without_a_publication_says_what_to_do(tmp_path: Path) -> None:
    Home(tmp_path).ensure()
    result = CliRunner().invoke(app, ["ask", "1", "--home", str(tmp_path)])
    assert result.exit_code == 2
    assert "cakupan run" in result.output


def test_the_questions_are_listed_and_shown_without_a_home() -> None:
    assert "national-gap" in CliRunner().invoke(app, ["ask"]).output
    shown = CliRunner().invoke(app, ["ask", "bridge", "--sql"]).output
    assert "quality.bridge" in shown


def test_reference_tables_that_questions_use_are_published() -> None:
    used = {"clauses", "addressees", "datasets"}
    assert used <= set(REFERENCE_TABLES)
