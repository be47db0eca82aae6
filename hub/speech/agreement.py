"""Which part of a provisional text will stay: the words on which two decodes in a row agree (LocalAgreement-2).

The rule is the one of Macháček, Dabre and Bojar, "Turning Whisper into Real-Time Transcription System" (2023): the
longest common prefix of the newest two hypotheses is confirmed, and what is confirmed is not taken back.
"""

from __future__ import annotations

from msgspec import Struct

from hub.speech.words import normalise


class Provisional(Struct, frozen=True):
    """A text that may still change."""

    text: str
    confirmed: int
    """Characters from its start that two decodes agreed on."""


class Agreement:
    """Follows the hypotheses of one utterance, oldest first."""

    def __init__(self) -> None:
        self._last: list[str] = []
        self._confirmed: list[str] = []
        self._language = ""

    def take(self, text: str, language: str = "", *, sure: bool = True) -> Provisional:
        """Take the newest hypothesis in and return what is to be shown of it.

        Args:
            text: The hypothesis.
            language: Its language. In another one than before, everything begins anew.
            sure: False for one that is not to be shown: the next one may agree with it, but by it nothing is confirmed.
        """
        if language != self._language:
            self._language, self._last, self._confirmed = language, [], []
        words = text.split()
        kept = len(self._confirmed)
        agreed = 0
        for before, now in zip(self._last, words, strict=False):
            if normalise(before) != normalise(now):
                break
            agreed += 1
        if sure:
            self._confirmed += words[kept:agreed]
        self._last = words
        confirmed = " ".join(self._confirmed)
        shown = " ".join((*self._confirmed, *words[len(self._confirmed) :]))
        return Provisional(shown, len(confirmed))
