"""The warehouse resource: the home locked and open from the first step of a run to its last.

Belongs here: what a run configures, and the order of locking, clearing up and opening. Does
not belong here: what assets do with it (assets/stage.py says what they see).
"""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import dagster as dg
from pydantic import Field

from assets.stage import Stage, failure_of
from pipelines.inbox import look, remember
from pipelines.jobs import PERIOD_JOB
from pipelines.locks import alive, clear_dead_runs, home_lock
from sources.contracts import load_contracts
from warehouse.connection import connect
from warehouse.home import Home
from warehouse.settings import load_settings


class WarehouseResource(dg.ConfigurableResource[Stage]):
    """The restricted warehouse of one home.

    A run takes the home's lock, waits where another run has it, clears up after runs that
    died, and opens the one connection; all of it is given back when the run ends. The
    executor is the in-process one, so that this happens once a run.
    """

    home: str = Field(description="the home folder")
    inbox: str | None = Field(
        default=None, description="where file drops lie; the home's inbox if unset"
    )
    settings_file: str | None = Field(
        default=None, description="settings file; the home's settings.yaml if unset"
    )
    settle_seconds: int | None = Field(
        default=None, description="seconds a file must be unchanged; the setting's value if unset"
    )
    reason: str = Field(default="", description="why a period is published again")
    retrain: bool | None = Field(
        default=None, description="train the model of persons anew; the setting's value if unset"
    )

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator[Stage]:
        """Open the warehouse for one run.

        Raises:
            dagster.Failure: it cannot be opened; the reason is told without any value.
        """
        with ExitStack() as stack:
            failure = None
            try:
                stage = self._open(context, stack)
            except Exception as error:  # noqa: BLE001 - told anew, without its values
                failure = failure_of(error)
            if failure is None:
                yield stage
        if failure is not None:
            raise failure

    def _open(self, context: dg.InitResourceContext, stack: ExitStack) -> Stage:
        home = Home.resolve(self.home).ensure()
        run = context.run
        run_id = run.run_id if run else ""
        log = context.log.info if context.log else (lambda _message: None)
        settings = load_settings(home, self.settings_file)
        contracts = load_contracts([home.contracts])
        stack.enter_context(alive(home, run_id or "none"))
        what = f"{run.job_name} {run.tags.get('dagster/partition', '')}".strip() if run else "work"
        stack.enter_context(home_lock(home, what, run_id=run_id, log=log))
        if context.instance is not None:
            for dead in clear_dead_runs(home, context.instance):
                log(f"run {dead} was killed; it is marked as failed now")
        empty(home.tmp)
        con = connect(home, settings)
        stack.callback(con.close)
        inbox = Path(self.inbox) if self.inbox else home.inbox
        settle = settings.arrival.settle_seconds
        if self.settle_seconds is not None:
            settle = self.settle_seconds
        if run is not None and run.job_name == PERIOD_JOB and inbox == home.inbox:
            # As it is now: what arrives from here on may or may not be read by this run.
            period = run.tags["dagster/partition"]
            signature, _found = look(inbox, contracts, period, settle)
            stack.callback(remember, home, period, signature)
        return Stage(
            con=con,
            home=home,
            settings=settings,
            contracts=contracts,
            inbox=inbox,
            settle_seconds=settle,
            run_id=run_id,
            reason=self.reason,
            retrain=settings.linkage.retrain if self.retrain is None else self.retrain,
            log=log,
        )


def empty(folder: Path) -> None:
    """Remove all that lies in a folder; what a killed run left half-written is of no use."""
    for entry in folder.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()
