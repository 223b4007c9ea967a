"""Key tables: what the linkage knows of a person, in comparable form, on either side.

Belongs here: the columns that blocking and comparison read, and how they come from a
register row or a record. Does not belong here: which keys are joined (blocking), or what
agreement is worth (comparison, model).

Both sides have the same columns, so that a register row can stand in for a record where
the model needs pairs that are known to be of two people.
"""

from __future__ import annotations

import duckdb

from matching.carried_people import set_aside
from matching.frequencies import counted_sql, put_tokens
from matching.names import create_name_macros, short_hash, standardise_names
from matching.spine import adult_sql
from warehouse.storage import literal, scalar, text_key

# Dates are compared as two-digit year, month and day in one number: a NIK has no century.
_BIRTH = "(year(birth_date) % 100) * 10000 + month(birth_date) * 100 + day(birth_date)"
# Digits 7-12 of a NIK: day (40 more for a woman), month, year.
_NIK_BIRTH = (
    "CASE WHEN nik IS NOT NULL THEN ((nik // 10000) % 100) * 10000"
    " + ((nik // 1000000) % 100) * 100 + ((nik // 100000000) % 100) % 40 END"
)

_START = short_hash("left(n.canon, 3)")
# Text costs most where a row is written for everybody.
_SEX = "ENUM('L', 'P')"

# Least number of people a name is taken to stand for: a floor under what so rare a name proves.
RAREST = 0.05

# Records that their NIK did not link, by what they say: a register person is found for
# nearly all without a NIK, for fewer where a NIK without fault stands in no register.
NIK_KINDS = ("no NIK", "NIK nobody has", "NIK nobody has, of another date", "NIK of another")

# The register: what blocking joins on, a row per person; the names as they are spelt, of people
# and of mothers, each once; and the view that puts them together. A name stands for many
# people, so that most of the work on names is done once for all of them.
PEOPLE = "linkage.register_people"
# How many people have a birth date, a birth place; and the people with what these tables tell.
BIRTHS = "linkage.register_births"
PLACES = "linkage.register_places"
STATED = "linkage.register_stated"
NAMES = "linkage.register_names"
REGISTER = "linkage.register"
TOKENS = "linkage.register_tokens"
# One row: the period the register was prepared for, the model version whose commonness it has
# (NULL where it has its own), people counted in that commonness, what a name seen once counts.
BASIS = "linkage.register_basis"


