-- How much the national answer depends on three choices: the months in arrears that still
-- count as active, who insures PPPK, and whether uncertain links count.
--
-- Reads   cov_people, cov_memberships
-- Makes   out_sensitivity   the eligible workers by domicile, once per scenario
--
-- Each scenario applies all definitions anew with one parameter changed, so the workers may
-- differ too: an active membership is itself a sign of work.

CREATE OR REPLACE TEMP TABLE cov_scenarios AS
SELECT
    scenario,
    coalesce(arrears, getvariable('arrears_months')) AS arrears,
    coalesce(pppk_is_civil, getvariable('pppk_is_civil_servant')) AS pppk_is_civil,
    certain_only
FROM (VALUES
    ('arrears_0', 0, NULL, false),
    ('arrears_3', 3, NULL, false),
    ('arrears_6', 6, NULL, false),
    ('pppk_eligible', NULL, false, false),
    ('pppk_civil_servant', NULL, true, false),
    ('certain_links', NULL, NULL, true)
) AS v (scenario, arrears, pppk_is_civil, certain_only);

CREATE OR REPLACE TEMP VIEW out_sensitivity AS
WITH rules AS (
    SELECT DISTINCT arrears, certain_only FROM cov_scenarios
),

membership AS (
    SELECT
        r.arrears, r.certain_only, m.person_key,
        max(m.ppm) AS active_ppm,
        bool_or(m.accepted) AS sign_membership
    FROM cov_memberships AS m
    JOIN rules AS r
        ON m.may_be_active AND m.months_in_arrears <= r.arrears
        AND (m.certain OR NOT r.certain_only)
    WHERE m.person_key IS NOT NULL
    GROUP BY ALL
),

workers AS (
    SELECT
        s.scenario,
        left(p.domicile, 2) AS province_code,
        coalesce(m.active_ppm, 0) AS active_ppm
    FROM cov_people AS p
    CROSS JOIN cov_scenarios AS s
    LEFT JOIN membership AS m
        ON m.person_key = p.person_key AND m.arrears = s.arrears
        AND m.certain_only = s.certain_only
    WHERE p.alive AND p.working_age
      AND (
          CASE WHEN s.certain_only THEN p.works_by_certain_lists ELSE p.works_by_lists END
          OR coalesce(m.sign_membership, false)
      )
      AND NOT CASE WHEN s.certain_only THEN p.civil_certain ELSE p.civil END
      AND NOT (
          s.pppk_is_civil AND CASE WHEN s.certain_only THEN p.pppk_certain ELSE p.pppk END
      )
)

SELECT
    getvariable('period') AS period,
    w.province_code,
    coalesce(n.province, 'Tidak diketahui') AS province,
    w.scenario,
    count(*) AS workers,
    cov_persons(sum(w.active_ppm)) AS active,
    cov_rate(sum(w.active_ppm), count(*)) AS coverage_rate
FROM workers AS w
LEFT JOIN cov_provinces AS n USING (province_code)
GROUP BY ALL;
