"""Explaining: why a record of a person is linked as it is, or is not.

Belongs here: computing one record's evidence again, as the linking did, and telling its
reason. Does not belong here: text and charts for people (pipelines/cli_explain.py,
waterfall), or linking itself.

Everything runs through the linking's own stages with the model and the shares that were
stored with the links; `Explanation.agrees` says whether the same probability came out.
Nothing is written but temporary tables. What is told includes identities, but never a
mother's name: banks ask for it as a secret.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, field
from typing import Any

import duckdb

from matching.assignment import Thresholds, score_claims
from matching.blocking import find_candidates
from matching.comparison import FIELDS, LEVELS, compare
from matching.exact import RAW, split
from matching.keys import BASIS, NIK_KINDS, REGISTER, prepare_records
from matching.model import Model, linked_with
from matching.names import create_name_macros
from matching.persons import scored_sql
from matching.reached import RuleOutcome, reached
from matching.review import DECIDED_PPM, reject, rejections
from warehouse.errors import UsageError
from warehouse.storage import literal, text_key

SHOWN = ("nik", "full_name", "sex", "birth_date", "birth_place", "region_code")


@dataclass(frozen=True)
class FieldEvidence:
    """What one field adds.

    Attributes:
        field: a key of `LEVELS`.
        level: the level's name.
        bits: log2 of the likelihood ratio, rarity included; 0 where missing.
        base: the bits of the level before rarity.
    """

    field: str
    level: str
    bits: float
    base: float


@dataclass(frozen=True)
class Explanation:
    """Why a record is linked as it is.

    Attributes:
        period: month of the links.
        dataset: whose record it is.
        record_id: the record.
        status: `linked`, `review` or `unlinked`.
        tier: `identifier`, `model`, `decision` or None.
        reason: as stored.
        probability: as stored with the link; None where unlinked.
        best_probability: as stored of the best candidate; None where there is none.
        recomputed: the best candidate's probability as computed now.
        agrees: what was stored came out again. Where not, the register or the record's
            dataset changed since the links were made.
        record: the record's own values.
        person: those of the person looked at: linked, in review, or the best candidate.
        candidates: register people it was compared with.
        prior_bits: log2 odds, before any field is looked at, that a given register person is
            the one, against that no one is.
        kind: what the record's NIK is worth (`NIK_KINDS`).
        fields: what each field adds.
        rivals_bits: what other candidates, and namesakes not compared, take away.
        total_bits: log2 odds in the end: the sum of prior, fields and rivals.
        runner_up: probability of the second best candidate.
        accept: probability that a link needs.
        nik_reason: why the record's NIK was set aside, where it was.
        winner: where lost to a better claim: the record that has the person, how surely, and
            by which tier.
        rules: for records not linked: what each blocking rule found.
    """

    period: str
    dataset: str
    record_id: str
    status: str
    tier: str | None
    reason: str
    probability: float | None
    best_probability: float | None
    recomputed: float | None
    agrees: bool
    record: dict[str, Any]
    person: dict[str, Any] | None
    candidates: int
    prior_bits: float | None
    kind: str | None
    fields: list[FieldEvidence]
    rivals_bits: float | None
    total_bits: float | None
    runner_up: float | None
    accept: float
    nik_reason: str | None = None
    winner: dict[str, Any] | None = None
    rules: list[RuleOutcome] = field(default_factory=list)


@dataclass
class _Evidence:
    """What the stages left of one record."""

    fields: list[FieldEvidence]
    ppm: int | None = None
    prior: float | None = None
    rivals: float | None = None
    total: float | None = None
    kind: str | None = None
    candidates: int = 0


def explain_person(
    con: duckdb.DuckDBPyConnection, period: str, dataset: str, record_id: str
) -> Explanation:
    """Explain one record of `linkage.person_links`.

    Args:
        con: the restricted warehouse with the TEMP views of the period's inputs and the
            period's register keys (`register_stands`); read-only will do.
        period: the month of the links.
        dataset: whose record.
        record_id: the record's key.

    Returns:
        The explanation.

    Raises:
        UsageError: there is no such link, or what it was computed with is gone.
    """
    link = _link(con, period, dataset, record_id)
    create_name_macros(con)
    split(con, f"dataset = {literal(dataset)} AND record_id = {literal(record_id)}")
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE match_mine AS
        SELECT 1::BIGINT AS id, nik_reason, try_cast(nik AS BIGINT) AS nik, {RAW}
        FROM in_person_records
        WHERE dataset = {literal(dataset)} AND record_id = {literal(record_id)}
        """
    )
    if not con.execute("SELECT count(*) FROM match_mine").fetchall()[0][0]:
        _clean(con)
        raise UsageError(
            f"the record stands in the links of {period}, but no longer in {dataset}: its "
            f"delivery was replaced. Run {period} again"
        )
    model, people, found = _basis(con, period, dataset)
    exact = con.execute("SELECT person_key, ppm FROM match_exact").fetchone()
    gone = rejections(con, period, dataset, record_id)
    if link["tier"] == "decision":
        exact = (link["person_key"], DECIDED_PPM)
    elif exact and exact[0] in gone and link["reason"] != "rejected_in_review":
        exact = None
    looked_at = link["person_key"] or link["best_candidate_key"]
    if exact:
        evidence = _by_identifier(con, model, exact[0])
        evidence.ppm = int(exact[1])
    else:
        con.execute("CREATE OR REPLACE TEMP TABLE match_different(id BIGINT, person_key UBIGINT)")
        if gone and link["reason"] != "rejected_in_review":
            con.executemany("INSERT INTO match_different VALUES (1, ?)", [[key] for key in gone])
        evidence = _by_model(con, model, people, found, looked_at)
    record = _rows(
        con,
        f"SELECT lpad(nik::VARCHAR, 16, '0') AS nik, {', '.join(SHOWN[1:])}, nik_reason"
        " FROM match_mine",
    )[0]
    stored = link["best_candidate_ppm"]
    result = Explanation(
        period=period,
        dataset=dataset,
        record_id=record_id,
        status=link["status"],
        tier=link["tier"],
        reason=link["reason"],
        probability=_share(link["probability_ppm"]),
        best_probability=_share(stored),
        recomputed=_share(evidence.ppm),
        agrees=stored == evidence.ppm,
        record={name: record[name] for name in SHOWN},
        person=_person(con, looked_at),
        candidates=evidence.candidates,
        prior_bits=evidence.prior,
        kind=evidence.kind,
        fields=evidence.fields,
        rivals_bits=evidence.rivals,
        total_bits=evidence.total,
        runner_up=_share(link["runner_up_ppm"]),
        accept=Thresholds().accept / 1e6,
        nik_reason=record["nik_reason"],
        winner=_winner(con, link) if link["reason"] == "lost_to_better_claim" else None,
        rules=reached(con, "match_keys") if link["status"] == "unlinked" and not exact else [],
    )
    _clean(con)
    return result


