"""Cuts a stream of 32 ms blocks into utterances by their probabilities of speech.

A state machine without a clock: the same blocks give the same utterances, however they arrive. It holds at most one
utterance's samples and a short piece before it.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np
from msgspec import Struct

from hub.speech.settings import SpeechSettings
from hub.speech.sound import BLOCK_SECONDS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Samples: TypeAlias = NDArray[np.float32]
    _Block: TypeAlias = tuple[float, Samples, float]

LEAD: Final = 0.5
"""Seconds before the first block of speech that belong to it: a voice begins softly, and a few more words are
right than with less."""
TRAIL: Final = 0.5
"""Seconds after the last block of speech that belong to it."""
SEARCH: Final = 5.0
"""Seconds, from the end of an utterance that grew too long, in which it may be cut."""
HOLE: Final = 2
"""Blocks that were lost in a row after which what follows is no longer the same utterance."""


class Piece(Struct, frozen=True, eq=False):
    """One utterance's sound."""

    number: int
    """Counts utterances of a stream from 1."""
    start: float
    """Seconds from the start of the stream."""
    end: float
    samples: Samples
    """float32 at 16 kHz."""


class Cutter:
    """Takes blocks in and gives utterances out.

    Args:
        settings: When somebody speaks.
    """

    def __init__(self, settings: SpeechSettings) -> None:
        self._settings = settings
        self._lead: deque[_Block] = deque(maxlen=round(LEAD / BLOCK_SECONDS))
        self._blocks: list[_Block] = []
        self._spoken = 0
        self._quiet = 0
        self._number = 1
        self.ignored = 0
        """Sounds that were too short for an utterance."""

    @property
    def speaking(self) -> bool:
        """Whether somebody speaks now, as far as can be told."""
        return bool(self._blocks) and self._long_enough

    @property
    def pausing(self) -> bool:
        """Whether the utterance that has begun may have ended: the last block was silence."""
        return self._quiet > 0

    @property
    def spoken(self) -> float:
        """Seconds of the utterance that has begun, 0 where none has."""
        return len(self._blocks) * BLOCK_SECONDS if self.speaking else 0.0

    def take(self, start: float, samples: Samples, probability: float) -> Piece | None:
        """Take the next block in.

        Args:
            start: Seconds from the start of the stream at which it begins.
            samples: float32 [512]; kept.
            probability: Of speech in it, 0 to 1.

        Returns:
            The utterance that has ended with it, or None.
        """
        ended = self._hole(start)
        if not self._blocks:
            self._wait(start, samples, probability)
            return ended
        self._blocks.append((start, samples, probability))
        if probability >= self._settings.begin:
            self._spoken += 1
            self._quiet = 0
        elif self._quiet or probability < self._settings.end:
            self._quiet += 1
        else:
            self._spoken += 1
        if self._quiet * BLOCK_SECONDS >= self._settings.silence:
            return self.finish()
        if len(self._blocks) * BLOCK_SECONDS >= self._settings.longest:
            return self._split()
        return None

    def now(self) -> Piece | None:
        """Return what was said until now of the utterance that has begun, or None; nothing changes."""
        return self._piece(len(self._blocks)) if self.speaking else None

    def finish(self) -> Piece | None:
        """End the utterance that has begun, and return it; None where there is none, or it was too short."""
        keep = len(self._blocks) - max(0, self._quiet - round(TRAIL / BLOCK_SECONDS))
        piece = self._piece(keep) if self.speaking else None
        self.ignored += bool(self._blocks) and piece is None
        self._lead.extend(self._blocks[keep:])
        self._blocks = []
        self._spoken = self._quiet = 0
        self._number += piece is not None
        return piece

    @property
    def _long_enough(self) -> bool:
        return self._spoken * BLOCK_SECONDS >= self._settings.least

    def _hole(self, start: float) -> Piece | None:
        """End what has begun where blocks are missing before this one."""
        last = self._blocks[-1] if self._blocks else self._lead[-1] if self._lead else None
        if last is None or start - last[0] < (HOLE + 0.5) * BLOCK_SECONDS:
            return None
        piece = self.finish()
        self._lead.clear()
        return piece

    def _wait(self, start: float, samples: Samples, probability: float) -> None:
        if probability < self._settings.begin:
            self._lead.append((start, samples, probability))
            return
        self._blocks = [*self._lead, (start, samples, probability)]
        self._spoken, self._quiet = 1, 0
        self._lead.clear()

    def _split(self) -> Piece | None:
        """Cut an utterance that grew too long where it is quietest, and go on with the rest."""
        window = self._blocks[-round(SEARCH / BLOCK_SECONDS) : -1]
        quietest = min(range(len(window)), key=lambda number: window[number][2])
        keep = len(self._blocks) - len(window) + quietest
        piece = self._piece(keep)
        self._blocks = self._blocks[keep:]
        self._spoken = sum(probability >= self._settings.begin for *_, probability in self._blocks)
        self._quiet = 0
        self._number += 1
        return piece

    def _piece(self, count: int) -> Piece:
        samples = np.concatenate([samples for _, samples, _ in self._blocks[:count]])
        start = self._blocks[0][0]
        return Piece(self._number, start, self._blocks[count - 1][0] + BLOCK_SECONDS, samples)
