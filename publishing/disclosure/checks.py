"""Proofs of a written release beside the exact tables, apart from what made it.

Belongs here: that every figure told is the exact one, rounded; that tables which stand alone
keep their thresholds, also by the differences a reader can take; and the search of the reader
with linear programs. Does not belong here: making anything safe, or messages with a figure.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence

import duckdb

from publishing.disclosure import reader
from publishing.disclosure.frame import KEYS, TABLES
from publishing.disclosure.rules import MAX_SHARE, MIN_EMPLOYERS, MIN_PERSONS, Floats
from warehouse.storage import count, literal

_PEOPLE = ("gap_by_instruction", "gap_by_group")
_PLAIN = {"compliance_by_sector_region", "wage_gap", "construction_cover", "sensitivity"}
_ALONE = {
    "gap_by_instruction": ("clause", "dataset", "province_code"),
    "gap_by_group": ("clause", "dataset", "group_code", "province_code"),
    "sensitivity": ("province_code", "scenario"),
    "compliance_by_sector_region": ("province_code", "regency_code", "sector_code"),
    "wage_gap": ("area", "province_code", "regency_code", "sector_code"),
    "construction_cover": ("province_code", "funding"),
}
_RATES = {
    "coverage_rate": "active", "coverage_low": "active_low", "coverage_high": "active_high",
}  # fmt: skip
_MAGNITUDES = {
    "compliance_by_sector_region": (
        "contribution_employers", "contribution_persons",
        ("estimated_contribution", "contribution_jkk", "contribution_jkm", "contribution_jht",
         "contribution_jp", "estimated_without_tax"),
    ),
    "wage_gap": (
        "wage_employers", "wage_persons",
        ("ratio_p10", "ratio_p25", "ratio_p50", "ratio_p75", "ratio_p90"),
    ),
    "construction_cover": (
        "contractors", None,
        ("projects", "contract_value", "with_certificate", "without_certificate",
         "value_without_certificate", "without_value", "estimated_contribution"),
    ),
}  # fmt: skip
_EMPLOYERS = (
    "employers", "employers_flagged", "pwbd", "pds_tk", "pds_upah", "pds_program", "arrears",
    "employers_flagged_without_tax",
)  # fmt: skip
_FLAGS = _EMPLOYERS[2:7]
_OF_PEOPLE = (
    "known_workers", "active_participants", "missing_workers", "missing_workers_without_tax",
    "underreported_workers",
)  # fmt: skip


def columns_of(con: duckdb.DuckDBPyConnection, schema: str, table: str) -> set[str]:
    """Give the columns of a table; none where there is no such table."""
    database, name = schema.split(".")
    return {
        column
        for (column,) in con.execute(
            "SELECT column_name FROM duckdb_columns() WHERE database_name = ? "
            "AND schema_name = ? AND table_name = ?",
            [database, name, table],
        ).fetchall()
    }


def untrue(con: duckdb.DuckDBPyConnection, schema: str, exact: str, period: str) -> list[str]:
    """Name tables that tell a figure which is not the exact one, rounded.

    Counts are within half a person, differences of two rounded ones within one, and what is
    left of those within one and a half; rates are those of the counts told; sums and quantiles
    are as they are.

    Args:
        con: a connection that sees both.
        schema: the release.
        exact: the exact tables.
        period: the month.
    """
    found = []
    for table, keys in (*((TABLES[grain], KEYS[grain]) for grain in TABLES), *_ALONE.items()):
        told = columns_of(con, schema, table)
        if not told:
            continue
        source, known = _exact(con, exact, table, keys, period)
        total = "persons" if "persons" in told else "workers"
        tests = []
        for name in sorted((told & known) - set(keys) - {"period", "denominator_id"}):
            if name in _RATES and total in told:
                part = f"r.{_RATES[name]}"
                tests.append(f"abs(r.{name} - {part} / r.{total}) > 1e-9")
            elif name in _NUMBERS:
                within = _NUMBERS[name] if table not in _PLAIN or name in _COUNTED else 1e-6
                tests.append(f"abs(r.{name}::DOUBLE - coalesce(e.{name}, 0)::DOUBLE) > {within}")
        wrong = count(
            con,
            f"(FROM {schema}.{table} WHERE period = {literal(period)}) AS r "
            f"LEFT JOIN {source} AS e ON {_same(keys)}",
            " OR ".join(tests) or "false",
        )
        if wrong:
            found.append(f"{table} ({wrong} rows do not tell the exact figures)")
    return found


_COUNTED = {"workers", "active"}
_NUMBERS = {
    **dict.fromkeys(("workers", "persons", "active"), 0.5 + 1e-6),
    **dict.fromkeys(("gap", "gap_low", "gap_high", "active_low", "active_high"), 1.0 + 1e-6),
    **dict.fromkeys(("inactive", "unregistered"), 1.5 + 1e-6),
    **dict.fromkeys(
        ("listed", "linked", "review", "unlinked", *_EMPLOYERS, *_OF_PEOPLE,
         *itertools.chain.from_iterable(each[2] for each in _MAGNITUDES.values())), 1e-6,
    ),
}  # fmt: skip


def _exact(
    con: duckdb.DuckDBPyConnection, exact: str, table: str, keys: Iterable[str], period: str
) -> tuple[str, set[str]]:
    """Give the exact rows of a released table; one is in the release alone and is summed."""
    where = f"period = {literal(period)}"
    if table == "coverage_by_province_sector":
        names = [name for name in _NUMBERS if name in columns_of(con, exact, "coverage_by_regency")]
        sums = ", ".join(f"sum({name}) AS {name}" for name in names)
        return (
            f"(SELECT {', '.join(keys)}, {sums} FROM {exact}.coverage_by_sector_region "
            f"WHERE {where} AND denominator_id = 'eligible' GROUP BY ALL)",
            {*names, *_RATES},
        )
    columns = columns_of(con, exact, table)
    if "denominator_id" in columns:
        where += " AND denominator_id = 'eligible'"
    return f"(FROM {exact}.{table} WHERE {where})", columns


def open_magnitudes(
    con: duckdb.DuckDBPyConnection, schema: str, exact: str, period: str
) -> list[str]:
    """Name cells of sums and quantiles that rest on too few, or on one above half."""
    found = []
    for table, (employers, persons, magnitudes) in _MAGNITUDES.items():
        told = [name for name in magnitudes if name in columns_of(con, schema, table)]
        if not told:
            continue
        few = f"e.{employers} < {MIN_EMPLOYERS} OR e.largest_share > {MAX_SHARE}"
        few += f" OR e.{persons} < {MIN_PERSONS}" if persons else ""
        shown = " OR ".join(f"r.{name} IS NOT NULL" for name in told)
        conditions = [f"(({few} OR e.{employers} IS NULL) AND ({shown}))"]
        if table == "compliance_by_sector_region":
            conditions += _compliance()
        if table == "construction_cover":
            conditions.append(
                f"r.value_without_certificate IS NOT NULL AND "
                f"least(e.with_certificate, e.without_certificate) < {MIN_EMPLOYERS}"
            )
        keys = _ALONE[table]
        found += _named(
            con, table, [f"r.{key}" for key in keys],
            f"(FROM {schema}.{table} WHERE period = {literal(period)}) AS r LEFT JOIN "
            f"(FROM {exact}.{table} WHERE period = {literal(period)}) AS e "
            f"ON {_same(keys)}",
            " OR ".join(conditions),
        )  # fmt: skip
    return found


def _same(keys: Iterable[str]) -> str:
    """Say that two rows are of the same place and kind; a country's row has no province."""
    return " AND ".join(f"r.{key} IS NOT DISTINCT FROM e.{key}" for key in keys)


