"""Proof that nothing published names a person: every text column, every distinct value.

Belongs here: the check that must pass before the pointer moves. Does not belong here: small
cells (disclosure control makes release.duckdb), or what the tables are for.

Two questions are asked of each text: does it hold a run of digits such as a NIK, a taxpayer
number or a participant number; and is it, as a whole, a name, address or identifier that
stands in a conformed table? The second is not asked of codes, which only our own SQL writes,
nor of names of places and sectors: among millions of people somebody is called Model or Solo.

The names of employers are asked a third one: is it the name of a body, by its legal form or by
the words that public bodies begin with? A natural person's business is published under its key.
"""

from __future__ import annotations

import duckdb

from warehouse.columns import dictionary
from warehouse.errors import GateBlocked
from warehouse.identities import IDENTIFIER_PATTERN
from warehouse.storage import literal, quote

PERSONAL_COLUMNS = (
    "nik", "owner_nik", "full_name", "owner_name", "mother_name", "address", "kpj", "npwp",
    "employer_npwp", "parent_npwp", "phone",
)  # fmt: skip

# A fingerprint or a run's UUID may by chance hold a long run of digits.
_MACHINE_MADE = "[0-9a-f]{64}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"

_CODE_KINDS = ("code", "period", "vocabulary")

_EMPLOYERS = "coverage.employer_compliance.employer_name"

OWN_TEXTS = ("TIDAK DIKETAHUI", "INDONESIA")
"""Texts that our SQL writes into columns of names."""


def check_no_identity(con: duckdb.DuckDBPyConnection, database: str) -> int:
    """Check every text of an attached database.

    Args:
        con: the restricted warehouse, with the publication attached.
        database: name under which it is attached.

    Returns:
        The number of distinct texts that were checked.

    Raises:
        GateBlocked: a text holds an identity; the message names the columns alone.
    """
    columns = con.execute(
        """
        SELECT schema_name, table_name, column_name, data_type LIKE '%[]' AS is_list
        FROM duckdb_columns() JOIN duckdb_tables() USING (database_name, schema_name, table_name)
        WHERE database_name = ? AND data_type IN ('VARCHAR', 'VARCHAR[]')
        ORDER BY ALL
        """,
        [database],
    ).fetchall()
    con.execute(
        "CREATE OR REPLACE TEMP TABLE pub_texts (place VARCHAR, coded BOOLEAN, text VARCHAR)"
    )
    try:
        for schema, table, column, is_list in columns:
            value = f"unnest({quote(column)})" if is_list else quote(column)
            relation = f"{quote(database)}.{quote(schema)}.{quote(table)}"
            con.execute(
                f"INSERT INTO pub_texts SELECT DISTINCT {literal(f'{schema}.{table}.{column}')}, "
                f"{_is_coded(schema, column)}, {value} FROM {relation}"
            )
        con.execute("DELETE FROM pub_texts WHERE text IS NULL")
        places = {*_with_digits(con), *_known_identities(con), *_named_persons(con, database)}
        if places:
            raise GateBlocked(
                "nothing was published: personal data was found in "
                f"{', '.join(sorted(places))}. What was published before stays in force. "
                "Look at these columns in the restricted warehouse and find the stage that "
                "lets an identity through."
            )
        row = con.execute("SELECT count(*) FROM pub_texts").fetchone()
        return int(row[0]) if row else 0
    finally:
        con.execute("DROP TABLE pub_texts")


def _is_coded(schema: str, column: str) -> bool:
    entry = dictionary().get(column)
    return schema == "reference" or (entry is not None and entry.kind in _CODE_KINDS)


def _with_digits(con: duckdb.DuckDBPyConnection) -> list[str]:
    rows = con.execute(
        "SELECT DISTINCT place FROM pub_texts "
        f"WHERE regexp_matches(text, {literal(IDENTIFIER_PATTERN)}) "
        f"AND NOT regexp_full_match(text, {literal(_MACHINE_MADE)})"
    ).fetchall()
    return [place for (place,) in rows]


