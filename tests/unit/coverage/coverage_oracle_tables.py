"""The published tables of the oracle: what coverage_oracle.py found, counted."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from coverage_oracle import ONE, Persons, apportion, place, plain
from coverage_world import Row


class Oracle(Persons):
    """The definitions applied to one world."""

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

    def evidence(self, kind: str, record: Row) -> tuple[str, str, float | None, dict[str, str]]:
        """Status, reason, chance to be a true match, and the groups a record stands in.

        The chance is None where nobody was compared.
        """
        link = self.link(record)
        status = link["status"] or "unlinked"
        reason = link.get("reason") or "never_compared"
        chance: float | None = 0.0
        if status == "linked" and link.get("tier") == "identifier":
            chance = 1.0
        elif status in ("linked", "review"):
            chance = (link.get("probability_ppm") or 0) / 1e6
        elif reason == "best_candidate_below_threshold":
            chance = (link.get("best_candidate_ppm") or 0) / 1e6
        elif reason in ("never_compared", "invalid_identifier"):
            chance = None
        sector = None if kind == "membership" else record.get("sector_code")
        sector = sector or self.datasets[record["dataset"]]["sector_code"]
        words = plain(record.get("full_name")).split()
        if not words:
            shape = "unknown"
        elif any(len(word) == 1 and word.isalpha() for word in words):
            shape = "with_initials"
        else:
            shape = {1: "mononym", 2: "two"}.get(len(words), "three_or_more")
        born = record.get("birth_date")
        return status, reason, chance, {
            "province": (place(record.get("region_code")) or "0000")[:2],
            "sector": sector or "X",
            "sex": record.get("sex") or "X",
            "birth_decade": str(born.year // 10 * 10) if born else "unknown",
            "name_shape": shape,
            "all": "ALL",
        }  # fmt: skip

    def linkage_quality(self) -> dict[tuple[str, str, str], tuple[Any, ...]]:
        groups: dict[tuple[str, str, str], list[tuple[Row, str, str, float]]] = defaultdict(list)
        compared, linked = Counter[str](), Counter[str]()
        for kind, record in self.person_records():
            status, _, known, _ = self.evidence(kind, record)
            compared[record["dataset"]] += known is not None
            linked[record["dataset"]] += status == "linked"
        for kind, record in self.person_records():
            status, reason, known, dimensions = self.evidence(kind, record)
            found = linked[record["dataset"]] / (compared[record["dataset"]] or 1)
            if record.get("nik"):
                # A NIK that is near nobody's: of wrong ones one in three.
                found = found * 0.33 / (1 - found * 0.67)
            chance = found if known is None else known
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
