-- Participants whose record a branch of BPJS Ketenagakerjaan should put right: the NIK cannot be
-- used, or the record reached nobody in the population register, or nobody for certain.
--
-- Reads   in_membership, linkage.person_links, linkage.employer_identifiers, spine.persons,
--         reference.reason_codes
-- Gives   a row for each participation; `region_code` is the regency whose branch it belongs to:
--         that of the employer's registration (NPP), else the record's own
--
-- A record has one reason, the one that is to be put right first.
SELECT
    coalesce(p.nik, 'record:' || m.dataset || ':' || m.record_id) AS person_ref,
    m.record_id,
    m.npp,
    m.full_name,
    m.birth_date,
    coalesce(n.region_code, m.region_code) AS region_code,
    CASE WHEN m.nik IS NULL AND m.nik_reason IS NOT NULL THEN m.nik_reason
        ELSE upper(l.status) END AS reason_code,
    CASE
        WHEN m.nik IS NULL AND m.nik_reason IS NOT NULL THEN coalesce(c.id, m.nik_reason)
        WHEN l.status = 'review' THEN 'Ada calon di register penduduk, tetapi belum pasti'
        ELSE 'Tidak ditemukan di register penduduk'
    END AS reason_id
FROM in_membership AS m
JOIN linkage.person_links AS l
    ON l.period = getvariable('period') AND l.dataset = m.dataset AND l.record_id = m.record_id
LEFT JOIN spine.persons AS p
    ON p.period = getvariable('period') AND p.person_key = l.person_key AND l.status = 'linked'
LEFT JOIN (
    SELECT identifier, min(region_code) AS region_code
    FROM linkage.employer_identifiers
    WHERE period = getvariable('period') AND kind = 'npp'
    GROUP BY identifier
) AS n ON n.identifier = m.npp
LEFT JOIN reference.reason_codes AS c ON c.reason_code = m.nik_reason
WHERE (m.nik IS NULL AND m.nik_reason IS NOT NULL) OR l.status IN ('review', 'unlinked')
