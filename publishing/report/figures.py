"""What the report says, read from one release.

Belongs here: queries on `release.duckdb` and the reference tables beside it, as plain values for
the template. Does not belong here: words and layout (*.typ), what changed (movement.py), and any
arithmetic but sums of figures that were told, which say that they are such.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb

from publishing.dashboard.colours import STEPS, UNREGISTERED, scale
from publishing.report.movement import read_movement
from warehouse.documents import load_yaml
from warehouse.errors import UsageError
from warehouse.storage import literal

Rows = list[dict[str, Any]]

_COVER = (
    "workers, active, inactive, unregistered, gap, coverage_rate, coverage_low, coverage_high, "
    "suppressed"
)
_ENDS = "active_low, active_high, gap_low, gap_high"
_DOMICILE = "basis = 'domicile' AND denominator_id = 'eligible'"
UNKNOWN_PROVINCE = "00"
_FLAGS = ("pwbd", "pds_tk", "pds_upah", "pds_program", "arrears")
_LOWEST, _LARGEST = 20, 20
_ENOUGH = 100
"""Workers below which a regency's rate is not ranked: small ones would fill every list."""


def read_figures(release: Path, warehouse: Path, period: str) -> dict[str, Any]:
    """Read all that the report says.

    Args:
        release: a publication's `release.duckdb`, for every figure.
        warehouse: its `cakupan.duckdb`, for names of codes (schema reference) alone.
        period: the month that the report closes with.

    Returns:
        Plain values by the names that the template uses.

    Raises:
        UsageError: the release does not hold the month.
    """
    with duckdb.connect() as con:
        con.execute(f"ATTACH {literal(str(release))} AS told (READ_ONLY)")
        con.execute(f"ATTACH {literal(str(warehouse))} AS names (READ_ONLY)")
        con.execute("USE told.release")
        con.execute("SET VARIABLE period = ?", [period])
        before = _months_before(period, 6)
        con.execute("SET VARIABLE before = ?", [before])
        national = _rows(con, f"SELECT {_COVER}, {_ENDS} FROM coverage_national {_month()}")
        if not national:
            raise UsageError(
                f"the release holds no figures of {period}: publish the month first "
                f"(cakupan run --period {period})"
            )
        return {
            "period": period,
            "before": before,
            "publication": _rows(
                con,
                "SELECT publication, strftime(published_at, '%Y-%m-%d') AS published_on, "
                "code_version FROM publication ORDER BY publication_sequence DESC LIMIT 1",
            )[0],
            "national": national[0],
            "earlier": next(
                iter(_rows(con, f"SELECT {_COVER} FROM coverage_national {_month('before')}")), None
            ),
            "trend": _rows(
                con,
                f"SELECT period, {_COVER} FROM coverage_national WHERE {_DOMICILE} "
                "AND period <= getvariable('period') ORDER BY period DESC LIMIT 13",
            )[::-1],
            "provinces": (provinces := _provinces(con)),
            "empty_tiles": _empty_tiles(provinces),
            "sectors": _sectors(con),
            "heat": _heat(con),
            "largest": _regencies(con, "gap DESC", _LARGEST),
            "lowest": _regencies(con, "coverage_rate, gap DESC", _LOWEST),
            "clauses": _clauses(con),
            "flags": _flags(con),
            "wages": _rows(
                con,
                "SELECT sector_code, sector, ratio_p10, ratio_p25, ratio_p50, ratio_p75, ratio_p90 "
                "FROM wage_gap WHERE period = getvariable('period') AND area = 'national' "
                "ORDER BY sector_code <> 'ALL', sector_code",
            ),
            "deliveries": _deliveries(con),
            "withheld": _withheld(con),
            "segments": _segments(con),
            "movement": read_movement(con, release, warehouse, period, before),
            "addressees": _addressees(con),
            "scale": list(scale()),
            "steps": STEPS,
            "gap_colour": UNREGISTERED,
        }


def _month(name: str = "period") -> str:
    return f"WHERE period = getvariable('{name}') AND {_DOMICILE}"


