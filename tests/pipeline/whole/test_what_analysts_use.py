"""What analysts and readers open after a run: questions, notebook, dictionary, report."""

from __future__ import annotations

import time
from pathlib import Path

import duckdb
import nbformat
import pypdfium2
import pytest
from driving import SECOND, Lived, cakupan
from nbclient import NotebookClient

from pipelines.gap import number
from publishing.questions import Question, answer, questions

NOTEBOOK = Path(__file__).parents[3] / "docs" / "notebooks" / "first-look.ipynb"
MAY_BE_EMPTY = frozenset({"lowest-coverage-regencies"})
"""A world of a few hundred workers has no regency with a hundred of them."""


@pytest.fixture(scope="module")
def current(lived: Lived) -> Path:
    return (lived.home / "published" / "current").resolve()


@pytest.mark.parametrize("question", questions(), ids=lambda q: q.key)
def test_each_question_has_an_answer(question: Question, current: Path) -> None:
    begun = time.process_time()
    rows = answer(current / "cakupan.duckdb", question)
    assert time.process_time() - begun < 1
    assert rows.num_rows or question.key in MAY_BE_EMPTY


def test_the_notebook_runs_from_top_to_bottom(lived: Lived, monkeypatch) -> None:
    monkeypatch.setenv("CAKUPAN_HOME", str(lived.home))
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    shown = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(cell.outputs for cell in shown)


def test_notebooks_are_kept_without_their_answers() -> None:
    for cell in nbformat.read(NOTEBOOK, as_version=4).cells:
        assert not cell.get("outputs")


def test_the_dictionary_lies_beside_what_it_describes(current: Path) -> None:
    for name in ("kamus/kamus.html", "kamus/kamus.xlsx", "kamus/pertanyaan.sql"):
        assert (current / name).stat().st_size > 1000
    assert (current / "datapackage.json").is_file()
    with duckdb.connect(str(current / "cakupan.duckdb"), read_only=True) as con:
        untraced = con.execute(
            "SELECT table_name, column_name FROM duckdb_columns() AS c WHERE NOT internal "
            "AND schema_name IN ('coverage', 'quality') AND NOT EXISTS (FROM reference.lineage "
            "AS l WHERE l.table_name = c.table_name AND l.column_name = c.column_name)"
        ).fetchall()
    assert untraced == []


def test_the_report_says_what_release_and_warehouse_say(lived: Lived, tmp_path: Path) -> None:
    target = tmp_path / "laporan.pdf"
    done = cakupan("report", "--home", lived.home, "--period", SECOND, "--out", target)
    assert done.exit_code == 0, done.err
    text = "\n".join(
        page.get_textpage().get_text_bounded() for page in pypdfium2.PdfDocument(target)
    )
    current = (lived.home / "published" / "current").resolve()
    national = "coverage_national WHERE basis = 'domicile' AND denominator_id = 'eligible' "
    with duckdb.connect() as con:
        con.execute(f"ATTACH '{current / 'release.duckdb'}' AS told (READ_ONLY)")
        con.execute(f"ATTACH '{current / 'cakupan.duckdb'}' AS exact (READ_ONLY)")
        told = con.execute(
            f"SELECT workers, active, gap FROM told.release.{national} AND period = ?", [SECOND]
        ).fetchall()
        exact = con.execute(
            f"SELECT workers, round(active), round(gap) FROM exact.coverage.{national} "
            "AND period = ?",
            [SECOND],
        ).fetchall()
    for printed, counted in zip(told[0], exact[0], strict=True):
        assert abs(printed - float(counted)) <= 1
        assert number(printed) in text
