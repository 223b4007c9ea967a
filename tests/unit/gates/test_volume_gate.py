"""A delivery far smaller or larger than the last waits for somebody's decision (fault 32)."""

from __future__ import annotations

import json
from collections.abc import Callable

import dagster as dg
import duckdb
import pytest
from typer.testing import CliRunner

from assets import landing
from assets.stage import Stage
from pipelines import approval
from pipelines.cli import app
from pipelines.doctor import examine
from sources import volume
from sources.contracts import Contract, load_contracts, load_dataset_table
from warehouse.errors import CakupanError, UsageError
from warehouse.home import Home
from warehouse.settings import GateSettings, Settings, VolumeLimits
from warehouse.tables import create_tables

JULY, AUGUST, PERIOD = "2026-07", "2026-08", "2026-10"

Deliver = Callable[..., dg.MaterializeResult]


@pytest.fixture
def farmers() -> Contract:
    return load_contracts()["farmers"]


@pytest.fixture
def deliver(home: Home, con: duckdb.DuckDBPyConnection, farmers: Contract) -> Deliver:
    create_tables(con)
    load_dataset_table(con, {"farmers": farmers})

    def act(
        rows: int | None, period: str = PERIOD, gates: GateSettings | None = None, tag: str = ""
    ) -> dg.MaterializeResult:
        folder = home.inbox / "farmers" / period
        folder.mkdir(parents=True, exist_ok=True)
        if rows is not None:
            lines = (f"{n},SUPARMAN{tag},,1990-01-01\n" for n in range(rows))
            text = "record_id,full_name,nik,birth_date\n" + "".join(lines)
            (folder / "petani.csv").write_text(text, encoding="utf-8")
        settings = Settings(gates=gates or GateSettings())
        stage = Stage(con, home, settings, {"farmers": farmers}, home.inbox)
        return landing._land(stage, farmers, period)

    return act


def gate(made: dg.MaterializeResult) -> dg.AssetCheckResult:
    [found] = [check for check in made.check_results if check.check_name == landing.VOLUME]
    return found


def states(con: duckdb.DuckDBPyConnection) -> list[tuple[str, int, str]]:
    return con.execute(
        "SELECT period, version, state FROM landing.deliveries ORDER BY period, version"
    ).fetchall()


def in_force(con: duckdb.DuckDBPyConnection, period: str = PERIOD) -> tuple[object, ...]:
    return con.execute(
        "SELECT delivery_period, version, state FROM landing.in_force WHERE period = ?", [period]
    ).fetchall()[0]


@pytest.mark.parametrize(
    ("rows", "last", "held"),
    [(70, 100, True), (71, 100, False), (300, 100, True), (299, 100, False), (0, 100, True),
     (3, 9, False), (100, 100, False)],
)  # fmt: skip
def test_thirty_percent_smaller_and_three_times_larger_are_odd(
    rows: int, last: int, held: bool
) -> None:
    assert bool(volume.judged(GateSettings(), "farmers", rows, last)) is held


def test_limits_are_settings_and_may_differ_by_dataset() -> None:
    own = GateSettings(datasets={"farmers": VolumeLimits(smaller=0.1, larger=10)})
    assert volume.judged(own, "farmers", 50, 100) == ""
    assert volume.judged(own, "soe_staff", 50, 100) == "turun 50%"
    assert volume.judged(GateSettings(larger=1.5), "farmers", 160, 100) == "1,6 kali lipat"


def test_a_first_delivery_is_never_held(deliver: Deliver, con: duckdb.DuckDBPyConnection) -> None:
    made = gate(deliver(100))
    assert made.passed
    assert in_force(con) == (PERIOD, 1, "current")


