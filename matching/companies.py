"""Company names: split into legal form, core and branch, their words weighed by rarity.

Belongs here: what a company's name says. Does not belong here: how alike two names are
(employer_likeness.py), identifiers, regions, or the decision that two records are one
employer (the other employer_*.py).

`parse_names` leaves TEMP tables that the other stages join to:

- `co_names(employer_name, legal_form, family, subtype, branch, core, core_id, former_id,
  former_family)`; the last two are of the name it had before (`PT X d/h PT Y`), else NULL
- `co_cores(core_id, key, village, compact, sorted_key, keys, tokens, records, weight, initials)`
- `co_forms(spelling, squeezed, legal_form, family, subtype)`

Sources of the rules: PP 43/2011 (names of PT), UU 25/1992 and Inpres 9/2025 (cooperatives).
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

import duckdb

from warehouse.documents import load_yaml
from warehouse.storage import literal, scalar

# A token's weight is log2(records / records that hold it), in whole bits, packed into the low
# five bits of the token's number so that a list of numbers carries its own weights.
TOKEN_BITS = 32
# So few records that their own counts say nothing: weights are taken as if there were these.
SMALLEST_CORPUS = 20_000
# Weight given to the words that the table calls common, whatever the data say.
COMMON_BITS = 6
# `PT X d/h PT Y` (dahulu): the name before stands behind. D/H is set off, for D.H. may be initials.
FORMER_SIGN = (
    r"regexp_replace(employer_name, '([A-Za-z0-9]{3,}[ (,]+)[Dd] ?(/ ?[Hh]|\. ?[Hh]\.)',"
    r" '\1DAHULU ', 'g')"
)
FORMER = (
    "^(.{5,}?) (?:~ )?(?:DAHULU|FORMERLY|SEBELUMNYA|PREVIOUSLY|EKS)(?: BERNAMA| NAMA)? (.{3,})$"
)


@cache
def words() -> dict[str, Any]:
    """Read `company_words.yaml`."""
    text = files("matching").joinpath("company_words.yaml").read_text(encoding="utf-8")
    loaded: dict[str, Any] = load_yaml(text)
    return loaded


def standard_sql(column: str) -> str:
    """Give the SQL expression of a name in comparable form.

    Upper case, ASCII, `&` and `+` as DAN, dotted initials joined (`P.T.` is PT), a spaced dash
    kept as `~` (it may set off a branch), all other punctuation a blank.
    """
    text = f"upper(strip_accents(nfc_normalize({column})))"
    for pattern, replacement in (
        (r"[&+]", " DAN "),
        (r"['`’‘]", ""),
        (r"\s[-–—/|]\s", " ~ "),
        (r"\b([A-Z])\.([A-Z])\.([A-Z])\b\.?", r"\1\2\3 "),
        (r"\b([A-Z])\.\s?([A-Z])\.", r"\1\2 "),
        (r"[^A-Z0-9~]+", " "),
    ):
        text = f"regexp_replace({text}, {literal(pattern)}, {literal(replacement)}, 'g')"
    return f"trim({text})"


def phonetic_sql(column: str) -> str:
    """Give the SQL expression of a word's sound, across the old spelling and the new.

    Words that show the spelling before 1972 (oe, dj, tj, nj, sj) have their `j` read as `y`
    (`DJAJA` is JAYA); then spellings of one sound fall together, and doubled letters.
    Source: Ejaan Yang Disempurnakan, 1972.
    """
    old = column
    for was, now in (("DJ", "#"), ("TJ", "C"), ("J", "Y"), ("#", "J"), ("OE", "U")):
        old = f"replace({old}, '{was}', '{now}')"
    text = f"CASE WHEN regexp_matches({column}, 'DJ|TJ|NJ|SJ|OE') THEN {old} ELSE {column} END"
    for was, now in (
        ("PH", "F"), ("TH", "T"), ("KH", "K"), ("CK", "K"), ("DH", "D"), ("BH", "B"),
        ("V", "F"), ("Z", "S"), ("X", "KS"), ("Q", "K"), ("Y", "I"),
    ):  # fmt: skip
        text = f"replace({text}, '{was}', '{now}')"
    for letter in "ABCDEFGHIKLMNOPRSTU":
        text = f"regexp_replace({text}, '{letter}{letter}+', '{letter}', 'g')"
    return text


def _pattern(spelling: str) -> str:
    """Turn a spelling into a regular expression; short forms may stand in single letters."""
    return " ?".join(spelling) if len(spelling) <= 3 else spelling


def _alternatives(spellings: list[str]) -> str:
    return "|".join(_pattern(s) for s in sorted(set(spellings), key=lambda s: (-len(s), s)))


def family_of(legal_form: str) -> str:
    """Give the family of a legal form: forms whose names share one space."""
    for family, members in words()["families"].items():
        if legal_form in members:
            return str(family)
    return legal_form


def village_kinds() -> str:
    """Give the kinds of cooperative that are named after their village, as an SQL list."""
    return ", ".join(literal(kind) for kind in words()["village_kinds"])


def _load_forms(con: duckdb.DuckDBPyConnection) -> None:
    """Make co_forms: every spelling of a legal form, with family, subtype and natural person."""
    known: dict[str, tuple[str, str | None]] = {}
    for form, spellings in words()["spellings"].items():
        known.update(dict.fromkeys(spellings, (form, None)))
    has_reference = scalar(
        con,
        "SELECT count(*) FROM duckdb_tables() WHERE schema_name = 'reference' "
        "AND table_name = 'legal_forms'",
    )
    rows: list[tuple[str, str]] = []
    if has_reference:
        rows = con.execute(
            f"SELECT legal_form, {standard_sql('spelling')} FROM reference.legal_forms "
            "UNION SELECT legal_form, "
            f"{standard_sql('legal_form')} FROM reference.legal_forms ORDER BY ALL"
        ).fetchall()
    for form, spelling in rows:
        if spelling:
            known[spelling] = (form, None)
    for subtype, spellings in words()["cooperatives"].items():
        known.update(dict.fromkeys(spellings, ("KOPERASI", subtype)))
    con.execute(
        "CREATE OR REPLACE TEMP TABLE co_forms(spelling VARCHAR, squeezed VARCHAR, "
        "legal_form VARCHAR, family VARCHAR, subtype VARCHAR, taken_off BOOLEAN)"
    )
    told, partly = words()["told_only"], words()["taken_off"]
    con.executemany(
        "INSERT INTO co_forms VALUES (?, replace(?, ' ', ''), ?, ?, ?, ?)",
        [
            (s, s, form, family_of(form), sub, form not in told and s in partly.get(form, [s]))
            for s, (form, sub) in sorted(known.items())
        ],
    )


def _load_words(con: duckdb.DuckDBPyConnection) -> None:
    """Make co_words: what becomes of a single word."""
    rows: list[tuple[str, str | None, bool]] = [(word, None, False) for word in words()["dropped"]]
    variants: dict[str, str] = {
        str(v): str(canonical)
        for canonical, spellings in words()["variants"].items()
        for v in spellings
        if " " not in str(v)
    }
    common = set(words()["common"])
    canonical = {w: variants.get(w, w) for w in sorted(common | set(variants))}
    rows += [(w, c, c in common) for w, c in canonical.items()]
    con.execute(
        "CREATE OR REPLACE TEMP TABLE co_words(word VARCHAR, canonical VARCHAR, common BOOLEAN)"
    )
    con.executemany("INSERT INTO co_words VALUES (?, ?, ?)", rows)


def _phrases_sql(column: str) -> str:
    text = column
    phrases = [(p, short) for short, spelt in words()["phrases"].items() for p in spelt]
    for phrase, short in sorted(phrases, key=lambda item: (-len(item[0]), item[0])):
        text = f"replace({text}, {literal(phrase)}, {literal(short)})"
    return text


def parse_names(con: duckdb.DuckDBPyConnection, source: str) -> int:
    """Split every distinct `employer_name` of a relation; makes `co_names` and `co_cores`.

    Args:
        con: the warehouse.
        source: a relation with the columns `employer_name` and `legal_form` (or NULL), one
            row per record: how many records hold a word decides what it weighs.

    Returns:
        The number of distinct names.
    """
    _load_forms(con)
    _load_words(con)
    forms, told = (
        [s for (s,) in con.execute(f"SELECT spelling FROM co_forms WHERE {which}").fetchall()]
        for which in ("taken_off", "NOT taken_off")
    )
    within_family = "SELECT spelling FROM co_forms WHERE taken_off AND family = ?"
    traders, companies = (
        [s for (s,) in con.execute(within_family, [family]).fetchall()] for family in ("UD", "PT")
    )
    prefix = literal(f"^({_alternatives(forms)})(?: |$)")
    within = literal(f"^({_alternatives(told) or 'NO FORM'})(?: |$)")
    trader = literal(f"^({_alternatives(traders)})(?: |$)")
    company = literal(f"^({_alternatives(companies)})(?: |$)")
    suffix = literal(f"(?: ~)? ({_alternatives(forms)})$")
    branch = literal(f"^(.+?) (?:~ )?((?:{'|'.join(words()['branches'])})(?: .*)?)$")
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE co_said AS
        SELECT employer_name, count(*) AS records,
            -- Two letters that may be initials: read as "formerly" only where they are set off.
            {standard_sql(FORMER_SIGN)} AS s0,
            trim(regexp_extract(s0, {literal(FORMER)}, 2)) AS former
        FROM {source} GROUP BY employer_name
        """
    )
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE co_raw AS
        WITH named AS (
            SELECT employer_name, records, CASE WHEN former = '' THEN s0
                ELSE rtrim(regexp_extract(s0, {literal(FORMER)}, 1), ' ~') END AS s0
            FROM co_said
            UNION ALL
            SELECT former, 1, former FROM co_said WHERE former <> ''
                AND former NOT IN (SELECT employer_name FROM co_said)
            GROUP BY former
        ),
        p1 AS (SELECT *, regexp_extract(s0, {prefix}, 1) AS f1 FROM named),
        p2 AS (SELECT *, trim(substr(s0, length(f1) + 1)) AS s1 FROM p1),
        -- After a first form only its own kind may follow: PT PERSERO, KOPKAR PT, UD TOKO.
        p3 AS (
            SELECT *, CASE WHEN f1 = '' THEN ''
                WHEN list_contains({traders}, f1) THEN regexp_extract(s1, {trader}, 1)
                ELSE regexp_extract(s1, {company}, 1) END AS f2
            FROM p2
        ),
        p4 AS (SELECT *, trim(substr(s1, length(f2) + 1)) AS s2 FROM p3),
        b1 AS (SELECT *, regexp_extract(s2, {branch}, 2) AS b1 FROM p4),
        b2 AS (SELECT *, rtrim(left(s2, length(s2) - length(b1)), ' ~') AS s3 FROM b1),
        q1 AS (SELECT *, regexp_extract(s3, {suffix}, 1) AS f3 FROM b2),
        q2 AS (SELECT *, rtrim(left(s3, length(s3) - length(f3)), ' ~') AS s4 FROM q1),
        q3 AS (SELECT *, regexp_extract(s4, {suffix}, 1) AS f4 FROM q2),
        q4 AS (SELECT *, rtrim(left(s4, length(s4) - length(f4)), ' ~') AS s5 FROM q3)
        SELECT employer_name, records, f1, f2, f3, f4, regexp_extract(s5, {within}, 1) AS f5,
            nullif(b1, '') AS branch,
            -- A name that is nothing but a form stays as it is.
            {_phrases_sql("coalesce(nullif(s5, ''), s0)")} AS rest
        FROM q4
        """
    )
    _split_place(con)
    _settle_forms(con)
    _make_cores(con)
    return int(scalar(con, "SELECT count(*) FROM co_names"))


def _split_place(con: duckdb.DuckDBPyConnection) -> None:
    """Take a place set off by a dash (`PT X - SURABAYA`) as the branch."""
    has_places = scalar(
        con,
        "SELECT count(*) FROM duckdb_tables() WHERE schema_name = 'reference' "
        "AND table_name = 'regencies'",
    )
    if has_places:
        con.execute(
            r"""
            UPDATE co_raw SET
                branch = coalesce(branch, trim(regexp_extract(rest, '~ (.+)$', 1))),
                rest = trim(regexp_replace(rest, '~ .+$', ''))
            WHERE rest LIKE '_% ~ %' AND regexp_extract(rest, '~ (.+)$', 1) IN (
                SELECT regexp_replace(upper(regency), '^(KABUPATEN|KAB\.?|KOTA) ', '')
                FROM reference.regencies
            )
            """
        )
    con.execute(
        "UPDATE co_raw SET rest = trim(regexp_replace(rest, '[ ~]+', ' ', 'g')) "
        "WHERE rest LIKE '%~%'"
    )


def _settle_forms(con: duckdb.DuckDBPyConnection) -> None:
    """Make co_parsed: the legal form each name gives, the most particular of those it holds."""
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE co_parsed AS
        WITH held AS (
            SELECT employer_name, position, replace(spelling, ' ', '') AS squeezed
            FROM (
                SELECT employer_name, unnest([f1, f2, f3, f4, f5]) AS spelling,
                    unnest([1, 2, 3, 4, 5]) AS position
                FROM co_raw
            ) WHERE spelling <> ''
        ),
        forms AS (
            SELECT squeezed, any_value(legal_form ORDER BY spelling) AS legal_form,
                any_value(family ORDER BY spelling) AS family,
                any_value(subtype ORDER BY spelling) AS subtype
            FROM co_forms GROUP BY squeezed
        ),
        placed AS (
            SELECT h.employer_name, h.position, f.*,
                first_value(f.family) OVER (PARTITION BY h.employer_name ORDER BY h.position)
                    AS first_family
            FROM held AS h JOIN forms AS f USING (squeezed)
        ),
        settled AS (
            SELECT employer_name, any_value(first_family) AS family,
                -- PT ... (PERSERO) TBK: the family is PT, the form is the particular one.
                first(legal_form ORDER BY legal_form = family, position) AS legal_form,
                first(subtype ORDER BY subtype IS NULL, position) AS subtype
            FROM placed WHERE family = first_family GROUP BY employer_name
        )
        SELECT r.employer_name, r.records, r.branch,
            -- KOPERASI DESA MERAH PUTIH (DESA) SUKAMAJU.
            CASE WHEN s.subtype IN ({village_kinds()}) THEN
                regexp_replace(r.rest, '^(DESA|DS|KELURAHAN|KEL) ', '') ELSE r.rest END AS rest,
            s.legal_form, s.family, s.subtype
        FROM co_raw AS r LEFT JOIN settled AS s USING (employer_name)
        """
    )
    con.execute("DROP TABLE co_raw")


