"""Property: whatever a delivery holds, every row is accounted for and can be found."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sources.conforming import conform, flag_reasons, quarantine_reasons
from sources.contracts import load_contracts

PERIOD = "2026-10"
_ODD = ["", " ", "-", "NULL", "=1+1", "?", "A\nB", "\u00a0", "99", "é", '"', "';--"]
_KEYS = st.sampled_from(["1", "2", "3", " 3", "", None])
_CELLS = {
    "nik": ["3171904101900001", "3171900101900002", "3.17190E+15", "'3171904101900001"],
    "sex": ["L", "perempuan", "x"],
    "birth_date": ["1990-01-01", "1990-02-30", "01-02-90", "2030-01-01"],
    "region_code": ["31.71", "9101", "77"],
    "full_name": ["SITI", "SITI AMINAH", "BUDI"],
    "programmes": ["JKK,JKM", "JKK;?"],
    "reported_wage": ["Rp 5.000.000", "-1", "5,5"],
    "last_paid_period": ["2026-09", "202613"],
}


def _rows(contract):
    key = contract.key_column.name
    cells = {
        name: st.sampled_from([None, *_ODD, *texts])
        for name, texts in _CELLS.items()
        if contract.column(name) is not None
    }
    if contract.key_column.kind != "nik":
        cells[key] = _KEYS
    return st.lists(
        st.fixed_dictionaries({**cells, "file": st.sampled_from(["a.csv", "b.csv"])}), max_size=12
    )


_DELIVERIES = st.sampled_from(["dukcapil_population", "bpjs_participants", "farmers"]).flatmap(
    lambda key: st.tuples(st.just(key), _rows(load_contracts()[key]))
)


@settings(
    max_examples=15,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(delivery=_DELIVERIES)
def test_every_row_is_accepted_quarantined_or_a_duplicate(bench, delivery):
    key, rows = delivery
    contract = load_contracts()[key]
    bench.reset()
    bench.land(contract, rows)
    report = conform(bench.con, contract, PERIOD)
    assert report.delivered == len(rows)
    assert report.accepted + report.quarantined + report.duplicates == len(rows)

    accepted = bench.rows(contract)
    places = {(row["file"], row["row_number"]) for row in accepted}
    aside = bench.quarantined()
    assert len(accepted) == report.accepted == len(places)
    assert len(aside) == report.quarantined
    assert not places & set(aside)
    # Keys are unique, and every reason is one that the contract can have.
    assert len({row["record_id"] for row in accepted}) == report.accepted
    assert {code for codes in aside.values() for code in codes} <= set(quarantine_reasons(contract))
    assert {code for row in accepted for code in row["flags"]} <= set(flag_reasons(contract))
    assert all(aside.values())
    # A row set aside is found by file and number, with the text it was delivered with.
    landed = {
        (file, number): name
        for file, number, name in bench.con.execute(
            f"SELECT file, row_number, full_name FROM landing.{key}"
        ).fetchall()
    }
    for file, number, name in bench.con.execute(
        "SELECT file, row_number, raw ->> 'full_name' FROM quarantine.rows"
    ).fetchall():
        assert landed[file, number] == name
    # Conforming the same delivery again gives the same rows.
    assert conform(bench.con, contract, PERIOD) == report
    assert bench.rows(contract) == accepted


def test_every_reason_of_every_contract_can_be_read(bench):
    listed = bench.con.execute("SELECT reason_code FROM reference.reason_codes").fetchall()
    known = {code for (code,) in listed}
    for contract in load_contracts().values():
        assert {*quarantine_reasons(contract), *flag_reasons(contract)} <= known
    register = load_contracts()["dukcapil_population"]
    assert {"NIK_NOT_UNIQUE", "NIK_PRECISION_LOST"} <= set(quarantine_reasons(register))
    assert quarantine_reasons(load_contracts()["djp_employers"]) == (
        "MISSING_KEY",
        "MISSING_NAME",
        "NPWP_INVALID",
        "SUPERSEDED",
    )
