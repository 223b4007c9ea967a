"""How one cell becomes canonical, kind by kind, and what is flagged."""

from __future__ import annotations

import datetime as dt

import pytest

from sources.contracts import load_contracts

BIRTH = "{name: birth_date, logicalType: date}"
WAGE = "{name: monthly_wage, logicalType: integer}"
REGION = "{name: region_code, logicalType: string}"
SEX = "{name: sex, customProperties: [{property: vocabulary, value: sex}]}"
PROGRAMMES = "{name: programmes, customProperties: [{property: vocabulary, value: programmes}]}"
PAID = "{name: last_paid_period, logicalType: string}"
NIK = "{name: nik, logicalType: string}"
KBLI = "{name: kbli, logicalType: string}"
VINTAGE = "{name: kbli_vintage, logicalType: string}"


def test_iso_birth_dates_are_read_strictly(bench):
    cases = [
        ("1990-02-28", dt.date(1990, 2, 28), []),
        ("1990-02-28 00:00:00", dt.date(1990, 2, 28), []),
        ("1992-02-29", dt.date(1992, 2, 29), []),
        ("1990-02-29", None, ["BAD_DATE"]),
        ("1990-2-8", None, ["BAD_DATE"]),
        ("08/02/1990", None, ["BAD_DATE"]),
        ("01-02-90", None, ["TWO_DIGIT_YEAR"]),
        ("2026-10-31", dt.date(2026, 10, 31), []),
        ("2026-11-01", None, ["DATE_IN_FUTURE"]),
        ("1899-01-01", None, ["DATE_TOO_OLD"]),
        ("-", None, []),
        ("null", None, []),
        (None, None, []),
    ]
    bench.check_cells("birth_date", cases, BIRTH)


@pytest.mark.parametrize(
    ("date_format", "text", "value", "flags"),
    [
        ("%d/%m/%Y", "03/04/1990", dt.date(1990, 4, 3), []),
        ("%m/%d/%Y", "03/04/1990", dt.date(1990, 3, 4), []),
        ("%d/%m/%Y", "31/02/1990", None, ["BAD_DATE"]),
        ("%d/%m/%Y", "12/31/1990", None, ["BAD_DATE"]),
        # A typed cell of the same delivery lands as ISO.
        ("%d/%m/%Y", "1990-04-03", dt.date(1990, 4, 3), []),
        ("%d-%m-%y", "03-04-90", dt.date(1990, 4, 3), ["TWO_DIGIT_YEAR"]),
        ("%d-%m-%y", "03-04-27", dt.date(1927, 4, 3), ["TWO_DIGIT_YEAR"]),
    ],
)
def test_dates_follow_the_format_of_the_contract(bench, date_format, text, value, flags):
    cases = [(text, value, flags)]
    bench.check_cells("birth_date", cases, BIRTH, dateFormat=f'"{date_format}"')


def test_a_registration_or_an_end_may_follow_the_period_but_no_placeholder(bench):
    contract = bench.contract(
        "{name: registered_on, logicalType: date}", "{name: ended_on, logicalType: date}"
    )
    dates = [("2026-11-02", "2028-01-31"), ("2026-01-02", "9999-12-31")]
    rows = [
        {"record_id": name, "full_name": name, "registered_on": start, "ended_on": end}
        for name, (start, end) in zip("AB", dates, strict=True)
    ]
    bench.conform(contract, rows)
    first, second = bench.rows(contract)
    # The coverage rules need the date to see that the card is not yet valid.
    assert (first["registered_on"], first["ended_on"]) == (
        dt.date(2026, 11, 2),
        dt.date(2028, 1, 31),
    )
    assert first["flags"] == ["DATE_IN_FUTURE"]
    assert (second["ended_on"], second["flags"]) == (None, ["DATE_IN_FUTURE"])


def test_amounts_follow_the_marks_of_the_contract(bench):
    cases = [
        ("5000000", 5_000_000, []),
        ("Rp 5,000,000.50", 5_000_001, []),
        ("Rp5.000.000,-", 5_000_000, []),
        ("IDR 4,500,000", 4_500_000, []),
        ("950.000", None, ["BAD_NUMBER"]),
        ("12.34.56", None, ["BAD_NUMBER"]),
        ("5E+06", None, ["BAD_NUMBER"]),
        ("lima juta", None, ["BAD_NUMBER"]),
        ("-2500000", None, ["NEGATIVE_NUMBER"]),
        ("999999999999999999999", None, ["BAD_NUMBER"]),
    ]
    bench.check_cells("monthly_wage", cases, WAGE)


