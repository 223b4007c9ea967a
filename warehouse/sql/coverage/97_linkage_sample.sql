-- How good the links are, by the newest sample of the month that people labelled.
--
-- Reads   linkage.sample_estimates
-- Makes   out_linkage_sample

-- The review makes this table; a warehouse in which nothing was reviewed has none.
CREATE SCHEMA IF NOT EXISTS linkage;
CREATE TABLE IF NOT EXISTS linkage.sample_estimates (
    period VARCHAR, dataset VARCHAR, sampled BIGINT, labelled BIGINT,
    precision_estimate DOUBLE, precision_low DOUBLE, precision_high DOUBLE,
    recall_estimate DOUBLE, recall_low DOUBLE, recall_high DOUBLE
);

-- A month without a sample has one row that says so.
CREATE OR REPLACE TEMP VIEW out_linkage_sample AS
SELECT
    getvariable('period') AS period,
    dataset, sampled, labelled,
    precision_estimate, precision_low, precision_high,
    recall_estimate, recall_low, recall_high,
    1 - precision_estimate AS false_link_rate,
    1 - recall_estimate AS missed_link_rate
FROM (
    SELECT * EXCLUDE (period) FROM linkage.sample_estimates
    WHERE period = getvariable('period')
    UNION ALL BY NAME
    SELECT 'ALL' AS dataset, 0 AS sampled, 0 AS labelled
    WHERE NOT EXISTS (
        SELECT 1 FROM linkage.sample_estimates WHERE period = getvariable('period')
    )
);
