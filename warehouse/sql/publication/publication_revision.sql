-- What moved in months that the publication before had as well, and why.
-- `new` is the publication that is being written, `base` the one before it;
-- changes_common.sql stands for {common}. Persons of the earlier version are no longer kept, so
-- causes are told by what went into both: parameters, deliveries, the program, and else the links.
WITH compared AS (
    SELECT getvariable('publication') AS publication, n.period, n.period AS previous_period,
        b.publication AS publication_before,
        n.method_parameters IS DISTINCT FROM b.method_parameters AS parameters_changed,
        n.code_version IS DISTINCT FROM b.code_version AS code_changed
    FROM (
        FROM new.reference.publication
        QUALIFY row_number() OVER (PARTITION BY period ORDER BY publication_sequence DESC) = 1
    ) AS n
    JOIN (
        FROM base.reference.publication
        QUALIFY row_number() OVER (PARTITION BY period ORDER BY publication_sequence DESC) = 1
    ) AS b ON b.period = n.period
),

-- {common}

SELECT
    m.publication, 'revision' AS comparison, m.period, m.previous_period, f.basis, f.denominator_id,
    f.area, f.province_code, m.publication_before, f.province,
    f.workers, f.workers_before, f.active, f.active_before, f.gap, f.gap_before,
    f.workers - f.workers_before AS workers_change,
    f.active - f.active_before AS active_change,
    f.gap - f.gap_before AS gap_change,
    NULL::DECIMAL(18, 6) AS gap_change_people,
    NULL::DECIMAL(18, 6) AS gap_change_deliveries,
    NULL::DECIMAL(18, 6) AS gap_change_links,
    CASE
        WHEN f.workers = f.workers_before AND f.active = f.active_before THEN 'none'
        WHEN m.parameters_changed THEN 'parameters'
        WHEN len(d.datasets_new) + len(d.datasets_revised) + d.lost > 0 THEN 'deliveries'
        WHEN m.code_changed THEN 'code'
        ELSE 'links'
    END AS explanation,
    d.datasets_new, d.datasets_revised, d.datasets_carried, d.datasets_missing,
    m.parameters_changed, m.code_changed, r.linked_change, r.review_change
FROM compared AS m
JOIN figures AS f ON f.period = m.period AND f.previous_period = m.previous_period
LEFT JOIN arrived AS d ON d.period = m.period AND d.previous_period = m.previous_period
LEFT JOIN linked AS r ON r.period = m.period AND r.previous_period = m.previous_period
WHERE f.workers <> f.workers_before OR f.active <> f.active_before
    OR m.period = getvariable('publication')[:7]
