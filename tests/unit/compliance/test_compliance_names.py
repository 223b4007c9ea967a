"""Who is named in the tables of employers: bodies are, natural persons never."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest
from compliance_world import Builder, compute, table

from warehouse.errors import GateBlocked
from warehouse.publication.privacy import check_no_identity

Con = duckdb.DuckDBPyConnection

NAMES = (
    # Name, legal form, whether the form may be a natural person's, NPWP root; what is published.
    ("PT MAJU JAYA", "PT", False, None, "PT MAJU JAYA"),
    ("P.T. Maju Jaya", "PT", False, None, "P.T. Maju Jaya"),
    # A company called after a person: never without its form.
    ("BUDI SANTOSO", "CV", False, None, "CV BUDI SANTOSO"),
    ("BUDI SANTOSO", "KOPERASI", False, None, "KOPERASI BUDI SANTOSO"),
    ("UD BUDI SANTOSO", "UD", True, None, None),
    ("BUDI SANTOSO", None, True, None, None),
    ("WARUNG PAK BUDI", "TOKO", True, None, None),
    ("PT PERORANGAN BUDI", "PT_PERORANGAN", True, None, None),
    # Public bodies, told by how their names begin.
    ("DINAS PENDIDIKAN KOTA BATU", None, True, "0001234567", "DINAS PENDIDIKAN KOTA BATU"),
    ("Kementerian Agama", None, True, None, "Kementerian Agama"),
    ("SEKRETARIAT DAERAH KAB. ENDE", None, True, None, "SEKRETARIAT DAERAH KAB. ENDE"),
    ("SD NEGERI 2 PATI", "SEKOLAH", True, None, "SD NEGERI 2 PATI"),
    ("RSUD KOTA BATAM", "RS", True, None, "RSUD KOTA BATAM"),
    ("KANTOR KECAMATAN KEDIRI", "KANTOR", True, None, "KANTOR KECAMATAN KEDIRI"),
    ("PUSKESMAS WAE NAKENG", None, True, None, "PUSKESMAS WAE NAKENG"),
    # Such words elsewhere, or parts of other words, make no public body.
    ("MI AYAM PAK SLAMET", "SEKOLAH", True, None, None),
    ("BUDI DINAS", None, True, None, None),
    ("DINASTI BUDI", None, True, None, None),
    ("KANTOR HUKUM BUDI SANTOSO", "KANTOR", True, None, None),
    # Nor do they where the taxpayer number is a natural person's.
    ("DINAS BUDI", None, True, "3171905203900001", None),
    ("DINAS BUDI", None, True, "0061234567", None),
    # A sole trader's form goes before such words.
    ("UD PUSKESMAS BUDI", "UD", True, None, None),
    # Identity numbers in a name.
    ("PT MAJU 3171905203900001", "PT", False, None, None),
    ("PT MAJU 01.234.567.8-901.000", "PT", False, None, None),
    # What a list calls a person, whatever it looks like.
    ("CV SITI FATIMAH", "CV", False, None, None),
    (None, "PT", False, None, None),
    ("PT MAJU PERORANGAN", "PT", False, None, None),
    # Forms that stand in no table are told by their own words.
    ("P.T. RATU SUMBER (PERSERO)", "PERSERO", False, None, "P.T. RATU SUMBER (PERSERO)"),
    ("BUDI SANTOSO", "PT_TBK", False, None, "PT TBK BUDI SANTOSO"),
)


@pytest.fixture(scope="module")
def published(warehouse: Con) -> Con:
    build = Builder()
    for key, (name, form, natural, root, _) in enumerate(NAMES):
        more = {"npwp_root": root} if root else {}
        build.employer(key, name=name, legal_form=form, natural=natural, **more)
        build.register(key, "factories", workers=1)
    build.world["in_population"] = []
    build.world["in_population"].append({"record_id": "2", "full_name": "Cv Siti Fatimah "})
    compute(warehouse, build.world)
    return warehouse


def test_bodies_are_named_and_natural_persons_are_not(published: Con) -> None:
    found = {
        row["employer_key"]: row["employer_name"]
        for row in table(published, "coverage.employer_compliance")
    }
    assert found == {key: expected for key, (*_, expected) in enumerate(NAMES)}


def test_who_is_named_is_a_body_by_its_own_columns(published: Con) -> None:
    rows = table(published, "coverage.employer_compliance")
    for row in rows:
        assert row["employer_name"] is None or not row["natural_person"]
    assert {row["employer_key"] for row in rows if row["public_body"]} == {8, 9, 10, 11, 12, 13, 14}


def test_the_published_key_leads_nobody_back(published: Con) -> None:
    keys = published.execute(
        "SELECT employer_key, published_key, sha256(employer_key::VARCHAR), "
        "md5(employer_key::VARCHAR) FROM spine.employer_keys"
    ).fetchall()
    assert len({key for _, key, _, _ in keys}) == len(NAMES)
    for number, key, sha, md5 in keys:
        assert len(key) == 17
        assert key[1:] not in (f"{number:016x}", sha[:16], md5[:16])
    secret = published.execute("SELECT secret FROM spine.employer_key_hashing").fetchall()
    assert len(secret) == 1
    assert len(secret[0][0]) == 64
    # Nothing of it stays behind in the connection.
    assert published.execute("SELECT getvariable('employer_secret')").fetchall() == [(None,)]


@pytest.fixture
def publication(published: Con) -> Iterator[Con]:
    """A published file in memory that holds the table alone."""
    published.execute("ATTACH ':memory:' AS pub")
    published.execute("CREATE SCHEMA pub.coverage")
    published.execute(
        "CREATE TABLE pub.coverage.employer_compliance AS FROM coverage.employer_compliance"
    )
    yield published
    published.execute("DETACH pub")


def test_the_check_of_a_publication_passes_what_is_named(publication: Con) -> None:
    assert check_no_identity(publication, "pub") > len(NAMES)


@pytest.mark.parametrize(
    "change",
    [
        "employer_name = 'UD BUDI SANTOSO', legal_form = 'UD', natural_person = false",
        "employer_name = 'PT BUDI SANTOSO', natural_person = true",
        "employer_name = 'BUDI SANTOSO', legal_form = 'PT', natural_person = false",
        "employer_name = 'BUDI SANTOSO', legal_form = NULL, natural_person = false",
        "employer_name = 'BUDI DINAS', public_body = true, natural_person = false",
        "employer_name = 'PT MAJU 3171905203900001', legal_form = 'PT', natural_person = false",
    ],
)
def test_the_check_stops_a_name_that_may_be_a_persons(publication: Con, change: str) -> None:
    publication.execute(
        f"UPDATE pub.coverage.employer_compliance SET public_body = false, {change} "
        "WHERE employer_name IS NULL"
        if "public_body" not in change
        else f"UPDATE pub.coverage.employer_compliance SET {change} WHERE employer_name IS NULL"
    )
    with pytest.raises(GateBlocked, match=r"employer_compliance\.employer_name"):
        check_no_identity(publication, "pub")


@pytest.mark.parametrize(
    ("told", "named"),
    [("PT", True), (None, True), ("PT. Perorangan", False), ("UD", False), ("KANTOR", True)],
)
def test_what_a_register_calls_a_natural_persons_business_is_one(
    warehouse: Con, told: str | None, named: bool
) -> None:
    build = Builder()
    build.employer(1, name="PT BUDI JAYA", legal_form="PT")
    build.register(1, "sme", workers=1, legal_form=told)
    compute(warehouse, build.world)
    (row,) = table(warehouse, "coverage.employer_compliance")
    assert (row["employer_name"] == "PT BUDI JAYA") is named
    assert row["natural_person"] is not named
