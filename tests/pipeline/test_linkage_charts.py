"""What the page of the links draws: counts and chances, small, and nobody's record."""

from __future__ import annotations

import base64
import re
import struct
import subprocess
import sys

import duckdb
import pytest

from assets.linkage_charts import parameters, probabilities, reasons, weights
from assets.metadata import bar_chart
from matching.comparison import LEVELS
from matching.model import START_M, Model

PERIOD = "2026-10"
MODEL = Model(
    people=1000,
    found=[0.9, 0.8, 0.7, 0.6],
    m={name: [max(x, 0.01) for x in chances] for name, chances in START_M.items()},
    u={name: [0.05] * len(levels) for name, levels in LEVELS.items()},
    common={name: [1.0] * len(levels) for name, levels in LEVELS.items()},
    fingerprint="f" * 32,
    sample={"pairs": 12},
)


@pytest.fixture
def con() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute("CREATE SCHEMA linkage")
    connection.execute(
        "CREATE TABLE linkage.person_links AS SELECT * FROM (VALUES"
        " ('2026-10', 'cards', 'R-SECRET-1', 'linked', 'identifier', 77777777777, 999000,"
        " 'nik_exact', 999000),"
        " ('2026-10', 'cards', 'R-SECRET-2', 'linked', 'model', 77777777778, 995000,"
        " 'model', 995000),"
        " ('2026-10', 'cards', 'R-SECRET-3', 'review', 'model', 77777777779, 600000,"
        " 'uncertain', 600000),"
        " ('2026-10', 'roster', 'R-SECRET-4', 'unlinked', NULL, NULL, NULL,"
        " 'best_candidate_below_threshold', 0),"
        " ('2026-10', 'roster', 'R-SECRET-5', 'unlinked', NULL, NULL, NULL,"
        " 'never_compared', NULL),"
        " ('2026-09', 'roster', 'R-SECRET-6', 'unlinked', NULL, NULL, NULL,"
        " 'never_compared', NULL))"
        " AS t(period, dataset, record_id, status, tier, person_key, probability_ppm, reason,"
        " best_candidate_ppm)"
    )
    return connection


def picture(markdown: str) -> bytes:
    found = re.fullmatch(r"!\[[^\]]*\]\(data:image/png;base64,([A-Za-z0-9+/=]+)\)", markdown)
    assert found is not None
    return base64.b64decode(found[1])


def test_reasons_and_probabilities_are_counted(con: duckdb.DuckDBPyConnection) -> None:
    told = reasons(con, PERIOD)
    table = told["reasons"].md_str
    assert "| roster | unlinked | never_compared | 1 |" in table
    assert picture(told["not_linked"].md_str).startswith(b"\x89PNG")
    assert picture(probabilities(con, PERIOD)["probabilities"].md_str).startswith(b"\x89PNG")
    assert probabilities(con, "2026-08") == {}
    assert set(reasons(con, "2026-08")) == {"reasons"}


def test_no_record_and_no_person_is_told(con: duckdb.DuckDBPyConnection) -> None:
    told = reasons(con, PERIOD) | probabilities(con, PERIOD) | weights(MODEL) | parameters(MODEL)
    for value in told.values():
        text = getattr(value, "md_str", str(value))
        assert "SECRET" not in text
        assert "7777777777" not in text


def test_the_model_is_listed_level_by_level() -> None:
    table = parameters(MODEL)["parameters"].md_str
    for name, levels in LEVELS.items():
        for level in levels[1:]:
            assert f"| {name} | {level} |" in table
    assert "+3.72" in table  # log2(0.66 / 0.05)
    assert parameters(MODEL)["model_fingerprint"] == "f" * 32


def test_a_chart_is_small_and_whole() -> None:
    drawn = picture(weights(MODEL)["match_weights"].md_str)
    assert len(drawn) < 100_000
    at, kinds = 8, []
    while at < len(drawn):
        size, kind = struct.unpack(">I4s", drawn[at : at + 8])
        kinds.append(kind)
        at += 12 + size
    assert kinds[0] == b"IHDR"
    assert kinds[-2:] == [b"IDAT", b"IEND"]
    assert bar_chart([], category="a", value="b", series="c", title="d") is None


def test_the_code_location_loads_without_the_drawing_packages() -> None:
    code = (
        "import sys, pipelines.definitions;"
        "assert not {'altair', 'vl_convert'} & set(sys.modules), 'drawn too early'"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
