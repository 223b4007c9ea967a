"""The flags, case by case, worked by hand."""

from __future__ import annotations

import datetime as dt
from typing import Any

import duckdb
import pytest
from compliance_world import PERIOD, Builder, Row, compute, table

from warehouse.errors import UsageError
from warehouse.reference import reference_rows
from warehouse.settings import ComplianceSettings, CoverageSettings, Settings

Con = duckdb.DuckDBPyConnection


def judged(con: Con, build: Builder, **parameters: Any) -> dict[int, Row]:
    compute(con, build.world, **parameters)
    return {row["employer_key"]: row for row in table(con, "coverage.employer_compliance")}


def flags(con: Con, build: Builder, **parameters: Any) -> dict[int, list[str]]:
    return {key: row["flags"] for key, row in judged(con, build, **parameters).items()}


def test_who_must_register_and_has_not(warehouse: Con) -> None:
    build = Builder()
    for key in range(1, 8):
        build.employer(key)
    build.works(1, 1)
    build.register(2, "sme", workers=1)
    build.register(3, "sme", workers=0)
    # A roster alone says who may work there, not that the employer has workers.
    build.works(4, 4, dataset="drivers")
    build.register(5, "sme", workers=9, status="nonaktif")
    # The owner is no worker.
    build.works(6, 6)
    build.owner(6, 6)
    build.works(7, 7)
    build.npp(7, "N7")
    build.card(7, "N7")
    found = flags(warehouse, build)
    assert found == {1: ["PWBD"], 2: ["PWBD"], 4: [], 7: []}


def test_an_owner_without_a_link_is_told_by_nik_or_name(warehouse: Con) -> None:
    build = Builder()
    nik = "3171905203900001"
    for key in (1, 2, 3):
        build.employer(key)
        build.register(key, "sme", workers=1)
    build.owner(1, None, nik=nik)
    build.works(None, 1, nik=nik, full_name="Siti Aminah")
    build.owner(2, None, full_name="Siti Aminah")
    build.works(None, 2, full_name="SITI  AMINAH", birth_date=dt.date(1990, 1, 1))
    build.owner(3, None, full_name="Siti Aminah")
    build.works(None, 3, full_name="SITI AMINAH B")
    assert {key: row["known_workers"] for key, row in judged(warehouse, build).items()} == {
        1: 0, 2: 0, 3: 1,
    }  # fmt: skip


def test_jobs_that_are_over_or_not_begun_and_the_dead_count_for_nothing(warehouse: Con) -> None:
    build = Builder()
    build.employer(1)
    build.register(1, "sme", workers=1)
    build.works(1, 1, started_on=dt.date(2026, 12, 1))
    build.works(2, 1, ended_on=dt.date(2026, 11, 30))
    build.works(3, 1, ended_on=dt.date(2026, 12, 1))
    build.works(4, 1, started_on=dt.date(2026, 11, 30))
    build.works(5, 1)
    build.person(5, life_status="meninggal")
    assert judged(warehouse, build)[1]["known_workers"] == 2


def test_a_record_that_reached_no_person_is_one_person_however_many_lists(warehouse: Con) -> None:
    build = Builder()
    nik = "3171905203900001"
    born = dt.date(1990, 5, 17)
    build.employer(1)
    build.employer(2)
    for dataset in ("payroll", "industry", "drivers"):
        build.works(None, 1, dataset=dataset, nik=nik, full_name=f"SITI {dataset}")
        build.works(None, 1, dataset=dataset, full_name="Andi Múhammad", birth_date=born)
    build.works(None, 1, full_name="ANDI MUHAMMAD", birth_date=dt.date(1991, 5, 17))
    # In review it has reached nobody yet either; another employer has another such person.
    build.works(9, 1, link=("review", "model", 900_000), nik=nik)
    build.works(None, 2, nik=nik)
    rows = judged(warehouse, build)
    assert (rows[1]["known_workers"], rows[1]["known_workers_certain"]) == (3, 0)
    assert rows[1]["known_workers_upper"] == 8
    assert rows[2]["known_workers"] == 1


