"""Transcripts of one session, in memory alone (C11): what an officer may still save, and is gone with the session."""

from __future__ import annotations

from collections import deque
from typing import Final

from hub.messages import Utterance, UtteranceState

KEPT: Final = 200
"""Utterances of a session; beyond that the oldest is forgotten."""


class Transcripts:
    """The final utterances of one session."""

    def __init__(self) -> None:
        self._kept: deque[Utterance] = deque(maxlen=KEPT)

    def take(self, utterance: Utterance) -> None:
        """Remember an utterance that holds text; one that is provisional or empty is not."""
        if utterance.state is UtteranceState.UNDERSTOOD:
            self._kept.append(utterance)

    def find(self, utterance: str) -> Utterance | None:
        """Return an utterance by its identifier, None where it is not remembered."""
        return next((each for each in self._kept if each.utterance == utterance), None)

    def forget(self) -> None:
        """Forget all of them."""
        self._kept.clear()

    def __len__(self) -> int:
        return len(self._kept)
