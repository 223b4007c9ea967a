"""The command `review`: queue, files, samples; what it logs, and the estimator by hand."""

from __future__ import annotations

import csv
import json
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import people_world as world
import pytest
import python_calamine
from typer.testing import CliRunner, Result

from matching import persons, review_queue, review_sample
from matching.review_sample import Stratum
from matching.review_store import Decision, decide
from pipelines import cli_explain
from pipelines.cli import app
from warehouse.connection import connect
from warehouse.home import Home
from warehouse.tables import table_specs

PERIOD = "2026-10"
RATES = world.Rates(nik_borrowed=0.03, nik_unusable=0.1, birth=0.3)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Home:
    home = Home(tmp_path_factory.mktemp("home"))
    con = connect(home)
    world.make_world(con, 2_000, {"cards": 800, "roster": 300}, RATES, seed=5)
    con.execute(
        "INSERT INTO in_population BY NAME SELECT p.* REPLACE (nik[:12] || '8888' AS nik,"
        " nik[:12] || '8888' AS record_id, row_hash + 1 AS row_hash)"
        " FROM in_population AS p WHERE nik IN (SELECT t.nik FROM truth AS t"
        " JOIN in_person_records AS r USING (dataset, record_id)"
        " WHERE r.dataset = 'cards' AND r.nik IS NULL AND r.nik_reason IS NULL"
        " AND t.nik IS NOT NULL ORDER BY record_id LIMIT 6)"
    )
    for table in ("in_population", "in_person_records"):
        con.execute(
            f"CREATE TABLE kept AS FROM {table}; DROP TABLE {table};"
            f" ALTER TABLE kept RENAME TO {table}"
        )
    persons.build_spine(con, PERIOD)
    persons.link_period(con, PERIOD)
    con.close()
    return home


@pytest.fixture
def home(made: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setattr(cli_explain, "create_inputs", lambda *_arguments: None)
    copy = Home(tmp_path / "home").ensure()
    copy.restricted_db.write_bytes(made.restricted_db.read_bytes())
    return copy


@pytest.fixture
def con(home: Home) -> Iterator[duckdb.DuckDBPyConnection]:
    connection = connect(home)
    connection.execute("SET VARIABLE as_of = DATE '2026-10-31'")
    yield connection
    connection.close()


def call(home: Home, *arguments: object) -> Result:
    words = ["review", *arguments, "--period", PERIOD, "--home", home.path]
    return CliRunner().invoke(app, [str(word) for word in words])


def told(home: Home, *arguments: object) -> dict[str, Any]:
    result = call(home, *arguments, "--json")
    assert result.exit_code == 0, result.output
    answer: dict[str, Any] = json.loads(result.stdout)
    return answer


def fill(file: Path, verdicts: list[str]) -> None:
    with file.open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.DictReader(stream))
    for row, verdict in zip(rows, verdicts, strict=False):
        row["verdict"] = verdict
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def test_a_file_goes_out_and_decisions_come_back(home: Home, tmp_path: Path) -> None:
    file = tmp_path / "queue.csv"
    before = told(home)["pairs"]
    assert before >= 4
    assert told(home, "export", file)["rows"] == before
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "mother" not in file.read_text("utf-8-sig")
    lines = [json.loads(line) for line in home.access_log.read_text("utf-8").splitlines()]
    assert len([x for x in lines if x["action"] == "review export"]) == before + 1
    fill(file, ["same", "different", "unsure"])
    assert told(home, "import", file, "--reviewer", "ana")["decisions"] == 3
    assert told(home)["pairs"] == before - 3
    state = told(home, "status")
    assert state["decisions"] == {"same": 1, "different": 1, "unsure": 1}
    assert state["pending"] == 2
    # Blind: the second reviewer gets all of them, the first none again, and no verdict is told.
    double = told(home, "--double", "--reviewer", "budi")
    assert double["pairs"] == before
    assert not any("verdict" in row for row in double["queue"])
    assert told(home, "--double", "--reviewer", "ana")["pairs"] == before - 3
    other = tmp_path / "second.csv"
    told(home, "export", other, "--double", "--reviewer", "budi")
    fill(other, ["same", "same", "unsure"])
    told(home, "import", other, "--reviewer", "budi")
    state = told(home, "status")
    # Two of three agree; by chance 1/3 * 2/3 + 1/3 * 0 + 1/3 * 1/3 = 1/3 would.
    assert state["agreement"] == {"pairs": 3, "agreed": 0.666667, "kappa": 0.5}
    assert state["queue"]["contradicted"] == 1
    number = told(home, "list")["decisions"][0]["decision_id"]
    assert told(home, "undo", number)["undo"] == 7