def _spell_places(con: duckdb.DuckDBPyConnection, source: str) -> None:
    """Make temporary table `match_places`: `birth_place`, `place`, and its hash `place_h`.

    Places are few: each spelling is worked on once. KOTA and KABUPATEN say nothing of the name
    of a place.
    """
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE match_places AS
        SELECT birth_place, place, CASE WHEN place IS NOT NULL THEN hash(place) END AS place_h
        FROM (SELECT birth_place, nullif(regexp_replace(match_letters(match_upper(birth_place)),
                '^(KABUPATEN|KAB|KOTA|KODYA) | ', '', 'g'), '') AS place
            FROM (SELECT DISTINCT birth_place FROM {source}))
        """
    )


def _stated_sql(side: str) -> str:
    """Give what a row says of a person but for names: NIK, birth date, sex, region."""
    return f"""
        {side}.nik, {_BIRTH.replace("birth_date", f"{side}.birth_date")} AS birth,
        CASE {side}.sex WHEN 'L' THEN 'L'::{_SEX} WHEN 'P' THEN 'P'::{_SEX} END AS sex,
        CASE WHEN length({side}.region_code) = 4 AND {side}.region_code <> '0000'
            THEN {side}.region_code::SMALLINT END AS region
    """


def prepare_register(
    con: duckdb.DuckDBPyConnection, period: str, version: int | None = None
) -> int:
    """Standardise the register once for a run, into the tables beneath `linkage.register`.

    Also makes `linkage.register_tokens` (how common each word of a name is). The tables hold
    one period, the last one prepared.

    Args:
        con: the restricted warehouse with TEMP view `in_population` and the tables
            `reference.name_titles` and `reference.name_variants`.
        period: the month of the run.
        version: of the model of persons whose commonness of words, names, dates and places
            holds (`matching.frequencies`); the register's own where left out.

    Returns:
        The number of people in the register who can be linked to.
    """
    create_name_macros(con)
    counted = counted_sql(version)
    con.execute("CREATE SCHEMA IF NOT EXISTS linkage")
    set_aside(con, PEOPLE, BASIS)
    _see_each_once(con, period)
    con.execute(
        """
        CREATE OR REPLACE TEMP TABLE match_texts AS
        WITH texts AS (
            SELECT full_name AS text, count(*) AS people, 0 AS children
            FROM match_once WHERE full_name IS NOT NULL GROUP BY 1
            UNION ALL
            SELECT mother_name, 0, count(*)
            FROM match_once WHERE mother_name IS NOT NULL GROUP BY 1)
        SELECT text, sum(people)::BIGINT AS people, sum(children)::BIGINT AS children
        FROM texts GROUP BY 1;
        -- Numbering them in a query would keep it to one core.
        CREATE OR REPLACE TEMP VIEW match_numbered AS
        SELECT (rowid + 1)::INTEGER AS id, * FROM match_texts;
        """
    )
    _spell_places(con, "match_once")
    if version is not None:
        put_tokens(con, version, "match_names_counts")
    standardise_names(
        con,
        "match_numbered",
        "text",
        "match_names",
        weight="people",
        token_counts=None if version is None else "match_names_counts",
    )
    con.execute(
        f"""
        CREATE OR REPLACE TABLE {TOKENS} AS FROM match_names_counts;
        CREATE OR REPLACE TEMP TABLE match_spelt AS
        -- How a name begins is for those who look for its first letters.
        SELECT t.text, t.people, t.children, n.*, {_START} AS start
        FROM match_numbered AS t JOIN match_names AS n USING (id);
        -- The widest table: written once, with nothing that a small table can tell.
        CREATE OR REPLACE TABLE {PEOPLE} AS
        SELECT {text_key("s.digits")} AS person_key,
            hash(full_name, sex, birth_date, birth_place, mother_name, region_code) AS said,
            {_stated_sql("s")}, coalesce(birth, {_NIK_BIRTH}) AS born,
            place_h, coalesce(n.id, 0) AS name_id,
            n.h_pflat, n.h_psorted, n.t_first, n.t_last, n.t_rare, n.start,
            coalesce(m.id, 0) AS mother_id, m.h_psorted AS mother_h
        FROM (SELECT * REPLACE (try_cast(nik AS BIGINT) AS nik), nik AS digits FROM match_once)
            AS s
        LEFT JOIN match_places USING (birth_place)
        LEFT JOIN (FROM match_spelt WHERE people > 0) AS n ON n.text = s.full_name
        LEFT JOIN (FROM match_spelt WHERE children > 0) AS m ON m.text = s.mother_name;
        CREATE OR REPLACE TABLE {BIRTHS} AS {counted.births};
        CREATE OR REPLACE TABLE {PLACES} AS
        SELECT place_h, min(place) AS place, max(place_n)::INTEGER AS place_n
        FROM (SELECT DISTINCT place, place_h FROM match_places WHERE place IS NOT NULL)
        LEFT JOIN ({counted.places}) USING (place) GROUP BY place_h;
        CREATE OR REPLACE TEMP TABLE match_same AS {counted.names};
        -- How common a name is that stands once: not one in the register, for the one there is
        -- the person looked at, but what Good and Turing make of names seen once and twice.
        CREATE OR REPLACE TABLE {BASIS} AS
        SELECT {literal(period)} AS period, {"NULL" if version is None else version}::INTEGER
            AS version, {counted.people} AS people, {counted.seen_once} AS seen_once;
        CREATE OR REPLACE TABLE {NAMES} AS
        SELECT id AS name_id, canon, h_flat, h_sorted, h_psorted, t_first, bits,
            people::INTEGER AS people, children::INTEGER AS children,
            CASE name_n WHEN 1 THEN (SELECT seen_once FROM {BASIS}) ELSE name_n END::FLOAT
                AS name_f,
            name_n::INTEGER AS name_n, mother_n::INTEGER AS mother_n
        FROM match_spelt JOIN match_same USING (h_psorted);
        -- A name that is missing has a row too, so that every join finds one and the planner is
        -- free to begin with the few people asked for.
        INSERT INTO {NAMES} (name_id) VALUES (0);
        CREATE OR REPLACE VIEW {STATED} AS {_counted_sql(PEOPLE)};
        CREATE OR REPLACE VIEW {REGISTER} AS {register_sql(PEOPLE)};
        DROP VIEW match_numbered; DROP TABLE match_texts; DROP TABLE match_spelt;
        DROP TABLE match_same; DROP TABLE match_names; DROP TABLE match_names_counts;
        DROP TABLE match_places; DROP VIEW match_once; DROP TABLE match_repeated;
        """
    )
    return int(scalar(con, f"SELECT count(*) FROM {PEOPLE}"))


def _counted_sql(people: str) -> str:
    """Give the query of people with how common their birth dates and places are."""
    return f"""
        SELECT p.*, place, {_NIK_BIRTH} AS nik_birth,
            coalesce(birth_n, CASE WHEN born IS NOT NULL THEN 1 END)::INTEGER AS birth_n,
            coalesce(place_n, CASE WHEN place_h IS NOT NULL THEN 1 END)::INTEGER AS place_n
        FROM {people} AS p LEFT JOIN {BIRTHS} USING (born) LEFT JOIN {PLACES} USING (place_h)
    """


def register_sql(people: str) -> str:
    """Give the query of `linkage.register` for some rows of its table of people."""
    return f"""
        SELECT p.* EXCLUDE (name_id, mother_id, start, said), n.canon, n.h_flat, n.h_sorted, n.bits,
            n.name_f, n.name_n, m.canon AS mother, m.t_first AS mother_first, m.mother_n
        FROM ({_counted_sql(people)}) AS p JOIN {NAMES} AS n ON n.name_id = p.name_id
        JOIN {NAMES} AS m ON m.name_id = p.mother_id
    """


def _see_each_once(con: duckdb.DuckDBPyConnection, period: str) -> None:
    """Make view `match_once` of the adults of the register, each NIK once.

    Of a NIK that stands twice the row with the smallest `row_hash` is taken, as on the spine;
    these few rows are in `match_repeated`. The others are read where they lie, and never sorted.
    """
    columns = "nik, full_name, sex, birth_date, birth_place, mother_name, region_code"
    others = f"SELECT {columns} FROM in_population WHERE nik IS NOT NULL AND {adult_sql(period)}"
    # Numbers are grouped faster than text; rows of the same number are looked at again.
    con.execute(
        """
        CREATE OR REPLACE TEMP TABLE match_twice AS
        SELECT hash(nik) AS h FROM in_population WHERE nik IS NOT NULL
        GROUP BY 1 HAVING count(*) > 1
        """
    )
    twice = "hash(nik) IN (FROM match_twice)"
    if not int(scalar(con, "SELECT count(*) FROM match_twice")):
        twice = "false"
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE match_repeated AS
        {others} AND nik IN (SELECT nik FROM in_population WHERE {twice}
            GROUP BY nik HAVING count(*) > 1)
        QUALIFY row_number() OVER (PARTITION BY nik ORDER BY row_hash, record_id) = 1;
        DROP TABLE match_twice;
        """
    )
    if int(scalar(con, "SELECT count(*) FROM match_repeated")):
        others += " AND nik NOT IN (SELECT nik FROM match_repeated) UNION ALL FROM match_repeated"
    con.execute(f"CREATE OR REPLACE TEMP VIEW match_once AS {others}")


