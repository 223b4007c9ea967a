-- Workers on the lists of ministries and regions whom no membership covers.
--
-- Reads   in_person_records, linkage.person_links, spine.workers, spine.persons
-- Gives   a row for each record of a list, with `person_ref` to make the pseudonym from
--
-- Only who is linked for sure enough to be accepted, works, is no civil servant, soldier or
-- policeman, and has no active membership, not even a possible one: better somebody missing
-- here than somebody approached in vain.
SELECT
    p.nik AS person_ref,
    r.dataset,
    r.record_id,
    r.full_name,
    w.domicile AS region_code,
    w.sector_code,
    w.segment,
    CASE WHEN w.inactive_ppm > 0 THEN 'inactive' ELSE 'unregistered' END AS cover_state
FROM in_person_records AS r
JOIN linkage.person_links AS l
    ON l.period = getvariable('period') AND l.dataset = r.dataset AND l.record_id = r.record_id
    AND l.status = 'linked'
JOIN spine.workers AS w
    ON w.period = getvariable('period') AND w.person_key = l.person_key
    AND w.eligible AND w.active_high_ppm = 0
JOIN spine.persons AS p ON p.period = w.period AND p.person_key = w.person_key
WHERE r.kind <> 'membership'
