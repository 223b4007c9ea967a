"""The Spark session that a linkage runs in: where Spark is, how it is set, its start and end.

Belongs here: the choice between a cluster and this machine, the settings, starting and ending.
Does not belong here: which Java (matching/linker/spark/java.py), what runs in the session, and the
choice of engine (pipelines/cli_link.py).
PySpark is an extra: it is imported where it is used, so that this module can do without.
"""

from __future__ import annotations

import itertools
import os
import re
import shlex
import signal
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from matching.linker.spark.java import INSTALL, use_java
from warehouse.errors import UsageError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

__all__ = ["MASTER", "started"]

MASTER = "CAKUPAN_SPARK_MASTER"
"""The environment variable that names a cluster, before what Spark itself is told."""

# What the stages rely on, whatever the cluster; a session can be told these at any time.
SETTINGS = {
    "spark.sql.execution.arrow.maxRecordsPerBatch": "100000",
    "spark.sql.session.timeZone": "UTC",
}
# Options of spark-submit and variables that say the same as a setting.
SUBMIT_OPTIONS = {
    "--master": "spark.master",
    "--remote": "spark.remote",
    "--driver-memory": "spark.driver.memory",
}
VARIABLES = {
    "MASTER": "spark.master",
    "SPARK_REMOTE": "spark.remote",
    "SPARK_DRIVER_MEMORY": "spark.driver.memory",
    "SPARK_LOCAL_DIRS": "spark.local.dir",
}
OURS = ("JAVA_HOME", "PYSPARK_", "SPARK_")
END_SECONDS = 30.0
# The client's own patience is ten minutes, which is right once a linkage runs. This is 20 seconds.
CONNECT_RETRIES = 5


@contextmanager
def started(folder: Path, threads: int | None) -> Iterator[SparkSession]:
    """Give the session of a linkage, and end it afterwards if it was not there before.

    A session that runs already, as in a notebook, is used. Else CAKUPAN_SPARK_MASTER says where
    Spark is: a master URL, or a URL of Spark Connect (`sc://`). Else Spark goes where its own
    files and variables send it. Else it runs on this machine.

    Args:
        folder: scratch folder of this linkage, which outlives the session.
        threads: cores to use on this machine; None takes all.

    Yields:
        The session; the environment is as it was once the block has ended.

    Raises:
        UsageError: PySpark or Java is missing, or Spark did not start there.
    """
    with ExitStack() as stack:
        stack.enter_context(warnings.catch_warnings())
        # The stages hand over Arrow tables; no pandas is involved.
        warnings.filterwarnings("ignore", message="PySpark does not yet fully support pandas")
        try:
            session = _running()
            if session is None:
                stack.enter_context(_environment_kept())
                session = _start(stack, folder.resolve(), threads)
            else:
                stack.enter_context(_settings_kept(session))
        except ImportError as error:
            # Names the package: a client of Spark Connect needs some that PySpark alone does not.
            raise UsageError(
                f"--engine spark: {str(error).splitlines()[0].rstrip('.')}: install the "
                f"engine's packages: {INSTALL}"
            ) from error
        for name, value in SETTINGS.items():
            session.conf.set(name, value)
        yield session


def _running() -> SparkSession | None:
    """Give the session that runs in this process, whichever thread started it."""
    import pyspark  # noqa: PLC0415
    from pyspark.sql import SparkSession  # noqa: PLC0415

    session = SparkSession.getActiveSession()
    context = getattr(pyspark, "SparkContext", None)
    if session is None and context is not None and context._active_spark_context is not None:
        session = SparkSession.builder.getOrCreate()
    return session


@contextmanager
def _settings_kept(session: SparkSession) -> Iterator[None]:
    before = {name: session.conf.get(name, None) for name in SETTINGS}
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                session.conf.unset(name)
            else:
                session.conf.set(name, value)