def common_values(con: duckdb.DuckDBPyConnection) -> dict[str, float]:
    """Tell how many people of the register share a value with somebody, on average.

    Returns:
        By field (`name`, `birth`, `place`, `mother`), the mean over the people who have the
        value of how many have the same; divided by the people in the register it is the chance
        that two of them agree, exact where a sample of pairs is not.
    """
    queries = {
        "name": (f"SELECT people AS w, name_n AS n FROM {NAMES}"),
        "mother": (f"SELECT children AS w, mother_n AS n FROM {NAMES}"),
        "birth": f"SELECT birth_n AS w, birth_n AS n FROM {BIRTHS}",
        "place": f"SELECT place_n AS w, place_n AS n FROM {PLACES}",
    }
    return {
        name: float(
            scalar(
                con,
                "SELECT coalesce(sum(w::HUGEINT * n) / nullif(sum(w), 0), 1)::DOUBLE"
                f" FROM ({query})",
            )
        )
        for name, query in queries.items()
    }


def ensure_register(con: duckdb.DuckDBPyConnection, period: str, *, own: bool = False) -> int:
    """Prepare the register unless it stands for this period in this connection's warehouse.

    Args:
        con: the restricted warehouse with TEMP view `in_population`.
        period: the month of the run.
        own: it must have its own commonness, as training needs it.

    Returns:
        The number of people in the register.
    """
    known = con.execute(
        "SELECT count(*) FROM duckdb_tables() WHERE schema_name = 'linkage'"
        " AND table_name = 'register_basis'"
    ).fetchone()
    if known and known[0]:
        rows = con.execute(f"SELECT period, version FROM {BASIS}").fetchall()
        if rows and rows[0][0] == period and not (own and rows[0][1] is not None):
            create_name_macros(con)
            return int(scalar(con, f"SELECT count(*) FROM {PEOPLE}"))
    return prepare_register(con, period)


