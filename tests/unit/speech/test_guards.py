"""Guards against invented words, one by one; and what is said is not lost to them."""

from __future__ import annotations

import pytest

from hub.backends import Written
from hub.speech.guards import doubt, invented, repeated, too_quiet
from hub.speech.phantoms import NEVER_SAID, SAID_IN_DOUBT
from hub.speech.settings import SpeechSettings
from hub.speech.words import normalise

SETTINGS = SpeechSettings()


def judge(text, seconds=3.0, log_probability=-0.3, no_speech=0.05):
    return invented(Written(text, log_probability, no_speech), seconds, SETTINGS)


@pytest.mark.parametrize(
    ("text", "facts", "says"),
    [
        ("", {}, "no words"),
        ("... !", {}, "no words"),
        ("Thanks for watching!", {}, "invents on noise"),
        ("Untertitelung des ZDF, 2020", {}, "invents on noise"),
        ("ご視聴ありがとうございました。", {}, "invents on noise"),
        ("yw'n yw'n yw'n yw'n yw'n yw'n yw'n yw'n yw'n", {}, "over and over"),
        ("no no no no no no no", {}, "over and over"),
        ("I do not know why this is so long in so short a time at all", {"seconds": 0.5}, "more words"),
        ("Wo ist der Bahnhof?", {"log_probability": -1.4}, "not sure"),
        ("Wo ist der Bahnhof?", {"log_probability": -0.6, "no_speech": 0.8}, "nobody spoke"),
        ("Thank you.", {"no_speech": 0.5}, "often invents"),
        ("you", {"log_probability": -0.9}, "often invents"),
    ],
)
def test_a_guard_trips_and_says_why(text, facts, says):
    assert says in judge(text, **facts)


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        ("Wo ist der Bahnhof?", {}),
        ("Thank you.", {}),
        ("No, no, no!", {"seconds": 1.0}),
        ("Ja.", {"seconds": 0.4}),
        ("Where is it? Where is it? I do not know where it is.", {}),
        ("Wo ist der Bahnhof?", {"no_speech": 0.9}),
        ("Wo ist der Bahnhof?", {"log_probability": -0.9}),
    ],
)
def test_what_people_say_passes(text, facts):
    assert judge(text, **facts) == ""


def test_phantoms_are_in_normal_form_and_no_phrase_is_in_both_lists():
    for phrase in NEVER_SAID | SAID_IN_DOUBT:
        assert normalise(phrase) == phrase
    assert not NEVER_SAID & SAID_IN_DOUBT


def test_the_compression_that_counts_is_the_setting_s():
    text = "one and two and three and four and one and two and three and five and one and six and two and seven"
    assert not repeated(text, 20)
    assert repeated(text, 1.2)


def test_only_a_voice_that_is_very_quiet_is_not_listened_to():
    assert too_quiet(-75, SETTINGS)
    assert not too_quiet(-60, SETTINGS)


@pytest.mark.parametrize(
    ("facts", "says"),
    [
        ((-0.2, 0.95, None), ""),
        ((-0.2, 0.5, None), "it may be another language"),
        ((-0.6, 0.95, None), "some words are doubtful"),
        ((-0.9, 0.5, -1.4), "it may be another language; many words are doubtful; the translation is doubtful"),
        ((-0.2, 0.95, -0.8), ""),
    ],
)
def test_doubt_in_words(facts, says):
    log_probability, probability, translated = facts
    english = None if translated is None else Written("text", translated, 0.0)
    assert doubt(Written("Text", log_probability, 0.0), probability, translated=english) == says
