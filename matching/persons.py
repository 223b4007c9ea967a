"""Linking person records to the register: the waterfall, one dataset at a time.

Belongs here: the order of the stages and what is stored. Does not belong here: what each
stage does (names, keys, blocking, comparison, model, assignment).
"""

from __future__ import annotations

from collections.abc import Callable

import duckdb
import numpy as np

from matching.assignment import Thresholds, assign, score_claims
from matching.blocking import create_report, find_candidates
from matching.comparison import FIELDS, compare
from matching.keys import RAREST, REGISTER, ensure_register, prepare_records, prepare_register
from matching.model import RARITY, Model, estimate_u, learn, load_model, save_model
from matching.spine import build_spine
from warehouse.storage import literal, replace_period, scalar

__all__ = [
    "build_spine",
    "link_dataset",
    "link_period",
    "prepare_register",
    "train_model",
]

# Records compared at a time: bounds the memory that candidates take.
CHUNK = 150_000
# Records of the residual that the model is trained on, chosen by the hash of their number.
TRAINING = 12_000

_RAW = "full_name, sex, birth_date, birth_place, mother_name, region_code"
_STATED_BIRTH = "(year(l.birth_date) % 100) * 10000 + month(l.birth_date) * 100 + day(l.birth_date)"


def create_links(con: duckdb.DuckDBPyConnection) -> None:
    """Create `linkage.person_links` where it is missing."""
    con.execute("CREATE SCHEMA IF NOT EXISTS linkage")
    con.execute(
        "CREATE TABLE IF NOT EXISTS linkage.person_links(period VARCHAR, dataset VARCHAR,"
        " record_id VARCHAR, status VARCHAR, tier VARCHAR, person_key UBIGINT,"
        " probability_ppm INTEGER, reason VARCHAR, best_candidate_key UBIGINT,"
        " best_candidate_ppm INTEGER, runner_up_ppm INTEGER)"
    )


def _split(con: duckdb.DuckDBPyConnection, where: str) -> None:
    """Split records into those their NIK links, and the rest (`match_rest`).

    A NIK alone is not believed: the name must be alike, or the stated birth date the same
    and the name not plainly another one.
    """
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE match_records AS
        SELECT row_number() OVER (ORDER BY dataset, record_id) AS id, dataset, record_id,
            nik_reason, try_cast(nik AS BIGINT) AS nik, {_RAW}
        FROM in_person_records WHERE {where};
        CREATE OR REPLACE TEMP TABLE match_same_nik AS
        SELECT l.id, r.person_key,
            l.birth_date IS NOT NULL AND r.birth IS NOT NULL AS both_born,
            coalesce({_STATED_BIRTH} = r.birth, false) AS born,
            coalesce(jaro_winkler_similarity(upper(l.full_name), r.canon), 0) AS alike
        FROM match_records AS l JOIN {REGISTER} AS r USING (nik);
        -- Most are told by a first look; only the rest is standardised and compared.
        CREATE OR REPLACE TEMP TABLE match_exact AS
        SELECT s.id, l.record_id, s.person_key,
            CASE WHEN born AND alike >= 0.9 THEN 999900 ELSE 999000 END AS ppm,
            (alike * 1000)::INTEGER AS rank
        FROM match_same_nik AS s JOIN match_records AS l USING (id)
        WHERE born AND alike >= 0.86 OR alike >= 0.97;
        CREATE OR REPLACE TEMP TABLE match_doubtful AS
        SELECT l.id, l.nik, {_RAW}, NULL::UBIGINT AS nik_key, false AS conflict, s.person_key,
            s.both_born, s.born
        FROM match_same_nik AS s JOIN match_records AS l USING (id)
        WHERE s.id NOT IN (SELECT id FROM match_exact);
        """
    )
    prepare_records(con, "match_doubtful", "match_doubtful_keys")
    compare(con, "match_doubtful", "match_doubtful_keys", REGISTER, "match_doubtful_levels")
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE match_guarded AS
        SELECT d.id, d.person_key, v.name,
            name >= 4 OR name = 3 AND (NOT both_born OR v.birth >= 2 AND v.birth <> 5)
                OR born AND name <> 1 AS sure,
            NOT born AND (name = 1 OR both_born AND name IN (0, 2)) AS conflict
        FROM match_doubtful AS d JOIN match_doubtful_levels AS v USING (id, person_key);
        INSERT INTO match_exact
        SELECT g.id, l.record_id, g.person_key,
            CASE WHEN name >= 5 THEN 999000 ELSE 996000 END, name::INTEGER * 100
        FROM match_guarded AS g JOIN match_records AS l USING (id) WHERE sure;
        CREATE OR REPLACE TEMP TABLE match_rest AS
        SELECT l.id, l.dataset, l.record_id, l.nik, {_RAW}, g.person_key AS nik_key,
            coalesce(g.conflict, false) AS conflict
        FROM match_records AS l LEFT JOIN match_guarded AS g ON g.id = l.id
        WHERE l.id NOT IN (SELECT id FROM match_exact);
        DROP TABLE match_same_nik; DROP TABLE match_doubtful; DROP TABLE match_doubtful_keys;
        DROP TABLE match_doubtful_levels; DROP TABLE match_guarded;
        """
    )


