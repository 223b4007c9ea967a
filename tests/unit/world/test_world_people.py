"""Who lives in a sample world: identifiers that are nobody's, shares like the nation's."""

from __future__ import annotations

import pytest
from stdnum.id import npwp as npwp_rules

from sources.contracts import load_contracts
from sources.world.materials import NATION, provinces
from sources.world.memberships import ACTIVE

PERIOD = "2026-10"
NIK_COLUMNS = {
    contract.key: column.name
    for contract in load_contracts().values()
    for column in contract.columns_of_kind("nik")
}


@pytest.mark.parametrize(("key", "column"), NIK_COLUMNS.items())
def test_no_nik_can_be_a_real_persons(world, key: str, column: str) -> None:
    """Kecamatan 90 to 99 are used nowhere, whatever was done to the number."""
    view = world.load(key)
    digits = f"regexp_replace({column}, '[^0-9]', '', 'g')"
    bad = world.one(
        f"SELECT count(*) FROM {view} WHERE {column} NOT LIKE '%E+15' AND {digits}[5] <> '9'"
    )
    assert bad == 0
    assert world.one(f"SELECT count(*) FROM {view} WHERE length({digits}) = 16") > 0


def test_niks_of_the_register_keep_the_rules(world) -> None:
    view = world.load("dukcapil_population")
    doubles, rows, wrong_day, wrong_sex = world.one(f"""
        SELECT count(*) - count(DISTINCT nik), count(*),
            count(*) FILTER (CASE WHEN nik[7:8]::INT > 40 THEN nik[7:8]::INT - 40
                ELSE nik[7:8]::INT END NOT BETWEEN 1 AND 31
                OR nik[9:10]::INT NOT BETWEEN 1 AND 12 OR nik[13:16] = '0000'),
            avg(((nik[7:8]::INT > 40) <> (sex = 'P'))::INT)
        FROM {view}
    """)
    assert wrong_day == 0
    assert doubles < rows * 0.001
    assert wrong_sex < 0.01
    # A NIK keeps its date when the birth date is corrected, so one in eighty differs.
    off = world.one(
        f"SELECT avg((strftime(birth_date::DATE, '%m%y') <> nik[9:12])::INT) FROM {view}"
    )
    assert 0.005 < off < 0.02


def test_papuans_born_before_the_split_keep_the_old_code(world) -> None:
    view = world.load("dukcapil_population")
    old, new = world.one(f"""
        SELECT count(*) FILTER (nik LIKE '9109%'), count(*) FILTER (nik[:2] IN ('93', '94', '95'))
        FROM {view} WHERE birth_date < '2022-01-01'
    """)
    assert new == 0
    assert old > 0


def test_age_sex_and_family_are_plausible(world) -> None:
    view = world.load("dukcapil_population")
    adults, women, single, mothers = world.one(f"""
        SELECT avg((birth_date <= '2011-10-31')::INT), avg((sex = 'P')::INT),
            avg((NOT contains(full_name, ' '))::INT),
            avg((mother_name IN (SELECT full_name FROM {view} WHERE sex = 'P'))::INT)
        FROM {view}
    """)
    assert adults == pytest.approx(0.765, abs=0.015)
    assert women == pytest.approx(0.495, abs=0.015)
    assert 0.06 < single < 0.16
    assert mothers > 0.35
    heap = world.one(f"""
        SELECT avg((birth_date LIKE '%-01-01')::INT) FROM {view} WHERE birth_date < '1980-01-01'
    """)
    assert heap > 0.03


def test_people_live_where_the_nation_lives(world) -> None:
    view = world.load("dukcapil_population")
    counts = dict(
        world.con.execute(f"SELECT region_code[:2], count(*) FROM {view} GROUP BY 1").fetchall()
    )
    rows = sum(counts.values())
    for code, population in (("32", 51_316_378), ("35", 41_919_906), ("31", 11_038_216)):
        assert counts[code] / rows == pytest.approx(population / 284_973_643, rel=0.12)
    assert {province.code for province in provinces()} <= set(counts)


def test_work_is_like_the_labour_force_surveys(world) -> None:
    people = world.truth("people")
    employed, formal, agriculture, trade, wage = world.one(f"""
        SELECT avg(employed::INT), avg(formal::INT) FILTER (employed),
            avg((sector_code = 'A')::INT) FILTER (employed),
            avg((sector_code = 'G')::INT) FILTER (employed), avg(monthly_wage)
        FROM {people} WHERE in_register
    """)
    assert employed == pytest.approx(0.514, abs=0.01)
    assert formal == pytest.approx(0.422, abs=0.015)
    assert agriculture == pytest.approx(0.2815, abs=0.015)
    assert trade == pytest.approx(0.1873, abs=0.015)
    assert wage == pytest.approx(3_330_000, rel=0.12)
    assert world.one(f"SELECT count(DISTINCT sector_code) FROM {people} WHERE employed") == 17


