-- From clusters to records and identifiers.
--
-- Reads   emp_records, emp_members, emp_units, emp_clusters, emp_held, in_employers, emp_misspelt
-- Makes   emp_resolved     rid -> cluster, tier, probability, reason
--         emp_identifiers  kind, identifier -> cluster and region of the row that bears it

CREATE OR REPLACE TEMP TABLE emp_resolved AS
WITH placed AS (
    SELECT m.rid, m.reason AS by_identifier, u.unit_id, u.records, c.cluster, c.ppm, c.best_ppm,
        c.reason AS by_model
    FROM emp_members AS m JOIN emp_units AS u USING (unit) JOIN emp_clusters AS c USING (unit_id)
),
drawn AS (
    SELECT cluster, max(ppm) AS ppm FROM placed GROUP BY cluster
)
SELECT p.rid, p.cluster,
    CASE
        WHEN p.ppm IS NOT NULL THEN 'model'
        WHEN p.records > 1 THEN 'identifier'
        WHEN d.ppm IS NOT NULL THEN 'model'
        ELSE 'single' END AS tier,
    CASE
        WHEN p.ppm IS NOT NULL THEN p.ppm
        WHEN p.records > 1 THEN CASE p.by_identifier
            WHEN 'two_identifiers' THEN 990000
            WHEN 'misspelt_npwp' THEN 990000 WHEN 'owner_npwp' THEN 990000 ELSE 999000 END
        WHEN d.ppm IS NOT NULL THEN d.ppm
        -- The chance that it has indeed no other record.
        ELSE 1000000 - least(p.best_ppm, 1000000) END AS probability_ppm,
    CASE
        WHEN p.ppm IS NOT NULL THEN 'name_and_place'
        WHEN p.records > 1 THEN p.by_identifier
        WHEN d.ppm IS NOT NULL THEN 'joined_by_others'
        ELSE p.by_model END AS reason
FROM placed AS p JOIN drawn AS d USING (cluster);

-- Every identifier as delivered, once: the holder's before a borrower's, the issuing
-- register's first. A branch's own number leads to the branch's region.
CREATE OR REPLACE TEMP TABLE emp_identifiers AS
WITH borne AS (
    SELECT r.rid, r.dataset, r.record_id, r.precedence, r.home, r.region_code, x.cluster,
        e.npwp, emp_root(e.npwp) AS npwp_root, e.nib, e.npp, e.ahu_number,
        r.npwp_root AS own_root, r.nib AS own_nib, r.npp AS own_npp, r.ahu_number AS own_ahu,
        -- Head offices end in 000 (15 digits) behind the leading 0.
        NOT (e.npwp LIKE '0%' AND right(e.npwp, 3) <> '000') AS head_office
    FROM emp_records AS r
    JOIN emp_resolved AS x USING (rid)
    JOIN in_employers AS e ON e.dataset = r.dataset AND e.record_id = r.record_id
),
listed AS (
    SELECT rid, precedence, region_code, cluster, head_office, home, 'npwp' AS kind,
        npwp AS identifier, own_root AS usable, 'npwp_root' AS claim FROM borne
    UNION ALL
    SELECT rid, precedence, region_code, cluster, head_office, home, 'npwp_root', npwp_root,
        own_root, 'npwp_root' FROM borne
    UNION ALL
    SELECT rid, precedence, region_code, cluster, head_office, home, 'nib', nib, own_nib, 'nib'
    FROM borne
    UNION ALL
    SELECT rid, precedence, region_code, cluster, head_office, home, 'npp', npp, own_npp, 'npp'
    FROM borne
    UNION ALL
    SELECT rid, precedence, region_code, cluster, head_office, home, 'ahu_number', ahu_number,
        own_ahu, 'ahu_number' FROM borne
),
rated AS (
    SELECT l.*, h.rid IS NOT NULL AS held, l.home = l.claim AS at_home,
        s.rid IS NOT NULL AND l.claim = 'npwp_root' AS misspelt
    FROM listed AS l
    LEFT JOIN (SELECT DISTINCT rid, kind FROM emp_held) AS h
        ON h.rid = l.rid AND h.kind = l.claim
    LEFT JOIN emp_misspelt AS s ON s.rid = l.rid
    WHERE l.identifier IS NOT NULL AND l.usable IS NOT NULL
)
SELECT kind, identifier, cluster, region_code, held AND NOT misspelt AS owned
FROM rated
QUALIFY row_number() OVER (
    PARTITION BY kind, identifier
    ORDER BY held DESC, misspelt, coalesce(at_home, false) DESC,
        kind = 'npwp_root' AND NOT head_office, region_code IS NULL, precedence, rid
) = 1;
