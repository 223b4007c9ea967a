"""The SQL of every identifier rule gives what its Python function gives, on any text."""

import datetime as dt
import itertools
import json

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sources import identifiers

READERS = {
    "nik": (lambda t: identifiers.check_nik(t).nik, identifiers.nik_digits_sql),
    "reason": (lambda t: identifiers.check_nik(t).reason, identifiers.nik_reason_sql),
    "aside": (identifiers.nik_aside, identifiers.nik_aside_sql),
    "npwp16": (identifiers.npwp16, identifiers.npwp16_sql),
    "nib": (identifiers.nib, identifiers.nib_sql),
    "kpj": (identifiers.kpj, identifiers.kpj_sql),
    "npp": (identifiers.npp, identifiers.npp_sql),
    "ahu": (identifiers.ahu_number, identifiers.ahu_number_sql),
    "region": (identifiers.region_code4, identifiers.region_code4_sql),
    "phone": (identifiers.phone, identifiers.phone_sql),
}

digits = st.text("0123456789", min_size=1, max_size=20)
# Any 16 digits in which day and month are near their limits.
nik_like = st.builds(
    "{}{:02d}{:02d}{:02d}{}".format,
    st.sampled_from(["317190", "910190", "540190", "999999"]),
    st.integers(0, 75),
    st.integers(0, 14),
    st.integers(0, 99),
    st.sampled_from(["0001", "0000", "9999", "1000", "0010"]),
)
repeated = st.builds(lambda d, n: d * n, st.sampled_from("0123456789"), st.integers(12, 17))
ahu_like = st.builds(
    "{}{}{}AH{}01.{}{}{}{}".format,
    st.sampled_from(["AHU", "ahu", "No. AHU", "SK.NOMOR AHU", "C"]),
    st.sampled_from(["-", " ", "."]),
    st.builds("{}.".format, st.integers(0, 99999999)),
    st.sampled_from([".", "-"]),
    st.sampled_from(["01", "30", "1"]),
    st.sampled_from([".", " ", "-"]),
    st.sampled_from(["TAHUN ", "Tahun", "TH.", "THN", ""]),
    st.integers(1990, 2030),
)
number = st.one_of(digits, nik_like, repeated, ahu_like)
awkward = st.text(
    "0123456789.,-'’` \u00a0\u200b\u2013\uff10\uff19eE+OIl/()\t\n\x00aZß\u0660", max_size=24
)


@st.composite
def spoilt(draw):
    """A number with something before, within and behind it."""
    text = draw(number)
    place = draw(st.integers(0, len(text)))
    within = draw(st.sampled_from(["", "", " ", ".", "-", "\u00a0", "O", "'", "\uff13"]))
    before = draw(st.sampled_from(["", "'", " ", "’ ", "+62", "-'", "\ufeff"]))
    behind = draw(st.sampled_from(["", ".0", ",00", ".00 ", "E+15", "e15", " ", ".000", "\u202f"]))
    return before + text[:place] + within + text[place:] + behind


texts = st.lists(
    st.one_of(st.none(), number, spoilt(), awkward, st.text(max_size=20)), min_size=1, max_size=120
)


@pytest.fixture(scope="module")
def con():
    with duckdb.connect() as connection:
        yield connection


def _ask(con, expressions, values, sql_type="VARCHAR"):
    con.register("given_values", pa.table({"t": pa.array(values, pa.string())}))
    columns = ", ".join(f"{sql} AS {name}" for name, sql in expressions.items())
    con.execute(
        f"SELECT {columns} FROM (SELECT t::{sql_type} AS t, row_number() OVER () AS place"
        " FROM given_values) ORDER BY place"
    )
    return con.fetchall()


@settings(max_examples=80, deadline=None)
@given(texts)
def test_texts_are_read_alike(con, values):
    con.execute("SET threads = 1")
    got = _ask(con, {name: sql("t") for name, (_, sql) in READERS.items()}, values)
    want = [tuple(read(value) for read, _ in READERS.values()) for value in values]
    assert got == want


BASES = (
    "3171901201900001",
    "3171905201901000",
    "3171901201900000",
    "1111111111111111",
    "3171903201900001",
    "3171902902960010",
    "021832415036000",
    "0021832415036000",
    "000000000000000",
    "0220108123456",
    "317190120190",
    "31719012019000012",
    "3171",
    "31",
    "81234567890",
    "3.17101E+15",
    "",
)
BEFORE = ("", "'", " ", "\u2019 ", "+62", "-'", "\ufeff", "0")
WITHIN = ("", " ", ".", "-", ",", "\u00a0", "O", "'", "\uff13", "\u2013")
BEHIND = ("", ".0", ",00", ".00 ", ".000", "E+15", " ", "\u202f", "/1", "'")


def test_every_way_to_spoil_a_number_is_read_alike(con):
    values = [
        before + base[:place] + within + base[place:] + behind
        for base, before, within, behind in itertools.product(BASES, BEFORE, WITHIN, BEHIND)
        for place in (2, 12)
    ]
    got = _ask(con, {name: sql("t") for name, (_, sql) in READERS.items()}, values)
    want = [tuple(read(value) for read, _ in READERS.values()) for value in values]
    differing = [(value, g, w) for value, g, w in zip(values, got, want, strict=True) if g != w]
    assert differing[:3] == []
    assert {row[1] for row in got} == {None, identifiers.REPAIRED, *identifiers.NIK_REASONS}


