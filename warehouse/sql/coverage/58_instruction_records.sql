-- Whom the clauses of the Presidential Instruction name: the records of each list, their people,
-- and the group of the clause that each record belongs to.
--
-- Reads   cov_links, cov_people, cov_employers, cov_rules, cov_grouped, cov_listed_employers,
--         cov_memberships, in_employment, in_roster, in_ownership
-- Makes   cov_records  one row per listed record: its link and province
--         cov_named    one row per record, clause and group; group NULL stands for the clause

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
    NULL::UBIGINT AS employer_key,
    -- The province where the person lives when linked, else the one that the record tells.
    left(coalesce(p.domicile, r.region_code, '0000'), 2) AS province_code
FROM records AS r
LEFT JOIN cov_links AS l USING (dataset, record_id)
LEFT JOIN cov_people AS p ON p.person_key = CASE WHEN l.accepted THEN l.person_key END
UNION ALL
-- A register of businesses names no person: its rows are businesses, where they lie.
SELECT
    dataset, record_id,
    CASE WHEN employer_key IS NULL THEN 'unlinked' ELSE 'linked' END,
    NULL, employer_key,
    left(coalesce(cov_region(region_code), '0000'), 2)
FROM cov_listed_employers;

-- Who works for an employer: open payroll records, and cards under its NPP. Which identifier
-- leads to the employer is decided after the joins, as a condition within them costs a loop.
CREATE OR REPLACE TEMP TABLE cov_staff AS
SELECT DISTINCT person_key, employer_key FROM (
    SELECT
        l.person_key,
        coalesce(branch.employer_key, root.employer_key, nib.employer_key) AS employer_key
    FROM in_employment AS e
    JOIN cov_links AS l USING (dataset, record_id)
    LEFT JOIN cov_employers AS branch
        ON branch.kind = 'npwp' AND branch.identifier = e.employer_npwp
    LEFT JOIN cov_employers AS root
        ON root.kind = 'npwp_root'
        AND root.identifier
            = CASE WHEN e.employer_npwp LIKE '0%' THEN left(e.employer_npwp, 10)
                ELSE e.employer_npwp END
    LEFT JOIN cov_employers AS nib
        ON nib.kind = 'nib' AND nib.identifier = e.employer_nib
    WHERE l.accepted
      AND coalesce(e.started_on <= getvariable('as_of'), true)
      AND coalesce(e.ended_on > getvariable('as_of'), true)
    UNION ALL
    SELECT m.person_key, e.employer_key
    FROM cov_memberships AS m
    JOIN cov_employers AS e ON e.kind = 'npp' AND e.identifier = m.npp
    WHERE m.accepted AND m.segment = 'PU' AND m.state = 'active'
)
WHERE employer_key IN (SELECT employer_key FROM cov_records WHERE employer_key IS NOT NULL);

-- A clause with conditions means the records of its groups alone; any other, the whole list.
CREATE OR REPLACE TEMP TABLE cov_named AS
WITH clauses AS (
    SELECT dataset, clause, bool_or(conditional) AS conditional
    FROM cov_rules
    GROUP BY ALL
),

meant AS (
    SELECT
        r.dataset, r.record_id, c.clause, c.conditional, g.group_code,
        coalesce(o.obligation, 'disebut') = 'di_luar' AS is_outside
    FROM cov_records AS r
    JOIN clauses AS c USING (dataset)
    LEFT JOIN cov_grouped AS g USING (dataset, record_id, clause)
    LEFT JOIN cov_rules AS o
        ON o.dataset = g.dataset AND o.clause = g.clause AND o.group_code = g.group_code
    WHERE g.group_code IS NOT NULL OR NOT c.conditional
)
-- Who is on the list but outside the clause has a group, and no part in the clause's figures.
SELECT dataset, record_id, clause, NULL::VARCHAR AS group_code FROM meant WHERE NOT is_outside
UNION ALL
SELECT dataset, record_id, clause, group_code FROM meant WHERE conditional;
