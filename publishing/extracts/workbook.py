"""The workbook of an extract: summary, one sheet for each table, dictionary and notes.

Belongs here: what stands on which sheet. Does not belong here: how cells are written safely
(publishing/spreadsheets.py), and the texts (notes.py).
"""

from __future__ import annotations

import datetime as dt
import io
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from publishing.extracts.contracts import ExtractTable
from publishing.extracts.notes import Facts, paragraphs
from publishing.extracts.wording import label, month, number, percent, words
from publishing.spreadsheets import SUPPRESSED, SheetColumn, Workbook

AUTHOR = "Cakupan"
RESERVED = ("Ringkasan", "Kamus Data", "Catatan")

_INK, _AMBER, _GREY = "#0B4F54", "#E0A030", "#6B7280"
_FIGURES = ("workers", "active", "inactive", "unregistered", "gap")
_UNKNOWN = {"province_code": "00", "regency_code": "0000", "sector_code": "X"}
_TOP = 10
_WIDTH = 8
_PALE = "#E8F1F1"
_TILES = (
    ("workers", "Pekerja", "[$-421]#,##0", _INK),
    ("active", "Terlindungi", "[$-421]#,##0", _INK),
    ("gap", "Belum terlindungi", "[$-421]#,##0", "#9A5B00"),
    ("coverage_rate", "Cakupan", "[$-421]0.0%", _INK),
)
_TILE_COLUMNS = ((0, 0), (1, 2), (3, 5), (6, 7))
_LETTERS = 36
"""Letters that the first column of the summary holds on one line."""


def write_workbook(
    target: Path | io.BytesIO, facts: Facts, tables: dict[str, pa.Table], made: dt.datetime
) -> None:
    """Write the workbook of one extract.

    Args:
        target: a path or a buffer.
        facts: recipient, contract and publication.
        tables: the rows by table name; a table that is left out gets no sheet.
        made: when the publication was made.
    """
    book = Workbook(target, title=f"{facts.title} — {facts.recipient.title}", author=AUTHOR,
                    made=made)  # fmt: skip
    given = [table for table in facts.contract.tables if table.name in tables]
    names = sheet_names(given)
    _summary(book, facts, tables, given, names)
    for table in given:
        _data(book, facts, table, tables[table.name], names[table.name])
    _dictionary(book, given, names)
    _notes(book, facts)
    book.close()


def sheet_names(tables: list[ExtractTable]) -> dict[str, str]:
    """Give each table's sheet a name that spreadsheets take: unique, of at most 31 letters."""
    names: dict[str, str] = {}
    taken = {name.lower() for name in RESERVED}
    for table in tables:
        wanted = "".join(" " if letter in "[]:*?/\\'" else letter for letter in table.title)
        name, number_ = wanted[:31].strip(), 2
        while name.lower() in taken:
            name = f"{wanted[:27].strip()} {number_}"
            number_ += 1
        taken.add(name.lower())
        names[table.name] = name
    return names


