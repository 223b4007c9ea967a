"""The general way to link two tables: what a specification compares, each thing by its kind.

Belongs here: the order of its stages, from standardised tables to decided pairs. Does not
belong here: files and what is written (run.py), or what each stage does.
"""

from __future__ import annotations

import math
from functools import partial

import duckdb
import numpy as np

from matching.linker import blocking, deciding, evaluating
from matching.linker.comparing import KIND_LEVELS, SAME
from matching.linker.engine import Engine, Rules
from matching.linker.estimating import TRAINING, LinkModel, learn, sample_known
from matching.linker.exact import guarded_sql, guards, link_exact, same_sql
from matching.linker.report import DONE, LinkReport, Stages
from matching.linker.spec import IDENTIFIERS, Spec
from warehouse.storage import scalar

# Rows that their identifier linked, to learn from.
KNOWN_ROWS = 6_000
# Pairs so many bits below an even chance are forgotten.
HOPELESS = 25.0


def link_general(
    con: duckdb.DuckDBPyConnection,
    spec: Spec,
    engine: Engine,
    report: LinkReport,
    stages: Stages,
    *,
    dedupe: bool,
    with_truth: bool,
) -> None:
    """Link the rows of an engine, which the database has the numbers of.

    Args:
        con: the linkage's database with the raw tables and the reference tables.
        spec: what is compared and how.
        engine: does what is to be done with all rows.
        report: gets `candidates`, `blocking`, `parameters`, `found`.
        stages: told what is done.
        dedupe: there is one table.
        with_truth: note which true pairs were compared, into `lk_met`.

    Makes `lk_links` and `lk_ranked`, as `matching.linker.deciding` tells.
    """
    one = spec.cardinality in ("one_to_one", "many_to_one") and not dedupe
    engine.standardise()
    stages.done("standardising", "standardised both sides")
    # Where a left row has one right row, an identifier that two right rows have is no proof.
    owner_odds = link_exact(con, spec, partial(engine.compare_equal, once=one), one=one)
    side = "lk_raw_r" if dedupe else "lk_raw_l"
    rest = "WHERE lk_row NOT IN (SELECT id FROM match_exact)" if one else ""
    con.execute(
        "CREATE OR REPLACE TEMP TABLE lk_rest AS SELECT lk_row AS id,"
        f" row_number() OVER (ORDER BY lk_row) AS place FROM {side} {rest}"
    )
    left = int(scalar(con, "SELECT count(*) FROM lk_rest"))
    rows = int(scalar(con, "SELECT count(*) FROM lk_raw_r"))
    linked = int(scalar(con, "SELECT count(*) FROM match_exact"))
    if with_truth:
        evaluating.note_compared(con, "match_exact")
    stages.done("identifiers", f"{linked} pairs linked by identifier, {left} rows go on")
    rules = blocking.choose_rules(spec, left, rows, engine.how_common)
    blocking.create_report(con)
    model = _train(con, spec, engine, rules, left, rows, one, dedupe, owner_odds)
    stages.done(
        "learning", f"{len(rules or ())} blocking rules; learned from {model.sample['pairs']} pairs"
    )
    con.execute(
        "CREATE OR REPLACE TEMP TABLE lk_scored(id BIGINT, person_key UBIGINT, bits DOUBLE,"
        " conflict BOOLEAN, kind TINYINT, namesakes DOUBLE, far DOUBLE)"
    )
    scored = scored_sql(spec, model, guarded=owner_odds is not None)
    for done, report.candidates in engine.score_rest(rules, scored):
        stages.reached(DONE["learning"] + (DONE["comparing"] - DONE["learning"]) * done / left)
        stages.tell(f"compared {report.candidates} pairs of {done} rows")
    report.blocking = [
        dict(zip(("rule", "pairs", "capped_blocks", "skipped_pairs"), row, strict=True))
        for row in con.execute(
            "SELECT rule, sum(pairs)::BIGINT, max(capped_blocks), sum(skipped_pairs)::BIGINT"
            " FROM lk_report GROUP BY position, rule ORDER BY position"
        ).fetchall()
    ]
    report.parameters, report.found = model.told(spec), model.found
    stages.done("comparing", f"{report.candidates_per_row:.1f} candidates per row")
    if one:
        deciding.decide_one(con, model, spec.thresholds, spec.cardinality)
    else:
        if dedupe:
            _complete(con, engine, model, scored)
        deciding.decide_many(con, model, spec.thresholds, dedupe=dedupe)
        if dedupe and spec.cardinality == "one_to_one":
            deciding.keep_best(con)
    stages.done("deciding", "decided")


