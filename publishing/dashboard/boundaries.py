"""Real boundaries of the provinces, from a GeoJSON that a deployment configures.

Belongs here: reading the file, and making it small. Does not belong here: the map's colours.
The project ships no boundaries: a province's official line is for its owner to give.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from warehouse.errors import UsageError
from warehouse.reference import reference_rows

_DIGITS = 2
"""Decimals of a degree that are kept: about a kilometre, less than a pixel of the map."""


def province_shapes(file: Path, code_property: str) -> list[dict[str, Any]]:
    """Read a feature collection and keep the outlines of the provinces.

    Args:
        file: GeoJSON, longitude and latitude.
        code_property: the property that holds the Kemendagri code of a province; only its first
            two digits count, so that the file may also hold regencies.

    Returns:
        Features with the property `code` alone.

    Raises:
        UsageError: it is no such file, or no feature has the code of a province.
    """
    try:
        features = json.loads(file.read_text("utf-8"))["features"]
        known = {row["province_code"] for row in reference_rows("provinces")}
        kept = []
        for feature in features:
            code = str(feature["properties"].get(code_property) or "")[:2]
            if code in known:
                shape = _coarse(feature["geometry"])
                if shape["coordinates"]:
                    kept.append(
                        {"type": "Feature", "properties": {"code": code}, "geometry": shape}
                    )
    except OSError as error:
        problem = error.strerror or type(error).__name__
    except (ValueError, KeyError, TypeError, AttributeError):
        problem = "it is no GeoJSON feature collection of polygons"
    else:
        if kept:
            return kept
        problem = f"no feature has the code of a province in the property {code_property!r}"
    raise UsageError(f"dashboard.boundaries: {file}: {problem}")


def _coarse(geometry: dict[str, Any]) -> dict[str, Any]:
    """Round the coordinates of a (multi)polygon, and drop what becomes a point or a line."""
    polygons = geometry["coordinates"]
    if geometry["type"] == "Polygon":
        polygons = [polygons]
    elif geometry["type"] != "MultiPolygon":
        raise ValueError(geometry["type"])
    shapes = [[ring for ring in map(_ring, polygon) if len(ring) > 3] for polygon in polygons]
    return {"type": "MultiPolygon", "coordinates": [shape for shape in shapes if shape]}


def _ring(points: list[list[float]]) -> list[list[float]]:
    ring: list[list[float]] = []
    for point in points:
        rounded = [round(point[0], _DIGITS), round(point[1], _DIGITS)]
        if not ring or ring[-1] != rounded:
            ring.append(rounded)
    return ring
