"""Reading codes that have a list behind them: vocabularies, regions, industries.

Belongs here: how a spelling or code finds its entry. Does not belong here: the lists
(sources/vocabularies.yaml, warehouse/reference).
"""

from __future__ import annotations

import re

from sources import identifiers
from sources.conforming.cells import Cell, Extra, key_name, layer_names, parsed_name
from sources.contracts import Contract, ContractColumn, Vocabulary
from warehouse.storage import literal, quote

UNKNOWN_REGION = "0000"
DEFAULT_KBLI_VINTAGE = 2020
KBLI_VINTAGES = (2020, 2025)


def vocabulary_cell(column: ContractColumn) -> Cell:
    """Closed vocabularies, by accepted spelling without case and punctuation."""
    text, parsed, value = layer_names(column)
    vocabulary = _vocabulary_of(column)
    canonical = ", ".join(literal(entry) for entry in vocabulary.values)
    return Cell(
        parsed=(
            (
                parsed,
                f"CASE WHEN {text} IN ({canonical}) THEN {text}"
                f" ELSE {_lookup(vocabulary, key_name(column.name))} END",
            ),
        ),
        keys=((key_name(column.name), _comparable(quote(column.name))),),
        value=parsed,
        flags=(("UNKNOWN_VALUE", f"{text} IS NOT NULL AND {value} IS NULL"),),
    )


def list_cell(column: ContractColumn) -> Cell:
    """Lists in one cell, by comma or semicolon, in the order of the vocabulary."""
    text, parsed, _ = layer_names(column)
    entries = f"string_split(replace({quote(column.name)}, ';', ','), ',')"
    if column.vocabulary is None:
        trimmed = f"list_transform({entries}, lambda entry: trim(entry))"
        kept = f"list_filter({trimmed}, lambda entry: entry <> '')"
        return Cell(
            parsed=((parsed, kept),), value=f"CASE WHEN len({parsed}) > 0 THEN {parsed} END"
        )
    key = key_name(column.name)
    # An empty entry, as after a trailing comma, is none; an unknown one is NULL.
    looked_up = _lookup(column.vocabulary, "entry", otherwise="WHEN '' THEN ''")
    known = ", ".join(
        f"CASE WHEN list_contains({parsed}, {literal(entry)}) THEN {literal(entry)} END"
        for entry in column.vocabulary.values
    )
    kept = f"list_filter([{known}], lambda entry: entry IS NOT NULL)"
    return Cell(
        keys=((key, f"list_transform({entries}, lambda entry: {_comparable('entry')})"),),
        parsed=(
            (
                parsed,
                f"CASE WHEN {text} IS NOT NULL THEN"
                f" list_transform({key}, lambda entry: {looked_up}) END",
            ),
        ),
        value=f"CASE WHEN {parsed} IS NOT NULL AND len({kept}) > 0 THEN {kept} END",
        flags=(("UNKNOWN_VALUE", f"{text} IS NOT NULL AND list_count({parsed}) < len({parsed})"),),
    )


def boolean_cell(column: ContractColumn) -> Cell:
    """Truth values in either language, or as 1 and 0."""
    text, parsed, value = layer_names(column)
    words = Vocabulary(
        column.name,
        {
            "true": ("1", "ya", "y", "yes", "benar"),
            "false": ("0", "tidak", "t", "n", "no", "salah"),
        },
    )
    return Cell(
        keys=((key_name(column.name), _comparable(quote(column.name))),),
        parsed=((parsed, f"try_cast({_lookup(words, key_name(column.name))} AS BOOLEAN)"),),
        value=parsed,
        flags=(("UNKNOWN_VALUE", f"{text} IS NOT NULL AND {value} IS NULL"),),
    )


