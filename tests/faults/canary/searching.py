"""Searching every byte of folders for canaries, in any form and inside of containers.

Belongs here: what a canary looks like when it is written in another way, and how containers are
opened. Does not belong here: where is searched.
"""

from __future__ import annotations

import base64
import gzip
import io
import re
import sqlite3
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import duckdb

_DIGITS = re.compile(rb"(?<![0-9])[0-9]{16}(?![0-9])")


def forms(canary: str) -> list[bytes]:
    """Give the ways in which a text may stand in a file."""
    plain = canary.encode()
    found = [plain, canary.encode("utf-16-le"), canary.encode("utf-16-be"), plain.hex().encode()]
    for shift in range(3):
        coded = base64.b64encode(b"\0" * shift + plain)
        # Letters that also depend on what stands before and behind the text are left out.
        found.append(coded[(shift * 8 + 5) // 6 : len(coded) - 4])
    return found


class Search:
    """What is searched for.

    Args:
        words: texts that must not be found, whatever case.
        niks: numbers that must not be found: those of all people of the world.
        spaced: those of them that are looked for with separators too.
    """

    def __init__(self, words: Sequence[str], niks: Sequence[str], spaced: Sequence[str]) -> None:
        forms_ = [form for word in (*words, *spaced) for form in forms(word)]
        split = [rb"[ .\-_/']{0,2}".join(re.escape(c.encode()) for c in nik) for nik in spaced]
        parts = [re.escape(form) for form in forms_] + split
        self.pattern = re.compile(b"|".join(parts), re.IGNORECASE)
        self.niks = frozenset(nik.encode() for nik in niks)
        self.bytes = 0
        self.files = 0

    def hits(self, content: bytes) -> list[str]:
        """Give what is found in bytes, and in the containers that the bytes are."""
        self.bytes += len(content)
        found = {match.group().decode("latin-1") for match in self.pattern.finditer(content)}
        found |= {n.decode() for n in _DIGITS.findall(content) if n in self.niks}
        for inner in _opened(content):
            found.update(self.hits(inner))
        return sorted(found)

    def below(self, folder: Path, leave: Sequence[Path] = ()) -> list[str]:
        """Search all files below a folder, and their names; give `file: what`."""
        found = []
        for path in sorted(folder.rglob("*")):
            if any(path == one or one in path.parents for one in leave):
                continue
            told = self.hits(str(path.relative_to(folder)).encode())
            if path.is_file() and not path.is_symlink():
                self.files += 1
                told += self.hits(path.read_bytes())
                told += self.hits(b"\n".join(_cells(path)))
            found += [f"{path}: {what}" for what in told]
        return found


def _opened(content: bytes) -> Iterator[bytes]:
    """Give what is packed in content: zip (XLSX), gzip, and compressed streams of PDF."""
    if content[:4] == b"PK\x03\x04":
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            for name in packed.namelist():
                yield packed.read(name)
    elif content[:2] == b"\x1f\x8b":
        yield gzip.decompress(content)
    elif content[:5] == b"%PDF-":
        for part in re.findall(rb"stream\r?\n(.*?)endstream", content, re.DOTALL):
            unpacked = zlib.decompressobj()
            try:
                yield unpacked.decompress(part)
            except zlib.error:
                yield b""


def _cells(path: Path) -> Iterator[bytes]:
    """Give all texts of a database or a Parquet file, which stand in it compressed or cut."""
    with path.open("rb") as file:
        head = file.read(16)
    if head.startswith(b"SQLite format 3"):
        yield from _sqlite(path)
    elif head[:4] == b"PAR1" or head[8:12] == b"DUCK":
        with duckdb.connect() as con:
            names = [f"read_parquet('{path}')"]
            if head[:4] != b"PAR1":
                con.execute(f"ATTACH '{path}' AS f (READ_ONLY)")
                names = [
                    f'f."{schema}"."{table}"'
                    for schema, table in con.execute(
                        "SELECT schema_name, table_name FROM duckdb_tables() "
                        "WHERE database_name = 'f'"
                    ).fetchall()
                ]
                yield str(con.execute("SELECT comment FROM duckdb_columns()").fetchall()).encode()
            for name in names:
                rows = con.execute(f"SELECT CAST(t AS VARCHAR) FROM {name} AS t").fetchall()
                yield "\n".join(str(text) for (text,) in rows).encode()


def _sqlite(path: Path) -> Iterator[bytes]:
    con = sqlite3.connect(path)
    con.text_factory = bytes
    for (name,) in con.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
        for row in con.execute(f'SELECT * FROM "{name.decode()}"'):
            yield b"\n".join(v if isinstance(v, bytes) else str(v).encode() for v in row)
    con.close()
