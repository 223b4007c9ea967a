"""Blocking: which register people a record is compared with.

Belongs here: the rules, the caps on common keys, and the report of what was skipped. Does
not belong here: how much an agreement is worth.

Every rule is a narrow equality of keys. A key that too many register people share is capped
for that rule, and what was skipped is written down; the rules overlap, so that a common
name or date is reached by another rule together with something rarer.

How many people a record meets does not grow with the register. For most there is somebody of
the same sounding name and birth date, whom their home, birth place or mother vouches for, and
the wide rules are spared. Others follow their keys from the rarest on, until about `MOST` people
are met.
"""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

from matching.keys import NAMES, PEOPLE
from warehouse.storage import literal, scalar


@dataclass(frozen=True)
class Rule:
    """One blocking rule.

    Attributes:
        name: as the report names it.
        register: SQL expression of the key over a register row `r`.
        probes: SQL expressions of the keys looked up for a record `l`.
        cap: most register people a key may have.
        alike: condition over `l` and `r` that a pair of a wide rule must meet as well.
        only: condition over `l`: records that the rule is for.
        wide: asked for those records alone that no settling rule found somebody for.
        settles: who is found has the record's name and birth date.
    """

    name: str
    register: str
    probes: tuple[str, ...]
    cap: int
    alike: str = "true"
    only: str = "true"
    wide: bool = True
    settles: bool = False


def _both(*parts: str) -> tuple[str, tuple[str, ...]]:
    """Give a key of the same expressions on both sides; NULL where a part is."""

    def key(side: str) -> str:
        texts = [part.replace("@", side + ".") for part in parts]
        present = " AND ".join(f"({text}) IS NOT NULL" for text in texts)
        return f"CASE WHEN {present} THEN hash({', '.join(texts)}) END"

    return key("r"), (key("l"),)


def _nik(*parts: str) -> tuple[str, tuple[str, ...]]:
    """Give a key of parts of a NIK; where a digit is lost or doubled, of its two ends."""
    register, probes = _both(*parts)
    register = register.replace("r.front", "r.nik").replace("r.back", "r.nik")
    return register, tuple(
        probe.replace("l.front", "l.nik_front").replace("l.back", "l.nik_back") for probe in probes
    )


def _dated(born: tuple[str, ...], *parts: str) -> tuple[str, tuple[str, ...]]:
    """Give a key of the register's birth date and other parts, probed with several dates."""
    register, _ = _both("@born", *parts)
    probes = []
    for date in born:
        texts = [date, *(part.replace("@", "l.") for part in parts)]
        present = " AND ".join(f"({text}) IS NOT NULL" for text in texts)
        probes.append(f"CASE WHEN {present} THEN hash({', '.join(texts)}) END")
    return register, tuple(probes)


_STATED = ("l.born", "l.born_other")
# Day and month swapped; a year before or after; ten years; the defaults for an unknown day.
_NEAR = (
    "((l.born // 10000) * 10000 + (l.born % 100) * 100 + (l.born // 100) % 100)::BIGINT",
    "((l.born + 10000) % 1000000)::BIGINT",
    "((l.born + 990000) % 1000000)::BIGINT",
    "((l.born + 100000) % 1000000)::BIGINT",
    "((l.born + 900000) % 1000000)::BIGINT",
)
_ALIKE = (
    "(jaro_winkler_similarity(l.canon, r.canon) >= 0.72 OR l.t_first IN (r.t_first, r.t_last)"
    " OR l.t_last IN (r.t_first, r.t_last) OR l.mother_h = r.mother_h)"
)


def _home(*parts: str) -> tuple[str, tuple[str, ...]]:
    """Give a key of parts and the region, of the record's home or else of its employer."""
    register, probes = _both(*parts, "@region")
    return register, (*probes, *(probe.replace("l.region", "l.work") for probe in probes))


def _word(home: str, part: str) -> tuple[str, tuple[str, ...]]:
    """Give a key of one word of the register's name and a home, probed with any of the record's."""
    register, _ = _both(part, f"@{home}")
    words = ("t_first", "t_last", "t_rare")
    return register, tuple(
        f"CASE WHEN l.{word} IS NOT NULL AND l.{home} IS NOT NULL THEN hash(l.{word}, l.{home}) END"
        for word in words
    )


