"""Training: the pairs that the model of persons learns from.

Belongs here: which records are sampled, and how the parameters come together. Does not belong
here: pairs of two people (strangers), the estimators themselves (estimating), or the linking
(persons).
"""

from __future__ import annotations

from collections.abc import Callable

import duckdb
import numpy as np

from matching.comparison import FIELDS, LEVELS, compare
from matching.estimating import learn
from matching.exact import RAW, add_work_region
from matching.frequencies import keep_frequencies
from matching.keys import PEOPLE, REGISTER, ensure_register, prepare_records
from matching.model import RARITY, Model, rarity_sql, save_model
from matching.residual import forget, gather
from matching.strangers import Strangers, beside
from warehouse.storage import scalar

# Records looked at where the model is trained by itself.
SAMPLE = 120_000
# Records of the residual that the model is trained on, chosen by the hash of their number.
TRAINING = 12_000
# Records that their NIK linked, to see how one person's records differ.
KNOWN_RECORDS = 6_000


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
    with beside(con) as strangers:
        gather(con, f"hash(dataset, record_id) % {max(1, total // SAMPLE)} = 0")
        model = learn_model(con, period, strangers, save=save)
    forget(con)
    return model


def learn_model(
    con: duckdb.DuckDBPyConnection,
    period: str,
    strangers: Callable[[], Strangers],
    *,
    save: bool = True,
) -> Model:
    """Train the model of persons on records whose candidates are found.

    Args:
        con: the restricted warehouse after `matching.residual.gather`; the register has its
            own commonness, which is kept with the model.
        period: the month of the run.
        strangers: gives how two people of the register compare (`matching.strangers`).
        save: store it as the newest version in `linkage.models`.

    Returns:
        The model. The same data give the same model.
    """
    people = max(int(scalar(con, f"SELECT count(*) FROM {PEOPLE}")), 1)
    owner_odds = _train_pairs(con)
    known = _known_levels(con)
    others = strangers()
    u, common = others.u, others.common
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
            "random_pairs": others.random_pairs,
            "alike_pairs": others.alike_pairs,
            "known": int(scalar(con, "SELECT count(*) FROM match_known")),
        },
    )
    con.execute("DROP TABLE match_trained; DROP TABLE match_known")
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
            FROM (SELECT id, dataset, record_id, person_key FROM match_exact
                UNION ALL
                SELECT id, dataset, record_id, nik_key FROM match_rest WHERE nik_key IS NOT NULL)
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
