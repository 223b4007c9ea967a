"""The truth behind a sample world, its months, and errors that follow their table."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from sources.contracts import load_contracts

PERIOD = "2026-10"
PERSON_LISTS = [key for key, contract in load_contracts().items() if contract.links_person]
EMPLOYER_LISTS = [
    key for key, contract in load_contracts().items() if contract.kind in ("employer", "project")
]

IDLE = "('BELUM/TIDAK BEKERJA', 'PELAJAR/MAHASISWA', 'PENSIUNAN', 'MENGURUS RUMAH TANGGA')"


@pytest.mark.parametrize("key", PERSON_LISTS)
def test_every_person_record_has_its_truth(world, key: str) -> None:
    records = world.truth("person_records")
    name = load_contracts()[key].key_column.name
    view = world.load(key)
    without = world.one(f"""
        SELECT count(*) FROM {view} WHERE {name} IS NOT NULL AND {name} NOT IN (
            SELECT record_id FROM {records} WHERE dataset = '{key}' AND period = '{PERIOD}')
    """)
    assert without == 0
    rows, ids = world.one(
        f"SELECT count(*), count(DISTINCT record_id) FROM {records} WHERE dataset = '{key}'"
    )
    assert rows == ids
    lost = world.one(f"""
        SELECT count(*) FROM {records} WHERE dataset = '{key}' AND nik IS NOT NULL
            AND nik NOT IN (SELECT nik FROM {world.load("dukcapil_population")})
    """)
    assert lost == 0


@pytest.mark.parametrize("key", EMPLOYER_LISTS)
def test_every_employer_record_has_its_company(world, key: str) -> None:
    records, name = world.truth("employer_records"), load_contracts()[key].key_column.name
    without = world.one(f"""
        SELECT count(*) FROM {world.load(key)} WHERE {name} IS NOT NULL AND {name} NOT IN (
            SELECT record_id FROM {records} WHERE dataset = '{key}' AND period = '{PERIOD}')
    """)
    assert without == 0
    lost = world.one(f"""
        SELECT count(*) FROM {records} WHERE dataset = '{key}'
            AND company_id NOT IN (SELECT company_id FROM {world.truth("companies")})
    """)
    assert lost == 0


def test_the_register_is_the_people_asked_for(world) -> None:
    people = world.truth("people")
    assert world.one(f"SELECT count(*) FROM {people} WHERE in_register") == world.summary.people
    view = world.load("dukcapil_population")
    missing = world.one(f"""
        SELECT count(*) FROM {people} WHERE in_register AND nik NOT IN (SELECT nik FROM {view})
    """)
    assert missing == 0
    known = world.one(f"""
        SELECT count(*) FROM {view} WHERE nik IN (SELECT nik FROM {people} WHERE NOT in_register)
    """)
    assert known == 0


def test_the_register_knows_the_dead_but_not_all_of_them(world) -> None:
    alive_on_paper, dead = world.one(f"""
        SELECT count(*) FILTER (r.life_status = 'HIDUP'), count(*)
        FROM {world.load("dukcapil_population")} AS r JOIN {world.truth("people")} AS p USING (nik)
        WHERE p.dead
    """)
    assert 0 < alive_on_paper < dead * 0.4


def test_denominators_are_the_worlds_own_employment(world) -> None:
    with (world.out / "denominators.csv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    total = next(row for row in rows if not row["province_code"] and not row["sector_code"])
    employed = world.one(
        f"SELECT count(*) FROM {world.truth('people')} WHERE employed AND in_register"
    )
    assert int(total["employed"]) == employed
    provinces = [row for row in rows if row["province_code"]]
    sectors = [row for row in rows if row["sector_code"]]
    assert sum(int(row["employed"]) for row in provinces) == employed
    assert sum(int(row["employed"]) for row in sectors) == employed
    assert len(sectors) == 17


def _nik_right(made, key: str, column: str = "nik") -> float:
    name = load_contracts()[key].key_column.name
    return float(
        made.one(f"""
            SELECT avg((v.{column} IS NOT DISTINCT FROM t.nik)::INT) FROM {made.load(key)} AS v
            JOIN {made.truth("person_records")} AS t
                ON t.dataset = '{key}' AND t.record_id = v.{name}
            WHERE t.nik IS NOT NULL
        """)
    )


def test_exact_niks_are_in_the_corridor_of_practice(world) -> None:
    assert 0.93 < _nik_right(world, "bpjs_participants") < 0.98
    # The NIK has been the taxpayer number since 2024, so payroll has it nearly always right.
    assert 0.98 < _nik_right(world, "djp_withholding") < 0.998
    assert 0.84 < _nik_right(world, "farmers") < 0.95


def test_errors_follow_the_table_that_is_given(rated) -> None:
    assert _nik_right(rated, "bpjs_participants") == pytest.approx(0.5, abs=0.06)
    assert _nik_right(rated, "djp_withholding") == 1.0
    cards = rated.load("bpjs_participants")
    assert rated.one(f"SELECT count(birth_date) FROM {cards}") == 0
    payroll = rated.load("djp_withholding")
    rows, ids = rated.one(f"SELECT count(*), count(DISTINCT record_id) FROM {payroll}")
    assert rows >= 2 * ids
    assert "nik_missing | membership 0.5" in (rated.out / "SINTETIS.md").read_text("utf-8")


def test_a_thin_record_has_little_but_a_name(make_world: Callable, tmp_path: Path) -> None:
    path = tmp_path / "rates.yaml"
    path.write_text(yaml.safe_dump({"record_thin": {"membership": 1.0}}), encoding="utf-8")
    made = make_world("thin", people=1500, error_rates=path)
    named, told, placed = made.one(f"""
        SELECT avg((full_name IS NOT NULL)::INT),
            count(nik) + count(birth_date) + count(mother_name), avg((region_code IS NOT NULL)::INT)
        FROM {made.load("bpjs_participants")}
    """)
    assert named > 0.99
    assert told == 0
    assert placed == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize(
    ("key", "condition"),
    [
        ("bpjs_participants", "nik LIKE '%E+15'"),
        ("bpjs_participants", "nik LIKE '''%'"),
        ("bpjs_participants", "full_name LIKE 'M. %' OR full_name LIKE 'MUH. %'"),
        ("bpjs_participants", "full_name LIKE 'H. %' OR full_name LIKE 'HJ. %'"),
        ("bpjs_participants", "birth_date IS NULL"),
        ("bpjs_participants", "mother_name LIKE '%(ALMH)'"),
        ("bpjs_participants", "region_code IS NULL"),
        ("farmers", "region_code LIKE '__.__'"),
        ("bpjs_employers", "employer_name LIKE 'P.T. %'"),
        ("bpjs_employers", "npwp LIKE '__.___.___._-___.___'"),
        ("bpjs_employers", "length(npwp) = 15"),
        ("bpjs_employers", "last_paid_period < '2026-07'"),
        ("djp_withholding", "employment_status = 'PNS'"),
        ("djp_withholding", "ended_on IS NOT NULL"),
        ("oss_businesses", "scale = 'MIKRO'"),
        ("oss_businesses", "employer_name LIKE 'PT. %'"),
        ("construction_projects", "certificate_number IS NULL"),
        ("construction_projects", "contractor_npwp IS NULL"),
        ("soe_staff", "nik IS NULL"),
        ("soe_staff", "employer_npwp LIKE '__.___.___._-___.___'"),
        ("migrant_workers", "departed_on IS NULL"),
        ("migrant_workers", "returned_on IS NOT NULL"),
        ("election_organisers", "ended_on < '2026-10-31'"),
        ("kur_debtors", "kur_scheme = 'kecil' AND loan_amount::BIGINT > 100000000"),
    ],
)
def test_classes_of_error_and_case_occur(world, key: str, condition: str) -> None:
    assert world.one(f"SELECT count(*) FROM {world.load(key)} WHERE {condition}") > 0


def test_rows_come_twice_and_older_ones_lie_before_the_newer(world) -> None:
    cards = world.load("bpjs_participants")
    doubles = world.one(f"""
        SELECT count(*) FROM (SELECT kpj FROM {cards} WHERE kpj IS NOT NULL
            GROUP BY kpj HAVING count(*) > 1)
    """)
    assert doubles > 0
    register = world.load("dukcapil_population")
    assert world.one(f"SELECT count(*) - count(DISTINCT nik) FROM {register}") > 0


def test_months_follow_each_other(months) -> None:
    assert months.summary.periods == ("2026-08", "2026-09", "2026-10")
    first, last = (months.load("dukcapil_population", p) for p in ("2026-08", "2026-10"))
    born, gone, moved, died = months.one(f"""
        SELECT (SELECT count(*) FROM {last} WHERE nik NOT IN (SELECT nik FROM {first})),
            (SELECT count(*) FROM {first} WHERE nik NOT IN (SELECT nik FROM {last})),
            count(*) FILTER (a.region_code <> b.region_code),
            count(*) FILTER (a.life_status = 'HIDUP' AND b.life_status = 'MENINGGAL')
        FROM {first} AS a JOIN {last} AS b USING (nik)
    """)
    assert born > 0
    assert gone == 0
    assert moved > 0
    assert died > 0
    assert moved < months.summary.people * 0.02


def test_cards_come_lapse_and_end_but_never_change_hands(months) -> None:
    first, last = (months.load("bpjs_participants", p) for p in ("2026-08", "2026-10"))
    new, gone, ended, changed, lapsed, paying = months.one(f"""
        SELECT (SELECT count(*) FROM {last} WHERE kpj NOT IN (
                SELECT kpj FROM {first} WHERE kpj IS NOT NULL)),
            (SELECT count(*) FROM {first} WHERE kpj NOT IN (
                SELECT kpj FROM {last} WHERE kpj IS NOT NULL)),
            count(*) FILTER (a.ended_on IS NULL AND b.ended_on IS NOT NULL),
            count(*) FILTER (a.full_name <> b.full_name OR a.birth_date <> b.birth_date
                OR a.nik <> b.nik OR a.registered_on <> b.registered_on),
            count(*) FILTER (a.last_paid_period >= '2026-05' AND b.last_paid_period < '2026-07'),
            count(*) FILTER (b.last_paid_period > a.last_paid_period)
        FROM {first} AS a JOIN {last} AS b USING (kpj)
    """)
    assert new > 0
    assert gone == 0
    assert ended > 0
    assert changed == 0
    assert lapsed > 0
    assert paying > lapsed
    people = months.one(f"""
        SELECT count(*) FROM (
            SELECT dataset, record_id FROM {months.truth("person_records")}
            GROUP BY ALL HAVING count(DISTINCT nik) > 1)
    """)
    assert people == 0


def test_jobs_start_and_end_between_months(months) -> None:
    first, last = (months.load("djp_withholding", p) for p in ("2026-08", "2026-10"))
    hired, left, backwards = months.one(f"""
        SELECT (SELECT count(*) FROM {last} WHERE record_id NOT IN (
                SELECT record_id FROM {first} WHERE record_id IS NOT NULL)),
            count(*) FILTER (a.ended_on IS NULL AND b.ended_on IS NOT NULL),
            count(*) FILTER (a.ended_on IS NOT NULL AND b.ended_on IS NULL)
        FROM {first} AS a JOIN {last} AS b USING (record_id)
    """)
    assert hired > 0
    assert left > 0
    assert backwards == 0


def test_every_month_has_its_truth_and_follows_the_one_before(months) -> None:
    truth = months.truth("months")
    periods = months.one(f"SELECT list(DISTINCT period ORDER BY period) FROM {truth}")
    assert tuple(periods) == months.summary.periods
    grown, old, revived, hired, left, covered, lapsed = months.one(f"""
        SELECT count(*) FILTER (NOT a.working_age AND b.working_age),
            count(*) FILTER (a.working_age AND NOT b.working_age),
            count(*) FILTER (a.dead AND NOT b.dead),
            count(*) FILTER (NOT a.works AND b.works), count(*) FILTER (a.works AND NOT b.works),
            count(*) FILTER (NOT a.active AND b.active), count(*) FILTER (a.active AND NOT b.active)
        FROM {truth} AS a JOIN {truth} AS b USING (nik)
        WHERE a.period = '2026-08' AND b.period = '2026-10'
    """)
    assert min(grown, old, hired, left, covered, lapsed) > 0
    assert revived == 0


def test_the_register_does_not_know_who_is_hired_later(months) -> None:
    register, now = (months.load("dukcapil_population", p) for p in ("2026-08", "2026-10"))
    hired, at_work, employees, employed = months.one(f"""
        WITH truth AS (
            SELECT nik, bool_or(works) FILTER (period = '2026-08') AS before,
                bool_or(employee) FILTER (period = '2026-10') AS after
            FROM {months.truth("months")} WHERE NOT dead GROUP BY nik
        ), told AS (
            SELECT t.*, r.occupation, n.occupation AS occupation_now FROM truth AS t
            JOIN {register} AS r USING (nik) JOIN {now} AS n USING (nik)
        )
        SELECT count(*) FILTER (NOT before AND after),
            count(*) FILTER (NOT before AND after AND occupation NOT IN {IDLE}),
            count(*) FILTER (after), count(*) FILTER (after AND occupation_now NOT IN {IDLE})
        FROM told
    """)
    assert hired > 5
    # Some call themselves self-employed at any time; the newest register knows the most of work.
    assert at_work < hired * 0.25
    assert employed > employees * 0.6


def test_firms_open_and_close_between_months_and_never_open_again(months) -> None:
    first, last = (months.load("oss_businesses", p) for p in ("2026-08", "2026-10"))
    opened, gone, reopened = months.one(f"""
        SELECT (SELECT count(*) FROM {last} WHERE nib NOT IN (
                SELECT nib FROM {first} WHERE nib IS NOT NULL)),
            (SELECT count(*) FROM {first} WHERE nib NOT IN (
                SELECT nib FROM {last} WHERE nib IS NOT NULL)),
            count(*) FILTER (a.status = 'TIDAK AKTIF' AND b.status = 'AKTIF')
        FROM {first} AS a JOIN {last} AS b USING (nib)
    """)
    assert opened > 0
    assert gone == 0
    assert reopened == 0
    companies = [months.load("ahu_companies", p) for p in ("2026-08", "2026-10")]
    again = months.one(f"""
        SELECT count(*) FILTER (a.status = 'TIDAK AKTIF' AND b.status = 'AKTIF')
        FROM {companies[0]} AS a JOIN {companies[1]} AS b USING (ahu_number)
    """)
    assert again == 0