def register_stands(con: duckdb.DuckDBPyConnection, period: str) -> bool:
    """Tell whether the warehouse holds the register's keys, as this period was linked."""
    known = con.execute(
        "SELECT count(*) FROM duckdb_tables() WHERE schema_name = 'linkage'"
        " AND table_name IN ('register_basis', 'claim_shares', 'models')"
    ).fetchall()[0][0]
    if known < 3:
        return False
    rows = con.execute(f"SELECT period, version FROM {BASIS}").fetchall()
    used = linked_with(con, period)
    # A register counted anew stands for the model that was trained on it.
    return rows == [(period, used[0] if used else None)] or (
        rows == [(period, None)] and used is not None and used[1] == period
    )


def _rows(con: duckdb.DuckDBPyConnection, sql: str, values: object = None) -> list[dict[str, Any]]:
    found = con.execute(sql, values)
    names = [column[0] for column in found.description or []]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def _share(ppm: int | None) -> float | None:
    return None if ppm is None else ppm / 1e6


def _link(
    con: duckdb.DuckDBPyConnection, period: str, dataset: str, record_id: str
) -> dict[str, Any]:
    known = con.execute(
        "SELECT count(*) FROM duckdb_tables() WHERE schema_name = 'linkage'"
        " AND table_name IN ('person_links', 'claim_shares')"
    ).fetchall()[0][0]
    datasets = (
        [
            row[0]
            for row in con.execute(
                "SELECT DISTINCT dataset FROM linkage.person_links WHERE period = ? ORDER BY 1",
                [period],
            ).fetchall()
        ]
        if known == 2
        else []
    )
    if not datasets:
        raise UsageError(f"no person has been linked for {period}: run the period first")
    if dataset not in datasets:
        raise UsageError(
            f"dataset {dataset!r} has no links in {period}; these have: {', '.join(datasets)}"
        )
    rows = _rows(
        con,
        "SELECT * FROM linkage.person_links WHERE period = ? AND dataset = ? AND record_id = ?",
        [period, dataset, record_id],
    )
    if not rows:
        raise UsageError(
            f"{dataset} has no record of that key in {period}: give the value of its key "
            f"column as delivered (cakupan contracts show {dataset} names it)"
        )
    return rows[0]


def _basis(
    con: duckdb.DuckDBPyConnection, period: str, dataset: str
) -> tuple[Model, int, list[float]]:
    """Load the model and the shares that the dataset's links were made with."""
    rows = con.execute(
        "SELECT model, people, found FROM linkage.claim_shares WHERE period = ? AND dataset = ?",
        [period, dataset],
    ).fetchall()
    if rows:
        for (text,) in con.execute(
            "SELECT parameters::VARCHAR FROM linkage.models WHERE model = 'persons'"
            " ORDER BY version DESC"
        ).fetchall():
            if hashlib.sha256(text.encode()).hexdigest()[:16] == rows[0][0]:
                return Model.from_json(text), int(rows[0][1]), list(rows[0][2])
    raise UsageError(
        f"the model that {dataset} was linked with in {period} is not in the warehouse: "
        "run the period again"
    )


