"""What moved in the country since the month before, and why: what of it may be told.

Belongs here: which causes and flows of a month the dashboard and the report may tell. Does not
belong here: how they are counted (warehouse/sql/change), and differences of released figures,
which every reader can take.

The release has no table of change. Of the country's row, and of it alone, causes and flows are
told by a rule of their own, where the released counts of workers and active are told for both
months: each is none or ten people and more, and what adds up to a difference that is told is told
together or not at all. The three causes add up to the difference of the released gaps; who
entered work less who left it is the difference of the released workers. Nothing below the country
is read.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb

from warehouse.storage import literal

CAUSES = ("people", "deliveries", "links")
FLOWS = ("entered_work", "left_work", "newly_covered", "newly_lapsed")
SMALL = 9.5
"""The exact count that is printed as ten; docs/disclosure.md."""

_OWN = "basis = 'domicile' AND denominator_id = 'eligible'"


def national_changes(release: Path, exact: Path) -> dict[str, dict[str, Any]]:
    """Give what moved from each month to the next, as far as it may be told.

    Args:
        release: a publication's `release.duckdb`.
        exact: its `cakupan.duckdb`, for causes and flows.

    Returns:
        By month whose month before is released as well: `previous` (YYYY-MM), `gap_change`
        (difference of the released gaps), `causes` and `flows` by name in persons; None where
        withheld. Empty where the files have no such table.
    """
    if not exact.is_file():
        return {}
    with duckdb.connect(config={"threads": 1, "autoload_known_extensions": False}) as con:
        con.execute(f"ATTACH {literal(str(release))} AS told (READ_ONLY)")
        con.execute(f"ATTACH {literal(str(exact))} AS exact (READ_ONLY)")
        there = con.execute(
            "SELECT 1 FROM duckdb_tables() WHERE database_name = 'exact' "
            "AND schema_name = 'quality' AND table_name = 'change_causes'"
        ).fetchall()
        if not there:
            return {}
        flows = ", ".join(f"sum({name})::DOUBLE AS {name}" for name in FLOWS)
        causes = ", ".join(
            f"coalesce(sum(gap_change) FILTER (cause = '{name}'), 0)::DOUBLE AS {name}"
            for name in CAUSES
        )
        rows = con.execute(
            f"""
            SELECT n.period, b.period AS previous, n.workers - b.workers AS workers_change,
                n.gap - b.gap AS gap_change, c.* EXCLUDE (period, previous_period)
            FROM told.release.coverage_national AS n
            JOIN told.release.coverage_national AS b
            ON b.period = strftime(strptime(n.period || '-01', '%Y-%m-%d') - INTERVAL 1 MONTH,
                                   '%Y-%m')
                AND b.{_OWN.replace("AND ", "AND b.")}
            JOIN (
                SELECT period, previous_period, {flows}, {causes}
                FROM exact.quality.change_causes WHERE {_OWN} GROUP BY ALL
            ) AS c ON c.period = n.period AND c.previous_period = b.period
            WHERE n.{_OWN.replace("AND ", "AND n.")}
                AND n.inactive IS NOT NULL AND b.inactive IS NOT NULL
            ORDER BY n.period
            """
        ).to_arrow_table()
    return {
        row["period"]: {
            "previous": row["previous"],
            "gap_change": row["gap_change"],
            "causes": tell_causes({name: row[name] for name in CAUSES}, row["gap_change"]),
            "flows": tell_flows({name: row[name] for name in FLOWS}, row["workers_change"]),
        }
        for row in rows.to_pylist()
    }


def tell_causes(exact: Mapping[str, float], change: int) -> dict[str, int | None]:
    """Tell the causes of a change, so that they add up to it as it is printed.

    Args:
        exact: persons by cause, negative where the gap became smaller.
        change: the difference of the two released gaps.

    Returns:
        Whole persons by cause; None for all of them where one would tell of a few.
    """
    if any(_few(count) for count in exact.values()):
        return dict.fromkeys(exact)
    told = {name: _whole(count) for name, count in exact.items()}
    # The largest takes what rounding leaves, so that the sum is right as printed.
    largest = max(exact, key=lambda name: abs(exact[name]))
    told[largest] += change - sum(told.values())
    if abs(told[largest] - exact[largest]) > len(told) or 0 < abs(told[largest]) < SMALL:
        return dict.fromkeys(exact)
    return dict(told)


def tell_flows(exact: Mapping[str, float], change: int) -> dict[str, int | None]:
    """Tell how many entered and left work, became active and lapsed.

    Args:
        exact: persons by flow.
        change: the difference of the two released counts of workers.

    Returns:
        Whole persons by flow, None where withheld. `entered_work` less `left_work` is `change`.
    """
    told: dict[str, int | None] = {
        name: None if _few(count) else _whole(count) for name, count in exact.items()
    }
    entered, left = told["entered_work"], told["left_work"]
    if entered is None or left is None or entered - left != change:
        told["entered_work"] = told["left_work"] = None
    return told


def _few(count: float) -> bool:
    return 0 < abs(count) < SMALL


def _whole(count: float) -> int:
    return int(abs(count) + 0.5) * (1 if count >= 0 else -1)
