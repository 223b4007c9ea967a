-- The published tables of employers: one row each, their evidence, their money, and the totals.
--
-- Reads   cpl_flags, cpl_employers, cpl_contributions, cpl_bases, cpl_listed, cpl_known,
--         cpl_cards, cpl_npps, cpl_wages, in_employers, cov_employer_links, reference.sectors
-- Makes   cpl_compliance  one row per employer
--         out_employer_compliance, out_employer_evidence, out_employer_contributions,
--         out_compliance_by_sector_region, out_employer_records, out_employer_keys

-- The key that leaves the restricted side. The spine's own key is a hash of a taxpayer number,
-- which for a natural person is the NIK: whoever has the numbers could try them all. A secret
-- of this home goes before it; the letter keeps a run of digits from looking like an identity.
CREATE OR REPLACE TEMP MACRO cpl_public_key(employer_key) AS
    'E' || left(sha256(getvariable('employer_secret') || employer_key::VARCHAR), 16);

CREATE OR REPLACE TEMP VIEW out_employer_keys AS
SELECT
    getvariable('period') AS period, employer_key, cpl_public_key(employer_key) AS published_key
FROM cpl_flags
WHERE scope = 'all';

-- Which rows of which list speak for which flag.
CREATE OR REPLACE TEMP TABLE cpl_evidence AS
WITH flagged AS (
    SELECT
        employer_key, unnest(flags_upper) AS flag, flags, flags_certain
    FROM cpl_flags
    WHERE scope = 'all'
),

known AS (
    SELECT l.employer_key, l.dataset, l.employment, l.identity
    FROM cpl_listed AS l
    SEMI JOIN cpl_known AS k USING (employer_key, identity)
),

listed AS (
    SELECT
        employer_key, dataset, employment, count(*) AS records,
        count(DISTINCT identity) AS persons
    FROM known
    GROUP BY ALL
),

speaks AS (
    SELECT l.employer_key, f.flag, l.dataset, l.records, l.persons
    FROM listed AS l
    JOIN (VALUES ('PWBD'), ('PDS_TK')) AS f (flag) ON l.employment OR f.flag = 'PDS_TK'
    UNION ALL
    SELECT k.employer_key, 'PWBD', e.dataset, count(*), max(e.workers)
    FROM in_employers AS e
    JOIN cov_employer_links AS k USING (dataset, record_id)
    WHERE e.workers >= 1 AND coalesce(e.status, 'aktif') <> 'nonaktif'
    GROUP BY ALL
    UNION ALL
    SELECT employer_key, 'PDS_TK', dataset, count(*), count(DISTINCT identity)
    FROM cpl_cards GROUP BY ALL
    UNION ALL
    SELECT c.employer_key, 'PDS_UPAH', c.dataset, count(*), count(DISTINCT c.identity)
    FROM cpl_cards AS c
    JOIN cpl_wages AS w
        ON w.scope = 'all' AND w.employer_key = c.employer_key AND w.identity = c.identity
    WHERE w.under_upper
    GROUP BY ALL
    UNION ALL
    SELECT l.employer_key, 'PDS_UPAH', l.dataset, count(*), count(DISTINCT l.identity)
    FROM cpl_listed AS l
    JOIN cpl_wages AS w
        ON w.scope = 'all' AND w.employer_key = l.employer_key AND w.identity = l.identity
    WHERE w.under_known AND cpl_under(w.reported_wage, l.wage)
    GROUP BY ALL
    UNION ALL
    SELECT employer_key, 'PDS_PROGRAM', dataset, count(*), NULL
    FROM cpl_npps WHERE len(lacking) > 0 GROUP BY ALL
    UNION ALL
    SELECT employer_key, 'ARREARS', dataset, count(*), NULL
    FROM cpl_npps WHERE in_arrears OR never_paid GROUP BY ALL
)

SELECT
    f.employer_key, f.flag, s.dataset, coalesce(t.tax, false) AS rests_on_tax,
    CASE
        WHEN list_contains(f.flags_certain, f.flag) THEN 'certain'
        WHEN list_contains(f.flags, f.flag) THEN 'point'
        ELSE 'upper'
    END AS certainty,
    sum(s.records)::BIGINT AS records,
    max(s.persons)::BIGINT AS evidence_persons
FROM flagged AS f
JOIN speaks AS s USING (employer_key, flag)
LEFT JOIN cpl_datasets AS t ON t.dataset = s.dataset
GROUP BY ALL;

