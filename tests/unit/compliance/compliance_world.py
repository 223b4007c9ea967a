"""Small worlds for the compliance tests: the inputs as tables, real rates, and rows put in them.

A world is rows as dictionaries by table name, so that the SQL and the oracle read the same.
"""

from __future__ import annotations

from typing import Any

import duckdb
import pyarrow as pa

from warehouse import compliance
from warehouse.connection import set_parameters
from warehouse.inputs import VIEWS, create_inputs
from warehouse.reference import load_reference
from warehouse.settings import ComplianceSettings, CoverageSettings, Settings

Row = dict[str, Any]
World = dict[str, list[Row]]

PERIOD = "2026-11"
SPINE = {
    "spine.persons": "period VARCHAR, person_key UBIGINT, life_status VARCHAR, occupation VARCHAR",
    "spine.employers": "period VARCHAR, employer_key UBIGINT, employer_name VARCHAR, "
    "legal_form VARCHAR, npwp_root VARCHAR, region_code VARCHAR, kbli VARCHAR, "
    "kbli_vintage SMALLINT, sector_code VARCHAR, scale VARCHAR, natural_person BOOLEAN, "
    "sources VARCHAR[]",
    "linkage.person_links": "period VARCHAR, dataset VARCHAR, record_id VARCHAR, status VARCHAR, "
    "tier VARCHAR, person_key UBIGINT, probability_ppm INTEGER",
    "linkage.employer_links": "period VARCHAR, dataset VARCHAR, record_id VARCHAR, "
    "employer_key UBIGINT, tier VARCHAR, probability_ppm INTEGER",
    "linkage.employer_identifiers": "period VARCHAR, kind VARCHAR, identifier VARCHAR, "
    "employer_key UBIGINT, region_code VARCHAR",
}
DATASETS = {
    "cards": ("membership", ["2.23"]),
    "npps": ("employer", ["2.23"]),
    "payroll": ("employment", ["2.9"]),
    "tax_register": ("employer", ["2.9"]),
    "industry": ("employment", ["2.10.c"]),
    "factories": ("employer", ["2.10"]),
    "drivers": ("roster", ["2.12"]),
    "sme": ("employer", ["2.17.b"]),
    "works": ("project", ["2.11.a"]),
}
INPUTS = tuple(view for view in VIEWS if view != "in_person_records")


def open_warehouse() -> duckdb.DuckDBPyConnection:
    """Open a warehouse in memory with the real reference tables and empty inputs."""
    con = duckdb.connect(config={"threads": 2})
    for schema in ("landing", "conformed", "spine", "linkage", "coverage", "quality"):
        con.execute(f"CREATE SCHEMA {schema}")
    load_reference(con)
    con.execute(
        "CREATE TABLE landing.in_force (period VARCHAR, dataset VARCHAR, delivery_period VARCHAR, "
        "version INTEGER, age_months INTEGER, state VARCHAR)"
    )
    con.execute(
        "CREATE TABLE reference.datasets (dataset VARCHAR, kind VARCHAR, clauses VARCHAR[], "
        "sector_code VARCHAR, links_person BOOLEAN)"
    )
    for dataset, (kind, clauses) in DATASETS.items():
        con.execute(
            "INSERT INTO reference.datasets VALUES (?, ?, ?, NULL, true)", [dataset, kind, clauses]
        )
    create_inputs(con, PERIOD)
    con.execute("DROP VIEW in_person_records")
    for view in INPUTS:
        con.execute(f"CREATE TEMP TABLE made AS FROM {view} LIMIT 0")
        con.execute(f"DROP VIEW {view}")
        con.execute(f"ALTER TABLE made RENAME TO {view}")
    con.execute(
        "CREATE TEMP VIEW in_person_records AS "
        + " UNION ALL ".join(
            f"SELECT full_name FROM in_{kind}"
            for kind in ("membership", "employment", "roster", "ownership")
        )
    )
    for name, columns in SPINE.items():
        con.execute(f"CREATE TABLE {name} ({columns})")
    return con


def compute(
    con: duckdb.DuckDBPyConnection,
    world: World,
    period: str = PERIOD,
    coverage: CoverageSettings | None = None,
    rules: ComplianceSettings | None = None,
) -> None:
    """Put a world's rows into the warehouse and compute the tables of a period."""
    for name in (*INPUTS, *SPINE):
        con.execute(f"DELETE FROM {name}")
        rows = world.get(name, [])
        if name in SPINE:
            rows = [{"period": period, **row} for row in rows]
        schema = con.execute(f"SELECT * FROM {name} LIMIT 0").to_arrow_table().schema
        unknown = {key for row in rows for key in row} - set(schema.names)
        assert not unknown, f"{name} has no {unknown}"
        con.register("rows_to_load", pa.Table.from_pylist(rows, schema=schema))
        con.execute(f"INSERT INTO {name} SELECT * FROM rows_to_load")
        con.unregister("rows_to_load")
    settings = Settings(
        coverage=coverage or CoverageSettings(), compliance=rules or ComplianceSettings()
    )
    set_parameters(con, settings, period)
    compliance.run(con, settings, period)


