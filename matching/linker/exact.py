"""Rows that an identifier links, guarded by a name or a date.

Belongs here: which equal identifiers are believed at once. Does not belong here: rows whose
identifiers differ, or speak against what else is known (the model's).
"""

from __future__ import annotations

from collections.abc import Callable

import duckdb

from matching.linker.comparing import SAME
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
    con: duckdb.DuckDBPyConnection,
    spec: Spec,
    compare_equal: Callable[[list[int]], object],
    *,
    one: bool,
) -> float | None:
    """Link rows by an identifier.

    Args:
        con: the linkage's database.
        spec: what is compared.
        compare_equal: makes `lk_equal`, the levels of the pairs that have one of some
            identifiers in common; of none, an empty table.
        one: a left row has at most one right row.

    Returns:
        How many pairs of one identifier are vouched for to one that is spoken against; None
        where the specification has no identifier, or nothing that guards one. Makes `lk_known`
        (levels of the linked pairs) and `match_exact` (`id`, `record_id`, `person_key`, `ppm`,
        `rank`).
    """
    con.execute(
        "CREATE OR REPLACE TEMP TABLE match_exact(id BIGINT, record_id BIGINT, person_key UBIGINT,"
        " ppm INTEGER, rank INTEGER)"
    )
    chosen = [i for i, item in enumerate(spec.compare) if item.kind in IDENTIFIERS]
    if guards(spec) == (None, None):
        chosen = []
    compare_equal(chosen)
    sure, against = guarded_sql(spec)
    name, date = guards(spec)
    n = f"f{name}" if name is not None else "0"
    d = f"f{date}" if date is not None else "0"
    order = "ORDER BY ppm DESC, rank DESC, person_key"
    con.execute(f"CREATE OR REPLACE TEMP VIEW lk_known AS FROM lk_equal WHERE {sure}")
    if not chosen:
        return None
    best = f"QUALIFY row_number() OVER (PARTITION BY id {order}) = 1" if one else ""
    con.execute(
        f"""
        INSERT INTO match_exact
        SELECT id, id AS record_id, person_key, CASE WHEN {n} >= 5 AND {d} IN (0, 6) THEN 999900
            WHEN {n} >= 5 OR {d} = 6 THEN 999000 ELSE 996000 END AS ppm,
            {n}::INTEGER * 10 + {d} AS rank
        FROM lk_known {best}
        """
    )
    conflicts = int(scalar(con, f"SELECT count(*) FROM lk_equal WHERE {against}"))
    owners = int(scalar(con, "SELECT count(*) FROM lk_known"))
    # Half a case is added: that none was seen does not mean there is none.
    return (owners + 1) / (conflicts + 0.5)