_ALIKE_NAME = "(l.canon IS NULL OR jaro_winkler_similarity(l.canon, r.canon) >= 0.72)"
_CLOSE = "jaro_winkler_similarity(l.canon, r.canon) >= 0.92"

# A record without a birth date. One that has it is found by it, and would meet only strangers.
_UNDATED = "l.born IS NULL"

# Most people that the wide rules together bring a record, those of the rarest keys first. Rules
# that look at the pair itself (`alike`) bring few, and are not counted.
MOST = 60

# One of these must agree with somebody of the same name and birth date for the wide rules to be
# spared, where the record states any. Without it a namesake of the same day hid the right person
# of one settled record in 390 among ten million people.
_VOUCHING = ("region", "place_h", "mother_h")

RULES: tuple[Rule, ...] = (
    Rule("name_birth", *_dated(_STATED, "@h_pflat"), 40, wide=False, settles=True),
    Rule("words_birth", *_dated(_STATED, "@h_psorted"), 40, wide=False, settles=True),
    # A NIK with one digit wrong or two swapped keeps two of its three parts, and half the
    # third: region (6 digits), birth date (6), serial (4).
    Rule("nik_serial", *_nik("@front // 10000"), 60, wide=False),
    Rule("nik_region_province", *_nik("@back % 10000000000", "@front // 100000000000000"), 60),
    Rule("nik_region_district", *_nik("@back % 10000000000", "(@back // 10000000000) % 10000"), 60),
    Rule("nik_date_year", *_nik("@front // 10000000000", "@back % 1000000"), 60),
    Rule("nik_date_day", *_nik("@front // 1000000", "@back % 10000"), 60),
    Rule("birth_first", *_dated(_STATED, "@t_first"), 60),
    Rule("birth_last", *_dated(_STATED, "@t_last"), 60),
    Rule("birth_rare", *_dated(_STATED, "@t_rare"), 60),
    Rule("birth_region", *_dated(_STATED, "@region"), 40),
    Rule("birth_mother", *_dated(_STATED, "@mother_h"), 40),
    Rule("birth_place", *_dated(_STATED, "@place_h"), 40),
    Rule("near_birth_first", *_dated(_NEAR, "@t_first", "@t_last"), 40),
    Rule("near_birth_rare", *_dated(_NEAR, "@t_rare"), 40, _ALIKE),
    Rule("name_year", *_both("@h_pflat", "@born // 10000"), 40),
    Rule("name_day", *_both("@h_pflat", "@born % 10000"), 40),
    Rule("name_region", *_home("@h_pflat"), 40),
    Rule("name", *_both("@h_psorted"), 25),
    Rule("first_last", *_both("@t_first", "@t_last"), 25),
    Rule("ends_region_year", *_both("@t_rare", "@region", "@born // 10000"), 25),
    Rule("mother_first", *_both("@mother_h", "@t_first"), 25),
    Rule("mother_year", *_both("@mother_h", "@born // 10000"), 25),
    # Thin records state a name and one place, no date: a word of the name there, whichever
    # word was left out, cut to a letter or joined to the next.
    Rule("name_place", *_both("@h_psorted", "@place_h"), 40, only=_UNDATED),
    Rule("joined", *_both("@h_pflat"), 25, only=_UNDATED),
    Rule("first_place", *_word("place_h", "@t_first"), 30, only=_UNDATED),
    Rule("last_place", *_word("place_h", "@t_last"), 30, only=_UNDATED),
    Rule("first_region", *_word("region", "@t_first"), 30, only=_UNDATED),
    Rule("last_region", *_word("region", "@t_last"), 30, only=_UNDATED),
    Rule("mother_place", *_both("@mother_h", "@place_h"), 25, _ALIKE_NAME, _UNDATED),
    Rule("mother_region", *_both("@mother_h", "@region"), 25, _ALIKE_NAME, _UNDATED),
    Rule("start_region", *_both("@start", "@region"), 200, _CLOSE, _UNDATED),
    Rule("start_place", *_both("@start", "@place_h"), 200, _CLOSE, _UNDATED),
)  # fmt: skip


