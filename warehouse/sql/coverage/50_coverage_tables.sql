-- The published coverage tables: one roll-up, one set of measures, one table per level.
--
-- Reads   cov_cells, cov_people, reference.sakernas and the names of regions and sectors
-- Makes   cov_figures  every row of every table, with its level
--         out_coverage_by_sector_region, out_coverage_by_regency, out_coverage_by_province,
--         out_coverage_by_sector, out_coverage_national, out_coverage_by_segment

-- Every table is one of these grouping sets of the same cells, so totals agree exactly.
CREATE OR REPLACE TEMP TABLE cov_rollup AS
SELECT
    CASE
        WHEN grouping(age_band) = 0 THEN 'segment'
        WHEN grouping(regency_code) = 0 AND grouping(sector_code) = 0 THEN 'sector_region'
        WHEN grouping(regency_code) = 0 THEN 'regency'
        WHEN grouping(province_code) = 0 THEN 'province'
        WHEN grouping(sector_code) = 0 THEN 'sector'
        ELSE 'national'
    END AS level,
    basis, denominator_id, province_code, regency_code, sector_code, segment, sex, age_band,
    sum(workers)::BIGINT AS workers,
    sum(active_ppm)::BIGINT AS active_ppm,
    sum(inactive_ppm)::BIGINT AS inactive_ppm,
    sum(unregistered_ppm)::BIGINT AS unregistered_ppm,
    sum(active_low_ppm)::BIGINT AS active_low_ppm,
    sum(active_high_ppm)::BIGINT AS active_high_ppm
FROM cov_cells
GROUP BY GROUPING SETS (
    (basis, denominator_id, province_code, regency_code, sector_code),
    (basis, denominator_id, province_code, regency_code),
    (basis, denominator_id, province_code),
    (basis, denominator_id, sector_code),
    (basis, denominator_id),
    (basis, denominator_id, province_code, segment, sex, age_band)
);

-- The survey's employed persons as denominator: households are asked where they live, so by
-- domicile alone, and only at the levels at which the survey publishes. A register that
-- holds fewer persons of working age than `sakernas_min_register` times the survey's
-- employed is plainly partial and gets none.
CREATE OR REPLACE TEMP TABLE cov_survey AS
WITH latest AS (
    -- The newest survey known by the period, for each cell of its own.
    SELECT
        CASE
            WHEN regency_code IS NOT NULL AND sector_code IS NOT NULL THEN 'sector_region'
            WHEN regency_code IS NOT NULL THEN 'regency'
            WHEN province_code IS NOT NULL AND sector_code IS NULL THEN 'province'
            WHEN province_code IS NULL AND sector_code IS NOT NULL THEN 'sector'
            WHEN province_code IS NULL THEN 'national'
        END AS level,
        province_code, regency_code, sector_code, employed::BIGINT AS employed
    FROM cov_denominators
    WHERE survey_period <= getvariable('period')
    QUALIFY row_number() OVER (
        PARTITION BY province_code, regency_code, sector_code ORDER BY survey_period DESC
    ) = 1
),

country AS (
    -- The country's total, or the best sum of parts where the survey gives no total.
    SELECT coalesce(
        sum(employed) FILTER (level = 'national'),
        sum(employed) FILTER (level = 'province'),
        sum(employed) FILTER (level = 'sector')
    ) AS employed
    FROM latest
)

SELECT latest.*
FROM latest, country
WHERE latest.level IS NOT NULL
  AND (SELECT count(*) FROM cov_people WHERE alive AND working_age)
      >= country.employed * getvariable('sakernas_min_register');

CREATE OR REPLACE TEMP TABLE cov_figures AS
WITH measured AS (
    SELECT * FROM cov_rollup
    UNION ALL BY NAME
    -- Numerators are those of all workers; the survey gives the workers, and what of them is
    -- neither active nor inactive is unregistered. It may turn out negative, and then says
    -- that survey and register disagree: nothing is clipped.
    SELECT
        s.level, 'domicile' AS basis, 'sakernas' AS denominator_id,
        r.province_code, r.regency_code, r.sector_code, r.segment, r.sex, r.age_band,
        s.employed AS workers,
        r.active_ppm,
        r.inactive_ppm,
        s.employed * 1000000 - r.active_ppm - r.inactive_ppm AS unregistered_ppm,
        r.active_low_ppm,
        r.active_high_ppm
    FROM cov_survey AS s
    JOIN cov_rollup AS r
        ON r.level = s.level AND r.basis = 'domicile' AND r.denominator_id = 'employed'
        AND (s.regency_code IS NULL OR r.regency_code = s.regency_code)
        AND (s.regency_code IS NOT NULL OR r.province_code IS NOT DISTINCT FROM s.province_code)
        AND r.sector_code IS NOT DISTINCT FROM s.sector_code
)

SELECT
    m.level,
    getvariable('period') AS period,
    m.basis, m.denominator_id, m.province_code,
    coalesce(p.province, 'Tidak diketahui') AS province,
    m.regency_code,
    coalesce(g.regency, 'Tidak diketahui') AS regency,
    m.sector_code,
    coalesce(s.sector, 'Tidak diketahui') AS sector,
    m.segment, m.sex, m.age_band,
    m.workers,
    cov_persons(m.active_ppm) AS active,
    cov_persons(m.inactive_ppm) AS inactive,
    cov_persons(m.unregistered_ppm) AS unregistered,
    cov_persons(m.workers * 1000000 - m.active_ppm) AS gap,
    cov_rate(m.active_ppm, m.workers) AS coverage_rate,
    cov_persons(m.active_low_ppm) AS active_low,
    cov_persons(m.active_high_ppm) AS active_high,
    cov_persons(m.workers * 1000000 - m.active_high_ppm) AS gap_low,
    cov_persons(m.workers * 1000000 - m.active_low_ppm) AS gap_high,
    cov_rate(m.active_low_ppm, m.workers) AS coverage_low,
    cov_rate(m.active_high_ppm, m.workers) AS coverage_high
FROM measured AS m
LEFT JOIN cov_provinces AS p USING (province_code)
LEFT JOIN cov_regencies AS g USING (regency_code)
LEFT JOIN reference.sectors AS s USING (sector_code);

CREATE OR REPLACE TEMP VIEW out_coverage_by_sector_region AS
SELECT * EXCLUDE (level, segment, sex, age_band)
FROM cov_figures WHERE level = 'sector_region';

CREATE OR REPLACE TEMP VIEW out_coverage_by_regency AS
SELECT * EXCLUDE (level, sector_code, sector, segment, sex, age_band)
FROM cov_figures WHERE level = 'regency';

CREATE OR REPLACE TEMP VIEW out_coverage_by_province AS
SELECT * EXCLUDE (level, regency_code, regency, sector_code, sector, segment, sex, age_band)
FROM cov_figures WHERE level = 'province';

CREATE OR REPLACE TEMP VIEW out_coverage_by_sector AS
SELECT
    * EXCLUDE (level, province_code, province, regency_code, regency, segment, sex, age_band)
FROM cov_figures WHERE level = 'sector';

CREATE OR REPLACE TEMP VIEW out_coverage_national AS
SELECT
    * EXCLUDE (
        level, province_code, province, regency_code, regency, sector_code, sector, segment,
        sex, age_band
    )
FROM cov_figures WHERE level = 'national';

CREATE OR REPLACE TEMP VIEW out_coverage_by_segment AS
SELECT * EXCLUDE (level, regency_code, regency, sector_code, sector)
FROM cov_figures WHERE level = 'segment';
