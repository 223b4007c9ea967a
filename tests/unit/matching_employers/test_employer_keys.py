"""Keys of employers over three months of changing deliveries; parents and subsidiaries."""

from __future__ import annotations

import duckdb
import employer_world as world
import pyarrow as pa

from matching.employers import resolve_period

NPWP_A, NPWP_B = "0013456782013000", "0029876541027000"
NIB_A, NIB_B = "9120001234567", "9345607654321"
MONTHS = ("2026-08", "2026-09", "2026-10")


class Months:
    """One warehouse, a delivery a month."""

    def __init__(self) -> None:
        self.con = duckdb.connect(config={"threads": 1})

    def run(self, period: str, *rows: dict) -> dict[str, int]:
        """Resolve a month; gives each record's key."""
        world.load(self.con, world.table_of(*rows))
        resolve_period(self.con, period)
        found = self.con.execute(
            "SELECT record_id, employer_key FROM linkage.employer_links WHERE period = ?", [period]
        ).fetchall()
        return dict(found)

    def changes(self, period: str) -> list[tuple]:
        """The period's merges and splits."""
        return self.con.execute(
            "SELECT old_key, new_key, kind FROM spine.employer_key_changes WHERE period = ? "
            "ORDER BY ALL",
            [period],
        ).fetchall()


def _card(**values: object) -> dict:
    return {"record_id": "card", "dataset": "bpjs_employers", "employer_name": "PT KARTAWI SULANE",
            "npp": "B1", "region_code": "3171", "kbli": "46100"} | values  # fmt: skip


def _tax(**values: object) -> dict:
    return {"record_id": "tax", "dataset": "djp_employers", "employer_name": "PT KARTAWI SULANE",
            "npwp": NPWP_A, "region_code": "3171", "kbli": "46100"} | values  # fmt: skip


def _permit(**values: object) -> dict:
    return {"record_id": "permit", "dataset": "oss_businesses", "nib": NIB_A, "kbli": "46100",
            "employer_name": "PT KARTAWI SULANE", "region_code": "3171"} | values  # fmt: skip


def test_a_key_stays_when_rows_come_identifiers_appear_and_the_name_changes():
    months = Months()
    first = months.run("2026-08", _card())["card"]
    second = months.run("2026-09", _card(nib=NIB_A), _permit())
    assert second == {"card": first, "permit": first}
    # A taxpayer number appears, which would be the stronger one to make a key of.
    third = months.run(
        "2026-10",
        _card(nib=NIB_A, npwp=NPWP_A, employer_name="PT MANDOSE LUPA"),
        _permit(npwp=NPWP_A, employer_name="PT MANDOSE LUPA"),
        _tax(employer_name="PT MANDOSE LUPA"),
    )
    assert third == {"card": first, "permit": first, "tax": first}
    assert [months.changes(month) for month in MONTHS] == [[], [], []]


def test_a_key_outlives_a_month_without_the_company():
    months = Months()
    first = months.run("2026-08", _card())["card"]
    months.run("2026-09", _tax(employer_name="PT ROKOMI BARU", npwp=NPWP_B, region_code="5171"))
    assert months.run("2026-10", _card(npwp=NPWP_A))["card"] == first


def test_a_merge_is_recorded_once():
    months = Months()
    apart = months.run("2026-08", _tax(), _card(employer_name="PT MANDOSE LUPA", nib=NIB_A))
    assert apart["tax"] != apart["card"]
    rows = (_tax(nib=NIB_A), _card(employer_name="PT KARTAWI SULANE", nib=NIB_A, npwp=NPWP_A))
    joined = months.run("2026-09", *rows)
    assert joined["tax"] == joined["card"] == apart["tax"]
    assert months.changes("2026-09") == [(apart["card"], apart["tax"], "merged")]
    assert months.run("2026-10", *rows) == joined
    assert months.changes("2026-10") == []


def test_a_split_is_recorded_and_the_new_key_is_nobodys():
    months = Months()
    joined = months.run("2026-08", _tax(), _permit(npwp=NPWP_A), _card(npwp=NPWP_A))
    assert len(set(joined.values())) == 1
    # The card's business turns out to be another one.
    apart = months.run(
        "2026-09", _tax(), _permit(npwp=NPWP_A),
        _card(employer_name="PT MANDOSE LUPA", npwp=NPWP_B, kbli="10110", region_code="3578"),
    )  # fmt: skip
    assert apart["tax"] == apart["permit"] == joined["tax"]
    assert apart["card"] != joined["card"]
    assert months.changes("2026-09") == [(joined["tax"], apart["card"], "split")]
    again = months.run(
        "2026-10", _tax(), _permit(npwp=NPWP_A),
        _card(employer_name="PT MANDOSE LUPA", npwp=NPWP_B, kbli="10110", region_code="3578"),
    )  # fmt: skip
    assert again == apart
    assert months.changes("2026-10") == []


def test_a_key_that_another_company_has_is_not_given_out_again():
    months = Months()
    # The key is made of the taxpayer number, and stays with the company whose rows had it.
    old = months.run("2026-08", _tax(), _permit(npwp=NPWP_A), _card(npwp=NPWP_A))["tax"]
    new = months.run(
        "2026-09", _permit(npwp=NPWP_B), _card(npwp=NPWP_B, nib=NIB_A),
        _tax(employer_name="PT ROKOMI BARU", region_code="5171", kbli="10110"),
    )  # fmt: skip
    assert new["permit"] == new["card"]
    assert len({new["permit"], new["tax"]}) == 2
    assert old in new.values()
    assert months.changes("2026-09")


