"""Breaking a run from inside, with errors that quote what the canaries are.

Belongs here: what is called in the child before the command (`before` of harness.children). Does
not belong here: which steps are broken, and the search.

The plan comes by the environment: a list of `[step, at, error]`, where `at` is the number of the
step's statement to DuckDB that fails, counted from 1, and `error` a key of `ERRORS`.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb

from canary.planting import NAME, NIKS, leave_out

PLAN = "CANARY_PLAN"
NOTES = "CANARY_NOTES"
"""File that the steps, their statements and the errors are noted in."""

FOLDER = "CANARY_FOLDER"
"""Folder the command is called in: what is written to where one stands is found there."""

UMASK = "CANARY_UMASK"

TEXT = f"Could not convert string '{NIKS[0]}' of {NAME} SARI0 to INT32; line 7: {NIKS[1]}"


def _chained() -> BaseException:
    inner = ValueError({"full_name": f"{NAME} DALAM", "nik": NIKS[2]})
    error = RuntimeError(TEXT)
    error.__cause__ = inner
    error.add_note(f"while reading {NAME}")
    return error


def _pydantic() -> BaseException:
    from pydantic import TypeAdapter, ValidationError

    try:
        TypeAdapter(int).validate_python(f"{NAME} {NIKS[0]}")
    except ValidationError as error:
        return error
    raise AssertionError


def _statement() -> BaseException:
    from sqlalchemy.exc import DBAPIError

    return DBAPIError(f"INSERT INTO t VALUES ('{NAME}')", {"nik": NIKS[0]}, Exception(TEXT))


def _arrow() -> BaseException:
    import pyarrow as pa

    return pa.ArrowInvalid(TEXT)


ERRORS: dict[str, Callable[[], BaseException]] = {
    "conversion": lambda: duckdb.ConversionException(TEXT),
    "constraint": lambda: duckdb.ConstraintException(f'Duplicate key "nik: {NIKS[0]}" {NAME}'),
    "input": lambda: duckdb.InvalidInputException(f"CSV Error on Line: 2 Original Line: {TEXT}"),
    "memory": lambda: duckdb.OutOfMemoryException(TEXT),
    "catalog": lambda: duckdb.CatalogException(TEXT),
    "internal": lambda: duckdb.InternalException(TEXT),
    "chained": _chained,
    "key": lambda: KeyError(NIKS[0], NAME),
    "decode": lambda: UnicodeDecodeError("utf-8", TEXT.encode(), 3, 4, TEXT),
    "os": lambda: OSError(28, TEXT, f"/mnt/{NAME}"),
    "pydantic": _pydantic,
    "driver": _statement,
    "arrow": _arrow,
    "assertion": lambda: AssertionError([NAME, NIKS[1]]),
}
"""Errors as libraries raise them, by name."""


def _begin() -> None:
    """Stand in an empty folder, with temporary files in another, as the case says."""
    leave_out()
    tempfile.tempdir = None
    os.chdir(os.environ[FOLDER])
    os.umask(int(os.environ.get(UMASK, "022"), 8))
    Path(os.environ[NOTES]).touch()


def break_steps() -> None:
    """Fail the planned statements of the planned steps."""
    _begin()
    import pipelines.runner

    plan = {step: (at, kind) for step, at, kind in json.loads(os.environ.get(PLAN, "[]"))}
    state: dict[str, Any] = {"step": "command"}
    counted: Counter[str] = Counter()
    gather, execute = pipelines.runner.gather, duckdb.DuckDBPyConnection.execute

    def noticing(outcome: Any, event: Any) -> None:
        if event.event_type_value == "STEP_START":
            state["step"] = str(event.step_key)
        gather(outcome, event)

    def failing(con: Any, query: Any, *arguments: Any, **named: Any) -> Any:
        step = state["step"]
        counted[step] += 1
        at, kind = plan.get(step, (0, ""))
        broken = at == counted[step] and str(query).strip() != "ROLLBACK"
        _note(step, counted[step], kind if broken else "")
        if broken:
            raise ERRORS[kind]()
        return execute(con, query, *arguments, **named)

    pipelines.runner.gather = noticing
    duckdb.DuckDBPyConnection.execute = failing


def _note(step: str, number: int, kind: str) -> None:
    with Path(os.environ[NOTES]).open("a", encoding="utf-8") as file:
        file.write(json.dumps([step, number, kind]) + "\n")


def break_judge() -> None:
    """Have Great Expectations fail while it judges."""
    _begin()
    from expectations import judging

    def fail(*_arguments: object) -> None:
        raise _chained()

    judging._validate = fail  # type: ignore[assignment]


def break_source() -> None:
    """Have the source database break off while its rows are read."""
    _begin()
    import sources.databases

    def fail(*_arguments: object, **_named: object) -> None:
        raise _statement()

    sources.databases.create_engine = fail


def break_reader() -> None:
    """Have the readers of every format fail as their libraries do."""
    _begin()
    from sources.files import delimited, parquet, workbook

    def fail_with(kind: str) -> Callable[..., None]:
        def fail(*_arguments: object) -> None:
            raise ERRORS[kind]()

        return fail

    delimited.stage = fail_with("decode")  # type: ignore[assignment]
    parquet.stage = fail_with("arrow")  # type: ignore[assignment]
    workbook.stage = fail_with("chained")  # type: ignore[assignment]


def break_sending() -> None:
    """Have the delivery of extracts fail half way."""
    _begin()
    import fsspec.implementations.local

    def fail(*_arguments: object, **_named: object) -> None:
        raise OSError(5, TEXT, f"/{NAME}")

    fsspec.implementations.local.LocalFileSystem.put_file = fail
    fsspec.implementations.local.LocalFileSystem.mv = fail
    fsspec.implementations.local.LocalFileSystem._open = fail