def test_a_workbook_keeps_long_numbers(home: Home, tmp_path: Path) -> None:
    file = tmp_path / "queue.xlsx"
    told(home, "export", file)
    rows = python_calamine.CalamineWorkbook.from_path(file).get_sheet_by_index(0).to_python()
    keys = {row[2] for row in rows[1:]}
    assert all(isinstance(key, str) and key.isdigit() for key in keys)
    assert call(home, "export", file).exit_code == 2
    assert call(home, "export", tmp_path / "queue.txt").exit_code == 2


def test_bad_files_are_refused_whole_without_their_values(home: Home, tmp_path: Path) -> None:
    file = tmp_path / "queue.csv"
    told(home, "export", file)
    good = file.read_text("utf-8-sig")
    name = good.splitlines()[1].split(",")[1]
    for verdicts, what in ((["same", "maybe"], "row 3: the verdict"),):
        fill(file, verdicts)
        result = call(home, "import", file)
        assert result.exit_code == 3
        assert what in result.stderr
        assert name not in result.stderr
    changed = file.read_text("utf-8").replace("maybe", "same").splitlines()
    cells = changed[1].split(",")
    for place, value, what in (
        (3, "0" * 16, "row 2: the evidence changed"),
        (2, "1.8E+19", "row 2: person_key"),
        (1, "", "row 2: dataset or record_id"),
        (1, "3273920101900001", "row 2: the dataset has no record"),
    ):
        line = [value if n == place else cell for n, cell in enumerate(cells)]
        file.write_text("\n".join([changed[0], ",".join(line), *changed[2:]]), "utf-8")
        result = call(home, "import", file)
        assert (result.exit_code, what in result.stderr) == (3, True), result.stderr
        assert "3273920101900001" not in result.stderr
    for content, what in (("a,b\n1,2\n", "no column dataset"), ("\ufeff", "no column"),
                          ('"open', "cannot be read")):  # fmt: skip
        file.write_text(content, "utf-8")
        result = call(home, "import", file)
        assert (result.exit_code, what in result.stderr) == (3, True), result.stderr
    broken = tmp_path / "broken.xlsx"
    broken.write_bytes(b"PK\x03\x04 nothing")
    assert call(home, "import", broken).exit_code == 3
    assert call(home, "import", tmp_path / "none.csv").exit_code == 2
    assert told(home, "status")["decisions"] == {}


def test_without_a_terminal_or_a_log_nobody_is_asked(home: Home, tmp_path: Path) -> None:
    result = call(home)
    assert result.exit_code == 2
    assert "terminal" in result.stderr
    assert call(Home(tmp_path / "empty"), "--json").exit_code == 2
    home.access_log.unlink(missing_ok=True)
    home.access_log.mkdir()
    file = tmp_path / "queue.csv"
    assert call(home, "export", file).exit_code == 1
    assert not file.exists()