def train_model(con: duckdb.DuckDBPyConnection, period: str, *, save: bool = True) -> Model:
    """Train the model of persons on a period and store it in `linkage.models`.

    Args:
        con: the restricted warehouse with the TEMP views of the period's inputs.
        period: the month of the run.
        save: store it as the newest version.

    Returns:
        The model. The same data give the same model.
    """
    people = ensure_register(con, period)
    borrowed = _train_pairs(con)
    u, common = estimate_u(con, "match_random", "match_twin", people, borrowed)
    rarity = " + ".join(
        f"CASE WHEN {name} = {level} THEN {share} * ({float(np.log2(common[name][level])):.6f}"
        f" - log2(greatest({name}_f, {RAREST}))) ELSE 0 END"
        for name, levels in RARITY.items()
        for level, share in levels.items()
    )
    rows = con.execute(
        f"SELECT dense_rank() OVER (ORDER BY id) - 1 AS record, {', '.join(FIELDS)},"
        f" coalesce({rarity}, 0)::DOUBLE AS rarity FROM match_trained ORDER BY id, person_key"
    ).fetchnumpy()
    columns = {name: np.asarray(values) for name, values in rows.items()}
    if len(columns["record"]):
        m, found = learn(
            columns["record"], {f: columns[f] for f in FIELDS}, columns["rarity"], u, people
        )
    else:
        m, found = learn(
            np.zeros(1, np.int64),
            {f: np.zeros(1, np.int64) for f in FIELDS},
            np.zeros(1),
            u,
            people,
        )
        found = 0.8
    fingerprint = str(
        scalar(
            con,
            f"SELECT md5(concat_ws('/', (SELECT sum(hash(person_key, canon, born)::HUGEINT) FROM"
            f" {REGISTER}), (SELECT sum(row_hash::HUGEINT) FROM in_person_records)))",
        )
    )
    model = Model(
        people=people,
        found=round(found, 6),
        m=m,
        u=u,
        common=common,
        fingerprint=fingerprint,
        sample={
            "records": int(columns["record"].max() + 1) if len(columns["record"]) else 0,
            "pairs": len(columns["record"]),
            "random_pairs": int(scalar(con, "SELECT count(*) FROM match_random")),
            "same_birth_pairs": int(scalar(con, "SELECT count(*) FROM match_twin")),
        },
    )
    con.execute("DROP TABLE match_random; DROP TABLE match_twin; DROP TABLE match_trained")
    if save:
        save_model(con, period, model)
    return model


