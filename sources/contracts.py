"""Data contracts: one ODCS file per dataset, read into the model everything else follows from.

Belongs here: reading, checking and describing contracts, and the table of datasets made
from them. Does not belong here: what is done with a delivery (landing, conforming), or what
a column name means (warehouse/columns.yaml; a contract defines only columns of its own).

The file format is the Open Data Contract Standard, version 3 (Bitol). What the standard has
no place for stands in `customProperties`; docs/contracts.md lists them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, get_args

import duckdb
import yaml
from open_data_contract_standard.model import (
    CustomProperty,
    OpenDataContractStandard,
    SchemaProperty,
)
from pydantic import ValidationError

from sources.clause_rules import ClauseRule, read_rules, whole_list
from warehouse.columns import SQL_TYPES, ColumnMeaning, PiiClass, dictionary
from warehouse.documents import load_yaml
from warehouse.errors import UsageError
from warehouse.storage import rows_sql, transaction
from warehouse.tables import table_specs

KINDS = ("population", "membership", "employer", "employment", "roster", "project", "reference")
"""Entity kinds: what one row of a dataset is (docs/datasets.md)."""

PERSON_KINDS = ("membership", "employment", "roster")
"""Kinds whose rows are persons to be linked to the register."""

CARDINALITIES = ("many_to_one", "one_to_one")

DEFAULT_NULL_TEXTS = ("", "-", "NULL", "N/A", "#N/A")
NAME_NULL_TEXTS = ("", "-")
"""In a name NULL or NA may be a name, so only these two count as missing there."""

_KEY = re.compile(r"[a-z][a-z0-9_]{1,58}")
_CLAUSE = re.compile(r"2\.\d{1,2}(?:\.[a-e])?")


@dataclass(frozen=True)
class Vocabulary:
    """A closed list of values with the spellings that deliveries use.

    Attributes:
        name: its key in sources/vocabularies.yaml.
        values: canonical value to accepted spellings, compared without case and punctuation.
    """

    name: str
    values: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class ContractColumn:
    """One column of a dataset.

    Attributes:
        meaning: name, kind, class of personal data and texts.
        required: its header must be there, or the delivery is refused.
        is_key: identifies the row; a row without it is quarantined.
        is_name: names the person or business; a row without it is quarantined.
        vocabulary: the closed list of its values, if it has one.
        headers: header spellings taken for it, lower case, its own name first.
        null_texts: texts that mean that there is no value.
    """

    meaning: ColumnMeaning
    required: bool = False
    is_key: bool = False
    is_name: bool = False
    vocabulary: Vocabulary | None = None
    headers: tuple[str, ...] = ()
    null_texts: tuple[str, ...] = DEFAULT_NULL_TEXTS

    @property
    def name(self) -> str:
        """Canonical column name."""
        return self.meaning.name

    @property
    def kind(self) -> str:
        """How values are read, a key of `warehouse.columns.SQL_TYPES`."""
        return self.meaning.kind

    @property
    def sql_type(self) -> str:
        """DuckDB type of the conformed column."""
        return self.meaning.sql_type

    @property
    def comment(self) -> str:
        """Comment in both languages."""
        return self.meaning.comment

    @property
    def pii(self) -> PiiClass:
        """Class of personal data."""
        return self.meaning.pii


@dataclass(frozen=True)
class Contract:
    """One dataset, as its provider agreed to deliver it.

    Attributes:
        key: folder, asset and landing-table name.
        title: what it is, in Indonesian.
        version: version of the contract.
        kind: entity kind, one of `KINDS`.
        provider: who delivers it.
        clauses: clauses of Inpres 2/2021 that call for it.
        owner: who answers for it here, a Dagster owner (`team:...` or an address).
        columns: in the order of the contract.
        purpose: what it is used for, in English.
        sector: sector that all its rows belong to, where the contract fixes one.
        max_age_months: how long a delivery stands in for missing later ones.
        due_day: day of the month after a delivery's own by whose end it is due.
        cardinality: of the link from its rows to persons.
        date_format: strptime format of its dates; None means ISO 8601.
        encoding: declared text encoding; None means that UTF-8 and UTF-16 are recognised.
        delimiter: declared CSV delimiter; None means that comma, semicolon and tab are
            recognised by the header line.
        decimal_comma: numbers are written 1.234.567,89.
        allow_empty: a delivery with no rows is an answer, not an accident.
        former_provider: who delivered it in 2021, where that was another.
        legal_basis: instruction, law or decree that lets it be asked for and used.
        rules: which of its rows each clause means (docs/contracts.md).
        sample: how the sample world makes it (docs/contracts.md).
        file: where it was read from.
    """

    key: str
    title: str
    version: str
    kind: str
    provider: str
    clauses: tuple[str, ...]
    owner: str
    columns: tuple[ContractColumn, ...]
    purpose: str = ""
    sector: str | None = None
    max_age_months: int = 3
    due_day: int = 9
    cardinality: str = "many_to_one"
    date_format: str | None = None
    encoding: str | None = None
    delimiter: str | None = None
    decimal_comma: bool = False
    allow_empty: bool = False
    former_provider: str = ""
    legal_basis: tuple[str, ...] = ()
    rules: tuple[ClauseRule, ...] = ()
    sample: Mapping[str, Any] = field(default_factory=dict, compare=False, hash=False)
    file: str = field(default="", compare=False)

    @property
    def key_column(self) -> ContractColumn:
        """The column that identifies a row."""
        return next(column for column in self.columns if column.is_key)

    @property
    def name_column(self) -> ContractColumn:
        """The column that names the person, business or project."""
        return next(column for column in self.columns if column.is_name)

    @property
    def links_person(self) -> bool:
        """Whether its rows, or the owners in them, are persons to be linked."""
        return self.kind in PERSON_KINDS or self.lists_owners

    @property
    def lists_owners(self) -> bool:
        """Whether it is a register of businesses that names their owners."""
        return self.kind == "employer" and self.column("owner_name") is not None

    def rules_of(self, clause: str) -> tuple[ClauseRule, ...]:
        """Give the groups that a clause means, in order; the whole list where it has none."""
        own = tuple(rule for rule in self.rules if clause in rule.clauses)
        return own or (whole_list(clause, self.title, self.purpose),)

    def column(self, name: str) -> ContractColumn | None:
        """Give a column by its canonical name, or None."""
        return next((column for column in self.columns if column.name == name), None)

    def columns_of_kind(self, kind: str) -> tuple[ContractColumn, ...]:
        """Give the columns of one kind, such as every `nik`."""
        return tuple(column for column in self.columns if column.kind == kind)


@cache
def vocabularies() -> dict[str, Vocabulary]:
    """Read the closed vocabularies, by name."""
    raw = load_yaml(files("sources").joinpath("vocabularies.yaml").read_text("utf-8"))
    return {
        name: Vocabulary(name, {value: tuple(spellings) for value, spellings in values.items()})
        for name, values in raw.items()
    }


def load_contracts(extra_dirs: Sequence[Path] = ()) -> dict[str, Contract]:
    """Read the project's contracts and those of a deployment.

    Args:
        extra_dirs: folders with further contracts, one `*.yaml` each; a folder that does
            not exist has none. They may add datasets, not replace the project's own.

    Returns:
        Contracts by key, in alphabetical order.

    Raises:
        UsageError: a contract is not valid; the message names file and place.
    """
    found = dict(_own_contracts())
    for folder in extra_dirs:
        for path in sorted(folder.glob("*.yaml")) if folder.is_dir() else ():
            contract = read_contract(path)
            if contract.key in found:
                raise UsageError(
                    f"{path}: the dataset {contract.key!r} has a contract already "
                    f"({found[contract.key].file}); give the new one another id"
                )
            found[contract.key] = contract
    return dict(sorted(found.items()))


@cache
def _own_contracts() -> dict[str, Contract]:
    found = {}
    for folder in sorted(files("sources").iterdir(), key=lambda entry: entry.name):
        path = folder.joinpath("contract.yaml")
        if folder.is_dir() and path.is_file():
            contract = read_contract(path)
            if contract.key != folder.name:
                raise UsageError(f"{path}: id {contract.key!r} must be its folder's name")
            found[contract.key] = contract
    return found


def read_contract(path: Path | Traversable) -> Contract:
    """Read one contract file.

    Raises:
        UsageError: it is no YAML, no ODCS contract, or breaks a rule of this project.
    """
    where = str(path)
    try:
        document = OpenDataContractStandard.model_validate(load_yaml(path.read_text("utf-8")))
    except yaml.YAMLError as error:
        raise UsageError(f"{where} is not valid YAML: {error}") from None
    except ValidationError as error:
        places = "; ".join(
            f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()[:5]
        )
        raise UsageError(f"{where} is no contract of ODCS version 3: {places}") from None
    return _Reader(document, where).contract()


class _Reader:
    """Turns one ODCS document into a `Contract`, naming the place of every fault."""

    def __init__(self, document: OpenDataContractStandard, where: str) -> None:
        self.document = document
        self.where = where
        self.custom = _custom(document.customProperties)

    def contract(self) -> Contract:
        document, custom = self.document, self.custom
        key = document.id or ""
        if not _KEY.fullmatch(key):
            self._refuse("id", "must be lower-case letters, digits and underscores")
        if not document.schema_ or len(document.schema_) != 1:
            self._refuse("schema", "must hold exactly one object: the dataset")
        if not str(document.apiVersion or "").startswith("v3"):
            self._refuse("apiVersion", "must be v3.x")
        kind = self._one_of("entityKind", custom.get("entityKind"), KINDS)
        clauses = tuple(str(clause) for clause in custom.get("clauses", ()))
        for clause in clauses:
            if not _CLAUSE.fullmatch(clause):
                self._refuse("clauses", f"{clause!r} is not a clause such as 2.4.c")
        columns = tuple(self._column(p) for p in document.schema_[0].properties or ())
        self._check_columns(columns)
        description = document.description
        return Contract(
            key=key,
            title=document.name or key,
            version=document.version or "1.0.0",
            kind=kind,
            provider=str(custom.get("provider", "")),
            clauses=clauses,
            owner=str(custom.get("owner", "team:data")),
            columns=columns,
            purpose=(description.purpose or "").strip() if description else "",
            sector=custom.get("sector"),
            max_age_months=int(custom.get("maxAgeMonths", 3)),
            due_day=min(28, max(1, int(custom.get("dueDay", 9)))),
            cardinality=self._one_of(
                "cardinality", custom.get("cardinality", "many_to_one"), CARDINALITIES
            ),
            date_format=custom.get("dateFormat"),
            encoding=custom.get("encoding"),
            delimiter=custom.get("delimiter"),
            decimal_comma=bool(custom.get("decimalComma", False)),
            allow_empty=bool(custom.get("allowEmpty", False)),
            former_provider=str(custom.get("providerThen", "")),
            legal_basis=tuple(map(str, custom.get("legalBasis", ()))),
            rules=read_rules(
                custom.get("clauseRules", ()),
                clauses,
                {c.name: c.kind for c in columns},
                self._refuse,
            ),
            sample=custom.get("sample") or {},
            file=self.where,
        )

    def _column(self, prop: SchemaProperty) -> ContractColumn:
        name, custom = prop.name or "", _custom(prop.customProperties)
        meaning = dictionary().get(name) or self._own_meaning(prop, custom)
        vocabulary = None
        if reference := custom.get("vocabulary"):
            vocabulary = vocabularies().get(str(reference))
            if vocabulary is None:
                self._refuse(name, f"{reference!r} is not in sources/vocabularies.yaml")
        elif prop.enum:
            vocabulary = Vocabulary(name, {str(value): () for value in prop.enum})
        if meaning.kind == "vocabulary" and vocabulary is None:
            self._refuse(name, "needs a vocabulary, or its values under `enum`")
        is_name = meaning.kind == "name" and bool(prop.required)
        default_nulls = NAME_NULL_TEXTS if meaning.kind == "name" else DEFAULT_NULL_TEXTS
        nulls = custom.get("nullTexts", self.custom.get("nullTexts", default_nulls))
        return ContractColumn(
            meaning=meaning,
            required=bool(prop.required or custom.get("presence") == "header"),
            is_key=bool(prop.primaryKey),
            is_name=is_name,
            vocabulary=vocabulary,
            headers=(name, *(str(h).strip().lower() for h in custom.get("headers", ()))),
            null_texts=tuple(sorted({"", *map(str, nulls)})),
        )

    def _own_meaning(self, prop: SchemaProperty, custom: Mapping[str, Any]) -> ColumnMeaning:
        """Read a column that only this contract has; it must define itself."""
        name = prop.name or ""
        if not _KEY.fullmatch(name):
            self._refuse(name or "a column", "must be lower-case letters, digits, underscores")
        if not prop.businessName or not prop.description:
            self._refuse(
                name,
                "is not in the column dictionary: define it here with businessName "
                "(Indonesian), description (English), classification and kind",
            )
        kinds = {"date": "date", "integer": "integer", "number": "number", "boolean": "boolean"}
        kind = str(custom.get("kind") or kinds.get(str(prop.logicalType), "text"))
        return ColumnMeaning(
            name=name,
            kind=self._one_of(f"{name}.kind", kind, tuple(SQL_TYPES)),
            pii=self._one_of(  # type: ignore[arg-type]
                f"{name}.classification", prop.classification or "general", get_args(PiiClass)
            ),
            id=str(prop.businessName),
            en=str(prop.description),
            unit=str(custom.get("unit", "")),
        )

    def _check_columns(self, columns: Sequence[ContractColumn]) -> None:
        names = [column.name for column in columns]
        headers = [header for column in columns for header in column.headers]
        for what, values in (("column", names), ("header", headers)):
            twice = {value for value in values if values.count(value) > 1}
            if twice:
                self._refuse("schema", f"names the {what} {sorted(twice)[0]!r} twice")
        if sum(column.is_key for column in columns) != 1:
            self._refuse("schema", "must mark exactly one column as primaryKey")
        if sum(column.is_name for column in columns) != 1:
            self._refuse("schema", "must mark exactly one name as required")

    def _one_of(self, place: str, value: object, allowed: Sequence[str]) -> str:
        if value not in allowed:
            self._refuse(place, f"is {value!r}, which is none of {', '.join(allowed)}")
        return str(value)

    def _refuse(self, place: str, problem: str) -> None:
        raise UsageError(f"{self.where}: {place} {problem}")


def _custom(properties: Sequence[CustomProperty] | None) -> dict[str, Any]:
    return {str(entry.property): entry.value for entry in properties or ()}


def load_dataset_table(con: duckdb.DuckDBPyConnection, contracts: Mapping[str, Contract]) -> int:
    """Write datasets, their columns and the clauses' rules anew into schema reference.

    Returns:
        The number of datasets.
    """
    rows = [
        (
            c.key, c.title, c.kind, c.provider, list(c.clauses), c.sector, c.links_person,
            c.cardinality, c.max_age_months, c.version,
        )
        for c in contracts.values()
    ]  # fmt: skip
    rules = [
        (
            clause, c.key, rule.group, position, rule.obligation, rule.id, rule.en, rule.where,
            rule.condition, list(rule.reads), rule.source, rule.confidence,
        )
        for c in contracts.values()
        for clause in c.clauses
        for position, rule in enumerate(c.rules_of(clause), 1)
    ]  # fmt: skip
    columns = [
        (c.key, m.name, list(column.headers), column.required, m.id, m.en)
        for c in contracts.values()
        for column in c.columns
        for m in (column.meaning,)
    ]
    tables: dict[str, Sequence[tuple[object, ...]]] = {
        "datasets": rows,
        "instruction_rules": rules,
        "dataset_columns": columns,
    }
    with transaction(con):
        for name, filled in tables.items():
            spec = table_specs()[name]
            con.execute(f"DROP TABLE IF EXISTS {spec.qualified}")
            con.execute(spec.ddl())
            con.execute(spec.comments())
            if filled:
                given = rows_sql(filled, [column.name for column in spec.meanings])
                con.execute(f"INSERT INTO {spec.qualified} FROM {given}")
    return len(rows)
