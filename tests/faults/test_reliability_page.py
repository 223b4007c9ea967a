"""docs/reliability.md says what the tests see, of every line of the list."""

from __future__ import annotations

import ledger

HOW = "write it anew: make reliability"


def test_the_page_holds_what_is_recorded() -> None:
    page = ledger.PAGE.read_text("utf-8")
    assert ledger.faults_part(ledger.stored()) in page, HOW


def test_what_is_recorded_is_what_the_tests_see(
    seen_now: list[ledger.Record], every_test_ran: bool
) -> None:
    kept = ledger.stored()
    marked = ledger.marked_tests()
    for number, seen in ledger.gather(seen_now).items():
        # A run of single tests sees a part of a line only.
        whole = every_test_ran and {record["test"] for record in seen} == marked[int(number)]
        assert all(record in kept.get(number, []) for record in seen), f"line {number}: {HOW}"
        assert not whole or len(seen) == len(kept[number]), f"line {number}: {HOW}"


def test_no_row_is_unaccounted_and_every_record_has_its_test() -> None:
    marked = ledger.marked_tests()
    for number, records in ledger.stored().items():
        for record in records:
            named = {k: v for k, v in record.items() if k != "number"}
            assert ledger.Record(int(number), **named).unaccounted == 0
            assert record["test"] in marked[int(number)], f"line {number}: {HOW}"


def test_every_fault_of_the_list_has_a_test() -> None:
    assert sorted(ledger.marked_tests()) == sorted(ledger.FAULTS)
