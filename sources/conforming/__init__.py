"""Conforming: a delivery's landed text becomes canonical rows, and every row is accounted for.

Belongs here: the one step from `landing."<key>"` to `conformed."<key>"`, made from the
contract alone, with its balance. Does not belong here: reading files and databases
(sources/landing.py), judging the outcome (expectations), linking.

The promise: rows delivered = accepted + quarantined + exact duplicates, by count and by an
order-free checksum. A row set aside keeps its file, row number, reason codes and raw text.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import duckdb

from sources.conforming.rows import (
    ASIDE,
    WORK,
    aside_sql,
    flag_reasons,
    outputs,
    quarantine_reasons,
    raw_sql,
    work_sql,
)
from sources.contracts import Contract
from sources.corrections import overlay_sql
from warehouse.connection import check_period, last_day
from warehouse.errors import CakupanError, UsageError
from warehouse.seals import Part, seal
from warehouse.storage import literal, quote, set_comments, transaction

__all__ = [
    "ConformReport",
    "conform",
    "create_conformed_table",
    "flag_reasons",
    "quarantine_reasons",
]

Log = Callable[[str], None]

DUPLICATES = "conformed.duplicates"
"""Where exact repetitions stood in their files."""


@dataclass(frozen=True)
class ConformReport:
    """What became of a delivery's rows.

    Attributes:
        dataset: the dataset.
        period: the delivery's month.
        version: the delivery's version.
        delivered: all rows of the delivery, those that could not be read included.
        accepted: rows in the conformed table.
        quarantined: rows set aside with their reasons, at reading or here.
        duplicates: exact repetitions of accepted or quarantined rows.
    """

    dataset: str
    period: str
    version: int
    delivered: int
    accepted: int
    quarantined: int
    duplicates: int


def conform(
    con: duckdb.DuckDBPyConnection,
    contract: Contract,
    period: str,
    version: int | None = None,
    log: Log | None = None,
) -> ConformReport:
    """Conform one delivery; all of its tables change together or not at all.

    Writes `conformed."<key>"` (older versions of the same delivery period go),
    `quarantine.rows` of stage `conforming`, `conformed.duplicates` and `conformed.counts`.
    Conforming the same delivery again gives the same rows.

    Args:
        con: the restricted warehouse, with the reference tables loaded.
        contract: the dataset's contract.
        period: the delivery's month `YYYY-MM`.
        version: the delivery's version; the latest accepted one where left out.
        log: told one line when it is done.

    Returns:
        The counts.

    Raises:
        UsageError: the period is no month, or has no accepted delivery.
        CakupanError: a step failed, or the rows do not balance; nothing was changed.
    """
    check_period(period)
    found = _delivery(con, contract, period, version)
    create_conformed_table(con, contract)
    fault = ""
    try:
        report = _conform(con, contract, period, *found)
    except duckdb.Error as error:
        # DuckDB quotes values in its messages; only the class of the fault is told.
        fault = type(error).__name__
    finally:
        for table in (WORK, ASIDE):
            con.execute(f"DROP TABLE IF EXISTS {table}")
    if fault:
        raise CakupanError(
            f"conforming {contract.key} of {period} version {found[0]} failed ({fault}); nothing "
            "was changed. Check that the landing table is of this contract version and the "
            "reference tables are loaded, then run the period again."
        )
    if log is not None:
        log(
            f"{report.dataset} {period}: {report.delivered} delivered, {report.accepted} accepted, "
            f"{report.quarantined} quarantined, {report.duplicates} duplicates"
        )
    return report


def create_conformed_table(con: duckdb.DuckDBPyConnection, contract: Contract) -> None:
    """Create `conformed."<key>"` with its types and comments, and the tables beside it.

    A column that a newer contract adds is added to an older table.

    Raises:
        UsageError: the table has a column of another type than the contract says.
    """
    target = f"conformed.{quote(contract.key)}"
    columns = outputs(contract)
    ddl = ", ".join(f"{quote(c.name)} {c.sql_type}" for c in columns)
    con.execute(f"CREATE TABLE IF NOT EXISTS {target} ({ddl})")
    present = dict(
        con.execute(
            "SELECT column_name, data_type FROM duckdb_columns() WHERE database_name ="
            " current_database() AND schema_name = 'conformed' AND table_name = ?",
            [contract.key],
        ).fetchall()
    )
    for column in columns:
        if column.name not in present:
            con.execute(f"ALTER TABLE {target} ADD COLUMN {quote(column.name)} {column.sql_type}")
        elif present[column.name] != column.sql_type:
            raise UsageError(
                f"{target}: column {column.name} is {present[column.name]}, but contract "
                f"{contract.key} {contract.version} says {column.sql_type}. Drop the table and "
                "conform its deliveries again; they are kept."
            )
    set_comments(
        con,
        "conformed",
        contract.key,
        _comment(contract),
        {column.name: column.comment for column in columns},
    )
    con.execute("""
        CREATE TABLE IF NOT EXISTS conformed.counts (
            period VARCHAR, dataset VARCHAR, delivery_version INTEGER,
            delivered BIGINT, accepted BIGINT, quarantined BIGINT, duplicates BIGINT
        )""")
    con.execute("""
        CREATE TABLE IF NOT EXISTS quarantine.rows (
            period VARCHAR, dataset VARCHAR, delivery_version INTEGER, file VARCHAR,
            row_number BIGINT, stage VARCHAR, reason_codes VARCHAR[], raw VARCHAR
        )""")
    con.execute(f"""
        CREATE TABLE IF NOT EXISTS {DUPLICATES} (
            period VARCHAR, dataset VARCHAR, delivery_version INTEGER, file VARCHAR,
            row_number BIGINT, row_hash UBIGINT
        )""")


def _comment(contract: Contract) -> str:
    return f"ID: {contract.title}, bentuk baku | EN: {contract.purpose or contract.key}, canonical"


def _delivery(
    con: duckdb.DuckDBPyConnection, contract: Contract, period: str, version: int | None
) -> tuple[int, int]:
    """Find the delivery's version and its number of rows."""
    row = con.execute(
        """
        SELECT version, rows FROM landing.deliveries
        WHERE dataset = $1 AND period = $2 AND state = 'accepted'
          AND version = coalesce($3, version)
        ORDER BY version DESC LIMIT 1
        """,
        [contract.key, period, version],
    ).fetchone()
    if row is None:
        which = "" if version is None else f" version {version}"
        raise UsageError(
            f"{contract.key} has no accepted delivery{which} for {period}: land one first"
        )
    return int(row[0]), int(row[1])


