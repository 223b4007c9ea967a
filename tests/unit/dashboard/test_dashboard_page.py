"""The page itself: what it holds, that it asks for nothing, and that no name can harm it."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb
import pytest

from publishing.dashboard import colours, making
from publishing.dashboard.boundaries import province_shapes
from publishing.dashboard.bridge import may_tell, national_bridge
from publishing.dashboard.charts import specifications
from publishing.dashboard.tables import PAGE_TABLES, PageTable, Release
from sources.contracts import load_contracts
from tests.releases import MONTHS, NAME, write_release
from warehouse.errors import GateBlocked, UsageError
from warehouse.home import Home
from warehouse.reference import reference_rows
from warehouse.settings import DashboardSettings, Settings


def decoded(spec: PageTable, raw: dict[str, Any]) -> list[tuple[Any, ...]]:
    """Read a table of the page back, as its scripts do."""
    if not raw["n"]:
        return []
    keys = [
        [raw["keys"][name]["d"][int(at)] or None for at in raw["keys"][name]["i"].split(",")]
        for name in spec.keys
    ]
    figures = [
        [int(one) if one else None for one in raw["figures"][name].split(",")]
        for name in spec.figures
    ]
    return list(zip(*keys, *figures, strict=True))


@pytest.mark.parametrize("spec", PAGE_TABLES, ids=lambda spec: spec.name)
def test_every_figure_of_the_page_is_that_of_the_release(
    spec: PageTable, islands: dict[str, Any], release: duckdb.DuckDBPyConnection
) -> None:
    months = MONTHS[1:] if spec.detail else MONTHS
    held = [name for name in islands if name.startswith(f"t-{spec.name}-2")]
    assert sorted(held) == [f"t-{spec.name}-{month}" for month in months]
    for month in months:
        told = " OR ".join(f"{name} IS NOT NULL" for name in spec.figures)
        rows = release.execute(
            f"SELECT {', '.join((*spec.keys, *spec.figures))} FROM release.{spec.name} "
            f"WHERE period = ? AND ({spec.where}){f' AND ({told})' if spec.complete else ''} "
            f"ORDER BY {', '.join(spec.keys)}",
            [month],
        ).fetchall()
        assert rows
        assert sorted(decoded(spec, islands[f"t-{spec.name}-{month}"]), key=str) == sorted(
            rows, key=str
        )


def test_gaps_and_rates_of_the_release_follow_from_what_the_page_holds(
    release: duckdb.DuckDBPyConnection,
) -> None:
    for spec in PAGE_TABLES:
        if "active_low" in spec.figures:
            whole = spec.figures[0]
            wrong = release.execute(
                f"SELECT count(*) FROM release.{spec.name} WHERE "
                f"(gap, gap_low, gap_high) IS DISTINCT FROM "
                f"({whole} - active, {whole} - active_high, {whole} - active_low) OR "
                f"(coverage_rate, coverage_low, coverage_high) IS DISTINCT FROM "
                f"(active / {whole}, active_low / {whole}, active_high / {whole})"
            ).fetchall()[0][0]
            assert wrong == 0, spec.name


def test_what_is_withheld_is_empty_and_never_zero(islands: dict[str, Any]) -> None:
    figures = islands["t-coverage_by_province_sector-2026-10"]["figures"]
    assert ",," in figures["active"]
    assert not re.search(r"(^|,)0(,|$)", figures["active"])


def test_nothing_that_rests_on_tax_data_is_in_the_page() -> None:
    held = {name for spec in PAGE_TABLES for name in (*spec.keys, *spec.figures)}
    tables = {spec.name for spec in PAGE_TABLES}
    assert not held & {"pwbd", "pds_tk", "pds_upah", "employers_flagged", "estimated_contribution"}
    assert "wage_gap" not in tables


def test_both_languages_have_the_same_texts() -> None:
    words = making.wording()
    assert list(words) == ["id", "en"]
    assert list(words["id"]) == list(words["en"])
    for key, text in words["id"].items():
        assert isinstance(text, str), key
        assert isinstance(words["en"][key], str), key
        places = re.findall(r"\{\w+\}", text)
        assert sorted(places) == sorted(re.findall(r"\{\w+\}", words["en"][key])), key


def test_every_list_has_an_english_name(islands: dict[str, Any]) -> None:
    names = islands["data"]["datasets"]
    assert set(names) == set(load_contracts())
    assert len({one["en"] for one in names.values()}) == len(names)
    assert [key for key, one in names.items() if one["en"] == one["id"]] == []


def test_every_text_that_the_page_asks_for_is_there() -> None:
    words = making.wording()["id"]
    asked = set(re.findall(r"""\bt\("([\w.-]+)"[,)]""", making.scripts()))
    choices = re.findall(r"""\bt\([^()]*\? "([\w.-]+)" : "([\w.-]+)\"""", making.scripts())
    asked |= {key for pair in choices for key in pair}
    asked = {key for key in asked if not key.startswith("coverage_") and key[-1] != "."}
    asked |= set(re.findall(r'data-(?:t|label)="([\w.-]+)"', making._own("page.html")))
    assert len(asked) > 70
    assert asked <= set(words), asked - set(words)
    linked = set(re.findall(r"""\bdefined\("([\w.]+)"\)""", making.scripts()))
    assert {f"col.{name}" for name in linked} <= set(words)


