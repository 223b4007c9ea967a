"""The engine of many machines: Spark joins and counts, workers do the linker's SQL on batches.

Belongs here: the operations of `matching.linker.engine` in Spark. Does not belong here: what
workers compute (worker.py), or what is decided, which is done in the linkage's database as with
the other engine.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import duckdb

from matching.linker.blocking import Common, Key
from matching.linker.chance import Spread, looking_sql, sampled_sql, shared_ways
from matching.linker.comparing import compare
from matching.linker.engine import Rules
from matching.linker.spark import candidates
from matching.linker.spark.files import Files, mapped
from matching.linker.spark.sides import make_sides
from matching.linker.spark.worker import Columns, CompareRows, FindMates
from matching.linker.spec import Spec
from matching.linker.tables import Scan
from warehouse.storage import literal, scalar

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

_PAIR = "id, person_key::BIGINT AS person_key"
_SCORED: Columns = {
    "id": "BIGINT", "person_key": "BIGINT", "bits": "DOUBLE", "conflict": "BOOLEAN",
    "kind": "TINYINT", "namesakes": "DOUBLE", "far": "DOUBLE",
}  # fmt: skip


class Spark:
    """One linkage on Spark.

    Args:
        con: the linkage's database with the numbers of the rows and the reference tables.
        spec: what is compared.
        files: where tables are handed over.
        scans: by side, how the rows of its file are read; only `r` in a dedupe.
        with_truth: there is `lk_truth`.
    """

    def __init__(
        self,
        con: duckdb.DuckDBPyConnection,
        spec: Spec,
        files: Files,
        scans: dict[str, Scan],
        *,
        with_truth: bool,
    ) -> None:
        self._con, self._spec, self._files, self._scans = con, spec, files, scans
        self._rows, self._dedupe, self._with_truth = scans["r"].rows, "l" not in scans, with_truth
        self._whole: DataFrame | None = None

    def standardise(self) -> None:
        """Make both sides, and empty tables of their shape in the database."""
        sides = make_sides(self._con, self._files, self._spec, self._scans)
        self._left, self._right, self._spread = sides
        for name, side in (("lk_l", self._left), ("lk_r", self._right)):
            columns = ", ".join(f"{column} {kind}" for column, kind in side.columns.items())
            self._con.execute(f"CREATE TABLE {name} ({columns})")

    def compare_equal(self, items: list[int], *, once: bool) -> None:
        """Make `lk_equal`, as `Engine` tells."""
        con = self._con
        con.execute("CREATE OR REPLACE TEMP TABLE lk_none(id BIGINT, person_key UBIGINT)")
        compare(con, self._spec, "lk_none", "lk_equal", self._rows)
        self._levels = {row[0]: row[1] for row in con.execute("DESCRIBE lk_equal").fetchall()}
        self._levels["person_key"] = "BIGINT"
        con.execute("DROP TABLE lk_none")
        pairs = None
        for i in items:
            left = self._left.frame.where(f"f{i} IS NOT NULL").select("id", f"f{i}")
            alone = f"f{i}_n = 1" if once else "true"
            right = self._right.frame.where(alone).selectExpr("id AS person_key", f"f{i}")
            same = left.join(right, f"f{i}").select("id", "person_key")
            pairs = same if pairs is None else pairs.union(same)
        if pairs is None:
            return
        pairs = self._files.keep("same", pairs.distinct())
        if self._dedupe:
            pairs = pairs.where("id < person_key")
        self._files.fetch("equal", self._compared(pairs), self._levels, "lk_equal")

    def how_common(self, keys: list[Key]) -> dict[Key, Common]:
        """Tell how common the values of keys are on the right side."""
        return candidates.count_keys(self._right, keys, self._rows)

    def compare_sample(self, rules: Rules, *, whole: bool) -> None:
        """Make `lk_compared` of `lk_sample`, as `Engine` tells."""
        con = self._con
        pairs = self._candidates("sample", "SELECT id FROM lk_sample", rules, report=whole)
        con.execute("CREATE OR REPLACE TEMP TABLE lk_compared AS FROM lk_equal LIMIT 0")
        self._files.fetch("sampled", self._compared(pairs), self._levels, "lk_compared")
        self._whole = pairs if whole else None

    def spread(self) -> list[Spread]:
        """Tell how the values of the right rows are spread; fill `lk_r` with the samples."""
        files, rows = self._files, self._rows
        ids = files.send("sampled_ids", sampled_sql(rows, "lk_raw_r", "lk_row"))
        ways = [way for way in shared_ways(self._spec) if len(way) > 1]
        if all(item.kind != "nik" for item in self._spec.compare):
            ways = []
        looking = files.send(
            "looking", f"SELECT lk_row AS id FROM lk_raw_r WHERE {looking_sql('lk_row', rows)}"
        )
        for way in ways:
            given = {name: self._right.columns[name] for name in ("id", *way)}
            everybody = self._right.frame.select(*given)
            theirs = everybody.join(looking, "id").select(*way).distinct()
            work = FindMates(way, given, rows)
            mates = everybody.join(theirs, list(way)).select(*given)
            ids = ids.union(mapped(mates, work, work.columns))
        sampled = self._right.frame.join(ids.distinct(), "id").select(*self._right.columns)
        files.fetch("samples", sampled, self._right.columns, "lk_r")
        return self._spread

    def score_rest(self, rules: Rules, scored: str) -> Iterator[tuple[int, int]]:
        """Score all at once, as `Engine` tells."""
        con = self._con
        left = int(scalar(con, "SELECT count(*) FROM lk_rest"))
        pairs = self._whole
        if pairs is None:
            pairs = self._candidates("rest", "SELECT id FROM lk_rest", rules, report=True)
            self._score("rest_scored", pairs, scored)
        else:
            con.execute(f"INSERT INTO lk_scored {scored}")
        if self._with_truth:
            truth = self._files.send("truth", f"SELECT {_PAIR} FROM lk_truth")
            met = truth.join(pairs, ["id", "person_key"], "leftsemi")
            columns = {"id": "BIGINT", "person_key": "BIGINT"}
            self._files.fetch("met", met, columns, "lk_met")
        con.execute("DROP TABLE lk_compared")
        if left:
            yield left, pairs.count()

    def score_pairs(self, pairs: str, scored: str) -> None:
        """Score the pairs of a table, as `Engine` tells."""
        self._score("near", self._files.send("near_pairs", f"SELECT {_PAIR} FROM {pairs}"), scored)

    def _candidates(self, name: str, ids: str, rules: Rules, *, report: bool) -> DataFrame:
        """Give the pairs that left rows are compared in: `id`, `person_key`."""
        files = self._files
        rows = files.send(f"{name}_ids", ids)
        if rules is None:
            left = rows
            found = candidates.every_pair(rows, self._right, dedupe=self._dedupe)
            if report:
                self._report([(0, found.count(), 0, 0)], ["every pair"])
        else:
            left = self._left.frame.join(rows, "id", "leftsemi")
            met = candidates.find_candidates(
                files, f"{name}_met", left, (self._left, self._right), rules, dedupe=self._dedupe
            )
            found = met.where("first").select("id", "person_key")
            if report:
                names = [" & ".join(key.name for key in rule) for rule in rules]
                self._report(candidates.told_of(met), names)
        # What the exact stage linked is compared too, where links do not exclude each other.
        exact = files.send(f"{name}_exact", f"SELECT {_PAIR} FROM match_exact")
        found = found.union(exact.join(rows, "id", "leftsemi")).distinct()
        return files.keep(f"{name}_pairs", found)

    def _report(self, told: list[tuple[int, int, int, int]], names: list[str]) -> None:
        """Add to `lk_report` what rules did; those that found nothing too."""
        by_rule = {row[0]: row[1:] for row in told}
        rows = ", ".join(
            f"({number}, {literal(name)}, {', '.join(map(str, by_rule.get(number, (0, 0, 0))))})"
            for number, name in enumerate(names)
        )
        if rows:
            self._con.execute(f"INSERT INTO lk_report VALUES {rows}")

    def _compared(self, pairs: DataFrame, scored: str | None = None) -> DataFrame:
        """Give the levels of pairs, or what a query over them gives."""
        columns = self._levels if scored is None else _SCORED
        left, right = self._left, self._right
        work = CompareRows(self._spec, left.columns, right.columns, self._rows, columns, scored)
        joined = (
            pairs.select("id", "person_key")
            .join(left.frame.selectExpr("id", f"struct({', '.join(left.columns)}) AS l"), "id")
            .join(
                right.frame.selectExpr(
                    "id AS person_key", f"struct({', '.join(right.columns)}) AS r"
                ),
                "person_key",
            )
            .select("id", "person_key", "l", "r")
        )
        return mapped(joined, work, columns)

    def _score(self, name: str, pairs: DataFrame, scored: str) -> None:
        self._files.fetch(name, self._compared(pairs, scored), _SCORED, "lk_scored")
