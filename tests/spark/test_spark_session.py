"""Where the Spark of a linkage runs, on which Java, and what is left of it afterwards."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from matching.linker.spark.session import started

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

TOLD = ("SPARK_", "PYSPARK_", "CAKUPAN_SPARK_", "JAVA_HOME", "MASTER")
ROWS, SUM = 30_000, 30_000 * 29_999
# In a process of its own there is no session yet, and its end can be seen.
START = """
import json, os, signal, sys
from pathlib import Path
from matching.linker.spark.session import started
from warehouse.errors import UsageError

def doubled(batches):
    import duckdb, pyarrow as pa
    con = duckdb.connect()
    for batch in batches:
        con.register("batch", pa.Table.from_batches([batch]))
        yield from con.execute("SELECT id * 2 AS twice FROM batch").to_arrow_table().to_batches()

def failing(batches):
    raise ValueError("as it was meant to")
    yield

def job(session, function=doubled):
    doubles = session.range(0, 30_000, 1, 2).mapInArrow(function, "twice long")
    return list(doubles.selectExpr("count(*)", "sum(twice)").collect()[0])

def conf(session, *names):
    return [session.conf.get(name, None) for name in names]

def say(**what):
    print(json.dumps(what), flush=True)

folder = Path(sys.argv[1])
before, handler = dict(os.environ), signal.getsignal(signal.SIGINT)
"""


def environment(**changed: str) -> dict[str, str]:
    """Give this process's environment without what may be told to Spark in it."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(TOLD)}
    return kept | changed


def python(folder: Path, script: str, env: dict[str, str]) -> subprocess.Popen[str]:
    pipe = subprocess.PIPE
    return subprocess.Popen(
        [sys.executable, "-c", START + script, str(folder)],
        env=env, cwd=folder, text=True, stdin=pipe, stdout=pipe, stderr=pipe,
    )  # fmt: skip


def said(process: subprocess.Popen[str]) -> dict[str, Any]:
    """Wait for the end of a process, which must not have complained, and give its last line."""
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert err == ""
    return json.loads(out.splitlines()[-1])


def test_batches_go_through_duckdb(spark: SparkSession) -> None:
    def doubled(batches: Iterator[Any]) -> Iterator[Any]:
        import duckdb
        import pyarrow as pa

        con = duckdb.connect()
        for batch in batches:
            con.register("batch", pa.Table.from_batches([batch]))
            yield from (
                con.execute("SELECT id * 2 AS twice FROM batch").to_arrow_table().to_batches()
            )

    doubles = spark.range(0, ROWS, 1, 3).mapInArrow(doubled, "twice long")
    assert tuple(doubles.selectExpr("count(*)", "sum(twice)").collect()[0]) == (ROWS, SUM)


def test_a_session_that_runs_is_used_and_left_as_it_was(
    spark: SparkSession, tmp_path: Path
) -> None:
    spark.conf.set("spark.sql.session.timeZone", "Asia/Jakarta")
    try:
        with started(tmp_path, 1) as session:
            assert session is spark
            assert session.conf.get("spark.sql.session.timeZone") == "UTC"
            assert session.conf.get("spark.sql.execution.arrow.maxRecordsPerBatch") == "100000"
        assert spark.conf.get("spark.sql.session.timeZone") == "Asia/Jakarta"
        assert spark.range(3).count() == 3
    finally:
        spark.conf.set("spark.sql.session.timeZone", "UTC")


def test_the_java_beside_spark_will_do_and_nothing_is_left_of_it(tmp_path: Path) -> None:
    old = tmp_path / "bin" / "java"
    old.parent.mkdir()
    old.write_text("#!/bin/sh\necho 'openjdk version \"11.0.2\"' >&2\n", "utf-8")
    old.chmod(0o700)
    script = """
os.environ["SPARK_DRIVER_MEMORY"] = "1k"
try:
    with started(folder, 2):
        pass
except UsageError as error:
    refused = str(error)
del os.environ["SPARK_DRIVER_MEMORY"]
try:
    with started(folder, 2) as session:
        java = os.environ["JAVA_HOME"]
        conf = conf(session, "spark.master", "spark.driver.memory", "spark.driver.host")
        counted = job(session)
        job(session, failing)
except Exception as error:
    failed = f"{type(error).__name__}: {error}"
restored = dict(os.environ) == before and signal.getsignal(signal.SIGINT) is handler
children = [Path(f"/proc/{n}/status").read_text() for n in os.listdir("/proc") if n.isdigit()]
left = [text for text in children if f"PPid:\\t{os.getpid()}\\n" in text]
say(refused=refused, java=java, conf=conf, counted=counted, failed=failed, restored=restored,
    left=left, files=sorted(path.name for path in folder.iterdir()))
"""
    path = f"{old.parent}{os.pathsep}{os.environ['PATH']}"
    found = said(python(tmp_path, script, environment(CAKUPAN_SPARK_MASTER="local[1]", PATH=path)))
    assert found["refused"] == (
        "--engine spark: Spark did not start on local[1]: Too small maximum heap"
    )
    assert found["java"] == str(tmp_path / "java")
    assert found["conf"] == ["local[1]", "2g", "127.0.0.1"]
    assert found["counted"] == [ROWS, SUM]
    assert found["failed"].startswith("PySparkException: ")
    assert "ValueError: as it was meant to" in found["failed"]
    assert found["restored"]
    assert found["left"] == []
    assert found["files"] == ["bin", "java", "spark.log", "spill"]


def test_what_spark_itself_is_told_holds_and_a_server_can_be_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    (tmp_path / "spark-defaults.conf").write_text(
        "# Of the machine's administrator\n"
        "spark.master                    local[2]\n"
        "spark.driver.memory=900m\n"
        "spark.plugins                   org.apache.spark.sql.connect.SparkConnectPlugin\n"
        f"spark.connect.grpc.binding.port {port}\n",
        "utf-8",
    )
    server_script = """
with started(folder, 1) as session:
    say(conf=conf(session, "spark.master", "spark.driver.memory", "spark.sql.shuffle.partitions"))
    sys.stdin.readline()
say(ended=True)
"""
    client_script = """
with started(folder, 1) as session:
    here = type(session).__module__
    counted = job(session)
    zone = conf(session, "spark.sql.session.timeZone")
say(here=here, counted=counted, zone=zone, restored=dict(os.environ) == before)
"""
    server_folder, client_folder = tmp_path / "server", tmp_path / "client"
    server_folder.mkdir()
    client_folder.mkdir()
    server = python(
        server_folder,
        server_script,
        environment(
            SPARK_CONF_DIR=str(tmp_path), PYSPARK_SUBMIT_ARGS="--driver-memory 800m pyspark-shell"
        ),
    )
    try:
        assert server.stdout is not None
        told = json.loads(server.stdout.readline())
        client = python(
            client_folder, client_script,
            environment(CAKUPAN_SPARK_MASTER=f"sc://127.0.0.1:{port}"),
        )  # fmt: skip
        found = said(client)
        assert said(server) == {"ended": True}
    finally:
        server.kill()
    assert told["conf"] == ["local[2]", "800m", "6"]
    assert found == {
        "here": "pyspark.sql.connect.session",
        "counted": [ROWS, SUM],
        "zone": ["UTC"],
        "restored": True,
    }
    assert list(client_folder.iterdir()) == []