def create_report(con: duckdb.DuckDBPyConnection) -> None:
    """Create `linkage.blocking_report` where it is missing."""
    con.execute("CREATE SCHEMA IF NOT EXISTS linkage")
    con.execute(
        "CREATE TABLE IF NOT EXISTS linkage.blocking_report(period VARCHAR, dataset VARCHAR,"
        " rule VARCHAR, pairs BIGINT, capped_blocks BIGINT, skipped_pairs BIGINT)"
    )


def find_candidates(
    con: duckdb.DuckDBPyConnection,
    records: str,
    target: str,
    *,
    period: str | None = None,
    lists: str = "match_rest",
    rules: tuple[Rule, ...] = RULES,
) -> int:
    """Find the register people that each record is compared with.

    Args:
        con: the warehouse; the register has been prepared.
        records: key table of the records (`matching.keys.prepare_records`).
        target: temporary table to make: `id`, `person_key`, each pair once.
        period: where given, the rules' counts are added to `linkage.blocking_report`.
        lists: relation `id`, `dataset`: which dataset the report names for a record.
        rules: the rules to apply.

    Returns:
        The number of pairs.
    """
    probe(con, records, rules)
    follow(con, records, rules)
    if period is not None:
        _report(con, period, lists, rules)
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE {target} AS
        SELECT id, person_key FROM match_found
        UNION SELECT id, nik_key FROM {records} WHERE nik_key IS NOT NULL;
        DROP TABLE match_found; DROP TABLE match_probes; DROP TABLE match_hits;
        """
    )
    return int(scalar(con, f"SELECT count(*) FROM {target}"))


def probe(con: duckdb.DuckDBPyConnection, records: str, rules: tuple[Rule, ...]) -> None:
    """Look up the keys of the records, and choose which of them are followed.

    Makes temporary tables `match_probes` (`id`, `rule`, `key`, `n` people who have it, `kept`)
    and `match_hits` (`rule`, `key`, `person_key`) of keys that no more people have than may.
    """
    con.execute(
        """
        CREATE OR REPLACE TEMP TABLE match_probes
        (id BIGINT, rule UTINYINT, key UBIGINT, n BIGINT, kept BOOLEAN);
        CREATE OR REPLACE TEMP TABLE match_hits(rule UTINYINT, key UBIGINT, person_key UBIGINT);
        """
    )
    _look_up(con, records, {n: rule for n, rule in enumerate(rules) if not rule.wide})
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE match_open AS FROM {records}"
        f" WHERE id NOT IN ({settled_sql(records, rules)})"
    )
    _look_up(con, "match_open", {n: rule for n, rule in enumerate(rules) if rule.wide})
    facts = ", ".join(
        f"({number}, {rule.cap}, {rule.wide and rule.alike == 'true'})"
        for number, rule in enumerate(rules)
    )
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE match_probes AS
        SELECT id, rule, key, n, n <= cap AND (NOT counts OR upto <= {MOST}) AS kept
        FROM (SELECT *, coalesce(sum(n) FILTER (counts AND n <= cap)
                OVER (PARTITION BY id ORDER BY n, rule, key), 0) AS upto
            FROM match_probes JOIN (VALUES {facts}) AS f(rule, cap, counts) USING (rule));
        DROP TABLE match_open; DROP TABLE IF EXISTS match_asked; DROP TABLE IF EXISTS match_hit;
        """
    )


def _look_up(con: duckdb.DuckDBPyConnection, records: str, rules: dict[int, Rule]) -> None:
    """Add the keys that some rules look up, and the people who have them."""
    if not rules:
        return
    # Two keys of a rule may be the same.
    asked = " UNION ALL ".join(
        f"SELECT {'DISTINCT ' if len(rule.probes) > 1 else ''}{number}::UTINYINT AS rule, id, key"
        f" FROM (SELECT l.id, unnest([{', '.join(rule.probes)}]) AS key FROM {records} AS l"
        f" WHERE {rule.only}) WHERE key IS NOT NULL"
        for number, rule in rules.items()
    )
    con.execute(f"CREATE OR REPLACE TEMP TABLE match_asked AS {asked}")
    some = con.execute("SELECT DISTINCT rule FROM match_asked ORDER BY 1").fetchall()
    for number, rule in ((row[0], rules[row[0]]) for row in some):
        mine = f"match_asked WHERE rule = {number}"
        con.execute(
            f"""
            CREATE OR REPLACE TEMP TABLE match_hit AS
            SELECT {rule.register} AS key, r.person_key FROM {PEOPLE} AS r
            WHERE ({rule.register}) IN (SELECT key FROM {mine});
            INSERT INTO match_probes
            SELECT id, {number}, key, n, false FROM (SELECT id, key FROM {mine})
            JOIN (SELECT key, count(*) AS n FROM match_hit GROUP BY key) USING (key);
            -- Keys that too many have go before any join: one that everybody has would make pairs
            -- of all with all.
            INSERT INTO match_hits
            SELECT {number}, key, person_key FROM match_hit WHERE key IN
                (SELECT key FROM match_probes WHERE rule = {number} AND n <= {rule.cap});
            """
        )


