"""Regions, sectors and KBLI agree with facts that anyone can look up."""

import pytest


def test_there_are_38_provinces_and_514_regencies(con, one):
    assert one("SELECT count(*) FROM reference.provinces") == 38
    assert con.execute(
        "SELECT kind, count(*) FROM reference.regencies GROUP BY kind ORDER BY kind"
    ).fetchall() == [("kabupaten", 416), ("kota", 98)]
    assert one("SELECT count(DISTINCT bps_code) FROM reference.provinces") == 38
    assert one("SELECT count(DISTINCT bps_code) FROM reference.regencies") == 514


def test_regencies_belong_to_provinces_and_say_what_they_are(one):
    assert (
        one(
            "SELECT count(*) FROM reference.regencies AS g JOIN reference.provinces AS p"
            " USING (province_code) WHERE left(regency_code, 2) = province_code"
            " AND left(g.bps_code, 2) = p.bps_code"
            " AND lower(regency) LIKE kind || ' %'"
            " AND (substr(regency_code, 3, 1) >= '7') = (kind = 'kota')",
        )
        == 514
    )


def test_the_population_adds_up_to_that_of_the_country(con, one):
    assert one("SELECT sum(population) FROM reference.provinces") == 284_973_643
    assert (
        con.execute(
            "SELECT province_code FROM reference.provinces AS p WHERE population <>"
            " (SELECT sum(population) FROM reference.regencies AS g"
            "  WHERE g.province_code = p.province_code)"
        ).fetchall()
        == []
    )


@pytest.mark.parametrize(
    ("code", "name", "bps"),
    [
        ("3171", "Kota Administrasi Jakarta Pusat", "3173"),
        ("3174", "Kota Administrasi Jakarta Selatan", "3171"),
        ("3273", "Kota Bandung", "3273"),
        ("3204", "Kabupaten Bandung", "3204"),
        ("9301", "Kabupaten Merauke", "9501"),
        ("9671", "Kota Sorong", "9271"),
        ("6571", "Kota Tarakan", "6571"),
    ],
)
def test_regencies_carry_both_codes(con, code, name, bps):
    assert con.execute(
        "SELECT regency, bps_code FROM reference.regencies WHERE regency_code = ?", [code]
    ).fetchone() == (name, bps)


def test_every_code_leads_to_a_regency_of_today(con, one):
    assert (
        one(
            "SELECT count(*) FROM reference.region_codes WHERE state = 'current'"
            " AND code = regency_code AND valid_to IS NULL"
            " AND code IN (SELECT regency_code FROM reference.regencies)",
        )
        == 514
    )
    assert (
        con.execute(
            "SELECT code FROM reference.region_codes WHERE state <> 'current'"
            " AND (state <> 'former' OR valid_to IS NULL OR code = regency_code"
            "      OR code IN (SELECT regency_code FROM reference.regencies)"
            "      OR regency_code NOT IN (SELECT regency_code FROM reference.regencies)"
            "         AND NOT (regency_code = '0000' AND code LIKE '54%'))"
        ).fetchall()
        == []
    )


@pytest.mark.parametrize(
    ("code", "today"),
    [
        ("9101", "9301"),
        ("9104", "9401"),
        ("9102", "9501"),
        ("9201", "9601"),
        ("9271", "9671"),
        ("9103", "9103"),
        ("9202", "9202"),
        ("6473", "6571"),
        ("6405", "6503"),
        ("7321", "7602"),
        ("5408", "0000"),
    ],
)
def test_former_codes_lead_to_where_the_place_is_now(con, code, today):
    assert con.execute(
        "SELECT regency_code FROM reference.region_codes WHERE code = ?", [code]
    ).fetchone() == (today,)


def test_the_split_of_papua_left_26_former_codes(con):
    assert con.execute(
        "SELECT left(regency_code, 2), count(*) FROM reference.region_codes"
        " WHERE state = 'former' AND code LIKE '9%' GROUP BY 1 ORDER BY 1"
    ).fetchall() == [("93", 4), ("94", 8), ("95", 8), ("96", 6)]


def test_the_17_sectors_stand_in_the_order_of_the_survey(con):
    codes = con.execute("SELECT sector_code FROM reference.sectors ORDER BY position").fetchall()
    assert "".join(code for (code,) in codes) == "ABCDEFGHIJKLMNOPQRSTU"
    assert len(codes) == 17


@pytest.mark.parametrize(("vintage", "sections", "divisions"), [(2020, 21, 88), (2025, 22, 87)])
def test_both_kbli_vintages_cover_all_sectors(con, vintage, sections, divisions):
    row = con.execute(
        "SELECT count(*), count(DISTINCT sector_code) FROM reference.kbli_sections"
        " WHERE kbli_vintage = ?",
        [vintage],
    ).fetchone()
    assert row == (sections, 17)
    assert con.execute(
        "SELECT count(*), count(DISTINCT section),"
        " bool_and(jkk_risk_group BETWEEN 1 AND 5) FROM reference.kbli_divisions AS d"
        " JOIN reference.kbli_sections AS s USING (kbli_vintage, section)"
        " JOIN reference.sectors AS w ON w.sector_code = s.sector_code"
        " WHERE kbli_vintage = ? AND d.sector_code = s.sector_code",
        [vintage],
    ).fetchone()[:2] == (divisions, sections)


@pytest.mark.parametrize(
    ("vintage", "division", "section", "sector"),
    [
        (2020, "64", "K", "K"),
        (2025, "64", "L", "K"),
        (2020, "61", "J", "J"),
        (2025, "61", "K", "J"),
        (2025, "68", "M", "L"),
        (2025, "77", "O", "MN"),
        (2025, "84", "P", "O"),
        (2025, "99", "V", "RSTU"),
        (2020, "45", "G", "G"),
    ],
)
def test_a_letter_means_another_section_in_the_other_vintage(
    con, vintage, division, section, sector
):
    assert con.execute(
        "SELECT section, sector_code FROM reference.kbli_divisions"
        " WHERE kbli_vintage = ? AND division = ?",
        [vintage, division],
    ).fetchone() == (section, sector)


def test_the_sector_of_a_division_is_that_of_the_other_vintage(con):
    assert (
        con.execute(
            "SELECT division FROM reference.kbli_divisions GROUP BY division"
            " HAVING count(DISTINCT sector_code) > 1 OR count(DISTINCT jkk_risk_group) > 1"
        ).fetchall()
        == []
    )
