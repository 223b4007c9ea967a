-- The signs of work, gathered per person. A sign needs an accepted link, not one in review.
--
-- Reads   cov_links, cov_memberships, cov_employers, in_employment, in_roster, in_ownership,
--         reference.datasets
-- Makes   cov_employment     per person: open employment records and the main one of them
--         cov_listing        per person: roster listings and the sector they give
--         cov_ownership      per person: businesses owned
--         cov_membership     per person: cards, the chance of being active, the segment

CREATE OR REPLACE TEMP TABLE cov_employment AS
WITH open_records AS (
    -- Open as of the last day: begun, and not ended on or before it. A dataset without
    -- dates is open as of its delivery.
    SELECT
        l.person_key, l.certain, e.dataset, e.record_id, e.employer_npwp, e.employer_nib,
        e.monthly_wage, e.sector_code,
        coalesce(cov_is_civil(e.employment_status), false) AS civil,
        coalesce(cov_is_pppk(e.employment_status), false) AS pppk
    FROM in_employment AS e
    JOIN cov_links AS l USING (dataset, record_id)
    WHERE l.accepted
      AND coalesce(e.started_on <= getvariable('as_of'), true)
      AND coalesce(e.ended_on > getvariable('as_of'), true)
),

per_person AS (
    -- The main job: highest wage, a missing wage last; then smallest NPWP, then record.
    SELECT
        person_key,
        bool_or(certain) AS certain,
        bool_or(civil) AS civil,
        bool_or(pppk) AS pppk,
        bool_or(civil AND certain) AS civil_certain,
        bool_or(pppk AND certain) AS pppk_certain,
        arg_min(
            {npwp: employer_npwp, nib: employer_nib, sector_code: sector_code},
            row(
                monthly_wage IS NULL, -coalesce(monthly_wage, 0),
                employer_npwp IS NULL, coalesce(employer_npwp, ''), record_id, dataset
            )
        ) AS main
    FROM open_records
    GROUP BY person_key
)

-- The full NPWP knows most, then its root, then the NIB. Which of them leads to an employer is
-- decided after the joins: a condition on the left side within them would cost a loop.
SELECT
    p.person_key, p.certain, p.civil, p.pppk, p.civil_certain, p.pppk_certain,
    CASE
        WHEN branch.employer_key IS NOT NULL THEN branch.workplace
        WHEN root.employer_key IS NOT NULL THEN root.workplace
        ELSE nib.workplace
    END AS workplace,
    -- The registers' KBLI of the employer; where none of them knows it, the KBLI that came
    -- with the employment record itself.
    coalesce(
        nullif(
            CASE
                WHEN branch.employer_key IS NOT NULL THEN branch.sector_code
                WHEN root.employer_key IS NOT NULL THEN root.sector_code
                ELSE nib.sector_code
            END,
            'X'
        ),
        p.main.sector_code,
        'X'
    ) AS sector_code
FROM per_person AS p
LEFT JOIN cov_employers AS branch
    ON branch.kind = 'npwp' AND branch.identifier = p.main.npwp
LEFT JOIN cov_employers AS root
    ON root.kind = 'npwp_root'
    AND root.identifier
        = CASE WHEN p.main.npwp LIKE '0%' THEN left(p.main.npwp, 10) ELSE p.main.npwp END
LEFT JOIN cov_employers AS nib
    ON nib.kind = 'nib' AND nib.identifier = p.main.nib;

-- A list with a sector fixed by its contract goes before one with a kbli column, an unknown
-- sector comes last, then the name of the list decides.
CREATE OR REPLACE TEMP TABLE cov_listing AS
WITH listings AS (
    SELECT
        l.person_key, l.certain, r.dataset, r.record_id,
        coalesce(d.sector_code, r.sector_code, 'X') AS sector_code,
        d.sector_code IS NOT NULL AS fixed,
        -- Clause 2.3.d is the migrant workers' list.
        list_contains(d.clauses, '2.3.d') AS migrant,
        coalesce(cov_is_civil(r.employment_status), false) AS civil,
        coalesce(cov_is_pppk(r.employment_status), false) AS pppk
    FROM in_roster AS r
    JOIN cov_links AS l USING (dataset, record_id)
    LEFT JOIN reference.datasets AS d ON d.dataset = r.dataset
    WHERE l.accepted
)
SELECT
    person_key,
    bool_or(certain) AS certain,
    bool_or(civil) AS civil,
    bool_or(pppk) AS pppk,
    bool_or(civil AND certain) AS civil_certain,
    bool_or(pppk AND certain) AS pppk_certain,
    bool_or(coalesce(migrant, false)) AS migrant,
    arg_min(sector_code, row(sector_code = 'X', NOT fixed, dataset, record_id)) AS sector_code
FROM listings
GROUP BY person_key;

CREATE OR REPLACE TEMP TABLE cov_ownership AS
SELECT
    l.person_key,
    bool_or(l.certain) AS certain,
    arg_min(
        coalesce(o.sector_code, 'X'),
        row(coalesce(o.sector_code, 'X') = 'X', o.dataset, o.record_id)
    ) AS sector_code
FROM in_ownership AS o
JOIN cov_links AS l USING (dataset, record_id)
WHERE l.accepted
GROUP BY l.person_key;

-- Cards of one person, the best of them first. Links in review count with their chance;
-- only accepted ones are a sign of work.
CREATE OR REPLACE TEMP TABLE cov_membership AS
SELECT
    person_key,
    coalesce(max(ppm) FILTER (state = 'active'), 0) AS active_ppm,
    coalesce(max(ppm) FILTER (state = 'inactive'), 0) AS inactive_ppm,
    coalesce(bool_or(certain) FILTER (state = 'active'), false) AS active_certain,
    coalesce(bool_or(state = 'active'), false) AS active_possible,
    coalesce(bool_or(accepted) FILTER (state = 'active'), false) AS sign_membership,
    coalesce(bool_or(accepted) FILTER (state = 'active' AND segment = 'JAKON'), false) AS jakon,
    min(npp) FILTER (state = 'active' AND accepted AND segment = 'PU') AS npp,
    arg_min(
        segment,
        row(
            state <> 'active', -ppm, list_position(['PU', 'BPU', 'JAKON', 'PMI'], segment),
            record_id, dataset
        )
    ) FILTER (state <> 'not_yet') AS segment
FROM cov_memberships
WHERE person_key IS NOT NULL
GROUP BY person_key;
