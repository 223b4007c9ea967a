-- Why a person counts otherwise than before: deliveries, links or the person.
--
-- Reads   chg_people, linkage.person_links, landing.in_force, reference.datasets
-- Makes   chg_causes   person_key, cause; only persons who changed for another cause than their
--                      own lives
--
-- deliveries: a list that names the person is in force in one of the two months alone, or the
--   person lapsed while the list that holds the card was carried over from an earlier month.
-- links: a record that lies in both months' deliveries reaches another person, or the same one
--   with another probability.
-- people: all else. The first that holds is told.

CREATE OR REPLACE TEMP TABLE chg_lists AS
SELECT
    dataset,
    coalesce(bool_or(state IN ('current', 'carried'))
        FILTER (period = getvariable('period')), false) AS usable,
    coalesce(bool_or(state IN ('current', 'carried'))
        FILTER (period = getvariable('previous_period')), false) AS usable_before,
    coalesce(bool_or(state = 'carried') FILTER (period = getvariable('period')), false) AS carried
FROM landing.in_force
WHERE period IN (getvariable('period'), getvariable('previous_period'))
GROUP BY dataset;

CREATE OR REPLACE TEMP TABLE chg_links AS
WITH touched AS (
    SELECT DISTINCT l.dataset, l.record_id
    FROM linkage.person_links AS l
    SEMI JOIN (SELECT person_key FROM chg_people WHERE changed) AS c USING (person_key)
    WHERE l.period IN (getvariable('period'), getvariable('previous_period'))
)
SELECT
    l.dataset, l.record_id,
    bool_or(l.period = getvariable('period')) AS listed,
    bool_or(l.period = getvariable('previous_period')) AS listed_before,
    any_value(l.person_key) FILTER (l.period = getvariable('period')) AS person_key,
    any_value(l.person_key) FILTER (l.period = getvariable('previous_period')) AS key_before,
    count(DISTINCT row(l.person_key, l.status, l.probability_ppm)) > 1 AS relinked
FROM linkage.person_links AS l
SEMI JOIN touched AS t ON t.dataset = l.dataset AND t.record_id = l.record_id
WHERE l.period IN (getvariable('period'), getvariable('previous_period'))
GROUP BY l.dataset, l.record_id;

CREATE OR REPLACE TEMP TABLE chg_causes AS
WITH reached AS (
    SELECT dataset, listed, listed_before, relinked, person_key FROM chg_links
    UNION ALL
    SELECT dataset, listed, listed_before, relinked, key_before FROM chg_links
    WHERE key_before IS DISTINCT FROM person_key
),

judged AS (
    SELECT
        r.person_key,
        bool_or(f.usable <> f.usable_before OR (
            d.kind = 'membership' AND f.carried
            AND c.works_now AND c.worked_before AND c.active_ppm < c.active_before_ppm
        )) AS by_deliveries,
        bool_or(r.listed AND r.listed_before AND r.relinked) AS by_links
    FROM reached AS r
    JOIN chg_people AS c ON c.person_key = r.person_key AND c.changed
    JOIN chg_lists AS f ON f.dataset = r.dataset
    LEFT JOIN reference.datasets AS d ON d.dataset = r.dataset
    GROUP BY r.person_key
)
SELECT
    person_key,
    CASE WHEN coalesce(by_deliveries, false) THEN 'deliveries' ELSE 'links' END AS cause
FROM judged
WHERE coalesce(by_deliveries, false) OR coalesce(by_links, false);
