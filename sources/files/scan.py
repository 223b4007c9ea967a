"""One pass over a text file that tells whether its records are regular, and counts them.

Belongs here: the vectorised look at quotes, delimiters, line ends, control characters and
UTF-8. Does not belong here: taking records apart (DuckDB for regular files, records.py for
the others).

A file is regular where every record has the same number of fields, quotes stand only where
RFC 4180 has them, the text is valid UTF-8 without control characters, and no record is
longer than a field may be. Then DuckDB's reader has nothing to guess, and the number of
records counted here is what it must give.
"""

from __future__ import annotations

import codecs

import numpy as np
from numpy.typing import NDArray

MAX_FIELD_BYTES = 64 << 10
MAX_RECORD_BYTES = 1 << 20
CONTROL_BYTES = bytes(b for b in range(32) if b not in b"\t\n\r") + b"\x7f"
"""C0 controls and DEL, apart from tab and line ends."""

_LF, _CR, _QUOTE = 0x0A, 0x0D, 0x22


class Scan:
    """Feed it the blocks of a file after its header; ask it then.

    Attributes:
        regular: nothing unusual was seen.
        records: number of records, as far as the file is regular.
        ends_with_newline: whether the last line is ended.
    """

    def __init__(self, delimiter: str, width: int) -> None:
        self.regular = True
        self.records = 0
        self.ends_with_newline = True
        self._delimiter = ord(delimiter)
        self._width = width
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._quoted = 0  # parity of the quotes so far
        self._record_bytes = 0  # since the last line end outside quotes
        self._record_fields = 0  # delimiters outside quotes since then
        self._line_delimiters = 0  # delimiters since the last line end of any kind
        self._line_began_quoted = False
        self._previous = _LF  # last byte seen
        self._closing = False  # whether that byte was a closing quote

    def feed(self, block: bytes) -> None:
        """Look at the next block (UTF-8, LF line ends)."""
        if not block:
            return
        self.ends_with_newline = block.endswith(b"\n")
        if not self.regular:
            return
        if self._unusual_bytes(block):
            self.regular = False
            return
        data = np.frombuffer(block, np.uint8)
        is_quote = data == _QUOTE
        if self._quoted or self._closing or is_quote.any():
            state = (np.cumsum(is_quote, dtype=np.uint8) + np.uint8(self._quoted)) & 1
            outside = state == 0
            self._check_quotes(data, is_quote, outside)
        else:
            outside = None
        if self.regular:
            self._check_records(data, outside)
        self._previous = int(data[-1])
        if outside is not None:
            self._quoted = int(not outside[-1])
            self._closing = bool(is_quote[-1] and outside[-1])

    def finish(self) -> None:
        """Say that there are no more blocks; a last line without line end counts too."""
        if self.regular and not self.ends_with_newline:
            self.feed(b"\n")
            self.ends_with_newline = False
        try:
            self._decoder.decode(b"", True)
        except UnicodeDecodeError:
            self.regular = False
        if self._quoted:
            self.regular = False

    def _unusual_bytes(self, block: bytes) -> bool:
        if b"\r" in block or len(block.translate(None, CONTROL_BYTES)) != len(block):
            return True
        if block.isascii() and not self._decoder.getstate()[0]:
            return False
        try:
            self._decoder.decode(block)
        except UnicodeDecodeError:
            return True
        return False

    def _check_quotes(
        self, data: NDArray[np.uint8], is_quote: NDArray[np.bool_], outside: NDArray[np.bool_]
    ) -> None:
        """Refuse quotes that open inside a field or close before its end."""
        before = np.empty_like(data)
        before[0], before[1:] = self._previous, data[:-1]
        opening = is_quote & ~outside
        closing = is_quote & outside
        after_closing = np.empty_like(closing)
        after_closing[0], after_closing[1:] = self._closing, closing[:-1]
        allowed_before = (before == self._delimiter) | (before == _LF) | (before == _QUOTE)
        ends_field = (data == self._delimiter) | (data == _LF) | is_quote
        if (opening & ~allowed_before).any() or (after_closing & ~ends_field).any():
            self.regular = False

    def _check_records(self, data: NDArray[np.uint8], outside: NDArray[np.bool_] | None) -> None:
        is_lf = data == _LF
        marks = np.flatnonzero(is_lf | (data == self._delimiter))
        if outside is not None:
            unquoted = outside[marks]
            if is_lf[marks[~unquoted]].any() or self._line_began_quoted:
                self._check_swallowed(is_lf[marks], unquoted)
            marks = marks[unquoted]
        ends = np.flatnonzero(is_lf[marks])
        if len(ends) == 0:
            self._record_fields += len(marks)
            self._record_bytes += len(data)
        else:
            fields = np.diff(ends, prepend=-1) - 1
            fields[0] += self._record_fields
            positions = marks[ends]
            lengths = np.diff(positions, prepend=-1) - 1
            lengths[0] += self._record_bytes
            self.records += len(ends)
            self._record_fields = len(marks) - int(ends[-1]) - 1
            self._record_bytes = len(data) - int(positions[-1]) - 1
            if (fields != self._width - 1).any() or lengths.max() > MAX_FIELD_BYTES:
                self.regular = False
        if self._record_bytes > MAX_FIELD_BYTES:
            self.regular = False

    def _check_swallowed(self, is_lf: NDArray[np.bool_], unquoted: NDArray[np.bool_]) -> None:
        """Refuse a quoted line that looks like a record: an unclosed quote may have eaten it."""
        ends = np.flatnonzero(is_lf)
        if len(ends) == 0:
            self._line_delimiters += len(is_lf)
            return
        counts = np.diff(ends, prepend=-1) - 1
        counts[0] += self._line_delimiters
        ended_quoted = ~unquoted[ends]
        began_quoted = np.empty_like(ended_quoted)
        began_quoted[0], began_quoted[1:] = self._line_began_quoted, ended_quoted[:-1]
        if (began_quoted & ended_quoted & (counts == self._width - 1)).any():
            self.regular = False
        self._line_delimiters = len(is_lf) - int(ends[-1]) - 1
        self._line_began_quoted = bool(ended_quoted[-1])
