"""Taking apart the records of a text file that is not regular, losing none.

Belongs here: the exact, line by line reading that is used where scan.py found anything
unusual. Does not belong here: regular files, which DuckDB reads many times faster.

The rules: a line is a record; a quoted field may hold line ends; a record that cannot be
read costs itself only. A quote that is never closed, or closed in the middle of a field,
costs the line it stands in, and reading goes on with the next line.
"""

from __future__ import annotations

import csv
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from sources.files.scan import CONTROL_BYTES, MAX_FIELD_BYTES, MAX_RECORD_BYTES

MAX_RAW_CHARACTERS = 64 << 10
"""Of a row in quarantine so much is kept; the file itself is kept whole."""
MAX_LINES_IN_RECORD = 1_000
_CONTROL = re.compile("[" + "".join(re.escape(chr(b)) for b in CONTROL_BYTES) + "]")


@dataclass
class Record:
    """One record: its fields, or why it has none.

    Attributes:
        fields: texts, in file order; empty where there is a reason.
        reasons: reason codes; empty for a good record.
        raw: the text of a record with a reason, control characters made visible.
        truncated: the file ends within this record.
    """

    fields: list[str]
    reasons: list[str] = field(default_factory=list)
    raw: str | None = None
    truncated: bool = False


def visible(text: str) -> str:
    """Give raw text as it is kept in quarantine: cut, control characters as escapes."""
    cut = text[:MAX_RAW_CHARACTERS]
    return _CONTROL.sub(lambda found: f"\\x{ord(found.group()):02x}", cut)


def split(text: str, delimiter: str) -> list[str] | None:
    """Split a record into its fields.

    Returns:
        The fields; None where a quote is closed in the middle of a field.

    Raises:
        EOFError: a quote is still open at the end of the text.
    """
    if '"' not in text:
        return text.split(delimiter)
    if "\n" not in text and "\r" not in text and "\0" not in text:
        try:  # the standard reader agrees on whole lines, and is faster
            return next(csv.reader((text,), delimiter=delimiter, strict=True))
        except csv.Error:
            pass  # which of the two faults it is, is found below
    fields: list[str] = []
    position, length = 0, len(text)
    while True:
        if position < length and text[position] == '"':
            start = end = position + 1
            while True:
                end = text.find('"', end)
                if end < 0:
                    raise EOFError
                if text[end + 1 : end + 2] != '"':
                    break
                end += 2
            fields.append(text[start:end].replace('""', '"'))
            position = end + 1
            if position == length:
                return fields
            if text[position] != delimiter:
                return None
            position += 1
        else:
            end = text.find(delimiter, position)
            if end < 0:
                fields.append(text[position:])
                return fields
            fields.append(text[position:end])
            position = end + 1


