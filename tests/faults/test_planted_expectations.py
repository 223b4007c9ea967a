"""Every expectation that a contract implies fires when its violation is planted.

The suites are asked which checks there are. Each violation is planted in a real table of a
delivery that passes all checks, computed by the one query of the runner, and judged by Great
Expectations.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import duckdb
import pytest
from planted.record import Planted, store

from expectations import runner
from expectations.checks import Check
from expectations.judging import judge
from expectations.suites import COUNTS_TABLE, suite
from sources.contracts import Contract, load_contracts
from warehouse.connection import SCHEMAS
from warehouse.storage import literal, quote

PERIOD = "2026-10"
_ROWS = 600  # enough for the checks that judge no small delivery

_GOOD = {
    "nik": "'317199010190' || lpad((i * 10 + 1)::VARCHAR, 4, '0')",
    "npwp": "lpad(i::VARCHAR, 16, '0')",
    "nib": "lpad(i::VARCHAR, 13, '0')",
    "region": "'3171'",
    "date": "DATE '1990-01-01'",
    "money": "5",
    "integer": "5",
    "kbli_vintage": "2020",
}


@pytest.fixture(scope="module")
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    con = duckdb.connect(config={"threads": 1})
    for schema in SCHEMAS:
        con.execute(f"CREATE SCHEMA {schema}")
    con.execute(
        "CREATE TABLE conformed.counts (period VARCHAR, dataset VARCHAR, delivery_version INTEGER,"
        " delivered BIGINT, accepted BIGINT, quarantined BIGINT, duplicates BIGINT)"
    )
    yield con
    con.close()


def _good_table(con: duckdb.DuckDBPyConnection, contract: Contract) -> None:
    values = {
        "period": f"'{PERIOD}'", "delivery_version": "1", "record_id": "'R' || i",
        "flags": "[]::VARCHAR[]",
    }  # fmt: skip
    for column in contract.columns:
        text = _GOOD.get(column.kind, "'K' || i")
        if column.vocabulary is not None:
            first = literal(next(iter(column.vocabulary.values)))
            text = f"[{first}]" if column.kind == "list" else first
        values[column.name] = f"({text})::{column.sql_type}"
        if column.name in ("ended_on", "ends_on"):
            values[column.name] = "DATE '2020-01-01'"
    columns = ", ".join(f"{value} AS {quote(name)}" for name, value in values.items())
    con.execute(
        f"CREATE TABLE conformed.{quote(contract.key)} AS SELECT {columns} "
        f"FROM range({_ROWS}) AS r(i)"
    )
    con.execute(
        "INSERT INTO conformed.counts VALUES (?, ?, 1, ?, ?, 0, 0)",
        [PERIOD, contract.key, _ROWS, _ROWS],
    )


def _update(check: Check, value: str) -> str:
    return f"UPDATE {_table(check)} SET {quote(check.column or '')} = {value}"


def _table(check: Check) -> str:
    schema, name = check.table.split(".")
    return f"{schema}.{quote(name)}"


def _no_match(check: Check) -> str:
    return "['?']" if check.name.endswith("_in_vocabulary") else "'?'"


def _forbidden(check: Check) -> str:
    if check.column == "flags":
        code = check.kwargs["regex"].removeprefix("(^|,)").removesuffix("(,|$)")
        return f"[{literal(code)}]"
    return f"left({quote(check.column or '')}, 15) || '0'"


def _outside(check: Check) -> str:
    return "DATE '1800-01-01'" if check.column == "birth_date" else "-1"


_BY_TYPE: dict[str, Callable[[Check], str]] = {
    "expect_table_row_count_to_be_between": lambda check: f"DELETE FROM {_table(check)}",
    "expect_column_values_to_not_be_null": lambda check: _update(check, "NULL"),
    "expect_column_values_to_be_unique": lambda check: _update(check, "'R1'"),
    "expect_column_values_to_match_regex": lambda check: _update(check, _no_match(check)),
    "expect_column_values_to_not_match_regex": lambda check: _update(check, _forbidden(check)),
    "expect_column_values_to_be_in_set": lambda check: _update(check, "'?'"),
    "expect_column_values_to_not_be_in_set": lambda check: _update(
        check, literal(check.kwargs["value_set"][0])
    ),
    "expect_column_values_to_be_between": lambda check: _update(check, _outside(check)),
    "expect_column_pair_values_a_to_be_greater_than_b": lambda check: (
        f"UPDATE {_table(check)} SET {quote(check.kwargs['column_A'])} = "
        f"{quote(check.kwargs['column_B'])} - 1"
    ),
}
_OF_COUNTS = {
    "counted": f"INSERT INTO {COUNTS_TABLE} FROM {COUNTS_TABLE}",
    "balance": f"UPDATE {COUNTS_TABLE} SET delivered = delivered + 1",
    "accepted_rows": f"UPDATE {COUNTS_TABLE} SET accepted = accepted + 1",
    "quarantined_share": f"UPDATE {COUNTS_TABLE} SET quarantined = delivered // 3",
    "quarantined_share_warning": f"UPDATE {COUNTS_TABLE} SET quarantined = delivered // 10",
}


def _violation(check: Check) -> str:
    """Give the statement that breaks a check.

    Raises:
        KeyError: the check is of a kind that nobody has planted a violation for yet.
    """
    return _OF_COUNTS[check.name] if check.table == COUNTS_TABLE else (
        _BY_TYPE[check.expectation](check)
    )  # fmt: skip


def test_every_expectation_of_every_contract_fires(
    con: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    contracts = load_contracts()
    compute, relations = runner.compute, {}

    def noticing(con, checks, found):
        relations.update(found)
        return compute(con, checks, found)

    monkeypatch.setattr(runner, "compute", noticing)
    planted: list[Planted] = []
    for contract in contracts.values():
        _good_table(con, contract)
        relations.clear()
        before = runner.validate(con, contract, PERIOD)
        assert [result.name for result in before if not result.success] == [], contract.key
        checks, figures = suite(contract, PERIOD), {}
        for check in checks:
            con.execute("BEGIN")
            con.execute(_violation(check))
            figures |= compute(con, [check], {check.table: relations[check.table]})
            con.execute("ROLLBACK")
        for check, result in zip(checks, judge(checks, figures), strict=True):
            fired = check.name in figures and not result.success
            planted.append(
                Planted("expectation", f"{contract.key}: {check.name}", fired, _violation(check))
            )
        con.execute("DELETE FROM conformed.counts")
    assert len(planted) == sum(len(suite(c, PERIOD)) for c in contracts.values())
    store("expectation", planted, "expectations of contracts")