def _conform(
    con: duckdb.DuckDBPyConnection, contract: Contract, period: str, version: int, delivered: int
) -> ConformReport:
    corrected = overlay_sql(con, contract, period, version)
    work = work_sql(contract, period, version, last_day(period), corrected)
    con.execute(f"CREATE OR REPLACE TEMP TABLE {WORK} AS {work}")
    con.execute(f"CREATE OR REPLACE TEMP TABLE {ASIDE} AS {aside_sql(contract)}")
    dataset = literal(contract.key)
    of_delivery = f"period = {literal(period)} AND delivery_version = {version}"
    names = ", ".join(quote(c.name) for c in outputs(contract)[2:])
    with transaction(con):
        con.execute(
            f"DELETE FROM conformed.{quote(contract.key)} "
            f"WHERE period = {literal(period)} AND delivery_version <= {version}"
        )
        con.execute(f"""
            INSERT INTO conformed.{quote(contract.key)} BY NAME
            SELECT {literal(period)} AS period, {version}::INTEGER AS delivery_version, {names}
            FROM {WORK} ANTI JOIN {ASIDE} USING (pos)""")
        con.execute(
            f"DELETE FROM quarantine.rows WHERE {of_delivery} AND dataset = {dataset}"
            " AND stage = 'conforming'"
        )
        con.execute(f"""
            INSERT INTO quarantine.rows BY NAME
            SELECT
                l.period, {dataset} AS dataset, l.delivery_version, l.file, l.row_number,
                'conforming' AS stage, a.codes AS reason_codes, {raw_sql(contract, "l")} AS raw
            FROM landing.{quote(contract.key)} AS l JOIN {ASIDE} AS a ON a.pos = l.rowid
            WHERE NOT a.duplicate""")
        con.execute(
            f"DELETE FROM {DUPLICATES} WHERE period = {literal(period)} AND dataset = {dataset}"
            f" AND delivery_version <= {version}"
        )
        # The place of every repetition is kept, so that each delivered row can be followed.
        con.execute(f"""
            INSERT INTO {DUPLICATES} BY NAME
            SELECT
                {literal(period)} AS period, {dataset} AS dataset,
                {version}::INTEGER AS delivery_version, w.file, w.row_number, w.row_hash
            FROM {WORK} AS w JOIN {ASIDE} AS a ON a.pos = w.pos AND a.duplicate""")
        report = _balanced(con, contract, period, version, delivered)
        con.execute(f"DELETE FROM conformed.counts WHERE {of_delivery} AND dataset = {dataset}")
        con.execute(
            "INSERT INTO conformed.counts BY NAME SELECT $1 AS period, $2 AS dataset,"
            " $3::INTEGER AS delivery_version, $4 AS delivered, $5 AS accepted,"
            " $6 AS quarantined, $7 AS duplicates",
            [period, contract.key, version, report.delivered, report.accepted,
             report.quarantined, report.duplicates],
        )  # fmt: skip
        seal(
            con,
            (
                Part(f"conformed.{quote(contract.key)}", period, version),
                Part("quarantine.rows", period, version, contract.key),
                Part(DUPLICATES, period, version, contract.key),
            ),
        )
    return report


