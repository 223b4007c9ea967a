"""The dictionary as a workbook.

Belongs here: the sheets of `kamus.xlsx`. Does not belong here: formats and safety of cells
(publishing/spreadsheets.py), the dictionary's content.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from publishing.dictionary.reading import Concept, Dictionary
from publishing.spreadsheets import SheetColumn, Workbook

_AUTHOR = "Cakupan"


def write_workbook(target: Path, dictionary: Dictionary) -> None:
    """Write the dictionary as XLSX: tables, columns, concepts, sources, datasets.

    Args:
        target: the file.
        dictionary: what the published warehouse says of itself.
    """
    made = dt.datetime.fromisoformat(dictionary.published_at)
    title = f"Kamus data Cakupan, publikasi {dictionary.publication}"
    book = Workbook(target, title=title, author=_AUTHOR, made=made)
    subtitle = (
        "Keterangan tabel dan kolom menurut Satu Data Indonesia: konsep, definisi, klasifikasi, "
        "ukuran, satuan"
    )
    try:
        _sheet(
            book, "Tabel", title, subtitle,
            ("Tabel", "Isi", "In English", "Baris", "Kunci baris"),
            [
                (t.qualified, t.id, t.en, str(t.rows),
                 ", ".join(c.name for c in t.columns if c.in_grain))
                for t in dictionary.tables
            ],
        )  # fmt: skip
        _sheet(
            book, "Kolom", title, subtitle,
            ("Tabel", "Kolom", "Konsep", "Definisi", "Klasifikasi", "Ukuran", "Satuan", "Tipe",
             "Kunci", "Definition", "Unit"),
            [
                (t.qualified, c.name, c.concept, c.meaning_id, c.classification, c.measure,
                 c.unit_id, c.data_type, "ya" if c.in_grain else "", c.meaning_en, c.unit)
                for t in dictionary.tables
                for c in t.columns
            ],
        )  # fmt: skip
        _sheet(
            book, "Konsep", title, subtitle,
            ("Konsep", "Definisi", "Klasifikasi", "Ukuran", "Dibuat oleh", "Concept",
             "Definition"),
            [
                (c.id, c.text_id, c.classification, c.measure, "\n".join(c.made_by), c.en,
                 c.text_en)
                for c in dictionary.concepts
            ],
        )  # fmt: skip
        _sheet(
            book, "Asal", title, "Dari kolom kiriman mana setiap konsep berasal",
            ("Konsep", "Jenis daftar", "Kolom kiriman", "Daftar"),
            [row for concept in dictionary.concepts for row in _sources(concept)],
        )  # fmt: skip
        _sheet(
            book, "Daftar", title, "Daftar yang diterima, kolomnya, dan judul kolom yang dikenal",
            ("Daftar", "Judul", "Penyedia", "Jenis", "Kolom", "Judul kolom yang dikenal", "Wajib"),
            [
                (d.key, d.title, d.provider, d.kind, column, ", ".join(headers),
                 "ya" if required else "")
                for d in dictionary.datasets
                for column, headers, required in d.columns
            ],
        )  # fmt: skip
    finally:
        book.close()


def _sources(concept: Concept) -> list[tuple[str, ...]]:
    return [(concept.id, s.kind, s.column, ", ".join(s.datasets)) for s in concept.sources]


def _sheet(
    book: Workbook,
    name: str,
    title: str,
    subtitle: str,
    headings: Sequence[str],
    rows: Sequence[tuple[str, ...]],
) -> None:
    sheet = book.sheet(name, landscape=True)
    first = book.banner(sheet, f"{name}: {title}", subtitle, len(headings))
    columns = [SheetColumn(f"c{i}", text, "text", {}) for i, text in enumerate(headings)]
    data = pa.table(
        {
            column.name: pa.array([row[i] for row in rows], pa.string())
            for i, column in enumerate(columns)
        }
    )
    book.table(sheet, first, columns, data)