def _fields(con: duckdb.DuckDBPyConnection, model: Model, person: object) -> list[FieldEvidence]:
    columns = ", ".join(
        f"{name}, round({model.field_sql(name)}, 4) AS {name}_bits" for name in FIELDS
    )
    rows = _rows(con, f"SELECT {columns} FROM match_compared WHERE person_key = ?", [person])
    if not rows:
        return []
    return [
        FieldEvidence(
            name,
            LEVELS[name][rows[0][name]],
            float(rows[0][f"{name}_bits"]),
            round(model.weight(name, rows[0][name]), 4),
        )
        for name in FIELDS
    ]


def _by_identifier(con: duckdb.DuckDBPyConnection, model: Model, person: object) -> _Evidence:
    """Compare a record with the owner of its NIK, whom it was linked to by rule."""
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE match_one AS
        SELECT id, nik, {RAW}, {person}::UBIGINT AS nik_key, false AS conflict,
            {person}::UBIGINT AS person_key
        FROM match_mine;
        """
    )
    prepare_records(con, "match_one", "match_keys")
    compare(con, "match_one", "match_keys", REGISTER, "match_compared")
    return _Evidence(_fields(con, model, person), candidates=1)


def _by_model(
    con: duckdb.DuckDBPyConnection,
    model: Model,
    people: int,
    found: list[float],
    looked_at: int | None,
) -> _Evidence:
    """Block, compare and score a record as the linking did."""
    prepare_records(con, "match_rest", "match_keys", spelt=True)
    pairs = find_candidates(con, "match_keys", "match_pairs")
    compare(con, "match_pairs", "match_keys", REGISTER, "match_compared")
    con.execute(f"CREATE OR REPLACE TEMP TABLE match_scored AS {scored_sql(model)}")
    score_claims(con, "match_scored", max(people, 1), found, settled=True)
    reject(con, "match_scored", people, found)
    evidence = _Evidence(_fields(con, model, looked_at), candidates=pairs)
    kind = con.execute("SELECT kind FROM match_keys").fetchall()[0][0]
    evidence.kind = NIK_KINDS[kind]
    evidence.prior = math.log2(found[kind] / (1 - found[kind]) / max(people, 1))
    best = con.execute("SELECT ppm FROM match_claims WHERE place = 1").fetchone()
    evidence.ppm = int(best[0]) if best else None
    claims = con.execute(
        "SELECT person_key, bits, coalesce(namesakes - (SELECT count(*) FROM match_different"
        " SEMI JOIN (FROM match_scored WHERE namesakes IS NOT NULL) USING (person_key)), 0),"
        " coalesce(far, 0) FROM match_scored"
        " WHERE person_key NOT IN (SELECT person_key FROM match_different)"
    ).fetchall()
    mine = next((bits for person, bits, _, _ in claims if person == looked_at), None)
    if mine is not None:
        # Odds to nobody, of every other candidate and of namesakes that were not compared.
        unseen = max(max(n for _, _, n, _ in claims) - sum(n > 0 for _, _, n, _ in claims), 0)
        other = [evidence.prior + bits for person, bits, _, _ in claims if person != looked_at]
        if unseen:
            far = max(far for _, _, n, far in claims if n)
            other.append(evidence.prior + far + math.log2(unseen))
        top = max([0.0, *other])
        crowd = top + math.log2(sum(2 ** (bits - top) for bits in (0.0, *other)))
        evidence.rivals = round(0.0 - crowd, 4)
        evidence.total = round(evidence.prior + mine - crowd, 4)
    return evidence


def _person(con: duckdb.DuckDBPyConnection, key: int | None) -> dict[str, Any] | None:
    if key is None:
        return None
    rows = _rows(
        con,
        f"SELECT {', '.join(SHOWN)} FROM in_population WHERE {text_key('nik')} = ?"
        " ORDER BY row_hash, record_id LIMIT 1",
        [key],
    )
    return rows[0] if rows else None


def _winner(con: duckdb.DuckDBPyConnection, link: dict[str, Any]) -> dict[str, Any] | None:
    """Find the record of the same list that has the person this one would have."""
    rows = _rows(
        con,
        "SELECT record_id, status, tier, probability_ppm / 1e6 AS probability"
        " FROM linkage.person_links WHERE period = ? AND dataset = ? AND person_key = ?"
        " ORDER BY status, probability_ppm DESC, record_id LIMIT 1",
        [link["period"], link["dataset"], link["best_candidate_key"]],
    )
    return rows[0] if rows else None


def _clean(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("DROP VIEW IF EXISTS temp.match_exact")
    for name in ("first", "second", "records", "rest", "said", "places", "mine", "one", "keys",
                 "pairs", "compared", "scored", "claims", "some", "different"):  # fmt: skip
        con.execute(f"DROP TABLE IF EXISTS temp.match_{name}")
