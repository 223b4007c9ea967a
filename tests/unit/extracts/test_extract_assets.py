"""Dagster makes the extracts of a group of addressees, and tells counts alone."""

from __future__ import annotations

import dagster as dg
import pytest
from extract_world import PERIOD

from assets import extracts
from assets.publication import RELEASE_KEY
from assets.stage import Stage
from pipelines import sensors
from pipelines.jobs import EXTRACTS_JOB
from publishing.extracts.contracts import load_extract_contracts
from warehouse.connection import connect
from warehouse.home import Home
from warehouse.settings import ExtractSettings, Settings

MONTHS = dg.MonthlyPartitionsDefinition(start_date="2026-01", fmt="%Y-%m")


def test_every_addressee_is_in_one_group() -> None:
    numbers = [number for group in extracts.SCOPES for number in extracts.addressees(group)]
    assert sorted(numbers) == list(load_extract_contracts())


def materialize(home: Home) -> dg.ExecuteInProcessResult:
    con = connect(home)
    stage = Stage(
        con=con,
        home=home,
        settings=Settings(extracts=ExtractSettings(processes=1)),
        contracts={},
        inbox=home.inbox,
    )
    try:
        return dg.materialize(
            extracts.build(MONTHS),
            selection=[extracts.extract_key("national")],
            partition_key=PERIOD,
            resources={"warehouse": stage},
            instance=dg.DagsterInstance.ephemeral(),
        )
    finally:
        con.close()


def passed(done: dg.ExecuteInProcessResult) -> dict[str, bool]:
    return {check.check_name: check.passed for check in done.get_asset_check_evaluations()}


def test_checks_look_at_what_stands_on_disk(
    released: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extracts, "addressees", lambda _group: [16])
    assert passed(materialize(released)) == dict.fromkeys(extracts.CHECKS, True)
    folder = released.path / "extracts" / f"{PERIOD}-1" / "16-komunikasi-dan-informatika"
    (folder / "titipan.txt").write_text("tidak dikenal", "utf-8")
    (released.path / "audit" / "audit.head").unlink()
    # The folder stands with its state, so it is left as it is.
    assert passed(materialize(released)) == {
        "complete": True, "as_signed": False, "logged": False, "lists_encrypted": True,
    }  # fmt: skip
    report = extracts.ExtractReport(folder.parent, f"{PERIOD}-1", 0, 0, 0, 0, 0, {}, (), 0.0)
    monkeypatch.setattr(extracts, "issue", lambda *_, **__: report)
    (folder / "manifest.json").unlink()
    assert passed(materialize(released))["complete"] is False


def test_a_group_is_made_alone_and_tells_what_it_made(
    released: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extracts, "addressees", lambda _group: [16])
    done = materialize(released)
    (made,) = done.asset_materializations_for_node("extracts_of_month")
    assert made.asset_key == extracts.extract_key("national")
    assert made.metadata["made"].value == 1
    folder = released.path / "extracts" / f"{PERIOD}-1" / "16-komunikasi-dan-informatika"
    assert (folder / "manifest.sig").is_file()


def test_a_publication_asks_for_its_extracts_once(released: Home) -> None:
    built = dg.Definitions(
        assets=extracts.build(MONTHS),
        jobs=[dg.define_asset_job(EXTRACTS_JOB, dg.AssetSelection.groups(extracts.GROUP))],
        sensors=[s for s in sensors.build(released, Settings(), {}, MONTHS)
                 if s.name == "extracts_after_publication"],
        resources={"warehouse": dg.ResourceDefinition.none_resource()},
    ).get_repository_def()  # fmt: skip
    sensor = built.get_sensor_def("extracts_after_publication")
    assert sensor.default_status is dg.DefaultSensorStatus.STOPPED
    with dg.DagsterInstance.ephemeral() as instance:
        context = dg.build_sensor_context(instance=instance, repository_def=built)
        assert not sensor.evaluate_tick(context).run_requests
        path = str(released.published / f"{PERIOD}-1" / "release.duckdb")
        instance.report_runless_asset_event(
            dg.AssetMaterialization(RELEASE_KEY, partition=PERIOD, metadata={"path": path})
        )
        tick = sensor.evaluate_tick(context)
        (request,) = tick.run_requests or ()
        assert (request.run_key, request.partition_key) == (f"extracts-{PERIOD}-1", PERIOD)
        after = dg.build_sensor_context(instance=instance, cursor=tick.cursor, repository_def=built)
        assert not sensor.evaluate_tick(after).run_requests
