from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.authority.place import MOST_CORNERS, Place, contains, describe_place, parse_polygon, place_problem

SQUARE = ((48.0, 17.0), (48.0, 18.0), (49.0, 18.0), (49.0, 17.0))
HORSESHOE = ((0.0, 0.0), (0.0, 3.0), (3.0, 3.0), (3.0, 2.0), (1.0, 2.0), (1.0, 1.0), (3.0, 1.0), (3.0, 0.0))


@pytest.mark.parametrize("point", [(48.5, 17.5), (48.0, 17.0), (49.0, 18.0), (48.0, 17.5), (48.5, 18.0), (49.0, 17.5)])
def test_inside_on_an_edge_and_on_a_corner(point):
    assert contains(SQUARE, point)
    assert contains(SQUARE[::-1], point), "the direction in which corners are listed does not matter"


@pytest.mark.parametrize("point", [(47.9, 17.5), (48.5, 16.9), (49.1, 17.0), (48.0, 18.1), (50.0, 17.0), (-48.5, 17.5)])
def test_outside_also_in_line_with_an_edge(point):
    assert not contains(SQUARE, point)


def test_a_place_with_a_bay():
    assert not contains(HORSESHOE, (2.0, 1.5))
    assert contains(HORSESHOE, (2.0, 0.5))
    assert contains(HORSESHOE, (2.0, 2.5))
    assert contains(HORSESHOE, (1.0, 1.5))
    assert not contains(HORSESHOE, (3.5, 1.0))


@settings(max_examples=100, deadline=None)
@given(st.floats(-90, 90), st.floats(-179, 179))
def test_a_square_is_what_its_bounds_say(latitude, longitude):
    inside = 48.0 <= latitude <= 49.0 and 17.0 <= longitude <= 18.0
    assert contains(SQUARE, (latitude, longitude)) == inside


@pytest.mark.parametrize(
    ("polygon", "why"),
    [
        (((10.0, 179.0), (10.0, -179.0), (11.0, 179.5)), "180th meridian"),
        (((0.0, 0.0), (0.0, 90.0), (0.0, 180.0), (1.0, 90.0)), "180th meridian"),
        (((91.0, 0.0), (0.0, 1.0), (1.0, 1.0)), "no point"),
        (((float("nan"), 0.0), (0.0, 1.0), (1.0, 1.0)), "no point"),
        (((0.0, 0.0), (1.0, 1.0), (0.0, 1.0), (1.0, 0.0)), "cross"),
        (((0.0, 0.0), (1.0, 1.0), (2.0, 2.0)), "cross or touch"),
        (((0.0, 0.0), (0.0, 2.0), (0.0, 1.0), (1.0, 1.0)), "cross or touch"),
        (((0.0, 0.0), (0.0, 4.0), (2.0, 4.0), (0.0, 2.0), (2.0, 0.0)), "cross or touch"),
        (((0.0, 0.0), (0.0, 1.0), (1.0, 1.0), (0.0, 0.0), (1.0, 0.0)), "twice"),
        (((0.0, 0.0), (0.0, 1.0)), "3 to 200"),
        (tuple((i / 1000, (i * i) / 100000) for i in range(MOST_CORNERS + 1)), "3 to 200"),
    ],
)
def test_what_is_no_polygon(polygon, why):
    assert why in place_problem(Place(polygon=polygon))


def test_what_is_a_place():
    assert place_problem(Place(polygon=SQUARE)) == ""
    assert place_problem(Place(polygon=HORSESHOE)) == ""
    assert place_problem(Place(unit="car-1", cameras=("front", "rear"))) == ""
    assert place_problem(Place(polygon=((-1.0, -179.9), (0.0, -179.9), (0.0, -180.0)))) == ""


def test_corners_as_text():
    assert parse_polygon("48,17 48,18  49,18") == ((48.0, 17.0), (48.0, 18.0), (49.0, 18.0))
    assert parse_polygon("48,17 48,18 49,18 48,17") == ((48.0, 17.0), (48.0, 18.0), (49.0, 18.0))
    for text in ("48,17 48", "48,17;48,18", "a,b", "1,2,3"):
        with pytest.raises(ValueError, match="LAT,LON"):
            parse_polygon(text)


def test_a_place_is_said_in_words():
    assert describe_place(Place(unit="car-1", cameras=("front", "rear"))) == "cameras front, rear of car-1"
    assert describe_place(Place(unit="car-1", cameras=("front",))) == "camera front of car-1"
    assert describe_place(Place(polygon=SQUARE)) == "an area with 4 corners on the map"
