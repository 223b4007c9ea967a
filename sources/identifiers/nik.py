"""The national identity number (NIK): what is usable, what is repaired, what it says.

Belongs here: the rules of one NIK by itself. Does not belong here: whether a NIK is unique,
or agrees with the other columns of its record.

Structure: PPKKCC, the region of first registration (it never follows a move or a split);
DDMMYY, the birth date, with 40 added to the day of a woman; a serial from 0001. Region, sex
and birth date are soft evidence: a NIK is never changed when the birth date is corrected
(Perpres 96/2018, PP 40/2019). The region codes are Kemendagri's, not those of BPS.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass

from sources.identifiers.cleaning import (
    SURROUNDED_BY,
    compact,
    compact_sql,
    is_digits,
    let_sql,
)
from warehouse.reference import nik_provinces
from warehouse.storage import literal

NIK_REASONS = (
    "NIK_PRECISION_LOST",
    "NIK_BAD_CHARACTERS",
    "NIK_WRONG_LENGTH",
    "NIK_REPEATED_DIGIT",
    "NIK_BAD_DATE",
    "NIK_BAD_SERIAL",
)
"""Why a NIK cannot be used, in the order in which they are looked for."""

REPAIRED = "NIK_REPAIRED"
"""The NIK is usable, but was not written as 16 digits."""

# A number that went through a spreadsheet: 3.17101E+15 (or 3,17101E+15).
_SCIENTIFIC = "[0-9]([.,][0-9]+)?[eE][+]?[0-9]{1,2}".join(SURROUNDED_BY)
_LEAP_YEAR = "(?:[02468][048]|[13579][26])"
# Days of men and women (+40) with the months that have them; 29 February in leap years
# alone. A year of two digits is leap in one century exactly where it is a multiple of 4.
_BIRTH_DATE = (
    "(?:"
    "(?:0[1-9]|1[0-9]|2[0-8]|4[1-9]|5[0-9]|6[0-8])(?:0[1-9]|1[0-2])[0-9]{2}"
    "|(?:29|30|69|70)(?:0[13-9]|1[0-2])[0-9]{2}"
    "|(?:31|71)(?:0[13578]|1[02])[0-9]{2}"
    f"|(?:29|69)02{_LEAP_YEAR}"
    ")"
)
_DATED = f"[0-9]{{6}}{_BIRTH_DATE}[0-9]{{4}}"
_SERIAL = "(?:[0-9]{3}[1-9]|[0-9]{2}[1-9][0-9]|[0-9][1-9][0-9]{2}|[1-9][0-9]{3})"
_USABLE = f"[0-9]{{6}}{_BIRTH_DATE}{_SERIAL}"
_REPEATED = "|".join(f"{digit}{{16}}" for digit in range(10))
# The only repeated digit that looks like a NIK: 11-11-11, serial 1111.
_ONES = "1" * 16
# The first digit of the day of a woman.
_WOMEN = "4567"

YOUNGEST, OLDEST = 0, 110
"""Ages in years between which a person in the population register may be."""

WORKER_YOUNGEST, WORKER_OLDEST = 15, 80
"""Ages in years between which a worker may be, to find the century of a birth date."""


@dataclass(frozen=True)
class NikCheck:
    """What is to be made of a NIK as delivered.

    Attributes:
        nik: 16 digits, or None where it is missing or cannot be used.
        reason: why it cannot be used, `NIK_REPAIRED` where it was tidied, else None.
    """

    nik: str | None
    reason: str | None


def check_nik(text: str | None) -> NikCheck:
    """Read a NIK as delivered.

    Args:
        text: the cell; None, empty or nothing but separators is a missing NIK.

    Returns:
        The NIK in 16 digits or why there is none. A NIK written as `3.17101E+15` has lost
        its last digits and is never rebuilt.
    """
    digits = "" if text is None else compact(text)
    if text is None or not digits:
        return NikCheck(None, None)
    if re.fullmatch(_SCIENTIFIC, text):
        return NikCheck(None, "NIK_PRECISION_LOST")
    if not is_digits(digits, 1, len(digits)):
        return NikCheck(None, "NIK_BAD_CHARACTERS")
    if len(digits) != 16:
        return NikCheck(None, "NIK_WRONG_LENGTH")
    if re.fullmatch(_REPEATED, digits):
        return NikCheck(None, "NIK_REPEATED_DIGIT")
    if not re.fullmatch(_DATED, digits):
        return NikCheck(None, "NIK_BAD_DATE")
    if digits.endswith("0000"):
        return NikCheck(None, "NIK_BAD_SERIAL")
    return NikCheck(digits, None if digits == text else REPAIRED)


def _usable_sql(digits: str) -> str:
    return f"(regexp_full_match({digits}, {literal(_USABLE)}) AND {digits} <> {literal(_ONES)})"


def nik_digits_sql(text: str) -> str:
    """SQL of `check_nik(text).nik` over a text expression.

    The common case, 16 plain digits, is tried first and costs one comparison with a pattern.
    """
    tidied = let_sql("nik_", compact_sql(text), f"CASE WHEN {_usable_sql('nik_')} THEN nik_ END")
    return f"CASE WHEN {_usable_sql(text)} THEN {text} WHEN {text} IS NOT NULL THEN {tidied} END"


def nik_reason_sql(text: str) -> str:
    """SQL of `check_nik(text).reason` over a text expression."""
    reason = (
        "CASE WHEN nik_ = '' THEN NULL"
        f" WHEN regexp_full_match({text}, {literal(_SCIENTIFIC)}) THEN 'NIK_PRECISION_LOST'"
        " WHEN NOT regexp_full_match(nik_, '[0-9]+') THEN 'NIK_BAD_CHARACTERS'"
        " WHEN length(nik_) <> 16 THEN 'NIK_WRONG_LENGTH'"
        f" WHEN regexp_full_match(nik_, {literal(_REPEATED)}) THEN 'NIK_REPEATED_DIGIT'"
        f" WHEN NOT regexp_full_match(nik_, {literal(_DATED)}) THEN 'NIK_BAD_DATE'"
        " WHEN suffix(nik_, '0000') THEN 'NIK_BAD_SERIAL'"
        f" ELSE {literal(REPAIRED)} END"
    )
    return (
        f"CASE WHEN {text} IS NULL OR {_usable_sql(text)} THEN NULL"
        f" ELSE {let_sql('nik_', compact_sql(text), reason)} END"
    )


# Letters that stand for the digit they look like. A NIK with one is not repaired, only kept.
_LOOK = ("OQILSB", "001158")
# Of a number that lost its last digits, those that are sure to be whole: spreadsheets round
# the last one that they show.
_SURE = 12


def nik_aside(text: str | None) -> str | None:
    """Give the digits of a NIK that cannot be used, as evidence and never as an identifier.

    A number with a digit too few, an impossible date or a letter O for a zero still tells
    nearly all of the NIK it was meant to be; linking compares it with near ones.

    Args:
        text: the cell.

    Returns:
        14 to 18 digits as written, letters read as the digits that they look like; of a
        number as `3.17101E+15` the first digits, 12 at most; None where the NIK is usable or
        missing, repeats one digit, or has another length.
    """
    if text is None or check_nik(text).reason in (None, REPAIRED):
        return None
    if re.fullmatch(_SCIENTIFIC, text):
        found = re.search("([0-9](?:[.,][0-9]+)?)[eE][+]?15", text)
        return re.sub("[^0-9]", "", found[1])[:_SURE] if found else None
    digits = compact(text).upper().translate(str.maketrans(*_LOOK))
    if not is_digits(digits, 14, 18) or len(set(digits)) == 1:
        return None
    return digits


def nik_aside_sql(text: str) -> str:
    """SQL of `nik_aside` over a text expression."""
    first = f"regexp_extract({text}, '([0-9]([.,][0-9]+)?)[eE][+]?15', 1)"
    shown = f"nullif(left(regexp_replace({first}, '[^0-9]', '', 'g'), {_SURE}), '')"
    alike = f"translate(upper({compact_sql(text)}), '{_LOOK[0]}', '{_LOOK[1]}')"
    one_digit = "|".join(f"{digit}+" for digit in range(10))
    kept = let_sql(
        "nik_",
        alike,
        "CASE WHEN regexp_full_match(nik_, '[0-9]{14,18}')"
        f" AND NOT regexp_full_match(nik_, '{one_digit}') THEN nik_ END",
    )
    return (
        f"CASE WHEN {text} IS NULL OR {_usable_sql(text)} THEN NULL"
        f" WHEN regexp_full_match({text}, {literal(_SCIENTIFIC)}) THEN {shown}"
        f" WHEN {nik_digits_sql(text)} IS NULL THEN {kept} END"
    )


def nik_region4(nik: str) -> str:
    """Give the regency of first registration, by the code of that time.

    Args:
        nik: 16 digits, as `check_nik` gives them. The same holds below.
    """
    return nik[:4]


def nik_region4_sql(nik: str) -> str:
    """SQL of `nik_region4`; join it to `reference.region_codes` for the regency of today."""
    return f"substr({nik}, 1, 4)"


def nik_province_is_known(nik: str) -> bool:
    """Tell whether the NIK begins with a province of today or of the past (54 among them)."""
    return nik[:2] in nik_provinces()


def nik_province_is_known_sql(nik: str) -> str:
    """SQL of `nik_province_is_known`; NULL where there is no NIK."""
    provinces = ", ".join(literal(code) for code in nik_provinces())
    return f"(substr({nik}, 1, 2) IN ({provinces}))"


def nik_sex(nik: str) -> str:
    """Give the sex that the NIK tells: `L` for a man, `P` for a woman."""
    return "P" if nik[6] in _WOMEN else "L"


def nik_sex_sql(nik: str) -> str:
    """SQL of `nik_sex`; NULL where there is no NIK."""
    return f"CASE WHEN substr({nik}, 7, 1) >= '4' THEN 'P' WHEN {nik} IS NOT NULL THEN 'L' END"


def nik_birth_date(
    nik: str, as_of: dt.date, youngest: int = YOUNGEST, oldest: int = OLDEST
) -> dt.date | None:
    """Give the birth date that the NIK tells, with the century found from the age.

    Args:
        nik: 16 digits, as `check_nik` gives them.
        as_of: the day at which the age is taken.
        youngest: least age in completed years; 15 for workers.
        oldest: greatest age in completed years; 80 for workers.

    Returns:
        The date of the one century that gives such an age; None where both or neither do.
        Who is born on 29 February completes a year on 1 March of a common year.
    """
    day = int(nik[6:8]) - 40 * (nik[6] in _WOMEN)
    found = []
    for century in (1900, 2000):
        try:
            born = dt.date(century + int(nik[10:12]), int(nik[8:10]), day)
        except ValueError:
            continue
        to_come = (born.month, born.day) > (as_of.month, as_of.day)
        if youngest <= as_of.year - born.year - to_come <= oldest:
            found.append(born)
    return found[0] if len(found) == 1 else None


def nik_birth_date_sql(nik: str, as_of: str, youngest: int = YOUNGEST, oldest: int = OLDEST) -> str:
    """SQL of `nik_birth_date`.

    Args:
        nik: expression of 16 digits or NULL.
        as_of: SQL expression of a DATE, such as `getvariable('as_of')`.
        youngest: least age in completed years.
        oldest: greatest age in completed years.
    """
    # DDMMYY without the 40 of women, as one whole number. It stands in the expression many
    # times, and outside a CASE DuckDB computes it once: a lambda would cost ten times more.
    number = (
        f"(try_cast(substr({nik}, 7, 6) AS INTEGER)"
        f" - 400000 * (substr({nik}, 7, 1) >= '4')::INTEGER)"
    )
    year, month, day = f"({number} % 100)", f"({number} // 100 % 100)", f"({number} // 10000)"
    to_come = f"({month} * 100 + {day} > month({as_of}) * 100 + day({as_of}))::INTEGER"
    age = f"(year({as_of}) - 1900 - {year} - {to_come})"
    # 1900 was no leap year.
    old = f"({age} BETWEEN {youngest} AND {oldest} AND {number} <> 290200)"
    young = f"({age} - 100 BETWEEN {youngest} AND {oldest})"
    century = f"CASE WHEN {old} = {young} THEN NULL WHEN {old} THEN 1900 ELSE 2000 END"
    return f"TRY(make_date({century} + {year}, {month}, {day}))"
