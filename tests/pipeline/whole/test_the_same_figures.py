"""Warehouse, release, page, report and workbook of one publication tell the same figures."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb
import pypdfium2
import pytest
from driving import FIRST, SECOND, Lived
from python_calamine import CalamineWorkbook

from assets.publication import what_moved
from pipelines.gap import number
from publishing.extracts.contracts import load_extract_contracts
from publishing.extracts.making import make_extracts
from publishing.report import make_report
from publishing.report.figures import read_figures
from tests.dashboards import page_engine, page_islands
from warehouse.home import Home
from warehouse.settings import ExtractSettings, Settings

COUNTS = ("workers", "active", "inactive", "unregistered", "gap")
RATES = ("coverage_rate", "coverage_low", "coverage_high")
BASES = {"domicile": "domisili", "workplace": "tempat-kerja"}
LEVELS = {
    "coverage_national": None,
    "coverage_by_province": "province_code",
    "coverage_by_sector": "sector_code",
}
COORDINATOR = 1
"""The addressee that reports to the President; its workbook holds the whole country."""

Key = tuple[str, str, str, str]
Figures = Mapping[Key, tuple[Any, ...]]


@pytest.fixture(scope="module")
def folder(lived: Lived) -> Path:
    return (lived.home / "published" / "current").resolve()


@pytest.fixture(scope="module")
def released(folder: Path) -> Figures:
    """Key figures of every month, basis, province and sector, as the release tells them."""
    return _read(folder / "release.duckdb", "release")


def _read(file: Path, schema: str) -> Figures:
    found = {}
    with duckdb.connect(config={"threads": 1}) as con:
        con.execute(f"ATTACH '{file}' AS read (READ_ONLY)")
        for table, code in LEVELS.items():
            for table_, period, basis, own, *figures in con.execute(
                f"SELECT '{table}', period, basis, {code or 'NULL'}, {', '.join(COUNTS + RATES)} "
                f"FROM read.{schema}.{table} WHERE denominator_id = 'eligible'"
            ).fetchall():
                found[table_, period, basis, own or ""] = tuple(figures)
    return found


def test_there_is_something_to_compare(released: Figures) -> None:
    for basis in BASES:
        for period in (FIRST, SECOND):
            own = [key for key in released if key[1:3] == (period, basis)]
            # All provinces and sectors; the unknown ones only where somebody is in them.
            assert 1 + 38 + 17 <= len(own) <= 1 + 39 + 18
    withheld = [figures for figures in released.values() if figures[1] is None]
    assert 20 < len(withheld) < len(released) - 20


def test_the_release_is_the_exact_table_rounded(folder: Path, released: Figures) -> None:
    exact = _read(folder / "cakupan.duckdb", "coverage")
    assert set(exact) == set(released)
    for key, told in released.items():
        for name, said, counted in zip(COUNTS + RATES, told, exact[key], strict=True):
            # Rows add up as printed, so a difference of two rounded counts may be one off.
            off = 0.5 if name in {"workers", "active"} else 1
            if said is not None and name in COUNTS:
                assert abs(said - float(counted)) <= off, (key, name)
            elif said is not None:
                assert abs(said - float(counted)) * told[0] <= 2, (key, name)


def test_the_page_tells_what_the_release_tells(folder: Path, released: Figures) -> None:
    run = page_engine(page_islands(folder / "dasbor.html"))
    choices = {"coverage_by_province": "provinsi", "coverage_by_sector": "sektor"}
    addresses = [
        f"bulan={period}&dasar={BASES[basis]}&{choices.get(table, 'provinsi')}={code}"
        for table, period, basis, code in released
    ]
    shown = run(f"{addresses!r}.map((address) => figures.figure(at('#' + address)))")
    for (key, told), one in zip(released.items(), shown, strict=True):
        assert tuple(one[name] for name in COUNTS + RATES) == told, key
        assert one["partial"] is False


def test_the_report_tells_what_the_release_tells(
    folder: Path, released: Figures, tmp_path: Path
) -> None:
    figures = read_figures(folder / "release.duckdb", folder / "cakupan.duckdb", SECOND)
    rows = {("coverage_national", ""): figures["national"]}
    rows |= {("coverage_by_province", row["province_code"]): row for row in figures["provinces"]}
    rows |= {("coverage_by_sector", row["sector_code"]): row for row in figures["sectors"]}
    expected = {
        (table, code): told
        for (table, period, basis, code), told in released.items()
        if (period, basis) == (SECOND, "domicile")
    }
    assert {
        key: tuple(row[name] for name in COUNTS + RATES) for key, row in rows.items()
    } == expected
    report = make_report(folder.parent, SECOND, tmp_path / "laporan.pdf")
    pages = pypdfium2.PdfDocument(report.path)
    text = re.sub(r"\s+", " ", " ".join(p.get_textpage().get_text_bounded() for p in pages))
    for (table, code), told in expected.items():
        if code:
            workers, gap, rate = told[0], told[4], told[5]
            share = "ditahan" if rate is None else f"{number(rate * 100, 1)}%"
            line = " ".join(
                [*("ditahan" if n is None else number(n) for n in (workers, gap)), share]
            )
            assert line in text, (table, code)


def test_the_workbook_tells_what_the_release_tells(
    lived: Lived, released: Figures, tmp_path: Path
) -> None:
    home = Home(tmp_path / "home").ensure()
    home.published.rmdir()
    home.published.symlink_to(lived.home / "published")
    settings = Settings(extracts=ExtractSettings(processes=1))
    made = make_extracts(home, settings, SECOND, addressees=[COORDINATOR]).written[0]
    book = CalamineWorkbook.from_path(next(made.glob("*.xlsx")))
    compared = 0
    for table in load_extract_contracts()[COORDINATOR].aggregates:
        if table.name not in LEVELS:
            continue
        names = [column.name for column in table.columns]
        rows = book.get_sheet_by_name(table.title).to_python()
        for cells in rows:
            row = dict(zip(names, cells, strict=False))
            if row["period"] not in {FIRST, SECOND}:
                continue
            code = LEVELS[table.name]
            basis = {"Domisili": "domicile", "Tempat kerja": "workplace"}[str(row["basis"])]
            told = released[table.name, str(row["period"]), basis, str(row[code]) if code else ""]
            for name, said in zip(COUNTS + RATES, told, strict=True):
                # Sixteen digits of a rate are kept in a workbook.
                same = row[name] == "*" if said is None else row[name] == pytest.approx(said, 1e-14)
                assert same, (table.name, row, name)
            compared += 1
    assert compared == len(released)


def test_the_months_page_in_dagster_shows_what_moved(folder: Path) -> None:
    lines = str(what_moved(folder).value).splitlines()
    with duckdb.connect(str(folder / "cakupan.duckdb"), read_only=True) as con:
        now, before = con.execute(
            "SELECT workers, active::DOUBLE FROM coverage.coverage_national "
            "WHERE basis = 'domicile' AND denominator_id = 'eligible' ORDER BY period DESC"
        ).fetchall()
    told = [cell.strip() for cell in lines[2].strip("|").split("|")]
    assert told[:4] == [FIRST, SECOND, f"{now[0]:,}", f"{now[0] - before[0]:,}"]
    assert told[4:6] == [f"{now[1]:,.4f}", f"{now[1] - before[1]:,.4f}"]
    assert told[11] in {"people", "deliveries", "links", "parameters"}


def test_page_and_report_tell_the_same_of_what_moved(folder: Path, released: Figures) -> None:
    page = page_islands(folder / "dasbor.html")["data"]["changes"]
    figures = read_figures(folder / "release.duckdb", folder / "cakupan.duckdb", SECOND)
    before, now = (
        released["coverage_national", period, "domicile", ""][4] for period in (FIRST, SECOND)
    )
    month = figures["movement"]["months"][-1]
    assert list(page) == [SECOND]
    assert page[SECOND]["gap_change"] == month["gap_change"] == now - before
    assert (page[SECOND]["causes"], page[SECOND]["flows"]) == (month["causes"], month["flows"])
    # A small world: what would tell of a few people is told by neither.
    told = [*month["causes"].values(), *month["flows"].values()]
    assert all(count is None or count == 0 or abs(count) >= 10 for count in told)