def test_civil_servants_are_nobodys_missing_workers(warehouse: Con) -> None:
    build = Builder()
    for key in (1, 2):
        build.employer(key)
        build.register(key, "sme", workers=1)
    for person, status in enumerate(("PNS", "tni", "P.P.P.K", "HONORER", None), 1):
        build.works(person, 1, employment_status=status)
    build.person(5, occupation="PEGAWAI NEGERI SIPIL")
    # The second job of a civil servant is a job.
    build.works(6, 2, employment_status="PEGAWAI TETAP")
    build.person(6, occupation="PEGAWAI NEGERI SIPIL")
    rows = judged(warehouse, build)
    assert (rows[1]["known_workers"], rows[2]["known_workers"]) == (1, 1)
    rows = judged(warehouse, build, coverage=CoverageSettings(pppk_is_civil_servant=False))
    assert rows[1]["known_workers"] == 2


@pytest.mark.parametrize(
    ("known", "participants", "flagged"),
    [
        (3, 1, False), (3, 0, True), (40, 38, False), (40, 37, True),
        # Beyond 40 known the share counts: 5% of 100 are five.
        (100, 95, False), (100, 94, True),
    ],
)  # fmt: skip
def test_partly_registered_beyond_two_workers_and_a_twentieth(
    warehouse: Con, known: int, participants: int, flagged: bool
) -> None:
    build = Builder()
    build.employer(1, scale="mikro")
    build.npp(1, "N1", "JKK JKM")
    for person in range(known):
        build.works(person, 1)
    # Nobody of the participants is linked or on a list: they are counted by their NPP.
    for person in range(participants):
        build.card(None, "N1", nik=f"31719001019{person:05d}")
    (row,) = judged(warehouse, build).values()
    assert row["flags"] == (["PDS_TK"] if flagged else [])
    assert row["missing_workers"] == (known - participants if flagged else 0)


def test_the_tolerance_is_a_parameter(warehouse: Con) -> None:
    build = Builder()
    build.employer(1, scale="mikro")
    build.npp(1, "N1", "JKK JKM")
    for person in range(10):
        build.works(person, 1)
    rules = ComplianceSettings(tolerance_workers=9, tolerance_share=0.5)
    assert flags(warehouse, build)[1] == ["PDS_TK"]
    assert flags(warehouse, build, rules=rules)[1] == ["PDS_TK"]
    rules = ComplianceSettings(tolerance_workers=10)
    assert flags(warehouse, build, rules=rules)[1] == []


def test_one_company_with_many_npps_is_one_employer(warehouse: Con) -> None:
    build = Builder()
    build.employer(1, scale="mikro")
    build.identifier("npwp", "0000000001000001", 1, "3273")
    build.npp(1, "N1", "JKK JKM")
    build.npp(1, "N2", "JKK JKM", region="3273")
    for person in range(10):
        build.card(person, "N1" if person < 5 else "N2")
    # One of them has a card at both; two jobs at two branches are one person's.
    build.card(0, "N2")
    for person in range(12):
        build.works(person, 1)
    build.works(11, 1, employer_npwp="0000000001000001")
    row = judged(warehouse, build)[1]
    assert (row["npp_count"], row["known_workers"], row["active_participants"]) == (2, 12, 10)
    assert row["flags"] == []


def test_own_account_and_construction_are_nobodys_employees(warehouse: Con) -> None:
    build = Builder()
    build.employer(1, scale="mikro")
    build.npp(1, "N1", "JKK JKM")
    for person, segment in enumerate(("PU", None, "BPU", "JAKON", "PMI")):
        build.card(person, "N1", segment=segment)
    assert judged(warehouse, build)[1]["active_participants"] == 2


def test_only_active_cards_are_participants(warehouse: Con) -> None:
    build = Builder()
    build.employer(1, scale="mikro")
    build.npp(1, "N1", "JKK JKM")
    for person, paid in enumerate((PERIOD, "2026-08", "2026-07", "2027-03", None)):
        build.card(person, "N1", paid=paid)
    build.card(9, "N1", ended_on=dt.date(2026, 11, 30))
    assert judged(warehouse, build)[1]["active_participants"] == 3
    found = judged(warehouse, build, coverage=CoverageSettings(arrears_months=4))
    assert found[1]["active_participants"] == 4


