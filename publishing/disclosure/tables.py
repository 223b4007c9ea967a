"""Writing the released tables: whole numbers, and nothing where something is withheld.

Belongs here: the tables of schema `release`, from exact tables and what may be told of each
row. Does not belong here: what may be told (rules.py, suppression.py), and the proof that the
written file is safe (gate.py).
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import yaml

from publishing.disclosure import listings
from publishing.disclosure.frame import KEYS, TABLES, Frame
from publishing.disclosure.rules import (
    ACTIVE,
    FULL,
    MAX_SHARE,
    MIN_EMPLOYERS,
    MIN_PERSONS,
    WORKERS,
    Ints,
    rounded,
)
from warehouse.columns import meaning
from warehouse.storage import count, literal, quote
from warehouse.tables import table_specs

_NAMES = {"province_code": "province", "regency_code": "regency", "sector_code": "sector"}

_AT = {
    "workers": WORKERS, "active": ACTIVE, "inactive": FULL, "unregistered": FULL, "gap": ACTIVE,
    "active_low": ACTIVE, "active_high": ACTIVE, "gap_low": ACTIVE, "gap_high": ACTIVE,
}  # fmt: skip
"""The level from which each count is told."""

_RATES = {
    "coverage_rate": "active",
    "coverage_low": "active_low",
    "coverage_high": "active_high",
}
"""Rates are made of the whole numbers that are told, so they give nothing back."""

_PROVINCE_SECTOR = (
    "Cakupan kepesertaan menurut provinsi dan lapangan usaha",
    "Coverage by province and sector",
)

_SCENARIOS = (
    "arrears_3", "pppk_civil_servant", "arrears_6", "arrears_0", "pppk_eligible", "certain_links",
)  # fmt: skip
"""The order in which scenarios are told, the rule in force first."""


@cache
def standalone() -> dict[str, dict[str, Any]]:
    """Read standalone.yaml."""
    text = files("publishing.disclosure").joinpath("standalone.yaml").read_text("utf-8")
    return dict(yaml.safe_load(text))


def counts_of(grain: int, frame: Frame, levels: Ints) -> tuple[Ints, dict[str, Any]]:
    """Give a grain's rows and its columns, empty where withheld."""
    rows = frame.rows(grain)
    whole = rounded(frame.counts.take(rows))
    told = levels[rows]
    columns: dict[str, Any] = {
        key: pa.array([frame.codes[key][row] for row in rows], pa.string()) for key in KEYS[grain]
    }
    for name, level in _AT.items():
        columns[name] = pa.array(whole[name].astype(np.int64), pa.int64(), mask=told < level)
    for name, part in _RATES.items():
        rate = np.divide(
            whole[part], whole["workers"], out=np.zeros(len(rows)), where=whole["workers"] > 0
        )
        columns[name] = pa.array(rate, pa.float64(), mask=told < ACTIVE)
    columns["suppressed"] = pa.array(told < FULL)
    return rows, columns


def write_coverage(
    con: duckdb.DuckDBPyConnection, schema: str, exact: str, period: str, frame: Frame, levels: Ints
) -> None:
    """Write one period of the tables that add up to one another.

    Args:
        con: a connection that sees both.
        schema: the released schema.
        exact: the exact schema, for the names of places and sectors.
        period: the month.
        frame: its rows.
        levels: what each row tells.
    """
    for grain, table in TABLES.items():
        _, columns = counts_of(grain, frame, levels)
        con.register("dis_told", pa.table(columns))
        names = {key: _NAMES[key] for key in KEYS[grain] if key in _NAMES}
        joins = " ".join(
            f"LEFT JOIN (SELECT DISTINCT {key}, {name} FROM {exact}.coverage_by_sector_region "
            f"WHERE period = {literal(period)}) USING ({key})"
            for key, name in names.items()
        )
        keys = [f"{literal(period)} AS period", "basis", "'eligible' AS denominator_id"]
        keys += [key for key in KEYS[grain] if key != "basis"]
        body = (
            f"SELECT {', '.join([*keys, *names.values()])}, {', '.join([*_AT, *_RATES])}, "
            f"suppressed FROM dis_told {joins} ORDER BY ALL"
        )
        _write(con, schema, table, body)
        con.unregister("dis_told")


def write_standalone(con: duckdb.DuckDBPyConnection, schema: str, exact: str, period: str) -> None:
    """Write one period of the tables that add up to nothing else."""
    makers = {"persons": _persons, "employers": _employers, "scenarios": _scenarios}
    for table, entry in standalone().items():
        source = f"(FROM {exact}.{table} WHERE period = {literal(period)})"
        if not _exists(con, exact, table):
            continue
        _write(con, schema, table, makers[entry["kind"]](table, entry, source, schema, period))
    if all(_exists(con, schema, name) for name in (listings.WHOLE, listings.PARTS)):
        listings.settle(con, schema, period)


