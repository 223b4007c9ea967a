"""Contracts of the extracts: what each addressee of the instruction gets, and nothing else.

Belongs here: reading and checking `contracts/NN-slug.yaml`. Does not belong here: reading or
writing any data, and who holds an addressee's task today (recipients.py).

The files are data contracts of the Open Data Contract Standard, version 3, as those of the
sources are. What the standard has no place for stands in `customProperties`; docs/extracts.md
lists them. A contract that breaks a rule of `_Rules` is refused when it is read, so that no
extract can be made by it.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, NoReturn

import yaml
from open_data_contract_standard.model import (
    CustomProperty,
    OpenDataContractStandard,
    SchemaObject,
)
from pydantic import ValidationError

from publishing.extracts.wording import label, meaning_of
from warehouse.columns import ColumnMeaning
from warehouse.documents import load_yaml
from warehouse.errors import UsageError

LEVELS = ("aggregate", "employer", "person")
"""What one row of a table is, the least telling first."""

ROW_FILTERS = ("sector", "clause", "dataset", "region", "province")
"""Which rows a contract may narrow a table to: its own sectors, clauses and datasets, the
recipient's own region, or the province that region lies in."""

REGION_SCOPES = ("none", "province", "regency")

TAX_SECRET = frozenset(
    {
        "npwp", "employer_npwp", "parent_npwp", "monthly_wage", "reported_wage", "flags",
        "flags_certain", "flags_upper", "evidence_sources", "known_workers",
        "known_workers_certain", "known_workers_upper", "missing_workers", "missing_wage",
        "underreported_workers", "wage_basis", "estimated_contribution", "contribution_jkk",
        "contribution_jkm", "contribution_jht", "contribution_jp", "contribution_employers",
        "contribution_persons", "employers", "employers_flagged", "pwbd", "pds_tk", "pds_upah",
        "reported_wages", "taxed_wages",
    }
)  # fmt: skip
"""Columns that rest on tax data or tell wages (UU KUP art. 34; UU 27/2022 art. 4). Their
likes that end in `_without_tax` do not."""

TAX_TABLES = frozenset(
    {
        "wage_gap", "employer_compliance", "employer_evidence", "employer_contributions",
        "employers_flagged",
    }
)  # fmt: skip
"""Tables and lists whose rows are chosen by tax data, whatever their columns."""

NO_TAX_TABLES = frozenset({"construction_cover"})
"""Tables of which no column rests on tax data, though one has a name of `TAX_SECRET`."""

TAX_ADDRESSEES = (9, 23)
"""Who may have them: the Ministry of Finance (DJP) and BPJS Ketenagakerjaan."""

_FILE = re.compile(r"(\d{2})-([a-z0-9-]+)\.yaml")
_VERSION = re.compile(r"\d+\.\d+\.\d+")


@dataclass(frozen=True)
class ExtractTable:
    """One table that a contract gives.

    Attributes:
        name: name in the schema `release`, or of a list (lists.py).
        title: what it shows, in Indonesian; also the name of its sheet, cut to 31 letters.
        level: what one row is, one of `LEVELS`.
        columns: the columns given, in this order, and no others.
        rows: filters of `ROW_FILTERS`.
        months: how many months up to the period it holds.
        purpose: why the addressee gets it, for lists.
    """

    name: str
    title: str
    level: str
    columns: tuple[ColumnMeaning, ...]
    rows: tuple[str, ...] = ()
    months: int = 1
    purpose: str = ""

    @property
    def headings(self) -> tuple[str, ...]:
        """Short headings of the columns, in Indonesian."""
        return tuple(label(column) for column in self.columns)

    @property
    def is_list(self) -> bool:
        """Whether its rows are employers or persons, not counts of them."""
        return self.level != "aggregate"


