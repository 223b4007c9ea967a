"""Spreadsheets that are safe to open and ready to print.

Belongs here: workbooks in which a text is never a formula and an identifier never a number;
formats, tables, page set-up. Does not belong here: what the sheets say (extracts/workbook.py).

A text is written as a text cell whatever it begins with. One that begins like a formula also
carries the mark that a spreadsheet gives to a cell typed with a leading apostrophe, so that it
stays text when somebody edits the cell and presses Enter.
"""

from __future__ import annotations

import datetime as dt
import io
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import xlsxwriter

DANGEROUS = "=+-@\t\r\n＝＋－＠"
"""First letters that a spreadsheet, or one of the programs that open its files, may take for
the beginning of a formula; the full-width ones are taken for the others in East Asian input."""

TEXT_KINDS = frozenset(
    {"text", "name", "identifier", "nik", "npwp", "nib", "npp", "kpj", "ahu_number", "phone",
     "period", "region", "code", "kbli", "vocabulary", "list"}
)  # fmt: skip
SUPPRESSED = "*"
"""What stands in a suppressed cell; the legend explains it."""

BARRED = "coverage_rate"
"""The column that shows its figure as a bar too, from nothing to all."""

_BAR = {
    "type": "data_bar", "bar_color": "#A9D3CF", "min_type": "num",
    "min_value": 0, "max_type": "num", "max_value": 1,
}  # fmt: skip

MAX_ROWS = 1_048_576
_MAX_TEXT = 32_767
_CUT = " […]"
_INK, _SOFT, _LINE, _GREY = "#0B4F54", "#E8F1F1", "#C7D6D6", "#6B7280"
_FORMULA = re.compile(f"^[{re.escape(DANGEROUS)}]")

# 0x0421 is Indonesian: programs that follow it write 1.234,5; others use the reader's own.
_LOCALE = "[$-421]"
_NUMBER_FORMATS = {
    "persons": f"{_LOCALE}#,##0",
    "integer": f"{_LOCALE}#,##0",
    "money": f'{_LOCALE}"Rp"#,##0',
    "rate": f"{_LOCALE}0.0%",
    "number": f"{_LOCALE}#,##0.00",
    "kbli_vintage": "0",
    "date": f"{_LOCALE}d mmm yyyy",
    "timestamp": f"{_LOCALE}d mmm yyyy hh:mm",
}


def is_dangerous(text: str) -> bool:
    """Tell whether a spreadsheet might take a text for a formula."""
    return bool(_FORMULA.match(text))


def disarmed(table: pa.Table) -> pa.Table:
    """Put an apostrophe before every text that a spreadsheet might take for a formula.

    For CSV, where nothing else tells text from formula. Column names stay.
    """
    columns = []
    pattern = f"^([{re.escape(DANGEROUS)}])"
    for column in table.columns:
        text = pa.types.is_string(column.type) or pa.types.is_large_string(column.type)
        columns.append(pc.replace_substring_regex(column, pattern, r"'\1") if text else column)
    return pa.table(columns, names=table.column_names)


@dataclass(frozen=True)
class SheetColumn:
    """One column of a table on a sheet.

    Attributes:
        name: its name in the data.
        heading: what stands above it.
        kind: kind of its values, a key of `warehouse.columns.SQL_TYPES`.
        words: words shown for codes; a code without one is shown as it is.
    """

    name: str
    heading: str
    kind: str
    words: Mapping[str, str]


