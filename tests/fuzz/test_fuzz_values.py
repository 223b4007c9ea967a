"""Whatever a cell holds: no error, the same in Python and SQL, and what is written is read."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from arrivals import Counter
from fuzzing import tried
from hypothesis import example, given
from hypothesis import strategies as st

from matching.names import create_name_macros, plain_sql
from sources import identifiers
from sources.conforming.cells import clean_sql, cleaned_name, trim_sql
from sources.conforming.kinds import cell
from sources.contracts import Contract

AS_OF = dt.date(2026, 10, 31)
ANY = st.one_of(
    st.text(max_size=20),
    st.text("0123456789.,-/ :TZEe+'RpIDR", max_size=22),
    st.text("0123456789", min_size=12, max_size=18),
)
TEXTS = st.lists(ANY, min_size=1, max_size=60)


def read(
    con: duckdb.DuckDBPyConnection, contract: Contract, name: str, texts: Sequence[str]
) -> Any:
    """Read texts as conforming reads that column; canonical values in their order."""
    column = contract.column(name)
    assert column is not None
    made = cell(contract, column, AS_OF)
    con.register(
        "texts", pa.table({"place": range(len(texts)), name: pa.array(texts, pa.string())})
    )
    keys = "".join(f", {sql} AS {key}" for key, sql in made.keys)
    parsed = "".join(f", {sql} AS {alias}" for alias, sql in made.parsed)
    flags = ", ".join(f"CASE WHEN {sql} THEN '{code}' END" for code, sql in made.flags) or "NULL"
    return con.execute(f"""
        SELECT "{name}", list_filter([{flags}], lambda code: code IS NOT NULL) FROM (
            SELECT p.*, {made.value} AS "{name}"
            FROM (SELECT *{parsed} FROM (
                SELECT place, {clean_sql(column)} AS {cleaned_name(name)}{keys}
                FROM (SELECT place, {trim_sql(column)} AS "{name}" FROM texts))) AS p
            {" ".join(made.joins)}
        ) ORDER BY place""").fetchall()


@pytest.mark.parametrize(
    "name", ["birth_date", "last_paid_period", "reported_wage", "sex", "programmes", "region_code"]
)
def test_any_text_is_read_or_missing_without_an_error(fuzz_counter: Counter, name: str) -> None:
    @tried(12)
    @given(texts=TEXTS, form=st.sampled_from([None, "%d/%m/%Y", "%d-%m-%y"]), comma=st.booleans())
    def holds(texts: list[str], form: str | None, comma: bool) -> None:
        contract = replace(fuzz_counter.contract, date_format=form, decimal_comma=comma)
        first = read(fuzz_counter.con, contract, name, texts)
        assert first == read(fuzz_counter.con, contract, name, texts)
        if name == "reported_wage":
            assert all(value is None or value >= 0 for value, _ in first)
        if name == "birth_date":
            born = [value for value, _ in first if value is not None]
            assert all(dt.date(1906, 10, 1) <= value <= AS_OF for value in born)

    holds()


BORN = st.lists(st.dates(dt.date(1910, 1, 1), AS_OF), min_size=1, max_size=60)


@tried(25)
@given(days=BORN, form=st.sampled_from([None, "%d/%m/%Y", "%d-%m-%Y", "%m/%d/%Y", "%Y%m%d"]))
def test_a_date_written_is_the_date_read(
    fuzz_counter: Counter, days: list[dt.date], form: str | None
) -> None:
    contract = replace(fuzz_counter.contract, date_format=form)
    texts = [day.strftime(form) if form else day.isoformat() for day in days]
    assert read(fuzz_counter.con, contract, "birth_date", texts) == [(day, []) for day in days]


@tried(25)
@given(amounts=st.lists(st.integers(0, 10**14), min_size=1, max_size=60), comma=st.booleans())
def test_an_amount_written_in_either_notation_is_the_amount_read(
    fuzz_counter: Counter, amounts: list[int], comma: bool
) -> None:
    contract = replace(fuzz_counter.contract, decimal_comma=comma)
    english = [f"{amount:,}" for amount in amounts]
    grouped = [text.replace(",", ".") for text in english] if comma else english
    cents = [text + (",00" if comma else ".00") for text in grouped]
    plain = [str(amount) for amount in amounts]
    rupiah = [f"Rp {text},-" for text in grouped] if comma else plain
    expected = [(amount, []) for amount in amounts]
    for texts in (plain, grouped, cents, rupiah):
        assert read(fuzz_counter.con, contract, "reported_wage", texts) == expected


READERS = {
    "nik": (lambda text: identifiers.check_nik(text).nik, identifiers.nik_digits_sql),
    "reason": (lambda text: identifiers.check_nik(text).reason, identifiers.nik_reason_sql),
    "aside": (identifiers.nik_aside, identifiers.nik_aside_sql),
    "npwp": (identifiers.npwp16, identifiers.npwp16_sql),
    "nib": (identifiers.nib, identifiers.nib_sql),
    "kpj": (identifiers.kpj, identifiers.kpj_sql),
    "npp": (identifiers.npp, identifiers.npp_sql),
    "ahu": (identifiers.ahu_number, identifiers.ahu_number_sql),
    "region": (identifiers.region_code4, identifiers.region_code4_sql),
    "phone": (identifiers.phone, identifiers.phone_sql),
}


@tried(40)
@given(texts=TEXTS)
def test_identifiers_are_the_same_in_python_and_sql(
    fuzz_counter: Counter, texts: list[str]
) -> None:
    con = fuzz_counter.con
    con.register("texts", pa.table({"place": range(len(texts)), "t": pa.array(texts, pa.string())}))
    columns = ", ".join(f"{sql('t')} AS {name}" for name, (_, sql) in READERS.items())
    found = con.execute(f"SELECT {columns} FROM texts ORDER BY place").fetchall()
    expected = [tuple(python(text) for python, _ in READERS.values()) for text in texts]
    assert found == expected


@tried(60)
@example(text="\x1f`")
@given(text=ANY)
def test_what_is_canonical_stays_as_it_is(text: str) -> None:
    for name, (python, _) in READERS.items():
        value = python(text)
        if value is not None and name not in ("reason", "aside"):
            assert python(value) == value, name


@tried(25)
@example(names=["A ,SH"])
@given(
    names=st.lists(
        st.text(max_size=24)
        | st.lists(
            st.sampled_from(["DR.", "H.", "MUH", "SITI", "S.H.", ",", "M'", "é", "-", "BIN"]),
            max_size=6,
        ).map(" ".join),
        min_size=1,
        max_size=60,
    )
)
def test_plain_names_are_letters_and_stay_plain(fuzz_counter: Counter, names: list[str]) -> None:
    con = fuzz_counter.con
    create_name_macros(con)
    con.register("names", pa.table({"id": range(len(names)), "n": pa.array(names, pa.string())}))
    plain = dict(con.execute(f"SELECT id, plain FROM ({plain_sql(con, 'names', 'n')})").fetchall())
    assert set(plain) == set(range(len(names)))
    for text in plain.values():
        assert text is None or (text.isascii() and text.replace(" ", "").isalpha())
        assert text is None or text == " ".join(text.split()).upper()
    assert con.execute("SELECT count(match_phonetic(match_upper(n))) FROM names").fetchone()