def test_cards_add_up_to_the_published_totals(world) -> None:
    cards = world.load("bpjs_participants")
    counts = dict(
        world.con.execute(f"""
            SELECT segment, count(*) FROM {cards}
            WHERE last_paid_period >= '2026-07' AND (ended_on IS NULL OR ended_on > '2026-10-31')
            GROUP BY 1
        """).fetchall()
    )
    scale = world.summary.people / NATION
    assert counts["PU"] == pytest.approx(ACTIVE["PU"] * scale, rel=0.12)
    assert counts["BPU"] == pytest.approx(ACTIVE["BPU"] * scale, rel=0.12)
    assert counts["JAKON"] == pytest.approx(ACTIVE["JAKON"] * scale, rel=0.2)
    assert counts["PMI"] == pytest.approx(ACTIVE["PMI"] * scale, rel=0.35)
    inactive = world.summary.rows["bpjs_participants"][PERIOD] - sum(counts.values())
    assert inactive == pytest.approx(19_510_000 * scale, rel=0.15)


def test_jakarta_registers_far_more_than_live_there(world) -> None:
    cards, employers = world.load("bpjs_participants"), world.load("bpjs_employers")
    share = world.one(f"""
        SELECT avg((e.region_code[:2] = '31')::INT) FROM {cards} AS c
        JOIN {employers} AS e USING (npp)
        WHERE c.segment = 'PU' AND c.last_paid_period >= '2026-07' AND c.ended_on IS NULL
    """)
    assert 0.15 < share < 0.33


def test_some_people_hold_several_cards_and_some_cards_are_of_strangers(world) -> None:
    records = world.truth("person_records")
    people, cards, strangers = world.one(f"""
        SELECT count(DISTINCT nik), count(nik), avg((nik IS NULL)::INT) FROM {records}
        WHERE dataset = 'bpjs_participants'
    """)
    assert cards > people * 1.03
    assert 0.003 < strangers < 0.025


def test_own_account_and_construction_cards_have_no_employer(world) -> None:
    cards = world.load("bpjs_participants")
    assert world.one(f"SELECT count(*) FROM {cards} WHERE segment <> 'PU' AND npp IS NOT NULL") == 0
    assert world.one(f"SELECT count(*) FROM {cards} WHERE segment = 'PU' AND npp IS NULL") == 0
    orphans = world.one(f"""
        SELECT count(*) FROM {cards} WHERE segment = 'PU'
            AND npp NOT IN (SELECT npp FROM {world.load("bpjs_employers")} WHERE npp IS NOT NULL)
    """)
    assert orphans == 0


def test_some_report_less_than_they_pay(world) -> None:
    cards, payroll = world.load("bpjs_participants"), world.load("djp_withholding")
    records = world.truth("person_records")
    under = world.one(f"""
        SELECT avg((c.reported_wage::BIGINT < 0.95 * w.monthly_wage::BIGINT)::INT)
        FROM {cards} AS c
        JOIN {records} AS a ON a.dataset = 'bpjs_participants' AND a.record_id = c.kpj
        JOIN {records} AS b ON b.dataset = 'djp_withholding' AND b.nik = a.nik
        JOIN {payroll} AS w ON w.record_id = b.record_id
        WHERE c.segment = 'PU' AND c.ended_on IS NULL AND w.ended_on IS NULL
    """)
    assert 0.15 < under < 0.55


def test_old_taxpayer_numbers_have_a_right_check_digit(world) -> None:
    view = world.load("djp_employers")
    numbers = [
        row[0]
        for row in world.con.execute(
            f"SELECT npwp FROM {view} WHERE npwp LIKE '0%' ORDER BY npwp LIMIT 200"
        ).fetchall()
    ]
    assert len(numbers) == 200
    assert all(npwp_rules.is_valid(number[1:]) for number in numbers)
    assert world.one(f"SELECT count(*) FROM {view} WHERE npwp LIKE '1%'") > 0


def test_village_cooperatives_have_nearly_the_same_name(world) -> None:
    view = world.load("cooperatives")
    alike = world.one(f"SELECT count(*) FROM {view} WHERE employer_name LIKE '%MERAH PUTIH %'")
    assert alike > world.summary.rows["cooperatives"][PERIOD] * 0.2


def test_employers_are_mostly_micro_and_keyed_once(world) -> None:
    companies = world.truth("companies")
    micro, ids, rows = world.one(f"""
        SELECT avg((scale = 'mikro')::INT), count(DISTINCT company_id), count(*) FROM {companies}
    """)
    assert micro > 0.5
    assert ids == rows
    for column in ("npwp", "nib"):
        distinct, filled = world.one(
            f"SELECT count(DISTINCT {column}), count({column}) FROM {companies} WHERE kind <> 'own'"
        )
        assert distinct == filled
