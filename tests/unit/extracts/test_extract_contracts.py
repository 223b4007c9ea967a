"""Every addressee has a contract, and no contract gives what it must not."""

from __future__ import annotations

import csv
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import pytest
import yaml

from publishing.disclosure.tables import standalone
from publishing.extracts.contracts import (
    TAX_ADDRESSEES,
    load_extract_contracts,
    read_extract_contract,
)
from publishing.extracts.recipients import Directory
from sources.contracts import load_contracts
from warehouse.errors import UsageError
from warehouse.tables import table_specs

CONTRACTS = files("publishing.extracts").joinpath("contracts")


def reference(table: str) -> list[dict[str, str]]:
    file = files("warehouse.reference").joinpath("data", f"{table}.csv")
    return list(csv.DictReader(file.read_text("utf-8").splitlines()))


def changed(tmp_path: Path, change: Callable[[dict], None], name: str = "13-pertanian") -> Path:
    """Write a contract with one change, under its own name."""
    document = yaml.safe_load(CONTRACTS.joinpath(f"{name}.yaml").read_text("utf-8"))
    change(document)
    file = tmp_path / f"{name}.yaml"
    file.write_text(yaml.safe_dump(document), "utf-8")
    return file


def custom(document: dict, name: str) -> dict:
    return next(p for p in document["customProperties"] if p["property"] == name)


def test_the_contracts_are_those_of_the_addressees_of_the_instruction() -> None:
    contracts = load_extract_contracts()
    for row in reference("addressees"):
        contract = contracts[int(row["addressee_id"])]
        assert contract.clauses == tuple(row["clauses"].split(";"))
        assert row["addressee"] in contract.title
        assert contract.purpose
        assert contract.legal_basis[0].startswith("Inpres 2/2021")
    assert len(contracts) == 26


def test_they_make_576_folders() -> None:
    directory = Directory("2026-10")
    keys = [r.key for c in load_extract_contracts().values() for r in directory.recipients(c)]
    assert len(keys) == len(set(keys)) == 576


def test_wages_and_tax_data_go_to_two_addressees_at_most() -> None:
    for number, contract in load_extract_contracts().items():
        for table in contract.tables:
            specific = [column.name for column in table.columns if column.pii == "specific"]
            assert not specific or number in TAX_ADDRESSEES, (number, table.name)