def spell_records(con: duckdb.DuckDBPyConnection, source: str) -> None:
    """Standardise the names and places that records state, each text once.

    Args:
        con: the warehouse; the register has been prepared.
        source: relation with the raw person columns.

    Makes temporary tables `match_said` (a row for every name of a person or a mother: `text` and
    the columns of `matching.names`) and `match_places`.
    """
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE match_texts AS
        SELECT full_name AS text FROM {source} WHERE full_name IS NOT NULL
        UNION SELECT mother_name FROM {source} WHERE mother_name IS NOT NULL;
        CREATE OR REPLACE TEMP VIEW match_numbered AS SELECT rowid AS id, text FROM match_texts;
        """
    )
    standardise_names(con, "match_numbered", "text", "match_names", token_counts=TOKENS)
    con.execute(
        """
        CREATE OR REPLACE TEMP TABLE match_said AS
        SELECT text, n.* EXCLUDE (id) FROM match_numbered JOIN match_names AS n USING (id);
        DROP TABLE match_names; DROP VIEW match_numbered; DROP TABLE match_texts;
        """
    )
    _spell_places(con, source)


def prepare_records(
    con: duckdb.DuckDBPyConnection, source: str, target: str, *, spelt: bool = False
) -> int:
    """Standardise records into a temporary key table.

    Args:
        con: the warehouse; the register has been prepared.
        source: relation with `id`, `nik` (BIGINT), the raw person columns, and `nik_key`
            (the person whose NIK the record carries, or NULL) and `conflict` (nothing else
            agrees with that person); it may have `nik_aside` (digits of an unusable NIK) and
            `work` (the employer's region).
        target: temporary table to make: the columns of the register's keys, with `id` for
            `person_key`, `born_other`, the NIK's birth date where it differs, and `kind`, what
            the record's NIK is worth: a number of `NIK_KINDS`.
        spelt: `spell_records` has run on these records, or on more; what it made stays.

    Returns:
        The number of records.
    """
    source = _with_hints(con, source)
    if not spelt:
        spell_records(con, source)
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE {target} AS
        WITH k AS (
            SELECT s.id, s.nik_key, s.conflict, {_stated_sql("s")},
                {_NIK_BIRTH.replace("nik", "s.nik")} AS nik_birth, pl.place, pl.place_h,
                n.canon, n.h_flat, n.h_sorted, n.h_pflat, n.h_psorted, n.t_first, n.t_last,
                n.t_rare, n.bits,
                CASE WHEN n.canon IS NOT NULL THEN {_START} END AS start,
                m.canon AS mother, m.h_psorted AS mother_h, m.t_first AS mother_first
            FROM {source} AS s LEFT JOIN match_places AS pl USING (birth_place)
            LEFT JOIN match_said AS n ON n.text = s.full_name
            LEFT JOIN match_said AS m ON m.text = s.mother_name)
        SELECT k.*,
            -- A NIK of another, as of a wife or a father, tells that person's birth date.
            coalesce(birth, CASE WHEN nik_key IS NULL THEN nik_birth END) AS born,
            CASE WHEN nik_birth <> birth THEN nik_birth END AS born_other,
            nik_aside, nik_front, nik_back, work,
            CASE WHEN nik IS NULL OR nik_aside IS NOT NULL THEN 0 WHEN nik_key IS NOT NULL THEN 3
                WHEN nik_birth <> birth THEN 2 ELSE 1 END::TINYINT AS kind,
            coalesce(same.n, 0)::INTEGER AS same_n, nik_key IS NOT NULL AS nik_taken
        FROM k LEFT JOIN (SELECT h_psorted, any_value(name_n) AS n FROM {NAMES}
            WHERE h_psorted IN (SELECT h_psorted FROM match_said) GROUP BY 1) AS same
            USING (h_psorted) JOIN match_hints USING (id);
        DROP VIEW match_stated; DROP TABLE match_hints;
        """
    )
    if not spelt:
        con.execute("DROP TABLE match_said; DROP TABLE match_places")
    return int(scalar(con, f"SELECT count(*) FROM {target}"))


def _with_hints(con: duckdb.DuckDBPyConnection, source: str) -> str:
    """Make view `match_stated`, in which 16 digits of an unusable NIK stand as the NIK.

    Also makes `match_hints`: `nik_aside`, `work`, and `nik_front` and `nik_back`, the NIK
    counted from either end, which differ where a digit is lost or doubled.
    """
    known = {row[0] for row in con.execute(f"DESCRIBE FROM {source}").fetchall()}
    aside = "nik_aside" if "nik_aside" in known else "NULL::VARCHAR"
    work = "work" if "work" in known else "NULL::SMALLINT"
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE match_hints AS
        SELECT id, CASE WHEN nik IS NULL THEN {aside} END AS nik_aside, {work} AS work,
            CASE WHEN nik IS NOT NULL THEN nik WHEN length({aside}) BETWEEN 14 AND 18
                THEN try_cast(rpad({aside}, 16, '0') AS BIGINT) END AS nik_front,
            CASE WHEN nik IS NOT NULL THEN nik WHEN length({aside}) BETWEEN 14 AND 18
                THEN try_cast(right({aside}, 16) AS BIGINT) END AS nik_back
        FROM {source};
        CREATE OR REPLACE TEMP VIEW match_stated AS
        SELECT * REPLACE (CASE WHEN nik IS NULL AND length({aside}) = 16
            THEN try_cast({aside} AS BIGINT) ELSE nik END AS nik) FROM {source};
        """
    )
    return "match_stated"