def _train(
    con: duckdb.DuckDBPyConnection,
    spec: Spec,
    engine: Engine,
    rules: Rules,
    left: int,
    rows: int,
    one: bool,
    dedupe: bool,
    owner_odds: float | None,
) -> LinkModel:
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE lk_sample AS SELECT id FROM lk_rest"
        f" ORDER BY hash(id, 5), id LIMIT {TRAINING};"
        f"CREATE OR REPLACE TEMP TABLE lk_known_few AS FROM lk_known"
        f" ORDER BY hash(id, person_key), id, person_key LIMIT {KNOWN_ROWS}"
    )
    engine.compare_sample(rules, whole=left <= TRAINING)
    # Rows that go on in spite of their identifier are learned from anyway.
    known = (
        sample_known(con, spec, "lk_known_few")
        if one
        else [np.zeros(len(KIND_LEVELS[item.kind])) for item in spec.compare]
    )
    model = learn(
        con,
        spec,
        "lk_compared",
        known,
        rows,
        min(left, TRAINING),
        engine.spread(),
        one=one,
        dedupe=dedupe,
        owner_odds=owner_odds,
    )
    con.execute("DROP TABLE lk_sample; DROP TABLE lk_known_few")
    return model


def scored_sql(spec: Spec, model: LinkModel, *, guarded: bool) -> str:
    """Give the query of the pairs of `lk_compared` that are not hopeless, as `lk_scored` has them.

    Args:
        spec: what is compared.
        model: what agreement is worth.
        guarded: an identifier may be spoken against.
    """
    conflict = f"{same_sql(spec)} AND {guarded_sql(spec)[1]}" if guarded else "false"
    name, _ = guards(spec)
    namesakes, far = "NULL", "NULL"
    if name is not None and model.one and spec.compare[name].kind == "person_name":
        # The score of somebody of the same name who agrees in nothing else.
        same = " ".join(
            f"WHEN {level} THEN {model.level_sql(spec, name, level)}" for level in (6, 7)
        )
        others = " + ".join(
            f"CASE WHEN f{i} > 0 THEN {float(model.weights(i)[1]):.6f} ELSE 0 END"
            for i, item in enumerate(spec.compare)
            if i != name and item.kind not in ("category", "sex")
        )
        namesakes = f"CASE WHEN f{name} >= 6 THEN greatest(f{name}_c, 1) END"
        far = f"CASE f{name} {same} END + {others or '0'}"
    even = float(np.log2(max(model.rows, 2))) if model.one else -model.prior_bits
    # Whom an identifier names against name and date is linked only where all the rest speaks
    # for it on balance. A NIK is borrowed within families, who share mother, place and region:
    # there the rest must do for a link by itself.
    rest = model.bits_sql(spec, without=IDENTIFIERS)
    enough = even + math.log2(spec.thresholds.accept / (1 - spec.thresholds.accept))
    borne = " OR ".join(
        f"f{i} IN ({', '.join(map(str, SAME['nik']))})"
        for i, item in enumerate(spec.compare)
        if item.kind == "nik"
    )
    conflict = f"{conflict} AND {rest} < CASE WHEN {borne or 'false'} THEN {enough} ELSE 0 END"
    return f"""
        SELECT id, person_key, bits, conflict, 0::TINYINT AS kind, namesakes::DOUBLE AS namesakes,
            far::DOUBLE AS far
        FROM (SELECT id, person_key, round({model.bits_sql(spec)}, 4) AS bits,
            coalesce({conflict}, false) AS conflict, {namesakes} AS namesakes,
            round({far}, 4) AS far FROM lk_compared)
        WHERE bits > {even - HOPELESS}
    """


def _complete(
    con: duckdb.DuckDBPyConnection, engine: Engine, model: LinkModel, scored: str
) -> None:
    """Compare rows that have a likely duplicate in common and were not compared yet."""
    likely = -model.prior_bits
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE lk_near AS
        WITH likely AS (SELECT id AS a, person_key::BIGINT AS b FROM lk_scored
            WHERE bits > {likely}),
        ends AS (FROM likely UNION ALL SELECT b, a FROM likely),
        few AS (SELECT a FROM ends GROUP BY a HAVING count(*) <= {blocking.CAP})
        SELECT DISTINCT x.b AS id, y.b::UBIGINT AS person_key
        FROM ends AS x JOIN ends AS y ON x.a = y.a AND x.b < y.b SEMI JOIN few ON few.a = x.a
        ANTI JOIN lk_scored AS s ON s.id = x.b AND s.person_key = y.b
        """
    )
    engine.score_pairs("lk_near", scored)
    con.execute("DROP TABLE lk_near")