class RecordReader:
    """Reads records from a UTF-8 stream with LF line ends.

    Attributes:
        width: number of fields a record must have; None takes any (for the header).
    """

    def __init__(self, stream: BinaryIO, delimiter: str, width: int | None = None) -> None:
        self.width = width
        self._stream = stream
        self._delimiter = delimiter
        self._ahead: deque[bytes] = deque()

    def __iter__(self) -> Iterator[Record]:
        while True:
            line = self._line()
            if not line:
                return
            if line in (b"\n", b"\r\n"):
                continue  # a blank line is no record
            yield from self._records(line)

    def _line(self) -> bytes:
        if self._ahead:
            return self._ahead.popleft()
        return self._stream.readline(MAX_RECORD_BYTES + 1)

    def _records(self, line: bytes) -> Iterator[Record]:
        if len(line) > MAX_RECORD_BYTES and not line.endswith(b"\n"):
            raw = line[:MAX_RAW_CHARACTERS]
            while line and not line.endswith(b"\n"):
                line = self._stream.readline(MAX_RECORD_BYTES)
            yield _rejected(raw, "FIELD_TOO_LONG")
            return
        body = line.removesuffix(b"\n")
        if b"\r" in body and b'"' not in body:
            yield from self._lone_carriage_returns(body)
            return
        yield self._record(line)

    def _lone_carriage_returns(self, body: bytes) -> Iterator[Record]:
        """Take a line with lone CRs for several records if each piece is one."""
        pieces = [piece for piece in body.split(b"\r") if piece]
        separators = self.width - 1 if self.width else -1
        if pieces and all(p.count(self._delimiter.encode()) == separators for p in pieces):
            for piece in pieces:
                yield self._finished(piece, piece.decode("utf-8", "replace").split(self._delimiter))
        else:
            yield _rejected(body, "CONTROL_CHARACTERS")

    def _record(self, line: bytes) -> Record:
        body = line.removesuffix(b"\n")
        text = body.decode("utf-8", "replace")
        try:
            fields = split(text, self._delimiter)
        except EOFError:
            return self._over_several_lines(line)
        if fields is None:
            return _rejected(body, "UNCLOSED_QUOTE")
        return self._finished(body, fields, ended=line.endswith(b"\n"))

    def _over_several_lines(self, first: bytes) -> Record:
        """Read on for the end of a quoted field; give the first line up where there is none."""
        lines = [first]
        size = len(first)
        fields: list[str] | None = None
        at_end = not first.endswith(b"\n")
        while not at_end and size <= MAX_RECORD_BYTES and len(lines) < MAX_LINES_IN_RECORD:
            line = self._line()
            at_end = not line.endswith(b"\n")
            if not line:
                break
            lines.append(line)
            size += len(line)
            if b'"' not in line:
                continue
            try:
                text = b"".join(lines).removesuffix(b"\n").decode("utf-8", "replace")
                fields = split(text, self._delimiter)
            except EOFError:
                continue
            break
        whole = b"".join(lines).removesuffix(b"\n")
        if fields is not None and not self._swallowed(lines, len(fields)):
            return self._finished(whole, fields, ended=lines[-1].endswith(b"\n"))
        # The lines after the first get their own chance, in their order.
        self._ahead.extendleft(reversed(lines[1:]))
        truncated = len(lines) == 1 and not first.endswith(b"\n")
        return _rejected(first.removesuffix(b"\n"), "UNCLOSED_QUOTE", truncated=truncated)

    def _swallowed(self, lines: list[bytes], fields: int) -> bool:
        """Tell whether the lines within a quoted field look like records of their own."""
        if self.width is None or self.width < 2:
            return False
        delimiter = self._delimiter.encode()
        if any(line.count(delimiter) == self.width - 1 for line in lines[1:-1]):
            return True
        return fields != self.width and lines[-1].count(delimiter) == self.width - 1

    def _finished(self, body: bytes, fields: list[str], *, ended: bool = True) -> Record:
        reasons = []
        try:
            text = body.decode("utf-8")
        except UnicodeDecodeError:
            reasons.append("BAD_ENCODING")
            text = body.decode("utf-8", "backslashreplace")
        if _CONTROL.search(text):
            reasons.append("CONTROL_CHARACTERS")
        ragged = self.width is not None and len(fields) != self.width
        if ragged:
            reasons.append("RAGGED_ROW")
        if len(body) > MAX_FIELD_BYTES and (
            len(body) > MAX_RECORD_BYTES
            or any(len(value.encode("utf-8", "replace")) > MAX_FIELD_BYTES for value in fields)
        ):
            reasons.append("FIELD_TOO_LONG")
        if reasons:
            few = self.width is not None and len(fields) < self.width
            return Record([], reasons, visible(text), truncated=few and not ended)
        if "\r" in text:
            fields = [value.replace("\r\n", "\n").replace("\r", "\n") for value in fields]
        return Record(fields)


def _rejected(body: bytes, reason: str, *, truncated: bool = False) -> Record:
    text = body.decode("utf-8", "backslashreplace")
    return Record([], [reason], visible(text), truncated=truncated)
