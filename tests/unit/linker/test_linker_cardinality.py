"""Cardinalities, ties, review, and what becomes of identifiers' types."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from matching.linker.run import LinkReport, link, turned
from matching.linker.spec import read_spec

SPEC = """\
left: {{id: card}}
right: {{id: person}}
cardinality: {cardinality}
stages: {stages}
compare:
  - {{left: nik, right: number, kind: nik}}
  - {{left: name, right: full_name, kind: person_name}}
  - {{column: born, kind: date}}
  - {{column: town, kind: place}}
"""
TOWNS = ["KLATEN", "MEDAN", "PADANG", "AMBON", "BOGOR"]
HEADS = ["SURYA", "WAHYU", "BAMBANG", "RATNA", "DEWI", "FAJAR", "HENDRA", "INDAH", "KARTIKA"]
TAILS = ["PRATAMA", "SANTOSO", "LESTARI", "HIDAYAT", "NUGROHO", "SETIAWAN", "PERMATA"]


def _tables(folder: Path, cards: str) -> tuple[Path, Path]:
    """Write 300 people, and cards of them: `cards` selects from `people` with `n`."""
    con = duckdb.connect()
    con.execute(
        f"""
        CREATE TABLE people AS
        SELECT n, n::INTEGER AS person,
            lpad((3201 + n % 90)::VARCHAR, 4, '0') || '90' || strftime(born, '%d%m%y')
                || lpad((1 + n % 7)::VARCHAR, 4, '0') AS number,
            {HEADS}[1 + n % 9] || ' ' || {TAILS}[1 + n % 7] || ' ' || chr((65 + n % 23)::INTEGER)
                || chr((65 + n % 5)::INTEGER) || 'O'
                || chr((65 + n % 19)::INTEGER) || 'I' AS full_name,
            born, {TOWNS}[1 + n % 5] AS town
        FROM (SELECT range AS n, DATE '1960-01-01' + (range * 37 % 15000)::INTEGER AS born
            FROM range(300))
        """
    )
    left, right = folder / "cards.parquet", folder / "people.parquet"
    con.execute(f"COPY (SELECT * EXCLUDE (n) FROM people) TO '{right}' (FORMAT parquet)")
    con.execute(f"COPY ({cards}) TO '{left}' (FORMAT parquet)")
    return left, right


CARD = "number AS nik, full_name AS name, born, town"


def _link(
    folder: Path, cards: str, cardinality: str, extra: str = "", stages: str = "general"
) -> tuple[LinkReport, list]:
    left, right = _tables(folder, cards)
    spec = folder / "spec.yaml"
    spec.write_text(SPEC.format(cardinality=cardinality, stages=stages) + extra, "utf-8")
    out = folder / "links.parquet"
    report = link(left, right, read_spec(spec), out)
    rows = duckdb.execute("FROM read_parquet(?) ORDER BY 1, 2", [str(out)]).fetchall()
    return report, rows


TWO_CARDS = (
    f"SELECT 'A' || n AS card, {CARD} FROM people WHERE n < 180"
    f" UNION ALL SELECT 'B' || n, NULL, full_name, born, town FROM people WHERE n < 60"
)


def test_many_cards_may_be_one_person(tmp_path: Path) -> None:
    _, rows = _link(tmp_path, TWO_CARDS, "many_to_one")
    accepted = {row[0]: row for row in rows if not row[4]}
    assert all(int(card[1:]) == row[1] for card, row in accepted.items())
    assert len(accepted) >= 237
    assert all(row[2] >= 0.9 for row in accepted.values())
    assert accepted["A7"][3] == "identifier"
    assert accepted["B7"][3] == "model"
    assert accepted["B7"][1] == accepted["A7"][1]


@pytest.mark.parametrize("stages", ["general", "persons"])
def test_one_card_to_a_person(tmp_path: Path, stages: str) -> None:
    extra = "thresholds: {accept: 0.95, review: 0.55}\n"
    _, rows = _link(tmp_path, TWO_CARDS, "one_to_one", extra, stages)
    assert all((row[2] >= 0.95) != row[4] and row[2] >= 0.55 for row in rows)
    accepted = [row for row in rows if not row[4]]
    assert len({row[1] for row in accepted}) == len(accepted) == 180
    assert all(row[0].startswith("A") for row in accepted)


def test_several_people_to_a_card_is_the_same_turned_round(tmp_path: Path) -> None:
    left, right = _tables(tmp_path, TWO_CARDS)
    spec = tmp_path / "spec.yaml"
    spec.write_text(SPEC.format(cardinality="many_to_one", stages="general"), "utf-8")
    forth, back = tmp_path / "forth.parquet", tmp_path / "back.parquet"
    told = read_spec(spec)
    link(left, right, told, forth)
    assert turned(told).cardinality == "one_to_many"
    assert turned(turned(told)) == told
    link(right, left, turned(told), back)
    both = [
        duckdb.execute(f"SELECT {a}, {b}, probability FROM '{file}' ORDER BY ALL").fetchall()
        for file, a, b in ((forth, "left_id", "right_id"), (back, "right_id", "left_id"))
    ]
    assert both[0] == both[1]
    assert both[0]


def test_in_many_to_many_every_pair_stands_for_itself(tmp_path: Path) -> None:
    _, rows = _link(tmp_path, TWO_CARDS, "many_to_many")
    accepted = [row for row in rows if not row[4]]
    assert sum(row[0].startswith("B") for row in accepted) >= 57
    assert all(int(row[0][1:]) == row[1] for row in accepted)


def test_types_of_identifiers_are_kept(tmp_path: Path) -> None:
    cards = f"SELECT n::DECIMAL(9, 0) AS card, {CARD} FROM people WHERE n < 50"
    _link(tmp_path, cards, "many_to_one")
    types = duckdb.execute(f"DESCRIBE FROM '{tmp_path / 'links.parquet'}'").fetchall()
    assert [(row[0], row[1]) for row in types] == [
        ("left_id", "DECIMAL(9,0)"), ("right_id", "INTEGER"), ("probability", "DOUBLE"),
        ("tier", "VARCHAR"), ("review", "BOOLEAN"),
    ]  # fmt: skip


def test_a_borrowed_number_is_not_believed(tmp_path: Path) -> None:
    """Cards with another person's number: of name, date and town, or of nothing at all."""
    cards = (
        f"SELECT 'A' || n AS card, {CARD} FROM people WHERE n < 200 UNION ALL"
        " SELECT 'X' || p.n, q.number, p.full_name, p.born, p.town FROM people AS p"
        " JOIN people AS q ON q.n = p.n + 50 WHERE p.n BETWEEN 200 AND 209"
    )
    _, rows = _link(tmp_path, cards, "many_to_one")
    for row in rows:
        if row[0].startswith("X") and not row[4]:
            assert int(row[0][1:]) == row[1]
            assert row[3] == "model"


