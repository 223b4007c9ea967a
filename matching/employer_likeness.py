"""How alike two company names are: levels, by their rare words and the slips in them.

Belongs here: the comparison of cores. Does not belong here: how a name is split
(companies.py), or what a level is worth as evidence (employer_model.py).

The bulk is compared in DuckDB; only what is left of two names that share no whole spelling
goes, in Arrow batches, to RapidFuzz for the distance with swapped neighbours (OSA).
"""

from __future__ import annotations

import duckdb
import pyarrow as pa
from rapidfuzz import process
from rapidfuzz.distance import OSA

from matching.companies import TOKEN_BITS
from warehouse.storage import scalar

# Levels of likeness of two cores, from the best down. Kept as small numbers in SQL.
EXACT, NEAR, SUBSET, OVERLAP, DIFFERENT = 4, 3, 2, 1, 0

# A word of at most this weight is an established word, not a slip of another one.
ESTABLISHED_BITS = 12
# Two words whose weights differ by this much may be a word and its slip, however common the
# slip is: one in 32 spellings.
SLIP_BITS = 5
BATCH_ROWS = 100_000


def compare_cores(con: duckdb.DuckDBPyConnection, pairs: str) -> int:
    """Compare pairs of cores; makes `co_compared(a, b, level, shared)`.

    Levels: EXACT, the same words in any order or spacing; NEAR, but for slips in words that are
    not established ones, or cut short; SUBSET, one has words the other lacks, no numbers among
    them and not the greater part of its weight; OVERLAP, at least half the weight is shared;
    DIFFERENT.

    Args:
        con: the warehouse; `parse_names` has run on it.
        pairs: a relation with the columns `a` and `b`, core numbers; `a = b` is left out.

    Returns:
        The number of pairs compared.
    """
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE co_pairs AS
        WITH wanted AS (
            SELECT DISTINCT least(a, b) AS a, greatest(a, b) AS b FROM {pairs} WHERE a <> b
        ),
        joined AS (
            SELECT w.a, w.b, x.weight AS weight_a, y.weight AS weight_b,
                x.compact = y.compact OR x.sorted_key = y.sorted_key AS same,
                -- PLN and PERUSAHAAN LISTRIK NEGARA.
                (len(x.keys) = 1 AND len(y.keys) >= 3 AND x.compact = y.initials)
                    OR (len(y.keys) = 1 AND len(x.keys) >= 3 AND y.compact = x.initials)
                    AS acronym,
                jaro_winkler_similarity(x.compact, y.compact) AS likeness,
                x.village OR y.village AS village,
                x.keys AS keys_a, y.keys AS keys_b, x.tokens AS tokens_a, y.tokens AS tokens_b,
                list_intersect(x.tokens, y.tokens) AS common
            FROM wanted AS w
            JOIN co_cores AS x ON x.core_id = w.a
            JOIN co_cores AS y ON y.core_id = w.b
        ),
        weighed AS (
            SELECT *, coalesce(
                list_sum(list_transform(common, lambda t: t % {TOKEN_BITS})), 0
            )::INTEGER AS shared
            FROM joined
        )
        SELECT a, b, same, acronym, village, shared, weight_a, weight_b,
            -- Only these go to the comparison of what is left of the two.
            NOT same AND shared < weight_a AND shared < weight_b
                AND (likeness >= 0.75 OR shared * 3 >= least(weight_a, weight_b)) AS open,
            CASE WHEN open THEN array_to_string(list_filter(
                keys_a, lambda k: NOT list_contains(keys_b, k)), '') END AS rest_a,
            CASE WHEN open THEN array_to_string(list_filter(
                keys_b, lambda k: NOT list_contains(keys_a, k)), '') END AS rest_b,
            CASE WHEN NOT same THEN coalesce(list_max(list_transform(list_filter(
                tokens_a, lambda t: NOT list_contains(common, t)), lambda t: t % {TOKEN_BITS})), 0)
            END AS rarest_a,
            CASE WHEN NOT same THEN coalesce(list_max(list_transform(list_filter(
                tokens_b, lambda t: NOT list_contains(common, t)), lambda t: t % {TOKEN_BITS})), 0)
            END AS rarest_b,
            NOT same AND (shared = weight_a OR shared = weight_b) AND regexp_matches(
                array_to_string(list_filter(list_concat(keys_a, keys_b), lambda k:
                    NOT (list_contains(keys_a, k) AND list_contains(keys_b, k))), ' '), '[0-9]')
                AS number_apart
        FROM weighed
        """
    )
    _slips(con)
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE co_compared AS
        SELECT a, b, shared, (CASE
            WHEN same THEN {EXACT}
            WHEN slip IS NOT NULL AND NOT village THEN {NEAR}
            WHEN acronym THEN {NEAR}
            WHEN 2 * shared >= greatest(weight_a, weight_b)
                AND (shared = weight_a OR shared = weight_b)
                AND NOT number_apart AND NOT village THEN {SUBSET}
            WHEN 2 * shared >= greatest(weight_a, weight_b) THEN {OVERLAP}
            ELSE {DIFFERENT} END)::TINYINT AS level
        FROM co_pairs LEFT JOIN co_slips USING (a, b)
        """
    )
    con.execute("DROP TABLE co_pairs")
    con.execute("DROP TABLE co_slips")
    return int(scalar(con, "SELECT count(*) FROM co_compared"))


