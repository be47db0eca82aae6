"""Evidence of several frames, aligned and summed."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.messages import PlateEvidence
from hub.plates.alphabet import EMPTY, SYMBOLS
from hub.plates.consensus import Observation, combine
from hub.testing.readers import evidence


def observe(text, weight=1.0, **options):
    return Observation(evidence(text, **options), weight)


def spelt(found: PlateEvidence):
    """Write out the most probable symbol of each slot."""
    return "".join((*SYMBOLS, "")[column] for column in found.slots.argmax(axis=1))


def test_one_frame_is_itself_but_for_a_little_doubt():
    one = evidence("AB12CD", probability=0.9)
    found = combine([Observation(one, 0.3)])
    assert np.abs(found.slots - one.slots).max() < 0.03
    assert found.lines == (6,)
    assert found.breaks == pytest.approx(one.breaks)
    assert found.centres == pytest.approx(one.centres)


def test_frames_that_agree_are_surer_than_each_but_never_certain():
    one = combine([observe("AB12CD", probability=0.6)])
    many = combine([observe("AB12CD", probability=0.6)] * 4)
    hundred = combine([observe("AB12CD", probability=0.6)] * 100)
    assert one.slots.max(axis=1).max() < many.slots.max(axis=1).min()
    assert hundred.slots == pytest.approx(many.slots, abs=1e-5)  # no more looks than four count as independent
    assert hundred.slots.max() < 1.0


def test_the_majority_outvotes_a_frame_however_sure_it_is():
    sure = observe("AB12CD", probability=0.999)
    assert spelt(combine([observe("AB12C0", probability=0.7)] * 5 + [sure])) == "AB12C0"
    assert spelt(combine([observe("AB12C0", 0.1, probability=0.7)] * 5 + [sure])) == "AB12CD"


@pytest.mark.parametrize("place", [0, 3, 6])
def test_a_character_missing_or_added_in_one_frame_is_put_right(place):
    whole = "AB12CD"
    longer = whole[:place] + "I" + whole[place:]
    assert spelt(combine([observe(whole)] * 3 + [observe(longer)])) == whole
    assert spelt(combine([observe(whole)] * 3 + [observe(longer, 1.5)])) == whole  # also where it is the pivot
    assert spelt(combine([observe(longer)] * 3 + [observe(whole)])) == longer
    assert spelt(combine([observe(longer)] * 3 + [observe(whole, 1.5)])) == longer


def test_lines_follow_their_slots():
    def two_lines(text, first):
        one = evidence(text)
        return PlateEvidence(
            one.box, one.corners, one.slots, (first, len(text) - first), one.breaks, one.centres, text, 0.9, 0.8
        )

    frames = [Observation(two_lines("ABC1234", 3), 1.0)] * 2 + [Observation(two_lines("ABC12334", 3), 1.1)]
    found = combine(frames)
    assert spelt(found) == "ABC1234"
    assert sum(found.lines) == len(found.slots)
    assert found.lines[0] == 3


def test_a_frame_that_shows_something_else_is_left_out():
    frames = [observe("AB12CD")] * 2 + [observe("XYZ987654", 0.9)]
    found = combine(frames)
    assert spelt(found) == "AB12CD"
    assert len(found.slots) == 6


def test_characters_outside_of_the_alphabet_keep_their_share():
    strange = evidence("AB12CD")
    strange.slots[0] *= 0.1
    found = combine([Observation(strange, 1.0)] * 3)
    assert found.slots[0].sum() < 0.05
    assert found.slots[1:].sum(axis=1) == pytest.approx(1, abs=0.02)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0.05, 3.0))
def test_frames_in_which_nothing_is_clear_give_distributions_too(seed, peak):
    rng = np.random.default_rng(seed)

    def unclear(length):
        one = evidence("A" * length)
        one.slots[:] = rng.dirichlet(np.full(EMPTY + 1, peak / 10), length)
        return Observation(one, float(rng.uniform(0.1, 1.0)))

    found = combine([unclear(int(rng.integers(1, 9))) for _ in range(4)])
    assert np.isfinite(found.slots).all()
    assert np.isfinite(found.breaks).all()
    assert sum(found.lines) == len(found.slots)


def test_nothing_cannot_be_combined():
    with pytest.raises(ValueError, match="nothing"):
        combine([])


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.builds(
            observe,
            st.text(SYMBOLS, max_size=9),
            st.floats(0.01, 3.0),
            probability=st.floats(0.05, 1.0),
        ),
        min_size=1,
        max_size=8,
    ),
    st.randoms(),
)
def test_any_frames_give_distributions_and_their_order_does_not_matter(frames, rng):
    found = combine(frames)
    assert found.slots.shape[1] == EMPTY + 1
    assert np.isfinite(found.slots).all()
    assert found.slots.min(initial=0.0) >= 0.0
    assert found.slots.sum(axis=1).max(initial=0.0) <= 1.0001
    assert sum(found.lines) == len(found.slots) == len(found.breaks) == len(found.centres)
    heaviest = max(frame.weight for frame in frames)
    if [frame.weight for frame in frames].count(heaviest) == 1:
        shuffled = list(frames)
        rng.shuffle(shuffled)
        assert combine(shuffled).slots == pytest.approx(found.slots, abs=1e-5)
