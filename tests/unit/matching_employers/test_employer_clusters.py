"""What never ends in one cluster: other cooperatives, groups, chains, two of one number."""

from __future__ import annotations

import random

import duckdb
import employer_world as world
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from matching.companies import parse_names
from matching.employer_likeness import SUBSET, compare_cores
from matching.employers import resolve_period

PERIOD = "2026-10"


def _resolve(*rows: dict) -> tuple[duckdb.DuckDBPyConnection, dict[str, int]]:
    con = duckdb.connect(config={"threads": 1})
    world.load(con, world.table_of(*rows))
    resolve_period(con, PERIOD)
    keys = con.execute("SELECT record_id, employer_key FROM linkage.employer_links").fetchall()
    return con, dict(keys)


def _villages(number: int, seed: int) -> list[dict]:
    """Cooperatives of the Merah Putih kind: few names, many regencies, some twice in one."""
    rng = random.Random(seed)  # noqa: S311
    names = ["SUKAMAJU", "SUKAJAYA", "SUKAMULYA", "SIDOMULYO", "SIDOMUKTI", "MEKARJAYA",
             "MEKARSARI", "MEKAR SARI", "KARANGANYAR", "KARANGSARI", "TANJUNGSARI",
             "TANJUNG SARI", "SUKAMAJU BARU", "SUKAMAJU 2", "PASIRJAYA", "PASIR JAYA",
             "BANJARSARI", "BANJARAN", "SUKARAME"]  # fmt: skip
    spelt = ["KOPERASI DESA MERAH PUTIH", "KDMP", "KOPDES MERAH PUTIH", "KOP. DESA MERAH PUTIH"]
    rows = []
    for village in range(number):
        name, region = rng.choice(names), f"{rng.randrange(11, 35)}{rng.randrange(1, 12):02d}"
        if village % 10 == 1:
            # Two villages of one name in one regency.
            name, region = rows[-1]["village"], rows[-1]["region_code"]
        street = f"JL. RAYA {rng.choice(['BARAT', 'TIMUR', 'DESA'])} NO. {village}"
        base = {"village": name, "region_code": region, "kbli": rng.choice(["47111", "64141"]),
                "truth": village}  # fmt: skip

        def add(dataset: str, base: dict = base, street: str = street, **values: object) -> None:
            address = street if rng.random() < 0.7 else None
            # The register's own rows say where they are; others may not.
            rows.append(base | {"dataset": dataset, "address": address,
                "record_id": f"{dataset[:4]}{len(rows)}",
                "employer_name": f"{rng.choice(spelt)} {base['village']}"} | values)  # fmt: skip

        nib, npwp = f"91{rng.randrange(10**11):011d}", f"09{rng.randrange(10**8):08d}000000"
        add("cooperatives", nik_koperasi=f"{region}{village:09d}" if rng.random() < 0.3 else None,
            nib=nib if rng.random() < 0.3 else None)  # fmt: skip
        if rng.random() < 0.6:
            add("oss_businesses", nib=nib, npwp=npwp if rng.random() < 0.5 else None)
        if rng.random() < 0.5:
            add("bpjs_employers", npp=f"N{village}", npwp=npwp if rng.random() < 0.5 else None)
        if rng.random() < 0.4:
            add("djp_employers", npwp=npwp)
    return rows


def test_no_cluster_joins_two_of_thousands_of_like_named_cooperatives():
    rows = _villages(2500, seed=5)
    con, keys = _resolve(*rows)
    villages: dict[int, set[int]] = {}
    for row in rows:
        villages.setdefault(keys[row["record_id"]], set()).add(row["truth"])
    assert [found for found in villages.values() if len(found) > 1] == []
    # Nor are they kept apart by joining nothing.
    model = con.execute(
        "SELECT count(*) FROM linkage.employer_links WHERE reason = 'name_and_place'"
    ).fetchall()[0][0]
    assert model >= 400


def test_cooperatives_of_one_name_in_two_districts_stay_apart():
    name = "KOPERASI DESA MERAH PUTIH SUKAMAJU"
    _, keys = _resolve(
        {"record_id": "a", "dataset": "cooperatives", "employer_name": name, "region_code": "3201",
         "kbli": "47111"},
        {"record_id": "b", "dataset": "oss_businesses", "employer_name": name, "kbli": "47111",
         "region_code": "3202", "nib": "9120001234567"},
        {"record_id": "c", "dataset": "bpjs_employers", "employer_name": name, "kbli": "47111",
         "npp": "N1"},
    )  # fmt: skip
    assert len(set(keys.values())) == 3


