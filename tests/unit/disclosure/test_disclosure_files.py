"""Released tables that stand alone, and the released file as part of a publication."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import duckdb
import pytest
from disclosure_world import PERIOD, people, write_exact

import publishing.disclosure.release as releasing
from publishing.disclosure import beside, check_identities, make_release
from publishing.disclosure.suppression import Protected
from publishing.disclosure.tables import standalone
from warehouse.columns import dictionary
from warehouse.errors import GateBlocked
from warehouse.home import Home
from warehouse.publication import folders, publish
from warehouse.settings import Settings
from warehouse.tables import create_tables, table_specs

NIK = "3171905203900001"


def insert(con: duckdb.DuckDBPyConnection, table: str, **values: object) -> None:
    names = ", ".join(values)
    con.execute(
        f"INSERT INTO {table} ({names}) VALUES ({', '.join('?' * len(values))})",
        list(values.values()),
    )


@pytest.fixture
def exact(tmp_path: Path) -> Path:
    file = tmp_path / "cakupan.duckdb"
    write_exact(file, people(1, provinces=2, regencies=2, mean=40))
    return file


def release_of(exact: Path, table: str, columns: str) -> list[tuple]:
    target = exact.with_name("release.duckdb")
    make_release(exact, target, PERIOD)
    with duckdb.connect() as con:
        con.execute(f"ATTACH '{target}' AS told (READ_ONLY)")
        return con.execute(f"SELECT {columns} FROM told.release.{table} ORDER BY 1").fetchall()


def test_lists_of_the_instruction_tell_no_small_count(exact: Path) -> None:
    with duckdb.connect(str(exact)) as con:
        for province, persons, active, inactive, review in (
            ("31", 100, 40, 20, 0), ("32", 100, 40, 3, 4), ("33", 9, 4, 2, 0), ("34", 50, 45, 2, 0),
        ):  # fmt: skip
            low, high = active, active
            insert(
                con, "coverage.gap_by_instruction", period=PERIOD, clause="2.1.a", dataset="d",
                province_code=province, listed=persons + review, linked=persons, review=review,
                unlinked=0, persons=persons, active=active, inactive=inactive,
                unregistered=persons - active - inactive, gap=persons - active,
                coverage_rate=active / persons, active_low=low, active_high=high,
                gap_low=persons - high, gap_high=persons - low,
            )  # fmt: skip
    assert release_of(
        exact,
        "gap_by_instruction",
        "province_code, listed, review, persons, active, inactive, coverage_rate, suppressed",
    ) == [
        ("31", 100, 0, 100, 40, 20, 0.4, False),
        ("32", 104, None, 100, 40, None, 0.4, True),
        ("33", None, None, None, None, None, None, True),
        ("34", 50, 0, 50, None, None, None, True),
    ]


def test_magnitudes_need_ten_persons_three_employers_and_none_above_half(exact: Path) -> None:
    with duckdb.connect(str(exact)) as con:
        for sector, employers, persons, share in (
            ("A", 3, 10, 0.5), ("C", 2, 50, 0.2), ("F", 5, 9, 0.2), ("G", 5, 50, 0.51),
        ):  # fmt: skip
            insert(
                con, "coverage.compliance_by_sector_region", period=PERIOD, province_code="31",
                regency_code="3101", sector_code=sector, province="x", regency="y", sector="z",
                employers=employers, employers_flagged=employers, pwbd=1, pds_tk=0, pds_upah=0,
                pds_program=0, arrears=3, employers_flagged_without_tax=0, known_workers=60,
                active_participants=40, missing_workers=20, missing_workers_without_tax=20,
                underreported_workers=0, estimated_contribution=1000, contribution_jkk=1,
                contribution_jkm=1, contribution_jht=1, contribution_jp=1, estimated_without_tax=1,
                contribution_employers=employers, contribution_persons=persons,
                largest_share=share,
            )  # fmt: skip
    assert release_of(
        exact,
        "compliance_by_sector_region",
        "sector_code, employers, pwbd, arrears, known_workers, estimated_contribution",
    ) == [
        ("A", 3, None, 3, 60, 1000),
        ("C", None, None, None, None, None),
        ("F", 5, None, 3, 60, None),
        ("G", 5, None, 3, 60, None),
    ]


def test_scenarios_that_differ_by_few_people_are_not_both_told(exact: Path) -> None:
    with duckdb.connect(str(exact)) as con:
        workers, active = con.execute(
            "SELECT workers, active FROM coverage.coverage_by_province "
            "WHERE basis = 'domicile' AND province_code = '31'"
        ).fetchall()[0]
        for scenario, more in (("arrears_3", 0), ("arrears_6", 4), ("arrears_0", -15)):
            insert(
                con, "coverage.sensitivity", period=PERIOD, province_code="31", province="x",
                scenario=scenario, workers=workers, active=active + more,
                coverage_rate=float(active + more) / workers,
            )  # fmt: skip
    rows = release_of(exact, "sensitivity", "scenario, active IS NULL, suppressed")
    assert rows == [("arrears_0", False, False), ("arrears_3", False, False),
                    ("arrears_6", True, True)]  # fmt: skip


def test_the_declaration_names_columns_that_the_tables_have() -> None:
    for table, entry in standalone().items():
        spec = table_specs()[table]
        named = [name for value in entry.values() if isinstance(value, list) for name in value]
        named += [entry[key] for key in ("base", "persons", "employers", "share") if key in entry]
        assert set(named) <= {*spec.grain, *spec.columns}, table
    assert "suppressed" in dictionary()


def test_a_text_that_holds_a_nik_blocks(
    con: duckdb.DuckDBPyConnection, exact: Path, tmp_path: Path
) -> None:
    with duckdb.connect(str(exact)) as planted:
        planted.execute(f"UPDATE coverage.coverage_by_sector_region SET regency = 'Kota {NIK}'")
    target = tmp_path / "release.duckdb"
    make_release(exact, target, PERIOD)
    with pytest.raises(GateBlocked, match=r"release\.coverage_by_regency\.regency") as caught:
        check_identities(con, target)
    assert NIK not in str(caught.value)


@pytest.fixture
def filled(con: duckdb.DuckDBPyConnection, exact: Path) -> duckdb.DuckDBPyConnection:
    """A restricted warehouse that holds the same coverage tables."""
    create_tables(con)
    con.execute(f"ATTACH '{exact}' AS exact (READ_ONLY)")
    for table in ("regencies", "provinces", "contribution_rates"):
        con.execute(f"CREATE OR REPLACE TABLE reference.{table} AS SELECT '31' AS province_code, "
                    "'x' AS province, '3101' AS regency_code, 'y' AS regency, 'kota' AS kind, "
                    "'1' AS bps_code, 1 AS population, NULL::DATE AS valid_from, "
                    "NULL::DATE AS valid_to, 'x' AS source")  # fmt: skip
    for name, spec in table_specs().items():
        if name.startswith("coverage_") and name != "coverage_change":
            con.execute(f"INSERT INTO {spec.qualified} BY NAME FROM exact.{spec.qualified}")
    con.execute("DETACH exact")
    return con


def maker(home: Home) -> partial:
    return partial(beside, published=home.published, storage_version="v1.2.0")


def test_both_files_are_published_together(filled, home: Home) -> None:
    done = publish(filled, home, Settings(), PERIOD, beside=maker(home))
    file = home.published / "current" / folders.RELEASE_FILE
    assert file.resolve() == done.path / folders.RELEASE_FILE
    with duckdb.connect(str(file), read_only=True) as told:
        uncommented = told.execute(
            "SELECT table_name, column_name FROM duckdb_columns() WHERE schema_name = 'release' "
            "AND coalesce(comment, '') NOT SIMILAR TO 'ID: .+ \\| EN: .+'"
        ).fetchall()
    assert uncommented == []
    again = publish(filled, home, Settings(), PERIOD, beside=maker(home))
    assert not again.new
    revised = publish(filled, home, Settings(), PERIOD, reason="permintaan", beside=maker(home))
    assert (revised.path / folders.RELEASE_FILE).is_file()


def test_a_text_with_a_nik_stops_the_publication(filled, home: Home) -> None:
    first = publish(filled, home, Settings(), PERIOD, beside=maker(home))

    def planted(con, folder, *rest, **more):
        told = maker(home)(con, folder, *rest, **more)
        with duckdb.connect(str(folder / folders.RELEASE_FILE)) as file:
            file.execute(f"UPDATE release.release.coverage_by_regency SET regency = '{NIK}'")
        check_identities(con, folder / folders.RELEASE_FILE)
        return told

    with pytest.raises(GateBlocked, match=r"coverage_by_regency\.regency") as caught:
        publish(filled, home, Settings(), PERIOD, reason="lagi", beside=planted)
    assert NIK not in str(caught.value)
    assert (home.published / "current").resolve() == first.path


def test_a_month_that_is_copied_must_still_tell_the_exact_figures(
    exact: Path, tmp_path: Path
) -> None:
    later, base = "2026-11", tmp_path / "base.duckdb"
    make_release(exact, base, PERIOD)
    with duckdb.connect(str(exact)) as con:
        for name in table_specs():
            if name.startswith("coverage_by") or name == "coverage_national":
                con.execute(f"INSERT INTO coverage.{name} SELECT * REPLACE ('{later}' AS period) "
                            f"FROM coverage.{name}")  # fmt: skip
    make_release(exact, tmp_path / "good.duckdb", later, base=base)
    with duckdb.connect(str(base)) as planted:
        planted.execute(
            f"UPDATE release.coverage_national SET workers = workers + 11 WHERE period = '{PERIOD}'"
        )
    with pytest.raises(GateBlocked, match=f"{PERIOD}.*coverage_national"):
        make_release(exact, tmp_path / "bad.duckdb", later, base=base)


def test_a_release_that_gives_something_back_stops_the_publication(
    filled, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    careful = releasing.protect
    first = publish(filled, home, Settings(), PERIOD, beside=maker(home))
    monkeypatch.setattr(
        releasing, "protect", lambda frame, *_: Protected(*(2 * [careful(frame).first]), [])
    )
    with pytest.raises(GateBlocked, match="coverage_by_"):
        publish(filled, home, Settings(), PERIOD, reason="lagi", beside=maker(home))
    assert (home.published / "current").resolve() == first.path
    assert [path.name for path in home.published.iterdir() if path.name.startswith(".")] == []
