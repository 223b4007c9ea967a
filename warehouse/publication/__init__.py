"""Publishing: from the restricted warehouse to a folder that analysts may read.

Belongs here: one publication from start to switch, whole or not at all. Does not belong
here: how the tables are computed, and disclosure control: `release.duckdb` is made by the
caller's `beside` (publishing/disclosure), and switched together with `cakupan.duckdb`.

A publication holds all periods: the one that is published, from the restricted warehouse,
and every other as the publication before had it. It is written to a folder without a name,
checked, opened again and compared, and then named; the link `current` moves last.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import duckdb

from warehouse.connection import check_period
from warehouse.errors import CakupanError, GateBlocked
from warehouse.home import Home
from warehouse.publication import folders
from warehouse.publication.changes import write_changes
from warehouse.publication.content import (
    Target,
    add_views,
    fill,
    period_fingerprints,
    period_tables,
)
from warehouse.publication.dictionary import write_dictionary
from warehouse.publication.privacy import check_no_identity
from warehouse.reconciliation import require
from warehouse.reconciliation_published import check_file
from warehouse.settings import Settings
from warehouse.storage import count, literal, quote
from warehouse.tables import table_specs

_NEW, _BASE = "pub_new", "pub_base"

Beside = Callable[[duckdb.DuckDBPyConnection, Path, str, folders.Folder | None], dict[str, object]]
"""Makes a file in the publication's folder: given the restricted warehouse, the folder, the
month whose rows are new, and the publication before."""


@dataclass(frozen=True)
class Publication:
    """What was published.

    Attributes:
        path: the publication's folder.
        period: the month that it was made for.
        number: its number within that month.
        rows: rows by `schema.table`.
        changed: tables whose rows of the period differ from the publication before.
        new: False where nothing had changed, and the earlier publication stands.
    """

    path: Path
    period: str
    number: int
    rows: dict[str, int]
    changed: tuple[str, ...]
    new: bool = True

    @property
    def warehouse(self) -> Path:
        """The published database."""
        return self.path / folders.WAREHOUSE_FILE

    @property
    def sequence(self) -> int:
        """How many publications were made before this one, of any period."""
        return folders.Folder(self.period, self.number, self.path).sequence


def publish(
    con: duckdb.DuckDBPyConnection,
    home: Home,
    settings: Settings,
    period: str,
    *,
    run_id: str = "",
    reason: str = "",
    log: Callable[[str], None] | None = None,
    beside: Beside | None = None,
) -> Publication:
    """Publish a month.

    Where the period's tables, parameters and reference tables are those of its last
    publication and no reason is given, that one stands and nothing is written.

    Args:
        con: the restricted warehouse, holding the period's tables.
        home: whose `published` folder receives it; the caller holds the run lock.
        settings: storage version and retention.
        period: the month.
        run_id: the run that made the tables.
        reason: why a month is published again.
        log: receives a line for each step.
        beside: makes the released file beside the exact one, before anything is switched;
            what it tells goes into the manifest. Where it raises, nothing is published.

    Returns:
        The publication. Where an older month than the newest was published, the newest month
        is published again as well, so that `current` shows the revision.

    Raises:
        GateBlocked: the period has no tables, its reconciliation failed, personal data was
            found, or the written file does not hold what it should. What was published before
            stays.
    """
    check_period(period)
    say = log or (lambda _: None)
    if not count(con, "coverage.coverage_national", f"period = {literal(period)}"):
        raise GateBlocked(
            f"there is nothing to publish for {period}: run the period first "
            f"(cakupan run --period {period})"
        )
    require(con, period)
    published = home.published
    publication = _publish_one(con, home, settings, period, run_id, reason, say, beside)
    # From what lies there, not from what this call made: a call that was killed after it had
    # named its publication left the rest undone, and the next one finds its month unchanged.
    newest = folders.publications(published)[-1]
    if newest.period > period and newest.sequence < publication.sequence:
        _publish_one(
            con, home, settings, newest.period, run_id, f"memuat revisi {period}", say, beside,
            period,
        )  # fmt: skip
    folders.point(published)
    for name in folders.retire(published, settings.publication.keep):
        say(f"publication {name} was retired")
    return publication


def _publish_one(
    con: duckdb.DuckDBPyConnection,
    home: Home,
    settings: Settings,
    period: str,
    run_id: str,
    reason: str,
    say: Callable[[str], None],
    beside: Beside | None,
    revision_of: str | None = None,
) -> Publication:
    """Write one publication; with `revision_of`, all its rows come from the one before."""
    published = home.published
    number = folders.next_number(published, period)
    base = folders.latest_made(published)
    folder = folders.unfinished(published)
    try:
        with _attached(con, folder, base, settings) as (target, base_name):
            # A revision's rows are all in the base already: the revised month is taken from
            # the restricted warehouse anew, the newest one from what was published.
            rows = fill(target, revision_of or period, base_name)
            prints = period_fingerprints(target, period)
            old_prints = period_fingerprints(Target(con, base_name), period) if base_name else {}
            changed = tuple(sorted(t for t, p in prints.items() if old_prints.get(t) != p))
            same = _last_same(published, period, prints, settings, beside is not None)
            if same and not reason:
                say(f"{period} is unchanged: publication {same.name} stands")
                return Publication(same.path, period, same.number, rows, (), new=False)
            sequence = base.sequence + 1 if base else 1
            _write_history(
                target, base_name, period, number, sequence, run_id, reason, changed, prints,
                settings,
            )  # fmt: skip
            rows |= write_changes(target, base_name, f"{period}-{number}")
            rows |= write_dictionary(target)
            rows["reference.publication"] = count(con, target.place("reference", "publication"))
            texts = check_no_identity(con, _NEW)
            say(f"{texts:,} distinct texts were checked: none names a person")
            _write_parquet(target, folder)
        _verify(folder, rows)
        fresh = revision_of or period
        file, parquet = folder / folders.WAREHOUSE_FILE, folder / "parquet"
        tables = check_file(con, file, parquet, fresh, period_tables())
        say(f"{tables} tables of {fresh} are in the written file as they were computed")
        # A revised older month is in the release before; the newest month is as it was.
        told = beside(con, folder, revision_of or period, base) if beside else {}
        _write_manifest(folder, period, number, sequence, rows, prints, settings, told)
        finished = folders.finish(folder, published, period, number)
    except duckdb.Error as error:
        problem = f"{type(error).__name__} while {period} was published"
    except OSError as error:
        problem = f"{error.strerror or type(error).__name__} while {period} was published"
    else:
        say(f"published {finished.name}: {finished.warehouse}")
        return Publication(finished.path, period, number, rows, changed)
    finally:
        folders.discard_unfinished(published)
    raise CakupanError(
        f"{problem}; what was published before stays in force. Check the free space of "
        f"{published} and run again."
    )


@contextmanager
def _attached(
    con: duckdb.DuckDBPyConnection, folder: Path, base: folders.Folder | None, settings: Settings
) -> Iterator[tuple[Target, str | None]]:
    """Attach the new file, and the publication before it read-only."""
    version = settings.publication.storage_version
    file = folder / folders.WAREHOUSE_FILE
    con.execute(f"ATTACH {literal(str(file))} AS {_NEW} (STORAGE_VERSION {literal(version)})")
    try:
        if base:
            con.execute(f"ATTACH {literal(str(base.warehouse))} AS {_BASE} (READ_ONLY)")
        try:
            yield Target(con, _NEW), _BASE if base else None
        finally:
            if base:
                con.execute(f"DETACH {_BASE}")
    finally:
        con.execute(f"DETACH {_NEW}")


def _parameters(settings: Settings) -> str:
    """Give the method parameters that the figures depend on, as text."""
    coverage = settings.coverage.model_dump(mode="json", exclude={"denominators"})
    return json.dumps(coverage | settings.compliance.model_dump(mode="json"), sort_keys=True)


def _last_same(
    published: Path, period: str, prints: dict[str, str], settings: Settings, released: bool
) -> folders.Folder | None:
    """Find the period's last publication, if it has these very rows and parameters."""
    own = [folder for folder in folders.publications(published) if folder.period == period]
    if not own:
        return None
    manifest = json.loads((own[-1].path / folders.MANIFEST_FILE).read_text("utf-8"))
    same = manifest["fingerprints"] == prints and manifest["parameters"] == _parameters(settings)
    # One from before there were releases is made again with one.
    same = same and (not released or (own[-1].path / folders.RELEASE_FILE).is_file())
    return own[-1] if same else None


