-- Accepted records, and what they were linked to.
--
-- Reads   in_population, in_person_records, in_employers, spine.persons, spine.employers,
--         linkage.person_links, linkage.employer_links, conformed.counts, rec_in_force,
--         quality.reconciliation
-- Makes   rec_links   as rec_deliveries

CREATE OR REPLACE TEMP VIEW rec_links AS
-- Accepted = linked + review + unlinked, record by record.
SELECT
    'linked' AS step, 'linkage.person_links' AS table_name, dataset, 'left' AS side,
    1::BIGINT AS n, hash(record_id)::HUGEINT AS h
FROM in_person_records
UNION ALL
SELECT 'linked', 'linkage.person_links', dataset, 'right', 1, hash(record_id)::HUGEINT
FROM linkage.person_links
WHERE period = getvariable('period') AND status IN ('linked', 'review', 'unlinked')
UNION ALL
-- Every accepted record of a business leads to one.
SELECT 'employers_linked', 'linkage.employer_links', dataset, 'left', 1, hash(record_id)::HUGEINT
FROM in_employers
UNION ALL
SELECT 'employers_linked', 'linkage.employer_links', dataset, 'right', 1, hash(record_id)::HUGEINT
FROM linkage.employer_links
WHERE period = getvariable('period')
UNION ALL
-- The persons of the spine are the register's, without children under 15 (matching/spine.py:
-- digits of dates are compared, as a child of 29 February turns a year older on 1 March).
SELECT 'register', 'spine.persons', 'all', 'left', 1, md5_number_lower(nik)::HUGEINT
FROM (
    SELECT DISTINCT nik
    FROM in_population
    WHERE nik IS NOT NULL AND (
        birth_date IS NULL
        OR year(birth_date) * 10000 + month(birth_date) * 100 + day(birth_date)
            <= (year(getvariable('as_of')) - 15) * 10000 + month(getvariable('as_of')) * 100
                + day(getvariable('as_of'))
    )
)
UNION ALL
SELECT 'register', 'spine.persons', 'all', 'right', 1, person_key::HUGEINT
FROM spine.persons
WHERE period = getvariable('period')
UNION ALL
-- Links lead to persons and businesses that exist.
SELECT 'persons_exist', 'linkage.person_links', 'all', 'left', 1, person_key::HUGEINT
FROM linkage.person_links
WHERE period = getvariable('period') AND person_key IS NOT NULL
UNION ALL
SELECT 'persons_exist', 'linkage.person_links', 'all', 'right', 1, l.person_key::HUGEINT
FROM linkage.person_links AS l
JOIN (
    SELECT DISTINCT person_key FROM spine.persons WHERE period = getvariable('period')
) AS p USING (person_key)
WHERE l.period = getvariable('period')
UNION ALL
SELECT 'employers_exist', 'linkage.employer_links', 'all', 'left', 1, employer_key::HUGEINT
FROM linkage.employer_links
WHERE period = getvariable('period') AND employer_key IS NOT NULL
UNION ALL
SELECT 'employers_exist', 'linkage.employer_links', 'all', 'right', 1, l.employer_key::HUGEINT
FROM linkage.employer_links AS l
JOIN (
    SELECT DISTINCT employer_key FROM spine.employers WHERE period = getvariable('period')
) AS e USING (employer_key)
WHERE l.period = getvariable('period')
UNION ALL
-- The published reconciliation says what counts and links hold.
SELECT
    'published_counts', 'quality.reconciliation', dataset, 'left', delivered,
    hash('accepted')::HUGEINT * accepted + hash('quarantined')::HUGEINT * quarantined
        + hash('duplicate')::HUGEINT * duplicates
FROM quality.reconciliation
WHERE period = getvariable('period')
UNION ALL
SELECT
    'published_counts', 'quality.reconciliation', f.dataset, 'right', c.delivered,
    hash('accepted')::HUGEINT * c.accepted + hash('quarantined')::HUGEINT * c.quarantined
        + hash('duplicate')::HUGEINT * c.duplicates
FROM rec_in_force AS f
JOIN conformed.counts AS c
    ON c.dataset = f.dataset AND c.period = f.period AND c.delivery_version = f.version
UNION ALL
SELECT
    'published_links', 'quality.reconciliation', dataset, 'left', linked + review + unlinked,
    hash('linked')::HUGEINT * linked + hash('review')::HUGEINT * review
        + hash('unlinked')::HUGEINT * unlinked
FROM quality.reconciliation
WHERE period = getvariable('period') AND linked IS NOT NULL
UNION ALL
SELECT
    'published_links', 'quality.reconciliation', l.dataset, 'right', count(*),
    hash(l.status)::HUGEINT * count(*)
FROM linkage.person_links AS l
JOIN reference.datasets AS d USING (dataset)
WHERE l.period = getvariable('period') AND d.kind IN ('membership', 'employment', 'roster')
GROUP BY l.dataset, l.status
UNION ALL
SELECT
    'unlinked_reasons', 'quality.unlinked_reasons', dataset, 'left', records,
    hash(unlinked_reason)::HUGEINT * records
FROM quality.unlinked_reasons
WHERE period = getvariable('period')
UNION ALL
SELECT
    'unlinked_reasons', 'quality.unlinked_reasons', dataset, 'right', count(*),
    hash(reason)::HUGEINT * count(*)
FROM linkage.person_links
WHERE period = getvariable('period') AND status = 'unlinked'
GROUP BY dataset, reason;
