"""The command `ui`: Dagster's web server and daemon on one home, until interrupted.

Belongs here: starting both, and ending both together. Does not belong here: anything that
they show.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

from pipelines.cli import errors
from pipelines.instance import open_instance
from pipelines.locks import clear_dead_runs
from warehouse.errors import CakupanError
from warehouse.home import Home

_LOCATION = ["--module-name", "pipelines.definitions", "--working-directory", str(Path.cwd())]
_GRACE_SECONDS = 20.0


def commands(host: str, port: int) -> dict[str, list[str]]:
    """Give the command line of each process, by its name."""
    folder = Path(sys.executable).parent
    return {
        "webserver": [str(folder / "dagster-webserver"), "-h", host, "-p", str(port), *_LOCATION],
        "daemon": [str(folder / "dagster-daemon"), "run", *_LOCATION],
    }


def serve(home: Home, host: str, port: int) -> int:
    """Run both until one ends or this process is told to stop.

    Raises:
        CakupanError: one of them ended by itself.
    """
    say = errors().print
    with open_instance(home, say) as instance:
        clear_dead_runs(home, instance)
    signal.signal(signal.SIGTERM, _interrupt)
    say(f"Dagster: http://{host}:{port} (home {home.path}); Ctrl-C to end")
    running: dict[str, subprocess.Popen[bytes]] = {}
    try:
        for name, command in commands(host, port).items():
            running[name] = subprocess.Popen(command)  # noqa: S603 - our own command lines
        while True:
            for name, process in running.items():
                code = process.poll()
                if code is not None:
                    raise CakupanError(
                        f"the Dagster {name} ended by itself with code {code}; its last lines "
                        f"above say why (is port {port} taken?)"
                    )
            time.sleep(0.5)
    except KeyboardInterrupt:
        return 0
    finally:
        _end(running)


def _interrupt(_signal: int, _frame: object) -> None:
    raise KeyboardInterrupt


def _end(running: dict[str, subprocess.Popen[bytes]]) -> None:
    """Ask each process to end, and make those end that do not."""
    for process in running.values():
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
    until = time.monotonic() + _GRACE_SECONDS
    for process in running.values():
        try:
            process.wait(max(0.1, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
