"""What the process that decodes sound and its parent say to one another, over pipes: length, then one tagged record.

As in `hub.isolation.frames` nothing is pickled and every record has a greatest length, so a hostile decoder can send
nothing but these records. Reading and writing pipes is the work of both ends.
"""

from __future__ import annotations

from typing import Final, TypeAlias

from msgspec import Struct

from hub.isolation.pipes import Codec

MOST_SAMPLES: Final = 16_000
"""Samples of one `Sound`."""
LONGEST_RECORD: Final = 2 * MOST_SAMPLES + 64
"""Bytes."""


class OpenSound(Struct, frozen=True, tag="open"):
    """What the child is to open; sent once. Kept off the command line, where credentials would be seen by others."""

    address: str
    """Absolute path, or a stream's address with its credentials."""
    live: bool
    """True for a stream."""
    timeout: float
    """Seconds after which opening or reading is to be given up."""


class SoundReady(Struct, frozen=True, tag="ready"):
    """The child is up and waits for `OpenSound`."""


class SoundOpened(Struct, frozen=True, tag="opened"):
    """The medium is open and has a track of sound."""


class Sound(Struct, frozen=True, tag="sound"):
    """The next samples."""

    samples: bytes
    """Signed 16 bit, little endian, 16 kHz, one channel; at most `MOST_SAMPLES`."""


class SoundEnded(Struct, frozen=True, tag="ended"):
    """There is no more sound, or none at all."""

    problem: str
    """Why there is none; "" at the end of the medium."""
    damaged: int = 0
    """Pieces that could not be decoded."""


SoundMessage: TypeAlias = SoundReady | SoundOpened | Sound | SoundEnded

_codec: Final[Codec[SoundMessage, OpenSound]] = Codec(SoundMessage, OpenSound)
pack, unpack, unpack_request = _codec.pack, _codec.unpack, _codec.unpack_request
