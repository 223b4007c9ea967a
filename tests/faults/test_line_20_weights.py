"""Fault 20 in linking: a NIK that the birth date contradicts weighs less."""

from __future__ import annotations

import datetime as dt
import sys
from pathlib import Path

import duckdb
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "unit" / "matching_persons"))

import people_world
from arrivals import PERIOD

from matching import persons

ELSEWHEN = dt.date(1911, 3, 9)


@pytest.mark.fault(20, "NIK against birth date, in linking")
def test_20_a_nik_that_the_birth_date_contradicts_weighs_less(shown) -> None:
    con = duckdb.connect(config={"threads": 1})
    people_world.make_world(con, 1_500, {"cards": 800}, seed=11)
    persons.prepare_register(con, PERIOD)
    model = persons.train_model(con, PERIOD)
    found = con.execute(
        "SELECT nik, full_name, sex, birth_date, birth_place, mother_name, region_code"
        " FROM in_population WHERE sex = 'L' AND birth_date < DATE '2000-01-01'"
        " AND full_name LIKE '% %' AND day(birth_date) > 12 ORDER BY hash(nik) LIMIT 1"
    )
    person = dict(zip([c[0] for c in found.description], found.fetchone(), strict=True))
    other_name = f"BUDI {person['full_name'].split()[-1]}"
    records = [
        person,
        person | {"birth_date": ELSEWHEN},
        person | {"full_name": other_name},
        person | {"full_name": other_name, "birth_date": ELSEWHEN},
    ]
    con.execute("DELETE FROM in_person_records")
    for number, record in enumerate(records):
        whole = {"dataset": "cards", "kind": "membership", "record_id": f"r{number}",
                 "row_hash": number} | record  # fmt: skip
        marks = ", ".join("?" * len(whole))
        con.execute(
            f"INSERT INTO in_person_records ({', '.join(whole)}) VALUES ({marks})",
            list(whole.values()),
        )
    persons.link_dataset(con, PERIOD, "cards", model)
    links = con.execute(
        "SELECT status, probability_ppm FROM linkage.person_links WHERE dataset = 'cards'"
        " ORDER BY record_id"
    ).fetchall()
    con.close()
    assert [status for status, _ in links] == ["linked", "linked", "linked", "review"]
    whole, born_else, named_else, both = [probability for _, probability in links]
    assert born_else < whole
    assert both < named_else < whole
    shown("a birth date that contradicts it lowers the link's probability, and with another name "
          "sends it to review")  # fmt: skip
