"""Linking person records to the register: the waterfall, one dataset at a time.

Belongs here: the order of the stages and what is stored. Does not belong here: what each
stage does (names, keys, blocking, comparison, model, assignment).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import duckdb

from matching import carrying
from matching.assignment import Thresholds, assign, score_claims
from matching.blocking import create_report
from matching.frequencies import create_frequencies, has_frequencies, keep_shares, shares_of
from matching.keys import BASIS, ensure_register, prepare_register
from matching.model import Model, linked_with, newest_model, save_model, text_id
from matching.residual import forget, gather
from matching.review import mark, settle
from matching.spine import build_spine
from matching.strangers import beside
from matching.training import learn_model, train_model
from warehouse.storage import literal, replace_period, scalar

__all__ = [
    "build_spine",
    "link_dataset",
    "link_period",
    "prepare_register",
    "train_model",
]


def create_links(con: duckdb.DuckDBPyConnection) -> None:
    """Create `linkage.person_links` and `linkage.claim_shares` where they are missing.

    The shares of a dataset's records that have a person, by what their NIK is worth, are
    kept beside its links: without them no probability could be computed again.
    """
    con.execute("CREATE SCHEMA IF NOT EXISTS linkage")
    con.execute(
        "CREATE TABLE IF NOT EXISTS linkage.claim_shares(period VARCHAR, dataset VARCHAR,"
        " model VARCHAR, people BIGINT, found DOUBLE[])"
    )
    con.execute(
        "CREATE TABLE IF NOT EXISTS linkage.person_links(period VARCHAR, dataset VARCHAR,"
        " record_id VARCHAR, status VARCHAR, tier VARCHAR, person_key UBIGINT,"
        " probability_ppm INTEGER, reason VARCHAR, best_candidate_key UBIGINT,"
        " best_candidate_ppm INTEGER, runner_up_ppm INTEGER)"
    )


def scored_sql(model: Model) -> str:
    """Give the query of scored pairs, from `match_compared` and `match_keys`."""
    return f"""
        SELECT c.id, c.person_key, c.bits, k.conflict AND k.nik_key = c.person_key AS conflict,
            k.kind, namesakes, far
        FROM (SELECT id, person_key, round({model.bits_sql()}, 4) AS bits,
                CASE WHEN name >= 6 THEN greatest(name_f, 1) END AS namesakes,
                CASE WHEN name >= 6 THEN round({model.namesake_sql()}, 4) END AS far
            FROM match_compared) AS c JOIN match_keys AS k USING (id)
    """


def model_id(model: Model) -> str:
    """Give what links name their model by: a hash of its parameters."""
    return text_id(model.to_json())


def link_dataset(
    con: duckdb.DuckDBPyConnection,
    period: str,
    dataset: str,
    model: Model,
    thresholds: Thresholds | None = None,
) -> dict[str, int]:
    """Link the records of one dataset, replacing its rows in `linkage.person_links`.

    Args:
        con: the restricted warehouse with the TEMP views of the period's inputs.
        period: the month of the run.
        dataset: whose records.
        model: from `train_model` or `load_model`.
        thresholds: what a claim needs; defaults where left out.

    Returns:
        Records by status (`linked`, `review`, `unlinked`) and the candidate `pairs` compared.
    """
    ensure_register(con, period)
    _gather(con, period, (dataset,))
    return _decide_all(con, period, (dataset,), model, thresholds)[dataset]


def _gather(
    con: duckdb.DuckDBPyConnection,
    period: str,
    datasets: Sequence[str],
    carried: str | None = None,
) -> int:
    """Find the candidates of the records of some datasets, and report on the rules."""
    create_links(con)
    create_report(con)
    named = ", ".join(literal(name) for name in datasets) or "''"
    con.execute(
        f"DELETE FROM linkage.blocking_report"
        f" WHERE period = {literal(period)} AND dataset IN ({named})"
    )
    return gather(con, f"dataset IN ({named})", period=period, carried=carried)


def _decide_all(
    con: duckdb.DuckDBPyConnection,
    period: str,
    datasets: Sequence[str],
    model: Model,
    thresholds: Thresholds | None = None,
    version: int | None = None,
) -> dict[str, dict[str, int]]:
    """Score all candidates together, and decide each dataset by itself."""
    people = int(scalar(con, f"SELECT people FROM {BASIS}"))
    pairs = dict(
        con.execute(
            "SELECT dataset, count(*) FROM match_compared JOIN match_rest USING (id) GROUP BY 1"
        ).fetchall()
    )
    con.execute(f"CREATE OR REPLACE TEMP TABLE match_scored AS {scored_sql(model)}")
    counts = {}
    for dataset in datasets:
        counts[dataset] = _decide(con, period, dataset, model, people, thresholds, version)
        counts[dataset]["pairs"] = pairs.get(dataset, 0)
    con.execute("DROP TABLE match_scored")
    forget(con)
    return counts


def _decide(
    con: duckdb.DuckDBPyConnection,
    period: str,
    dataset: str,
    model: Model,
    people: int,
    thresholds: Thresholds | None,
    version: int | None,
) -> dict[str, int]:
    """Decide the records of one dataset and store what became of them.

    Under the commonness of a model version its shares hold too; else they are estimated.
    """
    named = f"dataset = {literal(dataset)}"
    # Records are numbered by dataset: those of one stand in a row.
    first, last = con.execute(
        f"SELECT coalesce(min(id), 0), coalesce(max(id), -1) FROM match_records WHERE {named}"
    ).fetchall()[0]
    mine = f"id BETWEEN {first} AND {last}"
    con.execute(
        f"""
        CREATE OR REPLACE TEMP VIEW match_exact_mine AS
        SELECT * EXCLUDE (dataset) FROM match_exact WHERE {named};
        CREATE OR REPLACE TEMP VIEW match_mine AS
        SELECT id, record_id, nik_reason FROM match_records WHERE {mine}
        UNION ALL SELECT -1 - rowid, record_id, NULL FROM match_first WHERE sure AND {named};
        CREATE OR REPLACE TEMP VIEW match_scored_mine AS FROM match_scored WHERE {mine};
        """
    )
    found = model.found if version is None else shares_of(con, version, dataset, model.found)
    found = score_claims(
        con, "match_scored_mine", max(people, 1), found, settled=version is not None
    )
    replace_period(
        con,
        "linkage.claim_shares",
        period,
        f"SELECT {literal(period)} AS period, {literal(dataset)} AS dataset,"
        f" {literal(model_id(model))} AS model, {people} AS people, {found!r}::DOUBLE[] AS found",
        where=named,
    )
    changed = settle(con, period, dataset, people, found)
    row = con.execute(
        f"SELECT coalesce(max(cardinality), 'many_to_one') FROM reference.datasets WHERE {named}"
    ).fetchone()
    assign(con, str(row[0]) if row else "many_to_one", thresholds, exact="match_exact_mine")
    mark(con)
    # Where no reviewer decided, those that no NIK links are the rest.
    others = f"FROM match_records WHERE {mine} AND id NOT IN (SELECT id FROM match_second)"
    if changed:
        others = "FROM match_mine WHERE id NOT IN (SELECT id FROM match_exact_mine)"
    replace_period(
        con,
        "linkage.person_links",
        period,
        f"""
        SELECT {literal(period)} AS period, {literal(dataset)} AS dataset, r.record_id,
            coalesce(a.status, 'unlinked') AS status, a.tier, a.person_key,
            a.ppm AS probability_ppm,
            coalesce(a.reason, CASE WHEN r.nik_reason IS NOT NULL THEN 'invalid_identifier'
                ELSE 'never_compared' END) AS reason,
            coalesce(c.person_key, j.person_key) AS best_candidate_key,
            coalesce(c.ppm, j.ppm) AS best_candidate_ppm, s.ppm AS runner_up_ppm
        FROM ({others}) AS r LEFT JOIN match_assigned AS a USING (id)
        LEFT JOIN match_rejected AS j USING (id)
        LEFT JOIN match_claims AS c ON c.id = r.id AND c.place = 1
        LEFT JOIN match_claims AS s ON s.id = r.id AND s.place = 2
        UNION ALL
        SELECT {literal(period)}, {literal(dataset)}, record_id, status, tier, person_key, ppm,
            reason, owner, owner_ppm, NULL
        FROM match_told
        """,
        where=named,
    )
    counts = {"linked": 0, "review": 0, "unlinked": 0}
    counts |= dict(
        con.execute(
            f"SELECT status, count(*) FROM linkage.person_links"
            f" WHERE period = {literal(period)} AND {named} GROUP BY 1"
        ).fetchall()
    )
    con.execute(
        "DROP VIEW match_mine; DROP VIEW match_scored_mine; DROP VIEW match_told;"
        " DROP VIEW match_own; DROP TABLE IF EXISTS match_winners; DROP TABLE match_claims;"
        " DROP TABLE match_assigned;"
        f" DROP TABLE match_rejected; DROP {'TABLE' if changed else 'VIEW'} match_exact_mine"
    )
    return counts


def link_period(
    con: duckdb.DuckDBPyConnection,
    period: str,
    log: Callable[[str], object] | None = None,
    *,
    retrain: bool = True,
    carry: bool = True,
) -> dict[str, dict[str, int]]:
    """Link every person record of a period.

    Args:
        con: the restricted warehouse with the TEMP views of the period's inputs.
        period: the month of the run.
        log: told one line per dataset, without a personal value.
        retrain: train a model; otherwise the newest one of the home is used where there is
            one of this code's form, with the commonness and shares it was trained with.
        carry: under a model that was there before, compare only the records that
            `matching.carrying` opens; the links are the same either way.

    Returns:
        By dataset, the counts of `link_dataset`.
    """
    known = None if retrain else newest_model(con)
    prepare_register(con, period, known[0] if known else None)
    create_links(con)
    create_frequencies(con)
    datasets = [
        row[0]
        for row in con.execute(
            "SELECT DISTINCT dataset FROM in_person_records ORDER BY 1"
        ).fetchall()
    ]
    # A dataset that no longer delivers must not keep the links of an earlier run.
    kept = ", ".join(literal(name) for name in datasets) or "''"
    for table in ("person_links", "claim_shares"):
        con.execute(
            f"DELETE FROM linkage.{table}"
            f" WHERE period = {literal(period)} AND dataset NOT IN ({kept})"
        )
    way = carrying.way(con, known[0], model_id(known[1])) if known else None
    if known:
        opened = _gather(con, period, datasets, way if carry else None)
        version, model = known
    else:
        with beside(con) as strangers:
            opened = _gather(con, period, datasets)
            model = learn_model(con, period, strangers)
        version = save_model(con, period, model)
        way = carrying.way(con, version, model_id(model))
    rest = int(scalar(con, "SELECT count(*) FROM match_rest"))
    carrying.keep(con, period, str(way))
    counts = _decide_all(con, period, datasets, model, version=version if known else None)
    if not known:
        keep_shares(con, version, period)
    _note(con, period, version, rest, opened)
    if log:
        state = "of an earlier run" if known else "trained anew"
        log(f"persons: model {version}, {state}; {opened} of {rest} records compared")
        for dataset, numbers in counts.items():
            told = ", ".join(f"{n} {status}" for status, n in numbers.items())
            log(f"persons: {dataset}: {told}")
    return counts


def _note(
    con: duckdb.DuckDBPyConnection, period: str, version: int, rest: int, opened: int
) -> None:
    """Note how a period was linked in `linkage.person_runs`."""
    con.execute(
        "CREATE TABLE IF NOT EXISTS linkage.person_runs"
        "(period VARCHAR, model INTEGER, residual BIGINT, compared BIGINT)"
    )
    con.execute(
        f"DELETE FROM linkage.person_runs WHERE period = {literal(period)};"
        f"INSERT INTO linkage.person_runs"
        f" VALUES ({literal(period)}, {version}, {rest}, {opened})"
    )


def prepare_as_linked(con: duckdb.DuckDBPyConnection, period: str) -> int:
    """Prepare the register with the commonness that a period's links were made with.

    Args:
        con: the restricted warehouse with the TEMP views of the period's inputs.
        period: a month that was linked.

    Returns:
        The number of people in the register who can be linked to.
    """
    create_links(con)
    create_frequencies(con)
    used = linked_with(con, period)
    frozen = used is not None and has_frequencies(con, used[0])
    return prepare_register(con, period, used[0] if used is not None and frozen else None)
