"""The released file of a publication: made, attacked, and only then let go.

Belongs here: `release.duckdb` from `cakupan.duckdb`, the gate before it, and what is told of
both. Does not belong here: thresholds, the choice of cells, or the search for leaks.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import duckdb
import numpy as np

from publishing.disclosure import checks, reader, tables
from publishing.disclosure.attacker import attack, read_told, shown_small
from publishing.disclosure.frame import TABLES, Frame, read_frame
from publishing.disclosure.rules import FULL, NOTHING, TOLD, WIDTH, WORKERS, Ints, sensitive
from publishing.disclosure.suppression import protect
from warehouse.errors import GateBlocked
from warehouse.publication import folders
from warehouse.publication.privacy import check_no_identity
from warehouse.storage import count, literal, scalar

_EXACT, _OUT, _BEFORE = "dis_exact", "dis_release", "dis_before"
_SCHEMA = f"{_OUT}.release"
_NAMED = 12

PROGRAM_SECONDS = 20.0
"""Time that the reader with linear programs may take for a month. What is not reached in it is
told as unproven; the networks prove it all the same."""

COPIED = {"quality": ("deliveries", "reconciliation"), "reference": ("publication",)}
"""Tables that count no people of any place, and go along as they are."""


@dataclass
class Release:
    """What was released of one month.

    Attributes:
        cells: rows of the tables that add up to one another.
        published: rows told in full.
        partly: rows told in part.
        primary: rows with something withheld for their own sake.
        complementary: rows with more withheld for the sake of others.
        workers: share of workers whose number is told, by table.
        covered: share of workers in rows whose coverage is told, by table.
        share: share of rows with workers whose number is told, by table.
        searched: withheld counts that the attacker looked for.
        programs: linear programs that the second attacker solved.
        proven: withheld counts that it has shown to keep their range.
        unproven: withheld counts that it did not reach in time.
        attacker_seconds: how long both took.
        seconds: how long all of it took.
        withheld: tables that had to be withheld whole somewhere.
    """

    cells: int = 0
    published: int = 0
    partly: int = 0
    primary: int = 0
    complementary: int = 0
    workers: dict[str, float] = field(default_factory=dict)
    covered: dict[str, float] = field(default_factory=dict)
    share: dict[str, float] = field(default_factory=dict)
    searched: int = 0
    programs: int = 0
    proven: int = 0
    unproven: int = 0
    attacker_seconds: float = 0.0
    seconds: float = 0.0
    withheld: list[str] = field(default_factory=list)


def make_release(
    exact: Path,
    target: Path,
    period: str,
    *,
    base: Path | None = None,
    earlier: Iterable[tuple[Path, Path]] = (),
    storage_version: str = "v1.2.0",
    program_seconds: float = PROGRAM_SECONDS,
    log: Callable[[str], None] | None = None,
) -> Release:
    """Write the released file, and let it go only if nothing can be got back from it.

    Args:
        exact: the published warehouse with exact counts.
        target: the file to write.
        period: the month that is made anew; others are taken from `base` where it has them.
        base: the released file of the publication before.
        earlier: earlier publications of the same month, exact and released file of each: what
            they told stays known.
        storage_version: oldest DuckDB that must open the file.
        program_seconds: for the linear programs of the month.
        log: receives a line for each step.

    Returns:
        Counts of the month.

    Raises:
        GateBlocked: a withheld count could be got back, or a small one is shown. Tables and
            cells are named by their codes, without a figure.
    """
    started = time.monotonic()
    say = log or (lambda _: None)
    with duckdb.connect() as con:
        con.execute("SET threads = 2")
        con.execute(f"ATTACH {literal(str(exact))} AS {_EXACT} (READ_ONLY)")
        con.execute(
            f"ATTACH {literal(str(target))} AS {_OUT} (STORAGE_VERSION {literal(storage_version)})"
        )
        con.execute(f"CREATE SCHEMA {_SCHEMA}")
        periods = [
            name
            for (name,) in con.execute(
                f"SELECT DISTINCT period FROM {_EXACT}.coverage.coverage_national ORDER BY 1"
            ).fetchall()
        ]
        kept = _copy_base(con, base, period)
        report = Release()
        for month in periods:
            if month in kept:
                continue
            known = tuple(earlier) if month == period else ()
            made = _make_period(con, month, known, program_seconds, say)
            if month == period or report.cells == 0:
                report = made
        _copy_plain(con)
        tables.comment(con, _SCHEMA)
    report.seconds = round(time.monotonic() - started, 2)
    return report


def beside(
    con: duckdb.DuckDBPyConnection,
    folder: Path,
    period: str,
    base: folders.Folder | None,
    *,
    published: Path,
    storage_version: str,
    program_seconds: float = PROGRAM_SECONDS,
    log: Callable[[str], None] | None = None,
) -> dict[str, object]:
    """Make the released file of a publication that is being written.

    Args:
        con: the restricted warehouse, asked only whether a text names a person.
        folder: of the publication, holding the exact file.
        period: the month whose rows are new.
        base: the publication before.
        published: folder of all publications.
        storage_version: oldest DuckDB that must open the file.
        program_seconds: for the linear programs.
        log: receives a line for each step.

    Returns:
        Counts for the manifest.

    Raises:
        GateBlocked: a count could be got back, or a text names a person.
    """
    target = folder / folders.RELEASE_FILE
    earlier = [
        (each.warehouse, each.path / folders.RELEASE_FILE)
        for each in folders.publications(published)
        if each.period == period and (each.path / folders.RELEASE_FILE).is_file()
    ]
    made = make_release(
        folder / folders.WAREHOUSE_FILE,
        target,
        period,
        base=base.path / folders.RELEASE_FILE if base else None,
        earlier=earlier,
        storage_version=storage_version,
        program_seconds=program_seconds,
        log=log,
    )
    check_identities(con, target)
    return asdict(made)


def check_identities(con: duckdb.DuckDBPyConnection, target: Path) -> int:
    """Check that no text of the released file names a person.

    Args:
        con: the restricted warehouse.
        target: the released file.

    Raises:
        GateBlocked: a text holds an identity.
    """
    con.execute(f"ATTACH {literal(str(target))} AS {_OUT} (READ_ONLY)")
    try:
        return check_no_identity(con, _OUT)
    finally:
        con.execute(f"DETACH {_OUT}")


def _copy_base(con: duckdb.DuckDBPyConnection, base: Path | None, period: str) -> set[str]:
    """Take the other months from the release before; they were attacked then."""
    if base is None or not base.is_file():
        return set()
    con.execute(f"ATTACH {literal(str(base))} AS {_BEFORE} (READ_ONLY)")
    try:
        listed = con.execute(
            "SELECT table_name FROM duckdb_tables() WHERE database_name = ? ORDER BY 1", [_BEFORE]
        ).fetchall()
        plain = {name for names in COPIED.values() for name in names}
        for (table,) in listed:
            if table not in plain:
                con.execute(
                    f"CREATE TABLE {_SCHEMA}.{table} AS FROM {_BEFORE}.release.{table} "
                    f"WHERE period <> {literal(period)}"
                )
        return {
            month
            for (month,) in con.execute(
                f"SELECT DISTINCT period FROM {_SCHEMA}.coverage_national"
            ).fetchall()
        }
    finally:
        con.execute(f"DETACH {_BEFORE}")


def _make_period(
    con: duckdb.DuckDBPyConnection,
    period: str,
    earlier: Sequence[tuple[Path, Path]],
    seconds: float,
    say: Callable[[str], None],
) -> Release:
    frame = read_frame(con, f"{_EXACT}.coverage", period)
    floor = _floor(con, frame, period, earlier)
    made = protect(frame, floor, say)
    tables.write_coverage(con, _SCHEMA, f"{_EXACT}.coverage", period, frame, made.levels)
    tables.write_standalone(con, _SCHEMA, f"{_EXACT}.coverage", period)
    report = _report(frame, made.levels, made.first)
    report.withheld = made.withheld
    began = time.monotonic()
    report.searched = gate(con, _SCHEMA, period, frame, floor)
    found = outsider(con, _SCHEMA, f"{_EXACT}.coverage", period, frame, earlier, seconds)
    report.programs, report.proven, report.unproven = (
        found[name] for name in ("programs", "proven", "unproven")
    )
    report.attacker_seconds = round(time.monotonic() - began, 2)
    say(
        f"release of {period}: {report.published:,} of {report.cells:,} cells in full, "
        f"{report.partly:,} in part; the attacker found none of {report.searched:,} counts"
    )
    say(
        f"release of {period}: {report.programs:,} linear programs prove {report.proven:,} counts, "
        f"{report.unproven:,} were not reached; {report.attacker_seconds} s"
    )
    return report


def gate(
    con: duckdb.DuckDBPyConnection, schema: str, period: str, frame: Frame, floor: Ints
) -> int:
    """Attack what was written.

    Args:
        con: a connection that sees the release.
        schema: where its tables are.
        period: the month.
        frame: the exact rows.
        floor: what earlier publications of the month told of each row.

    Returns:
        How many withheld counts were looked for.

    Raises:
        GateBlocked: something is given back or shown.
    """
    small = shown_small(con, schema, period)
    found = attack(frame, np.maximum(read_told(con, schema, period, frame), floor))
    _block(period, [*small, *(leak for leak in found.leaks if leak not in small)])
    return found.searched


def outsider(
    con: duckdb.DuckDBPyConnection,
    schema: str,
    exact: str,
    period: str,
    frame: Frame,
    earlier: Sequence[tuple[Path, Path]] = (),
    seconds: float = PROGRAM_SECONDS,
) -> dict[str, int]:
    """Attack what was written with nothing that made it: checks, then linear programs.

    Args:
        con: a connection that sees both files.
        schema: where the released tables are.
        exact: where the exact ones are; they say which counts to look for, and whether what is
            told is true.
        period: the month.
        frame: the exact rows.
        earlier: earlier publications of the month, exact and released file of each.
        seconds: for the linear programs.

    Returns:
        Programs solved, counts proven, and counts that were not reached in time.

    Raises:
        GateBlocked: something is given back, shown or untrue.
    """
    _block(period, checks.unsafe(con, schema, exact, period))
    told = reader.read(con, schema, period)
    _remember(con, told, frame, period, earlier)
    shown = np.zeros((len(TOLD[0]), len(frame.grain)), dtype=bool)
    for row in range(len(frame.grain)):
        place = told.place.get(frame.key(row))
        if place is not None:
            shown[:, row] = ~np.isnan(told.figures[: len(shown), place])
        else:
            shown[:, row] = True
    found = sensitive(frame.counts)
    _block(period, [frame.name(int(row)) for row in np.flatnonzero((found & shown).any(axis=0))
                    if told.place.get(frame.key(int(row))) is not None])  # fmt: skip
    targets = [
        (frame.key(int(row)), int(figure))
        for figure, row in zip(*np.nonzero(found & ~shown), strict=True)
    ]
    names, numbers = checks.with_programs(told, targets, WIDTH, seconds)
    _block(period, names)
    return numbers


def _block(period: str, leaks: Sequence[str]) -> None:
    if leaks:
        more = f" and {len(leaks) - _NAMED} more" if len(leaks) > _NAMED else ""
        raise GateBlocked(
            f"nothing was released for {period}: counts of fewer than ten people could be got "
            f"back from {', '.join(leaks[:_NAMED])}{more}. What was published before stays in "
            "force. Withhold these cells' neighbours or the table (docs/disclosure.md)."
        )


def _remember(
    con: duckdb.DuckDBPyConnection,
    told: reader.Told,
    frame: Frame,
    period: str,
    earlier: Sequence[tuple[Path, Path]],
) -> None:
    """Add what earlier releases of the month told of rows that have not changed since."""
    place = {frame.key(row): row for row in range(len(frame.grain))}
    for number, (exact, release) in enumerate(earlier):
        names = (f"dis_was_{number}", f"dis_said_{number}")
        for name, file in zip(names, (exact, release), strict=True):
            con.execute(f"ATTACH {literal(str(file))} AS {name} (READ_ONLY)")
        try:
            if count(con, f"{names[1]}.release.coverage_national", f"period = {literal(period)}"):
                then = read_frame(con, f"{names[0]}.coverage", period)
                parts, now = then.counts.parts, frame.counts.parts
                same = [
                    then.key(row)
                    for row in range(len(then.grain))
                    if then.key(row) in place
                    and np.abs(parts[:, row] - now[:, place[then.key(row)]]).max() < 1e-4
                ]
                told.learn(reader.read(con, f"{names[1]}.release", period), same)
        finally:
            for name in names:
                con.execute(f"DETACH {name}")


def _floor(
    con: duckdb.DuckDBPyConnection,
    frame: Frame,
    period: str,
    earlier: Sequence[tuple[Path, Path]],
) -> Ints:
    """Find what earlier publications of the month told of rows that have not changed since."""
    floor = np.full(len(frame.grain), NOTHING)
    place = {frame.key(row): row for row in range(len(frame.grain))}
    for number, (exact, release) in enumerate(earlier):
        names = (f"dis_then_{number}", f"dis_told_{number}")
        for name, file in zip(names, (exact, release), strict=True):
            con.execute(f"ATTACH {literal(str(file))} AS {name} (READ_ONLY)")
        try:
            if not scalar(
                con,
                f"SELECT count(*) FROM {names[1]}.release.coverage_national WHERE period = ?",
                [period],
            ):
                continue
            then = read_frame(con, f"{names[0]}.coverage", period)
            told = read_told(con, f"{names[1]}.release", period, then)
            rows = np.array([place.get(then.key(row), -1) for row in range(len(then.grain))])
            here = np.flatnonzero(rows >= 0)
            same = (
                np.abs(then.counts.parts[:, here] - frame.counts.parts[:, rows[here]]) < 1e-4
            ).all(axis=0) & (told[here] > NOTHING) & (then.counts.workers[here] > 0)  # fmt: skip
            floor[rows[here[same]]] = np.maximum(floor[rows[here[same]]], told[here[same]])
        finally:
            for name in names:
                con.execute(f"DETACH {name}")
    return floor


def _copy_plain(con: duckdb.DuckDBPyConnection) -> None:
    for schema, names in COPIED.items():
        for name in names:
            con.execute(f"CREATE TABLE {_SCHEMA}.{name} AS FROM {_EXACT}.{schema}.{name}")


def _report(frame: Frame, levels: Ints, first: Ints) -> Release:
    workers = frame.counts.workers
    real = workers > 0
    report = Release(
        cells=int(real.sum()),
        published=int((real & (levels == FULL)).sum()),
        partly=int((real & (levels > NOTHING) & (levels < FULL)).sum()),
        primary=int((real & (first < FULL)).sum()),
        complementary=int((real & (levels < first)).sum()),
    )
    for grain, table in TABLES.items():
        rows = real & (frame.grain == grain)
        if rows.any():
            told, covered = rows & (levels >= WORKERS), rows & (levels > WORKERS)
            report.workers[table] = round(float(workers[told].sum() / workers[rows].sum()), 4)
            report.covered[table] = round(float(workers[covered].sum() / workers[rows].sum()), 4)
            report.share[table] = round(float(told.sum() / rows.sum()), 4)
    return report
