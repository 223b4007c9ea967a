"""How large a workbook's sheets become in memory, told from their XML before they are read.

Belongs here: counting cells, shared texts and the corners of sheets in a stream of bytes. Does
not belong here: the zip container (archives), reading cells (workbook).

A reader of workbooks lays a sheet out as a full rectangle: two cells, the first and the last
that a sheet can have, are seventeen billion cells in memory and end the process.
"""

from __future__ import annotations

import re

MAX_CELLS = 24_000_000
"""Cells of the rectangle that a sheet spans, and of cells and shared texts in all: a full sheet
of 22 columns. Some 70 bytes of memory are needed for each."""

_ROW = re.compile(rb"[<:]row[\s/>]")
_CELL = re.compile(rb"[<:](?:c|si)[\s/>]")
_COLUMNS = re.compile(rb"\sr\s*=\s*[\"']\s*([A-Za-z]+)[0-9]")
_ROWS = re.compile(rb"\sr\s*=\s*[\"']\s*[A-Za-z]*([0-9]+)")
_LONGEST_TAG = 64 << 10


class SheetSize:
    """Feed it the blocks of one entry of a workbook; it tells when that is too large.

    The names of entries are no evidence of what they are, so each is looked at as if it were
    a sheet. Cells without a place of their own follow one another, so the width is bounded by
    the last place named and the most cells of one row.
    """

    def __init__(self) -> None:
        self._held = b""
        self._cells = 0
        self._named = 0
        self._in_row = 0
        self._most_in_row = 0
        self._rows = 0
        self._last_row = 0
        self._last_column = 0

    def feed(self, block: bytes) -> None:
        """Look at the next block."""
        text = self._held + block
        begun = text.rfind(b"<")
        if begun >= 0 and len(text) - begun <= _LONGEST_TAG:
            text, self._held = text[:begun], text[begun:]
        else:
            self._held = b""
        self._look(text)

    def finish(self) -> None:
        """Say that there are no more blocks."""
        self._look(self._held)
        self._held = b""

    @property
    def cells(self) -> int:
        """Cells and shared texts so far."""
        return self._cells

    @property
    def area(self) -> int:
        """Cells of the rectangle that a sheet of this content spans, at most."""
        width = self._last_column
        if self._named < self._cells:
            width += self._most_in_row
        return width * max(self._last_row, self._rows)

    def _look(self, text: bytes) -> None:
        pieces = _ROW.split(text)
        for place, piece in enumerate(pieces):
            if place:
                self._in_row = 0
                self._rows += 1
            found = len(_CELL.findall(piece))
            self._cells += found
            self._in_row += found
            self._most_in_row = max(self._most_in_row, self._in_row)
        columns = _COLUMNS.findall(text)
        self._named += len(columns)
        for letters in set(columns):
            self._last_column = max(self._last_column, _column(letters.upper()))
        # More than seven digits are no row of any sheet: the reader refuses them itself.
        rows = [int(digits) for digits in set(_ROWS.findall(text)) if len(digits) <= 7]
        self._last_row = max(self._last_row, *rows, 0)


def _column(letters: bytes) -> int:
    """Give the number of a column: 1 for A, 16384 for XFD."""
    number = 0
    for letter in letters[:4]:
        number = number * 26 + letter - 64
    return number
