"""The pipe between `hub.capture` and its child process: records on the way in, records and raw pixels on the way out.

A message is a four-byte length, that many bytes of MessagePack, and for a `Picture` its pixels right after. Nothing
is pickled, so a hostile decoder can send nothing but these records. Reading and writing pipes is the work of both ends.
"""

from __future__ import annotations

from typing import Final, TypeAlias

from msgspec import Struct

from hub.isolation.pipes import Codec

LONGEST_RECORD: Final = 4096
"""Bytes. A child that announces more is not ours any more."""


class OpenMedium(Struct, frozen=True, tag="open"):
    """What the child is to open; sent once. Kept off the command line, where credentials would be seen by others."""

    address: str
    """Absolute path, stream address with its credentials, or number of a camera."""
    device: bool
    """True where `address` is the number of a camera."""
    live: bool
    """True where there is no end to reach."""
    timeout: float
    """Seconds after which opening or reading is to be given up."""


class Ready(Struct, frozen=True, tag="ready"):
    """The child is up and waits for `OpenMedium`."""


class Opened(Struct, frozen=True, tag="opened"):
    """The medium is open."""

    frames: int
    """Frames that its header promises; 0 where it says nothing."""


class Picture(Struct, frozen=True, tag="picture"):
    """One decoded frame; ``height * width * 3`` bytes of BGR pixels follow."""

    position: float
    """Seconds from the start of the medium, from its own timestamps; 0 for live media."""
    height: int
    width: int


class Undecodable(Struct, frozen=True, tag="undecodable"):
    """A frame that could not be decoded."""


class Ended(Struct, frozen=True, tag="ended"):
    """There are no more frames, or none at all."""

    opened: bool
    """False where the medium could not be opened."""


ChildMessage: TypeAlias = Ready | Opened | Picture | Undecodable | Ended

_codec: Final[Codec[ChildMessage, OpenMedium]] = Codec(ChildMessage, OpenMedium)
pack, unpack, unpack_request = _codec.pack, _codec.unpack, _codec.unpack_request
