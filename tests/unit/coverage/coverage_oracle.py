"""The coverage definitions once more, in plain slow Python, written from the definitions' text.

Nothing here looks at the SQL: persons are walked one by one. Counts of persons are whole
millionths (ppm), like the published decimals.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Any

from coverage_world import Row, World

from warehouse.connection import last_day

ONE = 1_000_000
NOT_KNOWN = "Tidak diketahui"


@dataclass(frozen=True)
class Rules:
    """The parameters of the definitions."""

    arrears: int = 3
    pppk_is_civil: bool = True
    certain: int = 990_000
    min_register: float = 0.9


@dataclass
class Worker:
    """A worker with place, sector, segment and chances."""

    key: int
    sign: str
    domicile: str
    workplace: str
    sector: str
    segment: str
    sex: str
    band: str
    eligible: bool
    active: int
    inactive: int
    low: bool
    high: bool

    @property
    def unregistered(self) -> int:
        return ONE - self.active - self.inactive

    @property
    def room(self) -> int:
        return 0 if self.high else ONE


def plain(text: str | None) -> str:
    return re.sub(r"[^A-Z0-9]+", " ", (text or "").upper()).strip()


def bare_name(text: str | None) -> str:
    decomposed = unicodedata.normalize("NFD", text or "")
    return plain("".join(c for c in decomposed if not unicodedata.combining(c)))


def place(code: str | None) -> str | None:
    return code if code and code != "0000" else None


def apportion(total: int, weights: dict[Any, int]) -> dict[Any, int]:
    """Split a whole number by weights, largest remainders first, ties by key."""
    everything = sum(weights.values())
    if everything == 0:
        return dict.fromkeys(weights, 0)
    shares = {key: total * weight // everything for key, weight in weights.items()}
    by_remainder = sorted(weights, key=lambda k: (-(total * weights[k] % everything), k))
    for key in by_remainder[: total - sum(shares.values())]:
        shares[key] += 1
    return shares


class Persons:
    """The workers of one world, and the people behind cards that reached nobody."""

    def __init__(self, world: World, period: str, rules: Rules | None = None) -> None:
        self.world = world
        self.period = period
        self.as_of = last_day(period)
        self.rules = rules or Rules()
        self.datasets = {row["dataset"]: row for row in world["reference.datasets"]}
        self.links = {
            (row["dataset"], row["record_id"]): row
            for row in world["linkage.person_links"]
            if row["period"] == period
        }
        self.people = {
            row["person_key"]: row for row in world["spine.persons"] if row["period"] == period
        }
        self.occupations: dict[str, Row] = {}
        for row in sorted(world["reference.occupations"], key=lambda r: r["occupation"]):
            for spelling in (row["occupation"], *row["spellings"]):
                self.occupations.setdefault(plain(spelling), row)
        employers = {
            row["employer_key"]: row for row in world["spine.employers"] if row["period"] == period
        }
        self.employers = {
            (row["kind"], row["identifier"]): (
                (place(row["region_code"]) if row["kind"] in ("npp", "npwp") else None)
                or place(employers[row["employer_key"]]["region_code"]),
                employers[row["employer_key"]]["sector_code"] or "X",
            )
            for row in world["linkage.employer_identifiers"]
            if row["period"] == period
        }
        self._gather()
        self.workers = [w for key in self.people if (w := self._worker(key)) is not None]
        self.by_key = {worker.key: worker for worker in self.workers}

    # --- records and their links -------------------------------------------------------------

    def link(self, record: Row) -> Row:
        return self.links.get((record["dataset"], record["record_id"]), {"status": None})

    def certain(self, link: Row) -> bool:
        return link["status"] == "linked" and (
            link.get("tier") == "identifier"
            or (link.get("probability_ppm") or 0) >= self.rules.certain
        )

    def ppm(self, link: Row) -> int:
        return ONE if self.certain(link) else link.get("probability_ppm") or 0

    def age(self, birth_date: Any) -> int | None:
        if birth_date is None:
            return None
        before = (self.as_of.month, self.as_of.day) < (birth_date.month, birth_date.day)
        return self.as_of.year - birth_date.year - int(before)

    def of_working_age(self, birth_date: Any) -> bool:
        age = self.age(birth_date)
        return age is not None and 15 <= age <= 64

    def state(self, card: Row) -> str:
        if card.get("registered_on") and card["registered_on"] > self.as_of:
            return "not yet"
        ended = card.get("ended_on") and card["ended_on"] <= self.as_of
        paid = card.get("last_paid_period")
        if ended or not paid:
            return "inactive"
        months = (int(self.period[:4]) - int(paid[:4])) * 12 + int(self.period[5:]) - int(paid[5:])
        return "active" if months <= self.rules.arrears else "inactive"

    @staticmethod
    def segment(card: Row) -> str:
        return card.get("segment") or ("PU" if card.get("npp") else "BPU")

    def _gather(self) -> None:
        self.cards: dict[int, list[Row]] = defaultdict(list)
        self.jobs: dict[int, list[Row]] = defaultdict(list)
        self.listings: dict[int, list[Row]] = defaultdict(list)
        self.owned: dict[int, list[Row]] = defaultdict(list)
        for card in self.world["in_membership"]:
            if self.link(card)["status"] in ("linked", "review"):
                self.cards[self.link(card)["person_key"]].append(card)
        for name, into in (
            ("in_employment", self.jobs),
            ("in_roster", self.listings),
            ("in_ownership", self.owned),
        ):
            for record in self.world[name]:
                if self.link(record)["status"] != "linked":
                    continue
                if name == "in_employment" and not self._open(record):
                    continue
                into[self.link(record)["person_key"]].append(record)

    def _open(self, job: Row) -> bool:
        started, ended = job.get("started_on"), job.get("ended_on")
        return (started is None or started <= self.as_of) and (ended is None or ended > self.as_of)

    # --- one person --------------------------------------------------------------------------

    def _worker(self, key: int) -> Worker | None:
        person = self.people[key]
        if person.get("life_status") == "meninggal" or not self.of_working_age(
            person.get("birth_date")
        ):
            return None
        jobs, listings, owned = self.jobs[key], self.listings[key], self.owned[key]
        active = [card for card in self.cards[key] if self.state(card) == "active"]
        inactive = [card for card in self.cards[key] if self.state(card) == "inactive"]
        accepted = [card for card in active if self.link(card)["status"] == "linked"]
        npps = sorted(c["npp"] for c in accepted if self.segment(c) == "PU" and c.get("npp"))
        spoken = plain(person.get("occupation"))
        occupation = self.occupations.get(spoken, {"is_working": True})
        works = spoken != "" and occupation["is_working"]
        sign = next(
            (
                name
                for name, holds in (
                    ("employment", jobs),
                    ("card", npps),
                    ("roster", listings),
                    ("ownership", owned),
                    ("occupation", works),
                    ("membership", accepted),
                )
                if holds
            ),
            None,
        )
        if sign is None:
            return None

        region, sector = None, "X"
        if sign == "employment":
            region, sector = self._main_job(jobs)
        elif sign == "card":
            region, sector = self.employers.get(("npp", npps[0]), (None, "X"))
        else:
            sector = self._sector_without_employer(listings, owned, occupation, accepted)

        statuses = {
            re.sub("[^A-Z0-9]", "", (r.get("employment_status") or "").upper())
            for r in (*jobs, *listings)
        }
        pppk = bool(statuses & {"PPPK", "P3K"}) or occupation.get("occupation") == "PPPK"
        civil = bool(statuses & {"PNS", "CPNS", "PEGAWAINEGERISIPIL", "TNI", "POLRI"}) or (
            bool(occupation.get("civil_servant")) and occupation["occupation"] != "PPPK"
        )
        best = max((self.ppm(self.link(card)) for card in active), default=0)
        second = max((self.ppm(self.link(card)) for card in inactive), default=0)
        domicile = place(person.get("region_code")) or "0000"
        age = self.age(person["birth_date"]) or 0
        return Worker(
            key=key,
            sign=sign,
            domicile=domicile,
            workplace=region or domicile,
            sector=sector,
            segment=self._segment(sign, sector, active, inactive, listings),
            sex=person.get("sex") or "X",
            band=next(
                band
                for limit, band in (
                    (24, "15-24"), (34, "25-34"), (44, "35-44"), (54, "45-54"), (64, "55-64")
                )
                if age <= limit
            ),
            eligible=not civil and not (pppk and self.rules.pppk_is_civil),
            active=best,
            inactive=(ONE - best) * second // ONE,
            low=any(self.certain(self.link(card)) for card in active),
            high=bool(active),
        )  # fmt: skip

    def _main_job(self, jobs: list[Row]) -> tuple[str | None, str]:
        def order(job: Row) -> tuple[Any, ...]:
            wage, npwp = job.get("monthly_wage"), job.get("employer_npwp")
            return (wage is None, -(wage or 0), npwp is None, npwp or "", job["record_id"],
                    job["dataset"])  # fmt: skip

        main = min(jobs, key=order)
        npwp, nib = main.get("employer_npwp"), main.get("employer_nib")
        root = npwp[:10] if npwp and npwp.startswith("0") else npwp
        for key in (("npwp", npwp), ("npwp_root", root), ("nib", nib)):
            if key in self.employers:
                region, sector = self.employers[key]
                return region, sector if sector != "X" else main.get("sector_code") or "X"
        return None, main.get("sector_code") or "X"

    def _sector_without_employer(
        self, listings: list[Row], owned: list[Row], occupation: Row, accepted: list[Row]
    ) -> str:
        def order(record: Row) -> tuple[Any, ...]:
            fixed = self.datasets[record["dataset"]]["sector_code"]
            sector = fixed or record.get("sector_code")
            return sector is None, fixed is None, record["dataset"], record["record_id"]

        for records in (listings, owned):
            for record in sorted(records, key=order)[:1]:
                sector = self.datasets[record["dataset"]]["sector_code"] or record["sector_code"]
                if sector:
                    return sector
        if occupation.get("sector_code") not in (None, "X"):
            return occupation["sector_code"]
        return "F" if any(self.segment(card) == "JAKON" for card in accepted) else "X"

    def _segment(
        self, sign: str, sector: str, active: list[Row], inactive: list[Row], listings: list[Row]
    ) -> str:
        def order(card: Row) -> tuple[Any, ...]:
            rank = ("PU", "BPU", "JAKON", "PMI").index(self.segment(card))
            return -self.ppm(self.link(card)), rank, card["record_id"], card["dataset"]

        for cards in (active, inactive):
            if cards:
                return self.segment(min(cards, key=order))
        if sign == "employment":
            return "PU"
        if sector == "F":
            return "JAKON"
        lists = [self.datasets[record["dataset"]]["clauses"] for record in listings]
        return "PMI" if any("2.3.d" in clauses for clauses in lists) else "BPU"

    # --- the upper bound ---------------------------------------------------------------------

    def apparent(self, card: Row) -> tuple[Any, ...]:
        """Who a card appears to belong to."""
        if card.get("nik"):
            return ("nik", card["nik"])
        if bare_name(card.get("full_name")):
            return ("name", bare_name(card["full_name"]), card.get("birth_date"))
        return ("card", card["dataset"], card["record_id"])

    def npp_place(self, card: Row) -> str | None:
        return self.employers.get(("npp", card.get("npp")), (None, None))[0]

    def unmatched(self) -> list[tuple[str | None, str | None]]:
        """Domicile and workplace of every distinct person behind cards that reached nobody."""
        people: dict[Any, tuple[list[str], list[str]]] = defaultdict(lambda: ([], []))
        for card in sorted(self.world["in_membership"], key=lambda c: c["record_id"]):
            born = card.get("birth_date")
            if (
                self.state(card) != "active"
                or self.link(card)["status"] in ("linked", "review")
                or (born is not None and not self.of_working_age(born))
            ):
                continue
            domiciles, workplaces = people[self.apparent(card)]
            home = place(card.get("region_code"))
            domiciles += [home] if home else []
            work = self.npp_place(card) or home
            workplaces += [work] if work else []
        return [(d[0] if d else None, w[0] if w else None) for d, w in people.values()]

    def unmatched_by_cell(self, basis: str, workers: list[Worker]) -> dict[tuple[str, str], int]:
        """Unmatched people by regency and sector, never beyond the workers of a cell."""
        unregistered: Counter[tuple[str, str]] = Counter()
        room: Counter[tuple[str, str]] = Counter()
        for worker in workers:
            cell = (getattr(worker, basis), worker.sector)
            unregistered[cell] += worker.unregistered
            room[cell] += worker.room
        shares: Counter[tuple[str, str]] = Counter()
        regions = Counter(person[basis == "workplace"] for person in self.unmatched())
        for region, number in regions.items():
            weights = {
                cell: weight
                for cell, weight in unregistered.items()
                if weight and region in (None, cell[0])
            }
            if weights:
                shares.update(apportion(number * ONE, weights))
        return {cell: min(share, room[cell]) for cell, share in shares.items()}
