"""Training: the pairs that the model of persons learns from.

Belongs here: which pairs are sampled, and how the parameters come together. Does not belong
here: the estimators themselves (model), or the linking (persons).
"""

from __future__ import annotations

import duckdb
import numpy as np

from matching.comparison import FIELDS, LEVELS, compare
from matching.estimating import estimate_u, learn
from matching.exact import RAW, add_work_region
from matching.frequencies import keep_frequencies
from matching.keys import PEOPLE, REGISTER, STATED, ensure_register, prepare_records
from matching.model import RARITY, Model, rarity_sql, save_model
from matching.residual import forget, gather
from warehouse.storage import scalar

# Records looked at where the model is trained by itself.
SAMPLE = 120_000
# Records of the residual that the model is trained on, chosen by the hash of their number.
TRAINING = 12_000
# Records that their NIK linked, to see how one person's records differ.
KNOWN_RECORDS = 6_000
# Register people that pairs of two people are drawn from, those of them that look for a
# partner, and the partners that each of these meets at random.
OTHERS = 200_000
FEW = 1_000
PARTNERS = 70
# Of those who share a month of birth, a place or a region, about so many are partners at most.
CROWD = 300


def train_model(con: duckdb.DuckDBPyConnection, period: str, *, save: bool = True) -> Model:
    """Train the model of persons on a sample of a period and store it in `linkage.models`.

    Args:
        con: the restricted warehouse with the TEMP views of the period's inputs.
        period: the month of the run.
        save: store it as the newest version.

    Returns:
        The model. The same data give the same model.
    """
    ensure_register(con, period, own=True)
    total = int(scalar(con, "SELECT count(*) FROM in_person_records"))
    gather(con, f"hash(dataset, record_id) % {max(1, total // SAMPLE)} = 0")
    model = learn_model(con, period, save=save)
    forget(con)
    return model


def learn_model(con: duckdb.DuckDBPyConnection, period: str, *, save: bool = True) -> Model:
    """Train the model of persons on records whose candidates are found.

    Args:
        con: the restricted warehouse after `matching.residual.gather`; the register has its
            own commonness, which is kept with the model.
        period: the month of the run.
        save: store it as the newest version in `linkage.models`.

    Returns:
        The model. The same data give the same model.
    """
    people = max(int(scalar(con, f"SELECT count(*) FROM {PEOPLE}")), 1)
    owner_odds = _train_pairs(con)
    _two_people(con, people)
    u, common = estimate_u(con, "match_random", "match_twin", "match_near", people)
    known = _known_levels(con)
    rarity = " + ".join(
        f"CASE WHEN {name} = {level} THEN {rarity_sql(name, level, u, common, people)} ELSE 0 END"
        for name, levels in RARITY.items()
        for level in levels
    )
    rows = con.execute(
        f"SELECT dense_rank() OVER (ORDER BY id) - 1 AS record, kind, {', '.join(FIELDS)},"
        f" coalesce({rarity}, 0)::DOUBLE AS rarity FROM match_trained ORDER BY id, person_key"
    ).fetchnumpy()
    columns = {name: np.asarray(values) for name, values in rows.items()}
    m, found = learn(
        columns["record"],
        columns["kind"],
        {f: columns[f] for f in FIELDS},
        columns["rarity"],
        u,
        common,
        people,
        known,
        owner_odds,
    )
    fingerprint = str(
        scalar(
            con,
            f"SELECT md5(concat_ws('/', (SELECT sum(hash(person_key, h_pflat, born)::HUGEINT) FROM"
            f" {PEOPLE}), (SELECT sum(row_hash::HUGEINT) FROM in_person_records)))",
        )
    )
    model = Model(
        people=people,
        found=found,
        m=m,
        u=u,
        common=common,
        fingerprint=fingerprint,
        sample={
            "records": int(columns["record"].max() + 1) if len(columns["record"]) else 0,
            "pairs": len(columns["record"]),
            "random_pairs": int(scalar(con, "SELECT count(*) FROM match_random")),
            "alike_pairs": int(scalar(con, "SELECT count(*) FROM match_twin")),
            "known": int(scalar(con, "SELECT count(*) FROM match_known")),
        },
    )
    con.execute(
        "DROP TABLE match_random; DROP TABLE match_twin; DROP TABLE match_near;"
        " DROP TABLE match_trained; DROP TABLE match_known"
    )
    if save:
        keep_frequencies(con, save_model(con, period, model))
    return model


