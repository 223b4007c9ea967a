"""What every identifier has in common: blanks, apostrophes, separators, foreign digits.

Belongs here: taking off what spreadsheets and typists add to a number. Does not belong here:
what a particular identifier must look like (the modules beside this one).

Each rule stands twice, as a Python function and as an SQL expression, made from the same
constants; a property test holds them together.
"""

from __future__ import annotations

import re

from warehouse.storage import literal

BLANKS = " \t\r\n\v\f\u00a0\u2007\u2009\u202f\u200b\u2060\ufeff"
"""Blanks of every kind: ASCII, no-break, figure, thin, zero-width, byte order mark."""

APOSTROPHES = "'\u2018\u2019`\u00b4"
"""What makes a spreadsheet keep a number as text, and is often kept with it."""

SEPARATORS = ".-\u2010\u2011\u2012\u2013\u2014\u2212"
"""Dots and dashes, which group the digits for the eye."""

_FULL_WIDTH = "".join(chr(0xFF10 + digit) for digit in range(10))
_ASCII = "0123456789"
_TABLE = str.maketrans(_FULL_WIDTH, _ASCII)
_BLANK = re.escape(BLANKS)
_LEADING = f"^[{_BLANK}{re.escape(APOSTROPHES)}]+"
_DROPPED = f"{_LEADING}|[{_BLANK}{re.escape(SEPARATORS)}]+"
# Printable ASCII without the blank; an apostrophe behind other signs that go is a leading one.
_UNSPACED = f"^(?:[^!-~]|[{re.escape(APOSTROPHES)}])+|[^!-~]+"
# Only a text with one point may be a decimal number: `31.71.90.010190.0` is not.
_DECIMAL_ZERO = f"^([^.,]*)[.,]00?[{_BLANK}]*$"

SURROUNDED_BY = (f"[{_BLANK}{re.escape(APOSTROPHES)}]*", f"[{_BLANK}]*")
"""Patterns of what may stand before and after a value without being part of it."""


def compact(text: str) -> str:
    """Leave digits and whatever is no blank or separator; a decimal `.0` at the end goes.

    Args:
        text: as delivered.

    Returns:
        ASCII digits where the text was a number written with blanks, dots, dashes, an
        apostrophe, full-width digits or as a decimal; what else stood in it stays in it.
    """
    whole = re.sub(_DECIMAL_ZERO, r"\1", text.translate(_TABLE), count=1)
    return re.sub(_DROPPED, "", whole)


def compact_sql(text: str) -> str:
    """SQL of `compact` over a text expression. Plain digits take a short way."""
    # `translate` is slow, and foreign digits are rare: it is kept for texts that have one.
    ascii_digits = (
        f"CASE WHEN regexp_matches({text}, '[{_FULL_WIDTH[0]}-{_FULL_WIDTH[-1]}]')"
        f" THEN translate({text}, '{_FULL_WIDTH}', '{_ASCII}') ELSE {text} END"
    )
    whole = f"regexp_replace({ascii_digits}, {literal(_DECIMAL_ZERO)}, '\\1')"
    return (
        f"CASE WHEN regexp_full_match({text}, '[0-9]*') THEN {text}"
        f" ELSE regexp_replace({whole}, {literal(_DROPPED)}, '', 'g') END"
    )


def unspaced(text: str) -> str:
    """Keep printable ASCII without blanks, and without apostrophes at the beginning."""
    return re.sub(_UNSPACED, "", text)


def unspaced_sql(text: str) -> str:
    """SQL of `unspaced` over a text expression."""
    return f"regexp_replace({text}, {literal(_UNSPACED)}, '', 'g')"


def let_sql(name: str, value: str, body: str) -> str:
    """Give SQL that computes `value` once and calls it `name` within `body`.

    DuckDB computes a repeated expression anew in every branch of a CASE.
    """
    return f"list_transform([{value}], lambda {name}: {body})[1]"


def is_digits(text: str, shortest: int, longest: int | None = None) -> bool:
    """Tell whether a text is ASCII digits alone, from `shortest` to `longest` of them."""
    return text.isascii() and text.isdigit() and shortest <= len(text) <= (longest or shortest)


def is_digits_sql(text: str, shortest: int, longest: int | None = None) -> str:
    """SQL of `is_digits` over a text expression."""
    return f"regexp_full_match({text}, '[0-9]{{{shortest},{longest or shortest}}}')"