def _slips(con: duckdb.DuckDBPyConnection) -> None:
    """Make co_slips: pairs whose unshared words are one word and its slip, or cut short."""
    con.execute("CREATE OR REPLACE TEMP TABLE co_slips(a INTEGER, b INTEGER, slip BOOLEAN)")
    # Two established words are two words, however alike (JATI, JAYA), unless one of them is
    # far rarer than the other. Names that differ in a number differ.
    reader = con.execute(
        f"""
        SELECT a, b, rest_a, rest_b,
            -- A word cut short, by hand or by the width of a field; else the slips allowed.
            CASE WHEN least(length(rest_a), length(rest_b)) >= 3
                    AND (starts_with(rest_a, rest_b) OR starts_with(rest_b, rest_a)) THEN 99
                WHEN greatest(length(rest_a), length(rest_b)) <= 4 THEN 0
                WHEN greatest(length(rest_a), length(rest_b)) <= 7 THEN 1
                ELSE 2 END::INTEGER AS allowed
        FROM co_pairs
        WHERE open AND abs(length(rest_a) - length(rest_b)) <= 12
          AND NOT regexp_matches(rest_a || rest_b, '[0-9]')
          AND (greatest(rarest_a, rarest_b) > {ESTABLISHED_BITS}
               OR abs(rarest_a - rarest_b) >= {SLIP_BITS}
               -- The usual abbreviations are established too: NUS, PEND.
               OR (least(length(rest_a), length(rest_b)) BETWEEN 3 AND 4
                   AND (starts_with(rest_a, rest_b) OR starts_with(rest_b, rest_a))))
        """
    ).to_arrow_reader(BATCH_ROWS)
    kept = [_within(batch) for batch in reader]
    if kept:
        con.register("co_slip_pairs", pa.concat_tables(kept))
        con.execute("INSERT INTO co_slips SELECT a, b, true FROM co_slip_pairs")
        con.unregister("co_slip_pairs")


def _within(batch: pa.RecordBatch) -> pa.Table:
    """Keep the pairs of a batch whose rests are within the slips allowed."""
    distance = process.cpdist(
        batch.column("rest_a").to_pylist(),
        batch.column("rest_b").to_pylist(),
        scorer=OSA.distance,
        workers=1,
    )
    inside = pa.array(distance <= batch.column("allowed").to_numpy())
    return pa.Table.from_batches([batch]).select(["a", "b"]).filter(inside)