def _make_cores(con: duckdb.DuckDBPyConnection) -> None:
    """Make co_tokens, co_cores and co_names from the parsed names."""
    # Tokens first, each distinct one once: sound, number, weight.
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE co_spelt AS
        WITH distinct_words AS (
            SELECT word, sum(records) AS records FROM (
                SELECT unnest(list_distinct(string_split(rest, ' '))) AS word, records
                FROM co_parsed
            ) WHERE word <> '' GROUP BY word
        ),
        canonical AS (
            SELECT d.word, d.records, coalesce(w.canonical,
                regexp_replace(d.word, '^0+([0-9]+)$', '\\1')) AS canonical,
                coalesce(w.common, false) AS common
            FROM distinct_words AS d LEFT JOIN co_words AS w USING (word)
            WHERE w.word IS NULL OR w.canonical IS NOT NULL
        )
        SELECT *, {phonetic_sql("canonical")} AS key FROM canonical
        """
    )
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE co_tokens AS
        SELECT key, row_number() OVER (ORDER BY key) * {TOKEN_BITS} + CASE
                WHEN bool_or(common) THEN least(bits, {COMMON_BITS}) ELSE bits END AS token
        FROM (
            SELECT key, common, greatest(1, least({TOKEN_BITS - 1}, round(log2(
                greatest((SELECT sum(records) FROM co_parsed), {SMALLEST_CORPUS})
                / sum(records) OVER (PARTITION BY key)
            ))))::BIGINT AS bits
            FROM co_spelt
        ) GROUP BY key, bits
        """
    )
    con.execute(
        """
        CREATE OR REPLACE TEMP TABLE co_keyed AS
        WITH rests AS (
            SELECT rest, sum(records) AS records FROM co_parsed GROUP BY rest
        ),
        pieces AS (
            SELECT rest, unnest(string_split(rest, ' ')) AS word,
                generate_subscripts(string_split(rest, ' '), 1) AS position
            FROM rests
        )
        SELECT p.rest,
            list(s.canonical ORDER BY p.position) AS canonicals,
            list(s.key ORDER BY p.position) AS keys,
            list(DISTINCT t.token) AS tokens
        FROM pieces AS p JOIN co_spelt AS s USING (word) JOIN co_tokens AS t USING (key)
        GROUP BY p.rest
        """
    )
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE co_names_raw AS
        SELECT p.employer_name, p.records, p.legal_form, p.family, p.subtype, p.branch,
            array_to_string(coalesce(k.canonicals, [p.rest]), ' ') AS core,
            array_to_string(coalesce(k.keys, [p.rest]), ' ') AS key,
            coalesce(k.keys, [p.rest]) AS keys,
            list_sort(coalesce(k.tokens, []::BIGINT[])) AS tokens,
            coalesce(p.subtype IN ({village_kinds()}), false) AS village
        FROM co_parsed AS p LEFT JOIN co_keyed AS k USING (rest)
        """
    )
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE co_cores AS
        SELECT row_number() OVER (ORDER BY key, village)::INTEGER AS core_id, key, village,
            replace(key, ' ', '') AS compact, array_to_string(list_sort(keys), ' ') AS sorted_key,
            keys, tokens, records,
            coalesce(list_sum(list_transform(tokens, lambda t: t % {TOKEN_BITS})), 0)::INTEGER
                AS weight,
            array_to_string(list_transform(keys, lambda k: k[1]), '') AS initials
        FROM (
            SELECT key, village, any_value(keys) AS keys, any_value(tokens) AS tokens,
                sum(records)::BIGINT AS records
            FROM co_names_raw GROUP BY key, village
        )
        """
    )
    con.execute(
        """
        CREATE OR REPLACE TEMP TABLE co_names AS
        WITH cored AS (
            SELECT n.employer_name, n.legal_form, n.family, n.subtype, n.branch, n.core, c.core_id
            FROM co_names_raw AS n JOIN co_cores AS c USING (key, village)
        )
        SELECT n.*, nullif(f.core_id, n.core_id) AS former_id, f.family AS former_family
        FROM cored AS n
        JOIN co_said AS s USING (employer_name)
        LEFT JOIN cored AS f ON f.employer_name = nullif(s.former, '')
        """
    )
    for table in ("co_said", "co_parsed", "co_spelt", "co_keyed", "co_names_raw"):
        con.execute(f"DROP TABLE {table}")
