"""Speech without a model: a detector that hears loudness, a transcriber with a script, and a microphone to unplug."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar, Final, TypeAlias

import numpy as np
from msgspec import Struct

from hub.backends import Hearing, LanguageGuess, Transcriber, VoiceDetector, Written
from hub.errors import CaptureError, ModelError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Samples: TypeAlias = NDArray[np.float32]

RATE: Final = 16_000
BLOCK: Final = 512


def voice(seconds: float, *, loudness: float = 0.1, seed: int = 0) -> Samples:
    """Return noise that `LoudDetector` takes for a voice, float32 at 16 kHz in whole blocks."""
    count = round(seconds * RATE / BLOCK) * BLOCK
    noise: Samples = np.random.default_rng(seed).normal(0, loudness, count).clip(-1, 1).astype(np.float32)
    return noise


def silence(seconds: float) -> Samples:
    """Return digital silence in whole blocks."""
    return np.zeros(round(seconds * RATE / BLOCK) * BLOCK, np.float32)


class LoudDetector(VoiceDetector):
    """Takes every block that is louder than -60 dB of full scale for speech."""

    name: ClassVar[str] = "loud"

    def __init__(self, *, fail_after: int = -1) -> None:
        self._left = fail_after
        self.resets = 0

    def hear(self, blocks: Samples) -> Samples:
        """Return 1 for loud blocks and 0 for others."""
        if self._left == 0:
            raise ModelError("the detector fails as its test asked")
        self._left -= 1
        return np.asarray(np.std(blocks, axis=1) > 1e-3, np.float32)

    def reset(self) -> None:
        """Count."""
        self.resets += 1


class Said(Struct, frozen=True):
    """What a scripted transcriber hears in one utterance."""

    text: str
    language: str = "de"
    english: str = "in English"
    probability: float = 0.95
    log_probability: float = -0.2
    no_speech: float = 0.05


Script: TypeAlias = Callable[[float], Said]
"""From the seconds of an utterance to what was said in it. May raise, or wait."""


class ScriptedTranscriber(Transcriber):
    """Hears what its script says.

    Args:
        script: What is said.
    """

    name: ClassVar[str] = "scripted"
    languages: frozenset[str] = frozenset({"de", "en", "es", "ko"})

    def __init__(self, script: Script) -> None:
        self._script = script
        self.calls: list[str] = []
        """``hear``, and ``write`` with the language and what was asked for, in their order."""
        self.closed = False

    def hear(self, samples: Samples) -> Hearing:
        """Take an utterance in."""
        self.calls.append("hear")
        said = self._script(len(samples) / RATE)
        other = "ko" if said.language != "ko" else "es"
        guesses = (LanguageGuess(said.language, said.probability), LanguageGuess(other, 1 - said.probability))
        return Hearing(guesses, said)

    def write(self, hearing: Hearing, language: str, *, english: bool = False, quick: bool = False) -> Written:
        """Write it down."""
        said = hearing.handle
        if self.closed or not isinstance(said, Said):
            raise ModelError("not this transcriber's hearing, or it is closed")
        self.calls.append(f"write {language}{' english' * english}{' quick' * quick}")
        return Written(said.english if english else said.text, said.log_probability, said.no_speech)

    def close(self) -> None:
        """Remember."""
        self.closed = True


class FakeMicrophone:
    """A microphone into which a test speaks, and which it can unplug; made by `open`."""

    def __init__(self) -> None:
        self.active = False
        self.opened = 0
        self.problem = ""
        """Why it does not open; "" where it does."""
        self.gate = threading.Event()
        """Cleared, opening waits for it."""
        self.gate.set()
        self._on_sound: Callable[[Samples], None] | None = None

    def open(self, on_sound: Callable[[Samples], None]) -> FakeMicrophone:
        """Open it."""
        self.gate.wait(10)
        if self.problem:
            raise CaptureError(self.problem)
        self._on_sound = on_sound
        self.opened += 1
        return self

    def speak(self, samples: Samples) -> None:
        """Say something into it, in the pieces in which PortAudio would."""
        if self._on_sound is None or not self.active:
            raise AssertionError("nobody listens to this microphone")
        for at in range(0, len(samples), BLOCK):
            self._on_sound(samples[at : at + BLOCK])

    def unplug(self) -> None:
        """End its stream, as PortAudio does where a device goes away."""
        self.active = False

    def __enter__(self) -> FakeMicrophone:
        self.active = True
        return self

    def __exit__(self, *error: object) -> None:
        self.active = False
