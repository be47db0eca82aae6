"""The pipe between `hub.capture` and its child process: records on the way in, records and raw pixels on the way out.

A message is a four-byte length, that many bytes of MessagePack, and for a `Picture` its pixels right after. Nothing
is pickled, so a hostile decoder can send nothing but these records. Reading and writing pipes is the work of both ends.
"""

from __future__ import annotations

import struct
from typing import Final, TypeAlias

import msgspec
from msgspec import Struct

LENGTH: Final = struct.Struct("<I")
"""What stands before each record: its length in bytes."""

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

_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final[msgspec.msgpack.Decoder[ChildMessage]] = msgspec.msgpack.Decoder(ChildMessage)
_request_decoder: Final = msgspec.msgpack.Decoder(OpenMedium)


def pack(message: ChildMessage | OpenMedium) -> bytes:
    """Return a record with its length before it."""
    body = _encoder.encode(message)
    return LENGTH.pack(len(body)) + body


def unpack(body: bytes | bytearray) -> ChildMessage:
    """Return the record that a child sent, without its length.

    Raises:
        msgspec.DecodeError: It is none of ours.
    """
    return _decoder.decode(body)


def unpack_request(body: bytes) -> OpenMedium:
    """Return the request that a parent sent, without its length.

    Raises:
        msgspec.DecodeError: It is none of ours.
    """
    return _request_decoder.decode(body)
