"""Employer resolution: the records of all registers of businesses, brought together as employers.

Belongs here: the order of the stages, and what they leave in `spine` and `linkage`. Does not
belong here: the stages themselves (companies.py, employer_*.py, matching/sql/employers).

Every record of `in_employers` ends with an employer, a tier (`identifier`, `model`, `single`),
a probability in millionths and a reason. The same records give the same employers, in whatever
order they come: nothing depends on row order, time or chance.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import files

import duckdb

from matching.companies import parse_names, words
from matching.employer_assignment import assign
from matching.employer_candidates import make_candidates
from matching.employer_likeness import compare_cores
from matching.employer_model import learn_and_score
from warehouse.connection import check_period
from warehouse.storage import count, literal, replace_period, run_sql_file

# Which register goes before which where they disagree, for industry and region (coverage.md,
# sector precedence) and for the name (the decree of AHU gives the legal one); whether it lists
# a business once; the identifier that is its own.
REGISTERS: dict[str, tuple[int, int, bool, str | None]] = {
    "oss_businesses": (1, 2, True, "nib"),
    "siinas_companies": (2, 4, False, None),
    "ahu_companies": (3, 1, True, "ahu_number"),
    "djp_employers": (4, 3, True, "npwp_root"),
    "bpjs_employers": (5, 5, False, "npp"),
    "cooperatives": (6, 6, True, "nik_koperasi"),
    "sme_businesses": (7, 7, True, None),
}
# A register this table does not know comes last, and may list a business more than once.
OTHER_REGISTER: tuple[int, int, bool, str | None] = (9, 9, False, None)

TABLES = {
    "spine.employers": "period VARCHAR, employer_key UBIGINT, parent_key UBIGINT, "
    "employer_name VARCHAR, "
    "legal_form VARCHAR, npwp_root VARCHAR, nib VARCHAR, ahu_number VARCHAR, "
    "region_code VARCHAR, kbli VARCHAR, kbli_vintage SMALLINT, sector_code VARCHAR, "
    "scale VARCHAR, workers BIGINT, natural_person BOOLEAN, sources VARCHAR[]",
    "linkage.employer_links": "period VARCHAR, dataset VARCHAR, record_id VARCHAR, "
    "employer_key UBIGINT, tier VARCHAR, probability_ppm INTEGER, reason VARCHAR",
    "linkage.employer_identifiers": "period VARCHAR, kind VARCHAR, identifier VARCHAR, "
    "employer_key UBIGINT, region_code VARCHAR",
    "spine.employer_key_changes": "period VARCHAR, old_key UBIGINT, new_key UBIGINT, kind VARCHAR",
    "linkage.employer_evidence": "period VARCHAR, employer_key UBIGINT, other_key UBIGINT, "
    "dataset VARCHAR, record_id VARCHAR, other_dataset VARCHAR, other_record_id VARCHAR, "
    "decision VARCHAR, bits DOUBLE, name VARCHAR, form VARCHAR, region VARCHAR, "
    "industry VARCHAR, address VARCHAR, owner VARCHAR, number VARCHAR",
    "linkage.employer_report": "period VARCHAR, stage VARCHAR, pairs BIGINT, links BIGINT, "
    "capped_blocks BIGINT, capped_profiles BIGINT",
    "linkage.employer_model": "period VARCHAR, field VARCHAR, level VARCHAR, m DOUBLE, "
    "u DOUBLE, bits DOUBLE",
}


def create_employer_tables(con: duckdb.DuckDBPyConnection) -> None:
    """Create the tables that employer resolution writes, where they are missing."""
    for schema in ("spine", "linkage"):
        con.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
    for table, columns in TABLES.items():
        con.execute(f"CREATE TABLE IF NOT EXISTS {table}({columns})")
    # A warehouse made before parents were told apart.
    con.execute("ALTER TABLE spine.employers ADD COLUMN IF NOT EXISTS parent_key UBIGINT")


def _no_log(message: str) -> None:
    """Say nothing."""


def resolve_period(
    con: duckdb.DuckDBPyConnection, period: str, log: Callable[[str], None] | None = None
) -> dict[str, int]:
    """Resolve the employer records of a month into the employer spine.

    Args:
        con: the restricted warehouse with the TEMP view `in_employers`; uses
            `reference.legal_forms` and `reference.regencies` where they are.
        period: the month, `YYYY-MM`.
        log: told what each stage did; counts only.

    Returns:
        `records`, `employers`, and the records of each tier: `identifier`, `model`, `single`.

    Raises:
        UsageError: `period` is not a month.
    """
    check_period(period)
    tell = log or _no_log
    create_employer_tables(con)
    before = set(_temp_tables(con))
    try:
        return _resolve(con, period, tell)
    finally:
        # Also after a failure: what a run leaves half done must not be there for the next.
        for name in _temp_tables(con):
            if name not in before and name.startswith(("emp_", "co_")):
                con.execute(f"DROP TABLE IF EXISTS temp.{name}")


def _resolve(
    con: duckdb.DuckDBPyConnection, period: str, tell: Callable[[str], None]
) -> dict[str, int]:
    con.execute("SET VARIABLE emp_period = ?::VARCHAR", [period])
    con.execute(
        "CREATE OR REPLACE TEMP TABLE emp_report(period VARCHAR, stage VARCHAR, pairs BIGINT, "
        "links BIGINT, capped_blocks BIGINT, capped_profiles BIGINT)"
    )
    names = parse_names(
        con,
        "(SELECT coalesce(employer_name, '') AS employer_name, legal_form FROM in_employers)",
    )
    tell(f"employers: {count(con, 'in_employers')} records under {names} names")
    _load_registers(con)
    folder = files("matching").joinpath("sql", "employers")
    run_sql_file(con, folder.joinpath("10_records.sql"))
    run_sql_file(con, folder.joinpath("20_claims.sql"))
    asked = compare_cores(con, "emp_name_asks")
    run_sql_file(con, folder.joinpath("30_units.sql"))
    run_sql_file(con, folder.joinpath("40_profiles.sql"))
    units = count(con, "emp_units")
    together = count(con, "emp_members") - units
    _report(con, period, "identifiers", asked, together)
    tell(f"employers: identifiers leave {units} units")
    pairs = make_candidates(con, period, tell)
    learn_and_score(con)
    _report(con, period, "model", pairs, assign(con, tell))
    for name in ("60_resolved", "70_keys", "80_out"):
        run_sql_file(con, folder.joinpath(f"{name}.sql"))
    return _write(con, period)


def _temp_tables(con: duckdb.DuckDBPyConnection) -> list[str]:
    return [
        row[0]
        for row in con.execute(
            "SELECT table_name FROM duckdb_tables() WHERE temporary ORDER BY 1"
        ).fetchall()
    ]


def _report(
    con: duckdb.DuckDBPyConnection, period: str, stage: str, pairs: int, links: int
) -> None:
    con.execute("INSERT INTO emp_report VALUES (?, ?, ?, ?, 0, 0)", [period, stage, pairs, links])


def _load_registers(con: duckdb.DuckDBPyConnection) -> None:
    """Make emp_registers, emp_akin and emp_natural: the small tables the stages read."""
    con.execute(
        "CREATE OR REPLACE TEMP TABLE emp_registers(dataset VARCHAR, precedence INTEGER, "
        "name_precedence INTEGER, once_bit BIGINT, home VARCHAR)"
    )
    datasets = con.execute("SELECT DISTINCT dataset FROM in_employers ORDER BY 1").fetchall()
    for (dataset,) in datasets:
        precedence, naming, once, home = REGISTERS.get(dataset, OTHER_REGISTER)
        con.execute(
            "INSERT INTO emp_registers VALUES (?, ?, ?, ?, ?)",
            [dataset, precedence, naming, 1 << precedence if once else 0, home],
        )
    con.execute("CREATE OR REPLACE TEMP TABLE emp_akin(a VARCHAR, b VARCHAR)")
    for one, other in words()["akin"]:
        con.execute("INSERT INTO emp_akin VALUES (?, ?), (?, ?)", [one, other, other, one])
    natural = ", ".join(literal(form) for form in words()["natural"])
    known = con.execute(
        "SELECT 1 FROM duckdb_tables() WHERE schema_name = 'reference' "
        "AND table_name = 'legal_forms'"
    ).fetchone()
    said = "SELECT legal_form, natural_person FROM reference.legal_forms" if known else "FROM none"
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE emp_natural AS
        WITH none AS (SELECT NULL::VARCHAR AS legal_form, NULL::BOOLEAN AS natural_person),
        said AS ({said})
        SELECT f.legal_form,
            coalesce(bool_or(s.natural_person), f.legal_form IN ({natural})) AS natural_person
        FROM (SELECT DISTINCT legal_form FROM co_forms) AS f
        LEFT JOIN said AS s USING (legal_form)
        GROUP BY f.legal_form
        """
    )


