"""Key tables: what the linkage knows of a person, in comparable form, on either side.

Belongs here: the columns that blocking and comparison read, and how they come from a
register row or a record. Does not belong here: which keys are joined (blocking), or what
agreement is worth (comparison, model).

Both sides have the same columns, so that a register row can stand in for a record where
the model needs pairs that are known to be of two people.
"""

from __future__ import annotations

import duckdb

from matching.names import create_name_macros, standardise_names
from matching.spine import adult_sql
from warehouse.storage import literal, scalar

# Dates are compared as two-digit year, month and day in one number: a NIK has no century.
_BIRTH = "(year(birth_date) % 100) * 10000 + month(birth_date) * 100 + day(birth_date)"
# Digits 7-12 of a NIK: day (40 more for a woman), month, year.
_NIK_BIRTH = (
    "CASE WHEN nik IS NOT NULL THEN ((nik // 10000) % 100) * 10000"
    " + ((nik // 1000000) % 100) * 100 + ((nik // 100000000) % 100) % 40 END"
)

_MOTHER = ("canon", "h_psorted", "t_first")

# Least number of people a name is taken to stand for: a floor under what so rare a name proves.
RAREST = 0.05

# Records that their NIK did not link, by what they say: a register person is found for
# nearly all without a NIK, for fewer where a NIK without fault stands in no register.
NIK_KINDS = ("no NIK", "NIK nobody has", "NIK nobody has, of another date", "NIK of another")

REGISTER = "linkage.register_keys"
TOKENS = "linkage.register_tokens"


def _places_sql(source: str) -> str:
    # Places are few: each spelling is worked on once. KOTA and KABUPATEN say nothing of the
    # name of a place.
    return f"""
        places_spelt AS MATERIALIZED (
            SELECT birth_place, nullif(regexp_replace(match_letters(match_upper(birth_place)),
                '^(KABUPATEN|KAB|KOTA|KODYA) | ', '', 'g'), '') AS place
            FROM (SELECT DISTINCT birth_place FROM {source} WHERE birth_place IS NOT NULL))
    """


def _keys_sql(source: str, extra: str) -> str:
    return f"""
        SELECT {extra}, s.nik, {_NIK_BIRTH.replace("nik", "s.nik")} AS nik_birth,
            n.canon, n.h_flat, n.h_sorted, n.h_pflat, n.h_psorted, n.t_first, n.t_last, n.t_rare,
            n.bits, {_BIRTH.replace("birth_date", "s.birth_date")} AS birth,
            CASE WHEN s.sex IN ('L', 'P') THEN s.sex END AS sex,
            CASE WHEN length(s.region_code) = 4 AND s.region_code <> '0000'
                THEN s.region_code::SMALLINT END AS region,
            pl.place,
            m.canon AS mother, m.h_psorted AS mother_h, m.t_first AS mother_first
        FROM {source} AS s LEFT JOIN places_spelt AS pl USING (birth_place)
        LEFT JOIN match_names AS n USING (id)
        LEFT JOIN match_mothers AS m USING (id)
    """