def _rows(con: duckdb.DuckDBPyConnection, sql: str) -> Rows:
    table = con.execute(sql).to_arrow_table()
    return [{name: _plain(value) for name, value in row.items()} for row in table.to_pylist()]


def _plain(value: Any) -> Any:
    """Give a value that JSON holds; counts of people are whole numbers in a release."""
    if value is None or isinstance(value, bool | str | int):
        return value
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return float(value)


def _months_before(period: str, months: int) -> str:
    year, month = map(int, period.split("-"))
    index = year * 12 + month - 1 - months
    return f"{index // 12:04d}-{index % 12 + 1:02d}"


def _places() -> dict[str, Any]:
    from importlib.resources import files  # noqa: PLC0415

    text = files("publishing.dashboard").joinpath("places.yaml").read_text(encoding="utf-8")
    return dict(load_yaml(text))


def _empty_tiles(provinces: Rows) -> list[Any]:
    """Give the tiles of provinces in which nobody was seen at work, so that none is missing."""
    seen = {row["province_code"] for row in provinces}
    return [tile for code, tile in _places().items() if code not in seen]


def _provinces(con: duckdb.DuckDBPyConnection) -> Rows:
    places = _places()
    rows = _rows(
        con,
        f"""
        SELECT n.province_code, n.province, {", ".join(f"n.{c}" for c in _COVER.split(", "))},
            b.coverage_rate AS rate_before
        FROM coverage_by_province AS n
        LEFT JOIN coverage_by_province AS b
        ON b.province_code = n.province_code AND b.basis = n.basis
            AND b.denominator_id = n.denominator_id AND b.period = getvariable('before')
        WHERE n.period = getvariable('period') AND n.basis = 'domicile'
            AND n.denominator_id = 'eligible'
        ORDER BY n.gap DESC NULLS LAST, n.province
        """,
    )
    for row in rows:
        row["tile"] = places.get(row["province_code"])
    return rows


def _sectors(con: duckdb.DuckDBPyConnection) -> Rows:
    return _rows(
        con,
        f"""
        SELECT n.sector_code, n.sector, {", ".join(f"n.{c}" for c in _COVER.split(", "))},
            b.coverage_rate AS rate_before
        FROM coverage_by_sector AS n
        LEFT JOIN coverage_by_sector AS b
        ON b.sector_code = n.sector_code AND b.basis = n.basis
            AND b.denominator_id = n.denominator_id AND b.period = getvariable('before')
        WHERE n.period = getvariable('period') AND n.basis = 'domicile'
            AND n.denominator_id = 'eligible'
        ORDER BY n.sector_code = 'X', n.sector_code
        """,
    )


def _heat(con: duckdb.DuckDBPyConnection) -> Rows:
    return _rows(
        con,
        "SELECT province_code, province, sector_code, sector, coverage_rate, gap, suppressed "
        f"FROM coverage_by_province_sector {_month()} ORDER BY province_code = '00', "
        "province_code, sector_code",
    )


def _regencies(con: duckdb.DuckDBPyConnection, order: str, limit: int) -> Rows:
    return _rows(
        con,
        f"SELECT province, regency, workers, gap, coverage_rate, coverage_low, coverage_high "
        f"FROM coverage_by_regency {_month()} AND coverage_rate IS NOT NULL "
        f"AND workers >= {_ENOUGH} AND regency_code <> '0000' ORDER BY {order} LIMIT {limit}",
    )


