"""What employer resolution promises, on a made-up world and on cases made for one rule each."""

from __future__ import annotations

import duckdb
import employer_world as world
import pyarrow as pa
import pytest

from matching.employers import resolve_period
from warehouse.errors import UsageError

PERIOD = "2026-10"


def _resolve(*rows: dict) -> tuple[duckdb.DuckDBPyConnection, dict[str, int]]:
    """Resolve the rows and give the connection and each record's employer key."""
    con = duckdb.connect(config={"threads": 1})
    world.load(con, world.table_of(*rows))
    resolve_period(con, PERIOD)
    keys = con.execute("SELECT record_id, employer_key FROM linkage.employer_links").fetchall()
    return con, dict(keys)


NPWP_A, NPWP_B = "0013456782013000", "0029876541027000"
NIB_A, NIB_B = "9120001234567", "9120007654321"


@pytest.fixture(scope="module")
def resolved() -> tuple[duckdb.DuckDBPyConnection, pa.Table, dict[str, int]]:
    con = duckdb.connect(config={"threads": 1})
    records, answers = world.make(2000, seed=11)
    world.load(con, records)
    counts = resolve_period(con, PERIOD)
    return con, answers, counts


def test_the_world_is_resolved_well(resolved):
    con, answers, counts = resolved
    precision, recall = world.pairwise(con, answers, PERIOD)
    assert precision >= 0.995
    assert recall >= 0.965
    assert counts["records"] == answers.num_rows
    assert counts["identifier"] + counts["model"] + counts["single"] == counts["records"]


def test_every_record_has_one_employer_of_the_spine(resolved):
    con, answers, counts = resolved
    rows, records, unknown = con.execute(
        """
        SELECT count(*), count(DISTINCT (l.dataset, l.record_id)),
            count(*) FILTER (e.employer_key IS NULL)
        FROM linkage.employer_links AS l LEFT JOIN spine.employers AS e USING (period, employer_key)
        """
    ).fetchall()[0]
    assert (rows, records, unknown) == (answers.num_rows, answers.num_rows, 0)
    keys = con.execute("SELECT count(DISTINCT employer_key) FROM spine.employers").fetchall()[0][0]
    assert keys == counts["employers"]
    bad = con.execute(
        """
        SELECT count(*) FROM linkage.employer_links
        WHERE probability_ppm IS NULL OR probability_ppm NOT BETWEEN 0 AND 1000000
           OR reason IS NULL OR tier NOT IN ('identifier', 'model', 'single')
        """
    ).fetchall()[0][0]
    assert bad == 0


def test_each_identifier_leads_to_one_employer(resolved):
    con = resolved[0]
    rows, distinct = con.execute(
        "SELECT count(*), count(DISTINCT (kind, identifier)) FROM linkage.employer_identifiers"
    ).fetchall()[0]
    assert rows == distinct
    missing = con.execute(
        """
        SELECT count(*) FROM (
            SELECT 'npwp' AS kind, npwp AS identifier FROM in_employers
            UNION SELECT 'nib', nib FROM in_employers UNION SELECT 'npp', npp FROM in_employers
            UNION SELECT 'ahu_number', ahu_number FROM in_employers
            UNION SELECT 'npwp_root', left(npwp, 10) FROM in_employers
        ) WHERE identifier IS NOT NULL AND (kind, identifier) NOT IN (
            SELECT (kind, identifier) FROM linkage.employer_identifiers)
        """
    ).fetchall()[0][0]
    assert missing == 0


def test_a_register_that_lists_a_business_once_is_not_merged_by_likeness(resolved):
    con = resolved[0]
    # Two rows of one list in one employer only where an identifier brought them together.
    twice = con.execute(
        """
        SELECT count(*) FROM (
            SELECT employer_key FROM linkage.employer_links
            WHERE dataset IN ('oss_businesses', 'ahu_companies') GROUP BY employer_key, dataset
            HAVING count(*) > 1 AND bool_or(tier = 'model')
        )
        """
    ).fetchall()[0][0]
    assert twice == 0


