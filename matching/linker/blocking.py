"""Which rows are compared: narrow keys, capped, chosen by how common their values are.

Belongs here: the keys of each kind, the default rules, caps and budgets, and the report of
what was skipped. Does not belong here: how much an agreement is worth.

A key is what a value of one comparison gives to find others by: the whole name, its first
word, half an identifier, the month and day of a date. The default rules are every key alone,
then keys of two and three different comparisons together, as far as so many rows as they
bring together on the average are few. A key that more than `CAP` rows share is skipped for
that rule and written down; narrow rules come first, and a row that has found `BUDGET`
candidates looks no further. So candidates per row do not grow with the tables.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass

import duckdb

from matching.linker.spec import NAMES, Spec
from warehouse.storage import scalar

CAP = 50
BUDGET = 250
# So few pairs are compared all of them.
EVERYTHING = 1_000_000
# Rules of two keys for each two comparisons, and rules in all.
PER_COMPARISONS = 6
MOST_RULES = 44


@dataclass(frozen=True)
class Key:
    """What rows are found by.

    Attributes:
        item: number of the comparison.
        name: as reports call it.
        sql: over a row `@`; NULL where it has none.
    """

    item: int
    name: str
    sql: str


@dataclass(frozen=True)
class Common:
    """How common a key's values are among the right rows.

    Attributes:
        chance: that two rows have the same value.
        under: share of the rows with a value that at most `CAP` rows have.
    """

    chance: float
    under: float


def keys_of(spec: Spec, i: int) -> tuple[Key, ...]:
    """Give the keys of a comparison, the one of the whole value first."""
    item, label = spec.compare[i], spec.compare[i].label
    f = f"@f{i}"

    def key(name: str, sql: str) -> Key:
        return Key(i, f"{label}{' ' if name else ''}{name}", sql)

    if item.kind in NAMES:
        return (
            key("", f"{f}_h_psorted"),
            key("unspaced", f"{f}_h_pflat"),
            key("rarest word", f"{f}_t_rare"),
            key("first word", f"{f}_t_first"),
            key("last word", f"{f}_t_last"),
            key("first and last word", f"hash({f}_t_first, {f}_t_last)"),
        )
    if item.kind == "nik":
        return (
            key("", f),
            key("region and date", f"left({f}, 12)"),
            key("province, date and serial", f"left({f}, 2) || right({f}, 10)"),
            key("district, date and serial", f"substr({f}, 3, 14)"),
            key("region, year and serial", f"left({f}, 6) || right({f}, 6)"),
            key("region, day and serial", f"left({f}, 10) || right({f}, 4)"),
        )
    if item.kind in ("npwp", "identifier"):
        half = f"(length({f}) + 1) // 2"
        return (
            key("", f),
            key("first half", f"CASE WHEN length({f}) >= 6 THEN left({f}, {half}) END"),
            key("second half", f"CASE WHEN length({f}) >= 6 THEN right({f}, {half}) END"),
        )
    if item.kind == "date":
        first, second = f"{f} // 100 % 100", f"{f} % 100"
        either = f"least({first}, {second}) * 100 + greatest({first}, {second})"
        return (
            # Whichever of them is the day.
            key("", f"{f} // 10000 * 10000 + {either}"),
            key("year", f"{f} // 10000"),
            key("day and month", either),
        )
    return (key("", f),)


def _for_pairs(spec: Spec, i: int) -> tuple[Key, ...]:
    """Give the keys of a comparison that go together with another's."""
    keys = keys_of(spec, i)
    if spec.compare[i].kind in NAMES:
        return (keys[0], *keys[2:5])
    return keys if spec.compare[i].kind == "date" else keys[:1]


def hash_sql(keys: tuple[Key, ...], side: str) -> str:
    """Give SQL of what rows of a side are found by under a rule; NULL where a part is missing."""
    texts = [key.sql.replace("@", side + ".") for key in keys]
    present = " AND ".join(f"({text}) IS NOT NULL" for text in texts)
    return f"CASE WHEN {present} THEN hash({', '.join(texts)}) END"