@contextmanager
def _environment_kept() -> Iterator[None]:
    """Undo what is changed of the environment, and PySpark's own hold on interrupts."""
    before = {name: value for name, value in os.environ.items() if name.startswith(OURS)}
    handler = signal.getsignal(signal.SIGINT)
    try:
        yield
    finally:
        for name in [name for name in os.environ if name.startswith(OURS)]:
            del os.environ[name]
        os.environ.update(before)
        if threading.current_thread() is threading.main_thread() and handler is not None:
            signal.signal(signal.SIGINT, handler)


def _start(stack: ExitStack, folder: Path, threads: int | None) -> SparkSession:
    from pyspark.sql import SparkSession  # noqa: PLC0415

    named = os.environ.get(MASTER, "")
    if "PYSPARK_GATEWAY_PORT" in os.environ and not named.startswith("sc://"):
        # Under spark-submit: a driver runs already, and where is decided.
        session = SparkSession.builder.appName("cakupan").getOrCreate()
        stack.callback(_stop, session)
        return session
    told = _told()
    remote = named if named.startswith("sc://") else "" if named else told.get("spark.remote", "")
    master = named or told.get("spark.master") or f"local[{threads or '*'}]"
    try:
        if remote:
            return _connected(stack, folder, remote)
        # A master named by us goes before a server that Spark knows of.
        os.environ.pop("SPARK_REMOTE", None)
        return _classic(stack, folder, told, master)
    except (UsageError, ImportError):
        raise
    except Exception as error:
        # What follows the server's name in its URL may be a token.
        place = (remote or master).partition(";")[0]
        raise UsageError(
            f"--engine spark: Spark did not start on {place}: {_why(error, folder / 'spark.log')}"
        ) from error


def _connected(stack: ExitStack, folder: Path, url: str) -> SparkSession:
    """Become a client of Spark Connect, whose server answers at once or is not there."""
    from pyspark.sql import SparkSession  # noqa: PLC0415

    if not url.startswith("sc://"):
        # PySpark starts a server here.
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
        use_java(folder)
    session = SparkSession.builder.remote(url).getOrCreate()
    stack.callback(_stop, session)
    from pyspark.sql.connect.client.retries import DefaultPolicy  # noqa: PLC0415

    client = session.client
    usual = client.get_retry_policies()
    client.set_retry_policies([DefaultPolicy(max_retries=CONNECT_RETRIES)])
    try:
        _ = session.version
    except Exception:
        # Its end would be told to a server that does not answer.
        session.release_session_on_close = False
        raise
    client.set_retry_policies(usual)
    return session


def _classic(stack: ExitStack, folder: Path, told: dict[str, str], master: str) -> SparkSession:
    """Start a driver here, and executors where the master is."""
    from pyspark import SparkConf, SparkContext  # noqa: PLC0415
    from pyspark.java_gateway import launch_gateway  # noqa: PLC0415
    from pyspark.sql import SparkSession  # noqa: PLC0415

    settings = {"spark.app.name": "cakupan", "spark.ui.showConsoleProgress": "false"}
    local = master.startswith("local")
    use_java(folder)
    if local:
        settings |= _local(folder, master)
        # Elsewhere the workers' Python is at a path of theirs.
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    settings = {name: value for name, value in settings.items() if name not in told}
    conf = SparkConf().setAll([("spark.master", master), *settings.items()])
    if SparkContext._gateway is None:
        quiet: dict[str, Any] = {}
        if local:
            # What Java, Spark and the workers have to say is said by the exceptions as well; and
            # their log quotes rows.
            log = stack.enter_context((folder / "spark.log").open("ab"))
            quiet = {"stdout": log, "stderr": log}
        gateway = launch_gateway(conf, quiet)
        stack.callback(_end, gateway)
        stack.push(_speak)
        context = SparkContext(conf=conf, gateway=gateway)
    else:
        context = SparkContext(conf=conf)
    stack.callback(_stop, context)
    if local:
        context.setLogLevel("ERROR")
    session = SparkSession.builder.config("spark.api.mode", "classic").getOrCreate()
    stack.callback(_stop, session)
    return session


