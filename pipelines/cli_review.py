"""The command `review`: looking at uncertain pairs, and deciding them.

Belongs here: declarations, calls, the access log, and the dialogue. Does not belong here: queue,
decisions and samples themselves (matching/review*.py).

`pipelines.cli` imports this module at its end, so that its commands are known. No lock is held
while a person thinks: the warehouse is open to read while a pair is shown and to write while a
decision is added.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import duckdb
import typer
from rich.console import Console

from pipelines.cli import (
    HomeOption,
    JsonOption,
    PeriodOption,
    app,
    ending,
    errors,
    print_json,
    tell,
)
from warehouse.access import log_access
from warehouse.errors import DataRefused, UsageError
from warehouse.home import Home

review_app = typer.Typer(help="The queue of uncertain pairs. Shows identities; each use is logged.")
app.add_typer(review_app, name="review")

DatasetOption = Annotated[
    str | None, typer.Option("--dataset", help="Only of this dataset.", show_default=False)
]
ReviewerOption = Annotated[
    str | None,
    typer.Option("--reviewer", help="Who decides; else the user.", show_default=False),
]
DoubleOption = Annotated[
    bool, typer.Option("--double", help="Also what others decided, without telling what.")
]
_KEYS = {"s": "same", "b": "different", "t": "no_match", "r": "unsure"}
_ASK = "[s]ama, [b]eda, [t]idak ada di register, [r]agu, [l]ewati, [k]eluar: "


@review_app.callback(invoke_without_command=True)
def start(
    context: typer.Context,
    period: Annotated[str, typer.Option("--period", help="The month, YYYY-MM.")] = "",
    home: HomeOption = None,
    dataset: DatasetOption = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Pairs at most.")] = 50,
    reviewer: ReviewerOption = None,
    double: DoubleOption = False,
    settle: Annotated[
        bool, typer.Option("--settle", help="What is decided ends earlier contradictions.")
    ] = False,
    unsure: Annotated[bool, typer.Option("--unsure", help="Ask again what was unsure.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Decide the uncertain pairs of a month, those that move a figure most first."""
    if context.invoked_subcommand is None:
        _start(
            period=period, home=home, dataset=dataset, limit=limit, reviewer=reviewer,
            double=double, settle=settle, unsure=unsure, as_json=as_json,
        )  # fmt: skip


@ending
def _start(
    period: str,
    home: Path | None,
    dataset: str | None,
    limit: int,
    reviewer: str | None,
    double: bool,
    settle: bool,
    unsure: bool,
    as_json: bool,
) -> int | None:
    from matching import review_queue  # noqa: PLC0415
    from matching.review_store import who  # noqa: PLC0415

    place, name = Home.resolve(home), reviewer or who()
    if not as_json and not sys.stdin.isatty():
        raise UsageError(
            "decisions are asked for on a terminal: use `cakupan review export` and `import`, or "
            "--json to list the queue"
        )
    _log(place, "review queue", period, dataset)
    with _reading(place, period) as con:
        found = review_queue.find_queue(con, period, dataset, name, double=double, unsure=unsure)
        rows = review_queue.rows(con, limit)
    if as_json:
        print_json({"status": "done", "pairs": found, "queue": rows})
        return 0
    return _ask(place, period, rows, name, settle)


def _ask(home: Home, period: str, rows: list[dict[str, Any]], reviewer: str, settle: bool) -> int:
    from matching.review_store import Decision, decide  # noqa: PLC0415
    from pipelines.cli_explain import explained, show  # noqa: PLC0415

    console, done = Console(), 0
    for place, row in enumerate(rows, start=1):
        log_access(
            home, "review pair", period=period, dataset=row["dataset"], record_id=row["record_id"]
        )
        told = explained(home, row["dataset"], row["record_id"], period)
        console.rule(f"{place}/{len(rows)}")
        show(told, console)
        answer = _answer(console)
        if answer == "k":
            break
        if answer == "l":
            continue
        decision = Decision(
            row["dataset"], row["record_id"], row["person_key"], _KEYS[answer],
            row["evidence"], settles=settle,
        )  # fmt: skip
        try:
            with _writing(home, period) as con:
                decide(con, period, [decision], reviewer)
        except UsageError as error:
            # One pair that cannot be decided so must not end the sitting.
            tell(str(error))
        else:
            done += 1
    console.print(f"{done} keputusan dicatat; berlaku mulai pengolahan berikutnya.")
    return 0