CREATE OR REPLACE TEMP TABLE cpl_compliance AS
WITH money AS (
    SELECT
        employer_key,
        sum(contribution) FILTER (scope = 'all') AS contribution,
        sum(contribution) FILTER (scope = 'all' AND programme = 'JKK') AS jkk,
        sum(contribution) FILTER (scope = 'all' AND programme = 'JKM') AS jkm,
        sum(contribution) FILTER (scope = 'all' AND programme = 'JHT') AS jht,
        sum(contribution) FILTER (scope = 'all' AND programme = 'JP') AS jp,
        sum(contribution) FILTER (scope = 'without_tax') AS without_tax
    FROM cpl_contributions
    GROUP BY employer_key
),

wages AS (
    -- What the estimate takes for the wage of those whose own nobody knows.
    SELECT
        b.employer_key,
        CASE
            WHEN bool_or(b.wage IS NULL) THEN 'unknown'
            WHEN bool_and(b.wage_known) THEN 'known'
            WHEN bool_or(b.wage_known) THEN 'mixed'
            WHEN any_value(e.lowest_assumed) THEN 'lowest_minimum'
            ELSE 'minimum'
        END AS wage_basis
    FROM cpl_bases AS b
    JOIN cpl_employers AS e USING (employer_key)
    WHERE b.scope = 'all'
    GROUP BY b.employer_key
),

concerned AS (
    -- Participants whom the estimate is about: reported too low, or without a programme.
    SELECT employer_key, count(*) AS persons
    FROM cpl_wages
    WHERE scope = 'all' AND (under OR len(lacking) > 0)
    GROUP BY employer_key
),

evidence AS (
    SELECT employer_key, list_sort(list(DISTINCT dataset)) AS evidence_sources
    FROM cpl_evidence
    WHERE certainty <> 'upper'
    GROUP BY employer_key
),

other AS (
    -- Known to somebody else than the tax office.
    SELECT DISTINCT employer_key
    FROM (SELECT employer_key, unnest(sources) AS dataset FROM cpl_employers)
    LEFT JOIN cpl_datasets USING (dataset)
    WHERE NOT coalesce(tax, false)
    UNION
    SELECT DISTINCT employer_key FROM cpl_known WHERE records_without_tax > 0
)

SELECT
    f.employer_key, e.employer_name, e.legal_form, e.natural_person, e.public_body,
    left(e.regency_code, 2) AS province_code, e.regency_code, e.sector_code, e.scale,
    e.jkk_risk_group,
    f.npps AS npp_count, f.npps_open AS npp_open,
    f.register_workers, f.known AS known_workers, f.known_certain AS known_workers_certain,
    f.known_upper AS known_workers_upper, u.known AS known_workers_without_tax,
    f.participants AS active_participants,
    f.flags, f.flags_certain, f.flags_upper, u.flags AS flags_without_tax,
    coalesce(v.evidence_sources, []::VARCHAR[]) AS evidence_sources,
    o.employer_key IS NOT NULL AS known_without_tax,
    f.missing_workers, u.missing_workers AS missing_workers_without_tax,
    f.under AS underreported_workers, f.missing_wage,
    f.missing_programmes, f.months_in_arrears,
    w.wage_basis,
    coalesce(m.contribution, 0)::BIGINT AS estimated_contribution,
    coalesce(m.jkk, 0)::BIGINT AS contribution_jkk,
    coalesce(m.jkm, 0)::BIGINT AS contribution_jkm,
    coalesce(m.jht, 0)::BIGINT AS contribution_jht,
    coalesce(m.jp, 0)::BIGINT AS contribution_jp,
    coalesce(m.without_tax, 0)::BIGINT AS estimated_without_tax,
    f.missing_workers + coalesce(n.persons, 0) AS contribution_persons
FROM cpl_flags AS f
JOIN cpl_flags AS u ON u.scope = 'without_tax' AND u.employer_key = f.employer_key
JOIN cpl_employers AS e ON e.employer_key = f.employer_key
LEFT JOIN money AS m ON m.employer_key = f.employer_key
LEFT JOIN wages AS w ON w.employer_key = f.employer_key
LEFT JOIN concerned AS n ON n.employer_key = f.employer_key
LEFT JOIN evidence AS v ON v.employer_key = f.employer_key
LEFT JOIN other AS o ON o.employer_key = f.employer_key
WHERE f.scope = 'all';

CREATE OR REPLACE TEMP VIEW out_employer_compliance AS
SELECT
    getvariable('period') AS period,
    c.* EXCLUDE (contribution_persons) REPLACE (cpl_public_key(c.employer_key) AS employer_key),
    coalesce(p.province, 'Tidak diketahui') AS province,
    coalesce(g.regency, 'Tidak diketahui') AS regency,
    coalesce(s.sector, 'Tidak diketahui') AS sector,
    -- A word for the reader of a single row: nobody has looked into it yet.
    CASE WHEN len(c.flags) > 0 THEN 'INDIKASI, PERLU VERIFIKASI' ELSE 'TANPA INDIKASI' END
        AS verification
