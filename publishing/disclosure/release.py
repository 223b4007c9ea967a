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

from publishing.disclosure import checks, differencing, reader, revisions, tables
from publishing.disclosure.attacker import Attack, attack, read_told, shown_small
from publishing.disclosure.frame import TABLES, Frame, read_frame
from publishing.disclosure.lattice import Move
from publishing.disclosure.rules import (
    FULL,
    NOTHING,
    TOLD,
    WIDTH,
    WORKERS,
    Floats,
    Ints,
    sensitive,
)
from publishing.disclosure.suppression import protect
from warehouse.errors import GateBlocked
from warehouse.publication import folders
from warehouse.publication.privacy import check_no_identity
from warehouse.storage import literal

_EXACT, _OUT, _BEFORE = "dis_exact", "dis_release", "dis_before"
_SCHEMA = f"{_OUT}.release"
_NAMED = 12

PROGRAM_SECONDS = 900.0
"""Time that the reader with linear programs may take for a month. Where it does not suffice,
nothing is released."""

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
        attacker_seconds: how long both took.
        seconds: how long all of it took.
        withheld: tables that had to be withheld whole somewhere.
        differences: rows of tables that stand alone which tell less, because several of them,
            or an earlier publication of the month, would give a few back by a difference.
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
    attacker_seconds: float = 0.0
    seconds: float = 0.0
    withheld: list[str] = field(default_factory=list)
    differences: int = 0


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
                # It was attacked when it was made; what is told of it must still be true.
                _block(month, checks.unsafe(con, _SCHEMA, f"{_EXACT}.coverage", month))
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
    """Take the other months from the release before, which attacked them."""
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
    floor = revisions.floor_of(con, frame, period, earlier)
    made = protect(frame, floor, say)
    tables.write_coverage(con, _SCHEMA, f"{_EXACT}.coverage", period, frame, made.levels)
    tables.write_standalone(con, _SCHEMA, f"{_EXACT}.coverage", period)
    held = differencing.hold_back(con, _SCHEMA, f"{_EXACT}.coverage", period, earlier)
    report = _report(frame, made.levels, made.first)
    report.differences = held
    report.withheld = made.withheld
    began = time.monotonic()
    attacked = gate(con, _SCHEMA, period, frame, floor)
    report.searched = attacked.searched
    found = outsider(
        con, _SCHEMA, f"{_EXACT}.coverage", period, frame, earlier, seconds, attacked.moves
    )
    report.programs, report.proven = found["programs"], found["proven"]
    report.attacker_seconds = round(time.monotonic() - began, 2)
    say(
        f"release of {period}: {report.published:,} of {report.cells:,} cells in full, "
        f"{report.partly:,} in part; the attacker found none of {report.searched:,} counts"
    )
    say(
        f"release of {period}: {report.proven:,} counts are proven from the released file alone, "
        f"with {report.programs:,} linear programs; {report.attacker_seconds} s"
    )
    return report


def gate(
    con: duckdb.DuckDBPyConnection, schema: str, period: str, frame: Frame, floor: Ints
) -> Attack:
    """Attack what was written.

    Args:
        con: a connection that sees the release.
        schema: where its tables are.
        period: the month.
        frame: the exact rows.
        floor: what earlier publications of the month told of each row.

    Returns:
        How many withheld counts were looked for, and what moves them.

    Raises:
        GateBlocked: something is given back or shown.
    """
    small = shown_small(con, schema, period)
    found = attack(frame, np.maximum(read_told(con, schema, period, frame), floor))
    _block(period, [*small, *(leak for leak in found.leaks if leak not in small)])
    return found


def outsider(
    con: duckdb.DuckDBPyConnection,
    schema: str,
    exact: str,
    period: str,
    frame: Frame,
    earlier: Sequence[tuple[Path, Path]] = (),
    seconds: float = PROGRAM_SECONDS,
    moves: Sequence[Move] = (),
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
        seconds: for the linear programs; 0 leaves them out.
        moves: worth trying, from the attacker by networks; they prove nothing of themselves.

    Returns:
        Programs solved and counts proven.

    Raises:
        GateBlocked: something is given back, shown or untrue; or not all was proven.
    """
    _block(period, checks.unsafe(con, schema, exact, period))
    apart = differencing.find(con, schema, exact, period, earlier)
    _block(period, sorted({leak.name for leak in apart}))
    told = reader.read(con, schema, period)
    revisions.remember(con, told, frame, period, earlier)
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
    if not seconds:
        # Asked for: the proof by networks stands alone, and the manifest tells that none of the
        # counts was proven by programs.
        return {"programs": 0, "proven": 0}
    targets = [
        (frame.key(int(row)), int(figure))
        for figure, row in zip(*np.nonzero(found & ~shown), strict=True)
    ]
    hint, trials = _worth_trying(told, frame, moves)
    searched, names = checks.with_programs(told, targets, WIDTH, seconds, hint, trials)
    _block(period, names)
    if searched.faulty:
        raise GateBlocked(
            f"nothing was released for {period}: what is told of {', '.join(searched.faulty)} "
            "contradicts itself, so that nothing can be proven of it. What was published before "
            "stays in force. Compute the period again (cakupan run); if it stays, look at the "
            "exact tables (docs/disclosure.md)."
        )
    if searched.unproven:
        raise GateBlocked(
            f"nothing was released for {period}: {len(searched.unproven):,} of "
            f"{searched.searched:,} counts of fewer than ten people were not proven to be safe "
            f"within {seconds:g} seconds. What was published before stays in force. Give the "
            "attack more time (publication.program_seconds in the settings) and run again."
        )
    return {"programs": searched.programs, "proven": searched.searched}


def _worth_trying(
    told: reader.Told, frame: Frame, moves: Sequence[Move]
) -> tuple[Floats, list[reader.Trial]]:
    """Give the other attacker what this one knows, row by row of the released file."""
    place = np.array([told.place.get(frame.key(row), -1) for row in range(len(frame.grain))])
    counts = frame.counts
    known = np.vstack([counts.parts, counts.active_low, counts.workers - counts.active_high])
    hint = np.full((len(known), len(told.keys)), np.nan)
    hint[:, place[place >= 0]] = known[:, place >= 0]
    trials = [(place[each.rows], each.parts) for each in moves]
    return hint, [each for each in trials if (each[0] >= 0).all()]


def _block(period: str, leaks: Sequence[str]) -> None:
    if leaks:
        more = f" and {len(leaks) - _NAMED} more" if len(leaks) > _NAMED else ""
        raise GateBlocked(
            f"nothing was released for {period}: counts of fewer than ten people could be got "
            f"back from {', '.join(leaks[:_NAMED])}{more}. What was published before stays in "
            "force. Withhold these cells' neighbours or the table (docs/disclosure.md)."
        )


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
