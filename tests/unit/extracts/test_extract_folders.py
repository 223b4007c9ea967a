"""A folder holds what its contract names, of its recipient alone, and can be proven."""

from __future__ import annotations

import csv
import json
import resource
import subprocess
import zipfile
from pathlib import Path

import duckdb
import openpyxl
import pyarrow.parquet as pq
import pytest
from extract_world import PERIOD, make_publication
from typer.testing import CliRunner

from pipelines.cli import app
from publishing.extracts.contracts import load_extract_contracts
from publishing.extracts.folder import check_folder
from publishing.extracts.making import make_extracts
from publishing.extracts.notes import Delivered
from publishing.signing import load_signer, make_signer
from publishing.spreadsheets import SUPPRESSED
from warehouse.errors import CakupanError, GateBlocked, UsageError
from warehouse.home import Home
from warehouse.publication.folders import RELEASE_FILE
from warehouse.settings import ExtractSettings, Settings

ONE = Settings(extracts=ExtractSettings(processes=1))


def make(home: Home, *numbers: int, region: str | None = None, **options) -> Path:
    report = make_extracts(home, ONE, PERIOD, addressees=numbers, region=region, **options)
    (contract,) = [load_extract_contracts()[n] for n in numbers]
    return report.folder / contract.folder / (region or "")


def rows(file: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(file.read_text("utf-8").splitlines()))


def public_key(home: Home) -> bytes:
    return (home.path / "extracts" / "kunci-publik.pem").read_bytes()


def test_every_file_has_the_columns_of_the_contract_and_no_others(released: Home) -> None:
    folder = make(released, 13)
    contract = load_extract_contracts()[13]
    book = openpyxl.load_workbook(folder / f"cakupan-{PERIOD}-pertanian.xlsx")
    assert book.sheetnames[0] == "Ringkasan"
    assert book.sheetnames[-2:] == ["Kamus Data", "Catatan"]
    sheets = book.sheetnames[1:-2]
    assert len(sheets) == len(contract.aggregates)
    for table, sheet in zip(contract.aggregates, sheets, strict=True):
        names = [column.name for column in table.columns]
        assert pq.read_schema(folder / f"{table.name}.parquet").names == names
        assert list(rows(folder / f"{table.name}.csv")[0]) == names
        headings = [cell.value for cell in book[sheet][4]]
        assert headings == list(table.headings)
        assert book[sheet].max_row - 4 == len(rows(folder / f"{table.name}.csv"))


def test_a_ministry_sees_its_own_sectors_and_clauses(released: Home) -> None:
    folder = make(released, 13)
    assert {r["sector_code"] for r in rows(folder / "coverage_by_sector_region.csv")} == {"A"}
    assert {r["clause"] for r in rows(folder / "gap_by_instruction.csv")} == {"2.13.b"}
    assert {r["period"] for r in rows(folder / "coverage_by_sector_region.csv")} == {PERIOD}
    assert len({r["period"] for r in rows(folder / "coverage_by_sector.csv")}) == 3


def test_a_regent_sees_the_own_region_and_the_province_it_lies_in(released: Home) -> None:
    with duckdb.connect(str(released.published / f"{PERIOD}-1" / RELEASE_FILE)) as con:
        code = con.execute(
            "SELECT min(regency_code) FROM release.release.coverage_by_regency "
            "WHERE province_code = '32'"
        ).fetchall()[0][0]
    folder = make(released, 25, region=code)
    assert {r["regency_code"] for r in rows(folder / "coverage_by_sector_region.csv")} == {code}
    assert {r["regency_code"] for r in rows(folder / "coverage_by_regency.csv")} == {code}
    assert {r["province_code"] for r in rows(folder / "coverage_by_province.csv")} == {"32"}
    governor = make(released, 24, region="32")
    assert {r["province_code"] for r in rows(governor / "coverage_by_regency.csv")} == {"32"}


def test_a_region_without_rows_has_its_folder_all_the_same(released: Home) -> None:
    """A release need not name every region; nobody's extract may be forgotten."""
    with duckdb.connect(str(released.published / f"{PERIOD}-1" / RELEASE_FILE)) as con:
        con.execute("DELETE FROM release.release.coverage_by_regency WHERE province_code = '91'")
    folder = make(released, 25, region="9171")
    assert rows(folder / "coverage_by_regency.csv") == []
    assert check_folder(folder, public_key(released)) == []


def test_hidden_cells_are_marked_for_people_and_empty_for_programs(released: Home) -> None:
    folder = make(released, 13)
    hidden = [
        r for r in rows(folder / "coverage_by_sector_region.csv") if r["suppressed"] == "true"
    ]
    assert hidden
    assert {r["gap"] for r in hidden} == {""}
    book = openpyxl.load_workbook(folder / f"cakupan-{PERIOD}-pertanian.xlsx")
    cells = [cell.value for row in book["Lapangan usaha per wilayah"] for cell in row]
    assert cells.count(SUPPRESSED) == len(hidden) * 7
    notes = [cell.value for row in book["Catatan"] for cell in row if cell.value]
    assert any(text.startswith(f"Sel bertanda {SUPPRESSED}") for text in notes)


