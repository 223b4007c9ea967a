"""Hand-worked cases, one for each sentence of the definitions."""

from __future__ import annotations

import datetime as dt
from typing import Any

import duckdb
import pytest
from coverage_world import Row, World, connection, reference

from warehouse import coverage
from warehouse.settings import CoverageSettings, Settings

PERIOD = "2026-11"
BORN = dt.date(1990, 5, 17)
CARD: Row = {"dataset": "cards", "segment": "PU", "last_paid_period": PERIOD, "region_code": "3201"}
ACTIVE, INACTIVE, NOBODY = (1_000_000, 0), (0, 1_000_000), (0, 0)


def build(
    person: Row | None = None,
    *,
    period: str = PERIOD,
    employers: list[tuple[str, str, str | None, str | None, str | None]] | None = None,
    **records: list[Row],
) -> World:
    """Give a world of one person (key 1) and records, each linked to them unless it says else.

    A record's `link` is (status, tier, ppm); employers are (kind, identifier, region of the
    branch, region of the head office, sector).
    """
    world = reference(period)
    who = {"person_key": 1, "birth_date": BORN, "region_code": "3171", "life_status": "hidup"}
    world["spine.persons"] = [{**who, **(person or {}), "period": period}]
    world["linkage.person_links"] = []
    for kind, rows in records.items():
        world[f"in_{kind}"] = []
        for number, row in enumerate(rows):
            record = {"record_id": f"{kind}-{number}", **row}
            link = record.pop("link", ("linked", "identifier", 1_000_000))
            world[f"in_{kind}"].append(record)
            world["linkage.person_links"].append(
                {
                    "period": period,
                    "dataset": record["dataset"],
                    "record_id": record["record_id"],
                    "status": link[0],
                    "tier": link[1],
                    "probability_ppm": link[2],
                    "person_key": None if link[0] == "unlinked" else 1,
                }
            )
    for number, (kind, identifier, branch, head, sector) in enumerate(employers or []):
        key = {"period": period, "employer_key": number}
        world.setdefault("spine.employers", []).append(
            {**key, "region_code": head, "sector_code": sector}
        )
        world.setdefault("linkage.employer_identifiers", []).append(
            {**key, "kind": kind, "identifier": identifier, "region_code": branch}
        )
    return world


def computed(world: World, period: str = PERIOD, **parameters: Any) -> duckdb.DuckDBPyConnection:
    con = connection(world)
    coverage.run(con, Settings(coverage=CoverageSettings(**parameters)), period)
    return con


def together(worlds: list[World]) -> World:
    """Put worlds of one person into one world, person n from the n-th."""
    whole = dict(worlds[0])
    for name in ("spine.persons", "linkage.person_links", "spine.employers",
                 "linkage.employer_identifiers", "in_membership", "in_employment", "in_roster",
                 "in_ownership"):  # fmt: skip
        whole[name] = []
        for number, world in enumerate(worlds):
            for row in world.get(name, []):
                own = dict(row)
                if own.get("person_key"):
                    own["person_key"] = number + 1
                if "employer_key" in own:
                    own["employer_key"] += 1000 * number
                if "record_id" in own:
                    own["record_id"] = f"{number}/{own['record_id']}"
                whole[name].append(own)
    return whole


def workers(worlds: list[World], period: str = PERIOD, **parameters: Any) -> list[Row]:
    """Give the one worker of each world, empty where there is none."""
    with computed(together(worlds), period, **parameters) as con:
        rows = con.execute("SELECT * FROM spine.workers").fetchall()
        names = [column[0] for column in con.description or []]
    found = {row[names.index("person_key")]: dict(zip(names, row, strict=True)) for row in rows}
    assert len(found) == len(rows)
    return [found.get(number + 1, {}) for number in range(len(worlds))]


def worker(world: World, period: str = PERIOD, **parameters: Any) -> Row:
    """Give the one worker of a world, empty where there is none."""
    return workers([world], period, **parameters)[0]


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
        ({"roster": [("kur", "C"), ("farmers", "C")]}, "GURU", "A"),  # fixed by contract first
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
    pppk = ["PPPK" in case[:2] for case in cases]
    without = [row["eligible"] for row in workers(worlds, pppk_is_civil_servant=False)]
    assert without == [case[2] or p for case, p in zip(cases, pppk, strict=True)]
    with computed(together(worlds)) as con:
        assert con.execute(
            "SELECT denominator_id, workers FROM coverage.coverage_national "
            "WHERE basis = 'domicile' ORDER BY 1"
        ).fetchall() == [("eligible", 1), ("employed", len(cases))]


