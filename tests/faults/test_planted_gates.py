"""Every gate blocks what it is there for; the gates are found in the code.

A gate is a function that raises `GateBlocked`, or a blocking check of an asset. Each has a plant
here, or a named test elsewhere that plants for it; one that has neither fails the first test.
"""

from __future__ import annotations

import ast
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest
from canary.planting import NIKS, PERIOD
from canary.running import DATABASE_KEY, undisturbed
from planted.record import Planted, store
from typer.testing import CliRunner

import warehouse.publication as publishing
from pipelines import definitions
from pipelines.cli import app
from publishing.dashboard.making import make_dashboards
from publishing.delivery import sending
from publishing.extracts.making import find_release
from sources.volume import judged
from warehouse import at_rest, reconciliation
from warehouse.connection import connect
from warehouse.errors import GateBlocked
from warehouse.home import Home
from warehouse.publication.privacy import check_no_identity
from warehouse.settings import EngineSettings, GateSettings, Settings

ROOT = Path(__file__).parents[2]
ROOMS = ("assets", "expectations", "matching", "pipelines", "publishing", "sources", "warehouse")

ELSEWHERE = {
    "publishing/dashboard/making.py:_meta": "tests/unit/dashboard",
    "publishing/dashboard/tables.py:__init__": "tests/unit/dashboard",
    "publishing/disclosure/release.py:_block":
        "tests/unit/disclosure/test_disclosure_checks.py::test_what_is_planted_blocks",
    "publishing/disclosure/release.py:outsider":
        "tests/unit/disclosure/test_disclosure_coverage.py::test_a_cell_told_by_mistake_is_found",
    "publishing/extracts/reading.py:read":
        "tests/unit/extracts/test_extract_folders.py"
        "::test_a_column_that_the_release_lacks_stops_everything",
    "publishing/extracts/reading.py:_filter": "tests/unit/extracts/test_extract_folders.py"
        "::test_a_column_that_the_release_lacks_stops_everything",
    "pipelines/cli_audit.py:verify":
        "tests/unit/extracts/test_extract_delivery.py"
        "::test_what_should_be_deleted_and_is_not_is_found",
    "warehouse/reconciliation_published.py:check_file":
        "tests/unit/reconciliation/test_reconciliation.py"
        "::test_a_written_file_that_differs_from_what_was_computed_is_not_published",
    "check critical_expectations": "tests/faults/test_planted_expectations.py"
        "::test_every_expectation_of_every_contract_fires",
    "check stages_agree":
        "tests/faults/test_planted_stages.py::test_every_check_across_stages_fires",
    "check reconciled":
        "tests/faults/test_planted_stages.py::test_every_step_of_reconciliation_fires",
    "check gives_nothing_back":
        "tests/unit/disclosure/test_disclosure_checks.py::test_what_is_planted_blocks",
    "check change_adds_up": "tests/unit/change",
}  # fmt: skip
"""Gates whose violation is planted by a test of their own, in the same test command."""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return Home(undisturbed(tmp_path_factory.getbasetemp())[1].home)


@pytest.fixture(scope="module")
def con(home: Home) -> Iterator[duckdb.DuckDBPyConnection]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(at_rest.DATABASE_KEY, DATABASE_KEY)
        con = connect(home, Settings(engine=EngineSettings(threads=1)))
    yield con
    con.close()


def gates() -> set[str]:
    """Find all gates of the code."""
    found = set()
    for room in ROOMS:
        for file in (ROOT / room).rglob("*.py"):
            for function in ast.walk(ast.parse(file.read_text("utf-8"))):
                if isinstance(function, ast.FunctionDef) and any(
                    isinstance(one, ast.Raise)
                    and isinstance(one.exc, ast.Call)
                    and getattr(one.exc.func, "id", "") == "GateBlocked"
                    for one in ast.walk(function)
                ):
                    found.add(f"{file.relative_to(ROOT).as_posix()}:{function.name}")
    graph = definitions.build(Home(ROOT / "none"), include_period=PERIOD).resolve_asset_graph()
    return found | {f"check {k.name}" for k in graph.asset_check_keys if graph.get(k).blocking}


def _stands(test: str) -> bool:
    path, _, name = test.partition("::")
    place = ROOT / path
    if not name:
        return any(place.glob("test_*.py"))
    return place.is_file() and f"def {name}(" in place.read_text("utf-8")


def _blocks(act: Callable[[], object], told: str) -> bool:
    try:
        act()
    except GateBlocked as error:
        return told in str(error) and NIKS[0] not in str(error)
    return False


