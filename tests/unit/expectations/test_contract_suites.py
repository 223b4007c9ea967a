"""What the contracts imply, and what comes of validating a delivery."""

from __future__ import annotations

import duckdb
import pytest

from expectations.judging import suite_json, validation_json
from expectations.runner import check_names, validate
from expectations.suites import LIMITS, Limits, suite
from expectations.suites import suite_json as contract_suite_json
from sources.conforming import create_conformed_table
from sources.contracts import load_contracts
from warehouse.connection import SCHEMAS
from warehouse.errors import UsageError

PERIOD = "2026-10"


@pytest.fixture
def con():
    made = duckdb.connect(config={"threads": 2})
    for schema in SCHEMAS:
        made.execute(f"CREATE SCHEMA {schema}")
    yield made
    made.close()


def fill(con, contract, rows=1000, quarantined=0, **cells):
    """Conformed rows that break nothing, but for the cells that are given as SQL over i."""
    create_conformed_table(con, contract)
    good = {
        "period": f"'{PERIOD}'",
        "delivery_version": "1",
        "record_id": "i::VARCHAR",
        "full_name": "'NAMA ' || i",
        "nik": "'317190010190' || lpad((1 + i)::VARCHAR, 4, '0')",
        "sex": "'L'",
        "birth_date": "DATE '1990-01-01'",
        "region_code": "'3171'",
        "flags": "[]::VARCHAR[]",
        "file": "'a.csv'",
        "row_number": "i",
        **cells,
    }
    select = ", ".join(f"{sql} AS {name}" for name, sql in good.items())
    con.execute(
        f"INSERT INTO conformed.{contract.key} BY NAME SELECT {select} FROM range({rows}) t(i)"
    )
    con.execute(
        "INSERT INTO conformed.counts VALUES (?, ?, 1, ?, ?, ?, 0)",
        [PERIOD, contract.key, rows + quarantined, rows, quarantined],
    )


def failed(con, contract):
    return {result.name for result in validate(con, contract, PERIOD) if not result.success}


def test_every_contract_has_a_suite_with_unique_names_and_rows():
    for contract in load_contracts().values():
        checks = suite(contract, PERIOD)
        assert check_names(contract) == tuple(check.name for check in checks)
        assert len({check.name for check in checks}) == len(checks)
        # These columns identify a row of the published table of results.
        grain = {(c.table, c.expectation, c.subject or c.column) for c in checks}
        assert len(grain) == len(checks)
        assert {"rows", "record_id_unique", "balance", "quarantined_share"} <= {
            check.name for check in checks
        }
        assert all(check.id and check.en for check in checks)
        promised = {
            f"{c.name}_in_vocabulary" for c in contract.columns if c.vocabulary is not None
        } | {f"{c.name}_form" for c in contract.columns if c.kind in ("nik", "npwp", "nib")}
        assert promised <= {check.name for check in checks if check.severity == "critical"}


def test_a_good_delivery_passes_and_its_results_are_written(con):
    contract = load_contracts()["farmers"]
    fill(con, contract)
    results = validate(con, contract, PERIOD)
    assert [result.name for result in results] == list(check_names(contract))
    assert [result.name for result in results if not result.success] == []
    unique = next(result for result in results if result.name == "record_id_unique")
    assert (unique.column, unique.evaluated, unique.unexpected) == ("record_id", 1000, 0)
    written = con.execute(
        "SELECT period, dataset, table_name, expectation, column_name, severity, success,"
        " evaluated, unexpected, unexpected_share FROM quality.expectation_results"
        " WHERE column_name = 'record_id' AND expectation LIKE '%unique'"
    ).fetchall()
    assert written == [
        (PERIOD, "farmers", "conformed.farmers", "expect_column_values_to_be_unique",
         "record_id", "critical", True, 1000, 0, 0.0)
    ]  # fmt: skip
    validate(con, contract, PERIOD)
    rows = con.execute("SELECT count(*) FROM quality.expectation_results").fetchone()
    assert rows == (len(results),)