def _summary(
    book: Workbook,
    facts: Facts,
    tables: dict[str, pa.Table],
    given: list[ExtractTable],
    names: dict[str, str],
) -> None:
    sheet = book.sheet("Ringkasan", landscape=False)
    sheet.set_column(0, 0, _LETTERS + 2)
    sheet.set_column(1, _WIDTH - 2, 14)
    sheet.set_column(_WIDTH - 1, _WIDTH - 1, 16)
    recipient = facts.recipient
    row = book.banner(sheet, facts.title, f"Untuk {recipient.title} · {recipient.agency}", _WIDTH)
    lines = [
        f"Publikasi {facts.publication} · kontrak versi {facts.contract.version} · "
        f"diktum {', '.join(facts.contract.clauses)}",
        facts.contract.purpose,
    ]
    if facts.replaces:
        lines.append(f"Ekstrak ini menggantikan kiriman {facts.replaces.name}.")
    for line in lines:
        sheet.merge_range(row - 1, 0, row - 1, _WIDTH - 1, "")
        book.text(sheet, row - 1, 0, line, text_wrap=True)
        row += 1
    first = tables.get(facts.contract.summary)
    figures = None if first is None else _current(facts, first)
    if figures is not None and figures.num_rows == 1:
        row = _tiles(book, sheet, row, figures.to_pylist()[0])
    if figures is not None and figures.num_rows:
        row = _figures(book, sheet, row, "Angka pokok (menurut domisili)", facts, figures)
        if figures.num_rows == 1:
            told = _sentence(facts, figures.to_pylist()[0])
            sheet.merge_range(row - 1, 0, row - 1, _WIDTH - 1, "")
            book.text(sheet, row - 1, 0, told, font_size=11, text_wrap=True)
            sheet.set_row(row - 1, 32)
            row += 1
    charted = tables.get(facts.contract.chart)
    ranking = _ranking(facts, charted)
    if charted is not None and ranking is not None and ranking.num_rows > 1:
        # Among the hidden ones may be larger gaps than some of those that are shown.
        partly = bool(_current(facts, charted).column("gap").null_count)
        row = _chart(book, sheet, row, facts, ranking, partly)
    row = _contents(book, sheet, row, tables, given, names)
    book.heading(sheet, row, "Cara membaca")
    legend = (
        f"{SUPPRESSED} = dirahasiakan: menyangkut 1 sampai 9 orang, atau melindungi sel lain.",
        "– = tidak ada nilainya.",
        "Cakupan = aktif dibagi pekerja di luar PNS, TNI, dan Polri. Rentang: batas bawah–atas "
        "karena penautan data tidak selalu pasti.",
        "Pengertian lengkap ada di lembar Catatan; arti kolom di lembar Kamus Data.",
    )
    for line in legend:
        row += 1
        book.text(sheet, row, 0, line, font_color=_GREY)
    sheet.print_area(0, 0, row, _WIDTH - 1)


def _current(facts: Facts, table: pa.Table) -> pa.Table:
    """Give a table's rows of the period itself, by domicile where it tells the basis."""
    wanted = pc.equal(table.column("period"), facts.period)
    if "basis" in table.column_names:
        wanted = pc.and_(wanted, pc.equal(table.column("basis"), "domicile"))
    return table.filter(wanted)


def _ranking(facts: Facts, table: pa.Table | None) -> pa.Table | None:
    """Give the rows with the largest gap, without those of an unknown place or sector."""
    if table is None or "gap" not in table.column_names:
        return None
    rows = _current(facts, table)
    for column, unknown in _UNKNOWN.items():
        if column in rows.column_names:
            rows = rows.filter(pc.not_equal(rows.column(column), unknown))
    rows = rows.filter(pc.is_valid(rows.column("gap")))
    return rows.sort_by([("gap", "descending")]).slice(0, _TOP)


def _place(facts: Facts, row: dict[str, Any]) -> str:
    """Name a row by what tells it from the others of its table."""
    contract = facts.contract
    place = row.get("regency") or row.get("province")
    if contract.region_scope == "regency" or (
        contract.region_scope == "province" and not row.get("regency")
    ):
        place = None
    sector = row.get("sector")
    if place and len(contract.sectors) == 1:
        sector = None
    parts = [str(part) for part in (place, sector) if part]
    return " · ".join(parts) or facts.recipient.region or "Indonesia"


def _sentence(facts: Facts, row: dict[str, Any]) -> str:
    """Tell the first figures in a sentence."""
    place, workers = _place(facts, row), row.get("workers")
    if workers is None or row.get("active") is None or row.get("gap") is None:
        return f"{place}: angka pokok dirahasiakan karena menyangkut terlalu sedikit orang."
    return (
        f"{place}: dari {number(workers)} pekerja di luar PNS, TNI, dan Polri, "
        f"{number(row['active'])} orang ({percent(row.get('coverage_rate'))}) terlindungi; "
        f"{number(row['gap'])} orang belum, yaitu yang tidak aktif atau belum terdaftar."
    )


