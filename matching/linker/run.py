"""Linking two tables by a specification, from files to a file.

Belongs here: the order of the stages, and what is told of them. Does not belong here: what
each stage does, or how results are shown (pipelines/cli_link.py).
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import duckdb

from matching.linker import employers, evaluating, general, persons
from matching.linker.embedded import Embedded
from matching.linker.engine import Engine
from matching.linker.report import LinkReport, Stages
from matching.linker.spec import Cardinality, Spec
from matching.linker.tables import Scan, number_file, read_file, read_tables, same_file
from warehouse.errors import UsageError
from warehouse.reference import load_reference
from warehouse.settings import EngineSettings
from warehouse.storage import literal, quote

# Bytes of both files below which a second thread costs more than it does, and below which the
# database is not worth a file.
TINY, SMALL = 300_000, 20_000_000

ENGINES = ("duckdb", "spark")
FOLDER = "CAKUPAN_SPARK_FOLDER"
"""The environment variable of a folder that all machines of a Spark cluster see."""

__all__ = ["ENGINES", "LinkReport", "link", "turned"]


def turned(spec: Spec) -> Spec:
    """Give the specification with the tables in each other's place."""
    cardinality: Cardinality = spec.cardinality
    if cardinality in ("one_to_many", "many_to_one"):
        cardinality = "many_to_one" if cardinality == "one_to_many" else "one_to_many"
    compared = tuple(
        item
        if item.left is None
        else item.model_copy(update={"left": item.right, "right": item.left})
        for item in spec.compare
    )
    return spec.model_copy(
        update={
            "left": spec.right,
            "right": spec.left,
            "cardinality": cardinality,
            "compare": compared,
        }
    )


def link(
    left: Path,
    right: Path,
    spec: Spec,
    out: Path,
    *,
    truth: Path | None = None,
    log: Callable[[str], object] | None = None,
    progress: Callable[[float], object] | None = None,
    engine: EngineSettings | None = None,
    on: str = "duckdb",
) -> LinkReport:
    """Link two tables, or the rows of one.

    Args:
        left: CSV or Parquet file.
        right: the same; the same file as `left` to find the duplicates in it.
        spec: what is compared and how.
        out: Parquet file to write: `left_id`, `right_id`, `probability`, `tier`, `review`.
        truth: CSV or Parquet file of true pairs, `left_id`, `right_id`.
        log: told one line per stage, without a value of a row.
        progress: told the share of the work that is done, from 0 to 1.
        engine: limits of memory and threads.
        on: what does the work on all rows, one of `ENGINES`; the links are the same.

    Returns:
        What was done.

    Raises:
        UsageError: a file or column is missing, an identifier is missing or stands twice,
            the cardinality makes no sense for one table, or the engine is missing or does not
            link such a specification.
        DataRefused: a file is empty or cannot be read.
    """
    dedupe = same_file(left, right)
    if dedupe and spec.cardinality not in ("many_to_many", "one_to_one"):
        raise UsageError(
            f"cardinality: a table linked with itself is many_to_many (or one_to_one, where a row "
            f"has one duplicate at most), not {spec.cardinality}"
        )
    if not out.parent.is_dir():
        raise UsageError(f"--out: there is no folder {out.parent}")
    swapped = spec.cardinality == "one_to_many"
    if swapped:
        left, right, spec = right, left, turned(spec)
    stages_of = _choose(spec, dedupe=dedupe)
    if on != "duckdb" and stages_of != "general":
        raise UsageError(
            f"--engine {on}: this specification is linked through the pipeline's own stages of "
            f"{stages_of}, which run on duckdb; with `stages: general` in it both engines link it, "
            "and alike"
        )
    limits = engine or EngineSettings()
    shared = os.environ.get(FOLDER) if on != "duckdb" else None
    with tempfile.TemporaryDirectory(prefix="cakupan-link-", dir=shared) as folder:
        config: dict[str, Any] = {
            "memory_limit": limits.memory_limit,
            "temp_directory": folder,
            "preserve_insertion_order": False,
            # As in warehouse.connection: rows go to the file as they come.
            "write_buffer_row_group_count": 1,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        }
        size = sum(file.stat().st_size for file in (left, right) if file.is_file())
        threads = 1 if size < TINY else limits.threads
        if threads:
            config["threads"] = threads
        database = ":memory:" if size < SMALL else str(Path(folder) / "link.duckdb")
        with duckdb.connect(database, config=config) as con:
            con.execute("SET enable_progress_bar = false")
            stages = Stages(log, progress)
            scans: dict[str, Scan] = {}
            read = read_file if on == "duckdb" else partial(_number, scans, Path(folder))
            counts = read_tables(con, spec, left, right, read)
            report = LinkReport(*(reversed(counts) if swapped else counts))
            if truth is not None:
                evaluating.load_truth(con, spec, truth, dedupe=dedupe, swapped=swapped)
            stages.done("reading", f"read {counts[0]} × {counts[1]} rows")
            load_reference(con)
            done: dict[str, Any] = {}
            if stages_of == "persons":
                done = persons.link_persons(con, spec, stages.done, truth=truth is not None)
            elif stages_of == "employers":
                done = employers.link_employers(con, spec, stages.done, dedupe=dedupe)
            else:
                with _engine(
                    con,
                    spec,
                    scans,
                    Path(folder),
                    limits,
                    rows=counts[1],
                    dedupe=dedupe,
                    with_truth=truth is not None,
                ) as working:
                    general.link_general(
                        con,
                        spec,
                        working,
                        report,
                        stages,
                        dedupe=dedupe,
                        with_truth=truth is not None,
                    )
            report = replace(report, through=stages_of, **done)
            _write(con, spec, out, report, dedupe=dedupe, swapped=swapped)
            if truth is not None:
                report.evaluation = evaluating.evaluate(con)
                if stages_of == "employers":
                    # Records met as parts of employers, not pair by pair.
                    report.evaluation["blocking_ceiling"] = None
            stages.done("writing", f"{report.links} links, {report.review} pairs for review")
            report.seconds = stages.seconds
    return report


