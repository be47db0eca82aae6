"""Boxes that are the same thing keep their number; others do not."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.messages import Box
from hub.vision.tracking import Tracker, TrackSettings, overlap


def box(x, y, w=60, h=20):
    return Box(round(x), round(y), round(w), round(h))


def passing(position, *, start=0.0, speed=400.0, scale=1.0):
    """A plate that approaches and crosses the view: faster and larger with time."""
    time = position - start
    size = 20 * scale * (1 + time)
    return box(20 + speed * time * (1 + time), 100 + 40 * time, 3 * size, size)


@pytest.mark.parametrize("rate", [30, 12, 8])
@pytest.mark.parametrize("speed", [0, 150, 400])
def test_a_car_at_speed_is_one_track(rate, speed):
    tracker = Tracker()
    steps = [tracker.update(n / rate, [passing(n / rate, speed=speed)]) for n in range(rate)]
    assert {step.assigned for step in steps} == {(0,)}


@settings(max_examples=50)
@given(st.lists(st.booleans(), min_size=30, max_size=30), st.integers(0, 3))
def test_missed_frames_do_not_break_a_track_while_it_is_in_reach(missed, jitter):
    rng = random.Random(1)
    tracker = Tracker(TrackSettings(gap=1.5))
    tracker.update(0, [passing(0, speed=150)])
    tracker.update(1 / 30, [passing(1 / 30, speed=150)])
    seen_at, seen = 1 / 30, {0}
    for number, gone in enumerate(missed, 2):
        position = number / 30
        if gone and position - seen_at < 0.4:
            tracker.update(position, [])
            continue
        place = passing(position, speed=150)
        moved = Box(place.x + rng.randint(-jitter, jitter), place.y, place.w, place.h)
        seen |= set(tracker.update(position, [moved]).assigned)
        seen_at = position
    assert seen == {0}


def test_a_track_ends_after_its_gap_and_a_new_one_begins():
    tracker = Tracker(TrackSettings(gap=1.0))
    assert tracker.update(0.0, [box(10, 10)]).started == (0,)
    assert tracker.update(1.0, []).ended == ()
    step = tracker.update(1.1, [box(10, 10)])
    assert (step.ended, step.started, step.assigned) == ((0,), (1,), (1,))
    assert tracker.finish() == (1,)
    assert tracker.finish() == ()


def test_neighbours_keep_their_numbers_whatever_order_they_come_in():
    tracker = Tracker()
    places = [box(20, 50), box(120, 50), box(20, 90)]
    first = tracker.update(0.0, places).assigned
    rng = random.Random(2)
    for number in range(1, 20):
        order = rng.sample(range(3), 3)
        moved = [box(places[i].x + 4 * number, places[i].y) for i in order]
        assert tracker.update(number / 25, moved).assigned == tuple(first[i] for i in order)


def test_a_car_that_passes_parked_ones_does_not_take_their_tracks():
    tracker = Tracker()
    parked = [box(200, 100, 40, 14), box(320, 100, 40, 14)]
    for number in range(25):
        car = box(20 + 20 * number, 118 + number, 50 + number, 17 + number / 3)
        assert tracker.update(number / 25, [*parked, car]).assigned == (0, 1, 2)


def test_another_text_in_the_same_place_is_another_track():
    tracker = Tracker()
    tracker.update(0.0, [box(50, 50)])
    assert tracker.update(0.1, [box(52, 50)], similarity=lambda track, index: 0.1).started == (1,)


def test_the_same_text_may_have_moved_further():
    for alike, expected in ((None, (1,)), (1.0, (0,))):
        tracker = Tracker()
        tracker.update(0.0, [box(50, 50)])
        assert tracker.update(0.04, [box(160, 50)], similarity=lambda track, index, a=alike: a).assigned == expected


def test_only_boxes_that_may_start_a_track_do_but_others_prolong_one():
    tracker = Tracker(TrackSettings(gap=0.5, most=1))
    assert tracker.update(0.0, [box(50, 50)], may_start=[False]).assigned == (None,)
    assert tracker.update(0.1, [box(50, 50)], may_start=[True]).assigned == (0,)
    assert tracker.update(0.5, [box(50, 50)], may_start=[False]).assigned == (0,)
    assert tracker.update(0.9, [box(50, 50), box(300, 50)]).assigned == (0, None)  # no room for a second


def test_held_tracks_live_on_in_their_place():
    tracker = Tracker(TrackSettings(gap=0.5))
    tracker.update(0.0, [box(50, 50)])
    for number in range(1, 30):
        tracker.hold(number / 10)
    assert tracker.boxes == {0: box(50, 50)}
    assert tracker.update(3.0, [box(51, 50)]).assigned == (0,)


def test_overlap():
    assert overlap(box(0, 0, 10, 10), box(0, 0, 10, 10)) == 1.0
    assert overlap(box(0, 0, 10, 10), box(5, 0, 10, 10)) == pytest.approx(1 / 3)
    assert overlap(box(0, 0, 10, 10), box(10, 0, 10, 10)) == 0.0


@settings(max_examples=60)
@given(
    st.lists(
        st.lists(
            st.builds(box, st.integers(0, 600), st.integers(0, 400), st.integers(1, 90), st.integers(1, 30)), max_size=5
        ),
        max_size=20,
    )
)
def test_each_box_has_at_most_one_track_and_each_track_starts_and_ends_once(script):
    tracker, started, ended = Tracker(TrackSettings(most=4)), [], []
    for number, boxes in enumerate(script):
        step = tracker.update(number / 5, boxes)
        given_out = [track for track in step.assigned if track is not None]
        assert len(given_out) == len(set(given_out))
        assert set(given_out) <= set(tracker.boxes)
        started += step.started
        ended += step.ended
    ended += tracker.finish()
    assert sorted(started) == sorted(ended) == list(range(len(started)))
