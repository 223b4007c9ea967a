-- What is registered: the NPPs of an employer, and the active PU participants on their cards.
--
-- Reads   in_employers, in_membership, cov_memberships, cov_employers, cov_employer_links,
--         cpl_employers, cpl_known, cpl_listed, cpl_minimum
-- Makes   cpl_npps          one row per NPP registered on or before the last day
--         cpl_cards         one row per active PU card with an NPP that leads to an employer
--         cpl_participants  one row per employer and person on such cards, by the best card
--         cpl_wages         participants against the wages that other lists know, by scope

CREATE OR REPLACE TEMP TABLE cpl_npps AS
SELECT
    n.employer_key, e.npp,
    coalesce(e.status = 'nonaktif', false) AS closed,
    e.programmes,
    cov_month_number(getvariable('period')) - cov_month_number(e.last_paid_period)
        AS months_in_arrears,
    NOT closed AND coalesce(months_in_arrears > getvariable('arrears_months'), false) AS in_arrears,
    -- Never paid, though registered for longer than arrears may last.
    NOT closed AND e.last_paid_period IS NULL AND e.registered_on IS NOT NULL
        AND cov_month_number(getvariable('period'))
            - (year(e.registered_on) * 12 + month(e.registered_on)) > getvariable('arrears_months')
        AS never_paid,
    -- Without a scale nobody knows what is obliged; without programmes, what is enrolled.
    CASE
        WHEN NOT closed AND e.programmes IS NOT NULL AND m.obliged IS NOT NULL
            THEN list_filter(m.obliged, p -> NOT list_contains(e.programmes, p))
        ELSE []::VARCHAR[]
    END AS lacking,
    -- The row may have been brought to its employer by name and place alone.
    coalesce(
        k.tier <> 'model' OR k.probability_ppm >= getvariable('certain_ppm'), true
    ) AS certain,
    e.dataset
FROM in_employers AS e
JOIN cov_employers AS n ON n.kind = 'npp' AND n.identifier = e.npp
JOIN cpl_employers AS m ON m.employer_key = n.employer_key
LEFT JOIN cov_employer_links AS k ON k.dataset = e.dataset AND k.record_id = e.record_id
WHERE e.npp IS NOT NULL AND coalesce(e.registered_on <= getvariable('as_of'), true)
QUALIFY row_number() OVER (
    PARTITION BY e.npp
    ORDER BY e.last_paid_period IS NULL, e.programmes IS NULL, e.dataset, e.record_id
) = 1;

-- Participants are counted by the NPP on their card, linked or not. BPU and JAKON
-- participations are nobody's employees.
CREATE OR REPLACE TEMP TABLE cpl_cards AS
SELECT
    n.employer_key, n.workplace, m.npp, m.dataset, m.record_id,
    cpl_apparent(m.nik, m.full_name, m.birth_date, m.dataset, m.record_id) AS apparent,
    CASE WHEN m.accepted THEN m.person_key ELSE apparent END AS identity,
    coalesce(m.person_key, apparent) AS identity_upper,
    m.certain,
    i.reported_wage, i.programmes
FROM cov_memberships AS m
JOIN in_membership AS i USING (dataset, record_id)
JOIN cov_employers AS n ON n.kind = 'npp' AND n.identifier = m.npp
WHERE m.state = 'active' AND m.segment = 'PU';

CREATE OR REPLACE TEMP TABLE cpl_participants AS
SELECT
    c.employer_key, c.identity, c.identity_upper, c.npp, c.workplace, c.certain,
    coalesce(n.certain, true) AS npp_certain,
    c.reported_wage,
    -- What is paid for: the NPP's programmes, else the card's.
    coalesce(n.programmes, c.programmes, e.owed) AS enrolled,
    coalesce(n.lacking, []) AS lacking,
    e.minimum_applies,
    coalesce(mr.amount, mp.amount) AS minimum
FROM cpl_cards AS c
JOIN cpl_employers AS e USING (employer_key)
LEFT JOIN cpl_npps AS n ON n.npp = c.npp
LEFT JOIN cpl_minimum AS mr ON mr.region_code = c.workplace
LEFT JOIN cpl_minimum AS mp ON mp.region_code = left(c.workplace, 2)
QUALIFY row_number() OVER (
    PARTITION BY c.employer_key, c.identity
    ORDER BY c.reported_wage DESC NULLS LAST, c.npp, c.dataset, c.record_id
) = 1;

-- Reported too low: under 95% of what another list says, or under the minimum wage.
CREATE OR REPLACE TEMP MACRO cpl_under(reported, known) AS
    coalesce(reported * 1000000 < known * getvariable('wage_tolerance_ppm'), false);

CREATE OR REPLACE TEMP TABLE cpl_wages AS
WITH upper_wages AS (
    SELECT
        employer_key, identity_upper,
        max(wage) AS wage,
        max(wage) FILTER (NOT tax) AS wage_without_tax
    FROM cpl_listed
    WHERE employer_key IS NOT NULL AND NOT dead AND NOT civil
    GROUP BY ALL
),

compared AS (
    SELECT
        s.scope, p.*,
        CASE WHEN s.taxed THEN k.wage ELSE k.wage_without_tax END AS known_wage,
        CASE WHEN s.taxed THEN k.wage_certain ELSE k.wage_certain_without_tax END AS certain_wage,
        CASE WHEN s.taxed THEN u.wage ELSE u.wage_without_tax END AS upper_wage,
        p.minimum_applies AND coalesce(p.reported_wage < p.minimum, false) AS under_minimum
    FROM cpl_participants AS p
    CROSS JOIN cpl_scopes AS s
    LEFT JOIN cpl_known AS k ON k.employer_key = p.employer_key AND k.identity = p.identity
    LEFT JOIN upper_wages AS u
        ON u.employer_key = p.employer_key AND u.identity_upper = p.identity_upper
)

SELECT
    scope, employer_key, identity, npp, enrolled, lacking, minimum, known_wage, reported_wage,
    under_minimum,
    cpl_under(reported_wage, known_wage) AS under_known,
    under_minimum OR under_known AS under,
    npp_certain AND (under_minimum OR (certain AND cpl_under(reported_wage, certain_wage)))
        AS under_certain,
    under OR cpl_under(reported_wage, upper_wage) AS under_upper,
    -- The wage that should have been reported.
    CASE WHEN under THEN greatest(
        CASE WHEN under_known THEN known_wage ELSE 0 END,
        CASE WHEN under_minimum THEN minimum ELSE 0 END
    ) END AS due_wage
FROM compared;
