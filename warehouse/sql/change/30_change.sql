-- The change of every cell from one month to another, in parts that add up.
--
-- Reads   chg_people, chg_demography, chg_causes; cov_provinces, cov_regencies, cov_persons
-- Makes   chg_flows, out_coverage_change, out_change_causes
--
-- Within a basis and a denominator, each person who counts in at least one of the two months is
-- exactly one of:
--   stayed    in the same cell both times
--   moved     in one cell before and in another now (home, workplace or sector changed)
--   entered   in a cell now, in none before
--   left      in a cell before, in none now
-- Who stayed or moved can be newly covered or newly lapsed, by so many millionths as the chance
-- of being active rose or fell; it is told in the cell of now. Who enters or leaves brings or
-- takes along what he is. So in every cell, and in every sum of cells, exactly:
--   workers = workers_before + entered_work - left_work + moved_in - moved_out
--   active  = active_before + newly_covered - newly_lapsed
--             + entered_active - left_active + moved_in_active - moved_out_active
-- Over the whole country moved_in equals moved_out.

CREATE OR REPLACE TEMP TABLE chg_flows AS
WITH grouped AS (
    SELECT
        c.works_now, c.worked_before, c.eligible, c.eligible_before,
        c.domicile, c.domicile_before, c.workplace, c.workplace_before,
        c.sector_code, c.sector_before,
        coalesce(y.cause, 'people') AS cause,
        coalesce(g.came_of_age, false) AS came_of_age,
        coalesce(g.died, false) AS died,
        coalesce(g.grew_old, false) AS grew_old,
        count(*)::BIGINT AS persons,
        sum(c.active_ppm)::BIGINT AS active_ppm,
        sum(c.active_before_ppm)::BIGINT AS active_before_ppm,
        sum(greatest(c.active_ppm - c.active_before_ppm, 0))::BIGINT AS up_ppm,
        sum(greatest(c.active_before_ppm - c.active_ppm, 0))::BIGINT AS down_ppm
    FROM chg_people AS c
    LEFT JOIN chg_causes AS y USING (person_key)
    LEFT JOIN chg_demography AS g USING (person_key)
    GROUP BY ALL
),

placed AS (
    SELECT
        b.basis, d.denominator_id, g.cause, g.came_of_age, g.died, g.grew_old,
        CASE b.basis WHEN 'domicile' THEN g.domicile ELSE g.workplace END AS regency_now,
        CASE b.basis WHEN 'domicile' THEN g.domicile_before ELSE g.workplace_before END
            AS regency_before,
        g.sector_code AS sector_now, g.sector_before,
        -- Civil servants, soldiers and police work, but are not among the eligible ones.
        g.works_now AND (d.denominator_id = 'employed' OR g.eligible) AS is_in,
        g.worked_before AND (d.denominator_id = 'employed' OR g.eligible_before) AS was_in,
        is_in AND was_in AND NOT (regency_now = regency_before AND sector_now = g.sector_before)
            AS moved,
        g.persons, g.active_ppm, g.active_before_ppm, g.up_ppm, g.down_ppm
    FROM grouped AS g
    CROSS JOIN (VALUES ('domicile'), ('workplace')) AS b (basis)
    CROSS JOIN (VALUES ('eligible'), ('employed')) AS d (denominator_id)
),

told AS (
    -- In the cell of now.
    SELECT
        basis, denominator_id, regency_now AS regency_code, sector_now AS sector_code, cause,
        persons AS workers, active_ppm,
        CASE WHEN was_in THEN up_ppm END AS newly_covered_ppm,
        CASE WHEN was_in THEN down_ppm END AS newly_lapsed_ppm,
        CASE WHEN NOT was_in THEN persons END AS entered_work,
        CASE WHEN NOT was_in THEN active_ppm END AS entered_active_ppm,
        CASE WHEN came_of_age THEN persons END AS entered_by_age,
        CASE WHEN moved THEN persons END AS moved_in,
        CASE WHEN moved THEN active_before_ppm END AS moved_in_active_ppm
    FROM placed WHERE is_in
    UNION ALL BY NAME
    -- In the cell of before.
    SELECT
        basis, denominator_id, regency_before AS regency_code, sector_before AS sector_code, cause,
        persons AS workers_before, active_before_ppm,
        CASE WHEN NOT is_in THEN persons END AS left_work,
        CASE WHEN NOT is_in THEN active_before_ppm END AS left_active_ppm,
        CASE WHEN grew_old THEN persons END AS left_by_age,
        CASE WHEN died THEN persons END AS left_by_death,
        CASE WHEN moved THEN persons END AS moved_out,
        CASE WHEN moved THEN active_before_ppm END AS moved_out_active_ppm
    FROM placed WHERE was_in
)