def _write_history(
    target: Target,
    base: str | None,
    period: str,
    number: int,
    sequence: int,
    run_id: str,
    reason: str,
    changed: tuple[str, ...],
    prints: dict[str, str],
    settings: Settings,
) -> None:
    """Write `reference.publication`: all earlier publications, and this one."""
    con, spec = target.con, table_specs()["publication"]
    place = target.place(spec.schema, spec.name)
    con.execute(spec.ddl(place))
    con.execute(spec.comments(place))
    if base:
        earlier = Target(con, base).place(spec.schema, spec.name)
        con.execute(f"INSERT INTO {place} BY NAME FROM {earlier} ORDER BY publication_sequence")
    inputs = con.execute(
        f"SELECT dataset || ' ' || coalesce(delivery_period, '-') || ' v' || "
        f"coalesce(delivery_version::VARCHAR, '-') || ' ' || coalesce(content_sha256, '-') "
        f"FROM {target.place('quality', 'deliveries')} WHERE period = ? ORDER BY dataset",
        [period],
    ).fetchall()
    digest = hashlib.sha256(json.dumps(prints, sort_keys=True).encode()).hexdigest()
    values = {
        "period": period,
        "publication": f"{period}-{number}",
        "publication_sequence": sequence,
        "published_at": dt.datetime.now(dt.UTC).replace(tzinfo=None, microsecond=0),
        "run_id": run_id or None,
        "publication_reason": reason or None,
        "changed_tables": list(changed),
        "inputs": [text for (text,) in inputs],
        "code_version": metadata.version("cakupan"),
        "method_parameters": _parameters(settings),
        "tables_sha256": digest,
    }
    columns = ", ".join(quote(name) for name in values)
    con.execute(
        f"INSERT INTO {place} ({columns}) VALUES ({', '.join('?' * len(values))})",
        list(values.values()),
    )


