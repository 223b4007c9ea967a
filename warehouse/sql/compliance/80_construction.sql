-- Construction projects that run on the last day, with and without a certificate of cover.
--
-- Reads   in_projects, reference.construction_rates, cov_provinces
-- Makes   out_construction_cover

CREATE OR REPLACE TEMP VIEW out_construction_cover AS
WITH running AS (
    SELECT
        dataset, record_id,
        left(coalesce(cov_region(region_code), '0000'), 2) AS province_code,
        coalesce(nullif(funding, ''), 'X') AS funding,
        contract_value,
        coalesce(
            contractor_npwp, nullif(cov_plain(strip_accents(contractor_name)), ''),
            dataset || ' ' || record_id
        ) AS contractor,
        coalesce(nullif(trim(certificate_number), ''), '') <> '' AS covered
    FROM in_projects
    WHERE coalesce(starts_on <= getvariable('as_of'), true)
      AND coalesce(ends_on > getvariable('as_of'), true)
),

-- Each bracket's rate on the part of the contract value that lies in it; once for a project.
due AS (
    SELECT
        p.dataset, p.record_id,
        sum((least(p.contract_value, b.value_to) - b.value_from)::HUGEINT
            * round(b.rate * 1000000)::BIGINT) AS micro
    FROM running AS p
    JOIN reference.construction_rates AS b
        ON p.contract_value > b.value_from AND cpl_in_force(b.valid_from, b.valid_to)
    WHERE NOT p.covered
    GROUP BY ALL
),

worth AS (
    SELECT r.*, ((d.micro + 500000) // 1000000)::BIGINT AS contribution
    FROM running AS r
    LEFT JOIN due AS d USING (dataset, record_id)
),

shares AS (
    SELECT province_code, funding, contractor, sum(contract_value) AS value
    FROM worth GROUP BY ALL
),

largest AS (
    SELECT
        province_code, funding, count(*) AS contractors,
        CASE WHEN sum(value) > 0 THEN max(value)::DOUBLE / sum(value)::DOUBLE END AS largest_share
    FROM shares GROUP BY ALL
),

cells AS (
    SELECT
        province_code, funding,
        count(*) AS projects,
        coalesce(sum(contract_value), 0)::BIGINT AS contract_value,
        count(*) FILTER (covered) AS with_certificate,
        count(*) FILTER (NOT covered) AS without_certificate,
        coalesce(sum(contract_value) FILTER (NOT covered), 0)::BIGINT AS value_without_certificate,
        count(*) FILTER (contract_value IS NULL) AS without_value,
        coalesce(sum(contribution), 0)::BIGINT AS estimated_contribution
    FROM worth
    GROUP BY ALL
)

SELECT
    getvariable('period') AS period,
    c.*,
    coalesce(p.province, 'Tidak diketahui') AS province,
    l.contractors, l.largest_share
FROM cells AS c
JOIN largest AS l USING (province_code, funding)
LEFT JOIN cov_provinces AS p USING (province_code);