def _answer(console: Console) -> str:
    """Ask until one of the keys is given; the end of the input is the end of the sitting."""
    while True:
        try:
            answer = console.input(_ASK, markup=False).strip().lower()[:1]
        except EOFError:
            return "k"
        if answer in {*_KEYS, "l", "k"}:
            return answer


@review_app.command("export")
@ending
def export(
    file: Annotated[Path, typer.Argument(help="New .xlsx or .csv file; its owner's alone.")],
    period: PeriodOption,
    home: HomeOption = None,
    dataset: DatasetOption = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=50_000, help="Rows at most.")] = 500,
    reviewer: ReviewerOption = None,
    double: DoubleOption = False,
    sample: Annotated[
        int | None, typer.Option("--sample", help="The records of this sample instead.")
    ] = None,
    as_json: JsonOption = False,
) -> int | None:
    """Write the queue, or a sample, as a file to be filled in."""
    from matching import review_files, review_queue, review_sample  # noqa: PLC0415
    from matching.review_store import who  # noqa: PLC0415

    place = Home.resolve(home)
    review_files.check_target(file)
    _log(place, "review export", period, dataset)
    with _reading(place, period) as con:
        if sample is None:
            review_queue.find_queue(con, period, dataset, reviewer or who(), double=double)
        else:
            review_sample.find_sampled(con, period, sample)
        for row in review_queue.rows(con, limit):
            log_access(
                place, "review export", period=period, dataset=row["dataset"],
                record_id=row["record_id"],
            )  # fmt: skip
        written = review_files.export(con, "review_queue", file, limit)
    _tell(as_json, {"file": str(file), "rows": written}, f"{written} baris ditulis ke {file}")
    return 0


@review_app.command("import")
@ending
def import_(
    file: Annotated[Path, typer.Argument(help="The exported file, filled in.")],
    period: PeriodOption,
    home: HomeOption = None,
    reviewer: ReviewerOption = None,
    as_json: JsonOption = False,
) -> int | None:
    """Add the decisions of a file: all of them, or none where a row is wrong."""
    from matching import review_files  # noqa: PLC0415
    from matching.review_store import check, create_decisions, decide  # noqa: PLC0415

    place = Home.resolve(home)
    decisions, rows = review_files.read(file)
    _log(place, "review import", period, None)
    with _writing(place, period) as con:
        create_decisions(con)
        faults = check(con, period, decisions, reviewer)
        if faults:
            told = "; ".join(f"row {rows[n - 1]}: {what}" for n, what in faults[:20])
            more = f"; and {len(faults) - 20} more" if len(faults) > 20 else ""
            raise DataRefused(
                f"{file.name}: {told}{more}. Nothing was imported", code="UNKNOWN_VALUE"
            )
        numbers = decide(con, period, decisions, reviewer)
    _tell(as_json, {"decisions": len(numbers)}, f"{len(numbers)} keputusan dicatat")
    return 0


@review_app.command("list")
@ending
def list_(
    period: PeriodOption,
    home: HomeOption = None,
    dataset: DatasetOption = None,
    as_json: JsonOption = False,
) -> int | None:
    """List the decisions that no later one replaced, and whether they stand in a month."""
    from matching.review_store import find_standing  # noqa: PLC0415

    place = Home.resolve(home)
    _log(place, "review list", period, dataset)
    with _reading(place, period) as con:
        find_standing(con, period, dataset)
        found = con.execute(
            "SELECT decision_id, period, dataset, record_id, verdict, reviewer, decided_at, state"
            " FROM review_standing ORDER BY decision_id"
        )
        names = [column[0] for column in found.description or []]
        rows = [dict(zip(names, row, strict=True)) for row in found.fetchall()]
    if as_json:
        print_json({"status": "done", "decisions": rows})
        return 0
    for row in rows:
        _line("  ".join(str(value) for value in row.values()))
    return 0


