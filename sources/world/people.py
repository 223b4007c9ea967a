"""The persons of the sample world: age, sex, family, home, name and NIK.

Belongs here: everything about a person but work. Does not belong here: how lists spoil it
(damage), or what the register's delivery looks like (lists).
"""

from __future__ import annotations

import datetime as dt

import duckdb
import numpy as np

from sources.world.draws import Draws, slot_table
from sources.world.materials import NAME_PARTS, TEMPLATE_SLOTS

# Percent of the population by five-year age group, 80+ last (BPS, population of mid-2025).
AGE_GROUPS = (
    7.8, 7.9, 7.8, 7.9, 7.9, 7.9, 7.7, 7.4, 7.2, 6.7, 6.0, 5.2, 4.3, 3.2, 2.2, 1.4, 1.5,
)  # fmt: skip
MOVES_YEARS = 2
"""How far back moves, deaths and job changes reach, in years."""


def word_numbers(draws: Draws, key: str, family: str, tag: str, alias: str) -> str:
    """SQL of the columns `{tag}0` ...: which words of `name_word` a drawn name has, or NULL.

    Args:
        draws: draws of the world.
        key: SQL of the integer that the person's own words are drawn for.
        family: SQL of the integer that words shared in the family are drawn for.
        tag: keeps these draws apart from others, and names the columns.
        alias: alias of the row of `name_template` that the name is drawn by.
    """
    columns = []
    for part in range(NAME_PARTS):
        number = draws.unit(
            f"CASE WHEN {alias}.f{part} THEN {family} ELSE {key} END", f"{tag}/{part}"
        )
        columns.append(
            f"CASE WHEN {alias}.n{part} > 0 THEN {alias}.o{part} + floor({alias}.n{part} "
            f"* pow({number}, {alias}.e{part}))::INTEGER END AS {tag}{part}"
        )
    return ", ".join(columns)


def join_words(tag: str) -> tuple[str, str]:
    """Give the SQL of a name whose words `word_numbers` chose, and of the joins it needs."""
    joins = "".join(
        f" LEFT JOIN name_word AS {tag}w{part} ON {tag}w{part}.place = {tag}{part}"
        for part in range(NAME_PARTS)
    )
    words = [f"{tag}w{part}.word" for part in range(NAME_PARTS)]
    # A name does not hold one word twice in a row: the second drawing of it falls away.
    words[1] = f"nullif({words[1]}, {words[0]})"
    return f"concat_ws(' ', {', '.join(words)})", joins


