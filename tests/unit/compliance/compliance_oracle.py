"""The rules of employer compliance once more, in plain slow Python, from their text alone.

Nothing here looks at the SQL: records are walked one by one. Amounts are exact fractions until
they are rounded to a whole rupiah, half a rupiah up.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from compliance_world import DATASETS, Row, World

from warehouse.connection import last_day

FLAGS = ("PWBD", "PDS_TK", "PDS_UPAH", "PDS_PROGRAM", "ARREARS")
OBLIGED = {
    "mikro": ["JKK", "JKM"],
    "kecil": ["JKK", "JKM", "JHT"],
    "menengah": ["JKK", "JKM", "JHT", "JP"],
    "besar": ["JKK", "JKM", "JHT", "JP"],
}
CEILING = 11_086_300
"""Of JP, from March 2026."""


@dataclass(frozen=True)
class Facts:
    """What the reference tables say: minimum wages by region, JKK rates by division."""

    minimum: dict[str, int]
    jkk: dict[str, Fraction]

    def wage(self, region: str | None) -> int | None:
        """Give the regency's minimum wage, else the province's."""
        if not region or region == "0000":
            return None
        return self.minimum.get(region, self.minimum.get(region[:2]))


@dataclass
class Person:
    """Somebody known to work for an employer."""

    records: list[Row] = field(default_factory=list)

    def wage(self, tax: bool, certain: bool = False) -> int | None:
        wages = [
            r["wage"] for r in self.records
            if r["wage"] and (tax or not r["tax"]) and (r["certain"] or not certain)
        ]  # fmt: skip
        return max(wages, default=None)


def plain(text: str | None) -> str:
    decomposed = unicodedata.normalize("NFD", text or "")
    bare = "".join(c for c in decomposed if not unicodedata.combining(c))
    return re.sub(r"[^A-Z0-9]+", " ", bare.upper()).strip()


class Oracle:
    """Answers for one world and period.

    Attributes:
        employers: what is known of every employer, by key and whether tax data counts.
    """

    def __init__(self, world: World, period: str, facts: Facts) -> None:
        self.world, self.period, self.facts = world, period, facts
        self.as_of = last_day(period)
        self.month = int(period[:4]) * 12 + int(period[5:])
        self.links = {
            (link["dataset"], link["record_id"]): link for link in world["linkage.person_links"]
        }
        self.led = {(i["kind"], i["identifier"]): i for i in world["linkage.employer_identifiers"]}
        self.spine = {row["employer_key"]: row for row in world["spine.employers"]}
        self.persons = {row["person_key"]: row for row in world["spine.persons"]}
        self.registers: dict[int, list[Row]] = defaultdict(list)
        owned: dict[tuple[str, str], int] = {}
        for link in world["linkage.employer_links"]:
            owned[link["dataset"], link["record_id"]] = link["employer_key"]
        self.employer_link = {
            (link["dataset"], link["record_id"]): link for link in world["linkage.employer_links"]
        }
        self.owned = owned
        for row in world["in_employers"]:
            self.registers[owned[row["dataset"], row["record_id"]]].append(row)
        self.owners: dict[int, set[Any]] = defaultdict(set)
        self._read_owners()
        self.known: dict[int, dict[Any, Person]] = defaultdict(dict)
        self.upper_wages: dict[tuple[int, Any], list[Row]] = defaultdict(list)
        self._read_lists()
        self.npps: dict[int, list[Row]] = defaultdict(list)
        self._read_npps()
        self.cards: dict[int, dict[Any, list[Row]]] = defaultdict(lambda: defaultdict(list))
        self._read_cards()
        self.employers = {
            (key, tax): self._judge(key, tax)
            for key in {*self.known, *self.npps, *self._counted()}
            for tax in (True, False)
        }

    # --- reading -------------------------------------------------------------------------

    def _accepted(self, row: Row) -> Row | None:
        link = self.links.get((row["dataset"], row["record_id"]))
        return link if link and link["status"] == "linked" else None

    def _certain(self, row: Row) -> bool:
        link = self._accepted(row)
        return bool(
            link and (link["tier"] == "identifier" or (link["probability_ppm"] or 0) >= 990_000)
        )

    def _apparent(self, row: Row) -> Any:
        if row.get("nik"):
            return "nik", row["nik"]
        if plain(row.get("full_name")):
            return "name", plain(row["full_name"]), row.get("birth_date")
        return "record", row["dataset"], row["record_id"]

    def _identity(self, row: Row) -> Any:
        link = self._accepted(row)
        return ("person", link["person_key"]) if link else self._apparent(row)

    def _upper_identity(self, row: Row) -> Any:
        link = self.links.get((row["dataset"], row["record_id"]))
        if link and link["status"] in ("linked", "review") and link["person_key"] is not None:
            return "person", link["person_key"]
        return self._apparent(row)

    def _read_owners(self) -> None:
        for row in self.world["in_ownership"]:
            key = self.owned[row["dataset"], row["record_id"]]
            if self._accepted(row):
                self.owners[key].add(self._identity(row))
            elif plain(row.get("full_name")):
                self.owners[key].add(("called", plain(row["full_name"])))
            if row.get("nik"):
                self.owners[key].add(("nik", row["nik"]))

    def _leads(self, npwp: str | None, nib: str | None) -> int | None:
        root = npwp[:10] if npwp and npwp.startswith("0") else npwp
        for place in (("npwp", npwp), ("npwp_root", root), ("nib", nib)):
            if place in self.led:
                return int(self.led[place]["employer_key"])
        return None

    def _civil(self, row: Row) -> bool:
        status = re.sub("[^A-Z0-9]", "", (row.get("employment_status") or "").upper())
        if status:
            return status in ("PNS", "CPNS", "PEGAWAINEGERISIPIL", "TNI", "POLRI", "PPPK", "P3K")
        link = self._accepted(row)
        person = self.persons.get(link["person_key"], {}) if link else {}
        return person.get("occupation") == "PEGAWAI NEGERI SIPIL"

    def _read_lists(self) -> None:
        rows = [
            r for r in self.world["in_employment"]
            if (r.get("started_on") is None or r["started_on"] <= self.as_of)
            and (r.get("ended_on") is None or r["ended_on"] > self.as_of)
        ]  # fmt: skip
        civil = set()
        for row in rows + self.world["in_roster"]:
            key = self._leads(row.get("employer_npwp"), row.get("employer_nib"))
            link = self._accepted(row)
            dead = (
                link and self.persons.get(link["person_key"], {}).get("life_status") == "meninggal"
            )
            if key is None or dead:
                continue
            record = {
                "tax": "2.9" in DATASETS[row["dataset"]][1],
                "employment": DATASETS[row["dataset"]][0] == "employment",
                "wage": row.get("monthly_wage") or None,
                "certain": self._certain(row),
                "accepted": link is not None,
            }
            if not self._civil(row):
                self.upper_wages[key, self._upper_identity(row)].append(record)
            identity = self._identity(row)
            called = ("called", plain(row.get("full_name")))
            if identity in self.owners[key] or called in self.owners[key]:
                continue
            self.known[key].setdefault(identity, Person()).records.append(record)
            if self._civil(row):
                civil.add((key, identity))
        for key, identity in civil:
            del self.known[key][identity]

    def _months(self, paid: str | None) -> int | None:
        return self.month - int(paid[:4]) * 12 - int(paid[5:]) if paid else None

    def _read_npps(self) -> None:
        for row in self.world["in_employers"]:
            place = self.led.get(("npp", row.get("npp")))
            begun = row.get("registered_on")
            if place is None or (begun is not None and begun > self.as_of):
                continue
            key = place["employer_key"]
            link = self.employer_link[row["dataset"], row["record_id"]]
            open_ = row.get("status") != "nonaktif"
            months = self._months(row.get("last_paid_period"))
            obliged = OBLIGED.get(self.spine[key]["scale"] or "")
            enrolled = row.get("programmes")
            lacking = []
            if open_ and obliged and enrolled is not None:
                lacking = [p for p in obliged if p not in enrolled]
            late = self.month - begun.year * 12 - begun.month > 3 if begun else False
            self.npps[key].append(
                {
                    "npp": row["npp"], "open": open_, "lacking": lacking, "enrolled": enrolled,
                    "late": open_ and months is not None and months > 3,
                    "never": open_ and months is None and late,
                    "certain": link["tier"] != "model" or link["probability_ppm"] >= 990_000,
                }
            )  # fmt: skip

    def _read_cards(self) -> None:
        for row in self.world["in_membership"]:
            place = self.led.get(("npp", row.get("npp")))
            months = self._months(row.get("last_paid_period"))
            if place is None or row.get("segment") not in ("PU", None):
                continue
            if months is None or months > 3 or (row.get("ended_on") or self.as_of) < self.as_of:
                continue
            if row.get("ended_on") == self.as_of:
                continue
            region = place["region_code"]
            if not region or region == "0000":
                region = self.spine[place["employer_key"]]["region_code"]
            self.cards[place["employer_key"]][self._identity(row)].append(
                {**row, "certain": self._certain(row), "upper": self._upper_identity(row),
                 "region": region}
            )  # fmt: skip

    def _counted(self) -> set[int]:
        return {key for key in self.registers if self._register(key, True)}

    def _register(self, key: int, tax: bool) -> int:
        return max(
            (
                row.get("workers") or 0
                for row in self.registers[key]
                if row.get("status") != "nonaktif"
                and (tax or "2.9" not in DATASETS[row["dataset"]][1])
            ),
            default=0,
        )

    # --- judging -------------------------------------------------------------------------

    def _judge(self, key: int, tax: bool) -> Row:
        known = {
            identity: person for identity, person in self.known[key].items()
            if tax or any(not r["tax"] for r in person.records)
        }  # fmt: skip
        npps, cards = self.npps[key], self.cards[key]
        counted = [[r for r in p.records if tax or not r["tax"]] for p in known.values()]
        certain = sum(any(r["certain"] for r in records) for records in counted)
        upper = sum(
            1 if any(r["accepted"] for r in person.records) else len(records)
            for person, records in zip(known.values(), counted, strict=True)
        )
        employed = [records for records in counted if any(r["employment"] for r in records)]
        sure = [r for r in employed if any(x["employment"] and x["certain"] for x in r)]
        register = self._register(key, tax)
        all_sure = all(
            self.employer_link[row["dataset"], row["record_id"]]["tier"] == "identifier"
            or self.employer_link[row["dataset"], row["record_id"]]["probability_ppm"] >= 990_000
            for row in self.registers[key]
        ) and bool(self.registers[key])
        wages = [self._wage(key, who, held, known, tax) for who, held in cards.items()]

        def short(count: int) -> bool:
            return Fraction(count - len(cards)) > max(Fraction(2), Fraction(count, 20))

        works, some = bool(employed) or register > 0, bool(npps)
        flags = {
            "PWBD": (
                not some and works and all_sure and (bool(sure) or register > 0),
                not some and works,
                works and not any(n["certain"] for n in npps),
            ),
            "PDS_TK": (
                some and short(len(known)) and all_sure and all(n["certain"] for n in npps)
                and short(certain),
                some and short(len(known)),
                some and short(upper),
            ),
            "PDS_UPAH": tuple(
                any(w[level] for w in wages) for level in ("under_certain", "under", "under_upper")
            ),
            "PDS_PROGRAM": (
                all_sure and any(n["lacking"] and n["certain"] for n in npps),
                any(n["lacking"] for n in npps),
                any(n["lacking"] for n in npps),
            ),
            "ARREARS": (
                any(n["late"] and n["certain"] for n in npps),
                any(n["late"] for n in npps),
                any(n["late"] or n["never"] for n in npps),
            ),
        }  # fmt: skip
        missing = 0
        if flags["PWBD"][1]:
            missing = max(len(known), register)
        elif flags["PDS_TK"][1]:
            missing = len(known) - len(cards)
        levels = [[flag for flag in FLAGS if flags[flag][level]] for level in range(3)]
        return {
            "known": len(known), "certain": certain, "upper": upper, "register": register,
            "participants": len(cards), "npps": len(npps),
            "flags_certain": levels[0], "flags": levels[1], "flags_upper": levels[2],
            "missing": missing,
            "under": sum(w["under"] for w in wages),
            "missing_wage": sum(w["due"] - w["reported"] for w in wages if w["under"]),
            "money": self._money(key, tax, known, wages, levels[1], missing, register),
        }  # fmt: skip

    def _wage(
        self, key: int, who: Any, held: list[Row], known: dict[Any, Person], tax: bool
    ) -> Row:
        card = min(
            held,
            key=lambda c: (c["reported_wage"] is None, -(c["reported_wage"] or 0), c["npp"],
                           c["record_id"]),
        )  # fmt: skip
        npp = next((n for n in self.npps[key] if n["npp"] == card["npp"]), None)
        scale = self.spine[key]["scale"]
        reported, minimum = card["reported_wage"], self.facts.wage(card["region"])
        person = known.get(who, Person())
        listed = person.wage(tax)

        def low(wage: int | None) -> bool:
            return reported is not None and wage is not None and reported * 100 < wage * 95

        upper = Person(self.upper_wages.get((key, card["upper"]), [])).wage(tax)
        floor = (
            scale in ("menengah", "besar") and reported is not None and minimum is not None
            and reported < minimum
        )  # fmt: skip
        due = max(listed if low(listed) else 0, minimum if floor else 0)
        enrolled = npp["enrolled"] if npp else None
        least = OBLIGED.get(scale or "", ["JKK", "JKM"])
        return {
            "under": floor or low(listed),
            "under_certain": (npp is None or npp["certain"])
            and (floor or (card["certain"] and low(person.wage(tax, certain=True)))),
            "under_upper": floor or low(listed) or low(upper),
            "due": due or None,
            "reported": reported,
            "listed": listed,
            "minimum": minimum,
            "enrolled": next(
                listed for listed in (enrolled, card.get("programmes"), least) if listed is not None
            ),
            "lacking": npp["lacking"] if npp else [],
        }

    def _money(
        self, key: int, tax: bool, known: dict[Any, Person], wages: list[Row],
        flags: list[str], missing: int, register: int,
    ) -> dict[tuple[str, str], int]:  # fmt: skip
        employer = self.spine[key]
        jkk = self.facts.jkk.get((employer["kbli"] or "")[:2], Fraction(24, 10_000))
        rates = {
            "JKK": jkk, "JKM": Fraction(3, 1000), "JHT": Fraction(57, 1000), "JP": Fraction(3, 100),
        }  # fmt: skip
        assumed = self.facts.wage(employer["region_code"]) or min(
            amount for amount in self.facts.minimum.values()
        )
        owed = OBLIGED.get(employer["scale"] or "", ["JKK", "JKM"])
        sums: dict[tuple[str, str], Fraction] = defaultdict(Fraction)

        def base(programme: str, wage: int) -> int:
            return min(wage, CEILING) if programme == "JP" else wage

        absent = [p.wage(tax) or assumed for who, p in known.items() if who not in self.cards[key]]
        if "PWBD" in flags:
            absent += [assumed] * max(register - len(known), 0)
        share = Fraction(1)
        if "PDS_TK" in flags:
            share = Fraction(missing, len(absent))
        for flag in ("PWBD", "PDS_TK"):
            if flag in flags:
                for programme in owed:
                    whole = sum(base(programme, wage) for wage in absent)
                    sums[flag, programme] += whole * share * rates[programme]
        for wage in wages:
            if wage["under"]:
                for programme in wage["enrolled"]:
                    if programme in rates:
                        sums["PDS_UPAH", programme] += rates[programme] * (
                            base(programme, wage["due"]) - base(programme, wage["reported"])
                        )
            full = next(
                w for w in (wage["due"], wage["reported"], wage["listed"], wage["minimum"], assumed)
                if w is not None
            )  # fmt: skip
            for programme in wage["lacking"]:
                sums["PDS_PROGRAM", programme] += rates[programme] * base(programme, full)
        return {place: (amount + Fraction(1, 2)).__floor__() for place, amount in sums.items()}