def test_the_order_of_rows_changes_nothing():
    records, _ = world.make(500, seed=3)
    outcomes = []
    for reverse in (False, True):
        con = duckdb.connect(config={"threads": 2 if reverse else 1})
        world.load(con, records, reverse=reverse)
        resolve_period(con, PERIOD)
        outcomes.append(
            [
                con.execute(f"SELECT * FROM {table} ORDER BY ALL").fetchall()
                for table in (
                    "spine.employers",
                    "linkage.employer_links",
                    "linkage.employer_identifiers",
                    "linkage.employer_model",
                )
            ]
        )
    assert outcomes[0] == outcomes[1]


def test_a_second_run_replaces_the_first_and_leaves_other_periods():
    con = duckdb.connect(config={"threads": 1})
    world.load(
        con,
        world.table_of({"dataset": "djp_employers", "employer_name": "PT A BARU", "npwp": NPWP_A}),
    )
    for period in ("2026-09", PERIOD, PERIOD):
        resolve_period(con, period)
    rows = con.execute(
        "SELECT period, count(*) FROM spine.employers GROUP BY period ORDER BY period"
    ).fetchall()
    assert rows == [("2026-09", 1), (PERIOD, 1)]
    left = con.execute(
        "SELECT count(*) FROM duckdb_tables() WHERE temporary AND table_name LIKE 'emp%'"
    ).fetchall()[0][0]
    assert left == 0


def test_no_records_give_no_employers():
    con = duckdb.connect(config={"threads": 1})
    world.load(con, world.table_of())
    counts = resolve_period(con, PERIOD)
    assert counts == {"records": 0, "employers": 0, "identifier": 0, "model": 0, "single": 0}


def test_a_period_that_is_no_month_is_refused():
    with pytest.raises(UsageError):
        resolve_period(duckdb.connect(config={"threads": 1}), "2026-13")


def test_branches_of_one_taxpayer_are_one_employer_and_keep_their_regions():
    con, keys = _resolve(
        {"record_id": "head", "dataset": "djp_employers", "employer_name": "PT KARTAWI JAYA",
         "npwp": NPWP_A, "region_code": "3171"},
        {"record_id": "branch", "dataset": "djp_employers", "region_code": "3578",
         "employer_name": "PT KARTAWI JAYA CAB. SURABAYA", "npwp": NPWP_A[:13] + "001"},
    )  # fmt: skip
    assert keys["head"] == keys["branch"]
    regions = con.execute(
        "SELECT kind, identifier, region_code FROM linkage.employer_identifiers ORDER BY ALL"
    ).fetchall()
    assert regions == [
        ("npwp", NPWP_A, "3171"),
        ("npwp", NPWP_A[:13] + "001", "3578"),
        ("npwp_root", NPWP_A[:10], "3171"),
    ]
    spine = con.execute("SELECT employer_name, region_code FROM spine.employers").fetchall()
    assert spine == [("PT KARTAWI JAYA", "3171")]


def test_a_borrowed_taxpayer_number_does_not_merge_two_businesses():
    _, keys = _resolve(
        {"record_id": "owner", "dataset": "djp_employers", "employer_name": "PT KARTAWI JAYA",
         "npwp": NPWP_A, "region_code": "3171"},
        {"record_id": "borrower", "dataset": "bpjs_employers", "employer_name": "PT MANDOSE LUPA",
         "npwp": NPWP_A, "npp": "B1", "nib": NIB_B, "region_code": "3171"},
        {"record_id": "itself", "dataset": "oss_businesses", "employer_name": "PT MANDOSE LUPA",
         "nib": NIB_B, "region_code": "3171"},
        {"record_id": "sister", "dataset": "bpjs_employers", "employer_name": "CV KARTAWI JAYA",
         "npwp": NPWP_A, "npp": "B2", "region_code": "3171"},
    )  # fmt: skip
    assert keys["borrower"] == keys["itself"]
    assert len({keys["owner"], keys["borrower"], keys["sister"]}) == 3


