"""Linking two tables by a specification, from files to a file.

Belongs here: the order of the stages, and what is told of them. Does not belong here: what
each stage does, or how results are shown (pipelines/cli_link.py).
"""

from __future__ import annotations

import math
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from matching.linker import blocking, deciding, evaluating
from matching.linker.comparing import KIND_LEVELS, compare
from matching.linker.estimating import TRAINING, LinkModel, learn, sample_known
from matching.linker.exact import guarded_sql, guards, link_exact, same_sql
from matching.linker.spec import IDENTIFIERS, Cardinality, Comparison, Spec
from matching.linker.standardise import standardise
from matching.linker.tables import read_tables, same_file
from warehouse.errors import UsageError
from warehouse.reference import load_reference
from warehouse.settings import EngineSettings
from warehouse.storage import literal, quote, scalar

# Left rows compared at a time: bounds the memory that candidates take.
CHUNK = 50_000
# Rows that their identifier linked, to learn from.
KNOWN_ROWS = 6_000
# Pairs so many bits below an even chance are forgotten.
HOPELESS = 25.0


@dataclass
class LinkReport:
    """What a linkage did.

    Attributes:
        left_rows: rows of LEFT.
        right_rows: rows of RIGHT.
        links: accepted links.
        review: pairs that a person should look at.
        tiers: accepted links by tier.
        candidates: pairs compared.
        blocking: by rule: pairs found, blocks skipped for being too large, and their pairs.
        parameters: the model, by comparison.
        found: share of the left rows that have a right row; of all pairs in many_to_many.
        evaluation: against the truth, where it was given.
        seconds: by stage.
    """

    left_rows: int
    right_rows: int
    links: int = 0
    review: int = 0
    tiers: dict[str, int] = field(default_factory=dict)
    candidates: int = 0
    blocking: list[dict[str, Any]] = field(default_factory=list)
    parameters: list[dict[str, object]] = field(default_factory=list)
    found: float = 0.0
    evaluation: dict[str, Any] | None = None
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def candidates_per_row(self) -> float:
        """Pairs compared per left row."""
        return self.candidates / self.left_rows if self.left_rows else 0.0


class _Stages:
    """Tells the stages and times them."""

    def __init__(self, log: Callable[[str], object] | None) -> None:
        self._log = log
        self._since = time.perf_counter()
        self.seconds: dict[str, float] = {}

    def done(self, stage: str, message: str) -> None:
        now = time.perf_counter()
        self.seconds[stage] = round(self.seconds.get(stage, 0.0) + now - self._since, 2)
        self._since = now
        self.tell(message)

    def tell(self, message: str) -> None:
        if self._log:
            self._log(message)


def turned(spec: Spec) -> Spec:
    """Give the specification with the tables in each other's place."""
    cardinality: Cardinality = spec.cardinality
    if cardinality in ("one_to_many", "many_to_one"):
        cardinality = "many_to_one" if cardinality == "one_to_many" else "one_to_many"
    compared = tuple(
        item
        if item.left is None
        else Comparison(left=item.right, right=item.left, kind=item.kind, format=item.format)
        for item in spec.compare
    )
    return spec.model_copy(
        update={
            "left": spec.right,
            "right": spec.left,
            "cardinality": cardinality,
            "compare": compared,
        }
    )


