"""What is told of a linkage: its report, and its stages while they run.

Belongs here: counts, times and who hears of them. Does not belong here: how they are shown
(pipelines/cli_link.py).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

# The share of the work that is done at the end of each stage, as large tables show it.
DONE = {
    "reading": 0.1,
    "standardising": 0.45,
    "identifiers": 0.5,
    "learning": 0.75,
    "resolving": 0.9,
    "comparing": 0.95,
    "deciding": 0.97,
    "writing": 1.0,
}


@dataclass
class LinkReport:
    """What a linkage did.

    Attributes:
        left_rows: rows of LEFT.
        right_rows: rows of RIGHT.
        links: accepted links.
        review: pairs that a person should look at.
        tiers: accepted links by tier.
        candidates: pairs compared.
        blocking: by rule: pairs found, blocks skipped for being too large, and their pairs.
        parameters: the model, by comparison.
        through: the stages that linked: `general`, or `persons` or `employers`, the pipeline's.
        found: share of the left rows that have a right row; of all pairs in many_to_many.
        evaluation: against the truth, where it was given.
        seconds: by stage.
    """

    left_rows: int
    right_rows: int
    links: int = 0
    review: int = 0
    tiers: dict[str, int] = field(default_factory=dict)
    candidates: int = 0
    blocking: list[dict[str, Any]] = field(default_factory=list)
    parameters: list[dict[str, object]] = field(default_factory=list)
    through: str = "general"
    found: float = 0.0
    evaluation: dict[str, Any] | None = None
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def candidates_per_row(self) -> float:
        """Pairs compared per left row."""
        return self.candidates / self.left_rows if self.left_rows else 0.0


class Stages:
    """Tells the stages and times them.

    Args:
        log: told one line per stage.
        progress: told the share of the work that is done.
    """

    def __init__(
        self,
        log: Callable[[str], object] | None,
        progress: Callable[[float], object] | None = None,
    ) -> None:
        self._log = log
        self._progress = progress
        self._since = time.perf_counter()
        self.seconds: dict[str, float] = {}

    def done(self, stage: str, message: str) -> None:
        """Count the time since the last call for a stage, and tell what it did."""
        now = time.perf_counter()
        self.seconds[stage] = round(self.seconds.get(stage, 0.0) + now - self._since, 2)
        self._since = now
        if stage in DONE:
            self.reached(DONE[stage])
        self.tell(message)

    def reached(self, share: float) -> None:
        """Tell what share of the work is done, from 0 to 1."""
        if self._progress:
            self._progress(share)

    def tell(self, message: str) -> None:
        """Tell something of a stage that goes on."""
        if self._log:
            self._log(message)