def test_amounts_with_decimal_comma(bench):
    cases = [
        ("950.000", 950_000, []),
        ("1.234.567,89", 1_234_568, []),
        ("1234567.5", 1_234_568, []),
        ("1,234,567", None, ["BAD_NUMBER"]),
    ]
    bench.check_cells("monthly_wage", cases, WAGE, decimalComma="true")


def test_months(bench):
    cases = [
        ("2026-09", "2026-09", []),
        ("202609", "2026-09", []),
        ("2026-09-30", "2026-09", []),
        ("2026-13", None, ["BAD_DATE"]),
        ("2026-02-30", None, ["BAD_DATE"]),
        ("2027-03", "2027-03", []),
        ("2099-12", None, ["DATE_IN_FUTURE"]),
    ]
    bench.check_cells("last_paid_period", cases, PAID)


def test_vocabularies_ignore_case_and_punctuation(bench):
    cases = [
        ("L", "L", []),
        ("Laki-Laki", "L", []),
        (" perempuan ", "P", []),
        ("laki_laki", "L", []),
        ("X", None, ["UNKNOWN_VALUE"]),
    ]
    bench.check_cells("sex", cases, SEX)


def test_lists(bench):
    cases = [
        ("JKK,JKM", ["JKK", "JKM"], []),
        ("jht; Jaminan Kecelakaan Kerja ;JKM,", ["JKK", "JKM", "JHT"], []),
        ("JKK,JKK", ["JKK"], []),
        ("JKK,XYZ", ["JKK"], ["UNKNOWN_VALUE"]),
        ("XYZ", None, ["UNKNOWN_VALUE"]),
    ]
    bench.check_cells("programmes", cases, PROGRAMMES)


def test_regions_are_those_of_2025(bench):
    cases = [
        ("3171", "3171", []),
        ("31.71", "3171", []),
        ("31.71.01.1001", "3171", []),
        ("317101", "3171", []),
        # Merauke, before and after the split of Papua in 2022.
        ("91.01", "9301", ["OLD_REGION_CODE"]),
        ("9999", "0000", ["UNKNOWN_REGION"]),
        ("31", "0000", ["UNKNOWN_REGION"]),
        ("Jakarta", "0000", ["UNKNOWN_REGION"]),
        (None, "0000", []),
    ]
    bench.check_cells("region_code", cases, REGION)


def test_the_reported_region_is_kept(bench):
    contract = bench.contract(REGION)
    bench.conform(contract, [{"record_id": "1", "full_name": "A", "region_code": " 91.01 "}])
    assert bench.rows(contract)[0]["region_reported"] == "91.01"


@pytest.mark.parametrize(
    ("kbli", "vintage", "value", "sector", "flags"),
    [
        ("64121", None, "64121", "K", []),
        ("64", "2020", "64", "K", []),
        ("K 64.121", "KBLI 2020", "64121", "K", []),
        # Division 64 is finance in both editions, though under another letter in 2025.
        ("64121", "2025", "64121", "K", []),
        ("04111", "2020", None, None, ["UNKNOWN_KBLI"]),
        ("6", "2020", None, None, ["UNKNOWN_KBLI"]),
        ("64121", "2015", "64121", "K", ["UNKNOWN_VALUE"]),
    ],
)
def test_industries_tell_the_sector(bench, kbli, vintage, value, sector, flags):
    contract = bench.contract(KBLI, VINTAGE)
    row = {"record_id": "1", "full_name": "A", "kbli": kbli, "kbli_vintage": vintage}
    bench.conform(contract, [row])
    got = bench.rows(contract)[0]
    assert (got["kbli"], got["sector_code"], got["flags"]) == (value, sector, flags)
    assert got["kbli_vintage"] == (2025 if vintage == "2025" else 2020)


@pytest.mark.parametrize(
    ("text", "nik", "reason", "aside"),
    [
        ("3171904101900001", "3171904101900001", None, None),
        ("'3171904101900001", "3171904101900001", "NIK_REPAIRED", None),
        ("3.17190E+15", None, "NIK_PRECISION_LOST", "317190"),
        ("3,17190E+12", None, "NIK_PRECISION_LOST", None),
        ("317190410190000", None, "NIK_WRONG_LENGTH", "317190410190000"),
        ("31719041", None, "NIK_WRONG_LENGTH", None),
        ("3171907201900001", None, "NIK_BAD_DATE", "3171907201900001"),
        ("3171904101900000", None, "NIK_BAD_SERIAL", "3171904101900000"),
        ("3171904101 9OOOOl", None, "NIK_BAD_CHARACTERS", "3171904101900001"),
        ("3171904101-TANYA", None, "NIK_BAD_CHARACTERS", None),
        ("9999999999999999", None, "NIK_REPEATED_DIGIT", None),
    ],
)
def test_an_unusable_nik_costs_the_record_its_nik_not_its_place(bench, text, nik, reason, aside):
    contract = bench.contract(NIK)
    report = bench.conform(contract, [{"record_id": "1", "full_name": "SITI", "nik": text}])
    row = bench.rows(contract)[0]
    assert (row["nik"], row["nik_reason"], report.accepted) == (nik, reason, 1)
    # Evidence for the linking alone: its digits, whatever stood between them.
    assert row["nik_aside"] == aside


