"""What a file is, told by its first bytes; its name is no evidence.

Belongs here: recognising formats and refusing those that are not read. Does not belong
here: reading them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from warehouse.errors import DataRefused

Format = Literal["csv", "csv.gz", "parquet", "xlsx"]

_ZIP = b"PK\x03\x04"
_EMPTY_ZIP = b"PK\x05\x06"
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ENCRYPTED_STREAM = "EncryptedPackage".encode("utf-16-le")
_OLE_SEARCHED_BYTES = 64 << 20

_REFUSED_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"%PDF", "a PDF"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ\x00", "an xz archive"),
    (b"\x28\xb5\x2f\xfd", "a zstd archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"Rar!", "a RAR archive"),
    (b"SQLite format 3\x00", "an SQLite database"),
    (b"\x89PNG", "an image"),
    (b"\xff\xd8\xff", "an image"),
    (b"\x7fELF", "a program"),
    (b"MZ\x90", "a program"),
)
_MARKUP = (b"<!doctype", b"<html", b"<?xml", b"<table", b"<workbook", b"<meta", b"<head", b"<style")
GZIP = b"\x1f\x8b"
PARQUET = b"PAR1"


def detect(path: Path, name: str) -> Format:
    """Tell a file's format by its first bytes.

    Args:
        path: the file.
        name: its name in messages.

    Returns:
        The format. Whatever has no signature of another format is taken for text.

    Raises:
        DataRefused: EMPTY_FILE, PASSWORD_PROTECTED, CORRUPT (Parquet without its end), or
            UNREADABLE_FILE with what it is instead.
    """
    with path.open("rb") as stream:
        head = stream.read(512)
        if not head:
            raise DataRefused(
                f"{name} is empty (0 bytes); ask the provider to deliver it again",
                code="EMPTY_FILE",
            )
        if head.startswith(PARQUET):
            stream.seek(-min(4, path.stat().st_size), 2)
            if stream.read(4) != PARQUET or path.stat().st_size < 12:
                raise DataRefused(
                    f"{name} is a Parquet file without its end: it was cut off or damaged; "
                    "ask the provider to deliver it again",
                    code="CORRUPT",
                )
            return "parquet"
        if head.startswith(_OLE):
            _refuse_ole(path, name)
    if head.startswith(GZIP):
        return "csv.gz"
    if head.startswith((_ZIP, _EMPTY_ZIP)):
        return "xlsx"
    for magic, what in _REFUSED_MAGIC:
        if head.startswith(magic):
            raise _unreadable(name, what)
    if head.removeprefix(b"\xef\xbb\xbf").lstrip().lower().startswith(_MARKUP):
        raise _unreadable(name, "an HTML or XML page (spreadsheet programs open such an .xls)")
    return "csv"


def _refuse_ole(path: Path, name: str) -> None:
    with path.open("rb") as stream:
        previous, searched = b"", 0
        while searched < _OLE_SEARCHED_BYTES and (block := stream.read(1 << 20)):
            if _ENCRYPTED_STREAM in previous + block:
                raise DataRefused(
                    f"{name} is a workbook protected by a password; "
                    "deliver it without a password, over the agreed channel",
                    code="PASSWORD_PROTECTED",
                )
            previous, searched = block[-64:], searched + len(block)
    raise _unreadable(name, "an old binary Excel file (.xls)")


def _unreadable(name: str, what: str) -> DataRefused:
    return DataRefused(
        f"{name} is {what}; deliver CSV (also gzipped), Parquet or XLSX", code="UNREADABLE_FILE"
    )
