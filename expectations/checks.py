"""What a check is, and what comes of it.

Belongs here: the two records that suites, compiler, judge and runner hand to each other.
Does not belong here: which checks a dataset has (suites.py), or how they are computed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Severity = Literal["critical", "warning"]


@dataclass(frozen=True)
class Check:
    """One expectation on one table.

    Attributes:
        name: unique within its suite; the name of the asset check.
        table: `schema.table` it looks at.
        expectation: Great Expectations type, in snake case.
        column: the column it looks at; None for the whole table.
        kwargs: further arguments of the expectation, `column` left out.
        severity: `critical` blocks what follows, `warning` is told.
        id: what it demands, in Indonesian.
        en: the same in English.
        subject: what stands in the column of the published results; the column, where the
            type and column do not tell two checks apart.
        min_evaluated: below so many values the share says nothing, and the check holds.
        query: SQL of a hand-written check; gives one row `evaluated, unexpected`.
    """

    name: str
    table: str
    expectation: str
    column: str | None
    severity: Severity
    id: str
    en: str
    kwargs: Mapping[str, Any] = field(default_factory=dict, hash=False)
    subject: str = ""
    min_evaluated: int = 0
    query: str = ""

    @property
    def mostly(self) -> float:
        """Share of values that must fulfil it."""
        return float(self.kwargs.get("mostly", 1.0))

    @property
    def arguments(self) -> dict[str, Any]:
        """All arguments of the expectation, as Great Expectations names them."""
        column = {} if self.column is None else {"column": self.column}
        return {**column, **self.kwargs}


@dataclass(frozen=True)
class CheckResult:
    """What came of a check. It holds counts, never a value of the data.

    Attributes:
        name: the check's name.
        table: `schema.table` it looked at.
        expectation: Great Expectations type.
        column: the column, or what else it is about; empty for the whole table.
        severity: `critical` or `warning`.
        success: what Great Expectations judged.
        rows: rows of the table.
        evaluated: values (or rows) looked at; a missing value is neither good nor bad.
        unexpected: those that broke it.
        unexpected_share: of the evaluated, 0 where there were none.
        observed: the figure that was judged, as text: the share of good values, or a count.
        id: what it demands, in Indonesian.
        en: the same in English.
    """

    name: str
    table: str
    expectation: str
    column: str
    severity: Severity
    success: bool
    rows: int
    evaluated: int
    unexpected: int
    unexpected_share: float
    observed: str
    id: str
    en: str

    @property
    def blocks(self) -> bool:
        """Whether it stands in the way of what follows."""
        return not self.success and self.severity == "critical"
