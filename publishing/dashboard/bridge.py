"""The bridge from the official count of active participants to the workers active here.

Belongs here: which of its steps may be told. Does not belong here: how they are counted
(warehouse/sql/coverage), or other tables: the page reads no other figure than these from the
exact file.

The release has no bridge. Its row of the whole country is told by a rule of its own, the one
that `sensitivity` is released by: a step is told where it counts nobody or ten people and more,
and differs from every step told before it by none or by ten and more. The last step is the
released number of active workers itself; from the step before it, it differs by probabilities of
links alone. Provinces and segments of the bridge are not told.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb

SMALL = 10
_LAST = "active_here"


def national_bridge(exact: Path, periods: list[str]) -> dict[str, list[dict[str, Any]]]:
    """Give the steps of each month that may be told, in order.

    Args:
        exact: the publication's `cakupan.duckdb`.
        periods: the months.

    Returns:
        By month: `step`, `id`, `en` and `n`, persons (cards in the first step), None where it is
        withheld. Empty where the file has no bridge.
    """
    if not exact.is_file():
        return {}
    with duckdb.connect(str(exact), read_only=True, config={"threads": 1}) as con:
        there = con.execute(
            "SELECT 1 FROM duckdb_tables() WHERE schema_name = 'quality' AND table_name = 'bridge'"
        ).fetchall()
        rows = (
            con.execute(
                "SELECT period, step, step_id, step_en, participants FROM quality.bridge "
                "WHERE area = 'national' AND segment = 'ALL' AND list_contains(?, period) "
                "ORDER BY period, step_no",
                [periods],
            ).fetchall()
            if there
            else []
        )
    told: dict[str, list[dict[str, Any]]] = {}
    for period in periods:
        steps = [row for row in rows if row[0] == period]
        counts = may_tell([(step, float(count)) for _, step, _, _, count in steps])
        if steps:
            told[period] = [
                {"step": step, "id": name, "en": name_en, "n": count}
                for (_, step, name, name_en, _), count in zip(steps, counts, strict=True)
            ]
    return told


def may_tell(steps: list[tuple[str, float]]) -> list[int | None]:
    """Round the counts of steps, and withhold those that would tell of a few.

    Args:
        steps: name and exact count of each step, the widest first.

    Returns:
        Whole numbers, None where withheld.
    """
    told: list[float] = []
    result: list[int | None] = []
    for name, count in steps:
        apart = all(count == other or abs(count - other) >= SMALL for other in told)
        if count >= SMALL and (apart or name == _LAST):
            told.append(count)
            result.append(int(count + 0.5))
        else:
            result.append(None)
    return result
