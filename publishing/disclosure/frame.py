"""The coverage tables as numbers: rows, how they add up, and the systems they make.

Belongs here: reading one period of the coverage tables into arrays, with every combination
that could have a row, and cutting them into one national system and one for each province and
basis. Does not belong here: what is withheld, and tables that add up to nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass

import duckdb
import numpy as np
import scipy.sparse as sp

from publishing.disclosure.rules import Counts, Floats, Ints, room
from warehouse.errors import CakupanError
from warehouse.storage import literal

NATIONAL, SECTOR, PROVINCE, PROVINCE_SECTOR, SEGMENT, REGENCY, SECTOR_REGION = range(7)

TABLES = {
    NATIONAL: "coverage_national",
    SECTOR: "coverage_by_sector",
    PROVINCE: "coverage_by_province",
    PROVINCE_SECTOR: "coverage_by_province_sector",
    SEGMENT: "coverage_by_segment",
    REGENCY: "coverage_by_regency",
    SECTOR_REGION: "coverage_by_sector_region",
}
"""Table of each grain. `coverage_by_province_sector` is in the release alone."""

KEYS = {
    NATIONAL: ("basis",),
    SECTOR: ("basis", "sector_code"),
    PROVINCE: ("basis", "province_code"),
    PROVINCE_SECTOR: ("basis", "province_code", "sector_code"),
    SEGMENT: ("basis", "province_code", "segment", "sex", "age_band"),
    REGENCY: ("basis", "province_code", "regency_code"),
    SECTOR_REGION: ("basis", "province_code", "regency_code", "sector_code"),
}
"""What identifies a row of each grain, beside period and denominator."""

MARGINS = (
    (NATIONAL, SECTOR),
    (NATIONAL, PROVINCE),
    (SECTOR, PROVINCE_SECTOR),
    (PROVINCE, PROVINCE_SECTOR),
    (PROVINCE, SEGMENT),
    (PROVINCE, REGENCY),
    (PROVINCE_SECTOR, SECTOR_REGION),
    (REGENCY, SECTOR_REGION),
)
"""Total and parts. Counts are additive along each of them."""

_CODES = ("basis", "province_code", "regency_code", "sector_code", "segment", "sex", "age_band")
_AGREES = 1e-3
"""Persons. Sums are exact decimals; as floating numbers of the country's size they are not."""


@dataclass
class Frame:
    """One period's rows of all coverage tables, every possible combination among them.

    Attributes:
        grain: of each row, a key of `TABLES`.
        codes: values of the key columns, by column name; empty where a grain has none.
        counts: exact figures; all zero where the table has no row.
        room: by how much A, I and U could be smaller (3 x rows).
        margins: sums of all tables: -1 the total, +1 its parts.
        block: number of the basis and province of each row, -1 for the country's.
        both_bases: whether the country's figures are the same on two bases.
    """

    grain: Ints
    codes: dict[str, list[str]]
    counts: Counts
    room: Floats
    margins: sp.csr_matrix
    block: Ints
    both_bases: bool

    def rows(self, *grains: int) -> Ints:
        """Give the rows of some grains."""
        return np.flatnonzero(np.isin(self.grain, grains))

    def key(self, row: int) -> tuple[int | str, ...]:
        """Give what identifies a row among all tables."""
        grain = int(self.grain[row])
        return (grain, *(self.codes[key][row] for key in KEYS[grain]))

    def name(self, row: int) -> str:
        """Name a cell by its codes, without any figure."""
        grain = int(self.grain[row])
        codes = " ".join(self.codes[key][row] for key in KEYS[grain])
        return f"{TABLES[grain]}[{codes}]"


def read_frame(con: duckdb.DuckDBPyConnection, schema: str, period: str) -> Frame:
    """Read a period.

    Args:
        con: a connection that sees the exact tables.
        schema: where they are, such as `exact.coverage`.
        period: the month.

    Raises:
        CakupanError: totals do not agree with their parts.
    """
    con.execute(_cells_sql(schema, period))
    try:
        con.execute(_ROWS)
        table = con.execute("FROM dis_rows ORDER BY row_id").fetchnumpy()
        pairs = {margin: con.execute(_pairs_sql(*margin)).fetchnumpy() for margin in MARGINS}
        twins = con.execute(_TWINS).fetchnumpy()
    finally:
        for name in ("dis_rows", "dis_leaves", "dis_segments"):
            con.execute(f"DROP TABLE IF EXISTS temp.{name}")
    counts = Counts(
        *(np.asarray(table[name], dtype=np.float64) for name in ("a", "i", "u", "al", "ah"))
    )
    grain = np.asarray(table["grain"], dtype=np.int64)
    codes = {
        name: [str(value) if value else "" for value in table[name].tolist()] for name in _CODES
    }
    margins, both = _margins(pairs, twins, counts, len(grain))
    return Frame(
        grain=grain,
        codes=codes,
        counts=counts,
        room=_rooms(counts, grain, pairs[(PROVINCE_SECTOR, SECTOR_REGION)]),
        margins=margins,
        block=np.asarray(table["block"], dtype=np.int64),
        both_bases=both,
    )


