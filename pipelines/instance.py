"""The Dagster instance of a home: its settings file, and opening it.

Belongs here: `dagster.yaml` and a run history that heals itself. Does not belong here: the
warehouse, which does not depend on the run history (a home whose `dagster` folder is lost
gives the same figures).
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from dagster import DagsterInstance
from sqlalchemy import event
from sqlalchemy.engine import Engine

from pipelines.history import kept_connections
from warehouse.home import Home

POOL = "warehouse"

DAGSTER_YAML = """\
# Settings of the Dagster instance of this home. Written once; yours to change.

telemetry:
  enabled: false

# No invitation to communities and newsletters over the first page.
nux:
  enabled: false

# The pool `warehouse` lets one run at a time write. Below it the lock on the home keeps
# writers apart whatever starts them; the pool only keeps the queue in order.
concurrency:
  pools:
    default_limit: 1
    granularity: run
  runs:
    max_concurrent_runs: 4

run_monitoring:
  enabled: true
  start_timeout_seconds: 300
  cancel_timeout_seconds: 120
  poll_interval_seconds: 60

# The daemon judges each half minute which deliveries are late by their contracts.
freshness:
  enabled: true

# Only crashes are tried again, and a failure of the data is none.
run_retries:
  enabled: true
  max_retries: 0
  retry_on_asset_or_op_failure: false

# What steps print is not kept: the event log tells counts, and prints might tell more.
compute_logs:
  module: dagster._core.storage.noop_compute_log_manager
  class: NoOpComputeLogManager

retention:
  schedule:
    purge_after_days: 90
  sensor:
    purge_after_days:
      skipped: 7
      failure: 30
      success: 90
"""


def prepare(home: Home) -> None:
    """Write the instance's settings where there are none, and point Dagster at the home."""
    home.ensure()
    file = home.dagster / "dagster.yaml"
    if not file.exists():
        file.write_text(DAGSTER_YAML, encoding="utf-8")
        file.chmod(0o600)
    os.environ["DAGSTER_HOME"] = str(home.dagster)
    os.environ["CAKUPAN_HOME"] = str(home.path)
    # The setting above speaks for the instance; this speaks for the tools around it.
    os.environ.setdefault("DAGSTER_DISABLE_TELEMETRY", "1")


@contextmanager
def open_instance(
    home: Home, log: Callable[[str], None] | None = None
) -> Iterator[DagsterInstance]:
    """Open the instance of a home; a damaged run history is put aside and begun anew.

    Args:
        home: the home.
        log: told where a damaged history went.

    Raises:
        CakupanError: the history is damaged and cannot be put aside.
    """
    prepare(home)
    try:
        instance = _checked(DagsterInstance.from_config(str(home.dagster)))
    except (KeyboardInterrupt, SystemExit):
        raise
    except Exception as error:  # noqa: BLE001 - whatever is wrong with it, it is put aside
        fault = type(error).__name__
        instance = None
    if instance is None:
        aside = _put_aside(home)
        if log is not None:
            log(f"the run history was damaged ({fault}); it lies in {aside} now, a new one begins")
        prepare(home)
        instance = _checked(DagsterInstance.from_config(str(home.dagster)))
    with instance, _unsynced(), kept_connections(instance):
        yield instance


@contextmanager
def _unsynced() -> Iterator[None]:
    """Do not wait for the disk after each event of the run history.

    A run of eighty steps writes some eight hundred small transactions, and to wait for the
    disk after each doubles the time of a small month. SQLite stays whole when this process
    is killed; after a power cut the history may be damaged, and is then begun anew, which
    loses no figure. The warehouse has its own connection and is not touched by this.
    """

    def relax(connection: object, _record: object) -> None:
        if isinstance(connection, sqlite3.Connection):
            connection.execute("PRAGMA synchronous = OFF")

    event.listen(Engine, "connect", relax)
    try:
        yield
    finally:
        event.remove(Engine, "connect", relax)


def _checked(instance: DagsterInstance) -> DagsterInstance:
    """Read a little from each storage, so that damage shows now and not in mid-run."""
    instance.get_runs(limit=1)
    instance.all_asset_keys()
    instance.all_instigator_state()
    return instance


def _put_aside(home: Home) -> str:
    number = 1
    while (aside := home.path / f"dagster-damaged-{number}").exists():
        number += 1
    home.dagster.rename(aside)
    return str(aside)