def table(con: duckdb.DuckDBPyConnection, name: str, period: str = PERIOD) -> list[Row]:
    """Read a table of a period; employers under the key of the spine, not the published one."""
    columns = [row[0] for row in con.execute(f"DESCRIBE {name}").fetchall()]
    key = ", k.employer_key AS employer_key" if "employer_key" in columns else ""
    join = (
        "JOIN spine.employer_keys AS k ON k.period = t.period AND k.published_key = t.employer_key"
        if key
        else ""
    )
    found = con.execute(
        f"SELECT t.* {'EXCLUDE (employer_key)' if key else ''}{key} FROM {name} AS t {join} "
        "WHERE t.period = ?",
        [period],
    )
    names = [column[0] for column in found.description or []]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


class Builder:
    """Puts rows into a world, one employer and person at a time.

    Employers have the NPWP root `0` and nine digits of their key; a person is a number, linked
    for certain unless said otherwise.
    """

    def __init__(self) -> None:
        self.world: World = {name: [] for name in (*INPUTS, *SPINE)}
        self._number = 0

    def employer(
        self,
        key: int,
        *,
        scale: str | None = "besar",
        kbli: str | None = "10110",
        region: str = "3171",
        name: str | None = "PT MAJU JAYA",
        legal_form: str | None = "PT",
        natural: bool = False,
        **more: Any,
    ) -> int:
        root = f"0{key:09d}"
        self.world["spine.employers"].append(
            {
                "employer_key": key, "employer_name": name, "legal_form": legal_form,
                "npwp_root": root, "region_code": region, "kbli": kbli, "kbli_vintage": 2020,
                "sector_code": "C", "scale": scale, "natural_person": natural,
                "sources": ["factories"], **more,
            }
        )  # fmt: skip
        self.identifier("npwp_root", root, key)
        self.identifier("npwp", f"{root}000000", key, region)
        self.register(key, "factories", workers=None)
        return key

    def identifier(self, kind: str, identifier: str, key: int, region: str | None = None) -> None:
        self.world["linkage.employer_identifiers"].append(
            {"kind": kind, "identifier": identifier, "employer_key": key, "region_code": region}
        )

    def register(
        self, key: int, dataset: str, *, link: tuple[str, int] = ("identifier", 999_000),
        **row: Any,
    ) -> None:  # fmt: skip
        record = self._record()
        self.world["in_employers"].append({"dataset": dataset, "record_id": record, **row})
        self.world["linkage.employer_links"].append(
            {"dataset": dataset, "record_id": record, "employer_key": key, "tier": link[0],
             "probability_ppm": link[1]}
        )  # fmt: skip

    def npp(
        self, key: int, npp: str, programmes: str | None = "JKK JKM JHT JP", *,
        paid: str | None = PERIOD, region: str = "3171", **row: Any,
    ) -> None:  # fmt: skip
        self.identifier("npp", npp, key, region)
        self.register(
            key, "npps", npp=npp, last_paid_period=paid,
            programmes=programmes.split() if programmes is not None else None, **row,
        )  # fmt: skip

    def card(
        self, person: int | None, npp: str, wage: int | None = 6_000_000, *,
        paid: str | None = PERIOD, segment: str | None = "PU", **row: Any,
    ) -> None:  # fmt: skip
        self._listed(
            "in_membership", "cards", person,
            {"npp": npp, "segment": segment, "reported_wage": wage, "last_paid_period": paid}
            | row,
        )  # fmt: skip

    def works(
        self, person: int | None, key: int, wage: int | None = 6_000_000, *,
        dataset: str = "payroll", **row: Any,
    ) -> None:  # fmt: skip
        view = "in_roster" if DATASETS[dataset][0] == "roster" else "in_employment"
        self._listed(
            view, dataset, person,
            {"employer_npwp": f"0{key:09d}000000", "monthly_wage": wage, **row},
        )  # fmt: skip

    def owner(self, key: int, person: int | None, **row: Any) -> None:
        record = self._listed("in_ownership", "sme", person, row)
        self.world["linkage.employer_links"].append(
            {"dataset": "sme", "record_id": record, "employer_key": key, "tier": "identifier",
             "probability_ppm": 999_000}
        )  # fmt: skip

    def project(self, **row: Any) -> None:
        self.world["in_projects"].append({"dataset": "works", "record_id": self._record(), **row})

    def person(self, key: int, **row: Any) -> None:
        self.world["spine.persons"].append({"person_key": key, "life_status": "hidup", **row})

    def _record(self) -> str:
        self._number += 1
        return f"r{self._number:05d}"

    def _listed(self, view: str, dataset: str, person: int | None, row: Row) -> str:
        record = self._record()
        row = dict(row)
        status, tier, ppm = row.pop("link", ("linked", "identifier", 1_000_000))
        self.world[view].append({"dataset": dataset, "record_id": record, **row})
        if person is None:
            status, tier, ppm = "unlinked", None, None
        self.world["linkage.person_links"].append(
            {"dataset": dataset, "record_id": record, "status": status, "tier": tier,
             "person_key": person, "probability_ppm": ppm}
        )  # fmt: skip
        return record
