"""Every figure of random worlds, employer by employer, against the rules in plain Python."""

from __future__ import annotations

import datetime as dt
import random
from collections import defaultdict
from fractions import Fraction
from typing import Any

import duckdb
import pytest
from compliance_oracle import Facts, Oracle
from compliance_world import PERIOD, Builder, Row, compute, table

from warehouse.connection import last_day

Con = duckdb.DuckDBPyConnection
REGIONS = ("3171", "3273", "9501", "0000")
AS_OF = last_day(PERIOD)


def facts(con: Con) -> Facts:
    """Read what a person would look up: minimum wages and rates of the month."""
    return Facts(
        minimum=dict(
            con.execute(
                "SELECT region_code, amount FROM reference.minimum_wages "
                "WHERE valid_from = DATE '2026-01-01'"
            ).fetchall()
        ),
        jkk={
            division: Fraction(round(rate * 10_000), 10_000)
            for division, rate in con.execute(
                "SELECT division, rate FROM reference.kbli_divisions "
                "JOIN reference.jkk_rates ON risk_group = jkk_risk_group "
                "WHERE kbli_vintage = 2020"
            ).fetchall()
        },
    )


def random_world(seed: int, employers: int = 40, people: int = 130) -> Builder:
    """Give a world in which every edge case of the rules is likely to occur."""
    pick = random.Random(seed)  # noqa: S311 (worlds must be the same at every run)
    build = Builder()
    names = ["SITI AMINAH", "Siti  Aminah", "BUDI", "Andi Múhammad Yusuf", None]
    born = [None, dt.date(1990, 5, 17), dt.date(1971, 2, 1)]
    certain = ("linked", "identifier", 1_000_000)
    chances = [certain] * 6 + [
        ("linked", "model", 989_999), ("linked", "model", 990_000), ("review", "model", 700_000),
    ]  # fmt: skip
    for key in range(people):
        build.person(
            key,
            life_status=pick.choice(["hidup"] * 12 + ["meninggal"]),
            occupation=pick.choice([None, "PETANI/PEKEBUN", "PEGAWAI NEGERI SIPIL"]),
        )

    def whom() -> tuple[int | None, Row]:
        row = {
            "nik": pick.choice([None, None, f"31719001019000{pick.randint(10, 30)}"]),
            "full_name": pick.choice(names),
            "birth_date": pick.choice(born),
        }
        if pick.random() < 0.2:
            return None, row
        return pick.randrange(people), row | {"link": pick.choice(chances)}

    def wage() -> int | None:
        return pick.choice([None, 0, 1_000_000, 4_000_000, 5_700_000, 6_000_000, 9_000_000,
                            12_000_000, 15_000_001])  # fmt: skip

    def around(chance: float) -> dt.date | None:
        if pick.random() > chance:
            return None
        return AS_OF + dt.timedelta(days=pick.choice([-900, -100, -1, 0, 1, 30]))

    months = [None, "2027-01", PERIOD, PERIOD, "2026-08", "2026-07", "2024-01"]
    programmes = [None, "JKK JKM", "JKK JKM JHT", "JKK JKM JHT JP", "JKK JKM JHT JP JKP", ""]
    npps: list[str] = []
    for key in range(1, employers + 1):
        build.employer(
            key,
            scale=pick.choice([None, "mikro", "kecil", "menengah", "besar"]),
            kbli=pick.choice([None, "10110", "62010", "05100", "41011"]),
            region=pick.choice(REGIONS),
        )
        if pick.random() < 0.3:
            build.register(
                key, pick.choice(["sme", "factories", "tax_register"]),
                link=pick.choice(
                    [("identifier", 999_000), ("model", 900_000), ("single", 995_000)]
                ),
                workers=pick.choice([None, 0, 1, 3, 40]),
                status=pick.choice([None, "aktif", "nonaktif"]),
            )  # fmt: skip
        for number in range(pick.choice([0, 0, 1, 1, 2])):
            npps.append(f"N{key}-{number}")
            build.npp(
                key, npps[-1], pick.choice(programmes), paid=pick.choice(months),
                region=pick.choice(REGIONS), registered_on=around(0.6),
                status=pick.choice([None, "aktif", "aktif", "nonaktif"]),
                link=pick.choice([("identifier", 999_000), ("model", 900_000)]),
            )  # fmt: skip
        if pick.random() < 0.3:
            person, row = whom()
            build.owner(key, person, **row)
    for _ in range(employers * 12):
        person, row = whom()
        dataset = pick.choice(["payroll", "payroll", "industry", "drivers"])
        dates = {} if dataset == "drivers" else {
            "started_on": around(0.4), "ended_on": around(0.2),
        }  # fmt: skip
        build.works(
            person, pick.randint(1, employers + 2), wage(), dataset=dataset,
            employment_status=pick.choice([None, "", "TETAP", "TETAP", "TETAP", "P.N.S.", "P3K"]),
            **row, **dates,
        )  # fmt: skip
    for _ in range(employers * 8):
        person, row = whom()
        build.card(
            person, pick.choice([*npps, "UNKNOWN"]), wage(), paid=pick.choice(months),
            segment=pick.choice(["PU", "PU", "PU", None, "BPU", "JAKON"]),
            ended_on=around(0.15), programmes=pick.choice([None, ["JKK", "JKM"]]), **row,
        )  # fmt: skip
    return build