def test_companies_of_one_group_with_one_address_and_owner_stay_apart():
    base = {"region_code": "3171", "address": "JL. SUDIRMAN KAV 12", "owner_name": "SULANE HARVADI",
            "kbli": "46100", "sector_code": "G"}  # fmt: skip
    names = ["PT KARTAWI", "PT KARTAWI AGRO", "PT KARTAWI PROPERTI", "PT KARTAWI AGRO MANDOSE",
             "PT GRAHA KARTAWI"]  # fmt: skip
    rows = [
        base | {"record_id": f"{dataset}{n}", "dataset": dataset, "employer_name": name, "npp": npp}
        for n, name in enumerate(names)
        for dataset, npp in (("ahu_companies", None), ("bpjs_employers", f"N{n}"))
    ]
    _, keys = _resolve(*rows)
    for n in range(len(names)):
        assert keys[f"ahu_companies{n}"] == keys[f"bpjs_employers{n}"]
    assert len(set(keys.values())) == len(names)


def _links(con: duckdb.DuckDBPyConnection) -> dict[int, set[str]]:
    found: dict[int, set[str]] = {}
    for name, key in con.execute(
        "SELECT e.employer_name, l.employer_key FROM linkage.employer_links AS l "
        "JOIN in_employers AS e USING (dataset, record_id)"
    ).fetchall():
        found.setdefault(key, set()).add(name)
    return found


def _alike(names: set[str]) -> dict[str, set[str]]:
    con = duckdb.connect(config={"threads": 1})
    con.execute("CREATE TABLE names(employer_name VARCHAR, legal_form VARCHAR)")
    con.executemany("INSERT INTO names VALUES (?, NULL)", [[name] for name in sorted(names)])
    parse_names(con, "names")
    con.execute(
        "CREATE TABLE asks AS SELECT n.core_id AS a, m.core_id AS b "
        "FROM co_names AS n, co_names AS m"
    )
    compare_cores(con, "asks")
    rows = con.execute(
        f"""
        SELECT n.employer_name, m.employer_name FROM co_names AS n JOIN co_names AS m
            ON n.core_id = m.core_id OR EXISTS (FROM co_compared AS l
                WHERE l.a = least(n.core_id, m.core_id) AND l.b = greatest(n.core_id, m.core_id)
                  AND l.level >= {SUBSET})
        """
    ).fetchall()
    alike: dict[str, set[str]] = {}
    for one, other in rows:
        alike.setdefault(one, set()).add(other)
    return alike


REGISTERS = ["oss_businesses", "ahu_companies", "siinas_companies", "bpjs_employers",
             "sme_businesses", "industrial_estate_tenants", "a_new_register"]  # fmt: skip


@settings(
    max_examples=4, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)
@given(
    start=st.text("BDGKLMNPRST", min_size=8, max_size=12),
    slips=st.lists(st.tuples(st.integers(0, 7), st.sampled_from("AIUO")), min_size=6, max_size=10),
    order=st.permutations(REGISTERS),
)
def test_a_chain_of_names_each_like_the_next_does_not_end_as_one_company(start, slips, order):
    names = [start]
    for at, letter in slips:
        names.append(names[-1][:at] + letter + names[-1][at + 1 :])
    rows = [
        {"record_id": f"r{n}", "dataset": order[n % len(order)], "region_code": "3171",
         "employer_name": f"PT {name} JAYA", "kbli": "46100", "address": "JL. SUDIRMAN 12"}
        for n, name in enumerate(names)
    ]  # fmt: skip
    con, _ = _resolve(*rows)
    alike = _alike({row["employer_name"] for row in rows})
    for members in _links(con).values():
        # There is one to whom all the others are alike: a star and not a chain.
        assert any(members <= alike[centre] for centre in members)


def test_a_long_chain_is_broken():
    words = ["KARTAWINO", "KARTAWIMO", "KARTEWIMO", "KORTEWIMO", "KORTEVUMO", "SORTEVUMO",
             "SORTEVUMA", "SURTEVUMA", "SURTEVULA"]  # fmt: skip
    rows = [
        {"record_id": f"r{n}", "dataset": REGISTERS[n % len(REGISTERS)], "region_code": "3171",
         "employer_name": f"PT {word} JAYA", "kbli": "46100", "address": "JL. SUDIRMAN 12"}
        for n, word in enumerate(words)
    ]  # fmt: skip
    _, keys = _resolve(*rows)
    assert keys["r0"] != keys["r8"]
    assert len(set(keys.values())) >= 3


