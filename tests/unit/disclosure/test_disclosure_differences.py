"""Three lists together, and a month published again, give nobody back by subtraction."""

from __future__ import annotations

import shutil
from pathlib import Path

import duckdb
import pytest
from disclosure_world import PERIOD, people, write_exact

from publishing.disclosure import make_release
from publishing.disclosure.frame import read_frame
from publishing.disclosure.release import outsider
from warehouse.errors import GateBlocked

FIGURES = (
    "active", "inactive", "unregistered", "gap", "active_low", "active_high", "gap_low",
    "gap_high", "coverage_rate", "coverage_low", "coverage_high",
)  # fmt: skip
CELLS = ("A", "C", "F", "G", "H")
FIRMS = 12


def insert(con: duckdb.DuckDBPyConnection, table: str, **values: object) -> None:
    values = {"period": PERIOD, **values}
    con.execute(
        f"INSERT INTO coverage.{table} ({', '.join(values)}) "
        f"VALUES ({', '.join('?' * len(values))})",
        list(values.values()),
    )


def listed(dataset: str, clause: str, persons: int, active: float, inactive: int) -> dict:
    gap = persons - active
    rate = active / persons
    values = (active, inactive, gap - inactive, gap, active, active, gap, gap, rate, rate, rate)
    return {
        "dataset": dataset, "clause": clause, "province_code": "31", "listed": persons,
        "linked": persons, "review": 0, "unlinked": 0, "persons": persons,
        **dict(zip(FIGURES, values, strict=True)),
    }  # fmt: skip


def firm(sector: str, number: int) -> dict[str, object]:
    return {
        "employer_key": f"E{sector}{number}", "province_code": "31", "regency_code": "3101",
        "sector_code": sector, "flags": ["PWBD"], "flags_without_tax": ["PWBD"],
        "known_workers": 50, "active_participants": 30, "missing_workers": 20,
        "missing_workers_without_tax": 20, "underreported_workers": 0,
        "estimated_contribution": 100, "contribution_jkk": 25, "contribution_jkm": 25,
        "contribution_jht": 25, "contribution_jp": 25, "estimated_without_tax": 100,
    }  # fmt: skip


CELL = """
    INSERT INTO coverage.compliance_by_sector_region BY NAME
    SELECT period, province_code, regency_code, sector_code, count(*) AS employers,
        count(*) AS employers_flagged, count(*) AS pwbd, 0 AS pds_tk, 0 AS pds_upah,
        0 AS pds_program, 0 AS arrears, count(*) AS employers_flagged_without_tax,
        sum(known_workers) AS known_workers, sum(active_participants) AS active_participants,
        sum(missing_workers) AS missing_workers,
        sum(missing_workers_without_tax) AS missing_workers_without_tax,
        0 AS underreported_workers, sum(estimated_contribution) AS estimated_contribution,
        sum(contribution_jkk) AS contribution_jkk, sum(contribution_jkm) AS contribution_jkm,
        sum(contribution_jht) AS contribution_jht, sum(contribution_jp) AS contribution_jp,
        sum(estimated_without_tax) AS estimated_without_tax, count(*) AS contribution_employers,
        sum(missing_workers) AS contribution_persons, 0.1 AS largest_share
    FROM coverage.employer_compliance GROUP BY ALL
"""