def _tiles(book: Workbook, sheet: Any, row: int, figures: dict[str, Any]) -> int:
    """Write the four figures that are looked for first, large; give the next free row."""
    hidden = bool(figures.get("suppressed"))
    sheet.set_row(row, 16)
    sheet.set_row(row + 1, 34)
    for (name, title, form, colour), (first, last) in zip(_TILES, _TILE_COLUMNS, strict=True):
        box = {"bg_color": _PALE, "align": "center", "font_color": colour}
        big = {**box, "bold": True, "font_size": 20, "num_format": form}
        for line, style in ((row, box), (row + 1, big)):
            for column in range(first, last + 1):
                sheet.write_blank(line, column, None, book.style(**style))
            if last > first:
                sheet.merge_range(line, first, line, last, "", book.style(**style))
        book.text(sheet, row, first, title, **box)
        value = figures.get(name)
        if value is None:
            book.text(sheet, row + 1, first, SUPPRESSED if hidden else "–", **big)
        else:
            sheet.write_number(row + 1, first, value, book.style(**big))
    return row + 3


def _figures(book: Workbook, sheet: Any, row: int, title: str, facts: Facts, rows: pa.Table) -> int:
    book.heading(sheet, row, title)
    row += 1
    head = {"bold": True, "bg_color": "#E8F1F1", "font_color": _INK, "text_wrap": True, "bottom": 1}
    headings = ("", "Pekerja", "Aktif", "Tidak aktif", "Belum terdaftar", "Kesenjangan",
                "Cakupan", "Rentang")  # fmt: skip
    for column, text in enumerate(headings):
        book.text(sheet, row, column, text, align="left" if not column else "right", **head)
    for entry in rows.to_pylist():
        row += 1
        place = _place(facts, entry)
        book.text(sheet, row, 0, place, bold=True, text_wrap=True)
        if len(place) > _LETTERS:
            sheet.set_row(row, 27)
        hidden = bool(entry.get("suppressed"))
        for column, name in enumerate(_FIGURES, start=1):
            _figure(book, sheet, row, column, entry.get(name), hidden, "[$-421]#,##0")
        _figure(book, sheet, row, 6, entry.get("coverage_rate"), hidden, "[$-421]0.0%")
        low, high = entry.get("coverage_low"), entry.get("coverage_high")
        span = "–" if low is None or high is None else f"{number(low * 100, 1)}–{percent(high)}"
        book.text(sheet, row, 7, span, align="right")
    return row + 2


def _figure(
    book: Workbook, sheet: Any, row: int, column: int, value: Any, hidden: bool, form: str
) -> None:
    if value is None:
        book.text(sheet, row, column, SUPPRESSED if hidden else "–", align="right")
    else:
        sheet.write_number(row, column, value, book.style(num_format=form, align="right"))


def _chart(book: Workbook, sheet: Any, row: int, facts: Facts, rows: pa.Table, partly: bool) -> int:
    shown = " yang dapat ditampilkan" if partly else ""
    title = f"{rows.num_rows} kesenjangan terbesar{shown}, {month(facts.period)} (domisili)"
    first = row + 2
    row = _figures(book, sheet, row, title, facts, rows)
    last = row - 2
    chart = book.book.add_chart({"type": "bar", "subtype": "stacked"})
    for column, name, colour in ((2, "Aktif", _INK), (5, "Kesenjangan", _AMBER)):
        chart.add_series(
            {
                "name": name,
                "categories": ["Ringkasan", first, 0, last, 0],
                "values": ["Ringkasan", first, column, last, column],
                "fill": {"color": colour},
                "gap": 45,
            }
        )
    chart.set_title({"name": title, "name_font": {"size": 11, "color": _INK}, "overlay": False})
    chart.set_y_axis({"reverse": True, "num_font": {"size": 9}, "line": {"none": True}})
    chart.set_x_axis(
        {
            "num_format": "[$-421]#,##0",
            "num_font": {"size": 9},
            "major_gridlines": {"visible": True, "line": {"color": "#DDDDDD"}},
            "label_position": "high",
        }
    )
    chart.set_legend({"position": "bottom"})
    height = 90 + 26 * rows.num_rows
    chart.set_size({"width": 960, "height": height})
    sheet.insert_chart(
        row, 0, chart, {"object_position": 1, "description": f"Diagram batang: {title}"}
    )
    return row + height // 20 + 2