@review_app.command("undo")
@ending
def undo(
    decision: Annotated[int, typer.Argument(help="Its number; see `list`.")],
    period: PeriodOption,
    home: HomeOption = None,
    reviewer: ReviewerOption = None,
    as_json: JsonOption = False,
) -> int | None:
    """Take a decision back; the record of both stays."""
    from matching import review_store  # noqa: PLC0415

    place = Home.resolve(home)
    _log(place, "review undo", period, None)
    with _writing(place, period) as con:
        number = review_store.undo(con, decision, reviewer)
    _tell(as_json, {"undo": number}, f"Keputusan {decision} dibatalkan (baris {number})")
    return 0


@review_app.command("status")
@ending
def status(
    period: PeriodOption, home: HomeOption = None, as_json: JsonOption = False
) -> int | None:
    """Count queue and decisions, and tell how far two reviewers agree."""
    from matching import review_queue  # noqa: PLC0415

    place = Home.resolve(home)
    _log(place, "review status", period, None)
    with _reading(place, period) as con:
        told = review_queue.status(con, period)
    _tell(as_json, told, "\n".join(f"{name}: {value}" for name, value in told.items()))
    return 0


@review_app.command("sample")
@ending
def sample(
    period: PeriodOption,
    size: Annotated[int, typer.Option("--size", min=1, help="Records wanted.")],
    seed: Annotated[int, typer.Option("--seed", help="The same seed draws the same records.")],
    home: HomeOption = None,
    dataset: DatasetOption = None,
    as_json: JsonOption = False,
) -> int | None:
    """Draw a random sample of a month's records, to measure the links by."""
    from matching import review_sample  # noqa: PLC0415

    place = Home.resolve(home)
    _log(place, "review sample", period, dataset)
    with _writing(place, period) as con:
        told = review_sample.draw(con, period, size, seed, dataset)
    _tell(as_json, told, f"Contoh {told['sample']}: {told['records']} rekaman")
    return 0


@review_app.command("estimate")
@ending
def estimate(
    sample: Annotated[int, typer.Argument(help="Number of the sample.")],
    period: PeriodOption,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> int | None:
    """Estimate precision and recall from the decisions on a sample."""
    from matching import review_sample  # noqa: PLC0415

    place = Home.resolve(home)
    _log(place, "review estimate", period, None)
    with _writing(place, period) as con:
        found = review_sample.estimate(con, sample)
    told = {
        name: {key: asdict(v) if hasattr(v, "low") else v for key, v in one.items()}
        for name, one in found.items()
    }
    _tell(as_json, {"estimates": told}, "\n".join(f"{k}: {v}" for k, v in told.items()))
    return 0


def _log(home: Home, action: str, period: str, dataset: str | None) -> None:
    """Log a use before anything is looked at; pairs that are shown are logged one by one."""
    from warehouse.connection import check_period  # noqa: PLC0415

    check_period(period)
    if not home.restricted_db.exists():
        raise UsageError(
            f"{home.path} holds no restricted warehouse: identities can be reviewed in the home "
            "where they were linked, and nowhere else"
        )
    log_access(home, action, period=period, dataset=dataset or "*", record_id="*")


@contextmanager
def _reading(home: Home, period: str) -> Iterator[duckdb.DuckDBPyConnection]:
    from pipelines import cli_explain  # noqa: PLC0415
    from warehouse.connection import set_parameters  # noqa: PLC0415
    from warehouse.settings import Settings  # noqa: PLC0415

    con = cli_explain.open_restricted(home)
    try:
        set_parameters(con, Settings(), period)
        cli_explain.create_inputs(con, period)
        yield con
    finally:
        con.close()


@contextmanager
def _writing(home: Home, period: str) -> Iterator[duckdb.DuckDBPyConnection]:
    from pipelines import cli_explain  # noqa: PLC0415
    from pipelines.locks import home_lock  # noqa: PLC0415
    from warehouse.connection import connect, set_parameters  # noqa: PLC0415
    from warehouse.settings import Settings  # noqa: PLC0415

    with home_lock(
        home, f"review {period}", log=lambda message: errors().print(message, markup=False)
    ):
        con = connect(home)
        try:
            set_parameters(con, Settings(), period)
            cli_explain.create_inputs(con, period)
            yield con
        finally:
            con.close()


def _tell(as_json: bool, told: dict[str, Any], text: str) -> None:
    if as_json:
        print_json({"status": "done", **told})
    else:
        _line(text)


def _line(text: str) -> None:
    Console().print(text, markup=False, highlight=False, soft_wrap=True)
