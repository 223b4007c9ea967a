"""Region codes and telephone numbers as deliveries write them.

Belongs here: bringing them into one form. Does not belong here: which region a code stands
for (`reference.region_codes`; conforming joins it).
"""

from __future__ import annotations

import re

from sources.identifiers.cleaning import compact, compact_sql, is_digits, is_digits_sql, let_sql
from warehouse.storage import literal

_COUNTRY = "^(?:[+]|00)?62"
_BRACKETS = "[()/]"
_PHONE = "0[2-9][0-9]{6,12}"


def region_code4(text: str | None) -> str | None:
    """Read a region code down to the regency.

    Args:
        text: 4 to 10 digits, with or without dots (regency, district, village).

    Returns:
        The first four digits; None where it is shorter (a province), longer, or no number.
    """
    digits = "" if text is None else compact(text)
    return digits[:4] if is_digits(digits, 4, 10) else None


def region_code4_sql(text: str) -> str:
    """SQL of `region_code4` over a text expression."""
    known = f"CASE WHEN {is_digits_sql('code_', 4, 10)} THEN substr(code_, 1, 4) END"
    return let_sql("code_", compact_sql(text), known)


def phone(text: str | None) -> str | None:
    """Read a telephone number in the country.

    Args:
        text: as written, with or without +62.

    Returns:
        Digits from the leading 0 on, 8 to 14 of them; None for anything else.
    """
    if text is None:
        return None
    digits = re.sub(_COUNTRY, "0", re.sub(_BRACKETS, "", compact(text)))
    digits = re.sub("^0?8", "08", digits)
    return digits if re.fullmatch(_PHONE, digits) else None


def phone_sql(text: str) -> str:
    """SQL of `phone` over a text expression."""
    digits = f"regexp_replace({compact_sql(text)}, {literal(_BRACKETS)}, '', 'g')"
    digits = f"regexp_replace({digits}, {literal(_COUNTRY)}, '0')"
    digits = f"regexp_replace({digits}, '^0?8', '08')"
    known = f"CASE WHEN regexp_full_match(phone_, {literal(_PHONE)}) THEN phone_ END"
    return let_sql("phone_", digits, known)
