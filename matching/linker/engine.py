"""What the general way asks of an engine: the work on all rows and all pairs.

Belongs here: the operations, and what each leaves in the linkage's database. Does not belong
here: how an engine does them (embedded.py, spark/), or what is done with few rows: identifiers
judged, learning and deciding are one code on one database, whatever the engine.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from matching.linker.blocking import Common, Key
from matching.linker.chance import Spread

Rules = list[tuple[Key, ...]] | None


class Engine(Protocol):
    """One linkage's rows, and the work on all of them.

    The linkage's database has the numbers of all rows: `lk_raw_l` and `lk_raw_r` with `lk_row`;
    in a dedupe `lk_raw_r` alone. Rules are those of `matching.linker.blocking.choose_rules`,
    tables of levels those of `matching.linker.comparing.compare`.
    """

    def standardise(self) -> None:
        """Make the comparable forms of both sides."""
        ...

    def compare_equal(self, items: list[int], *, once: bool) -> None:
        """Make `lk_equal`, the levels of pairs with an identifier in common.

        Args:
            items: the comparisons that are identifiers; of none, `lk_equal` has no rows.
            once: only by values that one right row has.
        """
        ...

    def how_common(self, keys: list[Key]) -> dict[Key, Common]:
        """Tell how common the values of keys are among the right rows."""
        ...

    def compare_sample(self, rules: Rules, *, whole: bool) -> None:
        """Make `lk_compared`, the levels of the candidates of the left rows of `lk_sample`.

        Args:
            rules: by which candidates are found.
            whole: these are all rows of `lk_rest`, and reported on in `lk_report`.
        """
        ...

    def spread(self) -> list[Spread]:
        """Tell by comparison how the values of the right rows are spread.

        Afterwards `lk_r` holds at least the rows that `matching.linker.chance` samples.
        """
        ...

    def score_rest(self, rules: Rules, scored: str) -> Iterator[tuple[int, int]]:
        """Add the scored candidates of the left rows of `lk_rest` to `lk_scored`.

        Pairs of `match_exact` are candidates too. What the rules did goes into `lk_report`; where
        there is `lk_truth`, its pairs that were compared into `lk_met`.

        Args:
            rules: by which candidates are found.
            scored: query over `lk_compared`.

        Yields:
            Left rows that are done, and candidates so far.
        """
        ...

    def score_pairs(self, pairs: str, scored: str) -> None:
        """Add the pairs `id`, `person_key` of a table to `lk_scored` by a query."""
        ...
