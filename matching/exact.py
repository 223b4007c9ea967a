"""The exact stage: records that their own NIK links, guarded by name or birth date.

Belongs here: which records of a list carry the NIK of the person they are of. Does not
belong here: what becomes of the rest (persons), or how names are compared (comparison).
"""

from __future__ import annotations

import duckdb

from matching.comparison import compare
from matching.keys import NAMES, PEOPLE, REGISTER, prepare_records, spell_records

RAW = "full_name, sex, birth_date, birth_place, mother_name, region_code"
_STATED_BIRTH = "(year(l.birth_date) % 100) * 10000 + month(l.birth_date) * 100 + day(l.birth_date)"


def aside_sql(con: duckdb.DuckDBPyConnection) -> str:
    """Give the column of unusable NIKs' digits, NULL where the records' view has none."""
    known = {row[0] for row in con.execute("DESCRIBE FROM in_person_records").fetchall()}
    return "nik_aside" if "nik_aside" in known else "NULL::VARCHAR AS nik_aside"


def split(con: duckdb.DuckDBPyConnection, where: str) -> None:
    """Split records into those their NIK links, and the rest (`match_rest`).

    A NIK alone is not believed: the name must be alike, or the stated birth date the same
    and the name not plainly another one. Where the stated birth date is quite another, a
    shared part of the name does not do: a daughter may bear her mother's name and her NIK.
    Where the name is hardly alike, the mother must be: a slip may hit the NIK of another who
    was born on that day in that district.

    Makes temporary tables `match_first` (all records, with what a first look tells),
    `match_records` (those it does not tell, with an `id` that hangs on no order of rows) and
    `match_rest` (those of them that no NIK links, the raw columns with it), and view
    `match_exact` (`id`, `dataset`, `record_id`, `person_key`, `ppm`, `rank`) of those linked;
    `id` is below zero where a first look told. What `matching.keys.spell_records` makes of
    `match_records` stays too.

    Args:
        con: the warehouse with the TEMP view `in_person_records`; the register is prepared.
        where: condition on its rows.
    """
    aside = "" if aside_sql(con) == "nik_aside" else ", NULL::VARCHAR AS nik_aside"
    raw = ", ".join(f"l.{name}" for name in RAW.split(", "))
    told = ", ".join(
        f"CASE WHEN NOT sure THEN {name} END AS {name}"
        for name in ("nik_reason", "nik", "nik_aside", *RAW.split(", "))
    )
    con.execute(
        f"""
        -- Most are told by a first look, and need no more than who they are: they are neither
        -- numbered nor copied. Only the rest is compared, and keeps what it says.
        CREATE OR REPLACE TEMP TABLE match_first AS
        SELECT dataset, record_id, owner, sure,
            CASE WHEN sure THEN CASE WHEN born AND alike >= 0.9 THEN 999900 ELSE 999000 END END
                ::INTEGER AS ppm,
            CASE WHEN sure THEN alike * 1000 END::INTEGER AS rank,
            CASE WHEN NOT sure THEN both_born END AS both_born,
            CASE WHEN NOT sure THEN born END AS born, {told}
        FROM (SELECT *, coalesce(born AND alike >= 0.86 OR alike >= 0.97, false) AS sure
            FROM (SELECT l.dataset, l.record_id, l.nik_reason, l.nik, l.nik_aside, {raw},
                    r.person_key AS owner,
                    l.birth_date IS NOT NULL AND r.birth IS NOT NULL AS both_born,
                    coalesce({_STATED_BIRTH} = r.birth, false) AS born,
                    CASE WHEN r.person_key IS NOT NULL THEN
                        coalesce(jaro_winkler_similarity(upper(l.full_name), n.canon), 0) END
                        AS alike
                FROM (SELECT * REPLACE (try_cast(nik AS BIGINT) AS nik){aside}
                    FROM in_person_records WHERE {where}) AS l
                LEFT JOIN {PEOPLE} AS r USING (nik) LEFT JOIN {NAMES} AS n USING (name_id)));
        CREATE OR REPLACE TEMP TABLE match_records AS
        SELECT row_number() OVER (ORDER BY dataset, record_id) AS id, * EXCLUDE (sure, ppm, rank)
        FROM match_first WHERE NOT sure;
        -- Without their NIK, so that it vouches for no birth date.
        CREATE OR REPLACE TEMP TABLE match_doubtful AS
        SELECT id, NULL::BIGINT AS nik, {RAW}, NULL::UBIGINT AS nik_key, false AS conflict,
            owner AS person_key, both_born, born
        FROM match_records WHERE owner IS NOT NULL;
        """
    )
    spell_records(con, "match_records")
    prepare_records(con, "match_doubtful", "match_doubtful_keys", spelt=True)
    compare(con, "match_doubtful", "match_doubtful_keys", REGISTER, "match_doubtful_levels")
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE match_guarded AS
        SELECT d.id, d.person_key, v.name,
            name >= 5 OR name IN (3, 4) AND (NOT both_born OR v.birth >= 2 AND v.birth <> 5)
                OR born AND (name NOT IN (1, 2) OR name = 2 AND mother >= 3) AS sure,
            NOT born AND (name = 1 OR both_born AND name IN (0, 2) AND v.birth IN (1, 5))
                AS conflict
        FROM match_doubtful AS d JOIN match_doubtful_levels AS v USING (id, person_key);
        CREATE OR REPLACE TEMP TABLE match_second AS
        SELECT g.id, l.dataset, l.record_id, g.person_key,
            CASE WHEN name >= 5 THEN 999000 ELSE 996000 END AS ppm, name::INTEGER * 100 AS rank
        FROM match_guarded AS g JOIN match_records AS l USING (id) WHERE g.sure;
        CREATE OR REPLACE TEMP VIEW match_exact AS
        SELECT -1 - rowid AS id, dataset, record_id, owner AS person_key, ppm, rank
        FROM match_first WHERE sure
        UNION ALL FROM match_second;
        CREATE OR REPLACE TEMP TABLE match_rest AS
        SELECT l.id, l.dataset, l.record_id, l.nik, {RAW}, nik_aside,
            g.person_key AS nik_key, coalesce(g.conflict, false) AS conflict
        FROM match_records AS l LEFT JOIN match_guarded AS g ON g.id = l.id
        WHERE NOT coalesce(g.sure, false);
        DROP TABLE match_doubtful; DROP TABLE match_doubtful_keys;
        DROP TABLE match_doubtful_levels; DROP TABLE match_guarded;
        """
    )
    add_work_region(con, "match_rest")


def add_work_region(con: duckdb.DuckDBPyConnection, records: str) -> None:
    """Add to records without a region of their own the one of their employer, as `work`.

    Payrolls state no home, and most people work in the regency they live in. An employer whose
    number stands in the employers' lists with several regencies tells none.

    Args:
        con: the warehouse.
        records: temporary table with `dataset`, `record_id` and `region_code`.
    """
    views = {
        row[0]
        for row in con.execute(
            "SELECT view_name FROM duckdb_views() WHERE view_name IN"
            " ('in_employment', 'in_roster', 'in_employers')"
        ).fetchall()
    }
    con.execute(f"ALTER TABLE {records} ADD COLUMN work SMALLINT")
    if len(views) < 3:
        return
    jobs = " UNION ALL ".join(
        f"SELECT dataset, record_id, employer_npwp AS npwp, employer_nib AS nib FROM {view}"
        for view in ("in_employment", "in_roster")
    )
    known = " UNION ALL ".join(
        f"SELECT '{kind}' AS kind, {kind} AS number, any_value(region_code)::SMALLINT AS region"
        f" FROM in_employers WHERE {kind} IS NOT NULL AND region_code <> '0000'"
        f" GROUP BY 2 HAVING count(DISTINCT region_code) = 1"
        for kind in ("npwp", "nib")
    )
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE match_work AS
        WITH jobs AS ({jobs}), known AS ({known}),
        asked AS (SELECT j.* FROM jobs AS j SEMI JOIN {records} AS r
            ON r.dataset = j.dataset AND r.record_id = j.record_id
                AND coalesce(r.region_code, '0000') = '0000')
        SELECT a.dataset, a.record_id, coalesce(p.region, b.region) AS work
        FROM asked AS a LEFT JOIN known AS p ON p.kind = 'npwp' AND p.number = a.npwp
        LEFT JOIN known AS b ON b.kind = 'nib' AND b.number = a.nib
        WHERE coalesce(p.region, b.region) IS NOT NULL;
        UPDATE {records} SET work = w.work FROM match_work AS w
        WHERE w.dataset = {records}.dataset AND w.record_id = {records}.record_id;
        DROP TABLE match_work;
        """
    )