def _train_pairs(con: duckdb.DuckDBPyConnection) -> float:
    """Make the levels of training pairs; return the residual's share of NIKs of somebody else."""
    # A sample of the residual of every list: its NIK-linked records teach nothing of it.
    people = max(1, int(scalar(con, f"SELECT count(*) FROM {REGISTER}")))
    total = int(scalar(con, "SELECT count(*) FROM in_person_records"))
    modulus = max(1, total // 120_000)
    _split(con, f"hash(dataset, record_id) % {modulus} = 0")
    rest = int(scalar(con, "SELECT count(*) FROM match_rest"))
    conflicts = int(scalar(con, "SELECT count(*) FROM match_rest WHERE conflict"))
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE match_sample AS SELECT * FROM match_rest"
        f" ORDER BY hash(dataset, record_id), dataset, record_id LIMIT {TRAINING}"
    )
    prepare_records(con, "match_sample", "match_keys")
    find_candidates(con, "match_keys", "match_pairs")
    compare(con, "match_pairs", "match_keys", REGISTER, "match_trained")
    # Two different people of the register: at random, and of the same birth date.
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE match_few AS
        SELECT *, row_number() OVER () AS id FROM {REGISTER}
        WHERE hash(person_key, 1) % {people} < 2000;
        CREATE OR REPLACE TEMP TABLE match_others AS
        SELECT * FROM {REGISTER} WHERE hash(person_key, 2) % {people} < 400;
        CREATE OR REPLACE TEMP TABLE match_left AS
        SELECT * EXCLUDE (person_key), NULL::BIGINT AS born_other FROM match_few;
        CREATE OR REPLACE TEMP TABLE match_random_pairs AS
        SELECT a.id, b.person_key FROM match_few AS a JOIN match_others AS b
            ON a.person_key <> b.person_key;
        """
    )
    compare(con, "match_random_pairs", "match_left", REGISTER, "match_random")
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE match_random_pairs AS
        SELECT a.id, b.person_key FROM match_few AS a JOIN {REGISTER} AS b
            ON a.born = b.born AND a.person_key <> b.person_key
        WHERE a.birth_n < {max(people // 2000, 200)}
        """
    )
    compare(con, "match_random_pairs", "match_left", REGISTER, "match_twin")
    con.execute(
        "DROP TABLE match_few; DROP TABLE match_others; DROP TABLE match_left;"
        " DROP TABLE match_random_pairs; DROP TABLE match_sample; DROP TABLE match_keys;"
        " DROP TABLE match_pairs; DROP TABLE match_rest; DROP TABLE match_exact;"
        " DROP TABLE match_records"
    )
    # Half a case is added: that none was seen does not mean there is none.
    return (conflicts + 0.5) / (rest + 1)


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
    people = ensure_register(con, period)
    create_links(con)
    create_report(con)
    _split(con, f"dataset = {literal(dataset)}")
    con.execute(
        "CREATE OR REPLACE TEMP TABLE match_scored"
        "(id BIGINT, person_key UBIGINT, bits DOUBLE, conflict BOOLEAN)"
    )
    con.execute(
        "DELETE FROM linkage.blocking_report WHERE period = ? AND dataset = ?", [period, dataset]
    )
    rest = int(scalar(con, "SELECT count(*) FROM match_rest"))
    pairs = 0
    for start in range(0, rest, CHUNK):
        con.execute(
            f"CREATE OR REPLACE TEMP VIEW match_chunk AS SELECT * FROM match_rest"
            f" ORDER BY id LIMIT {CHUNK} OFFSET {start}"
        )
        prepare_records(con, "match_chunk", "match_keys")
        pairs += find_candidates(con, "match_keys", "match_pairs", period=period, dataset=dataset)
        compare(con, "match_pairs", "match_keys", REGISTER, "match_compared")
        con.execute(
            f"INSERT INTO match_scored"
            " SELECT c.id, c.person_key, c.bits, k.conflict AND k.nik_key = c.person_key FROM"
            f" (SELECT id, person_key, round({model.bits_sql()}, 4) AS bits FROM match_compared)"
            " AS c JOIN match_keys AS k USING (id)"
        )
    score_claims(con, "match_scored", max(people, 1), model.found)
    row = con.execute(
        "SELECT coalesce(max(cardinality), 'many_to_one') FROM reference.datasets"
        " WHERE dataset = ?",
        [dataset],
    ).fetchone()
    assign(con, str(row[0]) if row else "many_to_one", thresholds)
    replace_period(
        con,
        "linkage.person_links",
        period,
        f"""
        SELECT {literal(period)} AS period, r.dataset, r.record_id,
            coalesce(a.status, 'unlinked') AS status, a.tier, a.person_key,
            a.ppm AS probability_ppm,
            coalesce(a.reason, CASE WHEN r.nik_reason IS NOT NULL THEN 'invalid_identifier'
                ELSE 'never_compared' END) AS reason,
            coalesce(c.person_key, e.person_key) AS best_candidate_key,
            coalesce(c.ppm, e.ppm) AS best_candidate_ppm, s.ppm AS runner_up_ppm
        FROM match_records AS r LEFT JOIN match_assigned AS a USING (id)
        LEFT JOIN match_exact AS e USING (id)
        LEFT JOIN match_claims AS c ON c.id = r.id AND c.place = 1
        LEFT JOIN match_claims AS s ON s.id = r.id AND s.place = 2
        """,
        where=f"dataset = {literal(dataset)}",
    )
    counts = {"linked": 0, "review": 0, "unlinked": 0}
    counts |= dict(
        con.execute(
            "SELECT status, count(*) FROM linkage.person_links WHERE period = ? AND dataset = ?"
            " GROUP BY 1",
            [period, dataset],
        ).fetchall()
    )
    con.execute(
        "DROP TABLE match_records; DROP TABLE match_rest; DROP TABLE match_exact;"
        " DROP TABLE match_scored; DROP TABLE match_claims; DROP TABLE match_assigned;"
        " DROP VIEW IF EXISTS match_chunk; DROP TABLE IF EXISTS match_keys;"
        " DROP TABLE IF EXISTS match_pairs; DROP TABLE IF EXISTS match_compared"
    )
    return counts | {"pairs": pairs}


def link_period(
    con: duckdb.DuckDBPyConnection,
    period: str,
    log: Callable[[str], object] | None = None,
    *,
    retrain: bool = True,
) -> dict[str, dict[str, int]]:
    """Link every person record of a period.

    Args:
        con: the restricted warehouse with the TEMP views of the period's inputs.
        period: the month of the run.
        log: told one line per dataset, without a personal value.
        retrain: train a model; otherwise the newest one of the period is used where it is.

    Returns:
        By dataset, the counts of `link_dataset`.
    """
    prepare_register(con, period)
    model = None if retrain else load_model(con, period)
    model = model or train_model(con, period)
    create_links(con)
    datasets = [
        row[0]
        for row in con.execute(
            "SELECT DISTINCT dataset FROM in_person_records ORDER BY 1"
        ).fetchall()
    ]
    # A dataset that no longer delivers must not keep the links of an earlier run.
    kept = ", ".join(literal(name) for name in datasets) or "''"
    con.execute(
        f"DELETE FROM linkage.person_links WHERE period = ? AND dataset NOT IN ({kept})", [period]
    )
    counts = {}
    for dataset in datasets:
        counts[dataset] = link_dataset(con, period, dataset, model)
        if log:
            told = ", ".join(f"{n} {status}" for status, n in counts[dataset].items())
            log(f"persons: {dataset}: {told}")
    return counts
