"""The one partition of the project: the month.

Belongs here: which months can be run. Does not belong here: what is made for a month.
"""

from __future__ import annotations

import datetime as dt
import os

import dagster as dg

from warehouse.connection import check_period

TIMEZONE = "Asia/Jakarta"
FIRST_PERIOD = "2021-01"
"""First month that can be run where `CAKUPAN_FIRST_PERIOD` names no other: the
instruction is of March 2021, and a first year is wanted before it."""
_MONTHS_AHEAD = 1


def periods(
    include: str | None = None, now: dt.date | None = None
) -> dg.MonthlyPartitionsDefinition:
    """Give the months from the first to the coming one.

    The coming month is among them because deliveries may be made before it begins. A month
    asked for by name is always there: what a run stands for is a parameter, not the clock.

    Args:
        include: a month that must be among them, however far from today.
        now: today, for tests.
    """
    first = check_period(os.environ.get("CAKUPAN_FIRST_PERIOD") or FIRST_PERIOD)
    today = now or dt.datetime.now(dt.timezone(dt.timedelta(hours=7))).date()
    ahead = _MONTHS_AHEAD
    if include is not None:
        first = min(first, check_period(include))
        ahead = max(ahead, _months(include) - (today.year * 12 + today.month - 1))
    return dg.MonthlyPartitionsDefinition(
        start_date=first,
        fmt="%Y-%m",
        timezone=TIMEZONE,
        # An offset of 1 takes in the month that has not ended yet.
        end_offset=1 + ahead,
    )


def previous(period: str, months: int = 1) -> str:
    """Give the month so many months before `period`."""
    number = _months(period) - months
    return f"{number // 12:04d}-{number % 12 + 1:02d}"


def _months(period: str) -> int:
    year, month = check_period(period).split("-")
    return int(year) * 12 + int(month) - 1
