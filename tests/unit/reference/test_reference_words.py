"""Occupations, names, legal forms, addressees and reason codes."""

import pytest


def test_only_four_occupations_are_no_work(con):
    idle = con.execute("SELECT occupation FROM reference.occupations WHERE NOT is_working")
    assert {name for (name,) in idle.fetchall()} == {
        "BELUM/TIDAK BEKERJA",
        "MENGURUS RUMAH TANGGA",
        "PELAJAR/MAHASISWA",
        "PENSIUNAN",
    }


def test_civil_servants_are_four_occupations(con):
    servants = con.execute(
        "SELECT occupation, sector_code FROM reference.occupations WHERE civil_servant"
    )
    assert dict(servants.fetchall()) == dict.fromkeys(
        ["PEGAWAI NEGERI SIPIL", "TENTARA NASIONAL INDONESIA", "KEPOLISIAN RI", "PPPK"], "O"
    )


@pytest.mark.parametrize(
    ("occupation", "sector"),
    [
        ("PETANI/PEKEBUN", "A"),
        ("BURUH TANI/PERKEBUNAN", "A"),
        ("NELAYAN/PERIKANAN", "A"),
        ("INDUSTRI", "C"),
        ("KONSTRUKSI", "F"),
        ("PERDAGANGAN", "G"),
        ("TRANSPORTASI", "H"),
        ("SOPIR", "H"),
        ("GURU", "P"),
        ("DOSEN", "P"),
        ("PERAWAT", "Q"),
        ("PEMBANTU RUMAH TANGGA", "RSTU"),
        ("WIRASWASTA", None),
        ("KARYAWAN SWASTA", None),
        ("LAINNYA", None),
    ],
)
def test_an_occupation_tells_a_sector_only_where_it_is_plain(con, occupation, sector):
    assert con.execute(
        "SELECT sector_code, is_working FROM reference.occupations WHERE occupation = ?",
        [occupation],
    ).fetchone() == (sector, True)


def test_no_spelling_stands_for_two_occupations(con):
    spelt = (
        "SELECT trim(regexp_replace(upper(unnest(list_prepend(occupation, spellings))),"
        " '[^A-Z0-9]+', ' ', 'g')) AS spelling, occupation FROM reference.occupations"
    )
    assert (
        con.execute(
            f"SELECT spelling FROM ({spelt}) GROUP BY spelling"
            " HAVING count(DISTINCT occupation) > 1"
        ).fetchall()
        == []
    )


@pytest.mark.parametrize(
    ("token", "canonical", "kind"),
    [
        ("MOCHAMAD", "MUHAMMAD", "spelling"),
        ("MOH", "MUHAMMAD", "abbreviation"),
        ("M", "MUHAMMAD", "initial"),
        ("ACHMAD", "AHMAD", "spelling"),
        ("ABD", "ABDUL", "abbreviation"),
        ("SITTI", "SITI", "spelling"),
        ("NOER", "NUR", "spelling"),
        ("DWI", "DEWI", "related"),
        ("BT", "BINTI", "patronymic"),
    ],
)
def test_name_variants(con, token, canonical, kind):
    assert con.execute(
        "SELECT canonical, kind FROM reference.name_variants WHERE token = ?", [token]
    ).fetchone() == (canonical, kind)


def test_a_standard_form_stands_for_itself(con):
    assert (
        con.execute(
            "SELECT canonical FROM reference.name_variants AS v WHERE NOT EXISTS ("
            "SELECT 1 FROM reference.name_variants AS s"
            " WHERE s.token = v.canonical AND s.canonical = v.canonical)"
        ).fetchall()
        == []
    )


def test_titles_that_are_also_names_need_punctuation(con):
    rule = {
        (token, position): needs
        for token, position, needs in con.execute(
            "SELECT token, position, needs_punctuation FROM reference.name_titles"
        ).fetchall()
    }
    assert rule["ST", "suffix"] is True
    assert rule["SE", "suffix"] is True
    assert rule["IR", "prefix"] is True
    assert rule["HJ", "prefix"] is False
    assert rule["SPD", "suffix"] is False


def test_words_are_written_as_they_are_compared(con):
    for table, column in (
        ("name_variants", "token"),
        ("name_titles", "token"),
        ("legal_forms", "spelling"),
    ):
        assert (
            con.execute(
                f"SELECT {column} FROM reference.{table}"
                f" WHERE NOT regexp_full_match({column}, '[A-Z0-9]+( [A-Z0-9]+)*')"
            ).fetchall()
            == []
        )


def test_a_legal_form_is_a_natural_person_or_not(con):
    forms = con.execute("SELECT DISTINCT legal_form, natural_person FROM reference.legal_forms")
    natural = forms.fetchall()
    assert len({form for form, _ in natural}) == len(natural)
    assert dict(natural)["UD"] is True
    assert dict(natural)["PERORANGAN"] is True
    assert dict(natural)["PT"] is False


def test_the_26_addressees_have_one_lead_at_every_time(con):
    assert con.execute(
        "SELECT list(addressee_id ORDER BY addressee_id) = range(1, 27) FROM reference.addressees"
    ).fetchone() == (True,)
    for day in ("2021-03-25", "2022-01-01", "2024-10-20", "2024-10-21", "2026-10-31"):
        assert (
            con.execute(
                "SELECT addressee_id FROM reference.addressees LEFT JOIN ("
                " SELECT addressee_id, agency FROM reference.addressee_agencies WHERE role = 'lead'"
                " AND ?::DATE BETWEEN valid_from AND coalesce(valid_to, DATE '9999-12-31'))"
                " USING (addressee_id) GROUP BY addressee_id HAVING count(agency) <> 1",
                [day],
            ).fetchall()
            == []
        ), day


def test_clauses_carry_the_number_of_their_addressee(con):
    assert (
        con.execute(
            "SELECT clause FROM (SELECT addressee_id, unnest(clauses) AS clause"
            " FROM reference.addressees)"
            " WHERE NOT regexp_full_match(clause, '2\\.' || addressee_id || '(\\.[a-z])?')"
        ).fetchall()
        == []
    )


def test_reason_codes_are_complete(con):
    stages = dict(con.execute("SELECT reason_code, stage FROM reference.reason_codes").fetchall())
    assert set(stages.values()) == {"delivery", "reading", "conforming", "flag"}
    for code in ("EMPTY_FILE", "SCHEMA_DRIFT", "CORRUPT", "UNSAFE_ARCHIVE"):
        assert stages[code] == "delivery"
    for code in ("NIK_REPAIRED", "NIK_UNKNOWN_PROVINCE", "NIK_BIRTH_DATE_DIFFERS"):
        assert stages[code] == "flag"
    assert (
        con.execute(
            "SELECT reason_code FROM reference.reason_codes WHERE id IS NULL OR en IS NULL"
            " OR id = en"
            " OR NOT regexp_full_match(reason_code, '[A-Z_]+')"
        ).fetchall()
        == []
    )
