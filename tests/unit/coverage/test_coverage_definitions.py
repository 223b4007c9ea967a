"""Hand-worked cases: who works, where, in which sector and segment, and with which cover."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from coverage_cases import (
    ACTIVE,
    CARD,
    INACTIVE,
    NOBODY,
    PERIOD,
    build,
    computed,
    together,
    worker,
    workers,
)
from coverage_world import Row


def status(cards: list[Row], **parameters: Any) -> list[tuple[int, int]]:
    """Active and inactive of teachers who hold one card each."""
    rows = workers(
        [build({"occupation": "GURU"}, membership=[{**CARD, **card}]) for card in cards],
        **parameters,
    )
    for row in rows:
        assert row["active_ppm"] + row["inactive_ppm"] + row["unregistered_ppm"] == 1_000_000
    return [(row["active_ppm"], row["inactive_ppm"]) for row in rows]


def test_status_of_a_card() -> None:
    cases = [
        ({"last_paid_period": "2026-08"}, ACTIVE),  # three months: still active
        ({"last_paid_period": "2026-07"}, INACTIVE),  # four
        ({"last_paid_period": "2025-12"}, INACTIVE),  # over the turn of a year
        ({"last_paid_period": "2027-06"}, ACTIVE),  # paid ahead
        ({"last_paid_period": None}, INACTIVE),  # never paid
        ({"ended_on": dt.date(2026, 11, 30)}, INACTIVE),  # ended on the last day
        ({"ended_on": dt.date(2026, 12, 1)}, ACTIVE),
        ({"registered_on": dt.date(2026, 11, 30)}, ACTIVE),
        ({"registered_on": dt.date(2026, 12, 1)}, NOBODY),  # not registered yet
        ({"registered_on": None}, ACTIVE),
        ({"registered_on": None, "last_paid_period": None}, INACTIVE),
    ]
    assert status([card for card, _ in cases]) == [expected for _, expected in cases]


def test_arrears_are_a_parameter() -> None:
    assert status([{"last_paid_period": "2026-10"}], arrears_months=0) == [INACTIVE]
    assert status([{"last_paid_period": "2026-05"}], arrears_months=6) == [ACTIVE]


def test_the_best_of_several_cards_counts_once() -> None:
    cards = [{**CARD, "last_paid_period": paid} for paid in ("2020-01", PERIOD, None, "2026-10")]
    with computed(build({"occupation": "GURU"}, membership=cards)) as con:
        assert con.execute(
            "SELECT workers, active, inactive, unregistered, gap, coverage_rate "
            "FROM coverage.coverage_national WHERE basis = 'domicile' "
            "AND denominator_id = 'eligible'"
        ).fetchall() == [(1, 1, 0, 0, 0, 1.0)]


def test_three_figures() -> None:
    cases = [
        (("linked", "identifier", None), 1_000_000, 1_000_000, 1_000_000),
        (("linked", "model", 990_000), 1_000_000, 1_000_000, 1_000_000),
        (("linked", "model", 989_999), 0, 989_999, 1_000_000),
        (("review", "model", 999_000), 0, 999_000, 1_000_000),
        (("review", "model", 400_000), 0, 400_000, 1_000_000),
        (("unlinked", None, None), 0, 0, 0),
    ]
    rows = workers(
        [build({"occupation": "GURU"}, membership=[{**CARD, "link": case[0]}]) for case in cases]
    )
    figures = [(r["active_low_ppm"], r["active_ppm"], r["active_high_ppm"]) for r in rows]
    assert figures == [case[1:] for case in cases]


def test_inactive_takes_its_share_of_what_active_leaves() -> None:
    cards = [
        {**CARD, "link": ("review", "model", 600_000)},
        {**CARD, "link": ("review", "model", 500_000)},
        {**CARD, "last_paid_period": "2020-01", "link": ("linked", "model", 800_000)},
        {**CARD, "last_paid_period": None, "link": ("review", "model", 300_000)},
    ]
    row = worker(build({"occupation": "GURU"}, membership=cards))
    assert (row["active_ppm"], row["inactive_ppm"], row["unregistered_ppm"]) == (
        600_000, 320_000, 80_000
    )  # fmt: skip


def test_workers_are_of_working_age() -> None:
    cases = [
        ("2026-11", dt.date(2011, 11, 30), "15-24"),
        ("2026-11", dt.date(2011, 12, 1), None),
        ("2026-11", dt.date(1961, 12, 1), "55-64"),
        ("2026-11", dt.date(1961, 11, 30), None),
        ("2026-11", dt.date(2001, 11, 30), "25-34"),
        ("2026-11", dt.date(2001, 12, 1), "15-24"),
        # Somebody born on 29 February turns a year older on 1 March of other years.
        ("2027-02", dt.date(2012, 2, 28), "15-24"),
        ("2027-02", dt.date(2012, 2, 29), None),
        ("2027-03", dt.date(2012, 2, 29), "15-24"),
        ("2029-02", dt.date(1964, 2, 29), "55-64"),
        ("2029-03", dt.date(1964, 2, 29), None),
        ("2024-02", dt.date(2008, 2, 29), "15-24"),
        ("2026-11", None, None),
    ]
    for period in {case[0] for case in cases}:
        people = [(born, band) for month, born, band in cases if month == period]
        worlds = [
            build({"birth_date": born, "occupation": "GURU"}, period=period) for born, _ in people
        ]
        bands = [row.get("age_band") for row in workers(worlds, period)]
        assert list(zip([born for born, _ in people], bands, strict=True)) == people


def test_the_dead_do_not_work() -> None:
    dead, unknown = workers(
        [build({"life_status": life}, membership=[CARD]) for life in ("meninggal", None)]
    )
    assert dead == {}
    assert unknown["sign"] == "membership"


def test_occupation_is_a_sign_of_work() -> None:
    cases = [
        ("Guru", "P"),
        (" petani ", "A"),
        ("KARYAWAN SWASTA", "X"),
        ("Penjinak ular", "X"),
        ("Ibu Rumah-Tangga", None),
        ("PENSIUNAN", None),
        ("", None),
        (" - ", None),
        (None, None),
    ]
    rows = workers([build({"occupation": occupation}) for occupation, _ in cases])
    assert [row.get("sector_code") for row in rows] == [sector for _, sector in cases]
    assert {row.get("sign") for row in rows} == {"occupation", None}


def test_employment_is_open_or_not() -> None:
    cases = [
        (None, None, True),
        (dt.date(2026, 11, 30), None, True),
        (dt.date(2026, 12, 1), None, False),
        (None, dt.date(2026, 12, 1), True),
        (None, dt.date(2026, 11, 30), False),
        (dt.date(2020, 1, 1), dt.date(2026, 11, 29), False),
    ]
    rows = workers(
        [
            build(employment=[{"dataset": "payroll", "started_on": started, "ended_on": ended}])
            for started, ended, _ in cases
        ]
    )
    assert [bool(row) for row in rows] == [open_ for _, _, open_ in cases]


def test_a_link_in_review_is_no_sign_of_work() -> None:
    review = ("review", "model", 999_999)
    world = build(
        employment=[{"dataset": "payroll", "link": review}],
        roster=[{"dataset": "farmers", "link": review}],
        ownership=[{"dataset": "sme", "link": review}],
        membership=[{**CARD, "npp": "N1", "link": review}],
    )
    assert worker(world) == {}


def test_signs_have_ranks() -> None:
    records: dict[str, list[Row]] = {
        "employment": [{"dataset": "payroll"}],
        "roster": [{"dataset": "farmers"}],
        "ownership": [{"dataset": "sme"}],
        "membership": [{**CARD, "npp": "N1"}, {**CARD, "segment": "BPU"}],
    }
    worlds = []
    for gone in (None, "employment", "card", "roster", "ownership", "occupation"):
        if gone == "card":
            records["membership"] = records["membership"][1:]
        records.pop(gone or "", None)
        job = None if gone == "occupation" else "GURU"
        worlds.append(build({"occupation": job}, **records))
    assert [row["sign"] for row in workers(worlds)] == [
        "employment",
        "card",
        "roster",
        "ownership",
        "occupation",
        "membership",
    ]


def test_a_card_with_an_employer() -> None:
    cases: list[tuple[Row, str | None]] = [
        ({"segment": "PU", "npp": "N1"}, "card"),
        ({"segment": None, "npp": "N1"}, "card"),
        ({"segment": "PU", "npp": None}, "membership"),
        ({"segment": "BPU", "npp": "N1"}, "membership"),
        ({"segment": "PU", "npp": "N1", "last_paid_period": "2020-01"}, None),
    ]
    rows = workers([build(membership=[{**CARD, **card}]) for card, _ in cases])
    assert [row.get("sign") for row in rows] == [sign for _, sign in cases]


def test_main_job() -> None:
    sectors = {"a": "A", "b": "B", "c": "C"}
    cases: list[tuple[list[tuple[int | None, str | None, str]], str]] = [
        # Highest wage, a missing one last; smallest NPWP, a missing one last; record.
        ([(5, "2", "c"), (9, "3", "b"), (None, "1", "a")], "b"),
        ([(None, "1", "a"), (0, "9", "b")], "b"),
        ([(7, "2", "a"), (7, "1", "c"), (7, "1", "b")], "b"),
        ([(7, None, "a"), (7, "8", "b")], "b"),
        ([(None, None, "b"), (None, None, "a")], "a"),
    ]
    worlds = [
        build(
            employment=[
                {
                    "dataset": "payroll",
                    "monthly_wage": wage,
                    "employer_npwp": npwp,
                    "record_id": record,
                    "sector_code": sectors[record],
                }
                for wage, npwp, record in jobs
            ]
        )
        for jobs, _ in cases
    ]
    assert [row["sector_code"] for row in workers(worlds)] == [sectors[main] for _, main in cases]


NPWP = "0123456789000001"


@pytest.mark.parametrize(
    ("employers", "workplace", "sector"),
    [
        ([("npwp", NPWP, "3273", "3174", "C")], "3273", "C"),
        ([("npwp", NPWP, None, "3174", "C")], "3174", "C"),
        ([("npwp", NPWP, "0000", None, None)], "3171", "X"),
        # The root leads to the whole company: its head office, not some branch of it.
        ([("npwp_root", NPWP[:10], "3273", "3174", "C")], "3174", "C"),
        ([("nib", "1" * 13, None, "9271", "G")], "9271", "G"),
        (
            [("npwp", NPWP, "3273", None, "C"), ("npwp_root", NPWP[:10], None, "3174", "G")],
            "3273",
            "C",
        ),
        ([("nib", "1" * 13, None, "9271", "G"), ("npwp", NPWP, None, None, None)], "3171", "X"),
        ([], "3171", "X"),
    ],
)
def test_workplace_and_sector_of_the_employer(
    employers: list[Any], workplace: str, sector: str
) -> None:
    job = {"dataset": "payroll", "employer_npwp": NPWP, "employer_nib": "1" * 13}
    world = build({"occupation": "PETANI"}, employment=[job], employers=employers)
    row = worker(world)
    assert (row["workplace"], row["sector_code"]) == (workplace, sector)


def test_the_card_of_the_smallest_npp_gives_the_employer() -> None:
    world = build(
        membership=[{**CARD, "npp": npp} for npp in ("N2", "N1", "N3")],
        roster=[{"dataset": "farmers"}],
        employers=[("npp", "N1", "9271", "3174", "K"), ("npp", "N2", "3273", "3174", "L")],
    )
    row = worker(world)
    assert (row["sign"], row["workplace"], row["sector_code"]) == ("card", "9271", "K")


def test_sector_without_an_employer() -> None:
    cases: list[tuple[dict[str, list[tuple[str, str | None]]], str | None, str]] = [
        ({"roster": [("kur", "C"), ("teachers", "C")]}, "GURU", "P"),  # fixed by contract first
        ({"roster": [("kur", None), ("migrants", "I")]}, "GURU", "I"),  # unknown last
        ({"roster": [("migrants", "I"), ("kur", "C")]}, "GURU", "C"),  # then by name
        ({"roster": [("drivers", None), ("farmers", None)]}, None, "H"),
        ({"roster": [("kur", None)], "ownership": [("sme", "I")]}, "GURU", "I"),
        ({"ownership": [("sme", None)]}, "GURU", "P"),
        ({"ownership": [("sme", None)]}, "WIRASWASTA", "X"),
    ]
    worlds = []
    for records, occupation, _ in cases:
        rows = {
            kind: [{"dataset": dataset, "sector_code": code} for dataset, code in listed]
            for kind, listed in records.items()
        }
        worlds.append(build({"occupation": occupation}, **rows))
    assert [row["sector_code"] for row in workers(worlds)] == [case[2] for case in cases]


def test_construction_participation_gives_sector_f_last() -> None:
    jakon = {**CARD, "segment": "JAKON"}
    occupations = {None: "F", "WIRASWASTA": "F", "GURU": "P"}
    rows = workers([build({"occupation": o}, membership=[jakon]) for o in occupations])
    assert [row["sector_code"] for row in rows] == list(occupations.values())


def test_civil_servants_work_but_are_not_eligible() -> None:
    cases = [
        ("TETAP", "GURU", True),
        ("PNS", "GURU", False),
        ("p.n.s.", None, False),
        ("TNI", None, False),
        ("Polri", None, False),
        ("PPPK", None, False),
        ("P3K", None, False),
        ("CPNS", None, False),
        ("Pegawai Negeri Sipil", None, False),
        ("Non-PNS", None, True),
        (None, "PNS", False),
        (None, "PPPK", False),
    ]
    worlds = [
        build(
            {"occupation": occupation},
            employment=[{"dataset": "payroll", "employment_status": job}],
        )
        for job, occupation, _ in cases
    ]
    assert [row["eligible"] for row in workers(worlds)] == [case[2] for case in cases]
    pppk = [not {"PPPK", "P3K"}.isdisjoint(case[:2]) for case in cases]
    without = [row["eligible"] for row in workers(worlds, pppk_is_civil_servant=False)]
    assert without == [case[2] or p for case, p in zip(cases, pppk, strict=True)]
    with computed(together(worlds)) as con:
        assert con.execute(
            "SELECT denominator_id, workers FROM coverage.coverage_national "
            "WHERE basis = 'domicile' ORDER BY 1"
        ).fetchall() == [("eligible", sum(case[2] for case in cases)), ("employed", len(cases))]


def test_segment() -> None:
    cases: list[tuple[Row, dict[str, list[Row]], str]] = [
        ({}, {"membership": [{**CARD, "segment": "BPU"}]}, "BPU"),
        ({"occupation": "GURU"}, {"membership": [{**CARD, "last_paid_period": None}]}, "PU"),
        ({}, {"employment": [{"dataset": "payroll", "sector_code": "F"}]}, "PU"),
        ({}, {"roster": [{"dataset": "kur", "sector_code": "F"}]}, "JAKON"),
        ({}, {"roster": [{"dataset": "migrants"}]}, "PMI"),
        ({}, {"roster": [{"dataset": "migrants", "sector_code": "F"}]}, "JAKON"),
        ({"occupation": "GURU"}, {}, "BPU"),
        # Active before inactive, then the better link.
        (
            {"occupation": "GURU"},
            {
                "membership": [
                    {**CARD, "segment": "JAKON", "last_paid_period": None},
                    {**CARD, "segment": "PMI", "link": ("review", "model", 400_000)},
                    {**CARD, "segment": "BPU", "link": ("linked", "model", 900_000)},
                ]
            },
            "BPU",
        ),
    ]
    rows = workers([build(person, **records) for person, records, _ in cases])
    assert [row["segment"] for row in rows] == [segment for _, _, segment in cases]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ({"2022-07-25": "Lama", "2026-01-01": "Baru"}, "Baru"),
        ({"2022-07-25": "Lama", "2027-01-01": "Baru"}, "Lama"),
        # Figures are on today's map, also those of months before a province was founded.
        ({"2027-01-01": "Baru"}, "Baru"),
    ],
)
def test_a_place_has_its_name_of_the_time_or_its_first(
    names: dict[str, str], expected: str
) -> None:
    world = build({"occupation": "GURU", "region_code": "9501"})
    world["reference.provinces"] = [
        {"province_code": "95", "province": name, "valid_from": dt.date.fromisoformat(since)}
        for since, name in names.items()
    ]
    with computed(world) as con:
        found = con.execute("SELECT DISTINCT province FROM coverage.coverage_by_province")
        assert found.fetchall() == [(expected,)]
