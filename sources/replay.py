"""Replay: quarantined rows of a kept delivery, judged again after something was mended.

Belongs here: reading a delivery again where rows were unreadable, conforming it again, and
telling what came of it. Does not belong here: the corrections themselves (corrections.py), the
rules (conforming/), and publishing: a month whose rows have changed is run again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from sources import corrections
from sources.conforming import conform
from sources.contracts import Contract
from sources.keeping import read_kept
from sources.landing import land
from warehouse.connection import check_period
from warehouse.errors import CakupanError, DataRefused, UsageError
from warehouse.home import Home
from warehouse.storage import transaction

Log = Callable[[str], None]

_LEDGER = ("deliveries", "delivery_files")


@dataclass(frozen=True)
class ReplayReport:
    """What a replay brought back; counts only.

    Attributes:
        dataset: contract key.
        period: the delivery's month.
        version: the delivery's version.
        delivered: rows of the delivery, before and after.
        accepted_before: rows accepted before.
        accepted: rows accepted now.
        before: rows in quarantine by reason before; with `reason_code`, of that one.
        after: the same now.
        corrected: rows that the steward's file corrected.
        read_again: whether the kept files were read again.
        periods: months whose last run used this delivery; each must be run again.
    """

    dataset: str
    period: str
    version: int
    delivered: int
    accepted_before: int
    accepted: int
    before: dict[str, int] = field(default_factory=dict)
    after: dict[str, int] = field(default_factory=dict)
    corrected: int = 0
    read_again: bool = False
    periods: tuple[str, ...] = ()


def replay(
    con: duckdb.DuckDBPyConnection,
    home: Home,
    contract: Contract,
    period: str,
    *,
    reason_code: str = "",
    file: Path | None = None,
    by: str = "",
    reason: str = "",
    log: Log | None = None,
) -> ReplayReport:
    """Judge a delivery again, and tell how many quarantined rows came back.

    Where rows could not be read, the kept files are read again; then the whole delivery is
    conformed again under today's contract, code lists and corrections. A step that fails
    leaves what was.

    Args:
        con: the restricted warehouse, with the reference tables loaded.
        home: holds the kept delivery.
        contract: the dataset's.
        period: the delivery's month.
        reason_code: the reason whose rows are meant; others come back as well where they can.
        file: a steward's corrections (corrections.py).
        by: who corrects; needed with `file`.
        reason: why; needed with `file`.
        log: told what is done.

    Raises:
        UsageError: there is no accepted delivery, no row with the reason, or the corrections
            name a row that is not in quarantine.
        DataRefused: the kept files cannot be read as a whole any more; all is as before.
        CakupanError: a step failed; all is as before it.
    """
    check_period(period)
    version = _version(con, contract, period)
    counted = _counts(con, contract, period, version)
    before = _reasons(con, contract, period, version)
    if reason_code and reason_code not in before:
        found = ", ".join(before) or "none"
        raise UsageError(
            f"{contract.key} {period} v{version} has no quarantined row with {reason_code}; "
            f"reasons there are: {found}"
        )
    if file is not None and not (by.strip() and reason.strip()):
        raise UsageError("corrections need --by and --reason: they are kept with every cell")
    corrected = 0
    if file is not None:
        with transaction(con):
            corrected = corrections.add(
                con, contract, period, version, file, by=by.strip(), reason=reason.strip()
            )
            _forget_conformed(con, contract, period)
    read_again = _has_unread(con, contract, period, version)
    if read_again:
        _land_again(con, home, contract, period, version, log)
    with transaction(con):
        _forget_conformed(con, contract, period)
        corrections.land_unread(con, contract, period, version)
    report = conform(con, contract, period, version, log=log)
    if counted and report.delivered != counted[0]:
        raise CakupanError(
            f"{contract.key} {period} v{version} had {counted[0]} rows and has {report.delivered} "
            "after reading it again: its reader has changed what a row is. Publish nothing; "
            "report it."
        )
    after = _reasons(con, contract, period, version)
    return ReplayReport(
        dataset=contract.key,
        period=period,
        version=version,
        delivered=report.delivered,
        accepted_before=counted[1] if counted else 0,
        accepted=report.accepted,
        before=_only(before, reason_code),
        after=_only(after, reason_code),
        corrected=corrected,
        read_again=read_again,
        periods=_users(con, contract, period, version),
    )


def _version(con: duckdb.DuckDBPyConnection, contract: Contract, period: str) -> int:
    row = con.execute(
        "SELECT max(version) FROM landing.deliveries "
        "WHERE dataset = ? AND period = ? AND state = 'accepted'",
        [contract.key, period],
    ).fetchall()
    if not row or row[0][0] is None:
        raise UsageError(
            f"{contract.key} has no accepted delivery for {period}: there is nothing to replay"
        )
    return int(row[0][0])


def _counts(
    con: duckdb.DuckDBPyConnection, contract: Contract, period: str, version: int
) -> tuple[int, int] | None:
    row = con.execute(
        "SELECT delivered, accepted FROM conformed.counts "
        "WHERE dataset = ? AND period = ? AND delivery_version = ?",
        [contract.key, period, version],
    ).fetchone()
    return (int(row[0]), int(row[1])) if row else None


def _reasons(
    con: duckdb.DuckDBPyConnection, contract: Contract, period: str, version: int
) -> dict[str, int]:
    return {
        str(code): int(rows)
        for code, rows in con.execute(
            "SELECT code, count(*) FROM (SELECT unnest(list_distinct(reason_codes)) AS code "
            "FROM quarantine.rows WHERE dataset = ? AND period = ? AND delivery_version = ?) "
            "GROUP BY code ORDER BY code",
            [contract.key, period, version],
        ).fetchall()
    }


def _only(reasons: dict[str, int], code: str) -> dict[str, int]:
    return {code: reasons.get(code, 0)} if code else reasons


def _has_unread(
    con: duckdb.DuckDBPyConnection, contract: Contract, period: str, version: int
) -> bool:
    return bool(
        con.execute(
            "SELECT count(*) > 0 FROM quarantine.rows WHERE dataset = ? AND period = ? "
            "AND delivery_version = ? AND stage = 'reading'",
            [contract.key, period, version],
        ).fetchall()[0][0]
    )


def _forget_conformed(con: duckdb.DuckDBPyConnection, contract: Contract, period: str) -> None:
    """Let the next run conform the delivery again, should this replay end before it has."""
    standing = con.execute(
        "SELECT count(*) FROM duckdb_tables() WHERE database_name = current_database() "
        "AND schema_name = 'conformed' AND table_name = 'made'"
    ).fetchall()[0][0]
    if standing:
        con.execute(
            "DELETE FROM conformed.made WHERE dataset = ? AND period = ?", [contract.key, period]
        )


def _land_again(
    con: duckdb.DuckDBPyConnection,
    home: Home,
    contract: Contract,
    period: str,
    version: int,
    log: Log | None,
) -> None:
    """Read the kept files again. Where they are refused as a whole, the delivery stays accepted."""
    kept = read_kept(home.deliveries / contract.key / period / f"v{version}")
    if kept is None:
        raise CakupanError(
            f"the kept files of {contract.key} {period} v{version} are not in {home.deliveries}: "
            "restore them from a backup"
        )
    identity = [contract.key, period, version]
    entered = {
        name: con.execute(
            f"SELECT * FROM landing.{name} WHERE dataset = ? AND period = ? AND version = ?",
            identity,
        ).fetchall()
        for name in _LEDGER
    }
    refusal: DataRefused | None = None
    try:
        land(con, home, contract, kept, log=log)
    except DataRefused as error:
        refusal = error
    if refusal is None:
        return
    with transaction(con):
        for name, rows in entered.items():
            con.execute(
                f"DELETE FROM landing.{name} WHERE dataset = ? AND period = ? AND version = ?",
                identity,
            )
            for row in rows:
                con.execute(
                    f"INSERT INTO landing.{name} VALUES ({', '.join('?' * len(row))})", list(row)
                )
    raise DataRefused(
        f"{refusal}. The delivery stays accepted as it was, and nothing has changed",
        code=refusal.code,
    )


def _users(
    con: duckdb.DuckDBPyConnection, contract: Contract, period: str, version: int
) -> tuple[str, ...]:
    rows = con.execute(
        "SELECT DISTINCT period FROM landing.in_force WHERE dataset = ? AND delivery_period = ? "
        "AND version = ? AND state IN ('current', 'carried') ORDER BY period",
        [contract.key, period, version],
    ).fetchall()
    return tuple(str(row[0]) for row in rows)