def alone(con: duckdb.DuckDBPyConnection, again: bool) -> None:
    """Write the tables that stand alone, as they were or as they are after a correction."""
    for sector in CELLS:
        for number in range(FIRMS):
            insert(con, "employer_compliance", **firm(sector, number))
    if again:
        # One more employer.
        insert(con, "employer_compliance", **firm("C", FIRMS))
        # Five with more workers each, and in another cell one alone; and one of them nearly all.
        con.execute("UPDATE coverage.employer_compliance SET known_workers = 60, "
                    "estimated_contribution = 150 WHERE employer_key IN "
                    "('EF0', 'EF1', 'EF2', 'EF3', 'EF4')")  # fmt: skip
        con.execute("UPDATE coverage.employer_compliance SET known_workers = 99 "
                    "WHERE employer_key = 'EG0'")  # fmt: skip
        con.execute("UPDATE coverage.employer_compliance SET estimated_contribution = "
                    "CASE WHEN employer_key = 'EH0' THEN 9000 ELSE 101 END "
                    "WHERE employer_key IN ('EH0', 'EH1', 'EH2', 'EH3')")  # fmt: skip
    con.execute(CELL)
    insert(con, "gap_by_instruction", **listed("few", "2.1.a", 104 if again else 100, 50, 25))
    insert(con, "gap_by_instruction", **listed("many", "2.1.a", 140 if again else 100, 50, 25))
    insert(con, "gap_by_instruction", **listed("same", "2.1.a", 100, 50.6 if again else 50.4, 25))
    insert(con, "gap_by_instruction", **listed("split", "2.1.a", 100, 50, 30 if again else 25))
    insert(con, "gap_by_instruction", **listed("staff", "2.1.a", 200, 100, 50))
    insert(con, "gap_by_instruction", **listed("staff", "2.24.b", 120, 60, 30))
    insert(con, "gap_by_instruction", **listed("staff", "2.25.b", 75, 38, 18))
    for funding, projects, contractors in (("APBN", 20, 9), ("APBD", 20, 9)):
        more = {"APBN": 1, "APBD": 6}[funding] if again else 0
        insert(
            con, "construction_cover", province_code="31", funding=funding,
            projects=projects + more, contract_value=900 + 45 * more, with_certificate=10 + more,
            without_certificate=10, value_without_certificate=450, without_value=0,
            contractors=contractors + more, largest_share=0.2, estimated_contribution=30,
        )  # fmt: skip
    workers, active = con.execute(
        "SELECT workers, active FROM coverage.coverage_by_province "
        "WHERE basis = 'domicile' AND province_code = '31'"
    ).fetchall()[0]
    for scenario, more in (("arrears_6", 24 if again else 20), ("arrears_0", -30)):
        insert(con, "sensitivity", province_code="31", scenario=scenario, workers=workers,
               active=active + more, coverage_rate=float(active + more) / workers)  # fmt: skip


@pytest.fixture(scope="module")
def twice(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Path, Path]:
    """A month published, corrected and published again: exact and released file of each."""
    folder = tmp_path_factory.mktemp("twice")
    drawn = people(1, provinces=2, regencies=2, mean=40)
    files = tuple(folder / f"{name}.duckdb" for name in ("was", "said", "exact", "release"))
    write_exact(files[0], drawn)
    shutil.copyfile(files[0], files[2])
    for exact, again in ((files[0], False), (files[2], True)):
        with duckdb.connect(str(exact)) as con:
            alone(con, again)
    make_release(files[0], files[1], PERIOD, program_seconds=0)
    make_release(files[2], files[3], PERIOD, program_seconds=0, earlier=[files[:2]])
    return files


def told(release: Path, query: str) -> list[tuple]:
    with duckdb.connect() as con:
        con.execute(f"ATTACH '{release}' AS r (READ_ONLY); USE r.release")
        return con.execute(query).fetchall()


def test_of_three_lists_none_is_left_with_few(twice: tuple[Path, ...]) -> None:
    """Of 200 people 120 stand under one clause and 75 under another: five would be left."""
    query = "SELECT clause, persons, active, gap, listed FROM gap_by_instruction " \
            "WHERE dataset = 'staff' ORDER BY 1"  # fmt: skip
    assert told(twice[1], query) == [
        ("2.1.a", 200, 100, 100, 200), ("2.24.b", 120, 60, 60, 120),
        ("2.25.b", None, None, None, None),
    ]  # fmt: skip


