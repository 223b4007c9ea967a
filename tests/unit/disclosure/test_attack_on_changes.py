"""Flows and causes of the country tell nothing of a withheld cell: attacked by linear programs."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.optimize import linprog

CELLS = ("south", "north", "east")
STATUSES = ("active", "inactive", "unregistered")
PLACES = [(cell, status) for cell in CELLS for status in STATUSES]
CAUSES = ("people", "deliveries", "links")
# What somebody can have been in both months, and what explains it.
PATHS = [
    (before, now, cause)
    for before, now in itertools.product([*PLACES, None], repeat=2)
    if before or now
    for cause in CAUSES
]


def _row(holds) -> np.ndarray:
    return np.array([float(holds(*path)) for path in PATHS])


def _gap(place) -> int:
    return int(place is not None and place[1] != "active")


STOCKS = {
    (month, *place): _row(
        lambda before, now, _, month=month, place=place: (before, now)[month] == place
    )
    for month in (0, 1)
    for place in PLACES
}
COUNTRY = [
    sum(STOCKS[month, cell, status] for cell in CELLS) for month in (0, 1) for status in STATUSES
]
FLOWS = [
    _row(lambda before, now, _: before is None),
    _row(lambda before, now, _: now is None),
    _row(lambda before, now, _: bool(before and now) and _gap(before) and not _gap(now)),
    _row(lambda before, now, _: bool(before and now) and not _gap(before) and _gap(now)),
]
EXPLAINED = [
    np.array([(_gap(now) - _gap(before)) * (own == cause) for before, now, own in PATHS], float)
    for cause in CAUSES
]


def _range(goal: np.ndarray, told: list[np.ndarray], truth: np.ndarray) -> tuple[float, float]:
    equal = np.array(told)
    ends = [
        linprog(sign * goal, A_eq=equal, b_eq=equal @ truth, bounds=(0, None), method="highs")
        for sign in (1, -1)
    ]
    assert all(end.success for end in ends)
    return round(ends[0].fun, 6), round(-ends[1].fun, 6)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_country_s_flows_and_causes_narrow_no_cell(seed: int) -> None:
    chance = np.random.default_rng(seed)
    truth = chance.choice([0.0, 0.0, 0.0, 1.0, 2.0, 7.0], size=len(PATHS))
    # Of one cell everything is told, of another its workers alone, of the third nothing.
    cells = [STOCKS[month, "south", status] for month in (0, 1) for status in STATUSES]
    cells += [sum(STOCKS[month, "north", status] for status in STATUSES) for month in (0, 1)]
    stocks = [*COUNTRY, *cells]
    for (_month, cell, _status), goal in STOCKS.items():
        if cell == "south":
            continue
        plain = _range(goal, stocks, truth)
        assert plain == _range(goal, [*stocks, *FLOWS, *EXPLAINED], truth)
        assert plain[1] - plain[0] > 9


def test_they_would_where_the_country_is_not_told_in_full() -> None:
    """The rule asks for the country's row in full: without it, flows do tell of cells."""
    truth = np.zeros(len(PATHS))
    stayed = (("south", "active"), ("south", "active"), "people")
    truth[PATHS.index(stayed)] = 40
    truth[PATHS.index((("north", "inactive"), ("north", "active"), "people"))] = 3
    workers = [
        sum(STOCKS[month, cell, status] for cell in CELLS for status in STATUSES)
        for month in (0, 1)
    ]
    goal = STOCKS[1, "north", "active"]
    without = _range(goal, workers, truth)
    assert without == (0, 43)
    assert _range(goal, [*workers, *FLOWS, *EXPLAINED], truth)[1] <= without[1]
    covered = sum(STOCKS[1, cell, "active"] for cell in CELLS)
    assert _range(covered, workers, truth)[0] == 0
    assert _range(covered, [*workers, *FLOWS], truth)[0] == 3
