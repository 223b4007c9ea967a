"""From a publication to the report's PDF.

Belongs here: the folder and names of reports, and compiling the template. Does not belong here:
what it says (figures.py, movement.py) and how it looks (*.typ).
"""

from __future__ import annotations

import datetime as dt
import json
import os
import tempfile
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

import typst

from publishing.report.figures import read_figures
from warehouse.connection import check_period
from warehouse.errors import CakupanError, UsageError
from warehouse.home import show
from warehouse.publication import folders

REPORT_FOLDER = "laporan"
STANDARDS: list[Literal["a-2a", "ua-1"]] = ["a-2a", "ua-1"]
"""PDF/A-2a (ISO 19005-2) for archives, PDF/UA-1 (ISO 14289-1) for readers who do not see."""


@dataclass(frozen=True)
class Report:
    """A report that was made.

    Attributes:
        path: the PDF.
        publication: the publication that it was made from.
        period: the month that it closes with.
        pages: its pages.
        bytes: its size.
    """

    path: Path
    publication: str
    period: str
    pages: int
    bytes: int


def make_report(published: Path, period: str, out: Path | None = None) -> Report:
    """Make the report of the half year that ends with a month.

    Args:
        published: folder of all publications.
        period: the month, YYYY-MM.
        out: the PDF to write; else `laporan/laporan-<period>.pdf` in the publication's folder.

    Raises:
        UsageError: no publication holds the month, or there is no folder to write into.
        CakupanError: the template could not be set.
    """
    check_period(period)
    found = [each for each in folders.publications(published) if each.period >= period]
    if not found:
        raise UsageError(
            f"no publication of {published} holds {period}: run the month first "
            f"(cakupan run --period {period})"
        )
    # Every publication holds all months; the newest one has the latest version of this.
    folder = found[-1].path
    release = folder / folders.RELEASE_FILE
    if not release.is_file():
        raise UsageError(f"publication {folder.name} has no release: publish the month again")
    target = out or folder / REPORT_FOLDER / f"laporan-{period}.pdf"
    if out is not None and not out.parent.is_dir():
        raise UsageError(f"there is no folder {out.parent} to write the report into")
    figures = read_figures(release, folder / folders.WAREHOUSE_FILE, period)
    pdf, pages = _compile(figures)
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_name(target.name + ".part")
    unfinished.write_bytes(pdf)
    os.replace(unfinished, target)  # noqa: PTH105  the same as Path.replace, atomic
    if out is None:
        show(target.parent)  # as readable as the publication that it lies in
    return Report(target, folder.name, period, pages, len(pdf))


def _compile(figures: dict[str, Any]) -> tuple[bytes, int]:
    """Set the template, and count its pages; the same figures give the same bytes."""
    published = dt.datetime.fromisoformat(figures["publication"]["published_on"])
    with tempfile.TemporaryDirectory(prefix="cakupan-report-") as folder:
        place = Path(folder)
        for source in files("publishing.report").iterdir():
            if source.name.endswith(".typ"):
                (place / source.name).write_text(source.read_text("utf-8"), encoding="utf-8")
        (place / "figures.json").write_text(json.dumps(figures, allow_nan=False), encoding="utf-8")
        try:
            # The template's own fonts alone: the report looks the same on every machine.
            compiler = typst.Compiler(
                str(place / "report.typ"), root=folder, ignore_system_fonts=True
            )
            pdf = compiler.compile(
                format="pdf",
                pdf_standards=[*STANDARDS],
                timestamp=int(published.replace(tzinfo=dt.UTC).timestamp()),
            )
            pages = int(json.loads(compiler.query("<pages>", field="value", one=True)))
        except typst.TypstError as error:
            problem = str(error)
        else:
            if isinstance(pdf, bytes):
                return pdf, pages
            problem = "no single file came of it"
    raise CakupanError(f"the report could not be set: {problem}")