def test_a_list_that_changed_by_few_is_withheld_in_the_correction(
    twice: tuple[Path, ...],
) -> None:
    query = "SELECT dataset, persons, active, inactive, suppressed FROM gap_by_instruction " \
            "WHERE dataset <> 'staff' ORDER BY 1"  # fmt: skip
    assert told(twice[1], query) == [
        ("few", 100, 50, 25, False), ("many", 100, 50, 25, False), ("same", 100, 50, 25, False),
        ("split", 100, 50, 25, False),
    ]  # fmt: skip
    assert told(twice[3], query) == [
        ("few", None, None, None, True), ("many", 140, 50, 25, False),
        ("same", 100, 51, 25, False), ("split", 100, 50, None, True),
    ]  # fmt: skip


def test_a_cell_of_employers_is_withheld_where_too_few_of_them_changed(
    twice: tuple[Path, ...],
) -> None:
    query = "SELECT sector_code, employers, known_workers, estimated_contribution " \
            "FROM compliance_by_sector_region ORDER BY 1"  # fmt: skip
    before = told(twice[1], query)
    assert before == [(sector, 12, 600, 1200) for sector in CELLS]
    assert told(twice[3], query) == [
        ("A", 12, 600, 1200), ("C", None, None, None), ("F", 12, 650, 1450),
        ("G", None, None, None), ("H", None, None, None),
    ]  # fmt: skip


def test_projects_and_scenarios_are_compared_with_what_was_told(twice: tuple[Path, ...]) -> None:
    query = "SELECT funding, projects, contract_value FROM construction_cover ORDER BY 1"
    assert told(twice[3], query) == [("APBD", 26, 1170), ("APBN", None, None)]
    query = "SELECT scenario, active IS NULL FROM sensitivity ORDER BY 1"
    assert told(twice[1], query) == [("arrears_0", False), ("arrears_6", False)]
    assert told(twice[3], query) == [("arrears_0", False), ("arrears_6", True)]


PLANTED = {
    "an employer more": (
        "compliance_by_sector_region SET pwbd = 13 WHERE sector_code = 'C'",
        r"compliance_by_sector_region\[31 3101 C\]"),
    "workers of one employer": (
        "compliance_by_sector_region SET known_workers = 649 WHERE sector_code = 'G'",
        r"compliance_by_sector_region\[31 3101 G\]"),
    "a sum of which one employer is nearly all": (
        "compliance_by_sector_region SET estimated_contribution = 10103 WHERE sector_code = 'H'",
        r"compliance_by_sector_region\[31 3101 H\]"),
    "four people more on a list": (
        "gap_by_instruction SET persons = 104 WHERE dataset = 'few'",
        r"gap_by_instruction\[2\.1\.a few 31\]"),
    "five people more who are inactive": (
        "gap_by_instruction SET inactive = 30 WHERE dataset = 'split'",
        r"gap_by_instruction\[2\.1\.a split 31\]"),
    "the third list": (
        "gap_by_instruction SET persons = 75 WHERE clause = '2.25.b'",
        r"gap_by_instruction\[2\.25\.b staff 31\]"),
    "the value of a project": (
        "construction_cover SET contract_value = 945 WHERE funding = 'APBN'",
        r"construction_cover\[31 APBN\]"),
    "a scenario with four more": (
        "sensitivity SET workers = e.workers, active = e.active FROM e.coverage.sensitivity AS e "
        "WHERE e.scenario = 'arrears_6' AND sensitivity.scenario = 'arrears_6'",
        r"sensitivity\[31 arrears_6\]"),
}  # fmt: skip


@pytest.mark.parametrize("name", PLANTED)
def test_what_is_planted_in_a_correction_blocks(
    twice: tuple[Path, ...], tmp_path: Path, name: str
) -> None:
    was, said, exact, release = twice
    change, found = PLANTED[name]
    planted = tmp_path / "planted.duckdb"
    shutil.copyfile(release, planted)
    with duckdb.connect() as con:
        con.execute(f"ATTACH '{exact}' AS e (READ_ONLY); ATTACH '{planted}' AS r")
        frame = read_frame(con, "e.coverage", PERIOD)
        con.execute(f"UPDATE r.release.{change}")
        with pytest.raises(GateBlocked, match=found) as caught:
            outsider(con, "r.release", "e.coverage", PERIOD, frame, [(was, said)], 0)
    assert caught.value.exit_code == 4
