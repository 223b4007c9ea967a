"""What is true of every employer of the sample world, to judge the flags by.

Belongs here: the query of `truth/companies.parquet`. Does not belong here: how employers come to
keep or break the rules (compliance, memberships), or how the pipeline finds out.
"""

from __future__ import annotations

from sources.world.compliance import reported_wage_sql
from sources.world.draws import Draws
from sources.world.lists import Month
from sources.world.memberships import month_sql, never_paid_sql

ARREARS_MONTHS = 3
"""Months in arrears beyond which nobody is active (docs/definitions.md)."""


def companies_sql(d: Draws, month: Month) -> str:
    """SQL of one row per employer, own businesses among them.

    `flags` are the failures of docs/definitions.md as they are in truth: by every worker and
    card of the world, whether or not any list tells of them. The columns after it are what the
    world chose for the employer.

    Args:
        d: draws of the world.
        month: the newest month.
    """
    now, today = month.number, f"DATE '{month.as_of}'"
    open_job = f"j.started_on <= {today} AND (j.left_on IS NULL OR j.left_on > {today})"
    paid = f"least({now} - c.lag, c.lapse_month, {month_sql('c.ended_on')})"
    reported = reported_wage_sql("n.wage_policy", "j.wage", "w.amount")
    owed = " ".join(
        f"WHEN '{scale}' THEN {programmes}"
        for scale, programmes in {
            "mikro": "['JKK', 'JKM']",
            "kecil": "['JKK', 'JKM', 'JHT']",
            "menengah": "['JKK', 'JKM', 'JHT', 'JP']",
            "besar": "['JKK', 'JKM', 'JHT', 'JP']",
        }.items()
    )
    return f"""(
        WITH staff AS (
            SELECT j.firm, count(DISTINCT j.i) AS employees
            FROM jobs AS j JOIN persona AS p USING (i)
            WHERE {open_job} AND NOT j.civil AND NOT coalesce(p.dead, false) GROUP BY j.firm
        ),
        held AS (
            SELECT n.firm, c.i, c.seat, n.wage_policy, n.region,
                c.ended_on IS NULL OR c.ended_on > {today} AS running,
                running AND NOT {never_paid_sql(d)} AND {now}
                    - greatest({paid}, {month_sql("c.registered_on")} - 1) <= {ARREARS_MONTHS}
                    AS active
            FROM cards AS c JOIN npps AS n USING (npp_id) WHERE c.registered_on <= {today}
        ),
        members AS (
            SELECT firm, count(DISTINCT i) FILTER (running) AS registered_members,
                count(DISTINCT i) FILTER (active) AS active_members
            FROM held GROUP BY firm
        ),
        wages AS (
            SELECT n.firm, bool_or({reported} < 0.95 * j.wage OR ({reported} < w.amount
                AND f.scale IN ('menengah', 'besar'))) AS underpaid
            FROM held AS n JOIN jobs AS j USING (seat)
            JOIN firms AS f ON f.firm = j.firm
            JOIN wage_floor AS w ON w.province = left(j.regency, 2)
            WHERE n.active AND {open_job} GROUP BY n.firm
        ),
        npp AS (
            SELECT n.firm, count(*) AS npp_count, bool_or(s.is_partial) AS leaves_workers_out,
                any_value(n.wage_policy) AS wage_policy,
                bool_or({now} - greatest(CASE WHEN s.in_arrears THEN n.lapse_month ELSE {now} - 2
                    END, {month_sql("n.wished_on")}) > {ARREARS_MONTHS}) AS in_arrears,
                bool_or(len(list_intersect(string_split(n.programmes, ','), CASE n.scale {owed}
                    END)) < len(CASE n.scale {owed} END)) AS too_few_programmes
            FROM npps AS n JOIN npp_state AS s USING (npp_id)
            WHERE n.wished_on <= {today} GROUP BY n.firm
        ),
        judged AS (
            SELECT 'F' || f.firm::VARCHAR AS company_id, f.kind, f.name, f.legal_form,
                f.sector AS sector_code, f.regency AS region_code, f.npwp,
                CASE WHEN f.npwp LIKE '0%' THEN left(f.npwp, 10) ELSE f.npwp END AS npwp_root,
                f.nib, f.ahu_number, f.kbli, f.kbli_vintage, f.scale, f.workers, f.taxed, f.in_ahu,
                f.in_siinas, f.closed, g.owner AS owned_by,
                'F' || g.parent::VARCHAR AS parent_company_id, q.npwp AS parent_npwp,
                coalesce(s.employees, 0) AS employees, coalesce(n.npp_count, 0) AS npp_count,
                n.firm IS NOT NULL AS has_npp,
                coalesce(m.registered_members, 0) AS registered_members,
                coalesce(m.active_members, 0) AS active_members,
                list_filter([
                    CASE WHEN n.firm IS NULL AND s.employees > 0 THEN 'PWBD' END,
                    CASE WHEN n.firm IS NOT NULL AND s.employees - coalesce(m.active_members, 0)
                        > greatest(2, 0.05 * s.employees) THEN 'PDS_TK' END,
                    CASE WHEN w.underpaid THEN 'PDS_UPAH' END,
                    CASE WHEN n.too_few_programmes AND f.kind <> 'public' THEN 'PDS_PROGRAM' END,
                    CASE WHEN n.in_arrears AND NOT f.closed THEN 'ARREARS' END
                ], lambda flag: flag IS NOT NULL) AS flags,
                n.leaves_workers_out, n.wage_policy, n.in_arrears
            FROM firm_listing AS f LEFT JOIN staff AS s USING (firm)
            LEFT JOIN members AS m USING (firm) LEFT JOIN wages AS w USING (firm)
            LEFT JOIN npp AS n USING (firm) LEFT JOIN company_group AS g USING (firm)
            LEFT JOIN firms AS q ON q.firm = g.parent
        )
        SELECT * FROM judged
        UNION ALL BY NAME
        SELECT company_id, 'own' AS kind, name, sector AS sector_code, regency AS region_code,
            npwp, npwp AS npwp_root, nib, kbli, kbli_vintage, scale, workers, false AS taxed,
            false AS in_ahu, false AS in_siinas, false AS has_npp, 0 AS npp_count,
            0 AS employees, CASE WHEN workers > 0 THEN ['PWBD'] ELSE [] END AS flags
        FROM sme WHERE k >= 0
        ORDER BY company_id)"""
