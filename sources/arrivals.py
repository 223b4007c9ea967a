"""What of a month has arrived, what is late, from whom, and what stands in for it.

Belongs here: holding deliveries against the day that their contract names. Does not belong here:
which delivery is in force (landing.py), or how any of this is shown (pipelines/overview.py,
assets/arrivals.py).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any
from zoneinfo import ZoneInfo

import duckdb

from sources.contracts import Contract
from warehouse.connection import last_day

ZONE = ZoneInfo("Asia/Jakarta")
"""Days begin and end in Jakarta."""

ARRIVED, REFUSED, LATE, AWAITED = "arrived", "refused", "late", "awaited"


@dataclass(frozen=True)
class Arrival:
    """One dataset in one month.

    Attributes:
        dataset: its key.
        title: what it is, in Indonesian.
        provider: who delivers it.
        owner: who answers for it here.
        period: the month.
        due: the last day on which it is in time.
        state: `arrived`, `refused` (something came and was not accepted), `late` or `awaited`.
        days_late: days after `due` on which it came, or that it has been missing; 0 in time.
        stands_in: month of the earlier delivery that is used instead, if there is one.
        reason: why what came was refused, a reason code.
    """

    dataset: str
    title: str
    provider: str
    owner: str
    period: str
    due: dt.date
    state: str
    days_late: int
    stands_in: str | None
    reason: str | None

    @property
    def missing(self) -> bool:
        """Whether the month should have it by now and does not."""
        return self.state in (LATE, REFUSED) and self.days_late > 0

    @property
    def told(self) -> str:
        """One sentence, without anything personal."""
        name = f"{self.dataset} {self.period} ({self.provider})"
        instead = f"; {self.stands_in} dipakai" if self.stands_in else "; tidak ada pengganti"
        if self.state == LATE:
            return f"{name} terlambat {self.days_late} hari (batas {self.due}){instead}"
        if self.state == REFUSED:
            return f"{name} ditolak: {self.reason or 'lihat pesan'} (batas {self.due}){instead}"
        if self.state == AWAITED:
            return f"{name} ditunggu sampai {self.due}{instead}"
        return f"{name} diterima" + (f" {self.days_late} hari terlambat" if self.days_late else "")

    def facts(self) -> dict[str, object]:
        """Give everything as plain values."""
        return asdict(self) | {"due": self.due.isoformat(), "told": self.told}


def due(contract: Contract, period: str) -> dt.date:
    """Give the last day on which a month's delivery is in time."""
    return last_day(period) + dt.timedelta(days=contract.due_day)


def arrivals(
    con: duckdb.DuckDBPyConnection | None,
    contracts: Mapping[str, Contract],
    period: str,
    today: dt.date,
) -> list[Arrival]:
    """Tell of every dataset whether the month has it.

    Args:
        con: the restricted warehouse, None where there is none yet.
        contracts: datasets by key.
        period: the month.
        today: the day in Jakarta that lateness is counted to.

    Returns:
        Datasets, the latest first, then by key.
    """
    came = _rows(
        con,
        """SELECT dataset, bool_or(state = 'accepted'),
            min(received_at) FILTER (state = 'accepted'), arg_max(reason_code, version)
        FROM landing.deliveries WHERE period = ? GROUP BY dataset""",
        period,
    )
    used = _rows(
        con,
        "SELECT dataset, delivery_period FROM landing.in_force "
        "WHERE period = ? AND state = 'carried'",
        period,
    )
    if con is not None and not used:
        used = _rows(
            con,
            "SELECT dataset, max(period) FROM landing.deliveries "
            "WHERE period < ? AND state = 'accepted' GROUP BY dataset",
            period,
        )
    found = []
    for key, contract in contracts.items():
        last = due(contract, period)
        accepted, at, reason = came.get(key, (False, None, None))
        until = at.replace(tzinfo=dt.UTC).astimezone(ZONE).date() if at is not None else today
        days = max(0, (until - last).days)
        if accepted:
            state = ARRIVED
        elif key in came:
            state = REFUSED
        else:
            state = LATE if days else AWAITED
        found.append(
            Arrival(
                dataset=key,
                title=contract.title,
                provider=contract.provider,
                owner=contract.owner,
                period=period,
                due=last,
                state=state,
                days_late=days,
                stands_in=None if accepted else used.get(key, (None,))[0],
                reason=reason if state == REFUSED else None,
            )
        )
    return sorted(found, key=lambda arrival: (not arrival.missing, arrival.state == ARRIVED,
                                              -arrival.days_late, arrival.dataset))  # fmt: skip


def _rows(
    con: duckdb.DuckDBPyConnection | None, sql: str, period: str
) -> dict[str, tuple[Any, ...]]:
    """Run a query of the landing tables; nothing where they are not there yet."""
    if con is None:
        return {}
    try:
        return {str(row[0]): tuple(row[1:]) for row in con.execute(sql, [period]).fetchall()}
    except duckdb.CatalogException:
        return {}
