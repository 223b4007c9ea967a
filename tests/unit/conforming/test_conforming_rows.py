"""What becomes of rows: keys, repetitions, persons who share a NIK, and the balance."""

from __future__ import annotations

import dataclasses
import json

import pytest

from sources.conforming import conform, create_conformed_table
from sources.contracts import load_contracts
from warehouse.errors import CakupanError, UsageError

PERIOD = "2026-10"
NIK = "3171904101900001"


def person(**values):
    known = {"nik": NIK, "full_name": "SITI AMINAH", "sex": "P", "birth_date": "1990-01-01"}
    return {**known, "region_code": "3171", **values}


def test_rows_without_key_or_name_are_quarantined_with_their_text(bench):
    contract = load_contracts()["bpjs_participants"]
    rows = [
        {"kpj": "11111111111", "full_name": "A", "segment": "PU"},
        {"kpj": " - ", "full_name": "B", "segment": "PU", "nik": "3171"},
        {"kpj": "22222222222", "full_name": " "},
        {"kpj": None, "full_name": None},
    ]
    report = bench.conform(contract, rows)
    assert (report.delivered, report.accepted, report.quarantined) == (4, 1, 3)
    assert bench.quarantined() == {
        ("a.csv", 2): ["MISSING_KEY"],
        ("a.csv", 3): ["MISSING_NAME"],
        ("a.csv", 4): ["MISSING_KEY", "MISSING_NAME"],
    }
    raw = bench.con.execute("SELECT raw FROM quarantine.rows WHERE row_number = 2").fetchone()[0]
    assert {k: v for k, v in json.loads(raw).items() if v is not None} == rows[1]


def test_an_unusable_key_tells_why(bench):
    register = load_contracts()["dukcapil_population"]
    bench.conform(register, [person(), person(nik="3.17190E+15"), person(nik="")])
    assert bench.quarantined() == {
        ("a.csv", 2): ["NIK_PRECISION_LOST"],
        ("a.csv", 3): ["MISSING_KEY"],
    }
    bench.reset()
    employers = load_contracts()["djp_employers"]
    rows = [{"npwp": "123", "employer_name": "PT A"}, {"npwp": "", "employer_name": "PT B"}]
    bench.conform(employers, rows)
    assert bench.quarantined() == {
        ("a.csv", 1): ["NPWP_INVALID"],
        ("a.csv", 2): ["MISSING_KEY"],
    }


def test_only_a_record_with_nothing_at_all_cannot_be_linked(bench):
    contract = load_contracts()["farmers"]
    rows = [
        {"record_id": "1", "full_name": "BUDI"},
        {"record_id": "2", "full_name": "???", "nik": "12"},
        {"record_id": "3", "full_name": "???", "nik": NIK},
        {"record_id": "4", "full_name": "123", "birth_date": "1990-01-01"},
    ]
    report = bench.conform(contract, rows)
    assert bench.quarantined() == {("a.csv", 2): ["NOTHING_TO_LINK_BY"]}
    assert report.accepted == 3


def test_exact_repetitions_are_counted_and_the_last_row_of_the_last_file_is_used(bench):
    contract = load_contracts()["farmers"]
    rows = [
        {"record_id": "1", "full_name": "BUDI"},
        {"record_id": "1", "full_name": " BUDI ", "file": "b.csv"},
        {"record_id": "2", "full_name": "OLD", "file": "b.csv"},
        {"record_id": "2", "full_name": "OLDER"},
        {"record_id": "2", "full_name": "OLDER"},
        {"record_id": "2", "full_name": "NEW", "file": "b.csv"},
    ]
    report = bench.conform(contract, rows)
    assert (report.accepted, report.quarantined, report.duplicates) == (2, 2, 2)
    assert [(r["full_name"], r["file"]) for r in bench.rows(contract)] == [
        ("BUDI", "b.csv"),
        ("NEW", "b.csv"),
    ]
    assert bench.quarantined() == {
        ("b.csv", 2): ["SUPERSEDED"],
        ("a.csv", 3): ["SUPERSEDED"],
    }


