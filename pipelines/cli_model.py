"""The command `model export`: a trained model, written for other tools.

Belongs here: reading the model of a month and writing the file. Does not belong here: the
translation (matching/splink_export.py).
"""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
from rich.console import Console

from matching.model import Model, linked_with
from matching.splink_export import splink_settings
from warehouse.connection import check_period, connect
from warehouse.errors import CakupanError, UsageError
from warehouse.home import Home


def export(home: Home, period: str, out: Path) -> int:
    """Write the person model that a month was linked with; see `cakupan model export --help`.

    Raises:
        UsageError: there is no model, or no folder to write into.
        CakupanError: a run holds the warehouse.
    """
    check_period(period)
    target = out.expanduser().resolve()
    if not target.parent.is_dir():
        raise UsageError(f"there is no folder {target.parent} to write the model into")
    text = _newest(home, period)
    target.write_text(
        json.dumps(splink_settings(Model.from_json(text)), indent=2) + "\n", encoding="utf-8"
    )
    Console().print(f"Model: {target}", markup=False, highlight=False, soft_wrap=True)
    return 0


def _newest(home: Home, period: str) -> str:
    missing = UsageError(
        f"{home.path} holds no model of persons for {period}: run the period first "
        f"(cakupan run --home {home.path} --period {period})"
    )
    if not home.restricted_db.exists():
        raise missing
    con = None
    try:
        con = connect(home, read_only=True)
        rows = con.execute(
            "SELECT parameters::VARCHAR FROM linkage.models WHERE model = 'persons'"
            " AND CASE WHEN $used IS NULL THEN period = $period ELSE version = $used END"
            " ORDER BY version DESC LIMIT 1",
            {"used": _linked_with(con, period), "period": period},
        ).fetchall()
    except duckdb.IOException:
        rows = None
    except duckdb.CatalogException:
        rows = []
    finally:
        if con is not None:
            con.close()
    if rows is None:
        raise CakupanError(f"the restricted warehouse of {home.path} is held by a run: try later")
    if not rows:
        raise missing
    return str(rows[0][0])


def _linked_with(con: duckdb.DuckDBPyConnection, period: str) -> int | None:
    """Tell the version that a month's links were made with; None where it has none yet."""
    try:
        used = linked_with(con, period)
    except duckdb.CatalogException:
        return None
    return used[0] if used else None