@pytest.mark.parametrize(
    ("scale", "reported", "listed", "flagged"),
    [
        ("mikro", 950_000, 1_000_000, False), ("mikro", 949_999, 1_000_000, True),
        # Jakarta's minimum wage is 5,729,876; micro and small businesses are free of it.
        ("mikro", 5_729_875, None, False), ("kecil", 5_729_875, None, False),
        ("menengah", 5_729_875, None, True), ("besar", 5_729_876, None, False),
        (None, 5_729_875, None, False), ("besar", None, 9_000_000, False),
    ],
)  # fmt: skip
def test_wages_reported_too_low(
    warehouse: Con, scale: str | None, reported: int | None, listed: int | None, flagged: bool
) -> None:
    build = Builder()
    build.employer(1, scale=scale)
    build.npp(1, "N1", "JKK JKM JHT JP")
    build.card(1, "N1", reported)
    if listed:
        build.works(1, 1, listed)
    assert flags(warehouse, build)[1] == (["PDS_UPAH"] if flagged else [])


def test_the_minimum_wage_is_that_of_the_npps_region(warehouse: Con) -> None:
    # Central Java's is far below Jakarta's.
    build = Builder()
    for key, region in ((1, "3171"), (2, "3374")):
        build.employer(key, region="3171")
        build.npp(key, f"N{key}", region=region)
        build.card(key, f"N{key}", 4_000_000)
    assert flags(warehouse, build) == {1: ["PDS_UPAH"], 2: []}


@pytest.mark.parametrize(
    ("scale", "enrolled", "missing"),
    [
        ("mikro", "JKK JKM", []), ("mikro", "JKK", ["JKM"]), ("kecil", "JKK JKM", ["JHT"]),
        ("menengah", "JKK JKM JHT", ["JP"]), ("besar", "JKK JKM", ["JHT", "JP"]),
        ("besar", "JKK JKM JHT JP JKP", []), (None, "JKK", []), ("besar", None, []),
    ],
)  # fmt: skip
def test_fewer_programmes_than_the_scale_obliges(
    warehouse: Con, scale: str | None, enrolled: str | None, missing: list[str]
) -> None:
    build = Builder()
    build.employer(1, scale=scale)
    build.npp(1, "N1", enrolled)
    build.npp(1, "N2", "JKK", status="nonaktif")
    row = judged(warehouse, build)[1]
    assert row["flags"] == (["PDS_PROGRAM"] if missing else [])
    assert row["missing_programmes"] == missing
    assert (row["npp_count"], row["npp_open"]) == (2, 1)


def test_arrears_are_those_of_any_open_npp(warehouse: Con) -> None:
    build = Builder()
    for key, paid, status in (
        (1, "2026-08", "aktif"), (2, "2026-07", None), (3, "2026-07", "nonaktif"), (4, None, None),
    ):  # fmt: skip
        build.employer(key)
        build.npp(key, f"A{key}")
        build.npp(key, f"B{key}", paid=paid, status=status, registered_on=dt.date(2020, 1, 1))
    rows = judged(warehouse, build)
    assert {key: row["flags"] for key, row in rows.items()} == {
        1: [], 2: ["ARREARS"], 3: [], 4: [],
    }  # fmt: skip
    assert {key: row["months_in_arrears"] for key, row in rows.items()}[2] == 4
    # Never paid though registered for years: only possibly in arrears.
    assert rows[4]["flags_upper"] == ["ARREARS"]
    assert flags(warehouse, build, coverage=CoverageSettings(arrears_months=4))[2] == []


