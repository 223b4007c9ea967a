"""Making the page: a publication's data, charts, texts and scripts put into one file.

Belongs here: which months the page holds, assembling and writing it. Does not belong here: the
tables (tables.py), charts (charts.py) and scripts themselves.

Everything a browser needs stands in the file. Its content security policy forbids any request,
and any script but those whose fingerprints it names. What comes from data is JSON that no
script element can be closed from, and the scripts make text of it, never markup.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from publishing.changes import national_changes
from publishing.dashboard import PAGE_FILE, charts
from publishing.dashboard.boundaries import province_shapes
from publishing.dashboard.bridge import national_bridge
from publishing.dashboard.colours import palette
from publishing.dashboard.tables import PAGE_TABLES, Release
from sources.contracts import load_contracts
from warehouse.columns import meaning
from warehouse.documents import load_yaml
from warehouse.errors import GateBlocked
from warehouse.home import Home, show
from warehouse.publication import folders
from warehouse.reference import reference_rows
from warehouse.settings import DashboardSettings, Settings

_UNKNOWN = {"id": "Tidak diketahui", "en": "Unknown"}
_PANELS = (
    ("peta", "map"),
    ("wilayah", "league"),
    ("perubahan", "change"),
    ("lapangan", "sectors"),
    ("sektor", "heat"),
    ("segmen", "segments"),
    ("pemberi-kerja", "employers"),
    ("konstruksi", "construction"),
    ("diktum", "clauses"),
    ("jembatan", "bridge"),
    ("kepekaan", "sensitivity"),
    ("mutu", "quality"),
    ("definisi", "definitions"),
)
"""Panels in their order: the element that the scripts fill, and the key of its texts."""


@dataclass(frozen=True)
class Dashboard:
    """A page that was made.

    Attributes:
        path: the page.
        publication: `<period>-<n>`.
        months: months it holds, the newest first.
        rows: rows of the release that it holds.
        bytes: its size.
        seconds: how long it took.
    """

    path: Path
    publication: str
    months: tuple[str, ...]
    rows: int
    bytes: int
    seconds: float


def make_dashboards(
    home: Home, settings: Settings, period: str, log: Callable[[str], None] | None = None
) -> list[Dashboard]:
    """Make the pages of a month's newest publication, and of the one in force.

    These are two where an older month was published anew. A publication without a release has no
    page.

    Args:
        home: whose publications.
        settings: boundaries and months.
        period: the month.
        log: told about each page.

    Raises:
        GateBlocked: the month has no publication with a release.
    """
    all_of_them = folders.publications(home.published)
    own = [folder for folder in all_of_them if folder.period == period]
    if not own or not (own[-1].path / folders.RELEASE_FILE).is_file():
        raise GateBlocked(
            f"{period} has no publication with a release: publish it first "
            f"(cakupan publish --period {period})"
        )
    wanted = [own[-1]]
    newest = all_of_them[-1]
    if newest != own[-1] and not (newest.path / PAGE_FILE).exists():
        wanted.append(newest)
    made = []
    for folder in wanted:
        if (folder.path / folders.RELEASE_FILE).is_file():
            made.append(make_dashboard(folder.path, settings.dashboard, [home.contracts]))
            if log:
                log(f"dashboard {made[-1].path}: {made[-1].bytes:,} bytes")
    return made


def make_dashboard(
    publication: Path, settings: DashboardSettings, contract_dirs: Sequence[Path] = ()
) -> Dashboard:
    """Make the page of one publication, from its release, and write it beside it.

    Args:
        publication: the publication's folder.
        settings: boundaries and months.
        contract_dirs: where a deployment's own contracts lie, for the names of its lists.

    Raises:
        GateBlocked: the release cannot be read.
        UsageError: the boundaries cannot be read.
    """
    begun = time.perf_counter()
    with Release(publication / folders.RELEASE_FILE) as release:
        months = release.periods()[: settings.months]
        tables: dict[str, dict[str, Any]] = {}
        for at, month in enumerate(months):
            for spec in PAGE_TABLES:
                if release.has(spec.name) and (at < settings.detail_months or not spec.detail):
                    tables[f"t-{spec.name}-{month}"] = release.table(spec, month)
        meta = _meta(release, publication)
    data = _data(months, settings, contract_dirs)
    data["meta"] = meta
    data["bridge"] = national_bridge(publication / folders.WAREHOUSE_FILE, months)
    data["changes"] = {
        month: told
        for month, told in national_changes(
            publication / folders.RELEASE_FILE, publication / folders.WAREHOUSE_FILE
        ).items()
        if month in months
    }
    page = assemble(data, tables)
    path = publication / PAGE_FILE
    part = publication / f".{PAGE_FILE}.new"
    part.write_text(page, encoding="utf-8")
    show(part)  # as readable as the publication that it lies in
    # Whoever has the page open keeps the old one; nobody ever reads half a page.
    part.replace(path)
    return Dashboard(
        path=path,
        publication=publication.resolve().name,
        months=tuple(months),
        rows=sum(table["n"] for table in tables.values()),
        bytes=path.stat().st_size,
        seconds=round(time.perf_counter() - begun, 3),
    )


def assemble(data: dict[str, Any], tables: dict[str, dict[str, Any]]) -> str:
    """Put the page together.

    Args:
        data: everything but the tables.
        tables: the tables of each month by their element's id.

    Returns:
        The page, complete in itself.
    """
    first = scripts() + "\nCakupan.page.start();\n"
    last = "Cakupan.page.chartsReady();"
    hashes = " ".join(f"'sha256-{_digest(one)}'" for one in (first, charts.library(), last))
    parts = {
        # Styles stand in attributes too, where Vega and the bars put them; they can load nothing.
        "policy": f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; "
        "img-src data:; base-uri 'none'; form-action 'none'",
        "title": html.escape(f"{data['words']['id']['title']} {data['periods'][0]}"),
        "style": _own("style.css"),
        "panels": "\n".join(_panel(place, key, data) for place, key in _PANELS),
        "data": embedded(data),
        "tables": "\n".join(
            f'<script type="application/json" id="{html.escape(name)}">{embedded(table)}</script>'
            for name, table in tables.items()
        ),
        "scripts": first,
        "charts": charts.specifications().replace("<", "\\u003c"),
        "library": charts.library(),
        "last": last,
    }
    page = _own("page.html")
    # In one pass: what is put in is never looked at for further places.
    pieces = page.split("{{")
    return pieces[0] + "".join(
        parts[name] + rest for name, rest in (piece.split("}}", 1) for piece in pieces[1:])
    )


def embedded(value: object) -> str:
    """Give JSON that can stand in a script element: nothing in it begins a tag or a comment."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def script_names() -> list[str]:
    """List the page's scripts in the order in which they run."""
    folder = files("publishing.dashboard").joinpath("scripts")
    return sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".js"))