@dataclass(frozen=True)
class ExtractContract:
    """What one addressee gets.

    Attributes:
        addressee_id: 1 to 26, the number in the second dictum of the instruction.
        slug: the part of the folder's name after the number.
        version: version of the contract.
        title: in Indonesian.
        purpose: what the recipient uses it for, in Indonesian.
        limits: what it must not be used for, in Indonesian.
        legal_basis: provisions that allow it.
        clauses: clauses of Inpres 2/2021.
        level: the most telling level of its tables.
        region_scope: `province` and `regency` make one extract for each of them.
        sectors: sectors of the addressee's own task; empty means no sector is.
        datasets: datasets that the addressee provides.
        tables: what is given.
        summary: table whose rows are the first figures on the first sheet.
        chart: table that the first sheet draws.
        retention_months: how long the made extract is kept here.
        changelog: version, date and what changed, the newest first.
        sha256: fingerprint of the contract file.
    """

    addressee_id: int
    slug: str
    version: str
    title: str
    purpose: str
    limits: str
    legal_basis: tuple[str, ...]
    clauses: tuple[str, ...]
    level: str
    region_scope: str
    sectors: tuple[str, ...]
    datasets: tuple[str, ...]
    tables: tuple[ExtractTable, ...]
    summary: str
    chart: str
    retention_months: int
    changelog: tuple[tuple[str, dt.date, str], ...]
    sha256: str

    @property
    def folder(self) -> str:
        """`NN-slug`, the addressee's folder in a publication's extracts."""
        return f"{self.addressee_id:02d}-{self.slug}"

    @property
    def aggregates(self) -> tuple[ExtractTable, ...]:
        """Tables of counts, which come from the release."""
        return tuple(table for table in self.tables if not table.is_list)

    @property
    def lists(self) -> tuple[ExtractTable, ...]:
        """Lists of employers or persons, which come from the restricted warehouse."""
        return tuple(table for table in self.tables if table.is_list)


@cache
def load_extract_contracts() -> dict[int, ExtractContract]:
    """Read the contracts of all 26 addressees.

    Returns:
        Contracts by addressee number, in order.

    Raises:
        UsageError: a contract is not valid, missing or there twice; the message names it.
    """
    found: dict[int, ExtractContract] = {}
    folder = files("publishing.extracts").joinpath("contracts")
    for path in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if path.name.endswith(".yaml"):
            contract = read_extract_contract(path)
            if contract.addressee_id in found:
                raise UsageError(f"{path}: addressee {contract.addressee_id} has a contract")
            found[contract.addressee_id] = contract
    missing = [number for number in range(1, 27) if number not in found]
    if missing:
        raise UsageError(f"{folder}: addressees {missing} have no contract")
    return dict(sorted(found.items()))


def read_extract_contract(path: Path | Traversable) -> ExtractContract:
    """Read one contract file.

    Raises:
        UsageError: it is no YAML, no ODCS contract, or breaks a rule of this project.
    """
    where, match = str(path), _FILE.fullmatch(path.name)
    if match is None:
        raise UsageError(f"{where}: name the file NN-slug.yaml, such as 13-pertanian.yaml")
    text = path.read_text("utf-8")
    try:
        document = OpenDataContractStandard.model_validate(load_yaml(text))
    except yaml.YAMLError as error:
        raise UsageError(f"{where} is not valid YAML: {error}") from None
    except ValidationError as error:
        places = "; ".join(
            f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()[:5]
        )
        raise UsageError(f"{where} is no contract of ODCS version 3: {places}") from None
    return _Rules(document, where, int(match[1]), match[2], text).contract()


