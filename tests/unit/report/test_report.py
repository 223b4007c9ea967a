"""The six-monthly report says what the release says, and nothing that it withholds."""

from __future__ import annotations

import json
import re
from pathlib import Path

import duckdb
import pypdfium2
import pytest

from publishing.report import make_report
from publishing.report.figures import read_figures
from warehouse.errors import UsageError
from warehouse.publication import folders
from warehouse.tables import table_specs

PERIOD, BEFORE = "2026-12", "2026-06"
PART = (
    "workers BIGINT, active BIGINT, inactive BIGINT, unregistered BIGINT, gap BIGINT, "
    "coverage_rate DOUBLE, coverage_low DOUBLE, coverage_high DOUBLE, suppressed BOOLEAN"
)
ENDS = "active_low BIGINT, active_high BIGINT, gap_low BIGINT, gap_high BIGINT"
HEAD = "period VARCHAR, basis VARCHAR, denominator_id VARCHAR"
TABLES = {
    "coverage_national": f"{HEAD}, {PART}, {ENDS}",
    "coverage_by_province": f"{HEAD}, province_code VARCHAR, province VARCHAR, {PART}",
    "coverage_by_sector": f"{HEAD}, sector_code VARCHAR, sector VARCHAR, {PART}",
    "coverage_by_province_sector": f"{HEAD}, province_code VARCHAR, province VARCHAR, "
    f"sector_code VARCHAR, sector VARCHAR, {PART}",
    "coverage_by_regency": f"{HEAD}, province VARCHAR, regency_code VARCHAR, regency VARCHAR, "
    f"{PART}",
    "coverage_by_sector_region": f"{HEAD}, {PART}",
    "coverage_by_segment": f"{HEAD}, segment VARCHAR, {PART}",
    "gap_by_instruction": "period VARCHAR, clause VARCHAR, dataset VARCHAR, "
    "province_code VARCHAR, persons BIGINT, active BIGINT",
    "compliance_by_sector_region": "period VARCHAR, province_code VARCHAR, province VARCHAR, "
    "employers BIGINT, pwbd BIGINT, pds_tk BIGINT, pds_upah BIGINT, pds_program BIGINT, "
    "arrears BIGINT, missing_workers BIGINT, estimated_contribution BIGINT",
    "wage_gap": "period VARCHAR, area VARCHAR, sector_code VARCHAR, sector VARCHAR, "
    "ratio_p10 DOUBLE, ratio_p25 DOUBLE, ratio_p50 DOUBLE, ratio_p75 DOUBLE, ratio_p90 DOUBLE",
    "deliveries": "period VARCHAR, dataset VARCHAR, delivery_state VARCHAR, "
    "delivery_period VARCHAR, age_months INTEGER",
    "reconciliation": "period VARCHAR, dataset VARCHAR, delivered BIGINT, accepted BIGINT, "
    "quarantined BIGINT, duplicates BIGINT, linked BIGINT, review BIGINT, unlinked BIGINT",
    "publication": "publication VARCHAR, published_at TIMESTAMP, code_version VARCHAR, "
    "publication_sequence INTEGER",
}
TOLD = "1234567, 400000, 34567, 800000, 834567, 0.324, 0.321, 0.3305, false"
EARLIER = "1200000, 360000, 40000, 800000, 840000, 0.3, 0.29, 0.31, false"
OWN_ENDS = "396296, 408024, 826543, 838271"
HIDDEN = "NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, true"
KEYS = f"'{PERIOD}', 'domicile', 'eligible'"


