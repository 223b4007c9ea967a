-- Every worker of the country whom no membership covers, each once; for BPJS Ketenagakerjaan.
--
-- Reads   spine.workers, spine.persons
SELECT
    p.nik AS person_ref,
    p.nik,
    p.full_name,
    w.domicile AS region_code,
    w.sector_code,
    w.segment,
    CASE WHEN w.inactive_ppm > 0 THEN 'inactive' ELSE 'unregistered' END AS cover_state
FROM spine.workers AS w
JOIN spine.persons AS p ON p.period = w.period AND p.person_key = w.person_key
WHERE w.period = getvariable('period') AND w.eligible AND w.active_high_ppm = 0
