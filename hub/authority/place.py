"""Where an order holds: named cameras of one unit, or a polygon on the map. Pure geometry, no position is kept here.

Latitude and longitude are taken as plane coordinates, which within a town is off by less than a fix is. A polygon that
crosses the 180th meridian or holds a pole is refused: it would have to be drawn as two orders.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Final, TypeAlias

from msgspec import Struct

MOST_CORNERS: Final = 200
MOST_CAMERAS: Final = 64

Point: TypeAlias = tuple[float, float]
"""Latitude and longitude in degrees, north and east positive."""


class Place(Struct, frozen=True, forbid_unknown_fields=True):
    """Where an order holds: either `cameras` of `unit`, or `polygon`."""

    unit: str = ""
    """Name of the unit whose cameras these are."""
    cameras: tuple[str, ...] = ()
    """Names of cameras."""
    polygon: tuple[Point, ...] = ()
    """At least three corners in order, not closed; edges are part of the place."""


def place_problem(place: Place) -> str:
    """Say why something is no place; "" where it is one."""
    if bool(place.cameras) == bool(place.polygon):
        return "its place is either cameras or a polygon"
    if place.cameras:
        if not place.unit.strip():
            return "cameras as a place need the name of their unit"
        if len(place.cameras) > MOST_CAMERAS or not all(name.strip() for name in place.cameras):
            return f"its place needs the names of at most {MOST_CAMERAS} cameras"
        return ""
    return _polygon_problem(place.polygon)


def describe_place(place: Place) -> str:
    """Return a place in words."""
    if place.cameras:
        return f"camera{'s' if len(place.cameras) > 1 else ''} {', '.join(place.cameras)} of {place.unit}"
    return f"an area with {len(place.polygon)} corners on the map"


def parse_polygon(text: str) -> tuple[Point, ...]:
    """Read corners from ``LAT,LON LAT,LON LAT,LON``; a repeated first corner at the end is left out.

    Raises:
        ValueError: It is none; the message says how to write it.
    """
    try:
        corners = tuple(_point(pair) for pair in text.split())
    except ValueError:
        raise ValueError(f"{text[:60]!r} is no polygon: write its corners as LAT,LON LAT,LON LAT,LON") from None
    return corners[:-1] if len(corners) > 3 and corners[0] == corners[-1] else corners


def contains(polygon: Sequence[Point], point: Point) -> bool:
    """Say whether a point lies in a polygon, its edges and corners included."""
    inside = False
    for a, b in _edges(polygon):
        if _on(a, b, point):
            return True
        # The ray to the north: an edge counts with its western end and without its eastern one.
        if (a[1] > point[1]) != (b[1] > point[1]):
            crossing = a[0] + (point[1] - a[1]) * (b[0] - a[0]) / (b[1] - a[1])
            inside ^= crossing > point[0]
    return inside


def _polygon_problem(polygon: Sequence[Point]) -> str:
    if not 3 <= len(polygon) <= MOST_CORNERS:
        return f"a polygon has 3 to {MOST_CORNERS} corners"
    for latitude, longitude in polygon:
        if not (math.isfinite(latitude) and math.isfinite(longitude) and abs(latitude) <= 90 and abs(longitude) <= 180):
            return f"{latitude:g},{longitude:g} is no point: latitude is -90 to 90, longitude -180 to 180"
    if max(p[1] for p in polygon) - min(p[1] for p in polygon) >= 180:
        return "its polygon crosses the 180th meridian or spans half the globe: draw one order for each side"
    if len(set(polygon)) < len(polygon):
        return "a corner of its polygon stands there twice"
    edges = _edges(polygon)
    for number, one in enumerate(edges):
        for other in edges[number + 1 :]:
            if _cross(one, other):
                return "the edges of its polygon cross or touch: list the corners in order"
    return ""


def _edges(polygon: Sequence[Point]) -> list[tuple[Point, Point]]:
    return list(pairwise([*polygon, polygon[0]]))


def _cross(one: tuple[Point, Point], other: tuple[Point, Point]) -> bool:
    """Say whether two edges have a point in common besides the corner that neighbours share."""
    (a, b), (c, d) = one, other
    shared = {a, b} & {c, d}
    if shared:
        corner = next(iter(shared))
        p, q = (next(end for end in edge if end != corner) for edge in (one, other))
        return _on(corner, p, q) or _on(corner, q, p)
    if any(_on(a, b, end) for end in (c, d)) or any(_on(c, d, end) for end in (a, b)):
        return True
    return _turn(a, b, c) * _turn(a, b, d) < 0 and _turn(c, d, a) * _turn(c, d, b) < 0


def _turn(a: Point, b: Point, c: Point) -> float:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def _on(a: Point, b: Point, point: Point) -> bool:
    """Say whether a point lies on an edge, its ends included."""
    return (
        _turn(a, b, point) == 0
        and min(a[0], b[0]) <= point[0] <= max(a[0], b[0])
        and min(a[1], b[1]) <= point[1] <= max(a[1], b[1])
    )


def _point(text: str) -> Point:
    latitude, longitude = text.split(",")
    return float(latitude), float(longitude)