@cache
def scripts() -> str:
    """Give the page's scripts as one."""
    folder = files("publishing.dashboard").joinpath("scripts")
    return "\n".join(folder.joinpath(name).read_text("utf-8") for name in script_names())


@cache
def wording() -> dict[str, dict[str, str]]:
    """Give the page's texts by language and key."""
    return {language: dict(texts) for language, texts in load_yaml(_own("wording.yaml")).items()}


def _own(name: str) -> str:
    return files("publishing.dashboard").joinpath(name).read_text("utf-8")


def _digest(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def _panel(place: str, key: str, data: dict[str, Any]) -> str:
    lead = f"{key}.lead.shapes" if key == "map" and data.get("shapes") else f"{key}.lead"
    scope = "" if place == "definisi" else f'<p class="scope" id="scope-{place}"></p>'
    return (
        f'<section class="panel" id="{place}" aria-labelledby="judul-{place}">'
        f'<h2 id="judul-{place}" tabindex="-1" data-t="{key}"></h2>{scope}'
        f'<p class="lead" data-t="{lead}"></p><div id="isi-{place}"></div></section>'
    )


def _meta(release: Release, publication: Path) -> dict[str, Any]:
    name = publication.resolve().name
    rows = release.rows(
        "SELECT publication, strftime(published_at, '%Y-%m-%d %H:%M'), code_version, "
        "method_parameters FROM r.release.publication ORDER BY publication = ? DESC, "
        "publication_sequence DESC LIMIT 1",
        [name],
    )
    if not rows:
        raise GateBlocked(f"the release of {name} says nothing of its publication: publish again")
    own, at, version, parameters = rows[0]
    return {
        "publication": own,
        "published_at": at,
        "version": version,
        "parameters": json.loads(parameters or "{}"),
    }


def _data(
    months: list[str], settings: DashboardSettings, contract_dirs: Sequence[Path]
) -> dict[str, Any]:
    """Collect names, places, texts and definitions: all that is no figure."""
    words = wording()
    places = load_yaml(_own("places.yaml"))
    provinces = [
        {
            "code": row["province_code"],
            "name": row["province"],
            **dict(zip(("x", "y", "short"), places[row["province_code"]], strict=True)),
        }
        for row in reference_rows("provinces")
    ]
    regencies = [
        {"code": row["regency_code"], "name": row["regency"], "province": row["province_code"]}
        for row in reference_rows("regencies")
    ]
    sectors = [
        {"code": row["sector_code"], "id": row["sector"], "en": row["sector_en"]}
        for row in sorted(reference_rows("sectors"), key=lambda row: int(row["position"]))
    ]
    defined = [key.removeprefix("col.") for key in words["id"] if key.startswith("col.")]
    meanings = {name: meaning(name) for name in defined}
    contracts = load_contracts(contract_dirs)
    english = load_yaml(_own("lists.yaml"))
    return {
        "periods": months,
        "provinces": [*provinces, {"code": "00", "name": _UNKNOWN["id"]}],
        "regencies": [*regencies, {"code": "0000", "name": _UNKNOWN["id"], "province": "00"}],
        "sectors": [*sectors, {"code": "X", **_UNKNOWN}],
        "datasets": {
            key: {"id": contract.title, "en": english.get(key, contract.title)}
            for key, contract in contracts.items()
        },
        "groups": {
            key: {rule.group: {"id": rule.id, "en": rule.en} for rule in contract.rules}
            for key, contract in contracts.items()
            if contract.rules
        },
        "clauses": {
            row["clause"]: {"id": row["subject"], "en": row["subject_en"]}
            for row in reference_rows("clauses")
        },
        "definitions": {
            name: {"id": own.id, "en": own.en, "unit": own.unit} for name, own in meanings.items()
        },
        "words": words,
        "palette": palette(),
        "shapes": province_shapes(settings.boundaries, settings.boundaries_property)
        if settings.boundaries
        else None,
    }
