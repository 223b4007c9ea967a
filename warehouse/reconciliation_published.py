"""The written file against what the restricted warehouse computed, table by table.

Belongs here: opening a finished file anew and comparing counts and checksums. Does not belong
here: writing it (publication), or the stages before (reconciliation.py).

What is compared is what was computed, not what was inserted: a row that got lost, doubled or
changed between the restricted table and the disk closes the gate. The Parquet beside the file
is held against the same figures.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import duckdb

from warehouse.errors import GateBlocked
from warehouse.storage import literal, quote
from warehouse.tables import TableSpec

STEP = "published"


def check_file(
    con: duckdb.DuckDBPyConnection,
    file: Path,
    parquet: Path,
    period: str,
    specs: Sequence[TableSpec],
) -> int:
    """Compare the rows of a period in a finished file with the restricted warehouse's.

    Args:
        con: the restricted warehouse.
        file: the published database, closed.
        parquet: the folder of its Parquet files, `<schema>/<table>.parquet`.
        period: the month whose rows came from the restricted warehouse.
        specs: the tables that were copied from there; comparisons of two months are left out
            by the publication where it does not hold the earlier one.

    Returns:
        The number of tables compared.

    Raises:
        GateBlocked: a table differs; it names table, step and difference.
    """
    compared = [spec for spec in specs if "previous_period" not in spec.grain]
    with duckdb.connect(str(file), read_only=True) as written:
        for spec in compared:
            computed = _content(con, spec.qualified, spec, period)
            beside = parquet / spec.schema / f"{spec.name}.parquet"
            for place, found in (
                (file.name, _content(written, spec.qualified, spec, period)),
                (
                    beside.name,
                    _content(written, f"read_parquet({literal(str(beside))})", spec, period),
                ),
            ):
                if found != computed:
                    raise GateBlocked(_told(spec, period, place, computed[0], found[0]))
    return len(compared)


def _content(
    con: duckdb.DuckDBPyConnection, relation: str, spec: TableSpec, period: str
) -> tuple[int, int]:
    # Types are named: a list or decimal may come back from Parquet as another type, and a hash
    # of the same value would differ.
    columns = ", ".join(f"{quote(c.name)}::{c.sql_type}" for c in spec.meanings)
    rows, checksum = con.execute(
        f"SELECT count(*), coalesce(sum(hash({columns})::HUGEINT), 0) FROM {relation} "
        f"WHERE period = {literal(period)}"
    ).fetchall()[0]
    return int(rows), int(checksum)


def _told(spec: TableSpec, period: str, place: str, computed: int, found: int) -> str:
    what = f"{computed} baris dihitung, {found} tertulis (selisih {found - computed:+d})"
    if computed == found:
        what = f"jumlah barisnya sama ({found}), isinya berbeda"
    return (
        f"rekonsiliasi {period} gagal: [{STEP}] {spec.qualified} dalam {place}: {what}. Tidak ada "
        "yang dipublikasikan; periksa disk, lalu terbitkan lagi"
    )
