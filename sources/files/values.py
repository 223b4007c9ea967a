"""Native values of spreadsheets and database drivers as the text a CSV would hold.

Belongs here: the conversion of single values in Python. Does not belong here: the same for
Parquet, which DuckDB does (staging).
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

Cell = int | float | str | bool | dt.time | dt.date | dt.datetime | dt.timedelta

EXACT_BELOW = 1e15
"""A spreadsheet keeps 15 digits: a longer number has lost its last ones, whatever they show."""


def cell_text(cell: Cell, *, decimal_comma: bool = False) -> str:
    """Give a typed cell as the text a CSV would hold.

    Dates are ISO 8601; whole numbers have no fraction; numbers of more than 15 digits are
    in exponent form (`3.17101450190000E+15`), which says that digits may be lost.
    """
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, int | float):
        if abs(cell) >= EXACT_BELOW:
            return f"{cell:.14E}"
        if cell == int(cell):
            return str(int(cell))
        text = f"{cell:.15g}"
        return text.replace(".", ",") if decimal_comma else text
    if isinstance(cell, dt.datetime):
        if cell.time() == dt.time():
            return cell.date().isoformat()
        return cell.isoformat(sep=" ", timespec="seconds")
    return str(cell)


def value_text(value: Any, decimal_comma: bool = False) -> str | None:
    """Give a driver's value as the text a CSV would hold.

    Dates are ISO 8601, whole decimals have no fraction, lists are joined by commas. A whole
    number keeps all its digits; a float of more than 15 may have lost some and says so.
    """
    if value is None or (isinstance(value, float) and value != value):  # noqa: PLR0124
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, Decimal):
        plain = format(
            value.to_integral_value() if value == value.to_integral_value() else value, "f"
        )
        return plain.replace(".", ",") if decimal_comma else plain
    if isinstance(value, float | dt.date | dt.time):
        return cell_text(_naive(value), decimal_comma=decimal_comma)
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).decode("utf-8", "backslashreplace")
    if isinstance(value, list | tuple | set):
        return ",".join(value_text(item, decimal_comma) or "" for item in value)
    return str(value)


def _naive(value: Any) -> Any:
    """Give a moment with a zone as West Indonesian time; a date stays what it is."""
    if isinstance(value, dt.datetime) and value.tzinfo is not None:
        for zone in (value.tzinfo, *(dt.timezone(dt.timedelta(hours=h)) for h in (0, 7, 8, 9))):
            local = value.astimezone(zone).replace(tzinfo=None)
            if local.time() == dt.time():
                return local
        return value.astimezone(dt.timezone(dt.timedelta(hours=7))).replace(tzinfo=None)
    return value
