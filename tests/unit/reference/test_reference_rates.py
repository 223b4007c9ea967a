"""Contribution rates, ceilings, minimum wages and the survey's denominators."""

import csv

import duckdb
import pytest

from warehouse.errors import DataRefused, UsageError
from warehouse.reference import load_reference, load_sakernas, reference_rows


def _rates(con, segment, on):
    return {
        (programme, payer): rate
        for programme, payer, rate in con.execute(
            "SELECT programme, payer, rate FROM reference.contribution_rates WHERE segment = ?"
            " AND ?::DATE BETWEEN valid_from AND coalesce(valid_to, DATE '9999-12-31')",
            [segment, on],
        ).fetchall()
    }


def test_what_employer_and_worker_pay(con):
    rates = _rates(con, "PU", "2026-10-31")
    assert rates["JHT", "employer"] + rates["JHT", "worker"] == pytest.approx(0.057)
    assert rates["JP", "employer"] + rates["JP", "worker"] == pytest.approx(0.03)
    assert rates["JKM", "employer"] == 0.003
    assert rates["JKP", "state"] + rates["JKP", "recomposition"] == pytest.approx(0.0036)
    old = _rates(con, "PU", "2024-10-31")
    assert old["JKP", "state"] + old["JKP", "recomposition"] == pytest.approx(0.0046)
    assert [
        rate
        for (rate,) in con.execute(
            "SELECT rate FROM reference.jkk_rates ORDER BY risk_group"
        ).fetchall()
    ] == [0.0024, 0.0054, 0.0089, 0.0127, 0.0174]


def test_every_division_has_a_jkk_rate(one):
    assert (
        one(
            "SELECT count(*) FROM reference.kbli_divisions ANTI JOIN reference.jkk_rates"
            " ON jkk_risk_group = risk_group",
        )
        == 0
    )


@pytest.mark.parametrize(
    ("day", "ceiling"),
    [("2024-02-29", 9_559_600), ("2024-03-01", 10_042_300), ("2025-06-30", 10_547_400)],
)
def test_the_wage_ceiling_of_jp(con, day, ceiling):
    assert con.execute(
        "SELECT ceiling FROM reference.jp_ceilings WHERE ?::DATE BETWEEN valid_from"
        " AND coalesce(valid_to, DATE '9999-12-31')",
        [day],
    ).fetchall() == [(ceiling,)]


def test_an_estimated_ceiling_says_so(con):
    assert con.execute(
        "SELECT confidence FROM reference.jp_ceilings WHERE valid_from = DATE '2026-03-01'"
    ).fetchone() == ("low",)


def test_every_province_has_a_minimum_wage_in_2026(con):
    wages = dict(
        con.execute(
            "SELECT region_code, amount FROM reference.minimum_wages"
            " WHERE DATE '2026-10-31' BETWEEN valid_from"
            " AND coalesce(valid_to, DATE '9999-12-31')"
        ).fetchall()
    )
    provinces = {row["province_code"] for row in reference_rows("provinces")}
    assert set(wages) == provinces
    assert wages["31"] == max(wages.values()) == 5_729_876
    assert wages["32"] == min(wages.values()) == 2_317_601


def test_small_firms_owe_fewer_programmes(con):
    owed = dict(
        con.execute("SELECT scale, programmes FROM reference.programme_obligations").fetchall()
    )
    assert owed["mikro"] == ["JKK", "JKM"]
    assert owed["kecil"] == ["JKK", "JKM", "JHT"]
    assert owed["menengah"] == owed["besar"] == ["JKK", "JKM", "JHT", "JP"]


def test_construction_brackets_meet_without_a_gap(con):
    assert (
        con.execute(
            "SELECT programme, value_to, next FROM (SELECT programme, value_to, lead(value_from)"
            " OVER (PARTITION BY programme ORDER BY value_from) AS next"
            " FROM reference.construction_rates) WHERE value_to IS DISTINCT FROM next"
        ).fetchall()
        == []
    )


def test_the_survey_adds_up(con):
    for period, total in (("2025-02", 145_770_000), ("2025-08", 146_540_000)):
        assert con.execute(
            "SELECT sum(employed) FILTER (sector_code IS NULL AND province_code IS NULL),"
            " sum(employed) FILTER (sector_code IS NOT NULL), count(sector_code)"
            " FROM reference.sakernas WHERE survey_period = ?",
            [period],
        ).fetchone() == (total, total, 17)


@pytest.fixture
def survey(tmp_path):
    def write(header, *rows):
        file = tmp_path / "sakernas.csv"
        with file.open("w", newline="", encoding="utf-8") as handle:
            csv.writer(handle).writerows([header, *rows])
        return file

    return write


def test_own_denominators_replace_the_national_ones(survey):
    with duckdb.connect() as connection:
        load_reference(connection)
        file = survey(
            ["employed", "survey_period", "province_code", "sector_code"],
            [5100, "2025-08", "", ""],
            [900, "2025-08", "31", ""],
            [400, "2025-08", "", "RSTU"],
        )
        assert load_sakernas(connection, file) == 3
        assert connection.execute(
            "SELECT survey_period, province_code, regency_code, sector_code, employed"
            " FROM reference.sakernas ORDER BY employed DESC"
        ).fetchall() == [
            ("2025-08", None, None, None, 5100),
            ("2025-08", "31", None, None, 900),
            ("2025-08", None, None, "RSTU", 400),
        ]


@pytest.mark.parametrize(
    ("header", "row", "code", "said"),
    [
        (["survey_period", "workers"], ["2025-08", 1], "SCHEMA_DRIFT", "workers"),
        (["survey_period"], ["2025-08"], "SCHEMA_DRIFT", "employed"),
        (["survey_period", "employed"], ["2025-13", 1], "BAD_DATE", "row 1"),
        (["survey_period", "employed"], ["2025-08", "1.5"], "BAD_NUMBER", "row 1"),
        (["survey_period", "employed"], ["2025-08"], "RAGGED_ROW", "row 1"),
        (
            ["survey_period", "employed", "sector_code"],
            ["2025-08", 1, "Z"],
            "UNKNOWN_VALUE",
            "sector_code",
        ),
        (
            ["survey_period", "employed", "regency_code"],
            ["2025-08", 1, "9101"],
            "UNKNOWN_VALUE",
            "regency_code",
        ),
    ],
)
def test_denominators_that_make_no_sense_are_refused(con, one, survey, header, row, code, said):
    before = one("SELECT count(*) FROM reference.sakernas")
    with pytest.raises(DataRefused, match=said) as refusal:
        load_sakernas(con, survey(header, row))
    assert refusal.value.code == code
    assert one("SELECT count(*) FROM reference.sakernas") == before


def test_a_cell_given_twice_is_refused(con, survey):
    file = survey(["survey_period", "employed"], ["2025-08", 1], ["2025-08", 2])
    with pytest.raises(DataRefused, match="row 2"):
        load_sakernas(con, file)


def test_a_file_that_is_no_text_or_missing_is_refused(con, tmp_path):
    file = tmp_path / "sakernas.csv"
    file.write_bytes(b"survey_period,employed\n2025-08,\xff\xfe\n")
    with pytest.raises(DataRefused, match="UTF-8"):
        load_sakernas(con, file)
    with pytest.raises(UsageError, match="no file"):
        load_sakernas(con, tmp_path / "none.csv")
