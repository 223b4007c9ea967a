-- What each clause of the Presidential Instruction names, as a whole and by group: who is listed,
-- who of them is linked, and how many of the linked workers are active.
--
-- Reads   cov_records, cov_named, cov_staff, cov_rules, cov_workers, cov_cells, cov_provinces
-- Makes   cov_gaps   one row per clause, dataset, group (NULL: all of them) and province
--         out_gap_by_instruction, out_gap_by_group

CREATE OR REPLACE TEMP TABLE cov_gaps AS
WITH listed AS (
    SELECT
        n.clause, n.dataset, n.group_code, r.province_code,
        count(*) AS listed,
        count(*) FILTER (r.status = 'linked') AS linked,
        count(*) FILTER (r.status = 'review') AS review,
        count(*) FILTER (r.status = 'unlinked') AS unlinked
    FROM cov_named AS n
    JOIN cov_records AS r USING (dataset, record_id)
    GROUP BY ALL
),

reached AS (
    -- The people of a record: the one it names, or those who work for the business it names.
    SELECT dataset, record_id, province_code, person_key
    FROM cov_records WHERE person_key IS NOT NULL
    UNION ALL
    SELECT r.dataset, r.record_id, r.province_code, s.person_key
    FROM cov_records AS r
    JOIN cov_staff AS s USING (employer_key)
),

persons AS (
    -- Distinct eligible workers; somebody listed twice counts once.
    SELECT DISTINCT
        n.clause, n.dataset, n.group_code, r.province_code, r.person_key,
        w.domicile, w.sector_code,
        w.active_ppm, w.inactive_ppm, w.unregistered_ppm, w.active_low_ppm, w.active_high_ppm
    FROM cov_named AS n
    JOIN reached AS r USING (dataset, record_id)
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
        clause, dataset, group_code, province_code, domicile, sector_code,
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
        b.clause, b.dataset, b.group_code, b.province_code,
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
    LEFT JOIN counted AS c
        ON c.clause = l.clause AND c.dataset = l.dataset AND c.province_code = l.province_code
        AND coalesce(c.group_code, '') = coalesce(l.group_code, '')
)

SELECT
    getvariable('period') AS period,
    j.clause,
    j.dataset,
    j.group_code,
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
LEFT JOIN cov_provinces AS p USING (province_code);

CREATE OR REPLACE TEMP VIEW out_gap_by_instruction AS
SELECT * EXCLUDE (group_code) FROM cov_gaps WHERE group_code IS NULL;

-- A clause that means the whole list has one group, which is all of it.
CREATE OR REPLACE TEMP VIEW out_gap_by_group AS
SELECT g.* REPLACE (r.group_code AS group_code), r.group_id, r.obligation
FROM cov_gaps AS g
JOIN cov_rules AS r
    ON r.dataset = g.dataset AND r.clause = g.clause
    AND CASE WHEN r.conditional THEN r.group_code = g.group_code ELSE g.group_code IS NULL END;