def prepare_register(con: duckdb.DuckDBPyConnection, period: str) -> int:
    """Standardise the register once for a run, into `linkage.register_keys`.

    Also makes `linkage.register_tokens` (how common each word of a name is). The tables hold
    one period, the last one prepared.

    Args:
        con: the restricted warehouse with TEMP view `in_population` and the tables
            `reference.name_titles` and `reference.name_variants`.
        period: the month of the run.

    Returns:
        The number of people in the register who can be linked to.
    """
    create_name_macros(con)
    con.execute("CREATE SCHEMA IF NOT EXISTS linkage")
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE match_twice AS
        SELECT nik FROM in_population WHERE nik IS NOT NULL GROUP BY nik HAVING count(*) > 1;
        CREATE OR REPLACE TEMP TABLE match_source AS
        WITH adults AS (SELECT * FROM in_population WHERE nik IS NOT NULL AND {adult_sql(period)}),
        -- Sorting everybody for the few that stand twice would cost more than all the rest.
        once AS (
            SELECT * FROM adults WHERE nik NOT IN (FROM match_twice)
            UNION ALL
            SELECT * FROM adults WHERE nik IN (FROM match_twice)
            QUALIFY row_number() OVER (PARTITION BY nik ORDER BY row_hash, record_id) = 1)
        SELECT md5_number_lower(nik) AS id, try_cast(nik AS BIGINT) AS nik, full_name, sex,
            birth_date, birth_place, mother_name, region_code
        FROM once;
        DROP TABLE match_twice;
        """
    )
    standardise_names(con, "match_source", "full_name", "match_names")
    standardise_names(con, "match_source", "mother_name", "match_mothers", columns=_MOTHER)
    con.execute(
        f"""
        CREATE OR REPLACE TABLE {TOKENS} AS FROM match_names_counts;
        CREATE OR REPLACE TABLE {REGISTER} AS
        WITH {_places_sql("match_source")},
        k AS ({_keys_sql("match_source", "s.id AS person_key")}),
        names AS (SELECT h_psorted, count(*) AS name_n FROM k GROUP BY 1),
        -- How common a name is that stands once: not one in the register, for the one there is
        -- the person looked at, but what Good and Turing make of names seen once and twice.
        once AS (SELECT greatest(least(2.0 * count(*) FILTER (name_n = 2)
            / greatest(count(*) FILTER (name_n = 1), 1), 1.0), {RAREST}) AS seen_once FROM names),
        births AS (SELECT coalesce(birth, nik_birth) AS born, count(*) AS birth_n
            FROM k GROUP BY 1),
        places AS (SELECT place, count(*) AS place_n FROM k GROUP BY 1),
        mothers AS (SELECT mother_h, count(*) AS mother_n FROM k GROUP BY 1)
        SELECT {literal(period)} AS period, k.*, coalesce(birth, nik_birth) AS born,
            CASE name_n WHEN 1 THEN (FROM once) ELSE name_n END::FLOAT AS name_f,
            name_n::INTEGER AS name_n, birth_n::INTEGER AS birth_n, place_n::INTEGER AS place_n,
            mother_n::INTEGER AS mother_n
        FROM k LEFT JOIN names USING (h_psorted)
        LEFT JOIN births ON coalesce(k.birth, k.nik_birth) = births.born
        LEFT JOIN places USING (place) LEFT JOIN mothers USING (mother_h);
        DROP TABLE match_source; DROP TABLE match_names; DROP TABLE match_mothers;
        DROP TABLE match_names_counts; DROP TABLE match_mothers_counts;
        """
    )
    return int(scalar(con, f"SELECT count(*) FROM {REGISTER}"))


def ensure_register(con: duckdb.DuckDBPyConnection, period: str) -> int:
    """Prepare the register unless it stands for this period in this connection's warehouse.

    Returns:
        The number of people in the register.
    """
    known = con.execute(
        "SELECT count(*) FROM duckdb_tables() WHERE schema_name = 'linkage'"
        " AND table_name = 'register_keys'"
    ).fetchone()
    if known and known[0]:
        rows = con.execute(
            f"SELECT count(*), coalesce(bool_and(period = ?), false) FROM {REGISTER}", [period]
        ).fetchone()
        if rows and rows[1]:
            create_name_macros(con)
            return int(rows[0])
    return prepare_register(con, period)


def prepare_records(con: duckdb.DuckDBPyConnection, source: str, target: str) -> int:
    """Standardise records into a temporary key table.

    Args:
        con: the warehouse; the register has been prepared.
        source: relation with `id`, `nik` (BIGINT), the raw person columns, and `nik_key`
            (the person whose NIK the record carries, or NULL) and `conflict` (nothing else
            agrees with that person).
        target: temporary table to make: the columns of the register's keys, with `id` for
            `person_key`, `born_other`, the NIK's birth date where it differs, and `kind`, what
            the record's NIK is worth: a number of `NIK_KINDS`.

    Returns:
        The number of records.
    """
    standardise_names(con, source, "full_name", "match_names", token_counts=TOKENS)
    standardise_names(
        con, source, "mother_name", "match_mothers", token_counts=TOKENS, columns=_MOTHER
    )
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE {target} AS
        WITH {_places_sql(source)}, k AS ({_keys_sql(source, "s.id, s.nik_key, s.conflict")})
        SELECT k.*,
            -- A NIK of another, as of a wife or a father, tells that person's birth date.
            coalesce(birth, CASE WHEN nik_key IS NULL THEN nik_birth END) AS born,
            CASE WHEN nik_birth <> birth THEN nik_birth END AS born_other,
            CASE WHEN nik IS NULL THEN 0 WHEN nik_key IS NOT NULL THEN 3
                WHEN nik_birth <> birth THEN 2 ELSE 1 END::TINYINT AS kind,
            coalesce(same.n, 0)::INTEGER AS same_n, nik_key IS NOT NULL AS nik_taken
        FROM k LEFT JOIN (SELECT h_psorted, any_value(name_n) AS n FROM linkage.register_keys
            WHERE h_psorted IN (SELECT h_psorted FROM match_names) GROUP BY 1) AS same
            USING (h_psorted);
        DROP TABLE match_names; DROP TABLE match_mothers;
        """
    )
    return int(scalar(con, f"SELECT count(*) FROM {target}"))
