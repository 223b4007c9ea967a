"""A labelled table of pairs of company names, by class: the same name, or another one."""

from __future__ import annotations

import duckdb
import pytest

from matching.companies import parse_names, standard_sql
from matching.employer_likeness import SUBSET, compare_cores
from matching.employers import create_employer_tables

# (class, one name, other name, same). Names are made up, but for the public companies whose
# many spellings the table is about.
PAIRS = [
    ("form spelling", "PT Kartawi Jaya", "P.T. KARTAWI JAYA", True),
    ("form spelling", "PT. KARTAWI JAYA", "Perseroan Terbatas Kartawi Jaya", True),
    ("form spelling", "PT KARTAWI JAYA", "P T KARTAWI JAYA", True),
    ("form spelling", "PT KARTAWI JAYA", "PT.KARTAWI JAYA", True),
    ("form spelling", "CV. MANDOSE UTAMA", "C.V. Mandose Utama", True),
    ("form spelling", "CV MANDOSE UTAMA", "C V MANDOSE UTAMA", True),
    ("form spelling", "UD LUPANTA", "U.D. LUPANTA", True),
    ("form spelling", "UD LUPANTA", "USAHA DAGANG LUPANTA", True),
    ("form spelling", "FA ROKOMI", "FIRMA ROKOMI", True),
    ("form spelling", "YYS HARVADI", "YAYASAN HARVADI", True),
    ("form spelling", "KOP. SULANE", "KOPERASI SULANE", True),
    ("form at the end", "KARTAWI JAYA, PT", "PT KARTAWI JAYA", True),
    ("form at the end", "KARTAWI JAYA PT.", "PT KARTAWI JAYA", True),
    ("form at the end", "KARTAWI JAYA (PT)", "PT KARTAWI JAYA", True),
    ("form at the end", "MANDOSE UTAMA, CV", "CV MANDOSE UTAMA", True),
    ("form at the end", "HARVADI, YAYASAN", "YAYASAN HARVADI", True),
    ("form missing", "KARTAWI JAYA", "PT KARTAWI JAYA", True),
    ("form missing", "LUPANTA", "UD LUPANTA", True),
    ("form missing", "SULANE", "KOPERASI SULANE", True),
    ("other form", "PT KARTAWI JAYA", "CV KARTAWI JAYA", False),
    ("other form", "PT SULANE", "KOPERASI SULANE", False),
    ("other form", "YAYASAN HARVADI", "PT HARVADI", False),
    ("other form", "CV HARVADI", "KOPERASI HARVADI", False),
    ("other form", "PT LUPANTA MAJU", "UD LUPANTA MAJU", False),
    ("other form", "FIRMA ROKOMI", "PT ROKOMI", False),
    ("qualifier", "PT KARTAWI JAYA Tbk", "PT KARTAWI JAYA", True),
    ("qualifier", "PT KARTAWI JAYA TBK.", "PT Kartawi Jaya (Persero) Tbk", True),
    ("qualifier", "PT VALIYU (PERSERO)", "PT VALIYU", True),
    ("qualifier", "PT (PERSERO) VALIYU", "PT VALIYU", True),
    ("qualifier", "PT VALIYU PERSERODA", "PT VALIYU (PERSERODA)", True),
    ("qualifier", "PT PERORANGAN BULAGI", "PT BULAGI", True),
    ("branch", "PT PLN (PERSERO) UID JATENG", "PT PLN (PERSERO)", True),
    ("branch", "PT PLN UID JATIM", "PT PLN (PERSERO) UID JATENG", True),
    ("branch", "PT KARTAWI JAYA CAB. SURABAYA", "PT KARTAWI JAYA", True),
    ("branch", "PT KARTAWI JAYA CABANG MEDAN", "PT KARTAWI JAYA KANTOR CABANG BATAM", True),
    ("branch", "PT KARTAWI JAYA KCP DEPOK", "PT KARTAWI JAYA KANTOR PUSAT", True),
    ("branch", "PT MANDOSE KANWIL BALI", "PT MANDOSE", True),
    ("branch", "PT KARTAWI JAYA - SURABAYA", "PT KARTAWI JAYA", True),
    ("public company", "PT PERUSAHAAN LISTRIK NEGARA", "PT PLN (PERSERO)", True),
    ("public company", "PT PERKEBUNAN NUSANTARA III", "PTPN 3", True),
    ("public company", "PTPN IV", "PT PERKEBUNAN NUSANTARA IV (PERSERO)", True),
    ("public company", "PTPN III", "PTPN IV", False),
    ("public company", "PT PERKEBUNAN NUSANTARA XII", "PT PERKEBUNAN NUSANTARA XI", False),
    ("abbreviation", "PT KARTAWI INTERNATIONAL", "PT KARTAWI INTERNASIONAL", True),
    ("abbreviation", "PT KARTAWI INTL", "PT KARTAWI INTERNATIONAL", True),
    ("abbreviation", "PT KARTAWI INT'L", "PT KARTAWI INTERNASIONAL", True),
    ("abbreviation", "PT KARTAWI IND.", "PT KARTAWI INDUSTRI", True),
    ("abbreviation", "PT KARTAWI INDUSTRIES", "PT KARTAWI INDUSTRY", True),
    ("abbreviation", "PT PERK. BULAGI", "PT PERKEBUNAN BULAGI", True),
    ("abbreviation", "PT BULAGI MFG", "PT BULAGI MANUFACTURING", True),
    ("abbreviation", "PT BULAGI TEXTILE", "PT BULAGI TEKSTIL", True),
    ("abbreviation", "PT BULAGI GARMENT", "PT BULAGI GARMEN", True),
    ("abbreviation", "CV BULAGI TEHNIK", "CV BULAGI TEKNIK", True),
    ("abbreviation", "CV BULAGI SERVICE", "CV BULAGI SERVIS", True),
    ("abbreviation", "PT BULAGI LOGISTICS", "PT BULAGI LOGISTIK", True),
    ("abbreviation", "PT BULAGI CONSTRUCTION", "PT BULAGI KONSTRUKSI", True),
    ("abbreviation", "PT KARTAWI NUS.", "PT KARTAWI NUSANTARA", True),
    ("abbreviation", "DINAS PENDIDIKAN KAB. BULAGI", "DINAS PENDIDIKAN KABUPATEN BULAGI", True),
    ("abbreviation", "DINAS KESEHATAN KAB. BULAGI", "DINAS PENDIDIKAN KAB. BULAGI", False),
    ("abbreviation", "PT BULAGI CO., LTD", "PT BULAGI", True),
    ("abbreviation", "RUMAH SAKIT HARVADI", "RS HARVADI", True),
    ("abbreviation", "RUMAH MAKAN BULAGI", "RM BULAGI", True),
    ("and", "CV KARTAWI & REKAN", "CV KARTAWI DAN REKAN", True),
    ("and", "CV KARTAWI AND REKAN", "CV KARTAWI & REKAN", True),
    ("and", "CV KARTAWI REKAN", "CV KARTAWI + REKAN", True),
    ("numerals", "PT KARTAWI II", "PT KARTAWI 2", True),
    ("numerals", "CV KARTAWI VIII", "CV KARTAWI 8", True),
    ("numerals", "PT KARTAWI 2", "PT KARTAWI 3", False),
    ("numerals", "PT KARTAWI 2", "PT KARTAWI", False),
    ("numerals", "SD NEGERI 01 BULAGI", "SD NEGERI 02 BULAGI", False),
    ("old spelling", "PT KARTAWI DJAJA", "PT KARTAWI JAYA", True),
    ("old spelling", "PT SOEMBER BULAGI", "PT SUMBER BULAGI", True),
    ("old spelling", "PT TJAHAJA BULAGI", "PT CAHAYA BULAGI", True),
    ("old spelling", "PT SANTOSO SOERJA", "PT SANTOSO SURYA", True),
    ("sound", "CV PRATAMMA BULAGI", "CV PRATAMA BULAGI", True),
    ("sound", "CV BULAGI PHARMA", "CV BULAGI FARMA", True),
    ("sound", "PT VALIYU ARTHA", "PT VALIYU ARTA", True),
    ("spacing", "PT KARTA WIJAYA", "PT KARTAWIJAYA", True),
    ("spacing", "CV MULTIKARYA BULAGI", "CV MULTI KARYA BULAGI", True),
    ("word order", "PT JAYA KARTAWI", "PT KARTAWI JAYA", True),
    ("punctuation", "PT KARTAWI-JAYA", "PT KARTAWI JAYA", True),
    ("punctuation", "PT \"KARTAWI JAYA\"", "PT KARTAWI JAYA", True),
    ("case and accent", "pt kartáwi jaya", "PT KARTAWI JAYA", True),
    ("slip", "PT KARTAWI SENTOSA", "PT KRATAWI SENTOSA", True),
    ("slip", "PT KARTAWINO SENTOSA", "PT KARTAWIMO SENTOSA", True),
    ("slip", "PT MANDOSELUPA", "PT MANDOSELPA", True),
    ("slip", "PT SUMBR MANDOSE", "PT SUMBER MANDOSE", True),
    ("cut short", "PT KARTAWI JAYA INTERNASIO", "PT KARTAWI JAYA INTERNASIONAL", True),
    ("cut short", "PT MANDOSE NUSANT", "PT MANDOSE NUSANTARA", True),
    ("word left out", "PT KARTAWI JAYA INDONESIA", "PT KARTAWI JAYA", True),
    ("word left out", "PT ROKOMI ABADI UTAMA", "PT ROKOMI UTAMA", True),
    ("generic names", "PT SUMBER JAYA", "PT SUMBER MAKMUR", False),
    ("generic names", "PT SUMBER JAYA", "PT SINAR JAYA", False),
    ("generic names", "PT MAJU JAYA", "PT MAJU RAYA", False),
    ("generic names", "PT MULIA ABADI", "PT MULIA ABADI SENTOSA MANDIRI JAYA ROKOMI", False),
    ("generic names", "CV KARYA BERSAMA", "CV KARYA MANDIRI", False),
    ("generic names", "CV TUNAS JAYA", "CV TUNAS RAYA", False),
    ("generic names", "UD BERKAH", "UD BERKAT", False),
    ("one group", "PT KARTAWI AGRO", "PT KARTAWI PROPERTI", False),
    ("one group", "PT KARTAWI FINANCE", "PT KARTAWI SEKURITAS", False),
    ("one group", "PT ROKOMI TEKSTIL", "PT ROKOMI PLASTIK", False),
    ("other name", "PT KARTAWI JAYA", "PT MANDOSE JAYA", False),
    ("other name", "CV LUPANTA", "CV SULANE", False),
    ("cooperative kind", "KSP SULANE", "KOPERASI SIMPAN PINJAM SULANE", True),
    ("cooperative kind", "KUD BULAGI", "KOPERASI UNIT DESA BULAGI", True),
    ("cooperative kind", "KPRI HARVADI", "KOPERASI PEGAWAI REPUBLIK INDONESIA HARVADI", True),
    ("cooperative kind", "KSU SULANE", "KSP SULANE", False),
    ("cooperative kind", "KOPERASI KARYAWAN PT KARTAWI", "PT KARTAWI", False),
    ("village", "KOPERASI DESA MERAH PUTIH SUKAROTA", "KDMP SUKAROTA", True),
    ("village", "KOPDES MERAH PUTIH SUKAROTA", "KDMP SUKAROTA", True),
    ("village", "KDMP SUKAROTA", "KDMP SUKAROSA", False),
    ("village", "KDMP SUKAROTA", "KDMP SUKAROTA TIMUR", False),
    ("village", "KDMP SUKAROTA", "KKMP SUKAROTA", False),
    ("kind of business", "RM SULANE", "BENGKEL SULANE", False),
    ("kind of business", "RS HARVADI", "SD HARVADI", False),
    ("kind of business", "TOKO SULANE", "UD SULANE", True),
]  # fmt: skip