class _Rules:
    """Turns one ODCS document into an `ExtractContract`, naming the place of every fault."""

    def __init__(
        self, document: OpenDataContractStandard, where: str, number: int, slug: str, text: str
    ) -> None:
        self.document = document
        self.where = where
        self.number = number
        self.slug = slug
        self.sha256 = hashlib.sha256(text.encode()).hexdigest()
        self.custom = _custom(document.customProperties)

    def contract(self) -> ExtractContract:
        document, custom = self.document, self.custom
        if not str(document.apiVersion or "").startswith("v3"):
            self._refuse("apiVersion", "must be v3.x")
        if custom.get("addressee") != self.number:
            self._refuse("addressee", f"must be {self.number}, the number in the file's name")
        version = str(document.version or "")
        if not _VERSION.fullmatch(version):
            self._refuse("version", "must be three numbers, such as 1.0.0")
        description = document.description
        purpose = (description.purpose or "").strip() if description else ""
        limits = (description.limitations or "").strip() if description else ""
        basis, clauses = self._texts("legalBasis"), self._texts("clauses")
        for name, value in (
            ("description.purpose", purpose),
            ("description.limitations", limits),
            ("legalBasis", basis),
            ("clauses", clauses),
        ):
            if not value:
                self._refuse(name, "must be given")
        tables = tuple(self._table(entry) for entry in document.schema_ or ())
        level = self._one_of("level", custom.get("level"), LEVELS)
        highest = max((table.level for table in tables), key=LEVELS.index, default="aggregate")
        if level != highest:
            self._refuse("level", f"says {level!r}, but a table is of level {highest!r}")
        names = [table.name for table in tables]
        if len(set(names)) != len(names) or not names:
            self._refuse("schema", "must name at least one table, and none of them twice")
        for place in ("summary", "chart"):
            if custom.get(place) not in names:
                self._refuse(place, "must name one of the contract's tables")
        return ExtractContract(
            addressee_id=self.number,
            slug=self.slug,
            version=version,
            title=document.name or "",
            purpose=purpose,
            limits=limits,
            legal_basis=basis,
            clauses=clauses,
            level=level,
            region_scope=self._one_of(
                "regionScope", custom.get("regionScope", "none"), REGION_SCOPES
            ),
            sectors=self._texts("sectors"),
            datasets=self._texts("datasets"),
            tables=tables,
            summary=str(custom["summary"]),
            chart=str(custom["chart"]),
            retention_months=int(custom.get("retentionMonths", 24)),
            changelog=self._changelog(version),
            sha256=self.sha256,
        )

    def _table(self, entry: SchemaObject) -> ExtractTable:
        name, custom = entry.name or "", _custom(entry.customProperties)
        level = self._one_of(f"{name}.level", custom.get("level", "aggregate"), LEVELS)
        rows = tuple(str(value) for value in custom.get("rows", ()))
        for value in rows:
            self._one_of(f"{name}.rows", value, ROW_FILTERS)
        columns = []
        for prop in entry.properties or ():
            try:
                columns.append(meaning_of(prop.name or ""))
            except KeyError:
                self._refuse(f"{name}.{prop.name}", "is not in the column dictionary")
        names = [column.name for column in columns]
        if not entry.businessName or not columns or len(set(names)) != len(names):
            self._refuse(name, "needs a businessName and columns, each once")
        table = ExtractTable(
            name=name,
            title=str(entry.businessName),
            level=level,
            columns=tuple(columns),
            rows=rows,
            months=int(custom.get("months", 1)),
            purpose=(entry.description or "").strip(),
        )
        self._check_minimal(table)
        return table

    def _check_minimal(self, table: ExtractTable) -> None:
        """Refuse what nobody, or not this addressee, may be given."""
        names = {column.name for column in table.columns}
        if self.number not in TAX_ADDRESSEES:
            secret = sorted(
                {c.name for c in table.columns if c.pii == "specific"}
                | (names & TAX_SECRET if table.name not in NO_TAX_TABLES else set())
            )
            if secret:
                self._refuse(
                    f"{table.name}.{secret[0]}",
                    "tells wages or tax data, which go to addressees 9 and 23 alone",
                )
            if table.name in TAX_TABLES:
                self._refuse(table.name, "rests on tax data: addressees 9 and 23 alone have it")
        personal = sorted(c.name for c in table.columns if c.pii != "none" and c.name != "sex")
        if personal and table.level == "aggregate":
            self._refuse(f"{table.name}.{personal[0]}", "is personal: no table of counts has it")
        if table.level == "person" and "pseudonym" not in names:
            self._refuse(table.name, "a list of persons needs their pseudonym")
        column = {"province": "province_code", "regency": "regency_code"}
        scope = self.custom.get("regionScope", "none")
        for name in set(table.rows) & {"region", "province"}:
            needed = "province_code" if name == "province" else column.get(scope, "")
            if not needed:
                self._refuse(table.name, f"is narrowed by {name}, but regionScope is none")
            if not table.is_list and needed not in names:
                self._refuse(table.name, f"is narrowed by {name}, so it needs {needed}")
        if scope != "none" and table.is_list and "region" not in table.rows:
            self._refuse(table.name, "must be narrowed by region: it goes to each of many")
        if table.is_list and not table.purpose:
            self._refuse(table.name, "a list needs a description: what it is given for")

    def _changelog(self, version: str) -> tuple[tuple[str, dt.date, str], ...]:
        entries = []
        for entry in self.custom.get("changelog", ()):
            day = entry.get("date") if isinstance(entry, Mapping) else None
            if not isinstance(day, dt.date) or not entry.get("version") or not entry.get("changes"):
                self._refuse("changelog", "each entry has version, date (YYYY-MM-DD), changes")
            entries.append((str(entry["version"]), day, str(entry["changes"])))
        if not entries or entries[0][0] != version:
            self._refuse("changelog", f"must begin with the version of the contract, {version}")
        return tuple(entries)

    def _texts(self, name: str) -> tuple[str, ...]:
        value = self.custom.get(name, ())
        if not isinstance(value, list | tuple):
            self._refuse(name, "must be a list")
        return tuple(str(entry) for entry in value)

    def _one_of(self, place: str, value: object, allowed: Sequence[str]) -> str:
        if value not in allowed:
            self._refuse(place, f"{value!r} is none of {', '.join(allowed)}")
        return str(value)

    def _refuse(self, place: str, problem: str) -> NoReturn:
        raise UsageError(f"{self.where}: {place} {problem}")


def _custom(properties: Sequence[CustomProperty] | None) -> dict[str, Any]:
    return {str(entry.property): entry.value for entry in properties or ()}
