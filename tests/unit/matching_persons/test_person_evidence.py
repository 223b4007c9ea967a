"""Faulty NIKs and the region of the employer as evidence, and what no evidence can tell."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import people_world as world
import pytest

from matching import persons
from matching.blocking import RULES, find_candidates
from matching.evaluation import recall_by_rule, unknowable
from matching.exact import add_work_region
from matching.keys import REGISTER, prepare_records

PERIOD = "2026-10"


@pytest.fixture(scope="module")
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    connection = duckdb.connect(config={"threads": 1})
    world.make_world(connection, 6_000, {"cards": 3_000}, world.Rates())
    persons.build_spine(connection, PERIOD)
    persons.link_period(connection, PERIOD)
    yield connection
    connection.close()


def nik(con: duckdb.DuckDBPyConnection) -> str:
    row = con.execute(
        f"SELECT lpad(nik::VARCHAR, 16, '0') FROM {REGISTER} ORDER BY person_key LIMIT 1"
    ).fetchone()
    assert row is not None
    return str(row[0])


def candidates(con: duckdb.DuckDBPyConnection, aside: str) -> list[str]:
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE faulty AS
        SELECT 1::BIGINT AS id, NULL::BIGINT AS nik, '{aside}' AS nik_aside,
            NULL::VARCHAR AS full_name, NULL::VARCHAR AS sex, NULL::DATE AS birth_date,
            NULL::VARCHAR AS birth_place, NULL::VARCHAR AS mother_name,
            NULL::VARCHAR AS region_code, NULL::UBIGINT AS nik_key, false AS conflict
        """
    )
    prepare_records(con, "faulty", "faulty_keys")
    rules = tuple(rule for rule in RULES if rule.name.startswith("nik_"))
    find_candidates(con, "faulty_keys", "faulty_pairs", rules=rules)
    return [
        row[0]
        for row in con.execute(
            f"SELECT lpad(nik::VARCHAR, 16, '0') FROM faulty_pairs JOIN {REGISTER}"
            " USING (person_key)"
        ).fetchall()
    ]


@pytest.mark.parametrize("place", [0, 3, 5, 7, 9, 11, 13, 15])
@pytest.mark.parametrize("fault", ["lost", "doubled", "zero"])
def test_a_faulty_nik_still_finds_whose_it_was(
    con: duckdb.DuckDBPyConnection, place: int, fault: str
) -> None:
    whole = nik(con)
    written = {
        "lost": whole[:place] + whole[place + 1 :],
        "doubled": whole[:place] + whole[place] + whole[place:],
        "zero": whole[:place] + str((int(whole[place]) + 5) % 10) + whole[place + 1 :],
    }[fault]
    assert whole in candidates(con, written)


def test_records_of_unusable_niks_are_linked_by_what_is_left_of_them() -> None:
    linked = {}
    for kept in (False, True):
        con = duckdb.connect(config={"threads": 1})
        world.make_world(con, 3_000, {"cards": 1_500}, world.Rates(nik_unusable=0.2))
        # A name that many have, and no date, place or mother: only the NIK can tell.
        con.execute(
            f"""
            UPDATE in_person_records SET birth_date = NULL, birth_place = NULL, mother_name = NULL,
                region_code = NULL WHERE nik_reason IS NOT NULL;
            ALTER TABLE in_person_records ADD COLUMN nik_aside VARCHAR;
            UPDATE in_person_records AS r SET nik_aside = left(t.nik, 15) FROM truth AS t
            WHERE {kept} AND t.record_id = r.record_id AND r.nik_reason IS NOT NULL;
            """
        )
        persons.link_period(con, PERIOD)
        row = con.execute(
            "SELECT count(*) FILTER (l.status = 'linked' AND person_key = md5_number_lower(t.nik)),"
            " count(*) FILTER (l.status = 'linked'"
            "     AND person_key IS DISTINCT FROM md5_number_lower(t.nik)), count(t.nik)"
            " FROM linkage.person_links AS l JOIN truth AS t USING (dataset, record_id)"
            " JOIN in_person_records USING (dataset, record_id) WHERE nik_reason IS NOT NULL"
        ).fetchone()
        assert row is not None
        linked[kept] = row[0] / row[2]
        assert row[1] <= 3
        con.close()
    assert linked[True] > 0.97
    assert linked[True] > linked[False] + 0.02


