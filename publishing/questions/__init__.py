"""Ready questions to a publication, with their SQL.

Belongs here: reading `questions.yaml`, running a question, and the file and the page of all
questions. Does not belong here: the tables (warehouse/tables), the dictionary
(publishing/dictionary).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path

import duckdb
import pyarrow as pa

from warehouse.documents import load_yaml
from warehouse.errors import UsageError


@dataclass(frozen=True)
class Question:
    """One question.

    Attributes:
        number: from 1, in the order of the file.
        key: its name.
        id: the question in Indonesian.
        en: the question in English.
        sql: one SELECT for `cakupan.duckdb`.
    """

    number: int
    key: str
    id: str
    en: str
    sql: str


@cache
def questions() -> tuple[Question, ...]:
    """Read all questions, in their order."""
    text = files("publishing.questions").joinpath("questions.yaml").read_text(encoding="utf-8")
    return tuple(
        Question(number, entry["key"], entry["id"], entry["en"], entry["sql"].strip())
        for number, entry in enumerate(load_yaml(text), 1)
    )


def find(name: str) -> Question:
    """Look a question up by its number or key.

    Raises:
        UsageError: there is none of that name.
    """
    for question in questions():
        if name in (question.key, str(question.number)):
            return question
    raise UsageError(
        f"there is no question {name!r}: name one of 1 to {len(questions())}, or a key from "
        "'cakupan ask'"
    )


def answer(warehouse: Path, question: Question) -> pa.Table:
    """Run a question.

    Args:
        warehouse: a publication's `cakupan.duckdb`; it is opened read-only.
        question: the question.

    Returns:
        The rows, aggregates all; columns as the question names them.
    """
    with duckdb.connect(str(warehouse), read_only=True) as con:
        return con.execute(question.sql).to_arrow_table()


def as_sql() -> str:
    """Give all questions as one SQL file, for a client that runs one statement at a time."""
    parts = [
        "-- Dua puluh pertanyaan untuk cakupan.duckdb. Twenty questions for cakupan.duckdb.\n"
        "-- Buka hanya-baca. Open read-only."
    ]
    parts += [f"-- {q.number}. {q.id}\n--    {q.en}\n{q.sql};" for q in questions()]
    return "\n\n".join(parts) + "\n"


def as_markdown() -> str:
    """Give all questions as a page of the documentation."""
    parts = [
        "# Twenty questions\n\n"
        "Each runs as it stands on `HOME/published/current/cakupan.duckdb`. The same lie\n"
        "as `kamus/pertanyaan.sql` in every publication; `cakupan ask NUMBER` runs one. This page\n"
        "is written by `cakupan ask --markdown`."
    ]
    parts += [f"## {q.number}. {q.en}\n\n{q.id}\n\n```sql\n{q.sql}\n```" for q in questions()]
    return "\n\n".join(parts) + "\n"