def test_an_addressee_sees_records_of_its_own_lists_alone() -> None:
    """A list of persons is narrowed to what the recipient itself delivers."""
    known = load_contracts()
    for number, contract in load_extract_contracts().items():
        for table in contract.tables:
            if table.name == "uncovered_workers":
                assert "dataset" in table.rows
                assert contract.datasets
            if contract.region_scope != "none" and table.is_list:
                assert "region" in table.rows
        for dataset in contract.datasets:
            if dataset in known:
                served = {clause.split(".")[1] for clause in known[dataset].clauses}
                assert str(number) in served, (number, dataset)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda d: d["schema"][-1]["properties"].append({"name": "monthly_wage"}), "monthly_wage"),
        (lambda d: d["schema"][-1]["properties"].append({"name": "employer_npwp"}), "npwp"),
        (lambda d: d["schema"][0]["properties"].append({"name": "full_name"}), "is personal"),
        (lambda d: d["schema"][0]["properties"].append({"name": "no_such"}), "not in the column"),
        (lambda d: d["schema"][-1]["properties"].pop(0), "pseudonym"),
        (lambda d: d["schema"][-1].pop("description"), "what it is given for"),
        (lambda d: d["schema"].append(d["schema"][0]), "none of them twice"),
        (lambda d: d["schema"][0].update(name="wage_gap"), "rests on tax data"),
        (lambda d: custom(d, "level").update(value="aggregate"), "level"),
        (lambda d: custom(d, "legalBasis").update(value=[]), "legalBasis must be given"),
        (lambda d: custom(d, "addressee").update(value=14), "addressee must be 13"),
        (lambda d: custom(d, "chart").update(value="nothing"), "chart must name"),
        (lambda d: d.update(version="1.1.0"), "must begin with the version"),
        (lambda d: d["description"].pop("purpose"), "purpose must be given"),
        (lambda d: d.update(apiVersion="v2.0.0"), "must be v3"),
        (
            lambda d: d["schema"][0]["customProperties"].append(
                {"property": "rows", "value": ["everyone"]}
            ),
            "none of sector",
        ),
    ],
)
def test_a_contract_that_gives_too_much_is_refused(tmp_path: Path, change, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        read_extract_contract(changed(tmp_path, change))


def released_columns(table: str) -> set[str]:
    """Columns that disclosure control lets through."""
    if table == "coverage_by_province_sector":
        return released_columns("coverage_by_sector_region") - {"regency_code", "regency"}
    spec, entry = table_specs()[table], standalone().get(table, {})
    if entry.get("kind") != "employers":
        return {*spec.grain, *spec.columns, "suppressed"}
    counts = [*entry.get("employer_counts", []), *entry.get("person_counts", [])]
    base = [entry["base"]] if entry.get("tell_base", True) else []
    return {*spec.grain, *entry["names"], *base, *counts, *entry["magnitudes"], "suppressed"}


def test_contracts_name_what_is_released_and_nothing_else() -> None:
    for contract in load_extract_contracts().values():
        for table in contract.aggregates:
            names = {column.name for column in table.columns}
            assert names <= released_columns(table.name), (contract.folder, table.name)
            assert "suppressed" in names


def test_every_list_has_its_query() -> None:
    folder = files("publishing.extracts").joinpath("lists_sql")
    queries = {path.name.removesuffix(".sql") for path in folder.iterdir()}
    named = {t.name for c in load_extract_contracts().values() for t in c.lists}
    assert named == queries


def test_a_contract_unchanged_is_accepted(tmp_path: Path) -> None:
    assert read_extract_contract(changed(tmp_path, lambda _: None)).slug == "pertanian"


@pytest.mark.parametrize(
    ("number", "period", "agency", "formerly"),
    [
        (8, "2021-04", "Kementerian Pendidikan, Kebudayaan, Riset, dan Teknologi",
         "Kementerian Pendidikan dan Kebudayaan"),
        (8, "2026-10", "Kementerian Pendidikan Dasar dan Menengah",
         "Kementerian Pendidikan dan Kebudayaan"),
        (7, "2024-09", "Kementerian Hukum dan Hak Asasi Manusia", ""),
        (7, "2024-10", "Kementerian Hukum", "Kementerian Hukum dan Hak Asasi Manusia"),
        (15, "2025-10", "Badan Pengaturan BUMN", "Kementerian Badan Usaha Milik Negara"),
        (13, "2026-10", "Kementerian Pertanian", ""),
    ],
)  # fmt: skip
def test_the_agency_is_the_one_that_holds_the_task_then(
    number: int, period: str, agency: str, formerly: str
) -> None:
    (recipient,) = Directory(period).recipients(load_extract_contracts()[number])
    assert (recipient.agency, recipient.formerly) == (agency, formerly)


def test_successors_that_share_the_task_are_named() -> None:
    (recipient,) = Directory("2026-10").recipients(load_extract_contracts()[11])
    assert recipient.agency == "Kementerian Pekerjaan Umum"
    assert recipient.partners == ("Kementerian Perumahan dan Kawasan Permukiman",)


def test_heads_of_regions_have_their_titles() -> None:
    directory, contracts = Directory("2026-10"), load_extract_contracts()
    titles = {r.region_code: r.title for r in directory.recipients(contracts[25])}
    assert titles["3201"] == "Bupati Bogor"
    assert titles["3273"] == "Wali Kota Bandung"
    (governor,) = directory.recipients(contracts[24], "32")
    assert (governor.key, governor.title) == ("24/32", "Gubernur Jawa Barat")
    with pytest.raises(UsageError, match="no region '99'"):
        directory.recipients(contracts[24], "99")
    with pytest.raises(UsageError, match="leave --region out"):
        directory.recipients(contracts[13], "32")