@pytest.mark.parametrize(
    ("nik", "sex", "birth_date", "flags"),
    [
        ("3171904101900001", "P", "1990-01-01", []),
        ("3171904101900001", "L", "1990-01-01", ["NIK_SEX_DIFFERS"]),
        ("3171904101900001", "P", "1990-01-02", ["NIK_BIRTH_DATE_DIFFERS"]),
        ("3171900101900001", "L", "1990-01-01", []),
        ("3171903112000001", "P", "2000-12-30", ["NIK_BIRTH_DATE_DIFFERS", "NIK_SEX_DIFFERS"]),
        ("9971900101900001", "L", "1990-01-01", ["NIK_UNKNOWN_PROVINCE"]),
        ("3171900101900001", None, None, []),
    ],
)
def test_a_nik_that_disagrees_with_its_record_is_flagged(bench, nik, sex, birth_date, flags):
    contract = bench.contract(NIK, SEX, BIRTH)
    row = {"record_id": "1", "full_name": "A", "nik": nik, "sex": sex, "birth_date": birth_date}
    bench.conform(contract, [row])
    assert bench.rows(contract)[0]["flags"] == flags
    assert bench.rows(contract)[0]["nik"] == nik


@pytest.mark.parametrize("name", ["NULL", "NA", "N/A", "Suharto"])
def test_words_that_look_like_nothing_may_be_names(bench, name):
    contract = bench.contract("{name: mother_name, logicalType: string}")
    bench.conform(contract, [{"record_id": "1", "full_name": name, "mother_name": name}])
    row = bench.rows(contract)[0]
    assert (row["full_name"], row["mother_name"]) == (name, name)


def test_blanks_of_every_kind_go_and_letters_are_composed(bench):
    contract = bench.contract("{name: address, logicalType: string}")
    row = {
        "record_id": "\u00a0 7 ",
        "full_name": "\ufeffJOSE\u0301 \u00a0 DA\tCOSTA ",
        "address": " - ",
    }
    bench.conform(contract, [row])
    got = bench.rows(contract)[0]
    assert (got["record_id"], got["full_name"], got["address"]) == ("7", "JOSÉ DA COSTA", None)


def test_own_columns_need_no_code(bench):
    own = "businessName: Uji, description: Test, classification: none"
    contract = bench.contract(
        f"{{name: share, logicalType: number, {own}}}",
        f"{{name: agreed, logicalType: boolean, {own}}}",
        f"{{name: seen_at, {own}, customProperties: [{{property: kind, value: timestamp}}]}}",
    )
    values = [("-1.25", "Ya", "2026-10-02T07:30:00"), ("banyak", "?", "kemarin")]
    rows = [
        {"record_id": name, "full_name": name, "share": share, "agreed": agreed, "seen_at": seen}
        for name, (share, agreed, seen) in zip("AB", values, strict=True)
    ]
    bench.conform(contract, rows)
    first, second = bench.rows(contract)
    assert (first["share"], first["agreed"]) == (-1.25, True)
    assert first["seen_at"] == dt.datetime(2026, 10, 2, 7, 30)  # noqa: DTZ001 -- no zone is told
    assert (second["share"], second["agreed"], second["seen_at"]) == (None, None, None)
    assert second["flags"] == ["BAD_DATE", "BAD_NUMBER", "UNKNOWN_VALUE"]


def test_owner_numbers_of_businesses(bench):
    contract = load_contracts()["sme_businesses"]
    numbers = [
        ("31719O4101900001", "02.183.241.5-091.000", "1234567890123"),
        ("3171904101900001", "12", "12"),
    ]
    rows = [
        {"record_id": name, "employer_name": name, "owner_nik": nik, "npwp": npwp, "nib": nib}
        for name, (nik, npwp, nib) in zip("AB", numbers, strict=True)
    ]
    bench.conform(contract, rows)
    first, second = bench.rows(contract)
    assert (first["owner_nik"], first["owner_nik_reason"]) == (None, "NIK_BAD_CHARACTERS")
    assert (first["npwp"], first["nib"]) == ("0021832415091000", "1234567890123")
    assert (second["owner_nik"], second["owner_nik_reason"]) == ("3171904101900001", None)
    assert (second["npwp"], second["nib"]) == (None, None)
    assert second["flags"] == ["NIB_INVALID", "NPWP_INVALID"]