def test_the_same_month_twice_gives_the_same_keys_and_changes():
    months = Months()
    months.run("2026-08", _tax(), _card(employer_name="PT MANDOSE LUPA", nib=NIB_A))
    rows = (_tax(nib=NIB_A), _card(employer_name="PT KARTAWI SULANE", nib=NIB_A, npwp=NPWP_A))
    once = months.run("2026-09", *rows), months.changes("2026-09")
    assert (months.run("2026-09", *rows), months.changes("2026-09")) == once


def _changed(table: pa.Table, month: int) -> pa.Table:
    """The deliveries of a later month: rows gone and come, numbers learned, names written anew."""
    con = duckdb.connect(config={"threads": 1})
    con.register("t", table)
    return con.execute(
        f"""
        SELECT * REPLACE (
            CASE WHEN hash(record_id, {month}) % 40 = 1 THEN NULL ELSE kbli END AS kbli,
            CASE WHEN hash(record_id, {month}) % 40 = 2 THEN employer_name || ' TBK'
                WHEN hash(record_id, {month}) % 40 = 3 THEN lower(employer_name)
                ELSE employer_name END AS employer_name,
            CASE WHEN nib IS NULL THEN npwp
                WHEN npwp IS NULL THEN max(npwp) OVER (PARTITION BY nib) ELSE npwp END AS npwp
        ) FROM t WHERE hash(record_id, {month}) % 40 <> 0 ORDER BY record_id
        """
    ).to_arrow_table()


def test_three_months_of_a_world_keep_their_keys():
    con = duckdb.connect(config={"threads": 1})
    records, _ = world.make(1200, seed=23)
    for number, period in enumerate(MONTHS):
        world.load(con, records if number == 0 else _changed(records, number))
        resolve_period(con, period)
    for before, after in (MONTHS[:2], MONTHS[1:], (MONTHS[0], MONTHS[2])):
        kept, moved = con.execute(
            """
            SELECT count(*) FILTER (a.employer_key = b.employer_key),
                count(*) FILTER (a.employer_key <> b.employer_key)
            FROM linkage.employer_links AS a JOIN linkage.employer_links AS b
                USING (dataset, record_id)
            WHERE a.period = ? AND b.period = ?
            """,
            [before, after],
        ).fetchall()[0]
        assert moved <= 0.01 * kept
    # Every key that is gone though its records are not, is told of.
    untold = con.execute(
        """
        SELECT count(*) FROM (
            SELECT DISTINCT a.employer_key FROM linkage.employer_links AS a
            JOIN linkage.employer_links AS b USING (dataset, record_id)
            WHERE a.period = ? AND b.period = ? AND a.employer_key NOT IN (
                SELECT employer_key FROM spine.employers WHERE period = b.period)
        ) WHERE employer_key NOT IN (
            SELECT old_key FROM spine.employer_key_changes WHERE kind = 'merged')
        """,
        list(MONTHS[:2]),
    ).fetchall()[0][0]
    assert untold == 0
    doubled = con.execute(
        "SELECT count(*) - count(DISTINCT (period, employer_key)) FROM spine.employers"
    ).fetchall()
    assert doubled == [(0,)]


def test_a_subsidiary_has_its_parents_key_and_its_own():
    months = Months()
    keys = months.run(
        "2026-10", _tax(employer_name="PT VALIYU (PERSERO)"),
        {"record_id": "child", "dataset": "ahu_companies", "employer_name": "PT VALIYU LOGISTIK",
         "ahu_number": "AHU-7", "parent_npwp": NPWP_A, "region_code": "3171"},
        # Files under the number of its parent, and says so.
        {"record_id": "files", "dataset": "bpjs_employers", "employer_name": "PT VALIYU TANI",
         "npp": "B7", "npwp": NPWP_A, "parent_npwp": NPWP_A, "region_code": "3171"},
        {"record_id": "branch", "dataset": "bpjs_employers", "npp": "B8", "npwp": NPWP_A,
         "employer_name": "PT VALIYU CABANG MEDAN", "region_code": "1271"},
        {"record_id": "orphan", "dataset": "bpjs_employers", "employer_name": "PT MANDOSE LUPA",
         "npp": "B9", "parent_npwp": NPWP_B, "region_code": "3171"},
    )  # fmt: skip
    assert keys["branch"] == keys["tax"]
    assert len(set(keys.values())) == 4
    parents = dict(
        months.con.execute("SELECT employer_key, parent_key FROM spine.employers").fetchall()
    )
    assert parents[keys["child"]] == parents[keys["files"]] == keys["tax"]
    assert parents[keys["tax"]] is None
    assert parents[keys["orphan"]] is None


def test_a_subsidiary_of_its_parents_very_name_stays_apart():
    months = Months()
    keys = months.run(
        "2026-10", _tax(employer_name="PT VALIYU SULANE"),
        _permit(employer_name="PT VALIYU SULANE", parent_npwp=NPWP_A),
    )  # fmt: skip
    assert keys["tax"] != keys["permit"]
