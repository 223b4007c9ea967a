"""What is not collected, worked by hand from the laws: every figure stands here as arithmetic.

Rates of 2026: JKK by risk group 0.24, 0.54, 0.89, 1.27, 1.74% (PP 44/2015), JKM 0.30%, JHT 3.7%
and 2%, JP 2% and 1% up to a ceiling (11,086,300 from March 2026, 10,547,400 before). KBLI 10110
(food) is of group 3 in the table of divisions, 62010 of group 1.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import duckdb
import pytest
from compliance_world import PERIOD, Builder, Row, compute, table
from hypothesis import given, settings
from hypothesis import strategies as st

Con = duckdb.DuckDBPyConnection


def money(con: Con, period: str = PERIOD) -> dict[tuple[int, str, str], int]:
    """Give estimated contributions by employer, flag and programme."""
    return {
        (row["employer_key"], row["flag"], row["contribution_programme"]): row[
            "estimated_contribution"
        ]
        for row in table(con, "coverage.employer_contributions", period)
    }


def employers(con: Con, period: str = PERIOD) -> dict[int, Row]:
    return {row["employer_key"]: row for row in table(con, "coverage.employer_compliance", period)}


@pytest.fixture
def risk(warehouse: Con) -> Any:
    """Give the risk group of a division of KBLI 2020."""
    return lambda division: warehouse.execute(
        "SELECT jkk_risk_group FROM reference.kbli_divisions "
        "WHERE kbli_vintage = 2020 AND division = ?",
        [division],
    ).fetchall()[0][0]


def test_the_groups_that_the_arithmetic_takes(risk: Any) -> None:
    assert (risk("62"), risk("10"), risk("05")) == (1, 3, 5)


def test_what_an_unregistered_worker_costs_at_every_scale(warehouse: Con) -> None:
    build = Builder()
    for key, scale in enumerate((None, "mikro", "kecil", "menengah", "besar"), 1):
        build.employer(key, scale=scale, kbli="62010")
        build.works(key, key, 4_000_000)
    compute(warehouse, build.world)
    jkk = 9_600  # 0.24% of 4,000,000
    jkm = 12_000  # 0.30%
    jht = 228_000  # 5.7%
    jp = 120_000  # 3%
    least = {"JKK": jkk, "JKM": jkm}
    assert money(warehouse) == {
        (key, "PWBD", programme): amount
        for key, due in {
            # An unknown scale owes what every scale does.
            1: least,
            2: least,
            3: least | {"JHT": jht},
            4: least | {"JHT": jht, "JP": jp},
            5: least | {"JHT": jht, "JP": jp},
        }.items()
        for programme, amount in due.items()
    }
    found = employers(warehouse)
    assert found[5]["estimated_contribution"] == 9_600 + 12_000 + 228_000 + 120_000
    assert (found[5]["contribution_jkk"], found[5]["contribution_jkm"]) == (jkk, jkm)
    assert (found[5]["contribution_jht"], found[5]["contribution_jp"]) == (jht, jp)
    assert found[5]["wage_basis"] == "known"


@pytest.mark.parametrize(
    ("kbli", "jkk"),
    [("62010", 24_000), ("10110", 89_000), ("05100", 174_000), (None, 24_000)],
)
def test_jkk_follows_the_risk_of_the_industry(warehouse: Con, kbli: str | None, jkk: int) -> None:
    # 10,000,000 x 0.24%, 0.89%, 1.74%; the group that pays least where nobody knows.
    build = Builder()
    build.employer(1, scale="mikro", kbli=kbli)
    build.works(1, 1, 10_000_000)
    compute(warehouse, build.world)
    assert money(warehouse)[1, "PWBD", "JKK"] == jkk


@pytest.mark.parametrize(
    ("period", "jp"),
    [
        # 3% of 20,000,000 stops at the ceiling of the month: 3% of it, half rupiahs rounded up.
        ("2025-02", 301_269),  # 10,042,300
        ("2025-03", 316_422),  # 10,547,400
        ("2026-02", 316_422),
        ("2026-03", 332_589),  # 11,086,300
        # Before PP 45/2015 there was no JP.
        ("2015-06", None),
    ],
)
def test_jp_has_a_ceiling_that_changes_in_march(
    warehouse: Con, period: str, jp: int | None
) -> None:
    build = Builder()
    build.employer(1, scale="besar")
    build.works(1, 1, 20_000_000)
    compute(warehouse, build.world, period)
    found = money(warehouse, period)
    assert found.get((1, "PWBD", "JP")) == jp
    if jp is not None:
        assert found[1, "PWBD", "JHT"] == 1_140_000  # 5.7% of the whole wage
    else:
        assert not found


def test_a_wage_over_the_ceiling_lacks_no_jp(warehouse: Con) -> None:
    build = Builder()
    build.employer(1, kbli="62010")
    build.npp(1, "N1")
    build.card(1, "N1", 12_000_000)
    build.works(1, 1, 20_000_000)
    build.card(2, "N1", 10_000_000)
    build.works(2, 1, 20_000_000)
    compute(warehouse, build.world)
    assert money(warehouse) == {
        # 8,000,000 and 10,000,000 are not reported.
        (1, "PDS_UPAH", "JKK"): 43_200,  # 0.24% of 18,000,000
        (1, "PDS_UPAH", "JKM"): 54_000,  # 0.30%
        (1, "PDS_UPAH", "JHT"): 1_026_000,  # 5.7%
        # Both capped at 11,086,300: nothing for the first, 1,086,300 for the second.
        (1, "PDS_UPAH", "JP"): 32_589,  # 3% of 1,086,300
    }
    row = employers(warehouse)[1]
    assert (row["underreported_workers"], row["missing_wage"]) == (2, 18_000_000)


def test_missing_programmes_are_owed_on_the_wage_that_is_due(warehouse: Con) -> None:
    # Enrolled in JKK and JKM alone, and a wage reported at half: nothing is counted twice.
    build = Builder()
    build.employer(1, scale="besar", kbli="62010")
    build.npp(1, "N1", "JKK JKM")
    build.card(1, "N1", 6_000_000)
    build.works(1, 1, 8_000_000)
    build.card(2, "N1", 6_000_000)
    compute(warehouse, build.world)
    assert money(warehouse) == {
        # Of the first the 2,000,000 that is not reported, for the programmes that are paid.
        (1, "PDS_UPAH", "JKK"): 4_800,
        (1, "PDS_UPAH", "JKM"): 6_000,
        # Of both the whole wage due, 8,000,000 + 6,000,000, for those that are not.
        (1, "PDS_PROGRAM", "JHT"): 798_000,  # 5.7%
        (1, "PDS_PROGRAM", "JP"): 420_000,  # 3%
    }
    row = employers(warehouse)[1]
    assert row["flags"] == ["PDS_UPAH", "PDS_PROGRAM"]
    assert row["missing_programmes"] == ["JHT", "JP"]
    (cell,) = table(warehouse, "coverage.compliance_by_sector_region")
    assert cell["estimated_contribution"] == 4_800 + 6_000 + 798_000 + 420_000
    # Two people stand behind it, however many programmes and flags they count for.
    assert (cell["contribution_persons"], cell["contribution_employers"]) == (2, 1)
    assert cell["largest_share"] == 1.0


def test_missing_workers_cost_the_mean_of_those_without_a_card(warehouse: Con) -> None:
    # Ten are known, six participate, of whom two are on no list: four are missing, while six of
    # the known have no card. Their wages are 3, 4, 5, 6, 7 and 8 million: 5,500,000 on average.
    build = Builder()
    build.employer(1, scale="kecil", kbli="62010")
    build.npp(1, "N1", "JKK JKM JHT")
    for person in range(10):
        build.works(person, 1, 6_000_000 if person < 4 else (person - 1) * 1_000_000)
    for person in (0, 1, 2, 3, 90, 91):
        build.card(person, "N1", 6_000_000)
    compute(warehouse, build.world)
    assert money(warehouse) == {
        (1, "PDS_TK", "JKK"): 52_800,  # 0.24% of 4 x 5,500,000
        (1, "PDS_TK", "JKM"): 66_000,
        (1, "PDS_TK", "JHT"): 1_254_000,
    }
    row = employers(warehouse)[1]
    assert (row["known_workers"], row["active_participants"], row["missing_workers"]) == (10, 6, 4)


def test_a_wage_that_nobody_knows_is_the_regions_minimum_and_says_so(warehouse: Con) -> None:
    # Minimum wages of 2026: Jakarta 5,729,876; the lowest of all provinces where no region is
    # known. A register's count of workers beyond the listed ones is taken at it too.
    lowest = warehouse.execute(
        "SELECT min(amount) FROM reference.minimum_wages WHERE valid_from = '2026-01-01'"
    ).fetchall()[0][0]
    build = Builder()
    for key, region, wages in (
        (1, "3171", [None]), (2, "0000", [None]), (3, "3171", [None, 9_000_000]), (4, "3171", []),
    ):  # fmt: skip
        build.employer(key, scale="mikro", kbli="62010", region=region)
        for number, wage in enumerate(wages):
            build.works(10 * key + number, key, wage)
    build.register(4, "sme", workers=3)
    compute(warehouse, build.world)
    found, row = money(warehouse), employers(warehouse)
    assert found[1, "PWBD", "JKM"] == 17_190  # 0.30% of 5,729,876 = 17,189.6
    assert found[2, "PWBD", "JKM"] == round(lowest * 0.003)
    assert found[3, "PWBD", "JKM"] == 44_190  # 0.30% of 14,729,876 = 44,189.6
    assert found[4, "PWBD", "JKM"] == 51_569  # 0.30% of 3 x 5,729,876 = 51,568.9
    assert [row[key]["wage_basis"] for key in (1, 2, 3, 4)] == [
        "minimum", "lowest_minimum", "mixed", "minimum",
    ]  # fmt: skip
    assert row[4]["missing_workers"] == row[4]["register_workers"] == 3


def test_a_discount_counts_where_it_is_in_force(warehouse: Con) -> None:
    # PP 7/2025: JKK at half for food and other labour-intensive industry of 50 active workers or
    # more, February to July 2025.
    build = Builder()
    for key, kbli, active in ((1, "10110", 50), (2, "10110", 49), (3, "62010", 50)):
        build.employer(key, scale="menengah", kbli=kbli)
        build.npp(key, f"N{key}", paid="2025-07")
        for person in range(active):
            build.card(1000 * key + person, f"N{key}", 6_000_000, paid="2025-07")
            build.works(1000 * key + person, key, 6_000_000)
        for person in range(10):
            build.works(1000 * key + 500 + person, key, 6_000_000)
    compute(warehouse, build.world, "2025-07")
    found = money(warehouse, "2025-07")
    assert found[1, "PDS_TK", "JKK"] == 267_000  # half of 0.89% of 60,000,000
    assert found[2, "PDS_TK", "JKK"] == 534_000
    assert found[3, "PDS_TK", "JKK"] == 144_000  # 0.24%
    assert found[1, "PDS_TK", "JHT"] == found[2, "PDS_TK", "JHT"] == 3_420_000
    compute(warehouse, build.world, "2025-08")
    assert money(warehouse, "2025-08")[1, "PDS_TK", "JKK"] == 534_000


def test_what_the_state_pays_costs_nobody(warehouse: Con) -> None:
    build = Builder()
    build.employer(1, kbli="62010")
    build.npp(1, "N1", "JKK JKM JHT JP JKP")
    build.card(1, "N1", 5_800_000)
    build.works(1, 1, 6_800_000)
    compute(warehouse, build.world)
    # 1,000,000 that is not reported: JKP comes from the state and out of JKK.
    assert {programme: amount for (_, _, programme), amount in money(warehouse).items()} == {
        "JKK": 2_400, "JKM": 3_000, "JHT": 57_000, "JP": 30_000,
    }  # fmt: skip


def test_construction_is_charged_by_marginal_brackets(warehouse: Con) -> None:
    build = Builder()
    for value in (100_000_000, 600_000_000, 7_000_000_000, None):
        build.project(region_code="3171", funding="APBN", contract_value=value)
    build.project(region_code="3171", funding="APBN", contract_value=1, certificate_number="J-1")
    build.project(region_code="3273", funding=None, contract_value=9, certificate_number=" ")
    compute(warehouse, build.world)
    rows = {row["funding"]: row for row in table(warehouse, "coverage.construction_cover")}
    first = 210_000 + 30_000  # 0.21% and 0.03% of the first 100 million
    second = 680_000 + 80_000  # 0.17% and 0.02% of the next 400 million
    third = 130_000 + 20_000  # 0.13% and 0.02% of the 100 million above 500
    whole = (
        first + second
        + 650_000 + 100_000  # 0.13% and 0.02% of 500 million
        + 4_400_000 + 400_000  # 0.11% and 0.01% of the next 4 billion
        + 1_800_000 + 200_000  # 0.09% and 0.01% of the 2 billion above 5
    )  # fmt: skip
    assert rows["APBN"]["estimated_contribution"] == first + (first + second + third) + whole
    assert rows["APBN"]["contract_value"] == 7_700_000_001
    assert rows["APBN"]["value_without_certificate"] == 7_700_000_000
    assert [rows["APBN"][name] for name in (
        "projects", "with_certificate", "without_certificate", "without_value", "contractors",
    )] == [5, 1, 4, 1, 5]  # fmt: skip
    assert rows["APBN"]["largest_share"] == pytest.approx(7_000 / 7_700, abs=1e-6)
    assert (rows["X"]["province_code"], rows["X"]["without_certificate"]) == ("32", 1)


def test_only_projects_under_way_count(warehouse: Con) -> None:
    build = Builder()
    for starts, ends in (
        (None, None), ("2026-11-30", None), ("2026-12-01", None),
        (None, "2026-11-30"), (None, "2026-12-01"),
    ):  # fmt: skip
        build.project(
            region_code="3171", funding="APBD", contract_value=100, contractor_name="PT Satu",
            starts_on=_date(starts), ends_on=_date(ends),
        )  # fmt: skip
    compute(warehouse, build.world)
    (row,) = table(warehouse, "coverage.construction_cover")
    assert (row["projects"], row["contractors"], row["largest_share"]) == (3, 1, 1.0)


def _date(text: str | None) -> Any:
    return dt.date.fromisoformat(text) if text else None


WAGES = st.lists(st.one_of(st.none(), st.integers(1, 60_000_000)), min_size=1, max_size=6)


@settings(max_examples=6, deadline=None)
@given(data=st.lists(st.tuples(st.sampled_from(["mikro", "kecil", "besar"]), WAGES), max_size=12))
def test_any_wages_cost_what_the_rates_say(
    warehouse: Con, data: list[tuple[str, list[int | None]]]
) -> None:
    build = Builder()
    for key, (scale, wages) in enumerate(data, 1):
        build.employer(key, scale=scale, kbli="62010")
        for number, wage in enumerate(wages):
            build.works(100 * key + number, key, wage)
    compute(warehouse, build.world)
    found = money(warehouse)
    rates = {"JKK": 2_400, "JKM": 3_000, "JHT": 57_000, "JP": 30_000}
    owed = {"mikro": ["JKK", "JKM"], "kecil": ["JKK", "JKM", "JHT"], "besar": list(rates)}
    expected = {}
    for key, (scale, wages) in enumerate(data, 1):
        for programme in owed[scale]:
            cap = 11_086_300 if programme == "JP" else 60_000_000
            base = sum(min(wage or 5_729_876, cap) for wage in wages)
            expected[key, "PWBD", programme] = (base * rates[programme] + 500_000) // 1_000_000
    assert found == expected
    assert {key: row["estimated_contribution"] for key, row in employers(warehouse).items()} == {
        key: sum(amount for (owner, _, _), amount in expected.items() if owner == key)
        for key in range(1, len(data) + 1)
    }
