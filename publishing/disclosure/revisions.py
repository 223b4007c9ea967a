"""What earlier publications of a month told, and readers therefore know.

Belongs here: which rows have not changed since, and what was told of them. Does not belong
here: the attack itself, and other months.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import duckdb
import numpy as np

from publishing.disclosure import reader
from publishing.disclosure.attacker import read_told
from publishing.disclosure.frame import Frame, read_frame
from publishing.disclosure.rules import NOTHING, Ints
from warehouse.storage import count, literal, scalar


def remember(
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


def floor_of(
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
