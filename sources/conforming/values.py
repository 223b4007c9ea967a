"""Reading dates, months, numbers and truth values.

Belongs here: the grammar of each kind and its range. Does not belong here: codes with a
list behind them (codes.py).
"""

from __future__ import annotations

import datetime as dt

from sources.conforming.cells import Cell, layer_names
from sources.contracts import Contract, ContractColumn
from warehouse.storage import literal

MAX_AGE_YEARS = 120
"""A date further back than this is a slip of the pen (fault 21)."""

FAR_FUTURE_YEARS = 50
"""Beyond this a date other than a birth date is a placeholder such as 9999-12-31."""

MAX_MONTHS_AHEAD = 120
"""Contributions may be paid ahead, but hardly ten years."""

PLANNED_DATES = ("ended_on", "starts_on", "ends_on", "departed_on")
"""Dates that may rightly lie ahead: the end of a contract, the span of a project, a departure."""


def date_cell(contract: Contract, column: ContractColumn, as_of: dt.date) -> Cell:
    """Dates of the calendar, in the one format that the contract states (faults 21, 22)."""
    text, parsed, value = layer_names(column)
    oldest = literal(as_of.replace(day=1, year=as_of.year - MAX_AGE_YEARS).isoformat())
    last_day = f"{literal(as_of.isoformat())}::DATE"
    far = as_of.replace(day=28, year=as_of.year + FAR_FUTURE_YEARS).isoformat()
    # Nobody is born after the period; any other date may follow it, as a registration does
    # in a list that was drawn up later, and then the coverage rules need the date itself.
    latest = last_day if column.name == "birth_date" else f"{literal(far)}::DATE"
    ahead = f"{parsed} > {latest if column.name in PLANNED_DATES else last_day}"
    two_digits = (
        f"{text} IS NOT NULL AND regexp_full_match({text}, '\\d{{1,2}}[-/. ]\\w+[-/. ]\\d\\d')"
    )
    if contract.date_format is None or "%y" not in contract.date_format:
        two_digits = f"{parsed} IS NULL AND {two_digits}"
    return Cell(
        parsed=((parsed, _parse_date(contract.date_format, text, last_day)),),
        value=f"CASE WHEN {parsed} BETWEEN {oldest}::DATE AND {latest} THEN {parsed} END",
        flags=(
            ("TWO_DIGIT_YEAR", two_digits),
            ("BAD_DATE", f"{text} IS NOT NULL AND {parsed} IS NULL AND NOT ({two_digits})"),
            ("DATE_IN_FUTURE", ahead),
            ("DATE_TOO_OLD", f"{parsed} < {oldest}::DATE AND {value} IS NULL"),
        ),
    )


def _parse_date(date_format: str | None, text: str, last_day: str) -> str:
    """Read ISO dates, and those of the contract's format where it has one.

    Files and typed tables may be mixed in one delivery, and typed dates land as ISO, so ISO
    is read beside any format that it cannot be confused with.
    """
    iso = (
        f"CASE WHEN regexp_full_match({text}, "
        "'\\d{4}-\\d{2}-\\d{2}([ T]00:00(:00(\\.0+)?)?)?Z?')"
        f" THEN try_cast(left({text}, 10) AS DATE) END"
    )
    if date_format is None or date_format == "%Y-%m-%d":
        return iso
    own = f"try_strptime({text}, {literal(date_format)})::DATE"
    if "%y" in date_format:
        # Two digits do not tell the century: the latest that is not ahead of the period.
        own = f"({own} - CASE WHEN {own} > {last_day} THEN INTERVAL 100 YEARS"
        own += " ELSE INTERVAL 0 YEARS END)::DATE"
    return own if date_format.startswith("%Y-") else f"coalesce({iso}, {own})"


