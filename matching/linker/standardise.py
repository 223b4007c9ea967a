"""Comparable forms of the compared columns, by kind.

Belongs here: what a value of each kind becomes, and how common it is on the right side. Does
not belong here: which rows are compared (blocking.py), or how alike values are (comparing.py).

Side tables `lk_l` and `lk_r` have `id`, the row's number, and for comparison number i:

- a name or text: `f<i>_canon` and the hashes of `matching.names` (`f<i>_h_psorted`, ...); a
  company's legal form as `f<i>_family`
- a date: `f<i>` as the number YYYYMMDD, also where there is no such day: what was written
  still tells something
- an identifier or place: `f<i>` as text; a number as DOUBLE; a category as text
- on the right side `f<i>_n`, the rows that have the same value, and for a name `f<i>_f`, how
  common it is taken to be.
"""

from __future__ import annotations

import re

import duckdb

from matching.companies import parse_names
from matching.keys import RAREST
from matching.linker.spec import IDENTIFIERS, NAMES, Comparison, Spec
from matching.names import (
    NAME_COLUMNS,
    count_words,
    create_name_macros,
    split_names,
    standardise_names,
)
from sources.identifiers.business import npwp16_sql
from sources.identifiers.nik import nik_digits_sql
from warehouse.storage import literal, quote

# An identifier that so many rows of one side share identifies nobody: a filler.
SHARED = 20

_ISO = r"^\s*(\d{4})-?/?(\d{2})-?/?(\d{2})(?:[T ].*)?\s*$"
_DIRECTIVES = {"%Y": r"(\d{4})", "%m": r"(\d{1,2})", "%d": r"(\d{1,2})"}


def text_sql(columns: tuple[str, ...], glue: str = " ") -> str:
    """Give SQL of a value as text, of one column or several together; NULL where empty."""
    texts = ", ".join(f"nullif(trim({quote(name)}::VARCHAR), '')" for name in columns)
    return f"nullif(concat_ws({literal(glue)}, {texts}), '')"


def _words_sql(text: str) -> str:
    """Give SQL of a text in upper case, with nothing but letters and digits of any script."""
    plain = f"upper(strip_accents({text}))"
    joined = f"regexp_replace({plain}, '[''`’ʼ]', '', 'g')"
    return f"nullif(trim(regexp_replace({joined}, '[^\\p{{L}}\\p{{N}}]+', ' ', 'g')), '')"


def _date_sql(text: str, form: str | None) -> str:
    """Give SQL of the number YYYYMMDD of a date written as text."""
    pattern, order = _ISO, ("%Y", "%m", "%d")
    if form is not None:
        found = re.findall("%[a-zA-Z]", form)
        if sorted(found) != ["%Y", "%d", "%m"]:
            day = f"try_strptime({text}, {literal(form)})"
            return _day_sql(day)
        order = tuple(found)
        pieces = re.split("(%[Ymd])", form)
        compact = not re.search(r"[^a-zA-Z%]", form)
        parts = [_DIRECTIVES.get(piece, re.escape(piece)) for piece in pieces]
        pattern = r"^\s*" + "".join(parts) + r"\s*$"
        if compact:
            # Without separators only two digits each tell where a part ends.
            pattern = pattern.replace(r"\d{1,2}", r"\d{2}")
    part = {
        sign: f"regexp_extract({text}, {literal(pattern)}, {order.index(sign) + 1})"
        for sign in ("%Y", "%m", "%d")
    }
    number = " + ".join(
        f"{by} * try_cast({part[sign]} AS BIGINT)"
        for sign, by in (("%Y", 10000), ("%m", 100), ("%d", 1))
    )
    return f"({number})"


def _day_sql(day: str) -> str:
    return f"(year({day}) * 10000 + month({day}) * 100 + day({day}))::BIGINT"


def sex_sql(text: str) -> str:
    """Give SQL of L or P from what a sex is written as, in Indonesian or English."""
    word = f"upper(trim({text}))"
    return (
        f"CASE WHEN {word} = 'PRIA' OR left({word}, 1) IN ('L', 'M') THEN 'L'"
        f" WHEN left({word}, 1) IN ('P', 'F', 'W') THEN 'P' END"
    )


