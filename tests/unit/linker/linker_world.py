"""People with mistakes in their records, made by a seed: two lists and who is who.

Only for tests of `cakupan link`. Names are made of syllables; nobody is real.
"""

from __future__ import annotations

import csv
import random
from pathlib import Path

HEADS = ["ba", "be", "bra", "ca", "cha", "da", "dre", "el",
         "fi", "ga", "ha", "jo", "ka", "ki", "la", "le", "ma", "mi",
         "na", "no", "pa", "per", "ra", "sa", "te", "vi"]  # fmt: skip
TAILS = ["na", "ra", "lin", "ton", "ber", "dy", "son", "ley", "vin", "ria", "nes",
         "rick", "mond", "sie", "la", "cia", "zo", "than", "bel", "co"]  # fmt: skip
STREETS = ["maple", "harbour", "station", "church", "garden", "mill", "bridge", "forest", "lake"]
COLUMNS = ["rec", "given", "family", "born", "number", "street", "town", "post", "card"]


def _word(chance: random.Random) -> str:
    return chance.choice(HEADS) + chance.choice(HEADS) + chance.choice(TAILS)


def _slip(chance: random.Random, text: str) -> str:
    """Make one slip of the pen: a sign wrong, doubled, left out, or two swapped."""
    at = chance.randrange(max(len(text) - 1, 1))
    signs = "0123456789" if text.isdigit() else "abcdefghijklmnopqrstuvwxyz"
    return chance.choice([
        text[:at] + chance.choice(signs) + text[at + 1 :],
        text[:at] + text[at + 1 : at + 2] + text[at] + text[at + 2 :],
        text[:at] + text[at + 1 :],
    ])  # fmt: skip


def person(chance: random.Random, families: list[str]) -> list[str]:
    """Make a person's record, without its number."""
    born = f"{chance.randint(1930, 2004)}{chance.randint(1, 12):02d}{chance.randint(1, 28):02d}"
    return [
        _word(chance), chance.choice(families), born, str(chance.randint(1, 120)),
        f"{chance.choice(STREETS)} {_word(chance)} street", _word(chance) + " hills",
        str(chance.randint(1000, 1600)), str(chance.randint(10**6, 10**7 - 1)),
    ]  # fmt: skip


def again(chance: random.Random, record: list[str]) -> list[str]:
    """Write a person's record once more, with two or three mistakes."""
    copy = list(record)
    for at in chance.sample(range(len(copy)), chance.randint(2, 3)):
        copy[at] = "" if chance.random() < 0.25 else _slip(chance, copy[at])
    if chance.random() < 0.1:
        copy[0], copy[1] = copy[1], copy[0]
    return copy


def write(path: Path, header: list[str], rows: list[list[str]]) -> Path:
    """Write a CSV file."""
    with path.open("w", encoding="utf-8", newline="") as handle:
        csv.writer(handle).writerows([header, *rows])
    return path


def two_lists(folder: Path, people: int, seed: int = 7, shared: float = 0.8) -> tuple[Path, ...]:
    """Write left.csv, right.csv and truth.csv: the right list has a share of the left's people."""
    chance = random.Random(seed)  # noqa: S311
    families = [_word(chance) for _ in range(people // 5)]
    left, right, truth = [], [], []
    for n in range(people):
        record = person(chance, families)
        left.append([f"a{n}", *record])
        if chance.random() < shared:
            right.append([f"b{n}", *again(chance, record)])
            truth.append([f"a{n}", f"b{n}"])
        else:
            right.append([f"b{n}", *person(chance, families)])
    chance.shuffle(right)
    return (
        write(folder / "left.csv", COLUMNS, left),
        write(folder / "right.csv", COLUMNS, right),
        write(folder / "truth.csv", ["left_id", "right_id"], truth),
    )


def one_list(folder: Path, people: int, seed: int = 8) -> tuple[Path, Path]:
    """Write list.csv, in which a third stands two to four times, and truth.csv."""
    chance = random.Random(seed)  # noqa: S311
    families = [_word(chance) for _ in range(people // 5)]
    rows, truth = [], []
    for n in range(people):
        record = person(chance, families)
        copies = chance.choice([1, 1, 1, 1, 2, 3, 4])
        names = [f"r{n}x{copy}" for copy in range(copies)]
        rows += [
            [name, *(record if copy == 0 else again(chance, record))]
            for copy, name in enumerate(names)
        ]
        # In either order, as label files come.
        truth += [[b, a] for i, a in enumerate(names) for b in names[i + 1 :]]
    chance.shuffle(rows)
    return (
        write(folder / "list.csv", COLUMNS, rows),
        write(folder / "truth.csv", ["left_id", "right_id"], truth),
    )


SPEC = """\
left: {id: rec}
right: {id: rec}
cardinality: one_to_one
compare:
  - {columns: [given, family], kind: person_name}
  - {column: born, kind: date, format: "%Y%m%d"}
  - {column: card, kind: identifier}
  - {column: street, kind: text}
  - {column: town, kind: place}
  - {column: post, kind: category}
"""
