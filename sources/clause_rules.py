"""Rules that differ by clause: which rows of a list a clause means, and how far it obliges them.

Belongs here: reading `clauseRules` of a contract, their conditions as SQL, and the table of
them. Does not belong here: counting who is covered (warehouse/sql/coverage/60_instruction.sql),
or what a contract is otherwise (contracts.py).

A contract gives its rules in order; within a clause a row belongs to the first group whose
condition holds, and to none where none does. A clause without a rule means the whole list.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from warehouse.storage import literal, quote

OBLIGATIONS = ("wajib", "didorong", "disebut", "di_luar")
"""How far a group is obliged: `wajib` by a rule that is named, `didorong` urged, `disebut` named
by the instruction without more, `di_luar` outside it although on the list."""

WHOLE_LIST = "semua"
"""Group of a clause that means the whole list."""

_GROUP = re.compile(r"[a-z][a-z0-9_]{1,40}")
_CONDITIONS = {"in", "not_in", "above", "up_to", "given", "until", "after", "or_missing", "of"}
_RULE_KEYS = {
    "group", "clauses", "obligation", "id", "en", "where", "otherwise", "source", "confidence",
}  # fmt: skip

Refuse = Callable[[str, str], object]


@dataclass(frozen=True)
class ClauseRule:
    """One group of a list that one or more clauses mean.

    Attributes:
        clauses: the clauses.
        group: its code, unique within a clause.
        obligation: one of `OBLIGATIONS`.
        id: what it is, in Indonesian.
        en: what it is, in English.
        condition: SQL on the conformed row `r`; `true` for whatever is left. Rows of another
            dataset in force are read as `cov_in_force_<dataset>`.
        where: the same as the contract states it, in JSON; empty for whatever is left.
        reads: other datasets that the condition looks up.
        source: law, decree or instruction it rests on.
        confidence: high, medium or low.
    """

    clauses: tuple[str, ...]
    group: str
    obligation: str
    id: str
    en: str
    condition: str
    where: str
    reads: tuple[str, ...]
    source: str
    confidence: str


def read_rules(
    stated: Sequence[Mapping[str, Any]],
    clauses: Sequence[str],
    kinds: Mapping[str, str],
    refuse: Refuse,
) -> tuple[ClauseRule, ...]:
    """Read the rules of a contract.

    Args:
        stated: value of its custom property `clauseRules`.
        clauses: clauses that the contract serves.
        kinds: its columns and their kinds.
        refuse: told place and problem of a fault; raises.

    Returns:
        The rules, in their order.
    """
    rules: list[ClauseRule] = []
    seen: set[tuple[str, str]] = set()
    for number, entry in enumerate(stated, 1):
        place = f"clauseRules {number}"
        if unknown := sorted(set(entry) - _RULE_KEYS):
            refuse(place, f"has {unknown[0]!r}, which is none of {', '.join(sorted(_RULE_KEYS))}")
        group, meant = str(entry.get("group", "")), tuple(map(str, entry.get("clauses", ())))
        if not _GROUP.fullmatch(group):
            refuse(place, "needs a group of lower-case letters, digits and underscores")
        if not meant or not set(meant) <= set(clauses):
            refuse(place, "must name clauses of this contract")
        if seen & {(clause, group) for clause in meant}:
            refuse(place, f"names the group {group!r} of a clause twice")
        seen |= {(clause, group) for clause in meant}
        if entry.get("obligation") not in OBLIGATIONS:
            refuse(place, f"needs an obligation, one of {', '.join(OBLIGATIONS)}")
        for name in ("id", "en", "source"):
            if not entry.get(name):
                refuse(place, f"needs {name}")
        where = entry.get("where") or {}
        if bool(where) == bool(entry.get("otherwise")):
            refuse(place, "needs a condition under `where`, or `otherwise: true`")
        reads = tuple(c["of"]["dataset"] for c in where.values() if "of" in c)
        parts = [_condition(c, stated_, kinds, place, refuse) for c, stated_ in where.items()]
        rules.append(
            ClauseRule(
                clauses=meant,
                group=group,
                obligation=str(entry["obligation"]),
                id=str(entry["id"]),
                en=str(entry["en"]),
                condition=" AND ".join(parts) or "true",
                where=json.dumps(where, ensure_ascii=False, sort_keys=True) if where else "",
                reads=reads,
                source=str(entry["source"]),
                confidence=str(entry.get("confidence", "medium")),
            )
        )
    return tuple(rules)


def _condition(
    column: str, stated: Mapping[str, Any], kinds: Mapping[str, str], place: str, refuse: Refuse
) -> str:
    """SQL of one column's condition; it is never NULL."""
    if unknown := sorted(set(stated) - _CONDITIONS):
        refuse(place, f"{column}: {unknown[0]!r} is none of {', '.join(sorted(_CONDITIONS))}")
    if elsewhere := stated.get("of"):
        key = str(elsewhere.get("key", ""))
        if key not in kinds:
            refuse(place, f"{column}: looks up by {key!r}, which is no column of this contract")
        inner = _tests(quote(column), {k: v for k, v in stated.items() if k != "of"})
        table = f"cov_in_force_{elsewhere['dataset']}"
        return f"EXISTS (FROM {table} AS o WHERE o.record_id = r.{quote(key)} AND {inner})"
    if column not in kinds:
        refuse(place, f"{column!r} is no column of this contract")
    return _tests(f"r.{quote(column)}", stated)


def _tests(column: str, stated: Mapping[str, Any]) -> str:
    tests = []
    for name, value in stated.items():
        if name in ("in", "not_in"):
            listed = ", ".join(literal(str(entry)) for entry in value)
            tests.append(
                f"coalesce({column}{' NOT' if name == 'not_in' else ''} IN ({listed}), "
                f"{str(name == 'not_in').lower()})"
            )
        elif name in ("above", "up_to"):
            sign = ">" if name == "above" else "<="
            tests.append(f"coalesce({column} {sign} {float(value):.0f}, false)")
        elif name == "given":
            tests.append(f"{column} IS {'NOT ' if value else ''}NULL")
        elif name in ("until", "after"):
            sign = "<=" if name == "until" else ">"
            day = "getvariable('as_of')" if value == "as_of" else f"DATE {literal(str(value))}"
            missing = str(bool(stated.get("or_missing"))).lower()
            tests.append(f"coalesce({column} {sign} {day}, {missing})")
    return " AND ".join(tests) or "true"


def whole_list(clause: str, title: str, purpose: str) -> ClauseRule:
    """Give the rule of a clause that means the whole list."""
    return ClauseRule(
        (clause,), WHOLE_LIST, "disebut", title, purpose, "true", "", (), "Inpres 2/2021", "medium"
    )
