"""Reading a release into the page's tables: which, which columns, which months.

Belongs here: the columns that the page holds of each released table, and their compact form.
Does not belong here: what the page shows of them (scripts/).

A table of one month is an object of columns. Keys are told once each and then by their number;
numbers are a text with commas between them, empty where a figure is withheld. Tables of
coverage are complete crosses of their keys: a row of which nothing is told is left out, and the
page reads a missing row as withheld. Gaps and rates follow from the counts (docs/disclosure.md:
rates come from the printed counts), and the tests hold every one of them against the release.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from warehouse.errors import GateBlocked
from warehouse.storage import literal, quote

_PARTS = ("active", "inactive", "unregistered", "active_low", "active_high")


@dataclass(frozen=True)
class PageTable:
    """A released table as the page holds it.

    Attributes:
        name: name in the release.
        keys: columns that identify a row within a month.
        figures: columns of whole numbers.
        complete: rows without any figure are left out.
        detail: only the newest months are held.
        where: the rows that are held.
    """

    name: str
    keys: tuple[str, ...]
    figures: tuple[str, ...]
    complete: bool = True
    detail: bool = False
    where: str = "true"


def _coverage(name: str, *keys: str, detail: bool = False) -> PageTable:
    own = "denominator_id = 'eligible'"
    return PageTable(name, ("basis", *keys), ("workers", *_PARTS), detail=detail, where=own)


PAGE_TABLES: tuple[PageTable, ...] = (
    _coverage("coverage_national"),
    _coverage("coverage_by_province", "province_code"),
    _coverage("coverage_by_sector", "sector_code"),
    _coverage("coverage_by_province_sector", "province_code", "sector_code"),
    _coverage("coverage_by_regency", "regency_code"),
    _coverage("coverage_by_sector_region", "regency_code", "sector_code", detail=True),
    _coverage("coverage_by_segment", "province_code", "segment", "sex", "age_band"),
    PageTable(
        "gap_by_instruction",
        ("clause", "dataset", "province_code"),
        ("persons", *_PARTS, "listed", "linked", "review", "unlinked"),
        complete=False,
    ),
    # A list that a clause means as a whole stands in the table before.
    PageTable(
        "gap_by_group",
        ("clause", "dataset", "group_code", "obligation", "province_code"),
        ("persons", *_PARTS, "listed", "linked", "review", "unlinked"),
        complete=False,
        where="group_code <> 'semua'",
    ),
    # Only what does not rest on tax data, which is for two addressees alone (docs/definitions.md).
    PageTable(
        "compliance_by_sector_region",
        ("regency_code", "sector_code"),
        (
            "employers_flagged_without_tax",
            "active_participants",
            "missing_workers_without_tax",
            "estimated_without_tax",
        ),
        complete=False,
        detail=True,
    ),
    PageTable(
        "construction_cover",
        ("province_code", "funding"),
        (
            "projects",
            "with_certificate",
            "without_certificate",
            "contract_value",
            "value_without_certificate",
        ),
        complete=False,
    ),
    PageTable("sensitivity", ("province_code", "scenario"), ("workers", "active"), complete=False),
    PageTable(
        "deliveries",
        ("dataset", "delivery_period", "delivery_state", "source_kind"),
        ("age_months", "delivered", "rejected_rows"),
        complete=False,
    ),
    PageTable(
        "reconciliation",
        ("dataset",),
        ("delivered", "accepted", "quarantined", "duplicates", "linked", "review", "unlinked"),
        complete=False,
    ),
)
"""Everything that the page holds of a release."""


class Release:
    """A release opened read-only; a context manager."""

    def __init__(self, file: Path) -> None:
        self._con = duckdb.connect(config={"threads": 1, "autoload_known_extensions": False})
        try:
            # The file's name is also that of its schema: an own name keeps them apart.
            self._con.execute(f"ATTACH {literal(str(file))} AS r (READ_ONLY)")
        except duckdb.Error:
            self._con.close()
            problem = f"{file} cannot be opened"
        else:
            return
        raise GateBlocked(f"{problem}: publish the month again, the dashboard is made from it")

    def __enter__(self) -> Release:
        return self

    def __exit__(self, *_: object) -> None:
        self._con.close()

    def rows(self, query: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Run a query in which `r.release` is the release's schema."""
        return self._con.execute(query, list(parameters)).fetchall()

    def has(self, table: str) -> bool:
        """Tell whether the release has a table."""
        return bool(
            self.rows(
                "SELECT 1 FROM duckdb_tables() WHERE database_name = 'r' AND table_name = ?",
                [table],
            )
        )

    def periods(self) -> list[str]:
        """List the months, the newest first."""
        return [
            period
            for (period,) in self.rows(
                "SELECT DISTINCT period FROM r.release.coverage_national ORDER BY period DESC"
            )
        ]

    def table(self, spec: PageTable, period: str) -> dict[str, Any]:
        """Give a table of a month in the page's compact form.

        Returns:
            `n` rows, `keys` and `figures` by column: a key's distinct values `d` and their
            numbers `i`, a figure's values, both as text with commas between them.
        """
        told = " OR ".join(f"{quote(name)} IS NOT NULL" for name in spec.figures)
        source = (
            f"(FROM r.release.{quote(spec.name)} WHERE period = $period AND ({spec.where})"
            f"{f' AND ({told})' if spec.complete else ''})"
        )
        order = ", ".join(quote(name) for name in spec.keys)
        parts = []
        for name in spec.keys:
            column = quote(name)
            # Position in the list of distinct values; NULL is a value of its own, the empty text.
            parts += [
                f"(SELECT list(DISTINCT coalesce({column}, '') ORDER BY coalesce({column}, '')) "
                f"FROM t)",
                f"string_agg(list_position((SELECT list(DISTINCT coalesce({column}, '') "
                f"ORDER BY coalesce({column}, '')) FROM t), coalesce({column}, '')) - 1, ',' "
                f"ORDER BY {order})",
            ]
        parts += [
            f"string_agg(coalesce({quote(name)}::VARCHAR, ''), ',' ORDER BY {order})"
            for name in spec.figures
        ]
        row = self._con.execute(
            f"WITH t AS MATERIALIZED {source} SELECT count(*), {', '.join(parts)} FROM t",
            {"period": period},
        ).fetchall()[0]
        keys = {
            name: {"d": row[1 + 2 * at] or [], "i": row[2 + 2 * at] or ""}
            for at, name in enumerate(spec.keys)
        }
        first = 1 + 2 * len(spec.keys)
        figures = {name: row[first + at] or "" for at, name in enumerate(spec.figures)}
        return {"n": row[0], "keys": keys, "figures": figures}