@pytest.mark.parametrize("ages", [(0, 110), (15, 80), (0, 130)])
@pytest.mark.parametrize("as_of", [dt.date(2024, 2, 29), dt.date(2026, 2, 28)])
def test_every_birth_date_tells_the_same(con, as_of, ages):
    niks = [
        nik
        for day, month, year in itertools.product(
            (1, 28, 29, 31, 41, 69, 70), range(1, 13), range(100)
        )
        if (nik := identifiers.check_nik(f"317190{day:02d}{month:02d}{year:02d}0001").nik)
    ]
    born = identifiers.nik_birth_date_sql("t", f"DATE '{as_of}'", *ages)
    got = [row[0] for row in _ask(con, {"born": born}, niks)]
    assert got == [identifiers.nik_birth_date(nik, as_of, *ages) for nik in niks]


def test_every_day_of_every_year_is_judged_alike(con):
    """All 76 x 14 x 100 birth dates a NIK can state, against the calendar itself."""
    niks = [
        f"317190{day:02d}{month:02d}{year:02d}0001"
        for day, month, year in itertools.product(range(76), range(14), range(100))
    ]
    got = [row[0] for row in _ask(con, {"nik": identifiers.nik_digits_sql("t")}, niks)]

    def exists(text):
        day = int(text[6:8])
        for century in (1900, 2000):
            try:
                dt.date(century + int(text[10:12]), int(text[8:10]), day - 40 * (day > 40))
            except ValueError:
                continue
            return True
        return False

    assert got == [text if exists(text) else None for text in niks]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(nik_like, min_size=1, max_size=120),
    st.dates(dt.date(2015, 1, 1), dt.date(2045, 12, 31)),
    st.sampled_from([(0, 110), (15, 80), (0, 130)]),
)
def test_niks_tell_the_same(con, values, as_of, ages):
    con.execute("SET threads = 1")
    niks = [identifiers.check_nik(value).nik for value in values]
    got = _ask(
        con,
        {
            "region": identifiers.nik_region4_sql("t"),
            "known": identifiers.nik_province_is_known_sql("t"),
            "sex": identifiers.nik_sex_sql("t"),
            "born": identifiers.nik_birth_date_sql("t", f"DATE '{as_of}'", *ages),
        },
        niks,
    )
    want = [
        (None,) * 4
        if nik is None
        else (
            identifiers.nik_region4(nik),
            identifiers.nik_province_is_known(nik),
            identifiers.nik_sex(nik),
            identifiers.nik_birth_date(nik, as_of, *ages),
        )
        for nik in niks
    ]
    assert got == want


@settings(max_examples=40, deadline=None)
@given(st.lists(st.from_regex("[0-9]{16}", fullmatch=True), min_size=1, max_size=120))
def test_taxpayer_numbers_tell_the_same(con, values):
    con.execute("SET threads = 1")
    values = [*values, *("0" + value[1:] for value in values), None]
    got = _ask(
        con,
        {
            "root": identifiers.npwp_root_sql("t"),
            "fits": identifiers.npwp_check_digit_fits_sql("t"),
        },
        values,
    )
    want = [
        (None, None)
        if value is None
        else (identifiers.npwp_root(value), identifiers.npwp_check_digit_fits(value))
        for value in values
    ]
    assert got == want


def test_a_quoted_column_and_a_parameter_serve_as_well(con):
    """Conforming asks for columns with odd names; the builders do not mind."""
    sql = identifiers.nik_reason_sql('"c:nik"')
    assert con.execute(
        f"""SELECT {sql} FROM (SELECT '''3171901201900001' AS "c:nik")"""
    ).fetchone() == ("NIK_REPAIRED",)
    con.execute("SET VARIABLE as_of = DATE '2026-10-31'")
    born = identifiers.nik_birth_date_sql("n", "getvariable('as_of')", 15, 80)
    row = con.execute(f"SELECT {born} FROM (SELECT '3171904501900001' AS n)").fetchone()
    assert row == (dt.date(1990, 1, 5),)


def test_a_birth_date_never_stops_a_query(con):
    """A NIK that nobody checked gives no date, and no error text that quotes it."""
    bad = ["3171909999990001", "short", "31719012x1900001", ""]
    born = identifiers.nik_birth_date_sql("t", "DATE '2026-10-31'")
    fits = identifiers.npwp_check_digit_fits_sql("t")
    rows = _ask(con, {"born": born, "fits": fits}, bad)
    assert [row[0] for row in rows] == [None] * 4


def test_the_plan_of_a_birth_date_computes_the_number_once(con):
    """The builder relies on DuckDB's shared subexpressions: ten times slower without."""
    born = identifiers.nik_birth_date_sql("n", "DATE '2026-10-31'")
    plan = con.execute(
        f"EXPLAIN (FORMAT json) SELECT {born} AS born FROM (SELECT r::VARCHAR AS n"
        " FROM range(10) AS s(r))"
    ).fetchall()[0][1]
    assert json.dumps(json.loads(plan)).lower().count("try_cast") == 1
