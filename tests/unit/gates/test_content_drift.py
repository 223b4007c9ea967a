"""Content that moved since the delivery before is told, and nothing is blocked by it."""

from __future__ import annotations

import duckdb
import pytest

from expectations.drift import validate_drift
from sources.conforming import create_conformed_table
from sources.contracts import load_contracts
from sources.ledger import create_ledger
from warehouse.errors import CakupanError, UsageError
from warehouse.settings import GateSettings
from warehouse.tables import create_tables

BASE, PERIOD = "2026-09", "2026-10"
KEY = "bpjs_participants"


def fill(con: duckdb.DuckDBPyConnection, period: str, rows: int, columns: str) -> None:
    contracts = load_contracts()
    create_tables(con)
    create_ledger(con)
    create_conformed_table(con, contracts[KEY])
    con.execute(
        f"INSERT INTO conformed.{KEY} BY NAME SELECT '{period}' AS period, "
        "1::INTEGER AS delivery_version, i::VARCHAR AS record_id, "
        f"{columns} FROM range({rows}) AS r (i)"
    )
    con.execute(
        "INSERT INTO conformed.counts VALUES (?, ?, 1, ?, ?, 0, 0)", [period, KEY, rows, rows]
    )
    con.execute(
        "INSERT INTO landing.deliveries (dataset, period, version, state, rows) "
        "VALUES (?, ?, 1, 'accepted', ?)", [KEY, period, rows],
    )  # fmt: skip
    con.execute("DELETE FROM landing.in_force")
    con.execute(
        "INSERT INTO landing.in_force VALUES (?, ?, ?, 1, 0, 'current')", [period, KEY, period]
    )


SAME = (
    "CASE WHEN i % 10 > 0 THEN 'X' END AS full_name, 4000000 + (i * 7919) % 5000000 "
    "AS reported_wage, '31' || lpad((71 + i % 5)::VARCHAR, 2, '0') AS region_code, "
    "DATE '1970-06-01' + ((i * 31) % 9000)::INTEGER AS birth_date"
)


def failed(con: duckdb.DuckDBPyConnection, settings: GateSettings | None = None) -> set[str]:
    results = validate_drift(con, load_contracts(), settings or GateSettings(), PERIOD)
    assert {result.severity for result in results} <= {"warning"}
    return {result.column for result in results if not result.success}


def test_the_same_content_has_not_moved(con: duckdb.DuckDBPyConnection) -> None:
    fill(con, BASE, 1000, SAME)
    fill(con, PERIOD, 1100, SAME)
    assert failed(con) == set()
    rows = con.execute(
        "SELECT column_name, drift_measure, base_period, base_rows, rows, passed "
        "FROM quality.drift WHERE column_name = 'reported_wage' ORDER BY drift_measure"
    ).fetchall()
    assert rows == [
        ("reported_wage", "distribution", BASE, 1000, 1100, True),
        ("reported_wage", "missing", BASE, 1000, 1100, True),
    ]
    told = con.execute("SELECT count(*) FROM quality.expectation_results").fetchall()[0][0]
    assert told == con.execute("SELECT count(*) FROM quality.drift").fetchall()[0][0] > 5
    assert failed(con) == set()
    again = con.execute("SELECT count(*) FROM quality.expectation_results").fetchall()[0][0]
    assert again == told


@pytest.mark.parametrize(
    ("old", "new", "column"),
    [
        ("i % 10 > 0", "i % 4 > 0", "full_name: missing"),
        ("4000000 +", "8000000 +", "reported_wage: distribution"),
        ("'31' ||", "CASE WHEN i % 2 = 0 THEN '32' ELSE '31' END ||", "region_code: categories"),
        ("1970-06-01", "1990-06-01", "birth_date: distribution"),
    ],
)
def test_what_has_moved_is_told_by_column_and_measure(
    con: duckdb.DuckDBPyConnection, old: str, new: str, column: str
) -> None:
    assert old in SAME
    fill(con, BASE, 1000, SAME)
    fill(con, PERIOD, 1000, SAME.replace(old, new))
    assert failed(con) == {column}
    [(value, limit)] = con.execute(
        "SELECT drift_value, drift_limit FROM quality.drift WHERE NOT passed"
    ).fetchall()
    assert value > limit
    assert failed(con, GateSettings(drift_psi=50, drift_missing=1)) == set()


def test_the_index_is_the_one_of_the_book(con: duckdb.DuckDBPyConnection) -> None:
    half = "CASE WHEN i % 2 = 0 THEN '3171' ELSE '3271' END AS region_code"
    fill(con, BASE, 1000, half)
    fill(con, PERIOD, 1000, half.replace("i % 2 = 0", "i % 10 < 8"))
    validate_drift(con, load_contracts(), GateSettings(), PERIOD)
    [(value,)] = con.execute(
        "SELECT drift_value FROM quality.drift WHERE drift_measure = 'categories' "
        "AND column_name = 'region_code'"
    ).fetchall()
    # (0.8 - 0.5) ln(0.8 / 0.5) + (0.2 - 0.5) ln(0.2 / 0.5) = 0.4159
    assert value == pytest.approx(0.4159, abs=0.002)


def test_small_deliveries_and_first_ones_are_not_compared(con: duckdb.DuckDBPyConnection) -> None:
    fill(con, BASE, 100, SAME)
    fill(con, PERIOD, 100, SAME.replace("4000000", "9000000"))
    assert validate_drift(con, load_contracts(), GateSettings(), PERIOD) == []
    con.execute("DELETE FROM conformed.counts WHERE period = ?", [BASE])
    assert validate_drift(con, load_contracts(), GateSettings(drift_rows=1), PERIOD) == []
    with pytest.raises(UsageError):
        validate_drift(con, load_contracts(), GateSettings(), "2026-13")
    con.execute("DROP TABLE landing.in_force")
    with pytest.raises(CakupanError, match="no result"):
        validate_drift(con, load_contracts(), GateSettings(), PERIOD)