def _write(con: duckdb.DuckDBPyConnection, period: str) -> dict[str, int]:
    """Replace the period's rows in the lasting tables; gives the counts."""
    con.execute(
        """
        CREATE OR REPLACE TEMP TABLE emp_model_out AS
        SELECT getvariable('emp_period') AS period, * FROM emp_weights
        UNION ALL
        SELECT getvariable('emp_period'), 'prior', 'prior', NULL, NULL, bits FROM emp_prior
        """
    )
    employers = replace_period(con, "spine.employers", period, "FROM emp_spine_out")
    records = replace_period(con, "linkage.employer_links", period, "FROM emp_links_out")
    replace_period(con, "linkage.employer_identifiers", period, "FROM emp_identifiers_out")
    replace_period(con, "spine.employer_key_changes", period, "FROM emp_changes_out")
    replace_period(con, "linkage.employer_evidence", period, "FROM emp_evidence_out")
    replace_period(con, "linkage.employer_report", period, "FROM emp_report")
    replace_period(con, "linkage.employer_model", period, "FROM emp_model_out")
    tiers = dict(
        con.execute(
            "SELECT tier, count(*) FROM linkage.employer_links WHERE period = ? GROUP BY tier",
            [period],
        ).fetchall()
    )
    counts = {tier: int(tiers.get(tier, 0)) for tier in ("identifier", "model", "single")}
    return {"records": records, "employers": employers, **counts}
