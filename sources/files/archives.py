"""Unpacking that cannot be made to fill the disk or to write outside its folder.

Belongs here: limits on gzip streams and on the zip container of workbooks. Does not
belong here: what the unpacked content means.
"""

from __future__ import annotations

import stat
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from sources.files.sheets import MAX_CELLS, SheetSize
from warehouse.errors import DataRefused

MAX_RATIO = 200
"""Unpacked to packed bytes. Registers pack to a fifth or a tenth, a bomb to a thousandth."""
RATIO_APPLIES_FROM = 16 << 20
"""Below so many unpacked bytes any ratio is harmless (a small file of one repeated row)."""
MAX_TEXT_BYTES = 256 << 30
MAX_WORKBOOK_BYTES = 1 << 30
"""Unpacked size of a whole workbook; a full sheet of 16 columns has some 600 MB."""
MAX_WORKBOOK_ENTRIES = 10_000
_BLOCK = 1 << 20
_ENCRYPTED_FLAG = 0x1


def gunzip(path: Path, name: str) -> Iterator[bytes]:
    """Unpack a gzip file block by block, several members too.

    Raises:
        DataRefused: UNSAFE_ARCHIVE beyond the limits, PARTIAL_FILE where the stream ends too
            early, CORRUPT where it is damaged.
    """
    packed_bytes = path.stat().st_size
    unpacked = 0
    engine = zlib.decompressobj(wbits=31)
    ended = False  # whether the last member ended properly
    with path.open("rb") as stream:
        data = b""
        while True:
            if not data:
                data = stream.read(_BLOCK)
                if not data:
                    break
            if ended:
                if not data.strip(b"\x00"):  # padding after the last member is allowed
                    data = b""
                    continue
                engine, ended = zlib.decompressobj(wbits=31), False
            try:
                block = engine.decompress(data, _BLOCK * 4)
            except zlib.error:
                block = None
            if block is None:
                raise DataRefused(
                    f"{name}: the gzip stream is damaged; ask the provider to deliver it again",
                    code="CORRUPT",
                )
            unpacked += len(block)
            if unpacked > MAX_TEXT_BYTES or (
                unpacked > RATIO_APPLIES_FROM and unpacked > MAX_RATIO * packed_bytes
            ):
                raise _unsafe(name, f"unpacks to more than {MAX_RATIO} times its size")
            data = engine.unused_data if engine.eof else engine.unconsumed_tail
            ended = engine.eof
            if block:
                yield block
    if not ended:
        raise DataRefused(
            f"{name}: the gzip stream ends before its end, the transfer was cut off; "
            "ask the provider to deliver it again",
            code="PARTIAL_FILE",
        )


def check_workbook(path: Path, name: str) -> list[str]:
    """Check the zip container of a workbook before anything unpacks it.

    Every entry is unpacked once into nothing, so that a size or checksum that the archive
    only claims is found out.

    Returns:
        The names of its entries.

    Raises:
        DataRefused: UNSAFE_ARCHIVE beyond the limits or for a name that leaves the archive,
            UNREADABLE_FILE for a zip that is no workbook, PASSWORD_PROTECTED, CORRUPT.
    """
    problem: DataRefused | None = None
    names: list[str] = []
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            names = [entry.filename for entry in entries]
            _check_entries(entries, path.stat().st_size, name)
            if "[Content_Types].xml" not in names or "xl/workbook.xml" not in names:
                raise DataRefused(
                    f"{name} is a zip archive, but no XLSX workbook (nor are XLSB and ODS read); "
                    "deliver the files in it themselves, as XLSX or CSV",
                    code="UNREADABLE_FILE",
                )
            _unpack_into_nothing(archive, entries, name)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError):
        problem = DataRefused(
            f"{name}: the workbook is damaged or was cut off; ask the provider to deliver it again",
            code="CORRUPT",
        )
    if problem:
        raise problem
    return names


def _check_entries(entries: list[zipfile.ZipInfo], packed_bytes: int, name: str) -> None:
    if len(entries) > MAX_WORKBOOK_ENTRIES:
        raise _unsafe(name, f"holds more than {MAX_WORKBOOK_ENTRIES} entries")
    for entry in entries:
        parts = entry.filename.replace("\\", "/").split("/")
        if entry.filename.startswith(("/", "\\")) or ".." in parts or ":" in parts[0]:
            raise _unsafe(name, "holds an entry whose name points outside it")
        if stat.S_ISLNK(entry.external_attr >> 16):
            raise _unsafe(name, "holds a symbolic link")
        if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            # LZMA takes as much memory as an entry asks for.
            raise _unsafe(name, "is packed by a method that workbooks do not use")
        if entry.flag_bits & _ENCRYPTED_FLAG:
            raise DataRefused(
                f"{name} is a zip archive protected by a password; deliver it without one",
                code="PASSWORD_PROTECTED",
            )
        if entry.filename.lower().endswith((".zip", ".gz", ".7z", ".rar")):
            raise _unsafe(name, "holds another archive")
    total = sum(entry.file_size for entry in entries)
    if total > MAX_WORKBOOK_BYTES:
        raise _unsafe(name, f"unpacks to more than {MAX_WORKBOOK_BYTES >> 20} MB")
    if total > RATIO_APPLIES_FROM and total > MAX_RATIO * packed_bytes:
        raise _unsafe(name, f"unpacks to more than {MAX_RATIO} times its size")


def _unpack_into_nothing(
    archive: zipfile.ZipFile, entries: list[zipfile.ZipInfo], name: str
) -> None:
    unpacked = cells = 0
    for entry in entries:
        size = SheetSize()
        with archive.open(entry) as stream:
            while block := stream.read(_BLOCK):
                unpacked += len(block)
                if unpacked > MAX_WORKBOOK_BYTES:
                    raise _unsafe(name, f"unpacks to more than {MAX_WORKBOOK_BYTES >> 20} MB")
                size.feed(block)
                _check_cells(name, cells, size)
        size.finish()
        _check_cells(name, cells, size)
        cells += size.cells


def _check_cells(name: str, cells: int, size: SheetSize) -> None:
    if max(cells + size.cells, size.area) > MAX_CELLS:
        raise _unsafe(name, f"spans more than {MAX_CELLS // 1_000_000} million cells")


def _unsafe(name: str, what: str) -> DataRefused:
    return DataRefused(
        f"{name} {what} and was not unpacked; ask the provider for a plain file",
        code="UNSAFE_ARCHIVE",
    )