@pytest.mark.parametrize("seed", [3, 17])
def test_no_cluster_holds_two_values_of_a_number_that_a_business_has_once(seed):
    con = duckdb.connect(config={"threads": 1})
    records, _ = world.make(1500, seed=seed)
    world.load(con, records)
    resolve_period(con, PERIOD)
    for dataset, number in (
        ("oss_businesses", "nib"), ("djp_employers", "left(npwp, 10)"),
        ("cooperatives", "nik_koperasi"),
    ):  # fmt: skip
        twice = con.execute(
            f"""
            SELECT count(*) FROM (
                SELECT l.employer_key FROM linkage.employer_links AS l
                JOIN in_employers AS e USING (dataset, record_id)
                WHERE dataset = '{dataset}' GROUP BY l.employer_key
                HAVING count(DISTINCT {number}) > 1)
            """
        ).fetchall()[0][0]
        assert twice == 0, number


def test_two_permits_are_two_businesses_though_all_else_agrees():
    base = {"employer_name": "PT KARTAWI SULANE JAYA", "region_code": "3171", "kbli": "46100",
            "address": "JL. SUDIRMAN 12"}  # fmt: skip
    _, keys = _resolve(
        base | {"record_id": "a", "dataset": "oss_businesses", "nib": "9120001234567"},
        base | {"record_id": "b", "dataset": "bpjs_employers", "npp": "N1", "nib": "9345607654321"},
        base | {"record_id": "c", "dataset": "siinas_companies", "nib": "9120001234576"},
    )  # fmt: skip
    assert keys["a"] != keys["b"]
    # The last two digits swapped: a slip of the hand.
    assert keys["a"] == keys["c"]


def test_one_taxpayer_number_under_two_permits_goes_to_the_one_whose_name_it_is():
    npwp = "0013456782013000"
    base = {"region_code": "3171", "npwp": npwp}
    _, keys = _resolve(
        base | {"record_id": "tax", "dataset": "djp_employers", "employer_name": "PT KARTAWI"},
        base | {"record_id": "one", "dataset": "oss_businesses", "employer_name": "PT KARTAWI",
                "nib": "9120001234567"},
        base | {"record_id": "two", "dataset": "oss_businesses", "employer_name": "PT KARTAWI AGRO",
                "nib": "9345607654321"},
        base | {"record_id": "card", "dataset": "bpjs_employers", "npp": "N1",
                "employer_name": "PT KARTAWI AGRO", "nib": "9345607654321"},
    )  # fmt: skip
    assert keys["tax"] == keys["one"]
    assert keys["two"] == keys["card"] != keys["tax"]


def test_a_renamed_company_is_found_by_its_former_name():
    con, keys = _resolve(
        {"record_id": "old", "dataset": "bpjs_employers", "employer_name": "CV MANDOSE LUPA",
         "npp": "N1", "region_code": "3171", "kbli": "46100"},
        {"record_id": "new", "dataset": "ahu_companies", "region_code": "3171", "kbli": "46100",
         "employer_name": "PT KARTAWI JAYA (d/h CV MANDOSE LUPA)", "ahu_number": "AHU-77"},
        {"record_id": "tax", "dataset": "djp_employers", "employer_name": "PT KARTAWI JAYA",
         "npwp": "0013456782013000", "region_code": "3171", "kbli": "46100"},
    )  # fmt: skip
    assert len(set(keys.values())) == 1
    names = con.execute("SELECT count(*) FROM spine.employers").fetchall()
    assert names == [(1,)]


def test_any_dataset_of_businesses_takes_part():
    base = {"employer_name": "PT KARTAWI SULANE JAYA", "region_code": "3216", "kbli": "10110"}
    con, keys = _resolve(
        base | {"record_id": "tax", "dataset": "djp_employers", "npwp": "0013456782013000"},
        base | {"record_id": "t1", "dataset": "industrial_estate_tenants"},
        base | {"record_id": "t2", "dataset": "industrial_estate_tenants"},
        base | {"record_id": "x", "dataset": "my_own_register"},
    )  # fmt: skip
    # A register that nothing is known of may list a business more than once.
    assert len(set(keys.values())) == 1
    assert con.execute("SELECT sources FROM spine.employers").fetchall() == [
        (["djp_employers", "industrial_estate_tenants", "my_own_register"],)
    ]
