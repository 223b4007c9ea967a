"""Bad input stays bounded: empty sides, columns of nothing, one name for all, one block for all."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import people_world as world
import pytest

from matching import persons

PERIOD = "2026-10"


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    connection = duckdb.connect(config={"threads": 1, "memory_limit": "1GB"})
    yield connection
    connection.close()


def small(con: duckdb.DuckDBPyConnection, people: int = 1_500, records: int = 400) -> None:
    world.make_world(con, people, {"cards": records, "roster": records // 2}, world.Rates())


def statuses(con: duckdb.DuckDBPyConnection) -> dict[str, int]:
    return dict(
        con.execute("SELECT status, count(*) FROM linkage.person_links GROUP BY 1").fetchall()
    )


def test_an_empty_register_links_nobody(con: duckdb.DuckDBPyConnection) -> None:
    small(con)
    con.execute("DELETE FROM in_population")
    persons.link_period(con, PERIOD)
    assert statuses(con) == {"unlinked": 600}
    assert con.execute(
        "SELECT DISTINCT reason FROM linkage.person_links ORDER BY 1"
    ).fetchall() == [("invalid_identifier",), ("never_compared",)]


def test_no_records_are_no_links(con: duckdb.DuckDBPyConnection) -> None:
    small(con)
    con.execute("DELETE FROM in_person_records")
    assert persons.link_period(con, PERIOD) == {}
    assert statuses(con) == {}


def test_records_that_say_nothing_are_never_compared(con: duckdb.DuckDBPyConnection) -> None:
    small(con)
    con.execute(
        "UPDATE in_person_records SET nik = NULL, nik_reason = NULL, full_name = NULL, sex = NULL,"
        " birth_date = NULL, birth_place = NULL, mother_name = NULL, region_code = NULL"
        " WHERE dataset = 'cards'"
    )
    persons.link_period(con, PERIOD)
    rows = con.execute(
        "SELECT status, reason, count(*) FROM linkage.person_links WHERE dataset = 'cards'"
        " GROUP BY ALL"
    ).fetchall()
    assert rows == [("unlinked", "never_compared", 400)]


def test_a_register_of_niks_alone_is_linked_by_none_of_them(
    con: duckdb.DuckDBPyConnection,
) -> None:
    small(con)
    con.execute(
        "UPDATE in_population SET full_name = NULL, sex = NULL, birth_date = NULL,"
        " birth_place = NULL, mother_name = NULL, region_code = NULL"
    )
    persons.link_period(con, PERIOD)
    # A NIK alone is not believed: name or birth date must agree, and a birth date may be read
    # out of the register's own NIK.
    wrong = con.execute(
        "SELECT count(*) FROM linkage.person_links AS l JOIN truth AS t USING (dataset, record_id)"
        " WHERE l.status = 'linked' AND l.person_key IS DISTINCT FROM md5_number_lower(t.nik)"
    ).fetchone()
    assert wrong is not None
    assert wrong[0] <= 2


def test_one_name_for_everybody_makes_no_pairs_of_all_with_all(
    con: duckdb.DuckDBPyConnection,
) -> None:
    people, records = 10_000, 10_000
    small(con, 1_000, 50)
    # One name, one birth date, one place, one mother: one block holds the register and the list.
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE in_population AS
        SELECT r.* REPLACE (j::VARCHAR AS record_id,
            (3273900101900000 + (j // 9999) * 10000000000 + j % 9999 + 1)::VARCHAR AS nik,
            'SITI AMINAH' AS full_name, 'P' AS sex, DATE '1990-01-01' AS birth_date,
            'BANDUNG' AS birth_place, 'SITI' AS mother_name, '3273' AS region_code,
            hash(j) AS row_hash)
        FROM (FROM in_population LIMIT 1) AS r, range({people}) AS t(j);
        CREATE OR REPLACE TEMP TABLE in_person_records AS
        SELECT r.* REPLACE ('cards' AS dataset, j::VARCHAR AS record_id, NULL AS nik,
            NULL AS nik_reason, 'SITI AMINAH' AS full_name, 'P' AS sex,
            DATE '1990-01-01' AS birth_date, 'BANDUNG' AS birth_place, 'SITI' AS mother_name,
            '3273' AS region_code, hash(j) AS row_hash)
        FROM (FROM in_person_records LIMIT 1) AS r, range({records}) AS t(j);
        """
    )
    counts = persons.link_period(con, PERIOD)
    assert counts["cards"]["pairs"] == 0
    assert statuses(con) == {"unlinked": records}
    capped = con.execute(
        "SELECT count(*), min(skipped_pairs) FROM linkage.blocking_report WHERE skipped_pairs > 0"
    ).fetchone()
    assert capped is not None
    # What was skipped is told: every record with everybody, by most rules.
    assert capped[0] >= 10
    assert capped[1] >= people


def test_candidates_of_a_record_do_not_grow_with_the_register(
    con: duckdb.DuckDBPyConnection,
) -> None:
    most = {}
    for people in (1_500, 6_000):
        world.make_world(con, people, {"cards": 300}, world.Rates.spoilt())
        con.execute("DROP TABLE IF EXISTS linkage.person_links")
        counts = persons.link_period(con, PERIOD)["cards"]
        linked = con.execute(
            "SELECT count(*) FROM linkage.person_links WHERE tier = 'identifier'"
        ).fetchone()
        assert linked is not None
        most[people] = counts["pairs"] / (300 - linked[0])
    assert most[6_000] < 20
    assert most[6_000] < 1.5 * most[1_500]
