"""The runner: DuckDB computes, Great Expectations judges, the results are written down.

Belongs here: validating one conformed delivery, and the table of results. Does not belong
here: which checks there are (suites.py, cross.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import duckdb

from expectations.checks import Check, CheckResult
from expectations.compiling import columns_needed, compile_query
from expectations.judging import Figures, judge
from expectations.suites import COUNTS_TABLE, check_names, suite
from sources.contracts import Contract
from warehouse.connection import check_period
from warehouse.errors import CakupanError
from warehouse.storage import literal, quote, set_comments, transaction
from warehouse.tables import table_specs

RESULTS_TABLE = "quality.expectation_results"

__all__ = ["RESULTS_TABLE", "check_names", "compute", "validate", "write_results"]


def validate(
    con: duckdb.DuckDBPyConnection, contract: Contract, period: str, version: int | None = None
) -> list[CheckResult]:
    """Validate a conformed delivery and write the results to `quality.expectation_results`.

    Args:
        con: the restricted warehouse.
        contract: the dataset's contract.
        period: the delivery's month.
        version: the delivery's version; the latest conformed one where left out.

    Returns:
        A result per check, in the order of `check_names`. A check that could not be computed,
        as when a column is missing, has failed.

    Raises:
        UsageError: the period is no month.
        CakupanError: the database failed; no result was written.
    """
    checks = suite(contract, check_period(period))
    version = _version(con, contract, period) if version is None else version
    of_delivery = f"period = {literal(period)} AND delivery_version = {int(version)}"
    conformed = f"conformed.{quote(contract.key)}"
    counts = f"""(
        SELECT *, accepted + quarantined + duplicates AS accounted,
            CASE WHEN delivered > 0 THEN quarantined / delivered ELSE 0 END AS quarantined_share,
            (SELECT count(*) FROM {conformed} WHERE {of_delivery}) AS conformed_rows
        FROM {COUNTS_TABLE} WHERE {of_delivery} AND dataset = {literal(contract.key)}
    )"""
    relations = {
        f"conformed.{contract.key}": f"(SELECT * FROM {conformed} WHERE {of_delivery})",
        COUNTS_TABLE: counts,
    }
    results = judge(checks, compute(con, checks, relations))
    write_results(con, period, contract.key, results)
    return results


def compute(
    con: duckdb.DuckDBPyConnection, checks: Sequence[Check], relations: Mapping[str, str]
) -> dict[str, Figures]:
    """Compute checks, by one aggregate query per table.

    Args:
        con: the warehouse.
        checks: the checks.
        relations: what to look at, by the checks' table names.

    Returns:
        Figures by check name; a check whose table or column is missing has none.

    Raises:
        CakupanError: a query failed.
    """
    figures: dict[str, Figures] = {}
    for table, relation in relations.items():
        columns = _columns(con, relation)
        able = [
            check
            for check in checks
            if check.table == table
            and columns
            and all(name in columns for name in columns_needed(check))
        ]
        if not able:
            continue
        fault = ""
        try:
            found = con.execute(compile_query(able, relation, columns)).fetchall()
        except duckdb.Error as error:
            fault = type(error).__name__
        if fault:
            raise CakupanError(
                f"checking {table} failed ({fault}); no result was written. Run the check's "
                "query in the DuckDB shell on the restricted home for the details."
            )
        row = found[0]
        for index, check in enumerate(able):
            # No row at all gives NULL where a subquery is asked.
            evaluated, unexpected = row[2 * index] or 0, row[2 * index + 1] or 0
            figures[check.name] = Figures(int(evaluated), int(unexpected), int(row[-1]))
    return figures


def write_results(
    con: duckdb.DuckDBPyConnection, period: str, dataset: str, results: Sequence[CheckResult]
) -> None:
    """Replace the results of one dataset and period."""
    spec = table_specs()["expectation_results"]
    con.execute(spec.ddl())
    set_comments(
        con, spec.schema, spec.name, spec.comment, {c.name: c.comment for c in spec.meanings}
    )
    rows = [
        (
            period, dataset, r.table, r.expectation, r.column, r.severity, r.success,
            r.evaluated, r.unexpected, r.unexpected_share, r.observed,
        )
        for r in results
    ]  # fmt: skip
    with transaction(con):
        con.execute(
            f"DELETE FROM {RESULTS_TABLE} WHERE period = ? AND dataset = ?", [period, dataset]
        )
        if rows:
            con.execute(
                f"INSERT INTO {RESULTS_TABLE} (period, dataset, table_name, expectation, "
                "column_name, severity, success, evaluated, unexpected, unexpected_share, "
                "observed) VALUES " + ", ".join(["(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"] * len(rows)),
                [value for row in rows for value in row],
            )


def _version(con: duckdb.DuckDBPyConnection, contract: Contract, period: str) -> int:
    try:
        row = con.execute(
            f"SELECT max(delivery_version) FROM {COUNTS_TABLE} WHERE period = ? AND dataset = ?",
            [period, contract.key],
        ).fetchone()
    except duckdb.CatalogException:
        row = None
    return int(row[0]) if row and row[0] is not None else 0


def _columns(con: duckdb.DuckDBPyConnection, relation: str) -> dict[str, str]:
    """Give column types by name; none where the relation cannot be bound."""
    try:
        described = con.execute(f"DESCRIBE SELECT * FROM {relation}").fetchall()
    except (duckdb.CatalogException, duckdb.BinderException):
        return {}
    return {str(row[0]): str(row[1]) for row in described}
