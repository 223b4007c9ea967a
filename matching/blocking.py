"""Blocking: which register people a record is compared with.

Belongs here: the rules, the caps on common keys, and the report of what was skipped. Does
not belong here: how much an agreement is worth.

Every rule is a narrow equality of keys. A key that too many register people share is capped
for that rule, and what was skipped is written down; the rules overlap, so that a common
name or date is reached by another rule together with something rarer. A record therefore
meets at most (number of rules x cap) people however large the register is.
"""

from __future__ import annotations

import re
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
    """

    name: str
    register: str
    probes: tuple[str, ...]
    cap: int
    alike: str = "true"
    only: str = "true"


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

# What the conditions on alike pairs read of a register row, beside its name.
_SEEN = ", r.name_id, r.t_first, r.t_last, r.mother_h"

RULES: tuple[Rule, ...] = (
    # A NIK with one digit wrong or two swapped keeps two of its three parts, and half the
    # third: region (6 digits), birth date (6), serial (4).
    Rule("nik_serial", *_nik("@front // 10000"), 60),
    Rule("nik_region_province", *_nik("@back % 10000000000", "@front // 100000000000000"), 60),
    Rule("nik_region_district", *_nik("@back % 10000000000", "(@back // 10000000000) % 10000"), 60),
    Rule("nik_date_year", *_nik("@front // 10000000000", "@back % 1000000"), 60),
    Rule("nik_date_day", *_nik("@front // 1000000", "@back % 10000"), 60),
    Rule("birth_first", *_dated(_STATED, "@t_first"), 60),
    Rule("birth_last", *_dated(_STATED, "@t_last"), 60),
    Rule("birth_rare", *_dated(_STATED, "@t_rare"), 60),
    Rule("birth_region", *_dated(_STATED, "@region"), 40),
    Rule("birth_mother", *_dated(_STATED, "@mother_h"), 40),
    Rule("birth_sex", *_dated(_STATED, "@sex"), 120, _ALIKE),
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
    Rule("name_place", *_both("@h_psorted", "@place"), 40, only=_UNDATED),
    Rule("joined", *_both("@h_pflat"), 25, only=_UNDATED),
    Rule("first_place", *_word("place", "@t_first"), 30, only=_UNDATED),
    Rule("last_place", *_word("place", "@t_last"), 30, only=_UNDATED),
    Rule("first_region", *_word("region", "@t_first"), 30, only=_UNDATED),
    Rule("last_region", *_word("region", "@t_last"), 30, only=_UNDATED),
    Rule("mother_place", *_both("@mother_h", "@place"), 25, _ALIKE_NAME, _UNDATED),
    Rule("mother_region", *_both("@mother_h", "@region"), 25, _ALIKE_NAME, _UNDATED),
    Rule("start_region", *_both("@start", "@region"), 200, _CLOSE, _UNDATED),
    Rule("start_place", *_both("@start", "@place"), 200, _CLOSE, _UNDATED),
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
    # A row is a pair, or a key that a rule passed over as too many people have it.
    con.execute(
        "CREATE OR REPLACE TEMP TABLE match_found"
        "(id BIGINT, person_key UBIGINT, rule UTINYINT, key UBIGINT, people BIGINT)"
    )
    con.execute(
        f"INSERT INTO match_found(id, person_key) SELECT id, nik_key FROM {records}"
        " WHERE nik_key IS NOT NULL"
    )
    for number, rule in enumerate(rules):
        con.execute(f"INSERT INTO match_found {_pairs_sql(records, number, rule)}")
    if period is not None:
        _report(con, period, lists, rules)
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE {target} AS SELECT DISTINCT id, person_key"
        " FROM match_found WHERE person_key IS NOT NULL; DROP TABLE match_found"
    )
    return int(scalar(con, f"SELECT count(*) FROM {target}"))


def _pairs_sql(records: str, number: int, rule: Rule) -> str:
    """Give the query of what a rule finds, as rows of `match_found`."""
    named = rule.alike != "true"
    # Keys that too many have go before the join, in whatever order it is done: one that
    # everybody has would make pairs of all with all.
    kept = f"h.key IN (SELECT key FROM block WHERE n <= {rule.cap})"
    people = f"(SELECT h.*, n.canon FROM hit AS h JOIN {NAMES} AS n USING (name_id) WHERE {kept})"
    return f"""
        WITH probe AS MATERIALIZED (
            SELECT DISTINCT id, key FROM (
                SELECT l.id, unnest([{", ".join(rule.probes)}]) AS key FROM {records} AS l
                WHERE {rule.only})
            WHERE key IS NOT NULL),
        hit AS MATERIALIZED (
            SELECT {rule.register} AS key, r.person_key{_SEEN if named else ""}
            FROM {PEOPLE} AS r WHERE ({rule.register}) IN (SELECT key FROM probe)),
        block AS MATERIALIZED (SELECT key, count(*) AS n FROM hit GROUP BY key)
        SELECT p.id, r.person_key, {number}, NULL, NULL
        FROM probe AS p
        JOIN {people if named else f"(SELECT h.* FROM hit AS h WHERE {kept})"} AS r USING (key)
        {f"JOIN {records} AS l USING (id)" if named else ""}
        WHERE {rule.alike}
        UNION ALL
        SELECT id, NULL, {number}, key, n FROM probe JOIN block USING (key) WHERE n > {rule.cap}
    """


def _report(
    con: duckdb.DuckDBPyConnection, period: str, lists: str, rules: tuple[Rule, ...]
) -> None:
    """Add what each rule found and passed over to `linkage.blocking_report`."""
    names = ", ".join(f"({number}, {literal(rule.name)})" for number, rule in enumerate(rules))
    con.execute(
        f"""
        INSERT INTO linkage.blocking_report
        WITH rules(rule, name) AS (VALUES {names}),
        counts AS (
            SELECT dataset, rule, count(person_key) AS pairs, count(DISTINCT key) AS keys,
                sum(people) AS skipped
            FROM match_found JOIN {lists} USING (id) WHERE rule IS NOT NULL GROUP BY ALL)
        SELECT {literal(period)}, dataset, name, coalesce(pairs, 0), coalesce(keys, 0),
            coalesce(skipped, 0)
        FROM (SELECT DISTINCT dataset FROM {lists}) CROSS JOIN rules
        LEFT JOIN counts USING (dataset, rule)
        """
    )


@dataclass(frozen=True)
class RuleOutcome:
    """What one blocking rule found for a record.

    Attributes:
        rule: its name.
        state: `no_key` (what the key is made of is missing), `nobody` (no register person
            has it), `capped` (too many have it), `unlike` (those who have it are unlike
            otherwise) or `compared`.
        missing: columns of the key that the record lacks.
        people: register people who have the key.
        cap: most people it may have.
    """

    rule: str
    state: str
    missing: list[str]
    people: int
    cap: int


def reached(con: duckdb.DuckDBPyConnection, record: str) -> list[RuleOutcome]:
    """Tell what each rule that is for such a record found for it.

    Args:
        con: the warehouse; the register has been prepared.
        record: key table of one record (`matching.keys.prepare_records`).
    """
    return [
        _outcome(con, record, rule)
        for rule in RULES
        if scalar(con, f"SELECT {rule.only} FROM {record} AS l")
    ]


def _outcome(con: duckdb.DuckDBPyConnection, record: str, rule: Rule) -> RuleOutcome:
    probes = ", ".join(rule.probes)
    sizes = [
        int(row[0])
        for row in con.execute(
            f"WITH probe AS (SELECT DISTINCT key FROM (SELECT unnest([{probes}]) AS key"
            f" FROM {record} AS l) WHERE key IS NOT NULL)"
            f" SELECT count(h.key) FROM probe LEFT JOIN (SELECT {rule.register} AS key FROM"
            f" {PEOPLE} AS r WHERE ({rule.register}) IN (FROM probe)) AS h USING (key)"
            " GROUP BY probe.key"
        ).fetchall()
    ]
    state, missing = "compared", []
    if not sizes:
        state = "no_key"
        # A second birth date and the employer's region are a help, not a want.
        used = {re.sub("^nik_(front|back)$", "nik", n) for n in re.findall(r"\bl\.(\w+)", probes)}
        used -= {"born_other", "work"}
        missing = [n for n in sorted(used) if scalar(con, f"SELECT {n} IS NULL FROM {record}")]
    elif max(sizes) == 0:
        state = "nobody"
    elif not any(0 < n <= rule.cap for n in sizes):
        state = "capped"
    elif rule.alike != "true":
        # Without the owner of its NIK, whom no rule has to find.
        one = f"(SELECT * REPLACE (NULL::UBIGINT AS nik_key) FROM {record})"
        found = find_candidates(con, one, "match_some", rules=(rule,))
        state = "compared" if found else "unlike"
    return RuleOutcome(rule.name, state, missing, sum(sizes), rule.cap)
