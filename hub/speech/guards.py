"""Guards against invented words: whether a text may be shown, and in words what is doubtful about one that is.

Whisper writes fluent sentences about silence and noise. Each guard is a rule of its own on what is known of an
utterance; the first one that trips names the reason. Rates and thresholds on compression and probabilities follow the
ones that Whisper's authors publish with it (compression 2.4, mean log probability -1, no speech 0.6).
"""

from __future__ import annotations

import zlib
from collections import Counter
from itertools import pairwise
from typing import Final

from hub.backends import Written
from hub.speech.phantoms import NEVER_SAID, SAID_IN_DOUBT
from hub.speech.settings import SpeechSettings
from hub.speech.words import normalise

MOST_LETTERS_A_SECOND: Final = 28.0
"""Nobody says more; fast speech has about twenty."""
FREE_LETTERS: Final = 12.0
"""Letters that even the shortest utterance may have."""
GRAM: Final = 3
"""Words of a run that is looked for again."""
MOST_REPEATS: Final = 3
"""How often the same run of words may come in one utterance."""
DOUBTFUL: Final = -0.5
"""Mean log probability below which some words are doubtful."""
VERY_DOUBTFUL: Final = -0.75
DOUBTFUL_TRANSLATION: Final = -1.0
"""The same for translations, of which the model is less sure altogether."""
DOUBTFUL_LANGUAGE: Final = 0.7
PHANTOM_NO_SPEECH: Final = 0.2
"""From here on a phrase that is said, but invented more often, counts as invented."""


def too_quiet(loudness: float, settings: SpeechSettings) -> str:
    """Return why a sound is not even listened to, "" where it is.

    Args:
        loudness: Level of the voice in dB of full scale, see `hub.speech.sound.voice_level`.
        settings: Thresholds.
    """
    return "too quiet to be understood" if loudness < settings.quietest else ""


def invented(written: Written, seconds: float, settings: SpeechSettings) -> str:
    """Return why a text counts as invented, "" where it does not.

    Args:
        written: The text and what the model thinks of it.
        seconds: How long the utterance was.
        settings: Thresholds.
    """
    words = normalise(written.text).split()
    if not words:
        return "no words were heard"
    if normalise(written.text) in NEVER_SAID:
        return "a phrase that the model invents on noise"
    if repeated(written.text, settings.most_compression):
        return "the same words over and over"
    if sum(map(len, words)) > FREE_LETTERS + MOST_LETTERS_A_SECOND * seconds:
        return "more words than anybody can say in this time"
    if written.log_probability < settings.least_log_probability:
        return "the model is not sure of the words"
    if written.no_speech > settings.no_speech and written.log_probability < DOUBTFUL:
        return "probably nobody spoke"
    unsure = written.no_speech > PHANTOM_NO_SPEECH or written.log_probability < VERY_DOUBTFUL
    if unsure and normalise(written.text) in SAID_IN_DOUBT:
        return "a phrase that the model often invents on noise"
    return ""


def repeated(text: str, most_compression: float) -> bool:
    """Say whether a text repeats itself: it compresses too well, or a run of words comes too often."""
    data = text.encode()
    if len(data) / len(zlib.compress(data)) > most_compression:
        return True
    words = normalise(text).split()
    grams = Counter(tuple(words[at : at + GRAM]) for at in range(len(words) - GRAM + 1))
    if grams and max(grams.values()) > MOST_REPEATS:
        return True
    run = longest = 1
    for before, word in pairwise(words):
        run = run + 1 if word == before else 1
        longest = max(longest, run)
    return longest > MOST_REPEATS + 1


def doubt(written: Written, probability: float, *, translated: Written | None = None) -> str:
    """Return in words what is doubtful about a text that is shown, "" where nothing is.

    Args:
        written: The original.
        probability: Of its language, 0 to 1.
        translated: The translation, where there is one.
    """
    doubts = []
    if probability < DOUBTFUL_LANGUAGE:
        doubts.append("it may be another language")
    if written.log_probability < DOUBTFUL:
        doubts.append(
            "many words are doubtful" if written.log_probability < VERY_DOUBTFUL else "some words are doubtful"
        )
    if translated is not None and translated.log_probability < DOUBTFUL_TRANSLATION:
        doubts.append("the translation is doubtful")
    return "; ".join(doubts)
