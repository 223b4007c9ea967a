"""The page's logic, without a browser: numbers, addresses, and what a choice counts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import duckdb
import pytest

Run = Callable[[str], Any]

COUNTS = ("workers", "active", "inactive", "unregistered", "gap", "gap_low", "gap_high")


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("integer(1234567, 'id')", "1.234.567"),
        ("integer(1234567, 'en')", "1,234,567"),
        ("integer(999, 'id')", "999"),
        ("fixed(1234.56, 1, 'id')", "1.234,6"),
        ("fixed(-0.04, 1, 'id')", "0,0"),
        ("fixed(-12.34, 1, 'id')", "−12,3"),
        ("percent(0.30871, 'id')", "30,9%"),
        ("percent(12.345, 'id')", "1.234,5%"),
        ("percent(0.30871, 'en')", "30.9%"),
        ("percent(0, 'id', 0)", "0%"),
        ("points(0.0123, 'id')", "+1,2"),
        ("points(-0.0123, 'en')", "−1.2"),
        ("points(0.00001, 'id')", "0,0"),
        ("rupiah(1234567890, 'id')", "Rp1,2\u00a0miliar"),
        ("rupiah(130543, 'en')", "Rp130,543"),
        ("month('2026-10', 'id')", "Oktober 2026"),
        ("shortMonth('2026-08', 'id')", "Agu 26"),
    ],
)
def test_numbers_are_written_as_people_read_them(run: Run, expression: str, expected: str) -> None:
    assert run(f"Cakupan.numbers.{expression}") == expected


def test_a_long_label_is_broken_between_words_and_loses_none(run: Run) -> None:
    text = "PPPK dihitung sebagai aparatur negara"
    broken = run(f"Cakupan.charts.lines('{text}', 22)")
    assert broken.replace("\n", " ") == text
    assert all(len(line) <= 22 for line in broken.split("\n"))
    assert run("Cakupan.charts.lines('ketenagakerjaan', 4)") == "ketenagakerjaan"


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"provinsi": "32"},
        {"provinsi": "32", "kabupaten": "3204", "sektor": "RSTU", "dasar": "tempat-kerja"},
        {"bulan": "2026-08", "segmen": "BPU", "bahasa": "en", "ukuran": "kesenjangan"},
        {"urut": "-rate", "lihat": "pemberi-kerja", "definisi": "coverage_rate"},
    ],
)
def test_an_address_restores_the_state(run: Run, change: dict[str, str]) -> None:
    made = f"Object.assign({{}}, at(''), {change!r})"
    assert run(f"at(Cakupan.address.format({made}, known))") == run(made)


def test_an_address_says_only_what_differs(run: Run) -> None:
    assert run("Cakupan.address.format(at('#provinsi=32&bulan=2026-10'), known)") == (
        "#/?provinsi=32"
    )


@pytest.mark.parametrize(
    "hash_",
    [
        "#/?provinsi=99&sektor=ZZ&segmen=X&bulan=1999-01&dasar=bulan&bahasa=xx&urut=drop",
        "#__proto__=1&constructor=2&toString=3",
        "#lihat=%3Cscript%3E&definisi=%22%3E%3Cimg",
        "#%E0%A4%A&provinsi=%E0%A4%A",
        "#kabupaten=__proto__",
        "nonsense",
    ],
)
def test_what_is_unknown_in_an_address_is_left_out(run: Run, hash_: str) -> None:
    assert run(f"at({hash_!r})") == run("at('')")


def test_a_regency_brings_its_province_and_another_province_drops_it(run: Run) -> None:
    assert run("at('#kabupaten=3204').provinsi") == "32"
    assert run("at('#provinsi=33&kabupaten=3204').kabupaten") == ""


@pytest.mark.parametrize("basis", ["domicile", "workplace"])
@pytest.mark.parametrize(
    ("choice", "table", "where"),
    [
        ("", "coverage_national", "true"),
        ("provinsi=32", "coverage_by_province", "province_code = '32'"),
        ("sektor=G", "coverage_by_sector", "sector_code = 'G'"),
        (
            "provinsi=51&sektor=X",
            "coverage_by_province_sector",
            "province_code = '51' AND sector_code = 'X'",
        ),
        ("kabupaten=3204", "coverage_by_regency", "regency_code = '3204'"),
    ],
)
@pytest.mark.parametrize("month", ["2026-08", "2026-10"])
def test_a_choice_is_the_row_of_the_release(
    run: Run,
    release: duckdb.DuckDBPyConnection,
    basis: str,
    choice: str,
    table: str,
    where: str,
    month: str,
) -> None:
    own = {"domicile": "domisili", "workplace": "tempat-kerja"}[basis]
    figure = run(f"figures.figure(at('#{choice}&dasar={own}&bulan={month}'))")
    names = (*COUNTS, "coverage_rate", "coverage_low", "coverage_high")
    row = release.execute(
        f"SELECT {', '.join(names)} FROM release.{table} "
        f"WHERE {where} AND basis = ? AND period = ?",
        [basis, month],
    ).fetchall()[0]
    assert tuple(figure[name] for name in names) == row


def test_every_cell_of_a_province_is_that_of_the_release(
    run: Run, release: duckdb.DuckDBPyConnection
) -> None:
    rows = release.execute(
        "SELECT regency_code, workers, gap, coverage_rate FROM release.coverage_by_sector_region "
        "WHERE period = '2026-10' AND basis = 'domicile' AND sector_code = 'G' "
        "AND province_code = '32' ORDER BY 1"
    ).fetchall()
    found = run("figures.regions(at('#provinsi=32&sektor=G'))")
    assert [
        (
            one["code"],
            one["figure"]["workers"],
            one["figure"]["gap"],
            one["figure"]["coverage_rate"],
        )
        for one in found
    ] == rows
    assert any(row[1] is None for row in rows)
    assert any(row[3] is not None for row in rows)


def test_a_sum_is_that_of_the_told_cells_and_says_that_it_is_partial(
    run: Run, release: duckdb.DuckDBPyConnection
) -> None:
    workers, active, gap, told, cells, paired = release.execute(
        "SELECT sum(workers), sum(active), sum(gap), count(workers), count(*), "
        "sum(active) / sum(workers) FILTER (active IS NOT NULL) "
        "FROM release.coverage_by_segment WHERE period = '2026-10' AND segment = 'BPU'"
    ).fetchall()[0]
    figure = run("figures.figure(at('#segmen=BPU'))")
    assert (figure["workers"], figure["active"], figure["gap"]) == (workers, active, gap)
    assert figure["coverage_rate"] == pytest.approx(paired)
    assert told < cells
    assert figure["partial"]
    assert figure["coverage_low"] is None
    assert figure["active_low"] is None


def test_a_sum_of_which_nothing_is_withheld_is_exact(run: Run) -> None:
    row = "{persons: 30, active: 10, inactive: 12, unregistered: 8, active_low: 9, active_high: 11}"
    found = run(f"Cakupan.figures.total([{row}, {row}], 2)")
    assert (found["workers"], found["gap"], found["partial"]) == (60, 40, False)
    assert run(f"Cakupan.figures.total([{row}], 2).partial") is True


def test_clauses_add_up_over_provinces(run: Run, release: duckdb.DuckDBPyConnection) -> None:
    rows = release.execute(
        "SELECT clause, dataset, sum(persons), sum(gap), sum(listed) "
        "FROM release.gap_by_instruction WHERE period = '2026-10' GROUP BY ALL"
    ).fetchall()
    found = run("figures.clauses(at(''))")
    assert [one["clause"] for one in found] == ["2.2.a", "2.10.c", "2.13.b"]
    assert {
        (
            one["clause"],
            one["dataset"],
            one["figure"]["workers"],
            one["figure"]["gap"],
            one["listed"],
        )
        for one in found
    } == set(rows)


def test_employers_add_up_in_every_choice(run: Run, release: duckdb.DuckDBPyConnection) -> None:
    for choice, where in (
        ("", "true"),
        ("provinsi=32", "province_code = '32'"),
        ("provinsi=32&sektor=C", "province_code = '32' AND sector_code = 'C'"),
        ("kabupaten=3204", "regency_code = '3204'"),
    ):
        names = ("employers_flagged_without_tax", "estimated_without_tax")
        sums = release.execute(
            f"SELECT {', '.join(f'sum({name})' for name in names)} "
            f"FROM release.compliance_by_sector_region WHERE period = '2026-10' AND {where}"
        ).fetchall()[0]
        total = run(f"figures.employers(at('#{choice}')).total")
        assert tuple(total[name]["value"] for name in names) == sums, choice
    parts = run(
        "figures.employers(at('')).regions.map("
        "(r) => r.sums.employers_flagged_without_tax.value || 0)"
    )
    whole = run("figures.employers(at('')).total.employers_flagged_without_tax.value")
    assert sum(parts) == whole


def test_groups_of_a_clause_and_projects_are_sums_of_what_is_told(
    run: Run, release: duckdb.DuckDBPyConnection
) -> None:
    rows = release.execute(
        "SELECT group_code, obligation, sum(persons), sum(gap) FROM release.gap_by_group "
        "WHERE period = '2026-10' AND group_code <> 'semua' GROUP BY ALL ORDER BY 1"
    ).fetchall()
    found = run("figures.clauseGroups(at(''))")
    assert [
        (one["group"], one["obligation"], one["figure"]["workers"], one["figure"]["gap"])
        for one in found
    ] == rows
    assert run("data.groups.kur_debtors.wajib.en")
    names = ("projects", "with_certificate", "contract_value")
    for choice, where, by in (("", "true", 39), ("provinsi=32", "province_code = '32'", 3)):
        sums = release.execute(
            f"SELECT {', '.join(f'sum({name})' for name in names)} FROM release.construction_cover "
            f"WHERE period = '2026-10' AND {where}"
        ).fetchall()[0]
        made = run(f"figures.construction(at('#{choice}'))")
        assert tuple(made["total"][name]["value"] for name in names) == sums
        assert len(made["rows"]) == by


def test_a_month_without_detail_says_so(run: Run) -> None:
    assert run("figures.there(at('#bulan=2026-08&kabupaten=3204&sektor=A'))") is False
    assert run("figures.there(at('#bulan=2026-09&kabupaten=3204&sektor=A'))") is True
    assert run("figures.employers(at('#bulan=2026-08'))") is None


def test_sensitivity_compares_the_provinces_that_both_tell(
    run: Run, release: duckdb.DuckDBPyConnection
) -> None:
    own, other = release.execute(
        """
        SELECT sum(b.active) / sum(b.workers), sum(s.active) / sum(s.workers)
        FROM release.sensitivity AS s JOIN release.sensitivity AS b USING (period, province_code)
        WHERE period = '2026-10' AND s.scenario = 'arrears_0' AND b.scenario = 'arrears_3'
          AND s.active IS NOT NULL AND b.active IS NOT NULL
        """
    ).fetchall()[0]
    row = next(
        one
        for one in run("figures.sensitivity(at(''), 'arrears_3')")
        if one["scenario"] == "arrears_0"
    )
    assert row["difference"] == pytest.approx(other - own)
    assert row["provinces"] == 38
    assert row["difference"] < 0


def test_a_trend_goes_through_the_months_in_order(
    run: Run, release: duckdb.DuckDBPyConnection
) -> None:
    rows = release.execute(
        "SELECT period, coverage_rate FROM release.coverage_by_province "
        "WHERE basis = 'domicile' AND province_code = '32' ORDER BY period"
    ).fetchall()
    found = run("figures.trend(at('#provinsi=32'))")
    assert [(one["period"], one["figure"]["coverage_rate"]) for one in found] == rows


def test_the_largest_gaps_come_first_and_withheld_ones_never(run: Run) -> None:
    rows = "[{figure: {gap: 3}}, {figure: {gap: null}}, {figure: {gap: 9}}]"
    found = run(f"Cakupan.figures.largest({rows}, 'gap', 5)")
    assert [one["figure"]["gap"] for one in found] == [9, 3]


def test_a_withheld_figure_is_painted_as_withheld_and_never_as_low(run: Run) -> None:
    palette = "{scale: ['#000000', '#ffffff'], ink: ['#ffffff', '#000000'], withheld: '#eceae4'}"
    figure = "{coverage_rate: null, gap: null}"
    made = run(f"Cakupan.charts.paint({figure}, 'cakupan', [0, 1], {palette})")
    assert made == {"color": "#eceae4", "ink": "#000000", "told": False}
    low = run(f"Cakupan.charts.paint({{coverage_rate: 0.1}}, 'cakupan', [0, 1], {palette})")
    most = run(f"Cakupan.charts.paint({{gap: 90}}, 'kesenjangan', [0, 100], {palette})")
    assert low["color"] == most["color"] == "#000000"
    assert run("Cakupan.charts.range([0.13, null, 0.42])") == pytest.approx([0.1, 0.5])
    assert run("Cakupan.charts.range([null])") == [0, 1]
    assert run("[0, 0.49, 0.5, 1].map((v) => Cakupan.charts.step(v, 0, 1, 2))") == [0, 0, 1, 1]
