"""The waterfall chart of an explanation: how bits of evidence add up to a probability.

Belongs here: drawing, as SVG or PNG. Does not belong here: the evidence (matching/explaining)
or any name, number or date of a person: the chart holds fields, levels and bits alone.
"""

from __future__ import annotations

from pathlib import Path

from warehouse.errors import UsageError

FORMATS = (".svg", ".png")


def check_target(file: Path) -> Path:
    """Return the file where a chart can be written.

    Raises:
        UsageError: it ends in neither `.svg` nor `.png`, or its folder does not exist.
    """
    if file.suffix.lower() not in FORMATS:
        raise UsageError(f"a chart is written as .svg or .png, not as {file.name!r}")
    if not file.expanduser().resolve().parent.is_dir():
        raise UsageError(f"there is no folder {file.parent} to write the chart into")
    return file.expanduser().resolve()


def draw(steps: list[tuple[str, float]], total: tuple[str, float], title: str, file: Path) -> None:
    """Draw a waterfall chart.

    Args:
        steps: what adds up, in order: label and bits.
        total: label and bits of the sum.
        title: what the chart shows.
        file: `.svg` or `.png` to write; one that is there is replaced.
    """
    # Slow to load, and not needed for anything else.
    import altair as alt  # noqa: PLC0415
    import vl_convert  # noqa: PLC0415

    rows, at = [], 0.0
    for label, bits in steps:
        sign = "menguatkan" if bits > 0 else "melemahkan"
        rows.append(_bar(label, at, at + bits, bits, sign))
        at += bits
    rows.append(_bar(total[0], 0.0, total[1], total[1], "jumlah"))
    base = alt.Chart(alt.Data(values=rows), title=title, width=520).encode(
        y=alt.Y("step:N", sort=None, title=None, axis=alt.Axis(labelLimit=320))
    )
    bars = base.mark_bar().encode(
        x=alt.X("from:Q", title="bit (log2 peluang)"),
        x2="to:Q",
        color=alt.Color(
            "sign:N",
            title=None,
            scale=alt.Scale(
                domain=["menguatkan", "melemahkan", "jumlah"],
                range=["#2a7f62", "#b5483a", "#4a5a78"],
            ),
        ),
    )
    labels = base.mark_text(align="left", dx=4).encode(x="end:Q", text="text:N")
    spec = (bars + labels).to_dict()
    if file.suffix.lower() == ".svg":
        file.write_text(vl_convert.vegalite_to_svg(spec), encoding="utf-8")
    else:
        file.write_bytes(vl_convert.vegalite_to_png(spec, scale=2))


def _bar(step: str, start: float, end: float, bits: float, sign: str) -> dict[str, object]:
    return {
        "step": step,
        "from": start,
        "to": end,
        "end": max(start, end),
        "sign": sign,
        "text": f"{bits:+.1f}".replace(".", ","),
    }
