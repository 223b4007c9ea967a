-- What was delivered, what is landed, and what the counts of each delivery say.
--
-- Reads   rec_in_force (deliveries used by the period), landing.deliveries,
--         landing.delivery_files, rec_landed and rec_fates (one row per row; made in Python,
--         because each dataset has tables of its own), conformed.counts
-- Makes   rec_deliveries   step, table_name, dataset, side, n (rows), h (checksum)
--
-- Every view here has the same shape: two sides whose counts and sums of hashes must agree.

CREATE OR REPLACE TEMP VIEW rec_deliveries AS
-- The ledger's delivery is the sum of its files.
SELECT
    'ledger' AS step, 'landing.deliveries' AS table_name, f.dataset, 'left' AS side,
    d.rows AS n, d.rejected_rows::HUGEINT AS h
FROM rec_in_force AS f
JOIN landing.deliveries AS d USING (dataset, period, version)
UNION ALL
SELECT 'ledger', 'landing.deliveries', f.dataset, 'right', d.rows, d.rejected_rows::HUGEINT
FROM rec_in_force AS f
JOIN landing.delivery_files AS d USING (dataset, period, version)
UNION ALL
-- Each file's rows are landed, or in quarantine because they could not be read.
SELECT
    'delivered', 'landing.' || f.dataset, f.dataset, 'left', d.rows,
    hash(d.file, false)::HUGEINT * (d.rows - d.rejected_rows)
        + hash(d.file, true)::HUGEINT * d.rejected_rows
FROM rec_in_force AS f
JOIN landing.delivery_files AS d USING (dataset, period, version)
UNION ALL
SELECT
    'delivered', 'landing.' || dataset, dataset, 'right', count(*),
    hash(file, unread)::HUGEINT * count(*)
FROM rec_landed
GROUP BY dataset, file, unread
UNION ALL
-- No row of a file stands twice, and none of a landed one got lost on the way: each is
-- accepted, in quarantine or an exact repetition, at its own place.
SELECT 'conformed', 'conformed.' || dataset, dataset, 'left', 1, hash(file, row_number)::HUGEINT
FROM rec_landed
UNION ALL
SELECT 'conformed', 'conformed.' || dataset, dataset, 'right', 1, hash(file, row_number)::HUGEINT
FROM rec_fates
UNION ALL
-- The counts that are published say what the tables hold.
SELECT
    'counted', 'conformed.counts', f.dataset, 'left', c.delivered,
    hash('accepted')::HUGEINT * c.accepted + hash('quarantined')::HUGEINT * c.quarantined
        + hash('duplicate')::HUGEINT * c.duplicates
FROM rec_in_force AS f
JOIN conformed.counts AS c
    ON c.dataset = f.dataset AND c.period = f.period AND c.delivery_version = f.version
UNION ALL
SELECT
    'counted', 'conformed.counts', dataset, 'right', count(*), hash(fate)::HUGEINT * count(*)
FROM rec_fates
GROUP BY dataset, fate;
