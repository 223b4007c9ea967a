-- Workers counted once, at the finest grain that any published table needs.
--
-- Reads   cov_workers, cov_memberships, cov_employers
-- Makes   cov_cells   one row per basis, denominator, regency, sector, segment, sex, age band
--
-- All figures but `workers` are sums of whole millionths of a person, so that they do not
-- depend on order and every roll-up equals its parts exactly.

CREATE OR REPLACE TEMP TABLE cov_counted AS
WITH counted AS (
    SELECT
        domicile, workplace, sector_code, segment, sex, age_band, eligible,
        count(*) AS workers,
        sum(active_ppm)::BIGINT AS active_ppm,
        sum(inactive_ppm)::BIGINT AS inactive_ppm,
        sum(unregistered_ppm)::BIGINT AS unregistered_ppm,
        sum(active_low_ppm)::BIGINT AS active_low_ppm,
        sum(active_high_ppm)::BIGINT AS linked_high_ppm
    FROM cov_workers
    GROUP BY ALL
)
SELECT
    b.basis,
    d.denominator_id,
    CASE b.basis WHEN 'domicile' THEN c.domicile ELSE c.workplace END AS regency_code,
    c.sector_code, c.segment, c.sex, c.age_band,
    sum(c.workers)::BIGINT AS workers,
    sum(c.active_ppm)::BIGINT AS active_ppm,
    sum(c.inactive_ppm)::BIGINT AS inactive_ppm,
    sum(c.unregistered_ppm)::BIGINT AS unregistered_ppm,
    sum(c.active_low_ppm)::BIGINT AS active_low_ppm,
    sum(c.linked_high_ppm)::BIGINT AS linked_high_ppm
FROM counted AS c
CROSS JOIN (VALUES ('domicile'), ('workplace')) AS b (basis)
CROSS JOIN (VALUES ('eligible'), ('employed')) AS d (denominator_id)
-- Civil servants, soldiers and police work, but others insure them.
WHERE d.denominator_id = 'employed' OR c.eligible
GROUP BY ALL;

-- The upper bound adds the active memberships that reached no person, as the distinct
-- people they appear to be.
CREATE OR REPLACE TEMP TABLE cov_unmatched AS
WITH cards AS (
    SELECT
        coalesce(
            'nik ' || m.nik,
            'name ' || nullif(cov_plain(strip_accents(m.full_name)), '') || ' '
                || coalesce(m.birth_date::VARCHAR, ''),
            'card ' || m.dataset || ' ' || m.record_id
        ) AS apparent_person,
        m.dataset, m.record_id,
        m.region_code AS domicile,
        coalesce(e.workplace, m.region_code) AS workplace
    FROM cov_memberships AS m
    LEFT JOIN cov_employers AS e ON e.kind = 'npp' AND e.identifier = m.npp
    WHERE m.state = 'active'
      AND m.person_key IS NULL
      AND (m.birth_date IS NULL OR cov_age(m.birth_date) BETWEEN 15 AND 64)
)
-- Somebody with several such cards stands in the region of the first that tells one.
SELECT
    apparent_person,
    arg_min(domicile, row(record_id, dataset)) FILTER (domicile IS NOT NULL) AS domicile,
    arg_min(workplace, row(record_id, dataset)) FILTER (workplace IS NOT NULL) AS workplace
FROM cards
GROUP BY apparent_person;

-- They are spread over their region's sectors in proportion to the unregistered workers
-- there: whole millionths by the largest remainder, so that shares add up exactly. Those
-- whose region nobody knows are spread over the whole country in the same way.
CREATE OR REPLACE TEMP TABLE cov_unmatched_share AS
WITH cells AS (
    SELECT
        basis, denominator_id, regency_code, sector_code,
        sum(unregistered_ppm)::HUGEINT AS unregistered_ppm,
        (sum(workers) * 1000000 - sum(linked_high_ppm))::HUGEINT AS room_ppm
    FROM cov_counted
    GROUP BY ALL
),

