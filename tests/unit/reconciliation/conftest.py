"""A small world, taken through every stage that reconciliation looks at."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest

from matching.employers import resolve_period
from matching.persons import link_period
from matching.spine import build_spine
from sources.conforming import conform
from sources.contracts import load_contracts, load_dataset_table
from sources.deliveries import discover, keep
from sources.landing import create_landing_table, land, update_in_force
from sources.world import generate
from warehouse import compliance, coverage
from warehouse.connection import connect, set_parameters
from warehouse.home import Home
from warehouse.inputs import create_inputs
from warehouse.reference import load_reference
from warehouse.seals import Part, seal
from warehouse.settings import EngineSettings, Settings
from warehouse.tables import create_tables

PERIOD = "2026-10"
LISTS = (
    "bpjs_employers", "bpjs_participants", "construction_projects", "djp_employers",
    "djp_withholding", "dukcapil_population", "farmers", "sme_businesses",
)  # fmt: skip


@pytest.fixture(scope="package")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """A restricted warehouse with a whole month; tests put back what they change."""
    world = tmp_path_factory.mktemp("world")
    generate(world, people=1_000, seed=5, period=PERIOD, months=1)
    home = Home(tmp_path_factory.mktemp("home") / "home").ensure()
    settings = Settings(
        engine=EngineSettings(threads=2),
    )
    con = connect(home, settings)
    create_tables(con)
    load_reference(con)
    contracts = {key: value for key, value in load_contracts().items() if key in LISTS}
    load_dataset_table(con, contracts)
    set_parameters(con, settings, PERIOD)
    found = discover(world / "inbox", contracts, PERIOD).found
    for key, contract in contracts.items():
        create_landing_table(con, contract)
        kept = keep(con, home, contract, found[key])
        land(con, home, contract, kept)
        if key == "djp_withholding":
            # So small a world may have nobody in quarantine.
            con.execute(f"UPDATE landing.{key} SET full_name = NULL WHERE row_number = 1")
            seal(con, [Part(f'landing."{key}"', PERIOD, 1)])
        conform(con, contract, PERIOD)
    update_in_force(con, contracts, PERIOD)
    create_inputs(con, PERIOD)
    build_spine(con, PERIOD)
    resolve_period(con, PERIOD)
    link_period(con, PERIOD)
    coverage.run(con, settings, PERIOD)
    compliance.run(con, settings, PERIOD)
    yield con
    con.close()
