"""The page's colours: a scale for coverage and three for the parts of the workers.

Belongs here: colours and how they are worked out. Does not belong here: where they are used
(style.css takes them as variables, charts and scripts from the page's data).

The scale runs through OKLCH in even steps of lightness, so that equal steps look equal and
remain in order without colour vision or in a black and white print: low coverage is dark.
Source of the conversion: B. Ottosson, A perceptual color space for image processing (2020).
"""

from __future__ import annotations

from functools import cache
from math import cos, radians, sin

STEPS = 10
"""Classes of the scale, each of a tenth of the range that is shown."""

ACTIVE = "#2f6690"
INACTIVE = "#c9a13b"
UNREGISTERED = "#9e3d22"
WITHHELD = "#eceae4"
INK = "#1c2733"
PAPER = "#ffffff"
BLACK = "#000000"

_DARK, _LIGHT = (0.36, 0.105, 28.0), (0.95, 0.035, 95.0)
"""Ends of the scale as lightness, chroma and hue in degrees."""


@cache
def scale() -> tuple[str, ...]:
    """Give the colours of the scale, from the lowest coverage (dark) to the highest (light)."""
    colours = []
    for step in range(STEPS):
        share = step / (STEPS - 1)
        lightness, chroma, hue = (a + (b - a) * share for a, b in zip(_DARK, _LIGHT, strict=True))
        # The middle of the scale can be richer in colour than its ends.
        colours.append(oklch_to_hex(lightness, chroma + 0.06 * sin(share * 3.14159), hue))
    return tuple(colours)


def oklch_to_hex(lightness: float, chroma: float, hue: float) -> str:
    """Turn a colour of OKLCH into `#rrggbb` of sRGB; what lies outside is clipped.

    Args:
        lightness: 0 to 1.
        chroma: 0 upwards, about 0.3 at most.
        hue: degrees.
    """
    a, b = chroma * cos(radians(hue)), chroma * sin(radians(hue))
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    linear = (
        4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
        -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
        -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short,
    )
    return "#" + "".join(f"{round(_gamma(min(max(part, 0.0), 1.0)) * 255):02x}" for part in linear)


def _gamma(part: float) -> float:
    return 12.92 * part if part <= 0.0031308 else 1.055 * part ** (1 / 2.4) - 0.055


def luminance(colour: str) -> float:
    """Give the relative luminance of `#rrggbb`, 0 to 1, as WCAG 2 defines it."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Give the contrast of two colours, 1 to 21, as WCAG 2 defines it."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def ink_on(colour: str) -> str:
    """Give the text colour, black or white, that reads better on a colour."""
    return BLACK if contrast(BLACK, colour) >= contrast(PAPER, colour) else PAPER


def palette() -> dict[str, object]:
    """Give all colours as the page's scripts take them."""
    return {
        "scale": list(scale()),
        "ink": [ink_on(colour) for colour in scale()],
        "active": ACTIVE,
        "inactive": INACTIVE,
        "unregistered": UNREGISTERED,
        "withheld": WITHHELD,
    }
