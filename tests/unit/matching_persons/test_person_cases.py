"""Single cases whose outcome is a rule: guards, ties, cardinality, reasons, the spine."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator

import duckdb
import people_world as world
import pytest

from matching import persons
from matching import reached as reaching
from matching.assignment import Thresholds, assign, score_claims
from matching.blocking import MOST, Rule, create_report, find_candidates
from matching.keys import prepare_records
from matching.model import Model
from matching.spine import adult_sql, build_spine
from warehouse.connection import last_day

PERIOD = "2026-10"
NOBODY_BORN = dt.date(1911, 3, 9)


@pytest.fixture(scope="module")
def trained() -> Iterator[tuple[duckdb.DuckDBPyConnection, Model]]:
    con = duckdb.connect(config={"threads": 1})
    world.make_world(con, 5_000, {"cards": 3_000})
    # Two people alike in everything but the serial of their NIK.
    con.execute(
        "INSERT INTO in_population BY NAME SELECT * REPLACE (left(nik, 12) || '0777' AS nik,"
        " left(nik, 12) || '0777' AS record_id, 5 AS row_hash)"
        " FROM in_population WHERE birth_date BETWEEN DATE '1960-01-01' AND DATE '2000-01-01'"
        " ORDER BY nik LIMIT 1"
    )
    persons.prepare_register(con, PERIOD)
    model = persons.train_model(con, PERIOD)
    yield con, model
    con.close()


Linker = Callable[..., dict[str, tuple[object, ...]]]


@pytest.fixture
def link(trained: tuple[duckdb.DuckDBPyConnection, Model]) -> Linker:
    """Link hand-made records of a dataset; gives status, tier, reason and person by record."""
    con, model = trained

    def run(dataset: str, *records: dict[str, object]) -> dict[str, tuple[object, ...]]:
        con.execute("DELETE FROM in_person_records")
        for n, record in enumerate(records):
            row = {"dataset": dataset, "kind": "roster", "record_id": f"r{n}", "row_hash": n}
            row |= record
            marks = ", ".join("?" * len(row))
            con.execute(
                f"INSERT INTO in_person_records ({', '.join(row)}) VALUES ({marks})",
                list(row.values()),
            )
        persons.link_dataset(con, PERIOD, dataset, model)
        rows = con.execute(
            "SELECT record_id, status, tier, reason, person_key, probability_ppm, runner_up_ppm"
            " FROM linkage.person_links WHERE dataset = ?",
            [dataset],
        ).fetchall()
        return {row[0]: row[1:] for row in rows}

    return run


@pytest.fixture
def people(trained: tuple[duckdb.DuckDBPyConnection, Model]) -> list[dict[str, object]]:
    """Give grown men of the register with names of their own, far from one another."""
    rows = trained[0].execute(
        "SELECT nik, full_name, sex, birth_date, birth_place, mother_name, region_code"
        " FROM in_population WHERE sex = 'L' AND birth_date < DATE '2000-01-01'"
        " AND full_name LIKE '% %' AND day(birth_date) > 12 AND nik NOT LIKE '%0777'"
        " ORDER BY hash(nik) LIMIT 20"
    )
    names = [column[0] for column in rows.description or []]
    return [dict(zip(names, row, strict=True)) for row in rows.fetchall()]


def key(con: duckdb.DuckDBPyConnection, nik: object) -> int:
    row = con.execute("SELECT md5_number_lower(?::VARCHAR)", [nik]).fetchone()
    assert row is not None
    return int(row[0])


def test_a_nik_is_believed_where_the_name_or_the_birth_date_agrees(
    link: Linker, people: list[dict[str, object]], trained: tuple[duckdb.DuckDBPyConnection, Model]
) -> None:
    a, b = people[0], people[1]
    got = link(
        "cards",
        {"nik": a["nik"], "full_name": f"H. {a['full_name']}, S.H."},
        {"nik": b["nik"], "full_name": b["full_name"], "birth_date": NOBODY_BORN},
    )
    assert [got[r][:3] for r in ("r0", "r1")] == [("linked", "identifier", "nik_exact")] * 2
    assert got["r0"][3] == key(trained[0], a["nik"])
    assert got["r1"][3] == key(trained[0], b["nik"])


def test_a_nik_of_somebody_else_is_never_taken(
    link: Linker, people: list[dict[str, object]], trained: tuple[duckdb.DuckDBPyConnection, Model]
) -> None:
    owner, person = people[2], people[3]
    got = link(
        "cards",
        # Nobody of that name and birth date is in the register.
        {"nik": owner["nik"], "full_name": "ZQXW VBNM", "birth_date": NOBODY_BORN},
        # The person is: by name, birth date, mother and place.
        person | {"nik": owner["nik"]},
    )
    assert got["r0"][:4] == ("unlinked", None, "best_candidate_below_threshold", None)
    best = (
        trained[0]
        .execute(
            "SELECT best_candidate_key, best_candidate_ppm < 200000 FROM linkage.person_links"
            " WHERE record_id = 'r0' AND dataset = 'cards'"
        )
        .fetchone()
    )
    assert best == (key(trained[0], owner["nik"]), True)
    assert got["r1"][:3] == ("linked", "model", "model")
    assert got["r1"][3] == key(trained[0], person["nik"])


def test_a_slip_in_the_nik_is_healed_by_the_rest(
    link: Linker, people: list[dict[str, object]], trained: tuple[duckdb.DuckDBPyConnection, Model]
) -> None:
    person = people[4]
    nik = str(person["nik"])
    swapped = nik[:9] + nik[10] + nik[9] + nik[11:]
    wrong = nik[:15] + str((int(nik[15]) + 5) % 10)
    got = link("cards", person | {"nik": swapped}, person | {"nik": wrong}, person | {"nik": None})
    for record in ("r0", "r1", "r2"):
        assert got[record][0] == "linked"
        assert got[record][3] == key(trained[0], nik)


def test_a_mothers_nik_and_half_her_name_do_not_make_the_daughter_her(
    link: Linker, people: list[dict[str, object]], trained: tuple[duckdb.DuckDBPyConnection, Model]
) -> None:
    mother = people[14]
    born = mother["birth_date"]
    assert isinstance(born, dt.date)
    daughter = mother | {
        "full_name": f"JAMILAH {mother['full_name']}",
        "mother_name": mother["full_name"],
        "birth_date": born.replace(year=born.year + 24, month=born.month % 12 + 1, day=13),
    }
    got = link("cards", daughter)
    assert got["r0"][0] != "linked"


def test_a_slip_that_hits_anothers_nik_of_that_day_does_not_win_by_half_a_name(
    trained: tuple[duckdb.DuckDBPyConnection, Model], link: Linker
) -> None:
    con, _ = trained
    row = con.execute(
        "SELECT nik, sex, birth_date, birth_place, region_code FROM in_population"
        " WHERE sex = 'P' AND birth_date > DATE '1985-01-01' ORDER BY hash(nik) LIMIT 1"
    ).fetchone()
    assert row is not None
    nik, sex, born, place, region = row
    got = link(
        "cards",
        {
            "nik": nik, "full_name": "SITI ROHMAH ZQXW", "sex": sex, "birth_date": born,
            "birth_place": place, "mother_name": "EUIS ROHAYATI", "region_code": region,
        },
    )  # fmt: skip
    assert got["r0"][:2] != ("linked", "identifier")


def test_two_people_alike_go_to_review_and_not_to_chance(
    link: Linker, trained: tuple[duckdb.DuckDBPyConnection, Model]
) -> None:
    con = trained[0]
    rows = con.execute(
        "SELECT full_name, sex, birth_date, birth_place, mother_name, region_code"
        " FROM in_population WHERE nik LIKE '%0777'"
    )
    names = [column[0] for column in rows.description or []]
    row = rows.fetchone()
    assert row is not None
    got = link("cards", dict(zip(names, row, strict=True)))
    assert got["r0"][:3] == ("review", "model", "near_tie")
    assert abs(int(str(got["r0"][4])) - int(str(got["r0"][5]))) <= 1


def test_who_cannot_be_found_has_the_reason(link: Linker) -> None:
    stranger = {"full_name": "ZQXW VBNM", "birth_date": NOBODY_BORN}
    got = link("cards", stranger, stranger | {"nik_reason": "NIK_LENGTH"}, {"full_name": None})
    assert got["r0"][:4] == ("unlinked", None, "never_compared", None)
    assert got["r1"][:4] == ("unlinked", None, "invalid_identifier", None)
    assert got["r2"][:4] == ("unlinked", None, "never_compared", None)


def test_a_list_of_distinct_people_gives_the_person_to_the_better_claim(
    link: Linker, people: list[dict[str, object]]
) -> None:
    person = people[5]
    weaker = person | {"nik": None, "mother_name": None, "birth_place": None}
    once = link("roster", weaker, person)
    assert once["r1"][:3] == ("linked", "identifier", "nik_exact")
    assert once["r0"][:3] == ("unlinked", None, "lost_to_better_claim")
    # The same rows are two cards of one person in a list where that may be.
    many = link("cards", weaker, person)
    assert [many[r][0] for r in ("r0", "r1")] == ["linked", "linked"]
    assert many["r0"][3] == many["r1"][3]


def test_two_rows_that_claim_a_person_alike_go_to_review_in_such_a_list(
    link: Linker, people: list[dict[str, object]]
) -> None:
    person = people[6] | {"nik": None}
    got = link("roster", person, person)
    assert [got[r][:3] for r in ("r0", "r1")] == [("review", "model", "near_tie")] * 2


def test_an_identical_nik_twice_in_such_a_list_keeps_one_row(
    link: Linker, people: list[dict[str, object]]
) -> None:
    got = link("roster", people[7], people[7])
    assert got["r0"][:3] == ("linked", "identifier", "nik_exact")
    assert got["r1"][2] == "lost_to_better_claim"


def test_an_empty_dataset_leaves_no_links(link: Linker) -> None:
    assert link("cards") == {}


def test_a_common_key_is_capped_and_told(
    trained: tuple[duckdb.DuckDBPyConnection, Model], people: list[dict[str, object]]
) -> None:
    con, _ = trained
    create_report(con)
    con.execute(
        "CREATE OR REPLACE TEMP TABLE asked AS SELECT 1::BIGINT AS id, NULL::BIGINT AS nik,"
        " ?::VARCHAR AS full_name, 'L' AS sex, ?::DATE AS birth_date, NULL::VARCHAR AS birth_place,"
        " NULL::VARCHAR AS mother_name, NULL::VARCHAR AS region_code, NULL::UBIGINT AS nik_key,"
        " false AS conflict",
        [people[0]["full_name"], people[0]["birth_date"]],
    )
    con.execute("CREATE OR REPLACE TEMP TABLE asked_lists AS SELECT id, 'd' AS dataset FROM asked")
    prepare_records(con, "asked", "asked_keys")
    everyone = Rule("sex", "hash(r.sex)", ("hash(l.sex)",), 100)
    narrow = Rule("name", "r.h_psorted", ("l.h_psorted",), 100)
    found = find_candidates(
        con,
        "asked_keys",
        "asked_pairs",
        period="2026-01",
        lists="asked_lists",
        rules=(everyone, narrow),
    )
    assert 1 <= found <= 100
    report = con.execute(
        "SELECT rule, pairs, capped_blocks, skipped_pairs FROM linkage.blocking_report"
        " WHERE period = '2026-01' ORDER BY rule"
    ).fetchall()
    assert report[0] == ("name", found, 0, 0)
    assert report[1][:3] == ("sex", 0, 1)
    assert report[1][3] > 1000


def _pairs_of(con: duckdb.DuckDBPyConnection, rules: tuple[Rule, ...], **said: object) -> set[int]:
    """Ask for a record that says this, with a register of three namesakes and some others."""
    con.execute(
        """
        CREATE SCHEMA IF NOT EXISTS linkage;
        CREATE OR REPLACE TABLE linkage.register_people AS
        SELECT j::UBIGINT AS person_key, 0 AS name_id, 7::UBIGINT AS h_pflat, 7::UBIGINT AS
            h_psorted, CASE WHEN j < 3 THEN 900101 ELSE 800101 END AS born, 3273 AS region,
            3273::UINTEGER AS place_h, 5::UBIGINT AS mother_h, j % 50 AS sex,
            1::UBIGINT AS t_first, 2::UBIGINT AS t_last
        FROM range(1000) AS t(j);
        CREATE OR REPLACE TABLE linkage.register_names AS SELECT 0 AS name_id, 'ALI' AS canon;
        """
    )
    known = {"h_pflat": "7", "h_psorted": "7", "born": "900101", "born_other": "NULL",
             "region": "NULL", "place_h": "NULL", "mother_h": "NULL", "sex": "1",
             "nik_key": "NULL::UBIGINT"} | said  # fmt: skip
    con.execute(
        "CREATE OR REPLACE TEMP TABLE asking AS SELECT 1::BIGINT AS id, "
        + ", ".join(f"{value} AS {name}" for name, value in known.items())
    )
    find_candidates(con, "asking", "asking_pairs", rules=rules)
    return {row[0] for row in con.execute("SELECT person_key FROM asking_pairs").fetchall()}


SETTLING = Rule("name_birth", "hash(r.h_pflat, r.born)", ("hash(l.h_pflat, l.born)",), 40,
                wide=False, settles=True)  # fmt: skip


def test_wide_rules_are_spared_where_somebody_of_the_name_and_day_is_vouched_for() -> None:
    con = duckdb.connect()
    rules = (SETTLING, Rule("sex", "hash(r.sex)", ("hash(l.sex)",), 100))
    # By the region; by nothing, as the record states nothing that could.
    assert _pairs_of(con, rules, region="3273", place_h="1271") == {0, 1, 2}
    assert _pairs_of(con, rules) == {0, 1, 2}
    # Of another birth place and mother: a namesake, so that the other rules are followed as well.
    assert _pairs_of(con, rules, place_h="1271", mother_h="6") == {0, 1, 2, *range(1, 1000, 50)}
    # Nobody of that day.
    assert _pairs_of(con, rules, born="990101", region="3273") == set(range(1, 1000, 50))


def test_wide_rules_bring_the_rarest_keys_and_not_more_than_enough() -> None:
    con = duckdb.connect()

    def group(name: str, size: int) -> Rule:
        return Rule(name, f"hash({size}, r.person_key // {size})", (f"hash({size}, 2)",), 100)

    some = (group("thirty", 30), group("twenty", 20), group("ten", 10))
    assert MOST == 60
    assert len(_pairs_of(con, some)) == len({*range(60, 90), *range(40, 60), *range(20, 30)})
    # The widest is left out when those before it have brought enough.
    more = (group("forty", 40), *some)
    assert _pairs_of(con, more) == {*range(60, 90), *range(40, 60), *range(20, 30)}
    # Rules that look at the pair do not count, and their caps hold for them.
    wary = Rule("wary", "hash(0, r.sex)", ("hash(0, l.sex)",), 100, alike="r.canon = 'ALI'")
    assert _pairs_of(con, (wary, *some)) >= {1, 51, 101, *range(60, 90)}


def test_each_rule_tells_why_it_brought_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    con = duckdb.connect()
    rules = (
        SETTLING,
        Rule("forty", "hash(40, r.person_key // 40)", ("hash(40, 2)",), 100),
        Rule("thirty", "hash(30, r.person_key // 30)", ("hash(30, 2)",), 100),
        Rule("many", "hash(500, r.person_key // 500)", ("hash(500, 1)",), 100),
        Rule("nobody", "hash(r.person_key)", ("hash(2000)",), 100),
        Rule("mother", "hash(r.mother_h)", ("CASE WHEN l.mother_h > 0 THEN hash(l.mother_h) END",),
             100),
        Rule("unlike", "hash(30, r.person_key // 30)", ("hash(30, 3)",), 100, "r.canon = 'TUTI'"),
        Rule("others", "hash(r.person_key)", ("hash(1)",), 100, only="l.born IS NULL"),
    )  # fmt: skip
    monkeypatch.setattr(reaching, "RULES", rules)

    def states(**said: str) -> dict[str, str]:
        _pairs_of(con, rules, **said)
        return {outcome.rule: outcome.state for outcome in reaching.reached(con, "asking")}

    wide = {"thirty": "compared", "forty": "enough", "many": "capped", "nobody": "nobody",
            "mother": "no_key", "unlike": "unlike"}  # fmt: skip
    assert states(born="990101") == {"name_birth": "nobody"} | wide
    # Somebody of the name and day: only what is missing is still told.
    settled = dict.fromkeys(wide, "spared") | {"mother": "no_key"}
    assert states() == {"name_birth": "compared"} | settled


def test_candidates_share_one_probability() -> None:
    con = duckdb.connect(config={"threads": 1})
    con.execute(
        "CREATE TABLE scored AS SELECT * FROM (VALUES"
        " (1::BIGINT, 10::UBIGINT, 40.0, 2), (1, 11, 40.0, 2), (1, 12, 30.0, NULL),"
        " (2, 13, 40.0, 1), (3, 14, 2.0, NULL), (4, 15, 40.0, 41))"
        " AS t(id, person_key, bits, namesakes)"
    )
    con.execute(
        "CREATE OR REPLACE TABLE scored AS SELECT *, false AS conflict, 0::TINYINT AS kind,"
        " CASE WHEN namesakes > 0 THEN 36.0 END AS far FROM scored"
    )
    con.execute(
        "CREATE TEMP TABLE match_exact(id BIGINT, record_id VARCHAR, person_key UBIGINT,"
        " ppm INTEGER, rank INTEGER)"
    )
    score_claims(con, "scored", 1_000_000, [0.9, 0.9, 0.9, 0.9])
    assign(con, "many_to_one", Thresholds())
    rows = con.execute("SELECT id, status, reason FROM match_assigned ORDER BY id").fetchall()
    assert rows == [
        (1, "review", "near_tie"),
        (2, "linked", "model"),
        (3, "unlinked", "best_candidate_below_threshold"),
        # Forty of the same name were not compared: together they outweigh the one who was.
        (4, "unlinked", "best_candidate_below_threshold"),
    ]
    shares = con.execute("SELECT max(ppm), sum(ppm) FROM match_claims WHERE id = 1").fetchone()
    assert shares is not None
    assert 499_000 <= shares[0] <= 500_000
    assert shares[1] <= 1_000_001


def test_the_spine_leaves_out_children_alone() -> None:
    con = duckdb.connect(config={"threads": 1})
    con.execute(
        """
        CREATE TEMP TABLE in_population AS SELECT nik AS record_id, nik, full_name, 'L' AS sex,
            birth_date::DATE AS birth_date, '3273' AS region_code, 'PETANI' AS occupation,
            life_status, row_hash::UBIGINT AS row_hash
        FROM (VALUES
            ('3273900110110001', 'FIFTEEN TODAY', '2011-10-31', 'hidup', 1),
            ('3273900110110002', 'STILL A CHILD', '2011-11-01', 'hidup', 2),
            ('3273900110110003', 'LONG DEAD', '1930-01-01', 'meninggal', 3),
            ('3273900110110004', 'AGE UNKNOWN', NULL, 'hidup', 4),
            ('3273900110110005', 'TWICE SECOND', '1980-01-01', 'hidup', 9),
            ('3273900110110005', 'TWICE FIRST', '1980-01-01', 'hidup', 5),
            (NULL, 'NO NUMBER', '1980-01-01', 'hidup', 6)
        ) AS t(nik, full_name, birth_date, life_status, row_hash)
        """
    )
    counts = build_spine(con, PERIOD)
    assert counts == {"persons": 4, "children": 1, "repeated": 1, "without_nik": 1}
    names = con.execute("SELECT full_name FROM spine.persons ORDER BY 1").fetchall()
    assert [row[0] for row in names] == [
        "AGE UNKNOWN", "FIFTEEN TODAY", "LONG DEAD", "TWICE FIRST",
    ]  # fmt: skip
    assert build_spine(con, PERIOD) == counts  # the same again, nothing doubled


@pytest.mark.parametrize("period", ["2026-10", "2027-02", "2028-02", "2035-02", "2026-12"])
def test_fifteen_years_are_counted_in_days(period: str) -> None:
    # Year, month and day as one number: who was born on 29 February is older from 1 March on.
    day = last_day(period)
    number = "year(birth_date) * 10000 + month(birth_date) * 100 + day(birth_date)"
    latest = (day.year - 15) * 10000 + day.month * 100 + day.day
    wrong = duckdb.sql(
        "SELECT birth_date FROM (SELECT DATE '2009-01-01' + i::INTEGER AS birth_date"
        " FROM range(5000) AS t(i) UNION ALL SELECT NULL)"
        f" WHERE {adult_sql(period)} <> coalesce({number} <= {latest}, true)"
    ).fetchall()
    assert wrong == []
