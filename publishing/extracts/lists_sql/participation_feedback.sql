-- Data balikan to the population register (Permendagri 102/2019): every person of the register
-- whom an accepted membership reached, and whether it covers them. NIK and flag alone.
--
-- Reads   linkage.person_links, reference.datasets, spine.workers, spine.persons
--
-- A person who is no worker of the month has no active membership: one that is active is a sign
-- of work. `uncertain` is who is covered by a link alone that is not certain.
SELECT
    p.nik AS person_ref,
    p.nik,
    CASE
        WHEN coalesce(w.active_high_ppm, 0) = 0 THEN 'inactive'
        WHEN w.active_low_ppm > 0 THEN 'active'
        ELSE 'uncertain'
    END AS participation
FROM spine.persons AS p
LEFT JOIN spine.workers AS w ON w.period = p.period AND w.person_key = p.person_key
WHERE p.period = getvariable('period')
    AND p.person_key IN (
        SELECT l.person_key
        FROM linkage.person_links AS l
        JOIN reference.datasets AS d ON d.dataset = l.dataset AND d.kind = 'membership'
        WHERE l.period = getvariable('period') AND l.status = 'linked'
    )
