-- Workers, one by one, against the finest published grain.
--
-- Reads   spine.workers, coverage.coverage_by_sector_region
-- Makes   rec_workers   as rec_deliveries
--
-- The upper bound and its gap are left out: they hold memberships that reached no person.

CREATE OR REPLACE TEMP VIEW rec_workers AS
WITH counted AS (
    SELECT
        b.basis, d.denominator_id,
        CASE b.basis WHEN 'domicile' THEN w.domicile ELSE w.workplace END AS regency_code,
        w.sector_code,
        count(*) AS workers,
        sum(w.active_ppm)::BIGINT AS active,
        sum(w.inactive_ppm)::BIGINT AS inactive,
        sum(w.unregistered_ppm)::BIGINT AS unregistered,
        sum(w.active_low_ppm)::BIGINT AS active_low
    FROM spine.workers AS w
    CROSS JOIN (VALUES ('domicile'), ('workplace')) AS b (basis)
    CROSS JOIN (VALUES ('eligible'), ('employed')) AS d (denominator_id)
    WHERE w.period = getvariable('period') AND (d.denominator_id = 'employed' OR w.eligible)
    GROUP BY ALL
)

SELECT
    'workers' AS step, 'coverage.coverage_by_sector_region' AS table_name, 'all' AS dataset,
    'left' AS side, workers::BIGINT AS n,
    hash(
        basis, denominator_id, regency_code, sector_code, workers::BIGINT,
        (active * 1000000)::BIGINT, (inactive * 1000000)::BIGINT,
        (unregistered * 1000000)::BIGINT, (active_low * 1000000)::BIGINT
    )::HUGEINT AS h
FROM coverage.coverage_by_sector_region
WHERE period = getvariable('period') AND denominator_id <> 'sakernas'
UNION ALL
SELECT
    'workers', 'coverage.coverage_by_sector_region', 'all', 'right', workers::BIGINT,
    hash(
        basis, denominator_id, regency_code, sector_code, workers::BIGINT,
        active, inactive, unregistered, active_low
    )::HUGEINT
FROM counted
UNION ALL
-- Workers = active + inactive + unregistered, person by person.
SELECT 'one_state', 'spine.workers', 'all', 'left', count(*), count(*)::HUGEINT * 1000000
FROM spine.workers
WHERE period = getvariable('period')
UNION ALL
SELECT
    'one_state', 'spine.workers', 'all', 'right',
    count(*) FILTER (active_ppm + inactive_ppm + unregistered_ppm = 1000000),
    sum(active_ppm + inactive_ppm + unregistered_ppm)::HUGEINT
FROM spine.workers
WHERE period = getvariable('period');