def test_two_rows_alike_are_left_to_a_person(tmp_path: Path) -> None:
    """A card that two people fit equally well is a tie, not a link."""
    left, right = _tables(
        tmp_path, f"SELECT 'A' || n AS card, {CARD.replace('number AS', 'NULL AS')} FROM people"
    )
    twins = tmp_path / "twins.parquet"
    duckdb.execute(
        f"COPY (FROM '{right}' UNION ALL SELECT person + 1000, NULL, full_name, born, town"
        f" FROM '{right}' WHERE person < 20) TO '{twins}' (FORMAT parquet)"
    )
    spec = tmp_path / "spec.yaml"
    spec.write_text(SPEC.format(cardinality="many_to_one", stages="general"), "utf-8")
    out = tmp_path / "links.parquet"
    link(left, twins, read_spec(spec), out)
    rows = {row[0]: row for row in duckdb.execute(f"FROM '{out}'").fetchall()}
    assert all(rows[f"A{n}"][4] for n in range(20))
    assert sum(not rows[f"A{n}"][4] for n in range(20, 300) if f"A{n}" in rows) >= 274


@pytest.mark.parametrize("accept", [0.6, 0.999])
def test_thresholds_can_be_told(tmp_path: Path, accept: float) -> None:
    extra = f"thresholds: {{accept: {accept}, review: 0.55}}\n"
    _, rows = _link(tmp_path, TWO_CARDS, "many_to_one", extra)
    model = [row for row in rows if row[3] == "model"]
    assert all(row[2] >= accept for row in model if not row[4])
    assert all(row[2] < accept for row in model if row[4])
