"""Utterances are cut by probabilities alone, however blocks arrive; no sound is lost or given twice."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.speech.cutting import LEAD, TRAIL, Cutter
from hub.speech.settings import SpeechSettings
from hub.speech.sound import BLOCK, BLOCK_SECONDS

SETTINGS = SpeechSettings()


def block(number):
    return np.full(BLOCK, number, np.float32)


def cut(shares, given_settings=SETTINGS, skip=()):
    """Return the pieces of a stream whose blocks have these probabilities; each block's samples are its number."""
    cutter, pieces = Cutter(given_settings), []
    for number, share in enumerate(shares):
        if number not in skip and (piece := cutter.take(number * BLOCK_SECONDS, block(number), share)):
            pieces.append(piece)
    if piece := cutter.finish():
        pieces.append(piece)
    return pieces, cutter


def numbers(piece):
    return [int(row[0]) for row in piece.samples.reshape(-1, BLOCK)]


def blocks(seconds):
    return round(seconds / BLOCK_SECONDS)


def test_one_utterance_with_what_is_before_and_after_it():
    (piece,), cutter = cut([0.0] * 50 + [0.9] * 40 + [0.0] * 50)
    assert numbers(piece) == list(range(50 - blocks(LEAD), 90 + blocks(TRAIL)))
    assert piece.start == (50 - blocks(LEAD)) * BLOCK_SECONDS
    assert piece.number == 1
    assert not cutter.speaking
    assert cutter.now() is None


def test_a_pause_shorter_than_the_silence_cuts_nothing():
    assert len(cut([0.9] * 20 + [0.0] * 15 + [0.9] * 20 + [0.0] * 40)[0]) == 1
    assert len(cut([0.9] * 20 + [0.0] * 25 + [0.9] * 20 + [0.0] * 40)[0]) == 2


def test_a_doubtful_block_goes_on_with_what_was_before_it():
    between = (SETTINGS.begin + SETTINGS.end) / 2
    assert len(cut([0.9] * 10 + [between] * 60 + [0.0] * 40)[0]) == 1
    assert cut([between] * 100)[0] == []


def test_a_click_is_no_utterance():
    pieces, cutter = cut([0.0] * 10 + [0.9] * 3 + [0.0] * 40)
    assert pieces == []
    assert cutter.ignored == 1


def test_what_grows_too_long_is_cut_where_it_is_quietest_and_nothing_is_lost():
    shares = [0.9] * 1000
    shares[700] = 0.4
    pieces, _ = cut(shares)
    assert numbers(pieces[0])[-1] == 700
    assert [number for piece in pieces for number in numbers(piece)] == list(range(1000))
    assert [piece.number for piece in pieces] == list(range(1, len(pieces) + 1))
    assert all(piece.end - piece.start <= SETTINGS.longest + BLOCK_SECONDS for piece in pieces)


def test_a_hole_in_the_stream_ends_an_utterance():
    pieces, _ = cut([0.9] * 100, skip=range(40, 60))
    assert [numbers(piece) for piece in pieces] == [list(range(40)), list(range(60, 100))]


def test_a_single_lost_block_does_not():
    assert len(cut([0.9] * 100, skip=(40,))[0]) == 1


def test_it_says_when_somebody_speaks_and_pauses():
    cutter = Cutter(SETTINGS)
    for number in range(30):
        cutter.take(number * BLOCK_SECONDS, block(number), 0.9)
        assert cutter.speaking == ((number + 1) * BLOCK_SECONDS >= SETTINGS.least)
    assert not cutter.pausing
    assert numbers(cutter.now()) == list(range(30))
    cutter.take(30 * BLOCK_SECONDS, block(30), 0.0)
    assert cutter.pausing
    assert cutter.spoken == 31 * BLOCK_SECONDS


@settings(max_examples=60)
@given(st.lists(st.tuples(st.sampled_from([0.0, 0.4, 0.9]), st.integers(1, 60)), max_size=20))
def test_whatever_comes_pieces_are_in_order_disjoint_and_not_too_long(runs):
    shares = [share for share, count in runs for _ in range(count)]
    pieces, _ = cut(shares, SpeechSettings(longest=5.0))
    said = [number for piece in pieces for number in numbers(piece)]
    assert said == sorted(set(said))
    assert all(piece.end - piece.start <= 5.0 + BLOCK_SECONDS for piece in pieces)