def test_a_terminal_shows_both_sides_and_takes_the_answer(
    home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from pipelines import cli_review

    rows = told(home)["queue"]
    answers = iter(["x", "l", "s", "k"])
    monkeypatch.setattr("rich.console.Console.input", lambda *_a, **_k: next(answers))
    assert cli_review._ask(home, PERIOD, rows[:3], "ana", settle=False) == 0
    shown = capsys.readouterr().out
    assert "peluang awal" in shown
    decided = told(home, "list")["decisions"]
    assert [(d["record_id"], d["verdict"], d["reviewer"]) for d in decided] == [
        (rows[1]["record_id"], "same", "ana")
    ]
    actions = [json.loads(x)["action"] for x in home.access_log.read_text("utf-8").splitlines()]
    assert actions.count("review pair") == 3


def test_the_queue_is_ordered_by_what_moves_a_figure(con: duckdb.DuckDBPyConnection) -> None:
    review_queue.find_queue(con, PERIOD)
    rows = review_queue.rows(con)
    assert {row["effect"] for row in rows} == {1.0}
    chances = [row["ppm"] / 1e6 for row in rows]
    doubts = [p * (1 - p) for p in chances]
    assert doubts == sorted(doubts, reverse=True)
    surest = next(r for r in rows if r["dataset"] == "cards")
    # Who surely is active by another card, or is no eligible worker, goes to the end.
    con.execute(
        "CREATE TABLE spine.workers AS SELECT period, person_key, true AS eligible,"
        " CASE person_key WHEN $key THEN 1000000 ELSE 0 END AS active_low_ppm,"
        " '1101' AS workplace, 'A' AS sector_code FROM spine.persons",
        {"key": surest["person_key"]},
    )
    review_queue.find_queue(con, PERIOD)
    after = review_queue.rows(con)
    assert [r["effect"] for r in after if r["record_id"] == surest["record_id"]] == [0]
    assert {r["effect"] for r in after if r["dataset"] == "roster"} <= {0.1}


# The sample.


def test_wilson_and_kappa_as_worked_by_hand() -> None:
    # 95 of 100: middle 0.96921, half 0.04695, divided by 1.038415.
    assert review_sample.wilson(0.95, 100) == pytest.approx((0.88825, 0.97846), abs=2e-5)
    assert review_sample.wilson(1.0, 100) == pytest.approx((0.96301, 1.0), abs=2e-5)
    # Cohen's kappa: 70 of 100 agree, chance is 0.5 * 0.6 + 0.5 * 0.4 = 0.5.
    table = {("same", "same"): 40, ("same", "different"): 10, ("different", "same"): 20,
             ("different", "different"): 30}  # fmt: skip
    assert review_queue.kappa(table) == {"pairs": 100, "agreed": 0.7, "kappa": 0.4}
    assert review_queue.kappa({("same", "same"): 5})["kappa"] is None


def test_the_estimators_as_worked_by_hand() -> None:
    strata = [
        Stratum(True, 900, 30, 30, 0),
        Stratum(True, 100, 20, 16, 4),
        Stratum(False, 50, 10, 0, 5),
        Stratum(False, 200, 20, 0, 0),
    ]
    found = review_sample.precision(strata)
    # 0.9 * 1 + 0.1 * 0.8; variance 0.1^2 * (1 - 0.2) / 19 * 0.16 = 0.00006737: 279 records,
    # more than Kish's 1 / (0.81 / 30 + 0.01 / 20) = 36.4, which holds.
    assert found.value == pytest.approx(0.98)
    assert (found.low, found.high) == pytest.approx(
        review_sample.wilson(0.98, 1 / 0.0275), abs=1e-6
    )
    # Right 900 + 80, missed 100 * 0.2 + 50 * 0.5 = 45: 980 / 1025.
    assert review_sample.recall(strata).value == pytest.approx(980 / 1025, abs=1e-6)
    low, high = review_sample.recall(strata).low, review_sample.recall(strata).high
    assert low is not None
    assert high is not None
    assert low < 980 / 1025 < high
    assert review_sample.recall([*strata, Stratum(False, 5, 0, 0, 0)]).value is None
    assert review_sample.precision([]).value is None


def test_a_sample_labelled_by_the_truth_tells_the_truth(
    home: Home, con: duckdb.DuckDBPyConnection
) -> None:
    first = review_sample.draw(con, PERIOD, 300, 7)
    again = review_sample.draw(con, PERIOD, 300, 7)
    drawn = (
        "SELECT dataset, record_id FROM linkage.sample_records WHERE sample_id = {} ORDER BY ALL"
    )
    assert con.execute(drawn.format(1)).fetchall() == con.execute(drawn.format(2)).fetchall()
    assert first["records"] == again["records"]
    assert 250 <= first["records"] <= 350
    rows = con.execute(
        "SELECT s.dataset, s.record_id, s.person_key, s.stratum FROM linkage.sample_records AS s"
        " WHERE sample_id = 2 ORDER BY ALL"
    ).fetchall()
    kinds = {row[3] for row in rows}
    assert {"identifier", "model"} <= kinds
    # Every tenth link is called wrong; nobody else has a person.
    decisions = [
        Decision(d, r, key, ("no_match" if n % 10 == 0 else "same")
                 if s in ("identifier", "model") else "no_match")
        for n, (d, r, key, s) in enumerate(rows)
    ]  # fmt: skip
    seen = set()
    kept = []
    for d in decisions:
        if d.verdict == "same" and (d.dataset, d.person_key) in seen:
            continue
        seen.add((d.dataset, d.person_key))
        kept.append(d)
    decide(con, PERIOD, kept, "ana")
    found = review_sample.estimate(con, 2)["ALL"]
    assert found["labelled"] == len(kept)
    assert found["recall"].value == 1
    assert found["recall"].low < 1
    assert found["precision"].value == pytest.approx(0.9, abs=0.05)
    assert found["precision"].low < found["precision"].value < found["precision"].high
    kept = con.execute("FROM linkage.sample_estimates WHERE dataset = 'ALL'").fetchall()
    assert kept[0][:5] == (
        PERIOD, "ALL", found["sampled"], found["labelled"], found["precision"].value
    )  # fmt: skip
    # What is published of it names nobody.
    assert not {"record_id", "person_key", "nik"} & {
        column.name for column in table_specs()["linkage_sample"].meanings
    }
