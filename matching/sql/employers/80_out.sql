-- The rows of links, evidence, identifiers and the spine, ready to be written.
--
-- Reads   emp_records, emp_members, emp_units, emp_clusters, emp_profiles, emp_scored,
--         emp_pairs_levels, emp_resolved, emp_identifiers, emp_key_of, emp_natural, in_employers
-- Makes   emp_links_out, emp_evidence_out, emp_spine_out, emp_identifiers_out

CREATE OR REPLACE TEMP TABLE emp_links_out AS
SELECT getvariable('emp_period') AS period, r.dataset, r.record_id, k.employer_key, x.tier,
    x.probability_ppm, x.reason
FROM emp_resolved AS x JOIN emp_records AS r USING (rid) JOIN emp_key_of AS k USING (cluster);

-- The parent is the employer whose taxpayer number the company's records give as its parent's.
CREATE OR REPLACE TEMP TABLE emp_parents AS
SELECT x.cluster, first(k.employer_key ORDER BY r.precedence, r.rid) AS parent_key
FROM emp_records AS r JOIN emp_resolved AS x USING (rid)
JOIN emp_identifiers AS i ON i.kind = 'npwp_root' AND i.identifier = r.parent_root
JOIN emp_key_of AS k ON k.cluster = i.cluster
WHERE i.cluster <> x.cluster
GROUP BY x.cluster;

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
SELECT getvariable('emp_period') AS period, k.employer_key, p.parent_key, s.employer_name, s.legal_form,
    k.npwp_root, k.nib, k.ahu_number, coalesce(s.region_code, '0000') AS region_code,
    s.industry.kbli AS kbli, coalesce(s.industry.vintage, 2020)::SMALLINT AS kbli_vintage,
    s.industry.sector AS sector_code, s.scale, s.workers,
    -- Without a known legal form a business counts as a natural person: its name is kept back.
    coalesce(f.natural_person, true) AS natural_person, s.sources
FROM settled AS s
JOIN emp_key_of AS k USING (cluster)
LEFT JOIN emp_parents AS p USING (cluster)
LEFT JOIN emp_natural AS f ON f.legal_form = s.legal_form;

CREATE OR REPLACE TEMP TABLE emp_identifiers_out AS
SELECT getvariable('emp_period') AS period, i.kind, i.identifier, k.employer_key, i.region_code
FROM emp_identifiers AS i JOIN emp_key_of AS k USING (cluster);

-- Why units joined, and which likely ones did not: for each unit the pair of looks that speaks
-- most for its cluster, and for up to three others.
CREATE OR REPLACE TEMP TABLE emp_evidence_out AS
WITH met AS (
    SELECT s.b AS unit_id, s.a AS other_unit, s.bits, s.may, s.looks, c.cluster,
        d.cluster AS other_cluster, c.cluster = d.cluster AS joined, c.ppm, c.unit_id = c.cluster
            AS leads
    FROM emp_scored AS s
    JOIN emp_clusters AS c ON c.unit_id = s.b
    JOIN emp_clusters AS d ON d.unit_id = s.a
),
placed AS (
    FROM met WHERE NOT (joined AND leads)
    QUALIFY row_number() OVER (
        PARTITION BY unit_id, joined ORDER BY bits DESC, other_unit
    ) <= CASE WHEN joined THEN 1 ELSE 3 END
)
SELECT getvariable('emp_period') AS period, k.employer_key, o.employer_key AS other_key,
    r.dataset, r.record_id, t.dataset AS other_dataset, t.record_id AS other_record_id,
    CASE
        WHEN joined THEN 'joined'
        WHEN l.form = 'conflict' THEN 'legal_form'
        WHEN l.number = 'other' THEN 'two_numbers'
        WHEN may = 0 THEN 'barred'
        WHEN bits < log2(9) THEN 'below_threshold'
        ELSE 'better_claim' END AS decision,
    p.bits, l.name, l.form, l.region, l.industry, l.address, l.owner, l.number
FROM placed AS p
JOIN emp_pairs_levels AS l ON l.a = p.looks.a AND l.b = p.looks.b
JOIN emp_profiles AS x ON x.profile_id = p.looks.b
JOIN emp_profiles AS y ON y.profile_id = p.looks.a
JOIN emp_records AS r ON r.rid = x.rid
JOIN emp_records AS t ON t.rid = y.rid
JOIN emp_key_of AS k ON k.cluster = p.cluster
JOIN emp_key_of AS o ON o.cluster = p.other_cluster;