def _compliance() -> list[str]:
    """Say what a row of employers must not tell, by itself or by a difference."""
    most = MIN_EMPLOYERS - 1
    held = " + ".join(f"(r.{name} IS NULL)::INTEGER" for name in _FLAGS)
    told = " + ".join(f"coalesce(r.{name}, 0)" for name in _FLAGS)
    tests = [f"r.{name} < {MIN_EMPLOYERS}" for name in _EMPLOYERS]
    tests += [f"r.{name} BETWEEN 1 AND {MIN_PERSONS - 1}" for name in _OF_PEOPLE]
    tests.append(f"({held} > 0 AND r.employers_flagged > {told} + {most} * ({held} - 1))")
    for name, least in (("employers_flagged", MIN_EMPLOYERS), ("missing_workers", MIN_PERSONS)):
        tests.append(f"abs(r.{name} - r.{name}_without_tax) BETWEEN 1 AND {least - 1}")
        tests.append(
            "(r.estimated_contribution IS NOT NULL AND r.estimated_without_tax IS NOT NULL AND "
            f"abs(e.{name} - e.{name}_without_tax) BETWEEN 1 AND {least - 1})"
        )
    return tests


def _named(
    con: duckdb.DuckDBPyConnection, table: str, keys: Iterable[str], source: str, condition: str
) -> list[str]:
    codes = " || ' ' || ".join(f"coalesce({key}, '')" for key in keys)
    return [
        f"{table}[{key}]"
        for (key,) in con.execute(
            f"SELECT DISTINCT {codes} FROM {source} WHERE {condition} ORDER BY ALL"
        ).fetchall()
    ]