def _train_pairs(con: duckdb.DuckDBPyConnection) -> float:
    """Make the levels of the residual's candidates, and of records that their NIK linked.

    Returns:
        How many records are of the owner of the NIK they carry, to one that is not.
    """
    conflicts = int(scalar(con, "SELECT count(*) FROM match_rest WHERE conflict"))
    owners = int(scalar(con, "SELECT count(*) FROM match_exact"))
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE match_trained AS
        SELECT c.*, k.kind FROM match_compared AS c JOIN match_keys AS k USING (id)
        WHERE id IN (SELECT id FROM match_rest
            ORDER BY hash(dataset, record_id), dataset, record_id LIMIT {TRAINING});
        -- Without their NIK, so that it vouches for no birth date.
        CREATE OR REPLACE TEMP TABLE match_owned AS
        SELECT id, dataset, record_id, person_key, NULL::BIGINT AS nik, {RAW},
            NULL::UBIGINT AS nik_key, false AS conflict
        FROM in_person_records JOIN (
            SELECT id, dataset, record_id, person_key FROM match_records JOIN (
                SELECT id, person_key FROM match_exact UNION ALL
                SELECT id, nik_key FROM match_rest WHERE nik_key IS NOT NULL) USING (id)
            ORDER BY hash(dataset, record_id), dataset, record_id LIMIT {KNOWN_RECORDS})
            USING (dataset, record_id);
        """
    )
    add_work_region(con, "match_owned")
    prepare_records(con, "match_owned", "match_owned_keys")
    compare(con, "match_owned", "match_owned_keys", REGISTER, "match_known")
    con.execute("DROP TABLE match_owned; DROP TABLE match_owned_keys")
    # Half a case is added: that none was seen does not mean there is none.
    return (owners + 1) / (conflicts + 0.5)


def _known_levels(con: duckdb.DuckDBPyConnection) -> dict[str, np.ndarray]:
    """Count the levels of records that their NIK linked, each field vouched for by another."""
    known = {}
    for name in FIELDS:
        vouched = {"name": "birth = 6", "birth": "name >= 5"}.get(name, "birth = 6 OR name >= 5")
        known[name] = np.zeros(len(LEVELS[name]))
        if name == "nik":
            continue
        for level, n in con.execute(
            f"SELECT {name}, count(*) FROM match_known WHERE {name} > 0 AND ({vouched}) GROUP BY 1"
        ).fetchall():
            known[name][level] = n
    return known


def _two_people(con: duckdb.DuckDBPyConnection, people: int) -> None:
    """Compare pairs of two register people: at random, of like dates and places, neighbours."""
    sample = min(people, OTHERS)
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE match_left AS
        SELECT person_key AS own, row_number() OVER (ORDER BY person_key) AS id,
            hash(person_key, 1) % {sample} < {FEW} AS few, nik, nik_birth, birth, born, birth_n,
            sex, region, place, place_n, mother_h, h_pflat, h_psorted, t_first, t_last, t_rare,
            hash(person_key, 3) % {sample} < {PARTNERS} AS partner,
            NULL::BIGINT AS born_other, false AS nik_taken, NULL::SMALLINT AS work,
            left(lpad(nik::VARCHAR, 16, '0'), 6) AS nik_aside, NULL::INTEGER AS same_n,
            -- Where everybody shares a value, few of them are partners.
            count(*) OVER (PARTITION BY born // 100) // {CROWD} AS month_n,
            count(*) OVER (PARTITION BY place) // {CROWD} AS crowd_n,
            count(*) OVER (PARTITION BY region) // {CROWD} AS near_n
        FROM {STATED} WHERE hash(person_key, 2) % {people} < {OTHERS};
        CREATE OR REPLACE TEMP VIEW match_right AS SELECT *, own AS person_key FROM match_left;
        -- Names are looked up for the few and their partners alone.
        CREATE OR REPLACE TEMP TABLE match_met AS
        SELECT * FROM {REGISTER}
        WHERE person_key IN (SELECT own FROM match_left WHERE few OR partner);
        CREATE OR REPLACE TEMP TABLE match_named AS
        SELECT l.* EXCLUDE (same_n), r.canon, r.h_flat, r.h_sorted, r.bits,
            r.name_n AS same_n, r.mother, r.mother_first
        FROM match_left AS l JOIN match_met AS r ON r.person_key = l.own WHERE few;
        CREATE OR REPLACE TEMP TABLE match_random_pairs AS
        SELECT a.id, b.own AS person_key FROM match_left AS a JOIN match_left AS b
            ON a.few AND b.partner AND a.own <> b.own;
        """
    )
    compare(con, "match_random_pairs", "match_named", "match_met", "match_random", part=True)
    con.execute("DROP TABLE match_named; DROP TABLE match_met")
    thin = max(1, sample // 50_000)
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE match_random_pairs AS
        WITH pairs AS (
            SELECT a.id, b.own AS person_key FROM match_left AS a JOIN match_left AS b
                ON a.few AND a.born = b.born AND a.own <> b.own
            WHERE a.birth_n < {max(people // 2000, 200)}
            UNION
            SELECT a.id, b.own FROM match_left AS a JOIN match_left AS b
                ON a.born = b.born AND a.place = b.place AND a.own <> b.own
            WHERE a.birth_n < {max(people // 2000, 200)}
            UNION
            SELECT a.id, b.own FROM match_left AS a JOIN match_left AS b
                ON a.few AND a.born // 100 = b.born // 100 AND a.own <> b.own
            WHERE hash(a.own, b.own) % greatest({thin * 2}, a.month_n)::UBIGINT = 0
            UNION
            -- Of one birth place: those of near dates, and a few of the others.
            SELECT a.id, b.own FROM match_left AS a JOIN match_left AS b
                ON a.few AND a.place = b.place AND a.own <> b.own
            WHERE hash(a.own, b.own) % greatest({thin * 10}, a.crowd_n)::UBIGINT = 0
                OR (a.born // 10000 = b.born // 10000)::TINYINT
                    + ((a.born // 100) % 100 = (b.born // 100) % 100)::TINYINT
                    + (a.born % 100 = b.born % 100)::TINYINT = 2
        )
        FROM pairs
        """
    )
    compare(con, "match_random_pairs", "match_left", "match_right", "match_twin", names=False)
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE match_random_pairs AS
        SELECT a.id, b.own AS person_key FROM match_left AS a JOIN match_left AS b
            ON a.few AND a.region = b.region AND a.own <> b.own
        WHERE hash(a.own, b.own) % greatest({thin * 10}, a.near_n)::UBIGINT = 0
        """
    )
    compare(con, "match_random_pairs", "match_left", "match_right", "match_near", names=False)
    con.execute("DROP VIEW match_right; DROP TABLE match_left; DROP TABLE match_random_pairs")
