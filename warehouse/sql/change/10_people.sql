-- Workers of two months, person by person, and what the register says of those who come and go.
--
-- Reads   spine.workers and spine.persons of getvariable('period') and
--         getvariable('previous_period')
-- Makes   chg_people   one row per person who was a worker in at least one of the two months
--
-- A person is compared with himself, by the key of the population register.

CREATE OR REPLACE TEMP TABLE chg_people AS
WITH now AS (
    SELECT person_key, domicile, workplace, sector_code, eligible, active_ppm
    FROM spine.workers WHERE period = getvariable('period')
),

before AS (
    SELECT person_key, domicile, workplace, sector_code, eligible, active_ppm
    FROM spine.workers WHERE period = getvariable('previous_period')
)

SELECT
    person_key,
    n.eligible IS NOT NULL AS works_now,
    b.eligible IS NOT NULL AS worked_before,
    n.domicile AS domicile, b.domicile AS domicile_before,
    n.workplace AS workplace, b.workplace AS workplace_before,
    n.sector_code AS sector_code, b.sector_code AS sector_before,
    coalesce(n.eligible, false) AS eligible, coalesce(b.eligible, false) AS eligible_before,
    coalesce(n.active_ppm, 0)::BIGINT AS active_ppm,
    coalesce(b.active_ppm, 0)::BIGINT AS active_before_ppm,
    NOT coalesce(
        (n.domicile, n.workplace, n.sector_code, n.eligible, n.active_ppm)
        = (b.domicile, b.workplace, b.sector_code, b.eligible, b.active_ppm),
        false
    ) AS changed
FROM now AS n
FULL JOIN before AS b USING (person_key);

-- Completed years, as the coverage tables count them.
CREATE OR REPLACE TEMP MACRO chg_age(birth_date, as_of) AS (
    (year(as_of) * 10000 + month(as_of) * 100 + day(as_of))
    - (year(birth_date) * 10000 + month(birth_date) * 100 + day(birth_date))
) // 10000;

-- Coming of age, growing beyond working age and death are nobody's hiring or dismissal.
CREATE OR REPLACE TEMP TABLE chg_demography AS
SELECT
    c.person_key,
    NOT c.worked_before
        AND coalesce(
            chg_age(p.birth_date, getvariable('previous_as_of')) < 15, false
        ) AS came_of_age,
    NOT c.works_now AND coalesce(p.life_status = 'meninggal', false) AS died,
    NOT c.works_now AND coalesce(p.life_status <> 'meninggal', true)
        AND coalesce(
            chg_age(p.birth_date, getvariable('as_of')) > 64, false
        ) AS grew_old
FROM chg_people AS c
JOIN spine.persons AS p USING (person_key)
WHERE p.period = getvariable('period') AND NOT (c.works_now AND c.worked_before);