class Workbook:
    """A workbook in the house's style, written to a file or into memory.

    Args:
        target: a path, or a binary file object.
        title: of the document; printed at the top of every page.
        author: of the document.
        made: when the content was published; a workbook with the same content and time is
            the same byte for byte.
    """

    def __init__(
        self, target: Path | BinaryIO | io.BytesIO, *, title: str, author: str, made: dt.datetime
    ) -> None:
        self.book = xlsxwriter.Workbook(
            str(target) if isinstance(target, Path) else target,
            {
                # Nothing that a cell holds may become a formula, a link or a number, and no
                # file of the table in clear may lie in a temporary folder.
                "strings_to_formulas": False,
                "strings_to_urls": False,
                "strings_to_numbers": False,
                "in_memory": True,
                "default_date_format": _NUMBER_FORMATS["date"],
            },
        )
        self.title = title
        self.book.set_properties(
            {"title": title, "author": author, "created": made, "company": author}
        )
        self._formats: dict[tuple[tuple[str, Any], ...], Any] = {}

    def close(self) -> None:
        """Write the file."""
        self.book.close()

    def style(self, **properties: Any) -> Any:
        """Give a cell format of the house's font, made once for each set of properties."""
        key = tuple(sorted(properties.items()))
        if key not in self._formats:
            self._formats[key] = self.book.add_format(
                {"font_name": "Calibri", "font_size": 10, "valign": "vcenter", **properties}
            )
        return self._formats[key]

    def sheet(self, name: str, *, landscape: bool, colour: str = _INK) -> Any:
        """Add a sheet, with A4 pages one sheet wide, title, page numbers and date."""
        sheet = self.book.add_worksheet(name)
        sheet.set_tab_color(colour)
        sheet.hide_gridlines(2)
        sheet.set_paper(9)
        if landscape:
            sheet.set_landscape()
        sheet.fit_to_pages(1, 0)
        sheet.set_margins(left=0.5, right=0.5, top=0.8, bottom=0.7)
        title = self.title.replace("&", "&&")
        sheet.set_header(f"&L&8{title[:120]}&R&8{name.replace('&', '&&')}")
        sheet.set_footer("&L&8Sumber: Cakupan, penautan data Inpres 2/2021&R&8Halaman &P dari &N")
        return sheet

    def text(self, sheet: Any, row: int, column: int, text: str, **properties: Any) -> None:
        """Write a text cell; it is text whatever it begins with."""
        if is_dangerous(text):
            properties["quote_prefix"] = True
        if len(text) > _MAX_TEXT:
            text = text[: _MAX_TEXT - len(_CUT)] + _CUT
        sheet.write_string(row, column, text, self.style(**properties))

    def banner(self, sheet: Any, title: str, subtitle: str, columns: int) -> int:
        """Write the head of a sheet, and return the first free row."""
        sheet.set_row(0, 24)
        last = max(columns - 1, 1)
        for column in range(last + 1):
            sheet.write_blank(0, column, None, self.style(bg_color=_INK))
        self.text(sheet, 0, 0, title, bold=True, font_size=14, font_color="white", bg_color=_INK)
        self.text(sheet, 1, 0, subtitle, font_color=_GREY, italic=True)
        return 3

    def heading(self, sheet: Any, row: int, text: str) -> None:
        """Write the heading of a block."""
        sheet.set_row(row, 18)
        self.text(sheet, row, 0, text, bold=True, font_size=12, font_color=_INK)

    def table(
        self,
        sheet: Any,
        first_row: int,
        columns: Sequence[SheetColumn],
        data: pa.Table,
        *,
        frozen: int = 0,
        main: bool = True,
    ) -> int:
        """Write a table with headings, filters and widths.

        Cells are written one by one because a workbook has no other way; what is too large
        for a sheet is refused before.

        Args:
            sheet: where.
            first_row: row of the headings.
            columns: in the order of the data's columns.
            data: the rows; a column `suppressed` tells which rows have hidden cells.
            frozen: columns that stay in view.
            main: the sheet is this table: freeze, filter, repeat headings in print.

        Returns:
            The row after the last.

        Raises:
            ValueError: the rows do not fit on a sheet.
        """
        if data.num_rows + first_row + 1 > MAX_ROWS:
            raise ValueError(f"{data.num_rows} rows do not fit on a sheet")
        head = {
            "bold": True, "font_color": "white", "bg_color": _INK, "text_wrap": True,
            "border": 1, "border_color": _LINE, "align": "center",
        }  # fmt: skip
        sheet.set_row(first_row, 44)
        hidden: Sequence[bool] = ()
        if "suppressed" in data.column_names:
            hidden = [bool(flag) for flag in data.column("suppressed").to_pylist()]
        for position, column in enumerate(columns):
            self.text(sheet, first_row, position, column.heading, **head)
            values = data.column(position).to_pylist()
            widest = self._column(sheet, first_row + 1, position, column, values, hidden)
            if main:
                longest = max((len(word) for word in column.heading.split()), default=0) + 4
                sheet.set_column(position, position, min(max(widest + 2, longest, 10), 46))
            if column.name == BARRED and data.num_rows > 1:
                last_row = first_row + data.num_rows
                sheet.conditional_format(first_row + 1, position, last_row, position, _BAR)
        if main:
            last = first_row + max(data.num_rows, 1)
            sheet.autofilter(first_row, 0, last, len(columns) - 1)
            sheet.freeze_panes(first_row + 1, frozen)
            sheet.repeat_rows(0, first_row)
            sheet.print_area(0, 0, last, len(columns) - 1)
        return first_row + 1 + data.num_rows

    def _column(
        self,
        sheet: Any,
        row: int,
        position: int,
        column: SheetColumn,
        values: Sequence[Any],
        hidden: Sequence[bool],
    ) -> int:
        """Write one column's cells, and return the length of the longest."""
        line = {"bottom": 4, "bottom_color": _LINE}
        plain = self.style(**line)
        text = self.style(num_format="@", **line)
        armed = self.style(num_format="@", quote_prefix=True, **line)
        veiled = self.style(align="center", bg_color="#EEEEEE", font_color=_GREY, **line)
        none = self.style(align="right", font_color=_GREY, **line)
        write: Callable[..., Any]
        number = column.kind in _NUMBER_FORMATS
        shown = self.style(num_format=_NUMBER_FORMATS.get(column.kind, "General"), **line)
        write = sheet.write_datetime if column.kind in ("date", "timestamp") else sheet.write_number
        longest, words = 0, column.words
        for offset, value in enumerate(values):
            at = row + offset
            if value is None:
                if number and hidden and hidden[offset]:
                    sheet.write_string(at, position, SUPPRESSED, veiled)
                elif number:
                    sheet.write_string(at, position, "–", none)
                else:
                    sheet.write_blank(at, position, None, plain)
            elif number and not isinstance(value, str):
                write(at, position, value, shown)
            elif isinstance(value, bool):
                sheet.write_string(at, position, "ya" if value else "", veiled if value else plain)
            else:
                cell = words.get(str(value), str(value))
                if len(cell) > _MAX_TEXT:
                    cell = cell[: _MAX_TEXT - len(_CUT)] + _CUT
                longest = max(longest, len(cell))
                sheet.write_string(at, position, cell, armed if is_dangerous(cell) else text)
        return longest
