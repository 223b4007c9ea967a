"""Properties: whatever text is written as CSV comes back, by both readers, counted right."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sources.files.records import RecordReader
from sources.files.scan import Scan

WIDTH = 4
CELL = st.text(
    st.one_of(
        st.sampled_from(list('",;\t\n|\' =@é–’中"\n')),
        st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\x7f"),
    ),
    max_size=12,
)
TABLE = st.lists(st.lists(CELL, min_size=WIDTH, max_size=WIDTH), min_size=1, max_size=12)
NAMES = ["kpj", "full_name", "segment", "end_reason"]


def written(table, delimiter, quoting, end):
    target = io.StringIO()
    csv.writer(target, delimiter=delimiter, quoting=quoting, lineterminator=end).writerows(table)
    return target.getvalue()


def swallowed_lookalike(table, delimiter):
    """A cell with a whole line that could itself be a record is set aside on purpose."""
    return any(
        line.count(delimiter) == WIDTH - 1
        for row in table
        for line in delimiter.join(row).split("\n")[1:-1]
    )


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    table=TABLE,
    delimiter=st.sampled_from([",", ";", "\t", "|"]),
    quoting=st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]),
    end=st.sampled_from(["\n", "\r\n"]),
    damage=st.booleans(),
)
def test_any_table_of_text_comes_back(desk, table, delimiter, quoting, end, damage):
    if swallowed_lookalike(table, delimiter):
        return
    content = written([NAMES, *table], delimiter, quoting, end)
    # One ragged row sends the whole file through the exact reader.
    content += f"satu{delimiter}dua{end}" if damage else ""
    report = desk.deliver(content)
    assert (report.rows, report.rejected_rows) == (len(table) + damage, int(damage))
    expected = [tuple(cell or None for cell in row) for row in table]
    assert desk.rows(", ".join(NAMES)) == expected


@settings(max_examples=150, deadline=None)
@given(
    content=st.text(st.sampled_from(list('ab,"\n\r\x00;é')), max_size=60),
    cut=st.integers(1, 20),
)
def test_the_look_at_a_file_never_calls_regular_what_the_exact_reader_does_not(content, cut):
    """Whatever the bytes and wherever blocks end, a regular file has as many good records."""
    data = content.encode()
    scan = Scan(",", 2)
    for start in range(0, len(data), cut):
        scan.feed(data[start : start + cut])
    scan.finish()
    records = list(RecordReader(io.BytesIO(data), ",", 2))
    if scan.regular:
        assert scan.records == len(records)
        assert not any(record.reasons for record in records)
        assert [r.fields for r in records] == list(csv.reader(io.StringIO(content, newline="")))


@pytest.mark.parametrize("content", ['a,"b\nc,d\ne",f\n', "a,b\n\nc,d\n", 'a,b"c"\n', "a,b\rc,d\n"])
def test_doubtful_files_are_not_regular(content):
    scan = Scan(",", 2)
    scan.feed(content.encode())
    scan.finish()
    assert not scan.regular