def link(
    left: Path,
    right: Path,
    spec: Spec,
    out: Path,
    *,
    truth: Path | None = None,
    log: Callable[[str], object] | None = None,
    engine: EngineSettings | None = None,
) -> LinkReport:
    """Link two tables, or the rows of one.

    Args:
        left: CSV or Parquet file.
        right: the same; the same file as `left` to find the duplicates in it.
        spec: what is compared and how.
        out: Parquet file to write: `left_id`, `right_id`, `probability`, `tier`, `review`.
        truth: CSV or Parquet file of true pairs, `left_id`, `right_id`.
        log: told one line per stage, without a value of a row.
        engine: limits of memory and threads.

    Returns:
        What was done.

    Raises:
        UsageError: a file or column is missing, an identifier is missing or stands twice, or
            the cardinality makes no sense for one table.
        DataRefused: a file is empty or cannot be read.
    """
    dedupe = same_file(left, right)
    if dedupe and spec.cardinality not in ("many_to_many", "one_to_one"):
        raise UsageError(
            f"cardinality: a table linked with itself is many_to_many (or one_to_one, where a row "
            f"has one duplicate at most), not {spec.cardinality}"
        )
    if not out.parent.is_dir():
        raise UsageError(f"--out: there is no folder {out.parent}")
    swapped = spec.cardinality == "one_to_many"
    if swapped:
        left, right, spec = right, left, turned(spec)
    limits = engine or EngineSettings()
    with tempfile.TemporaryDirectory(prefix="cakupan-link-") as folder:
        config: dict[str, Any] = {
            "memory_limit": limits.memory_limit,
            "temp_directory": folder,
            "preserve_insertion_order": False,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        }
        if limits.threads:
            config["threads"] = limits.threads
        with duckdb.connect(str(Path(folder) / "link.duckdb"), config=config) as con:
            con.execute("SET enable_progress_bar = false")
            stages = _Stages(log)
            counts = read_tables(con, spec, left, right)
            report = LinkReport(*(reversed(counts) if swapped else counts))
            if truth is not None:
                evaluating.load_truth(con, spec, truth, dedupe=dedupe, swapped=swapped)
            stages.done("reading", f"read {counts[0]} × {counts[1]} rows")
            _link(con, spec, report, stages, dedupe=dedupe, with_truth=truth is not None)
            _write(con, spec, out, report, dedupe=dedupe, swapped=swapped)
            if truth is not None:
                report.evaluation = evaluating.evaluate(con)
            stages.done("writing", f"{report.links} links, {report.review} pairs for review")
            report.seconds = stages.seconds
    return report


def _link(
    con: duckdb.DuckDBPyConnection,
    spec: Spec,
    report: LinkReport,
    stages: _Stages,
    *,
    dedupe: bool,
    with_truth: bool,
) -> None:
    """Run the stages from standardising to deciding."""
    one = spec.cardinality in ("one_to_one", "many_to_one") and not dedupe
    load_reference(con)
    standardise(con, spec, dedupe=dedupe)
    stages.done("standardising", "standardised both sides")
    owner_odds = link_exact(con, spec, one=one, dedupe=dedupe)
    rest = "WHERE id NOT IN (SELECT id FROM match_exact)" if one else ""
    con.execute(
        "CREATE OR REPLACE TEMP TABLE lk_rest AS SELECT id,"
        f" row_number() OVER (ORDER BY id) AS place FROM lk_l {rest}"
    )
    left = int(scalar(con, "SELECT count(*) FROM lk_rest"))
    linked = int(scalar(con, "SELECT count(*) FROM match_exact"))
    if with_truth:
        evaluating.note_compared(con, "match_exact")
    stages.done("identifiers", f"{linked} pairs linked by identifier, {left} rows go on")
    rules = blocking.choose_rules(con, spec, left)
    blocking.create_report(con)
    model = _train(con, spec, rules, left, one=one, dedupe=dedupe, owner_odds=owner_odds)
    stages.done(
        "learning", f"{len(rules or ())} blocking rules; learned from {model.sample['pairs']} pairs"
    )
    con.execute(
        "CREATE OR REPLACE TEMP TABLE lk_scored(id BIGINT, person_key UBIGINT, bits DOUBLE,"
        " conflict BOOLEAN, kind TINYINT, namesakes DOUBLE, far DOUBLE)"
    )
    for start in range(0, left, CHUNK):
        # What all of it was learned from is compared already.
        if left > TRAINING:
            con.execute(
                f"CREATE OR REPLACE TEMP TABLE lk_chunk AS SELECT l.* FROM lk_l AS l"
                f" JOIN lk_rest AS t USING (id)"
                f" WHERE t.place > {start} AND t.place <= {start + CHUNK}"
            )
            _compare(con, spec, "lk_chunk", rules, dedupe=dedupe)
        report.candidates += int(scalar(con, "SELECT count(*) FROM lk_candidates"))
        if with_truth:
            evaluating.note_compared(con, "lk_candidates")
        _score(con, spec, model, guarded=owner_odds is not None)
        stages.tell(f"compared {report.candidates} pairs of {min(start + CHUNK, left)} rows")
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
            _complete(con, spec, model, guarded=owner_odds is not None)
        deciding.decide_many(con, model, spec.thresholds, dedupe=dedupe)
        if dedupe and spec.cardinality == "one_to_one":
            deciding.keep_best(con)
    stages.done("deciding", "decided")


