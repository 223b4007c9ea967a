"""The SQL of a contract's column, by its kind.

Belongs here: which reading a kind gets, and the kinds that sources/identifiers.py or plain
text settle. Does not belong here: the readings themselves.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

from sources import identifiers
from sources.conforming import codes, values
from sources.conforming.cells import NUMBERS, Cell, Extra, cleaned_name, parsed_name
from sources.contracts import Contract, ContractColumn
from warehouse.storage import quote


def cell(contract: Contract, column: ContractColumn, as_of: dt.date) -> Cell:
    """Give the SQL of one column.

    Args:
        contract: the dataset's contract.
        column: one of its columns.
        as_of: last day of the delivery's period; dates are judged against it.
    """
    if column.kind == "date":
        return values.date_cell(contract, column, as_of)
    if column.kind == "period":
        return values.period_cell(contract, column, as_of)
    if column.kind in NUMBERS:
        return values.number_cell(contract, column)
    if column.kind == "kbli":
        return codes.kbli_cell(contract, column)
    return _BUILDERS.get(column.kind, _text)(column)


def _text(column: ContractColumn) -> Cell:
    return Cell(value=cleaned_name(column.name))


def _identifier(column: ContractColumn) -> Cell:
    """An opaque key; the apostrophe that makes a spreadsheet keep it as text goes."""
    text = cleaned_name(column.name)
    return Cell(value=f"nullif(ltrim({text}, '''’ '), '')")


def _settled(read: Callable[[str], str]) -> Callable[[ContractColumn], Cell]:
    """Give the cell of a kind that sources/identifiers.py reads whatever is written."""

    def cell_of(column: ContractColumn) -> Cell:
        parsed = parsed_name(column.name)
        return Cell(parsed=((parsed, read(cleaned_name(column.name))),), value=parsed)

    return cell_of


def _nik(column: ContractColumn) -> Cell:
    text = cleaned_name(column.name)
    digits, reason = parsed_name(column.name), parsed_name(column.name, "reason")
    return Cell(
        parsed=(
            (digits, identifiers.nik_digits_sql(text)),
            (reason, identifiers.nik_reason_sql(text)),
        ),
        value=digits,
        extras=(
            Extra(
                f"{column.name}_reason",
                "VARCHAR",
                "ID: Alasan NIK dikosongkan atau dirapikan"
                " | EN: Why the NIK was set aside or repaired",
                reason,
            ),
            Extra(
                f"{column.name}_aside",
                "VARCHAR",
                "ID: Angka NIK yang tidak dapat dipakai, hanya sebagai petunjuk; data pribadi"
                " | EN: Digits of a NIK that cannot be used, as evidence alone; personal data",
                f"CASE WHEN {reason} IS NOT NULL THEN {identifiers.nik_aside_sql(text)} END",
            ),
        ),
        flags=(
            (
                "NIK_UNKNOWN_PROVINCE",
                f"NOT {identifiers.nik_province_is_known_sql(quote(column.name))}",
            ),
        ),
    )


def _npwp(column: ContractColumn) -> Cell:
    text, value = cleaned_name(column.name), quote(column.name)
    return Cell(
        parsed=((parsed_name(column.name), identifiers.npwp16_sql(text)),),
        value=parsed_name(column.name),
        flags=(
            ("NPWP_INVALID", f"{text} IS NOT NULL AND {value} IS NULL"),
            ("NPWP_CHECK_DIGIT", f"NOT {identifiers.npwp_check_digit_fits_sql(value)}"),
        ),
    )


def _nib(column: ContractColumn) -> Cell:
    text, value = cleaned_name(column.name), quote(column.name)
    return Cell(
        parsed=((parsed_name(column.name), identifiers.nib_sql(text)),),
        value=parsed_name(column.name),
        flags=(("NIB_INVALID", f"{text} IS NOT NULL AND {value} IS NULL"),),
    )


_BUILDERS: dict[str, Callable[[ContractColumn], Cell]] = {
    "identifier": _identifier,
    "kpj": _settled(identifiers.kpj_sql),
    "ahu_number": _settled(identifiers.ahu_number_sql),
    "phone": _settled(identifiers.phone_sql),
    "npp": _settled(identifiers.npp_sql),
    "nik": _nik,
    "npwp": _npwp,
    "nib": _nib,
    "region": codes.region_cell,
    "kbli_vintage": codes.kbli_vintage_cell,
    "vocabulary": codes.vocabulary_cell,
    "list": codes.list_cell,
    "boolean": codes.boolean_cell,
    "timestamp": values.timestamp_cell,
}
