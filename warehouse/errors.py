"""The project's one family of errors, each with the exit code the command line ends with.

Belongs here: exception classes that any room may raise. Does not belong here: messages,
which are written where the fault is found, name file, row or column, say what to do, and
never quote a personal value.
"""

from __future__ import annotations


class CakupanError(Exception):
    """Anything the project refuses on purpose; subclasses set `exit_code`."""

    exit_code = 1


class UsageError(CakupanError):
    """The call itself is wrong: an unknown dataset, a bad period, a bad settings file."""

    exit_code = 2


class DataRefused(CakupanError):
    """A delivery, file or row set that cannot be taken in.

    Attributes:
        code: reason code of `reference.reason_codes`, e.g. `SCHEMA_DRIFT`.
    """

    exit_code = 3

    def __init__(self, message: str, *, code: str) -> None:
        super().__init__(message)
        self.code = code


class GateBlocked(CakupanError):
    """A blocking check failed, so nothing is published; what was published before stays."""

    exit_code = 4


class SourceDown(CakupanError):
    """A source database or target cannot be reached, or broke off and stayed down."""

    exit_code = 5