def _contents(
    book: Workbook,
    sheet: Any,
    row: int,
    tables: dict[str, pa.Table],
    given: list[ExtractTable],
    names: dict[str, str],
) -> int:
    book.heading(sheet, row, "Isi berkas ini")
    link = book.style(font_color="#0563C1", underline=1)
    for table in given:
        row += 1
        name = names[table.name]
        sheet.write_url(row, 0, f"internal:'{name}'!A1", link, name)
        book.text(sheet, row, 1, f"{number(tables[table.name].num_rows)} baris", align="right")
    for name in RESERVED[1:]:
        row += 1
        sheet.write_url(row, 0, f"internal:'{name}'!A1", link, name)
    return row + 2


def _data(book: Workbook, facts: Facts, table: ExtractTable, data: pa.Table, name: str) -> None:
    sheet = book.sheet(name, landscape=True)
    columns = [SheetColumn(c.name, label(c), c.kind, words(c.name)) for c in table.columns]
    span = month(facts.period)
    if table.months > 1:
        span = f"sampai {span}, paling banyak {table.months} bulan"
    row = book.banner(
        sheet, table.title, f"{facts.recipient.title} · {span} · {table.name}", len(columns)
    )
    frozen = min(sum(c.kind not in ("persons", "integer", "rate", "money", "boolean")
                     for c in table.columns), 4)  # fmt: skip
    book.table(sheet, row, columns, data, frozen=frozen)


def _dictionary(book: Workbook, given: list[ExtractTable], names: dict[str, str]) -> None:
    sheet = book.sheet("Kamus Data", landscape=True, colour=_GREY)
    headings = ("Lembar", "Tabel", "Kolom", "Judul", "Arti", "Satuan", "Jenis")
    entries = [
        (names[table.name], table.name, c.name, label(c), c.id, c.unit, c.kind)
        for table in given
        for c in table.columns
    ]
    data = pa.table(
        [pa.array([entry[i] for entry in entries], pa.string()) for i in range(len(headings))],
        names=list(headings),
    )
    row = book.banner(sheet, "Kamus data", "Arti setiap kolom", len(headings))
    columns = [SheetColumn(name, name, "text", {}) for name in headings]
    book.table(sheet, row, columns, data, frozen=3)
    sheet.set_column(4, 4, 90)


def _notes(book: Workbook, facts: Facts) -> None:
    sheet = book.sheet("Catatan", landscape=False, colour=_GREY)
    sheet.set_column(0, 0, 22)
    sheet.set_column(1, 1, 88)
    row = book.banner(sheet, "Catatan", facts.title, 2)
    for heading, pairs in paragraphs(facts):
        book.heading(sheet, row, heading)
        for key, text in pairs:
            row += 1
            first = 1 if key else 0
            if key:
                book.text(sheet, row, 0, key, bold=True, valign="top", text_wrap=True)
                book.text(sheet, row, 1, text, text_wrap=True, valign="top")
            else:
                sheet.merge_range(row, 0, row, 1, "")
                book.text(sheet, row, 0, text, text_wrap=True, valign="top")
            # Merged cells do not grow with their text, so every height is set.
            sheet.set_row(row, 14 * max(1, -(-len(text) // (95 if first else 118))))
        row += 2
    sheet.print_area(0, 0, row, 1)
