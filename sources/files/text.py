"""From the bytes of a text file to UTF-8 with LF line ends, whatever it came as.

Belongs here: encodings, byte order marks, line ends. Does not belong here: records and
columns (scan, records).
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sources.files.archives import gunzip
from sources.files.detection import GZIP, PARQUET, Format
from warehouse.errors import DataRefused, UsageError

_BLOCK = 4 << 20
_MARK = "cakupan.mark"
_UTF8_NAMES = ("utf-8", "utf-8-sig")
_UNDECODABLE = "\udc80"
"""Stands for bytes that the declared encoding does not have. As a lone surrogate it cannot
become valid UTF-8, so the row that holds it is found out like any other badly encoded one."""

codecs.register_error(_MARK, lambda error: (_UNDECODABLE, error.end))  # type: ignore[attr-defined]


@dataclass
class TextStream:
    """A text file as UTF-8 blocks.

    Attributes:
        blocks: UTF-8 (apart from undecodable bytes), no byte order mark, LF line ends.
        encoding: the encoding it came in.
    """

    blocks: Iterator[bytes]
    encoding: str


def open_text(path: Path, name: str, form: Format, declared: str | None) -> TextStream:
    """Open a text file, packed or not.

    A byte order mark wins over everything. Without one the encoding is the declared one,
    or UTF-16 where every other byte of the beginning is zero, or UTF-8.

    Raises:
        DataRefused: it is empty, unsafe, damaged, or no text.
        UsageError: the contract declares an encoding that does not exist.
    """
    raw = gunzip(path, name) if form == "csv.gz" else _plain(path)
    first = _first(raw, 4096)
    if not first:
        raise DataRefused(f"{name} holds no bytes once unpacked", code="EMPTY_FILE")
    if form == "csv.gz" and first.startswith((GZIP, b"PK\x03\x04")):
        raise DataRefused(
            f"{name} is an archive within an archive and was not unpacked", code="UNSAFE_ARCHIVE"
        )
    if form == "csv.gz" and first.startswith(PARQUET):
        raise DataRefused(
            f"{name} is a gzipped Parquet file; deliver it without gzip", code="UNREADABLE_FILE"
        )
    encoding = _encoding(first, declared)
    decoded = _decoded(_chain(first, raw), encoding)
    return TextStream(_line_ends(decoded), encoding)


def _encoding(first: bytes, declared: str | None) -> str:
    if first.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    if first.startswith(codecs.BOM_UTF16_LE):
        return "utf-16-le"
    if first.startswith(codecs.BOM_UTF16_BE):
        return "utf-16-be"
    if declared:
        try:
            return codecs.lookup(declared).name
        except LookupError:
            raise UsageError(f"encoding {declared!r} of the contract does not exist") from None
    even, odd = first[0::2].count(0), first[1::2].count(0)
    pairs = len(first) // 2
    if pairs >= 4 and odd > 0.7 * pairs and even < 0.1 * pairs:
        return "utf-16-le"
    if pairs >= 4 and even > 0.7 * pairs and odd < 0.1 * pairs:
        return "utf-16-be"
    return "utf-8"


def _plain(path: Path) -> Iterator[bytes]:
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK):
            yield block


def _first(blocks: Iterator[bytes], wanted: int) -> bytes:
    head = b""
    while len(head) < wanted and (block := next(blocks, b"")):
        head += block
    return head


def _chain(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest


def _decoded(blocks: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    if encoding in _UTF8_NAMES:
        # UTF-8 stays as it is: a row that is not valid is found, and set aside, by itself.
        first = next(blocks)
        yield first.removeprefix(codecs.BOM_UTF8)
        yield from blocks
        return
    decoder = codecs.getincrementaldecoder(encoding)(_MARK)
    for block in blocks:
        yield decoder.decode(block).removeprefix("\ufeff").encode("utf-8", "surrogatepass")
    yield decoder.decode(b"", True).encode("utf-8", "surrogatepass")


def _line_ends(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """Turn CRLF into LF, and a lone CR too where the first line ends with one.

    In a file whose first line ends with LF a lone CR is no line end, and stays for the
    record reader to judge.
    """
    lone_cr: bool | None = None
    held = b""
    for incoming in blocks:
        block = held + incoming
        held = b""
        if block.endswith(b"\r"):  # its LF may be in the next block
            block, held = block[:-1], b"\r"
        if lone_cr is None and (b"\r" in block or b"\n" in block):
            lone_cr = _first_line_end(block) == b"\r"
        if b"\r" in block:
            block = block.replace(b"\r\n", b"\n")
            if lone_cr:
                block = block.replace(b"\r", b"\n")
        if block:
            yield block
    if held:
        yield b"\n"


def _first_line_end(block: bytes) -> bytes:
    """Find how the first line outside quotes ends."""
    quoted = False
    for position, byte in enumerate(block):
        if byte == 0x22:
            quoted = not quoted
        elif byte == 0x0A and not quoted:
            return b"\n"
        elif byte == 0x0D and not quoted:
            return b"\n" if block[position + 1 : position + 2] == b"\n" else b"\r"
    return b"\n"
