"""Settings of hearing, the table ``[speech]`` of the configuration."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

Code = Annotated[str, Meta(pattern=r"^[a-z]{2,3}$")]


class SpeechSettings(Struct, frozen=True):
    """When somebody speaks, when an utterance ends, and what is taken for invented."""

    expected: tuple[Code, ...] = ()
    """Languages that are expected where nobody says otherwise, such as ``["en", "es"]``; empty for any."""
    device: str = ""
    """Name of the microphone, or a part of it; "" for the system's own."""
    begin: Annotated[float, Meta(ge=0.05, le=0.95)] = 0.5
    """Probability of speech from which a block counts as speech."""
    end: Annotated[float, Meta(ge=0.01, le=0.95)] = 0.35
    """Probability below which a block counts as silence once somebody speaks."""
    silence: Annotated[float, Meta(ge=0.1, le=5)] = 0.6
    """Seconds of silence that end an utterance."""
    least: Annotated[float, Meta(ge=0.05, le=2)] = 0.25
    """Seconds of speech below which a sound is no utterance."""
    longest: Annotated[float, Meta(ge=5, le=28)] = 24.0
    """Seconds after which an utterance is cut where it is quietest."""
    quietest: Annotated[float, Meta(ge=-120, le=0)] = -70.0
    """Level in dB of full scale below which a voice is too quiet to be understood."""
    no_speech: Annotated[float, Meta(ge=0, le=1)] = 0.6
    """Probability that nobody spoke above which a doubtful text counts as invented."""
    least_log_probability: Annotated[float, Meta(ge=-10, le=0)] = -1.0
    """Mean logarithm of a symbol's probability below which a text counts as invented."""
    most_compression: Annotated[float, Meta(ge=1, le=20)] = 2.4
    """How often smaller a text may become when it is compressed; a repeated one becomes smaller."""
    least_expected: Annotated[float, Meta(ge=0, le=1)] = 0.5
    """Probability that the expected languages must have together; otherwise it is none of them."""
    waiting: Annotated[int, Meta(ge=1, le=32)] = 4
    """Utterances of a microphone that may wait to be understood; beyond that the oldest goes."""
