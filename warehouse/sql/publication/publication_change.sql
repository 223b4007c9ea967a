-- What moved between the month that is published and the month before it, and why.
-- `new` is the publication that is being written; changes_common.sql stands for {common}.
WITH compared AS (
    SELECT n.publication, n.period, b.period AS previous_period,
        b.publication AS publication_before,
        n.method_parameters IS DISTINCT FROM b.method_parameters AS parameters_changed,
        n.code_version IS DISTINCT FROM b.code_version AS code_changed
    FROM new.reference.publication AS n
    JOIN new.reference.publication AS b
        ON b.period
        = strftime(strptime(n.period || '-01', '%Y-%m-%d') - INTERVAL 1 MONTH, '%Y-%m')
    WHERE n.publication = getvariable('publication')
    QUALIFY row_number() OVER (ORDER BY b.publication_sequence DESC) = 1
),

-- {common}

SELECT
    m.publication, 'month' AS comparison, m.period, m.previous_period, f.basis, f.denominator_id,
    f.area, f.province_code, m.publication_before, f.province,
    f.workers, f.workers_before, f.active, f.active_before, f.gap, f.gap_before,
    f.workers - f.workers_before AS workers_change,
    f.active - f.active_before AS active_change,
    f.gap - f.gap_before AS gap_change,
    c.gap_change_people, c.gap_change_deliveries, c.gap_change_links,
    CASE
        WHEN f.workers = f.workers_before AND f.active = f.active_before THEN 'none'
        WHEN m.parameters_changed THEN 'parameters'
        WHEN c.gap_change_people IS NULL THEN NULL
        WHEN abs(c.gap_change_people) >= abs(c.gap_change_deliveries)
            AND abs(c.gap_change_people) >= abs(c.gap_change_links) THEN 'people'
        WHEN abs(c.gap_change_deliveries) >= abs(c.gap_change_links) THEN 'deliveries'
        ELSE 'links'
    END AS explanation,
    d.datasets_new, d.datasets_revised, d.datasets_carried, d.datasets_missing,
    m.parameters_changed, m.code_changed, r.linked_change, r.review_change
FROM compared AS m
JOIN figures AS f ON f.period = m.period AND f.previous_period = m.previous_period
LEFT JOIN (
    SELECT
        period, previous_period, basis, denominator_id, province_code,
        coalesce(sum(gap_change) FILTER (cause = 'people'), 0)::DECIMAL(18, 6)
            AS gap_change_people,
        coalesce(sum(gap_change) FILTER (cause = 'deliveries'), 0)::DECIMAL(18, 6)
            AS gap_change_deliveries,
        coalesce(sum(gap_change) FILTER (cause = 'links'), 0)::DECIMAL(18, 6) AS gap_change_links
    FROM new.quality.change_causes
    GROUP BY GROUPING SETS (
        (period, previous_period, basis, denominator_id),
        (period, previous_period, basis, denominator_id, province_code)
    )
) AS c
    ON c.period = m.period AND c.previous_period = m.previous_period AND c.basis = f.basis
    AND c.denominator_id = f.denominator_id
    AND c.province_code IS NOT DISTINCT FROM f.province_code
LEFT JOIN arrived AS d ON d.period = m.period AND d.previous_period = m.previous_period
LEFT JOIN linked AS r ON r.period = m.period AND r.previous_period = m.previous_period