def open_lists(con: duckdb.DuckDBPyConnection, schema: str, period: str) -> list[str]:
    """Name rows of the instruction's lists that give a few people back, alone or together."""
    rows: dict[tuple[str, str], list[tuple[str, str, dict[str, float]]]] = {}
    columns = (
        "listed", "linked", "review", "unlinked", "persons", "active", "inactive",
        "unregistered", "gap", "active_low", "active_high", "gap_low", "gap_high",
        "coverage_rate", "coverage_low", "coverage_high",
    )  # fmt: skip
    leaks: set[str] = set()
    for table in _PEOPLE:
        if not columns_of(con, schema, table):
            continue
        group = "group_code" if table == "gap_by_group" else "''"
        for dataset, province, clause, code, *values in con.execute(
            f"SELECT dataset, province_code, clause, {group}, {', '.join(columns)} "
            f"FROM {schema}.{table} WHERE period = {literal(period)} ORDER BY ALL"
        ).fetchall():
            told = {n: float(v) for n, v in zip(columns, values, strict=True) if v is not None}
            complete(told)
            rows.setdefault((dataset, province), []).append((clause, code, told))
            small = [n for n in columns[4:13] if n in told and told[n] < MIN_PERSONS - 1e-6]
            if small or any(1 <= told.get(n, 0) < MIN_PERSONS for n in columns[:4]):
                leaks.add(f"{table}[{clause} {dataset} {code} {province}]")
    for (dataset, province), listed in rows.items():
        for one, other in itertools.combinations(listed, 2):
            disjoint = one[0] == other[0] and one[1] and other[1]
            if not disjoint and _few(one[2], other[2]):
                leaks.add(f"gap_by_group[{other[0]} {dataset} {other[1]} {province}]")
        for clause, code, whole in listed:
            groups = [told for at, part, told in listed if at == clause and part]
            if code or not groups:
                continue
            for name in columns[4:9]:
                sums = sum(told.get(name, 0.0) for told in groups)
                if name in whole and 0.5 < whole[name] - sums < MIN_PERSONS - 0.5:
                    leaks.add(f"gap_by_instruction[{clause} {dataset} {province}]")
    return sorted(leaks)


def complete(told: dict[str, float]) -> None:
    """Add what the figures told of a row of a list give of the others."""
    for rate, part in _RATES.items():
        if rate in told and "persons" in told:
            told.setdefault(part, round(told[rate] * told["persons"]))
    for whole, one, other in (
        ("persons", "active", "gap"), ("gap", "inactive", "unregistered"),
        ("persons", "active_high", "gap_low"), ("persons", "active_low", "gap_high"),
        ("persons", "active", "gap"),
    ):  # fmt: skip
        for this, at, sign in ((one, other, -1), (other, one, -1)):
            if whole in told and at in told:
                told.setdefault(this, told[whole] + sign * told[at])
        if one in told and other in told:
            told.setdefault(whole, told[one] + told[other])


def _few(one: dict[str, float], other: dict[str, float]) -> bool:
    return any(
        0.5 < abs(one[name] - other[name]) < MIN_PERSONS - 0.5
        for name in ("listed", "persons", "active", "gap", "inactive", "unregistered")
        if name in one and name in other
    )


def open_scenarios(con: duckdb.DuckDBPyConnection, schema: str, period: str) -> list[str]:
    """Name scenarios that differ by few people from another, or from the province's own row."""
    if not columns_of(con, schema, "sensitivity"):
        return []
    few = " OR ".join(
        f"abs({one} - {other}) BETWEEN 1 AND {MIN_PERSONS - 1}"
        for one, other in (
            ("x.workers", "y.workers"),
            ("x.active", "y.active"),
            ("(x.workers - x.active)", "(y.workers - y.active)"),
        )
    )
    rows = f"""(
        SELECT province_code, scenario, workers,
            coalesce(active, round(coverage_rate * workers)::BIGINT) AS active
        FROM {schema}.sensitivity WHERE period = {literal(period)} AND scenario <> 'certain_links'
        UNION ALL
        SELECT province_code, '' AS scenario, workers, active FROM {schema}.coverage_by_province
        WHERE period = {literal(period)} AND basis = 'domicile'
    )"""
    small = f"least(x.workers, x.active, x.workers - x.active) < {MIN_PERSONS}"
    return _named(
        con, "sensitivity", ("x.province_code", "x.scenario"),
        f"{rows} AS x JOIN {rows} AS y USING (province_code)",
        f"x.scenario > y.scenario AND (({few}) OR {small})",
    )  # fmt: skip


def unsafe(con: duckdb.DuckDBPyConnection, schema: str, exact: str, period: str) -> list[str]:
    """Name all that the tables beside the coverage tables tell and must not."""
    return [
        *untrue(con, schema, exact, period),
        *open_lists(con, schema, period),
        *open_scenarios(con, schema, period),
        *open_magnitudes(con, schema, exact, period),
    ]


def with_programs(
    told: reader.Told,
    targets: list[reader.Target],
    wide: float,
    seconds: float,
    hint: Floats | None = None,
    trials: Sequence[reader.Trial] = (),
) -> tuple[reader.Search, list[str]]:
    """Search with linear programs, and name what is narrowed down."""
    found = reader.search(told, targets, wide, seconds, hint, trials)
    names = sorted(
        {f"{TABLES[int(key[0])]}[{' '.join(str(code) for code in key[1:])}]"
         for key, _ in found.narrow}
    )  # fmt: skip
    return found, names
