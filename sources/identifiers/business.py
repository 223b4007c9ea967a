"""Identifiers of businesses and memberships: NPWP, NIB, AHU number, NPP, KPJ.

Belongs here: their canonical form and what of it can be checked. Does not belong here: which
business an identifier belongs to (matching/employers.py).
"""

from __future__ import annotations

import re

from sources.identifiers.cleaning import (
    compact,
    compact_sql,
    is_digits,
    is_digits_sql,
    let_sql,
    unspaced,
    unspaced_sql,
)
from warehouse.storage import literal

# Twice a digit, with its two digits summed, as Luhn counts every second one.
_DOUBLED = "0246813579"
_NOT_ALNUM = "[^0-9A-Za-z]+"
_REPEATED = "|".join(f"{digit}+" for digit in range(10))
_AHU_PARTS = r"AHU\.([0-9]+)\.AH\.([0-9]{2})\.([0-9]{2})\.(?:T(?:A?HU?N?)\.?)?([0-9]{4})"
# Seven digits, or more without a leading zero: what the rules below leave as it is.
_AHU_CANONICAL = r"AHU-(?:[0-9]{7}|[1-9][0-9]{7,})\.AH\.[0-9]{2}\.[0-9]{2}\.TAHUN [0-9]{4}"
_AHU_NUMBER = r"^(?:SK\.)?(?:NO(?:MOR)?\.)?"


def npwp16(text: str | None) -> str | None:
    """Read a taxpayer number.

    Args:
        text: as delivered, dotted or not, with 15 or 16 digits.

    Returns:
        16 digits, a 0 before an older number of 15 (PMK 112/2022); None for anything else
        and for one digit repeated.
    """
    digits = "" if text is None else compact(text)
    if not is_digits(digits, 15, 16) or re.fullmatch(_REPEATED, digits):
        return None
    return digits.rjust(16, "0")


def npwp16_sql(text: str) -> str:
    """SQL of `npwp16` over a text expression."""
    usable = f"{is_digits_sql('npwp_', 15, 16)} AND NOT {_repeated_sql('npwp_')}"
    return let_sql("npwp_", compact_sql(text), f"CASE WHEN {usable} THEN lpad(npwp_, 16, '0') END")


def npwp_root(npwp: str) -> str:
    """Give the part that all places of business of one taxpayer share.

    Args:
        npwp: 16 digits, as `npwp16` gives them. The same holds below.

    Returns:
        The first ten digits of a number that begins with 0 (the rest are tax office and
        branch), the whole number otherwise.
    """
    return npwp[:10] if npwp.startswith("0") else npwp


def npwp_root_sql(npwp: str) -> str:
    """SQL of `npwp_root`."""
    return f"CASE WHEN substr({npwp}, 1, 1) = '0' THEN substr({npwp}, 1, 10) ELSE {npwp} END"


def npwp_check_digit_fits(npwp: str) -> bool | None:
    """Check the Luhn digit of an older taxpayer number. A warning, never a reason to refuse.

    Returns:
        Whether the ninth digit of the old number fits the eight before it; None where the
        number does not begin with 0 and so has none.
    """
    if not npwp.startswith("0"):
        return None
    total = sum(
        int(_DOUBLED[int(digit)]) if place % 2 else int(digit)
        for place, digit in enumerate(npwp[1:10])
    )
    return total % 10 == 0


def npwp_check_digit_fits_sql(npwp: str) -> str:
    """SQL of `npwp_check_digit_fits`; NULL where there is no digit to check."""
    # The first ten digits as a number: less than ten to the ninth where they begin with 0.
    number = f"try_cast(substr({npwp}, 1, 10) AS BIGINT)"
    digits = [f"({number} // {10 ** (8 - place)} % 10)" for place in range(9)]
    summed = " + ".join(
        f"({digit} * 2 - {digit} // 5 * 9)" if place % 2 else digit
        for place, digit in enumerate(digits)
    )
    # Without a CASE, so that DuckDB computes the number once; modulo NULL gives NULL.
    return f"(({summed}) % nullif(10 * ({number} < {10**9})::BIGINT, 0) = 0)"