SELECT
    basis, denominator_id, regency_code, sector_code, cause,
    coalesce(sum(workers), 0)::BIGINT AS workers,
    coalesce(sum(workers_before), 0)::BIGINT AS workers_before,
    coalesce(sum(entered_work), 0)::BIGINT AS entered_work,
    coalesce(sum(left_work), 0)::BIGINT AS left_work,
    coalesce(sum(moved_in), 0)::BIGINT AS moved_in,
    coalesce(sum(moved_out), 0)::BIGINT AS moved_out,
    coalesce(sum(entered_by_age), 0)::BIGINT AS entered_by_age,
    coalesce(sum(left_by_age), 0)::BIGINT AS left_by_age,
    coalesce(sum(left_by_death), 0)::BIGINT AS left_by_death,
    coalesce(sum(active_ppm), 0)::BIGINT AS active_ppm,
    coalesce(sum(active_before_ppm), 0)::BIGINT AS active_before_ppm,
    coalesce(sum(newly_covered_ppm), 0)::BIGINT AS newly_covered_ppm,
    coalesce(sum(newly_lapsed_ppm), 0)::BIGINT AS newly_lapsed_ppm,
    coalesce(sum(entered_active_ppm), 0)::BIGINT AS entered_active_ppm,
    coalesce(sum(left_active_ppm), 0)::BIGINT AS left_active_ppm,
    coalesce(sum(moved_in_active_ppm), 0)::BIGINT AS moved_in_active_ppm,
    coalesce(sum(moved_out_active_ppm), 0)::BIGINT AS moved_out_active_ppm
FROM told
GROUP BY ALL;

CREATE OR REPLACE TEMP VIEW out_coverage_change AS
WITH cells AS (
    SELECT
        basis, denominator_id, regency_code, sector_code,
        sum(COLUMNS(* EXCLUDE (basis, denominator_id, regency_code, sector_code, cause)))::BIGINT
    FROM chg_flows
    GROUP BY ALL
)
SELECT
    getvariable('period') AS period, getvariable('previous_period') AS previous_period,
    c.basis, c.denominator_id, c.regency_code, c.sector_code,
    left(c.regency_code, 2) AS province_code,
    coalesce(p.province, 'Tidak diketahui') AS province,
    coalesce(g.regency, 'Tidak diketahui') AS regency,
    coalesce(s.sector, 'Tidak diketahui') AS sector,
    c.workers, c.workers_before,
    cov_persons(c.active_ppm) AS active,
    cov_persons(c.active_before_ppm) AS active_before,
    cov_persons(c.workers * 1000000 - c.active_ppm) AS gap,
    cov_persons(c.workers_before * 1000000 - c.active_before_ppm) AS gap_before,
    cov_persons(c.newly_covered_ppm) AS newly_covered,
    cov_persons(c.newly_lapsed_ppm) AS newly_lapsed,
    c.entered_work, c.left_work, c.moved_in, c.moved_out,
    c.entered_by_age, c.left_by_age, c.left_by_death,
    cov_persons(c.entered_active_ppm) AS entered_active,
    cov_persons(c.left_active_ppm) AS left_active,
    cov_persons(c.moved_in_active_ppm) AS moved_in_active,
    cov_persons(c.moved_out_active_ppm) AS moved_out_active
FROM cells AS c
LEFT JOIN cov_provinces AS p ON p.province_code = left(c.regency_code, 2)
LEFT JOIN cov_regencies AS g USING (regency_code)
LEFT JOIN reference.sectors AS s USING (sector_code);

-- By province and cause, without what only moves within the country: sums over causes are the
-- change of the province, and moves between provinces stand in the net figures.
CREATE OR REPLACE TEMP VIEW out_change_causes AS
SELECT
    getvariable('period') AS period, getvariable('previous_period') AS previous_period,
    f.basis, f.denominator_id, left(f.regency_code, 2) AS province_code, f.cause,
    coalesce(any_value(p.province), 'Tidak diketahui') AS province,
    sum(f.workers - f.workers_before)::BIGINT AS workers_change,
    cov_persons(sum(f.active_ppm - f.active_before_ppm)) AS active_change,
    cov_persons(sum(
        (f.workers - f.workers_before) * 1000000 - (f.active_ppm - f.active_before_ppm)
    )) AS gap_change,
    sum(f.entered_work)::BIGINT AS entered_work,
    sum(f.left_work)::BIGINT AS left_work,
    cov_persons(sum(f.newly_covered_ppm)) AS newly_covered,
    cov_persons(sum(f.newly_lapsed_ppm)) AS newly_lapsed
FROM chg_flows AS f
LEFT JOIN cov_provinces AS p ON p.province_code = left(f.regency_code, 2)
GROUP BY f.basis, f.denominator_id, left(f.regency_code, 2), f.cause;
