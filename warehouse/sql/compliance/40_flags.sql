-- The flags of every employer, by scope and by how sure they are.
--
-- Reads   cpl_known, cpl_register, cpl_npps, cpl_participants, cpl_wages, cpl_employers
-- Makes   cpl_counts  one row per scope and employer: what is counted
--         cpl_flags   the same with the flags: certain, point, upper
--
-- An employer here has a worker that somebody knows of, or an NPP; other businesses employ
-- nobody. `certain` rests on certain links alone, `point` is the definition, `upper` is what
-- would hold if everything uncertain spoke for it.

CREATE OR REPLACE TEMP TABLE cpl_counts AS
WITH known AS (
    SELECT
        s.scope, k.employer_key,
        count(*) AS known,
        count(*) FILTER (CASE WHEN s.taxed THEN k.certain ELSE k.certain_without_tax END)
            AS known_certain,
        -- As if every record that reached no person were a person of its own.
        sum(CASE WHEN k.accepted THEN 1 WHEN s.taxed THEN k.records ELSE k.records_without_tax END)
            ::BIGINT AS known_upper,
        count(*) FILTER (CASE WHEN s.taxed THEN k.employment ELSE k.employment_without_tax END)
            AS employed,
        count(*) FILTER (
            CASE WHEN s.taxed THEN k.employment_certain ELSE k.employment_certain_without_tax END
        ) AS employed_certain
    FROM cpl_known AS k
    CROSS JOIN cpl_scopes AS s
    WHERE s.taxed OR k.records_without_tax > 0
    GROUP BY ALL
),

npps AS (
    SELECT
        employer_key,
        count(*) AS npps,
        count(*) FILTER (NOT closed) AS npps_open,
        bool_and(certain) AS all_certain,
        bool_or(certain) AS any_certain,
        count(*) FILTER (len(lacking) > 0) AS lacking,
        count(*) FILTER (len(lacking) > 0 AND certain) AS lacking_certain,
        count(*) FILTER (in_arrears) AS in_arrears,
        count(*) FILTER (in_arrears AND certain) AS in_arrears_certain,
        count(*) FILTER (never_paid) AS never_paid,
        max(months_in_arrears) FILTER (in_arrears) AS months_in_arrears,
        list_sort(list_distinct(flatten(list(lacking)))) AS missing_programmes
    FROM cpl_npps
    GROUP BY employer_key
),

participants AS (
    SELECT employer_key, count(*) AS participants FROM cpl_participants GROUP BY employer_key
),

wages AS (
    SELECT
        scope, employer_key,
        count(*) FILTER (under) AS under,
        count(*) FILTER (under_certain) AS under_certain,
        count(*) FILTER (under_upper) AS under_upper,
        sum(due_wage - reported_wage) FILTER (under)::BIGINT AS missing_wage
    FROM cpl_wages
    GROUP BY ALL
),

everybody AS (
    SELECT employer_key FROM cpl_known
    UNION
    SELECT employer_key FROM cpl_register
    UNION
    SELECT employer_key FROM cpl_npps
)

SELECT
    s.scope, e.employer_key, e.certain,
    coalesce(k.known, 0) AS known,
    coalesce(k.known_certain, 0) AS known_certain,
    coalesce(k.known_upper, 0) AS known_upper,
    coalesce(k.employed, 0) AS employed,
    coalesce(k.employed_certain, 0) AS employed_certain,
    coalesce(CASE WHEN s.taxed THEN r.workers ELSE r.workers_without_tax END, 0) AS register_workers,
    coalesce(n.npps, 0) AS npps,
    coalesce(n.npps_open, 0) AS npps_open,
    coalesce(n.all_certain, false) AS all_npps_certain,
    coalesce(n.any_certain, false) AS any_npp_certain,
    coalesce(p.participants, 0) AS participants,
    coalesce(w.under, 0) AS under,
    coalesce(w.under_certain, 0) AS under_certain,
    coalesce(w.under_upper, 0) AS under_upper,
    coalesce(w.missing_wage, 0) AS missing_wage,
    coalesce(n.lacking, 0) AS lacking,
    coalesce(n.lacking_certain, 0) AS lacking_certain,
    coalesce(n.in_arrears, 0) AS in_arrears,
    coalesce(n.in_arrears_certain, 0) AS in_arrears_certain,
    coalesce(n.never_paid, 0) AS never_paid,
    n.months_in_arrears,
    coalesce(n.missing_programmes, []::VARCHAR[]) AS missing_programmes
