"""The residual: records that no NIK linked, and how they compare with register people.

Belongs here: the stages before the model, in their order, for any choice of records. Does
not belong here: those stages themselves (exact, keys, blocking, comparison), learning from the
pairs (training), or deciding them (persons).

Every blocking rule reads all of the register. So all records of a month go through together,
and the model learns from some of the very comparisons that are then scored. Under a model of
an earlier month only those records are compared that `matching.carrying` opens.
"""

from __future__ import annotations

import duckdb

from matching import carrying
from matching.blocking import find_candidates
from matching.comparison import compare
from matching.exact import split
from matching.keys import REGISTER, prepare_records
from warehouse.storage import scalar

# Pairs compared at a time: bounds the memory that comparing them takes.
CHUNK = 2_000_000


def gather(
    con: duckdb.DuckDBPyConnection,
    where: str,
    *,
    period: str | None = None,
    carried: str | None = None,
) -> int:
    """Link what a NIK links, and compare the rest with their candidates.

    Args:
        con: the warehouse with the TEMP view `in_person_records`; the register is prepared.
        where: condition on its rows.
        period: where given, the blocking rules' counts go to `linkage.blocking_report`.
        carried: where given, the way of linking under which comparisons of the last linked
            period are carried over (`matching.carrying.way`).

    Returns:
        The records of the residual that were compared with their candidates.

    Makes what `matching.exact.split` makes, `match_keys` (the rest in comparable form) and
    `match_compared` (`matching.comparison`).
    """
    split(con, where)
    opened = prepare_records(con, "match_rest", "match_keys", spelt=True)
    con.execute("DROP TABLE match_said; DROP TABLE match_places")
    keys = "match_keys"
    if carried is not None and carrying.stands(con, carried):
        keys = "match_opened"
        opened = carrying.open_records(con, "match_keys", keys)
    find_candidates(con, keys, "match_pairs", period=period)
    parts = -(-int(scalar(con, "SELECT count(*) FROM match_pairs")) // CHUNK)
    if parts <= 1:
        compare(con, "match_pairs", "match_keys", REGISTER, "match_compared")
    for part in range(parts if parts > 1 else 0):
        con.execute(
            f"CREATE OR REPLACE TEMP TABLE match_chunk AS SELECT * FROM match_pairs"
            f" WHERE hash(person_key) % {parts} = {part}"
        )
        compare(con, "match_chunk", "match_keys", REGISTER, "match_part")
        con.execute(
            "CREATE OR REPLACE TEMP TABLE match_compared AS FROM match_part"
            if part == 0
            else "INSERT INTO match_compared FROM match_part"
        )
    con.execute(
        "DROP TABLE match_pairs; DROP TABLE IF EXISTS match_chunk; DROP TABLE IF EXISTS match_part"
    )
    if keys != "match_keys":
        carrying.bring_pairs(con, keys, "match_compared")
        con.execute(f"DROP TABLE {keys}")
    return opened


def forget(con: duckdb.DuckDBPyConnection) -> None:
    """Drop what `gather` made."""
    con.execute(
        "DROP VIEW match_exact; DROP TABLE match_first; DROP TABLE match_second;"
        " DROP TABLE match_records; DROP TABLE match_rest;"
        " DROP TABLE match_keys; DROP TABLE match_compared"
    )
