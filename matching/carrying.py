"""Carrying over: what was compared last month is compared again only where it has to be.

Belongs here: which records of the residual are opened again under a frozen model, and the
state that tells it. Does not belong here: comparing them (residual), or deciding, which is
done for all records every month from new and carried comparisons alike (persons): so who
competes with whom never has to be followed.

Under one version of the model (parameters and commonness) a pair's levels are a function of
the record's key row and the person's register row, and a record's candidates are a function
of its key row and of the register's blocks that it probes. So a record is opened when

- its key row is new or another one (what it says; its employer's region; whether its NIK is
  somebody's, and whether that somebody is like it);
- the person whose NIK it carries came, went, or is stated otherwise;
- it probes a key that a person who came, went or changed has or had, under any rule. A block
  that grows over its cap, or falls under it, has such a key.

The state is of the period that was linked last, whichever it was: what differs is found by
comparing rows, and not by the calendar.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import duckdb

from matching.blocking import RULES, Rule
from matching.carried_people import CARRIED_PEOPLE, create_state
from matching.keys import PEOPLE
from warehouse.storage import literal, scalar

# What the rules read of a register row, and whether it says the same.
_PERSON = (
    "person_key, said, nik, born, sex, region, place_h, mother_h, h_pflat, h_psorted, t_first,"
    " t_last, t_rare, start"
)
# The code that candidates and levels come from: another code, another way of linking.
_CODE = ("blocking", "carrying", "comparison", "exact", "frequencies", "keys", "names", "residual",
         "spine")  # fmt: skip


def way(con: duckdb.DuckDBPyConnection, version: int, model: str) -> str:
    """Name the way of linking: what pairs and levels hang on, besides records and register.

    Args:
        con: the warehouse with the word lists of `reference`.
        version: of the model, whose commonness holds.
        model: id of its parameters.

    Returns:
        A hash; comparisons made in another way are not carried over.
    """
    code = hashlib.sha256()
    for name in _CODE:
        code.update(Path(__file__).with_name(f"{name}.py").read_bytes())
    words = [
        scalar(
            con, f"SELECT count(*) || '/' || coalesce(sum(hash(t)::HUGEINT), 0) FROM {name} AS t"
        )
        for name in ("reference.name_titles", "reference.name_variants")
    ]
    parts = (version, model, duckdb.__version__, code.hexdigest(), *words)
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


def stands(con: duckdb.DuckDBPyConnection, named: str) -> bool:
    """Tell whether comparisons of this way of linking can be carried over."""
    create_state(con)
    return con.execute("SELECT way FROM linkage.carried").fetchall() == [(named,)]


def open_records(
    con: duckdb.DuckDBPyConnection, records: str, target: str, *, rules: tuple[Rule, ...] = RULES
) -> int:
    """Find the records that have to be compared anew.

    Args:
        con: the warehouse with the state (`stands`); the register, prepared after it was kept,
            and `match_rest` stand.
        records: key table of the period's residual (`matching.keys.prepare_records`).
        target: temporary table to make: the rows of `records` that are opened.
        rules: of blocking.

    Returns:
        The number of records opened.
    """
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE match_turned AS
        WITH turned AS (
            SELECT coalesce(a.person_key, b.person_key) AS person_key
            FROM {CARRIED_PEOPLE} AS a FULL JOIN {PEOPLE} AS b USING (person_key)
            WHERE a.said IS DISTINCT FROM b.said
                OR a.person_key IS NULL OR b.person_key IS NULL)
        SELECT {_PERSON} FROM {CARRIED_PEOPLE} SEMI JOIN turned USING (person_key)
        UNION ALL
        SELECT {_PERSON} FROM {PEOPLE} SEMI JOIN turned USING (person_key);
        CREATE OR REPLACE TEMP TABLE match_reopened AS
        SELECT k.id FROM ({_told_sql(con, records)}) AS k
        LEFT JOIN linkage.carried_records AS c USING (dataset, record_id)
        WHERE c.told IS DISTINCT FROM k.told
        UNION
        SELECT id FROM {records} WHERE nik_key IN (SELECT person_key FROM match_turned);
        """
    )
    for rule in rules:
        con.execute(
            f"""
            INSERT INTO match_reopened
            SELECT DISTINCT id FROM (
                SELECT l.id, unnest([{", ".join(rule.probes)}]) AS key FROM {records} AS l
                WHERE {rule.only})
            WHERE key IN (SELECT {rule.register} FROM match_turned AS r)
            """
        )
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE {target} AS FROM {records}"
        " WHERE id IN (SELECT id FROM match_reopened);"
        " DROP TABLE match_turned; DROP TABLE match_reopened"
    )
    return int(scalar(con, f"SELECT count(*) FROM {target}"))


def bring_pairs(con: duckdb.DuckDBPyConnection, opened: str, compared: str) -> None:
    """Add to the compared pairs those carried over of records that were not opened."""
    con.execute(
        f"""
        INSERT INTO {compared} BY NAME
        SELECT r.id, c.* EXCLUDE (dataset, record_id)
        FROM linkage.carried_pairs AS c JOIN match_rest AS r USING (dataset, record_id)
        WHERE r.id NOT IN (SELECT id FROM {opened})
        """
    )


def keep(con: duckdb.DuckDBPyConnection, period: str, named: str) -> None:
    """Keep what the next month needs: records of the residual, and their pairs.

    The people are those of the register that stands; they are set aside when another is prepared.

    Args:
        con: the warehouse after `matching.residual.gather` of all records of a period.
        period: the month.
        named: the way of linking.
    """
    create_state(con)
    # Nothing is carried over until all of it stands: a run may be killed on the way.
    con.execute("DELETE FROM linkage.carried")
    con.execute(
        f"""
        DROP TABLE IF EXISTS {CARRIED_PEOPLE};
        CREATE OR REPLACE TABLE linkage.carried_records AS
        SELECT dataset, record_id, told FROM ({_told_sql(con, "match_keys")});
        CREATE OR REPLACE TABLE linkage.carried_pairs AS
        SELECT dataset, record_id, c.* EXCLUDE (id)
        FROM match_compared AS c JOIN match_rest USING (id);
        """
    )
    con.execute(f"INSERT INTO linkage.carried VALUES ({literal(named)}, {literal(period)}, false)")


def _told_sql(con: duckdb.DuckDBPyConnection, records: str) -> str:
    """Give the query of a hash of each record's key row: `id`, `dataset`, `record_id`, `told`."""
    columns = sorted(row[0] for row in con.execute(f"DESCRIBE FROM {records}").fetchall())
    values = ", ".join(f"k.{name}" for name in columns if name != "id")
    return (
        f"SELECT k.id, dataset, record_id, hash({values}) AS told"
        f" FROM {records} AS k JOIN match_rest USING (id)"
    )
