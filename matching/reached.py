"""What blocking found for one record, rule by rule: for those who ask why it has no link.

Belongs here: the outcome of each rule. Does not belong here: the rules (blocking), or how the
outcome is told (explaining, the command line).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import duckdb

from matching.blocking import RULES, Rule, follow, probe, settled_sql
from warehouse.storage import scalar


@dataclass(frozen=True)
class RuleOutcome:
    """What one blocking rule found for a record.

    Attributes:
        rule: its name.
        state: `no_key` (what the key is made of is missing), `spared` (somebody of the same
            name and birth date was found before), `nobody` (no register person has it),
            `capped` (too many have it), `enough` (keys that fewer have brought enough people),
            `unlike` (those who have it are unlike otherwise) or `compared`.
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
    probe(con, record, RULES)
    settled = bool(con.execute(settled_sql(record, RULES)).fetchall())
    follow(con, record, RULES)
    outcomes = [
        _outcome(con, record, number, rule, settled=settled)
        for number, rule in enumerate(RULES)
        if scalar(con, f"SELECT {rule.only} FROM {record} AS l")
    ]
    con.execute("DROP TABLE match_found; DROP TABLE match_probes; DROP TABLE match_hits")
    return outcomes


def _outcome(
    con: duckdb.DuckDBPyConnection, record: str, number: int, rule: Rule, *, settled: bool
) -> RuleOutcome:
    probes = ", ".join(rule.probes)
    keys = scalar(
        con,
        "SELECT count(DISTINCT key) FROM (SELECT unnest([" + probes + f"]) AS key FROM {record}"
        " AS l)",
    )
    people, few, kept, found = con.execute(
        f"SELECT coalesce(sum(n), 0)::BIGINT, count(*) FILTER (n <= {rule.cap}),"
        f" count(*) FILTER (kept), (SELECT count(*) FROM match_found WHERE rule = {number})"
        f" FROM match_probes WHERE rule = {number}"
    ).fetchall()[0]
    missing: list[str] = []
    if not keys:
        state = "no_key"
        # A second birth date and the employer's region are a help, not a want.
        used = {re.sub("^nik_(front|back)$", "nik", n) for n in re.findall(r"\bl\.(\w+)", probes)}
        used -= {"born_other", "work"}
        missing = [n for n in sorted(used) if scalar(con, f"SELECT {n} IS NULL FROM {record}")]
    elif rule.wide and settled:
        state = "spared"
    elif not people:
        state = "nobody"
    elif not kept:
        state = "enough" if few else "capped"
    else:
        state = "compared" if found else "unlike"
    return RuleOutcome(rule.name, state, missing, int(people), rule.cap)
