"""Being told to stop: signals that no code on the way can swallow.

Belongs here: noting SIGINT and SIGTERM beside whatever handler is in place. Does not belong
here: what a step does about it (assets/stage.py), or the exit code (outcome.py).
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

ASKED = frozenset({signal.SIGINT, signal.SIGTERM})


@contextmanager
def told_to_stop() -> Iterator[Callable[[], bool]]:
    """Note every request to stop for as long as the block runs.

    A signal's handler raises its exception wherever the main thread happens to be. Where that
    is a finalizer or a callback of a library written in C, the exception is dropped there and
    the run would go on to its end. The number of each signal is therefore written to a pipe as
    well (`signal.set_wakeup_fd`), whatever the handlers do.

    Yields:
        Tells whether the process was told to stop since. Outside of the main thread, where
        Python allows no such pipe, the answer is always no.
    """
    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    os.set_blocking(writing, False)
    told = False

    def asked() -> bool:
        nonlocal told
        try:
            numbers = os.read(reading, 4096)
        except BlockingIOError:
            return told
        told = told or any(number in ASKED for number in numbers)
        return told

    before = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    try:
        yield asked
    finally:
        signal.set_wakeup_fd(before)
        os.close(reading)
        os.close(writing)
