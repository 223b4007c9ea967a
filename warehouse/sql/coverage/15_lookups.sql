-- What identifiers, statuses and occupations tell: lookups that coverage and compliance share.
--
-- Reads   cov_employer_spine, cov_employer_identifiers, spine.persons, reference.occupations
-- Makes   cov_employers      where each employer identifier leads: sector and workplace
--         cov_occupations    every occupation of the register, as written, with what it tells

-- Workplace is the branch's region (the NPP's, or that of the NPWP's branch row), else the
-- head office's. Sector X: the employer has no known KBLI.
CREATE OR REPLACE TEMP TABLE cov_employers AS
SELECT
    i.kind,
    i.identifier,
    i.employer_key,
    -- Only an NPP and a full NPWP name a branch; a root or an NIB stands for the whole.
    coalesce(
        CASE WHEN i.kind IN ('npp', 'npwp') THEN cov_region(i.region_code) END,
        cov_region(e.region_code)
    ) AS workplace,
    coalesce(e.sector_code, 'X') AS sector_code
FROM cov_employer_identifiers AS i
JOIN cov_employer_spine AS e ON e.employer_key = i.employer_key;

-- What an employment status says about who insures the person. Case and signs do not count.
CREATE OR REPLACE TEMP MACRO cov_letters(text) AS
    regexp_replace(upper(text), '[^A-Z0-9]', '', 'g');
CREATE OR REPLACE TEMP MACRO cov_is_civil(employment_status) AS
    cov_letters(employment_status) IN ('PNS', 'CPNS', 'PEGAWAINEGERISIPIL', 'TNI', 'POLRI');
CREATE OR REPLACE TEMP MACRO cov_is_pppk(employment_status) AS
    cov_letters(employment_status) IN ('PPPK', 'P3K');

CREATE OR REPLACE TEMP MACRO cov_plain(text) AS
    trim(regexp_replace(upper(text), '[^A-Z0-9]+', ' ', 'g'));

-- Occupations are compared without case and punctuation, in every spelling the table knows.
-- Each text that the register uses is looked up once, as there are few of them. Every one
-- counts as work but the few of the table that are none; an empty one is none, one that the
-- table does not know is work in an unknown sector.
CREATE OR REPLACE TEMP TABLE cov_occupations AS
WITH spelt AS (
    SELECT
        cov_plain(unnest(list_prepend(occupation, coalesce(spellings, [])))) AS spelling,
        occupation, is_working, coalesce(sector_code, 'X') AS sector_code,
        coalesce(civil_servant, false) AS civil_servant
    FROM reference.occupations
),

known AS (
    SELECT
        spelling,
        arg_min(is_working, occupation) AS is_working,
        arg_min(sector_code, occupation) AS sector_code,
        arg_min(civil_servant, occupation) AS civil_servant,
        arg_min(cov_plain(occupation) = 'PPPK', occupation) AS pppk
    FROM spelt
    GROUP BY spelling
),

used AS (
    SELECT DISTINCT occupation AS as_written, cov_plain(occupation) AS spelling
    FROM spine.persons
    WHERE period = getvariable('period') AND occupation IS NOT NULL
)

SELECT
    u.as_written,
    coalesce(k.is_working, true) AS is_working,
    coalesce(k.sector_code, 'X') AS sector_code,
    coalesce(k.civil_servant AND NOT k.pppk, false) AS civil,
    coalesce(k.pppk, false) AS pppk
FROM used AS u
LEFT JOIN known AS k USING (spelling)
WHERE u.spelling <> '';