def choose_rules(
    spec: Spec, left: int, rows: int, how_common: Callable[[list[Key]], dict[Key, Common]]
) -> list[tuple[Key, ...]] | None:
    """Give the rules, narrow ones first: the specification's, or those that fit the data.

    Args:
        spec: what is compared.
        left: left rows that are to find candidates.
        rows: right rows.
        how_common: tells of keys how common their values are among the right rows.

    Returns:
        The rules; None where the tables are so small that every pair is compared.
    """
    if spec.blocking is not None:
        rules: list[tuple[Key, ...]] = []
        for number in range(len(spec.blocking)):
            items = spec.rule(number)
            several = len(items) > 1
            keys = [
                (keys_of(spec, i)[3:5] if several else keys_of(spec, i)[:2])
                if spec.compare[i].kind in NAMES
                else keys_of(spec, i)[:1]
                for i in items
            ]
            rules += list(itertools.product(*keys))
        return rules
    if left * rows <= EVERYTHING:
        return None
    known = how_common([key for i in range(len(spec.compare)) for key in keys_of(spec, i)])
    narrow = {key for key in known if known[key].under >= 0.98}
    expected: dict[tuple[Key, ...], float] = {
        (key,): rows * known[key].chance for key in known if known[key].under >= 0.02
    }
    # Together with another, a key that is narrow alone finds nothing more.
    parts = {
        i: [key for key in _for_pairs(spec, i) if key not in narrow and known[key].chance > 0]
        for i in range(len(spec.compare))
    }
    for i, j in itertools.combinations(parts, 2):
        ways = {
            (a, b): rows * known[a].chance * known[b].chance
            for a, b in itertools.product(parts[i], parts[j])
        }
        fitting = [(n, pair) for pair, n in ways.items() if n <= CAP]
        fitting.sort(key=lambda way: way[0])
        expected |= {pair: n for n, pair in fitting[:PER_COMPARISONS]}
    expected |= _threes(spec, rows, known, parts)
    order = sorted(expected, key=lambda rule: (len(rule) > 1, expected[rule]))
    return sorted(order[:MOST_RULES], key=lambda rule: expected[rule])


def _threes(
    spec: Spec, rows: int, known: dict[Key, Common], parts: dict[int, list[Key]]
) -> dict[tuple[Key, ...], float]:
    """Give rules of a name's word and two wide keys, where two together bring too many."""
    wide = [
        key
        for i, keys in parts.items()
        for key in keys
        if spec.compare[i].kind not in NAMES and known[key].chance > 0.002
    ]
    found = {}
    for i, keys in parts.items():
        if spec.compare[i].kind in NAMES and keys:
            words = [key for key in keys if key.name.endswith(("rarest word", "first word"))]
            for word, (a, b) in itertools.product(words, itertools.combinations(wide, 2)):
                n = rows * known[word].chance * known[a].chance * known[b].chance
                least = rows * known[word].chance * min(known[a].chance, known[b].chance)
                if a.item != b.item and n <= CAP < least:
                    found[word, a, b] = n
    return dict(sorted(found.items(), key=lambda rule: rule[1])[:8])


def how_common(squares: float, under: float, known: float, rows: int) -> Common:
    """Tell how common a key's values are.

    Args:
        squares: over its values, the sum of the squared numbers of right rows that have them.
        under: right rows whose value at most `CAP` rows have.
        known: right rows that have a value.
        rows: right rows.
    """
    return Common(squares / max(rows, 1) ** 2, under / known if known else 1.0)


def count_key(con: duckdb.DuckDBPyConnection, key: Key, rows: int) -> Common:
    """Tell how common the values of a key are in `lk_r`, which has so many rows."""
    squares, under, known = con.execute(
        f"SELECT coalesce(sum(n::DOUBLE * n), 0), coalesce(sum(n) FILTER (n <= {CAP}), 0),"
        f" coalesce(sum(n), 0) FROM (SELECT count(*) AS n FROM lk_r AS r"
        f" WHERE ({hash_sql((key,), 'r')}) IS NOT NULL GROUP BY {hash_sql((key,), 'r')})"
    ).fetchall()[0]
    return how_common(squares, under, known, rows)


