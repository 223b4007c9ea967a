-- What both comparisons read beside their months: figures, deliveries and links, now and before.
-- `new` is the publication that is being written, `before` where the earlier month is found;
-- `compared` names the months.
figures AS (
    SELECT n.period, b.period AS previous_period, n.basis, n.denominator_id,
        'national' AS area, NULL::VARCHAR AS province_code, 'Indonesia' AS province,
        n.workers, b.workers AS workers_before, n.active, b.active AS active_before,
        n.gap, b.gap AS gap_before
    FROM new.coverage.coverage_national AS n
    JOIN before.coverage.coverage_national AS b USING (basis, denominator_id)
    UNION ALL
    SELECT n.period, b.period AS previous_period, n.basis, n.denominator_id,
        'province' AS area, n.province_code AS province_code, n.province AS province,
        n.workers, b.workers AS workers_before, n.active, b.active AS active_before,
        n.gap, b.gap AS gap_before
    FROM new.coverage.coverage_by_province AS n
    JOIN before.coverage.coverage_by_province AS b USING (basis, denominator_id, province_code)
),
arrived AS (
    SELECT
        period, previous_period,
        coalesce(list(dataset ORDER BY dataset) FILTER (usable AND NOT was_usable), [])
            AS datasets_new,
        coalesce(list(dataset ORDER BY dataset) FILTER (usable AND was_usable AND differs), [])
            AS datasets_revised,
        coalesce(list(dataset ORDER BY dataset) FILTER (carried), []) AS datasets_carried,
        coalesce(list(dataset ORDER BY dataset) FILTER (NOT usable), []) AS datasets_missing,
        count(*) FILTER (was_usable AND NOT usable) AS lost
    FROM (
        SELECT
            m.period, m.previous_period, x.dataset,
            coalesce(bool_or(x.state IN ('current', 'carried')) FILTER (x.is_new), false) AS usable,
            coalesce(bool_or(x.state IN ('current', 'carried')) FILTER (NOT x.is_new), false)
                AS was_usable,
            coalesce(bool_or(x.state = 'carried') FILTER (x.is_new), false) AS carried,
            count(DISTINCT coalesce(x.content_sha256, '-')) > 1 AS differs
        FROM compared AS m
        JOIN (
            SELECT true AS is_new, period, dataset, delivery_state AS state, content_sha256
            FROM new.quality.deliveries
            UNION ALL
            SELECT false, period, dataset, delivery_state, content_sha256
            FROM before.quality.deliveries
        ) AS x ON x.period = CASE WHEN x.is_new THEN m.period ELSE m.previous_period END
        GROUP BY ALL
    )
    GROUP BY period, previous_period
),
linked AS (
    SELECT
        m.period, m.previous_period,
        sum(x.sign * x.linked)::BIGINT AS linked_change,
        sum(x.sign * x.review)::BIGINT AS review_change
    FROM compared AS m
    JOIN (
        SELECT 1 AS sign, period, linked, review FROM new.quality.reconciliation
        UNION ALL
        SELECT -1, period, linked, review FROM before.quality.reconciliation
    ) AS x ON x.period = CASE WHEN x.sign = 1 THEN m.period ELSE m.previous_period END
    GROUP BY ALL
)