def _known_identities(con: duckdb.DuckDBPyConnection) -> list[str]:
    """Find texts that are, as a whole, a personal value of some conformed table."""
    sources = con.execute(
        """
        SELECT table_name, column_name FROM duckdb_columns()
        WHERE database_name = current_database() AND schema_name = 'conformed'
          AND column_name IN (SELECT unnest(?)) AND data_type = 'VARCHAR'
        """,
        [list(PERSONAL_COLUMNS)],
    ).fetchall()
    # Schema reference is facts about places, codes and offices, the same at every
    # deployment; a person may be called like a town, and the town stays published.
    con.execute(
        """
        CREATE OR REPLACE TEMP TABLE pub_suspects AS
        SELECT upper(trim(text)) AS text, list(DISTINCT place) AS places FROM pub_texts
        WHERE NOT coded AND length(trim(text)) >= 3
          AND upper(trim(text)) NOT IN (
              SELECT upper(trim(text)) FROM pub_texts WHERE starts_with(place, 'reference.')
          )
          AND upper(trim(text)) NOT IN (SELECT unnest(?))
        GROUP BY ALL
        """,
        [list(OWN_TEXTS)],
    )
    try:
        found: set[str] = set()
        for table, column in sources:
            for (places,) in con.execute(
                f"SELECT places FROM pub_suspects SEMI JOIN (SELECT upper(trim({quote(column)})) "
                f"AS text FROM conformed.{quote(table)}) USING (text)"
            ).fetchall():
                # An office stands as an address on many a list: a body's name is no address.
                found.update(
                    place for place in places if column != "address" or place != _EMPLOYERS
                )
        return sorted(found)
    finally:
        con.execute("DROP TABLE pub_suspects")


def _named_persons(con: duckdb.DuckDBPyConnection, database: str) -> list[str]:
    """Find whether a name of an employer may be a natural person's.

    A name is a body's where the row's legal form is no natural person's and the name tells that
    form, or where it begins with words of a public body.
    """
    schema, table, column = _EMPLOYERS.split(".")
    there = con.execute(
        "SELECT count(*) FROM duckdb_columns() WHERE database_name = ? AND schema_name = ? "
        "AND table_name = ? AND column_name = ?",
        [database, schema, table, column],
    ).fetchall()
    if not there[0][0]:
        return []
    relation = f"{quote(database)}.{quote(schema)}.{quote(table)}"
    plain = "trim(regexp_replace(upper(strip_accents({})), '[^A-Z0-9]+', ' ', 'g'))"
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE pub_named AS
        SELECT DISTINCT employer_name, legal_form, natural_person, public_body,
            ' ' || {plain.format("employer_name")} || ' ' AS plain
        FROM {relation} WHERE employer_name IS NOT NULL
        """
    )
    try:
        if not con.execute("SELECT count(*) FROM pub_named").fetchall()[0][0]:
            return []
        bodies = con.execute(
            """
            SELECT count(*) FROM pub_named AS n
            WHERE coalesce(n.natural_person, true)
               OR (n.public_body AND NOT EXISTS (
                    FROM reference.public_bodies AS b
                    WHERE starts_with(n.plain, ' ' || b.phrase || ' ')))
               OR (NOT coalesce(n.public_body, false) AND (
                    n.legal_form IS NULL
                    OR EXISTS (
                        FROM reference.legal_forms AS f
                        WHERE f.legal_form = n.legal_form AND f.natural_person)
                    OR NOT (
                        contains(n.plain, ' ' || replace(n.legal_form, '_', ' ') || ' ')
                        OR EXISTS (
                            FROM reference.legal_forms AS f
                            WHERE f.legal_form = n.legal_form
                              AND contains(n.plain, ' ' || f.spelling || ' ')))))
            """
        ).fetchall()[0][0]
        return [_EMPLOYERS] if bodies else []
    finally:
        con.execute("DROP TABLE pub_named")
