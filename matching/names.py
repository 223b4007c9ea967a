"""Person names in a comparable form: titles off, spellings unified, a phonetic key beside.

Belongs here: how a name becomes tokens, which tokens are the same word, and what they
sound like. Does not belong here: how two names are compared (comparison), or the words
themselves, which are data (`reference.name_titles`, `reference.name_variants`).

The raw name is never changed: everything here goes into key tables beside it.
"""

from __future__ import annotations

import re

import duckdb

from warehouse.storage import literal

# Tokens that a name keeps apart; what follows the last one is glued to it.
KEPT_TOKENS = 5


def short_hash(text: str) -> str:
    """Give the SQL expression of a hash in 32 bits, for keys that candidates are found by.

    Half the width in a table of all people. Of a million words one in four thousand shares its
    hash with another: then there are a few candidates more.
    """
    return f"(hash({text}) >> 32)::UINTEGER"


# What one letter of a word tells: four bits, as the letters that names begin with are few.
INITIAL_BITS = 4.0

NAME_COLUMNS = (
    "canon", "h_flat", "h_sorted", "h_pflat", "h_psorted", "t_first", "t_last", "t_rare", "bits",
)  # fmt: skip

# What a spelling sounds like, in order. The spelling of before 1972 (oe, dj, tj, nj, sj, ch)
# and the pairs that clerks confuse (f/p/v, z/j, kh/h, dh/d, y/i, w/u) fall together. It is a
# key to find candidates by, never a replacement: J stood for today's Y and is ambiguous.
_PHONETIC_STEPS: tuple[tuple[str, str], ...] = (
    ("OE", "U"),
    ("DJ", "J"),
    ("TJ", "C"),
    ("NJ", "NY"),
    ("SJ", "S"),
    ("SH", "S"),
    ("CH", "H"),
    ("KH", "H"),
    ("TH", "T"),
    ("DH", "D"),
    ("GH", "G"),
    ("BH", "B"),
    ("PH", "P"),
    ("F", "P"),
    ("V", "P"),
    ("Q", "K"),
    ("X", "KS"),
    ("Z", "J"),
    ("CK", "K"),
)


def _phonetic_sql(column: str) -> str:
    """Give the SQL expression of the phonetic key of one upper-case token."""
    text = column
    for old, new in _PHONETIC_STEPS:
        text = f"replace({text}, '{old}', '{new}')"
    # SY before a vowel is S (SYAMSUL, SAMSUL), elsewhere Y is a vowel (SYTY, SITI).
    text = f"regexp_replace({text}, 'SY([AIUEO])', 'S\\1', 'g')"
    # I glides into a vowel after it, however it is written (PRASETIO, PRASETYO; SOFIAN, SOFYAN;
    # QOMARIYAH, KOMARIAH).
    text = f"regexp_replace({text}, '([^AIUEO])IY?([AUO])', '\\1Y\\2', 'g')"
    # Where Y is written for every I, a glide becomes two (RYYANTY, RIYANTI).
    text = f"replace({text}, 'YY', 'Y')"
    # Y before a vowel is a consonant (YAHYA, JAHJA), elsewhere it is I; O is U and E is I to
    # many ears; W stands between vowels unheard (SUWARNO, SUARNO); H is silent but in front.
    text = f"regexp_replace({text}, 'Y([AIUEO])', 'J\\1', 'g')"
    text = f"translate({text}, 'YEOW', 'IIUU')"
    text = f"regexp_replace({text}, '(.)H+', '\\1', 'g')"
    for letter in "ABCDGHIJKLMNPRSTU":
        text = f"regexp_replace({text}, '{letter}{{2,}}', '{letter}', 'g')"
    return text


