"""The command `ask`: a ready question to what was published.

Belongs here: listing the questions, running one, and showing its rows. Does not belong here:
the questions (publishing/questions).
"""

from __future__ import annotations

import json
from typing import Annotated, Any

import duckdb
import pyarrow as pa
import typer
from rich.console import Console
from rich.table import Table

from pipelines.cli import HomeOption, JsonOption, app, ending
from pipelines.gap import number
from warehouse.errors import CakupanError, UsageError
from warehouse.home import Home
from warehouse.publication.folders import WAREHOUSE_FILE


@app.command()
@ending
def ask(
    question: Annotated[
        str | None, typer.Argument(help="Number or key of the question; none lists them all.")
    ] = None,
    home: HomeOption = None,
    sql: Annotated[bool, typer.Option("--sql", help="Show the SQL, do not run it.")] = False,
    markdown: Annotated[
        bool, typer.Option("--markdown", help="Write all questions as a Markdown page.")
    ] = False,
    as_json: JsonOption = False,
) -> int | None:
    """Ask the latest publication one of twenty ready questions."""
    # Everything is imported where it is used: the command line starts in a fraction of a second.
    from publishing import questions as ready  # noqa: PLC0415

    if markdown:
        typer.echo(ready.as_markdown(), nl=False)
        return 0
    if question is None:
        return _listing(as_json)
    wanted = ready.find(question)
    if sql:
        typer.echo(wanted.sql + ";")
        return 0
    place = Home.resolve(home)
    file = place.published / "current" / WAREHOUSE_FILE
    if not file.exists():
        raise UsageError(f"{place.path} holds no publication: run a period first (cakupan run)")
    try:
        rows = ready.answer(file, wanted)
    except duckdb.CatalogException:
        problem = f"the latest publication of {place.path} lacks a table that question needs"
    else:
        _show(wanted.id, rows, as_json)
        return 0
    raise CakupanError(f"{problem}: it is of an older version; run the period again")


def _listing(as_json: bool) -> int:
    from publishing.questions import questions  # noqa: PLC0415

    if as_json:
        found = [{"number": q.number, "key": q.key, "id": q.id, "en": q.en} for q in questions()]
        typer.echo(json.dumps(found, ensure_ascii=False))
        return 0
    table = Table(box=None, padding=(0, 2, 0, 0))
    for heading in ("", "kunci", "pertanyaan"):
        table.add_column(heading, overflow="fold")
    for q in questions():
        table.add_row(str(q.number), q.key, q.id)
    Console().print(table)
    return 0


def _show(title: str, rows: pa.Table, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(rows.to_pylist(), ensure_ascii=False, default=float))
        return
    table = Table(title=title, title_justify="left", box=None, padding=(0, 2, 0, 0))
    numeric = [pa.types.is_primitive(field.type) for field in rows.schema]
    for field, right in zip(rows.schema, numeric, strict=True):
        table.add_column(field.name, justify="right" if right else "left", overflow="fold")
    for row in rows.to_pylist():
        table.add_row(*(_cell(value) for value in row.values()))
    Console().print(table)


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool | str):
        return str(value)
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if isinstance(value, int) or float(value).is_integer():
        return number(float(value))
    return number(float(value), 3)
