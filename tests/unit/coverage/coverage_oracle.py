"""The coverage definitions once more, in plain slow Python, written from the definitions' text.

Nothing here looks at the SQL: persons are walked one by one. Counts of persons are whole
millionths (ppm), like the published decimals.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
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


class Oracle:
    """The definitions applied to one world."""

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
            re.sub("[^A-Z]", "", (r.get("employment_status") or "").upper())
            for r in (*jobs, *listings)
        }
        pppk = "PPPK" in statuses or occupation.get("occupation") == "PPPK"
        civil = bool(statuses & {"PNS", "TNI", "POLRI"}) or (
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

    # --- published tables --------------------------------------------------------------------

    def cells(self, basis: str, denominator: str) -> dict[tuple[str, ...], list[int]]:
        """Figures by regency, sector, segment, sex, age band."""
        workers = [w for w in self.workers if denominator == "employed" or w.eligible]
        cells: dict[tuple[str, ...], list[int]] = defaultdict(lambda: [0] * 6)
        room: Counter[tuple[str, ...]] = Counter()
        for w in workers:
            cell = (getattr(w, basis), w.sector, w.segment, w.sex, w.band)
            figures = (1, w.active, w.inactive, w.unregistered, ONE * w.low, ONE * w.high)
            cells[cell] = [a + b for a, b in zip(cells[cell], figures, strict=True)]
            room[cell] += w.room
        for place_sector, share in self.unmatched_by_cell(basis, workers).items():
            parts = {cell: room[cell] for cell in cells if cell[:2] == place_sector}
            for cell, part in apportion(share, parts).items():
                cells[cell][5] += part
        return cells

    def coverage(self, level: str) -> dict[tuple[Any, ...], tuple[Any, ...]]:
        """A coverage table: figures by (basis, denominator, *grain)."""
        grains: dict[str, Callable[[tuple[str, ...]], tuple[str, ...]]] = {
            "sector_region": lambda c: (c[0][:2], c[0], c[1]),
            "regency": lambda c: (c[0][:2], c[0]),
            "province": lambda c: (c[0][:2],),
            "sector": lambda c: (c[1],),
            "national": lambda _: (),
            "segment": lambda c: (c[0][:2], *c[2:]),
        }
        table: dict[tuple[Any, ...], tuple[Any, ...]] = {}
        for basis in ("domicile", "workplace"):
            for denominator in ("eligible", "employed"):
                sums: dict[tuple[str, ...], list[int]] = defaultdict(lambda: [0] * 6)
                for cell, figures in self.cells(basis, denominator).items():
                    grain = grains[level](cell)
                    sums[grain] = [a + b for a, b in zip(sums[grain], figures, strict=True)]
                for grain, figures in sums.items():
                    table[(basis, denominator, *grain)] = measures(*figures)
                    employed = self.survey(level, grain)
                    if (basis, denominator) == ("domicile", "employed") and employed is not None:
                        left = employed * ONE - figures[1] - figures[2]
                        table[(basis, "sakernas", *grain)] = measures(
                            employed, figures[1], figures[2], left, *figures[4:]
                        )
        return table

    def survey(self, level: str, grain: tuple[str, ...]) -> int | None:
        """Employed persons of the newest survey by the period, where it knows the cell."""
        known: dict[tuple[Any, ...], int] = {}
        for row in sorted(self.world["reference.sakernas"], key=lambda r: r["survey_period"]):
            if row["survey_period"] <= self.period:
                cell = (row["province_code"], row["regency_code"], row["sector_code"])
                known[cell] = row["employed"]
        national = known.get((None, None, None))
        by_province = [n for (p, g, s), n in known.items() if p and not g and not s]
        by_sector = [n for (p, g, s), n in known.items() if not p and not g and s]
        if national is None:
            national = sum(by_province) if by_province else sum(by_sector) if by_sector else None
        register = sum(
            person.get("life_status") != "meninggal" and self.of_working_age(person["birth_date"])
            for person in self.people.values()
        )
        if national is None or register < national * self.rules.min_register:
            return None
        for (province, regency, sector), employed in known.items():
            if (
                (level == "national" and (province, regency, sector) == (None, None, None))
                or (level == "sector" and (province, regency, sector) == (None, None, *grain))
                or (level == "province" and (province, regency, sector) == (*grain, None, None))
                or (level == "regency" and (regency, sector) == (grain[1], None))
                or (level == "sector_region" and (regency, sector) == grain[1:])
            ):
                return employed
        return None

    def gap_by_instruction(self) -> dict[tuple[Any, ...], tuple[Any, ...]]:
        eligible = [w for w in self.workers if w.eligible]
        extra = self.unmatched_by_cell("domicile", eligible)
        room: Counter[tuple[str, str]] = Counter()
        for w in eligible:
            room[w.domicile, w.sector] += w.room
        records: Counter[tuple[str, str, str]] = Counter()
        persons: dict[tuple[str, str], set[int]] = defaultdict(set)
        for name in ("in_employment", "in_roster", "in_ownership"):
            for record in self.world[name]:
                link = self.link(record)
                status = link["status"] if link["status"] in ("linked", "review") else "unlinked"
                home = place(record.get("region_code")) or "0000"
                if status == "linked" and link["person_key"] in self.people:
                    home = place(self.people[link["person_key"]]["region_code"]) or "0000"
                cell = (record["dataset"], home[:2])
                records[*cell, status] += 1
                worker = self.by_key.get(link.get("person_key"))
                if status == "linked" and worker is not None and worker.eligible:
                    persons[cell].add(worker.key)
        table = {}
        for dataset, province in {cell[:2] for cell in records}:
            listed = [self.by_key[key] for key in persons[dataset, province]]
            own_room: Counter[tuple[str, str]] = Counter()
            for w in listed:
                own_room[w.domicile, w.sector] += w.room
            high = sum(ONE * w.high for w in listed) + sum(
                extra.get(cell, 0) * mine // room[cell] for cell, mine in own_room.items() if mine
            )
            counts = [records[dataset, province, s] for s in ("linked", "review", "unlinked")]
            figures = measures(
                len(listed),
                sum(w.active for w in listed),
                sum(w.inactive for w in listed),
                sum(w.unregistered for w in listed),
                sum(ONE * w.low for w in listed),
                high,
            )
            for clause in self.datasets[dataset]["clauses"]:
                table[clause, dataset, province] = (sum(counts), *counts, *figures)
        return table

    def sensitivity(self) -> dict[tuple[str, str], tuple[Any, ...]]:
        """Each scenario is the whole world anew, under other rules or other links."""
        certain = {
            **self.world,
            "linkage.person_links": [link for link in self.links.values() if self.certain(link)],
        }
        scenarios = {
            "arrears_0": (self.world, replace(self.rules, arrears=0)),
            "arrears_3": (self.world, replace(self.rules, arrears=3)),
            "arrears_6": (self.world, replace(self.rules, arrears=6)),
            "pppk_eligible": (self.world, replace(self.rules, pppk_is_civil=False)),
            "pppk_civil_servant": (self.world, replace(self.rules, pppk_is_civil=True)),
            "certain_links": (certain, self.rules),
        }
        table = {}
        for scenario, (world, rules) in scenarios.items():
            workers: Counter[str] = Counter()
            active: Counter[str] = Counter()
            for w in Oracle(world, self.period, rules).workers:
                if w.eligible:
                    workers[w.domicile[:2]] += 1
                    active[w.domicile[:2]] += w.active
            for province, number in workers.items():
                table[province, scenario] = (
                    number, active[province], active[province] / (number * ONE)
                )  # fmt: skip
        return table

    # --- quality -----------------------------------------------------------------------------

    def bridge(self) -> dict[tuple[Any, ...], int]:
        table: Counter[tuple[Any, ...]] = Counter()

        def add(step_no: int, step: str, segment: str, region: str | None, ppm: int) -> None:
            table["province", (region or "0000")[:2], step_no, step, segment] += ppm
            table["national", None, step_no, step, segment] += ppm

        behind: dict[Any, list[str]] = defaultdict(list)
        for card in sorted(self.world["in_membership"], key=lambda c: c["record_id"]):
            if self.state(card) != "active":
                continue
            region = place(card.get("region_code")) or self.npp_place(card)
            add(1, "active_cards", self.segment(card), region, ONE)
            add(1, "active_cards", "ALL", region, ONE)
            link = self.link(card)
            linked = link["status"] in ("linked", "review")
            who = link["person_key"] if linked else self.apparent(card)
            behind[who] += [region] if region else []
        for who, regions in behind.items():
            add(2, "distinct_people", "ALL", regions[0] if regions else None, ONE)
            if who not in self.people:
                continue
            add(3, "found_in_register", "ALL", regions[0] if regions else None, ONE)
            person = self.people[who]
            home = place(person["region_code"])
            add(4, "by_domicile", "ALL", home, ONE)
            if person["life_status"] == "meninggal":
                continue
            add(5, "alive", "ALL", home, ONE)
            if not self.of_working_age(person["birth_date"]):
                continue
            add(6, "aged_15_64", "ALL", home, ONE)
            if who in self.by_key and self.by_key[who].eligible:
                add(7, "eligible", "ALL", home, ONE)
        for w in self.workers:
            if w.eligible:
                add(8, "active_here", "ALL", w.domicile, w.active)
        return dict(table)

    def person_records(self) -> Iterable[tuple[str, Row]]:
        for kind in ("membership", "employment", "roster", "ownership"):
            for record in self.world[f"in_{kind}"]:
                yield kind, record

    def evidence(self, kind: str, record: Row) -> tuple[str, str, float, dict[str, str]]:
        """Status, reason, chance to be a true match, and the groups a record stands in."""
        link = self.link(record)
        status = link["status"] or "unlinked"
        reason = link.get("reason") or "never_compared"
        chance = 0.0
        if status == "linked" and link.get("tier") == "identifier":
            chance = 1.0
        elif status in ("linked", "review"):
            chance = (link.get("probability_ppm") or 0) / 1e6
        elif reason == "best_candidate_below_threshold":
            chance = (link.get("best_candidate_ppm") or 0) / 1e6
        linked = link.get("person_key") if status == "linked" else None
        home = (
            place(self.people[linked]["region_code"]) or "0000" if linked in self.people else None
        )
        sector = self.by_key[linked].sector if linked in self.by_key else None
        sector = sector or self.datasets[record["dataset"]]["sector_code"]
        if kind == "roster":
            sector = sector or record.get("sector_code")
        words = plain(record.get("full_name")).split()
        if not words:
            shape = "unknown"
        elif any(len(word) == 1 and word.isalpha() for word in words):
            shape = "with_initials"
        else:
            shape = {1: "mononym", 2: "two"}.get(len(words), "three_or_more")
        born = record.get("birth_date")
        return status, reason, chance, {
            "province": (home or place(record.get("region_code")) or "0000")[:2],
            "sector": sector or "X",
            "sex": record.get("sex") or "X",
            "birth_decade": str(born.year // 10 * 10) if born else "unknown",
            "name_shape": shape,
            "all": "ALL",
        }  # fmt: skip

    def linkage_quality(self) -> dict[tuple[str, str, str], tuple[Any, ...]]:
        groups: dict[tuple[str, str, str], list[tuple[Row, str, str, float]]] = defaultdict(list)
        for kind, record in self.person_records():
            status, reason, chance, dimensions = self.evidence(kind, record)
            for dimension, category in dimensions.items():
                for dataset in (record["dataset"], "ALL"):
                    groups[dataset, dimension, category].append(
                        (self.link(record), status, reason, chance)
                    )
        table = {}
        for group, records in groups.items():
            right = [chance for _, status, _, chance in records if status == "linked"]
            missed = [chance for _, status, _, chance in records if status != "linked"]
            tiers = Counter(link["tier"] for link, status, _, _ in records if status == "linked")
            counts = (
                len(records), len(right), tiers["identifier"], tiers["model"], tiers["decision"],
                sum(status == "review" for _, status, _, _ in records),
                sum(status == "unlinked" for _, status, _, _ in records),
                sum(s == "unlinked" and reason == "never_compared" for _, s, reason, _ in records),
            )  # fmt: skip
            precision = interval(sum(right), right, len(right))
            recall = interval(sum(right), missed, sum(right) + sum(missed))
            table[group] = (*counts, *precision, *recall)
        return table

    def unlinked_reasons(self) -> dict[tuple[str, str, str], int]:
        table: Counter[tuple[str, str, str]] = Counter()
        for kind, record in self.person_records():
            status, reason, _, dimensions = self.evidence(kind, record)
            if status == "unlinked":
                table[record["dataset"], dimensions["province"], reason] += 1
        return dict(table)


def interval(right: float, uncertain: list[float], over: float) -> tuple[float | None, ...]:
    """Estimate with a 95 % interval: the sum of independent chances, normal approximation."""
    if not over:
        return None, None, None
    margin = 1.96 * sum(c * (1 - c) for c in uncertain) ** 0.5 / over
    return right / over, max(right / over - margin, 0), min(right / over + margin, 1)


def measures(
    workers: int, active: int, inactive: int, unregistered: int, low: int, high: int
) -> tuple[Any, ...]:
    """The measures of every coverage table, in their order."""
    people = workers * ONE

    def rate(ppm: int) -> float | None:
        return ppm / people if workers > 0 else None

    return (
        workers, active, inactive, unregistered, people - active, rate(active), low, high,
        people - high, people - low, rate(low), rate(high),
    )  # fmt: skip
