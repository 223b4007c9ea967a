-- Keys that stay with a company from month to month.
--
-- Reads   emp_resolved, emp_identifiers, emp_records; of the twelve months before this one
--         linkage.employer_links and linkage.employer_identifiers
-- Makes   emp_key_of       cluster -> employer_key, and the identifiers it is known by
--         emp_changes_out  keys that ended in another (merged), or that another left (split)
--
-- A cluster keeps the key that most of its records and identifiers had last, and a key goes to
-- one cluster only. A cluster that has none gets one from its strongest identifier, so that the
-- same first delivery gives the same keys in every warehouse.

CREATE OR REPLACE TEMP TABLE emp_key_of AS
WITH strongest AS (
    SELECT cluster,
        min(identifier) FILTER (kind = 'npwp_root' AND owned) AS npwp_root,
        min(identifier) FILTER (kind = 'nib' AND owned) AS nib,
        min(identifier) FILTER (kind = 'ahu_number' AND owned) AS ahu_number,
        min(identifier) FILTER (kind = 'npp' AND owned) AS npp
    FROM emp_identifiers GROUP BY cluster
),
records AS (
    SELECT x.cluster, min(r.dataset || ':' || r.record_id) AS record
    FROM emp_resolved AS x JOIN emp_records AS r USING (rid) GROUP BY x.cluster
)
SELECT r.cluster, s.npwp_root, s.nib, s.ahu_number,
    coalesce(
        'npwp_root:' || s.npwp_root, 'nib:' || s.nib, 'ahu_number:' || s.ahu_number,
        'npp:' || s.npp, 'record:' || r.record
    ) AS key_text,
    NULL::UBIGINT AS employer_key
FROM records AS r LEFT JOIN strongest AS s USING (cluster);

CREATE OR REPLACE TEMP MACRO emp_lately(month) AS
    month < getvariable('emp_period') AND month >= strftime(
        strptime(getvariable('emp_period') || '-01', '%Y-%m-%d') - INTERVAL 12 MONTH, '%Y-%m');

-- What speaks for a cluster's being the one that had a key: its own numbers more than rows.
CREATE OR REPLACE TEMP TABLE emp_heirs AS
WITH records_before AS (
    SELECT dataset, record_id, arg_max(employer_key, period) AS old_key
    FROM linkage.employer_links WHERE emp_lately(period) GROUP BY dataset, record_id
),
identifiers_before AS (
    SELECT kind, identifier, arg_max(employer_key, period) AS old_key
    FROM linkage.employer_identifiers
    WHERE emp_lately(period) AND kind <> 'npwp' GROUP BY kind, identifier
),
signs AS (
    SELECT x.cluster, b.old_key, 1 AS weight
    FROM emp_resolved AS x JOIN emp_records AS r USING (rid)
    JOIN records_before AS b ON b.dataset = r.dataset AND b.record_id = r.record_id
    UNION ALL
    SELECT i.cluster, b.old_key, CASE i.kind WHEN 'npwp_root' THEN 8 WHEN 'npp' THEN 2 ELSE 4 END
    FROM emp_identifiers AS i JOIN identifiers_before AS b USING (kind, identifier)
    WHERE i.owned
)
SELECT cluster, old_key, sum(weight) AS weight,
    row_number() OVER (PARTITION BY old_key ORDER BY sum(weight) DESC, cluster) AS place
FROM signs GROUP BY cluster, old_key;

CREATE OR REPLACE TEMP TABLE emp_carried AS
SELECT cluster, first(old_key ORDER BY weight DESC, old_key) AS old_key
FROM emp_heirs WHERE place = 1 GROUP BY cluster;

UPDATE emp_key_of SET employer_key = c.old_key FROM emp_carried AS c
WHERE emp_key_of.cluster = c.cluster;

-- A new key must be nobody's: where another company had it before, the month is made part of it.
UPDATE emp_key_of SET employer_key = CASE
    WHEN md5_number_lower(key_text) IN (SELECT old_key FROM emp_heirs)
        THEN md5_number_lower(key_text || ':' || getvariable('emp_period'))
    ELSE md5_number_lower(key_text) END
WHERE employer_key IS NULL;

CREATE OR REPLACE TEMP TABLE emp_changes_out AS
WITH ended AS (
    SELECT h.old_key, k.employer_key AS new_key, 'merged' AS kind
    FROM emp_heirs AS h JOIN emp_key_of AS k USING (cluster)
    WHERE h.place = 1 AND h.old_key <> k.employer_key
),
parted AS (
    SELECT first(h.old_key ORDER BY h.weight DESC, h.old_key) AS old_key,
        any_value(k.employer_key) AS new_key, 'split' AS kind
    FROM emp_heirs AS h JOIN emp_key_of AS k USING (cluster)
    WHERE cluster NOT IN (SELECT cluster FROM emp_carried)
    GROUP BY cluster
)
SELECT getvariable('emp_period') AS period, old_key, new_key, kind
FROM (FROM ended UNION ALL FROM parted);
