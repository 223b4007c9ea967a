-- Records whose NIK could not be used, with the reason: what goes back to the population
-- register (data balikan, Permendagri 102/2019).
--
-- Reads   in_person_records, linkage.person_links, reference.reason_codes
--
-- The person is the one the record reached by its other fields; a record that reached nobody
-- stands for itself.
SELECT
    coalesce(p.nik, 'record:' || r.dataset || ':' || r.record_id) AS person_ref,
    r.dataset,
    r.record_id,
    r.full_name,
    r.birth_date,
    r.region_code,
    r.nik_reason AS reason_code,
    c.id AS reason_id
FROM in_person_records AS r
LEFT JOIN linkage.person_links AS l
    ON l.period = getvariable('period') AND l.dataset = r.dataset AND l.record_id = r.record_id
    AND l.status = 'linked'
LEFT JOIN spine.persons AS p
    ON p.period = getvariable('period') AND p.person_key = l.person_key
LEFT JOIN reference.reason_codes AS c ON c.reason_code = r.nik_reason
WHERE r.nik IS NULL AND r.nik_reason IS NOT NULL