def _exists(con: duckdb.DuckDBPyConnection, schema: str, table: str) -> bool:
    database, name = schema.split(".")
    return bool(
        count(
            con,
            "duckdb_tables()",
            f"database_name = {literal(database)} AND schema_name = {literal(name)} "
            f"AND table_name = {literal(table)}",
        )
    )


def _write(con: duckdb.DuckDBPyConnection, schema: str, table: str, body: str) -> None:
    place = f"{schema}.{quote(table)}"
    if _exists(con, schema, table):
        con.execute(f"INSERT INTO {place} BY NAME {body}")
    else:
        con.execute(f"CREATE TABLE {place} AS {body}")


def comment(con: duckdb.DuckDBPyConnection, schema: str) -> None:
    """Comment every released table and column in both languages."""
    database, name = schema.split(".")
    specs = table_specs()
    told = con.execute(
        "SELECT table_name, column_name FROM duckdb_columns() "
        "WHERE database_name = ? AND schema_name = ? ORDER BY ALL",
        [database, name],
    ).fetchall()
    for table in sorted({table for table, _ in told}):
        spec = specs.get(table)
        text_id, text_en = (spec.id, spec.en) if spec else _PROVINCE_SECTOR
        text = f"ID: {text_id}; rilis aman | EN: {text_en}; after disclosure control"
        con.execute(f"COMMENT ON TABLE {schema}.{quote(table)} IS {literal(text)}")
    for table, column in told:
        con.execute(
            f"COMMENT ON COLUMN {schema}.{quote(table)}.{quote(column)} IS "
            f"{literal(meaning(column).comment)}"
        )


# --- tables that add up to nothing else -----------------------------------------------------


def _whole(name: str) -> str:
    return f"floor({name} + 0.5)::BIGINT"


def _persons(table: str, entry: dict[str, Any], source: str, _schema: str, _period: str) -> str:
    """Give the query of people in three parts: the levels of rules.py, in SQL."""
    spec, total = table_specs()[table], entry["total"]
    ((listed, parts),) = entry["records"].items()
    least = MIN_PERSONS
    tells = {
        WORKERS: f"w >= {least}",
        ACTIVE: f"w >= {least} AND least(a, w - a, al, w - ah, active, gap, active_low, gap_low) "
        f">= {least - 0.5} AND least(a, w - a, al, w - ah) >= {least}",
    }
    tells[FULL] = (
        f"{tells[ACTIVE]} AND least(i, w - a - i, inactive, unregistered) >= {least - 0.5} "
        f"AND least(i, w - a - i) >= {least}"
    )
    told = {
        total: (WORKERS, "w"), "active": (ACTIVE, "a"), "inactive": (FULL, "i"),
        "unregistered": (FULL, "w - a - i"), "gap": (ACTIVE, "w - a"),
        "active_low": (ACTIVE, "al"), "active_high": (ACTIVE, "ah"),
        "gap_low": (ACTIVE, "w - ah"), "gap_high": (ACTIVE, "w - al"),
        "coverage_rate": (ACTIVE, "a / w"), "coverage_low": (ACTIVE, "al / w"),
        "coverage_high": (ACTIVE, "ah / w"),
    }  # fmt: skip
    split = " AND ".join(f"({part} = 0 OR {part} >= {least})" for part in parts)
    shown = {
        listed: f"{listed} >= {least}",
        **dict.fromkeys(parts, f"{listed} >= {least} AND {split}"),
    }
    columns = []
    for name in (*spec.grain, *spec.columns):
        if name in told:
            level, value = told[name]
            columns.append(f"CASE WHEN {tells[level]} THEN {value} END AS {name}")
        elif name in shown:
            columns.append(f"CASE WHEN {shown[name]} THEN {name} END AS {name}")
        else:
            columns.append(name)
    return f"""
        SELECT {", ".join(columns)}, NOT ({tells[FULL]} AND {shown[parts[0]]}) AS suppressed
        FROM (
            SELECT *, least({_whole("active_low")}, a) AS al,
                greatest(least({_whole("active_high")}, w), a) AS ah,
                least({_whole("inactive")}, w - a) AS i
            FROM (SELECT *, {_whole(total)} AS w, {_whole("active")} AS a FROM {source})
        )
        ORDER BY {", ".join(spec.grain)}
    """