def _letters(token: str, *, dotted: bool) -> str:
    """Give a pattern for a title with its dots optional, or with at least one dot."""
    letters = re.sub(r"[^A-Z]", "", token.upper())
    if not dotted:
        return r"(?:\. ?)?".join(letters) + r"\.?"
    pieces = [re.sub(r"[^A-Z]", "", piece) for piece in re.split(r"[.\s]", token.upper())]
    pieces = [piece for piece in pieces if piece]
    if len(pieces) > 1:
        return r"\. ?".join(pieces) + r"\.?"
    forms = [letters + r"\."]
    if len(letters) > 1:
        forms.append(r"\. ?".join(letters) + r"\.?")
    return f"(?:{'|'.join(forms)})"


def _longest_first(patterns: set[str]) -> list[str]:
    return sorted(patterns, key=lambda pattern: (-len(pattern), pattern))


def title_patterns(con: duckdb.DuckDBPyConnection) -> tuple[str, str, str]:
    """Build the patterns that take titles and degrees off an upper-case name.

    A title that could be a name or an initial (`reference.name_titles.needs_punctuation`)
    goes only with its dot, or as a degree after a comma.

    Returns:
        Patterns of the titles in front, of degrees behind a comma, and of degrees at the
        end without one. A pattern that matches nothing stands in where there are no titles.
    """
    rows = con.execute(
        "SELECT upper(token), position, needs_punctuation FROM reference.name_titles"
        " WHERE regexp_matches(upper(token), '[A-Z]')"
    ).fetchall()
    # A title ends at its dot or before a space: "SR." is one, the "S. R" of "S. ROHANI" is not.
    front = {
        pattern
        for token, position, strict in rows
        if position == "prefix"
        for pattern in (
            _letters(token, dotted=bool(strict)) + " +",
            _letters(token, dotted=False) + r"\. ?",
        )
    }
    behind = {_letters(t, dotted=False) for t, position, _ in rows if position == "suffix"}
    end = {
        _letters(token, dotted=bool(strict))
        for token, position, strict in rows
        if position == "suffix"
    }
    never = "[^\\s\\S]"
    return (
        f"^(?:{'|'.join(_longest_first(front))})+" if front else never,
        # A comma, then any number of degrees: ", S.H., M.M." as well as " ,SH MM".
        f" *,[ ,]*(?:(?:{'|'.join(_longest_first(behind))})(?:[ ,]+|$))+$" if behind else never,
        f"(?:[ ,]+(?:{'|'.join(_longest_first(end))}))+[ ,.]*$" if end else never,
    )


def create_name_macros(con: duckdb.DuckDBPyConnection) -> None:
    """Create the temporary macros `match_phonetic`, `match_upper` and `match_letters`."""
    con.execute(
        f"""
        CREATE OR REPLACE TEMP MACRO match_phonetic(token) AS {_phonetic_sql("token")};
        CREATE OR REPLACE TEMP MACRO match_upper(t) AS trim(upper(strip_accents(t)));
        CREATE OR REPLACE TEMP MACRO match_letters(t) AS
            -- An apostrophe joins (MA'RUF), any other sign separates.
            CASE WHEN regexp_matches(t, '[^A-Z ]|  ')
                THEN trim(regexp_replace(regexp_replace(t, '[''`’ʼ]', '', 'g'),
                    '[^A-Z]+', ' ', 'g'))
                ELSE t END;
        """
    )


