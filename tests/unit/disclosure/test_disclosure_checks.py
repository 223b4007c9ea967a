"""What is planted in a released table that stands alone is found, and blocks."""

from __future__ import annotations

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


def listed(persons: int, active: int, inactive: int) -> dict[str, object]:
    gap = persons - active
    rate = active / persons
    values = (active, inactive, gap - inactive, gap, active, active, gap, gap, rate, rate, rate)
    return {
        "province_code": "31", "listed": persons, "linked": persons, "review": 0, "unlinked": 0,
        "persons": persons, **dict(zip(FIGURES, values, strict=True)),
    }  # fmt: skip


def insert(con: duckdb.DuckDBPyConnection, table: str, **values: object) -> None:
    values = {"period": PERIOD, **values}
    con.execute(
        f"INSERT INTO coverage.{table} ({', '.join(values)}) "
        f"VALUES ({', '.join('?' * len(values))})",
        list(values.values()),
    )


def employers(sector: str, **changed: object) -> dict[str, object]:
    return {
        "province_code": "31", "regency_code": "3101", "sector_code": sector, "employers": 60,
        "employers_flagged": 40, "pwbd": 20, "pds_tk": 20, "pds_upah": 0, "pds_program": 0,
        "arrears": 10, "employers_flagged_without_tax": 40, "known_workers": 600,
        "active_participants": 400, "missing_workers": 200, "missing_workers_without_tax": 200,
        "underreported_workers": 0, "estimated_contribution": 1000, "contribution_jkk": 250,
        "contribution_jkm": 250, "contribution_jht": 250, "contribution_jp": 250,
        "estimated_without_tax": 1000, "contribution_employers": 40, "contribution_persons": 200,
        "largest_share": 0.1, **changed,
    }  # fmt: skip


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("alone")
    exact, release = folder / "cakupan.duckdb", folder / "release.duckdb"
    write_exact(exact, people(1, provinces=2, regencies=2, mean=40))
    with duckdb.connect(str(exact)) as con:
        whole = {"clause": "2.1.a", "dataset": "d"}
        insert(con, "gap_by_instruction", **whole, **listed(100, 50, 25))
        insert(con, "gap_by_instruction", **{**whole, "clause": "2.2.a"}, **listed(100, 50, 25))
        insert(con, "gap_by_instruction", **{**whole, "clause": "2.3.a"}, **listed(96, 48, 24))
        insert(con, "gap_by_group", group_code="a", **whole, **listed(95, 48, 24))
        insert(con, "gap_by_group", group_code="b", **whole, **listed(5, 2, 1))
        workers, active = con.execute(
            "SELECT workers, active FROM coverage.coverage_by_province "
            "WHERE basis = 'domicile' AND province_code = '31'"
        ).fetchall()[0]
        for scenario, more in (("arrears_3", 0), ("arrears_6", 4)):
            insert(con, "sensitivity", province_code="31", scenario=scenario, workers=workers,
                   active=active + more, coverage_rate=float(active + more) / workers)  # fmt: skip
        for row in (
            employers("A"), employers("C", largest_share=0.6),
            employers("F", pwbd=1, employers_flagged=31, employers_flagged_without_tax=31),
            employers("G", missing_workers_without_tax=196),
            # Two in each of four flags that are withheld, and nobody twice.
            employers("H", pwbd=36, pds_tk=2, arrears=2, pds_upah=2, pds_program=2,
                      employers_flagged=44, employers_flagged_without_tax=44),
        ):  # fmt: skip
            insert(con, "compliance_by_sector_region", **row)
        insert(con, "wage_gap", area="regency", province_code="31", regency_code="3101",
               sector_code="A", wage_persons=9, wage_employers=5, largest_share=0.2,
               ratio_p50=0.9)  # fmt: skip
        insert(con, "wage_gap", area="national", sector_code="ALL", wage_persons=90,
               wage_employers=50, largest_share=0.2, ratio_p50=0.8)  # fmt: skip
        insert(con, "construction_cover", province_code="31", funding="APBN", projects=20,
               contract_value=900, with_certificate=19, without_certificate=1,
               value_without_certificate=7, without_value=0, contractors=9, largest_share=0.2,
               estimated_contribution=3)  # fmt: skip
    make_release(exact, release, PERIOD)
    return exact, release


