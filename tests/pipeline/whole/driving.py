"""Calling the command line and reading its publication, as whole-pipeline tests do."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
from typer.testing import CliRunner

from pipelines.cli import app

SMALL_PEOPLE = 4_000
FIRST, SECOND = "2026-10", "2026-11"
SHORTLY = "publication: {program_seconds: 0}\ngates: {least_change: 100000}\n"


@dataclass(frozen=True)
class Answer:
    """What a command said and how it ended."""

    exit_code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def cakupan(*arguments: object) -> Answer:
    """Call the command line in this process."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    return Answer(result.exit_code, result.stdout, result.stderr)


def run(home: Path, inbox: Path, period: str = FIRST, *more: object) -> Answer:
    return cakupan("run", "--home", home, "--inbox", inbox, "--period", period, "--json", *more)


def published(home: Path, sql: str, file: str = "cakupan.duckdb") -> list[tuple[Any, ...]]:
    """Ask the publication in force, or another file of it."""
    path = home / "published" / "current" / file
    with duckdb.connect(str(path), read_only=True) as con:
        return con.execute(sql).fetchall()


@dataclass(frozen=True)
class Lived:
    """A home on which two months were run, with what the runs said."""

    home: Path
    world: Path
    first: Answer
    second: Answer
