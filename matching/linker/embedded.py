"""The engine of one machine: all rows in the linkage's own DuckDB database.

Belongs here: the operations of engine.py on `lk_l` and `lk_r`, some rows at a time. Does not
belong here: what a stage computes (standardise.py, blocking.py, comparing.py).
"""

from __future__ import annotations

from collections.abc import Iterator

import duckdb

from matching.linker import blocking, evaluating
from matching.linker.blocking import Common, Key
from matching.linker.chance import Spread, count_spread
from matching.linker.comparing import compare
from matching.linker.engine import Rules
from matching.linker.spec import Spec
from matching.linker.standardise import standardise
from warehouse.storage import scalar

# Left rows compared at a time: bounds the memory that candidates take.
CHUNK = 50_000


class Embedded:
    """One linkage in one database.

    Args:
        con: the linkage's database with the raw tables and the reference tables.
        spec: what is compared.
        rows: right rows.
        dedupe: there is one table.
        with_truth: there is `lk_truth`.
    """

    def __init__(
        self,
        con: duckdb.DuckDBPyConnection,
        spec: Spec,
        rows: int,
        *,
        dedupe: bool,
        with_truth: bool,
    ) -> None:
        self._con, self._spec, self._rows = con, spec, rows
        self._dedupe, self._with_truth = dedupe, with_truth
        self._whole = False

    def standardise(self) -> None:
        """Make `lk_l` and `lk_r`."""
        standardise(self._con, self._spec, dedupe=self._dedupe)

    def compare_equal(self, items: list[int], *, once: bool) -> None:
        """Make `lk_equal`, as `Engine` tells."""
        con = self._con
        con.execute("CREATE OR REPLACE TEMP TABLE lk_same(id BIGINT, person_key UBIGINT)")
        for i in items:
            alone = f"AND r.f{i}_n = 1" if once else ""
            order = "AND l.id < r.id" if self._dedupe else ""
            con.execute(
                f"INSERT INTO lk_same SELECT l.id, r.id FROM lk_l AS l JOIN lk_r AS r"
                f" ON l.f{i} = r.f{i} {alone} {order}"
            )
        con.execute(
            "CREATE OR REPLACE TEMP TABLE lk_same_once AS SELECT DISTINCT id, person_key"
            " FROM lk_same"
        )
        compare(con, self._spec, "lk_same_once", "lk_equal", self._rows)
        con.execute("DROP TABLE lk_same; DROP TABLE lk_same_once")

    def how_common(self, keys: list[Key]) -> dict[Key, Common]:
        """Tell how common the values of keys are in `lk_r`."""
        return {key: blocking.count_key(self._con, key, self._rows) for key in keys}

    def compare_sample(self, rules: Rules, *, whole: bool) -> None:
        """Make `lk_compared` of `lk_sample`, as `Engine` tells."""
        self._con.execute(
            "CREATE OR REPLACE TEMP TABLE lk_chunk AS FROM lk_l SEMI JOIN lk_sample USING (id)"
        )
        self._compare(rules, report=whole)
        self._whole = whole

    def spread(self) -> list[Spread]:
        """Tell how the values of `lk_r` are spread."""
        return count_spread(self._con, self._spec)

    def score_rest(self, rules: Rules, scored: str) -> Iterator[tuple[int, int]]:
        """Score chunk by chunk, as `Engine` tells."""
        con, candidates = self._con, 0
        left = int(scalar(con, "SELECT count(*) FROM lk_rest"))
        for start in range(0, left, CHUNK):
            # What all of it was learned from is compared already.
            if not self._whole:
                con.execute(
                    f"CREATE OR REPLACE TEMP TABLE lk_chunk AS SELECT l.* FROM lk_l AS l"
                    f" JOIN lk_rest AS t USING (id)"
                    f" WHERE t.place > {start} AND t.place <= {start + CHUNK}"
                )
                self._compare(rules, report=True)
            candidates += int(scalar(con, "SELECT count(*) FROM lk_candidates"))
            if self._with_truth:
                evaluating.note_compared(con, "lk_candidates")
            con.execute(f"INSERT INTO lk_scored {scored}; DROP TABLE lk_compared")
            yield min(start + CHUNK, left), candidates

    def score_pairs(self, pairs: str, scored: str) -> None:
        """Score the pairs of a table, as `Engine` tells."""
        compare(self._con, self._spec, pairs, "lk_compared", self._rows)
        self._con.execute(f"INSERT INTO lk_scored {scored}; DROP TABLE lk_compared")

    def _compare(self, rules: Rules, *, report: bool) -> None:
        """Make `lk_candidates` and `lk_compared` of the rows of `lk_chunk`."""
        con = self._con
        blocking.find_candidates(
            con, "lk_chunk", "lk_candidates", rules, dedupe=self._dedupe, report=report
        )
        # What the exact stage linked is compared too, where links do not exclude each other.
        con.execute(
            "INSERT INTO lk_candidates SELECT e.id, e.person_key FROM match_exact AS e"
            " SEMI JOIN lk_chunk AS c ON c.id = e.id"
            " ANTI JOIN lk_candidates AS t ON t.id = e.id AND t.person_key = e.person_key"
        )
        compare(con, self._spec, "lk_candidates", "lk_compared", self._rows)