def period_cell(contract: Contract, column: ContractColumn, as_of: dt.date) -> Cell:
    """Months: YYYY-MM, YYYYMM, or a date within the month."""
    text, parsed, value = layer_names(column)
    month = "(19|20)\\d\\d-?(0[1-9]|1[0-2])"
    date = _parse_date(contract.date_format, text, f"{literal(as_of.isoformat())}::DATE")
    latest = literal(f"{as_of.year + MAX_MONTHS_AHEAD // 12:04}-{as_of.month:02}")
    return Cell(
        parsed=(
            (
                parsed,
                f"CASE WHEN regexp_full_match({text}, '{month}')"
                f" THEN left({text}, 4) || '-' || right({text}, 2)"
                f" ELSE strftime({date}, '%Y-%m') END",
            ),
        ),
        value=f"CASE WHEN {parsed} <= {latest} THEN {parsed} END",
        flags=(
            ("BAD_DATE", f"{text} IS NOT NULL AND {parsed} IS NULL"),
            ("DATE_IN_FUTURE", f"{parsed} IS NOT NULL AND {value} IS NULL"),
        ),
    )


def number_cell(contract: Contract, column: ContractColumn) -> Cell:
    """Amounts and counts, with the thousands and decimal marks of the contract.

    `5.000` is five thousand where the contract says decimal comma, and otherwise no amount
    that anybody means: rather missing than wrong by a factor of a thousand.
    """
    text, parsed, value = layer_names(column)
    group, point = (".", ",") if contract.decimal_comma else (",", ".")
    whole = column.kind in ("money", "integer", "persons")
    decimals = {"money": "\\d{1,2}", "integer": "0{1,2}"}.get(column.kind, "\\d+")
    own = f"'-?(\\d{{1,15}}|\\d{{1,3}}(\\{group}\\d{{3}}){{1,4}})(\\{point}{decimals})?'"
    # A typed number lands with a decimal point whatever the texts of the contract look like.
    # With other than three decimals, or four digits before the point, it is no grouped
    # thousand.
    typed = "'-?(\\d{1,15}\\.(\\d{1,2}|\\d{4,})|\\d{4,15}\\.\\d+)'"
    if whole:
        typed = f"'-?\\d{{1,15}}\\.{decimals}'"
    # Two groups by points are thousands in any grammar: 5.000.000.
    grouped = "'-?\\d{1,3}(\\.\\d{3}){2,4}(,\\d{1,2})?'"
    # Fifteen digits are exact in a DOUBLE, and its casts are far quicker than a DECIMAL's.
    read = (
        f"CASE WHEN regexp_full_match({text}, '\\d{{1,15}}') THEN try_cast({text} AS DOUBLE)"
        f" WHEN regexp_full_match({text}, {own}) THEN"
        f" try_cast(replace(replace({text}, '{group}', ''), '{point}', '.') AS DOUBLE)"
        f" WHEN regexp_full_match({text}, {typed}) THEN try_cast({text} AS DOUBLE)"
        f" WHEN regexp_full_match({text}, {grouped}) THEN"
        f" try_cast(replace(replace({text}, '.', ''), ',', '.') AS DOUBLE) END"
    )
    flags = [("BAD_NUMBER", f"{text} IS NOT NULL AND {parsed} IS NULL")]
    judged = f"try_cast(round({parsed}, 0) AS BIGINT)" if whole else parsed
    if column.kind == "persons":
        judged = f"{parsed}::{column.sql_type}"
    if whole:
        judged = f"CASE WHEN {parsed} >= 0 THEN {judged} END"
        flags.append(("NEGATIVE_NUMBER", f"{parsed} < 0 AND {value} IS NULL"))
    return Cell(parsed=((parsed, read),), value=judged, flags=tuple(flags))


def timestamp_cell(column: ContractColumn) -> Cell:
    """Moments in ISO 8601."""
    text, parsed, value = layer_names(column)
    iso = f"regexp_full_match({text}, '\\d{{4}}-\\d{{2}}-\\d{{2}}([ T]\\d{{2}}:\\d{{2}}.*)?')"
    return Cell(
        parsed=((parsed, f"CASE WHEN {iso} THEN try_cast({text} AS TIMESTAMP) END"),),
        value=parsed,
        flags=(("BAD_DATE", f"{text} IS NOT NULL AND {value} IS NULL"),),
    )