def plain_sql(con: duckdb.DuckDBPyConnection, relation: str, column: str, weight: str = "1") -> str:
    """Give the query of plain names: upper-case ASCII letters, no titles or degrees.

    Args:
        con: the warehouse; `create_name_macros` has run.
        relation: relation with a column `id` and the names.
        column: the column of names.
        weight: SQL expression over the relation's rows that is passed on as `weight`.

    Returns:
        A query of `id`, `plain` and `weight`. Each step is a subquery of its own: an expression
        nested in another would be computed once for every mention.
    """
    front, behind, end = title_patterns(con)
    rows = con.execute(
        "SELECT DISTINCT upper(token), position FROM reference.name_titles ORDER BY 1, 2"
    ).fetchall()
    first = ", ".join(literal(t) for t, position in rows if position == "prefix") or "''"
    last = ", ".join(literal(t) for t, position in rows if position == "suffix") or "''"
    return f"""
        SELECT id, nullif(CASE WHEN bare IS NULL THEN match_letters(upper_name)
            -- Nothing but titles is a name after all: better kept than lost.
            ELSE coalesce(nullif(match_letters(bare), ''), match_letters(upper_name)) END, '')
            AS plain, weight
        FROM (SELECT id, weight, upper_name, CASE WHEN titled THEN regexp_replace(regexp_replace(
                regexp_replace(regexp_replace(upper_name, {literal(front)}, ''),
                {literal(behind)}, ''), {literal(end)}, ''), {literal(front)}, '') END AS bare
            FROM (SELECT id, weight, upper_name,
                    contains(upper_name, '.') OR contains(upper_name, ',')
                    OR split_part(upper_name, ' ', 1) IN ({first})
                    OR split_part(upper_name, ' ', -1) IN ({last}) AS titled
                FROM (SELECT id, {weight} AS weight, match_upper({column}) AS upper_name
                    FROM {relation}
                    WHERE {column} IS NOT NULL)))
    """


def split_names(
    con: duckdb.DuckDBPyConnection,
    relation: str,
    column: str,
    *,
    plain: str | None = None,
    unify: bool = True,
    weight: str = "1",
) -> None:
    """Split the names of a relation into words, as `standardise_names` does first.

    Args:
        con: the warehouse; `create_name_macros` has run.
        relation: as there.
        column: as there.
        plain: as there.
        unify: as there.
        weight: as there.

    Makes temporary tables `match_split` (`id`, `weight`, words `t`) and `match_words` (each
    word once: `token`, `n`, `canonical`, `phonetic`).
    """
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE match_split AS
        SELECT id, weight, CASE WHEN len(words) <= {KEPT_TOKENS} THEN words
            ELSE list_append(words[1:{KEPT_TOKENS - 1}],
                array_to_string(words[{KEPT_TOKENS}:], '')) END AS t
        FROM (SELECT id, {"weight" if plain is None else 1} AS weight,
                string_split(plain, ' ') AS words
            FROM ({plain or plain_sql(con, relation, column, weight)}) WHERE plain IS NOT NULL);
        CREATE OR REPLACE TEMP TABLE match_words AS
        WITH spelt AS (
            -- The word between a name and the father's name goes; the father's name stays, as
            -- a token that may be missing on the other side.
            SELECT upper(token) AS token,
                min(CASE kind WHEN 'patronymic' THEN ''
                    -- What M or MD stands for is left to the comparison: Muhammad to some,
                    -- Maria or Made to others.
                    WHEN 'initial' THEN left(upper(token), 1) ELSE upper(canonical) END)
                    AS canonical
            FROM reference.name_variants
            WHERE {unify} AND kind <> 'related' AND NOT contains(token, ' ') GROUP BY 1),
        seen AS (SELECT w AS token, sum(weight)::BIGINT AS n
            FROM (SELECT unnest(t) AS w, weight FROM match_split) GROUP BY w)
        SELECT token, n, nullif(coalesce(spelt.canonical, token), '') AS canonical,
            match_phonetic(nullif(coalesce(spelt.canonical, token), '')) AS phonetic
        FROM seen LEFT JOIN spelt USING (token);
        """
    )


def count_words(con: duckdb.DuckDBPyConnection, target: str) -> None:
    """Count the words that `split_names` found in the register.

    Args:
        con: the warehouse.
        target: temporary table to make: `phonetic`, `n`, and the names in all as `total`.
    """
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE {target} AS
        SELECT phonetic, sum(n)::BIGINT AS n,
            (SELECT sum(weight)::BIGINT FROM match_split) AS total
        FROM match_words WHERE phonetic IS NOT NULL AND n > 0 GROUP BY phonetic
        """
    )


