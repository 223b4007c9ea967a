-- Employers with an indication of not complying that rests on no tax data.
-- An employer that only the tax office knows is not among them.
--
-- Reads   coverage.employer_compliance
SELECT * EXCLUDE (flags_without_tax),
    array_to_string(flags_without_tax, '; ') AS flags_without_tax
FROM coverage.employer_compliance
WHERE period = getvariable('period') AND known_without_tax AND len(flags_without_tax) > 0
