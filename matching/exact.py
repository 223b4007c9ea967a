"""The exact stage: records that their own NIK links, guarded by name or birth date.

Belongs here: which records of a list carry the NIK of the person they are of. Does not
belong here: what becomes of the rest (persons), or how names are compared (comparison).
"""

from __future__ import annotations

import duckdb

from matching.comparison import compare
from matching.keys import REGISTER, prepare_records

RAW = "full_name, sex, birth_date, birth_place, mother_name, region_code"
_STATED_BIRTH = "(year(l.birth_date) % 100) * 10000 + month(l.birth_date) * 100 + day(l.birth_date)"


def split(con: duckdb.DuckDBPyConnection, where: str) -> None:
    """Split records into those their NIK links, and the rest (`match_rest`).

    A NIK alone is not believed: the name must be alike, or the stated birth date the same
    and the name not plainly another one. Where the stated birth date is quite another, a
    shared part of the name does not do: a daughter may bear her mother's name and her NIK.
    Where the name is hardly alike, the mother must be: a slip may hit the NIK of another who
    was born on that day in that district.
    """
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE match_records AS
        SELECT row_number() OVER (ORDER BY dataset, record_id) AS id, dataset, record_id,
            nik_reason, try_cast(nik AS BIGINT) AS nik, {RAW}
        FROM in_person_records WHERE {where};
        CREATE OR REPLACE TEMP TABLE match_same_nik AS
        SELECT l.id, r.person_key,
            l.birth_date IS NOT NULL AND r.birth IS NOT NULL AS both_born,
            coalesce({_STATED_BIRTH} = r.birth, false) AS born,
            coalesce(jaro_winkler_similarity(upper(l.full_name), r.canon), 0) AS alike
        FROM match_records AS l JOIN {REGISTER} AS r USING (nik);
        -- Most are told by a first look; only the rest is standardised and compared.
        CREATE OR REPLACE TEMP TABLE match_exact AS
        SELECT s.id, l.record_id, s.person_key,
            CASE WHEN born AND alike >= 0.9 THEN 999900 ELSE 999000 END AS ppm,
            (alike * 1000)::INTEGER AS rank
        FROM match_same_nik AS s JOIN match_records AS l USING (id)
        WHERE born AND alike >= 0.86 OR alike >= 0.97;
        -- Without their NIK, so that it vouches for no birth date.
        CREATE OR REPLACE TEMP TABLE match_doubtful AS
        SELECT l.id, NULL::BIGINT AS nik, {RAW}, NULL::UBIGINT AS nik_key,
            false AS conflict, s.person_key, s.both_born, s.born
        FROM match_same_nik AS s JOIN match_records AS l USING (id)
        WHERE s.id NOT IN (SELECT id FROM match_exact);
        """
    )
    prepare_records(con, "match_doubtful", "match_doubtful_keys")
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
        INSERT INTO match_exact
        SELECT g.id, l.record_id, g.person_key,
            CASE WHEN name >= 5 THEN 999000 ELSE 996000 END, name::INTEGER * 100
        FROM match_guarded AS g JOIN match_records AS l USING (id) WHERE sure;
        CREATE OR REPLACE TEMP TABLE match_rest AS
        SELECT l.id, l.dataset, l.record_id, l.nik, {RAW}, g.person_key AS nik_key,
            coalesce(g.conflict, false) AS conflict
        FROM match_records AS l LEFT JOIN match_guarded AS g ON g.id = l.id
        WHERE l.id NOT IN (SELECT id FROM match_exact);
        DROP TABLE match_same_nik; DROP TABLE match_doubtful; DROP TABLE match_doubtful_keys;
        DROP TABLE match_doubtful_levels; DROP TABLE match_guarded;
        """
    )
