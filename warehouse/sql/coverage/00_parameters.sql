-- Small helpers and lookups that the later files share.
--
-- Reads   reference.provinces, reference.regencies
-- Makes   cov_provinces, cov_regencies  names in force on the last day of the period; a place
--         younger than the period has its name all the same, as figures are on today's map

-- Sums are held in whole millionths of a person; this gives persons, exactly.
CREATE OR REPLACE TEMP MACRO cov_persons(ppm) AS
    (ppm::DECIMAL(24, 0) * 0.000001::DECIMAL(7, 6))::DECIMAL(18, 6);

-- A rate is a fraction; over nobody there is none.
CREATE OR REPLACE TEMP MACRO cov_rate(ppm, workers) AS
    CASE WHEN workers > 0 THEN ppm::DOUBLE / (workers::DOUBLE * 1000000) END;

CREATE OR REPLACE TEMP TABLE cov_provinces AS
SELECT
    province_code,
    arg_max(
        province,
        row(
            coalesce(valid_from <= getvariable('as_of'), true),
            coalesce(valid_from, DATE '1900-01-01')
        )
    ) AS province
FROM reference.provinces
GROUP BY province_code;

CREATE OR REPLACE TEMP TABLE cov_regencies AS
SELECT
    regency_code,
    arg_max(
        regency,
        row(
            coalesce(valid_from <= getvariable('as_of'), true),
            coalesce(valid_from, DATE '1900-01-01')
        )
    ) AS regency
FROM reference.regencies
GROUP BY regency_code;
