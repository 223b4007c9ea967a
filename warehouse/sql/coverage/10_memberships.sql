-- Which links count, and the state of every membership as of the last day of the period.
--
-- Reads   cov_person_links, in_membership
-- Makes   cov_links        one row per person record: its link, and whether it is certain
--         cov_memberships  one row per card: active, inactive or not yet registered, and its link

-- A link is certain at the identifier tier or from `certain_ppm` on, and then counts as 1
-- everywhere. A link in review is never certain: its person is only the best candidate.
CREATE OR REPLACE TEMP TABLE cov_links AS
SELECT
    dataset,
    record_id,
    status,
    person_key,
    status = 'linked' AS accepted,
    status = 'linked'
        AND (tier = 'identifier' OR coalesce(probability_ppm, 0) >= getvariable('certain_ppm'))
        AS certain,
    CASE WHEN certain THEN 1000000 ELSE coalesce(probability_ppm, 0) END::BIGINT AS ppm
FROM cov_person_links
WHERE status IN ('linked', 'review') AND person_key IS NOT NULL;

-- Months as whole numbers, so that arrears are a difference of calendar months.
CREATE OR REPLACE TEMP MACRO cov_month_number(month) AS
    left(month, 4)::INTEGER * 12 + right(month, 2)::INTEGER;

-- Completed years on the last day of the period. DuckDB's own date_sub lets a child of
-- 29 February turn a year older on 28 February, so the digits of the dates are compared.
CREATE OR REPLACE TEMP MACRO cov_age(birth_date) AS (
    (year(getvariable('as_of')) * 10000 + month(getvariable('as_of')) * 100
        + day(getvariable('as_of')))
    - (year(birth_date) * 10000 + month(birth_date) * 100 + day(birth_date))
) // 10000;

-- An unknown place is one code, whatever form it came in.
CREATE OR REPLACE TEMP MACRO cov_region(code) AS
    CASE WHEN length(code) = 4 AND code <> '0000' THEN code END;

CREATE OR REPLACE TEMP TABLE cov_memberships AS
WITH dated AS (
    SELECT
        dataset, record_id, npp, nik, full_name, birth_date,
        -- A card whose segment is not known counts where its NPP puts it.
        coalesce(segment, CASE WHEN npp IS NOT NULL THEN 'PU' ELSE 'BPU' END) AS segment,
        cov_region(region_code) AS region_code,
        -- No date given counts as registered.
        coalesce(registered_on <= getvariable('as_of'), true) AS registered,
        coalesce(ended_on <= getvariable('as_of'), false) AS ended,
        -- NULL: never paid, so never active. Negative: paid ahead, so not in arrears.
        cov_month_number(getvariable('period')) - cov_month_number(last_paid_period)
            AS months_in_arrears
    FROM in_membership
)
SELECT
    d.dataset, d.record_id, d.segment, d.npp, d.nik, d.full_name, d.birth_date, d.region_code,
    d.months_in_arrears,
    d.registered AND NOT d.ended AND d.months_in_arrears IS NOT NULL AS may_be_active,
    CASE
        WHEN NOT d.registered THEN 'not_yet'
        WHEN may_be_active AND d.months_in_arrears <= getvariable('arrears_months') THEN 'active'
        ELSE 'inactive'
    END AS state,
    l.person_key,
    coalesce(l.accepted, false) AS accepted,
    coalesce(l.certain, false) AS certain,
    l.ppm
FROM dated AS d
LEFT JOIN cov_links AS l USING (dataset, record_id);
