"""The charts, as Altair makes them: marks and encodings, no data and no words.

Belongs here: what each chart looks like. Does not belong here: their rows, colours and labels,
which the page's scripts work out from the state (scripts/50-charts.js); that is why every label
is a field here, and neither language nor number format stands in a specification.

Specifications are compiled to Vega here, once: the page then needs no compiler and, with Vega's
expression interpreter, no `eval`, which its content security policy forbids.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import altair as alt
import vl_convert as vlc

from publishing.dashboard.colours import ACTIVE, INK

FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', Arial, sans-serif"
_GRID = "#e4e1d9"
_QUIET = "#56606b"


def _fields(*names: str) -> alt.UrlData | alt.InlineData:
    """An empty source of rows that the page fills."""
    return alt.InlineData(values=[dict.fromkeys(names, 0)], name="rows")


def _colour(field: str = "color") -> alt.Color:
    # The rows carry colours, not values: one scale for charts, tables and legend.
    return alt.Color(field, type="nominal", scale=None, legend=None)


def _x(field: str, *, axis: bool = True, **more: Any) -> alt.X:
    shown = alt.Axis(title=None, tickCount=5, format=",d", labelFlush=True) if axis else None
    return alt.X(field, type="quantitative", axis=shown, **more)


def _y(field: str, limit: int = 190) -> alt.Y:
    return alt.Y(
        field,
        type="nominal",
        sort=None,
        axis=alt.Axis(title=None, labelLimit=limit, ticks=False, domain=False, labelPadding=8),
    )


def _hover() -> alt.Tooltip:
    return alt.Tooltip(field="tip", type="nominal", title=" ")


def tiles() -> alt.LayerChart:
    """The provinces as tiles of a grid: rows x, y, color, ink, label, value, edge, tip, code."""
    base = alt.Chart(_fields("x", "y")).encode(
        x=alt.X("x", type="ordinal", axis=None, scale=alt.Scale(paddingInner=0.05)),
        y=alt.Y("y", type="ordinal", axis=None, scale=alt.Scale(paddingInner=0.05)),
        tooltip=_hover(),
    )
    return (
        base.mark_rect(cornerRadius=3, cursor="pointer").encode(
            color=_colour(),
            stroke=alt.Stroke("edge", type="nominal", scale=None),
            strokeWidth=alt.value(2.5),
        )
        + base.mark_text(dy=-7, cursor="pointer").encode(
            text="label:N", color=_colour("ink"), size=alt.Size("size:Q", scale=None)
        )
        + base.mark_text(dy=9, fontWeight=600, cursor="pointer").encode(
            text="value:N", color=_colour("ink"), size=alt.Size("size2:Q", scale=None)
        )
    )


def shapes() -> alt.Chart:
    """The provinces by their boundaries: features with the properties color, edge, tip, code."""
    return (
        alt.Chart(alt.InlineData(values=[], name="rows"))
        .mark_geoshape(strokeWidth=0.6, cursor="pointer")
        .encode(
            color=_colour("properties.color"),
            stroke=alt.Stroke("properties.edge", type="nominal", scale=None),
            tooltip=alt.Tooltip(field="properties.tip", type="nominal", title=" "),
        )
        .project("mercator")
    )


def trend() -> alt.LayerChart:
    """Coverage by month with its interval: rows month, at, low, high, label, tip."""
    base = alt.Chart(_fields("month", "at", "low", "high")).encode(
        x=alt.X(
            "month",
            type="nominal",
            sort=None,
            axis=alt.Axis(title=None, labelAngle=0, labelOverlap="parity", labelSeparation=6),
        )
    )
    percent = alt.Axis(title=None, format=".1%", tickCount=4)
    return (
        base.mark_area(color=ACTIVE, opacity=0.18).encode(
            y=alt.Y("low:Q", axis=percent, scale=alt.Scale(zero=False)), y2="high:Q"
        )
        + base.mark_line(color=ACTIVE, strokeWidth=2).encode(y="at:Q", tooltip=_hover())
        + base.mark_point(color=ACTIVE, filled=True, size=50, opacity=1).encode(
            y="at:Q", tooltip=_hover()
        )
    )


def parts() -> alt.Chart:
    """Workers in their three parts, stacked: rows label, n, part, color, tip."""
    return (
        alt.Chart(_fields("label", "n", "part"))
        .mark_bar(height={"band": 0.68})
        .encode(
            x=_x("n", stack="zero"),
            y=_y("label"),
            color=_colour(),
            order=alt.Order("part:Q"),
            tooltip=_hover(),
        )
    )


def heat() -> alt.LayerChart:
    """Coverage of regions by sectors: rows column, row, color, ink, text, tip, region, sector."""
    base = alt.Chart(_fields("column", "row")).encode(
        x=alt.X(
            "column",
            type="nominal",
            sort=None,
            axis=alt.Axis(title=None, orient="top", labelAngle=0, ticks=False, domain=False),
            scale=alt.Scale(paddingInner=0.06),
        ),
        y=_y("row", 150).scale(paddingInner=0.08),
        tooltip=_hover(),
    )
    return base.mark_rect(cursor="pointer").encode(color=_colour()) + base.mark_text(
        fontSize=10, cursor="pointer"
    ).encode(text="text:N", color=_colour("ink"))


def steps() -> alt.LayerChart:
    """The bridge: rows label, from, to, color, text, tip."""
    base = alt.Chart(_fields("label", "from", "to")).encode(y=_y("label", 340), tooltip=_hover())
    return base.mark_bar(height={"band": 0.6}).encode(
        x=_x("from", axis=False), x2="to:Q", color=_colour()
    ) + base.mark_text(align="left", dx=6, color=INK, fontSize=12).encode(
        x=_x("to", axis=False), text="text:N"
    )


def dots() -> alt.LayerChart:
    """Rates of scenarios: rows label, at, base, color, text, tip."""
    base = alt.Chart(_fields("label", "at", "base")).encode(y=_y("label", 320), tooltip=_hover())
    scale = alt.Scale(zero=False, padding=45, nice=False)
    x = alt.X("at", type="quantitative", axis=None, scale=scale)
    return (
        base.mark_rule(color=_GRID, strokeWidth=2).encode(x=x, x2="base:Q")
        + base.mark_point(filled=True, size=110, opacity=1).encode(x=x, color=_colour())
        + base.mark_text(dy=-13, color=INK, fontSize=12).encode(x=x, text="text:N")
    )


_CHARTS = {
    "tiles": tiles,
    "shapes": shapes,
    "trend": trend,
    "parts": parts,
    "heat": heat,
    "steps": steps,
    "dots": dots,
}


@cache
def specifications() -> str:
    """Compile every chart to Vega.

    Returns:
        A JSON object of specifications by the name of the chart. Their source of rows is empty
        and called `rows`; width and height are for the page to set.
    """
    alt.data_transformers.disable_max_rows()
    made = {}
    for name, build in _CHARTS.items():
        chart = build().properties(width=600, height=300)
        if name not in {"shapes", "tiles"}:
            chart = chart.properties(autosize=alt.AutoSizeParams(type="fit", contains="padding"))
        spec = _configured(chart).to_dict()
        # The field that gives the type of a column keeps no row of its own.
        compiled = vlc.vegalite_to_vega(json.dumps(spec))
        for source in compiled["data"]:
            if source["name"] == "rows":
                source["values"] = []
        made[name] = compiled
    return json.dumps(made, separators=(",", ":"), sort_keys=True)


def _configured(chart: Any) -> Any:
    return (
        chart.configure(background="transparent", font=FONT, padding=2)
        .configure_view(stroke=None)
        .configure_axis(
            labelColor=_QUIET,
            labelFontSize=12,
            gridColor=_GRID,
            domainColor=_GRID,
            tickColor=_GRID,
        )
    )


@cache
def library() -> str:
    """Give Vega's JavaScript, which the charting library carries; nothing is fetched."""
    return str(vlc.javascript_bundle("window.vegaEmbed=vegaEmbed;window.vega=vega;"))
