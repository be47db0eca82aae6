"""Provisional text: what two decodes agree on stays."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hub.speech.agreement import Agreement
from hub.speech.words import normalise


def follow(*texts):
    agreement = Agreement()
    return [(shown.text, shown.text[: shown.confirmed]) for shown in map(agreement.take, texts)]


def test_the_first_text_is_all_provisional_and_the_second_confirms_what_is_the_same():
    assert follow("where is", "where is the station", "where is the station please") == [
        ("where is", ""),
        ("where is the station", "where is"),
        ("where is the station please", "where is the station"),
    ]


def test_case_and_punctuation_are_no_disagreement():
    assert follow("Where is.", "where is the")[-1][1] == "where is"


def test_what_is_confirmed_is_not_taken_back():
    shown = follow("I am lost", "I am lost today", "you were found today", "you were found today")
    assert shown[2] == ("I am lost today", "I am lost")
    assert shown[3] == ("I am lost today", "I am lost today")


def test_an_empty_text_takes_nothing_back():
    assert follow("one two", "one two", "")[-1] == ("one two", "one two")


def test_by_a_text_that_is_not_sure_nothing_is_confirmed_but_the_next_may_agree_with_it():
    agreement = Agreement()
    for _ in range(2):
        assert agreement.take("he has a gun", "en", sure=False).confirmed == 0
    assert agreement.take("he has", "en").confirmed == len("he has")


def test_another_language_begins_anew():
    agreement = Agreement()
    for _ in range(2):
        agreement.take("he has a gun", "en")
    shown = agreement.take("hola buenos días", "es")
    assert (shown.text, shown.confirmed) == ("hola buenos días", 0)


@given(st.lists(st.lists(st.sampled_from(["ja", "Ja.", "nein", "weg"]), max_size=6).map(" ".join), max_size=8))
def test_the_confirmed_part_only_grows(texts):
    sure = ""
    for text, confirmed in follow(*texts):
        assert text.startswith(confirmed)
        assert normalise(confirmed).startswith(normalise(sure))
        sure = confirmed