def settled_sql(records: str, rules: tuple[Rule, ...]) -> str:
    """Give the query of the records that a settling rule found somebody for.

    Of the record's home, birth place and mother one must agree, or none be stated.
    """
    settling = [str(number) for number, rule in enumerate(rules) if rule.settles]
    if not settling:
        return "SELECT NULL::BIGINT WHERE false"
    same = " OR ".join(f"l.{name} = r.{name}" for name in _VOUCHING)
    silent = " AND ".join(f"l.{name} IS NULL" for name in _VOUCHING)
    return f"""
        SELECT DISTINCT id FROM match_probes AS p JOIN match_hits AS h USING (rule, key)
        JOIN {records} AS l USING (id) JOIN {PEOPLE} AS r USING (person_key)
        WHERE rule IN ({", ".join(settling)}) AND ({same} OR {silent})
    """


def follow(con: duckdb.DuckDBPyConnection, records: str, rules: tuple[Rule, ...]) -> None:
    """Make `match_found` (`id`, `rule`, `person_key`): the people behind the keys kept."""
    wary = {number: rule for number, rule in enumerate(rules) if rule.alike != "true"}
    con.execute(
        "CREATE OR REPLACE TEMP TABLE match_found AS SELECT id, rule, person_key"
        " FROM match_probes JOIN match_hits USING (rule, key) WHERE kept"
    )
    if not wary:
        return
    numbers = ", ".join(map(str, wary))
    alike = " ".join(f"WHEN {number} THEN {rule.alike}" for number, rule in wary.items())
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE match_alike AS
        WITH doubtful AS MATERIALIZED (SELECT * FROM match_found WHERE rule IN ({numbers})),
        seen AS (SELECT p.person_key, p.t_first, p.t_last, p.mother_h, n.canon
            FROM (SELECT * FROM {PEOPLE} WHERE person_key IN (SELECT person_key FROM doubtful)) AS p
            JOIN {NAMES} AS n USING (name_id))
        SELECT d.* FROM doubtful AS d JOIN {records} AS l USING (id)
        JOIN seen AS r USING (person_key) WHERE CASE rule {alike} END;
        DELETE FROM match_found WHERE rule IN ({numbers});
        INSERT INTO match_found FROM match_alike;
        DROP TABLE match_alike;
        """
    )


def _report(
    con: duckdb.DuckDBPyConnection, period: str, lists: str, rules: tuple[Rule, ...]
) -> None:
    """Add what each rule found and passed over to `linkage.blocking_report`."""
    names = ", ".join(f"({number}, {literal(rule.name)})" for number, rule in enumerate(rules))
    con.execute(
        f"""
        INSERT INTO linkage.blocking_report
        WITH rules(rule, name) AS (VALUES {names}),
        found AS (SELECT dataset, rule, count(*) AS pairs
            FROM match_found JOIN {lists} USING (id) GROUP BY ALL),
        passed AS (SELECT dataset, rule, count(DISTINCT key) AS keys, sum(n) AS skipped
            FROM match_probes JOIN {lists} USING (id) WHERE NOT kept GROUP BY ALL)
        SELECT {literal(period)}, dataset, name, coalesce(pairs, 0), coalesce(keys, 0),
            coalesce(skipped, 0)
        FROM (SELECT DISTINCT dataset FROM {lists}) CROSS JOIN rules
        LEFT JOIN found USING (dataset, rule) LEFT JOIN passed USING (dataset, rule)
        """
    )