@pytest.fixture(scope="module", params=[1, 2, 3])
def case(request: pytest.FixtureRequest, warehouse: Con) -> tuple[Oracle, dict[int, Row], Any]:
    build = random_world(request.param)
    compute(warehouse, build.world)
    oracle = Oracle(build.world, PERIOD, facts(warehouse))
    rows = table(warehouse, "coverage.employer_compliance")
    assert len({row["employer_key"] for row in rows}) == len(rows)
    money = table(warehouse, "coverage.employer_contributions")
    cells = table(warehouse, "coverage.compliance_by_sector_region")
    return oracle, {row["employer_key"]: row for row in rows}, (money, cells)


def test_every_employer_is_counted_as_the_rules_say(case: Any) -> None:
    oracle, rows, _ = case
    expected = {
        key: {
            "known_workers": found["known"],
            "known_workers_certain": found["certain"],
            "known_workers_upper": found["upper"],
            "known_workers_without_tax": oracle.employers[key, False]["known"],
            "register_workers": found["register"],
            "active_participants": found["participants"],
            "npp_count": found["npps"],
            "missing_workers": found["missing"],
            "missing_workers_without_tax": oracle.employers[key, False]["missing"],
            "underreported_workers": found["under"],
            "missing_wage": found["missing_wage"],
        }
        for (key, tax), found in oracle.employers.items()
        if tax
    }
    assert len(expected) > 30
    assert {
        key: {name: row[name] for name in expected.get(key, {})} for key, row in rows.items()
    } == expected


@pytest.mark.parametrize("column", ["flags", "flags_certain", "flags_upper", "flags_without_tax"])
def test_every_flag_is_the_rules(case: Any, column: str) -> None:
    oracle, rows, _ = case
    tax = column != "flags_without_tax"
    name = column if tax else "flags"
    expected = {key: found[name] for (key, all_), found in oracle.employers.items() if all_ == tax}
    assert {key: row[column] for key, row in rows.items()} == expected
    # Nothing was compared that never happens.
    assert len({flag for flags in expected.values() for flag in flags}) >= 4
    if column == "flags_upper":
        assert any(row["flags_upper"] != row["flags"] for row in rows.values())


def test_every_rupiah_is_the_rules(case: Any) -> None:
    oracle, rows, (money, _) = case
    found: dict[int, dict[tuple[str, str], int]] = defaultdict(dict)
    without: dict[int, int] = defaultdict(int)
    for row in money:
        place = row["flag"], row["contribution_programme"]
        found[row["employer_key"]][place] = row["estimated_contribution"]
    for key, row in rows.items():
        expected = oracle.employers[key, True]["money"]
        assert found[key] == expected, key
        assert row["estimated_contribution"] == sum(expected.values())
        without[key] = sum(oracle.employers[key, False]["money"].values())
        assert row["estimated_without_tax"] == without[key], key
    assert sum(without.values()) > 0


def test_cells_are_the_sums_of_their_employers(case: Any) -> None:
    _, rows, (_, cells) = case
    expected: dict[tuple[str, str], dict[str, int]] = {}
    for row in rows.values():
        cell = expected.setdefault((row["regency_code"], row["sector_code"]), defaultdict(int))
        cell["employers"] += 1
        cell["estimated_contribution"] += row["estimated_contribution"]
        cell["missing_workers"] += row["missing_workers"]
        cell["contribution_employers"] += row["estimated_contribution"] > 0
        cell["largest"] = max(cell["largest"], row["estimated_contribution"])
        for flag in ("PWBD", "PDS_TK", "PDS_UPAH", "PDS_PROGRAM", "ARREARS"):
            cell[flag.lower()] += flag in row["flags"]
    assert len(cells) == len(expected) > 3
    for cell in cells:
        wanted = dict(expected[cell["regency_code"], cell["sector_code"]])
        largest = wanted.pop("largest")
        assert {name: cell[name] for name in wanted} == wanted
        if wanted["estimated_contribution"]:
            assert cell["largest_share"] == pytest.approx(
                largest / wanted["estimated_contribution"]
            )


def test_less_evidence_never_makes_a_flag(case: Any) -> None:
    _, rows, _ = case
    for row in rows.values():
        assert set(row["flags_certain"]) <= set(row["flags"]) <= set(row["flags_upper"])
        assert set(row["flags_without_tax"]) <= set(row["flags"])
