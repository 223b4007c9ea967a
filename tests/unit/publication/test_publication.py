"""A publication is whole or not there, holds no person, and stays as readers found it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import duckdb
import pytest

import warehouse.publication as publishing
from warehouse.errors import CakupanError, GateBlocked
from warehouse.home import Home
from warehouse.publication import Publication, folders, publish
from warehouse.settings import PublicationSettings, Settings
from warehouse.tables import create_tables, table_specs

NIK = "3171905203900001"


def fill_period(con: duckdb.DuckDBPyConnection, period: str, workers: int = 10) -> None:
    """Put one regency and sector, and the totals above it, into the restricted warehouse."""
    create_tables(con)
    con.execute("CREATE OR REPLACE TABLE reference.provinces AS SELECT '31' AS province_code, "
                "'DKI Jakarta' AS province, NULL::DATE AS valid_to")  # fmt: skip
    con.execute("COMMENT ON TABLE reference.provinces IS 'ID: Provinsi | EN: Provinces'")
    con.execute(
        "CREATE OR REPLACE TABLE reference.regencies AS SELECT '3171' AS regency_code, "
        "'Jakarta Pusat' AS regency, 'kota' AS kind, '31' AS province_code, '3173' AS bps_code, "
        "1 AS population, NULL::DATE AS valid_from, NULL::DATE AS valid_to, 'x' AS source"
    )
    con.execute("CREATE OR REPLACE TABLE reference.contribution_rates AS SELECT 'JKM' AS programme")
    for table, spec in table_specs().items():
        if spec.schema == "reference":
            continue
        con.execute(f"DELETE FROM {spec.qualified} WHERE period = ?", [period])
        if table.startswith("coverage_") and table != "coverage_by_segment":
            values = {
                "period": period, "basis": "domicile", "denominator_id": "eligible",
                "province_code": "31", "province": "DKI Jakarta", "regency_code": "3171",
                "regency": "Jakarta Pusat", "sector_code": "G", "sector": "Perdagangan",
                "workers": workers, "active": 4, "inactive": 1, "unregistered": workers - 5,
                "gap": workers - 4, "coverage_rate": 4 / workers,
            }  # fmt: skip
            names = [c.name for c in spec.meanings if c.name in values]
            con.execute(
                f"INSERT INTO {spec.qualified} ({', '.join(names)}) "
                f"VALUES ({', '.join('?' * len(names))})",
                [values[name] for name in names],
            )


@pytest.fixture
def filled(con: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    fill_period(con, "2026-10")
    return con


def read(publication: Publication, sql: str) -> list[tuple]:
    with duckdb.connect(str(publication.warehouse), read_only=True) as con:
        return con.execute(sql).fetchall()


def test_a_publication_can_be_read_and_says_what_it_is(filled, home: Home) -> None:
    done = publish(filled, home, Settings(), "2026-10", run_id="run-1")
    assert done.path.name == "2026-10-1"
    assert (home.published / "current").resolve() == done.path
    assert read(done, "SELECT workers, gap FROM coverage.coverage_national") == [(10, 6)]
    assert read(done, "SELECT publication, run_id FROM reference.publication") == [
        ("2026-10-1", "run-1")
    ]
    assert read(done, "SELECT province FROM reference.regions") == [("DKI Jakarta",)]
    parquet = done.path / "parquet" / "coverage" / "coverage_by_regency.parquet"
    assert duckdb.sql(f"SELECT regency FROM '{parquet}'").fetchall() == [("Jakarta Pusat",)]


def test_every_table_and_column_is_commented_in_both_languages(filled, home: Home) -> None:
    done = publish(filled, home, Settings(), "2026-10")
    uncommented = read(
        done,
        "SELECT table_name, column_name FROM duckdb_columns() "
        "WHERE schema_name IN ('coverage', 'quality') AND NOT internal "
        "AND coalesce(comment, '') NOT SIMILAR TO 'ID: .+ \\| EN: .+'",
    )
    assert uncommented == []
    unit = read(
        done,
        "SELECT unit, meaning_id, meaning_en, in_grain FROM reference.data_dictionary "
        "WHERE table_name = 'coverage_national' AND column_name = 'coverage_rate'",
    )
    assert unit == [
        (
            "fraction 0 to 1",
            "Cakupan = aktif dibagi pekerja",
            "Coverage: active over workers",
            False,
        )
    ]


def test_an_older_client_can_open_the_file(filled, home: Home) -> None:
    done = publish(filled, home, Settings(), "2026-10")
    # The storage version stands in the header after the checksum and the magic bytes; 64 is
    # what DuckDB 0.9 to 1.1 wrote, 65 is 1.2.
    header = done.warehouse.read_bytes()[:20]
    assert header[8:12] == b"DUCK"
    assert int.from_bytes(header[12:20], "little") <= 65


def test_the_same_tables_again_make_no_new_publication(filled, home: Home) -> None:
    first = publish(filled, home, Settings(), "2026-10")
    again = publish(filled, home, Settings(), "2026-10")
    assert (again.new, again.path) == (False, first.path)
    asked = publish(filled, home, Settings(), "2026-10", reason="permintaan DJSN")
    assert asked.path.name == "2026-10-2"
    assert asked.changed == ()


def test_a_changed_month_gets_a_number_and_says_what_changed(filled, home: Home) -> None:
    publish(filled, home, Settings(), "2026-10")
    fill_period(filled, "2026-10", workers=12)
    second = publish(filled, home, Settings(), "2026-10")
    assert second.path.name == "2026-10-2"
    assert "coverage.coverage_national" in second.changed
    assert "quality.bridge" not in second.changed
    assert (home.published / "current").resolve() == second.path


def test_a_publication_holds_every_month_at_its_latest(filled, home: Home) -> None:
    publish(filled, home, Settings(), "2026-10")
    fill_period(filled, "2026-11", workers=20)
    # What was computed but not published for another month must not slip in.
    fill_period(filled, "2026-10", workers=99)
    november = publish(filled, home, Settings(), "2026-11")
    months = "SELECT period, workers FROM coverage.coverage_national ORDER BY period"
    assert read(november, months) == [("2026-10", 10), ("2026-11", 20)]


def test_a_revised_older_month_reaches_current(filled, home: Home) -> None:
    publish(filled, home, Settings(), "2026-10")
    fill_period(filled, "2026-11", workers=20)
    publish(filled, home, Settings(), "2026-11")
    fill_period(filled, "2026-10", workers=12)
    revised = publish(filled, home, Settings(), "2026-10")
    assert revised.path.name == "2026-10-2"
    current = (home.published / "current").resolve()
    assert current.name == "2026-11-2"
    with duckdb.connect(str(current / "cakupan.duckdb"), read_only=True) as con:
        assert con.execute(
            "SELECT period, workers FROM coverage.coverage_national ORDER BY period"
        ).fetchall() == [("2026-10", 12), ("2026-11", 20)]
        assert con.execute(
            "SELECT publication, publication_reason FROM reference.publication "
            "ORDER BY publication_sequence"
        ).fetchall() == [
            ("2026-10-1", None),
            ("2026-11-1", None),
            ("2026-10-2", None),
            ("2026-11-2", "memuat revisi 2026-10"),
        ]


class Killed(BaseException):
    """Ends a call as a kill does, at a place that the test chooses."""


def test_what_a_kill_left_undone_is_done_by_the_next_call(
    filled, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(filled, home, Settings(), "2026-10")
    fill_period(filled, "2026-10", workers=20)

    def killed(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(folders, "point", killed)
        with pytest.raises(Killed):
            publish(filled, home, Settings(), "2026-10")
    assert (home.published / "current").readlink() == Path("2026-10-1")
    again = publish(filled, home, Settings(), "2026-10")
    assert (again.new, again.path.name) == (False, "2026-10-2")
    assert (home.published / "current").readlink() == Path("2026-10-2")

    # Killed between the older month's publication and that of the newest, which shows it.
    fill_period(filled, "2026-09", workers=30)
    real = folders.finish

    def finish_older(folder: Path, published: Path, period: str, number: int) -> folders.Folder:
        if period != "2026-09":
            raise Killed
        return real(folder, published, period, number)

    with monkeypatch.context() as patched:
        patched.setattr(folders, "finish", finish_older)
        with pytest.raises(Killed):
            publish(filled, home, Settings(), "2026-09")
    assert not publish(filled, home, Settings(), "2026-09").new
    current = Publication((home.published / "current").resolve(), "2026-10", 3, {}, ())
    assert current.path.name == "2026-10-3"
    assert read(
        current, "SELECT period, workers FROM coverage.coverage_national ORDER BY period"
    ) == [("2026-09", 30), ("2026-10", 20)]


def test_nothing_to_publish_is_a_clear_refusal(filled, home: Home) -> None:
    with pytest.raises(GateBlocked, match="run the period first"):
        publish(filled, home, Settings(), "2026-12")


def _plant(con: duckdb.DuckDBPyConnection, text: str) -> None:
    con.execute("UPDATE coverage.coverage_by_regency SET regency = ?", [text])


@pytest.mark.parametrize(
    "text",
    [
        NIK, f"NIK {NIK}", "01.234.567.8-901.000", "317190 520390 0001", "12345678901",
        "Siti Nurhaliza Wati", "  siti nurhaliza wati ",
    ],
)  # fmt: skip
def test_an_identity_in_any_text_blocks_the_publication(filled, home: Home, text: str) -> None:
    before = publish(filled, home, Settings(), "2026-10")
    filled.execute("CREATE TABLE conformed.farmers (nik VARCHAR, full_name VARCHAR)")
    filled.execute("INSERT INTO conformed.farmers VALUES (?, 'SITI NURHALIZA WATI')", [NIK])
    _plant(filled, text)
    with pytest.raises(GateBlocked, match=r"coverage\.coverage_by_regency\.regency") as caught:
        publish(filled, home, Settings(), "2026-10")
    assert text.strip() not in str(caught.value)
    assert (home.published / "current").resolve() == before.path
    assert sorted(p.name for p in home.published.iterdir()) == ["2026-10-1", "current"]


def test_an_identity_in_a_list_is_found(filled, home: Home) -> None:
    filled.execute(
        "INSERT INTO quality.deliveries (period, dataset, content_sha256) "
        "VALUES ('2026-10', 'farmers', ?)",
        [NIK],
    )
    with pytest.raises(GateBlocked, match=r"quality\.deliveries.*reference\.publication\.inputs"):
        publish(filled, home, Settings(), "2026-10")


def test_a_person_named_like_a_place_or_a_code_blocks_nothing(filled, home: Home) -> None:
    filled.execute("CREATE TABLE conformed.farmers (nik VARCHAR, full_name VARCHAR)")
    filled.execute("INSERT INTO conformed.farmers VALUES (NULL, 'Jakarta Pusat'), (NULL, 'G')")
    filled.execute("INSERT INTO conformed.farmers VALUES (NULL, 'eligible'), (NULL, 'DOMICILE')")
    assert publish(filled, home, Settings(), "2026-10").new


def test_a_reader_keeps_the_old_file_and_retention_counts_publications(filled, home: Home) -> None:
    settings = Settings(publication=PublicationSettings(keep=2))
    first = publish(filled, home, settings, "2026-10")
    descriptor = os.open(first.warehouse, os.O_RDONLY)
    for workers in (11, 12, 13):
        fill_period(filled, "2026-10", workers)
        publish(filled, home, settings, "2026-10")
    assert [f.name for f in folders.publications(home.published)] == ["2026-10-3", "2026-10-4"]
    assert not first.path.exists()
    assert os.read(descriptor, 12)[8:] == b"DUCK"
    os.close(descriptor)


def test_a_failure_while_writing_leaves_the_old_publication_and_no_remains(
    filled, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = publish(filled, home, Settings(), "2026-10")
    fill_period(filled, "2026-10", workers=12)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(publishing, "_write_parquet", full)
    with pytest.raises(CakupanError, match=r"No space left on device.*stays in force"):
        publish(filled, home, Settings(), "2026-10")
    assert sorted(p.name for p in home.published.iterdir()) == ["2026-10-1", "current"]
    assert (home.published / "current").resolve() == before.path
    monkeypatch.undo()
    assert publish(filled, home, Settings(), "2026-10").path.name == "2026-10-2"


def test_totals_that_do_not_add_up_are_not_published(filled, home: Home) -> None:
    filled.execute("UPDATE coverage.coverage_national SET workers = 11")
    with pytest.raises(GateBlocked, match="national totals"):
        publish(filled, home, Settings(), "2026-10")
    assert folders.publications(home.published) == []


def test_the_manifest_tells_every_file_with_its_hash(filled, home: Home) -> None:
    done = publish(filled, home, Settings(), "2026-10")
    manifest = json.loads((done.path / folders.MANIFEST_FILE).read_text())
    named = {entry["name"]: entry for entry in manifest["files"]}
    on_disk = {
        p.relative_to(done.path).as_posix() for p in Path(done.path).rglob("*") if p.is_file()
    }
    assert set(named) == on_disk - {folders.MANIFEST_FILE}
    assert named["cakupan.duckdb"]["bytes"] == done.warehouse.stat().st_size
