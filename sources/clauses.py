"""The page that goes through the instruction clause by clause, and which clauses lists serve.

Belongs here: joining contracts with the clauses and addressees of the reference tables. Does not
belong here: what a contract or a rule means (contracts.py, clause_rules.py).
"""

from __future__ import annotations

from collections.abc import Mapping

from sources.clause_rules import WHOLE_LIST
from sources.contracts import Contract
from warehouse.reference import reference_rows

_OPENING = """\
# The instruction, clause by clause

Which clause of Inpres 2/2021 (second dictum) each dataset serves, and who answers for it, in 2021
and now. This page is written from the contracts and the reference tables `clauses`, `addressees`
and `addressee_agencies` (`cakupan contracts clauses > docs/clauses.md`). The subjects are in our
own words: the instruction itself is authoritative.

Figures stand in `coverage.gap_by_instruction`, a row for each clause, dataset and province, and in
`coverage.gap_by_group`, where a clause means only a part of a list or obliges its parts in
different degrees: **wajib** by a rule that is named, **didorong** (urged), **disebut** (named by
the instruction without more), **di luar** (on the list, but outside the clause, and so in the
second table alone). Of a list of businesses, the people counted are those who work for them; of
one with owners, the owners.
"""
_KIND_TABLES = {
    "project": "`coverage.construction_cover`",
    "population": "the person spine, which every list is linked to",
    "membership": "every coverage table",
}


def named_clauses() -> tuple[str, ...]:
    """Give the clauses that name a group of workers or businesses, in their order."""
    return tuple(row["clause"] for row in reference_rows("clauses") if row["names_group"] == "true")


def clauses_page(contracts: Mapping[str, Contract]) -> str:
    """Render the clauses as one Markdown page.

    Args:
        contracts: by key.

    Returns:
        The page, ending in a newline.
    """
    clauses = reference_rows("clauses")
    parts = [_OPENING.strip()]
    for addressee in reference_rows("addressees"):
        number = addressee["addressee_id"]
        own = [row for row in clauses if row["addressee_id"] == number]
        parts.append(f"## {number}. {addressee['addressee']}")
        parts.append(_agencies(number))
        parts += [_clause(row, contracts) for row in own]
    return "\n\n".join(part for part in parts if part) + "\n"


def _agencies(number: str) -> str:
    lines = ["| agency | part | task | from | until | source |", "|---|---|---|---|---|---|"]
    lines += [
        f"| {row['agency']} | {row['role']} | {row['scope']} | {row['valid_from']} | "
        f"{row['valid_to'] or 'today'} | {row['source']} |"
        for row in reference_rows("addressee_agencies")
        if row["addressee_id"] == number
    ]
    return "\n".join(lines)


def _clause(row: Mapping[str, str], contracts: Mapping[str, Contract]) -> str:
    clause = row["clause"]
    head = f"### {clause}: {row['subject_en']}\n\n*{row['subject']}.*"
    serving = [contract for contract in contracts.values() if clause in contract.clauses]
    if not serving:
        return f"{head} It names no group: served by extracts and reports, not by a list."
    lines = [head, "", "| dataset | provider now | in 2021 | where it shows | groups |"]
    lines.append("|---|---|---|---|---|")
    for contract in serving:
        table = _KIND_TABLES.get(contract.kind, "`coverage.gap_by_instruction`")
        if contract.kind == "employer":
            table += ", `coverage.employer_compliance`"
        groups = "; ".join(
            f"{rule.en} (**{rule.obligation.replace('_', ' ')}**; {rule.source})"
            for rule in contract.rules_of(clause)
            if rule.group != WHOLE_LIST
        )
        lines.append(
            f"| [`{contract.key}`](datasets.md#{contract.key}) | {contract.provider} | "
            f"{contract.former_provider or 'the same'} | {table} | {groups or 'the whole list'} |"
        )
    return "\n".join(lines)
