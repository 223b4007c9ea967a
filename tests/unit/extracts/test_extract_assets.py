"""Dagster makes the extracts of a group of addressees, and tells counts alone."""

from __future__ import annotations

import dagster as dg
from extract_world import PERIOD

from assets import extracts
from assets.stage import Stage
from publishing.extracts.contracts import load_extract_contracts
from warehouse.connection import connect
from warehouse.home import Home
from warehouse.settings import ExtractSettings, Settings

MONTHS = dg.MonthlyPartitionsDefinition(start_date="2026-01", fmt="%Y-%m")


def test_every_addressee_is_in_one_group() -> None:
    numbers = [number for group in extracts.SCOPES for number in extracts.addressees(group)]
    assert sorted(numbers) == list(load_extract_contracts())


def test_a_group_is_made_alone_and_tells_what_it_made(released: Home, monkeypatch) -> None:
    monkeypatch.setattr(extracts, "addressees", lambda _group: [16])
    con = connect(released)
    stage = Stage(
        con=con,
        home=released,
        settings=Settings(extracts=ExtractSettings(processes=1)),
        contracts={},
        inbox=released.inbox,
    )
    done = dg.materialize(
        extracts.build(MONTHS),
        selection=[extracts.extract_key("national")],
        partition_key=PERIOD,
        resources={"warehouse": stage},
        instance=dg.DagsterInstance.ephemeral(),
    )
    con.close()
    (made,) = done.asset_materializations_for_node("extracts")
    assert made.asset_key == extracts.extract_key("national")
    assert made.metadata["made"].value == 1
    folder = released.path / "extracts" / f"{PERIOD}-1" / "16-komunikasi-dan-informatika"
    assert (folder / "manifest.sig").is_file()
