-- Employers with an indication of not complying, with all that it rests on, tax data included:
-- for the Ministry of Finance (DJP) and BPJS Ketenagakerjaan alone.
--
-- Reads   coverage.employer_compliance
SELECT * EXCLUDE (flags, evidence_sources),
    array_to_string(flags, '; ') AS flags,
    array_to_string(evidence_sources, '; ') AS evidence_sources
FROM coverage.employer_compliance
WHERE period = getvariable('period') AND len(flags) > 0
