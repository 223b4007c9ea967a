"""Employers, groups, projects and rosters of a sample world: who breaks which rule, how often."""

from __future__ import annotations

import pytest

from sources.contracts import load_contracts
from sources.world.compliance import compliance
from sources.world.materials import NATION

PERIOD = "2026-10"
FLAGS = ("PWBD", "PDS_TK", "PDS_UPAH", "PDS_PROGRAM", "ARREARS")


@pytest.mark.parametrize("flag", FLAGS)
def test_every_failure_occurs_and_most_employers_do_not_have_it(world, flag: str) -> None:
    companies = world.truth("companies")
    share = world.one(f"""
        SELECT avg(list_contains(flags, '{flag}')::INT) FROM {companies}
        WHERE kind = 'firm' AND employees > 0 AND scale IN ('kecil', 'menengah', 'besar')
            AND (has_npp OR '{flag}' = 'PWBD')
    """)
    assert 0.03 < share < 0.6


def test_some_employers_of_every_size_keep_every_rule(world) -> None:
    kept = dict(
        world.con.execute(f"""
            SELECT scale, count(*) FROM {world.truth("companies")}
            WHERE has_npp AND employees > 0 AND len(flags) = 0 AND kind = 'firm' GROUP BY 1
        """).fetchall()
    )
    assert set(kept) >= {"mikro", "kecil", "menengah"}


def test_flags_follow_from_the_columns_beside_them(world) -> None:
    companies = world.truth("companies")
    wrong = world.one(f"""
        SELECT count(*) FROM {companies} WHERE kind <> 'own' AND (
            list_contains(flags, 'PWBD') <> (NOT has_npp AND employees > 0)
            OR list_contains(flags, 'PDS_TK')
                <> (has_npp AND employees - active_members > greatest(2, 0.05 * employees))
            OR (has_npp <> (npp_count > 0)) OR active_members > registered_members
            OR (NOT has_npp AND len(flags) > 0 AND flags <> ['PWBD']))
    """)
    assert wrong == 0
    # Where workers are left out, it is by a choice of the employer, not one by one.
    left_out, others = (
        world.one(f"""
            SELECT avg(greatest(0, employees - registered_members) / employees) FROM {companies}
            WHERE has_npp AND employees > 10 AND {condition} leaves_workers_out
        """)
        for condition in ("", "NOT")
    )
    assert left_out > 3 * others


def test_an_employers_cards_report_wages_in_one_way(world) -> None:
    companies = world.truth("companies")
    policies = dict(
        world.con.execute(f"""
            SELECT wage_policy, count(*) FROM {companies} WHERE wage_policy IS NOT NULL GROUP BY 1
        """).fetchall()
    )
    rates, every = compliance(), sum(policies.values())
    assert policies["minimum"] / every == pytest.approx(rates.reports_minimum_wage, abs=0.05)
    assert policies["less"] / every == pytest.approx(rates.reports_less, abs=0.05)
    flagged = dict(
        world.con.execute(f"""
            SELECT wage_policy, avg(list_contains(flags, 'PDS_UPAH')::INT) FROM {companies}
            WHERE active_members > 0 AND scale = 'kecil' GROUP BY 1
        """).fetchall()
    )
    assert flagged["less"] > 0.9
    assert flagged["full"] == 0


def test_the_numbers_of_a_company_are_told(world) -> None:
    companies = world.truth("companies")
    bad = world.one(f"""
        SELECT count(*) FROM {companies} WHERE npwp_root IS DISTINCT FROM
            CASE WHEN kind <> 'own' AND npwp LIKE '0%' THEN left(npwp, 10) ELSE npwp END
    """)
    assert bad == 0
    lost = world.one(f"""
        SELECT count(*) FROM {companies} WHERE parent_company_id IS NOT NULL
            AND parent_npwp NOT IN (SELECT npwp FROM {companies})
    """)
    assert lost == 0


