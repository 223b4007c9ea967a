"""The person spine: the population register, one row per person, as of the period.

Belongs here: who is on the spine and under which key. Does not belong here: what links to
it (matching/persons.py), or who of them is a worker (warehouse/coverage.py).
"""

from __future__ import annotations

from calendar import monthrange

import duckdb

from warehouse.connection import last_day
from warehouse.storage import count, literal, replace_period, scalar, text_key

MIN_AGE = 15  # completed years on the last day of the period


def create_spine(con: duckdb.DuckDBPyConnection) -> None:
    """Create `spine.persons` where it is missing."""
    con.execute("CREATE SCHEMA IF NOT EXISTS spine")
    con.execute(
        "CREATE TABLE IF NOT EXISTS spine.persons(period VARCHAR, person_key UBIGINT, nik VARCHAR,"
        " full_name VARCHAR, sex VARCHAR, birth_date DATE, region_code VARCHAR,"
        " occupation VARCHAR, life_status VARCHAR)"
    )


def adult_sql(period: str, column: str = "birth_date") -> str:
    """Give the condition that a person is 15 or older, or of unknown age, as of the period."""
    day = last_day(period)
    # A child of 29 February turns a year older on 1 March. So where the period ends on a 29th
    # of February, the last of those who are old enough was born the day before 1 March.
    born = min(day.day, monthrange(day.year - MIN_AGE, day.month)[1])
    latest = f"{day.year - MIN_AGE}-{day.month:02}-{born:02}"
    return f"coalesce({column} <= DATE '{latest}', true)"


def build_spine(con: duckdb.DuckDBPyConnection, period: str) -> dict[str, int]:
    """Fill `spine.persons` from the TEMP view `in_population`.

    Children under 15 on the last day of the period are left out; the dead and people
    without a birth date stay. A NIK that stands twice gives one person: the row with the
    smallest `row_hash`, whatever the order the rows came in.

    Args:
        con: the restricted warehouse.
        period: the month of the run.

    Returns:
        `persons` on the spine, `children` left out, `repeated` rows of a NIK already there
        and `without_nik`, rows that have no key.
    """
    create_spine(con)
    adult = adult_sql(period)
    persons = replace_period(
        con,
        "spine.persons",
        period,
        f"""
        SELECT {literal(period)} AS period, {text_key("nik")} AS person_key, nik, full_name,
            sex, birth_date, region_code, occupation, life_status
        FROM in_population WHERE nik IS NOT NULL AND {adult}
        QUALIFY row_number() OVER (PARTITION BY nik ORDER BY row_hash, record_id) = 1
        """,
    )
    without_nik = count(con, "in_population", f"nik IS NULL AND {adult}")
    children = count(con, "in_population", f"NOT {adult}")
    total = int(scalar(con, "SELECT count(*) FROM in_population"))
    return {
        "persons": persons,
        "children": children,
        "repeated": total - persons - children - without_nik,
        "without_nik": without_nik,
    }
