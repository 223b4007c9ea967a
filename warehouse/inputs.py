"""The inputs of linkage and coverage: one view per kind over the deliveries in force.

Belongs here: which columns each kind of input has, and how conformed tables of that kind
are put together. Does not belong here: which delivery is in force (sources/landing.py), or
what is concluded from the inputs.
"""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

from warehouse.columns import dictionary
from warehouse.storage import literal, quote

PERSON_COLUMNS = (
    "nik", "nik_reason", "nik_aside", "full_name", "sex", "birth_date", "birth_place",
    "mother_name", "address", "region_code",
)  # fmt: skip

_EXTRA_TYPES = {
    "nik_reason": "VARCHAR",
    "nik_aside": "VARCHAR",
    "row_hash": "UBIGINT",
    "sector_code": "VARCHAR",
}


@dataclass(frozen=True)
class _Input:
    """One view: which datasets feed it, and its columns."""

    view: str
    kinds: tuple[str, ...]
    columns: tuple[str, ...]
    with_dataset: bool = True
    renamed: tuple[tuple[str, str], ...] = ()
    where: str = "true"
    owners: bool = False


_INPUTS = (
    _Input(
        "in_population",
        ("population",),
        (
            "nik", "full_name", "sex", "birth_date", "birth_place", "mother_name", "address",
            "region_code", "occupation", "life_status", "row_hash",
        ),
        with_dataset=False,
    ),
    _Input(
        "in_membership",
        ("membership",),
        (
            "kpj", *PERSON_COLUMNS, "segment", "npp", "programmes", "reported_wage",
            "registered_on", "last_paid_period", "ended_on", "end_reason", "row_hash",
        ),
    ),
    _Input(
        "in_employment",
        ("employment",),
        (
            *PERSON_COLUMNS, "employer_npwp", "employer_nib", "kbli", "sector_code",
            "monthly_wage", "employment_status", "started_on", "ended_on", "row_hash",
        ),
    ),
    _Input(
        "in_roster",
        ("roster",),
        (
            *PERSON_COLUMNS, "employer_name", "employer_npwp", "employer_nib", "kbli",
            "sector_code", "employment_status", "monthly_wage", "row_hash",
        ),
    ),
    _Input(
        "in_ownership",
        ("employer",),
        (*PERSON_COLUMNS, "sector_code", "row_hash"),
        renamed=(
            ("nik", "owner_nik"), ("nik_reason", "owner_nik_reason"),
            ("nik_aside", "owner_nik_aside"), ("full_name", "owner_name"),
        ),
        where="full_name IS NOT NULL OR nik IS NOT NULL",
        owners=True,
    ),
    _Input(
        "in_employers",
        ("employer",),
        (
            "employer_name", "legal_form", "npwp", "nib", "npp", "ahu_number", "nik_koperasi",
            "address", "region_code", "kbli", "kbli_vintage", "sector_code", "workers", "scale",
            "status", "parent_npwp", "programmes", "registered_on", "last_paid_period",
            "owner_name", "row_hash",
        ),
    ),
    _Input(
        "in_projects",
        ("project",),
        (
            "project_name", "contractor_name", "contractor_npwp", "region_code", "contract_value",
            "funding", "starts_on", "ends_on", "certificate_number", "row_hash",
        ),
    ),
)  # fmt: skip

VIEWS = (*(entry.view for entry in _INPUTS), "in_person_records")


def create_inputs(con: duckdb.DuckDBPyConnection, period: str) -> None:
    """Make the TEMP views `in_*` over the deliveries in force in `period`.

    A column that a dataset's contract lacks is NULL. A dataset whose delivery is missing or
    older than its contract allows gives no rows.

    Args:
        con: the restricted warehouse with `landing.in_force`, `reference.datasets` and the
            conformed tables.
        period: the month of the run.
    """
    delivered = con.execute(
        """
        SELECT d.dataset, d.kind, d.links_person, f.delivery_period, f.version
        FROM landing.in_force AS f JOIN reference.datasets AS d USING (dataset)
        WHERE f.period = ? AND f.state IN ('current', 'carried')
        ORDER BY d.dataset
        """,
        [period],
    ).fetchall()
    columns: dict[str, set[str]] = {}
    for table, column in con.execute(
        "SELECT table_name, column_name FROM duckdb_columns() WHERE schema_name = 'conformed'"
    ).fetchall():
        columns.setdefault(table, set()).add(column)
    for entry in _INPUTS:
        parts = [
            _select(entry, dataset, columns[dataset], delivery_period, version)
            for dataset, kind, links_person, delivery_period, version in delivered
            if kind in entry.kinds and dataset in columns and (links_person or not entry.owners)
        ]
        body = "\nUNION ALL\n".join(parts) or _nothing(entry)
        con.execute(f"CREATE OR REPLACE TEMP VIEW {entry.view} AS {body}")
    person = ", ".join(PERSON_COLUMNS)
    con.execute(
        "CREATE OR REPLACE TEMP VIEW in_person_records AS "
        + " UNION ALL ".join(
            f"SELECT dataset, '{kind}' AS kind, record_id, {person}, row_hash FROM in_{kind}"
            for kind in ("membership", "employment", "roster", "ownership")
        )
    )


def _select(entry: _Input, dataset: str, present: set[str], period: str, version: int) -> str:
    source = dict(entry.renamed)
    parts = [f"{literal(dataset)} AS dataset"] if entry.with_dataset else []
    parts.append("record_id")
    for name in entry.columns:
        column = source.get(name, name)
        value = quote(column) if column in present else f"NULL::{_sql_type(name)}"
        parts.append(f"{value} AS {quote(name)}")
    return (
        f"SELECT * FROM (SELECT {', '.join(parts)} FROM conformed.{quote(dataset)} "
        f"WHERE period = {literal(period)} AND delivery_version = {int(version)}) "
        f"WHERE {entry.where}"
    )


def _nothing(entry: _Input) -> str:
    parts = ["NULL::VARCHAR AS dataset"] if entry.with_dataset else []
    parts.append("NULL::VARCHAR AS record_id")
    parts += [f"NULL::{_sql_type(name)} AS {quote(name)}" for name in entry.columns]
    return f"SELECT {', '.join(parts)} WHERE false"


def _sql_type(name: str) -> str:
    return _EXTRA_TYPES.get(name) or dictionary()[name].sql_type
