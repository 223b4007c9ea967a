"""Reading the labelled tables of pairs, and the levels that the comparison gives them."""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb

from matching.comparison import FIELDS, LEVELS, compare
from matching.names import standardise_names

FOLDER = Path(__file__).parent
WORDS = Path(__file__).parents[3] / "warehouse" / "reference" / "data"

# Key columns but for the names' own, as SQL types; a pair gives what it needs of them.
OTHERS = {
    "nik": "BIGINT", "nik_birth": "BIGINT", "birth": "BIGINT", "born": "BIGINT",
    "born_other": "BIGINT", "sex": "VARCHAR", "region": "SMALLINT", "place": "VARCHAR",
    "mother": "VARCHAR", "mother_h": "UBIGINT", "mother_first": "UBIGINT", "nik_aside": "VARCHAR",
    "work": "SMALLINT",
}  # fmt: skip
COUNTS = (
    "1 AS name_n, 1 AS name_f, 1 AS birth_n, 1 AS place_n, 1 AS mother_n, 0 AS same_n,"
    " false AS nik_taken"
)


def table(name: str) -> list[dict[str, str]]:
    """Read a labelled table beside the tests."""
    with (FOLDER / f"{name}.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def number(day: str) -> int | None:
    """Give a date as the keys have it: two digits each of year, month and day."""
    if not day:
        return None
    date = dt.date.fromisoformat(day)
    return date.year % 100 * 10000 + date.month * 100 + date.day


def levels(
    con: duckdb.DuckDBPyConnection, pairs: Sequence[tuple[dict[str, Any], dict[str, Any]]]
) -> list[dict[str, str]]:
    """Give the levels of pairs by field, as `LEVELS` names them.

    Args:
        con: with the tables of titles and variants; the name macros are made.
        pairs: left and right with `name` and any columns of `OTHERS`.
    """
    columns = {"name": "VARCHAR"} | OTHERS
    for side, at in (("left", 0), ("right", 1)):
        con.execute(
            f"CREATE OR REPLACE TEMP TABLE said_{side}(id BIGINT,"
            f" {', '.join(f'{name} {kind}' for name, kind in columns.items())})"
        )
        con.executemany(
            f"INSERT INTO said_{side} VALUES (?, {', '.join('?' * len(columns))})",
            [(n, *(pair[at].get(name) for name in columns)) for n, pair in enumerate(pairs)],
        )
    standardise_names(con, "said_right", "name", "right_names")
    standardise_names(con, "said_left", "name", "left_names", token_counts="right_names_counts")
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE l AS SELECT s.* EXCLUDE (name), n.* EXCLUDE (id), {COUNTS}"
        " FROM said_left AS s LEFT JOIN left_names AS n USING (id);"
        f"CREATE OR REPLACE TEMP TABLE r AS SELECT s.id AS person_key, s.* EXCLUDE (id, name),"
        f" n.* EXCLUDE (id), {COUNTS}"
        " FROM said_right AS s LEFT JOIN right_names AS n USING (id);"
        "CREATE OR REPLACE TEMP TABLE p AS SELECT id, id AS person_key FROM said_left"
    )
    compare(con, "p", "l", "r", "judged")
    rows = con.execute(f"SELECT {', '.join(FIELDS)} FROM judged ORDER BY id").fetchall()
    return [{f: LEVELS[f][n] for f, n in zip(FIELDS, row, strict=True)} for row in rows]
