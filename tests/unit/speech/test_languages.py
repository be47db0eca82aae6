"""Which language an utterance is taken for: of the expected ones, or none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.backends import LanguageGuess
from hub.errors import UsageError
from hub.speech.languages import LANGUAGES, choose, name_of, parse_codes


def guesses(**shares):
    return [LanguageGuess(code, share) for code, share in shares.items()]


def test_without_expectation_the_best_one_is_taken():
    choice = choose(guesses(de=0.2, ko=0.7), (), 0.5)
    assert (choice.language, choice.probability, choice.expected) == ("ko", 0.7, True)


def test_what_is_none_of_the_expected_is_not_forced_into_one():
    assert not choose(guesses(ko=0.9, es=0.08), ("es", "ar"), 0.5).expected


def test_the_expected_ones_win_together_over_one_that_is_alike():
    choice = choose(guesses(gl=0.45, es=0.4, pt=0.15), ("es", "pt"), 0.5)
    assert (choice.language, choice.expected) == ("es", True)


shares = st.dictionaries(st.sampled_from(sorted(LANGUAGES)), st.floats(0, 1), min_size=1, max_size=12)


@given(shares, st.sets(st.sampled_from(sorted(LANGUAGES)), min_size=1, max_size=5))
def test_nothing_is_ever_labelled_with_what_is_not_expected(found, expected):
    total = sum(found.values()) or 1
    choice = choose(guesses(**{code: share / total for code, share in found.items()}), expected, 0.5)
    assert choice.language in expected or not choice.expected


def test_codes_are_checked_and_the_nearest_is_named():
    assert parse_codes(" es, AR,es ") == ("es", "ar")
    assert parse_codes("") == ()
    with pytest.raises(UsageError, match="did you mean es"):
        parse_codes("spanis")
    with pytest.raises(UsageError, match="no language is called xx"):
        parse_codes("xx")


def test_names():
    assert name_of("de") == "German"
    assert name_of("xx") == "xx"
    assert len(LANGUAGES) == 100