def _fill(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("CREATE SCHEMA release")
    con.execute("USE release")
    for table, columns in TABLES.items():
        con.execute(f"CREATE TABLE {table} ({columns})")
    for row in (
        f"coverage_national VALUES ({KEYS}, {TOLD}, {OWN_ENDS})",
        f"coverage_national VALUES ('{BEFORE}', 'domicile', 'eligible', {EARLIER}, {OWN_ENDS})",
        f"coverage_national VALUES ('2026-11', 'domicile', 'eligible', {EARLIER}, {OWN_ENDS})",
        f"coverage_by_province VALUES ('{BEFORE}', 'domicile', 'eligible', '32', 'Jawa Barat', "
        f"{EARLIER}), ('{BEFORE}', 'domicile', 'eligible', '93', 'Papua Selatan', {EARLIER})",
        f"coverage_by_segment VALUES ({KEYS}, 'BPU', {TOLD}), ({KEYS}, 'BPU', {HIDDEN}), "
        f"({KEYS}, 'PU', {TOLD}), ({KEYS}, 'PMI', {HIDDEN})",
        f"coverage_by_province VALUES ({KEYS}, '32', 'Jawa Barat', {TOLD}), "
        f"({KEYS}, '93', 'Papua Selatan', {HIDDEN})",
        f"coverage_by_sector VALUES ({KEYS}, 'A', 'Pertanian, Kehutanan, dan Perikanan', {TOLD}), "
        f"({KEYS}, 'B', 'Pertambangan dan Penggalian', {HIDDEN})",
        f"coverage_by_province_sector VALUES ({KEYS}, '32', 'Jawa Barat', 'A', 'Pertanian', "
        f"{TOLD}), ({KEYS}, '93', 'Papua Selatan', 'A', 'Pertanian', {HIDDEN})",
        f"coverage_by_regency VALUES ({KEYS}, 'Jawa Barat', '3273', 'Kota Bandung', {TOLD})",
        f"gap_by_instruction VALUES ('{PERIOD}', '2.9', 'djp_employers', '32', 5000, 2500), "
        f"('{PERIOD}', '2.9', 'djp_employers', '93', 900, NULL), "
        f"('{PERIOD}', '2.9', 'djp_employers', '94', NULL, NULL), "
        f"('{PERIOD}', '2.10.b', 'siinas_companies', '32', NULL, NULL)",
        f"compliance_by_sector_region VALUES ('{PERIOD}', '32', 'Jawa Barat', 7654, 321, "
        "NULL, NULL, NULL, NULL, NULL, NULL)",
        f"wage_gap VALUES ('{PERIOD}', 'national', 'ALL', 'Semua lapangan usaha', 0.75, 0.98, "
        "1, 1, NULL)",
        f"deliveries VALUES ('{PERIOD}', 'djp_employers', 'current', '{PERIOD}', 0)",
        f"reconciliation VALUES ('{PERIOD}', 'djp_employers', 8901, 8888, 13, 0, NULL, NULL, NULL)",
        f"publication VALUES ('{PERIOD}-1', '2027-01-09 01:02:03', '0.1.0', 1)",
    ):
        con.execute(f"INSERT INTO {row}")


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder of publications with one release of two half years."""
    folder = tmp_path_factory.mktemp("report") / "published" / f"{PERIOD}-1"
    folder.mkdir(parents=True)
    with duckdb.connect(str(folder / folders.RELEASE_FILE)) as con:
        _fill(con)
    with duckdb.connect(str(folder / folders.WAREHOUSE_FILE)) as con:
        con.execute("CREATE SCHEMA reference")
        con.execute("CREATE SCHEMA quality")
        con.execute(table_specs()["change_causes"].ddl())
        con.execute(
            f"""
            INSERT INTO quality.change_causes BY NAME
            SELECT '{PERIOD}' AS period, '2026-11' AS previous_period, 'domicile' AS basis,
                'eligible' AS denominator_id, '32' AS province_code, 'Jawa Barat' AS province,
                c.cause, 0 AS workers_change, 0 AS active_change, c.gap AS gap_change,
                c.entered AS entered_work, c.lost AS left_work, 1200 AS newly_covered,
                3 AS newly_lapsed
            FROM (VALUES ('people', -5123, 40000, 5433), ('deliveries', 0, 0, 0),
                ('links', -310, 0, 0)) AS c (cause, gap, entered, lost)
            """
        )
        con.execute(
            "CREATE TABLE reference.clauses AS SELECT '2.9' AS clause, 9 AS addressee_id, "
            "'Pajak' AS subject"
        )
        con.execute(
            "CREATE TABLE reference.addressees AS SELECT 9 AS addressee_id, "
            "'Menteri Keuangan' AS addressee, ['2.9'] AS clauses"
        )
        con.execute(
            "CREATE TABLE reference.addressee_agencies AS SELECT 9 AS addressee_id, "
            "'Kementerian Keuangan' AS agency, NULL::DATE AS valid_to"
        )
        con.execute(
            "CREATE TABLE reference.datasets AS SELECT 'djp_employers' AS dataset, "
            "'Pemberi kerja terdaftar pajak' AS title, 'DJP' AS provider"
        )
    (folder / folders.MANIFEST_FILE).write_text(
        json.dumps({"name": f"{PERIOD}-1", "period": PERIOD, "number": 1, "sequence": 1}),
        encoding="utf-8",
    )
    return folder.parent


@pytest.fixture(scope="module")
def pages(published: Path) -> list[str]:
    """Give the text of the report's pages."""
    made = make_report(published, PERIOD)
    document = pypdfium2.PdfDocument(made.path)
    texts = [page.get_textpage().get_text_bounded() for page in document]
    assert made.pages == len(texts)
    return texts


def test_the_summary_says_what_the_release_says_in_indonesian_numbers(pages: list[str]) -> None:
    summary = next(page for page in pages if "Ringkasan" in page and "Pekerja" in page)
    for figure in ("1.234.567", "400.000", "834.567", "32,4%", "32,1–33,1%"):
        assert figure in summary
    # 32.4 against 30.0 percent, and 834,567 against 840,000 people.
    assert "+2,4" in summary
    assert "−5.433" in summary


def test_both_ends_are_told_of_the_country_and_no_tile_is_missing(pages: list[str]) -> None:
    text = " ".join(" ".join(pages).split())
    assert "terletak antara 32,1% dan 33,1%" in text
    assert "Peserta aktif 400.000 396.296 408.024" in text
    assert "Kesenjangan 834.567 826.543 838.271" in text
    tiles = next(p for p in pages if "Setiap kotak satu provinsi" in p)
    for short in ("JABAR", "PASEL", "ACEH", "PAPUA", "DKI"):  # three of them without a row
        assert short in tiles


def test_a_withheld_figure_is_marked_and_never_nought(pages: list[str]) -> None:
    text = "\n".join(pages)
    row = next(line for line in text.splitlines() if line.startswith("Papua Selatan"))
    assert "ditahan" in row
    assert " 0" not in row


def test_clauses_are_sums_of_told_provinces_in_the_order_of_the_instruction(
    pages: list[str],
) -> None:
    page = next(p for p in pages if "Progres menurut butir" in p and "butir penerima" in p)
    rows = [line for line in page.splitlines() if line.startswith(("2.9", "2.10.b"))]
    assert [row.split()[0] for row in rows] == ["2.9", "2.10.b"]
    assert "1/3" in rows[0]
    # People are summed where they are told, coverage where the active are told as well.
    assert "≥ 5.900 50,0%" in rows[0]
    assert "ditahan" in rows[1]


def test_what_changed_is_told_from_figures_of_both_reports(pages: list[str]) -> None:
    page = next(p for p in pages if "Penyebab perubahan kesenjangan" in p)
    words = " ".join(page.split())
    assert "kesenjangan berkurang 5.433 orang, dari 840.000 menjadi 834.567" in words
    assert "Peserta aktif 360.000 400.000 +40.000" in words
    # November's causes were not worked out; December's add up to the difference that is told.
    assert "Desember 2026 −5.123 0 −310 40.000 5.433 3.600 ditahan" in words
    assert "November 2026 1.200.000 360.000 840.000" in words
    where = " ".join(next(p for p in pages if "Di mana" in p and "paling berubah" in p).split())
    assert "Jawa Barat 840.000 834.567 −5.433 +2,4" in where
    # What one of the two months withholds has not changed by anything that may be told.
    assert "Papua Selatan" not in where.split("Tabel", 1)[1].split("Menurut")[0]


def test_segments_are_sums_of_told_cells_that_say_so(pages: list[str]) -> None:
    page = next(p for p in pages if "Menurut segmen" in p and "BPU, bukan" in p)
    lines = " ".join(page.split())
    assert "PU, penerima upah 1/1 1.234.567 400.000 834.567 32,4%" in lines
    assert "BPU, bukan penerima upah 1/2 ≥ 1.234.567 ≥ 400.000 ≥ 834.567 32,4%" in lines
    assert "PMI, pekerja migran 0/1 ditahan ditahan ditahan ditahan" in lines


def test_the_first_report_compares_with_the_oldest_month_there_is(
    published: Path, tmp_path: Path
) -> None:
    made = make_report(published, "2026-11", tmp_path / "a.pdf")
    text = " ".join(
        " ".join(page.get_textpage().get_text_bounded().split())
        for page in pypdfium2.PdfDocument(made.path)
    )
    assert "Ini laporan pertama" in text
    assert "bulan terlama yang dimuat, Juni 2026" in text
    alone = make_report(published, BEFORE, tmp_path / "b.pdf")
    text = "".join(p.get_textpage().get_text_bounded() for p in pypdfium2.PdfDocument(alone.path))
    assert "Perubahan dapat dinyatakan sejak bulan kedua" in " ".join(text.split())


def test_the_report_is_the_same_byte_for_byte(published: Path, tmp_path: Path) -> None:
    first = make_report(published, PERIOD, tmp_path / "a.pdf")
    second = make_report(published, PERIOD, tmp_path / "b.pdf")
    assert first.path.read_bytes() == second.path.read_bytes()


def test_it_is_for_archives_and_for_readers_who_do_not_see(published: Path) -> None:
    content = make_report(published, PERIOD).path.read_bytes()
    assert b"pdfaid:part>2" in content
    assert b"pdfuaid:part>1" in content
    assert b"/MarkInfo" in content
    assert re.search(rb"/Lang ?\(id", content)


def test_figures_come_from_the_release_alone(published: Path) -> None:
    folder = published / f"{PERIOD}-1"
    figures = read_figures(folder / folders.RELEASE_FILE, folder / folders.WAREHOUSE_FILE, PERIOD)
    with duckdb.connect(str(folder / folders.RELEASE_FILE), read_only=True) as con:
        con.execute("USE release")
        told = con.execute(
            "SELECT province, gap, coverage_rate FROM coverage_by_province WHERE period = ? "
            "ORDER BY gap DESC NULLS LAST",
            [PERIOD],
        ).fetchall()
    assert [(p["province"], p["gap"], p["coverage_rate"]) for p in figures["provinces"]] == told


def test_a_month_that_was_never_published_is_refused(published: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cakupan run --period 2027-06"):
        make_report(published, "2027-06")
    with pytest.raises(UsageError, match="no folder"):
        make_report(published, PERIOD, tmp_path / "nowhere" / "a.pdf")
    with pytest.raises(UsageError, match="no figures of 2026-10"):
        make_report(published, "2026-10")