def value_sql(item: Comparison, side: str, types: dict[str, str]) -> str:
    """Give the SQL of a value that is no name.

    Args:
        item: what is compared.
        side: `l` or `r`.
        types: types of the side's columns.
    """
    columns = item.of(side)
    text = text_sql(columns)
    if item.kind == "date":
        if types[columns[0]] == "DATE" or types[columns[0]].startswith("TIMESTAMP"):
            return _day_sql(quote(columns[0]))
        return _date_sql(text, item.format)
    if item.kind == "number":
        number = f"try_cast(replace({text}, ' ', '') AS DOUBLE)"
        return f"CASE WHEN isfinite({number}) THEN {number} END"
    if item.kind == "nik":
        return nik_digits_sql(text_sql(columns, ""))
    if item.kind == "npwp":
        return npwp16_sql(text_sql(columns, ""))
    if item.kind == "identifier":
        squeezed = f"regexp_replace(upper(strip_accents({text})), '[^\\p{{L}}\\p{{N}}]', '', 'g')"
        # One sign repeated, and nothing at all, are fillers.
        return f"CASE WHEN length(replace({squeezed}, left({squeezed}, 1), '')) > 0 THEN {squeezed} END"  # noqa: E501
    if item.kind == "sex":
        return sex_sql(text)
    if item.kind == "region":
        digits = f"nullif(regexp_replace({text}, '[^0-9]', '', 'g'), '')"
        return f"nullif({digits}, '0000')"
    words = _words_sql(text)
    if item.kind == "place":
        return f"nullif(regexp_replace({words}, '^(KABUPATEN|KAB|KOTA|KODYA) | ', '', 'g'), '')"
    return words


def standardise(con: duckdb.DuckDBPyConnection, spec: Spec, *, dedupe: bool) -> None:
    """Make `lk_r` and `lk_l` from `lk_raw_r` and `lk_raw_l`.

    Args:
        con: the linkage's database; the raw tables and the reference tables are there.
        spec: what is compared.
        dedupe: there is one table; `lk_l` becomes a view of `lk_r`.
    """
    create_name_macros(con)
    make_side(con, spec, "r", counted=False)
    _drop_fillers(con, spec)
    _count(con, spec)
    if dedupe:
        con.execute("CREATE OR REPLACE VIEW lk_l AS FROM lk_r")
    else:
        make_side(con, spec, "l", counted=True)
        _drop_fillers(con, spec)
        con.execute("CREATE OR REPLACE TABLE lk_l AS FROM lk_side")
    con.execute("DROP TABLE lk_side")


def counts_of(i: int) -> str:
    """Give the table of how often the words of comparison i stand on the right side."""
    return f"lk_n{i}_r_counts"


def make_side(con: duckdb.DuckDBPyConnection, spec: Spec, side: str, *, counted: bool) -> None:
    """Make `lk_side` of one side's rows, or of some of them; fillers stay.

    Args:
        con: the linkage's database with `lk_raw_<side>`; the name macros are there.
        spec: what is compared.
        side: `l` or `r`.
        counted: the words of the right side are counted already, in the tables of `counts_of`;
            else these rows are the right side, and the tables are made.
    """
    raw = f"lk_raw_{side}"
    types = {row[0]: row[1] for row in con.execute(f"DESCRIBE {raw}").fetchall()}
    values, joins = ["s.lk_row AS id"], []
    for i, item in enumerate(spec.compare):
        if item.kind not in NAMES:
            values.append(f"{value_sql(item, side, types)} AS f{i}")
            continue
        names = f"lk_n{i}_{side}"
        plain = _read_names(con, item, side)
        if item.kind == "company_name":
            con.execute(
                f"CREATE OR REPLACE TEMP TABLE lk_forms{i} AS SELECT id, family"
                " FROM lk_companies JOIN co_names USING (employer_name)"
            )
            joins.append(f"LEFT JOIN lk_forms{i} AS c{i} ON c{i}.id = s.lk_row")
            values.append(f"c{i}.family AS f{i}_family")
        standardise_names(
            con,
            "lk_source",
            "v",
            names,
            token_counts=counts_of(i) if counted else None,
            plain=plain,
            unify=_unified(item),
        )
        values += [f"n{i}.{name} AS f{i}_{name}" for name in NAME_COLUMNS]
        joins.append(f"LEFT JOIN {names} AS n{i} ON n{i}.id = s.lk_row")
    con.execute(
        f"CREATE OR REPLACE TABLE lk_side AS SELECT {', '.join(values)} FROM {raw} AS s"
        f" {' '.join(joins)}"
    )
    con.execute("DROP VIEW IF EXISTS lk_source")
    for i, item in enumerate(spec.compare):
        if item.kind in NAMES:
            con.execute(f"DROP TABLE lk_n{i}_{side}")