def _local(folder: Path, master: str) -> dict[str, str]:
    """Give the settings for a Spark that has this machine, or a part of it, to itself."""
    cores = _cores(master)
    return {
        "spark.driver.memory": "2g",
        # No other machine has to reach it, so no network is needed.
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.ui.enabled": "false",
        "spark.local.dir": str(folder / "spill"),
        "spark.sql.warehouse.dir": (folder / "warehouse").as_uri(),
        "spark.driver.extraJavaOptions": f'"-Djava.io.tmpdir={folder}"',
        "spark.sql.adaptive.enabled": "true",
        "spark.sql.shuffle.partitions": str(3 * cores),
    }


def _cores(master: str) -> int:
    """Give the cores that a local master has: `local[4]` has 4, `local-cluster[2,3,1024]` 6."""
    numbers = [int(number) for number in re.findall(r"\d+", master)]
    if master.startswith("local-cluster") and len(numbers) > 1:
        return numbers[0] * numbers[1]
    if "*" in master:
        return os.cpu_count() or 1
    return numbers[0] if numbers else 1


def _told() -> dict[str, str]:
    """Give the settings that Spark gets from its own file, variables and arguments."""
    import pyspark  # noqa: PLC0415

    home = Path(os.environ.get("SPARK_HOME") or Path(pyspark.__file__).parent)
    told = {name: os.environ[key] for key, name in VARIABLES.items() if os.environ.get(key)}
    defaults = Path(os.environ.get("SPARK_CONF_DIR") or home / "conf") / "spark-defaults.conf"
    if defaults.is_file():
        for line in defaults.read_text("utf-8").splitlines():
            if found := re.match(r"\s*(spark\.[^\s=:]+)\s*[=:\s]\s*(.*\S)", line):
                told[found[1]] = found[2]
    arguments = shlex.split(os.environ.get("PYSPARK_SUBMIT_ARGS", ""))
    for option, value in itertools.pairwise(arguments):
        if option in SUBMIT_OPTIONS:
            told[SUBMIT_OPTIONS[option]] = value
        elif option in ("--conf", "-c"):
            name, _, told_value = value.partition("=")
            told[name] = told_value
    return told


def _why(error: Exception, log: Path) -> str:
    """Give the cause in one line: Java's last word where Java did not come up."""
    # An error of gRPC keeps its reason behind a headline.
    details = getattr(error, "details", None)
    text = str(details()) if callable(details) else str(error)
    lines = [line for line in text.splitlines() if line.strip()]
    if "JAVA_GATEWAY_EXITED" in text and log.is_file():
        said = log.read_text("utf-8", errors="replace").splitlines()
        lines = [line for line in said if line.strip()][-1:] or lines
    else:
        # Py4J puts a line of its own before that of Java.
        lines = [line for line in lines if "Exception: " in line] or lines
    return lines[0].strip(" :") if lines else type(error).__name__


def _speak(kind: object, error: BaseException | None, trace: TracebackType | None) -> None:
    """Put an error of Spark's into words while the Java lives that has to be asked for them.

    Raises:
        PySparkException: the same error, which stands for itself.
    """
    from pyspark.errors import PySparkException  # noqa: PLC0415
    from pyspark.errors.exceptions.captured import CapturedException  # noqa: PLC0415

    if isinstance(error, CapturedException):
        raise PySparkException(message=str(error)).with_traceback(trace) from None


def _stop(running: Any) -> None:
    # A driver that died has nothing left to stop, and what it died of is on its way up.
    with suppress(Exception):
        running.stop()


def _end(gateway: Any) -> None:
    """End the driver's Java, so that nothing of it holds or writes to the folder any more."""
    from pyspark import SparkContext  # noqa: PLC0415

    with suppress(Exception):
        gateway.shutdown()
    SparkContext._gateway = None
    SparkContext._jvm = None
    gateway.proc.stdin.close()
    try:
        gateway.proc.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        gateway.proc.kill()
        gateway.proc.wait()
