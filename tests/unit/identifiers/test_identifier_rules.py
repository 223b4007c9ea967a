"""What each identifier becomes, case by case (faults 16 to 20)."""

import datetime as dt

import pytest

from sources import identifiers
from warehouse.reference import nik_provinces, reference_rows

MAN = "3171901201900001"  # 12 January (19)90
WOMAN = "3171905201900001"


@pytest.mark.parametrize(
    ("text", "nik", "reason"),
    [
        (None, None, None),
        ("", None, None),
        ("  - ", None, None),
        (MAN, MAN, None),
        (WOMAN, WOMAN, None),
        # 17: repaired, because 16 digits result
        ("'" + MAN, MAN, "NIK_REPAIRED"),
        ("\u2019" + MAN, MAN, "NIK_REPAIRED"),
        (f"  {MAN}\u00a0", MAN, "NIK_REPAIRED"),
        ("3171\u00a090120190 0001", MAN, "NIK_REPAIRED"),
        ("31.71.90.120190.0001", MAN, "NIK_REPAIRED"),
        ("317190-120190-0001", MAN, "NIK_REPAIRED"),
        (MAN + ".0", MAN, "NIK_REPAIRED"),
        (MAN + ",00", MAN, "NIK_REPAIRED"),
        ("3.171.901.201.900.001", MAN, "NIK_REPAIRED"),
        ("".join(chr(0xFF10 + int(d)) for d in MAN), MAN, "NIK_REPAIRED"),
        # 17: a repair that does not give 16 digits is none. 15 digits and `.0` are 15 digits.
        (MAN[:15] + ".0", None, "NIK_WRONG_LENGTH"),
        # 16: never rebuilt
        ("3.17101E+15", None, "NIK_PRECISION_LOST"),
        ("3,17101e+15", None, "NIK_PRECISION_LOST"),
        ("'3.17101E15 ", None, "NIK_PRECISION_LOST"),
        ("3E+15", None, "NIK_PRECISION_LOST"),
        ("3.171901201900001E+15", None, "NIK_PRECISION_LOST"),
        # 18
        (MAN[:15], None, "NIK_WRONG_LENGTH"),
        (MAN + "1", None, "NIK_WRONG_LENGTH"),
        ("0" * 16, None, "NIK_REPEATED_DIGIT"),
        ("9" * 16, None, "NIK_REPEATED_DIGIT"),
        ("1" * 16, None, "NIK_REPEATED_DIGIT"),
        ("31719O1201900001", None, "NIK_BAD_CHARACTERS"),
        ("3171901201900O01", None, "NIK_BAD_CHARACTERS"),
        ("TIDAK ADA", None, "NIK_BAD_CHARACTERS"),
        ("3171901201900001/2", None, "NIK_BAD_CHARACTERS"),
        # 19
        ("3171900001900001", None, "NIK_BAD_DATE"),
        ("3171903201900001", None, "NIK_BAD_DATE"),
        ("3171907201900001", None, "NIK_BAD_DATE"),
        ("3171904001900001", None, "NIK_BAD_DATE"),
        ("3171901213900001", None, "NIK_BAD_DATE"),
        ("3171901200900001", None, "NIK_BAD_DATE"),
        ("3171903002900001", None, "NIK_BAD_DATE"),
        ("3171907002900001", None, "NIK_BAD_DATE"),
        ("3171903104900001", None, "NIK_BAD_DATE"),
        ("3171902902900001", None, "NIK_BAD_DATE"),
        ("3171902902920001", "3171902902920001", None),
        ("3171906902000001", "3171906902000001", None),
        ("3171907112990001", "3171907112990001", None),
        ("3171901201900000", None, "NIK_BAD_SERIAL"),
        ("3171901201901000", "3171901201901000", None),
        # an unknown province is flagged elsewhere, and costs nothing
        ("9971901201900001", "9971901201900001", None),
    ],
)
def test_a_nik_is_used_repaired_or_set_aside(text, nik, reason):
    assert identifiers.check_nik(text) == identifiers.NikCheck(nik, reason)


def test_every_reason_of_a_nik_has_its_meaning_in_both_languages():
    meanings = {row["reason_code"]: row for row in reference_rows("reason_codes")}
    for reason in (*identifiers.NIK_REASONS, identifiers.REPAIRED):
        assert meanings[reason]["id"]
        assert meanings[reason]["en"]


def test_provinces_of_the_past_are_known():
    assert len(nik_provinces()) == 39
    for province in ("31", "54", "91", "96"):
        assert identifiers.nik_province_is_known(province + MAN[2:])
    for province in ("00", "20", "55", "97", "99"):
        assert not identifiers.nik_province_is_known(province + MAN[2:])


def test_a_nik_tells_region_and_sex():
    assert identifiers.nik_region4("9101901201900001") == "9101"
    assert identifiers.nik_sex(MAN) == "L"
    assert identifiers.nik_sex(WOMAN) == "P"
    assert identifiers.nik_sex("3171907112990001") == "P"


AS_OF = dt.date(2026, 10, 31)


