"""Files made to harm, and a process of its own that reads them and tells what they cost.

Belongs here: making them, and reading them one after the other with little memory. Does not
belong here: what must become of them (test_hostile_input.py).

Run as a program it takes a folder of files and prints, for each, the code it was refused with
and by how many megabytes the process grew.
"""

from __future__ import annotations

import io
import json
import resource
import sys
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

NS = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
BASE = "kpj,full_name,segment\n"
ADDRESS_SPACE = 3 << 30


def workbook(sheet: str | bytes, *, method: int = zipfile.ZIP_DEFLATED, **others: bytes) -> bytes:
    """Write a workbook whose one sheet has the given XML; `__` in names of others is a slash."""
    import openpyxl

    plain = io.BytesIO()
    made = openpyxl.Workbook()
    made.active.append(["kpj"])
    made.save(plain)
    target = io.BytesIO()
    with zipfile.ZipFile(plain) as source, zipfile.ZipFile(target, "w", method) as copy:
        for name in source.namelist():
            whole = sheet if name == "xl/worksheets/sheet1.xml" else source.read(name)
            copy.writestr(name, whole)
        for name, content in others.items():
            copy.writestr(name.replace("__", "/"), content)
    return target.getvalue()


def rows(*cells: str) -> str:
    """Write the XML of a sheet."""
    return f"<worksheet {NS}><sheetData>{''.join(cells)}</sheetData></worksheet>"


def bomb(megabytes: int) -> bytes:
    """Pack a text of one repeated letter with gzip."""
    engine = zlib.compressobj(9, wbits=31)
    block = b"A" * (1 << 20)
    packed = [engine.compress(BASE.encode())] + [engine.compress(block) for _ in range(megabytes)]
    return b"".join(packed) + engine.flush()


def wide(columns: int) -> bytes:
    """Write a CSV of so many columns that nobody knows."""
    return (BASE.strip() + ",a" * columns + "\nK1,A,PU\n").encode()


def forged() -> bytes:
    """Write a workbook that claims a small sheet and holds a large one."""
    content = bytearray(workbook(b" " * (8 << 20)))
    size = (8 << 20).to_bytes(4, "little")
    return bytes(content.replace(size, (100).to_bytes(4, "little")))


def repeated_rows() -> bytes:
    """Write a Parquet file of a few kilobytes that unfolds into two million long rows."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    target = io.BytesIO()
    texts = pa.DictionaryArray.from_arrays(pa.array([0] * 500_000, pa.int32()), ["A" * 4_000])
    table = pa.table({"kpj": texts, "full_name": texts, "segment": texts})
    with pq.ParquetWriter(target, table.schema) as writer:
        for _ in range(4):
            writer.write_table(table)
    return target.getvalue()


_A1 = '<row r="1"><c r="A1"><v>1</v></c></row>'
HOSTILE: dict[str, tuple[Callable[[], bytes], set[str]]] = {
    "gzip bomb of 200 MB": (lambda: bomb(200), {"UNSAFE_ARCHIVE"}),
    "workbook bomb of 100 MB": (lambda: workbook(b" " * (100 << 20)), {"UNSAFE_ARCHIVE"}),
    "workbook with forged sizes": (forged, {"CORRUPT", "UNSAFE_ARCHIVE"}),
    "two cells at the corners of a sheet": (
        lambda: workbook(rows(_A1, '<row r="1048576"><c r="XFD1048576"><v>2</v></c></row>')),
        {"UNSAFE_ARCHIVE"},
    ),
    "corners in small letters and single quotes": (
        lambda: workbook(rows(_A1, "<row r='9'><c\nr = 'zz900000'><v>2</v></c></row>")),
        {"UNSAFE_ARCHIVE"},
    ),
    "cells without places, rows far apart": (
        lambda: workbook(
            rows(f'<row r="1">{"<c><v>1</v></c>" * 9_000}</row>', '<x:row r="1048576"><c/></x:row>')
        ),
        {"UNSAFE_ARCHIVE"},
    ),
    "entities that multiply": (
        lambda: workbook(
            '<!DOCTYPE w [<!ENTITY a "aaaaaaaaaa">'
            + "".join(
                f'<!ENTITY a{n} "{f"&a{n - 1 or chr(0)};" * 10}">' for n in range(1, 10)
            ).replace("\0", "")
            + "]>"
            + rows('<row r="1"><c r="A1" t="inlineStr"><is><t>&a9;</t></is></c></row>')
        ),
        {"CORRUPT"},
    ),
    "external entity": (
        lambda: workbook(
            '<!DOCTYPE w [<!ENTITY f SYSTEM "file:///etc/passwd">]>'
            + rows('<row r="1"><c r="A1" t="inlineStr"><is><t>&f;</t></is></c></row>')
        ),
        {"CORRUPT", "SCHEMA_DRIFT"},
    ),
    "packed by LZMA": (
        lambda: workbook(rows(_A1), method=zipfile.ZIP_LZMA),
        {"UNSAFE_ARCHIVE"},
    ),
    "binary workbook": (
        lambda: workbook(rows(_A1)).replace(b"xl/workbook.xml", b"xl/workbook.bin"),
        {"UNREADABLE_FILE"},
    ),
    "half a million columns": (
        lambda: wide(500_000),
        {"SCHEMA_DRIFT"},
    ),
    "two thousand columns": (
        lambda: wide(2_000),
        {"SCHEMA_DRIFT"},
    ),
    "a header of 20 MB": (lambda: b"A" * (20 << 20), {"SCHEMA_DRIFT"}),
    "UTF-16 of half a character": (lambda: b"\xff\xfeA", {"SCHEMA_DRIFT", "BAD_ENCODING"}),
    "UTF-32": (lambda: ("\ufeff" + BASE).encode("utf-32-le"), {"SCHEMA_DRIFT", "BAD_ENCODING"}),
    "UTF-7": (lambda: BASE.encode("utf-7") + b"+AAA-,+/v8\xff-,", {"SCHEMA_DRIFT", "BAD_ENCODING"}),
    "Parquet of one row repeated": (repeated_rows, {"UNSAFE_ARCHIVE"}),
    "Parquet whose footer claims 2 GB": (
        lambda: b"PAR1" + b"\0" * 64 + (0x7FFFFFFF).to_bytes(4, "little") + b"PAR1",
        {"CORRUPT"},
    ),
}
"""What is delivered, and the codes with which it may be refused."""


def main(folder: Path) -> None:
    """Deliver every file of a folder, and print what happened."""
    import duckdb

    from sources.contracts import load_contracts
    from sources.files.reader import stage_file
    from warehouse.errors import DataRefused

    con = duckdb.connect(config={"threads": 1, "memory_limit": "256MB"})
    contract = load_contracts()["bpjs_participants"]
    work = folder / "work"
    outcomes = {}

    def take(path: Path) -> str:
        work.mkdir()
        try:
            staged = stage_file(con, path, path.name, contract, work)
            con.execute(f"SELECT count(*) FROM ({staged.query})").fetchall()
        except DataRefused as refusal:
            return refusal.code
        finally:
            for left in work.iterdir():
                left.unlink()
            work.rmdir()
        return "taken"

    good = folder / "good"
    good.write_text(BASE + "K1,A,PU\n", "utf-8")
    take(good)
    good.write_bytes(workbook(rows(_A1)))
    take(good)
    good.unlink()
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
    for path in sorted(folder.iterdir()):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        code = take(path)
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        outcomes[path.name] = [code, grown >> 10]
    sys.stdout.write(json.dumps(outcomes))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