def test_a_browser_is_forbidden_every_request_and_every_foreign_script(page: str) -> None:
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', page)
    assert policy
    assert "default-src 'none'" in policy[1]
    assert "unsafe-eval" not in policy[1]
    script_rule = policy[1].split("script-src ")[1].split(";")[0]
    assert "unsafe-inline" not in script_rule
    scripts = re.findall(r"<script>(.*?)</script>", page, re.S)
    named = {
        f"'sha256-{base64.b64encode(hashlib.sha256(one.encode()).digest()).decode()}'"
        for one in scripts
    }
    assert named == set(script_rule.split())
    outside = re.findall(r"""(?:src|href)=["'](?!#|data:)([^"']+)""", page.split("<script", 1)[0])
    assert outside == []


def test_no_name_can_leave_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    evil = "</script><script>alert(1)</script><!--<img src=x onerror=alert(2)>\u2028"
    rows = [{**row, "province": evil} for row in reference_rows("provinces")]
    given = {"provinces": rows}
    monkeypatch.setattr(
        making, "reference_rows", lambda name: given.get(name) or reference_rows(name)
    )
    folder = write_release(tmp_path)
    made = making.make_dashboard(folder, DashboardSettings(months=1, detail_months=1))
    page = made.path.read_text("utf-8")
    assert "alert(1)</script>" not in page
    assert "<img src=x" not in page
    data = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.S)
    assert data
    assert json.loads(data[1])["provinces"][0]["name"] == evil
    for script in making.script_names():
        text = making._own(f"scripts/{script}")
        assert "innerHTML" not in text, script
        assert "insertAdjacentHTML" not in text, script
        assert "eval(" not in text, script


def test_a_page_says_what_it_was_made_of(published: Path, islands: dict[str, Any]) -> None:
    data = islands["data"]
    assert data["meta"]["publication"] == NAME
    assert data["meta"]["published_at"] == "2026-11-10 07:00"
    assert data["periods"] == sorted(MONTHS, reverse=True)
    assert not list(published.glob(".*"))
    assert len({(p["x"], p["y"]) for p in data["provinces"] if "x" in p}) == 38
    for name, own in data["definitions"].items():
        assert own["id"], name
        assert own["en"], name
        assert not own["unit"] or f"unit.{own['unit']}" in data["words"]["id"], name


def test_months_can_be_fewer(tmp_path: Path) -> None:
    folder = write_release(tmp_path)
    made = making.make_dashboard(folder, DashboardSettings(months=2, detail_months=1))
    assert made.months == ("2026-10", "2026-09")
    assert made.publication == NAME
    assert made.bytes == made.path.stat().st_size


def test_the_pages_of_a_home_are_made_beside_its_publications(tmp_path: Path) -> None:
    home = Home(tmp_path).ensure()
    with pytest.raises(GateBlocked, match="2026-10 has no publication"):
        making.make_dashboards(home, Settings(), "2026-10")
    folder = write_release(home.published)
    # The month before was published anew after this one was: both pages are made.
    older = home.published / "2026-09-2"
    shutil.copytree(folder, older)
    lines: list[str] = []
    made = making.make_dashboards(home, Settings(), "2026-09", lines.append)
    assert [one.path.parent.name for one in made] == ["2026-09-2", NAME]
    assert len(lines) == 2
    # One that stands already is left as it is.
    assert len(making.make_dashboards(home, Settings(), "2026-09")) == 1
    (older / "release.duckdb").unlink()
    with pytest.raises(GateBlocked, match="no publication with a release"):
        making.make_dashboards(home, Settings(), "2026-09")


def test_a_release_that_cannot_be_read_leaves_the_page_before(tmp_path: Path) -> None:
    (tmp_path / "release.duckdb").write_bytes(b"no database")
    (tmp_path / "dasbor.html").write_text("before", "utf-8")
    with pytest.raises(GateBlocked, match="cannot be opened"):
        making.make_dashboard(tmp_path, DashboardSettings())
    assert (tmp_path / "dasbor.html").read_text("utf-8") == "before"


