"""What every asset is given, and how an asset may fail.

Belongs here: the open warehouse as assets see it, and the guard that lets no personal value
out with an error. Does not belong here: opening and locking (pipelines/resources.py), or
what any one stage makes.
"""

import os
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import ParamSpec, TypeVar

import dagster as dg
import duckdb

from sources.contracts import Contract
from sources.deliveries import Discovery, discover
from sources.landing import InForce, update_in_force
from warehouse.connection import set_parameters
from warehouse.errors import CakupanError, DataRefused, SourceDown
from warehouse.home import Home
from warehouse.inputs import create_inputs
from warehouse.settings import Settings

Log = Callable[[str], None]

POOL = "warehouse"
"""Every asset is in this pool: its limit of one run keeps the queue in order."""

GATE_EXIT_CODE = 4

P = ParamSpec("P")
T = TypeVar("T")


@dataclass
class Stage:
    """The open restricted warehouse and all that a stage may need, one per run.

    Attributes:
        con: the one connection of this process.
        home: where things lie.
        settings: the deployment's settings.
        contracts: datasets by key.
        inbox: where file drops are looked for.
        settle_seconds: how long a file drop must have been unchanged.
        run_id: the Dagster run.
        reason: why a publication is made anew, as the operator put it.
        retrain: train the model of persons anew.
        log: told about progress; counts only.
    """

    con: duckdb.DuckDBPyConnection
    home: Home
    settings: Settings
    contracts: Mapping[str, Contract]
    inbox: Path
    settle_seconds: int = 0
    run_id: str = ""
    reason: str = ""
    retrain: bool = True
    log: Log = lambda _message: None
    _discoveries: dict[str, Discovery] = field(default_factory=dict)
    _in_force: dict[str, dict[str, InForce]] = field(default_factory=dict)

    def discovery(self, period: str) -> Discovery:
        """Look into the inbox, once a run: all datasets are to be of the same moment."""
        if period not in self._discoveries:
            seen = discover(self.inbox, self.contracts, period, self.settle_seconds)
            for name in seen.unknown:
                self.log(f"inbox: {name} is no known dataset and was left alone")
            self._discoveries[period] = seen
        return self._discoveries[period]

    def arrived(self) -> None:
        """Note that the deliveries in force may be others from now on."""
        self._in_force.clear()

    def in_force(self, period: str) -> dict[str, InForce]:
        """Decide which delivery of each dataset the period uses, anew after each arrival."""
        if period not in self._in_force:
            self._in_force[period] = update_in_force(self.con, self.contracts, period)
        return self._in_force[period]

    def of_period(self, period: str) -> None:
        """Set the period's parameters."""
        set_parameters(self.con, self.settings, period)

    def with_inputs(self, period: str) -> None:
        """Set the period's parameters and make its input views.

        The views are the connection's own, so each stage that reads them asks for them: it
        may be the first of its run.
        """
        self.of_period(period)
        create_inputs(self.con, period)


_INTERRUPTED = "Query interrupted"
"""What DuckDB's client says where Python was signalled while a query ran."""


_stopping: list[Callable[[], bool]] = [lambda: False]


@contextmanager
def stopped_by(asked: Callable[[], bool]) -> Iterator[None]:
    """Have no stage begin in the block once `asked` says that the run was told to stop."""
    _stopping.append(asked)
    try:
        yield
    finally:
        _stopping.pop()


def guarded(body: Callable[P, T]) -> Callable[P, T]:
    """Let only harmless errors out of a stage's body.

    What the project refuses on purpose says nothing personal by its own rule, and is told in
    full. Of any other error only kind and place are told: its text may quote a row. The new
    error is raised outside of the handler, so that the old one does not travel with it.

    Args:
        body: does the work.

    Returns:
        The same, raising `dagster.Failure` with the metadata `error`, `exit_code` and, for
        refused data, `reason_code`; and `dagster.DagsterExecutionInterruptedError` where the
        run was told to stop (`stopped_by`).
    """

    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        if _stopping[-1]():
            raise dg.DagsterExecutionInterruptedError
        try:
            return body(*args, **kwargs)
        except dg.DagsterError:
            raise
        except dg.Failure:
            raise
        except Exception as error:  # noqa: BLE001 - every kind is told anew, without its values
            stopped = isinstance(error, RuntimeError) and str(error) == _INTERRUPTED
            failure = failure_of(error)
        if stopped:
            # A signal reached DuckDB's client within a query: the run was told to stop.
            raise dg.DagsterExecutionInterruptedError
        raise failure

    run.__name__ = body.__name__
    return run


def failure_of(error: BaseException) -> dg.Failure:
    """Tell an error as a Dagster failure without any value that it may quote."""
    metadata: dict[str, str | int] = {"error": type(error).__name__}
    if isinstance(error, CakupanError):
        message = str(error)
        metadata["exit_code"] = error.exit_code
        if isinstance(error, DataRefused):
            metadata["reason_code"] = error.code
    else:
        message = scrubbed(error)
        metadata["exit_code"] = 1
    # Only a source that is down may be up again in a while; the rest fails the same again.
    return dg.Failure(
        description=message, metadata=metadata, allow_retries=isinstance(error, SourceDown)
    )


def scrubbed(error: BaseException) -> str:
    """Tell an error by its kind and the place it came from, without its text."""
    frames = traceback.extract_tb(error.__traceback__)
    place = "an unknown place"
    if frames:
        own = [frame for frame in frames if "site-packages" not in frame.filename]
        frame = (own or frames)[-1]
        path = Path(frame.filename)
        place = f"{path.parent.name}/{path.name}:{frame.lineno} in {frame.name}"
    return (
        f"{type(error).__module__}.{type(error).__qualname__} at {place}. Its text is left out, "
        "because it may quote a person's record. This is a fault of the program or the machine, "
        f"not of a delivery: {_advice(error)}run `cakupan doctor`, then report it with this line."
    )


def _advice(error: BaseException) -> str:
    """Tell what the machine lacks, where the kind of the error says so."""
    if isinstance(error, duckdb.OutOfMemoryException):
        return "raise engine.memory_limit in the settings, or give the home more disk; else "
    if isinstance(error, OSError) and error.errno is not None:
        # The system's own words for the number: they name no file and no row.
        return f"{os.strerror(error.errno)}; else "
    return ""
