"""Reconciliation: nothing lost, nothing doubled, nothing changed, from delivery to table.

Belongs here: holding the stages of a period against each other by count and by an order-free
checksum, writing `quality.reconciliation_checks`, and the gate that a failure closes. Does not
belong here: the sums of the published tables (reconciliation_rollups.py), the written file
(reconciliation_published.py), and what a stage makes.

Every check has two sides. Their rows are counted, and a hash of each row is added up to a
128-bit sum (why: seals.py). A check passes where both agree. Three kinds:

    balance     two stages, row by row: what goes in comes out, somewhere, once
    roll-up     a table against the sums of a finer one, cell by cell
    unchanged   a table against its own seal of when it was written
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files

import duckdb

from warehouse import reconciliation_rollups, seals
from warehouse.connection import check_period
from warehouse.errors import CakupanError, GateBlocked
from warehouse.seals import Part
from warehouse.storage import literal, quote, run_sql_file, transaction
from warehouse.tables import table_specs

CHECKS = "reconciliation_checks"
ALL = "all"
"""Stands for the dataset in checks of tables that belong to none."""

UNCHANGED = "unchanged"

STEPS = {
    "ledger": "kiriman = jumlah berkasnya",
    "delivered": "baris berkas = baris tersimpan + tidak terbaca",
    "conformed": "baris tersimpan = diterima + dikarantina + kembar",
    "counted": "hitungan yang dicatat = isi tabel",
    "linked": "diterima = bertaut + diperiksa + tidak bertaut",
    "employers_linked": "usaha diterima = usaha bertaut",
    "register": "penduduk 15 tahun ke atas = induk penduduk",
    "persons_exist": "tautan menunjuk orang yang ada",
    "employers_exist": "tautan menunjuk usaha yang ada",
    "published_counts": "rekonsiliasi terbitan = hitungan",
    "published_links": "rekonsiliasi terbitan = tautan",
    "unlinked_reasons": "alasan tidak bertaut = catatan tidak bertaut",
    "workers": "pekerja satu per satu = tabel terhalus",
    "one_state": "pekerja = aktif + tidak aktif + belum terdaftar",
    UNCHANGED: "isi tabel sama seperti saat ditulis",
}
"""What each step demands, in Indonesian; those of roll-ups are told by their tables."""

_OTHERS = ("expectation_results", CHECKS, "drift", "coverage_trend", "publication_change")
"""Tables that are written after the stages or inside a publication, and so carry no seal."""


@dataclass(frozen=True)
class Check:
    """What came of one check; counts only.

    Attributes:
        dataset: the dataset, or `all`.
        table: the table that is looked at.
        step: which comparison.
        left: rows (or workers) on the side of what should be.
        right: the same on the side of what is.
        checksums_equal: whether the sums of hashes agree; None where only counts can be
            compared.
    """

    dataset: str
    table: str
    step: str
    left: int
    right: int
    checksums_equal: bool | None

    @property
    def passed(self) -> bool:
        """Whether both sides agree."""
        return self.left == self.right and self.checksums_equal is not False

    def __str__(self) -> str:
        """Tell dataset, step and difference."""
        demand = STEPS.get(self.step, "jumlah rincian sama dengan totalnya")
        what = f"{self.left} lawan {self.right} (selisih {self.right - self.left:+d})"
        if self.left == self.right:
            what = f"jumlahnya sama ({self.left}), isinya berbeda"
        return f"{self.dataset} [{self.step}] {self.table}: {demand}; {what}"


def reconcile(con: duckdb.DuckDBPyConnection, period: str) -> list[Check]:
    """Hold all stages of a period against each other and write down what came of it.

    Args:
        con: the restricted warehouse with the period's tables; its parameters set and its
            input views made (warehouse/inputs.py).
        period: the month.

    Returns:
        A result per dataset, table and step.

    Raises:
        UsageError: the period is no month.
        CakupanError: a comparison could not be made; no result was written.
    """
    checks = compare(con, period)
    _write(con, period, checks)
    return checks


def compare(con: duckdb.DuckDBPyConnection, period: str) -> list[Check]:
    """Hold all stages of a period against each other, as `reconcile`, and write nothing down."""
    check_period(period)
    fault = ""
    try:
        checks = [*_balances(con, period), *_unchanged(con, period)]
    except duckdb.Error as error:
        # DuckDB's text may quote a row.
        fault = type(error).__name__
    finally:
        for view in _VIEWS:
            con.execute(f"DROP VIEW IF EXISTS temp.{view}")
    if fault:
        raise CakupanError(
            f"the stages of {period} could not be held against each other ({fault}); nothing is "
            "published. A table is missing or of an older version: run the period again."
        )
    return checks


def require(con: duckdb.DuckDBPyConnection, period: str) -> None:
    """Refuse a period whose reconciliation has failed.

    Raises:
        GateBlocked: naming dataset, step and difference of each failure.
    """
    spec = table_specs()[CHECKS]
    con.execute(spec.ddl())
    rows = con.execute(
        "SELECT dataset, table_name, reconciliation_step, left_count, right_count, "
        f"checksums_equal FROM {spec.qualified} WHERE period = ? AND NOT passed ORDER BY ALL",
        [period],
    ).fetchall()
    if rows:
        raise GateBlocked(blocked(period, [Check(*row) for row in rows]))


def blocked(period: str, failed: list[Check], shown: int = 10) -> str:
    """Tell why a period is not published."""
    told = "; ".join(str(check) for check in failed[:shown])
    more = f"; dan {len(failed) - shown} lagi" if len(failed) > shown else ""
    return (
        f"rekonsiliasi {period} gagal pada {len(failed)} pemeriksaan: {told}{more}. Tidak ada "
        "yang dipublikasikan; jalankan periode itu lagi, dan bila tetap gagal laporkan"
    )


_VIEWS = ("rec_deliveries", "rec_links", "rec_workers", "rec_rollups", "rec_landed",
          "rec_fates", "rec_in_force")  # fmt: skip


def _balances(con: duckdb.DuckDBPyConnection, period: str) -> Iterator[Check]:
    _delivery_views(con, period)
    folder = files("warehouse").joinpath("sql", "reconciliation")
    for file in sorted(folder.iterdir(), key=lambda entry: entry.name):
        run_sql_file(con, file)
    con.execute(f"CREATE OR REPLACE TEMP VIEW rec_rollups AS {reconciliation_rollups.sql(period)}")
    for view in ("rec_deliveries", "rec_links", "rec_workers", "rec_rollups"):
        # Sums of no row are 0, so that a side without rows differs from one with some.
        rows = con.execute(f"""
            SELECT dataset, table_name, step,
                coalesce(sum(n) FILTER (side = 'left'), 0)::HUGEINT,
                coalesce(sum(n) FILTER (side = 'right'), 0)::HUGEINT,
                coalesce(sum(h) FILTER (side = 'left'), 0)
                    = coalesce(sum(h) FILTER (side = 'right'), 0)
            FROM {view} GROUP BY ALL ORDER BY ALL""").fetchall()
        for dataset, table, step, left, right, equal in rows:
            yield Check(dataset, table, step, int(left), int(right), bool(equal))


def _delivery_views(con: duckdb.DuckDBPyConnection, period: str) -> None:
    """Make views over the rows of every delivery that the period uses."""
    used = con.execute(
        "SELECT dataset, delivery_period, version FROM landing.in_force "
        "WHERE period = ? AND state IN ('current', 'carried') ORDER BY dataset",
        [period],
    ).fetchall()
    con.execute(
        "CREATE OR REPLACE TEMP VIEW rec_in_force AS SELECT dataset, delivery_period AS period, "
        f"version FROM landing.in_force WHERE period = {literal(period)} "
        "AND state IN ('current', 'carried')"
    )
    unread = (
        "SELECT q.dataset, q.file, q.row_number, {} FROM quarantine.rows AS q JOIN rec_in_force "
        "AS f ON f.dataset = q.dataset AND f.period = q.period AND f.version = q.delivery_version "
        "WHERE q.stage = 'reading'"
    )
    landed = [unread.format("true AS unread")]
    fates = [
        unread.format("'quarantined' AS fate").replace(" WHERE q.stage = 'reading'", ""),
        "SELECT d.dataset, d.file, d.row_number, 'duplicate' FROM conformed.duplicates AS d "
        "JOIN rec_in_force AS f ON f.dataset = d.dataset AND f.period = d.period "
        "AND f.version = d.delivery_version",
    ]
    for dataset, delivered, version in used:
        of_delivery = f"period = {literal(delivered)} AND delivery_version = {int(version)}"
        named = f"SELECT {literal(dataset)} AS dataset, file, row_number"
        landed.append(f"{named}, false FROM landing.{quote(dataset)} WHERE {of_delivery}")
        fates.append(f"{named}, 'accepted' FROM conformed.{quote(dataset)} WHERE {of_delivery}")
    for view, parts in (("rec_landed", landed), ("rec_fates", fates)):
        con.execute(f"CREATE OR REPLACE TEMP VIEW {view} AS {' UNION ALL '.join(parts)}")


def _unchanged(con: duckdb.DuckDBPyConnection, period: str) -> Iterator[Check]:
    """Compare every table of the period with its seal."""
    parts: list[tuple[str, Part]] = []
    for dataset, delivered, version in con.execute(
        "SELECT dataset, delivery_period, version FROM landing.in_force "
        "WHERE period = ? AND state IN ('current', 'carried') ORDER BY dataset",
        [period],
    ).fetchall():
        parts += [
            (dataset, Part(f"landing.{quote(dataset)}", delivered, version)),
            (dataset, Part(f"conformed.{quote(dataset)}", delivered, version)),
            (dataset, Part("quarantine.rows", delivered, version, dataset)),
            (dataset, Part("conformed.duplicates", delivered, version, dataset)),
        ]
    computed = [
        spec.qualified
        for spec in table_specs().values()
        if spec.schema in ("coverage", "quality") and spec.name not in _OTHERS
    ]
    standing = {
        f"{schema}.{name}"
        for schema, name in con.execute(
            "SELECT schema_name, table_name FROM duckdb_tables() "
            "WHERE database_name = current_database()"
        ).fetchall()
    }
    parts += [
        (ALL, Part(table, period))
        for table in (*seals.STAGES, *sorted(computed))
        if table in standing
    ]
    for (dataset, part), found in zip(
        parts, seals.compare(con, [part for _, part in parts]), strict=True
    ):
        table = part.table.replace('"', "")
        yield Check(dataset, table, UNCHANGED, found.sealed, found.found, found.same)


def _write(con: duckdb.DuckDBPyConnection, period: str, checks: list[Check]) -> None:
    spec = table_specs()[CHECKS]
    con.execute(spec.ddl())
    names = "period, dataset, table_name, reconciliation_step, left_count, right_count, "
    with transaction(con):
        con.execute(f"DELETE FROM {spec.qualified} WHERE period = ?", [period])
        if checks:
            con.execute(
                f"INSERT INTO {spec.qualified} ({names}checksums_equal, passed) VALUES "
                + ", ".join(["(?, ?, ?, ?, ?, ?, ?, ?)"] * len(checks)),
                [
                    value
                    for c in checks
                    for value in (
                        period, c.dataset, c.table, c.step, c.left, c.right, c.checksums_equal,
                        c.passed,
                    )
                ],
            )  # fmt: skip