def test_two_identifiers_speak_for_a_changed_name():
    con, keys = _resolve(
        {"record_id": "tax", "dataset": "djp_employers", "employer_name": "PT KARTAWI JAYA",
         "npwp": NPWP_A, "nib": NIB_A},
        {"record_id": "renamed", "dataset": "bpjs_employers", "employer_name": "PT MANDOSE LUPA",
         "npwp": NPWP_A, "nib": NIB_A, "npp": "B1"},
    )  # fmt: skip
    assert keys["tax"] == keys["renamed"]
    reasons = con.execute(
        "SELECT tier, reason FROM linkage.employer_links WHERE record_id = 'renamed'"
    ).fetchall()
    assert reasons == [("identifier", "two_identifiers")]


def test_companies_of_one_group_stay_apart():
    _, keys = _resolve(
        {"record_id": "holding", "dataset": "djp_employers", "employer_name": "PT KARTAWI HOLDING",
         "npwp": NPWP_A, "region_code": "3171", "kbli": "64200"},
        {"record_id": "child", "dataset": "djp_employers", "employer_name": "PT KARTAWI HOLDING",
         "npwp": NPWP_B, "region_code": "3171", "kbli": "64200"},
    )  # fmt: skip
    assert keys["holding"] != keys["child"]


def test_placeholder_identifiers_bring_nothing_together():
    con, keys = _resolve(
        {"record_id": "x", "dataset": "bpjs_employers", "employer_name": "PT KARTAWI JAYA",
         "npwp": "0000000000000000", "nib": "0000000000000", "npp": "B1", "region_code": "3171"},
        {"record_id": "y", "dataset": "bpjs_employers", "employer_name": "PT MANDOSE LUPA",
         "npwp": "0000000000000000", "nib": "0000000000000", "npp": "B2", "region_code": "3578"},
    )  # fmt: skip
    assert keys["x"] != keys["y"]
    kinds = con.execute("SELECT kind, identifier FROM linkage.employer_identifiers ORDER BY 2")
    assert kinds.fetchall() == [("npp", "B1"), ("npp", "B2")]


def test_a_misspelt_taxpayer_number_is_seen_through_the_nib():
    _, keys = _resolve(
        {"record_id": "tax", "dataset": "djp_employers", "employer_name": "PT KARTAWI JAYA",
         "npwp": NPWP_A, "nib": NIB_A},
        {"record_id": "slip", "dataset": "bpjs_employers", "employer_name": "PT KARTAWI JAYA",
         "npwp": NPWP_A[:5] + "9" + NPWP_A[6:], "nib": NIB_A, "npp": "B1"},
    )  # fmt: skip
    assert keys["tax"] == keys["slip"]


@pytest.mark.parametrize(("form", "same"), [("UD", True), ("PT", False)])
def test_a_sole_traders_nik_stands_beside_the_old_number_but_a_companys_does_not(form, same):
    _, keys = _resolve(
        {"record_id": "tax", "dataset": "djp_employers", "employer_name": f"{form} SULANE MAJU",
         "npwp": NPWP_A, "nib": NIB_A, "region_code": "3171"},
        {"record_id": "owner", "dataset": "sme_businesses", "employer_name": f"{form} SULANE MAJU",
         "npwp": "3171955708900001", "nib": NIB_A, "region_code": "3171"},
    )  # fmt: skip
    assert (keys["tax"] == keys["owner"]) is same


