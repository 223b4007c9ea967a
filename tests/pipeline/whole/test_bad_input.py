"""Bad input is refused or set aside by file and row, and what was published stays in force."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest
import yaml
from driving import FIRST, SECOND, Answer, Lived, cakupan, published, run

GOOD_NIK = "3171905203900001"
HEADER = "record_id,full_name,nik,birth_date,region_code\n"


@pytest.fixture
def farmers(a_copy: Lived, tmp_path: Path) -> Callable[[str, bytes], Answer]:
    """Deliver one file of farmers for the first month, and run that month again."""

    def deliver(name: str, content: bytes) -> Answer:
        drop = tmp_path / "inbox" / "farmers" / FIRST
        drop.mkdir(parents=True)
        (drop / name).write_bytes(content)
        return run(
            a_copy.home, tmp_path / "inbox", FIRST, "--settings", a_copy.world / "settings.yaml"
        )

    return deliver


UNUSABLE = {
    "farmers": ("tani.csv", b"record_id,nik\n1,2\n", "SCHEMA_DRIFT", "full_name"),
    "fisheries_workers": ("nelayan.csv", b"", "EMPTY_FILE", "nelayan.csv"),
    "soe_staff": ("bumn.csv", HEADER.encode(), "HEADER_ONLY", f"soe_staff/{FIRST}"),
    "social_workers": ("sosial.xlsx", b"PK\x03\x04 not a workbook at all", "", "sosial.xlsx"),
    "mission_staff": ("misi.parquet", b"PAR1 cut short", "", "misi.parquet"),
    "kur_debtors": ("kur.csv.gz", b"\x1f\x8b\x08\x00 cut short", "", "kur.csv.gz"),
    "transport_workers": (
        "angkutan.csv",
        HEADER.encode() + b"".join(b"%d,S\xe9ti Caf\xe9,,,\n" % i for i in range(50)),
        "BAD_ENCODING",
        "angkutan.csv",
    ),
}  # fmt: skip


def test_unusable_deliveries_are_refused_one_by_one_and_the_publication_stays(
    a_copy: Lived, tmp_path: Path
) -> None:
    for dataset, (name, content, _, _) in UNUSABLE.items():
        drop = tmp_path / "inbox" / dataset / FIRST
        drop.mkdir(parents=True)
        (drop / name).write_bytes(content)
    before = published(a_copy.home, "FROM coverage.coverage_national ORDER BY ALL")
    settings = a_copy.world / "settings.yaml"
    answer = run(a_copy.home, tmp_path / "inbox", FIRST, "--settings", settings)
    assert answer.exit_code == 3
    errors = [error for error in answer.json["errors"] if error["reason_code"]]
    assert len(errors) == len(UNUSABLE)
    for dataset, (_, _, code, told) in UNUSABLE.items():
        (error,) = [error for error in errors if error["step"].endswith(dataset)]
        assert told in error["message"]
        assert code in error["reason_code"]
        assert dataset in answer.err
    assert published(a_copy.home, "FROM coverage.coverage_national ORDER BY ALL") == before
    names = sorted(path.name for path in (a_copy.home / "published").iterdir())
    assert names == ["2026-10-1", "2026-11-1", "current"]


def test_bad_rows_are_set_aside_with_their_place_and_the_rest_goes_on(
    farmers: Callable[[str, bytes], Answer], a_copy: Lived
) -> None:
    rows = [
        f"F1,SUPARMAN JAYA,{GOOD_NIK},1990-03-12,3171",
        "F2,SITI AMINAH,3.17190520390E+15,1990-03-12,3171",
        "F3,BUDI SANTOSO,3171905203900001.0,1990-03-12,31.71",
        "F4,DEWI LESTARI,,1990-03-12,9999",
        "F5,,,1990-03-12,3171",
        ",TANPA KUNCI,,1990-03-12,3171",
        "F7,TERLALU BANYAK,,1990-03-12,3171,lebih,lagi",
        f"F1,SUPARMAN JAYA,{GOOD_NIK},1990-03-12,3171",
        # A delivery of which more than a fifth is quarantined would be stopped as a whole.
        *(f"G{i},PETANI {i},,1980-01-{i:02d},3171" for i in range(10, 30)),
    ]
    answer = farmers("tani.csv", (HEADER + "\n".join(rows) + "\n").encode())
    assert answer.exit_code == 0, answer.err
    with duckdb.connect(str(a_copy.home / "restricted.duckdb"), read_only=True) as con:
        quarantined = con.execute(
            "SELECT row_number, file, unnest(reason_codes) FROM quarantine.rows "
            "WHERE dataset = 'farmers' AND period = ? AND delivery_version = 2 "
            "ORDER BY row_number",
            [FIRST],
        ).fetchall()
        conformed = con.execute(
            "SELECT record_id, nik, nik_reason, region_code FROM conformed.farmers "
            "WHERE period = ? AND delivery_version = 2 AND record_id LIKE 'F%' ORDER BY record_id",
            [FIRST],
        ).fetchall()
    assert [(row, code) for row, _, code in quarantined] == [
        (5, "MISSING_NAME"),
        (6, "MISSING_KEY"),
        (7, "RAGGED_ROW"),
    ]
    assert {file for _, file, _ in quarantined} == {"tani.csv"}
    assert conformed == [
        ("F1", GOOD_NIK, None, "3171"),
        ("F2", None, "NIK_PRECISION_LOST", "3171"),
        ("F3", GOOD_NIK, "NIK_REPAIRED", "3171"),
        ("F4", None, None, "0000"),
    ]
    assert published(
        a_copy.home,
        "SELECT delivered, accepted, quarantined, duplicates FROM quality.reconciliation "
        f"WHERE dataset = 'farmers' AND period = '{FIRST}'",
    ) == [(28, 24, 3, 1)]


def test_a_database_that_is_away_is_named_and_the_publication_stays(
    a_copy: Lived, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIINAS_URL", "postgresql+psycopg://reader:geheim@127.0.0.1:9/siinas")
    settings = yaml.safe_load((a_copy.world / "settings.yaml").read_text("utf-8"))
    source = settings["databases"]["siinas_workers"]
    del source["url"]
    source.update(url_env="SIINAS_URL", attempts=2, backoff_seconds=0)
    file = tmp_path / "settings.yaml"
    file.write_text(yaml.safe_dump(settings), "utf-8")
    answer = run(a_copy.home, a_copy.world / "inbox", FIRST, "--settings", file)
    assert answer.exit_code == 5
    assert "siinas_workers" in answer.err
    assert "geheim" not in answer.err + answer.out
    names = sorted(path.name for path in (a_copy.home / "published").iterdir())
    assert names == ["2026-10-1", "2026-11-1", "current"]


def test_without_a_population_register_there_is_no_run(lived: Lived, tmp_path: Path) -> None:
    inbox = tmp_path / "inbox"
    shutil.copytree(lived.world / "inbox" / "farmers", inbox / "farmers")
    answer = run(tmp_path / "home", inbox, FIRST)
    assert answer.exit_code == 3
    assert "dukcapil_population" in answer.err


def test_a_missing_list_is_told_and_an_older_one_stands_in(a_copy: Lived, tmp_path: Path) -> None:
    answer = run(a_copy.home, tmp_path, "2026-12", "--settings", a_copy.world / "settings.yaml")
    assert answer.exit_code == 0, answer.err
    states = dict(
        published(
            a_copy.home,
            "SELECT dataset, delivery_state || ' ' || delivery_period FROM quality.deliveries "
            "WHERE period = '2026-12'",
        )
    )
    assert states["farmers"] == f"carried {SECOND}"


@pytest.mark.parametrize(
    "arguments",
    [
        ("run", "--period", "2026-13"),
        ("run", "--period", "October"),
        ("run", "--period", FIRST, "--inbox", "/nowhere/at/all"),
        ("run", "--period", FIRST, "--settings", "/nowhere/settings.yaml"),
        ("publish", "--period", FIRST),
        ("contracts", "show", "unknown_dataset"),
    ],
)
def test_a_wrong_call_is_told_with_exit_code_2(arguments: tuple[str, ...], tmp_path: Path) -> None:
    home = () if arguments[0] == "contracts" else ("--home", tmp_path / "home")
    answer = cakupan(*arguments, *home)
    assert answer.exit_code == 2
    assert answer.err.strip()
