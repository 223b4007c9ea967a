"""Explaining: the evidence adds up to the stored probability, and each reason is told."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import people_world as world
import pytest
from typer.testing import CliRunner, Result

from matching import persons
from matching.explaining import Explanation, explain_person, register_stands
from pipelines import cli_explain
from pipelines.cli import app
from pipelines.cli_explain import level_text
from warehouse.connection import connect
from warehouse.errors import UsageError
from warehouse.home import Home
from warehouse.settings import EngineSettings, Settings

PERIOD = "2026-10"
RATES = world.Rates(nik_borrowed=0.02, nik_unusable=0.05, birth=0.2)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Give a home whose warehouse holds a linked world; the inputs stand as plain tables."""
    made = Home(tmp_path_factory.mktemp("home"))
    con = connect(made, Settings(engine=EngineSettings(threads=1)))
    world.make_world(con, 4_000, {"cards": 2_500, "roster": 900}, RATES, seed=5)
    # Two rows of the roster claim one person: the second is not as good.
    con.execute(
        "INSERT INTO in_person_records BY NAME SELECT 'roster' AS dataset, 'roster' AS kind,"
        " 'late' AS record_id, full_name, birth_date, sex, 7 AS row_hash FROM in_person_records"
        " WHERE record_id = (SELECT min(a.record_id) FROM in_person_records AS a"
        " JOIN in_population AS b USING (nik, full_name, birth_date) WHERE a.dataset = 'roster')"
    )
    for table in ("in_population", "in_person_records"):
        con.execute(
            f"CREATE TABLE kept AS FROM {table}; DROP TABLE {table};"
            f" ALTER TABLE kept RENAME TO {table}"
        )
    persons.link_period(con, PERIOD)
    con.close()
    return made


@pytest.fixture(scope="module")
def con(home: Home) -> Iterator[duckdb.DuckDBPyConnection]:
    connection = connect(home, read_only=True)
    yield connection
    connection.close()


Told = Callable[[str, int], list[Explanation]]


@pytest.fixture(scope="module")
def some(con: duckdb.DuckDBPyConnection) -> Told:
    """Explain some records of a reason, each once for all tests."""
    known: dict[tuple[str, str], Explanation] = {}

    def explain(reason: str, wanted: int) -> list[Explanation]:
        rows = records_of(con, reason, wanted)
        for row in rows:
            if row not in known:
                known[row] = explain_person(con, PERIOD, *row)
        return [known[row] for row in rows]

    return explain


def records_of(con: duckdb.DuckDBPyConnection, reason: str, wanted: int) -> list[tuple[str, str]]:
    return con.execute(
        "SELECT dataset, record_id FROM linkage.person_links WHERE reason = ?"
        " ORDER BY dataset, hash(record_id) LIMIT ?",
        [reason, wanted],
    ).fetchall()


REASONS = (
    "nik_exact", "model", "near_tie", "uncertain", "nik_conflict", "invalid_identifier",
    "never_compared", "best_candidate_below_threshold", "lost_to_better_claim",
)  # fmt: skip


def test_the_stored_probability_comes_out_again_for_every_reason(some: Told) -> None:
    seen = set()
    for reason in REASONS:
        for told in some(reason, 3):
            seen.add(reason)
            assert told.agrees, told.reason
            assert told.recomputed == told.best_probability
            if told.total_bits is None or told.prior_bits is None or told.rivals_bits is None:
                assert reason in {"nik_exact", "never_compared", "invalid_identifier"} or (
                    reason == "lost_to_better_claim"
                )
                continue
            parts = told.prior_bits + sum(f.bits for f in told.fields) + told.rivals_bits
            assert parts == pytest.approx(told.total_bits, abs=0.002)
            share = 1 / (1 + 2**-told.total_bits)
            if told.status == "linked":
                assert told.probability == pytest.approx(share, abs=2e-5)
            elif told.status == "unlinked" and reason != "lost_to_better_claim":
                assert told.best_probability == pytest.approx(share, abs=2e-5)
    assert {
        "nik_exact", "model", "never_compared", "invalid_identifier", "lost_to_better_claim",
        "best_candidate_below_threshold",
    } <= seen  # fmt: skip
    assert seen & {"near_tie", "uncertain", "nik_conflict"}


def test_what_is_equal_is_shown_equal(some: Told) -> None:
    told = some("nik_exact", 1)[0]
    assert told.person is not None
    assert told.record["nik"] == told.person["nik"]
    levels = {f.field: f.level for f in told.fields}
    assert levels["nik"].startswith("same; ")
    assert told.tier == "identifier"
    for told in some("model", 3):
        for evidence in told.fields:
            if evidence.level == "missing":
                assert evidence.bits == 0


def test_a_mothers_name_is_never_told(some: Told) -> None:
    for told in some("model", 3):
        assert "mother_name" not in told.record
        assert "mother_name" not in (told.person or {})


def test_who_was_never_compared_is_told_which_keys_were_missing(some: Told) -> None:
    for told in some("never_compared", 3):
        assert told.candidates == 0
        assert told.rules
        assert {rule.state for rule in told.rules} <= {"no_key", "nobody", "capped", "unlike"}
        for rule in told.rules:
            assert bool(rule.missing) == (rule.state == "no_key")
    broken = some("invalid_identifier", 1)[0]
    assert broken.nik_reason == "NIK_LENGTH"
    by_nik = [rule for rule in broken.rules if rule.rule.startswith("nik_")]
    assert {tuple(rule.missing) for rule in by_nik} == {("nik",)}


def test_who_lost_is_told_to_whom(con: duckdb.DuckDBPyConnection) -> None:
    told = explain_person(con, PERIOD, "roster", "late")
    assert told.reason == "lost_to_better_claim"
    assert told.winner is not None
    assert told.winner["status"] == "linked"
    winner = explain_person(con, PERIOD, "roster", told.winner["record_id"])
    assert winner.person == told.person