def region_cell(column: ContractColumn) -> Cell:
    """Kemendagri codes with or without dots, at any level from the regency down."""
    text, parsed, value = layer_names(column)
    found = quote(f"j:{column.name}")
    return Cell(
        parsed=((parsed, identifiers.region_code4_sql(text)),),
        joins=(
            "LEFT JOIN (SELECT code, any_value(regency_code) AS regency_code"
            " FROM reference.region_codes GROUP BY code)"
            f" AS {found} ON {found}.code = p.{parsed}",
        ),
        value=f"coalesce({found}.regency_code, '{UNKNOWN_REGION}')",
        extras=(
            Extra(
                f"{column.name.removesuffix('_code')}_reported",
                "VARCHAR",
                "ID: Kode wilayah seperti dilaporkan | EN: Region code as reported",
                text,
            ),
        ),
        flags=(
            ("UNKNOWN_REGION", f"{text} IS NOT NULL AND {value} = '{UNKNOWN_REGION}'"),
            ("OLD_REGION_CODE", f"{value} <> '{UNKNOWN_REGION}' AND {value} <> {parsed}"),
        ),
    )


def kbli_cell(contract: Contract, column: ContractColumn) -> Cell:
    """Industry codes of two to five digits; the division tells the sector."""
    text, parsed, value = layer_names(column)
    found = quote(f"j:{column.name}")
    vintage = str(DEFAULT_KBLI_VINTAGE)
    if contract.column("kbli_vintage") is not None:
        vintage = f"coalesce(p.{parsed_name('kbli_vintage')}, {DEFAULT_KBLI_VINTAGE})"
    sector = Extra(
        "sector_code",
        "VARCHAR",
        "ID: Lapangan usaha menurut kode KBLI, 17 kategori Sakernas"
        " | EN: Sector told by the KBLI code, 17 Sakernas categories",
        f"{found}.sector_code",
        content=True,
    )
    return Cell(
        parsed=(
            (
                parsed,
                f"nullif(regexp_extract(regexp_replace({text}, '[.\\s-]', '', 'g'),"
                " '^[A-Va-v]?(\\d{2,5})$', 1), '')",
            ),
        ),
        joins=(
            "LEFT JOIN (SELECT kbli_vintage::SMALLINT AS kbli_vintage, division,"
            " any_value(sector_code) AS sector_code"
            " FROM reference.kbli_divisions GROUP BY ALL)"
            f" AS {found} ON {found}.kbli_vintage = {vintage}"
            f" AND {found}.division = left(p.{parsed}, 2)",
        ),
        value=f"CASE WHEN {found}.division IS NOT NULL THEN {parsed} END",
        extras=(sector,) if column.name == "kbli" else (),
        flags=(("UNKNOWN_KBLI", f"{text} IS NOT NULL AND {value} IS NULL"),),
    )


def kbli_vintage_cell(column: ContractColumn) -> Cell:
    """Edition of the industry code; 2020 where it is not told (docs/datasets.md)."""
    text, parsed, _ = layer_names(column)
    known = "|".join(map(str, KBLI_VINTAGES))
    year = f"regexp_extract({text}, '^(?i:kbli)?[ -]?({known})(\\.0)?$', 1)"
    return Cell(
        parsed=((parsed, f"try_cast(nullif({year}, '') AS SMALLINT)"),),
        value=f"coalesce({parsed}, {DEFAULT_KBLI_VINTAGE}::SMALLINT)",
        flags=(("UNKNOWN_VALUE", f"{text} IS NOT NULL AND {parsed} IS NULL"),),
    )


def _vocabulary_of(column: ContractColumn) -> Vocabulary:
    if column.vocabulary is None:
        raise ValueError(f"column {column.name} is a vocabulary without values")
    return column.vocabulary


def _comparable(text: str) -> str:
    """Give a text without case and punctuation, as vocabularies are compared."""
    return f"upper(regexp_replace({text}, '[^0-9A-Za-z\\x{{c0}}-\\x{{ffff}}]', '', 'g'))"


def _lookup(vocabulary: Vocabulary, key: str, otherwise: str = "") -> str:
    """Find the canonical value of a comparable text.

    The key must be a column: DuckDB computes an operand of CASE anew in every branch.
    """
    branches: dict[str, str] = {}
    for value, spellings in vocabulary.values.items():
        for spelling in (value, *spellings):
            branches.setdefault(re.sub(r"[\W_]", "", spelling).upper(), value)
    cases = " ".join(f"WHEN {literal(k)} THEN {literal(v)}" for k, v in branches.items() if k)
    return f"CASE {key} {cases} {otherwise} END"
