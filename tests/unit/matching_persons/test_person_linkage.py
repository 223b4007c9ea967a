"""The waterfall on a labelled register: good, the same every time, and honest about the rest."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import people_world as world
import pytest

from matching import persons
from matching.evaluation import compare_with_truth
from matching.model import Model, load_model
from warehouse.errors import UsageError

PERIOD = "2026-10"


def linked_world(rates: world.Rates, seed: int = 7) -> duckdb.DuckDBPyConnection:
    con = duckdb.connect(config={"threads": 2})
    world.make_world(con, 12_000, {"cards": 6_000, "roster": 2_000}, rates, seed)
    persons.build_spine(con, PERIOD)
    persons.link_period(con, PERIOD)
    return con


@pytest.fixture(scope="module")
def usual() -> Iterator[duckdb.DuckDBPyConnection]:
    con = linked_world(world.Rates())
    yield con
    con.close()


@pytest.fixture(scope="module")
def spoilt() -> Iterator[duckdb.DuckDBPyConnection]:
    con = linked_world(world.Rates.spoilt())
    yield con
    con.close()


def truth_file(con: duckdb.DuckDBPyConnection, folder: Path) -> Path:
    file = folder / "truth.parquet"
    con.execute(f"COPY truth TO '{file}' (FORMAT parquet)")
    return file


@pytest.mark.parametrize(("name", "least"), [("usual", 0.997), ("spoilt", 0.99)])
def test_links_are_right_and_blocking_reaches_damaged_records(
    name: str, least: float, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    con = request.getfixturevalue(name)
    found = compare_with_truth(con, PERIOD, truth_file(con, tmp_path))
    assert found["ALL"]["f1"] >= least
    assert found["ALL"]["best_f1"] >= found["ALL"]["f1"] - 0.001
    assert found["ALL"]["blocking_recall"] >= 0.985
    assert found["ALL"]["tiers"]["identifier"]["precision"] >= 0.999
    assert found["cards"]["review"] / found["cards"]["records"] <= 0.01
    assert sum(found[d]["records"] for d in ("cards", "roster")) == found["ALL"]["records"] == 8000


def test_every_record_stands_once_with_status_and_reason(usual: duckdb.DuckDBPyConnection) -> None:
    missing = usual.execute(
        "SELECT count(*) FROM in_person_records ANTI JOIN linkage.person_links"
        " USING (dataset, record_id)"
    ).fetchone()
    assert missing == (0,)
    rows = usual.execute(
        "SELECT count(*), count(DISTINCT (dataset, record_id)) FROM linkage.person_links"
    )
    assert rows.fetchone() == (8000, 8000)
    bad = usual.execute(
        """
        SELECT count(*) FROM linkage.person_links WHERE NOT CASE status
            WHEN 'linked' THEN person_key IS NOT NULL AND probability_ppm >= 900000
                AND (tier = 'identifier' AND reason = 'nik_exact' AND probability_ppm >= 990000
                    OR tier = 'model' AND reason = 'model')
            WHEN 'review' THEN person_key IS NOT NULL AND probability_ppm < 900000
                AND reason IN ('uncertain', 'near_tie', 'nik_conflict')
            ELSE person_key IS NULL AND tier IS NULL AND probability_ppm IS NULL
                AND reason IN ('invalid_identifier', 'never_compared',
                    'best_candidate_below_threshold', 'lost_to_better_claim') END
        """
    ).fetchone()
    assert bad == (0,)


def test_a_list_that_names_people_once_gives_each_person_at_most_one_record(
    usual: duckdb.DuckDBPyConnection,
) -> None:
    twice = usual.execute(
        "SELECT count(*) - count(DISTINCT person_key) FROM linkage.person_links"
        " WHERE dataset = 'roster' AND status = 'linked'"
    ).fetchone()
    assert twice == (0,)
    cards = usual.execute(
        "SELECT count(*) - count(DISTINCT person_key) FROM linkage.person_links"
        " WHERE dataset = 'cards' AND status = 'linked'"
    ).fetchone()
    assert cards is not None
    assert cards[0] > 100  # people with several cards keep them all


def test_probabilities_mean_what_they_say(spoilt: duckdb.DuckDBPyConnection) -> None:
    said, right, records = spoilt.execute(
        """
        SELECT avg(probability_ppm) / 1e6, avg((l.person_key = md5_number_lower(t.nik))::INTEGER),
            count(*)
        FROM linkage.person_links AS l JOIN truth AS t USING (dataset, record_id)
        WHERE l.status = 'linked' AND l.tier = 'model'
        """
    ).fetchone()  # type: ignore[misc]
    assert records > 1000
    assert abs(said - right) < 0.005


def test_the_same_data_in_another_order_and_with_other_threads_give_the_same_links(
    usual: duckdb.DuckDBPyConnection,
) -> None:
    con = duckdb.connect(config={"threads": 1})
    world.make_world(con, 12_000, {"cards": 6_000, "roster": 2_000}, world.Rates())
    con.execute(
        "CREATE OR REPLACE TEMP TABLE in_population AS"
        " SELECT * FROM in_population ORDER BY hash(nik, 99);"
        "CREATE OR REPLACE TEMP TABLE in_person_records AS"
        " SELECT * FROM in_person_records ORDER BY hash(record_id, 98)"
    )
    persons.link_period(con, PERIOD)
    ours = con.execute("FROM linkage.person_links ORDER BY dataset, record_id").fetchall()
    theirs = usual.execute("FROM linkage.person_links ORDER BY dataset, record_id").fetchall()
    assert ours == theirs
    mine, other = load_model(con, PERIOD), load_model(usual, PERIOD)
    assert mine is not None
    assert other is not None
    assert mine.to_json() == other.to_json()
    con.close()


def test_the_stored_model_links_as_the_trained_one_did(usual: duckdb.DuckDBPyConnection) -> None:
    before = usual.execute("FROM linkage.person_links ORDER BY dataset, record_id").fetchall()
    versions = usual.execute("SELECT count(*) FROM linkage.models").fetchone()
    persons.link_period(usual, PERIOD, retrain=False)
    assert (
        usual.execute("FROM linkage.person_links ORDER BY dataset, record_id").fetchall() == before
    )
    persons.train_model(usual, PERIOD)  # the same data: no new version
    assert usual.execute("SELECT count(*) FROM linkage.models").fetchone() == versions


def test_a_model_of_another_form_is_refused() -> None:
    with pytest.raises(ValueError, match="train it again"):
        Model.from_json('{"version": 0}')


def test_blocking_tells_what_it_skipped(usual: duckdb.DuckDBPyConnection) -> None:
    rows = usual.execute(
        "SELECT count(*), min(pairs), min(capped_blocks) FROM linkage.blocking_report"
        " WHERE dataset = 'cards'"
    ).fetchone()
    assert rows is not None
    assert rows[0] >= 15
    assert rows[1] >= 0


def test_truth_that_is_not_there_is_a_usage_error(
    usual: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="does not exist"):
        compare_with_truth(usual, PERIOD, tmp_path / "none.parquet")
    with pytest.raises(UsageError, match="link it first"):
        compare_with_truth(usual, "2026-09", truth_file(usual, tmp_path))