def test_of_one_card_the_row_paid_last_is_used(bench):
    contract = load_contracts()["bpjs_participants"]
    rows = [
        {"kpj": "1", "full_name": "A", "last_paid_period": "2026-08"},
        {"kpj": "1", "full_name": "A", "last_paid_period": "202609"},
        {"kpj": "1", "full_name": "A", "last_paid_period": None},
    ]
    bench.conform(contract, rows)
    assert [r["last_paid_period"] for r in bench.rows(contract)] == ["2026-09"]
    assert bench.quarantined() == {("a.csv", 1): ["SUPERSEDED"], ("a.csv", 3): ["SUPERSEDED"]}


@pytest.mark.parametrize(
    "second",
    [
        {"mother_name": "RATNA", "birth_place": "JAKARTA"},
        {"mother_name": "RATNA", "full_name": "SITI AMINA"},
        {"mother_name": "RATNA", "full_name": "Siti-Aminah", "occupation": "PETANI"},
    ],
)
def test_one_person_twice_in_the_register_keeps_the_fuller_row(bench, second):
    register = load_contracts()["dukcapil_population"]
    bench.conform(register, [person(**second), person()])
    assert [r["mother_name"] for r in bench.rows(register)] == ["RATNA"]
    assert bench.quarantined() == {("a.csv", 2): ["SUPERSEDED"]}


@pytest.mark.parametrize(
    "second",
    [
        {"full_name": "DEWI LESTARI"},
        {"birth_date": "1990-02-01"},
        {"full_name": "SITI RAHMAH"},
    ],
)
def test_two_persons_with_one_nik_are_both_quarantined(bench, second):
    register = load_contracts()["dukcapil_population"]
    report = bench.conform(register, [person(), person(**second), person()])
    assert (report.accepted, report.quarantined, report.duplicates) == (0, 2, 1)
    assert set(map(tuple, bench.quarantined().values())) == {("NIK_NOT_UNIQUE",)}


def test_rows_that_could_not_be_read_count_as_quarantined(bench):
    contract = load_contracts()["farmers"]
    bench.land(contract, [{"record_id": "1", "full_name": "A"}], unread=1)
    create_conformed_table(bench.con, contract)
    unread = "('2026-10', 'farmers', 1, 'a.csv', 2, 'reading', ['RAGGED_ROW'], 'x')"
    bench.con.execute(f"INSERT INTO quarantine.rows VALUES {unread}")
    report = conform(bench.con, contract, PERIOD)
    assert (report.delivered, report.accepted, report.quarantined) == (2, 1, 1)
    counts = bench.con.execute("SELECT * FROM conformed.counts").fetchall()
    assert counts == [(PERIOD, "farmers", 1, 2, 1, 1, 0)]
    # The rows of reading stay when a delivery is conformed again.
    assert conform(bench.con, contract, PERIOD) == report


def test_a_lost_row_is_refused_and_nothing_changes(bench):
    contract = load_contracts()["farmers"]
    bench.land(contract, [{"record_id": "1", "full_name": "A"}])
    conform(bench.con, contract, PERIOD)
    before = bench.rows(contract)
    bench.con.execute("UPDATE landing.deliveries SET rows = 2")
    with pytest.raises(CakupanError, match="does not balance: 2 rows delivered, 1 landed"):
        conform(bench.con, contract, PERIOD)
    assert bench.rows(contract) == before
    assert bench.con.execute("SELECT delivered FROM conformed.counts").fetchall() == [(1,)]


def test_a_database_fault_tells_no_value(bench):
    contract = load_contracts()["farmers"]
    bench.land(contract, [{"record_id": "1", "full_name": "RAHASIA"}])
    bench.con.execute('ALTER TABLE landing.farmers DROP COLUMN "nik"')
    with pytest.raises(CakupanError) as caught:
        conform(bench.con, contract, PERIOD)
    assert "farmers of 2026-10 version 1" in str(caught.value)
    assert "RAHASIA" not in str(caught.value)
    assert caught.value.__context__ is None


