-- From clusters to employers: keys, identifiers, links and the spine.
--
-- Reads   emp_records, emp_members, emp_units, emp_clusters, emp_judged, emp_held, in_employers,
--         emp_natural, emp_misspelt
-- Makes   emp_resolved     rid -> cluster, tier, probability, reason
--         emp_identifiers  kind, identifier -> cluster and region of the row that bears it
--         emp_key_of       cluster -> employer_key
--         emp_links_out, emp_spine_out: rows ready to be written

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

-- The key comes from the smallest of the strongest identifiers that are the employer's own,
-- so that it is the same next month, whatever else is delivered.
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
    md5_number_lower(coalesce(
        'npwp_root:' || s.npwp_root, 'nib:' || s.nib, 'ahu_number:' || s.ahu_number,
        'npp:' || s.npp, 'record:' || r.record
    )) AS employer_key
FROM records AS r LEFT JOIN strongest AS s USING (cluster);

CREATE OR REPLACE TEMP TABLE emp_links_out AS
SELECT getvariable('emp_period') AS period, r.dataset, r.record_id, k.employer_key, x.tier,
    x.probability_ppm, x.reason
FROM emp_resolved AS x JOIN emp_records AS r USING (rid) JOIN emp_key_of AS k USING (cluster);

-- Where registers disagree, the first of them that says something; of one register's rows the
-- head office's.
CREATE OR REPLACE TEMP TABLE emp_spine_out AS
WITH ranked AS (
    SELECT x.cluster, r.dataset, r.rid, r.precedence, r.name_precedence,
        e.npwp LIKE '0%' AND right(e.npwp, 3) <> '000' AS branch_office,
        e.employer_name, n.branch IS NOT NULL AS branch_name, r.legal_form, r.region_code, r.kbli,
        r.kbli_vintage, r.sector_code, e.scale, e.workers
    FROM emp_resolved AS x
    JOIN emp_records AS r USING (rid)
    JOIN in_employers AS e ON e.dataset = r.dataset AND e.record_id = r.record_id
    JOIN co_names AS n ON n.employer_name = coalesce(e.employer_name, '')
),
settled AS (
    SELECT cluster,
        first(employer_name ORDER BY branch_name, name_precedence, branch_office, rid)
            AS employer_name,
        first(legal_form ORDER BY name_precedence, branch_office, rid)
            FILTER (legal_form IS NOT NULL) AS legal_form,
        first(region_code ORDER BY precedence, branch_office, rid)
            FILTER (region_code IS NOT NULL) AS region_code,
        first({kbli: kbli, vintage: kbli_vintage, sector: sector_code}
            ORDER BY precedence, branch_office, rid)
            FILTER (kbli IS NOT NULL OR sector_code IS NOT NULL) AS industry,
        first(scale ORDER BY precedence, branch_office, rid) FILTER (scale IS NOT NULL) AS scale,
        max(workers) AS workers,
        list_sort(list(DISTINCT dataset)) AS sources
    FROM ranked GROUP BY cluster
)
SELECT getvariable('emp_period') AS period, k.employer_key, s.employer_name, s.legal_form,
    k.npwp_root, k.nib, k.ahu_number, coalesce(s.region_code, '0000') AS region_code,
    s.industry.kbli AS kbli, coalesce(s.industry.vintage, 2020)::SMALLINT AS kbli_vintage,
    s.industry.sector AS sector_code, s.scale, s.workers,
    -- Without a known legal form a business counts as a natural person: its name is kept back.
    coalesce(f.natural_person, true) AS natural_person, s.sources
FROM settled AS s
JOIN emp_key_of AS k USING (cluster)
LEFT JOIN emp_natural AS f ON f.legal_form = s.legal_form;

CREATE OR REPLACE TEMP TABLE emp_identifiers_out AS
SELECT getvariable('emp_period') AS period, i.kind, i.identifier, k.employer_key, i.region_code
FROM emp_identifiers AS i JOIN emp_key_of AS k USING (cluster);
