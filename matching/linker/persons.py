"""People linked to a list that names each of them by a NIK: through the pipeline's own stages.

Belongs here: which specifications are of that shape, and how two tables become the inputs
of `matching.persons`. Does not belong here: the stages themselves, of which there is one
definition, nor any other specification (run.py).

A comparison of which the stages know nothing, a rule of one's own, or a table of duplicates
takes the general way: what a specification says is never left out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import duckdb

from matching import assignment
from matching.blocking import find_candidates
from matching.comparison import FIELDS, LEVELS
from matching.exact import split
from matching.keys import prepare_records
from matching.linker.evaluating import note_compared
from matching.linker.spec import Spec
from matching.linker.standardise import text_sql, value_sql
from matching.model import Model
from matching.persons import link_dataset, prepare_register, train_model
from sources.identifiers.nik import nik_aside_sql
from warehouse.storage import literal, quote, scalar, text_key

# The columns that the stages read, by the kind of the comparison that gives them.
COLUMNS = {
    "nik": "nik",
    "person_name": "full_name",
    "sex": "sex",
    "date": "birth_date",
    "place": "birth_place",
    "mother_name": "mother_name",
    "region": "region_code",
}
# The kind that gives each field of the stages' model.
_KIND = {
    "name": "person_name",
    "birth": "date",
    "nik": "nik",
    "sex": "sex",
    "region": "region",
    "place": "place",
    "mother": "mother_name",
}
NEEDED = ("nik", "person_name", "date")
_TYPES = {"date": "DATE"}
DATASET = "left"
# The stages leave out who is under 15 in their month. Here everybody may be linked to whom the
# right table holds, and in this month nobody alive today is a child.
PERIOD = "2099-12"


def why_not(spec: Spec, *, dedupe: bool) -> str | None:
    """Tell why a specification cannot be linked through the pipeline's stages, if it cannot.

    Args:
        spec: the specification.
        dedupe: there is one table.
    """
    kinds = Counter(item.kind for item in spec.compare)
    if dedupe:
        return "one table is linked with itself"
    if spec.cardinality not in ("many_to_one", "one_to_one"):
        return f"cardinality is {spec.cardinality}: each row is of one person at most"
    if spec.blocking is not None:
        return "it has rules of its own for blocking"
    for kind, n in kinds.items():
        if kind not in COLUMNS:
            return f"they do not compare kind {kind} (but {', '.join(COLUMNS)})"
        if n > 1:
            return f"kind {kind} is compared {n} times"
    missing = [kind for kind in NEEDED if kind not in kinds]
    return f"kind {' and '.join(missing)} is missing" if missing else None


def link_persons(
    con: duckdb.DuckDBPyConnection, spec: Spec, tell: Callable[[str, str], None], *, truth: bool
) -> dict[str, Any]:
    """Link `lk_raw_l` to `lk_raw_r`.

    Args:
        con: the linkage's database with the raw tables and the reference tables.
        spec: of the persons' shape.
        tell: told the stages that are done.
        truth: note which true pairs were compared, into `lk_met`.

    Returns:
        `candidates`, `blocking`, `parameters` and `found` as `matching.linker.run.LinkReport`
        has them. Makes `lk_links` and `lk_ranked`, as `matching.linker.deciding` does.
    """
    _inputs(con, spec)
    prepare_register(con, PERIOD)
    tell("standardising", "standardised the right side")
    model = train_model(con, PERIOD, save=False)
    tell("learning", f"learned from {model.sample['pairs']} pairs")
    thresholds = assignment.Thresholds(
        accept=round(spec.thresholds.accept * 1e6), review=round(spec.thresholds.review * 1e6)
    )
    pairs = link_dataset(con, PERIOD, DATASET, model, thresholds)["pairs"]
    _links(con)
    tell("comparing", f"compared {pairs} pairs")
    if truth:
        _note_compared(con)
        tell("measuring", "found the true pairs that were compared")
    exact = int(scalar(con, "SELECT count(*) FROM lk_links WHERE tier = 'identifier'"))
    return {
        "candidates": pairs + exact,
        "blocking": [
            dict(zip(("rule", "pairs", "capped_blocks", "skipped_pairs"), row, strict=True))
            for row in con.execute(
                "SELECT rule, sum(pairs)::BIGINT, max(capped_blocks), sum(skipped_pairs)::BIGINT"
                " FROM linkage.blocking_report GROUP BY rule ORDER BY min(rowid)"
            ).fetchall()
        ],
        "parameters": _told(spec, model),
        "found": float(
            scalar(
                con,
                "SELECT coalesce(sum(ppm), 0) / 1e6 / (SELECT count(*) FROM lk_raw_l)"
                " FROM lk_ranked",
            )
        ),
    }


def _inputs(con: duckdb.DuckDBPyConnection, spec: Spec) -> None:
    """Make the views that the stages read."""
    # Digits of a NIK that cannot be used tell something, too.
    named = COLUMNS | {"aside": "nik_aside"}
    for side, key in (("l", spec.left.id), ("r", spec.right.id)):
        types = {row[0]: row[1] for row in con.execute(f"DESCRIBE lk_raw_{side}").fetchall()}
        values = {kind: f"NULL::{_TYPES.get(kind, 'VARCHAR')}" for kind in COLUMNS}
        for item in spec.compare:
            value = value_sql(item, side, types)
            if item.kind in ("person_name", "mother_name", "place"):
                value = text_sql(item.of(side))
            elif item.kind == "nik":
                values["aside"] = nik_aside_sql(text_sql(item.of(side), ""))
            elif item.kind == "region":
                value = f"CASE WHEN length({value}) = 4 THEN {value} END"
            elif item.kind == "date" and types[item.of(side)[0]] == "DATE":
                value = quote(item.of(side)[0])
            elif item.kind == "date":
                digits = f"lpad(({value})::VARCHAR, 8, '0')"
                value = f"try_strptime({digits}, '%Y%m%d')::DATE"
            values[item.kind] = value
        columns = ", ".join(f"{value} AS {named[kind]}" for kind, value in values.items())
        con.execute(
            f"CREATE OR REPLACE TABLE lk_person_{side} AS SELECT lk_row, {columns},"
            f" {quote(key)}::VARCHAR AS record_id FROM lk_raw_{side}"
        )
    con.execute(
        f"""
        CREATE OR REPLACE TABLE lk_again AS
        SELECT lk_row FROM lk_person_r WHERE nik IN (SELECT nik FROM lk_person_r
            WHERE nik IS NOT NULL GROUP BY nik HAVING count(*) > 1)
        QUALIFY row_number() OVER (PARTITION BY nik ORDER BY lk_row) > 1;
        -- A NIK stands for one row of the right side. Rows without one, or with one that stands
        -- there already, are found by the rest of what they say: what no number can be is a key.
        -- A view: a copy of everybody takes longer than reading them again.
        CREATE OR REPLACE VIEW lk_people AS
        SELECT *, {text_key("nik")} AS person_key
        FROM (SELECT * REPLACE (CASE WHEN nik IS NULL OR lk_row IN (FROM lk_again)
            THEN '#' || lk_row ELSE nik END AS nik) FROM lk_person_r);
        CREATE OR REPLACE TEMP VIEW in_population AS
        SELECT *, lk_row::UBIGINT AS row_hash FROM lk_people;
        CREATE OR REPLACE TEMP VIEW in_person_records AS
        SELECT {literal(DATASET)} AS dataset, *, NULL::VARCHAR AS nik_reason,
            hash(record_id, nik, full_name, birth_date) AS row_hash FROM lk_person_l;
        CREATE SCHEMA IF NOT EXISTS linkage;
        CREATE OR REPLACE TABLE reference.datasets AS
        SELECT {literal(DATASET)} AS dataset, {literal(spec.cardinality)} AS cardinality;
        """
    )


def _links(con: duckdb.DuckDBPyConnection) -> None:
    """Make `lk_links` and `lk_ranked` of the links, by row numbers."""
    con.execute(
        """
        CREATE OR REPLACE TEMP TABLE lk_links AS
        SELECT l.lk_row AS id, r.lk_row::UBIGINT AS person_key, k.probability_ppm AS ppm, k.tier,
            k.status = 'review' AS review
        FROM linkage.person_links AS k JOIN lk_person_l AS l USING (record_id)
        JOIN lk_people AS r ON r.person_key = k.person_key WHERE k.status <> 'unlinked';
        CREATE OR REPLACE TEMP TABLE lk_ranked AS
        SELECT l.lk_row AS id, r.lk_row::UBIGINT AS person_key, k.best_candidate_ppm AS ppm
        FROM linkage.person_links AS k JOIN lk_person_l AS l USING (record_id)
        JOIN lk_people AS r ON r.person_key = k.best_candidate_key
        """
    )


def _note_compared(con: duckdb.DuckDBPyConnection) -> None:
    """Note the true pairs that were compared: blocked once more, as the stages keep no pairs."""
    note_compared(con, "(SELECT id, person_key FROM lk_links WHERE tier = 'identifier')")
    split(con, f"dataset = {literal(DATASET)}")
    prepare_records(con, "match_rest", "match_keys")
    find_candidates(con, "match_keys", "match_pairs")
    con.execute(
        """
        CREATE OR REPLACE TEMP TABLE lk_met_now AS
        SELECT l.lk_row AS id, r.lk_row::UBIGINT AS person_key FROM match_pairs AS p
        JOIN match_rest AS m USING (id) JOIN lk_person_l AS l USING (record_id)
        JOIN lk_people AS r ON r.person_key = p.person_key
        """
    )
    note_compared(con, "lk_met_now")


def _told(spec: Spec, model: Model) -> list[dict[str, object]]:
    """Give the parameters as a report shows them."""
    by_kind: dict[str, str] = {item.kind: item.label for item in spec.compare}
    return [
        {
            "columns": by_kind[_KIND[field]],
            "kind": _KIND[field],
            "levels": [
                {"level": name, "m": round(model.m[field][level], 6),
                 "u": float(f"{model.u[field][level]:.3g}"),
                 "bits": round(model.weight(field, level), 2)}
                for level, name in enumerate(LEVELS[field]) if level
            ],
        }
        for field in FIELDS if _KIND.get(field) in by_kind
    ]  # fmt: skip
