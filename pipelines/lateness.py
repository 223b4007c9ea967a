"""What of a month has arrived, asked from outside of a run.

Belongs here: opening the warehouse for a moment to ask, for the command `status` and the sensor of
late deliveries. Does not belong here: how lateness is counted (sources/arrivals.py), or showing it.
"""

from __future__ import annotations

import datetime as dt

import duckdb

from sources.arrivals import Arrival, arrivals
from sources.contracts import load_contracts
from warehouse.connection import connect
from warehouse.errors import CakupanError
from warehouse.home import Home


def arrivals_of(home: Home, period: str, today: dt.date) -> list[Arrival]:
    """Tell of every dataset of a home whether the month has it.

    Args:
        home: the home.
        period: the month.
        today: the day in Jakarta that lateness is counted to.

    Raises:
        CakupanError: a run holds the warehouse.
    """
    contracts = load_contracts([home.contracts])
    if not home.restricted_db.exists():
        return arrivals(None, contracts, period, today)
    con = None
    try:
        con = connect(home, read_only=True)
        return arrivals(con, contracts, period, today)
    except duckdb.IOException:
        pass
    finally:
        if con is not None:
            con.close()
    raise CakupanError(f"the restricted warehouse of {home.path} is held by a run: try later")