@pytest.mark.parametrize(
    ("nik", "ages", "born"),
    [
        # a simple parser reads 01-45-01-90 as 5 January and 41 as no day at all
        ("3171904101900001", (0, 110), dt.date(1990, 1, 1)),
        ("3171904501900001", (0, 110), dt.date(1990, 1, 5)),
        ("3171900101050001", (0, 110), dt.date(2005, 1, 1)),
        # 2016 or 1916: both may be alive, only one of them works, neither at 15 to 80
        ("3171900101160001", (0, 110), None),
        ("3171900101160001", (0, 80), dt.date(2016, 1, 1)),
        ("3171900101160001", (15, 80), None),
        ("3171900101050001", (15, 80), dt.date(2005, 1, 1)),
        ("3171900101500001", (15, 80), dt.date(1950, 1, 1)),
        # the day itself completes the year, the day after does not
        ("3171903110110001", (15, 80), dt.date(2011, 10, 31)),
        ("3171900111110001", (15, 80), None),
        ("3171903110260001", (0, 99), dt.date(2026, 10, 31)),
        ("3171900111260001", (0, 99), dt.date(1926, 11, 1)),
        # 1900 had no 29 February, so the century is plain
        ("3171902902000001", (0, 130), dt.date(2000, 2, 29)),
        ("3171906902960001", (0, 110), dt.date(1996, 2, 29)),
    ],
)
def test_the_century_follows_from_the_age(nik, ages, born):
    assert identifiers.nik_birth_date(nik, AS_OF, *ages) == born


@pytest.mark.parametrize(
    ("text", "npwp"),
    [
        ("02.183.241.5-036.000", "0021832415036000"),
        ("021832415036000", "0021832415036000"),
        ("'021832415036000", "0021832415036000"),
        ("0021832415036000", "0021832415036000"),
        (MAN, MAN),
        ("1091031210912345", "1091031210912345"),
        ("21832415036000", None),
        ("2.18324E+13", None),
        ("000000000000000", None),
        ("belum ada", None),
        ("", None),
        (None, None),
    ],
)
def test_a_taxpayer_number_becomes_16_digits(text, npwp):
    assert identifiers.npwp16(text) == npwp


def test_branches_share_the_root_of_an_old_taxpayer_number_alone():
    assert identifiers.npwp_root("0021832415036000") == identifiers.npwp_root("0021832415036001")
    assert identifiers.npwp_root(MAN) == MAN


def test_the_check_digit_of_an_old_taxpayer_number():
    assert identifiers.npwp_check_digit_fits("0021832415036000") is True
    for digit in "012346789":
        assert identifiers.npwp_check_digit_fits(f"002183241{digit}036000") is False
    assert identifiers.npwp_check_digit_fits(MAN) is None


@pytest.mark.parametrize(
    ("read", "text", "value"),
    [
        (identifiers.nib, "0220108123456", "0220108123456"),
        (identifiers.nib, "9120 1081 23456", "9120108123456"),
        (identifiers.nib, "912010812345", None),
        (identifiers.nib, "0000000000000", None),
        (identifiers.kpj, "11022334455", "11022334455"),
        (identifiers.kpj, " 05aj-123 4567.0", "05AJ1234567"),
        (identifiers.kpj, "--", None),
        (identifiers.npp, "'aa 012345/00", "AA012345/00"),
        (identifiers.npp, "\u00a0", None),
        (identifiers.region_code4, "31.71", "3171"),
        (identifiers.region_code4, "31.71.01.1001", "3171"),
        (identifiers.region_code4, "3171.0", "3171"),
        (identifiers.region_code4, "31", None),
        (identifiers.region_code4, "31710110011", None),
        (identifiers.region_code4, "Jakarta", None),
        (identifiers.phone, "+62 812-3456-7890", "081234567890"),
        (identifiers.phone, "81234567890", "081234567890"),
        (identifiers.phone, "(021) 5207797", "0215207797"),
        (identifiers.phone, "0062.812.3456.7890", "081234567890"),
        (identifiers.phone, "12345", None),
    ],
)
def test_other_identifiers_take_one_form(read, text, value):
    assert read(text) == value
    assert read(None) is None


@pytest.mark.parametrize(
    "text",
    [
        "AHU-0012345.AH.01.01.TAHUN 2021",
        "AHU-0012345.AH.01.01.Tahun 2021",
        "ahu-12345.ah.01.01.tahun 2021",
        "AHU 0012345 AH 01 01 TH 2021",
        "No. AHU-0012345-AH.01.01-Thn.2021",
        "SK Nomor: AHU-0012345.AH.01.01.2021",
        " AHU-000012345.AH.01.01.TAHUN2021 ",
    ],
)
def test_the_writings_of_one_decree_are_one_number(text):
    assert identifiers.ahu_number(text) == "AHU-0012345.AH.01.01.TAHUN 2021"


def test_a_decree_of_another_pattern_keeps_its_parts():
    assert identifiers.ahu_number("C-1234 HT.01.01-TH.2005") == "C.1234.HT.01.01.TH.2005"
    assert identifiers.ahu_number(" - ") is None
    assert identifiers.ahu_number("AHU-123456789.AH.01.30.TAHUN 2022") == (
        "AHU-123456789.AH.01.30.TAHUN 2022"
    )
