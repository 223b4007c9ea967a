"""Who receives an extract: the addressee's title, and the agency that holds its task then.

Belongs here: resolving a contract to its recipients, from the tables of addressees, agencies
and regions. Does not belong here: what they receive (contracts.py).
"""

from __future__ import annotations

import datetime as dt
import fnmatch
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import duckdb

from publishing.extracts.contracts import ExtractContract, load_extract_contracts
from warehouse.connection import last_day
from warehouse.errors import UsageError
from warehouse.reference import load_reference
from warehouse.settings import Settings


@dataclass(frozen=True)
class Recipient:
    """One receiver of one folder.

    Attributes:
        addressee_id: number in the second dictum of the instruction.
        title: how the instruction calls it; for regions with the region's name.
        agency: who holds the task on the last day of the period.
        partners: agencies that take part in the task then.
        formerly: name in the instruction, where a successor holds the task now.
        region_code: province (2 digits) or regency (4 digits); empty for one of the nation.
        region: the region's name; empty for one of the nation.
    """

    addressee_id: int
    title: str
    agency: str
    partners: tuple[str, ...] = ()
    formerly: str = ""
    region_code: str = ""
    region: str = ""

    @property
    def key(self) -> str:
        """`13`, or `24/31` with a region: how settings and logs name the recipient."""
        number = f"{self.addressee_id:02d}"
        return f"{number}/{self.region_code}" if self.region_code else number

    @property
    def province_code(self) -> str:
        """The region's province; empty for one of the nation."""
        return self.region_code[:2]


@dataclass(frozen=True)
class _Facts:
    titles: dict[int, str]
    agencies: list[tuple[int, str, str, dt.date, dt.date | None]]
    named: dict[int, str]
    provinces: list[tuple[str, str]]
    regencies: list[tuple[str, str]]


@cache
def _facts() -> _Facts:
    with duckdb.connect() as con:
        con.execute("CREATE SCHEMA reference")
        load_reference(con)

        def rows(sql: str) -> list[Any]:
            return con.execute(sql).fetchall()

        return _Facts(
            titles=dict(rows("SELECT addressee_id, addressee FROM reference.addressees")),
            agencies=rows(
                "SELECT addressee_id, agency, role, valid_from, valid_to "
                "FROM reference.addressee_agencies "
                "ORDER BY addressee_id, role, valid_from DESC, agency"
            ),
            named=dict(
                rows(
                    "SELECT addressee_id, arg_min(agency, valid_from) "
                    "FROM reference.addressee_agencies WHERE role = 'lead' GROUP BY 1"
                )
            ),
            provinces=rows(
                "SELECT province_code, province FROM reference.provinces "
                "WHERE valid_to IS NULL ORDER BY 1"
            ),
            regencies=rows(
                "SELECT regency_code, regency FROM reference.regencies "
                "WHERE valid_to IS NULL ORDER BY 1"
            ),
        )


class Directory:
    """The addressees, agencies and regions in force in one period."""

    def __init__(self, period: str) -> None:
        as_of, facts = last_day(period), _facts()
        self._titles = facts.titles
        self._named = facts.named
        self._agencies = [
            (number, agency, role)
            for number, agency, role, first, last in facts.agencies
            if first <= as_of and (last is None or last >= as_of)
        ]
        # Figures are on today's map, so today's regions receive them.
        self._provinces, self._regencies = facts.provinces, facts.regencies

    def recipients(self, contract: ExtractContract, region: str | None = None) -> list[Recipient]:
        """Give the recipients of a contract: one, or one for each of its regions.

        Args:
            contract: whose recipients are wanted.
            region: one province or regency code, for contracts that have regions.

        Raises:
            UsageError: the contract has no regions, or no such region.
        """
        number = contract.addressee_id
        if contract.region_scope == "none":
            if region:
                raise UsageError(
                    f"addressee {number} has one extract for the nation: leave --region out"
                )
            leads = self._of(number, "lead")
            agency = leads[0] if leads else self._titles[number]
            named = self._named.get(number, agency)
            return [
                Recipient(
                    number,
                    self._titles[number],
                    agency,
                    (*leads[1:], *self._of(number, "support")),
                    named if named != agency else "",
                )
            ]
        regions: Iterable[tuple[str, str]]
        regions = self._provinces if contract.region_scope == "province" else self._regencies
        made = [
            Recipient(number, *_titles(name, contract.region_scope), region_code=code, region=name)
            for code, name in regions
            if region in (None, code)
        ]
        if not made:
            raise UsageError(
                f"addressee {number} has no region {region!r}: give a "
                + ("province code" if contract.region_scope == "province" else "regency code")
                + ", such as "
                + ("31" if contract.region_scope == "province" else "3201")
            )
        return made

    def _of(self, number: int, role: str) -> list[str]:
        return [agency for n, agency, r in self._agencies if n == number and r == role]


def check_recipients(settings: Settings, period: str, asked: Sequence[str] = ()) -> None:
    """See that whom the settings and the caller name exists, so that a slip withholds nothing.

    Args:
        settings: recipients' keys, and targets with the recipients they fit.
        period: the month.
        asked: recipients whom the caller asks for.

    Raises:
        UsageError: there is no such recipient, or a target fits none.
    """
    directory = Directory(period)
    known = {
        recipient.key
        for contract in load_extract_contracts().values()
        for recipient in directory.recipients(contract)
    }
    patterns = [pattern for target in settings.extracts.targets for pattern in target.recipients]
    wrong = [
        *(("extracts.recipient_keys", key) for key in settings.extracts.recipient_keys
          if key not in known),
        *(("extracts.targets", each) for each in patterns if not fnmatch.filter(known, each)),
        *(("--recipient", key) for key in asked if key not in known),
    ]  # fmt: skip
    if wrong:
        place, name = wrong[0]
        raise UsageError(
            f"{place} names {name!r}, which is no recipient: one is named by the addressee's two "
            "digits, 01 to 26, and for 24 and 25 by the region too, such as 03, 24/32 or 25/3201"
        )


def _titles(region: str, scope: str) -> tuple[str, str]:
    """Give title and agency of a region's head, such as `Bupati Bogor`."""
    if scope == "province":
        return f"Gubernur {region}", f"Pemerintah Provinsi {region}"
    if region.startswith("Kota "):
        return f"Wali {region}", f"Pemerintah {region}"
    return f"Bupati {region.removeprefix('Kabupaten ')}", f"Pemerintah {region}"
