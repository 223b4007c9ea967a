-- What is not collected, in rupiah a month: by scope, employer, flag and programme.
--
-- Reads   cpl_flags, cpl_known, cpl_participants, cpl_wages, cpl_employers, cpl_rates,
--         reference.contribution_discounts
-- Makes   cpl_discounts      fraction of a contribution that is still due, by employer
--         cpl_bases          persons and wages behind each amount, before any rate
--         cpl_contributions  rupiah a month; whole rupiah for each row, so that sums are exact
--
-- Nothing is counted twice: PWBD and PDS_TK take the missing workers, with all programmes that
-- their employer owes. PDS_UPAH takes, of participants, the wage that is not reported, for the
-- programmes that are paid. PDS_PROGRAM takes, of participants, the whole wage that is due, for
-- the programmes that are not. What an NPP in arrears owes is a debt already known.

-- Temporary discounts, where one is in force for this industry and size.
CREATE OR REPLACE TEMP TABLE cpl_discounts AS
SELECT
    e.employer_key, d.programme,
    round(min(d.factor) * 1000000)::BIGINT AS factor_ppm
FROM reference.contribution_discounts AS d
JOIN cpl_employers AS e
    ON len(d.kbli_prefixes) = 0
    OR len(list_filter(d.kbli_prefixes, p -> starts_with(e.kbli, p))) > 0
JOIN cpl_flags AS f ON f.employer_key = e.employer_key AND f.scope = 'all'
WHERE d.segment = 'PU' AND cpl_in_force(d.valid_from, d.valid_to)
  AND f.participants >= coalesce(d.least_active_workers, 0)
GROUP BY ALL;

CREATE OR REPLACE TEMP TABLE cpl_bases AS
WITH absent AS (
    -- Known to work, and not among the participants.
    SELECT
        f.scope, f.employer_key,
        CASE WHEN f.pwbd THEN 'PWBD' ELSE 'PDS_TK' END AS flag,
        CASE WHEN s.taxed THEN k.wage ELSE k.wage_without_tax END AS wage
    FROM cpl_flags AS f
    JOIN cpl_scopes AS s USING (scope)
    JOIN cpl_known AS k ON k.employer_key = f.employer_key
        AND (s.taxed OR k.records_without_tax > 0)
    LEFT JOIN cpl_participants AS p
        ON p.employer_key = k.employer_key AND p.identity = k.identity
    WHERE (f.pwbd OR f.pds_tk) AND p.identity IS NULL
)

-- Wages that repeat are worked out once.
SELECT
    a.scope, a.employer_key, a.flag, e.owed AS programmes,
    coalesce(a.wage, e.assumed_wage) AS wage, 0 AS less,
    a.wage IS NOT NULL AS wage_known,
    count(*) AS persons
FROM absent AS a
JOIN cpl_employers AS e USING (employer_key)
GROUP BY ALL
UNION ALL
-- Of a register's count, those that no list names: at the minimum wage.
SELECT
    f.scope, f.employer_key, 'PWBD', e.owed, e.assumed_wage, 0, false,
    f.register_workers - f.known
FROM cpl_flags AS f
JOIN cpl_employers AS e USING (employer_key)
WHERE f.pwbd AND f.register_workers > f.known
UNION ALL
SELECT
    scope, employer_key, 'PDS_UPAH', enrolled, due_wage, reported_wage, true, count(*)
FROM cpl_wages
WHERE under
GROUP BY ALL
UNION ALL
SELECT
    w.scope, w.employer_key, 'PDS_PROGRAM', w.lacking,
    coalesce(w.due_wage, w.reported_wage, w.known_wage, w.minimum, e.assumed_wage), 0,
    coalesce(w.due_wage, w.reported_wage, w.known_wage) IS NOT NULL, count(*)
FROM cpl_wages AS w
JOIN cpl_employers AS e USING (employer_key)
WHERE len(w.lacking) > 0
GROUP BY ALL;

CREATE OR REPLACE TEMP TABLE cpl_contributions AS
WITH parts AS (
    SELECT scope, employer_key, flag, unnest(programmes) AS programme, wage, less, wage_known, persons
    FROM cpl_bases
    WHERE wage IS NOT NULL
),

summed AS (
    SELECT
        p.scope, p.employer_key, p.flag, p.programme,
        sum(p.persons) AS persons,
        -- least() passes over a cap that is not there.
        sum(p.persons * (least(p.wage, r.wage_cap) - least(p.less, r.wage_cap))::HUGEINT) AS base,
        any_value(r.rate_ppm * coalesce(d.factor_ppm, 1000000))::HUGEINT AS rate
    FROM parts AS p
    JOIN cpl_employers AS e ON e.employer_key = p.employer_key
    JOIN cpl_rates AS r ON r.programme = p.programme AND r.risk_group = e.risk_group
    LEFT JOIN cpl_discounts AS d
        ON d.employer_key = p.employer_key AND d.programme = p.programme
    GROUP BY ALL
),

scaled AS (
    -- PDS_TK: some participants are on no list, so more are absent from the participants than
    -- are missing; each of them counts with the share that makes the number of the missing.
    SELECT
        s.* EXCLUDE (persons, base),
        CASE WHEN s.flag = 'PDS_TK' THEN f.missing_workers ELSE s.persons END AS persons,
        CASE WHEN s.flag = 'PDS_TK' THEN s.base * f.missing_workers ELSE s.base END AS base,
        CASE WHEN s.flag = 'PDS_TK' THEN s.persons ELSE 1 END AS among
    FROM summed AS s
    JOIN cpl_flags AS f ON f.scope = s.scope AND f.employer_key = s.employer_key
)

SELECT
    scope, employer_key, flag, programme, persons::BIGINT AS persons,
    (base // among)::BIGINT AS wage_base,
    rate::DOUBLE / 1000000000000 AS rate,
    -- Half a rupiah rounds up.
    ((base * rate + among * 500000000000) // (among * 1000000000000))::BIGINT AS contribution
FROM scaled;