def _cells_sql(schema: str, period: str) -> str:
    """Give the finest cells of both lattices, empty combinations among them."""
    of_period = f"period = {literal(period)} AND denominator_id = 'eligible'"
    figures = """
        coalesce(c.active, 0) AS a, coalesce(c.inactive, 0) AS i,
        coalesce(c.unregistered, 0) AS u, coalesce(c.active_low, 0) AS al,
        coalesce(c.active_high, 0) AS ah
    """
    return f"""
        CREATE OR REPLACE TEMP TABLE dis_leaves AS
        WITH regions AS (
            SELECT DISTINCT province_code, regency_code
            FROM {schema}.coverage_by_sector_region WHERE {of_period}
        ), sectors AS (
            SELECT DISTINCT sector_code FROM {schema}.coverage_by_sector_region WHERE {of_period}
        ), bases AS (
            SELECT DISTINCT basis FROM {schema}.coverage_by_sector_region WHERE {of_period}
        )
        SELECT basis, province_code, regency_code, sector_code, {figures}
        FROM bases CROSS JOIN regions CROSS JOIN sectors
        LEFT JOIN (FROM {schema}.coverage_by_sector_region WHERE {of_period}) AS c
            USING (basis, province_code, regency_code, sector_code);

        CREATE OR REPLACE TEMP TABLE dis_segments AS
        WITH provinces AS (
            SELECT DISTINCT basis, province_code FROM dis_leaves WHERE basis = 'domicile'
        ), kinds AS (
            SELECT * FROM
                (SELECT DISTINCT segment FROM {schema}.coverage_by_segment WHERE {of_period})
                CROSS JOIN
                (SELECT DISTINCT sex FROM {schema}.coverage_by_segment WHERE {of_period})
                CROSS JOIN
                (SELECT DISTINCT age_band FROM {schema}.coverage_by_segment WHERE {of_period})
        )
        SELECT basis, province_code, segment, sex, age_band, {figures}
        FROM provinces CROSS JOIN kinds
        LEFT JOIN (FROM {schema}.coverage_by_segment WHERE {of_period}) AS c
            USING (basis, province_code, segment, sex, age_band);
    """


def _level(grain: int, source: str) -> str:
    columns = ", ".join(
        name if name in KEYS[grain] else f"NULL::VARCHAR AS {name}" for name in _CODES
    )
    sums = ", ".join(f"sum({name})::DOUBLE AS {name}" for name in ("a", "i", "u", "al", "ah"))
    keys = ", ".join(KEYS[grain])
    return f"SELECT {grain} AS grain, {columns}, {sums} FROM {source} GROUP BY {keys}"


_ROWS = (
    "CREATE OR REPLACE TEMP TABLE dis_rows AS SELECT "
    f"row_number() OVER (ORDER BY grain, {', '.join(_CODES)}) - 1 AS row_id, "
    "CASE WHEN province_code IS NULL THEN -1 "
    "ELSE dense_rank() OVER (ORDER BY province_code IS NULL, basis, province_code) - 1 "
    "END AS block, * FROM ("
    + " UNION ALL ".join(
        _level(grain, "dis_segments" if grain == SEGMENT else "dis_leaves") for grain in TABLES
    )
    + ")"
)


def _pairs_sql(total: int, part: int) -> str:
    keys = " AND ".join(f"p.{key} = t.{key}" for key in KEYS[total])
    return (
        "SELECT t.row_id AS total, p.row_id AS part FROM dis_rows AS t JOIN dis_rows AS p "
        f"ON t.grain = {total} AND p.grain = {part} AND {keys} ORDER BY ALL"
    )


# The same people are counted on both bases: what has no region in its key is equal on both.
# Segments are released by domicile alone: on both bases each would be known twice over.
_TWINS = f"""
    SELECT
        dense_rank() OVER (ORDER BY grain, sector_code) - 1 AS margin,
        row_id AS part,
        CASE basis WHEN 'domicile' THEN 1 ELSE -1 END AS sign
    FROM dis_rows WHERE grain IN ({NATIONAL}, {SECTOR}) ORDER BY ALL
"""


def _margins(
    pairs: dict[tuple[int, int], dict[str, Ints]],
    twins: dict[str, Ints],
    counts: Counts,
    size: int,
) -> tuple[sp.csr_matrix, bool]:
    """Build the sums, and prove that they hold."""
    matrices = []
    for pair in pairs.values():
        heads, margin = np.unique(pair["total"], return_inverse=True)
        rows = np.concatenate([margin, np.arange(len(heads))])
        columns = np.concatenate([pair["part"], heads])
        signs = np.concatenate([np.ones(len(margin)), -np.ones(len(heads))])
        matrices.append(sp.csr_matrix((signs, (rows, columns)), shape=(len(heads), size)))
    summed = sp.vstack(matrices, format="csr")
    if np.abs(summed @ counts.parts.T).max(initial=0.0) > _AGREES:
        raise CakupanError(
            "the coverage tables do not add up to their totals, so nothing can be released; "
            "compute the period again (cakupan run)"
        )
    count = int(twins["margin"].max(initial=-1)) + 1
    equal = sp.csr_matrix((twins["sign"], (twins["margin"], twins["part"])), shape=(count, size))
    # With one basis alone, or where the bases differ, a reader has no such equations.
    if np.abs(equal @ counts.parts.T).max(initial=0.0) > _AGREES:
        return summed, False
    return sp.vstack([summed, equal], format="csr"), True


def _rooms(counts: Counts, grain: Ints, pair: dict[str, Ints]) -> Floats:
    """Give room; a total's is that of its parts, and where these are in the system, free."""
    rooms = room(counts)
    own = np.isin(grain, (SECTOR_REGION, SEGMENT))
    rooms[:, ~own] = np.inf
    for kind in range(3):
        of_parts = np.bincount(
            pair["total"], weights=rooms[kind, pair["part"]], minlength=len(grain)
        )
        rooms[kind, grain == PROVINCE_SECTOR] = of_parts[grain == PROVINCE_SECTOR]
    return rooms
