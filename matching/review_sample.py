"""A labelled random sample: precision and recall of the links, with intervals.

Belongs here: drawing the sample by strata, and the estimator. Does not belong here: the
decisions that label it (review_store), or estimates without labels (quality.linkage_quality).

Strata are dataset by how the record ended. Each gets records in proportion to the square root
of its size (power allocation, Bankier 1988), two at least. The estimators are those of
stratified random sampling (Cochran, Sampling Techniques, 3rd ed. 1977, sections 5.3 and 6.10):
shares weighted by the strata's sizes, recall as a ratio. Intervals are Wilson's (1927) on the
effective sample size (Kish 1965; used so by Korn and Graubard 1998), which stay within 0 and 1
and keep a width where no error was found.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from matching.review_store import EVIDENCE_SQL, create_decisions, find_evidence, who
from warehouse.errors import UsageError
from warehouse.storage import literal, scalar, transaction

Z = 1.959964  # 95 %

_STRATUM = """CASE WHEN status = 'linked' THEN tier WHEN status = 'review' THEN 'review'
    WHEN best_candidate_key IS NOT NULL THEN 'unlinked' ELSE 'never_compared' END"""


@dataclass(frozen=True)
class Stratum:
    """What the labels say of one stratum.

    Attributes:
        linked: its records are linked.
        records: all of them.
        labelled: those drawn and decided.
        right: linked: those whose link is right.
        missed: those who have a person of the register that they are not linked to.
    """

    linked: bool
    records: int
    labelled: int
    right: int
    missed: int


@dataclass(frozen=True)
class Estimate:
    """A share with its interval of 95 %; None where nothing can be said."""

    value: float | None
    low: float | None
    high: float | None


def create_samples(con: duckdb.DuckDBPyConnection) -> None:
    """Create the tables of samples where they are missing."""
    con.execute(
        """
        CREATE SCHEMA IF NOT EXISTS linkage;
        CREATE TABLE IF NOT EXISTS linkage.samples(sample_id BIGINT, period VARCHAR,
            seed BIGINT, size BIGINT, drawn_by VARCHAR, drawn_at TIMESTAMP, after BIGINT);
        CREATE TABLE IF NOT EXISTS linkage.sample_estimates(period VARCHAR, dataset VARCHAR,
            sampled BIGINT, labelled BIGINT, precision_estimate DOUBLE, precision_low DOUBLE,
            precision_high DOUBLE, recall_estimate DOUBLE, recall_low DOUBLE,
            recall_high DOUBLE);
        CREATE TABLE IF NOT EXISTS linkage.sample_records(sample_id BIGINT, dataset VARCHAR,
            record_id VARCHAR, person_key UBIGINT, stratum VARCHAR, records BIGINT);
        """
    )


def draw(
    con: duckdb.DuckDBPyConnection,
    period: str,
    size: int,
    seed: int,
    dataset: str | None = None,
) -> dict[str, int]:
    """Draw a sample of a month's links; the same seed draws the same records.

    Args:
        con: the restricted warehouse, open to write.
        period: the month of the links.
        size: records wanted; a few more come where strata are many.
        seed: of the draw.
        dataset: only of this dataset.

    Returns:
        `sample` (its number) and `records` drawn.

    Raises:
        UsageError: the period has no links, or the size is no number of records.
    """
    if size < 1:
        raise UsageError("a sample needs a size of one record or more")
    create_decisions(con)
    create_samples(con)
    where = f"period = {literal(period)}" + (
        f" AND dataset = {literal(dataset)}" if dataset else ""
    )
    if not scalar(con, f"SELECT count(*) FROM linkage.person_links WHERE {where}"):
        raise UsageError(f"no such record has been linked for {period}: run the period first")
    number = int(scalar(con, "SELECT coalesce(max(sample_id), 0) + 1 FROM linkage.samples"))
    now = dt.datetime.now(dt.UTC).replace(tzinfo=None, microsecond=0)
    with transaction(con):
        con.execute(
            "INSERT INTO linkage.samples SELECT ?, ?, ?, ?, ?, ?::TIMESTAMP,"
            " (SELECT coalesce(max(decision_id), 0) FROM linkage.decisions)",
            [number, period, seed, size, who(), now],
        )
        con.execute(
            f"""
            INSERT INTO linkage.sample_records BY NAME
            WITH ended AS (
                SELECT dataset, record_id, coalesce(person_key, best_candidate_key) AS person_key,
                    {_STRATUM} AS stratum
                FROM linkage.person_links WHERE {where}
            ),
            sizes AS (SELECT dataset, stratum, count(*) AS records FROM ended GROUP BY ALL),
            wanted AS (
                SELECT *, greatest(2, round({size} * sqrt(records)
                    / sum(sqrt(records)) OVER (ORDER BY dataset, stratum
                        ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING))) AS n
                FROM sizes
            )
            SELECT {number} AS sample_id, dataset, record_id, person_key, stratum, records
            FROM ended JOIN wanted USING (dataset, stratum)
            QUALIFY row_number() OVER (PARTITION BY dataset, stratum
                ORDER BY md5(concat_ws('/', {seed}, dataset, record_id)), record_id) <= n
            """
        )
    drawn = scalar(con, f"SELECT count(*) FROM linkage.sample_records WHERE sample_id = {number}")
    return {"sample": number, "records": int(drawn)}


def estimate(con: duckdb.DuckDBPyConnection, sample: int) -> dict[str, dict[str, Any]]:
    """Estimate precision and recall from the decisions on a sample, and keep them.

    They are published as `quality.linkage_sample` when the month is computed again.

    The newest decision since the draw counts; `unsure` and contradictions label nothing. A
    link is right with `same` on its person; else it is wrong, and with `different` its record
    counts as one whose person was missed. A record that is not linked was missed with `same`.
    All is of the links as they were when the sample was drawn.

    Returns:
        By dataset and for `ALL`: `sampled`, `labelled`, and `precision` and `recall` as
        `Estimate`. A dataset with a stratum in which nothing is labelled has no estimate of
        what needs it.

    Raises:
        UsageError: there is no such sample.
    """
    create_samples(con)
    if not scalar(con, "SELECT count(*) FROM linkage.samples WHERE sample_id = ?", [sample]):
        raise UsageError(f"there is no sample {sample}")
    found = con.execute(
        """
        WITH said AS (
            SELECT d.* FROM linkage.decisions AS d JOIN linkage.samples AS s
                ON s.sample_id = $sample AND d.decision_id > s.after
            WHERE d.verdict <> 'undo' AND d.decision_id NOT IN
                (SELECT undoes FROM linkage.decisions WHERE undoes IS NOT NULL)
        ),
        newest AS (
            FROM said QUALIFY row_number() OVER (PARTITION BY dataset, record_id, reviewer
                ORDER BY decision_id DESC) = 1
        ),
        labels AS (
            SELECT dataset, record_id, any_value(verdict ORDER BY decision_id DESC) AS verdict,
                any_value(person_key ORDER BY decision_id DESC) AS person_key
            FROM newest WHERE verdict <> 'unsure' GROUP BY dataset, record_id
            HAVING count(DISTINCT verdict) = 1 OR bool_or(settles)
        )
        SELECT r.dataset, r.linked,
            any_value(r.records) AS records, count(l.verdict) AS labelled,
            count(*) FILTER (linked AND l.verdict = 'same' AND l.person_key = r.person_key),
            count(*) FILTER (CASE WHEN linked THEN l.verdict = 'different'
                    OR l.verdict = 'same' AND l.person_key <> r.person_key
                ELSE l.verdict = 'same' END),
            count(*)
        FROM (SELECT *, stratum IN ('identifier', 'model', 'decision') AS linked
            FROM linkage.sample_records) AS r LEFT JOIN labels AS l USING (dataset, record_id)
        WHERE r.sample_id = $sample
        GROUP BY r.dataset, r.linked, r.stratum ORDER BY r.dataset, r.stratum
        """,
        {"sample": sample},
    ).fetchall()
    result = {}
    for dataset in ["ALL", *dict.fromkeys(row[0] for row in found)]:
        mine = [row for row in found if dataset in ("ALL", row[0])]
        strata = [Stratum(*row[1:6]) for row in mine]
        result[dataset] = {
            "sampled": sum(row[6] for row in mine),
            "labelled": sum(row[3] for row in mine),
            "precision": precision(strata),
            "recall": recall(strata),
        }
    _keep(con, sample, result)
    return result


def _keep(con: duckdb.DuckDBPyConnection, sample: int, result: dict[str, dict[str, Any]]) -> None:
    """Replace the kept estimates of the sample's month."""
    period = str(scalar(con, "SELECT period FROM linkage.samples WHERE sample_id = ?", [sample]))
    with transaction(con):
        con.execute("DELETE FROM linkage.sample_estimates WHERE period = ?", [period])
        for dataset, told in result.items():
            shares = [
                share
                for name in ("precision", "recall")
                for share in (told[name].value, told[name].low, told[name].high)
            ]
            con.execute(
                "INSERT INTO linkage.sample_estimates VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [period, dataset, told["sampled"], told["labelled"], *shares],
            )


