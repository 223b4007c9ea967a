-- Which deliveries the period rests on, and how old they are.
--
-- Reads   landing.in_force, landing.deliveries
-- Makes   out_deliveries
--
-- Messages, file names and times stay behind: they may tell paths, and would differ between
-- two runs over the same deliveries.

CREATE OR REPLACE TEMP VIEW out_deliveries AS
SELECT
    f.period, f.dataset, f.delivery_period,
    f.version AS delivery_version,
    f.state AS delivery_state,
    f.age_months, d.source_kind, d.content_sha256, d.files, d.bytes,
    d.rows AS delivered,
    d.rejected_rows
FROM landing.in_force AS f
LEFT JOIN landing.deliveries AS d
    ON d.dataset = f.dataset AND d.period = f.delivery_period AND d.version = f.version
WHERE f.period = getvariable('period');
