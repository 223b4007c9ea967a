"""From what a list says to the rows that are delivered, with the truth about each.

Belongs here: the table `delivery` of one dataset and month, its duplicated, superseded and
broken rows, and the truth tables. Does not belong here: what the rows say (lists, registers),
how files look (files).
"""

from __future__ import annotations

import duckdb

from sources.contracts import Contract
from sources.world import lists, registers, rosters
from sources.world.damage import Damage
from sources.world.draws import Draws
from sources.world.lists import Month
from sources.world.rates import GROUP_OF_KIND, ErrorRates
from warehouse.storage import literal, quote


def can_make(contract: Contract) -> bool:
    """Tell whether the world has deliveries for a dataset."""
    if contract.kind in ("employer", "project"):
        return registers.knows(contract)
    return contract.kind in ("population", "membership", "employment", "roster")


def make_delivery(
    con: duckdb.DuckDBPyConnection,
    draws: Draws,
    rates: ErrorRates,
    contract: Contract,
    month: Month,
    share: float = 1.0,
) -> int:
    """Make the table `delivery`: the contract's columns, `_part` and `_order`.

    The truth about its records is added to `truth_persons` and `truth_employers`.

    Args:
        con: the building database with the whole world and the view `persona` of the month.
        draws: draws of the world.
        rates: rates of errors.
        contract: the dataset.
        month: the month.
        share: share of its candidates that a roster lists (see `rosters.shares`).

    Returns:
        The number of rows.
    """
    damage = Damage(draws, rates, GROUP_OF_KIND[contract.kind], contract.key)
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE said AS {_rows_sql(con, damage, contract, month, share)}"
    )
    _note_truth(con, contract, month)
    _add_rows(con, damage, contract)
    row = con.execute("SELECT count(*) FROM delivery").fetchone()
    return int(row[0]) if row else 0


def _rows_sql(
    con: duckdb.DuckDBPyConnection, damage: Damage, contract: Contract, month: Month, share: float
) -> str:
    if contract.kind == "population":
        return lists.population_sql(damage, month)
    if contract.kind == "membership":
        return lists.membership_sql(damage, month)
    if contract.kind == "employment":
        return lists.employment_sql(damage, month, contract)
    if contract.kind == "roster":
        return rosters.roster_sql(damage, month, contract, share)
    columns: frozenset[str] = frozenset()
    if "pool" in contract.sample:
        pool = con.execute(f"DESCRIBE world_{contract.sample['pool']}").fetchall()
        columns = frozenset(row[0] for row in pool)
    return registers.register_sql(damage, month, contract, columns)


def make_truth_tables(con: duckdb.DuckDBPyConnection) -> None:
    """Make the empty truth tables."""
    con.execute("""
        CREATE OR REPLACE TABLE truth_persons (
            period VARCHAR, dataset VARCHAR, record_id VARCHAR, nik VARCHAR);
        CREATE OR REPLACE TABLE truth_employers (
            period VARCHAR, dataset VARCHAR, record_id VARCHAR, company_id VARCHAR)
    """)


def _note_truth(con: duckdb.DuckDBPyConnection, contract: Contract, month: Month) -> None:
    key = quote(contract.key_column.name)
    columns = {row[0] for row in con.execute("DESCRIBE said").fetchall()}
    head = f"SELECT {literal(month.period)}, {literal(contract.key)}, s.{key}"
    if "_i" in columns and contract.kind != "population":
        con.execute(f"""
            INSERT INTO truth_persons {head}, CASE WHEN p.in_register THEN p.nik END
            FROM said AS s JOIN people AS p ON p.i = s._i
        """)
    if "_company" in columns:
        con.execute(f"INSERT INTO truth_employers {head}, s._company FROM said AS s")


def _add_rows(con: duckdb.DuckDBPyConnection, damage: Damage, contract: Contract) -> None:
    """Make `delivery` from `said`: in the list's order, with its double and broken rows."""
    key, name = contract.key_column.name, contract.name_column.name
    said = [row[0] for row in con.execute("DESCRIBE said").fetchall()]
    columns = [column.name for column in contract.columns if column.name in said]
    part = {
        "population": "substr(nik, 1, 1)",
        "membership": "CASE WHEN segment = 'PU' THEN 'pu' ELSE 'lain' END",
    }.get(contract.kind, "''")
    plain = ", ".join(quote(column) for column in columns)
    # A list lies in the order of its keys; the register in that of NIKs.
    sql = f"SELECT {plain}, {part} AS _part, 1 AS _turn, _k FROM said"
    sql += f"""
        UNION ALL BY NAME SELECT {plain}, {part} AS _part, 2 AS _turn, _k FROM said
        WHERE {damage.hits("_k", "row_duplicated")}"""
    if damage.rate("row_superseded"):
        older = {
            "last_paid_period": "strftime(coalesce(try_strptime(last_paid_period || '-01', "
            "'%Y-%m-%d'), DATE '2020-02-01') - INTERVAL 2 MONTH, '%Y-%m')",
            "monthly_wage": "monthly_wage - 50000",
            "address": "left(address, 12)",
        }
        changed = next((column for column in older if column in columns), name)
        value = older.get(changed, f"{quote(name)} || ' '")
        replaced = ", ".join(
            f"{value} AS {quote(column)}" if column == changed else quote(column)
            for column in columns
        )
        sql += f"""
            UNION ALL BY NAME SELECT {replaced}, {part} AS _part, 0 AS _turn, _k FROM said
            WHERE {damage.hits("_k", "row_superseded")}"""
    if damage.rate("row_without_key"):
        replaced = ", ".join(
            f"NULL AS {quote(column)}" if column == key else quote(column) for column in columns
        )
        sql += f"""
            UNION ALL BY NAME SELECT {replaced}, {part} AS _part, 3 AS _turn, _k FROM said
            WHERE {damage.hits("_k", "row_without_key")}"""
    if contract.kind == "population":
        sql += _register_doubles(damage, columns, part)
    con.execute(f"""
        CREATE OR REPLACE TEMP TABLE delivery AS
        SELECT * EXCLUDE (_turn, _k), row_number() OVER (
            ORDER BY _part, {quote(key)} NULLS LAST, _turn, _k) AS _order
        FROM ({sql})
    """)
    con.execute("DROP TABLE said")


def _register_doubles(damage: Damage, columns: list[str], part: str) -> str:
    """SQL of NIKs that stand twice: a poorer row of the same person, or a second person's."""
    poorer = ", ".join(
        f"NULL AS {quote(column)}" if column in ("mother_name", "address", "occupation")
        else quote(column)
        for column in columns
    )  # fmt: skip
    other = ", ".join(
        {
            "full_name": "list_reverse(string_split(full_name, ' '))[1] || ' SETIANINGRUM'",
            "birth_date": "birth_date + 3111",
        }.get(column, quote(column))
        + f" AS {quote(column)}"
        for column in columns
    )
    return f"""
        UNION ALL BY NAME SELECT {poorer}, {part} AS _part, 4 AS _turn, _k FROM said
        WHERE {damage.hits("_k", "nik_twice_same_person")}
        UNION ALL BY NAME SELECT {other}, {part} AS _part, 5 AS _turn, _k FROM said
        WHERE {damage.hits("_k", "nik_twice_two_persons")}"""
