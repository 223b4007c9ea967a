"""Construction projects of the sample world, and who works on them.

Belongs here: projects with contractor, value, funding, dates and certificate; their workers.
Does not belong here: the cards of construction workers (memberships), the lists (rosters).
"""

from __future__ import annotations

import datetime as dt

import duckdb

from sources.world.compliance import compliance
from sources.world.draws import Draws

FUNDING = {"APBN": 0.30, "APBD": 0.45, "swasta": 0.25}
"""Projects by funding (own guess)."""
WORKS = (
    "PEMBANGUNAN JALAN", "REHABILITASI JEMBATAN", "PEMBANGUNAN GEDUNG SEKOLAH",
    "REHABILITASI IRIGASI", "PEMBANGUNAN PUSKESMAS", "PEMBANGUNAN RUMAH SUSUN",
    "PENINGKATAN DRAINASE", "PEMBANGUNAN GUDANG", "PEMBANGUNAN PERUMAHAN", "PEMELIHARAAN JALAN",
)  # fmt: skip
CARDS_ON_CERTIFIED = 0.85
"""Construction members who work on a project that has a certificate (own guess)."""


def make_projects(con: duckdb.DuckDBPyConnection, d: Draws, last: dt.date) -> None:
    """Make `world_projects` and the pool `world_project_workers`.

    Args:
        con: the building database, with `firm_listing`, `work` and `cards`.
        d: draws of the world.
        last: last day of the newest period.
    """
    funding, start = [], 0.0
    for name, share in FUNDING.items():
        start += share
        funding.append(f"WHEN {d.unit('k', 'funding')} < {start} THEN '{name}'")
    certified = " ".join(
        f"WHEN '{name}' THEN {share}" for name, share in compliance().certificate.items()
    )
    con.execute(f"""
        CREATE OR REPLACE TABLE world_projects AS
        WITH builders AS (
            -- Those who build, and a few others where a world is too small for builders.
            SELECT * EXCLUDE (place), row_number() OVER (
                ORDER BY sector <> 'F', {d.bits("firm", "builder")}) AS place
            FROM firm_listing WHERE kind = 'firm' AND workers > 0 AND NOT closed
                AND legal_form IN ('PT', 'CV')
        ),
        contracts AS (
            SELECT b.*, n.n, b.firm * 8 + n.n AS k
            FROM builders AS b CROSS JOIN range(4) AS n(n)
            WHERE (b.sector = 'F' OR b.place <= 6) AND n.n <= b.workers // 30
        ),
        dated AS (
            SELECT *, CASE {" ".join(funding)} ELSE 'swasta' END AS funding,
                DATE '{last}' - {d.whole("k", "project starts", 20, 500)} AS starts_on,
                (least(workers, 200) * 90000000.0 * exp(0.7 * {d.bell("k", "contract value")}))
                    ::BIGINT // 1000000 * 1000000 + 50000000 AS contract_value
            FROM contracts
        )
        SELECT k, 'F' || firm::VARCHAR AS company_id, firm,
            'PRJ-' || lpad(((k * 7368787 + {d.seed % 9973}) % 99999989)::VARCHAR, 8, '0')
                AS project_id,
            {d.pick("k", "works", WORKS)} || ' ' || village || ' ' || place_name AS project_name,
            name AS contractor_name, npwp AS contractor_npwp, regency AS region_code, former, bps,
            contract_value, funding, starts_on,
            starts_on + {d.whole("k", "project takes", 90, 600)} AS ends_on,
            CASE WHEN {d.unit("k", "certificate")} < CASE funding {certified} END
                THEN 'JK' || strftime(starts_on, '%y%m')
                    || lpad((({d.bits("k", "certificate number")}) % 10000000)::VARCHAR, 7, '0')
                END AS certificate_number,
            starts_on AS listed_from, ends_on + 60 AS listed_until
        FROM (SELECT x.*, r.former, r.bps, r.place AS place_name FROM dated AS x
            JOIN regency AS r ON r.code = x.regency)
    """)
    con.execute(f"""
        CREATE OR REPLACE TABLE world_project_workers AS
        WITH builders AS (
            SELECT w.i, w.regency, EXISTS (FROM cards AS c
                WHERE c.i = w.i AND c.segment = 'JAKON' AND c.ended_on IS NULL)
                AND {d.unit("w.i", "on certified")} < {CARDS_ON_CERTIFIED} AS on_certified
            FROM work AS w WHERE w.sector = 'F' AND w.terms <> 'employer'
        ),
        -- Who lives near works near: both sides are lined up by regency.
        lined AS (
            SELECT i, on_certified, (row_number() OVER (PARTITION BY on_certified
                ORDER BY regency, i) - 1) / count(*) OVER (PARTITION BY on_certified) AS part
            FROM builders
        ),
        sites AS (
            SELECT project_id, firm, c.certified, row_number() OVER (PARTITION BY c.certified
                ORDER BY region_code, k) - 1 AS place, count(*) OVER (PARTITION BY c.certified)
                AS size
            FROM world_projects JOIN (VALUES (true), (false)) AS c(certified)
                ON NOT c.certified OR certificate_number IS NOT NULL
            WHERE ends_on > DATE '{last}'
        )
        SELECT l.i AS k, l.i, s.firm, s.project_id
        FROM lined AS l JOIN sites AS s
            ON s.certified = l.on_certified AND s.place = floor(l.part * s.size)::BIGINT
    """)
