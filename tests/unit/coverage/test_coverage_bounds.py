"""Hand-worked cases: the upper bound and the survey's denominators."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from coverage_cases import (
    BORN,
    CARD,
    PERIOD,
    build,
    computed,
)
from coverage_world import Row, World


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
