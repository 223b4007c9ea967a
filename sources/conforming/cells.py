"""What the SQL of one conformed column consists of, and its text as delivered.

Belongs here: the parts of a cell's SQL, the names of its layers, and the cleaning of text.
Does not belong here: how the kinds are read (values.py, codes.py, identifiers in kinds.py).

A column passes through layers of one query, because DuckDB keeps nested projections apart
and so computes each expression once:

    trimmed   "<name>"            text without surrounding blanks
    cleaned   "c:<name>"          the same, NULL where it says nothing
    parsed    "p:<name>..."       read, not yet judged
    judged    "<name>", extras    canonical value; then flags over all of them
"""

from __future__ import annotations

from dataclasses import dataclass

from sources.contracts import ContractColumn
from warehouse.storage import literal, quote

NUMBERS = ("money", "integer", "persons", "number", "rate")
"""Kinds whose values are numbers."""

# Blanks of every kind that spreadsheets and web forms leave around a value: ASCII ones,
# no-break spaces, zero-width ones and the byte order mark.
_BLANKS = " \t\r\n\v\f\u00a0\u2007\u202f\u200b\ufeff"


@dataclass(frozen=True)
class Extra:
    """A conformed column that a contract column brings with it.

    Attributes:
        name: its name.
        sql_type: its DuckDB type.
        comment: its comment in both languages.
        value: expression over the parsed layer.
        content: whether it counts as content of the row (and so enters `row_hash`).
    """

    name: str
    sql_type: str
    comment: str
    value: str
    content: bool = False


@dataclass(frozen=True)
class Cell:
    """The SQL of one contract column.

    Attributes:
        keys: expressions over the trimmed layer that are looked up in the next, by alias.
        parsed: expressions over the cleaned layer, by alias.
        joins: LEFT JOINs to the parsed layer `p`, each finding one row at most.
        value: canonical value, over the parsed layer and the joins.
        extras: further conformed columns.
        flags: reason code and condition, over all layers, of cells kept as missing or
            doubtful. A condition that is NULL does not hold.
    """

    value: str
    keys: tuple[tuple[str, str], ...] = ()
    parsed: tuple[tuple[str, str], ...] = ()
    joins: tuple[str, ...] = ()
    extras: tuple[Extra, ...] = ()
    flags: tuple[tuple[str, str], ...] = ()


def cleaned_name(column: str) -> str:
    """Name of a column in the cleaned layer, quoted."""
    return quote(f"c:{column}")


def parsed_name(column: str, part: str = "") -> str:
    """Name of a column in the parsed layer, quoted."""
    return quote(f"p:{column}{':' if part else ''}{part}")


def key_name(column: str) -> str:
    """Name of a column's comparable form, beside the cleaned layer, quoted."""
    return quote(f"k:{column}")


def trim_sql(column: ContractColumn) -> str:
    """Give the landed text without the blanks around it."""
    return f"trim({quote(column.name)}, {literal(_BLANKS)})"


def clean_sql(column: ContractColumn) -> str:
    """Give the cleaned text of a trimmed column, NULL where it says nothing.

    Null texts of the contract are compared without case, so `null` is `NULL`.
    """
    text = quote(column.name)
    kept = text
    if column.kind in ("text", "name"):
        # Composed letters and single blanks, so that equal texts are equal.
        odd = f"regexp_matches({text}, '[\\s\\x{{a0}}]{{2}}|[\\t\\r\\n\\x{{a0}}]')"
        single = f"regexp_replace({text}, '[\\s\\x{{a0}}]+', ' ', 'g')"
        kept = f"nfc_normalize(CASE WHEN {odd} THEN {single} ELSE {text} END)"
    elif column.kind in NUMBERS:
        # `Rp 5.000.000,-` is an amount; a plus sign in front of a number says nothing.
        bare = f"regexp_replace({text}, '(?i)^(rp|idr)[.\\s]*|[.,]-+$|^\\+|\\s', '', 'g')"
        kept = f"CASE WHEN regexp_full_match({text}, '\\d+') THEN {text} ELSE {bare} END"
    nulls = sorted({null.strip().upper() for null in column.null_texts} | {""})
    # Compared one by one: DuckDB turns a longer IN list into a join.
    says_nothing = " OR ".join(f"upper({text}) = {literal(null)}" for null in nulls)
    longest = max(len(null) for null in nulls)
    return (
        f"CASE WHEN length({text}) > {longest} THEN {kept} WHEN {says_nothing} THEN NULL "
        f"ELSE {kept} END"
    )


def layer_names(column: ContractColumn) -> tuple[str, str, str]:
    """Give the column's names in the three layers: cleaned, parsed, judged."""
    return cleaned_name(column.name), parsed_name(column.name), quote(column.name)
