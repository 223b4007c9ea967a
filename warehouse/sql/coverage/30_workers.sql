-- Every person of the register with what the lists say, and the workers among them.
--
-- Reads   spine.persons and what 20_signs.sql made
-- Makes   cov_people   one row per person of the spine
--         cov_workers  one row per worker, with main job, places, segment, and the chance of
--                      being active, inactive and unregistered in whole millionths
--         out_workers  the same, kept on the restricted side

CREATE OR REPLACE TEMP TABLE cov_people AS
SELECT
    p.person_key,
    coalesce(cov_region(p.region_code), '0000') AS domicile,
    coalesce(p.sex, 'X') AS sex,
    coalesce(p.life_status, 'hidup') <> 'meninggal' AS alive,
    -- Without a birth date nobody is of working age; the quality tables count them.
    coalesce(cov_age(p.birth_date) BETWEEN 15 AND 64, false) AS working_age,
    cov_age(p.birth_date)::INTEGER AS age,

    -- Signs of work but for memberships, which depend on the arrears allowed.
    e.person_key IS NOT NULL AS sign_employment,
    r.person_key IS NOT NULL AS sign_roster,
    w.person_key IS NOT NULL AS sign_ownership,
    coalesce(o.is_working, false) AS sign_occupation,
    sign_employment OR sign_roster OR sign_ownership OR sign_occupation AS works_by_lists,
    coalesce(e.certain, false) OR coalesce(r.certain, false) OR coalesce(w.certain, false)
        OR sign_occupation AS works_by_certain_lists,

    -- Civil servants, soldiers and police; PPPK apart, as a parameter decides about them.
    coalesce(o.civil, false) OR coalesce(e.civil, false) OR coalesce(r.civil, false) AS civil,
    coalesce(o.pppk, false) OR coalesce(e.pppk, false) OR coalesce(r.pppk, false) AS pppk,
    coalesce(o.civil, false) OR coalesce(e.civil_certain, false)
        OR coalesce(r.civil_certain, false) AS civil_certain,
    coalesce(o.pppk, false) OR coalesce(e.pppk_certain, false)
        OR coalesce(r.pppk_certain, false) AS pppk_certain,

    e.workplace AS employment_workplace,
    e.sector_code AS employment_sector,
    coalesce(r.sector_code, 'X') AS roster_sector,
    coalesce(r.migrant, false) AS migrant,
    coalesce(w.sector_code, 'X') AS owned_sector,
    coalesce(o.sector_code, 'X') AS occupation_sector
FROM spine.persons AS p
LEFT JOIN cov_employment AS e USING (person_key)
LEFT JOIN cov_listing AS r USING (person_key)
LEFT JOIN cov_ownership AS w USING (person_key)
LEFT JOIN cov_occupations AS o ON o.as_written = p.occupation
WHERE p.period = getvariable('period');

CREATE OR REPLACE TEMP TABLE cov_workers AS
WITH signed AS (
    SELECT
        p.*,
        m.npp,
        coalesce(m.jakon, false) AS jakon,
        m.segment AS membership_segment,
        coalesce(m.active_ppm, 0) AS active_ppm,
        coalesce(m.inactive_ppm, 0) AS inactive_link_ppm,
        coalesce(m.active_certain, false) AS active_certain,
        coalesce(m.active_possible, false) AS active_possible,
        -- The first sign that holds, by rank.
        CASE
            WHEN p.sign_employment THEN 'employment'
            WHEN m.npp IS NOT NULL THEN 'card'
            WHEN p.sign_roster THEN 'roster'
            WHEN p.sign_ownership THEN 'ownership'
            WHEN p.sign_occupation THEN 'occupation'
            WHEN m.sign_membership THEN 'membership'
        END AS sign
    FROM cov_people AS p
    LEFT JOIN cov_membership AS m USING (person_key)
    WHERE p.alive AND p.working_age
),

main_job AS (
    SELECT
        s.*,
        CASE s.sign WHEN 'employment' THEN s.employment_workplace WHEN 'card' THEN c.workplace END
            AS employer_region,
        CASE
            -- An employer without a known KBLI gives X: what other lists say is another job.
            WHEN s.sign = 'employment' THEN s.employment_sector
            WHEN s.sign = 'card' THEN coalesce(c.sector_code, 'X')
            -- Without an employer: the first of these that knows the sector.
            ELSE coalesce(
                nullif(s.roster_sector, 'X'),
                nullif(s.owned_sector, 'X'),
                nullif(s.occupation_sector, 'X'),
                CASE WHEN s.jakon THEN 'F' END,
                'X'
            )
        END AS sector_code
    FROM signed AS s
    LEFT JOIN cov_employers AS c ON c.kind = 'npp' AND c.identifier = s.npp
    WHERE s.sign IS NOT NULL
)

SELECT
    person_key, sign, domicile,
    coalesce(employer_region, domicile) AS workplace,
    sector_code, sex,
    CASE
        WHEN age <= 24 THEN '15-24'
        WHEN age <= 34 THEN '25-34'
        WHEN age <= 44 THEN '35-44'
        WHEN age <= 54 THEN '45-54'
        ELSE '55-64'
    END AS age_band,
    NOT (civil OR (pppk AND getvariable('pppk_is_civil_servant'))) AS eligible,
    CASE
        WHEN membership_segment IS NOT NULL THEN membership_segment
        WHEN sign = 'employment' THEN 'PU'
        WHEN sector_code = 'F' THEN 'JAKON'
        WHEN migrant THEN 'PMI'
        ELSE 'BPU'
    END AS segment,
    -- Of what the best active link leaves, inactive takes the best inactive link's share,
    -- and unregistered what remains: the three make one person exactly.
    active_ppm,
    ((1000000 - active_ppm) * inactive_link_ppm) // 1000000 AS inactive_ppm,
    1000000 - active_ppm - ((1000000 - active_ppm) * inactive_link_ppm) // 1000000
        AS unregistered_ppm,
    CASE WHEN active_certain THEN 1000000 ELSE 0 END::BIGINT AS active_low_ppm,
    CASE WHEN active_possible THEN 1000000 ELSE 0 END::BIGINT AS active_high_ppm
FROM main_job;

CREATE OR REPLACE TEMP VIEW out_workers AS
SELECT getvariable('period') AS period, * FROM cov_workers;