def nib(text: str | None) -> str | None:
    """Read a business identification number: 13 digits, not one digit repeated."""
    digits = "" if text is None else compact(text)
    return digits if is_digits(digits, 13) and not re.fullmatch(_REPEATED, digits) else None


def nib_sql(text: str) -> str:
    """SQL of `nib` over a text expression."""
    usable = f"{is_digits_sql('nib_', 13)} AND NOT {_repeated_sql('nib_')}"
    return let_sql("nib_", compact_sql(text), f"CASE WHEN {usable} THEN nib_ END")


def _repeated_sql(digits: str) -> str:
    return f"regexp_full_match({digits}, {literal(_REPEATED)})"


def kpj(text: str | None) -> str | None:
    """Read a participant number: letters and digits alone, in upper case.

    Eleven digits as a rule; older cards carry letters, so nothing else is refused.
    """
    return re.sub(_NOT_ALNUM, "", compact(text)).upper() or None if text is not None else None


def kpj_sql(text: str) -> str:
    """SQL of `kpj` over a text expression."""
    plain = f"regexp_replace({compact_sql(text)}, {literal(_NOT_ALNUM)}, '', 'g')"
    return f"nullif(upper({plain}), '')"


def npp(text: str | None) -> str | None:
    """Read an employer registration number: opaque, in upper case, without blanks."""
    return unspaced(text).upper() or None if text is not None else None


def npp_sql(text: str) -> str:
    """SQL of `npp` over a text expression."""
    return f"nullif(upper({unspaced_sql(text)}), '')"


def ahu_number(text: str | None) -> str | None:
    """Read the number of the decree that made a legal entity.

    Separators, case, leading zeros and the word for the year vary: `AHU-12345.AH.01.01.Tahun
    2021`, `No. AHU-0012345-AH.01.01-TH 2021`.

    Returns:
        `AHU-0012345.AH.01.01.TAHUN 2021` where it has these parts; else, as for decrees
        before AHU Online, its letters and digits with single dots between.
    """
    if text is None:
        return None
    parts = re.sub(_NOT_ALNUM, ".", text).upper().strip(".")
    parts = re.sub(_AHU_NUMBER, "", parts, count=1)
    match = re.fullmatch(_AHU_PARTS, parts)
    if match is None:
        return parts or None
    serial, kind, division, year = match.groups()
    return f"AHU-{serial.lstrip('0').rjust(7, '0')}.AH.{kind}.{division}.TAHUN {year}"


def ahu_number_sql(text: str) -> str:
    """SQL of `ahu_number` over a text expression."""
    parts = f"trim(upper(regexp_replace({text}, {literal(_NOT_ALNUM)}, '.', 'g')), '.')"
    parts = f"regexp_replace({parts}, {literal(_AHU_NUMBER)}, '')"
    # Taken apart by its dots: replacing by four groups of a pattern costs several times more.
    serial = "ltrim(split_part(ahu_, '.', 2), '0')"
    serial = f"repeat('0', 7 - length({serial})) || {serial}"
    kind = "split_part(ahu_, '.', 4) || '.' || split_part(ahu_, '.', 5)"
    whole = (
        f"CASE WHEN regexp_full_match(ahu_, {literal(_AHU_PARTS)})"
        f" THEN 'AHU-' || {serial} || '.AH.' || {kind} || '.TAHUN ' || right(ahu_, 4)"
        " ELSE nullif(ahu_, '') END"
    )
    return (
        f"CASE WHEN regexp_full_match({text}, {literal(_AHU_CANONICAL)}) THEN {text}"
        f" ELSE {let_sql('ahu_', parts, whole)} END"
    )