FROM cpl_compliance AS c
LEFT JOIN cov_provinces AS p USING (province_code)
LEFT JOIN cov_regencies AS g USING (regency_code)
LEFT JOIN reference.sectors AS s USING (sector_code);

CREATE OR REPLACE TEMP VIEW out_employer_evidence AS
SELECT
    getvariable('period') AS period,
    * REPLACE (cpl_public_key(employer_key) AS employer_key)
FROM cpl_evidence;

CREATE OR REPLACE TEMP VIEW out_employer_contributions AS
SELECT
    getvariable('period') AS period,
    cpl_public_key(a.employer_key) AS employer_key,
    a.flag, a.programme AS contribution_programme,
    a.persons AS missing_persons, a.wage_base, a.rate AS contribution_rate,
    a.contribution AS estimated_contribution,
    coalesce(u.contribution, 0) AS estimated_without_tax
FROM cpl_contributions AS a
LEFT JOIN cpl_contributions AS u
    ON u.scope = 'without_tax' AND u.employer_key = a.employer_key AND u.flag = a.flag
    AND u.programme = a.programme
WHERE a.scope = 'all';

-- Regions are those of the head offices.
CREATE OR REPLACE TEMP VIEW out_compliance_by_sector_region AS
WITH cells AS (
    SELECT
        province_code, regency_code, sector_code,
        count(*) AS employers,
        count(*) FILTER (len(flags) > 0) AS employers_flagged,
        count(*) FILTER (list_contains(flags, 'PWBD')) AS pwbd,
        count(*) FILTER (list_contains(flags, 'PDS_TK')) AS pds_tk,
        count(*) FILTER (list_contains(flags, 'PDS_UPAH')) AS pds_upah,
        count(*) FILTER (list_contains(flags, 'PDS_PROGRAM')) AS pds_program,
        count(*) FILTER (list_contains(flags, 'ARREARS')) AS arrears,
        count(*) FILTER (len(flags_without_tax) > 0) AS employers_flagged_without_tax,
        sum(known_workers)::BIGINT AS known_workers,
        sum(active_participants)::BIGINT AS active_participants,
        sum(missing_workers)::BIGINT AS missing_workers,
        sum(missing_workers_without_tax)::BIGINT AS missing_workers_without_tax,
        sum(underreported_workers)::BIGINT AS underreported_workers,
        sum(estimated_contribution)::BIGINT AS estimated_contribution,
        sum(contribution_jkk)::BIGINT AS contribution_jkk,
        sum(contribution_jkm)::BIGINT AS contribution_jkm,
        sum(contribution_jht)::BIGINT AS contribution_jht,
        sum(contribution_jp)::BIGINT AS contribution_jp,
        sum(estimated_without_tax)::BIGINT AS estimated_without_tax,
        -- What disclosure control asks of an amount of money: how many stand behind it.
        count(*) FILTER (estimated_contribution > 0) AS contribution_employers,
        sum(contribution_persons) FILTER (estimated_contribution > 0)::BIGINT
            AS contribution_persons,
        max(estimated_contribution)::BIGINT AS largest_contribution
    FROM cpl_compliance
    GROUP BY ALL
)

SELECT
    getvariable('period') AS period,
    c.* EXCLUDE (contribution_persons, largest_contribution),
    coalesce(c.contribution_persons, 0) AS contribution_persons,
    CASE WHEN c.estimated_contribution > 0
        THEN c.largest_contribution::DOUBLE / c.estimated_contribution END AS largest_share,
    coalesce(p.province, 'Tidak diketahui') AS province,
    coalesce(g.regency, 'Tidak diketahui') AS regency,
    coalesce(s.sector, 'Tidak diketahui') AS sector
FROM cells AS c
LEFT JOIN cov_provinces AS p USING (province_code)
LEFT JOIN cov_regencies AS g USING (regency_code)
LEFT JOIN reference.sectors AS s USING (sector_code);

-- What these tables rest on: open records of every list, and how many lead to an employer.
CREATE OR REPLACE TEMP VIEW out_employer_records AS
SELECT
    getvariable('period') AS period, dataset,
    count(*) AS records,
    count(*) FILTER (employer_key IS NOT NULL) AS with_employer,
    count(*) FILTER (names_employer AND employer_key IS NULL) AS unknown_employer,
    count(*) FILTER (NOT names_employer) AS without_identifier
FROM cpl_listed
GROUP BY dataset
UNION ALL
SELECT
    getvariable('period'), m.dataset, count(*),
    count(n.employer_key),
    count(*) FILTER (m.npp IS NOT NULL AND n.employer_key IS NULL),
    count(*) FILTER (m.npp IS NULL)
FROM cov_memberships AS m
LEFT JOIN cov_employers AS n ON n.kind = 'npp' AND n.identifier = m.npp
WHERE m.state = 'active' AND m.segment = 'PU'
GROUP BY m.dataset;
