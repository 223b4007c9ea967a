-- From the number of active cards to the number of active workers, one step at a time: why
-- this is not the official number of active participants.
--
-- Reads   cov_memberships, cov_people, cov_workers, cov_employers
-- Makes   out_bridge
--
-- Every step but the last counts whole cards or people. Steps 1 to 3 stand in the province
-- that the cards tell (the membership's region, else its NPP's), the later ones in the
-- province where the register says the person lives.

CREATE OR REPLACE TEMP VIEW out_bridge AS
WITH cards AS (
    SELECT
        m.dataset, m.record_id, m.person_key,
        m.segment,
        coalesce(m.region_code, e.workplace) AS region_code,
        -- Who it is: the person linked or in review, else who the card appears to be.
        coalesce(
            'person ' || m.person_key,
            'nik ' || m.nik,
            'name ' || nullif(cov_plain(strip_accents(m.full_name)), '') || ' '
                || coalesce(m.birth_date::VARCHAR, ''),
            'card ' || m.dataset || ' ' || m.record_id
        ) AS somebody
    FROM cov_memberships AS m
    LEFT JOIN cov_employers AS e ON e.kind = 'npp' AND e.identifier = m.npp
    WHERE m.state = 'active'
),

people AS (
    SELECT
        somebody,
        any_value(person_key) AS person_key,
        left(
            coalesce(
                arg_min(region_code, row(record_id, dataset))
                    FILTER (region_code IS NOT NULL),
                '0000'
            ),
            2
        ) AS province_code
    FROM cards
    GROUP BY somebody
),

found AS (
    SELECT
        f.person_key, left(p.domicile, 2) AS province_code, p.alive, p.working_age,
        coalesce(w.eligible, false) AS eligible
    FROM people AS f
    JOIN cov_people AS p USING (person_key)
    LEFT JOIN cov_workers AS w USING (person_key)
),

steps AS (
    SELECT
        1 AS step_no, 'active_cards' AS step, segment,
        left(coalesce(region_code, '0000'), 2) AS province_code,
        count(*) * 1000000 AS ppm
    FROM cards GROUP BY ALL
    UNION ALL
    SELECT
        1, 'active_cards', 'ALL', left(coalesce(region_code, '0000'), 2),
        count(*) * 1000000
    FROM cards GROUP BY ALL
    UNION ALL
    SELECT 2, 'distinct_people', 'ALL', province_code, count(*) * 1000000
    FROM people GROUP BY ALL
    UNION ALL
    SELECT 3, 'found_in_register', 'ALL', province_code, count(*) * 1000000
    FROM people SEMI JOIN found USING (person_key) GROUP BY ALL
    UNION ALL
    SELECT 4, 'by_domicile', 'ALL', province_code, count(*) * 1000000
    FROM found GROUP BY ALL
    UNION ALL
    SELECT 5, 'alive', 'ALL', province_code, count(*) * 1000000
    FROM found WHERE alive GROUP BY ALL
    UNION ALL
    SELECT 6, 'aged_15_64', 'ALL', province_code, count(*) * 1000000
    FROM found WHERE alive AND working_age GROUP BY ALL
    UNION ALL
    SELECT 7, 'eligible', 'ALL', province_code, count(*) * 1000000
    FROM found WHERE alive AND working_age AND eligible GROUP BY ALL
    UNION ALL
    -- What the published tables count: uncertain links with their probability.
    SELECT 8, 'active_here', 'ALL', left(domicile, 2), sum(active_ppm)
    FROM cov_workers WHERE eligible GROUP BY ALL
),

rolled AS (
    SELECT
        CASE WHEN grouping(province_code) = 1 THEN 'national' ELSE 'province' END AS area,
        province_code, step_no, step, segment, sum(ppm) AS ppm
    FROM steps
    GROUP BY GROUPING SETS (
        (province_code, step_no, step, segment), (step_no, step, segment)
    )
)

SELECT
    getvariable('period') AS period,
    r.area, r.province_code,
    CASE r.area WHEN 'national' THEN 'Indonesia' ELSE coalesce(p.province, 'Tidak diketahui') END
        AS province,
    r.step_no, r.step, t.step_id, t.step_en, r.segment,
    cov_persons(r.ppm) AS participants
FROM rolled AS r
JOIN (VALUES
    ('active_cards', 'Kartu aktif', 'Active cards'),
    ('distinct_people', 'Orang yang berbeda', 'Distinct people'),
    ('found_in_register', 'Ditemukan di data kependudukan', 'Found in the population register'),
    ('by_domicile', 'Sama, menurut domisili', 'The same, where they live'),
    ('alive', 'Masih hidup', 'Alive'),
    ('aged_15_64', 'Berumur 15 sampai 64 tahun', 'Aged 15 to 64'),
    ('eligible', 'Pekerja di luar PNS, TNI, dan Polri', 'Workers other than civil servants, soldiers and police'),
    ('active_here', 'Aktif dalam tabel cakupan', 'Active in the coverage tables')
) AS t (step, step_id, step_en) USING (step)
LEFT JOIN cov_provinces AS p USING (province_code);
