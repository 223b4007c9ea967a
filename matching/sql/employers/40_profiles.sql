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
        -- Numbers that are the unit's own, the issuing register's first.
        first(h.value ORDER BY NOT h.home, h.value) FILTER (h.kind = 'nib') AS nib,
        first(h.value ORDER BY NOT h.home, h.value) FILTER (h.kind = 'nik_koperasi')
            AS nik_koperasi,
        bool_or(r.ahu_number IS NOT NULL OR r.nik_koperasi IS NOT NULL) AS numbered,
        min(r.precedence) AS precedence,
        min(r.rid) AS rid,
        count(DISTINCT rid)::INTEGER AS records,
        count(DISTINCT rid) FILTER (r.npwp_root = split_part(m.unit, ':', 2))::INTEGER AS bearing,
        bit_or(r.once_bit) AS once_mask
    FROM emp_members AS m JOIN emp_records AS r USING (rid)
    LEFT JOIN emp_held AS h USING (rid)
    GROUP BY m.unit
),
graded AS (
    SELECT *, CASE
        WHEN npwp_root IS NOT NULL AND (at_home OR bearing > 1) THEN 0
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
WITH named AS (
    SELECT * EXCLUDE (former_id, former_family), false AS former FROM emp_records
    UNION ALL
    -- Who was renamed looks like its former name too.
    SELECT * EXCLUDE (former_id, former_family)
        REPLACE (former_id AS core_id, former_family AS family), true AS former FROM emp_records
    WHERE former_id IS NOT NULL
),
looks AS (
    SELECT u.unit_id, r.core_id, r.family, r.subtype, r.region_code, r.division, r.kbli,
        r.kbli_vintage, r.sector_code, r.address, u.npwp_root, u.nib, u.nik_koperasi,
        u.once_mask, u.level,
        r.parent_root, r.owner, r.former,
        -- Identifiers borne beside those that made the unit: borrowed, or under a changed name.
        list_filter([r.npwp_root, r.nib], lambda v: v IS NOT NULL) AS borne,
        min(r.rid) AS rid, count(*)::INTEGER AS records
    FROM emp_members AS m
    JOIN named AS r USING (rid)
    JOIN emp_units AS u USING (unit)
    GROUP BY ALL
)
SELECT row_number() OVER (ORDER BY unit_id, rid, core_id)::INTEGER AS profile_id, * FROM looks;

-- How many units bear a name: agreeing on a name of many says little.
CREATE OR REPLACE TEMP TABLE emp_bearers AS
SELECT core_id, count(DISTINCT unit_id)::INTEGER AS bearers FROM emp_profiles GROUP BY core_id;

-- How many businesses of one name, however spaced, a region has for certain: rows of one register
-- that lists a business once, or taxpayers.
CREATE OR REPLACE TEMP TABLE emp_crowds AS
WITH rows_of AS (
    SELECT c.compact, r.region_code, r.dataset, count(DISTINCT m.unit)::INTEGER AS n
    FROM emp_records AS r JOIN emp_members AS m USING (rid) JOIN co_cores AS c USING (core_id)
    WHERE r.once_bit > 0 AND r.region_code IS NOT NULL GROUP BY ALL
    UNION ALL
    SELECT c.compact, p.region_code, 'npwp_root', count(DISTINCT p.npwp_root)::INTEGER
    FROM emp_profiles AS p JOIN co_cores AS c USING (core_id)
    WHERE p.region_code IS NOT NULL GROUP BY ALL
)
SELECT compact, region_code, max(n) AS crowd FROM rows_of GROUP BY compact, region_code;

-- How common an industry is, among cooperatives named after their village and among the others.
CREATE OR REPLACE TEMP TABLE emp_industries AS
SELECT village, kbli, count(DISTINCT unit_id)
    / sum(count(DISTINCT unit_id)) OVER (PARTITION BY village) AS share
FROM emp_profiles JOIN co_cores USING (core_id)
WHERE kbli IS NOT NULL GROUP BY village, kbli;

-- How many units an address has, within a region and anywhere.
CREATE OR REPLACE TEMP TABLE emp_addresses AS
SELECT address, region_code, count(DISTINCT unit_id)::INTEGER AS here,
    sum(count(DISTINCT unit_id)) OVER (PARTITION BY address)::INTEGER AS anywhere
FROM emp_profiles WHERE address IS NOT NULL GROUP BY address, region_code;