def _employers(table: str, entry: dict[str, Any], source: str, _schema: str, _period: str) -> str:
    """Give the query of counts and magnitudes of employers."""
    spec = table_specs()[table]
    enough = [f"{entry['employers']} >= {MIN_EMPLOYERS}", f"{entry['share']} <= {MAX_SHARE}"]
    if "persons" in entry:
        enough.append(f"{entry['persons']} >= {MIN_PERSONS}")
    stands = f"{entry['base']} >= {MIN_EMPLOYERS}"
    persons = entry.get("person_counts", [])
    nobody_few = " AND ".join(
        f"coalesce({name} <= 0 OR {name} >= {MIN_PERSONS}, true)" for name in persons
    )
    conditions = {}
    if entry.get("tell_base", True):
        conditions[entry["base"]] = stands
    for name in entry.get("employer_counts", []):
        conditions[name] = f"{stands} AND {name} >= {MIN_EMPLOYERS}"
    if "one_of" in entry:
        flagged = entry["employer_counts"][0]
        conditions[flagged] += f" AND {_says_nothing(flagged, entry['one_of'])}"
    for name in persons:
        conditions[name] = f"{stands} AND {nobody_few}"
    for name in entry["magnitudes"]:
        conditions[name] = f"{stands} AND {' AND '.join(enough)}"
    for name, others in entry.get("beside", {}).items():
        for other in others:
            conditions[name] += f" AND {_enough_apart(other, entry)}"
    for part, gone in entry.get("parts", {}).items():
        rest = f"{entry['magnitudes'][0]} - {part}"
        for name in gone:
            conditions[name] += f" AND least({part}, {rest}) >= {MIN_EMPLOYERS}"
    columns = [*spec.grain, *entry["names"]]
    columns += [
        f"CASE WHEN {condition} THEN {name} END AS {name}" for name, condition in conditions.items()
    ]
    every = " AND ".join(f"coalesce({condition}, false)" for condition in conditions.values())
    return (
        f"SELECT {', '.join(columns)}, NOT ({every}) AS suppressed FROM {source} "
        f"ORDER BY {', '.join(spec.grain)}"
    )


def _says_nothing(flagged: str, flags: list[str]) -> str:
    """Say that a count of who is in any flag leaves every flag withheld free to be none."""
    told = " + ".join(
        f"CASE WHEN {name} >= {MIN_EMPLOYERS} THEN {name} ELSE 0 END" for name in flags
    )
    held = " + ".join(f"({name} < {MIN_EMPLOYERS})::INTEGER" for name in flags)
    most = MIN_EMPLOYERS - 1
    return f"({held} = 0 OR {flagged} <= {told} + {most} * ({held} - 1))"


def _enough_apart(name: str, entry: dict[str, Any]) -> str:
    """Say that a column with and without tax data differs by none or by enough."""
    least = MIN_EMPLOYERS if name in entry["employer_counts"] else MIN_PERSONS
    return f"abs({name} - {name}_without_tax) NOT BETWEEN 1 AND {least - 1}"


def _scenarios(_table: str, _entry: dict[str, Any], source: str, schema: str, period: str) -> str:
    """Give the query of scenarios: none is told that differs by 1 to 9 people from one told.

    A province's scenarios are told where its own row is told in full. Scenarios of linkage
    alone are about links, not about people, and may differ by few.
    """
    few = " OR ".join(
        f"abs({one} - {other}) BETWEEN 1 AND {MIN_PERSONS - 1}"
        for one, other in (
            ("x.workers", "y.workers"),
            ("x.active", "y.active"),
            ("(x.workers - x.active)", "(y.workers - y.active)"),
        )
    )
    order = ", ".join(f"({literal(name)}, {place})" for place, name in enumerate(_SCENARIOS))
    return f"""
        WITH RECURSIVE s AS MATERIALIZED (
            SELECT t.* REPLACE ({_whole("t.workers")} AS workers, {_whole("t.active")} AS active),
                o.place
            FROM {source} AS t JOIN (VALUES {order}) AS o (scenario, place) USING (scenario)
            UNION ALL BY NAME
            SELECT e.period, e.province_code, 'released' AS scenario, e.workers::BIGINT AS workers,
                e.active, -1 AS place
            FROM {schema}.coverage_by_province AS e
            WHERE e.period = {literal(period)} AND e.basis = 'domicile'
        ),
        clash AS (
            SELECT x.province_code, x.place AS later, y.place AS sooner
            FROM s AS x JOIN s AS y USING (province_code)
            WHERE x.place > y.place AND x.scenario <> 'certain_links' AND ({few})
        ),
        told (place, province_code, kept) AS (
            SELECT -1, province_code, [-1] FROM s WHERE place = -1 AND active IS NOT NULL
            UNION ALL
            SELECT t.place + 1, t.province_code,
                CASE WHEN EXISTS (
                    FROM clash AS c WHERE c.province_code = t.province_code
                        AND c.later = t.place + 1 AND list_contains(t.kept, c.sooner)
                ) THEN t.kept ELSE list_append(t.kept, t.place + 1) END
            FROM told AS t WHERE t.place + 1 < {len(_SCENARIOS)}
        )
        SELECT s.period, s.province_code, s.scenario, s.province,
            CASE WHEN fine THEN s.workers END AS workers,
            CASE WHEN fine THEN s.active END AS active,
            CASE WHEN fine THEN s.active / s.workers END AS coverage_rate,
            NOT fine AS suppressed
        FROM (
            SELECT s.*, coalesce(
                list_contains(t.kept, s.place)
                AND least(s.active, s.workers - s.active) >= {MIN_PERSONS}, false
            ) AS fine
            FROM s LEFT JOIN told AS t
                ON t.province_code = s.province_code AND t.place = {len(_SCENARIOS) - 1}
            WHERE s.place >= 0
        ) AS s
        ORDER BY s.period, s.province_code, s.scenario
    """