def _write_parquet(target: Target, folder: Path) -> None:
    """Write each table as Parquet beside the database, one folder for each schema."""
    con = target.con
    tables = con.execute(
        "SELECT schema_name, table_name FROM duckdb_tables() WHERE database_name = ?",
        [target.database],
    ).fetchall()
    for schema, table in tables:
        place = folder / "parquet" / schema
        place.mkdir(parents=True, exist_ok=True)
        con.execute(
            f"COPY (FROM {target.place(schema, table)}) TO "
            f"{literal(str(place / f'{table}.parquet'))} (FORMAT parquet, COMPRESSION zstd)"
        )


def _verify(folder: Path, rows: dict[str, int]) -> None:
    """Open the written file as an analyst would, and compare it with what was meant."""
    file = folder / folders.WAREHOUSE_FILE
    with duckdb.connect(str(file)) as con:
        add_views(con)
    with duckdb.connect(str(file), read_only=True) as con:
        for name, expected in rows.items():
            found = count(con, name)
            schema, table = name.split(".")
            parquet = folder / "parquet" / schema / f"{table}.parquet"
            beside = count(con, f"read_parquet({literal(str(parquet))})")
            if not found == beside == expected:
                raise GateBlocked(
                    f"{name} has {found} rows in the written file and {beside} in its Parquet, "
                    f"but should have {expected}; nothing was published"
                )
        unequal = con.execute("""
            SELECT count(*) FROM (
                SELECT period, basis, denominator_id, workers, active, gap
                FROM coverage.coverage_national WHERE denominator_id <> 'sakernas'
                EXCEPT ALL
                SELECT period, basis, denominator_id, sum(workers), sum(active), sum(gap)
                FROM coverage.coverage_by_sector_region WHERE denominator_id <> 'sakernas'
                GROUP BY ALL
            )""").fetchall()[0][0]
        if unequal:
            raise GateBlocked(
                "the national totals of the written file differ from the sum of its regions and "
                "sectors; nothing was published"
            )
        unequal = con.execute("""
            SELECT count(*) FROM (
                SELECT period, sum(estimated_contribution) AS rupiah, count(*) AS employers
                FROM coverage.employer_compliance GROUP BY period
            ) AS e FULL JOIN (
                SELECT period, sum(estimated_contribution) AS rupiah, sum(employers) AS employers
                FROM coverage.compliance_by_sector_region GROUP BY period
            ) AS c USING (period)
            WHERE (e.rupiah, e.employers) IS DISTINCT FROM (c.rupiah, c.employers)
            """).fetchall()[0][0]
        if unequal:
            raise GateBlocked(
                "the employers of the written file differ from their totals by region and sector; "
                "nothing was published"
            )


def _write_manifest(
    folder: Path,
    period: str,
    number: int,
    sequence: int,
    rows: dict[str, int],
    prints: dict[str, str],
    settings: Settings,
    release: dict[str, object],
) -> None:
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    manifest = {
        "period": period,
        "number": number,
        "sequence": sequence,
        "parameters": _parameters(settings),
        "rows": dict(sorted(rows.items())),
        "fingerprints": dict(sorted(prints.items())),
        "release": release,
        "files": [
            {
                "name": path.relative_to(folder).as_posix(),
                "bytes": path.stat().st_size,
                "sha256": _sha256(path),
            }
            for path in files
        ],
    }
    (folder / folders.MANIFEST_FILE).write_text(json.dumps(manifest, indent=2) + "\n", "utf-8")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
