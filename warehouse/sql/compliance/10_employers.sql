-- Employers with what their scale obliges them to, the rates in force, and who may be named.
--
-- Reads   cov_employer_spine, cov_employer_links, in_employers, in_population,
--         in_person_records, and of schema reference: rates, obligations, minimum wages,
--         legal forms, public_bodies
-- Makes   cpl_datasets   every list, and whether it is tax data
--         cpl_scopes     everything is worked out twice: on all lists, and without tax data
--         cpl_minimum    minimum wages in force, by province or regency
--         cpl_rates      contribution in millionths of the wage: programme, risk group, cap
--         cpl_employers  one row per employer of the spine

-- What the tax office delivers under clause 2.9 is for DJP and BPJS alone.
CREATE OR REPLACE TEMP TABLE cpl_datasets AS
SELECT dataset, coalesce(list_contains(clauses, '2.9'), false) AS tax FROM reference.datasets;

CREATE OR REPLACE TEMP TABLE cpl_scopes AS
SELECT * FROM (VALUES ('all', true), ('without_tax', false)) AS s (scope, taxed);

CREATE OR REPLACE TEMP MACRO cpl_in_force(valid_from, valid_to) AS
    coalesce(valid_from <= getvariable('as_of'), true)
    AND coalesce(valid_to >= getvariable('as_of'), true);

CREATE OR REPLACE TEMP TABLE cpl_minimum AS
SELECT region_code, arg_max(amount, coalesce(valid_from, DATE '1900-01-01')) AS amount
FROM reference.minimum_wages
WHERE cpl_in_force(valid_from, valid_to)
GROUP BY region_code;

-- Employer's and worker's shares together. What the state pays, or takes out of another
-- programme (JKP), costs neither. Millionths are whole, so that sums depend on no order.
CREATE OR REPLACE TEMP TABLE cpl_rates AS
WITH ceiling AS (
    SELECT arg_max(ceiling, valid_from) AS ceiling
    FROM reference.jp_ceilings WHERE cpl_in_force(valid_from, valid_to)
),

groups AS (
    SELECT risk_group, arg_max(rate, valid_from) AS rate
    FROM reference.jkk_rates WHERE cpl_in_force(valid_from, valid_to)
    GROUP BY risk_group
),

due AS (
    SELECT
        r.programme, g.risk_group,
        CASE r.base WHEN 'wage_by_risk' THEN g.rate ELSE r.rate END AS rate,
        CASE r.base WHEN 'capped_wage' THEN least(c.ceiling, r.base_cap) ELSE r.base_cap END
            AS wage_cap
    FROM reference.contribution_rates AS r, groups AS g, ceiling AS c
    WHERE r.segment = 'PU' AND r.payer IN ('employer', 'worker')
      AND r.base IN ('wage', 'wage_by_risk', 'capped_wage')
      AND cpl_in_force(r.valid_from, r.valid_to)
)

SELECT
    programme, risk_group, wage_cap, round(sum(rate) * 1000000)::BIGINT AS rate_ppm
FROM due
GROUP BY ALL;

-- Public bodies have no legal form of a business, but may be named: their names begin with
-- words of a table. A number of a natural person (a NIK, or a kind of 04 and above) rules it out.
CREATE OR REPLACE TEMP TABLE cpl_public AS
WITH nameless AS (
    SELECT
        employer_key, npwp_root,
        string_split(cov_plain(strip_accents(employer_name)), ' ') AS words
    FROM cov_employer_spine
    WHERE natural_person AND employer_name IS NOT NULL
      AND coalesce(legal_form IN ('SEKOLAH', 'RS', 'KANTOR'), true)
),

beginnings AS (
    SELECT employer_key, array_to_string(words[1:unnest(range(1, 6))], ' ') AS phrase
    FROM nameless
    WHERE NOT coalesce(regexp_full_match(npwp_root, '00[4-9][0-9]+'), false)
      AND NOT coalesce(
          npwp_root NOT LIKE '0%' AND regexp_full_match(
              npwp_root,
              '[1-9][0-9]{5}(0[1-9]|[12][0-9]|3[01]|4[1-9]|[56][0-9]|7[01])(0[1-9]|1[0-2])[0-9]{6}'
          ),
          false
      )
)

SELECT DISTINCT employer_key
FROM beginnings
SEMI JOIN reference.public_bodies USING (phrase);

-- A business that is a natural person appears under its key alone. A name always carries its
-- legal form, so that a company called after a person is not taken for the person; one that
-- holds an identity number, or is as a whole what some list calls a person, is withheld.
CREATE OR REPLACE TEMP TABLE cpl_employers AS
WITH forms AS (
    SELECT legal_form, list(' ' || spelling || ' ') AS spellings
    FROM reference.legal_forms
    GROUP BY legal_form
),