def test_the_latest_version_replaces_the_older_one(bench):
    contract = load_contracts()["farmers"]
    bench.land(
        contract, [{"record_id": "1", "full_name": "A"}, {"record_id": "2", "full_name": ""}]
    )
    conform(bench.con, contract, PERIOD)
    bench.land(contract, [{"record_id": "3", "full_name": "C"}], version=2)
    assert conform(bench.con, contract, PERIOD).version == 2
    assert [(r["record_id"], r["delivery_version"]) for r in bench.rows(contract)] == [("3", 2)]
    # What was set aside of the first version can still be looked up.
    assert bench.quarantined() == {("a.csv", 2): ["MISSING_NAME"]}
    bench.land(contract, [{"record_id": "9", "full_name": "Z"}], period="2026-09")
    conform(bench.con, contract, "2026-09")
    assert [r["record_id"] for r in bench.rows(contract)] == ["3", "9"]


def test_the_hash_is_of_the_content_alone(bench):
    contract = load_contracts()["farmers"]
    rows = [
        {"record_id": "1", "full_name": "BUDI", "sex": "L", "region_code": "31.71"},
        {"record_id": "2", "full_name": "ANI"},
    ]
    bench.conform(contract, rows)
    first = {r["record_id"]: r["row_hash"] for r in bench.rows(contract)}
    again = [
        {"record_id": "2", "full_name": "ANI "},
        {"record_id": "1", "full_name": "BUDI", "sex": "Laki-laki", "region_code": "3171"},
        {"record_id": "3", "full_name": "ANI"},
    ]
    bench.reset()
    bench.conform(contract, again)
    second = {r["record_id"]: r["row_hash"] for r in bench.rows(contract)}
    assert {key: second[key] for key in first} == first
    assert len(set(second.values())) == 3


def test_missing_deliveries_and_bad_periods_are_told(bench):
    contract = load_contracts()["farmers"]
    with pytest.raises(UsageError, match="farmers has no accepted delivery for 2026-10"):
        conform(bench.con, contract, PERIOD)
    with pytest.raises(UsageError, match="no accepted delivery version 7"):
        conform(bench.con, contract, PERIOD, version=7)
    with pytest.raises(UsageError, match="not a month"):
        conform(bench.con, contract, "2026-13")


def test_an_empty_delivery_is_an_answer(bench):
    contract = load_contracts()["farmers"]
    report = bench.conform(contract, [])
    assert (report.delivered, report.accepted, report.quarantined, report.duplicates) == (0,) * 4


def test_tables_carry_types_and_comments_of_every_contract(bench):
    for contract in load_contracts().values():
        create_conformed_table(bench.con, contract)
        create_conformed_table(bench.con, contract)
        columns = {
            name: (kind, comment)
            for name, kind, comment in bench.con.execute(
                "SELECT column_name, data_type, comment FROM duckdb_columns()"
                " WHERE schema_name = 'conformed' AND table_name = ?",
                [contract.key],
            ).fetchall()
        }
        for column in contract.columns:
            assert columns[column.name][0] == column.sql_type
        assert all("ID: " in comment and "EN: " in comment for _, comment in columns.values())
        for niks in contract.columns_of_kind("nik"):
            assert f"{niks.name}_reason" in columns
        assert ("sector_code" in columns) == (contract.column("kbli") is not None)


def test_a_newer_contract_adds_its_columns_and_does_not_change_a_type(bench):
    contract = load_contracts()["farmers"]
    older = dataclasses.replace(
        contract, columns=tuple(c for c in contract.columns if c.name != "commodity")
    )
    create_conformed_table(bench.con, older)
    bench.conform(contract, [{"record_id": "1", "full_name": "A", "commodity": "padi"}])
    assert bench.rows(contract)[0]["commodity"] == "padi"
    bench.con.execute("ALTER TABLE conformed.farmers ALTER monthly_wage TYPE VARCHAR")
    with pytest.raises(UsageError, match=r"column monthly_wage is VARCHAR.*says BIGINT"):
        create_conformed_table(bench.con, contract)
