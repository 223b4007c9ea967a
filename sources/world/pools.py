"""What lists draw from that the world does not have already: people and businesses with a cause.

Belongs here: the tables `world_<pool>` that a contract's sample names. Pools of people have `k`,
`i`, `firm` and further columns by the names of the contract's; pools of businesses and projects
have `k`, `company_id` and the contract's columns with their true values. Does not belong here:
who of them is listed (rosters), how columns are spoilt (damage, firm_damage).
"""

from __future__ import annotations

import datetime as dt

import duckdb

from sources.world.draws import Draws
from sources.world.projects import make_projects

IN_OSS = {"besar": 0.97, "menengah": 0.93, "kecil": 0.82, "mikro": 0.60}
"""Firms that hold an NIB, by scale (own guess; of more than 12 million NIB by 2025)."""
OWN_IN_OSS = 0.60
"""One-person businesses of SIDT that hold one, so that the two lists are of like size."""


def make_pools(con: duckdb.DuckDBPyConnection, d: Draws, last: dt.date) -> None:
    """Make the pools of people, businesses and projects.

    Args:
        con: the building database, with everything but the deliveries.
        d: draws of the world.
        last: last day of the newest period.
    """
    _people(con, d, last)
    _businesses(con, d, last)
    make_projects(con, d, last)


def _people(con: duckdb.DuckDBPyConnection, d: Draws, last: dt.date) -> None:
    con.execute(f"""
        CREATE OR REPLACE TABLE world_migrants AS
        WITH abroad AS (
            SELECT i, min(registered_on) AS insured_on FROM cards WHERE segment = 'PMI' GROUP BY i
        ),
        candidates AS (
            SELECT p.i, a.insured_on FROM people AS p LEFT JOIN abroad AS a USING (i)
            WHERE a.i IS NOT NULL OR (p.age BETWEEN 20 AND 44 AND p.in_register
                AND p.province IN ('32', '33', '35', '52', '53')
                AND p.i NOT IN (SELECT i FROM work) AND {d.unit("p.i", "uninsured migrant")} < 0.04)
        )
        SELECT i AS k, i, NULL::BIGINT AS firm, departed_on,
            CASE WHEN {d.unit("i", "migrant back")} < 0.12 AND departed_on < DATE '{last}' - 60
                THEN departed_on + ({d.unit("i", "migrant stay")}
                    * (DATE '{last}' - departed_on))::INTEGER END AS returned_on
        FROM (
            -- Cover begins before the journey; some are still waiting for theirs.
            SELECT i, CASE WHEN {d.unit("i", "migrant waits")} < 0.15 THEN NULL
                ELSE coalesce(insured_on + {d.whole("i", "migrant leaves", 5, 60)},
                    DATE '{last}' - {d.whole("i", "migrant left", 10, 900)}) END AS departed_on
            FROM candidates
        )
    """)
    con.execute("""
        CREATE OR REPLACE TABLE world_young AS
        SELECT p.i AS k, p.i, NULL::BIGINT AS firm FROM people AS p
        LEFT JOIN work AS w ON w.i = p.i AND w.formal
        WHERE p.age BETWEEN 18 AND 29 AND w.i IS NULL AND p.in_register
    """)
    con.execute("""
        CREATE OR REPLACE TABLE world_villagers AS
        SELECT i AS k, i, NULL::BIGINT AS firm FROM people
        WHERE age BETWEEN 18 AND 57 AND in_register
    """)
    con.execute("""
        CREATE OR REPLACE TABLE world_public_staff AS
        SELECT j.i AS k, j.i, j.firm, f.name AS agency
        FROM jobs AS j JOIN firms AS f USING (firm)
        WHERE f.kind = 'public' AND NOT j.civil AND j.rank = 1 AND j.left_on IS NULL
    """)


def _businesses(con: duckdb.DuckDBPyConnection, d: Draws, last: dt.date) -> None:
    chance = " ".join(f"WHEN '{scale}' THEN {share}" for scale, share in IN_OSS.items())
    con.execute(f"""
        CREATE OR REPLACE TABLE world_licensed_businesses AS
        SELECT f.firm AS k, 'F' || f.firm::VARCHAR AS company_id, f.nib, f.name, f.legal_form,
            f.npwp, f.address, f.regency AS region_code, r.former, r.bps, f.kbli, f.kbli_vintage,
            f.scale, f.closed, greatest(0, (f.workers * (0.6 + {d.unit("f.firm", "planned")}))
                ::BIGINT) AS planned_workers,
            -- The system of NIB opened in July 2018.
            greatest(make_date(f.founded, 1, 1), DATE '2018-07-09')
                + {d.whole("f.firm", "nib day", 0, 330)} AS nib_issued_on
        FROM firm_listing AS f JOIN regency AS r ON r.code = f.regency
        WHERE f.kind <> 'public' AND {d.unit("f.firm", "in oss")} < CASE f.scale {chance} END
        UNION ALL BY NAME
        SELECT -1 - s.i AS k, s.company_id, s.nib, s.name, s.npwp, s.address,
            s.regency AS region_code, r.former, r.bps, s.kbli, s.kbli_vintage, s.scale,
            false AS closed, s.workers AS planned_workers,
            DATE '{last}' - {d.whole("s.i", "own nib day", 30, 2600)} AS nib_issued_on
        FROM sme AS s JOIN regency AS r ON r.code = s.regency
        WHERE s.k >= 0 AND {d.unit("s.i", "own in oss")} < {OWN_IN_OSS}
    """)
    con.execute(f"""
        CREATE OR REPLACE TABLE world_estate_tenants AS
        SELECT f.firm AS k, 'F' || f.firm::VARCHAR AS company_id,
            'KWS-' || lpad(((f.firm * 7368787) % 9999991)::VARCHAR, 7, '0') AS record_id, f.nib,
            f.name, f.npwp, f.address, f.regency AS region_code, r.former, r.bps, f.kbli,
            f.kbli_vintage, f.workers, 'KAWASAN INDUSTRI ' || r.place AS estate_name,
            CASE WHEN {d.unit("f.firm", "zone")} < 0.15 THEN 'KEK' ELSE 'KI' END AS estate_kind
        FROM firm_listing AS f JOIN regency AS r ON r.code = f.regency
        WHERE f.kind = 'firm' AND f.workers > 0 AND (
            -- The estate that SIINas names, and the trade and transport about it.
            (f.sector = 'C' AND {d.unit("f.firm", "estate")}
                < CASE f.scale WHEN 'besar' THEN 0.5 ELSE 0.2 END)
            OR (f.sector IN ('G', 'H', 'MN') AND f.scale IN ('menengah', 'besar')
                AND {d.unit("f.firm", "estate service")} < 0.06))
    """)
