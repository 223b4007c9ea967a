"""The column dictionary: every name once, whichever file describes it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from warehouse import columns


@pytest.fixture
def fresh() -> Iterator[None]:
    columns.dictionary.cache_clear()
    yield
    columns.dictionary.cache_clear()


def test_the_files_of_the_dictionary_are_one() -> None:
    entries = columns.dictionary()
    assert {"nik", "workers", "employer_key", "estimated_contribution"} <= set(entries)
    assert columns.meaning("flags").sql_type == "VARCHAR[]"


def test_a_name_that_is_described_twice_is_refused(
    fresh: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = {"kind": "code", "id": "Arti", "en": "Meaning"}
    monkeypatch.setattr(columns, "_entries", lambda: iter([("flag", entry), ("flag", entry)]))
    with pytest.raises(ValueError, match="flag is described a second time"):
        columns.dictionary()
