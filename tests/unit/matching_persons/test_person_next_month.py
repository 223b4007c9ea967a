"""Later months: comparisons are carried over, and the links are those of a full run."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import duckdb
import people_world as world
import pytest

from matching import carrying, persons
from matching.exact import split
from matching.keys import prepare_records, prepare_register
from matching.model import linked_with, newest_model

MONTHS = ("2026-10", "2026-11", "2026-12")
LINKS = "FROM linkage.person_links WHERE period = ? ORDER BY dataset, record_id"
PAIRS = "FROM linkage.carried_pairs ORDER BY dataset, record_id, person_key"


FAMILIAR = (
    ("full_name", 0.45, 24),
    ("birth_date", 0.5, 8),
    ("region_code", 0.8, 5),
    ("birth_place", 0.8, 6),
    ("mother_name", 0.5, 20),
)


def make_crowd(con: duckdb.DuckDBPyConnection, seed: int) -> None:
    """Make a small world in which many share a name, a birth date or a home.

    So blocks stand about the caps of the rules, and a change of one person makes them cross.
    """
    world.make_world(con, 1_500, {"cards": 500, "roster": 300}, world.Rates.spoilt(), seed)
    con.execute(
        f"""
        CREATE TABLE few AS
        SELECT row_number() OVER (ORDER BY hash(nik, {seed})) AS i, full_name AS f_full_name,
            birth_date AS f_birth_date, region_code AS f_region_code,
            birth_place AS f_birth_place, mother_name AS f_mother_name
        FROM in_population ORDER BY 1 LIMIT 24;
        CREATE OR REPLACE TEMP MACRO x(a, b) AS (hash(a, b, {seed}) % 1000003) / 1000003.0;
        """
    )
    for relation, who in (("in_population", "nik"), ("in_person_records", "record_id")):
        con.execute(f"CREATE TABLE main.{relation} AS FROM temp.{relation}")
        con.execute(f"DROP TABLE temp.{relation}")
        for column, share, kinds in FAMILIAR:
            con.execute(turn(relation, who, column, share, kinds))
    con.execute("UPDATE in_person_records SET birth_date = NULL WHERE x(record_id, 'nd') < 0.3")


def turn(relation: str, who: str, column: str, share: float, kinds: int) -> str:
    """Give SQL that sets a column of a share of rows to one of a few values."""
    return (
        f"UPDATE {relation} SET {column} = f_{column} FROM few WHERE x({who}, '{column}') < {share}"
        f" AND i = 1 + floor(x({who}, '{column}i') * {kinds})::BIGINT;"
    )


def next_month(con: duckdb.DuckDBPyConnection, seed: int, month: str) -> None:
    """Change, add and remove a few people and records."""
    con.execute(
        f"""
        CREATE OR REPLACE TEMP MACRO x(a, b) AS
            (hash(a, b, {seed}, '{month}') % 1000003) / 1000003.0;
        DELETE FROM in_population WHERE x(nik, 'gone') < 0.002;
        INSERT INTO in_population
        SELECT * REPLACE ((nik::BIGINT + 40)::VARCHAR AS nik) FROM in_population
        WHERE x(nik, 'new') < 0.002
            AND (nik::BIGINT + 40)::VARCHAR NOT IN (SELECT nik FROM in_population);
        UPDATE in_population SET mother_name = NULL WHERE x(nik, 'no mother') < 0.001;
        DELETE FROM in_person_records WHERE x(record_id, 'gone') < 0.02;
        INSERT INTO in_person_records
        SELECT * REPLACE (record_id || '-{month}' AS record_id) FROM in_person_records
        WHERE x(record_id, 'new') < 0.02;
        UPDATE in_person_records SET nik = NULL WHERE x(record_id, 'no nik') < 0.02;
        UPDATE in_person_records SET mother_name = NULL WHERE x(record_id, 'no mother') < 0.02;
        """
    )
    for column, _, kinds in FAMILIAR:
        con.execute(turn("in_population", "nik", column, 0.0015, kinds))
        con.execute(turn("in_person_records", "record_id", column, 0.01, kinds))


def rows(con: duckdb.DuckDBPyConnection, sql: str, *values: str) -> list[tuple[object, ...]]:
    return con.execute(sql, list(values)).fetchall()


def opened_copy(file: Path, target: Path) -> duckdb.DuckDBPyConnection:
    shutil.copy(file, target)
    return duckdb.connect(str(target), config={"threads": 2})


@pytest.fixture(scope="module")
def first_months(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Link the first month of two worlds, and train their models."""
    files = []
    for seed in (3, 4):
        files.append(tmp_path_factory.mktemp("months") / f"{seed}.duckdb")
        con = duckdb.connect(str(files[-1]), config={"threads": 2})
        make_crowd(con, seed)
        persons.link_period(con, MONTHS[0])
        con.close()
    return files


@pytest.mark.parametrize("seed", range(3))
def test_carrying_over_gives_the_links_of_a_full_run(
    seed: int, first_months: list[Path], tmp_path: Path
) -> None:
    file = first_months[seed % len(first_months)]
    carried = opened_copy(file, tmp_path / "carried")
    full = opened_copy(file, tmp_path / "full")
    for month in MONTHS[1:]:
        for con, carry in ((carried, True), (full, False)):
            next_month(con, seed, month)
            persons.link_period(con, month, retrain=False, carry=carry)
        assert rows(carried, LINKS, month) == rows(full, LINKS, month)
        # All that decisions are made from is the same, not only what came of it.
        assert rows(carried, PAIRS) == rows(full, PAIRS)
        run = "SELECT model, residual, compared FROM linkage.person_runs WHERE period = ?"
        [(version, residual, opened)] = rows(carried, run, month)
        assert rows(full, run, month) == [(version, residual, residual)]
        assert 0 < int(str(opened)) < int(str(residual))
    carried.close()
    full.close()


