"""What of the world is not the same in every month: work begun, firms opened and closed.

Belongs here: the views and tables that a month's deliveries are made from, and the truth of each
month. Does not belong here: hiring, leaving, lapses, moves and deaths, which are dates of jobs
(work), cards (memberships) and people (people), or what a delivery says of them (lists).

At the newest month everything is as the world was made, so a world of one month is the last of a
longer one.
"""

from __future__ import annotations

import datetime as dt

import duckdb

from sources.world.draws import Draws
from sources.world.lists import Month, persona_sql
from sources.world.memberships import month_sql, never_paid_sql

BEGINNERS = 0.12
"""Casual, family and farm workers below 45 who began within `WINDOW` days (own guess)."""
OPENED = 0.35
"""Firms whose oldest job and registration are within `WINDOW` days and that opened then."""
WINDOW = 720

ARREARS_MONTHS = 3
"""Months in arrears beyond which nobody is active (docs/definitions.md)."""


def make_lives(con: duckdb.DuckDBPyConnection, d: Draws, last: dt.date) -> None:
    """Make `firm_life`: `firm_listing` with the day a firm opened or closed, where it did.

    Args:
        con: the building database, with `firm_listing`, `jobs` and `npps`.
        d: draws of the world.
        last: last day of the newest month.
    """
    con.execute(f"""
        CREATE OR REPLACE TABLE firm_life AS
        WITH seen AS (
            SELECT firm, min(day) AS first_day FROM (
                SELECT firm, started_on AS day FROM jobs
                UNION ALL SELECT firm, wished_on FROM npps
            ) GROUP BY firm
        )
        SELECT f.*,
            CASE WHEN f.kind = 'firm' AND s.first_day > DATE '{last}' - {WINDOW}
                AND {d.unit("f.firm", "opened")} < {OPENED} THEN s.first_day END AS opened_on,
            CASE WHEN f.closed THEN DATE '{last}' - {d.whole("f.firm", "closing day", 0, 400)} END
                AS closed_on
        FROM firm_listing AS f LEFT JOIN seen AS s USING (firm)
    """)
    con.execute(
        "CREATE OR REPLACE TABLE first_job AS "
        "SELECT i, min(started_on) AS started_on FROM jobs GROUP BY i"
    )
    con.execute("CREATE OR REPLACE TABLE truth_months (period VARCHAR, nik VARCHAR, "
                "working_age BOOLEAN, dead BOOLEAN, region_code VARCHAR, works BOOLEAN, "
                "employee BOOLEAN, active BOOLEAN)")  # fmt: skip


def set_month(con: duckdb.DuckDBPyConnection, d: Draws, month: Month) -> None:
    """Let the building database show a month: `persona`, `work_now` and `firm_listing`."""
    con.execute(persona_sql(month))
    began = f"DATE '{month.newest}' - {d.whole('w.i', 'began', 0, WINDOW)}"
    con.execute(f"""
        CREATE OR REPLACE TEMP VIEW work_now AS
        SELECT w.* FROM work AS w LEFT JOIN first_job AS f ON f.i = w.i
        -- Who is hired later does not work yet, and neither register nor lists know of it.
        WHERE NOT (w.terms IN ('employee', 'civil_servant')
            AND coalesce(f.started_on > DATE '{month.as_of}', false)) AND NOT (
            full_years < 45 AND (terms IN ('casual', 'family') OR sector = 'A') AND NOT formal
            AND {d.unit("w.i", "beginner")} < {BEGINNERS} AND {began} > DATE '{month.as_of}')
    """)
    con.execute(f"""
        CREATE OR REPLACE TABLE firm_listing AS
        SELECT * EXCLUDE (opened_on, closed_on)
            REPLACE (coalesce(closed_on <= DATE '{month.as_of}', false) AS closed)
        FROM firm_life WHERE coalesce(opened_on <= DATE '{month.as_of}', true)
    """)


def note_month(con: duckdb.DuckDBPyConnection, d: Draws, month: Month) -> None:
    """Add what is true of every person of the register in a month to `truth_months`.

    `active` is by the rule of docs/definitions.md and by every card, delivered right or not.
    """
    today = f"DATE '{month.as_of}'"
    paid = f"least({month.number} - c.lag, c.lapse_month, {month_sql('c.ended_on')})"
    con.execute(f"""
        INSERT INTO truth_months
        WITH held AS (
            SELECT DISTINCT c.i FROM cards AS c
            WHERE c.registered_on <= {today} AND (c.ended_on IS NULL OR c.ended_on > {today})
                AND NOT {never_paid_sql(d)}
                AND ((c.block > 1 AND c.lapse_month IS NULL AND c.ended_on IS NULL)
                    OR {month.number} - greatest({paid}, {month_sql("c.registered_on")} - 1)
                        <= {ARREARS_MONTHS})
        ),
        hired AS (
            SELECT DISTINCT i FROM jobs WHERE started_on <= {today}
                AND (left_on IS NULL OR left_on > {today})
        )
        SELECT '{month.period}', p.nik,
            date_sub('year', p.birth_date, {today}) BETWEEN 15 AND 64,
            coalesce(p.dead, false), p.region_code,
            -- Who is an employee works while a job is open; the others while work goes on.
            h.i IS NOT NULL OR coalesce(w.terms NOT IN ('employee', 'civil_servant'), false),
            h.i IS NOT NULL, k.i IS NOT NULL
        FROM persona AS p LEFT JOIN work_now AS w USING (i) LEFT JOIN hired AS h USING (i)
        LEFT JOIN held AS k USING (i)
        WHERE p.in_register
    """)