def _train(
    con: duckdb.DuckDBPyConnection,
    spec: Spec,
    rules: list[tuple[blocking.Key, ...]] | None,
    left: int,
    *,
    one: bool,
    dedupe: bool,
    owner_odds: float | None,
) -> LinkModel:
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE lk_sample AS SELECT l.* FROM lk_l AS l"
        f" SEMI JOIN lk_rest USING (id) ORDER BY hash(id, 5), id LIMIT {TRAINING};"
        f"CREATE OR REPLACE TEMP TABLE lk_known_few AS FROM lk_known"
        f" ORDER BY hash(id, person_key), id, person_key LIMIT {KNOWN_ROWS}"
    )
    sampled = int(scalar(con, "SELECT count(*) FROM lk_sample"))
    _compare(con, spec, "lk_sample", rules, dedupe=dedupe, report=left <= TRAINING)
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
        int(scalar(con, "SELECT count(*) FROM lk_r")),
        left,
        sampled,
        one=one,
        dedupe=dedupe,
        owner_odds=owner_odds,
    )
    con.execute("DROP TABLE lk_sample; DROP TABLE lk_known_few")
    return model


def _compare(
    con: duckdb.DuckDBPyConnection,
    spec: Spec,
    records: str,
    rules: list[tuple[blocking.Key, ...]] | None,
    *,
    dedupe: bool,
    report: bool = True,
) -> None:
    """Make `lk_candidates` and `lk_compared` of rows of the left side."""
    blocking.find_candidates(con, records, "lk_candidates", rules, dedupe=dedupe, report=report)
    # What the exact stage linked is compared too, where links do not exclude each other.
    con.execute(
        f"INSERT INTO lk_candidates SELECT e.id, e.person_key FROM match_exact AS e"
        f" SEMI JOIN {records} AS c ON c.id = e.id"
        " ANTI JOIN lk_candidates AS t ON t.id = e.id AND t.person_key = e.person_key"
    )
    compare(con, spec, "lk_candidates", "lk_compared")


def _score(con: duckdb.DuckDBPyConnection, spec: Spec, model: LinkModel, *, guarded: bool) -> None:
    """Add the pairs of `lk_compared` to `lk_scored`."""
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
            if i != name and item.kind != "category"
        )
        namesakes = f"CASE WHEN f{name} >= 6 THEN greatest(f{name}_c, 1) END"
        far = f"CASE f{name} {same} END + {others or '0'}"
    even = float(np.log2(max(model.rows, 2))) if model.one else -model.prior_bits
    # Whom an identifier names against name and date is linked only by all the rest.
    rest = model.bits_sql(spec, without=IDENTIFIERS)
    enough = even + math.log2(spec.thresholds.accept / (1 - spec.thresholds.accept))
    conflict = f"{conflict} AND {rest} < {enough}"
    con.execute(
        f"""
        INSERT INTO lk_scored
        SELECT id, person_key, bits, conflict, 0, namesakes, far
        FROM (SELECT id, person_key, round({model.bits_sql(spec)}, 4) AS bits,
            coalesce({conflict}, false) AS conflict, {namesakes} AS namesakes,
            round({far}, 4) AS far FROM lk_compared)
        WHERE bits > {even - HOPELESS};
        DROP TABLE lk_compared
        """
    )


def _complete(
    con: duckdb.DuckDBPyConnection, spec: Spec, model: LinkModel, *, guarded: bool
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
    compare(con, spec, "lk_near", "lk_compared")
    _score(con, spec, model, guarded=guarded)
    con.execute("DROP TABLE lk_near")


def _write(
    con: duckdb.DuckDBPyConnection,
    spec: Spec,
    out: Path,
    report: LinkReport,
    *,
    dedupe: bool,
    swapped: bool,
) -> None:
    """Write the links, whole or not at all."""
    side = "lk_raw_r" if dedupe else "lk_raw_l"
    left, right = f"l.{quote(spec.left.id)}", f"r.{quote(spec.right.id)}"
    if swapped:
        left, right = right, left
    part = out.with_name(f".{out.name}.part")
    con.execute(
        f"""
        COPY (SELECT {left} AS left_id, {right} AS right_id, k.ppm / 1e6 AS probability, k.tier,
                k.review
            FROM lk_links AS k JOIN {side} AS l ON l.lk_row = k.id
            JOIN lk_raw_r AS r ON r.lk_row = k.person_key ORDER BY 1, 2)
        TO {literal(str(part))} (FORMAT parquet)
        """
    )
    part.replace(out)
    for tier, review, n in con.execute(
        "SELECT tier, review, count(*) FROM lk_links GROUP BY ALL ORDER BY ALL"
    ).fetchall():
        if review:
            report.review += n
        else:
            report.links += n
            report.tiers[tier] = n
