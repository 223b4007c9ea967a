"""Running one tool as a process of its own, and what it took.

Belongs here: wall time, peak memory and the answer of a child process. Does not belong here:
what the child does.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


class ChildFailed(Exception):
    """A child process ended with an error; the text ends with what it said last."""


@dataclass(frozen=True)
class Run:
    """One process from its start to its end.

    Attributes:
        seconds: wall time, start of the interpreter and imports included.
        cpu_seconds: user and system time of the process and its children.
        peak_gb: largest resident set of the process or of any one child of it, in GB of
            1024^3 bytes.
        answer: the JSON object that its standard output ends with; empty where there is none.
    """

    seconds: float
    cpu_seconds: float
    peak_gb: float
    answer: dict[str, Any]


def run(command: Sequence[str], environment: Mapping[str, str] | None = None) -> Run:
    """Run a command to its end.

    The caller must itself be small: Linux counts what a process held before it became the
    command.

    Args:
        command: program and arguments.
        environment: variables set beside those of this process.

    Raises:
        ChildFailed: it ended with another status than 0.
    """
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
        started = time.monotonic()
        child = subprocess.Popen(
            list(command), stdout=output, stderr=errors, env={**os.environ, **(environment or {})}
        )
        _, status, usage = os.wait4(child.pid, 0)
        seconds = time.monotonic() - started
        # The child is gone: Popen must not wait for it again.
        child.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        errors.seek(0)
        text, said = output.read(), errors.read()
    if child.returncode:
        raise ChildFailed(
            f"{' '.join(command[:4])} ... ended with status {child.returncode}:\n"
            + "\n".join(said.strip().splitlines()[-12:])
        )
    scale = 1024**3 if sys.platform == "darwin" else 1024**2
    return Run(
        seconds,
        usage.ru_utime + usage.ru_stime,
        usage.ru_maxrss / scale,
        _answer(text),
    )


def _answer(text: str) -> dict[str, Any]:
    """Read the JSON object at the end of a text, over one line or several."""
    start = text.rfind("\n{") + 1 if not text.startswith("{") or "\n{" in text else 0
    try:
        answer = json.loads(text[start:])
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}
