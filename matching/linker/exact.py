"""Rows that an identifier links, guarded by a name or a date.

Belongs here: which equal identifiers are believed at once. Does not belong here: rows whose
identifiers differ, or speak against what else is known (the model's).
"""

from __future__ import annotations

import duckdb

from matching.linker.comparing import SAME, compare
from matching.linker.spec import IDENTIFIERS, Spec
from warehouse.storage import scalar


def guards(spec: Spec) -> tuple[int | None, int | None]:
    """Give the comparisons that vouch for an identifier: the first name and the first date."""
    kinds = [item.kind for item in spec.compare]
    name = next((i for i, k in enumerate(kinds) if k in ("person_name", "company_name")), None)
    date = next((i for i, k in enumerate(kinds) if k == "date"), None)
    return name, date


def same_sql(spec: Spec) -> str:
    """Give the condition that a pair has an identifier in common."""
    parts = [
        f"f{i} IN ({', '.join(map(str, SAME[item.kind]))})"
        for i, item in enumerate(spec.compare)
        if item.kind in IDENTIFIERS
    ]
    return f"({' OR '.join(parts) or 'false'})"


def guarded_sql(spec: Spec) -> tuple[str, str]:
    """Give the conditions that name and date vouch for a pair, and that they speak against it.

    As in `matching.exact`: the name is the same or nearly, or part of it while the date does
    not differ, or the date is the same and the name not plainly another one.
    """
    name, date = guards(spec)
    n = f"f{name}" if name is not None else "0"
    d = f"f{date}" if date is not None else "0"
    sure = f"({n} >= 5 OR {n} IN (3, 4) AND {d} NOT IN (1, 2) OR {d} = 6 AND {n} NOT IN (1, 2))"
    against = f"({d} <> 6 AND ({n} = 1 OR {n} IN (0, 2) AND {d} IN (1, 2)))"
    return sure, against


def link_exact(
    con: duckdb.DuckDBPyConnection, spec: Spec, *, one: bool, dedupe: bool
) -> float | None:
    """Link rows by an identifier.

    Args:
        con: the linkage's database with `lk_l` and `lk_r`.
        spec: what is compared.
        one: a left row has at most one right row.
        dedupe: there is one table.

    Returns:
        How many pairs of one identifier are vouched for to one that is spoken against; None
        where the specification has no identifier, or nothing that guards one. Makes `lk_known`
        (levels of the linked pairs) and `match_exact` (`id`, `record_id`, `person_key`, `ppm`,
        `rank`).
    """
    con.execute(
        "CREATE OR REPLACE TEMP TABLE match_exact(id BIGINT, record_id BIGINT, person_key UBIGINT,"
        " ppm INTEGER, rank INTEGER);"
        "CREATE OR REPLACE TEMP TABLE lk_equal(id BIGINT, person_key UBIGINT)"
    )
    chosen = [i for i, item in enumerate(spec.compare) if item.kind in IDENTIFIERS]
    if not chosen or guards(spec) == (None, None):
        compare(con, spec, "lk_equal", "lk_known")
        con.execute("DROP TABLE lk_equal")
        return None
    for i in chosen:
        # Where a left row has one right row, an identifier that two right rows have is no proof.
        once = f"AND r.f{i}_n = 1" if one else ""
        order = "AND l.id < r.id" if dedupe else ""
        con.execute(
            f"INSERT INTO lk_equal SELECT l.id, r.id FROM lk_l AS l JOIN lk_r AS r"
            f" ON l.f{i} = r.f{i} {once} {order}"
        )
    con.execute(
        "CREATE OR REPLACE TEMP TABLE lk_equal_once AS SELECT DISTINCT id, person_key FROM lk_equal"
    )
    compare(con, spec, "lk_equal_once", "lk_known")
    sure, against = guarded_sql(spec)
    name, date = guards(spec)
    n = f"f{name}" if name is not None else "0"
    d = f"f{date}" if date is not None else "0"
    order = "ORDER BY ppm DESC, rank DESC, person_key"
    best = f"QUALIFY row_number() OVER (PARTITION BY id {order}) = 1" if one else ""
    con.execute(
        f"""
        INSERT INTO match_exact
        SELECT id, id AS record_id, person_key, CASE WHEN {n} >= 5 AND {d} IN (0, 6) THEN 999900
            WHEN {n} >= 5 OR {d} = 6 THEN 999000 ELSE 996000 END AS ppm,
            {n}::INTEGER * 10 + {d} AS rank
        FROM lk_known WHERE {sure} {best}
        """
    )
    conflicts = int(scalar(con, f"SELECT count(*) FROM lk_known WHERE {against}"))
    owners = int(scalar(con, f"SELECT count(*) FROM lk_known WHERE {sure}"))
    con.execute(
        f"DELETE FROM lk_known WHERE NOT {sure}; DROP TABLE lk_equal; DROP TABLE lk_equal_once"
    )
    # Half a case is added: that none was seen does not mean there is none.
    return (owners + 1) / (conflicts + 0.5)