def test_segment() -> None:
    cases: list[tuple[Row, dict[str, list[Row]], str]] = [
        ({}, {"membership": [{**CARD, "segment": "BPU"}]}, "BPU"),
        ({"occupation": "GURU"}, {"membership": [{**CARD, "last_paid_period": None}]}, "PU"),
        ({}, {"employment": [{"dataset": "payroll", "sector_code": "F"}]}, "PU"),
        ({}, {"roster": [{"dataset": "kur", "sector_code": "F"}]}, "JAKON"),
        ({}, {"roster": [{"dataset": "migrants"}]}, "PMI"),
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


def high(world: World, basis: str = "domicile", **parameters: Any) -> dict[str, float]:
    """Give active_high of the eligible by region."""
    with computed(world, **parameters) as con:
        return {
            region: float(persons)
            for region, persons in con.execute(
                "SELECT regency_code, active_high FROM coverage.coverage_by_regency "
                "WHERE basis = ? AND denominator_id = 'eligible'",
                [basis],
            ).fetchall()
        }


def crowd(cards: list[Row], teachers: int = 4, farmers: int = 2) -> World:
    """Give teachers and farmers of 3201, one teacher of 3273, and cards that reached nobody."""
    unlinked = ("unlinked", None, None)
    rows = [{**CARD, "link": unlinked, **card} for card in cards]
    world = build(membership=rows, employers=[("npp", "N1", "3273", None, "C")])
    world["spine.persons"] = [
        {"period": PERIOD, "person_key": 100 + number, "birth_date": BORN, "occupation": occupation,
         "region_code": region}
        for number, (occupation, region) in enumerate(
            [("GURU", "3201")] * teachers + [("PETANI", "3201")] * farmers + [("GURU", "3273")]
        )
    ]  # fmt: skip
    return world


NIK = "3201901705900001"


@pytest.mark.parametrize(
    ("cards", "people"),
    [
        ([{"nik": NIK}, {"nik": NIK, "full_name": "OTHER"}], 1),
        ([{"full_name": "Siti  Nur"}, {"full_name": "SITI NUR"}], 1),
        ([{"full_name": "SITI", "birth_date": BORN}, {"full_name": "SITI"}], 2),
        ([{"nik": NIK, "full_name": "SITI"}, {"full_name": "SITI"}], 2),
        ([{}, {}], 2),
        ([{"birth_date": dt.date(2015, 1, 1)}, {"birth_date": dt.date(1950, 1, 1)}], 0),
        ([{"last_paid_period": "2020-01"}, {"ended_on": dt.date(2020, 1, 1)}], 0),
    ],
)
def test_unmatched_cards_are_the_people_they_appear_to_be(cards: list[Row], people: int) -> None:
    assert high(crowd(cards)) == {"3201": people, "3273": 0}


def test_unmatched_cards_stand_where_the_basis_puts_them() -> None:
    cards = [{"npp": "N1", "nik": NIK}]
    assert high(crowd(cards)) == {"3201": 1, "3273": 0}
    assert high(crowd(cards), "workplace") == {"3201": 0, "3273": 1}


def test_unmatched_cards_never_exceed_the_workers() -> None:
    assert high(crowd([{} for _ in range(50)])) == {"3201": 6, "3273": 0}


def test_unmatched_cards_without_a_region_are_spread_over_the_country() -> None:
    spread = high(crowd([{"region_code": "0000"} for _ in range(7)]))
    assert spread == {"3201": 6, "3273": 1}


def test_unmatched_cards_follow_the_unregistered_workers_of_a_region() -> None:
    with computed(crowd([{}])) as con:
        rows = con.execute(
            "SELECT sector_code, active_high FROM coverage.coverage_by_sector_region WHERE basis = "
            "'domicile' AND denominator_id = 'eligible' AND regency_code = '3201' ORDER BY 1"
        ).fetchall()
    # One person over two farmers and four teachers, to the last millionth.
    assert [(code, round(persons * 1_000_000)) for code, persons in rows] == [
        ("A", 333_333),
        ("P", 666_667),
    ]


def survey(employed: int, **parameters: Any) -> list[Any]:
    world = crowd([])
    world["reference.sakernas"] = [
        {"survey_period": "2025-08", "employed": 1},
        {"survey_period": "2026-08", "employed": employed},
        {"survey_period": "2026-08", "sector_code": "A", "employed": 10},
        {"survey_period": "2027-02", "employed": 2},
    ]
    with computed(world, **parameters) as con:
        return con.execute(
            "SELECT basis, workers, unregistered FROM coverage.coverage_national "
            "WHERE denominator_id = 'sakernas' UNION ALL "
            "SELECT basis, workers, unregistered FROM coverage.coverage_by_sector "
            "WHERE denominator_id = 'sakernas' AND sector_code = 'A' ORDER BY 2"
        ).fetchall()


def test_survey_denominators_are_the_newest_known_by_the_period() -> None:
    assert survey(7) == [("domicile", 7, 7), ("domicile", 10, 10)]


def test_a_partial_register_gets_no_survey_denominator() -> None:
    assert survey(8) == []
    assert survey(8, sakernas_min_register=0.8) == [("domicile", 8, 8), ("domicile", 10, 10)]