def create_report(con: duckdb.DuckDBPyConnection) -> None:
    """Create the report `lk_report` anew."""
    con.execute(
        "CREATE OR REPLACE TEMP TABLE lk_report(position INTEGER, rule VARCHAR, pairs BIGINT,"
        " capped_blocks BIGINT, skipped_pairs BIGINT)"
    )


def find_candidates(
    con: duckdb.DuckDBPyConnection,
    records: str,
    target: str,
    rules: list[tuple[Key, ...]] | None,
    *,
    dedupe: bool,
    report: bool = True,
) -> int:
    """Find the right rows that each left row is compared with.

    Args:
        con: the linkage's database with `lk_r`.
        records: rows of `lk_l`.
        target: temporary table to make: `id`, `person_key`, each pair once; in a dedupe
            `id < person_key`.
        rules: from `choose_rules`; None for every pair.
        dedupe: there is one table.
        report: add to `lk_report`.

    Returns:
        The number of pairs.
    """
    order = "AND p.id < h.person_key" if dedupe else ""
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE {target}(id BIGINT, person_key UBIGINT);"
        "CREATE OR REPLACE TEMP TABLE lk_full(id BIGINT)"
    )
    if rules is None:
        con.execute(
            f"INSERT INTO {target} SELECT p.id, h.id FROM {records} AS p JOIN lk_r AS h"
            f" ON true {order.replace('person_key', 'id')}"
        )
        if report:
            con.execute(
                f"INSERT INTO lk_report SELECT 0, 'every pair', count(*), 0, 0 FROM {target}"
            )
    for position, rule in enumerate(rules or ()):
        con.execute(
            f"""
            CREATE OR REPLACE TEMP TABLE lk_probe AS
            SELECT id, {hash_sql(rule, "l")} AS key FROM {records} AS l
            WHERE ({hash_sql(rule, "l")}) IS NOT NULL AND id NOT IN (FROM lk_full);
            CREATE OR REPLACE TEMP TABLE lk_hit AS
            SELECT {hash_sql(rule, "r")} AS key, r.id::UBIGINT AS person_key FROM lk_r AS r
            WHERE ({hash_sql(rule, "r")}) IN (SELECT key FROM lk_probe);
            CREATE OR REPLACE TEMP TABLE lk_block AS
            SELECT key, count(*) AS n FROM lk_hit GROUP BY key;
            CREATE OR REPLACE TEMP TABLE lk_more AS
            SELECT p.id, h.person_key FROM lk_probe AS p JOIN lk_block AS b USING (key)
            JOIN lk_hit AS h ON h.key = b.key {order} WHERE b.n <= {CAP};
            INSERT INTO {target} SELECT m.* FROM lk_more AS m
            ANTI JOIN {target} AS t ON t.id = m.id AND t.person_key = m.person_key;
            """
        )
        if report:
            con.execute(
                f"INSERT INTO lk_report SELECT ?, ?, (SELECT count(*) FROM lk_more),"
                f" count(DISTINCT key), coalesce(sum(n), 0)"
                f" FROM lk_probe JOIN lk_block USING (key) WHERE n > {CAP}",
                [position, " & ".join(key.name for key in rule)],
            )
        con.execute(
            f"INSERT INTO lk_full SELECT id FROM {target} WHERE id NOT IN (FROM lk_full)"
            f" GROUP BY id HAVING count(*) >= {BUDGET}"
        )
    con.execute(
        "DROP TABLE lk_full; DROP TABLE IF EXISTS lk_probe; DROP TABLE IF EXISTS lk_hit;"
        " DROP TABLE IF EXISTS lk_block; DROP TABLE IF EXISTS lk_more"
    )
    return int(scalar(con, f"SELECT count(*) FROM {target}"))