def precision(strata: Sequence[Stratum]) -> Estimate:
    """Estimate the share of links that are right, from the strata of linked records."""
    linked = [s for s in strata if s.linked]
    total = sum(s.records for s in linked)
    if not total or any(not s.labelled for s in linked):
        return Estimate(None, None, None)
    value = sum(s.records * s.right / s.labelled for s in linked) / total
    variance = sum((s.records / total) ** 2 * _variance(s, s.right / s.labelled) for s in linked)
    return _interval(value, variance, _kish(linked))


def recall(strata: Sequence[Stratum]) -> Estimate:
    """Estimate the share of records with a person in the register that are linked to it.

    A ratio of two estimated totals; its variance is that of the residuals (Cochran 6.10).
    """
    if not strata or any(not s.labelled for s in strata):
        return Estimate(None, None, None)
    right = sum(s.records * s.right / s.labelled for s in strata)
    found = right + sum(s.records * s.missed / s.labelled for s in strata)
    if not found:
        return Estimate(None, None, None)
    value = right / found
    variance = 0.0
    for s in strata:
        # A right record leaves 1 - value, a missed one -value, any other nothing.
        p, q = s.right / s.labelled, s.missed / s.labelled
        mean = p * (1 - value) - q * value
        square = p * (1 - value) ** 2 + q * value**2
        variance += s.records**2 * _spread(s) * (square - mean**2)
    records = sum(s.records for s in strata)
    return _interval(value, variance / found**2, _kish(strata) * found / records)


