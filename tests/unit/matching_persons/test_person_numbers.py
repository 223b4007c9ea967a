"""NIKs and birth dates: labelled tables of pairs, and what their levels weigh."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import labelled_pairs
import people_world as world
import pytest
from labelled_pairs import number

from matching import persons
from matching.comparison import LEVELS
from matching.model import Model
from matching.names import create_name_macros

NIKS = labelled_pairs.table("nik_pairs")
BIRTHS = labelled_pairs.table("birth_pairs")
PERIOD = "2026-10"

# The register's person of a NIK pair: born that day, living there. The record's own.
BORN = number("1985-08-17") or 0
HOME = 3273
BIRTH = {"same": BORN, "near": BORN + 1, "differs": number("1962-02-03")}
REGION = {"same": HOME, "unknown": None, "differs": 1271}

Pairs = dict[tuple[str, ...], dict[str, str]]


@pytest.fixture(scope="module")
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    connection = duckdb.connect(config={"threads": 1})
    world.make_world(connection, 5_000, {"cards": 3_000})
    create_name_macros(connection)
    yield connection
    connection.close()


@pytest.fixture(scope="module")
def model(con: duckdb.DuckDBPyConnection) -> Model:
    persons.prepare_register(con, PERIOD)
    return persons.train_model(con, PERIOD)


def key(pair: dict[str, str]) -> tuple[str, ...]:
    return tuple(pair.values())


@pytest.fixture(scope="module")
def niks(con: duckdb.DuckDBPyConnection) -> Pairs:
    said = [
        (
            {
                "nik": int(pair["left"]) if pair["left"] else None,
                "born": BIRTH[pair["birth"]],
                "region": REGION[pair["home"]],
            },
            {
                "nik": int(pair["right"]) if pair["right"] else None,
                "born": BORN,
                "region": HOME,
            },
        )
        for pair in NIKS
    ]
    found = labelled_pairs.levels(con, said)
    return {key(pair): levels for pair, levels in zip(NIKS, found, strict=True)}


@pytest.fixture(scope="module")
def births(con: duckdb.DuckDBPyConnection) -> Pairs:
    said = []
    for pair in BIRTHS:
        birth, of_nik = number(pair["left"]), number(pair["left_nik"])
        left = {
            "birth": birth,
            "nik_birth": of_nik,
            "born": of_nik if birth is None else birth,
            "born_other": None if birth is None or of_nik == birth else of_nik,
        }
        said.append((left, {"birth": number(pair["right"]), "born": number(pair["right"])}))
    found = labelled_pairs.levels(con, said)
    return {key(pair): levels for pair, levels in zip(BIRTHS, found, strict=True)}


def test_the_tables_are_large_enough_and_hold_no_real_nik() -> None:
    assert len(NIKS) >= 60
    assert len(BIRTHS) >= 40
    assert {pair["class"] for pair in NIKS} == {
        "identical", "one_digit", "swap", "plus_forty", "papua_prefix", "serial", "two_digits",
        "borrowed", "strangers", "same_birthday", "missing",
    }  # fmt: skip
    assert {pair["class"] for pair in BIRTHS} == {
        "same", "default", "swap", "year_one", "year_ten", "day_or_month_one", "year_only",
        "strangers", "century", "by_nik", "missing",
    }  # fmt: skip
    # No district has a number of 90 or more. A slip may hit it: the other NIK tells then.
    for pair in NIKS:
        assert any(nik[4:5] == "9" for nik in (pair["left"], pair["right"]) if nik) or not (
            pair["left"] or pair["right"]
        )


@pytest.mark.parametrize("pair", NIKS, ids=lambda p: f"{p['class']} {p['left']}/{p['right']}")
def test_labelled_niks(pair: dict[str, str], niks: Pairs) -> None:
    level = niks[key(pair)]["nik"]
    assert level == pair["level"]
    step = level.split(";")[0]
    if pair["class"] in {"one_digit", "swap", "plus_forty"}:
        assert step == "one slip"
    elif pair["class"] in {"identical", "borrowed"}:
        assert step == "same"
    elif pair["class"] in {"strangers", "same_birthday"}:
        assert step == "different"
    elif pair["class"] == "papua_prefix":
        assert step in {"one slip", "two digits"}
    elif pair["class"] == "serial":
        # Brothers of one day, or neighbours in the book: near-equal, and two people.
        assert step in {"one slip", "same region and date"}


@pytest.mark.parametrize("pair", BIRTHS, ids=lambda p: f"{p['class']} {p['left']}/{p['right']}")
def test_labelled_births(pair: dict[str, str], births: Pairs) -> None:
    level = births[key(pair)]["birth"]
    assert level == pair["level"]
    if pair["truth"] == "different":
        assert level in {"missing", "different", "year only"}
    elif pair["class"] != "default":
        assert level not in {"different", "year only"}


def weight(model: Model, field: str, level: str) -> float:
    return model.weight(field, LEVELS[field].index(level))


def test_levels_weigh_in_the_order_of_what_they_prove(model: Model) -> None:
    name = {level: weight(model, "name", level) for level in LEVELS["name"]}
    assert name["missing"] == 0
    assert name["different"] < -5
    assert name["weak"] < -3
    assert name["weak"] < name["similar"] < name["typo"]
    assert name["part"] > 1
    assert name["sounds alike"] > 5
    assert name["same"] > 8
    born = {level: weight(model, "birth", level) for level in LEVELS["birth"]}
    assert born["different"] < -3
    assert born["different"] < born["year only"] < born["near"] < born["day and month swapped"]
    assert 2 < born["day and month swapped"] < born["same"]
    assert max(born.values()) == born["same"] > 10


def test_a_slip_in_a_nik_proves_less_the_more_is_known_to_agree(model: Model) -> None:
    slip = {
        context: weight(model, "nik", f"one slip; {context}")
        for context in ("birth date differs, home differs", "same birth date, home differs",
                        "same birth date, same home")
    }  # fmt: skip
    assert slip["birth date differs, home differs"] > 12
    assert slip["birth date differs, home differs"] > slip["same birth date, home differs"]
    assert slip["same birth date, home differs"] > slip["same birth date, same home"]
    # Another serial of one day and district: hardly a word for the same person.
    assert slip["same birth date, same home"] < 5
    for birth in ("birth date differs", "near birth date", "same birth date"):
        assert weight(model, "nik", f"different; {birth}, home differs") < -0.5


def test_a_birth_date_that_many_have_weighs_hardly_anything(
    con: duckdb.DuckDBPyConnection, model: Model
) -> None:
    def bits(people: int) -> float:
        levels = dict.fromkeys(LEVELS, 0) | {"birth": LEVELS["birth"].index("same")}
        columns = ", ".join(f"{value} AS {name}" for name, value in levels.items())
        row = con.execute(
            f"SELECT {model.bits_sql()} FROM (SELECT {columns}, 1.0 AS name_f,"
            f" {people}.0 AS birth_f, 1.0 AS place_f, 1.0 AS mother_f,"
            " 1 AS same_n)"
        ).fetchone()
        assert row is not None
        return float(row[0])

    assert bits(1) > 11
    assert bits(1) - bits(32) == pytest.approx(5, abs=0.01)
    # A default for an unknown day, which a fifth of the register has.
    assert -0.5 < bits(1000) < 3
