"""The command line `cakupan`: its commands, and how they end.

Belongs here: the application, options that all commands share, and turning errors into one
paragraph and an exit code. Does not belong here: what commands do (cli_run.py, cli_tools.py);
those are loaded when they are called, so that `--help` answers at once.
"""

from __future__ import annotations

import functools
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from warehouse.errors import CakupanError, DataRefused
from warehouse.home import Home

app = typer.Typer(
    name="cakupan",
    help="Who works, who is covered by BPJS Ketenagakerjaan, and where the gap is.",
    no_args_is_help=True,
    add_completion=False,
    # Rich tracebacks show local variables, and those may hold a person's record.
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
contracts_app = typer.Typer(no_args_is_help=True, help="The datasets and their contracts.")
app.add_typer(contracts_app, name="contracts")
explain_app = typer.Typer(no_args_is_help=True, help="Why a record is linked as it is.")
app.add_typer(explain_app, name="explain")
model_app = typer.Typer(no_args_is_help=True, help="The trained models of the linkage.")
app.add_typer(model_app, name="model")

HomeOption = Annotated[
    Path | None,
    typer.Option(
        "--home", help="The home folder; else CAKUPAN_HOME, else ./data.", show_default=False
    ),
]
PeriodOption = Annotated[str, typer.Option("--period", help="The month, YYYY-MM.")]
SettingsOption = Annotated[
    Path | None,
    typer.Option(
        "--settings", help="Settings file; else settings.yaml of the home.", show_default=False
    ),
]
JsonOption = Annotated[
    bool,
    typer.Option("--json", help="One JSON object on standard output; the rest on standard error."),
]


def errors() -> Console:
    """Give the console for progress, logs and errors: standard error."""
    return Console(stderr=True)


def print_json(value: object) -> None:
    """Print one JSON object on standard output."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2, default=str) + "\n")


def ending(command: Callable[..., int | None]) -> Callable[..., None]:
    """Let a command end with its exit code, and its errors with one paragraph.

    The command may return an exit code. What the project refuses on purpose is told in full;
    of any other error only kind and place are told, since its text may quote a record.
    """

    @functools.wraps(command)
    def run(*args: Any, **kwargs: Any) -> None:
        code: int | None
        try:
            code = command(*args, **kwargs)
        except CakupanError as error:
            code = error.exit_code
            report = {"type": type(error).__name__, "message": str(error)}
            if isinstance(error, DataRefused):
                report["reason_code"] = error.code
        except KeyboardInterrupt:
            code, report = 130, {"type": "Interrupted", "message": "interrupted"}
        except (typer.Exit, typer.Abort, typer.BadParameter):
            raise
        except Exception as error:  # noqa: BLE001 - told anew, without its values
            from assets.stage import scrubbed  # noqa: PLC0415

            code, report = 1, {"type": type(error).__name__, "message": scrubbed(error)}
        else:
            raise typer.Exit(code or 0)
        if kwargs.get("as_json"):
            print_json({"status": "failed", "exit_code": code, "errors": [report]})
        tell(report["message"])
        raise typer.Exit(code)

    return run


def tell(message: str) -> None:
    """Write an error to standard error, as one paragraph."""
    errors().print(
        f"cakupan: {message}", style="red", markup=False, highlight=False, soft_wrap=True
    )


@app.command()
@ending
def sample(
    period: PeriodOption,
    out: Annotated[Path, typer.Option("--out", help="Folder for deliveries and truth.")],
    people: Annotated[
        int, typer.Option("--people", min=1000, help="People in the register.")
    ] = 100_000,
    seed: Annotated[
        int, typer.Option("--seed", min=0, help="The same seed gives the same world.")
    ] = 2021,
    months: Annotated[
        int, typer.Option("--months", min=1, max=36, help="Months, the last is PERIOD.")
    ] = 1,
    error_rates: Annotated[
        Path | None, typer.Option("--error-rates", help="YAML file with other error rates.")
    ] = None,
    database: Annotated[
        list[str] | None,
        typer.Option("--database", help="Dataset to put into a database; may be repeated."),
    ] = None,
    dataset: Annotated[
        list[str] | None,
        typer.Option("--dataset", help="Deliver only this dataset; may be repeated."),
    ] = None,
    as_json: JsonOption = False,
) -> int | None:
    """Make synthetic deliveries in the providers' formats, with the truth kept apart."""
    from pipelines import cli_tools  # noqa: PLC0415

    return cli_tools.sample(
        out,
        people,
        seed,
        period,
        months,
        error_rates,
        tuple(database or ()),
        tuple(dataset or ()),
        as_json,
    )


@app.command()
@ending
def run(
    period: PeriodOption,
    home: HomeOption = None,
    inbox: Annotated[
        Path | None,
        typer.Option(
            "--inbox", help="Where file drops lie; else the home's inbox.", show_default=False
        ),
    ] = None,
    retrain: Annotated[
        bool | None,
        typer.Option(
            "--retrain/--keep-model",
            help="Train the model of persons anew, or link with the newest one of the home; "
            "else as the settings say.",
            show_default=False,
        ),
    ] = None,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> int | None:
    """Run the whole pipeline for a month, from its deliveries to its publication."""
    from pipelines import cli_run  # noqa: PLC0415

    return cli_run.run(Home.resolve(home), period, inbox, settings, as_json, retrain)


@app.command()
@ending
def publish(
    period: PeriodOption,
    reason: Annotated[str, typer.Option("--reason", help="Why the month is published again.")] = "",
    home: HomeOption = None,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> int | None:
    """Publish a month again from what the restricted warehouse holds."""
    from pipelines import cli_run  # noqa: PLC0415

    return cli_run.publish(Home.resolve(home), period, reason, settings, as_json)


@app.command()
@ending
def extract(
    period: PeriodOption,
    everyone: Annotated[bool, typer.Option("--all", help="All 26 addressees.")] = False,
    addressee: Annotated[
        int | None, typer.Option("--addressee", help="One addressee, 1 to 26.", show_default=False)
    ] = None,
    region: Annotated[
        str | None,
        typer.Option("--region", help="One province (24) or regency (25).", show_default=False),
    ] = None,
    home: HomeOption = None,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> int | None:
    """Make what each addressee of the instruction may have, from the latest publication."""
    from pipelines import cli_extract  # noqa: PLC0415

    return cli_extract.extract(
        Home.resolve(home), period, everyone, addressee, region, settings, as_json
    )


@contracts_app.command("list")
@ending
def contracts_list(home: HomeOption = None, as_json: JsonOption = False) -> int | None:
    """List the datasets."""
    from pipelines import cli_tools  # noqa: PLC0415

    return cli_tools.contracts_list(Home.resolve(home), as_json)


@contracts_app.command("show")
@ending
def contracts_show(
    key: Annotated[str, typer.Argument(help="Key of the dataset.")],
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> int | None:
    """Show the contract of a dataset."""
    from pipelines import cli_tools  # noqa: PLC0415

    return cli_tools.contracts_show(Home.resolve(home), key, as_json)


@contracts_app.command("page")
@ending
def contracts_page(home: HomeOption = None) -> int | None:
    """Write the contracts as a Markdown page, on standard output."""
    from pipelines import cli_tools  # noqa: PLC0415

    return cli_tools.contracts_page(Home.resolve(home))


@contracts_app.command("clauses")
@ending
def contracts_clauses(home: HomeOption = None) -> int | None:
    """Write what every clause of the instruction names as a Markdown page, on standard output."""
    from pipelines import cli_tools  # noqa: PLC0415

    return cli_tools.contracts_clauses(Home.resolve(home))


@contracts_app.command("validate")
@ending
def contracts_validate(
    file: Annotated[Path, typer.Argument(help="A contract file.")], as_json: JsonOption = False
) -> int | None:
    """Check a contract file before it is put into a home."""
    from pipelines import cli_tools  # noqa: PLC0415

    return cli_tools.contracts_validate(file, as_json)


@explain_app.command("person")
@ending
def explain_person(
    dataset: Annotated[str, typer.Argument(help="Key of the dataset.")],
    record_id: Annotated[str, typer.Argument(help="Value of the record's key column.")],
    period: PeriodOption,
    home: HomeOption = None,
    chart: Annotated[
        Path | None, typer.Option("--chart", help="Write the waterfall as FILE.svg or FILE.png.")
    ] = None,
    as_json: JsonOption = False,
) -> int | None:
    """Tell why a person's record is linked, or not. Shows identities; each use is logged."""
    from pipelines import cli_explain  # noqa: PLC0415

    return cli_explain.person(Home.resolve(home), dataset, record_id, period, chart, as_json)


@explain_app.command("employer")
@ending
def explain_employer(
    key: Annotated[str, typer.Argument(help="Employer key, or an NPP, NIB or NPWP of it.")],
    period: PeriodOption,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> int | None:
    """Tell of which records an employer was made, and what was kept apart. Each use is logged."""
    from pipelines import cli_explain_employer  # noqa: PLC0415

    return cli_explain_employer.employer(Home.resolve(home), key, period, as_json)


@model_app.command("export")
@ending
def model_export(
    period: PeriodOption,
    out: Annotated[Path, typer.Option("--out", help="JSON file to write.")],
    home: HomeOption = None,
) -> int | None:
    """Write the person model of a month as settings of Splink; it holds no person."""
    from pipelines import cli_model  # noqa: PLC0415

    return cli_model.export(Home.resolve(home), period, out)


@app.command()
@ending
def link(
    left: Annotated[Path, typer.Argument(help="CSV or Parquet file.")],
    right: Annotated[Path, typer.Argument(help="The same; LEFT again to find its duplicates.")],
    spec: Annotated[
        Path,
        typer.Option("--spec", help="The specification (YAML), or the name of a shipped one."),
    ],
    out: Annotated[Path, typer.Option("--out", help="Parquet file to write the links to.")],
    engine: Annotated[str, typer.Option("--engine", help="What does the work: duckdb only.")] = (
        "duckdb"
    ),
    truth: Annotated[
        Path | None,
        typer.Option("--truth", help="True pairs (left_id, right_id), to measure the links by."),
    ] = None,
    as_json: JsonOption = False,
) -> int | None:
    """Link any two tables by a specification."""
    from pipelines import cli_link  # noqa: PLC0415

    return cli_link.command(left, right, spec, out, engine, truth, as_json)


@app.command()
@ending
def doctor(
    home: HomeOption = None, settings: SettingsOption = None, as_json: JsonOption = False
) -> int | None:
    """Check this machine, the home, and the sources."""
    from pipelines import doctor as checks  # noqa: PLC0415

    return checks.command(Home.resolve(home), settings, as_json)


@app.command()
@ending
def ui(
    home: HomeOption = None,
    port: Annotated[
        int, typer.Option("--port", min=1, max=65535, help="Port on this machine.")
    ] = 3000,
    host: Annotated[
        str, typer.Option("--host", help="Address to listen at; the UI has no login of its own.")
    ] = "127.0.0.1",
) -> int | None:
    """Open the Dagster UI and its daemon on a home, until interrupted."""
    from pipelines import ui as server  # noqa: PLC0415

    return server.serve(Home.resolve(home), host, port)


def main() -> None:
    """Run the command line."""
    # Matrices are small here, and threads that wait for each other took twenty times the
    # multiplication. Set before NumPy is loaded; DuckDB has threads of its own.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    app()


# At the end: the module registers commands on what stands above.
from pipelines import (  # noqa: E402
    cli_alerts,  # noqa: F401
    cli_ask,  # noqa: F401
    cli_audit,  # noqa: F401
    cli_dashboard,  # noqa: F401
    cli_encrypt,  # noqa: F401
    cli_report,  # noqa: F401
    cli_review,  # noqa: F401
    cli_steward,  # noqa: F401
    overview,  # noqa: F401
)
