"""The main job, end to end, on a small world: real files and a real database to a publication."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import duckdb
import pytest
import yaml
from driving import FIRST, SECOND, Lived, published, run

from sources.contracts import load_contracts

ROOT = Path(__file__).parents[3]


def test_both_months_are_published(lived: Lived) -> None:
    assert lived.first.exit_code == 0, lived.first.err
    assert lived.second.exit_code == 0, lived.second.err
    names = sorted(path.name for path in (lived.home / "published").iterdir())
    assert names == ["2026-10-1", "2026-11-1", "current"]
    months = published(lived.home, "SELECT DISTINCT period FROM coverage.coverage_national")
    assert sorted(months) == [(FIRST,), (SECOND,)]


def test_the_run_answers_with_the_gap_of_country_and_provinces(lived: Lived) -> None:
    gap = lived.first.json["gap"]
    assert gap[0]["place"] == "INDONESIA"
    assert len(gap) > 30
    assert gap[0]["workers"] > 1000
    assert sum(row["workers"] for row in gap[1:]) == gap[0]["workers"]


def test_every_promised_table_has_rows(lived: Lived) -> None:
    tables = published(
        lived.home,
        "SELECT schema_name || '.' || table_name, estimated_size FROM duckdb_tables() "
        "WHERE schema_name IN ('coverage', 'quality')",
    )
    empty = {name for name, rows in tables if rows == 0}
    assert empty == set()
    assert {name for name, _ in tables} >= {
        "coverage.coverage_by_sector_region", "coverage.coverage_by_regency",
        "coverage.coverage_by_province", "coverage.coverage_by_sector",
        "coverage.coverage_national", "coverage.coverage_by_segment",
        "coverage.gap_by_instruction", "coverage.sensitivity", "quality.bridge",
        "quality.deliveries", "quality.reconciliation", "quality.quarantine_summary",
        "quality.expectation_results", "quality.linkage_quality", "quality.unlinked_reasons",
    }  # fmt: skip


def test_no_row_is_lost(lived: Lived) -> None:
    rows = published(
        lived.home,
        "SELECT dataset, delivered, accepted, quarantined, duplicates, linked, review, unlinked "
        f"FROM quality.reconciliation WHERE period = '{FIRST}'",
    )
    contracts = load_contracts()
    assert {row[0] for row in rows} == set(contracts)
    for dataset, delivered, accepted, quarantined, duplicates, linked, review, unlinked in rows:
        assert delivered == accepted + quarantined + duplicates, dataset
        if contracts[dataset].links_person and contracts[dataset].kind != "employer":
            assert accepted == linked + review + unlinked, dataset
        else:
            assert linked is None, dataset
    # Every class of fault of the sample world reached the quarantine or was counted.
    assert sum(row[3] for row in rows) > 0
    assert sum(row[4] for row in rows) > 0


def test_delivered_rows_are_those_of_the_manifests(lived: Lived) -> None:
    delivered = dict(
        published(
            lived.home,
            f"SELECT dataset, delivered FROM quality.reconciliation WHERE period = '{FIRST}'",
        )
    )
    for manifest in lived.world.glob(f"inbox/*/{FIRST}/manifest.json"):
        dataset = manifest.parts[-3]
        files = yaml.safe_load(manifest.read_text("utf-8"))["files"]
        assert delivered[dataset] == sum(file["rows"] for file in files), dataset


def test_a_database_is_a_source_like_the_files(lived: Lived) -> None:
    kinds = dict(
        published(
            lived.home,
            f"SELECT dataset, source_kind FROM quality.deliveries WHERE period = '{FIRST}'",
        )
    )
    assert kinds["siinas_workers"] == kinds["siinas_companies"] == "database"
    assert kinds["farmers"] == "file"


def test_every_record_has_a_tier_a_probability_and_a_reason(lived: Lived) -> None:
    with duckdb.connect(str(lived.home / "restricted.duckdb"), read_only=True) as con:
        silent = con.execute("""
            SELECT count(*) FROM linkage.person_links
            WHERE reason IS NULL
               OR (status = 'linked' AND (tier IS NULL OR probability_ppm IS NULL))
               OR (status IN ('linked', 'review')) <> (person_key IS NOT NULL)
        """).fetchone()
        assert silent == (0,)
        strangers = con.execute("""
            SELECT count(*) FROM linkage.person_links AS l
            WHERE status = 'linked' AND NOT EXISTS (
                FROM spine.persons AS p
                WHERE p.period = l.period AND p.person_key = l.person_key)
        """).fetchone()
        assert strangers == (0,)


def test_the_same_month_again_changes_nothing(a_copy: Lived) -> None:
    again = run(
        a_copy.home, a_copy.world / "inbox", SECOND, "--settings", a_copy.world / "settings.yaml"
    )
    assert again.exit_code == 0, again.err
    assert again.json["publication"]["new"] is False
    names = sorted(path.name for path in (a_copy.home / "published").iterdir())
    assert names == ["2026-10-1", "2026-11-1", "current"]


def test_a_new_roster_needs_one_contract_file_and_nothing_else(
    a_copy: Lived, tmp_path: Path
) -> None:
    example = (ROOT / "docs" / "contracts.md").read_text("utf-8").split("```yaml")[1]
    contracts = a_copy.home / "contracts"
    contracts.mkdir()
    (contracts / "market_traders.yaml").write_text(example.split("```")[0], "utf-8")
    with duckdb.connect(str(a_copy.home / "restricted.duckdb"), read_only=True) as con:
        people = con.execute(
            "SELECT nik, full_name, birth_date, region_code FROM spine.persons "
            "WHERE period = ? AND life_status = 'hidup' AND birth_date "
            "BETWEEN '1975-01-01' AND '1995-12-31' ORDER BY nik LIMIT 25",
            [FIRST],
        ).fetchall()
    inbox = tmp_path / "inbox"
    drop = inbox / "market_traders" / FIRST
    drop.mkdir(parents=True)
    with (drop / "pedagang.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["record_id", "nik", "full_name", "birth_date", "region_code", "stall"])
        writer.writerows((f"T{i}", *person, f"B-{i}") for i, person in enumerate(people))

    answer = run(a_copy.home, inbox, FIRST, "--settings", a_copy.world / "settings.yaml")

    assert answer.exit_code == 0, answer.err
    assert published(
        a_copy.home,
        "SELECT sum(listed), sum(linked) FROM coverage.gap_by_instruction "
        f"WHERE dataset = 'market_traders' AND clause = '2.17.b' AND period = '{FIRST}'",
    ) == [(25, 25)]
    with duckdb.connect(str(a_copy.home / "restricted.duckdb"), read_only=True) as con:
        comment = con.execute(
            "SELECT comment FROM duckdb_columns() WHERE schema_name = 'landing' "
            "AND table_name = 'market_traders' AND column_name = 'stall'"
        ).fetchone()
    assert comment == ("ID: Nomor kios | EN: Number of the stall",)


def _sql_blocks() -> list[tuple[str, str]]:
    guide = (ROOT / "docs" / "guides" / "warehouse.md").read_text("utf-8")
    blocks = re.findall(r"```sql\n(.*?)```", guide, re.DOTALL)
    readme = (ROOT / "README.md").read_text("utf-8")
    blocks += re.findall(r"con\.sql\('''(.*?)'''\)", readme, re.DOTALL)
    return [(f"query {number}", block) for number, block in enumerate(blocks, 1)]


@pytest.mark.parametrize(("name", "sql"), _sql_blocks())
def test_the_queries_of_the_guide_answer(lived: Lived, name: str, sql: str) -> None:
    file = "release.duckdb" if "release.release" in sql else "cakupan.duckdb"
    assert published(lived.home, sql, file), name


NIK_OF_SAMPLE = re.compile(
    rb"(?<![0-9A-Fa-f.])[1-9][0-9]{3}9[0-9][0-7][0-9][01][0-9]{7}(?![0-9A-Fa-f])"
)


def test_no_identity_leaves_the_restricted_side(lived: Lived) -> None:
    places = [
        path
        for folder in ("dagster", "published", "tmp")
        for path in (lived.home / folder).rglob("*")
        if path.is_file() and not path.is_symlink()
    ]
    assert places
    for path in places:
        found = NIK_OF_SAMPLE.search(path.read_bytes())
        # Numbers inside binary pages may look like one by chance; a register has thousands.
        assert found is None or path.suffix in {".duckdb", ".parquet"}, path.name
    for answer in (lived.first, lived.second):
        assert not NIK_OF_SAMPLE.search((answer.out + answer.err).encode())


def test_restricted_files_are_their_owners_alone(lived: Lived) -> None:
    assert (lived.home / "restricted.duckdb").stat().st_mode & 0o077 == 0
    assert (lived.home / "deliveries").stat().st_mode & 0o077 == 0
    for path in (lived.home / "deliveries").rglob("*"):
        assert path.stat().st_mode & 0o077 == 0, path
