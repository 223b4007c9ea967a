"""The page of datasets, written from the contracts.

Belongs here: rendering contracts for people to read. Does not belong here: what contracts
mean (contracts.py).
"""

from __future__ import annotations

from collections.abc import Mapping

from sources.contracts import Contract, ContractColumn

_OPENING = """\
# Datasets

What the pipeline takes in. This page is written from the contracts
(`cakupan contracts page > docs/datasets.md`); [contracts](contracts.md) tells how to add one.

A delivery lies in `inbox/<dataset>/<YYYY-MM>/` as CSV, CSV.gz, Parquet or XLSX, several files if
need be, or is read from a database ([how data arrives](guides/sources.md)). Header case,
surrounding blanks and order do not matter. Identifiers are text, dates ISO 8601.

**Bold** columns must be there. Of those, the key and the name must have a value in every row.
"""


def catalogue(contracts: Mapping[str, Contract]) -> str:
    """Render contracts as one Markdown page.

    Args:
        contracts: by key, in the order in which they are to stand.

    Returns:
        The page, ending in a newline.
    """
    overview = [
        "| dataset | what it is | provider | clause | one row is | stands in for later ones |",
        "|---|---|---|---|---|---|",
        *(
            f"| [`{c.key}`](#{c.key}) | {c.title} | {c.provider} | {', '.join(c.clauses)} | "
            f"{c.kind} | {c.max_age_months} mo. |"
            for c in contracts.values()
        ),
    ]
    parts = [_OPENING, "\n".join(overview), *(_dataset(c) for c in contracts.values())]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _dataset(contract: Contract) -> str:
    facts = [contract.purpose]
    if contract.sector:
        facts.append(f"All its rows belong to sector {contract.sector}.")
    if contract.cardinality == "one_to_one":
        facts.append("It names each person once.")
    if contract.former_provider:
        facts.append(f"In 2021 its provider was {contract.former_provider}.")
    if contract.lists_owners:
        facts.append("The owners it names are linked to the register too.")
    rows = ["| column | meaning | kind | personal data |", "|---|---|---|---|"]
    rows += [_column(column) for column in contract.columns]
    basis = f"Legal basis: {'; '.join(contract.legal_basis)}." if contract.legal_basis else ""
    parts = [f"## {contract.key}", " ".join(facts), basis, "\n".join(rows)]
    return "\n\n".join(part for part in parts if part)


def _column(column: ContractColumn) -> str:
    name = f"**{column.name}**" if column.required else column.name
    kind = column.kind
    if column.is_key:
        kind += ", key"
    if column.vocabulary:
        kind += f": {', '.join(column.vocabulary.values)}"
    pii = column.pii if column.pii != "none" else ""
    return f"| {name} | {column.meaning.en} | {kind} | {pii} |"
