"""Records of businesses brought together by the pipeline's own employer resolution.

Belongs here: how one or two tables become its input, and its employers become pairs. Does not
belong here: the resolution itself (`matching.employers`), of which there is one definition.

The resolution is no comparison of two tables: it brings the records of all registers together
at once, so that two rows may be one employer by way of a third. So this way is taken only
where the specification asks for it, with the column names that the resolution knows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import duckdb

from matching.employers import resolve_period
from matching.linker.persons import PERIOD
from matching.linker.spec import Spec
from matching.linker.standardise import text_sql, value_sql
from warehouse.storage import literal, quote, scalar

# The resolution's input, with the types of what is not text.
_TEXTS = (
    "employer_name", "legal_form", "npwp", "nib", "npp", "ahu_number", "nik_koperasi", "address",
    "region_code", "kbli", "sector_code", "scale", "status", "parent_npwp", "last_paid_period",
    "owner_name",
)  # fmt: skip
COLUMNS = dict.fromkeys(_TEXTS, "VARCHAR") | {
    "kbli_vintage": "SMALLINT",
    "workers": "BIGINT",
    "programmes": "VARCHAR[]",
    "registered_on": "DATE",
}


def why_not(spec: Spec) -> str | None:
    """Tell why a specification cannot be linked by the resolution, if it cannot."""
    if spec.cardinality != "many_to_many":
        return f"cardinality is {spec.cardinality}: an employer may stand several times in a table"
    if spec.blocking is not None:
        return "it has rules of its own for blocking"
    for item in spec.compare:
        if item.column not in (*COLUMNS, "dataset"):
            return (
                f"it knows columns by its own names, and not {item.label!r} (but dataset, "
                f"{', '.join(COLUMNS)})"
            )
    return None if any(item.column == "employer_name" for item in spec.compare) else (
        "column employer_name is missing"
    )  # fmt: skip


def link_employers(
    con: duckdb.DuckDBPyConnection, spec: Spec, tell: Callable[[str, str], None], *, dedupe: bool
) -> dict[str, Any]:
    """Bring the rows of `lk_raw_r`, and of `lk_raw_l` where there are two tables, together.

    Args:
        con: the linkage's database with the raw tables and the reference tables.
        spec: of the employers' shape.
        tell: told the stages that are done.
        dedupe: there is one table.

    Returns:
        `candidates`, `blocking`, `parameters` and `found` as `matching.linker.run.LinkReport`
        has them. Makes `lk_links` and `lk_ranked`: all pairs of rows of one employer, as likely
        as the less sure of the two.
    """
    sides = (("r", spec.right.id),) if dedupe else (("l", spec.left.id), ("r", spec.right.id))
    con.execute(
        "CREATE OR REPLACE TEMP VIEW in_employers AS "
        + " UNION ALL ".join(_input_sql(con, spec, side, key) for side, key in sides)
    )
    resolve_period(con, PERIOD, lambda message: tell("resolving", message))
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE lk_rows AS
        SELECT left(record_id, 1) AS side, substr(record_id, 2)::BIGINT AS id, employer_key, tier,
            probability_ppm AS ppm FROM linkage.employer_links;
        CREATE OR REPLACE TEMP TABLE lk_links AS
        SELECT a.id, b.id::UBIGINT AS person_key, least(a.ppm, b.ppm) AS ppm,
            CASE WHEN 'model' IN (a.tier, b.tier) THEN 'model' ELSE 'identifier' END AS tier,
            false AS review
        FROM lk_rows AS a JOIN lk_rows AS b USING (employer_key)
        WHERE {"a.id < b.id" if dedupe else "a.side = 'l' AND b.side = 'r'"};
        CREATE OR REPLACE TEMP VIEW lk_ranked AS SELECT id, person_key, ppm FROM lk_links;
        """
    )
    tell("deciding", "paired the records of each employer")
    return {
        "candidates": int(scalar(con, "SELECT coalesce(sum(pairs), 0) FROM linkage.employer_report"
                                      " WHERE stage <> 'identifiers'")),
        "blocking": [
            dict(zip(("rule", "pairs", "capped_blocks", "skipped_pairs"), row, strict=True))
            for row in con.execute(
                "SELECT stage, pairs, capped_blocks, 0 FROM linkage.employer_report ORDER BY rowid"
            ).fetchall()
        ],
        "parameters": _told(con),
        "found": float(scalar(con, "SELECT avg((n > 1)::INTEGER) FROM (SELECT count(*) OVER"
                                   " (PARTITION BY employer_key) AS n FROM lk_rows)")),
    }  # fmt: skip


def _input_sql(con: duckdb.DuckDBPyConnection, spec: Spec, side: str, key: str) -> str:
    """Give the query of one table as the resolution reads it."""
    types = {row[0]: row[1] for row in con.execute(f"DESCRIBE lk_raw_{side}").fetchall()}
    values = {name: f"NULL::{kind}" for name, kind in COLUMNS.items()}
    register = literal("left" if side == "l" else "right")
    for item in spec.compare:
        name, text = str(item.column), text_sql(item.of(side))
        if name == "dataset":
            register = f"coalesce({text}, {register})"
        elif item.kind in ("npwp", "date", "region"):
            values[name] = value_sql(item, side, types)
        elif COLUMNS[name] == types[name]:
            values[name] = quote(name)
        else:
            values[name] = f"try_cast({text} AS {COLUMNS[name]})"
    values["region_code"] = f"coalesce({values['region_code']}, '0000')"
    columns = ", ".join(f"{value} AS {name}" for name, value in values.items())
    # Rows of both tables apart, in the order of their identifiers.
    record = f"{literal(side)} || lpad(lk_row::VARCHAR, 12, '0')"
    return (
        f"SELECT {register} AS dataset, {record} AS record_id, {columns},"
        f" hash(lk_row, {quote(key)}) AS row_hash FROM lk_raw_{side}"
    )


def _told(con: duckdb.DuckDBPyConnection) -> list[dict[str, object]]:
    """Give the parameters as a report shows them."""
    fields: dict[str, list[dict[str, object]]] = {}
    for field, level, m, u, bits in con.execute(
        "SELECT field, level, m, u, bits FROM linkage.employer_model ORDER BY rowid"
    ).fetchall():
        fields.setdefault(field, []).append({"level": level, "m": m, "u": u, "bits": bits})
    return [{"columns": name, "kind": name, "levels": rows} for name, rows in fields.items()]