def test_what_is_not_there_is_a_usage_error_without_the_key(
    con: duckdb.DuckDBPyConnection,
) -> None:
    with pytest.raises(UsageError, match="run the period first"):
        explain_person(con, "2026-09", "cards", "cards1")
    with pytest.raises(UsageError, match="these have: cards, roster"):
        explain_person(con, PERIOD, "card", "cards1")
    with pytest.raises(UsageError, match="no record of that key") as caught:
        explain_person(con, PERIOD, "cards", "3273920101900001")
    assert "3273920101900001" not in str(caught.value)


def test_a_register_that_changed_since_is_noticed(home: Home, tmp_path: Path) -> None:
    copy = tmp_path / "copy.duckdb"
    copy.write_bytes(home.restricted_db.read_bytes())
    con = duckdb.connect(str(copy))
    told = explain_person(con, PERIOD, *records_of(con, "model", 1)[0])
    assert told.agrees
    con.execute(
        "UPDATE in_person_records SET full_name = 'ZQXW VBNM', mother_name = NULL"
        " WHERE dataset = ? AND record_id = ?",
        [told.dataset, told.record_id],
    )
    assert not explain_person(con, PERIOD, told.dataset, told.record_id).agrees
    con.close()


# The command.


@pytest.fixture
def _plain_inputs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli_explain, "create_inputs", lambda *_arguments: None)


def call(home: Home, *arguments: object) -> Result:
    words = ["explain", "person", *arguments, "--period", PERIOD, "--home", home.path]
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture
def linked(some: Told) -> Explanation:
    return some("model", 1)[0]


@pytest.mark.usefixtures("_plain_inputs")
def test_the_command_tells_and_draws_and_is_logged(
    home: Home, linked: Explanation, tmp_path: Path
) -> None:
    chart = tmp_path / "why.svg"
    result = call(home, linked.dataset, linked.record_id, "--chart", chart)
    assert result.exit_code == 0, result.stderr
    assert str(linked.record["full_name"]) in result.stdout
    assert "peluang awal" in result.stdout
    drawn = chart.read_text("utf-8")
    assert "tanggal lahir" in drawn
    for value in linked.record.values():
        if isinstance(value, str) and len(value) > 3:
            assert value not in drawn
    line = json.loads(home.access_log.read_text("utf-8").splitlines()[-1])
    assert set(line) == {"at", "user", "uid", "action", "period", "dataset", "record"}
    assert line["action"] == "explain person"
    assert linked.record_id not in json.dumps(line)
    assert stat.S_IMODE(home.access_log.stat().st_mode) == 0o600


@pytest.mark.usefixtures("_plain_inputs")
def test_json_is_one_object_with_all_of_the_evidence(home: Home, linked: Explanation) -> None:
    result = call(home, linked.dataset, linked.record_id, "--json")
    told = json.loads(result.stdout)
    assert told["probability"] == linked.probability
    assert [f["field"] for f in told["fields"]] == [f.field for f in linked.fields]
    assert told["agrees"] is True


@pytest.mark.usefixtures("_plain_inputs")
def test_a_look_at_nobody_is_logged_too_and_earlier_lines_stay(home: Home) -> None:
    call(home, "cards", "1")
    before = home.access_log.read_text("utf-8")
    result = call(home, "cards", "nobody")
    assert result.exit_code == 2
    after = home.access_log.read_text("utf-8")
    assert after.startswith(before)
    assert after.count("\n") == before.count("\n") + 1


@pytest.mark.usefixtures("_plain_inputs")
def test_without_a_log_nothing_is_shown(home: Home, linked: Explanation, tmp_path: Path) -> None:
    other = Home(tmp_path)
    other.restricted_db.write_bytes(home.restricted_db.read_bytes())
    other.access_log.mkdir()
    result = call(other, linked.dataset, linked.record_id)
    assert result.exit_code == 1
    assert str(linked.record["full_name"]) not in result.output
    assert "access log" in result.stderr


def test_only_a_home_with_the_restricted_warehouse_can_explain(tmp_path: Path) -> None:
    result = call(Home(tmp_path), "cards", "1")
    assert result.exit_code == 2
    assert "holds no restricted warehouse" in result.stderr
    assert not (tmp_path / "access.jsonl").exists()


def test_a_chart_of_another_kind_is_refused_before_anything_is_looked_at(
    home: Home, tmp_path: Path
) -> None:
    before = home.access_log.read_text("utf-8") if home.access_log.exists() else ""
    result = call(home, "cards", "1", "--chart", tmp_path / "why.pdf")
    assert result.exit_code == 2
    assert (home.access_log.read_text("utf-8") if home.access_log.exists() else "") == before


@pytest.mark.usefixtures("_plain_inputs")
def test_an_earlier_month_is_explained_after_another_was_linked(
    home: Home, linked: Explanation, tmp_path: Path
) -> None:
    other = Home(tmp_path)
    other.restricted_db.write_bytes(home.restricted_db.read_bytes())
    con = connect(other)
    con.execute("UPDATE linkage.register_basis SET period = '2026-11'")
    assert not register_stands(con, PERIOD)
    con.close()
    result = call(other, linked.dataset, linked.record_id, "--json")
    assert json.loads(result.stdout)["agrees"] is True


def test_every_level_has_indonesian_words() -> None:
    assert level_text("same; same birth date, home unknown") == (
        "sama; tanggal lahir sama, domisili tidak diketahui"
    )
    from matching.comparison import LEVELS

    for name, levels in LEVELS.items():
        for level in levels:
            assert level_text(level) != level, (name, level)