def test_the_region_of_the_employer_stands_in_where_a_record_states_none(
    con: duckdb.DuckDBPyConnection,
) -> None:
    con.execute(
        """
        CREATE OR REPLACE TEMP VIEW in_employers AS SELECT * FROM (VALUES
            ('0012345678901000', NULL, '3273'), ('0099999999999000', NULL, '3273'),
            ('0099999999999000', NULL, '3171'), (NULL, '8120000000001', '5103'),
            ('0055555555555000', NULL, '0000')) AS t(npwp, nib, region_code);
        CREATE OR REPLACE TEMP VIEW in_employment AS SELECT 'payroll' AS dataset, * FROM (VALUES
            ('by npwp', '0012345678901000', NULL), ('two regions', '0099999999999000', NULL),
            ('own region', '0012345678901000', NULL), ('nobody knows', '0055555555555000', NULL))
            AS t(record_id, employer_npwp, employer_nib);
        CREATE OR REPLACE TEMP VIEW in_roster AS SELECT 'staff' AS dataset, 'by nib' AS record_id,
            NULL::VARCHAR AS employer_npwp, '8120000000001' AS employer_nib;
        CREATE OR REPLACE TEMP TABLE asking AS
        SELECT dataset, record_id, CASE WHEN record_id = 'own region' THEN '1171' END AS region_code
        FROM (SELECT dataset, record_id FROM in_employment
            UNION ALL SELECT dataset, record_id FROM in_roster);
        """
    )
    add_work_region(con, "asking")
    told = dict(con.execute("SELECT record_id, work FROM asking").fetchall())
    con.execute("DROP VIEW in_employers; DROP VIEW in_employment; DROP VIEW in_roster")
    assert told == {
        "by npwp": 3273, "by nib": 5103, "two regions": None, "own region": None,
        "nobody knows": None,
    }  # fmt: skip


def truth_file(con: duckdb.DuckDBPyConnection, folder: Path) -> Path:
    file = folder / "truth.parquet"
    con.execute(f"COPY truth TO '{file}' (FORMAT parquet)")
    return file


def test_every_rule_is_measured(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    told = recall_by_rule(con, PERIOD, truth_file(con, tmp_path))
    assert set(told) == {"owner", "ALL", *(rule.name for rule in RULES)}
    whole = told.pop("ALL")
    assert whole["found"] / whole["records"] >= 0.985
    assert max(rule["found"] for rule in told.values()) <= whole["found"]
    assert sum(rule["found"] for rule in told.values()) > whole["found"]
    assert max(rule["pairs"] for rule in told.values()) <= whole["pairs"]
    assert sum(rule["alone"] for rule in told.values()) <= whole["found"]


def test_who_is_like_another_in_all_that_a_record_says_is_counted(tmp_path: Path) -> None:
    con = duckdb.connect(config={"threads": 1})
    world.make_world(con, 2_000, {"cards": 600}, world.Rates(nik_missing=0.0))
    persons.build_spine(con, PERIOD)
    persons.link_period(con, PERIOD)
    before = unknowable(con, PERIOD, truth_file(con, tmp_path))
    # Ten people get a twin in everything but the NIK and the birth date. Of their records, those
    # with neither cannot be told; one that states the birth date can.
    con.execute(
        """
        CREATE OR REPLACE TEMP TABLE chosen AS
        SELECT min(t.record_id) AS record_id, nik FROM truth AS t JOIN in_population USING (nik)
        GROUP BY nik ORDER BY nik LIMIT 10;
        INSERT INTO in_population SELECT p.* REPLACE ('9' || substr(nik, 2) AS nik,
            birth_date + 400 AS birth_date, 't' || p.record_id AS record_id)
        FROM in_population AS p SEMI JOIN chosen USING (nik);
        UPDATE in_person_records AS r SET nik = NULL, full_name = p.full_name, sex = NULL,
            birth_date = CASE WHEN r.record_id = (SELECT min(record_id) FROM chosen)
                THEN p.birth_date END,
            birth_place = p.birth_place, mother_name = NULL, region_code = NULL
        FROM chosen AS c JOIN in_population AS p USING (nik) WHERE c.record_id = r.record_id;
        """
    )
    persons.build_spine(con, PERIOD)
    persons.link_period(con, PERIOD)
    after = unknowable(con, PERIOD, truth_file(con, tmp_path))
    con.close()
    assert after["persons"] == before["persons"]
    assert after["unknowable"] - before["unknowable"] == 9
    assert after["by_luck"] - before["by_luck"] == pytest.approx(4.5)
