"""Every clause that names a group has its lists, and rules say which of their rows it means."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest
import yaml
from test_contracts import _document, _write

from sources.clause_rules import WHOLE_LIST
from sources.clauses import clauses_page, named_clauses
from sources.contracts import load_contracts, load_dataset_table, read_contract
from warehouse.errors import UsageError
from warehouse.instruction import views
from warehouse.reference import reference_rows


def test_every_clause_that_names_a_group_is_served_by_a_list() -> None:
    served = {clause for contract in load_contracts().values() for clause in contract.clauses}
    assert set(named_clauses()) <= served
    known = {row["clause"] for row in reference_rows("clauses")}
    assert served <= known
    # The clauses are those of the addressees, each under its own.
    of_addressees = {
        (clause, row["addressee_id"])
        for row in reference_rows("addressees")
        for clause in row["clauses"].split(";")
    }
    assert {(r["clause"], r["addressee_id"]) for r in reference_rows("clauses")} >= of_addressees


def test_clauses_that_share_a_list_mean_their_own_part_of_it() -> None:
    contracts = load_contracts()
    for key, clauses in {
        "non_asn_staff": ("2.4.b", "2.24.b", "2.25.b"),
        "regional_soe_staff": ("2.24.d", "2.25.c"),
        "one_stop_permit_applicants": ("2.24.e", "2.25.d"),
    }.items():
        conditions = {contracts[key].rules_of(clause)[0].condition for clause in clauses}
        assert len(conditions) == len(clauses), key


def test_the_page_tells_of_every_clause_and_of_who_succeeded_whom() -> None:
    page = clauses_page(load_contracts())
    for row in reference_rows("clauses"):
        assert f"### {row['clause']}: " in page
    for row in reference_rows("addressee_agencies"):
        assert row["agency"] in page
    assert "Rp100 million (**wajib**" in page


def _warehouse(rows: dict[str, tuple[str, list[tuple]]]) -> duckdb.DuckDBPyConnection:
    """A warehouse with the rules of the project and a few conformed tables, all in force."""
    con = duckdb.connect()
    for schema in ("reference", "conformed", "landing", "linkage"):
        con.execute(f"CREATE SCHEMA {schema}")
    load_dataset_table(con, load_contracts())
    con.execute(
        "CREATE TABLE landing.in_force (period VARCHAR, dataset VARCHAR, delivery_period VARCHAR, "
        "version INTEGER, age_months INTEGER, state VARCHAR)"
    )
    con.execute("SET VARIABLE period = '2026-10'")
    con.execute("SET VARIABLE as_of = DATE '2026-10-31'")
    for key, (columns, values) in rows.items():
        con.execute(
            f"CREATE TABLE conformed.{key} (period VARCHAR, delivery_version INTEGER, "
            f"record_id VARCHAR, {columns})"
        )
        marks = ", ".join("?" for _ in values[0])
        con.executemany(f"INSERT INTO conformed.{key} VALUES ('2026-10', 1, {marks})", values)
        con.execute(
            "INSERT INTO landing.in_force VALUES ('2026-10', ?, '2026-10', 1, 0, 'current')", [key]
        )
    for name, query in views(con, "2026-10").items():
        con.execute(f"CREATE TEMP VIEW {name} AS {query}")
    return con


def _groups(con: duckdb.DuckDBPyConnection, clause: str) -> dict[str, str]:
    return dict(
        con.execute(
            "SELECT record_id, group_code FROM cov_grouped WHERE clause = ?", [clause]
        ).fetchall()
    )


def test_small_and_special_loans_above_a_hundred_million_are_obliged() -> None:
    con = _warehouse(
        {
            "kur_debtors": (
                "kur_scheme VARCHAR, loan_amount BIGINT",
                [
                    ("A", "kecil", 100_000_001),
                    ("B", "kecil", 100_000_000),
                    ("C", "khusus", 250_000_000),
                    ("D", "mikro", 200_000_000),
                    ("E", None, None),
                ],
            )
        }
    )
    assert _groups(con, "2.2.a") == {
        "A": "wajib", "B": "didorong", "C": "wajib", "D": "didorong", "E": "didorong",
    }  # fmt: skip


def test_migrant_workers_stand_before_during_or_after_their_work() -> None:
    con = _warehouse(
        {
            "migrant_workers": (
                "departed_on DATE, returned_on DATE",
                [
                    ("waits", None, None),
                    ("leaves", "2026-11-01", None),
                    ("away", "2026-10-31", None),
                    ("back", "2024-01-01", "2026-10-31"),
                    ("returns", "2024-01-01", "2026-11-20"),
                    ("back, never said when gone", None, "2026-01-01"),
                ],
            )
        }
    )
    for clause in ("2.3.d", "2.5.b"):
        assert _groups(con, clause) == {
            "waits": "sebelum_bekerja",
            "leaves": "sebelum_bekerja",
            "away": "selama_bekerja",
            "back": "setelah_bekerja",
            "returns": "selama_bekerja",
            "back, never said when gone": "setelah_bekerja",
        }


def test_construction_workers_go_by_the_certificate_of_their_project() -> None:
    workers = ("project_id VARCHAR", [("A", "P1"), ("B", "P2"), ("C", "P9"), ("D", None)])
    projects = ("certificate_number VARCHAR", [("P1", "JK1"), ("P2", None)])
    con = _warehouse({"construction_workers": workers, "construction_projects": projects})
    assert _groups(con, "2.11.a") == {
        "A": "proyek_bersertifikat",
        "B": "proyek_tanpa_sertifikat",
        "C": "proyek_tidak_dikenal",
        "D": "proyek_tidak_dikenal",
    }
    # Without any list of projects nobody's project is known, and nothing fails.
    alone = _warehouse({"construction_workers": workers})
    assert set(_groups(alone, "2.11.b").values()) == {"proyek_tidak_dikenal"}


def test_election_organisers_go_by_their_term_and_staff_by_their_government() -> None:
    con = _warehouse(
        {
            "election_organisers": (
                "started_on DATE, ended_on DATE",
                [
                    ("in", "2026-10-31", "2026-11-01"),
                    ("over", "2024-01-01", "2026-10-31"),
                    ("ahead", "2026-11-01", None),
                    ("open", None, None),
                ],
            ),
            "non_asn_staff": (
                "government_level VARCHAR",
                [("P", "provinsi"), ("K", "kabupaten_kota"), ("C", "pusat"), ("?", None)],
            ),
        }
    )
    terms = {
        k: v for k, v in _groups(con, "2.24.b").items() if k in ("in", "over", "ahead", "open")
    }
    assert terms == {
        "in": "masa_tugas", "over": "di_luar_masa_tugas", "ahead": "di_luar_masa_tugas",
        "open": "masa_tugas",
    }  # fmt: skip
    of_staff = {
        clause: {
            row[0]
            for row in con.execute(
                "SELECT record_id FROM cov_grouped WHERE dataset = 'non_asn_staff' AND clause = ?",
                [clause],
            ).fetchall()
        }
        for clause in ("2.24.b", "2.25.b")
    }
    # Whom nobody placed may be either's, and is shown to both.
    assert of_staff == {"2.24.b": {"P", "?"}, "2.25.b": {"K", "?"}}
    # The ministry's own clause means all of them.
    assert con.execute(
        "SELECT group_code, conditional FROM cov_rules "
        "WHERE dataset = 'non_asn_staff' AND clause = '2.4.b'"
    ).fetchall() == [("bukan_asn", False)]  # fmt: skip


def test_lists_without_rules_are_meant_whole() -> None:
    (rule,) = load_contracts()["farmers"].rules_of("2.13.b")
    assert (rule.group, rule.condition) == (WHOLE_LIST, "true")


def _with_rules(*rules: dict[str, object]) -> dict[str, object]:
    document = _document()
    properties = document["customProperties"]
    assert isinstance(properties, list)
    properties.append({"property": "clauseRules", "value": list(rules)})
    return document


RULE = {
    "group": "perempuan", "clauses": ["2.17.b"], "obligation": "wajib", "id": "Perempuan",
    "en": "Women", "source": "UU", "where": {"nik": {"given": True}},
}  # fmt: skip


def test_a_contract_gives_its_own_rules(tmp_path: Path) -> None:
    contract = read_contract(_write(tmp_path, _with_rules(RULE)))
    assert contract.rules_of("2.17.b")[0].condition == 'r."nik" IS NOT NULL'
    assert yaml.safe_load(contract.rules[0].where) == {"nik": {"given": True}}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"group": "Bad Name"}, "needs a group"),
        ({"clauses": ["2.12"]}, "clauses of this contract"),
        ({"obligation": "harus"}, "needs an obligation"),
        ({"source": ""}, "needs source"),
        ({"where": {"stall": {"given": True}}}, "'stall' is no column"),
        ({"where": {"nik": {"like": "1%"}}}, "'like' is none of"),
        ({"where": {}}, "otherwise"),
        ({"otherwise": True}, "otherwise"),
        ({"amount": 5}, "has 'amount'"),
        (
            {"where": {"x": {"given": True, "of": {"dataset": "farmers", "key": "stall"}}}},
            "looks up by 'stall'",
        ),
    ],
)
def test_a_faulty_rule_is_refused_by_place(
    tmp_path: Path, changes: dict[str, object], message: str
) -> None:
    path = _write(tmp_path, _with_rules(RULE | changes))
    with pytest.raises(UsageError, match=message) as caught:
        read_contract(path)
    assert "clauseRules 1" in str(caught.value)


def test_a_group_of_a_clause_stands_once(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="twice"):
        read_contract(_write(tmp_path, _with_rules(RULE, RULE)))