def standardise_names(
    con: duckdb.DuckDBPyConnection,
    relation: str,
    column: str,
    target: str,
    *,
    token_counts: str | None = None,
    columns: tuple[str, ...] = NAME_COLUMNS,
    plain: str | None = None,
    unify: bool = True,
    weight: str = "1",
) -> None:
    """Standardise the names of a relation into a temporary table.

    Args:
        con: the warehouse; `create_name_macros` has run.
        relation: table or view with a column `id` and the names.
        column: the column of names.
        target: temporary table to make: `id`, `canon` (unified tokens, in order), hashes of
            the name without spaces (`h_flat`), with its tokens sorted (`h_sorted`), of the
            phonetic key (`h_pflat`, `h_psorted`), of the phonetic first, last and rarest
            token (`t_first`, `t_last`, `t_rare`), and `bits`, the information in its tokens.
            Names that are missing have no row.
        token_counts: table `(phonetic, n, total)` of how often a token stands in the
            register; where left out, the relation itself is the register, and the table is
            made as `<target>_counts`.
        columns: those of the columns that are wanted.
        plain: query of `id` and `plain`, where the words are not those of a person's name and
            are had in another way than by `plain_sql`.
        unify: spellings of one name become one word.
        weight: SQL expression of how many people a row of the relation stands for, where the
            relation is the register; not with `plain`.
    """
    positions = range(1, KEPT_TOKENS + 1)
    counts = token_counts or f"{target}_counts"

    def each(column: str, form: str = "@", glue: str = ", ", *, turned: bool = False) -> str:
        """Repeat an expression for the dictionary row of every token position."""
        order = reversed(positions) if turned else positions
        return glue.join(form.replace("@", f"w{i}.{column}").replace("#", f"w{i}") for i in order)

    split_names(con, relation, column, plain=plain, unify=unify, weight=weight)
    if token_counts is None:
        count_words(con, counts)
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE match_known AS
        SELECT w.token, w.canonical, w.phonetic,
            -- The hash of nothing is a number, too: a word that goes would change the sums.
            CASE WHEN w.canonical IS NOT NULL THEN hash(w.canonical) END AS hc,
            CASE WHEN w.phonetic IS NOT NULL THEN hash(w.phonetic) END AS h,
            CASE WHEN w.phonetic IS NOT NULL THEN {short_hash("w.phonetic")} END AS t, c.n AS n,
            CASE WHEN w.phonetic IS NULL THEN 0
                -- An initial is one letter of a name, however rare a word it makes.
                WHEN length(w.canonical) = 1 THEN {INITIAL_BITS} ELSE
                log2((SELECT coalesce(max(total), 1) FROM {counts}) / coalesce(c.n, 1)) END
                AS bits
        FROM match_words AS w LEFT JOIN {counts} AS c USING (phonetic);
        CREATE OR REPLACE TEMP TABLE {target} AS
        WITH joined AS (
            SELECT s.id, concat_ws(' ', {each("canonical")}) AS canon,
                concat({each("phonetic")}) AS p,
                -- A sum does not depend on the order of its tokens, and needs no sorting.
                hash({each("hc", "coalesce(@::HUGEINT, 0)", " + ")}) AS h_sorted,
                hash({each("h", "coalesce(@::HUGEINT, 0)", " + ")}) AS h_psorted,
                {each("bits", "coalesce(@, 0)", " + ")} AS bits,
                coalesce({each("t")}) AS t_first, coalesce({each("t", turned=True)}) AS t_last,
                -- A token that the register never has can find nobody.
                least({each("n")}) AS rare_n,
                CASE {each("n", "WHEN @ = rare_n THEN #.t", " ")} END AS t_rare
            FROM match_split AS s
            {" ".join(f"LEFT JOIN match_known AS w{i} ON w{i}.token = s.t[{i}]" for i in positions)}
        )
        SELECT id, {", ".join(columns)} FROM (
            SELECT id, canon, hash(replace(canon, ' ', '')) AS h_flat, h_sorted,
                {short_hash("p")} AS h_pflat, h_psorted, t_first, t_last, t_rare,
                bits::FLOAT AS bits
            FROM joined WHERE canon <> '');
        DROP TABLE match_split; DROP TABLE match_words; DROP TABLE match_known;
        """
    )
