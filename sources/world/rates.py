"""The table of error rates: defaults, a deployment's changes, and which group a list is in.

Belongs here: reading and checking rates. Does not belong here: what an error does (damage).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from warehouse.errors import UsageError

GROUPS = ("register", "membership", "payroll", "roster", "owner", "employer", "project")
GROUP_OF_KIND = {
    "population": "register",
    "membership": "membership",
    "employment": "payroll",
    "roster": "roster",
    "employer": "employer",
    "project": "project",
}
"""Group of a dataset by its entity kind; owners of businesses are a group of their own."""


@dataclass(frozen=True)
class ErrorRates:
    """Rates of every class of error.

    Attributes:
        table: class to group to rate, a fraction from 0 to 1; a missing group means 0.
    """

    table: Mapping[str, Mapping[str, float]]

    def rate(self, error: str, group: str) -> float:
        """Give one rate; 0 where the class does not touch the group."""
        return self.table[error].get(group, 0.0)


def load_rates(path: Path | None = None) -> ErrorRates:
    """Read the default rates, and over them those of a file.

    Raises:
        UsageError: the file is missing, is no such table, or names an unknown class or group.
    """
    default = files("sources.world").joinpath("data", "error_rates.yaml")
    table: dict[str, dict[str, float]] = yaml.safe_load(default.read_text(encoding="utf-8"))
    if path is None:
        return ErrorRates(table)
    if not path.is_file():
        raise UsageError(f"error rates file {path} does not exist")
    try:
        changes: Any = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except yaml.YAMLError:
        raise UsageError(f"error rates file {path} is not valid YAML") from None
    if not isinstance(changes, dict):
        raise UsageError(f"error rates file {path} must map classes of error to groups and rates")
    for error, groups in changes.items():
        if error not in table:
            known = ", ".join(table)
            raise UsageError(f"error rates file {path}: no class {error!r}; there are {known}")
        if not isinstance(groups, dict):
            raise UsageError(f"error rates file {path}: {error} must map groups to rates")
        for group, rate in groups.items():
            if group not in GROUPS:
                raise UsageError(
                    f"error rates file {path}: {error} has no group {group!r}; "
                    f"there are {', '.join(GROUPS)}"
                )
            if isinstance(rate, bool) or not isinstance(rate, int | float) or not 0 <= rate <= 1:
                raise UsageError(f"error rates file {path}: {error}.{group} must be from 0 to 1")
            table[error][group] = float(rate)
    return ErrorRates(table)