def test_every_gate_is_closed_by_its_plant(
    home: Home, con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    settings = Settings()
    empty = Home(tmp_path / "empty").ensure()
    shown = CliRunner().invoke(app, ["dashboard", "--home", str(empty.path)])

    def reconciled() -> None:
        con.execute("UPDATE quality.reconciliation_checks SET passed = false WHERE rowid = 0")
        reconciliation.require(con, PERIOD)

    def without_extracts() -> None:
        copied = Home(tmp_path / "copied")
        for name in ("published", "keys"):
            shutil.copytree(home.path / name, copied.path / name, symlinks=True)
        sending._deliver(copied, settings, PERIOD, None, lambda _line: None)

    fired = {
        "pipelines/cli_dashboard.py:dashboard": ("a home without publication",
            shown.exit_code == 4),
        "publishing/dashboard/making.py:make_dashboards": ("a month without publication",
            _blocks(lambda: make_dashboards(empty, settings, PERIOD), "")),
        "publishing/extracts/making.py:find_release": ("a month without publication",
            _blocks(lambda: find_release(empty, PERIOD), PERIOD)),
        "publishing/delivery/sending.py:_deliver": ("no extracts",
            _blocks(without_extracts, "no extracts")),
        "warehouse/publication/__init__.py:publish": ("a month without tables",
            _blocks(lambda: publishing.publish(con, home, settings, "2020-01"), "nothing")),
        "warehouse/publication/__init__.py:_verify": ("three changed files", _files_differ(
            home, tmp_path)),
        "warehouse/publication/privacy.py:check_no_identity": ("a NIK in every text column",
            _nik_anywhere(con, home, tmp_path)),
        "check volume": ("31% fewer and three times as many rows",
            all(judged(GateSettings(), "farmers", rows, 10_000) for rows in (6_900, 30_001))
            and not judged(GateSettings(), "farmers", 9_900, 10_000)),
    }  # fmt: skip
    con.execute("BEGIN")
    fired["warehouse/reconciliation.py:require"] = (
        "a failed check", _blocks(reconciled, "rekonsiliasi"),
    )  # fmt: skip
    con.execute("ROLLBACK")
    planted = [Planted("gate", gate, done, how) for gate, (how, done) in fired.items()]
    planted += [
        Planted("gate", gate, _stands(test), f"planted by {test}")
        for gate, test in ELSEWHERE.items()
    ]
    standing = gates()
    assert not standing - {one.check for one in planted}, "a gate without a plant"
    store("gate", [one for one in planted if one.check in standing])


def _files_differ(home: Home, tmp_path: Path) -> bool:
    """Change a written publication in each way that the last look at it must find."""
    made = (home.published / "current").resolve()
    rows = json.loads((made / "publication.json").read_text("utf-8"))["rows"]
    changes = {
        "rows in the written file": "DELETE FROM coverage.coverage_national",
        "the national totals": "UPDATE coverage.coverage_national SET workers = workers + 1",
        "the employers": "UPDATE coverage.employer_compliance SET estimated_contribution = 1 + "
        "estimated_contribution",
    }
    found = []
    for number, (told, change) in enumerate({"": "", **changes}.items()):
        folder = tmp_path / f"files-{number}"
        shutil.copytree(made, folder)
        with duckdb.connect(str(folder / "cakupan.duckdb")) as written:
            views = written.execute(
                "SELECT schema_name || '.' || view_name FROM duckdb_views() WHERE NOT internal"
            ).fetchall()
            for (view,) in views:  # the last look makes them
                written.execute(f"DROP VIEW {view}")
            written.execute(change or "SELECT 1")
        blocked = _blocks(lambda folder=folder: publishing._verify(folder, rows), told)
        found.append(blocked if told else not blocked)
    return all(found)


def _nik_anywhere(con: duckdb.DuckDBPyConnection, home: Home, tmp_path: Path) -> bool:
    """Put a NIK into a new row of every published text column; each must be named."""
    copy = tmp_path / "planted.duckdb"
    shutil.copy(home.published / "current" / "cakupan.duckdb", copy)
    copy.chmod(0o600)
    con.execute(f"ATTACH '{copy}' AS planted")
    try:
        check_no_identity(con, "planted")
        columns = con.execute(
            "SELECT schema_name, table_name, list(column_name), list(data_type) "
            "FROM duckdb_columns() JOIN duckdb_tables() "
            "USING (database_name, schema_name, table_name) WHERE database_name = 'planted' "
            "AND data_type IN ('VARCHAR', 'VARCHAR[]') GROUP BY ALL"
        ).fetchall()
        places = set()
        for schema, table, names, types in columns:
            listed = ", ".join(f'"{name}"' for name in names)
            values = ", ".join(
                f"['x {NIKS[0]}']" if kind.endswith("[]") else f"'x {NIKS[0]}'" for kind in types
            )
            con.execute(f'INSERT INTO planted."{schema}"."{table}" ({listed}) VALUES ({values})')
            places |= {f"{schema}.{table}.{name}" for name in names}
        told = ""
        try:
            check_no_identity(con, "planted")
        except GateBlocked as error:
            told = str(error)
        return len(places) > 100 and all(place in told for place in places)
    finally:
        con.execute("DETACH planted")