def test_one_of_many_like_named_cooperatives_is_nobodys():
    villages = [
        {"record_id": f"c{n}", "dataset": "cooperatives", "region_code": "3201",
         "employer_name": "KOPERASI DESA MERAH PUTIH SUKAMAJU", "nik_koperasi": f"32010000{n:05d}"}
        for n in range(1, 6)
    ]  # fmt: skip
    _, keys = _resolve(
        *villages,
        {"record_id": "member", "dataset": "bpjs_employers", "npp": "B1", "region_code": "3201",
         "employer_name": "KDMP SUKAMAJU"},
    )  # fmt: skip
    assert len(set(keys.values())) == 6


def test_the_key_comes_from_the_strongest_identifier_and_outlives_other_records():
    tax = {"record_id": "tax", "dataset": "djp_employers", "employer_name": "PT KARTAWI JAYA",
           "npwp": NPWP_A, "region_code": "3171"}  # fmt: skip
    card = {"record_id": "card", "dataset": "bpjs_employers", "employer_name": "PT KARTAWI JAYA",
            "npwp": NPWP_A, "npp": "B1", "region_code": "3171"}  # fmt: skip
    con, both = _resolve(tax, card)
    _, alone = _resolve(card)
    expected = con.execute(f"SELECT md5_number_lower('npwp_root:{NPWP_A[:10]}')").fetchall()[0][0]
    assert both["tax"] == both["card"] == alone["card"] == expected


def test_registers_go_before_one_another_in_a_fixed_order():
    con, _ = _resolve(
        {"dataset": "bpjs_employers", "employer_name": "PT. Kartawi Jaya", "npwp": NPWP_A,
         "npp": "B1", "region_code": "3578", "kbli": "47111", "sector_code": "G", "workers": 40,
         "scale": "kecil"},
        {"dataset": "djp_employers", "employer_name": "KARTAWI JAYA PT", "npwp": NPWP_A,
         "region_code": "3171", "kbli": "46100", "sector_code": "G"},
        {"dataset": "siinas_companies", "employer_name": "PT KARTAWI JAYA", "npwp": NPWP_A,
         "region_code": "0000", "kbli": "10110", "sector_code": "C", "workers": 25},
    )  # fmt: skip
    spine = con.execute(
        "SELECT legal_form, region_code, kbli, sector_code, scale, workers, natural_person, "
        "sources FROM spine.employers"
    ).fetchall()
    assert spine == [
        ("PT", "3171", "10110", "C", "kecil", 40, False,
         ["bpjs_employers", "djp_employers", "siinas_companies"])
    ]  # fmt: skip


def test_which_businesses_are_natural_persons():
    natural = {"UD SUMBER REJEKI": True, "MANDOSE LUPA": True, "CV KARTAWI JAYA": False,
               "KOPERASI ROKOMI BARU": False, "TOKO VALIYU SULANE": True}  # fmt: skip
    con, keys = _resolve(
        *({"dataset": "sme_businesses", "record_id": name, "employer_name": name}
          for name in natural)
    )  # fmt: skip
    told = dict(con.execute("SELECT employer_key, natural_person FROM spine.employers").fetchall())
    assert {name: told[key] for name, key in keys.items()} == natural
    assert len(told) == len(natural)


def test_a_rare_company_name_is_found_without_identifiers():
    con, keys = _resolve(
        {"record_id": "tax", "dataset": "djp_employers", "employer_name": "PT KARTAWI SULANE JAYA",
         "npwp": NPWP_A, "region_code": "3171", "kbli": "10110", "sector_code": "C"},
        {"record_id": "card", "dataset": "bpjs_employers", "npp": "B1", "region_code": "3171",
         "employer_name": "KARTAWI SULANE DJAJA, P.T.", "kbli": "10110", "sector_code": "C"},
        {"record_id": "far", "dataset": "siinas_companies", "region_code": "3578",
         "employer_name": "PT. Kartawi Sulane Jaya", "kbli": "10110", "sector_code": "C"},
    )  # fmt: skip
    assert len(set(keys.values())) == 1
    links = con.execute(
        "SELECT record_id, tier, reason FROM linkage.employer_links ORDER BY ALL"
    ).fetchall()
    assert links == [
        ("card", "model", "name_and_place"),
        ("far", "model", "name_and_place"),
        ("tax", "model", "joined_by_others"),
    ]