@pytest.mark.parametrize(
    ("cells", "names"),
    [
        ({"nik": "CASE WHEN i % 2 = 0 THEN '317190010190' || lpad((1 + i)::VARCHAR, 4, '0') END"},
         {"nik_usable"}),
        ({"nik": "'317190010190' || lpad((i // 10 * 10 + 10)::VARCHAR, 4, '0')"},
         {"nik_last_digit"}),
        ({"nik": "'31719001019' || i"}, {"nik_form"}),
        ({"record_id": "(i % 999)::VARCHAR"}, {"record_id_unique"}),
        ({"full_name": "nullif('X' || i, 'X7')"}, {"full_name_present"}),
        ({"sex": "CASE WHEN i < 3 THEN 'M' ELSE 'P' END"}, {"sex_in_vocabulary"}),
        ({"region_code": "CASE WHEN i < 300 THEN '0000' ELSE '3171' END"}, {"region_code_known"}),
        ({"birth_date": "DATE '2026-11-01'"}, {"birth_date_possible"}),
        ({"monthly_wage": "-1"}, {"monthly_wage_not_negative"}),
        ({"flags": "CASE WHEN i < 60 THEN ['BAD_DATE'] ELSE ['UNKNOWN_REGION'] END"},
         {"few_bad_date"}),
        ({"flags": "CASE WHEN i < 400 THEN ['BAD_DATE', 'X'] ELSE ['UNKNOWN_REGION'] END"},
         {"few_bad_date", "dates_readable"}),
    ],
)  # fmt: skip
def test_each_fault_is_found_by_its_own_check(con, cells, names):
    contract = load_contracts()["farmers"]
    fill(con, contract, **cells)
    assert failed(con, contract) == names


def test_too_few_niks_tell_nothing_of_their_last_digits(con):
    contract = load_contracts()["farmers"]
    fill(con, contract, rows=9, nik="'317190010190' || (1 + i) || '000'")
    assert failed(con, contract) == set()


@pytest.mark.parametrize(
    ("quarantined", "names"),
    [(40, set()), (100, {"quarantined_share_warning"}),
     (300, {"quarantined_share_warning", "quarantined_share"})],
)  # fmt: skip
def test_too_much_set_aside_is_told_and_then_blocks(con, quarantined, names):
    contract = load_contracts()["farmers"]
    fill(con, contract, quarantined=quarantined)
    results = [r for r in validate(con, contract, PERIOD) if not r.success]
    assert {r.name for r in results} == names
    assert {r.name for r in results if r.blocks} == names & {"quarantined_share"}


def test_lost_rows_and_wrong_counts_block(con):
    contract = load_contracts()["farmers"]
    fill(con, contract)
    con.execute("DELETE FROM conformed.farmers WHERE record_id = '1'")
    assert failed(con, contract) == {"accepted_rows"}
    con.execute("UPDATE conformed.counts SET delivered = delivered + 1, accepted = accepted - 1")
    assert failed(con, contract) == {"balance"}


def test_a_delivery_that_was_never_conformed_fails(con):
    contract = load_contracts()["farmers"]
    assert set(check_names(contract)) == failed(con, contract)
    create_conformed_table(con, contract)
    assert failed(con, contract) == {"rows", "counted"}
    with pytest.raises(UsageError, match="not a month"):
        validate(con, contract, "Oktober")


def test_a_missing_column_fails_its_checks_alone(con):
    contract = load_contracts()["farmers"]
    fill(con, contract)
    con.execute("ALTER TABLE conformed.farmers DROP COLUMN sex")
    results = {r.name: r for r in validate(con, contract, PERIOD) if not r.success}
    assert set(results) == {"sex_in_vocabulary"}
    assert results["sex_in_vocabulary"].observed == "not computed"


def test_limits_can_be_set(con):
    contract = load_contracts()["farmers"]
    strict = {c.name: c.mostly for c in suite(contract, PERIOD, Limits(usable_nik=0.99))}
    assert strict["nik_usable"] == 0.99
    usual = {c.name: c.mostly for c in suite(contract, PERIOD)}
    assert usual["nik_usable"] == LIMITS.usable_nik


def test_documents_carry_the_true_column_and_counts(con):
    contract = load_contracts()["farmers"]
    fill(con, contract, nik="CASE WHEN i < 400 THEN '3171900101900001' END", full_name="'RAHASIA'")
    checks = suite(contract, PERIOD)
    results = validate(con, contract, PERIOD)
    document = validation_json("conformed.farmers", checks, results)
    entry = next(
        r for r in document["results"] if r["expectation_config"]["meta"]["name"] == "nik_usable"
    )
    assert entry["expectation_config"]["kwargs"] == {"column": "nik", "mostly": 0.7}
    assert entry["expectation_config"]["type"] == "expect_column_values_to_not_be_null"
    assert entry["result"]["element_count"] == 1000
    assert entry["result"]["unexpected_count"] == 600
    assert entry["result"]["unexpected_percent"] == pytest.approx(60.0)
    assert not document["success"]
    assert "RAHASIA" not in str(document)
    assert "3171900101900001" not in str(document)


def test_suites_are_written_as_great_expectations_json():
    contract = load_contracts()["bpjs_participants"]
    document = contract_suite_json(contract, PERIOD)
    assert document["name"] == "conformed.bpjs_participants"
    assert len(document["expectations"]) == len(check_names(contract))
    assert {entry["severity"] for entry in document["expectations"]} == {"critical", "warning"}
    assert suite_json("empty", ())["expectations"] == []
