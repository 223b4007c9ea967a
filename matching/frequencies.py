"""Commonness under a model version: how often words, names, dates and places stand.

Belongs here: keeping with a version of the model how common every value was in the register
that it learned from, and giving it back to later months. Does not belong here: what
commonness is worth (model), or the tables that hold it for a run (keys).

A name's weight hangs on how many bear it. If each month counted anew, the scores of every
record would move a little with every birth in the register, and nothing could be carried
over. So a version of the model carries the counts it was trained with.

A name, date or place that a version has not seen counts as one seen once. So values that
stand once need not be kept. Words are all kept: which word of a name is the rarest is told by
them, and one that no version has seen is never chosen.
"""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

from warehouse.storage import literal

TABLE = "linkage.model_frequencies"


@dataclass(frozen=True)
class Counted:
    """Queries of how common values are, for `matching.keys.prepare_register`.

    Attributes:
        births: `born`, `birth_n`.
        places: `place`, `place_n`.
        names: `h_psorted`, `name_n`, `mother_n`, a row for every name of `match_spelt`.
        people: an expression, the people counted.
        seen_once: an expression over `match_same`, what a name that stands once counts.
    """

    births: str
    places: str
    names: str
    people: str
    seen_once: str


def counted_sql(version: int | None) -> Counted:
    """Give the queries of commonness: of a model version, or of the register itself."""
    if version is None:
        return Counted(
            births="SELECT born, count(*)::INTEGER AS birth_n FROM linkage.register_people"
            " WHERE born IS NOT NULL GROUP BY 1",
            places="SELECT place, place_n FROM (SELECT place_h, count(*) AS place_n"
            " FROM linkage.register_people GROUP BY 1) JOIN match_places USING (place_h)",
            names="SELECT h_psorted, sum(people) AS name_n, sum(children) AS mother_n"
            " FROM match_spelt GROUP BY 1",
            people="(SELECT count(*) FROM linkage.register_people)",
            seen_once="(SELECT greatest(least(2.0 * count(*) FILTER (name_n = 2)"
            " / greatest(count(*) FILTER (name_n = 1), 1), 1.0), 0.05) FROM match_same)",
        )

    def kept(kind: str, columns: str) -> str:
        return f"SELECT {columns} FROM {TABLE} WHERE version = {version} AND kind = '{kind}'"

    return Counted(
        births=kept("birth", "key::BIGINT AS born, n::INTEGER AS birth_n"),
        places=kept("place", "value AS place, n::INTEGER AS place_n"),
        # A name that somebody bears stands once at least; one of mothers alone need not.
        names=f"""
            SELECT h_psorted,
                coalesce(any_value(k.n), (sum(s.people) > 0)::INTEGER)::BIGINT AS name_n,
                coalesce(any_value(m.n), (sum(s.children) > 0)::INTEGER)::BIGINT AS mother_n
            FROM match_spelt AS s
            LEFT JOIN ({kept("name", "key AS h_psorted, n")}) AS k USING (h_psorted)
            LEFT JOIN ({kept("mother", "key AS h_psorted, n")}) AS m USING (h_psorted)
            GROUP BY h_psorted
        """,
        people=f"({kept('people', 'n::BIGINT')})",
        seen_once=f"({kept('once', 'n')})",
    )


def put_tokens(con: duckdb.DuckDBPyConnection, version: int, target: str) -> None:
    """Make a temporary table of a version's words, as `matching.names` counts them.

    Args:
        con: the restricted warehouse.
        version: of the model.
        target: table to make: `phonetic`, `n`, `total`.
    """
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE {target} AS SELECT value AS phonetic, n::BIGINT AS n,"
        f" (SELECT n::BIGINT FROM {TABLE} WHERE version = {version} AND kind = 'words') AS total"
        f" FROM {TABLE} WHERE version = {version} AND kind = 'word'"
    )


def create_frequencies(con: duckdb.DuckDBPyConnection) -> None:
    """Create `linkage.model_frequencies` and `linkage.model_shares` where they are missing.

    A frequency has its value as a `key` (names as hashes, dates as numbers) or as `value`
    (words, places). `model_shares` keeps by dataset the shares of records with a person.
    """
    con.execute("CREATE SCHEMA IF NOT EXISTS linkage")
    con.execute(
        f"CREATE TABLE IF NOT EXISTS {TABLE}"
        "(version INTEGER, kind VARCHAR, key UBIGINT, value VARCHAR, n DOUBLE)"
    )
    con.execute(
        "CREATE TABLE IF NOT EXISTS linkage.model_shares"
        "(version INTEGER, dataset VARCHAR, found DOUBLE[])"
    )


def has_frequencies(con: duckdb.DuckDBPyConnection, version: int) -> bool:
    """Tell whether a model version keeps how common values were."""
    return bool(
        con.execute(
            f"SELECT count(*) FROM {TABLE} WHERE version = ? AND kind = 'people'", [version]
        ).fetchall()[0][0]
    )


def keep_frequencies(con: duckdb.DuckDBPyConnection, version: int) -> None:
    """Keep how common values are in the register that stands, under a model version.

    Args:
        con: the restricted warehouse; the register was prepared with its own commonness.
        version: of the model that was trained on it.
    """
    create_frequencies(con)
    con.execute(
        f"""
        DELETE FROM {TABLE} WHERE version = {version};
        INSERT INTO {TABLE}
        SELECT {version}, 'word', NULL, phonetic, n FROM linkage.register_tokens
        UNION ALL
        SELECT {version}, 'words', NULL, NULL, coalesce(max(total), 1)
        FROM linkage.register_tokens
        UNION ALL
        SELECT {version}, 'people', NULL, NULL, people FROM linkage.register_basis
        UNION ALL
        SELECT {version}, 'once', NULL, NULL, seen_once FROM linkage.register_basis
        UNION ALL
        SELECT DISTINCT {version}, 'name', h_psorted, NULL, name_n FROM linkage.register_names
        WHERE name_n > 1
        UNION ALL
        SELECT DISTINCT {version}, 'mother', h_psorted, NULL, mother_n
        FROM linkage.register_names WHERE mother_n > 1
        UNION ALL
        SELECT {version}, 'birth', born::UBIGINT, NULL, birth_n
        FROM linkage.register_births WHERE birth_n > 1
        UNION ALL
        SELECT {version}, 'place', NULL, place, place_n
        FROM linkage.register_places WHERE place_n > 1;
        """
    )


def keep_shares(con: duckdb.DuckDBPyConnection, version: int, period: str) -> None:
    """Keep the shares of a period's datasets as those of a model version."""
    con.execute(
        f"DELETE FROM linkage.model_shares WHERE version = {version};"
        f"INSERT INTO linkage.model_shares SELECT {version}, dataset, found"
        f" FROM linkage.claim_shares WHERE period = {literal(period)}"
    )


def shares_of(
    con: duckdb.DuckDBPyConnection, version: int, dataset: str, usual: list[float]
) -> list[float]:
    """Give the shares that a version has for a dataset; the usual ones where it has none."""
    row = con.execute(
        "SELECT found FROM linkage.model_shares WHERE version = ? AND dataset = ?",
        [version, dataset],
    ).fetchone()
    return [float(share) for share in row[0]] if row else usual