def test_how_sure_a_flag_is_and_what_it_rests_on(warehouse: Con) -> None:
    build = Builder()
    # Known from tax data alone.
    build.employer(1)
    build.works(1, 1)
    # From a model's link below the certain, and from another list.
    build.employer(2)
    build.works(2, 2, dataset="industry", link=("linked", "model", 970_000))
    # Its only NPP was led here by name and place.
    build.employer(3)
    build.npp(3, "N3", link=("model", 900_000))
    build.card(3, "N3")
    build.works(3, 3)
    rows = judged(warehouse, build)
    assert [rows[1][f"flags{part}"] for part in ("_certain", "", "_upper", "_without_tax")] == [
        ["PWBD"], ["PWBD"], ["PWBD"], [],
    ]  # fmt: skip
    assert [rows[2][f"flags{part}"] for part in ("_certain", "", "_upper", "_without_tax")] == [
        [], ["PWBD"], ["PWBD"], ["PWBD"],
    ]  # fmt: skip
    assert (rows[3]["flags"], rows[3]["flags_upper"]) == ([], ["PWBD"])
    assert rows[1]["evidence_sources"] == ["payroll"]
    assert (rows[1]["estimated_contribution"] > 0, rows[1]["estimated_without_tax"]) == (True, 0)
    evidence = {
        (row["employer_key"], row["flag"], row["dataset"]): (
            row["certainty"], row["rests_on_tax"], row["records"], row["evidence_persons"],
        )
        for row in table(warehouse, "coverage.employer_evidence")
    }  # fmt: skip
    assert evidence == {
        (1, "PWBD", "payroll"): ("certain", True, 1, 1),
        (2, "PWBD", "industry"): ("point", False, 1, 1),
        (3, "PWBD", "payroll"): ("upper", True, 1, 1),
    }
    assert {row["verification"] for row in rows.values()} == {
        "INDIKASI, PERLU VERIFIKASI", "TANPA INDIKASI",
    }  # fmt: skip


def test_wage_gap_compares_the_same_people_at_the_same_employer(warehouse: Con) -> None:
    build = Builder()
    for key, region in ((1, "3171"), (2, "3273")):
        build.employer(key, region=region)
        build.npp(key, f"N{key}", region=region)
    for person, (key, reported, taxed) in enumerate(
        [(1, 5, 10), (1, 9, 10), (1, 10, 10), (2, 10, 10), (2, 12, 10)]
    ):
        build.card(person, f"N{key}", reported * 1_000_000)
        build.works(person, key, taxed * 1_000_000)
    build.card(90, "N1", 1)
    build.card(91, "N1", 1_000_000)
    build.works(91, 1, 9_000_000, dataset="industry")  # not taxed
    build.works(0, 2, 50_000_000)  # another employer
    compute(warehouse, build.world)
    rows = {
        (row["area"], row["province_code"], row["sector_code"]): row
        for row in table(warehouse, "coverage.wage_gap")
        if row["area"] != "regency"
    }
    whole = rows["national", None, "ALL"]
    # 0.5, 0.9, 1.0, 1.0, 1.2: the nearest rank, and one in five below 95% twice.
    assert [whole[f"ratio_p{q}"] for q in (10, 25, 50, 75, 90)] == [0.5, 0.9, 1.0, 1.0, 1.2]
    assert (whole["wage_persons"], whole["wage_employers"], whole["under_persons"]) == (5, 2, 2)
    assert whole["largest_share"] == 0.6
    assert (whole["reported_wages"], whole["taxed_wages"]) == (46_000_000, 50_000_000)
    assert rows["province", "31", "ALL"]["wage_persons"] == 3
    assert rows["national", None, "C"]["wage_persons"] == 5


def test_every_rule_has_its_source_and_the_settings_its_default() -> None:
    rules = reference_rows("compliance_rules")
    assert {row["flag"] for row in rows_with_source(rules)} == {
        "PWBD", "PDS_TK", "PDS_UPAH", "PDS_PROGRAM", "ARREARS",
    }  # fmt: skip
    settings = Settings()
    defaults = settings.coverage.model_dump() | settings.compliance.model_dump()
    parameters = {
        row["parameter"]: float(row["default_value"]) for row in rules if row["parameter"]
    }
    assert parameters == {name: defaults[name] for name in parameters}
    assert set(settings.compliance.model_dump()) <= set(parameters)


def rows_with_source(rules: list[dict[str, str]]) -> list[dict[str, str]]:
    return [row for row in rules if row["source"] and row["confidence"]]


def test_a_month_that_is_none_is_refused(warehouse: Con) -> None:
    with pytest.raises(UsageError, match="not a month"):
        compute(warehouse, {}, "2026-13")
