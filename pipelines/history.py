"""Writing the run history over connections that stay open.

Belongs here: how this process connects to the SQLite files of Dagster's event log while it runs
a job. Does not belong here: what is written to them, or the instance and its settings
(instance.py).

Dagster makes an engine, a pool and a connection for every event it reads or writes, and a month
has some two thousand of these: they took more time than the writing.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from dagster import DagsterInstance
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage
from sqlalchemy import Connection, create_engine
from sqlalchemy.engine import Engine
from sqlalchemy.pool import QueuePool

_BUSY_SECONDS = 60
"""How long to wait for another process, such as the UI, that writes to the same file."""


@contextmanager
def kept_connections(instance: DagsterInstance) -> Iterator[None]:
    """Keep one connection to each file of the event log open.

    Each use is a transaction of its own, as before: what is written shows at once in the UI,
    and a killed run loses nothing that was said. Another storage is left alone.
    """
    storage = instance.event_log_storage
    if not isinstance(storage, SqliteEventLogStorage):
        yield
        return
    engines: dict[str, Engine] = {}

    @contextmanager
    def connect(shard: str) -> Iterator[Connection]:
        with storage._db_lock:
            if shard not in engines:
                engines[shard] = create_engine(
                    storage.conn_string_for_shard(shard),
                    poolclass=QueuePool,
                    pool_size=1,
                    connect_args={"timeout": _BUSY_SECONDS, "check_same_thread": False},
                )
            engine = engines[shard]
            if shard not in storage._initialized_dbs:
                storage._initdb(engine)
                storage._initialized_dbs.add(shard)
            with engine.connect() as connection, connection.begin():
                yield connection

    # The attribute of this one object hides the method of its class, until it is taken away.
    storage.__dict__["_connect"] = connect
    try:
        yield
    finally:
        del storage.__dict__["_connect"]
        for engine in engines.values():
            engine.dispose()