def test_the_first_sheet_tells_the_figures_and_draws_them(released: Home) -> None:
    folder = make(released, 13)
    sheet = openpyxl.load_workbook(folder / f"cakupan-{PERIOD}-pertanian.xlsx")["Ringkasan"]
    texts = [str(cell.value) for row in sheet for cell in row if cell.value is not None]
    assert texts[0] == "Cakupan kepesertaan BPJS Ketenagakerjaan, Oktober 2026"
    assert any("Menteri Pertanian" in text for text in texts)
    national = next(
        r
        for r in rows(folder / "coverage_by_sector.csv")
        if r["period"] == PERIOD and r["basis"] == "domicile"
    )
    assert national["workers"] in texts
    assert len(sheet._charts) == 1


def test_the_appendix_defines_and_cautions(released: Home) -> None:
    text = (make(released, 13) / "LAMPIRAN.md").read_text("utf-8")
    for wanted in ("Kesenjangan", "Dasar hukum", "Kementerian Pertanian", "`coverage_rate`",
                   "dirahasiakan", "versi 1.0.0"):  # fmt: skip
        assert wanted in text


def test_the_manifest_names_every_file_and_its_signature_can_be_checked(released: Home) -> None:
    folder = make(released, 13)
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    assert manifest["publication"] == f"{PERIOD}-1"
    assert manifest["recipient"]["agency"] == "Kementerian Pertanian"
    assert manifest["contract"]["version"] == "1.0.0"
    on_disk = {path.name for path in folder.iterdir()} - {"manifest.json", "manifest.sig"}
    assert {entry["name"] for entry in manifest["files"]} == on_disk
    by_name = {entry["name"]: entry for entry in manifest["files"]}
    assert by_name["coverage_national.csv"]["rows"] == len(rows(folder / "coverage_national.csv"))
    assert check_folder(folder, public_key(released)) == []


def test_the_documented_command_of_openssl_verifies_the_signature(released: Home) -> None:
    folder = make(released, 16)
    command = ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey",
               str(released.path / "extracts" / "kunci-publik.pem"), "-rawin",
               "-in", str(folder / "manifest.json"),
               "-sigfile", str(folder / "manifest.sig")]  # fmt: skip
    assert subprocess.run(command, check=False, capture_output=True).returncode == 0
    (folder / "manifest.json").write_bytes((folder / "manifest.json").read_bytes() + b" ")
    assert subprocess.run(command, check=False, capture_output=True).returncode != 0


@pytest.mark.parametrize("victim", ["coverage_national.csv", "manifest.json", "manifest.sig"])
def test_one_changed_byte_is_found(released: Home, victim: str) -> None:
    folder = make(released, 16)
    content = bytearray((folder / victim).read_bytes())
    content[20] ^= 1
    (folder / victim).write_bytes(bytes(content))
    assert check_folder(folder, public_key(released))


def test_added_and_missing_files_are_found(released: Home) -> None:
    folder = make(released, 16)
    (folder / "more.csv").write_text("x", "utf-8")
    (folder / "LAMPIRAN.md").unlink()
    faults = check_folder(folder, public_key(released))
    assert len(faults) == 2
    assert any("more.csv" in fault for fault in faults)


def test_a_second_run_leaves_what_stands_and_mends_what_does_not(released: Home) -> None:
    folder = make(released, 16)
    before = (folder / "manifest.json").read_bytes()
    assert make_extracts(released, ONE, PERIOD, addressees=[16]).kept == 1
    assert (folder / "manifest.json").read_bytes() == before
    (folder / "coverage_national.csv").unlink()
    report = make_extracts(released, ONE, PERIOD, addressees=[16])
    assert (report.made, report.kept) == (1, 0)
    assert check_folder(folder, public_key(released)) == []


def test_the_same_content_gives_the_same_files(released: Home) -> None:
    folder = make(released, 16)
    first = {
        e["name"]: e["sha256"] for e in json.loads((folder / "manifest.json").read_text())["files"]
    }
    (folder / "manifest.json").unlink()
    make(released, 16)
    second = {
        e["name"]: e["sha256"] for e in json.loads((folder / "manifest.json").read_text())["files"]
    }
    assert first == second


def test_a_correction_names_what_it_replaces(released: Home) -> None:
    make_publication(released, number=2)
    folder = make(released, 16, delivered={"16": Delivered(f"{PERIOD}-1", "a" * 64)})
    assert folder.parent.name == f"{PERIOD}-2"
    assert json.loads((folder / "manifest.json").read_text())["replaces"] == f"{PERIOD}-1"
    assert f"kiriman {PERIOD}-1-{'a' * 12}" in (folder / "LAMPIRAN.md").read_text("utf-8")


def test_a_table_that_the_release_lacks_is_named_not_forgotten(released: Home) -> None:
    with duckdb.connect(str(released.published / f"{PERIOD}-1" / RELEASE_FILE)) as con:
        con.execute("DROP TABLE release.release.coverage_by_regency")
    report = make_extracts(released, ONE, PERIOD, addressees=[16])
    assert report.absent == ("coverage_by_regency",)
    folder = report.folder / "16-komunikasi-dan-informatika"
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    assert manifest["absent_tables"] == ["coverage_by_regency"]
    assert "(coverage_by_regency): belum ada" in (folder / "LAMPIRAN.md").read_text("utf-8")


