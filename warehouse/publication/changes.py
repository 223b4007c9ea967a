"""Tables that a publication makes of its own months: the trend, and what moved since the last one.

Belongs here: `coverage.coverage_trend` and `quality.publication_change`, from the tables of the
publication that is being written and of the one before it. Does not belong here: the change of
single cells and its causes, which need the statuses of persons (warehouse/change.py).
"""

from __future__ import annotations

from importlib.resources import files

from warehouse.publication.content import MADE_INSIDE, Target
from warehouse.storage import count, literal, quote
from warehouse.tables import table_specs


def write_changes(target: Target, base: str | None, publication: str) -> dict[str, int]:
    """Write the trend of all months, and what moved since the publication before.

    Args:
        target: the publication, with its months and its history (`reference.publication`).
        base: name of the attached publication before, if there is one.
        publication: name of the publication that is being written.

    Returns:
        Rows by `schema.table`.
    """
    con = target.con
    rows: dict[str, int] = {}
    con.execute("SET VARIABLE publication = ?::VARCHAR", [publication])
    for name in MADE_INSIDE:
        spec = table_specs()[name]
        place = target.place(spec.schema, spec.name)
        con.execute(spec.ddl(place))
        con.execute(spec.comments(place))
        select = _select(name, "new")
        if name == "publication_change":
            earlier = base if base and _has(target, base, spec.schema, name) else None
            if earlier:
                con.execute(
                    f"INSERT INTO {place} BY NAME FROM "
                    f"{Target(con, earlier).place(spec.schema, name)}"
                )
            if base:
                select = f"({select}) UNION ALL BY NAME ({_select('publication_revision', 'base')})"
                select = select.replace("base.", f"{quote(base)}.")
        order = ", ".join(quote(column) for column in spec.grain)
        body = select.replace("new.", f"{quote(target.database)}.")
        con.execute(f"INSERT INTO {place} BY NAME SELECT * FROM ({body}) ORDER BY {order}")
        rows[spec.qualified] = count(con, place)
    con.execute("RESET VARIABLE publication")
    return rows


def _select(name: str, before: str) -> str:
    """Give a query, with what comparisons share read against the earlier months in `before`."""
    return _text(name).replace(
        "-- {common}\n", _text("changes_common").replace("before.", f"{before}.")
    )


def _text(name: str) -> str:
    place = files("warehouse").joinpath("sql", "publication", f"{name}.sql")
    return place.read_text(encoding="utf-8")


def _has(target: Target, database: str, schema: str, table: str) -> bool:
    return bool(
        count(
            target.con,
            "duckdb_tables()",
            f"database_name = {literal(database)} AND schema_name = {literal(schema)} "
            f"AND table_name = {literal(table)}",
        )
    )