def test_a_table_that_a_release_lacks_is_left_out(published: Path) -> None:
    with Release(published / "release.duckdb") as release:
        assert release.has("sensitivity")
        assert not release.has("wage_gap")
        empty = PageTable("sensitivity", ("scenario",), ("active",), where="false")
        assert release.table(empty, "2026-10")["n"] == 0


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ([100, 80, 60, 40], [100, 80, 60, 40]),
        ([100, 100, 60, 60], [100, 100, 60, 60]),
        # 97 and 60 would tell of three; the last step is released anyway.
        ([100, 97, 60, 60.4], [100, None, 60, 60]),
        ([100, 95, 92, 88], [100, None, None, 88]),
        ([100, 90.5, 9, 4], [100, None, None, None]),
    ],
)
def test_steps_of_the_bridge_that_would_tell_of_a_few_are_withheld(
    counts: list[float], expected: list[int | None]
) -> None:
    names = ["active_cards", "distinct_people", "alive", "active_here"]
    assert may_tell(list(zip(names, counts, strict=True))) == expected


def test_the_bridge_is_that_of_the_country(published: Path, tmp_path: Path) -> None:
    told = national_bridge(published / "cakupan.duckdb", ["2026-10", "2030-01"])
    assert list(told) == ["2026-10"]
    assert [step["n"] for step in told["2026-10"]] == [90000, None, 88000, 88000]
    assert national_bridge(tmp_path / "none.duckdb", ["2026-10"]) == {}
    with duckdb.connect(str(tmp_path / "old.duckdb")):
        pass
    assert national_bridge(tmp_path / "old.duckdb", ["2026-10"]) == {}


def test_the_scale_is_even_and_its_texts_are_readable() -> None:
    scale = colours.scale()
    light = [colours.luminance(colour) for colour in scale]
    assert light == sorted(light)
    # CIE lightness, by which eyes judge steps: each near the mean step.
    perceived = [116 * value ** (1 / 3) - 16 for value in light]
    steps = [b - a for a, b in pairwise(perceived)]
    mean = sum(steps) / len(steps)
    assert all(0.6 * mean < step < 1.45 * mean for step in steps), steps
    assert all(colours.contrast(c, colours.ink_on(c)) >= 4.5 for c in scale)
    assert colours.contrast("#000000", "#ffffff") == pytest.approx(21)
    for one, other in (
        (colours.ACTIVE, colours.INACTIVE),
        (colours.INACTIVE, colours.UNREGISTERED),
        (colours.ACTIVE, colours.PAPER),
        (colours.UNREGISTERED, colours.PAPER),
    ):
        assert colours.contrast(one, other) > 1.8


def test_charts_hold_no_data_and_no_words() -> None:
    made = json.loads(specifications())
    assert set(made) == {"tiles", "shapes", "trend", "parts", "heat", "steps", "dots"}
    for name, chart in made.items():
        rows = [source for source in chart["data"] if source["name"] == "rows"]
        assert len(rows) == 1, name
        assert rows[0]["values"] == []
        assert all("title" not in axis for axis in chart.get("axes", [])), name


def feature(code: object, coordinates: object, kind: str = "Polygon") -> dict[str, Any]:
    return {
        "type": "Feature",
        "properties": {"kode": code},
        "geometry": {"type": kind, "coordinates": coordinates},
    }


def test_boundaries_are_read_by_code_and_made_small(tmp_path: Path) -> None:
    ring = [[106.123456, -6.1], [106.123457, -6.1], [107, -6.1], [107, -7], [106.123456, -6.1]]
    dust = [[1, 1], [1.0001, 1], [1, 1.0001], [1, 1]]
    file = tmp_path / "batas.geojson"
    features = [
        feature("31", [ring]),
        feature("3204", [[ring], [dust]], "MultiPolygon"),
        feature("99", [ring]),
        feature(None, [ring]),
        feature("33", [dust]),
    ]
    file.write_text(json.dumps({"type": "FeatureCollection", "features": features}), "utf-8")
    made = province_shapes(file, "kode")
    assert [shape["properties"] for shape in made] == [{"code": "31"}, {"code": "32"}]
    small = [[106.12, -6.1], [107, -6.1], [107, -7], [106.12, -6.1]]
    assert made[0]["geometry"] == {"type": "MultiPolygon", "coordinates": [[small]]}
    assert len(made[1]["geometry"]["coordinates"]) == 1
    folder = write_release(tmp_path)
    settings = DashboardSettings(months=1, boundaries=file, boundaries_property="kode")
    page = making.make_dashboard(folder, settings).path.read_text("utf-8")
    assert "106.12" in page
    assert 'data-t="map.lead.shapes"' in page


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (None, "No such file"),
        ("{", "no GeoJSON"),
        ('{"features": 3}', "no GeoJSON"),
        (json.dumps({"features": [feature("31", [1, 2], "Point")]}), "no GeoJSON"),
        (json.dumps({"features": [feature("99", [])]}), "no feature has the code"),
    ],
)
def test_boundaries_that_are_none_are_refused(tmp_path: Path, text: str | None, why: str) -> None:
    file = tmp_path / "batas.geojson"
    if text is not None:
        file.write_text(text, "utf-8")
    with pytest.raises(UsageError, match=why):
        province_shapes(file, "kode")