def _clauses(con: duckdb.DuckDBPyConnection) -> Rows:
    """Give every clause and list, as sums of the provinces that tell a figure.

    `persons` are those of `listing` provinces; `paired` those of the `told` ones, which tell the
    active as well, and of them alone a rate can be taken.
    """
    return _rows(
        con,
        """
        SELECT * FROM (
        SELECT g.clause, a.addressee, c.subject, d.title AS list, d.provider,
            count(*) AS provinces, count(g.active) AS told, count(g.persons) AS listing,
            sum(g.persons) AS persons,
            sum(g.persons) FILTER (g.active IS NOT NULL) AS paired,
            sum(g.active) AS active,
            sum(b.active) / nullif(sum(b.persons) FILTER (b.active IS NOT NULL), 0) AS rate_before
        FROM gap_by_instruction AS g
        LEFT JOIN gap_by_instruction AS b
        ON (b.clause, b.dataset, b.province_code) = (g.clause, g.dataset, g.province_code)
            AND b.period = getvariable('before')
        LEFT JOIN names.reference.clauses AS c ON c.clause = g.clause
        LEFT JOIN names.reference.addressees AS a ON a.addressee_id = c.addressee_id
        LEFT JOIN names.reference.datasets AS d ON d.dataset = g.dataset
        WHERE g.period = getvariable('period')
        GROUP BY ALL
        ) AS t
        ORDER BY list_transform(string_split(t.clause, '.'), part -> lpad(part, 3, '0')), t.list
        """,
    )


def _flags(con: duckdb.DuckDBPyConnection) -> Rows:
    """Give each flag by province, as the sum of the cells whose figures are told."""
    sums = ", ".join(f"sum({flag}) AS {flag}" for flag in _FLAGS)
    return _rows(
        con,
        f"""
        SELECT province_code, province, count(*) AS cells, count(employers) AS told,
            sum(employers) AS employers, {sums}, sum(missing_workers) AS missing_workers,
            sum(estimated_contribution) AS contribution
        FROM compliance_by_sector_region
        WHERE period = getvariable('period')
        GROUP BY ALL
        ORDER BY employers DESC NULLS LAST, province
        """,
    )


def _deliveries(con: duckdb.DuckDBPyConnection) -> Rows:
    return _rows(
        con,
        """
        SELECT n.title AS list, n.provider, d.delivery_state AS state, d.delivery_period,
            d.age_months, r.delivered, r.accepted, r.quarantined, r.duplicates, r.linked,
            r.review, r.unlinked
        FROM names.reference.datasets AS n
        LEFT JOIN deliveries AS d
        ON d.dataset = n.dataset AND d.period = getvariable('period')
        LEFT JOIN reconciliation AS r
        ON r.dataset = n.dataset AND r.period = getvariable('period')
        ORDER BY n.provider, n.title
        """,
    )


def _withheld(con: duckdb.DuckDBPyConnection) -> Rows:
    tables = ("coverage_by_province", "coverage_by_sector", "coverage_by_province_sector",
              "coverage_by_regency", "coverage_by_sector_region")  # fmt: skip
    union = " UNION ALL ".join(
        f"SELECT {position} AS position, '{table}' AS table_name, count(*) AS cells, "
        f"count(*) FILTER (NOT suppressed) AS told, count(workers) AS workers_told "
        f"FROM {table} {_month()}"
        for position, table in enumerate(tables)
    )
    return _rows(con, f"{union} ORDER BY position")


def _segments(con: duckdb.DuckDBPyConnection) -> Rows:
    """Give each segment as the sum of its cells that are told; a rate of those told in both."""
    return _rows(
        con,
        f"""
        SELECT segment, count(*) AS cells, count(active) AS told, sum(workers) AS workers,
            sum(active) AS active, sum(gap) AS gap,
            sum(active) / sum(workers) FILTER (active IS NOT NULL) AS coverage_rate
        FROM coverage_by_segment {_month()}
        GROUP BY segment ORDER BY list_position(['PU', 'BPU', 'JAKON', 'PMI'], segment), segment
        """,
    )


def _addressees(con: duckdb.DuckDBPyConnection) -> Rows:
    return _rows(
        con,
        "SELECT a.addressee_id, a.addressee, a.clauses, "
        "(SELECT string_agg(DISTINCT g.agency, '; ' ORDER BY g.agency) "
        "FROM names.reference.addressee_agencies AS g "
        "WHERE g.addressee_id = a.addressee_id AND g.valid_to IS NULL) AS agencies "
        "FROM names.reference.addressees AS a ORDER BY a.addressee_id",
    )