def count_side_words(con: duckdb.DuckDBPyConnection, spec: Spec) -> None:
    """Make the tables of `counts_of` from the rows of `lk_raw_r`."""
    for i, item in enumerate(spec.compare):
        if item.kind in NAMES:
            plain = _read_names(con, item, "r")
            split_names(con, "lk_source", "v", plain=plain, unify=_unified(item))
            count_words(con, counts_of(i))
    con.execute(
        "DROP VIEW IF EXISTS lk_source; DROP TABLE IF EXISTS match_split;"
        " DROP TABLE IF EXISTS match_words"
    )


def _read_names(con: duckdb.DuckDBPyConnection, item: Comparison, side: str) -> str | None:
    """Make the view `lk_source` of a side's names, `id` and `v`.

    Returns:
        The query of their plain words, where these are not those of a person's name.
    """
    source = f"SELECT lk_row AS id, {text_sql(item.of(side))} AS v FROM lk_raw_{side}"
    con.execute(f"CREATE OR REPLACE TEMP VIEW lk_source AS {source}")
    if item.kind == "text":
        return f"SELECT id, {_words_sql('v')} AS plain FROM ({source})"
    if item.kind != "company_name":
        return None
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE lk_companies AS"
        f" SELECT id, v AS employer_name, NULL::VARCHAR AS legal_form FROM ({source})"
        " WHERE v IS NOT NULL"
    )
    parse_names(con, "lk_companies")
    return "SELECT id, core AS plain FROM lk_companies JOIN co_names USING (employer_name)"


def _unified(item: Comparison) -> bool:
    return item.kind in ("person_name", "mother_name")


def _drop_fillers(con: duckdb.DuckDBPyConnection, spec: Spec) -> None:
    """Take identifiers out of `lk_side` that too many rows share."""
    for i, item in enumerate(spec.compare):
        if item.kind in IDENTIFIERS:
            con.execute(
                f"UPDATE lk_side SET f{i} = NULL WHERE f{i} IN (SELECT f{i} FROM lk_side"
                f" WHERE f{i} IS NOT NULL GROUP BY 1 HAVING count(*) > {SHARED})"
            )


def key_of(spec: Spec, i: int) -> str:
    """Give the column whose equality is "the same" in comparison i."""
    return f"f{i}_h_psorted" if spec.compare[i].kind in NAMES else f"f{i}"


def alone_sql(once: str, twice: str) -> str:
    """Give SQL of how common a value is that stands once.

    Not one, for the one there is may be the row looked for, but what Good and Turing make of
    values seen once and twice.

    Args:
        once: SQL of how many values stand once.
        twice: SQL of how many values stand twice.
    """
    return f"greatest(least(2.0 * {twice} / greatest({once}, 1), 1.0), {RAREST})"


def taken_sql(n: str, alone: str) -> str:
    """Give SQL of how common a value of n rows is taken to be; NULL where there is none."""
    return f"(CASE {n} WHEN 1 THEN {alone} ELSE {n} END)::FLOAT"


def _count(con: duckdb.DuckDBPyConnection, spec: Spec) -> None:
    """Make `lk_r` from `lk_side`, with how common each value is."""
    counts, joins, columns = [], [], []
    for i, item in enumerate(spec.compare):
        key = key_of(spec, i)
        counts.append(
            f"k{i} AS (SELECT {key}, count(*) AS n FROM lk_side WHERE {key} IS NOT NULL GROUP BY 1)"
        )
        joins.append(f"LEFT JOIN k{i} ON k{i}.{key} = s.{key}")
        columns.append(f"k{i}.n::INTEGER AS f{i}_n")
        if item.kind in NAMES:
            alone = alone_sql("count(*) FILTER (n = 1)", "count(*) FILTER (n = 2)")
            counts.append(f"once{i} AS (SELECT {alone} AS f FROM k{i})")
            columns.append(f"{taken_sql(f'k{i}.n', f'(FROM once{i})')} AS f{i}_f")
    con.execute(
        f"CREATE OR REPLACE TABLE lk_r AS WITH {', '.join(counts)}"
        f" SELECT s.*, {', '.join(columns)} FROM lk_side AS s {' '.join(joins)}"
    )