@pytest.mark.parametrize(
    ("key", "owner", "named"),
    [("soe_staff", "state", "(PERSERO)"), ("regional_soe_staff", "regional", "(PERSERODA)")],
)
def test_groups_have_parents_subsidiaries_officers_and_staff(
    world, key: str, owner: str, named: str
) -> None:
    companies, staff = world.truth("companies"), world.load(key)
    parents, subsidiaries = world.one(f"""
        SELECT count(*) FILTER (parent_npwp IS NULL AND name LIKE '% {named}'),
            count(*) FILTER (parent_npwp IS NOT NULL AND name NOT LIKE '%{named}')
        FROM {companies} WHERE owned_by = '{owner}'
    """)
    assert parents >= 1
    assert subsidiaries >= 2
    roles = dict(
        world.con.execute(f"SELECT company_role, count(*) FROM {staff} GROUP BY 1").fetchall()
    )
    assert roles["pegawai"] > roles["direksi"] > 0
    assert roles["komisaris"] > 0
    # Commissioners come from elsewhere; directors are on the payroll.
    assert world.one(f"""
        SELECT count(monthly_wage) FROM {staff} WHERE company_role = 'komisaris'
    """) == 0  # fmt: skip


def test_regional_companies_are_of_provinces_and_of_regencies(small) -> None:
    staff = small.load("regional_soe_staff")
    levels = small.con.execute(f"SELECT DISTINCT government_level FROM {staff}").fetchall()
    assert {row[0] for row in levels} >= {"provinsi", "kabupaten_kota"}
    # However small the world, no list is empty.
    assert all(rows[PERIOD] > 0 for rows in small.summary.rows.values())


def test_projects_have_workers_and_mostly_certificates(world) -> None:
    projects = world.truth("projects")
    public, private, workers = world.one(f"""
        SELECT avg(certified::INT) FILTER (funding <> 'swasta'),
            avg(certified::INT) FILTER (funding = 'swasta'), sum(workers) FROM {projects}
    """)
    assert 0.5 < public <= 1
    assert 0.05 < private < 0.85
    assert private < public
    assert workers > 100
    listed, known = world.one(f"""
        SELECT count(*), count(*) FILTER (project_id IN (
            SELECT project_id FROM {world.load("construction_projects")}))
        FROM {world.load("construction_workers")}
    """)
    assert known / listed > 0.9


def test_tenants_of_estates_are_not_all_registered(world) -> None:
    tenants = world.load("industrial_estate_tenants")
    unregistered, industrial, named = world.one(f"""
        SELECT avg((NOT c.has_npp)::INT), avg((t.estate_kind = 'KI')::INT),
            avg((t.estate_name LIKE 'KAWASAN INDUSTRI %')::INT)
        FROM {tenants} AS t
        JOIN {world.truth("employer_records")} AS r
            ON r.dataset = 'industrial_estate_tenants' AND r.record_id = t.record_id
        JOIN {world.truth("companies")} AS c USING (company_id)
    """)
    assert 0.02 < unregistered < 0.7
    assert industrial > 0.5
    assert named == 1


@pytest.mark.parametrize(
    "key",
    [
        key
        for key, contract in load_contracts().items()
        if contract.kind == "roster" and contract.sample.get("national", 0) > 400_000
    ],
)
def test_rosters_are_as_large_as_in_the_country(world, key: str) -> None:
    contract = load_contracts()[key]
    assert contract.sample["source"]
    wanted = contract.sample["national"] * world.summary.people / NATION
    # Deaths and the rows that come twice move it a little.
    assert world.summary.rows[key][PERIOD] == pytest.approx(wanted, rel=0.25)


def test_licensed_businesses_are_mostly_micro(world) -> None:
    view = world.load("oss_businesses")
    micro, doubles = world.one(f"""
        SELECT avg((scale = 'MIKRO')::INT), count(nib) - count(DISTINCT nib) FROM {view}
    """)
    assert micro > 0.7
    assert doubles < world.summary.rows["oss_businesses"][PERIOD] * 0.01