people AS (
    SELECT 'domicile' AS basis, domicile AS regency_code, count(*)::HUGEINT * 1000000 AS ppm
    FROM cov_unmatched
    GROUP BY ALL
    UNION ALL
    SELECT 'workplace', workplace, count(*)::HUGEINT * 1000000
    FROM cov_unmatched
    GROUP BY ALL
),

claims AS (
    SELECT
        c.basis, c.denominator_id, c.regency_code, c.sector_code, p.ppm,
        p.regency_code AS spread_over,
        c.unregistered_ppm,
        sum(c.unregistered_ppm) OVER spread AS all_unregistered_ppm
    FROM cells AS c
    JOIN people AS p
        ON p.basis = c.basis AND (p.regency_code = c.regency_code OR p.regency_code IS NULL)
    WHERE c.unregistered_ppm > 0
    WINDOW spread AS (PARTITION BY c.basis, c.denominator_id, p.regency_code)
),

shares AS (
    SELECT
        *,
        (ppm * unregistered_ppm) // all_unregistered_ppm AS whole_ppm,
        (ppm * unregistered_ppm) % all_unregistered_ppm AS remainder
    FROM claims
),

rounded AS (
    SELECT
        basis, denominator_id, regency_code, sector_code,
        whole_ppm + CASE
            WHEN row_number() OVER (
                PARTITION BY basis, denominator_id, spread_over
                ORDER BY remainder DESC, regency_code, sector_code
            ) <= ppm - sum(whole_ppm) OVER (PARTITION BY basis, denominator_id, spread_over)
            THEN 1 ELSE 0
        END AS share_ppm
    FROM shares
)

SELECT
    c.basis, c.denominator_id, c.regency_code, c.sector_code,
    -- Never beyond the workers of a cell.
    least(sum(r.share_ppm), any_value(c.room_ppm)) AS share_ppm
FROM rounded AS r
JOIN cells AS c USING (basis, denominator_id, regency_code, sector_code)
GROUP BY ALL;

-- Within a regency and sector the share goes to segments, sexes and ages in proportion to
-- the workers that are not yet counted as active, again to the last millionth.
CREATE OR REPLACE TEMP TABLE cov_cells AS
WITH rooms AS (
    SELECT
        c.*,
        coalesce(s.share_ppm, 0) AS share_ppm,
        (c.workers * 1000000 - c.linked_high_ppm)::HUGEINT AS room_ppm,
        greatest(sum(c.workers * 1000000 - c.linked_high_ppm) OVER cell, 1)::HUGEINT
            AS cell_room_ppm
    FROM cov_counted AS c
    LEFT JOIN cov_unmatched_share AS s
        USING (basis, denominator_id, regency_code, sector_code)
    WINDOW cell AS (PARTITION BY c.basis, c.denominator_id, c.regency_code, c.sector_code)
),

shares AS (
    SELECT
        *,
        (share_ppm * room_ppm) // cell_room_ppm AS whole_ppm,
        (share_ppm * room_ppm) % cell_room_ppm AS remainder
    FROM rooms
),

rounded AS (
    SELECT
        *,
        whole_ppm + CASE
            WHEN row_number() OVER (cell ORDER BY remainder DESC, segment, sex, age_band)
                <= share_ppm - sum(whole_ppm) OVER (cell)
            THEN 1 ELSE 0
        END AS unmatched_ppm
    FROM shares
    WINDOW cell AS (PARTITION BY basis, denominator_id, regency_code, sector_code)
)

SELECT
    basis, denominator_id, left(regency_code, 2) AS province_code, regency_code, sector_code,
    segment, sex, age_band, workers, active_ppm, inactive_ppm, unregistered_ppm, active_low_ppm,
    linked_high_ppm,
    unmatched_ppm::BIGINT AS unmatched_ppm,
    (linked_high_ppm + unmatched_ppm)::BIGINT AS active_high_ppm
FROM rounded;