def _balanced(
    con: duckdb.DuckDBPyConnection, contract: Contract, period: str, version: int, delivered: int
) -> ConformReport:
    """Count what was written, and hold it against what was delivered.

    Raises:
        CakupanError: a row was lost or came twice.
    """
    of_delivery = f"period = {literal(period)} AND delivery_version = {version}"
    landed = f"landing.{quote(contract.key)} WHERE {of_delivery}"
    accepted = f"conformed.{quote(contract.key)} WHERE {of_delivery}"
    set_aside = f"quarantine.rows WHERE {of_delivery} AND dataset = {literal(contract.key)}"
    duplicates = f"{DUPLICATES} WHERE {of_delivery} AND dataset = {literal(contract.key)}"
    counts: dict[str, int] = {}
    sums: dict[str, int] = {}
    for name, rows in (
        ("landed", landed),
        ("accepted", accepted),
        ("unread", f"{set_aside} AND stage = 'reading'"),
        ("quarantined", f"{set_aside} AND stage = 'conforming'"),
        ("duplicates", duplicates),
    ):
        # A sum of hashes over the rows' places does not depend on their order.
        counted, checksum = con.execute(
            f"SELECT count(*), coalesce(sum(hash(file, row_number)::HUGEINT), 0) FROM {rows}"
        ).fetchone() or (0, 0)
        counts[name], sums[name] = int(counted), int(checksum)
    parts = ("accepted", "quarantined", "duplicates")
    if (
        counts["landed"] + counts["unread"] != delivered
        or sum(counts[part] for part in parts) != counts["landed"]
        or sum(sums[part] for part in parts) != sums["landed"]
    ):
        raise CakupanError(
            f"{contract.key} of {period} version {version} does not balance: {delivered} rows "
            f"delivered, {counts['landed']} landed and {counts['unread']} unread; of the landed "
            + ", ".join(f"{counts[part]} {part}" for part in parts)
            + ". Nothing was changed; land the delivery again."
        )
    return ConformReport(
        contract.key,
        period,
        version,
        delivered,
        counts["accepted"],
        counts["quarantined"] + counts["unread"],
        counts["duplicates"],
    )