def test_a_common_name_in_another_region_is_another_business():
    _, keys = _resolve(
        {"record_id": "tax", "dataset": "djp_employers", "employer_name": "CV SUMBER JAYA",
         "npwp": NPWP_A, "region_code": "3171"},
        {"record_id": "card", "dataset": "bpjs_employers", "employer_name": "CV SUMBER JAYA",
         "npp": "B1", "region_code": "5171"},
    )  # fmt: skip
    assert keys["tax"] != keys["card"]


def test_another_legal_form_is_another_business():
    _, keys = _resolve(
        {"record_id": "tax", "dataset": "djp_employers", "employer_name": "PT KARTAWI SULANE",
         "npwp": NPWP_A, "region_code": "3171", "kbli": "10110", "sector_code": "C"},
        {"record_id": "card", "dataset": "bpjs_employers", "employer_name": "CV KARTAWI SULANE",
         "npp": "B1", "region_code": "3171", "kbli": "10110", "sector_code": "C"},
    )  # fmt: skip
    assert keys["tax"] != keys["card"]


def test_a_misspelt_number_alone_does_not_keep_a_company_apart_but_another_number_does():
    base = {"employer_name": "PT KARTAWI SULANE JAYA", "region_code": "3171", "kbli": "10110"}
    _, keys = _resolve(
        base | {"record_id": "tax", "dataset": "djp_employers", "npwp": NPWP_A},
        base | {"record_id": "slip", "dataset": "bpjs_employers", "npp": "B1",
                "npwp": NPWP_A[:6] + NPWP_A[7] + NPWP_A[6] + NPWP_A[8:]},
        base | {"record_id": "other", "dataset": "bpjs_employers", "npp": "B2", "npwp": NPWP_B},
    )  # fmt: skip
    assert keys["tax"] == keys["slip"]
    assert keys["tax"] != keys["other"]


@pytest.mark.parametrize(
    ("one", "other"),
    [("AHU-0012345.AH.01.01.TAHUN 2021", "AHU 0012345-AH-01-01 Tahun 2021"),
     ("AHU-0012345.AH.01.01.TAHUN 2021", "12345.AH.01.01.THN 2021")],
)  # fmt: skip
def test_decree_numbers_are_compared_without_their_separators(one, other):
    con, keys = _resolve(
        {"record_id": "law", "dataset": "ahu_companies", "employer_name": "PT KARTAWI SULANE",
         "ahu_number": one},
        {"record_id": "list", "dataset": "industrial_estate_tenants", "ahu_number": other,
         "employer_name": "PT KARTAWI SULANE"},
    )  # fmt: skip
    assert keys["law"] == keys["list"]
    assert con.execute("SELECT DISTINCT tier FROM linkage.employer_links").fetchall() == [
        ("identifier",)
    ]


def test_names_too_common_to_compare_are_counted_in_the_report():
    rows = [
        {"record_id": f"s{n}", "dataset": "sme_businesses", "employer_name": "TOKO BERKAH JAYA",
         "region_code": f"{11 + n % 20}01"}
        for n in range(60)
    ]  # fmt: skip
    con, keys = _resolve(*rows, {"record_id": "b", "dataset": "bpjs_employers", "npp": "B1",
                                 "employer_name": "TOKO BERKAH JAYA"})  # fmt: skip
    assert len(set(keys.values())) == 61
    report = con.execute(
        "SELECT pairs, capped_blocks, capped_profiles FROM linkage.employer_report "
        "WHERE stage = 'block_name'"
    ).fetchall()
    assert report[0][:2] == (0, 1)
    assert report[0][2] > 20
