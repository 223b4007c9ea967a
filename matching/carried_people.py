"""The people of the register that comparisons carried over were made with.

Belongs here: keeping them without a copy. Does not belong here: which records are compared
again because of them (carrying), or how a register is prepared (keys).

The register that a month was linked with is what the next month has to compare its own with.
It is not copied: it stays where it is until another one is prepared, and is then set aside.
"""

from __future__ import annotations

import duckdb

from warehouse.storage import scalar

CARRIED_PEOPLE = "linkage.carried_people"


def create_state(con: duckdb.DuckDBPyConnection) -> None:
    """Create `linkage.carried` where it is missing: of which way and period the state is.

    `aside` tells whether its people were set aside, or are still the register that stands.
    """
    con.execute(
        """
        CREATE SCHEMA IF NOT EXISTS linkage;
        CREATE TABLE IF NOT EXISTS linkage.carried(way VARCHAR, period VARCHAR, aside BOOLEAN);
        ALTER TABLE linkage.carried ADD COLUMN IF NOT EXISTS aside BOOLEAN DEFAULT true;
        """
    )


def set_aside(con: duckdb.DuckDBPyConnection, people: str, basis: str) -> None:
    """Set the register that stands aside, if comparisons were made with it that are carried over.

    May break off after any statement: done again it goes on from there.

    Args:
        con: the restricted warehouse.
        people: table of the register's people.
        basis: table that tells of which period the register is; dropped first, as from here on
            none stands.
    """
    create_state(con)
    con.execute(f"DROP TABLE IF EXISTS {basis}")
    if not int(scalar(con, "SELECT count(*) FROM linkage.carried WHERE NOT aside")):
        return
    schema, table = people.split(".")
    stands = con.execute(
        "SELECT count(*) FROM duckdb_tables() WHERE schema_name = ? AND table_name = ?",
        [schema, table],
    ).fetchone()
    if stands and stands[0]:
        name = CARRIED_PEOPLE.split(".")[1]
        con.execute(f"DROP TABLE IF EXISTS {CARRIED_PEOPLE}")
        con.execute(f"ALTER TABLE {people} RENAME TO {name}")
    con.execute("UPDATE linkage.carried SET aside = true")