def test_a_column_that_the_release_lacks_stops_everything(released: Home) -> None:
    with duckdb.connect(str(released.published / f"{PERIOD}-1" / RELEASE_FILE)) as con:
        con.execute("ALTER TABLE release.release.coverage_national DROP COLUMN coverage_low")
    with pytest.raises(GateBlocked, match="no column coverage_low in coverage_national"):
        make_extracts(released, ONE, PERIOD, addressees=[16])
    assert list((released.path / "extracts").glob("*/*/manifest.json")) == []


def test_columns_that_no_contract_names_do_not_go_out(released: Home) -> None:
    with duckdb.connect(str(released.published / f"{PERIOD}-1" / RELEASE_FILE)) as con:
        con.execute(
            "ALTER TABLE release.release.coverage_national "
            "ADD COLUMN secret VARCHAR DEFAULT 'TAK-DISEBUT'"
        )
    folder = make(released, 16)
    (book,) = folder.glob("*.xlsx")
    with zipfile.ZipFile(book) as archive:
        written = [archive.read(name) for name in archive.namelist()]
    written += [path.read_bytes() for path in folder.iterdir()]
    assert all(b"TAK-DISEBUT" not in content for content in written)
    assert "secret" not in pq.read_schema(folder / "coverage_national.parquet").names


def test_without_a_release_there_is_no_extract(released: Home) -> None:
    with pytest.raises(GateBlocked, match="is not there"):
        make_extracts(released, ONE, "2026-09")
    (released.published / f"{PERIOD}-1" / RELEASE_FILE).unlink()
    with pytest.raises(GateBlocked, match="has no release"):
        make_extracts(released, ONE, PERIOD)


def test_two_processes_make_the_same_as_one(released: Home) -> None:
    settings = Settings(extracts=ExtractSettings(processes=2))
    report = make_extracts(released, settings, PERIOD, addressees=[15, 16])
    assert report.made == 2
    for name in ("15-bumn", "16-komunikasi-dan-informatika"):
        assert check_folder(report.folder / name, public_key(released)) == []


def test_the_key_of_the_settings_signs_and_a_bad_one_is_refused(
    released: Home, tmp_path: Path
) -> None:
    key = tmp_path / "own.pem"
    signer = make_signer(key)
    settings = Settings(extracts=ExtractSettings(signing_key=key, processes=1))
    report = make_extracts(released, settings, PERIOD, addressees=[16])
    folder = report.folder / "16-komunikasi-dan-informatika"
    assert check_folder(folder, signer.public_pem) == []
    assert check_folder(folder, make_signer(tmp_path / "other.pem").public_pem)
    key.chmod(0o644)
    with pytest.raises(UsageError, match="can be read by others"):
        load_signer(key)
    with pytest.raises(UsageError, match="does not exist"):
        load_signer(tmp_path / "none.pem")


def test_the_folder_is_for_its_owner_alone(released: Home) -> None:
    folder = make(released, 16)
    assert folder.stat().st_mode & 0o077 == 0
    assert (released.path / "keys" / "signing.pem").stat().st_mode & 0o077 == 0


def test_the_command_makes_one_addressee_and_tells_what_it_did(released: Home) -> None:
    call = ["extract", "--home", str(released.path), "--period", PERIOD]
    done = CliRunner().invoke(app, [*call, "--addressee", "24", "--region", "31", "--json"])
    assert done.exit_code == 0
    assert json.loads(done.stdout)["made"] == 1
    assert (released.path / "extracts" / f"{PERIOD}-1" / "24-gubernur" / "31").is_dir()
    assert CliRunner().invoke(app, call).exit_code == 2
    assert CliRunner().invoke(app, [*call, "--addressee", "27"]).exit_code == 2
    assert CliRunner().invoke(app, [*call, "--all", "--region", "31"]).exit_code == 2


def test_a_full_disk_is_told_and_leaves_no_half_folder(released: Home) -> None:
    make(released, 16)
    folder = released.path / "extracts" / f"{PERIOD}-1" / "16-komunikasi-dan-informatika"
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    stale = json.loads(before["manifest.json"]) | {"state": "another"}
    (folder / "manifest.json").write_text(json.dumps(stale), "utf-8")
    kept = resource.getrlimit(resource.RLIMIT_FSIZE)
    # As on a disk that takes no more: every file ends after so many bytes.
    resource.setrlimit(resource.RLIMIT_FSIZE, (400, kept[1]))
    try:
        with pytest.raises(CakupanError, match="Make room on the disk"):
            make(released, 16)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, kept)
    assert {path.name for path in folder.parent.iterdir()} == {folder.name}
    assert json.loads((folder / "manifest.json").read_bytes()) == stale
    make(released, 16)
    assert {path.name for path in folder.iterdir()} == set(before)