def make_people(con: duckdb.DuckDBPyConnection, draws: Draws, people: int, last: dt.date) -> None:
    """Make the table `people`, one row a person, those missing from the register included.

    Args:
        con: the building database, with the material loaded.
        draws: draws of the world.
        people: persons in the population register.
        last: last day of the newest period; ages are as of it.
    """
    strangers = max(10, people // 300)
    spread = np.concatenate(
        [np.full(5, share / 5) for share in AGE_GROUPS[:-1]]
        + [AGE_GROUPS[-1] * 0.72 ** np.arange(16)]
    )
    slot_table(con, "age_slots", list(range(len(spread))), spread)
    _make_born(con, draws, people, people + strangers, last)
    _make_families(con, draws)
    _make_homes(con, draws, last)
    _make_niks(con, draws)
    _make_names(con, draws)
    for table in ("born", "kin", "homes", "numbers", "chosen", "named"):
        con.execute(f"DROP TABLE {table}")


def _make_born(
    con: duckdb.DuckDBPyConnection, d: Draws, people: int, everyone: int, last: dt.date
) -> None:
    """Age, sex, birth and death; `i` beyond `people` are not in the register."""
    con.execute(f"""
        CREATE OR REPLACE TABLE born AS
        WITH aged AS (
            SELECT i, i < {people} AS in_register,
                -- Persons whom the register lacks (foreigners, the long dead) are grown up.
                CASE WHEN i < {people} THEN s.value ELSE 22 + s.value % 43 END AS age
            FROM range({everyone}) AS r(i)
            JOIN age_slots AS s ON s.slot = {d.slot("i", "age")}
        ),
        dated AS (
            SELECT *,
                CASE WHEN {d.unit("i", "sex")} < CASE WHEN age < 50 THEN 0.491
                    WHEN age < 65 THEN 0.498 ELSE 0.545 END THEN 'P' ELSE 'L' END AS sex,
                DATE '{last}' - (age * 365.25 + {d.unit("i", "day")} * 365.2)::INTEGER AS day
            FROM aged
        )
        SELECT i, in_register, sex, age,
            -- Dates that were never known stand as the first or last day of the year.
            CASE
                WHEN {d.unit("i", "heap")} < CASE WHEN age > 40 THEN 0.05
                    WHEN age > 25 THEN 0.015 ELSE 0.002 END
                    THEN make_date(year(day)::INTEGER, 1, 1)
                WHEN {d.unit("i", "heap")} > CASE WHEN age > 40 THEN 0.982 ELSE 0.997 END
                    AND make_date(year(day)::INTEGER, 12, 31) <= DATE '{last}'
                    THEN make_date(year(day)::INTEGER, 12, 31)
                ELSE day
            END AS birth_date,
            year(day)::INTEGER AS cohort,
            CASE WHEN {d.unit("i", "death")}
                    < least(0.6, {MOVES_YEARS} * 0.00013 * exp(0.074 * age))
                THEN DATE '{last}'
                    - {d.whole("i", "death day", 1, 365 * MOVES_YEARS)}
            END AS died_on
        FROM dated
    """)


def _make_families(con: duckdb.DuckDBPyConnection, d: Draws) -> None:
    """Children who live with their mother, and husbands, join a woman's family."""
    con.execute(f"""
        CREATE OR REPLACE TABLE kin AS
        WITH roles AS (
            SELECT i, cohort, CASE
                WHEN {d.unit("i", "home")} < CASE WHEN age < 18 THEN 0.95 WHEN age < 25 THEN 0.6
                    WHEN age < 36 THEN 0.25 ELSE 0 END THEN 'child'
                WHEN sex = 'P' AND age BETWEEN 20 AND 70 AND {d.unit("i", "wed")} < 0.85
                    THEN 'mother'
                WHEN sex = 'L' AND age BETWEEN 22 AND 75 AND {d.unit("i", "wed")} < 0.85
                    THEN 'father'
                ELSE 'alone' END AS role
            FROM born
        ),
        ranked AS (
            SELECT *, row_number() OVER (PARTITION BY role, cohort ORDER BY i) AS place
            FROM roles
        ),
        mothers AS (SELECT i, cohort, place FROM ranked WHERE role = 'mother'),
        cells AS (SELECT cohort, count(*) AS size FROM mothers GROUP BY cohort),
        children AS (
            SELECT c.i, c.cohort - m.gap AS cohort,
                1 + floor({d.unit("c.i", "which mother")} * s.size)::BIGINT AS place
            FROM ranked AS c
            CROSS JOIN LATERAL (SELECT 18 + floor(9 * ({d.unit("c.i", "gap1")}
                + {d.unit("c.i", "gap2")}))::INTEGER AS gap) AS m
            JOIN cells AS s ON s.cohort = c.cohort - m.gap
            WHERE c.role = 'child'
        ),
        found AS (
            SELECT c.i, m.i AS mother FROM children AS c JOIN mothers AS m USING (cohort, place)
        ),
        husbands AS (
            SELECT f.i, m.i AS wife FROM ranked AS f
            JOIN mothers AS m ON m.cohort = f.cohort + 3 AND m.place = f.place
            WHERE f.role = 'father'
        )
        SELECT r.i, r.role, c.mother, coalesce(c.mother, h.wife, r.i) AS family,
            -- A married woman keeps the family name that she was born with.
            CASE WHEN r.role = 'mother' THEN -r.i
                ELSE coalesce(c.mother, h.wife, r.i) END AS clan
        FROM ranked AS r LEFT JOIN found AS c USING (i) LEFT JOIN husbands AS h USING (i)
    """)


def _make_homes(con: duckdb.DuckDBPyConnection, d: Draws, last: dt.date) -> None:
    """Where a family lives, where it lived before, and where the person was born."""
    con.execute(f"""
        CREATE OR REPLACE TABLE homes AS
        WITH lived AS (
            SELECT k.i, k.family, s.value AS regency, left(s.value, 2) AS province
            FROM kin AS k
            JOIN regency_slots AS s ON s.slot = {d.slot("k.family", "regency")}
        )
        SELECT l.*, n.value AS custom,
            CASE WHEN {d.unit("l.i", "born at")} < 0.78 THEN l.regency
                WHEN {d.unit("l.i", "born at")} < 0.90 THEN near.value ELSE far.value
            END AS birth_regency,
            CASE WHEN {d.unit("l.family", "moved")} < 0.03
                THEN CASE WHEN {d.unit("l.family", "moved")} < 0.018
                    THEN near_before.value ELSE far_before.value END END AS regency_before,
            DATE '{last}' - {d.whole("l.family", "moved day", 0, 365 * MOVES_YEARS)} AS moved_on
        FROM lived AS l
        JOIN custom_slots AS n
            ON n.grp = l.province AND n.slot = {d.group_slot("l.family", "custom")}
        JOIN province_slots AS near
            ON near.grp = l.province AND near.slot = {d.group_slot("l.i", "near")}
        JOIN regency_slots AS far ON far.slot = {d.slot("l.i", "far")}
        JOIN province_slots AS near_before
            ON near_before.grp = l.province
            AND near_before.slot = {d.group_slot("l.family", "near b")}
        JOIN regency_slots AS far_before ON far_before.slot = {d.slot("l.family", "far b")}
    """)


def _make_niks(con: duckdb.DuckDBPyConnection, d: Draws) -> None:
    """NIKs: region of first registration in its code of then, and a district that cannot be.

    Districts 90 to 99 are used nowhere in Indonesia, so no NIK here can be a real person's. One
    NIK in eighty keeps a birth date that was corrected later.
    """
    con.execute(f"""
        CREATE OR REPLACE TABLE numbers AS
        WITH parts AS (
            SELECT b.i,
                CASE WHEN r.former IS NOT NULL AND b.birth_date < r.former_until
                    THEN r.former ELSE r.code END AS region,
                {d.whole("b.i", "district", 90, 99)} AS district,
                CASE WHEN {d.unit("b.i", "old date")} < 0.0125
                    THEN b.birth_date - {d.whole("b.i", "days off", 1, 400)}
                    ELSE b.birth_date END AS day,
                b.sex
            FROM born AS b JOIN homes AS h USING (i) JOIN regency AS r ON r.code = h.birth_regency
        ),
        first AS (
            SELECT i, region || district::VARCHAR
                || lpad((day(day) + CASE WHEN sex = 'P' THEN 40 ELSE 0 END)::VARCHAR, 2, '0')
                || strftime(day, '%m%y') AS head
            FROM parts
        )
        SELECT i, head || lpad((row_number() OVER (PARTITION BY head ORDER BY i))::VARCHAR, 4, '0')
            AS nik
        FROM first
    """)


def _make_names(con: duckdb.DuckDBPyConnection, d: Draws) -> None:
    own, own_joins = join_words("own")
    elder, elder_joins = join_words("elder")
    # The mother of one who lives elsewhere is drawn here; brothers and sisters are not followed.
    con.execute(f"""
        CREATE OR REPLACE TABLE chosen AS
        -- Materialised, so that persons meet the templates as one table, on whole keys.
        WITH who AS MATERIALIZED (
            SELECT b.i, k.mother, k.clan, h.custom, b.sex, b.cohort >= 1980 AS young,
                ({d.bits("b.i", "template")} % {TEMPLATE_SLOTS})::INTEGER AS slot,
                ({d.bits("b.i", "mother template")} % {TEMPLATE_SLOTS})::INTEGER AS mother_slot
            FROM born AS b JOIN kin AS k USING (i) JOIN homes AS h USING (i)
        )
        SELECT b.i, b.mother IS NULL AS mother_elsewhere,
            {word_numbers(d, "b.i", "b.clan", "own", "t")},
            {word_numbers(d, "b.i", "b.i", "elder", "m")}
        FROM who AS b
        JOIN name_template AS t USING (custom, sex, young, slot)
        JOIN name_template AS m
            ON m.custom = b.custom AND m.sex = 'P' AND NOT m.young AND m.slot = b.mother_slot
    """)
    con.execute(f"""
        CREATE OR REPLACE TABLE named AS
        SELECT i, {own} AS full_name, CASE WHEN mother_elsewhere THEN {elder} END AS elder_name
        FROM chosen {own_joins} {elder_joins}
    """)
    con.execute(f"""
        CREATE OR REPLACE TABLE people AS
        SELECT b.i, b.in_register, u.nik, n.full_name, b.sex, b.age, b.birth_date, b.died_on,
            k.family, nullif(e.nik, u.nik) AS relative_nik,
            coalesce(m.full_name, n.elder_name) AS mother_name, k.mother,
            h.custom, h.regency, h.province, h.regency_before, h.moved_on, h.birth_regency,
            r.place AS birth_place,
            'JL. ' || {d.pick("k.family", "street", STREETS)} || ' NO. '
                || {d.whole("k.family", "house", 1, 180)}::VARCHAR || ' RT '
                || lpad({d.whole("k.family", "rt", 1, 12)}::VARCHAR, 3, '0') || ' RW '
                || lpad({d.whole("k.family", "rw", 1, 14)}::VARCHAR, 3, '0') || ' '
                || list_extract(getvariable('world_villages'), 1 + floor(len(getvariable(
                    'world_villages')) * pow({d.unit("k.family", "village")}, 1.5))::INTEGER)
                AS address,
            CASE WHEN b.age > 28 AND {d.unit("b.i", "title")} < 0.035 THEN
                CASE WHEN b.sex = 'L' THEN list_extract(getvariable('gelar_m'),
                    1 + ({d.bits("b.i", "which title")} % len(getvariable('gelar_m')))::INTEGER)
                ELSE list_extract(getvariable('gelar_f'),
                    1 + ({d.bits("b.i", "which title")} % len(getvariable('gelar_f')))::INTEGER)
                END END AS title,
            CASE WHEN b.age > 23 AND {d.unit("b.i", "degree")} < 0.05 THEN
                list_extract(getvariable('gelar_akhir'), 1 + ({d.bits("b.i", "which degree")}
                    % len(getvariable('gelar_akhir')))::INTEGER) END AS degree
        FROM born AS b JOIN kin AS k USING (i) JOIN homes AS h USING (i) JOIN numbers AS u USING (i)
        JOIN named AS n USING (i) LEFT JOIN named AS m ON m.i = k.mother
        -- Whose NIK is borrowed, where one is: the woman's of the family.
        JOIN numbers AS e ON e.i = k.family
        JOIN regency AS r ON r.code = h.birth_regency
    """)


STREETS = (
    "MERDEKA", "SUDIRMAN", "DIPONEGORO", "AHMAD YANI", "GAJAH MADA", "KARTINI", "MELATI",
    "MAWAR", "KENANGA", "ANGGREK", "FLAMBOYAN", "CENDANA", "PAHLAWAN", "PEMUDA", "VETERAN",
    "RAYA PASAR", "MASJID", "SEKOLAH", "KELAPA", "MANGGA", "RAMBUTAN", "TERATAI", "GARUDA",
)  # fmt: skip
