"""A request to stop is known although nothing raises for it."""

from __future__ import annotations

import os
import signal
import threading

import dagster as dg
import pytest

from assets.stage import guarded, stopped_by
from pipelines.stopping import told_to_stop


@pytest.fixture
def deaf():
    """Handlers that drop what they are told, like a finalizer that drops an exception."""
    before = {
        number: signal.signal(number, lambda *_: None) for number in (signal.SIGINT, signal.SIGTERM)
    }
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_that_its_handler_drops_is_known(deaf, number: signal.Signals) -> None:
    with told_to_stop() as asked:
        assert not asked()
        os.kill(os.getpid(), number)
        assert asked()
        assert asked()  # and stays so


def test_other_signals_ask_for_nothing(deaf) -> None:
    before = signal.signal(signal.SIGUSR1, lambda *_: None)
    with told_to_stop() as asked:
        os.kill(os.getpid(), signal.SIGUSR1)
        assert not asked()
    signal.signal(signal.SIGUSR1, before)


def test_what_watched_signals_before_watches_them_again(deaf) -> None:
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    before = signal.set_wakeup_fd(writing)
    try:
        with told_to_stop():
            pass
        os.kill(os.getpid(), signal.SIGTERM)
        assert os.read(reading, 8) == bytes([signal.SIGTERM])
    finally:
        signal.set_wakeup_fd(before)
        os.close(reading)
        os.close(writing)


def test_a_thread_is_told_nothing() -> None:
    answers = []

    def ask() -> None:
        with told_to_stop() as asked:
            answers.append(asked())

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()
    assert answers == [False]


def test_no_stage_begins_in_a_run_that_was_told_to_stop() -> None:
    begun = []
    with stopped_by(lambda: True), pytest.raises(dg.DagsterExecutionInterruptedError):
        guarded(lambda: begun.append(1))()
    guarded(lambda: begun.append(2))()
    assert begun == [2]


def test_a_query_that_a_signal_ended_is_an_interruption_and_no_fault() -> None:
    def query() -> None:
        raise RuntimeError("Query interrupted")

    with pytest.raises(dg.DagsterExecutionInterruptedError):
        guarded(query)()
