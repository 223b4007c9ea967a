-- The monthly series of country, provinces and sectors, from the publication's own tables.
-- `new` is the publication that is being written.
SELECT
    f.*, p.period AS previous_period,
    f.workers - p.workers AS workers_change,
    f.active - p.active AS active_change,
    f.gap - p.gap AS gap_change,
    f.coverage_rate - p.coverage_rate AS coverage_rate_change,
    c.newly_covered, c.newly_lapsed, c.entered_work, c.left_work,
    y.period AS year_before,
    f.active - y.active AS active_change_year,
    f.gap - y.gap AS gap_change_year,
    f.coverage_rate - y.coverage_rate AS coverage_rate_change_year
FROM (
    SELECT period, basis, denominator_id, 'national' AS area, NULL::VARCHAR AS province_code,
        NULL::VARCHAR AS sector_code, 'Indonesia' AS province, NULL::VARCHAR AS sector,
        workers, active, gap, coverage_rate, coverage_low, coverage_high
    FROM new.coverage.coverage_national
    UNION ALL
    SELECT period, basis, denominator_id, 'province', province_code, NULL, province, NULL,
        workers, active, gap, coverage_rate, coverage_low, coverage_high
    FROM new.coverage.coverage_by_province
    UNION ALL
    SELECT period, basis, denominator_id, 'sector', NULL, sector_code, 'Indonesia', sector,
        workers, active, gap, coverage_rate, coverage_low, coverage_high
    FROM new.coverage.coverage_by_sector
) AS f
LEFT JOIN (
    SELECT period, basis, denominator_id, NULL::VARCHAR AS province_code,
        NULL::VARCHAR AS sector_code, workers, active, gap, coverage_rate
    FROM new.coverage.coverage_national
    UNION ALL
    SELECT period, basis, denominator_id, province_code, NULL, workers, active, gap, coverage_rate
    FROM new.coverage.coverage_by_province
    UNION ALL
    SELECT period, basis, denominator_id, NULL, sector_code, workers, active, gap, coverage_rate
    FROM new.coverage.coverage_by_sector
) AS p
    ON p.period = strftime(strptime(f.period || '-01', '%Y-%m-%d') - INTERVAL 1 MONTH, '%Y-%m')
    AND p.basis = f.basis AND p.denominator_id = f.denominator_id
    AND p.province_code IS NOT DISTINCT FROM f.province_code
    AND p.sector_code IS NOT DISTINCT FROM f.sector_code
LEFT JOIN (
    SELECT period, basis, denominator_id, NULL::VARCHAR AS province_code,
        NULL::VARCHAR AS sector_code, workers, active, gap, coverage_rate
    FROM new.coverage.coverage_national
    UNION ALL
    SELECT period, basis, denominator_id, province_code, NULL, workers, active, gap, coverage_rate
    FROM new.coverage.coverage_by_province
    UNION ALL
    SELECT period, basis, denominator_id, NULL, sector_code, workers, active, gap, coverage_rate
    FROM new.coverage.coverage_by_sector
) AS y
    ON y.period = strftime(strptime(f.period || '-01', '%Y-%m-%d') - INTERVAL 12 MONTH, '%Y-%m')
    AND y.basis = f.basis AND y.denominator_id = f.denominator_id
    AND y.province_code IS NOT DISTINCT FROM f.province_code
    AND y.sector_code IS NOT DISTINCT FROM f.sector_code
LEFT JOIN (
    SELECT period, previous_period, basis, denominator_id, province_code, sector_code,
        sum(newly_covered)::DECIMAL(18, 6) AS newly_covered,
        sum(newly_lapsed)::DECIMAL(18, 6) AS newly_lapsed,
        sum(entered_work)::BIGINT AS entered_work, sum(left_work)::BIGINT AS left_work
    FROM new.coverage.coverage_change
    GROUP BY GROUPING SETS (
        (period, previous_period, basis, denominator_id),
        (period, previous_period, basis, denominator_id, province_code),
        (period, previous_period, basis, denominator_id, sector_code)
    )
) AS c
    ON c.period = f.period AND c.previous_period = p.period
    AND c.basis = f.basis AND c.denominator_id = f.denominator_id
    AND c.province_code IS NOT DISTINCT FROM f.province_code
    AND c.sector_code IS NOT DISTINCT FROM f.sector_code
