"""Review: decisions take effect, outlive a rerun, and come back when their evidence changed."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import people_world as world
import pytest

from matching import persons
from matching.explaining import explain_person
from matching.review_store import Decision, create_decisions, decide, find_standing, undo
from warehouse.errors import UsageError

PERIOD = "2026-10"
RATES = world.Rates(nik_borrowed=0.02, nik_unusable=0.05, birth=0.2)


@pytest.fixture(scope="module")
def linked() -> Iterator[duckdb.DuckDBPyConnection]:
    con = duckdb.connect(config={"threads": 2})
    world.make_world(con, 4_000, {"cards": 1_500, "roster": 700}, RATES, seed=5)
    # Five records without a NIK whose person has a double in the register.
    con.execute(
        "INSERT INTO in_population BY NAME SELECT p.* REPLACE (nik[:12] || '8888' AS nik,"
        " nik[:12] || '8888' AS record_id, row_hash + 1 AS row_hash)"
        " FROM in_population AS p WHERE nik IN (SELECT t.nik FROM truth AS t"
        " JOIN in_person_records AS r USING (dataset, record_id)"
        " WHERE r.dataset = 'cards' AND r.nik IS NULL AND r.nik_reason IS NULL"
        " AND t.nik IS NOT NULL ORDER BY record_id LIMIT 5)"
    )
    persons.link_period(con, PERIOD)
    yield con
    con.close()


@pytest.fixture
def con(linked: duckdb.DuckDBPyConnection) -> Iterator[duckdb.DuckDBPyConnection]:
    """Give the linked world; what a test changes is put back."""
    for table in ("in_person_records", "in_population"):
        linked.execute(f"CREATE OR REPLACE TEMP TABLE kept_{table} AS FROM {table}")
    linked.execute("CREATE OR REPLACE TEMP TABLE kept_links AS FROM linkage.person_links")
    yield linked
    for table in ("in_person_records", "in_population"):
        linked.execute(f"CREATE OR REPLACE TEMP TABLE {table} AS FROM kept_{table}")
    linked.execute(
        "CREATE OR REPLACE TABLE linkage.person_links AS FROM kept_links;"
        " DELETE FROM linkage.decisions; DELETE FROM linkage.applied_decisions"
    )


def relink(con: duckdb.DuckDBPyConnection) -> None:
    persons.link_period(con, PERIOD, retrain=False)


def link(con: duckdb.DuckDBPyConnection, dataset: str, record: str) -> tuple[object, ...]:
    row = con.execute(
        "SELECT status, tier, person_key, reason FROM linkage.person_links"
        " WHERE dataset = ? AND record_id = ? AND period = ?",
        [dataset, record, PERIOD],
    ).fetchone()
    assert row is not None
    return row


def one(con: duckdb.DuckDBPyConnection, where: str) -> tuple[str, str, int]:
    row = con.execute(
        "SELECT dataset, record_id, best_candidate_key FROM linkage.person_links"
        f" WHERE {where} ORDER BY dataset, record_id LIMIT 1"
    ).fetchone()
    assert row is not None
    return row


def states(con: duckdb.DuckDBPyConnection) -> list[str]:
    find_standing(con, PERIOD)
    return [
        row[0]
        for row in con.execute("SELECT state FROM review_standing ORDER BY decision_id").fetchall()
    ]


def test_same_links_by_decision_and_outlives_a_rerun(con: duckdb.DuckDBPyConnection) -> None:
    dataset, record, person = one(con, "status = 'review'")
    decide(con, PERIOD, [Decision(dataset, record, person, "same")], "ana")
    assert link(con, dataset, record)[0] == "review"
    for _ in range(2):
        relink(con)
        assert link(con, dataset, record) == ("linked", "decision", person, "decided_same")
    told = explain_person(con, PERIOD, dataset, record)
    assert (told.tier, told.reason, told.agrees) == ("decision", "decided_same", True)
    assert told.probability == 1
    assert told.fields


def test_different_takes_the_candidate_away(con: duckdb.DuckDBPyConnection) -> None:
    dataset, record, person = one(con, "reason = 'near_tie' AND runner_up_ppm > 200000")
    decide(con, PERIOD, [Decision(dataset, record, person, "different")], "ana")
    relink(con)
    status, tier, other, _reason = link(con, dataset, record)
    assert other != person
    assert (status, tier) in {("linked", "model"), ("review", "model"), ("unlinked", None)}
    told = explain_person(con, PERIOD, dataset, record)
    assert told.agrees


def test_a_link_by_nik_can_be_rejected(con: duckdb.DuckDBPyConnection) -> None:
    dataset, record, person = one(con, "tier = 'identifier'")
    decide(con, PERIOD, [Decision(dataset, record, person, "different")], "ana")
    relink(con)
    assert link(con, dataset, record) == ("unlinked", None, None, "rejected_in_review")
    told = explain_person(con, PERIOD, dataset, record)
    assert told.reason == "rejected_in_review"
    assert told.agrees
    assert told.person is not None


def test_no_match_leaves_nobody_and_unsure_changes_nothing(con: duckdb.DuckDBPyConnection) -> None:
    rows = con.execute(
        "SELECT dataset, record_id, best_candidate_key FROM linkage.person_links"
        " WHERE status = 'review' ORDER BY dataset, record_id LIMIT 2"
    ).fetchall()
    before = link(con, *rows[1][:2])
    decide(
        con,
        PERIOD,
        [Decision(*rows[0], "no_match"), Decision(*rows[1], "unsure")],
        "ana",
    )
    relink(con)
    assert link(con, *rows[0][:2]) == ("unlinked", None, None, "rejected_in_review")
    assert link(con, *rows[1][:2]) == before
    assert explain_person(con, PERIOD, *rows[0][:2]).agrees


@pytest.mark.parametrize(
    ("change", "state"),
    [
        ("UPDATE in_person_records SET birth_place = 'SABANG' WHERE record_id = $record",
         "record_changed"),
        ("UPDATE in_population SET full_name = full_name || ' X'"
         " WHERE md5_number_lower(nik) = $person", "person_changed"),
        ("DELETE FROM in_population WHERE md5_number_lower(nik) = $person", "person_changed"),
    ],
)  # fmt: skip
def test_changed_evidence_brings_a_decision_back(
    con: duckdb.DuckDBPyConnection, change: str, state: str
) -> None:
    dataset, record, person = one(con, "status = 'review'")
    decide(con, PERIOD, [Decision(dataset, record, person, "same")], "ana")
    name, value = ("record", record) if "$record" in change else ("person", person)
    con.execute(change, {name: value})
    assert states(con) == [state]
    relink(con)
    assert link(con, dataset, record)[1] != "decision"


def test_a_new_close_candidate_brings_same_and_no_match_back(
    con: duckdb.DuckDBPyConnection,
) -> None:
    dataset, record, person = one(con, "status = 'review' AND runner_up_ppm > 200000")
    decide(con, PERIOD, [Decision(dataset, record, person, "same")], "ana")
    assert states(con) == ["stands"]
    # The runner-up was not known to who decided.
    con.execute("UPDATE linkage.decisions SET rivals = []")
    assert states(con) == ["candidate_new"]
    con.execute("UPDATE linkage.decisions SET verdict = 'different'")
    assert states(con) == ["stands"]


def test_what_says_nothing_of_who_it_is_changes_no_evidence(con: duckdb.DuckDBPyConnection) -> None:
    dataset, record, person = one(con, "status = 'review'")
    decide(con, PERIOD, [Decision(dataset, record, person, "same")], "ana")
    con.execute("UPDATE in_person_records SET row_hash = row_hash + 1, address = 'JL BARU'")
    assert states(con) == ["stands"]


def test_undo_restores_and_nothing_is_ever_removed(con: duckdb.DuckDBPyConnection) -> None:
    dataset, record, person = one(con, "status = 'review'")
    before = link(con, dataset, record)
    (number,) = decide(con, PERIOD, [Decision(dataset, record, person, "no_match")], "ana")
    relink(con)
    kept = con.execute("FROM linkage.decisions").fetchall()
    undo(con, number, "budi")
    assert con.execute("FROM linkage.decisions ORDER BY decision_id LIMIT 1").fetchall() == kept
    relink(con)
    assert link(con, dataset, record) == before
    for wrong, told in ((number, "taken back before"), (number + 1, "is an undo"), (99, "no dec")):
        with pytest.raises(UsageError, match=told):
            undo(con, wrong)


def test_who_thinks_again_adds_a_row_and_others_contradict(con: duckdb.DuckDBPyConnection) -> None:
    dataset, record, person = one(con, "status = 'review'")
    decide(con, PERIOD, [Decision(dataset, record, person, "same")], "ana")
    decide(con, PERIOD, [Decision(dataset, record, person, "different")], "ana")
    find_standing(con, PERIOD)
    assert con.execute("SELECT verdict, state FROM review_standing").fetchall() == [
        ("different", "stands")
    ]
    decide(con, PERIOD, [Decision(dataset, record, person, "same")], "budi")
    assert states(con) == ["contradicted", "contradicted"]
    relink(con)
    assert link(con, dataset, record)[1] != "decision"
    decide(con, PERIOD, [Decision(dataset, record, person, "same", settles=True)], "citra")
    assert states(con) == ["stands"]
    relink(con)
    assert link(con, dataset, record)[1] == "decision"


def test_a_list_that_names_people_once_gives_one_record_to_a_decision(
    con: duckdb.DuckDBPyConnection,
) -> None:
    _, winner, person = one(con, "dataset = 'roster' AND tier = 'identifier'")
    other = con.execute(
        "SELECT record_id FROM linkage.person_links WHERE dataset = 'roster'"
        " AND status = 'unlinked' ORDER BY record_id LIMIT 2"
    ).fetchall()
    decide(con, PERIOD, [Decision("roster", other[0][0], person, "same")], "ana")
    relink(con)
    assert link(con, "roster", other[0][0])[1:3] == ("decision", person)
    assert link(con, "roster", winner)[3] == "lost_to_better_claim"
    with pytest.raises(UsageError, match="undo that one first"):
        decide(con, PERIOD, [Decision("roster", other[1][0], person, "same")], "ana")
    decide(con, PERIOD, [Decision("roster", other[1][0], person, "same")], "budi")
    assert states(con) == ["contradicted", "contradicted"]
    relink(con)
    assert link(con, "roster", winner)[1] == "identifier"


def test_wrong_decisions_are_refused_whole(con: duckdb.DuckDBPyConnection) -> None:
    dataset, record, person = one(con, "status = 'review'")
    create_decisions(con)
    for wrong, told in (
        (Decision(dataset, record, person, "maybe"), "verdict is not one"),
        (Decision(dataset, "3273920101900001", person, "same"), "no record of that key"),
        (Decision(dataset, record, 5, "same"), "no such person"),
        (Decision(dataset, record, None, "same"), "no person is named"),
        (Decision(dataset, record, person, "same", evidence="0"), "evidence changed"),
        (Decision(dataset, record, person, "different"), "contradicts another"),
    ):
        with pytest.raises(UsageError, match=told) as caught:
            decide(con, PERIOD, [Decision(dataset, record, person, "same"), wrong], "ana")
        assert "3273920101900001" not in str(caught.value)
        assert con.execute("SELECT count(*) FROM linkage.decisions").fetchall() == [(0,)]
