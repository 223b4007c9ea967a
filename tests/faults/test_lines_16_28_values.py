"""Faults 16 to 24: identifiers, dates, names and formulas in single cells."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import openpyxl
import pyarrow as pa
import pytest
from arrivals import GOOD_NIK, book, csv, parquet, row

from publishing.spreadsheets import Workbook, disarmed, is_dangerous
from sources.identifiers import check_nik, nik_sex

POPULATION = "nik,full_name,sex,birth_date,region_code\n"


def register(*niks: str) -> str:
    return POPULATION + "".join(
        f"{nik},WARGA {n},P,1990-03-12,3171\n" for n, nik in enumerate(niks, 1)
    )


LOST = ["3.17101E+15", "3,17101E+15", "3.171905203900010E+15", "3.17101e15", "'3.17101E+15"]


@pytest.mark.fault(16, "NIK in exponent form")
def test_16_a_nik_in_exponent_form_is_set_aside_and_its_record_goes_on(counter, shown) -> None:
    counter.agree(delimiter=";")
    report = counter.take(csv(*(row(n, nik=nik) for n, nik in enumerate(LOST, 1)), delimiter=";"))
    assert counter.rows("nik, nik_reason") == [(None, "NIK_PRECISION_LOST")] * len(LOST)
    shown("the NIK is set aside with NIK_PRECISION_LOST, the record goes on without it", report)


@pytest.mark.fault(16, "NIK in exponent form in the register")
def test_16_in_the_population_register_the_row_is_quarantined(counter, shown) -> None:
    counter.use("dukcapil_population")
    report = counter.take(register("3.17101E+15", GOOD_NIK))
    assert counter.quarantined() == [(1, ["NIK_PRECISION_LOST"])]
    assert counter.rows("nik") == [(GOOD_NIK,)]
    shown("in the population register, whose key it is, the row is quarantined", report)


@pytest.mark.fault(16, "NIK as a floating number")
def test_16_a_floating_number_tells_that_it_lost_digits(counter, shown) -> None:
    niks = pa.array([3.171905203900001e15 * 3, float(GOOD_NIK)])
    content = parquet(kpj=["K1", "K2"], full_name=["A", "B"], segment=["PU"] * 2, nik=niks)
    report = counter.take(content)
    assert counter.rows("nik, nik_reason") == [(None, "NIK_PRECISION_LOST"), (GOOD_NIK, None)]
    shown("a DOUBLE beyond 2^53 is set aside, an exact one is read", report)


REPAIRED = {
    "decimal": f"{GOOD_NIK}.0",
    "apostrophe": f"'{GOOD_NIK}",
    "curly": f"’{GOOD_NIK}",
    "blanks": f"{GOOD_NIK[:6]} {GOOD_NIK[6:12]} {GOOD_NIK[12:]}",
    "no-break": GOOD_NIK[:4] + "\u00a0" + GOOD_NIK[4:],
    "full-width": "".join(chr(ord(digit) - 48 + 0xFF10) for digit in GOOD_NIK),
    "dots": ".".join([GOOD_NIK[:6], GOOD_NIK[6:12], GOOD_NIK[12:]]),
    "dashes": "-".join([GOOD_NIK[:6], GOOD_NIK[6:12], GOOD_NIK[12:]]),
}


@pytest.mark.fault(17, "NIK to be tidied")
def test_17_a_nik_is_tidied_where_16_digits_result(counter, shown) -> None:
    report = counter.take(csv(*(row(n, nik=nik) for n, nik in enumerate(REPAIRED.values(), 1))))
    assert counter.rows("nik, nik_reason") == [(GOOD_NIK, "NIK_REPAIRED")] * len(REPAIRED)
    shown("eight ways of writing give the 16 digits, with reason NIK_REPAIRED", report)


@pytest.mark.fault(17, "NIK to be tidied, not 16 digits")
def test_17_what_does_not_give_16_digits_is_not_repaired(counter, shown) -> None:
    wrong = [nik.replace("3171", "317") for nik in (REPAIRED["decimal"], REPAIRED["apostrophe"])]
    wrong += [f"{GOOD_NIK}.5", f"{GOOD_NIK}.0.0"]
    report = counter.take(csv(*(row(n, nik=nik) for n, nik in enumerate(wrong, 1))))
    assert [nik for (nik,) in counter.rows("nik")] == [None] * 4
    assert set(counter.reasons().values()) == {"NIK_WRONG_LENGTH"} | set(
        counter.reasons().values()
    ) & {"NIK_BAD_CHARACTERS"}
    shown("fewer or more digits after tidying: no repair", report)


UNUSABLE = {
    GOOD_NIK[:15]: "NIK_WRONG_LENGTH",
    GOOD_NIK + "1": "NIK_WRONG_LENGTH",
    "0" * 16: "NIK_REPEATED_DIGIT",
    "9" * 16: "NIK_REPEATED_DIGIT",
    GOOD_NIK.replace("0", "O"): "NIK_BAD_CHARACTERS",
    GOOD_NIK.replace("1", "I"): "NIK_BAD_CHARACTERS",
}


@pytest.mark.fault(18, "NIK that cannot be one")
def test_18_wrong_length_repeated_digit_and_letters(counter, shown) -> None:
    report = counter.take(csv(*(row(n, nik=nik) for n, nik in enumerate(UNUSABLE, 1))))
    assert [reason for (reason,) in counter.rows("nik_reason")] == list(UNUSABLE.values())
    assert {nik for (nik,) in counter.rows("nik")} == {None}
    shown("set aside, each with its reason; the records go on", report)


@pytest.mark.fault(18, "NIK that cannot be one, in the register")
def test_18_in_the_population_register_the_rows_are_quarantined(counter, shown) -> None:
    counter.use("dukcapil_population")
    report = counter.take(register(*UNUSABLE, GOOD_NIK))
    assert counter.quarantined() == [(n, [code]) for n, code in enumerate(UNUSABLE.values(), 1)]
    shown("in the population register those rows are quarantined", report)


@pytest.mark.fault(18, "record with nothing left")
def test_18_a_record_with_nothing_left_to_link_by_is_quarantined(counter, shown) -> None:
    rows = [row(1, nik="12", full_name="123", birth_date=""), row(2, nik="12", birth_date="")]
    report = counter.take(csv(*rows))
    assert counter.quarantined() == [(1, ["NOTHING_TO_LINK_BY"])]
    shown("a record with nothing left to link by is quarantined", report)


IMPOSSIBLE = {
    "3171900003900001": "NIK_BAD_DATE",
    "3171903203900001": "NIK_BAD_DATE",
    "3171907203900001": "NIK_BAD_DATE",
    "3171901213900001": "NIK_BAD_DATE",
    "3171903002900001": "NIK_BAD_DATE",
    "3171901203900000": "NIK_BAD_SERIAL",
}


@pytest.mark.fault(19, "impossible NIK")
def test_19_impossible_dates_and_serials(counter, shown) -> None:
    report = counter.take(csv(*(row(n, nik=nik) for n, nik in enumerate(IMPOSSIBLE, 1))))
    assert [reason for (reason,) in counter.rows("nik_reason")] == list(IMPOSSIBLE.values())
    shown("day 00, 32, 72, month 13, 30 February and serial 0000 are unusable", report)


@pytest.mark.fault(19, "unknown province; day of a woman")
def test_19_an_unknown_province_is_flagged_and_a_womans_day_is_read(counter, shown) -> None:
    unknown, woman = "0171905203900001", "3171904501900001"
    rows = [row(1, nik=unknown), row(2, nik=woman, birth_date="1990-01-05")]
    report = counter.take(csv(*rows))
    assert counter.rows("nik") == [(unknown,), (woman,)]
    assert counter.flags() == {"K1": ["NIK_UNKNOWN_PROVINCE"]}
    assert nik_sex(woman) == "P"
    assert check_nik("3171906902880001").nik  # 29 February 1988
    assert check_nik("3171906902890001").reason == "NIK_BAD_DATE"
    shown("an unknown province is flagged only; day 45 is the 5th, of a woman", report)


@pytest.mark.fault(20, "NIK against birth date and sex")
def test_20_a_nik_that_differs_from_the_columns_is_flagged_and_kept(counter, shown) -> None:
    rows = [row(1, birth_date="1991-03-12"), row(2, sex="L"), row(3)]
    report = counter.take(csv(*rows))
    assert counter.flags() == {"K1": ["NIK_BIRTH_DATE_DIFFERS"], "K2": ["NIK_SEX_DIFFERS"]}
    assert {reason for (reason,) in counter.rows("nik_reason")} == {None}
    shown("flagged NIK_BIRTH_DATE_DIFFERS or NIK_SEX_DIFFERS; the NIK is kept", report)


DATES = {
    "90-03-12": "TWO_DIGIT_YEAR",
    "12/03/90": "TWO_DIGIT_YEAR",
    "1991-02-29": "BAD_DATE",
    "2027-01-01": "DATE_IN_FUTURE",
    "1890-03-12": "DATE_TOO_OLD",
}


@pytest.mark.fault(21, "impossible birth dates")
def test_21_doubtful_birth_dates_are_missing_and_flagged(counter, shown) -> None:
    rows = [row(n, nik="", birth_date=text) for n, text in enumerate(DATES, 1)]
    report = counter.take(csv(*rows))
    assert [born for (born,) in counter.rows("birth_date")] == [None] * len(DATES)
    assert [flags[0] for flags in counter.flags().values()] == list(DATES.values())
    shown("kept as missing, flagged TWO_DIGIT_YEAR, BAD_DATE, DATE_IN_FUTURE, DATE_TOO_OLD", report)


def dates(*texts: str) -> str:
    return csv(*(row(n, nik="", birth_date=text) for n, text in enumerate(texts, 1)))


EUROPEAN = [f"{day:02}/{month:02}/1990" for day in range(1, 29) for month in (1, 5, 12)]
AMERICAN = [f"{text[3:5]}/{text[:2]}/{text[6:]}" for text in EUROPEAN]


@pytest.mark.fault(22, "strict format")
def test_22_dates_are_read_in_the_one_format_of_the_contract(counter, shown) -> None:
    counter.agree(date_format="%d/%m/%Y")
    report = counter.take(dates("03/04/1990", "04/13/1990"))
    assert counter.rows("birth_date::VARCHAR") == [("1990-04-03",), (None,)]
    assert counter.flags() == {"K2": ["BAD_DATE"]}
    shown("03/04/1990 is 3 April by the contract; 04/13/1990 is missing and flagged", report)


@pytest.mark.fault(22, "swapped")
@pytest.mark.parametrize("form", ["%d/%m/%Y", None], ids=["day first", "ISO"])
def test_22_a_file_with_day_and_month_swapped_is_refused(counter, shown, form) -> None:
    counter.agree(date_format=form)
    texts = AMERICAN if form else [f"1990-{t[:2]}-{t[3:5]}" for t in EUROPEAN]
    error = counter.refuse(dates(*texts))
    assert error.code == "AMBIGUOUS_DATE"
    assert "birth_date" in str(error)
    assert "the other way" in str(error)
    shown("a file whose dates are swapped is refused as AMBIGUOUS_DATE", refused=error.code)


@pytest.mark.fault(22, "ambiguous")
def test_22_a_file_that_can_be_read_both_ways_is_told(counter, shown) -> None:
    counter.agree(date_format="%d/%m/%Y")
    counter.put({"a.csv": dates(*(t for t in EUROPEAN if int(t[:2]) <= 12))})
    report = counter.land()
    (warning,) = report.warnings
    assert "AMBIGUOUS_DATE" in warning
    message = counter.con.execute("SELECT message FROM landing.deliveries").fetchone()[0]
    assert warning in message
    shown("one that reads both ways is told in the ledger", delivered=36, accepted=36)


@pytest.mark.fault(23, "names")
def test_23_names_that_look_like_nothing_are_names(counter, shown) -> None:
    names = ["NULL", "NA", "SUKARNO", "-", ""]
    report = counter.take(csv(*(row(n, full_name=name) for n, name in enumerate(names, 1))))
    assert counter.rows("full_name") == [("NULL",), ("NA",), ("SUKARNO",)]
    assert counter.quarantined() == [(4, ["MISSING_NAME"]), (5, ["MISSING_NAME"])]
    shown("NULL, NA and one word are names; - and an empty name are quarantined", report)


@pytest.mark.fault(23, "names, - included")
def test_23_a_dash_is_a_name_where_the_contract_says_so(counter, shown) -> None:
    columns = tuple(replace(c, null_texts=()) for c in counter.contract.columns)
    counter.agree(columns=columns)
    report = counter.take(csv(row(1, full_name="-"), row(2, full_name="NULL")))
    assert counter.rows("full_name") == [("-",), ("NULL",)]
    shown("- too is kept as text where the contract names no text for nothing", report)


@pytest.mark.fault(23, "null texts of a contract")
def test_23_a_text_that_the_contract_calls_missing_is_missing(counter, shown) -> None:
    columns = tuple(
        replace(c, null_texts=("NULL", "-")) if c.name in ("full_name", "nik") else c
        for c in counter.contract.columns
    )
    counter.agree(columns=columns)
    report = counter.take(csv(row(1, full_name="null"), row(2, nik="-"), row(3)))
    assert counter.rows("record_id, nik") == [("K2", None), ("K3", row(3)["nik"])]
    shown("they are missing where the contract says so", report)


FORMULAS = ["=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(A1)", "\t=1", '=HYPERLINK("http://x")']


@pytest.mark.fault(24, "formulas")
def test_24_formulas_are_text_and_disarmed_at_output(counter, shown, tmp_path) -> None:
    report = counter.take(csv(*(row(n, full_name=text) for n, text in enumerate(FORMULAS, 1))))
    names = [name for (name,) in counter.rows("full_name")]
    assert names == [text.strip() for text in FORMULAS]
    assert all(is_dangerous(name) for name in names)
    table = disarmed(pa.table({"full_name": names}))
    assert table["full_name"].to_pylist() == [f"'{name}" for name in names]
    made = dt.datetime(2026, 11, 1)  # noqa: DTZ001
    target = tmp_path / "out.xlsx"
    workbook = Workbook(target, title="Uji", author="Uji", made=made)
    sheet = workbook.sheet("Data", landscape=False)
    for place, name in enumerate(names):
        workbook.text(sheet, place, 0, name)
    workbook.close()
    cells = [line[0] for line in openpyxl.load_workbook(target)["Data"].iter_rows()]
    assert [(cell.value, cell.data_type) for cell in cells] == [(name, "s") for name in names]
    shown("stored as text; in CSV an apostrophe goes before them, in XLSX they are text", report)


@pytest.mark.fault(24, "formula in a workbook")
def test_24_a_formula_of_a_delivered_workbook_is_never_computed(counter, shown) -> None:
    content = book(["kpj", "full_name", "segment"], ["K1", "=1+1", "PU"], ["K2", "ANI", "PU"])
    report = counter.take(content, "a.xlsx")
    assert counter.rows("record_id") == [("K2",)]
    assert counter.quarantined() == [(1, ["MISSING_NAME"])]
    shown("a formula delivered without its value is an empty cell, never computed", report)
