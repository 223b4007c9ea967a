-- How good the links are, by the model's own probabilities, and which records reached no
-- person and why.
--
-- Reads   cov_person_links, in_person_records, in_roster, in_employment, in_ownership,
--         linkage.claim_shares, reference.datasets
-- Makes   out_linkage_quality, out_unlinked_reasons, out_source_records

-- The linking makes this table; a warehouse linked elsewhere has none, and then no shares.
CREATE SCHEMA IF NOT EXISTS linkage;
CREATE TABLE IF NOT EXISTS linkage.claim_shares (
    period VARCHAR, dataset VARCHAR, model VARCHAR, people BIGINT, found DOUBLE[]
);

CREATE OR REPLACE TEMP TABLE cov_evidence AS
SELECT
    r.dataset, r.kind, r.record_id, r.has_nik,
    coalesce(l.status, 'unlinked') AS status,
    l.tier,
    coalesce(l.reason, 'never_compared') AS reason,
    -- Chance that an accepted link is right, or that one not accepted would have been. What
    -- a person or a better claim has ruled out counts as ruled out. NULL: nobody was compared.
    CASE
        WHEN l.status = 'linked' AND l.tier = 'identifier' THEN 1.0
        WHEN l.status IN ('linked', 'review') THEN coalesce(l.probability_ppm, 0) / 1e6
        WHEN l.reason = 'best_candidate_below_threshold'
            THEN coalesce(l.best_candidate_ppm, 0) / 1e6
        WHEN l.reason IN ('lost_to_better_claim', 'rejected_in_review') THEN 0.0
    END AS chance,
    -- Groups are what the record itself says, or its list: a group that is known only of
    -- linked records would always be linked.
    left(coalesce(cov_region(r.region_code), '0000'), 2) AS province_code,
    coalesce(x.sector_code, d.sector_code, 'X') AS sector_code,
    coalesce(r.sex, 'X') AS sex,
    coalesce((year(r.birth_date) // 10 * 10)::VARCHAR, 'unknown') AS birth_decade,
    CASE
        WHEN r.plain_name = '' THEN 'unknown'
        WHEN regexp_matches(r.plain_name, '\b[A-Z]\b') THEN 'with_initials'
        WHEN r.plain_name NOT LIKE '% %' THEN 'mononym'
        WHEN r.plain_name NOT LIKE '% % %' THEN 'two'
        ELSE 'three_or_more'
    END AS name_shape
FROM (
    SELECT dataset, kind, record_id, region_code, sex, birth_date, nik IS NOT NULL AS has_nik,
        coalesce(cov_plain(full_name), '') AS plain_name
    FROM in_person_records
) AS r
LEFT JOIN cov_person_links AS l USING (dataset, record_id)
LEFT JOIN reference.datasets AS d ON d.dataset = r.dataset
LEFT JOIN (
    SELECT dataset, record_id, sector_code FROM in_roster
    UNION ALL SELECT dataset, record_id, sector_code FROM in_employment
    UNION ALL SELECT dataset, record_id, sector_code FROM in_ownership
) AS x ON x.dataset = r.dataset AND x.record_id = r.record_id;

-- A record that met nobody may still be of somebody: by the share of its list's records that
-- have a person, as the linking estimated it (the first is of records without a NIK, the
-- second of records whose NIK nobody has), or by the share of the others that are linked.
-- With a NIK it met nobody of a near NIK either, and of wrong NIKs hardly one in three is
-- that far from the right one.
UPDATE cov_evidence AS e SET chance =
    CASE WHEN e.has_nik THEN s.with_nik * 0.33 / (1 - s.with_nik * 0.67) ELSE s.without_nik END
FROM (
    SELECT dataset, coalesce(any_value(found[1]), any_value(linked)) AS without_nik,
        coalesce(any_value(found[2]), any_value(linked)) AS with_nik
    FROM (
        SELECT dataset,
            coalesce(count(*) FILTER (status = 'linked') / nullif(count(chance), 0), 0) AS linked
        FROM cov_evidence GROUP BY dataset
    )
    LEFT JOIN (
        SELECT dataset, found FROM linkage.claim_shares WHERE period = getvariable('period')
    ) USING (dataset)
    GROUP BY dataset
) AS s
WHERE s.dataset = e.dataset AND e.chance IS NULL;

-- Precision is the mean chance of the accepted links; recall sets the links accepted beside
-- those that the model thinks were missed, records that met nobody included. Intervals are of
-- 95 %, normal approximation to the sum of independent chances.
CREATE OR REPLACE TEMP VIEW out_linkage_quality AS
WITH counted AS (
    SELECT
        CASE WHEN grouping(dataset) = 1 THEN 'ALL' ELSE dataset END AS dataset,
        CASE
            WHEN grouping(province_code) = 0 THEN 'province'
            WHEN grouping(sector_code) = 0 THEN 'sector'
            WHEN grouping(sex) = 0 THEN 'sex'
            WHEN grouping(birth_decade) = 0 THEN 'birth_decade'
            WHEN grouping(name_shape) = 0 THEN 'name_shape'
            ELSE 'all'
        END AS dimension,
        coalesce(province_code, sector_code, sex, birth_decade, name_shape, 'ALL') AS category,
        count(*) AS records,
        count(*) FILTER (status = 'linked') AS linked,
        count(*) FILTER (status = 'linked' AND tier = 'identifier') AS linked_identifier,
        count(*) FILTER (status = 'linked' AND tier = 'model') AS linked_model,
        count(*) FILTER (status = 'linked' AND tier = 'decision') AS linked_decision,
        count(*) FILTER (status = 'review') AS review,
        count(*) FILTER (status = 'unlinked') AS unlinked,
        count(*) FILTER (status = 'unlinked' AND reason = 'never_compared') AS never_compared,
        coalesce(sum((chance * 1e6)::BIGINT) FILTER (status = 'linked'), 0)::BIGINT / 1e6
            AS right_links,
        coalesce(sum((chance * 1e6)::BIGINT) FILTER (status <> 'linked'), 0)::BIGINT / 1e6
            AS missed_links,
        -- Sums of whole numbers again, so that the figures do not depend on order.
        coalesce(sum((chance * (1 - chance) * 1e6)::BIGINT) FILTER (status = 'linked'), 0)
            ::BIGINT / 1e6 AS right_variance,
        coalesce(sum((chance * (1 - chance) * 1e6)::BIGINT) FILTER (status <> 'linked'), 0)
            ::BIGINT / 1e6 AS missed_variance
    FROM cov_evidence
    GROUP BY GROUPING SETS (
        (), (province_code), (sector_code), (sex), (birth_decade), (name_shape),
        (dataset), (dataset, province_code), (dataset, sector_code), (dataset, sex),
        (dataset, birth_decade), (dataset, name_shape)
    )
    HAVING count(*) > 0
),

estimated AS (
    SELECT
        *,
        CASE WHEN linked > 0 THEN right_links / linked END AS precision_estimate,
        CASE WHEN linked > 0 THEN 1.96 * sqrt(right_variance) / linked END AS precision_margin,
        CASE WHEN right_links + missed_links > 0 THEN right_links / (right_links + missed_links)
        END AS recall_estimate,
        CASE WHEN right_links + missed_links > 0
            THEN 1.96 * sqrt(missed_variance) / (right_links + missed_links)
        END AS recall_margin
    FROM counted
)

-- greatest() and least() pass over NULL, hence the cases: no links, no estimate, no interval.
SELECT
    getvariable('period') AS period,
    dataset, dimension, category, records, linked, linked_identifier, linked_model,
    linked_decision, review, unlinked, never_compared,
    'model' AS estimated_from,
    precision_estimate,
    CASE WHEN precision_estimate IS NOT NULL THEN greatest(precision_estimate - precision_margin, 0) END
        AS precision_low,
    CASE WHEN precision_estimate IS NOT NULL THEN least(precision_estimate + precision_margin, 1) END
        AS precision_high,
    recall_estimate,
    CASE WHEN recall_estimate IS NOT NULL THEN greatest(recall_estimate - recall_margin, 0) END
        AS recall_low,
    CASE WHEN recall_estimate IS NOT NULL THEN least(recall_estimate + recall_margin, 1) END
        AS recall_high,
    1 - precision_estimate AS false_link_rate,
    1 - recall_estimate AS missed_link_rate
FROM estimated;

CREATE OR REPLACE TEMP VIEW out_unlinked_reasons AS
SELECT
    getvariable('period') AS period,
    e.dataset, e.province_code,
    coalesce(p.province, 'Tidak diketahui') AS province,
    e.reason AS unlinked_reason,
    count(*) AS records
FROM cov_evidence AS e
LEFT JOIN cov_provinces AS p USING (province_code)
WHERE e.status = 'unlinked'
GROUP BY ALL;

-- What every published table says of its sources: how many of the records it rests on are
-- linked, in review, and unlinked.
CREATE OR REPLACE TEMP VIEW out_source_records AS
SELECT
    getvariable('period') AS period,
    t.table_name, e.dataset,
    count(*) AS records,
    count(*) FILTER (e.status = 'linked') AS linked,
    count(*) FILTER (e.status = 'review') AS review,
    count(*) FILTER (e.status = 'unlinked') AS unlinked
FROM cov_evidence AS e
JOIN (VALUES
    ('coverage.coverage_by_sector_region', ['membership', 'employment', 'roster', 'ownership']),
    ('coverage.coverage_by_regency', ['membership', 'employment', 'roster', 'ownership']),
    ('coverage.coverage_by_province', ['membership', 'employment', 'roster', 'ownership']),
    ('coverage.coverage_by_sector', ['membership', 'employment', 'roster', 'ownership']),
    ('coverage.coverage_national', ['membership', 'employment', 'roster', 'ownership']),
    ('coverage.coverage_by_segment', ['membership', 'employment', 'roster', 'ownership']),
    ('coverage.gap_by_instruction', ['membership', 'employment', 'roster', 'ownership']),
    ('coverage.sensitivity', ['membership', 'employment', 'roster', 'ownership']),
    ('coverage.employer_compliance', ['membership', 'employment', 'roster', 'ownership']),
    ('coverage.employer_evidence', ['membership', 'employment', 'roster', 'ownership']),
    ('coverage.employer_contributions', ['membership', 'employment', 'roster', 'ownership']),
    ('coverage.compliance_by_sector_region',
        ['membership', 'employment', 'roster', 'ownership']),
    ('coverage.wage_gap', ['membership', 'employment']),
    ('quality.bridge', ['membership'])
) AS t (table_name, kinds) ON list_contains(t.kinds, e.kind)
GROUP BY ALL;
