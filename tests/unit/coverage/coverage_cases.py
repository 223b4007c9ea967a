"""Worlds of one person, for cases worked by hand."""

from __future__ import annotations

import datetime as dt
from typing import Any

import duckdb
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
    with connection(together(worlds)) as con:
        settings = Settings(coverage=CoverageSettings(**parameters))
        coverage.run_with_links(con, settings, period, "linkage.person_links", "temp")
        rows = con.execute("SELECT * FROM temp.workers").fetchall()
        names = [column[0] for column in con.description or []]
    found = {row[names.index("person_key")]: dict(zip(names, row, strict=True)) for row in rows}
    assert len(found) == len(rows)
    return [found.get(number + 1, {}) for number in range(len(worlds))]


def worker(world: World, period: str = PERIOD, **parameters: Any) -> Row:
    """Give the one worker of a world, empty where there is none."""
    return workers([world], period, **parameters)[0]