def told(release: Path, query: str) -> list[tuple]:
    with duckdb.connect() as con:
        con.execute(f"ATTACH '{release}' AS r (READ_ONLY)")
        return con.execute(query).fetchall()


def test_what_two_rows_of_a_list_differ_by_is_withheld(made: tuple[Path, Path]) -> None:
    # The same list under another clause stays; what lacks four of its people does not.
    assert told(
        made[1], "SELECT clause, persons, listed FROM r.release.gap_by_instruction ORDER BY 1"
    ) == [("2.1.a", 100, 100), ("2.2.a", 100, 100), ("2.3.a", None, None)]
    # Of 100 people in two groups, five are not told, so the others are not either.
    assert told(made[1], "SELECT persons, listed FROM r.release.gap_by_group") == [
        (None, None), (None, None),
    ]  # fmt: skip


def test_employers_are_told_only_where_no_difference_names_a_few(made: tuple[Path, Path]) -> None:
    assert told(
        made[1],
        "SELECT sector_code, employers_flagged, pwbd, pds_upah, estimated_contribution, "
        "estimated_without_tax, missing_workers_without_tax "
        "FROM r.release.compliance_by_sector_region ORDER BY 1",
    ) == [
        ("A", 40, 20, None, 1000, 1000, 200),
        ("C", 40, 20, None, None, None, 200),
        ("F", 31, None, None, 1000, 1000, 200),
        ("G", 40, 20, None, 1000, None, None),
        ("H", None, 36, None, 1000, 1000, 200),
    ]
    assert told(
        made[1], "SELECT projects, contract_value, value_without_certificate "
        "FROM r.release.construction_cover"
    ) == [(20, 900, None)]  # fmt: skip


PLANTED = {
    "a group whose rest is small": (
        "gap_by_group SET persons = 95 WHERE group_code = 'a'", r"gap_by_group\["),
    "a small group": ("gap_by_group SET persons = 5 WHERE group_code = 'b'", r"gap_by_group\["),
    "a clause with four people fewer": (
        "gap_by_instruction SET persons = 96 WHERE clause = '2.3.a'", r"\[2\.3\.a d  31\]"),
    "a scenario by its rate": (
        "sensitivity SET workers = e.workers, coverage_rate = e.coverage_rate "
        "FROM e.coverage.sensitivity AS e WHERE e.scenario = 'arrears_6' "
        "AND sensitivity.scenario = 'arrears_6'", r"sensitivity\[31 arrears_"),
    "a sum of one large employer": (
        "compliance_by_sector_region SET estimated_contribution = 1000 WHERE sector_code = 'C'",
        r"compliance_by_sector_region\[31 3101 C\]"),
    "a single employer": (
        "compliance_by_sector_region SET pwbd = 1 WHERE sector_code = 'F'",
        r"compliance_by_sector_region\[31 3101 F\]"),
    "workers on tax data alone": (
        "compliance_by_sector_region SET missing_workers_without_tax = 196 "
        "WHERE sector_code = 'G'", r"compliance_by_sector_region\[31 3101 G\]"),
    "a quantile of nine": (
        "wage_gap SET ratio_p50 = 0.9 WHERE sector_code = 'A'", r"wage_gap\[regency 31 3101 A\]"),
    "the value of one project": (
        "construction_cover SET value_without_certificate = 7", r"construction_cover\[31 APBN\]"),
    "a figure that is not the exact one": (
        "gap_by_instruction SET persons = 120, listed = 120 WHERE clause = '2.1.a'",
        r"gap_by_instruction \(1 rows do not tell the exact figures\)"),
    "a total that is not the exact one": (
        "coverage_national SET workers = workers + 11", "coverage_national"),
}  # fmt: skip


@pytest.mark.parametrize("name", PLANTED)
def test_what_is_planted_blocks(made: tuple[Path, Path], tmp_path: Path, name: str) -> None:
    exact, release = made
    change, found = PLANTED[name]
    planted = tmp_path / "planted.duckdb"
    planted.write_bytes(release.read_bytes())
    with duckdb.connect() as con:
        con.execute(f"ATTACH '{exact}' AS e (READ_ONLY); ATTACH '{planted}' AS r")
        con.execute(f"UPDATE r.release.{change}")
        frame = read_frame(con, "e.coverage", PERIOD)
        with pytest.raises(GateBlocked, match=found) as caught:
            outsider(con, "r.release", "e.coverage", PERIOD, frame)
    assert caught.value.exit_code == 4