def _spread(s: Stratum) -> float:
    """Give what a stratum's variance per record is multiplied by: finite, unbiased."""
    return (1 - s.labelled / s.records) / max(s.labelled - 1, 1)


def _variance(s: Stratum, share: float) -> float:
    return _spread(s) * share * (1 - share)


def _kish(strata: Sequence[Stratum]) -> float:
    """Give the effective size of the sample where all strata are alike."""
    total = sum(s.records for s in strata)
    return 1 / sum((s.records / total) ** 2 / s.labelled for s in strata)


def _interval(value: float, variance: float, kish: float) -> Estimate:
    size = min(kish, value * (1 - value) / variance) if variance > 0 else kish
    low, high = wilson(value, size)
    return Estimate(round(value, 6), round(low, 6), round(high, 6))


def wilson(share: float, size: float) -> tuple[float, float]:
    """Give Wilson's interval of 95 % for a share seen in a sample of some size."""
    middle = share + Z * Z / (2 * size)
    half = Z * math.sqrt(share * (1 - share) / size + Z * Z / (4 * size * size))
    scale = 1 + Z * Z / size
    return max((middle - half) / scale, 0.0), min((middle + half) / scale, 1.0)


def find_sampled(con: duckdb.DuckDBPyConnection, period: str, sample: int) -> int:
    """Make the temporary table `review_queue` of a sample's records, in no telling order.

    Raises:
        UsageError: the period has no such sample.
    """
    known = scalar(
        con, "SELECT count(*) FROM duckdb_tables() WHERE table_name = 'sample_records'"
    ) and scalar(
        con,
        "SELECT count(*) FROM linkage.samples WHERE sample_id = ? AND period = ?",
        [sample, period],
    )
    if not known:
        raise UsageError(f"{period} has no sample {sample}: cakupan review sample draws one")
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE review_open AS SELECT dataset, record_id, person_key"
        f" FROM linkage.sample_records WHERE sample_id = {int(sample)}"
    )
    find_evidence(con, period, "review_open")
    # How a record ended would tell the reviewer what to expect.
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE review_queue AS
        SELECT row_number() OVER (ORDER BY md5(concat_ws('/', dataset, record_id))) AS place,
            dataset, record_id, person_key, NULL::INTEGER AS ppm, '' AS reason, 'sample' AS why,
            NULL::DOUBLE AS priority, {EVIDENCE_SQL} AS evidence
        FROM review_evidence;
        DROP TABLE review_open; DROP TABLE review_evidence; DROP TABLE review_close;
        """
    )
    return int(scalar(con, "SELECT count(*) FROM review_queue"))