def _number(
    scans: dict[str, Scan],
    folder: Path,
    con: duckdb.DuckDBPyConnection,
    file: Path,
    what: str,
    target: str,
    columns: list[str],
    optional: frozenset[str],
) -> int:
    """Read a table's identifiers alone, and note how the rest is read by others."""
    scan = number_file(con, file, what, target, columns, optional, folder)
    scans[target.removeprefix("lk_raw_")] = scan
    return scan.rows


@contextmanager
def _engine(
    con: duckdb.DuckDBPyConnection,
    spec: Spec,
    scans: dict[str, Scan],
    folder: Path,
    limits: EngineSettings,
    *,
    rows: int,
    dedupe: bool,
    with_truth: bool,
) -> Iterator[Engine]:
    """Give the engine: Spark where the rows were left in their files, else the database."""
    if not scans:
        yield Embedded(con, spec, rows, dedupe=dedupe, with_truth=with_truth)
        return
    # An extra, and slow to load.
    from matching.linker.spark.engine import Spark  # noqa: PLC0415
    from matching.linker.spark.files import Files  # noqa: PLC0415
    from matching.linker.spark.session import started  # noqa: PLC0415

    scratch = folder / "spark"
    scratch.mkdir()
    with started(scratch, limits.threads) as session:
        files = Files(con, session, folder / "tables")
        yield Spark(con, spec, files, scans, with_truth=with_truth)


def _choose(spec: Spec, *, dedupe: bool) -> str:
    """Give the stages that link: those asked for, or those of persons where they fit.

    Raises:
        UsageError: the specification is not of the shape that it asks for.
    """
    if spec.stages == "general":
        return "general"
    if spec.stages == "employers":
        against = employers.why_not(spec)
    else:
        against = persons.why_not(spec, dedupe=dedupe)
        if spec.stages is None:
            return "persons" if against is None else "general"
    if against:
        raise UsageError(
            f"stages: {spec.stages} cannot link this specification: {against}; leave `stages` out "
            "for the general way"
        )
    return spec.stages


def _write(
    con: duckdb.DuckDBPyConnection,
    spec: Spec,
    out: Path,
    report: LinkReport,
    *,
    dedupe: bool,
    swapped: bool,
) -> None:
    """Write the links, whole or not at all."""
    side = "lk_raw_r" if dedupe else "lk_raw_l"
    left, right = f"l.{quote(spec.left.id)}", f"r.{quote(spec.right.id)}"
    if swapped:
        left, right = right, left
    part = out.with_name(f".{out.name}.part")
    con.execute(
        f"""
        COPY (SELECT {left} AS left_id, {right} AS right_id, k.ppm / 1e6 AS probability, k.tier,
                k.review
            FROM lk_links AS k JOIN {side} AS l ON l.lk_row = k.id
            JOIN lk_raw_r AS r ON r.lk_row = k.person_key ORDER BY 1, 2)
        TO {literal(str(part))} (FORMAT parquet)
        """
    )
    part.replace(out)
    for tier, review, n in con.execute(
        "SELECT tier, review, count(*) FROM lk_links GROUP BY ALL ORDER BY ALL"
    ).fetchall():
        if review:
            report.review += n
        else:
            report.links += n
            report.tiers[tier] = n
