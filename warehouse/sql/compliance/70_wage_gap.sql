-- Reported over taxed wage, of people whom both lists name at the same employer.
--
-- Reads   cpl_participants, cpl_known, cpl_employers, cov_provinces, cov_regencies
-- Makes   out_wage_gap

CREATE OR REPLACE TEMP VIEW out_wage_gap AS
WITH pairs AS (
    SELECT
        p.employer_key,
        -- The work is where the NPP is.
        coalesce(p.workplace, e.regency_code) AS regency_code,
        left(coalesce(p.workplace, e.regency_code), 2) AS province_code,
        e.sector_code,
        p.reported_wage, k.taxed_wage,
        p.reported_wage::DOUBLE / k.taxed_wage AS ratio
    FROM cpl_participants AS p
    JOIN cpl_known AS k USING (employer_key, identity)
    JOIN cpl_employers AS e USING (employer_key)
    WHERE p.reported_wage > 0 AND k.taxed_wage > 0
),

cells AS (
    SELECT
        grouping(regency_code) AS no_regency, grouping(province_code) AS no_province,
        province_code, regency_code, coalesce(sector_code, 'ALL') AS sector_code,
        -- The nearest rank: the smallest ratio that at least this share of the persons keeps to.
        quantile_disc(ratio, [0.1, 0.25, 0.5, 0.75, 0.9]) AS ratios,
        count(*) AS wage_persons,
        count(*) FILTER (cpl_under(reported_wage, taxed_wage)) AS under_persons,
        sum(reported_wage)::BIGINT AS reported_wages,
        sum(taxed_wage)::BIGINT AS taxed_wages
    FROM pairs
    GROUP BY GROUPING SETS (
        (province_code, regency_code, sector_code), (province_code, regency_code),
        (province_code, sector_code), (province_code), (sector_code), ()
    )
    HAVING count(*) > 0
),

per_employer AS (
    SELECT
        grouping(regency_code) AS no_regency, grouping(province_code) AS no_province,
        province_code, regency_code, coalesce(sector_code, 'ALL') AS sector_code, employer_key,
        count(*) AS persons
    FROM pairs
    GROUP BY GROUPING SETS (
        (employer_key, province_code, regency_code, sector_code),
        (employer_key, province_code, regency_code), (employer_key, province_code, sector_code),
        (employer_key, province_code), (employer_key, sector_code), (employer_key)
    )
),

employers AS (
    SELECT
        no_regency, no_province, province_code, regency_code, sector_code,
        count(*) AS wage_employers, max(persons) AS largest
    FROM per_employer
    GROUP BY ALL
),

measured AS (
    SELECT
        CASE WHEN c.no_regency = 0 THEN 'regency' WHEN c.no_province = 0 THEN 'province'
            ELSE 'national' END AS area,
        c.*, e.wage_employers, e.largest::DOUBLE / c.wage_persons AS largest_share
    FROM cells AS c
    JOIN employers AS e
        ON e.no_regency = c.no_regency AND e.no_province = c.no_province
        AND e.sector_code = c.sector_code
        AND coalesce(e.province_code, '') = coalesce(c.province_code, '')
        AND coalesce(e.regency_code, '') = coalesce(c.regency_code, '')
)

SELECT
    getvariable('period') AS period,
    c.area, c.province_code,
    CASE c.area WHEN 'national' THEN 'Indonesia' ELSE coalesce(p.province, 'Tidak diketahui') END
        AS province,
    c.regency_code,
    CASE WHEN c.area = 'regency' THEN coalesce(g.regency, 'Tidak diketahui') END AS regency,
    c.sector_code,
    CASE c.sector_code WHEN 'ALL' THEN 'Semua lapangan usaha'
        ELSE coalesce(s.sector, 'Tidak diketahui') END AS sector,
    c.wage_persons, c.wage_employers, c.largest_share, c.under_persons,
    c.ratios[1] AS ratio_p10,
    c.ratios[2] AS ratio_p25,
    c.ratios[3] AS ratio_p50,
    c.ratios[4] AS ratio_p75,
    c.ratios[5] AS ratio_p90,
    c.reported_wages, c.taxed_wages
FROM measured AS c
LEFT JOIN cov_provinces AS p USING (province_code)
LEFT JOIN cov_regencies AS g USING (regency_code)
LEFT JOIN reference.sectors AS s USING (sector_code);