def test_a_shrunken_delivery_is_held_and_the_last_good_one_stays_in_force(
    deliver: Deliver, con: duckdb.DuckDBPyConnection, home: Home
) -> None:
    deliver(100, AUGUST)
    made = deliver(60)
    held = gate(made)
    assert (held.passed, held.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert "60 baris" in str(held.description)
    assert "cakupan approve farmers 2026-10" in str(held.description)
    assert made.metadata["state"] == "carried"
    assert states(con) == [(AUGUST, 1, "accepted"), (PERIOD, 1, "held")]
    assert in_force(con) == (AUGUST, 1, "carried")
    # Landed all the same, so that a decision costs nothing; a second run changes nothing.
    assert con.execute("SELECT count(*) FROM landing.farmers").fetchall() == [(160,)]
    assert gate(deliver(None)).passed is False
    assert len(states(con)) == 2
    assert [line.word for line in volume.decisions(home)] == ["held"]


def test_a_corrected_version_of_the_same_month_is_held_against_the_one_before(
    deliver: Deliver, con: duckdb.DuckDBPyConnection
) -> None:
    deliver(100)
    assert gate(deliver(400)).passed is False
    assert in_force(con) == (PERIOD, 1, "current")
    # What is delivered in its place counts again, and ends the wait.
    assert gate(deliver(110)).passed
    assert in_force(con) == (PERIOD, 3, "current")


def test_without_a_good_delivery_in_force_the_run_is_blocked(
    deliver: Deliver, con: duckdb.DuckDBPyConnection
) -> None:
    deliver(100, "2024-01")
    held = gate(deliver(60))
    assert (held.passed, held.severity) == (False, dg.AssetCheckSeverity.ERROR)
    assert in_force(con)[2] == "stale"
    again = gate(deliver(None, gates=GateSettings(held_blocks=True)))
    assert again.severity == dg.AssetCheckSeverity.ERROR


def test_a_setting_blocks_the_month_while_anything_is_held(deliver: Deliver) -> None:
    deliver(100, AUGUST)
    held = gate(deliver(60, gates=GateSettings(held_blocks=True)))
    assert held.severity == dg.AssetCheckSeverity.ERROR


def test_an_earlier_month_that_arrives_late_is_compared_with_the_next(deliver: Deliver) -> None:
    deliver(100, AUGUST)
    assert gate(deliver(20, JULY)).passed is False


def test_approval_puts_it_in_force_and_is_written_down(
    deliver: Deliver, con: duckdb.DuckDBPyConnection, home: Home
) -> None:
    deliver(100, AUGUST)
    deliver(60)
    decision = volume.decide(
        con, home, "farmers", PERIOD, approve=True, reason="tiga dinas digabung", by="Ibu Rini"
    )
    assert (decision.version, decision.rows) == (1, 60)
    made = deliver(None)
    assert gate(made).passed
    assert in_force(con) == (PERIOD, 1, "current")
    log = volume.decisions(home)
    assert [(line.word, line.by, line.reason) for line in log][1:] == [
        ("approved", "Ibu Rini", "tiga dinas digabung")
    ]
    assert log[1].user
    assert log[1].at.endswith("+00:00")
    assert volume.log_file(home).stat().st_mode & 0o777 == 0o600
    # The next month is held against the approved size.
    assert gate(deliver(61, "2026-11")).passed


def test_a_decision_outlives_the_warehouse_and_a_crash_between_log_and_ledger(
    deliver: Deliver, con: duckdb.DuckDBPyConnection, home: Home
) -> None:
    deliver(100, AUGUST)
    deliver(60)
    volume.decide(con, home, "farmers", PERIOD, approve=True, reason="benar", by="A")
    con.execute("UPDATE landing.deliveries SET state = 'held' WHERE period = ?", [PERIOD])
    assert gate(deliver(None)).passed
    # The warehouse is lost: the log still knows the content.
    con.execute("DELETE FROM landing.deliveries WHERE period = ?", [PERIOD])
    assert gate(deliver(None)).passed
    assert in_force(con) == (PERIOD, 1, "current")


def test_a_rejected_delivery_is_left_out_for_good_and_stops_nothing(
    deliver: Deliver, con: duckdb.DuckDBPyConnection, home: Home
) -> None:
    deliver(100, AUGUST)
    deliver(60)
    volume.decide(con, home, "farmers", PERIOD, approve=False, reason="terpotong", by="A")
    assert gate(deliver(None)).passed
    assert in_force(con) == (AUGUST, 1, "carried")
    assert states(con)[1] == (PERIOD, 1, "rejected")
    con.execute("DELETE FROM landing.deliveries WHERE period = ?", [PERIOD])
    deliver(None)
    assert states(con)[1] == (PERIOD, 1, "rejected")


def test_a_hold_is_remembered_when_what_it_was_compared_with_is_lost(
    deliver: Deliver, con: duckdb.DuckDBPyConnection
) -> None:
    deliver(100, AUGUST)
    deliver(60)
    con.execute("DELETE FROM landing.deliveries")
    assert gate(deliver(None)).passed is False


def test_decisions_need_a_held_delivery_and_a_reason(
    deliver: Deliver, con: duckdb.DuckDBPyConnection, home: Home
) -> None:
    deliver(100, AUGUST)
    with pytest.raises(UsageError, match="held are: none"):
        volume.decide(con, home, "farmers", AUGUST, approve=True, reason="x")
    deliver(60)
    with pytest.raises(UsageError, match="--reason"):
        volume.decide(con, home, "farmers", PERIOD, approve=True, reason=" ")
    with pytest.raises(UsageError, match="as version 7"):
        volume.decide(con, home, "farmers", PERIOD, approve=True, reason="x", version=7)
    assert states(con)[1][2] == "held"
    with volume.log_file(home).open("a", encoding="utf-8") as file:
        file.write("{\n")
    with pytest.raises(CakupanError, match="line 2 is damaged"):
        volume.decisions(home)


def test_a_log_that_cannot_be_written_decides_nothing(
    deliver: Deliver, con: duckdb.DuckDBPyConnection, home: Home
) -> None:
    deliver(100, AUGUST)
    volume.log_file(home).mkdir()
    with pytest.raises((CakupanError, IsADirectoryError)):
        deliver(60)
    assert states(con) == [(AUGUST, 1, "accepted")]


def test_console_and_doctor_tell_what_is_held_and_decide(
    deliver: Deliver, con: duckdb.DuckDBPyConnection, home: Home
) -> None:
    deliver(100, AUGUST)
    deliver(60)
    con.close()
    told = [found for found in examine(home) if found.name == "held farmers 2026-10"]
    assert [found.state for found in told] == ["warn"]
    runner = CliRunner()
    call = ["approve", "farmers", PERIOD, "--home", str(home.path), "--reason", "benar"]
    bad = runner.invoke(app, ["approve", "petani", *call[2:]])
    assert bad.exit_code == 2
    answer = runner.invoke(app, [*call, "--by", "Ibu Rini", "--json"])
    assert answer.exit_code == 0, answer.output
    said = json.loads(answer.stdout[answer.stdout.index("{") :])
    assert (said["word"], said["by"], said["rows"]) == ("approved", "Ibu Rini", 60)
    assert runner.invoke(app, call).exit_code == 2
    assert [f.message for f in examine(home) if f.name == "deliveries"] == ["none is held"]


def test_the_launchpad_decides_as_the_console_does(
    deliver: Deliver, con: duckdb.DuckDBPyConnection, home: Home, farmers: Contract
) -> None:
    deliver(100, AUGUST)
    deliver(60)
    stage = Stage(con, home, Settings(), {"farmers": farmers}, home.inbox)
    config = {"dataset": "farmers", "period": PERIOD, "reason": "benar", "by": "Ibu Rini"}

    def launch(**changes: object) -> dg.ExecuteInProcessResult:
        ops = {"decide_on_delivery": {"config": {**config, **changes}}}
        return approval.build().execute_in_process(
            run_config={"ops": ops}, resources={"warehouse": stage}, raise_on_error=False
        )

    assert not launch(dataset="petani").success
    assert not launch(by=" ").success
    assert launch().success
    assert states(con)[1][2] == "accepted"
    assert volume.decisions(home)[-1].by == "Ibu Rini"
    assert not launch().success
