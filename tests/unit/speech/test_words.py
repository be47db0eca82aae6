"""One form of text for comparing, and word errors."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.speech.words import normalise, word_errors


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("Guten  Tag!", "guten tag"),
        ("don't – stop…", "don t stop"),
        ("ＡＢＣ １２", "abc 12"),
        ("¿Qué pasó?", "qué pasó"),
        ("...", ""),
        ("5 % + 3 €", "5 3"),
    ],
)
def test_normal_form(text, same):
    assert normalise(text) == same


@given(st.text(max_size=60))
def test_the_normal_form_is_its_own_normal_form(text):
    once = normalise(text)
    assert normalise(once) == once


@pytest.mark.parametrize(
    ("reference", "found", "errors"),
    [
        ("a b c", "a b c", 0),
        ("a b c", "a x c", 1),
        ("a b c", "a c", 1),
        ("a c", "a b c", 1),
        ("a b", "", 2),
        ("", "a", 1),
    ],
)
def test_word_errors(reference, found, errors):
    assert word_errors(reference.split(), found.split()) == errors


words = st.lists(st.sampled_from("abc"), max_size=8)


@given(words, words, words)
def test_word_errors_are_a_distance(one, two, three):
    assert (word_errors(one, two) == 0) == (one == two)
    assert word_errors(one, two) == word_errors(two, one)
    assert word_errors(one, three) <= word_errors(one, two) + word_errors(two, three)
