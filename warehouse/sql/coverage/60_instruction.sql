-- What each clause of the Presidential Instruction names: who is listed, who of them is linked,
-- and how many of the linked workers are active.
--
-- Reads   cov_links, cov_workers, cov_cells, in_employment, in_roster, in_ownership,
--         reference.datasets
-- Makes   cov_records          one row per listed record: its link and province
--         out_gap_by_instruction

CREATE OR REPLACE TEMP TABLE cov_records AS
WITH records AS (
    SELECT dataset, record_id, cov_region(region_code) AS region_code FROM in_employment
    UNION ALL
    SELECT dataset, record_id, cov_region(region_code) FROM in_roster
    UNION ALL
    SELECT dataset, record_id, cov_region(region_code) FROM in_ownership
)
SELECT
    r.dataset, r.record_id,
    coalesce(l.status, 'unlinked') AS status,
    CASE WHEN l.accepted THEN l.person_key END AS person_key,
    -- The province where the person lives when linked, else the one that the record tells.
    left(coalesce(p.domicile, r.region_code, '0000'), 2) AS province_code
FROM records AS r
LEFT JOIN cov_links AS l USING (dataset, record_id)
LEFT JOIN cov_people AS p ON p.person_key = CASE WHEN l.accepted THEN l.person_key END;

CREATE OR REPLACE TEMP VIEW out_gap_by_instruction AS
WITH listed AS (
    SELECT
        dataset, province_code,
        count(*) AS listed,
        count(*) FILTER (status = 'linked') AS linked,
        count(*) FILTER (status = 'review') AS review,
        count(*) FILTER (status = 'unlinked') AS unlinked
    FROM cov_records
    GROUP BY ALL
),

persons AS (
    -- Distinct eligible workers; somebody listed twice counts once.
    SELECT DISTINCT
        r.dataset, r.province_code, r.person_key,
        w.domicile, w.sector_code,
        w.active_ppm, w.inactive_ppm, w.unregistered_ppm, w.active_low_ppm, w.active_high_ppm
    FROM cov_records AS r
    JOIN cov_workers AS w ON w.person_key = r.person_key
    WHERE w.eligible
),

unmatched AS (
    -- The part of a cell's room that the memberships which reached no person may fill.
    SELECT
        regency_code AS domicile, sector_code,
        sum(unmatched_ppm)::HUGEINT AS unmatched_ppm,
        sum(workers * 1000000 - linked_high_ppm)::HUGEINT AS room_ppm
    FROM cov_cells
    WHERE basis = 'domicile' AND denominator_id = 'eligible'
    GROUP BY ALL
),

by_cell AS (
    SELECT
        dataset, province_code, domicile, sector_code,
        count(*) AS persons,
        sum(active_ppm) AS active_ppm,
        sum(inactive_ppm) AS inactive_ppm,
        sum(unregistered_ppm) AS unregistered_ppm,
        sum(active_low_ppm) AS active_low_ppm,
        sum(active_high_ppm) AS linked_high_ppm
    FROM persons
    GROUP BY ALL
),

counted AS (
    -- A list takes the share of them that its own not yet active people have in the cell.
    SELECT
        b.dataset, b.province_code,
        sum(b.persons)::BIGINT AS persons,
        sum(b.active_ppm)::BIGINT AS active_ppm,
        sum(b.inactive_ppm)::BIGINT AS inactive_ppm,
        sum(b.unregistered_ppm)::BIGINT AS unregistered_ppm,
        sum(b.active_low_ppm)::BIGINT AS active_low_ppm,
        sum(
            b.linked_high_ppm
            + u.unmatched_ppm * (b.persons * 1000000 - b.linked_high_ppm)
                // greatest(u.room_ppm, 1)
        )::BIGINT AS active_high_ppm
    FROM by_cell AS b
    JOIN unmatched AS u USING (domicile, sector_code)
    GROUP BY ALL
),

joined AS (
    SELECT
        l.*,
        coalesce(c.persons, 0) AS persons,
        coalesce(c.active_ppm, 0) AS active_ppm,
        coalesce(c.inactive_ppm, 0) AS inactive_ppm,
        coalesce(c.unregistered_ppm, 0) AS unregistered_ppm,
        coalesce(c.active_low_ppm, 0) AS active_low_ppm,
        coalesce(c.active_high_ppm, 0) AS active_high_ppm
    FROM listed AS l
    LEFT JOIN counted AS c USING (dataset, province_code)
)

SELECT
    getvariable('period') AS period,
    d.clause,
    j.dataset,
    j.province_code,
    coalesce(p.province, 'Tidak diketahui') AS province,
    j.listed, j.linked, j.review, j.unlinked, j.persons,
    cov_persons(j.active_ppm) AS active,
    cov_persons(j.inactive_ppm) AS inactive,
    cov_persons(j.unregistered_ppm) AS unregistered,
    cov_persons(j.persons * 1000000 - j.active_ppm) AS gap,
    cov_rate(j.active_ppm, j.persons) AS coverage_rate,
    cov_persons(j.active_low_ppm) AS active_low,
    cov_persons(j.active_high_ppm) AS active_high,
    cov_persons(j.persons * 1000000 - j.active_high_ppm) AS gap_low,
    cov_persons(j.persons * 1000000 - j.active_low_ppm) AS gap_high,
    cov_rate(j.active_low_ppm, j.persons) AS coverage_low,
    cov_rate(j.active_high_ppm, j.persons) AS coverage_high
FROM joined AS j
JOIN (SELECT dataset, unnest(clauses) AS clause FROM reference.datasets) AS d USING (dataset)
LEFT JOIN cov_provinces AS p USING (province_code);
