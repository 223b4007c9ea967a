-- Units in order of rank, and what each looks like in its records.
--
-- Reads   emp_records, emp_members
-- Makes   emp_units      unit_id 1 is the highest rank: a lower unit may join a higher one
--         emp_profiles   the distinct looks of a unit: names, regions, industries, addresses

CREATE OR REPLACE TEMP TABLE emp_units AS
WITH gathered AS (
    SELECT m.unit,
        any_value(split_part(m.unit, ':', 2)) FILTER (m.unit LIKE 'npwp_root:%') AS npwp_root,
        bool_or(coalesce(r.home = 'npwp_root', false)) AS at_home,
        min(r.nib) AS nib,
        bool_or(r.ahu_number IS NOT NULL OR r.nik_koperasi IS NOT NULL) AS numbered,
        min(r.precedence) AS precedence,
        min(r.rid) AS rid,
        count(*)::INTEGER AS records,
        bit_or(r.once_bit) AS once_mask
    FROM emp_members AS m JOIN emp_records AS r USING (rid)
    GROUP BY m.unit
),
graded AS (
    SELECT *, CASE
        WHEN npwp_root IS NOT NULL AND (at_home OR records > 1) THEN 0
        -- A number that one other register alone gives may be misspelt.
        WHEN npwp_root IS NOT NULL THEN 1
        WHEN nib IS NOT NULL THEN 2
        WHEN numbered THEN 3
        ELSE 4 END AS level
    FROM gathered
)
SELECT row_number() OVER (ORDER BY level, precedence, unit)::INTEGER AS unit_id,
    dense_rank() OVER (ORDER BY level, precedence)::INTEGER AS class, *
FROM graded;

CREATE OR REPLACE TEMP TABLE emp_profiles AS
WITH looks AS (
    SELECT u.unit_id, r.core_id, r.family, r.subtype, r.region_code, r.division, r.kbli,
        r.kbli_vintage, r.sector_code, r.address, u.npwp_root, u.nib, u.once_mask, u.level,
        min(r.rid) AS rid, count(*)::INTEGER AS records
    FROM emp_members AS m
    JOIN emp_records AS r USING (rid)
    JOIN emp_units AS u USING (unit)
    GROUP BY ALL
)
SELECT row_number() OVER (ORDER BY unit_id, rid)::INTEGER AS profile_id, * FROM looks;

-- How many units bear a name: agreeing on a name of many says little.
CREATE OR REPLACE TEMP TABLE emp_bearers AS
SELECT core_id, count(DISTINCT unit_id)::INTEGER AS bearers FROM emp_profiles GROUP BY core_id;
