-- Who is known to work for whom: open employment records, and rosters that name an employer.
--
-- Reads   in_employment, in_roster, in_ownership, in_employers, cov_links, cov_employers,
--         cov_occupations, spine.persons, cov_employer_links, cpl_datasets
-- Makes   cpl_listed    one row per record: where it leads, and whom it stands for
--         cpl_known     one row per employer and person known to work for it
--         cpl_register  what registers say of the number of workers

-- A record that reached no person stands for the one it appears to name: by its own NIK, else
-- by standardised name and birth date. The NIK makes the key of the register's own person, so
-- that one NIK is one person whether its record was linked or not.
CREATE OR REPLACE TEMP MACRO cpl_name(full_name) AS
    nullif(cov_plain(strip_accents(full_name)), '');
CREATE OR REPLACE TEMP MACRO cpl_apparent(nik, full_name, birth_date, dataset, record_id) AS
    md5_number_lower(coalesce(
        nik,
        'name ' || cpl_name(full_name) || ' ' || coalesce(birth_date::VARCHAR, ''),
        'record ' || dataset || ' ' || record_id
    ));

CREATE OR REPLACE TEMP TABLE cpl_listed AS
WITH records AS (
    SELECT
        true AS employment, dataset, record_id, nik, full_name, birth_date, employer_npwp,
        employer_nib, monthly_wage, employment_status
    FROM in_employment
    -- Open as of the last day, as for the signs of work.
    WHERE coalesce(started_on <= getvariable('as_of'), true)
      AND coalesce(ended_on > getvariable('as_of'), true)
    UNION ALL
    SELECT
        false, dataset, record_id, nik, full_name, birth_date, employer_npwp, employer_nib,
        monthly_wage, employment_status
    FROM in_roster
    WHERE employer_npwp IS NOT NULL OR employer_nib IS NOT NULL
)

SELECT
    r.employment, r.dataset, coalesce(t.tax, false) AS tax,
    r.employer_npwp IS NOT NULL OR r.employer_nib IS NOT NULL AS names_employer,
    coalesce(branch.employer_key, root.employer_key, nib.employer_key) AS employer_key,
    cpl_apparent(r.nik, r.full_name, r.birth_date, r.dataset, r.record_id) AS apparent,
    CASE WHEN l.accepted THEN l.person_key ELSE apparent END AS identity,
    -- As if every link in review were right.
    coalesce(l.person_key, apparent) AS identity_upper,
    md5_number_lower(cpl_name(r.full_name)) AS name_key,
    coalesce(l.accepted, false) AS accepted,
    coalesce(l.certain, false) AS certain,
    -- Others insure civil servants, soldiers and police: by the status of the record, or where
    -- it gives none by the register's occupation.
    CASE
        WHEN nullif(cov_letters(r.employment_status), '') IS NOT NULL
            THEN cov_is_civil(r.employment_status)
                OR (cov_is_pppk(r.employment_status) AND getvariable('pppk_is_civil_servant'))
        ELSE coalesce(o.civil OR (o.pppk AND getvariable('pppk_is_civil_servant')), false)
    END AS civil,
    coalesce(p.life_status = 'meninggal', false) AS dead,
    nullif(r.monthly_wage, 0) AS wage
FROM records AS r
LEFT JOIN cov_links AS l USING (dataset, record_id)
LEFT JOIN cpl_datasets AS t ON t.dataset = r.dataset
LEFT JOIN cov_employers AS branch
    ON branch.kind = 'npwp' AND branch.identifier = r.employer_npwp
LEFT JOIN cov_employers AS root
    ON root.kind = 'npwp_root'
    AND root.identifier
        = CASE WHEN r.employer_npwp LIKE '0%' THEN left(r.employer_npwp, 10) ELSE r.employer_npwp END
LEFT JOIN cov_employers AS nib
    ON nib.kind = 'nib' AND nib.identifier = r.employer_nib
LEFT JOIN (
    SELECT person_key, life_status, occupation FROM spine.persons
    WHERE period = getvariable('period')
) AS p ON p.person_key = CASE WHEN l.accepted THEN l.person_key END
LEFT JOIN cov_occupations AS o ON o.as_written = p.occupation;

-- The owner of a business does not work for it as its employee. An owner who reached no person
-- is told by the own NIK or by the name.
CREATE OR REPLACE TEMP TABLE cpl_owners AS
WITH owners AS (
    SELECT
        k.employer_key, l.person_key, o.nik, coalesce(l.accepted, false) AS accepted,
        md5_number_lower(cpl_name(o.full_name)) AS name_key
    FROM in_ownership AS o
    JOIN cov_employer_links AS k USING (dataset, record_id)
    LEFT JOIN cov_links AS l USING (dataset, record_id)
)
SELECT employer_key, person_key AS identity, NULL::UBIGINT AS name_key FROM owners WHERE accepted
UNION
SELECT employer_key, md5_number_lower(nik), NULL FROM owners WHERE nik IS NOT NULL
UNION
SELECT employer_key, NULL, name_key FROM owners WHERE NOT accepted AND name_key IS NOT NULL;

CREATE OR REPLACE TEMP TABLE cpl_known AS
SELECT
    employer_key, identity,
    bool_or(accepted) AS accepted,
    bool_or(employment) AS employment,
    coalesce(bool_or(employment) FILTER (NOT tax), false) AS employment_without_tax,
    bool_or(certain) AS certain,
    coalesce(bool_or(certain) FILTER (NOT tax), false) AS certain_without_tax,
    bool_or(employment AND certain) AS employment_certain,
    coalesce(bool_or(employment AND certain) FILTER (NOT tax), false)
        AS employment_certain_without_tax,
    count(*) AS records,
    count(*) FILTER (NOT tax) AS records_without_tax,
    max(wage) AS wage,
    max(wage) FILTER (NOT tax) AS wage_without_tax,
    max(wage) FILTER (certain) AS wage_certain,
    max(wage) FILTER (certain AND NOT tax) AS wage_certain_without_tax,
    max(wage) FILTER (tax AND employment) AS taxed_wage
FROM (
    FROM cpl_listed
    ANTI JOIN (FROM cpl_owners WHERE identity IS NOT NULL) USING (employer_key, identity)
)
ANTI JOIN (FROM cpl_owners WHERE name_key IS NOT NULL) USING (employer_key, name_key)
WHERE employer_key IS NOT NULL AND NOT dead
GROUP BY employer_key, identity
HAVING NOT bool_or(civil);

-- A register's own count of workers, from rows that are not closed.
CREATE OR REPLACE TEMP TABLE cpl_register AS
SELECT
    k.employer_key,
    max(e.workers) AS workers,
    max(e.workers) FILTER (NOT coalesce(t.tax, false)) AS workers_without_tax
FROM in_employers AS e
JOIN cov_employer_links AS k USING (dataset, record_id)
LEFT JOIN cpl_datasets AS t ON t.dataset = e.dataset
WHERE e.workers >= 1 AND coalesce(e.status, 'aktif') <> 'nonaktif'
GROUP BY k.employer_key;
