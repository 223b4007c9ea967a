"""How an identity looks in a text: the one pattern that both makers and checkers use.

Belongs here: patterns of identity numbers. Does not belong here: rules of what a valid number
is (sources/identifiers), and the check of a publication (warehouse/publication/privacy.py).
"""

# Eleven digits are a KPJ, 13 a NIB, 15 and 16 a NPWP or a NIK. A SHA-256 is letters and
# digits in one run, so the borders keep it out.
IDENTIFIER_PATTERN = (
    r"(?:^|[^0-9A-Za-z])"
    r"(?:\d{11,}|\d{2}\.\d{3}\.\d{3}\.\d-\d{3}\.\d{3}|\d{6}[ .-]\d{6}[ .-]\d{4})"
    r"(?:[^0-9A-Za-z]|$)"
)
"""A text that matches holds a run of digits such as a NIK, a taxpayer or participant number."""
