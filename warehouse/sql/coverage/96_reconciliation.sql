-- What became of every delivered row: read, accepted, linked.
--
-- Reads   landing.in_force, conformed.counts, quarantine.rows, cov_person_links,
--         in_person_records, reference.datasets
-- Makes   out_reconciliation, out_quarantine_summary
--
-- Nothing is mended here: delivered = accepted + quarantined + duplicates, and for the lists
-- of persons accepted = linked + review + unlinked, only where not one row got lost. A delivery
-- too old to be used is no part of the month, and stands in quality.deliveries alone.

CREATE OR REPLACE TEMP VIEW out_reconciliation AS
WITH links AS (
    -- A record without a link row counts nowhere, so that the sums betray it.
    SELECT
        r.dataset,
        count(*) FILTER (l.status = 'linked') AS linked,
        count(*) FILTER (l.status = 'review') AS review,
        count(*) FILTER (l.status = 'unlinked') AS unlinked
    FROM in_person_records AS r
    LEFT JOIN cov_person_links AS l USING (dataset, record_id)
    GROUP BY r.dataset
)
SELECT
    f.period, f.dataset, c.delivered, c.accepted, c.quarantined, c.duplicates,
    -- Empty for the register, which is linked to, and for employers, whose owners are linked
    -- only where one is named.
    CASE WHEN d.kind IN ('membership', 'employment', 'roster') THEN coalesce(l.linked, 0) END
        AS linked,
    CASE WHEN d.kind IN ('membership', 'employment', 'roster') THEN coalesce(l.review, 0) END
        AS review,
    CASE WHEN d.kind IN ('membership', 'employment', 'roster') THEN coalesce(l.unlinked, 0) END
        AS unlinked
FROM landing.in_force AS f
JOIN conformed.counts AS c
    ON c.dataset = f.dataset AND c.period = f.delivery_period AND c.delivery_version = f.version
LEFT JOIN reference.datasets AS d ON d.dataset = f.dataset
LEFT JOIN links AS l ON l.dataset = f.dataset
WHERE f.period = getvariable('period') AND f.state IN ('current', 'carried');

-- Rows set aside, by reason. A row with two reasons stands under both, so the reasons of a
-- dataset may add up to more than its quarantined rows.
CREATE OR REPLACE TEMP VIEW out_quarantine_summary AS
WITH reasons AS (
    SELECT
        q.period, q.dataset, q.delivery_version, q.stage,
        unnest(list_distinct(q.reason_codes)) AS reason_code
    FROM quarantine.rows AS q
    SEMI JOIN landing.in_force AS f
        ON f.period = getvariable('period') AND f.state IN ('current', 'carried')
        AND q.dataset = f.dataset AND q.period = f.delivery_period
        AND q.delivery_version = f.version
)
SELECT getvariable('period') AS period, dataset, stage, reason_code, count(*) AS rows
FROM reasons
GROUP BY ALL;