@pytest.fixture(scope="module")
def compared() -> dict[tuple[str, str], bool]:
    """Whether each pair counts as one name: alike enough, and no form or kind against it."""
    con = duckdb.connect()
    con.execute("CREATE SCHEMA reference")
    con.execute("CREATE TABLE reference.regencies AS SELECT 'KOTA SURABAYA' AS regency")
    con.execute(
        "CREATE TABLE reference.legal_forms AS SELECT * FROM (VALUES "
        "('RS', 'RS', false), ('SEKOLAH', 'SD', false), ('TOKO', 'TOKO', true), "
        "('TOKO', 'RM', true), ('TOKO', 'BENGKEL', true)) "
        "AS t(legal_form, spelling, natural_person)"
    )
    con.execute("CREATE TABLE names(employer_name VARCHAR, legal_form VARCHAR)")
    con.executemany(
        "INSERT INTO names VALUES (?, NULL)", [[n] for pair in PAIRS for n in pair[1:3]]
    )
    parse_names(con, "names")
    con.execute("CREATE TABLE pairs(x VARCHAR, y VARCHAR)")
    con.executemany("INSERT INTO pairs VALUES (?, ?)", [pair[1:3] for pair in PAIRS])
    con.execute(
        "CREATE TABLE asks AS SELECT n.core_id AS a, m.core_id AS b FROM pairs "
        "JOIN co_names AS n ON n.employer_name = x JOIN co_names AS m ON m.employer_name = y"
    )
    compare_cores(con, "asks")
    rows = con.execute(
        f"""
        SELECT x, y, (n.core_id = m.core_id OR l.level >= {SUBSET})
            AND coalesce(n.family = m.family, true) AND coalesce(n.subtype = m.subtype, true)
        FROM pairs JOIN co_names AS n ON n.employer_name = x
        JOIN co_names AS m ON m.employer_name = y
        LEFT JOIN co_compared AS l
            ON l.a = least(n.core_id, m.core_id) AND l.b = greatest(n.core_id, m.core_id)
        """
    ).fetchall()
    return {(x, y): bool(same) for x, y, same in rows}


def test_the_table_is_large_enough():
    assert len(PAIRS) >= 100
    assert sum(not pair[3] for pair in PAIRS) >= 30


@pytest.mark.parametrize(("kind", "one", "other", "same"), PAIRS)
def test_pair_of_names(compared, kind, one, other, same):
    assert compared[one, other] is same, kind


def test_standard_form_keeps_letters_and_digits_only():
    con = duckdb.connect()
    got = con.execute(f"SELECT {standard_sql('name')} FROM (SELECT 'P.T. Añeka & Co.' AS name)")
    assert got.fetchall() == [("PT ANEKA DAN CO",)]


def test_a_name_that_is_only_a_form_stays_a_name():
    con = duckdb.connect()
    con.execute("CREATE TABLE names AS SELECT 'KOPERASI' AS employer_name, NULL AS legal_form")
    assert parse_names(con, "names") == 1
    assert con.execute("SELECT core FROM co_names").fetchall() == [("KOPERASI",)]


def test_tables_are_made_once():
    con = duckdb.connect()
    create_employer_tables(con)
    create_employer_tables(con)
    assert con.execute("SELECT count(*) FROM spine.employers").fetchall() == [(0,)]
