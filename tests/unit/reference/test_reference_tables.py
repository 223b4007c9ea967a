"""The reference tables agree with themselves and with facts that anyone can look up."""

import re
import time

import duckdb
import pytest

from warehouse.reference import (
    load_reference,
    reference_tables,
)

EXPECTED_COLUMNS = {
    "provinces": "province_code province bps_code population valid_from valid_to source",
    "regencies": "regency_code regency kind province_code bps_code population valid_from"
    " valid_to source",
    "region_codes": "code regency_code state valid_to source",
    "sectors": "sector_code sector sector_en position",
    "kbli_sections": "kbli_vintage section title title_en sector_code source",
    "kbli_divisions": "kbli_vintage division section title sector_code jkk_risk_group source"
    " confidence",
    "jkk_rates": "risk_group rate",
    "contribution_rates": "programme segment payer base rate amount valid_from valid_to source",
    "jp_ceilings": "ceiling valid_from valid_to source confidence",
    "minimum_wages": "region_code amount valid_from valid_to source confidence",
    "programme_obligations": "scale programmes",
    "occupations": "occupation spellings is_working sector_code civil_servant",
    "name_variants": "token canonical kind",
    "name_titles": "token position needs_punctuation",
    "legal_forms": "legal_form spelling natural_person",
    "addressees": "addressee_id addressee clauses",
    "addressee_agencies": "addressee_id agency role valid_from valid_to source",
    "reason_codes": "reason_code stage id en",
    "sakernas": "survey_period province_code regency_code sector_code employed source",
}
KEYS = {
    "provinces": "province_code",
    "regencies": "regency_code",
    "region_codes": "code",
    "sectors": "sector_code",
    "kbli_sections": "kbli_vintage, section",
    "kbli_divisions": "kbli_vintage, division",
    "programme_obligations": "scale",
    "occupations": "occupation",
    "name_variants": "token",
    "name_titles": "token, position",
    "legal_forms": "spelling",
    "addressees": "addressee_id",
    "reason_codes": "reason_code",
    "sakernas": "survey_period, province_code, regency_code, sector_code",
}
DATED = {
    "jkk_rates": "risk_group",
    "contribution_rates": "programme, segment, payer, base",
    "contribution_discounts": "programme, segment, applies_to",
    "construction_rates": "programme, value_from",
    "jp_ceilings": "1",
    "minimum_wages": "region_code",
    "addressee_agencies": "addressee_id, agency",
    "provinces": "province_code",
    "regencies": "regency_code",
}


def test_loading_is_quick_repeatable_and_counts_what_it_loads():
    with duckdb.connect() as connection:
        first = load_reference(connection)
        started = time.process_time()
        second = load_reference(connection)
        assert time.process_time() - started < 1
        assert first == second
        for table, rows in second.items():
            assert (
                connection.execute(f"SELECT count(*) FROM reference.{table}").fetchone()[0]
                == rows
                > 0
            )


def test_a_failed_load_leaves_what_was_there(monkeypatch):
    with duckdb.connect() as connection:
        load_reference(connection)
        monkeypatch.setattr(
            "warehouse.reference.reference_rows",
            lambda name: [{"addressee_id": "no number"}] if name == "addressees" else [],
        )
        with pytest.raises(duckdb.ConversionException):
            load_reference(connection)
        assert connection.execute("SELECT count(*) FROM reference.provinces").fetchone()[0] == 38


@pytest.mark.parametrize("table", EXPECTED_COLUMNS)
def test_a_table_has_the_columns_that_others_read(con, table):
    have = {row[0] for row in con.execute(f"DESCRIBE reference.{table}").fetchall()}
    assert have >= set(EXPECTED_COLUMNS[table].split())


def test_tables_and_columns_are_explained_in_both_languages(con):
    tables = con.execute(
        "SELECT table_name, comment FROM duckdb_tables() WHERE schema_name = 'reference'"
    ).fetchall()
    columns = con.execute(
        "SELECT table_name || '.' || column_name, comment FROM duckdb_columns()"
        " WHERE schema_name = 'reference'"
    ).fetchall()
    assert len(tables) == len(reference_tables())
    for name, comment in tables + columns:
        assert re.fullmatch(r"ID: .+ \| EN: .+", comment or ""), name


@pytest.mark.parametrize("table", sorted(set(reference_tables()) - {"reason_codes"}))
def test_every_row_names_its_source(one, table):
    assert one(f"SELECT count(*) FROM reference.{table} WHERE source IS NULL") == 0


@pytest.mark.parametrize(
    "table", sorted(n for n, t in reference_tables().items() if "confidence" in t.column_names)
)
def test_every_confidence_is_one_of_three(con, table):
    values = con.execute(f"SELECT DISTINCT confidence FROM reference.{table}").fetchall()
    assert {value for (value,) in values} <= {"high", "medium", "low"}


@pytest.mark.parametrize("table", KEYS)
def test_keys_are_unique(con, table):
    repeated = f"SELECT {KEYS[table]} FROM reference.{table} GROUP BY ALL HAVING count(*) > 1"
    assert con.execute(repeated).fetchall() == []


@pytest.mark.parametrize("table", DATED)
def test_no_two_rows_of_one_thing_are_in_force_together(con, table):
    overlapping = f"""
        SELECT * FROM (
            SELECT *, lead(coalesce(valid_from, DATE '0001-01-01')) OVER (
                PARTITION BY {DATED[table]} ORDER BY valid_from NULLS FIRST) AS next_from
            FROM reference.{table})
        WHERE coalesce(valid_to, DATE '9999-12-31') >= next_from OR valid_to < valid_from"""
    assert con.execute(overlapping).fetchall() == []
