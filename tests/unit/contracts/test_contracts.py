"""Contracts say exactly what docs/datasets.md promises, and refuse what they cannot mean."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from sources.contracts import load_contracts, load_dataset_table, read_contract, vocabularies
from warehouse.errors import UsageError

ROSTER = (
    "record_id full_name nik sex birth_date birth_place mother_name region_code address "
    "employer_name employer_npwp employer_nib kbli employment_status monthly_wage"
)
EXPECTED = {
    # key: (kind, required columns, the others)
    "dukcapil_population": (
        "population",
        "nik full_name sex birth_date region_code",
        "birth_place mother_name address occupation life_status",
    ),
    "bpjs_participants": (
        "membership",
        "kpj full_name segment",
        "nik sex birth_date birth_place mother_name region_code npp programmes reported_wage "
        "registered_on last_paid_period ended_on end_reason",
    ),
    "bpjs_employers": (
        "employer",
        "npp employer_name",
        "legal_form npwp nib address region_code kbli kbli_vintage workers scale programmes "
        "registered_on last_paid_period status",
    ),
    "djp_employers": (
        "employer",
        "npwp employer_name",
        "nib address region_code kbli kbli_vintage status",
    ),
    "djp_withholding": (
        "employment",
        "record_id employer_npwp full_name",
        "nik monthly_wage employment_status started_on ended_on",
    ),
    "ahu_companies": (
        "employer",
        "ahu_number employer_name",
        "legal_form npwp nib address region_code kbli kbli_vintage status",
    ),
    "siinas_companies": (
        "employer",
        "record_id employer_name",
        "npwp nib address region_code kbli kbli_vintage workers estate_name estate_kind",
    ),
    "siinas_workers": (
        "employment",
        "record_id employer_nib full_name",
        "employer_npwp nik sex birth_date monthly_wage employment_status",
    ),
    "cooperatives": (
        "employer",
        "record_id employer_name",
        "nik_koperasi npwp nib address region_code kbli kbli_vintage workers members status",
    ),
    "sme_businesses": (
        "employer",
        "record_id employer_name",
        "owner_nik owner_name nib npwp address region_code kbli kbli_vintage workers scale",
    ),
    "farmers": ("roster", "record_id full_name", f"{ROSTER} farmer_group commodity"),
    "fisheries_workers": (
        "roster",
        "record_id full_name",
        f"{ROSTER} kusuka_number occupation_kind",
    ),
    "transport_workers": ("roster", "record_id full_name", f"{ROSTER} mode platform"),
    "oss_businesses": (
        "employer",
        "nib employer_name",
        "legal_form npwp address region_code kbli kbli_vintage scale planned_workers "
        "nib_issued_on status",
    ),
    "industrial_estate_tenants": (
        "employer",
        "record_id employer_name",
        "npwp nib address region_code kbli kbli_vintage workers estate_name estate_kind",
    ),
    "construction_projects": (
        "project",
        "project_id project_name",
        "contractor_name contractor_npwp region_code contract_value funding starts_on ends_on "
        "certificate_number",
    ),
} | {
    key: ("roster", "record_id full_name", f"{ROSTER} {own}")
    for key, own in {
        "school_educators": "school_id role",
        "madrasah_educators": "school_id role",
        "kur_debtors": "kur_scheme loan_amount bank",
        "labour_permit_applicants": "permit_kind applied_on",
        "one_stop_permit_applicants": "permit_kind applied_on government_level",
        "migrant_workers": "passport_number destination_country departed_on returned_on",
        "vocational_trainees": "training_centre started_on ended_on",
        "non_asn_staff": "agency government_level",
        "mission_staff": "mission_country",
        "notaries_advocates": "profession",
        "construction_workers": "project_id",
        "extension_workers": "programme",
        "social_workers": "programme",
        "village_facilitators": "level",
        "disaster_workers": "organisation",
        "election_organisers": "body started_on ended_on",
        "soe_staff": "company_role parent_npwp",
        "regional_soe_staff": "company_role parent_npwp government_level",
    }.items()
}
SECTORS = {
    "farmers": "A",
    "fisheries_workers": "A",
    "transport_workers": "H",
    "school_educators": "P",
    "madrasah_educators": "P",
    "construction_workers": "F",
    "notaries_advocates": "MN",
    "social_workers": "Q",
} | dict.fromkeys(
    ("mission_staff", "extension_workers", "village_facilitators", "disaster_workers",
     "election_organisers"),
    "O",
)  # fmt: skip


def test_every_contract_of_the_project_is_told_here() -> None:
    assert set(EXPECTED) == set(load_contracts())


@pytest.mark.parametrize("key", EXPECTED)
def test_contract_has_exactly_the_promised_columns(key: str) -> None:
    contract = load_contracts()[key]
    kind, required, others = EXPECTED[key]
    assert contract.kind == kind
    assert {c.name for c in contract.columns if c.required} == set(required.split())
    assert {c.name for c in contract.columns} == {*required.split(), *others.split()}
    assert contract.sector == SECTORS.get(key)


def test_every_contract_names_provider_clause_owner_and_describes_each_column() -> None:
    for contract in load_contracts().values():
        assert contract.provider
        assert contract.clauses
        assert contract.owner.startswith("team:")
        assert contract.purpose
        assert any("Inpres 2/2021" in basis for basis in contract.legal_basis)
        for column in contract.columns:
            assert "ID: " in column.comment
            assert "EN: " in column.comment


def test_identifiers_are_text_and_personal_columns_are_classed() -> None:
    for contract in load_contracts().values():
        for column in contract.columns:
            if column.kind in {"nik", "npwp", "nib", "kpj", "npp"}:
                assert column.sql_type == "VARCHAR"
            if column.name in {"nik", "full_name", "birth_date", "mother_name"}:
                assert column.pii == "general"
            if column.name in {"monthly_wage", "reported_wage"}:
                assert column.pii == "specific"


def test_owners_of_businesses_are_persons_to_link() -> None:
    contracts = load_contracts()
    linked = {key for key, contract in contracts.items() if contract.links_person}
    rosters = {key for key, (kind, _, _) in EXPECTED.items() if kind == "roster"}
    assert linked == rosters | {
        "bpjs_participants", "djp_withholding", "siinas_workers", "sme_businesses",
    }  # fmt: skip
    assert contracts["sme_businesses"].lists_owners
    assert not contracts["oss_businesses"].links_person


def test_vocabulary_spellings_lead_to_one_value_only() -> None:
    for vocabulary in vocabularies().values():
        spellings = [
            text.upper().replace("-", " ")
            for value, others in vocabulary.values.items()
            for text in (value, *others)
        ]
        assert len(spellings) == len(set(spellings)), vocabulary.name


def _document(**changes: object) -> dict[str, object]:
    document: dict[str, object] = {
        "apiVersion": "v3.1.0",
        "kind": "DataContract",
        "id": "market_traders",
        "name": "Pedagang pasar",
        "version": "1.0.0",
        "status": "active",
        "customProperties": [
            {"property": "entityKind", "value": "roster"},
            {"property": "clauses", "value": ["2.17.b"]},
        ],
        "schema": [
            {
                "name": "market_traders",
                "properties": [
                    {
                        "name": "record_id",
                        "logicalType": "string",
                        "primaryKey": True,
                        "required": True,
                    },
                    {"name": "full_name", "logicalType": "string", "required": True},
                    {"name": "nik", "logicalType": "string"},
                ],
            }
        ],
    }
    document.update(changes)
    return document


def _write(folder: Path, document: dict[str, object]) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / f"{document['id']}.yaml"
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    return path


def test_a_deployment_adds_a_contract_but_cannot_replace_one(tmp_path: Path) -> None:
    _write(tmp_path, _document())
    assert load_contracts([tmp_path])["market_traders"].kind == "roster"
    _write(tmp_path, _document(id="farmers"))
    with pytest.raises(UsageError, match="has a contract already"):
        load_contracts([tmp_path])


def _with_property(**prop: object) -> dict[str, object]:
    document = _document()
    document["schema"][0]["properties"].append(prop)  # type: ignore[index]
    return document


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (_document(id="Market Traders"), "id must be"),
        (_document(apiVersion="v2.2.0"), "apiVersion"),
        (
            _document(customProperties=[{"property": "entityKind", "value": "people"}]),
            "entityKind is 'people'",
        ),
        (_document(schema=[{"name": "x", "properties": []}]), "primaryKey"),
        (_with_property(name="full_name", logicalType="string"), "'full_name' twice"),
        (_with_property(name="stall", logicalType="string"), "stall is not in the column"),
        (_with_property(name="scale", logicalType="string"), "scale needs a vocabulary"),
    ],
)
def test_a_faulty_contract_is_refused_by_place(
    tmp_path: Path, document: dict[str, object], message: str
) -> None:
    path = _write(tmp_path, document)
    with pytest.raises(UsageError, match=message) as caught:
        read_contract(path)
    assert str(path) in str(caught.value)


def test_a_contract_may_define_a_column_of_its_own(tmp_path: Path) -> None:
    path = _write(
        tmp_path,
        _with_property(
            name="stall",
            logicalType="integer",
            businessName="Nomor kios",
            description="Number of the stall",
            classification="none",
        ),
    )
    column = read_contract(path).column("stall")
    assert column is not None
    assert (column.kind, column.sql_type, column.pii) == ("integer", "BIGINT", "none")
    assert column.comment == "ID: Nomor kios | EN: Number of the stall"


def test_the_table_of_datasets_follows_from_the_contracts(con) -> None:
    contracts = load_contracts()
    assert load_dataset_table(con, contracts) == len(contracts)
    assert load_dataset_table(con, contracts) == len(contracts)
    assert con.execute(
        "SELECT kind, clauses, sector_code, links_person FROM reference.datasets "
        "WHERE dataset = 'farmers'"
    ).fetchone() == ("roster", ["2.13.b"], "A", True)
