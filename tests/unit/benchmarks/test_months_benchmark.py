"""The benchmark of flows compares like with like."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from benchmarks.months import flows

NAMES = (
    "workers", "entered_work", "left_work", "entered_by_age", "left_by_age", "left_by_death",
    "newly_covered", "newly_lapsed", "active",
)  # fmt: skip


@pytest.fixture
def compared(tmp_path: Path) -> dict[str, tuple[float, float, float]]:
    """A becomes active, B begins, C dies, D turns 65, E lapses, F comes of age."""
    with duckdb.connect(str(tmp_path / "cakupan.duckdb")) as con:
        con.execute("CREATE SCHEMA coverage")
        con.execute(
            "CREATE TABLE coverage.coverage_change AS SELECT '2026-10' AS period, "
            "unnest(['2026-09', '2025-10']) AS previous_period, 'domicile' AS basis, "
            "'employed' AS denominator_id, " + ", ".join(f"1 AS {name}" for name in NAMES)
        )
        people = [
            ("2026-09", "A", True, False, True, False), ("2026-10", "A", True, False, True, True),
            ("2026-09", "B", True, False, False, False), ("2026-10", "B", True, False, True, False),
            ("2026-09", "C", True, False, True, False), ("2026-10", "C", True, True, True, False),
            ("2026-09", "D", True, False, True, False), ("2026-10", "D", False, False, True, False),
            ("2026-09", "E", True, False, True, True), ("2026-10", "E", True, False, True, False),
            ("2026-09", "F", False, False, True, False), ("2026-10", "F", True, False, True, False),
        ]  # fmt: skip
        con.execute(
            "CREATE TABLE m (period VARCHAR, nik VARCHAR, working_age BOOLEAN, dead BOOLEAN, "
            "works BOOLEAN, active BOOLEAN)"
        )
        con.executemany("INSERT INTO m VALUES (?, ?, ?, ?, ?, ?)", people)
        con.execute(f"COPY m TO '{tmp_path / 'months.parquet'}'")
    found = flows(tmp_path, tmp_path / "months.parquet")
    assert {(row[0], row[1]) for row in found} == {("2026-10", "2026-09")}
    return {row[2]: row[3:] for row in found}


def test_each_flow_is_told_as_what_it_is(
    compared: dict[str, tuple[float, float, float]],
) -> None:
    true = {name: told[1] for name, told in compared.items()}
    assert true == {
        "workers": 4, "entered_work": 2, "left_work": 2, "entered_by_age": 1, "left_by_age": 1,
        "left_by_death": 1, "newly_covered": 1, "newly_lapsed": 1, "active": 1,
    }  # fmt: skip
    assert compared["entered_work"] == (1, 2, -1)