shared AS (
    -- Programmes that every scale must have: what an employer of unknown scale owes at least.
    SELECT programme
    FROM (SELECT scale, unnest(programmes) AS programme FROM reference.programme_obligations)
    GROUP BY programme
    HAVING count(*) = (SELECT count(*) FROM reference.programme_obligations)
),

least_owed AS (
    SELECT
        (SELECT list(programme ORDER BY programme) FROM shared) AS programmes,
        (SELECT min(risk_group) FROM cpl_rates) AS risk_group,
        (SELECT min(amount) FROM cpl_minimum) AS minimum
),

certainty AS (
    SELECT
        employer_key,
        bool_and(tier = 'identifier' OR coalesce(probability_ppm, 0) >= getvariable('certain_ppm'))
            AS certain
    FROM cov_employer_links
    GROUP BY employer_key
),

sole AS (
    -- What any register calls a natural person's business is one, whatever its name says: that
    -- of a PT PERORANGAN begins like a company's. The other forms are told by the name alone.
    SELECT DISTINCT k.employer_key
    FROM in_employers AS i
    JOIN cov_employer_links AS k USING (dataset, record_id)
    JOIN reference.legal_forms AS f
        ON f.spelling = cov_plain(i.legal_form) AND f.natural_person
        AND f.legal_form NOT IN ('SEKOLAH', 'RS', 'KANTOR')
),

judged AS (
    SELECT
        e.* REPLACE (
            e.natural_person OR o.employer_key IS NOT NULL
                OR contains(' ' || cov_plain(e.employer_name) || ' ', ' PERORANGAN ')
            AS natural_person
        )
    FROM cov_employer_spine AS e
    LEFT JOIN sole AS o ON o.employer_key = e.employer_key
),

named AS (
    SELECT
        e.*,
        p.employer_key IS NOT NULL AS public_body,
        e.employer_name IS NOT NULL AND (NOT e.natural_person OR public_body)
            AND NOT regexp_matches(e.employer_name, getvariable('identifier_pattern')) AS may_be_named,
        -- Some forms (PERSERO, TBK) are told by their own word alone.
        public_body OR len(list_filter(
            list_append(coalesce(f.spellings, []), ' ' || replace(e.legal_form, '_', ' ') || ' '),
            s -> contains(' ' || cov_plain(strip_accents(e.employer_name)) || ' ', s)
        )) > 0 AS has_form
    FROM judged AS e
    LEFT JOIN cpl_public AS p ON p.employer_key = e.employer_key
    LEFT JOIN forms AS f ON f.legal_form = e.legal_form
),

called AS (
    SELECT
        * EXCLUDE (employer_name),
        CASE
            WHEN NOT may_be_named THEN NULL
            WHEN has_form THEN employer_name
            ELSE replace(legal_form, '_', ' ') || ' ' || employer_name
        END AS called
    FROM named
),

persons AS (
    SELECT DISTINCT upper(trim(full_name)) AS full_name
    FROM (
        SELECT full_name FROM in_population
        UNION ALL
        SELECT full_name FROM in_person_records
    )
    SEMI JOIN (SELECT upper(trim(called)) AS called FROM called) ON called = upper(trim(full_name))
)

SELECT
    e.employer_key,
    CASE WHEN b.full_name IS NULL THEN e.called END AS employer_name,
    e.legal_form,
    e.natural_person AND NOT e.public_body AS natural_person,
    e.public_body,
    coalesce(cov_region(e.region_code), '0000') AS regency_code,
    coalesce(e.sector_code, 'X') AS sector_code,
    e.scale,
    e.kbli,
    d.jkk_risk_group,
    -- Unknown industry: the group that pays least.
    coalesce(d.jkk_risk_group, l.risk_group) AS risk_group,
    o.programmes AS obliged,
    coalesce(o.programmes, l.programmes) AS owed,
    coalesce(w.minimum_wage_applies, false) AS minimum_applies,
    -- The minimum wage that stands in for an unknown wage.
    coalesce(mr.amount, mp.amount, l.minimum) AS assumed_wage,
    coalesce(mr.amount, mp.amount) IS NULL AS lowest_assumed,
    coalesce(c.certain, false) AS certain,
    e.sources
FROM called AS e
CROSS JOIN least_owed AS l
LEFT JOIN persons AS b ON b.full_name = upper(trim(e.called))
LEFT JOIN certainty AS c USING (employer_key)
LEFT JOIN reference.kbli_divisions AS d
    ON d.kbli_vintage = e.kbli_vintage AND d.division = left(e.kbli, 2)
LEFT JOIN reference.programme_obligations AS o ON o.scale = e.scale
LEFT JOIN reference.minimum_wage_obligations AS w ON w.scale = e.scale
LEFT JOIN cpl_minimum AS mr ON mr.region_code = e.region_code
LEFT JOIN cpl_minimum AS mp ON mp.region_code = left(e.region_code, 2);