FROM cpl_employers AS e
SEMI JOIN everybody AS b ON b.employer_key = e.employer_key
CROSS JOIN cpl_scopes AS s
LEFT JOIN known AS k ON k.scope = s.scope AND k.employer_key = e.employer_key
LEFT JOIN cpl_register AS r ON r.employer_key = e.employer_key
LEFT JOIN npps AS n ON n.employer_key = e.employer_key
LEFT JOIN participants AS p ON p.employer_key = e.employer_key
LEFT JOIN wages AS w ON w.scope = s.scope AND w.employer_key = e.employer_key;

-- More than the larger of so many workers and such a share of the known: all in whole numbers.
CREATE OR REPLACE TEMP MACRO cpl_short(known, participants) AS
    (known - participants) * 1000000
    > greatest(getvariable('tolerance_workers') * 1000000, known * getvariable('tolerance_ppm'));

CREATE OR REPLACE TEMP TABLE cpl_flags AS
WITH judged AS (
    SELECT
        *,
        npps = 0 AND (employed > 0 OR register_workers > 0) AS pwbd,
        pwbd AND certain AND (employed_certain > 0 OR register_workers > 0) AS pwbd_certain,
        -- An NPP that only name and place led here may be another employer's.
        pwbd OR (NOT any_npp_certain AND (employed > 0 OR register_workers > 0)) AS pwbd_upper,
        npps > 0 AND cpl_short(known, participants) AS pds_tk,
        pds_tk AND certain AND all_npps_certain AND cpl_short(known_certain, participants)
            AS pds_tk_certain,
        npps > 0 AND cpl_short(known_upper, participants) AS pds_tk_upper,
        under > 0 AS pds_upah,
        under_certain > 0 AS pds_upah_certain,
        under_upper > 0 AS pds_upah_upper,
        lacking > 0 AS pds_program,
        -- The scale may come from another register's record.
        certain AND lacking_certain > 0 AS pds_program_certain,
        in_arrears > 0 AS arrears,
        in_arrears_certain > 0 AS arrears_certain,
        in_arrears > 0 OR never_paid > 0 AS arrears_upper
    FROM cpl_counts
)

SELECT
    *,
    list_filter([
        CASE WHEN pwbd THEN 'PWBD' END, CASE WHEN pds_tk THEN 'PDS_TK' END,
        CASE WHEN pds_upah THEN 'PDS_UPAH' END, CASE WHEN pds_program THEN 'PDS_PROGRAM' END,
        CASE WHEN arrears THEN 'ARREARS' END
    ], f -> f IS NOT NULL) AS flags,
    list_filter([
        CASE WHEN pwbd_certain THEN 'PWBD' END, CASE WHEN pds_tk_certain THEN 'PDS_TK' END,
        CASE WHEN pds_upah_certain THEN 'PDS_UPAH' END,
        CASE WHEN pds_program_certain THEN 'PDS_PROGRAM' END,
        CASE WHEN arrears_certain THEN 'ARREARS' END
    ], f -> f IS NOT NULL) AS flags_certain,
    list_filter([
        CASE WHEN pwbd_upper THEN 'PWBD' END, CASE WHEN pds_tk_upper THEN 'PDS_TK' END,
        CASE WHEN pds_upah_upper THEN 'PDS_UPAH' END, CASE WHEN pds_program THEN 'PDS_PROGRAM' END,
        CASE WHEN arrears_upper THEN 'ARREARS' END
    ], f -> f IS NOT NULL) AS flags_upper,
    CASE
        WHEN pwbd THEN greatest(known, register_workers)
        WHEN pds_tk THEN known - participants
        ELSE 0
    END AS missing_workers
FROM judged;