@pytest.fixture
def month(first_months: list[Path], tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    con = opened_copy(first_months[0], tmp_path / "one")
    yield con
    con.close()


def compared(con: duckdb.DuckDBPyConnection, period: str) -> int:
    [(number,)] = rows(con, "SELECT compared FROM linkage.person_runs WHERE period = ?", period)
    return int(str(number))


def test_where_nothing_changed_nothing_is_compared_and_all_links_stay(
    month: duckdb.DuckDBPyConnection,
) -> None:
    said = "SELECT * EXCLUDE (period) " + LINKS
    before = rows(month, said, MONTHS[0])
    persons.link_period(month, MONTHS[1], retrain=False)
    assert rows(month, said, MONTHS[1]) == before
    assert compared(month, MONTHS[1]) == 0
    assert rows(month, "SELECT count(*) FROM linkage.models") == [(1,)]


def test_other_words_of_names_open_every_record(month: duckdb.DuckDBPyConnection) -> None:
    month.execute("INSERT INTO reference.name_titles VALUES ('SRI PADUKA', 'prefix', false)")
    persons.link_period(month, MONTHS[1], retrain=False)
    [(residual,)] = rows(
        month, "SELECT residual FROM linkage.person_runs WHERE period = ?", MONTHS[1]
    )
    assert compared(month, MONTHS[1]) == residual


def test_a_person_who_is_stated_otherwise_opens_the_records_of_the_own_nik_without_any_rule(
    month: duckdb.DuckDBPyConnection,
) -> None:
    owner = "(SELECT min(nik) FROM in_population SEMI JOIN in_person_records USING (nik))"
    month.execute(f"CREATE TABLE owner AS SELECT {owner} AS nik")
    month.execute(
        "UPDATE in_person_records SET full_name = 'ZAZA QUQU', birth_date = DATE '1901-02-03'"
        " WHERE nik IN (FROM owner)"
    )
    persons.link_period(month, MONTHS[1], retrain=False)
    month.execute("UPDATE in_population SET region_code = '9999' WHERE nik IN (FROM owner)")
    prepare_register(month, MONTHS[2], 1)
    split(month, "true")
    prepare_records(month, "match_rest", "match_keys")
    opened = carrying.open_records(month, "match_keys", "match_opened", rules=())
    [(mine,)] = rows(month, "SELECT count(*) FROM in_person_records WHERE nik IN (FROM owner)")
    assert opened == mine
    assert opened > 0


def test_a_pair_weighs_the_same_while_the_register_grows(month: duckdb.DuckDBPyConnection) -> None:
    weighed = (
        "SELECT nik, birth_n, place_n, name_n, name_f, bits, t_rare, mother_n"
        " FROM linkage.register SEMI JOIN old USING (person_key) ORDER BY nik"
    )
    month.execute("CREATE TABLE old AS SELECT person_key FROM linkage.register_people")
    before = rows(month, weighed)
    month.execute(
        "INSERT INTO in_population SELECT * REPLACE ((nik::BIGINT + 50)::VARCHAR AS nik)"
        " FROM in_population WHERE (nik::BIGINT + 50)::VARCHAR NOT IN"
        " (SELECT nik FROM in_population)"
    )
    prepare_register(month, MONTHS[1], 1)
    assert rows(month, weighed) == before
    prepare_register(month, MONTHS[1])
    assert rows(month, weighed) != before


def test_a_value_that_a_version_has_not_seen_counts_as_one_seen_once(
    month: duckdb.DuckDBPyConnection,
) -> None:
    new = "SELECT min(nik) FROM in_population"
    month.execute(
        "UPDATE in_population SET full_name = 'ZAZA QUQU', mother_name = 'WAWA QEQE',"
        f" birth_date = DATE '1903-02-01', birth_place = 'XANADU' WHERE nik = ({new})"
    )
    prepare_register(month, MONTHS[1], 1)
    [(once,)] = rows(month, "SELECT seen_once::FLOAT FROM linkage.register_basis")
    assert rows(
        month,
        "SELECT birth_n, place_n, name_n, mother_n, name_f, t_rare FROM linkage.register"
        f" WHERE nik = ({new})::BIGINT",
    ) == [(1, 1, 1, 1, once, None)]


@pytest.mark.parametrize(
    "spoil",
    [
        "DELETE FROM linkage.models",
        "DELETE FROM linkage.model_frequencies",
        "UPDATE linkage.models SET parameters = '{\"version\": 0}'",
    ],
)
def test_without_a_model_that_can_be_used_one_is_trained(
    month: duckdb.DuckDBPyConnection, spoil: str
) -> None:
    assert newest_model(month) is not None
    month.execute(spoil)
    assert newest_model(month) is None
    persons.link_period(month, MONTHS[1], retrain=False)
    found = newest_model(month)
    assert found is not None
    assert linked_with(month, MONTHS[1]) == (found[0], MONTHS[1])
