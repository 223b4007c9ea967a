"""Drift of types: whether the columns of a delivery still hold what they held before.

Belongs here: comparing the forms of a landed file's values with those of the delivery before,
and telling which of day and month comes first. Does not belong here: missing columns
(sources/files/headers.py), single cells (sources/conforming), shares of values that are
merely poor (expectations).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import duckdb

from sources.conforming.cells import NUMBERS, clean_sql, cleaned_name, parsed_name, trim_sql
from sources.conforming.kinds import cell
from sources.contracts import Contract, ContractColumn
from sources.ledger import Kept
from warehouse.connection import last_day
from warehouse.errors import CakupanError, DataRefused
from warehouse.storage import literal, quote

WATCHED = ("date", "period", "vocabulary", "boolean", "region", "nik", "npwp", *NUMBERS)
"""Kinds of columns whose values have a form that can change."""

SAMPLED_ROWS = 10_000
"""Of every file the first so many rows are looked at: a type changes for all of them."""

ENOUGH_VALUES = 30
"""Of fewer values nothing is concluded."""

WAS_READ, STILL_READ = 0.6, 0.5
"""Drift: of the delivery before so much could be read, and now less than that part of it."""

SWAPPED, IN_ORDER = 0.95, 0.70
"""Day and month have changed places: so many dates can be read so, and no more as agreed.
By chance two of five dates can be read either way."""

DIFFERENT_DAYS = 5
"""With fewer different days of the month (lists dated on the first) order tells nothing."""

_FORMS = {
    "date": "\\d{4}[-/.]\\d{1,2}[-/.]\\d{1,2}.*|\\d{1,2}[-/. ]\\w{1,12}[-/. ]\\d{2,4}",
    "whole number": "[-+]?\\d+",
    "number": "[-+]?\\d[\\d.,]*([eE]\\+?\\d+)?",
}
_OTHER = "text"


@dataclass(frozen=True)
class _Look:
    """What one column of one file (or delivery) holds; counts of values."""

    values: int
    read: int
    forms: Mapping[str, int]
    swapped: int
    days: int

    @property
    def share(self) -> float:
        return self.read / self.values if self.values else 0.0

    @property
    def form(self) -> str:
        return max(self.forms, key=lambda form: self.forms[form])


def check(con: duckdb.DuckDBPyConnection, contract: Contract, kept: Kept) -> list[str]:
    """Compare a landed delivery with the one before, file by file.

    Args:
        con: the warehouse, with the delivery landed (in a transaction that can still go back).
        contract: the dataset's.
        kept: the delivery.

    Returns:
        Warnings: dates of which day and month cannot be told apart.

    Raises:
        DataRefused: SCHEMA_DRIFT where the form of a column's values has changed (fault 15),
            AMBIGUOUS_DATE where day and month have changed places (fault 22).
        CakupanError: the look itself failed.
    """
    columns = [column for column in contract.columns if column.kind in WATCHED]
    if not columns:
        return []
    this = (kept.period, kept.version)
    now = _looks(con, contract, columns, this, "file")
    warnings: list[str] = []
    for file, looks in now.items():
        shown = f"{kept.dataset}/{kept.period}/{file}"
        warnings += _order_of_dates(contract, columns, looks, shown)
    before = _before(con, contract, kept)
    if before is None:
        return warnings
    earlier = _looks(con, contract, columns, before, "''").get("", {})
    for file, looks in now.items():
        shown = f"{kept.dataset}/{kept.period}/{file}"
        for name, look in looks.items():
            was = earlier.get(name)
            if was is None or min(was.values, look.values) < ENOUGH_VALUES:
                continue
            if was.share >= WAS_READ and look.share < STILL_READ * was.share:
                one = [column for column in columns if column.name == name]
                old_form = _looks(con, contract, one, before, "''", forms=True)[""][name].form
                new_form = _looks(con, contract, one, this, "file", forms=True)[file][name].form
                raise DataRefused(
                    f"{shown}: column {name} has changed its type: in {before[0]} v{before[1]} "
                    f"{was.share:.0%} of its values could be read (mostly {old_form}), now "
                    f"{look.share:.0%} (mostly {new_form}). Ask for the former form, or change "
                    f"the contract of {contract.key}",
                    code="SCHEMA_DRIFT",
                )
    return warnings


def _order_of_dates(
    contract: Contract, columns: Iterable[ContractColumn], looks: Mapping[str, _Look], shown: str
) -> list[str]:
    warnings = []
    for column in columns:
        look = looks[column.name]
        if column.kind != "date" or look.values < ENOUGH_VALUES:
            continue
        if look.swapped >= SWAPPED * look.values and look.share < IN_ORDER:
            raise DataRefused(
                f"{shown}: in column {column.name} day and month have changed places: "
                f"{look.share:.0%} of its dates can be read as the contract of {contract.key} "
                f"says ({_format(contract)}), {look.swapped / look.values:.0%} the other way "
                "round. Ask for the agreed order, or change dateFormat in the contract",
                code="AMBIGUOUS_DATE",
            )
        if (
            not _format(contract).startswith("%Y")
            and look.read == look.swapped == look.values
            and look.days >= DIFFERENT_DAYS
        ):
            warnings.append(
                f"{shown}: column {column.name}: day and month cannot be told apart, none of "
                f"{look.values} dates has a day after the 12th (AMBIGUOUS_DATE); read as "
                f"{_format(contract)}"
            )
    return warnings


def _before(
    con: duckdb.DuckDBPyConnection, contract: Contract, kept: Kept
) -> tuple[str, int] | None:
    """Find the last accepted delivery before this one."""
    found = con.execute(
        "SELECT period, version FROM landing.deliveries WHERE dataset = ? AND state = 'accepted' "
        "AND rows > rejected_rows AND (period < ? OR (period = ? AND version < ?)) "
        "ORDER BY period DESC, version DESC LIMIT 1",
        [contract.key, kept.period, kept.period, kept.version],
    ).fetchone()
    return None if found is None else (str(found[0]), int(found[1]))


def _looks(
    con: duckdb.DuckDBPyConnection,
    contract: Contract,
    columns: list[ContractColumn],
    delivery: tuple[str, int],
    by: str,
    *,
    forms: bool = False,
) -> dict[str, dict[str, _Look]]:
    """Look at the first rows of every file of a delivery, together or by file."""
    period, version = delivery
    failed = ""
    found: list[tuple[str, ...]] = []
    try:
        query = _query(contract, columns, delivery, by, forms=forms)
        found = con.execute(query).fetchall()
    except duckdb.Error as error:
        failed = type(error).__name__  # its text may quote a value
    if failed:
        raise CakupanError(
            f"comparing the types of {contract.key} {period} v{version} failed ({failed}); "
            "nothing landed. Run the period again"
        )
    names = (*_FORMS, _OTHER)
    looks: dict[str, dict[str, _Look]] = {}
    for file, *figures in found:
        counts = iter(int(figure) for figure in figures)
        next_count: Callable[[], int] = counts.__next__
        looks[file] = {
            column.name: _Look(
                next_count(),
                next_count(),
                {form: next_count() for form in names},
                next_count(),
                next_count(),
            )
            for column in columns
        }
    return looks


def _query(
    contract: Contract,
    columns: list[ContractColumn],
    delivery: tuple[str, int],
    by: str,
    *,
    forms: bool,
) -> str:
    period, version = delivery
    cells = {column.name: cell(contract, column, last_day(period)) for column in columns}
    trimmed = ", ".join(f"{trim_sql(c)} AS {quote(c.name)}" for c in columns)
    cleaned = [f"{clean_sql(c)} AS {cleaned_name(c.name)}" for c in columns]
    cleaned += [f"{sql} AS {name}" for part in cells.values() for name, sql in part.keys]
    parsed = [f"{sql} AS {name}" for part in cells.values() for name, sql in part.parsed]
    figures = ", ".join(
        figure for column in columns for figure in _figures(contract, column, forms=forms)
    )
    return f"""
        SELECT file, {figures}
        FROM (
            SELECT *, {", ".join(parsed)}
            FROM (
                SELECT file, {", ".join(cleaned)}
                FROM (
                    SELECT {by} AS file, {trimmed}
                    FROM landing.{quote(contract.key)}
                    WHERE period = {literal(period)} AND delivery_version = {int(version)}
                      AND row_number <= {SAMPLED_ROWS}
                )
            )
        )
        GROUP BY file ORDER BY file"""


def _figures(contract: Contract, column: ContractColumn, *, forms: bool) -> list[str]:
    text, parsed = cleaned_name(column.name), parsed_name(column.name)
    read = f"{parsed} IS NOT NULL"
    if column.kind in ("nik", "npwp"):
        # An unusable number costs its record that number alone; here it is still a number.
        read = f"regexp_matches({text}, '[0-9]{{4}}|[eE][+]?[0-9]')"
    figures = [f"count({text})", f"count(*) FILTER ({text} IS NOT NULL AND {read})"]
    seen: list[str] = []
    for pattern in _FORMS.values() if forms else ():
        fits = f"regexp_full_match({text}, {literal(pattern)})"
        figures.append(f"count(*) FILTER ({' AND '.join([fits, *seen])})")
        seen.append(f"NOT {fits}")
    if forms:
        figures.append(f"count(*) FILTER ({' AND '.join(seen)})")
    else:  # they are only asked for once a column is known to have drifted
        figures += ["0"] * (len(_FORMS) + 1)
    if column.kind != "date":
        return [*figures, "0", "0"]
    swapped = _format(contract).replace("%d", "%?").replace("%m", "%d").replace("%?", "%m")
    figures.append(f"count(*) FILTER (try_strptime({text}, {literal(swapped)}) IS NOT NULL)")
    figures.append(f"count(DISTINCT day({parsed}))")
    return figures


def _format(contract: Contract) -> str:
    return contract.date_format or "%Y-%m-%d"
