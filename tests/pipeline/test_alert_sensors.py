"""Runs of the UI and the daemon that fail or warn, deliveries that are late, and the runbook."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from pretending import Rooms

from assets.arrivals import ARRIVALS_KEY
from assets.stage import Stage
from pipelines import alerts, definitions
from pipelines.alert_sensors import look_for_late
from pipelines.instance import open_instance
from pipelines.locks import home_lock
from pipelines.runner import execute
from sources.arrivals import due
from sources.contracts import load_contracts
from sources.ledger import create_ledger
from warehouse.connection import connect
from warehouse.errors import GateBlocked
from warehouse.home import Home
from warehouse.settings import Settings
from warehouse.tables import create_tables

PERIOD = "2026-10"
ROOT = Path(__file__).parents[2]
AFTER = dt.date(2026, 11, 20)


def _lines(home: Home) -> list[dict[str, Any]]:
    path = home.path / "alerts.jsonl"
    return [json.loads(x) for x in path.read_text("utf-8").splitlines()] if path.exists() else []


def _as_the_daemon_sees_it(
    home: Home, run_id: str, sensor: str, event: dg.DagsterEventType
) -> None:
    loaded = definitions.build(home)
    with open_instance(home) as instance:
        run = instance.get_run_by_id(run_id)
        assert run is not None
        (entry,) = instance.all_logs(run_id, of_type=event)
        assert entry.dagster_event is not None
        context = dg.build_run_status_sensor_context(
            sensor_name=sensor,
            dagster_event=entry.dagster_event,
            dagster_instance=instance,
            dagster_run=run,
        )
        if event == dg.DagsterEventType.RUN_FAILURE:
            context = context.for_run_failure()
        loaded.get_repository_def().get_sensor_def(sensor)(context)


def _drifts(rooms: Rooms, monkeypatch: pytest.MonkeyPatch) -> None:
    from assets import quality

    failed = dg.AssetCheckResult(
        check_name=quality.AS_BEFORE,
        passed=False,
        severity=dg.AssetCheckSeverity.WARN,
        description="a list has moved",
    )
    monkeypatch.setattr(
        quality, "_compare", lambda *_: dg.MaterializeResult(check_results=[failed])
    )


def _fails(message: str) -> Callable[[Stage], None]:
    def act(_stage: Stage) -> None:
        raise GateBlocked(message)

    return act


def test_a_run_that_warns_is_told_by_the_command_and_not_again_by_the_daemon(
    rooms: Rooms, empty_home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    _drifts(rooms, monkeypatch)
    outcome = execute(empty_home, "period", PERIOD)
    assert outcome.success
    (line,) = _lines(empty_home)
    assert (line["severity"], line["period"]) == ("warning", PERIOD)
    assert [(i["kind"], i["subject"], i["message"]) for i in line["items"]] == [
        ("as_before", "quality/drift", "a list has moved")
    ]
    assert line["items"][0]["runbook"] == "docs/guides/runbook.md#as_before"
    success = dg.DagsterEventType.RUN_SUCCESS
    _as_the_daemon_sees_it(empty_home, outcome.run_id, "run_warnings", success)
    assert len(_lines(empty_home)) == 1


def test_a_run_that_only_the_daemon_saw_is_told_with_what_failed(
    rooms: Rooms, empty_home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    rooms.acts["coverage"] = _fails("the totals do not agree")
    monkeypatch.setattr("pipelines.runner.alert", lambda *_args, **_facts: False)
    outcome = execute(empty_home, "period", PERIOD)
    assert _lines(empty_home) == []
    failure = dg.DagsterEventType.RUN_FAILURE
    _as_the_daemon_sees_it(empty_home, outcome.run_id, "run_failure", failure)
    (line,) = _lines(empty_home)
    assert (line["severity"], line["run_id"]) == ("error", outcome.run_id)
    assert line["messages"] == ["coverage: the totals do not agree"]


def test_a_channel_that_fails_does_not_fail_the_run(rooms: Rooms, empty_home: Home) -> None:
    rooms.acts["landing/bpjs_participants"] = lambda _stage: None
    settings = empty_home.ensure().settings_file
    settings.write_text("alerts: {webhooks: [{url: 'http://127.0.0.1:9/', attempts: 1}]}\n")
    assert execute(empty_home, "period", PERIOD).exit_code == 0


def _with_a_warehouse(home: Home) -> Settings:
    con = connect(home.ensure())
    create_tables(con)
    con.close()
    return Settings()


def test_what_is_late_shows_on_its_month_and_is_told_once(empty_home: Home) -> None:
    settings = _with_a_warehouse(empty_home)
    contracts = load_contracts()
    late = sorted(key for key, c in contracts.items() if due(c, PERIOD) < AFTER)
    first = look_for_late(empty_home, settings, AFTER, None)
    assert isinstance(first, dg.SensorResult)
    (event,) = first.asset_events
    assert isinstance(event, dg.AssetCheckEvaluation)
    assert (event.asset_key, event.check_name, event.passed) == (
        ARRIVALS_KEY,
        "nothing_late",
        False,
    )
    assert event.partition == PERIOD
    days = (AFTER - due(contracts["dukcapil_population"], PERIOD)).days
    assert re.search(
        rf"dukcapil_population {PERIOD} \(.+?\) terlambat {days} hari", event.description or ""
    )
    (line,) = _lines(empty_home)
    assert sorted(item["subject"] for item in line["items"]) == late
    assert {item["kind"] for item in line["items"]} == {alerts.LATE}
    # The same hour later says nothing, the next day updates the page and tells nobody anew.
    again = look_for_late(empty_home, settings, AFTER, first.cursor)
    assert isinstance(again, dg.SkipReason)
    tomorrow = look_for_late(empty_home, settings, AFTER + dt.timedelta(days=1), first.cursor)
    assert isinstance(tomorrow, dg.SensorResult)
    assert len(_lines(empty_home)) == 1


def test_what_has_arrived_in_time_is_not_late(empty_home: Home) -> None:
    settings = _with_a_warehouse(empty_home)
    con = connect(empty_home)
    create_ledger(con)
    for key, contract in load_contracts().items():
        con.execute(
            "INSERT INTO landing.deliveries BY NAME SELECT ? AS dataset, ? AS period, 1 AS version,"
            " 'file' AS source_kind, 'accepted' AS state, ?::TIMESTAMP AS received_at",
            [key, PERIOD, due(contract, PERIOD).isoformat()],
        )
    con.close()
    seen = look_for_late(empty_home, settings, AFTER, None)
    assert isinstance(seen, dg.SensorResult)
    (event,) = seen.asset_events
    assert isinstance(event, dg.AssetCheckEvaluation)
    assert event.passed
    assert _lines(empty_home) == []


def test_it_is_not_looked_while_a_run_writes_or_before_there_is_anything(empty_home: Home) -> None:
    assert isinstance(look_for_late(empty_home, Settings(), AFTER, None), dg.SkipReason)
    settings = _with_a_warehouse(empty_home)
    with home_lock(empty_home, "period 2026-10"):
        put_off = look_for_late(empty_home, settings, AFTER, None)
    assert isinstance(put_off, dg.SkipReason)
    assert "period 2026-10" in (put_off.skip_message or "")


def test_the_runbook_has_an_entry_for_every_kind_of_alert(empty_home: Home) -> None:
    text = (ROOT / "docs" / "guides" / "runbook.md").read_text("utf-8")
    entries = dict(re.findall(r"^## (\w+)\n\n(.+?)(?=\n## |\Z)", text, re.MULTILINE | re.DOTALL))
    loaded = definitions.build(empty_home)
    checks = {key.name for key in loaded.resolve_asset_graph().asset_check_keys}
    kinds = checks | set(alerts.KINDS)
    assert kinds - set(entries) == set()
    assert set(entries) - kinds == set()
    assert all(len(entry) > 60 for entry in entries.values())
